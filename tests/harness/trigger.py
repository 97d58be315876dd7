"""Triggers: a phone's UDP socket, and the datagram taken apart by a reader of its own (WSP, EMN, the MAC)."""
import base64
import calendar
import hashlib
import hmac
import select
import socket
import struct

PATIENCE = 60
EMN_UA, SPMODE = 0x09, 0x905C
MAC_HEADER = b"x-hato-mac\0"
SUFFIX = {0x85: ".com", 0x86: ".edu", 0x87: ".net", 0x88: ".org"}


class Trigger:
    """One datagram, decoded strictly: what is not as protocols say is an AssertionError."""

    def __init__(self, datagram, source=None):
        self.datagram, self.source = datagram, source
        self.tid, kind, length = datagram[0], datagram[1], datagram[2]
        assert kind == 0x06 and length < 0x80, datagram.hex()
        headers, body = datagram[3:3 + length], datagram[3 + length:]
        assert headers[:4] == bytes.fromhex("0302030a"), headers.hex()
        self._headers(headers[4:])
        self._emn(body)

    def _headers(self, rest):
        """X-Wap-Application-Id comes first, as handsets want it; then perhaps the MAC; nothing else."""
        if rest[:2] == b"\xaf\x89":
            self.application, rest = EMN_UA, rest[2:]
        else:
            assert rest[:4] == bytes.fromhex("af02905c"), rest.hex()
            self.application, rest = SPMODE, rest[4:]
        self.mac = None
        if rest:
            assert rest.startswith(MAC_HEADER) and rest.endswith(b"\0"), rest
            self.mac = rest[len(MAC_HEADER):-1]
            assert len(self.mac) == 11, rest

    def _emn(self, body):
        self.emn = body
        assert body[:6] == bytes.fromhex("030d6a008507") and body[6] == 0x03, body.hex()
        end = body.index(0, 7)
        self.mailbox = "mailat:" + body[7:end].decode()
        rest = body[end + 1:]
        if rest[0] in SUFFIX:
            self.mailbox += SUFFIX[rest[0]]
            rest = rest[1:]
        assert rest[:2] == b"\x05\xc3" and rest[-1] == 1, rest.hex()
        digits = rest[3:3 + rest[2]]
        assert len(rest) == 4 + len(digits) and 4 <= len(digits) <= 7 and digits[-1] != 0, rest.hex()
        text = (digits + bytes(7 - len(digits))).hex()
        self.timestamp = calendar.timegm((int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]),
                                          int(text[10:12]), int(text[12:14]), 0, 0, 0))
        self.timestamp_text = "%s-%s-%sT%s:%s:%sZ" % (text[:4], text[4:6], text[6:8], text[8:10], text[10:12], text[12:])

    def mac_under(self, key, realm, generation):
        """The MAC that design.md 6 says, under the trigger's key as the token's answer has it (base64url)."""
        octets = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
        blank = self.datagram.replace(MAC_HEADER + self.mac, MAC_HEADER + b"A" * 11, 1)
        said = b"hato-trigger-1\0" + realm.encode() + b"\0" + struct.pack(">I", generation) + blank
        return base64.urlsafe_b64encode(hmac.new(octets, said, hashlib.sha256).digest()[:8]).rstrip(b"=")

    def is_signed_for(self, answer):
        """answer: `trigger` of the token's answer."""
        return self.mac is not None and self.mac == self.mac_under(answer["key"], answer["realm"], answer["generation"])


class Listener:
    """The UDP socket of a phone at an address."""

    def __init__(self, ip, port):
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((ip, port))
        self.address = (ip, port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def next(self, patience=PATIENCE):
        """The next trigger; an AssertionError if none comes."""
        self.socket.settimeout(patience)
        try:
            datagram, source = self.socket.recvfrom(2048)
        except TimeoutError:
            raise AssertionError("no trigger at %s within %s s" % (self.address[0], patience)) from None
        return Trigger(datagram, source)

    def waiting(self):
        """What has come already, without waiting."""
        out = []
        while select.select([self.socket], [], [], 0)[0]:
            out.append(Trigger(*self.socket.recvfrom(2048)))
        return out

"""RADIUS as a NAS speaks it: packets made and proved here, by hashlib alone, and radclient from freeradius-utils."""
import hashlib
import hmac
import os
import socket
import struct
import subprocess

from harness.system import PATIENCE

START, STOP, INTERIM, ON, OFF = 1, 2, 3, 7, 8
ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE = 4, 5
DISCONNECT_REQUEST, COA_REQUEST = 40, 43
ZEROES = bytes(16)


def attribute(kind, value):
    if isinstance(value, int):
        value = struct.pack(">I", value)
    elif isinstance(value, str):
        value = value.encode()
    return bytes([kind, len(value) + 2]) + value


def ipv4(text):
    return socket.inet_aton(text)


def prefix(text):
    address, bits = text.split("/")
    return bytes([0, int(bits)]) + socket.inet_pton(socket.AF_INET6, address)[:(int(bits) + 7) // 8]


def vsa(kind, value):
    """Of the 3GPP."""
    return attribute(26, struct.pack(">I", 10415) + attribute(kind, value))


def packet(code, identifier, body, secret, authenticator=ZEROES):
    """authenticator: zeroes in a request, the request's in an answer."""
    head = struct.pack(">BBH", code, identifier, 20 + len(body))
    return head + hashlib.md5(head + authenticator + body + secret).digest() + body


def sign(code, identifier, body, secret, authenticator=ZEROES):
    """The body with a Message-Authenticator behind it."""
    head = struct.pack(">BBH", code, identifier, 20 + len(body) + 18)
    mac = hmac.new(secret, head + authenticator + body + attribute(80, ZEROES), "md5").digest()
    return body + attribute(80, mac)


def attributes(octets):
    out, at = [], 20
    while at < len(octets):
        out.append((octets[at], octets[at + 2:at + octets[at + 1]]))
        at += octets[at + 1]
    return out


def is_proved(octets, secret, authenticator=ZEROES):
    """Authenticator and, where there is one, Message-Authenticator."""
    if hashlib.md5(octets[:4] + authenticator + octets[20:] + secret).digest() != octets[4:20]:
        return False
    at = 20
    while at < len(octets):
        if octets[at] == 80:
            zeroed = octets[:4] + authenticator + octets[20:at + 2] + ZEROES + octets[at + 18:]
            if hmac.new(secret, zeroed, "md5").digest() != octets[at + 2:at + 18]:
                return False
        at += octets[at + 1]
    return True


class Nas:
    """A NAS with a socket of its own. Fields of an event: ip, ip6 (prefix), msisdn, imsi, session, at (Event-Timestamp), delay,
    and more (octets)."""

    def __init__(self, hato, name="pgw1", source="127.0.0.1", secret=None, host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.socket.settimeout(PATIENCE)
        self.server = (host, hato.port("authsrv.radius_port"))
        self.secret = secret or (hato.dir / "state" / "radius.secret").read_text().strip().encode()
        self.name = name
        self.identifier = 0

    def close(self):
        self.socket.close()

    def body(self, status, ip=None, ip6=None, msisdn=None, imsi=None, session=None, at=None, delay=None, more=b""):
        out = attribute(40, status)
        if self.name:
            out += attribute(32, self.name)
        if session:
            out += attribute(44, session)
        if ip:
            out += attribute(8, ipv4(ip))
        if ip6:
            out += attribute(97, prefix(ip6))
        if msisdn:
            out += attribute(31, msisdn)
        if imsi:
            out += vsa(1, imsi)
        if at is not None:
            out += attribute(55, int(at))
        if delay is not None:
            out += attribute(41, delay)
        return out + more

    def make(self, status, **fields):
        self.identifier = (self.identifier + 1) % 256
        return packet(ACCOUNTING_REQUEST, self.identifier, self.body(status, **fields), self.secret)

    def send(self, octets):
        self.socket.sendto(octets, self.server)
        return octets

    def answer(self, request):
        """The answer to this request; it proves itself."""
        while True:
            octets = self.socket.recv(4096)
            if octets[1] == request[1]:
                break
        assert octets[0] == ACCOUNTING_RESPONSE, octets[0]
        assert is_proved(octets, self.secret, request[4:20]), "the answer does not prove itself"
        return octets

    def tell(self, status, **fields):
        """Sends and waits for the answer: what it told is committed then."""
        return self.answer(self.send(self.make(status, **fields)))

    def is_silent(self):
        """Nothing has come. Only after something later was answered, or counted."""
        self.socket.setblocking(False)
        try:
            self.socket.recv(4096)
            return False
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)


def radclient(hato, requests, *options):
    """Attribute lists ("Name = value, ..."), a line each, sent and answered; its summary."""
    secret = (hato.dir / "state" / "radius.secret").read_text().strip()
    run = subprocess.run(["radclient", "-s", *options, "127.0.0.1:%d" % hato.port("authsrv.radius_port"), "acct", secret],
                         input="\n\n".join(requests) + "\n", capture_output=True, text=True, timeout=PATIENCE * 2,
                         env={**os.environ, "LC_ALL": "C.UTF-8"})
    return run.returncode, run.stdout + run.stderr

"""Phones on smsc-sim's radio side, as simple as they can be: TPDUs are kept as octets for the test to look at."""
import socket
import struct

from harness.system import PATIENCE

ATTACH, DETACH, RP, ATTACHED = 1, 2, 3, 4
MEMORY_EXCEEDED = 22


def swapped(digits):
    padded = digits + "f" * (len(digits) % 2)
    return bytes(int(padded[i + 1] + padded[i], 16) for i in range(0, len(padded), 2))


def digits_of(octets, count):
    return "".join("%x%x" % (o & 15, o >> 4) for o in octets)[:count]


class Tpdu:
    """An SMS-DELIVER."""

    def __init__(self, octets):
        self.octets = octets
        self.first = octets[0]
        self.has_udh = bool(self.first & 0x40)
        self.more_waiting = not self.first & 0x04
        n = octets[1]
        self.source_type = octets[2]
        length = (n + 1) // 2
        self.source = digits_of(octets[3:3 + length], n)
        at = 3 + length
        self.pid, self.dcs = octets[at], octets[at + 1]
        self.scts = octets[at + 2:at + 9]
        self.udl = octets[at + 9]
        self.ud = octets[at + 10:]
        self.udh = self.ud[:self.ud[0] + 1] if self.has_udh else b""
        self.body = self.ud[len(self.udh):]


class Air:
    """One radio connection with any number of phones."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.kept = []
        self.heard = []  # the RP messages, for a judge

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, kind, number, payload=b""):
        body = bytes([kind, len(number)]) + number.encode() + payload
        self.socket.sendall(struct.pack(">H", len(body)) + body)

    def read(self):
        """(kind, number, payload); None: closed."""
        while len(self.buffer) < 2 or len(self.buffer) < 2 + struct.unpack(">H", self.buffer[:2])[0]:
            got = self.socket.recv(65536)
            if not got:
                return None
            self.buffer += got
        length = struct.unpack(">H", self.buffer[:2])[0]
        body, self.buffer = self.buffer[2:2 + length], self.buffer[2 + length:]
        if body[0] == RP:
            self.heard.append(body[2 + body[1]:])
        return body[0], body[2:2 + body[1]].decode(), body[2 + body[1]:]

    def next(self, kind, number):
        for i, f in enumerate(self.kept):
            if f[0] == kind and f[1] == number:
                return self.kept.pop(i)[2]
        while True:
            f = self.read()
            if f is None:
                raise AssertionError("the radio side closed")
            if f[0] == kind and f[1] == number:
                return f[2]
            self.kept.append(f)

    def attach(self, number, imsi=""):
        self.send(ATTACH, number, imsi.encode())
        return self.next(ATTACHED, number)[0]

    def detach(self, number):
        self.send(DETACH, number)

    def rp_data(self, number):
        """(reference, TPDU octets) of the next RP-DATA to the phone."""
        rp = self.next(RP, number)
        assert rp[0] == 1, rp.hex()  # RP-DATA, network to mobile
        at = 2
        at += 1 + rp[at]  # originator
        at += 1 + rp[at]  # destination
        return rp[1], rp[at + 1:at + 1 + rp[at]]

    def ack(self, number, reference):
        self.send(RP, number, bytes([2, reference]))

    def error(self, number, reference, cause):
        self.send(RP, number, bytes([4, reference, 1, cause]))

    def memory_available(self, number, reference=1):
        self.send(RP, number, bytes([6, reference]))

    def deliver(self, number):
        """The next SMS-DELIVER, acknowledged."""
        reference, tpdu = self.rp_data(number)
        self.ack(number, reference)
        return Tpdu(tpdu)

    def submit(self, number, tpdu, reference=1, centre="81900000000"):
        """RP-DATA(SMS-SUBMIT); the RP message that answers it."""
        address = b"\x91" + swapped(centre)
        self.send(RP, number, bytes([0, reference, 0, len(address)]) + address + bytes([len(tpdu)]) + tpdu)
        others = []
        while True:
            rp = self.next(RP, number)
            if rp[0] in (3, 5) and rp[1] == reference:
                self.kept = others + self.kept
                return rp
            others.append((RP, number, rp))


def sms_submit(to, octets, dcs=4, report=False, reference=7, udh=b"", validity=None):
    first = 1 | (0x20 if report else 0) | (0x40 if udh else 0) | (0x10 if validity is not None else 0)
    out = bytes([first, reference, len(to), 0x91]) + swapped(to) + bytes([0, dcs])
    if validity is not None:
        out += bytes([validity])
    return out + bytes([len(udh) + len(octets)]) + udh + octets

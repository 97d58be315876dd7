"""The other side of a phone's radio: frames, the RP layer and TPDUs, written and read here by hand (TS 24.011, TS 23.040), so
that a phone meets octets which are not our own encoder's."""
import contextlib
import itertools
import socket
import struct
import threading
import time

from harness.system import PATIENCE

ATTACH, DETACH, RP, ATTACHED = 1, 2, 3, 4
MO_DATA, MT_DATA, MO_ACK, MT_ACK, MO_ERROR, MT_ERROR, SMMA = range(7)
CENTRE = "81900000000"
PORTS = bytes.fromhex("0605040b8423f0")


def semi_octets(digits):
    digits += "f" * (len(digits) % 2)
    return bytes(int(digits[i + 1] + digits[i], 16) for i in range(0, len(digits), 2))


def digits_of(octets):
    return "".join("%x%x" % (o & 15, o >> 4) for o in octets).rstrip("f")


def emn_push(mailbox, timestamp, tid=0xf1):
    """A push with an EMN, unsigned: what anybody can write. mailbox without a suffix that has a token. The TID is one that
    pushsrv, which counts from 0, does not reach in a test: a report of it is not of something that was really sent."""
    stamp = bytes.fromhex(time.strftime("%Y%m%d%H%M%S", time.gmtime(timestamp))).rstrip(b"\0")
    return (bytes([tid]) + bytes.fromhex("06060302030aaf89030d6a00850703") + mailbox.encode() + b"\0\x05\xc3"
            + bytes([len(stamp)]) + stamp + b"\x01")


def deliver(octets, udh=PORTS, dcs=0xf5, sender=CENTRE):
    """SMS-DELIVER of binary user data."""
    stamp = time.strftime("%y%m%d%H%M%S", time.gmtime())
    data = udh + octets
    assert len(data) <= 140
    return (bytes([0x44 if udh else 0x04, len(sender), 0x91]) + semi_octets(sender) + bytes([0, dcs]) + semi_octets(stamp)
            + b"\0" + bytes([len(data)]) + data)


def parts(octets, reference, size=128):
    """Each with the ports and a concatenation of 8 bits."""
    pieces = [octets[i:i + size] for i in range(0, len(octets), size)]
    return [deliver(piece, bytes.fromhex("0b05040b8423f00003") + bytes([reference, len(pieces), n]))
            for n, piece in enumerate(pieces, 1)]


class Submit:
    """SMS-SUBMIT without a header: text in the 7-bit alphabet is not unpacked here, UCS-2 is."""

    def __init__(self, tpdu):
        assert tpdu[0] & 3 == 1, tpdu.hex()
        self.rejects_duplicates, self.has_udh, validity = bool(tpdu[0] & 4), bool(tpdu[0] & 64), tpdu[0] >> 3 & 3
        self.reference, n = tpdu[1], tpdu[2]
        end = 4 + (n + 1) // 2
        assert tpdu[3] == 0x91, tpdu.hex()
        self.to = digits_of(tpdu[4:end])
        self.pid, self.dcs = tpdu[end], tpdu[end + 1]
        end += 2 + {0: 0, 2: 1, 1: 7, 3: 7}[validity]
        self.length, self.data = tpdu[end], tpdu[end + 1:]


class ServiceCentre:
    """A listener that takes one simulator's phones. What they say is kept; RP-DATA of theirs is acknowledged."""

    def __init__(self, acknowledges=True):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.acknowledges = acknowledges
        self.references = itertools.count(1)
        self.changed = threading.Condition()
        self.attached, self.said, self.link = {}, [], None
        self.closing = False
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing = True
        self.cut()
        self.listener.close()

    def cut(self):
        with self.changed:
            if self.link:
                with contextlib.suppress(OSError):  # the simulator may have ended
                    self.link.shutdown(socket.SHUT_RDWR)

    def _serve(self):
        while not self.closing:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            with self.changed:
                self.link = link
            try:
                with link, link.makefile("rb") as stream:
                    self._read(stream)
            except OSError:
                pass
            with self.changed:
                self.link = None
                self.attached.clear()
                self.changed.notify_all()

    def _read(self, stream):
        while True:
            head = stream.read(2)
            if len(head) < 2:
                return
            frame = stream.read(struct.unpack(">H", head)[0])
            kind, n = frame[0], frame[1]
            self._heard(kind, frame[2:2 + n].decode(), frame[2 + n:])

    def _heard(self, kind, number, payload):
        with self.changed:
            if kind == ATTACH:
                self.attached[number] = payload.decode()
                self._send(ATTACHED, number, b"\0")
            elif kind == DETACH:
                self.attached.pop(number, None)
            elif kind == RP:
                self.said.append((number, payload))
                if payload[0] in (MO_DATA, SMMA) and self.acknowledges:
                    self._send(RP, number, bytes([MT_ACK, payload[1]]))
            self.changed.notify_all()

    def _send(self, kind, number, payload):
        body = bytes([kind, len(number)]) + number.encode() + payload
        self.link.sendall(struct.pack(">H", len(body)) + body)

    # ---- what a test does ----

    def wait(self, what, ask):
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while True:
                found = ask()
                if found:
                    return found
                assert self.changed.wait(deadline - time.monotonic()), "not heard: " + what

    def send(self, number, tpdu):
        """RP-DATA to a phone; its reference."""
        reference = next(self.references) % 256
        with self.changed:
            self._send(RP, number, bytes([MT_DATA, reference, 1 + (len(CENTRE) + 1) // 2, 0x91]) + semi_octets(CENTRE)
                       + b"\0" + bytes([len(tpdu)]) + tpdu)
        return reference

    def answer(self, number, reference):
        """What the phone answers to it: an RP message."""
        def ask():
            return [p for n, p in self.said if n == number and p[0] in (MO_ACK, MO_ERROR) and p[1] == reference]
        return self.wait("an answer of %s to %d" % (number, reference), ask)[0]

    def submits(self):
        """(number, SMS-SUBMIT) of all RP-DATA that phones have sent."""
        with self.changed:
            said = [(n, p) for n, p in self.said if p[0] == MO_DATA]
        out = []
        for number, payload in said:
            assert payload[2] == 0 and digits_of(payload[5:4 + payload[3]]) == CENTRE, payload.hex()
            at = 4 + payload[3]  # no originator, the centre's number; then the TPDU's length
            assert len(payload) == at + 1 + payload[at], payload.hex()
            out.append((number, Submit(payload[at + 1:])))
        return out

    def deliver(self, number, tpdu):
        return self.answer(number, self.send(number, tpdu))

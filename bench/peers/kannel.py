"""Kannel's bearerbox as an ESME, driven as its smsbox would drive it: the box protocol over TCP."""
import pathlib
import socket
import struct
import subprocess
import tempfile
import time
import uuid

from harness.system import PATIENCE, eventually

HEARTBEAT, ADMIN, SMS, ACK = 0, 1, 2, 3
IDENTIFY = 3
MT_PUSH = 2
DATA_8BIT = 1
UNSET = struct.pack(">i", -1)
DLR_DELIVERED, DLR_FAILED = 1, 2
NUMBERS = ("time", "sms_type", "mclass", "mwi", "coding", "compress", "validity", "deferred", "dlr_mask")
FIELDS = ("sender", "receiver", "udhdata", "msgdata", "time", "smsc_id", "smsc_number", "foreign_id", "service", "account",
          "id") + NUMBERS[1:]

CONFIG = """
group = core
admin-port = %(admin)d
admin-interface = 127.0.0.1
admin-password = bench
smsbox-port = %(box)d
smsbox-interface = 127.0.0.1
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
log-file = "%(log)s"
log-level = 1
dlr-storage = internal

group = smsbox
bearerbox-host = 127.0.0.1

group = smsc
smsc = smpp
smsc-id = bench
host = 127.0.0.1
port = %(smpp)d
transceiver-mode = true
smsc-username = "%(system_id)s"
smsc-password = "%(password)s"
system-type = ""
address-range = ""
max-pending-submits = %(window)d
enquire-link-interval = 30
"""


def number(value):
    return struct.pack(">i", value)


def octets(value):
    return UNSET if value is None else number(len(value)) + value


def framed(body):
    return number(len(body)) + body


class Bearerbox:
    """`with Bearerbox(...) as box:` is bound; `box.submit`, then `box.read` hands out what comes."""

    def __init__(self, smpp_port, system_id, password, window, ports):
        self.folder = tempfile.TemporaryDirectory(prefix="hato-kannel-")
        self.log = pathlib.Path(self.folder.name) / "log"
        self.box_port = ports[1]
        config = pathlib.Path(self.folder.name) / "kannel.conf"
        config.write_text(CONFIG % {"admin": ports[0], "box": ports[1], "log": self.log, "smpp": smpp_port,
                                    "system_id": system_id, "password": password, "window": window})
        self.config = config
        self.socket, self.buffer, self.count = None, b"", 0

    def __enter__(self):
        self.process = subprocess.Popen(["bearerbox", "-v", "4", str(self.config)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder.name)
        self.socket = eventually("bearerbox takes connections", self.connect)
        self.socket.sendall(framed(number(ADMIN) + number(IDENTIFY) + octets(b"bench") + number(0)))
        return self

    def connect(self):
        if self.process.poll() is not None:
            raise AssertionError("bearerbox ended: %s" % self.said())
        try:
            return socket.create_connection(("127.0.0.1", self.box_port), timeout=PATIENCE)
        except ConnectionRefusedError:
            return None

    def said(self):
        return self.log.read_text()[-2000:] if self.log.exists() else ""

    def __exit__(self, *_):
        if self.socket:
            self.socket.close()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def message(self, receiver, udh, data):
        """An mt_push that wants a receipt, packed field by field as msg-decl.h lists them."""
        self.count += 1
        return framed(number(SMS) + octets(b"SPMAIL") + octets(receiver) + octets(udh) + octets(data)
                      + number(int(time.time())) + octets(None) * 4 + octets(b"bench")
                      + octets(str(uuid.UUID(int=self.count, version=4)).encode())
                      + number(MT_PUSH) + UNSET * 2 + number(DATA_8BIT) + UNSET * 3
                      + number(DLR_DELIVERED | DLR_FAILED) + octets(b"x") + UNSET * 3 + octets(None)
                      + octets(b"bench") + octets(None) + UNSET + UNSET * 3 + octets(None))

    def submit(self, packed):
        self.socket.sendall(packed)

    def read(self):
        """(acknowledged, reports) of what one read brought; the reports are acknowledged."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise AssertionError("bearerbox closed: %s" % self.said())
        self.buffer += data
        acknowledged, reports, answers, at = 0, [], [], 0
        while len(self.buffer) - at >= 4:
            length = struct.unpack_from(">i", self.buffer, at)[0]
            if len(self.buffer) - at - 4 < length:
                break
            body = self.buffer[at + 4:at + 4 + length]
            at += 4 + length
            kind = struct.unpack_from(">i", body)[0]
            acknowledged += kind == ACK
            if kind == SMS:
                fields = self.fields(body)
                reports.append(fields)
                answers.append(framed(number(ACK) + number(0) + number(0) + octets(fields["id"])))
        self.buffer = self.buffer[at:]
        if answers:
            self.socket.sendall(b"".join(answers))
        return acknowledged, reports

    @staticmethod
    def fields(body):
        """The first fields of an sms, as far as a report is read."""
        at, got = 4, {}
        for name in FIELDS:
            value = struct.unpack_from(">i", body, at)[0]
            at += 4
            if name in NUMBERS:
                got[name] = value
            else:
                got[name] = body[at:at + value] if value >= 0 else None
                at += max(value, 0)
        return got

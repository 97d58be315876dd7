"""A small SMPP 3.4 of the tests' own: frames, a few bodies, and an ESME that waits for what it expects.

It shares nothing with lib/wire: what both agree on is the standard.
"""
import socket
import ssl
import struct

from harness.system import PATIENCE

BIND_RECEIVER, BIND_TRANSMITTER, QUERY_SM, SUBMIT_SM, DELIVER_SM, UNBIND = 1, 2, 3, 4, 5, 6
REPLACE_SM, CANCEL_SM, BIND_TRANSCEIVER, OUTBIND, ENQUIRE_LINK, SUBMIT_MULTI = 7, 8, 9, 0xB, 0x15, 0x21
DATA_SM, GENERIC_NACK, RESPONSE = 0x103, 0x80000000, 0x80000000

OK, INVMSGLEN, INVCMDLEN, INVCMDID, INVBNDSTS, ALYBND, SYSERR = 0, 1, 2, 3, 4, 5, 8
INVSRCADR, INVDSTADR, INVMSGID, BINDFAIL, INVPASWD, INVSYSID = 0xA, 0xB, 0xC, 0xD, 0xE, 0xF
CANCELFAIL, REPLACEFAIL, MSGQFUL, INVESMCLASS, THROTTLED = 0x11, 0x13, 0x14, 0x43, 0x58
DELIVERYFAILURE, INVEXPIRY, INVOPTPARSTREAM, OPTPARNOTALLWD, INVPARLEN = 0xFE, 0x62, 0xC0, 0xC1, 0xC2

ENROUTE, DELIVERED, EXPIRED, DELETED, UNDELIVERABLE = 1, 2, 3, 4, 5

SOURCE_PORT, DESTINATION_PORT, SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER = 0x20A, 0x20B, 0x20C, 0x20E, 0x20F
RECEIPTED_ID, MESSAGE_STATE, NETWORK_ERROR, PAYLOAD = 0x1E, 0x427, 0x423, 0x424


def cstring(text):
    return (text.encode("latin-1") if isinstance(text, str) else text) + b"\0"


def tlv(tag, value):
    return struct.pack(">HH", tag, len(value)) + value


def frame(command, status=0, sequence=1, body=b""):
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


class Pdu:
    def __init__(self, command, status, sequence, body):
        self.command, self.status, self.sequence, self.body = command, status, sequence, body

    def __repr__(self):
        return "<pdu %08x status %#x sequence %d %s>" % (self.command, self.status, self.sequence, self.body.hex())

    def fields(self, layout):
        """Of a body: 's' a C string, 'b' an octet, 'm' a short message; the TLVs follow as a dictionary."""
        at, out = 0, []
        for kind in layout:
            if kind == "s":
                end = self.body.index(b"\0", at)
                out.append(self.body[at:end].decode("latin-1"))
                at = end + 1
            elif kind == "b":
                out.append(self.body[at])
                at += 1
            else:
                length = self.body[at]
                out.append(self.body[at + 1:at + 1 + length])
                at += 1 + length
        tlvs = {}
        while at < len(self.body):
            tag, length = struct.unpack_from(">HH", self.body, at)
            tlvs[tag] = self.body[at + 4:at + 4 + length]
            at += 4 + length
        return out + [tlvs]


class Deliver:
    """A deliver_sm (or submit_sm), taken apart."""

    def __init__(self, pdu):
        (self.service_type, self.source_ton, self.source_npi, self.source, self.destination_ton, self.destination_npi,
         self.destination, self.esm_class, self.protocol_id, self.priority, self.schedule, self.validity,
         self.registered, self.replace, self.data_coding, self.default_id, self.message,
         self.tlvs) = pdu.fields("sbbsbbsbbbssbbbbm")
        self.sequence = pdu.sequence
        self.text = self.message.decode("latin-1")
        self.is_receipt = self.esm_class & 0x3C == 0x04
        self.is_intermediate = self.esm_class & 0x3C == 0x20
        self.receipt = {}
        if self.is_receipt or self.is_intermediate:
            for name in ("id", "sub", "dlvrd", "stat", "err"):
                self.receipt[name] = self.text.split(" %s:" % name if name != "id" else "id:", 1)[1].split(" ")[0]
            self.state = self.tlvs[MESSAGE_STATE][0] if MESSAGE_STATE in self.tlvs else None


def submit_body(source, destination, message=b"", *, service_type="", source_ton=None, source_npi=1, esm_class=0,
                protocol_id=0, priority=0, schedule="", validity="", registered=0, replace=0, coding=0, default_id=0,
                destinations=None, tlvs=b"", destination_ton=1):
    if source_ton is None:
        source_ton = 1 if source[:1].isdigit() else 5
    body = cstring(service_type) + bytes([source_ton, 0 if source_ton == 5 else source_npi]) + cstring(source)
    if destinations is None:
        body += bytes([destination_ton, 1]) + cstring(destination)
    else:
        body += bytes([len(destinations)])
        for one in destinations:
            body += b"\1\1\1" + cstring(one)
    return (body + bytes([esm_class, protocol_id, priority]) + cstring(schedule) + cstring(validity)
            + bytes([registered, replace, coding, default_id, len(message)]) + message + tlvs)


def data_body(source, destination, message, *, esm_class=0, registered=0, coding=4, tlvs=b""):
    return (cstring("") + b"\1\1" + cstring(source) + b"\1\1" + cstring(destination)
            + bytes([esm_class, registered, coding]) + tlvs + tlv(PAYLOAD, message))


class Esme:
    """A connection to an SMSC. Requests of the SMSC that come while something else is awaited are kept."""

    def __init__(self, port, tls=False, connection=None):
        self.socket = connection or socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl._create_unverified_context()
            self.socket = context.wrap_socket(self.socket)
        self.buffer = b""
        self.kept = []
        self.sequence = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def request(self, command, body=b"", sequence=None):
        self.sequence += 1
        number = self.sequence if sequence is None else sequence
        self.send(frame(command, 0, number, body))
        return number

    def read(self):
        """The next PDU; None: the SMSC closed."""
        while len(self.buffer) < 4 or len(self.buffer) < struct.unpack(">I", self.buffer[:4])[0]:
            try:
                got = self.socket.recv(65536)
            except ConnectionResetError:
                got = b""
            if not got:
                return None
            self.buffer += got
        length, command, status, sequence = struct.unpack(">IIII", self.buffer[:16])
        body, self.buffer = self.buffer[16:length], self.buffer[length:]
        return Pdu(command, status, sequence, body)

    def response(self, command, sequence):
        """The response (or generic_nack) to one request; others are kept."""
        for i, pdu in enumerate(self.kept):
            if pdu.command & RESPONSE and pdu.sequence == sequence:
                return self.kept.pop(i)
        while True:
            pdu = self.read()
            if pdu is None:
                raise AssertionError("closed before the response to %#x" % command)
            if pdu.command & RESPONSE and pdu.sequence == sequence:
                return pdu
            self.kept.append(pdu)

    def call(self, command, body=b"", sequence=None):
        return self.response(command, self.request(command, body, sequence))

    def bind(self, system_id, password, command=BIND_TRANSCEIVER, system_type="", address_range="", version=0x34):
        return self.call(command, cstring(system_id) + cstring(password) + cstring(system_type)
                         + bytes([version, 0, 0]) + cstring(address_range))

    def submit(self, *args, **kwargs):
        return self.call(SUBMIT_SM, submit_body(*args, **kwargs))

    def message_id(self, *args, **kwargs):
        pdu = self.submit(*args, **kwargs)
        assert pdu.status == 0, pdu
        return pdu.body[:-1].decode()

    def next(self, command=DELIVER_SM):
        """The next request of that kind from the SMSC, unanswered."""
        for i, pdu in enumerate(self.kept):
            if pdu.command == command:
                return self.kept.pop(i)
        while True:
            pdu = self.read()
            if pdu is None:
                raise AssertionError("closed before a %#x came" % command)
            if pdu.command == command:
                return pdu
            self.kept.append(pdu)

    def answer(self, pdu, status=0):
        self.send(frame(pdu.command | RESPONSE, status, pdu.sequence, b"\0" if pdu.command == DELIVER_SM else b""))

    def deliver(self):
        """The next deliver_sm, answered."""
        pdu = self.next()
        self.answer(pdu)
        return Deliver(pdu)

    def query(self, message_id, source):
        pdu = self.call(QUERY_SM, cstring(message_id) + b"\1\1" + cstring(source))
        if pdu.status:
            return pdu.status, None
        return pdu.status, pdu.fields("ssbb")

    def cancel(self, message_id, source, destination="", service_type=""):
        return self.call(CANCEL_SM, cstring(service_type) + cstring(message_id) + b"\1\1" + cstring(source)
                         + b"\1\1" + cstring(destination)).status

    def replace(self, message_id, source, message, validity="", registered=0):
        return self.call(REPLACE_SM, cstring(message_id) + b"\1\1" + cstring(source) + cstring("")
                         + cstring(validity) + bytes([registered, 0, len(message)]) + message).status

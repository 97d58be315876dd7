"""smsc-sim by a client of the tests' own: links, messages, the radio side, bad input; and that what was accepted stays."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

from harness import radio, smpp
from harness.radio import Air
from harness.smpp import Esme
from harness.system import BUILD, PATIENCE, eventually, free_ports

PASSWORD = "secret12"
PHONE, OTHER = "819012345678", "819087654321"
CONFIG = """
[esme bank]
password_file = bank.secret
window = 2
rate = 3
[esme shop]
password_file = bank.secret
system_type = SHOP
bind = transmitter
[esme desk]
password_file = bank.secret
address_range = ^4711
"""


class Smsc:
    """A smsc-sim of its own in a temporary folder."""

    def __init__(self, config=CONFIG, **sets):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hato-smsc-"))
        names = ("smpp_port", "radio_port", "control_port", "admin_port")
        self.ports = dict(zip(names, free_ports(len(names))))
        (self.dir / "smpp.secret").write_text(PASSWORD + "\n")
        (self.dir / "bank.secret").write_text("bankpass\n")
        (self.dir / "hato.conf").write_text(config)
        self.sets = sets
        self.process = None
        self.start()

    def start(self):
        words = [str(BUILD / "smsc-sim"), "--config", str(self.dir / "hato.conf")]
        for key, value in {**self.ports, **self.sets}.items():
            words += ["--set", "smsc-sim.%s=%s" % (key, value)]
        hear, say = os.pipe()
        with open(self.dir / "log", "ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, pass_fds=[say],
                                            env={**os.environ, "HATO_READY_FD": str(say)})
        os.close(say)
        with os.fdopen(hear) as f:
            if f.readline() != "ready\n":
                self.process.wait(PATIENCE)
                log = (self.dir / "log").read_text()
                shutil.rmtree(self.dir)
                raise AssertionError(log)

    def get(self, port, path):
        c = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=PATIENCE)
        c.request("GET", path)
        text = c.getresponse().read().decode()
        c.close()
        return text

    def links(self):
        return json.loads(self.get("control_port", "/v1/links"))

    def metric(self, name):
        text = self.get("admin_port", "/metrics")
        return int(re.search(r"^hato_smsc_sim_%s (\d+)$" % name, text, re.M).group(1))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        log = (self.dir / "log").read_text()
        shutil.rmtree(self.dir)
        if status or "Sanitizer" in log:
            raise AssertionError("smsc-sim ended with %d: %s" % (status, log[-4000:]))

    def esme(self, system_id="hato", password=PASSWORD, **kwargs):
        e = Esme(self.ports["smpp_port"])
        pdu = e.bind(system_id, password, **kwargs)
        if pdu.status:
            raise AssertionError(pdu)
        return e

    def open(self):
        return Esme(self.ports["smpp_port"])

    def air(self):
        return Air(self.ports["radio_port"])


class SmscTest(unittest.TestCase):
    SETS = {"retry": "1", "receipt_retry_seconds": "1"}

    @classmethod
    def setUpClass(cls):
        cls.smsc = Smsc(**cls.SETS)

    @classmethod
    def tearDownClass(cls):
        cls.smsc.stop()

    def test_a_message_reaches_the_phone_and_its_receipt_the_esme(self):
        udh = bytes.fromhex("0605040b8423f0")
        wsp = bytes.fromhex("2a0606030203 0aaf89".replace(" ", "")) + b"push"
        with self.smsc.esme() as e, self.smsc.air() as air:
            self.assertEqual(air.attach(PHONE), 0)
            id_ = e.message_id("SPMAIL", PHONE, udh + wsp, esm_class=0x40, coding=0xF5, registered=1,
                               validity="000000001000000R")
            t = air.deliver(PHONE)
            self.assertEqual((t.udh, t.body, t.dcs, t.udl), (udh, wsp, 0xF5, len(udh + wsp)))
            self.assertEqual(t.first & 0x03, 0)
            self.assertFalse(t.more_waiting)
            d = e.deliver()
            self.assertTrue(d.is_receipt)
            self.assertEqual((d.source, d.destination), (PHONE, "SPMAIL"))
            self.assertEqual((d.receipt["id"], d.receipt["stat"], d.receipt["err"]), (id_, "DELIVRD", "000"))
            self.assertEqual(d.tlvs[smpp.RECEIPTED_ID], id_.encode() + b"\0")
            self.assertEqual(d.state, smpp.DELIVERED)
            status, fields = e.query(id_, "SPMAIL")
            self.assertEqual((status, fields[0], fields[2]), (0, id_, smpp.DELIVERED))
            self.assertRegex(fields[1], r"^\d{16}$|^\d{15}[+-]$")

    def test_a_phone_that_is_off_gets_it_when_it_comes(self):
        number = "819000000001"
        with self.smsc.esme() as e:
            id_ = e.message_id("100", number, b"later", registered=0x11)
            d = e.deliver()
            self.assertTrue(d.is_intermediate)
            self.assertEqual((d.receipt["id"], d.receipt["stat"], d.receipt["err"]), (id_, "ENROUTE", "027"))
            self.assertEqual(e.query(id_, "100")[1][2], smpp.ENROUTE)
            with self.smsc.air() as air:
                air.attach(number)
                self.assertEqual(air.deliver(number).udl, 5)
            d = e.deliver()
            self.assertEqual((d.receipt["id"], d.receipt["stat"]), (id_, "DELIVRD"))

    def test_a_full_phone_gets_it_when_it_has_room_again(self):
        number = "819000000002"
        with self.smsc.esme() as e, self.smsc.air() as air:
            air.attach(number)
            id_ = e.message_id("100", number, b"x", registered=0x11)
            reference, _ = air.rp_data(number)
            air.error(number, reference, radio.MEMORY_EXCEEDED)
            self.assertEqual(e.deliver().receipt["err"], "022")
            air.memory_available(number, 9)
            answer = air.next(radio.RP, number)
            self.assertEqual(answer[:2], bytes([3, 9]))  # RP-ACK of the RP-SMMA
            air.deliver(number)
            self.assertEqual(e.deliver().receipt["stat"], "DELIVRD")

    def test_what_a_phone_will_never_take(self):
        number = "819000000003"
        with self.smsc.esme() as e, self.smsc.air() as air:
            air.attach(number)
            id_ = e.message_id("100", number, b"x", registered=2)
            reference, _ = air.rp_data(number)
            air.error(number, reference, 111)  # protocol error
            d = e.deliver()
            self.assertEqual((d.receipt["id"], d.receipt["stat"], d.receipt["err"], d.state),
                             (id_, "UNDELIV", "111", smpp.UNDELIVERABLE))
            ok = e.message_id("100", number, b"y", registered=2)  # failures only: none comes
            air.deliver(number)
            asked = e.message_id("100", number, b"z", registered=3)  # successes only
            air.deliver(number)
            self.assertEqual(e.deliver().receipt["id"], asked)
            self.assertEqual(e.query(ok, "100")[1][2], smpp.DELIVERED)

    def test_validity_and_schedule(self):
        number = "819000000004"
        with self.smsc.esme() as e, self.smsc.air() as air:
            gone = e.message_id("100", number + "0", b"short", registered=1, validity="000000000001000R")
            later = e.message_id("100", number, b"later", schedule="000000000001000R", registered=1)
            self.assertEqual(e.query(later, "100")[1][2], 0)  # scheduled
            air.attach(number)
            now = e.message_id("100", number, b"now", registered=1)
            air.deliver(number)
            self.assertEqual(e.deliver().receipt["id"], now)
            air.deliver(number)
            states = {d.receipt["id"]: (d.receipt["stat"], d.state) for d in (e.deliver(), e.deliver())}
            self.assertEqual(states, {gone: ("EXPIRED", smpp.EXPIRED), later: ("DELIVRD", smpp.DELIVERED)})
            self.assertEqual(e.submit("100", number, b"", validity="260101000000000+").status, smpp.INVEXPIRY)
            self.assertEqual(e.submit("100", number, b"", schedule="261301000000000+").status & 0xFF, 0x61)

    def test_datagram_mode_tries_once(self):
        with self.smsc.esme() as e:
            id_ = e.message_id("100", "819000000005", b"x", esm_class=1, registered=1)
            d = e.deliver()
            self.assertEqual((d.receipt["id"], d.receipt["stat"]), (id_, "UNDELIV"))

    def test_transaction_mode_answers_with_the_outcome(self):
        number = "819000000006"
        with self.smsc.esme() as e, self.smsc.air() as air:
            pdu = e.submit("100", number, b"x", esm_class=2)
            self.assertEqual(pdu.status, smpp.DELIVERYFAILURE)
            air.attach(number)
            sequence = e.request(smpp.DATA_SM, smpp.data_body("100", number, b"data", esm_class=2))
            self.assertEqual(air.deliver(number).udl, 4)
            self.assertEqual(e.response(smpp.DATA_SM, sequence).status, 0)

    def test_query_cancel_replace(self):
        number = "819000000007"
        with self.smsc.esme() as e:
            first = e.message_id("100", number, b"one", registered=1)
            second = e.message_id("100", number, b"two")
            third = e.message_id("100", number, b"three")
            other = e.message_id("200", number, b"four")
            self.assertEqual(e.query(first, "200")[0], smpp.INVMSGID)
            self.assertEqual(e.query("nonsense", "100")[0], smpp.INVMSGID)
            self.assertEqual(e.cancel(first, "200"), smpp.INVMSGID)
            self.assertEqual(e.cancel(first, "100"), 0)
            d = e.deliver()
            self.assertEqual((d.receipt["id"], d.receipt["stat"]), (first, "DELETED"))
            self.assertEqual(e.cancel(first, "100"), smpp.CANCELFAIL)
            self.assertEqual(e.replace(first, "100", b"new"), smpp.REPLACEFAIL)
            self.assertEqual(e.replace(second, "100", b"2nd", registered=1), 0)
            self.assertEqual(e.cancel("", "200", number), 0)
            self.assertEqual(e.query(other, "200")[1][2], smpp.DELETED)
            self.assertEqual(e.cancel("", "200", number), smpp.CANCELFAIL)
            with self.smsc.air() as air:
                air.attach(number)
                texts = [air.deliver(number).udl, air.deliver(number).udl]
            self.assertEqual(texts, [3, 5])
            self.assertEqual(e.deliver().receipt["id"], second)
            self.assertEqual(e.query(third, "100")[1][2], smpp.DELIVERED)
            with self.smsc.esme("desk", "bankpass") as stranger:
                self.assertEqual(stranger.query(second, "100")[0], smpp.INVMSGID)

    def test_replace_if_present(self):
        number = "819000000008"
        with self.smsc.esme() as e, self.smsc.air() as air:
            old = e.message_id("100", number, b"old", service_type="CMT")
            kept = e.message_id("100", number, b"kept!", service_type="WAP")
            new = e.message_id("100", number, b"newest", service_type="CMT", replace=1)
            air.attach(number)
            self.assertEqual([air.deliver(number).udl, air.deliver(number).udl], [5, 6])
            self.assertEqual([e.query(i, "100")[1][2] for i in (old, kept, new)],
                             [smpp.DELETED, smpp.DELIVERED, smpp.DELIVERED])

    def test_submit_multi(self):
        numbers = ["819000000011", "819000000012"]
        with self.smsc.esme() as e, self.smsc.air() as air:
            for n in numbers:
                air.attach(n)
            pdu = e.call(smpp.SUBMIT_MULTI, smpp.submit_body("100", "", b"all", registered=1,
                                                             destinations=numbers + ["no number"]))
            self.assertEqual(pdu.status, 0)
            id_, rest = pdu.body.split(b"\0", 1)
            self.assertEqual(rest, b"\1" + b"\1\1no number\0" + struct.pack(">I", smpp.INVDSTADR))
            for n in numbers:
                air.deliver(n)
            receipts = [e.deliver() for _ in numbers]
            self.assertEqual({(d.source, d.receipt["id"]) for d in receipts}, {(n, id_.decode()) for n in numbers})
            pdu = e.call(smpp.SUBMIT_MULTI, smpp.submit_body("100", "", b"", destinations=["x"]))
            self.assertEqual(pdu.status, smpp.INVDSTADR)

    def test_long_messages_are_split(self):
        number = "819000000013"
        text = bytes(range(256)) * 2
        with self.smsc.esme() as e, self.smsc.air() as air:
            air.attach(number)
            ports = smpp.tlv(smpp.SOURCE_PORT, b"\x23\xf0") + smpp.tlv(smpp.DESTINATION_PORT, b"\x0b\x84")
            id_ = e.message_id("100", number, tlvs=ports + smpp.tlv(smpp.PAYLOAD, text), coding=4, registered=1)
            parts = [air.deliver(number) for _ in range(4)]
            self.assertEqual(b"".join(p.body for p in parts), text)
            for n, part in enumerate(parts, 1):
                self.assertLessEqual(len(part.ud), 140)
                self.assertIn(bytes.fromhex("05040b8423f0"), part.udh)
                self.assertRegex(part.udh, re.compile(b"\x00\x03.\x04" + bytes([n]), re.S))
            self.assertEqual(len({p.udh[-3] for p in parts}), 1)
            self.assertEqual(e.deliver().receipt["id"], id_)
            self.assertEqual(e.submit("100", number, tlvs=smpp.tlv(smpp.PAYLOAD, bytes(60000)), coding=4).status,
                             smpp.INVMSGLEN)

    def test_a_part_that_fails_is_sent_again_alone(self):
        number = "819000000014"
        with self.smsc.esme() as e, self.smsc.air() as air:
            air.attach(number)
            e.message_id("100", number, bytes(200), coding=4, registered=1)
            first = air.deliver(number)
            reference, _ = air.rp_data(number)
            air.error(number, reference, 42)  # congestion: for now
            second = air.deliver(number)
            self.assertEqual((first.udh[-1], second.udh[-1]), (1, 2))
            self.assertEqual(first.udh[:-1], second.udh[:-1])
            self.assertEqual(e.deliver().receipt["stat"], "DELIVRD")

    def test_sar_and_port_tlvs_become_a_header(self):
        number = "819000000015"
        with self.smsc.esme() as e, self.smsc.air() as air:
            air.attach(number)
            sar = (smpp.tlv(smpp.SAR_REFERENCE, b"\x00\x2a") + smpp.tlv(smpp.SAR_TOTAL, b"\x02")
                   + smpp.tlv(smpp.SAR_NUMBER, b"\x01"))
            e.message_id("100", number, b"part", coding=4, tlvs=sar)
            self.assertEqual(air.deliver(number).udh, bytes.fromhex("0500032a0201"))
            ports = smpp.tlv(smpp.SOURCE_PORT, b"\x23\xf0") + smpp.tlv(smpp.DESTINATION_PORT, b"\x0b\x84")
            e.message_id("100", number, coding=0xF5, tlvs=ports + smpp.tlv(smpp.PAYLOAD, b"wsp"), service_type="WAP")
            t = air.deliver(number)
            self.assertEqual((t.udh, t.body), (bytes.fromhex("0605040b8423f0"), b"wsp"))
            status = e.submit("100", number, b"\3\0\1\0", esm_class=0x40, coding=4, tlvs=ports).status
            self.assertEqual(status, smpp.OPTPARNOTALLWD)
            self.assertEqual(e.submit("100", number, b"x", tlvs=sar[:6]).status, 0xC3)

    def test_texts(self):
        number = "819000000016"
        with self.smsc.esme() as e, self.smsc.air() as air:
            air.attach(number)
            for coding, message, dcs, udl, body in (
                    (0, b"hello", 0, 5, "e8329bfd06"), (1, b"hello", 0, 5, "e8329bfd06"),
                    (3, "h\xe9".encode("latin-1"), 0, 2, None), (3, "\xa2".encode("latin-1"), 8, 2, "00a2"),
                    (8, "新着".encode("utf-16-be"), 8, 4, "65b07740"), (0xF0, b"hello", 0xF0, 5, "e8329bfd06")):
                e.message_id("SPMAIL", number, message, coding=coding)
                t = air.deliver(number)
                self.assertEqual((t.dcs, t.udl), (dcs, udl), coding)
                if body:
                    self.assertEqual(t.body.hex(), body)

    def test_one_message_at_a_time_and_more_to_come(self):
        number = "819000000017"
        with self.smsc.esme() as e, self.smsc.air() as air:
            air.attach(number)
            for text in (b"1", b"2", b"3"):
                e.message_id("100", number, text)
            self.assertEqual([air.deliver(number).more_waiting for _ in range(3)], [False, True, False])

    def test_the_newest_attach_wins_and_a_closed_connection_detaches(self):
        number = "819000000018"
        with self.smsc.esme() as e, self.smsc.air() as one:
            one.attach(number, "440101234567890")
            with self.smsc.air() as two:
                two.attach(number)
                self.assertEqual(one.next(radio.DETACH, number), b"")
                e.message_id("100", number, b"x", registered=0x11)
                two.rp_data(number)  # taken, never answered
            d = e.deliver()
            self.assertEqual((d.is_intermediate, d.receipt["err"]), (True, "027"))
            self.assertEqual(one.attach("1", "440101234567891"), 0)

    def test_from_phone_to_esme_and_back(self):
        """The desk has 4711...; a phone writes to it and asks for a status report."""
        with self.smsc.esme("desk", "bankpass") as desk, self.smsc.air() as air:
            air.attach(PHONE)
            answer = air.submit(PHONE, radio.sms_submit("4711", b"help!", dcs=4, report=True, reference=42), 5)
            self.assertEqual((answer[0], answer[1]), (3, 5))  # RP-ACK
            d = desk.deliver()
            self.assertEqual((d.source, d.destination, d.message, d.data_coding, d.esm_class),
                             (PHONE, "4711", b"help!", 4, 0))
            _, report = air.rp_data(PHONE)
            self.assertEqual((report[0] & 3, report[1]), (2, 42))  # SMS-STATUS-REPORT of ours
            self.assertEqual(report[2:6], bytes([4, 0x91]) + radio.swapped("4711"))
            self.assertEqual(report[20], 0)  # received

    def test_from_phone_to_phone(self):
        a, b = "819000000021", "819000000022"
        with self.smsc.air() as air:
            air.attach(a)
            air.attach(b)
            udh = bytes.fromhex("0500032a0201")
            air.submit(a, radio.sms_submit(b, b"hi", udh=udh))
            t = air.deliver(b)
            self.assertEqual((t.source, t.udh, t.body, t.source_type), (a, udh, b"hi", 0x91))
            for bad, cause in ((b"", 96), (radio.sms_submit(b, b"hi")[:-1], 96), (radio.sms_submit("", b"hi"), 1)):
                answer = air.submit(a, bad)
                self.assertEqual((answer[0], answer[3]), (5, cause), bad)

    def test_an_esme_that_refuses_for_now_gets_it_again(self):
        with self.smsc.esme("desk", "bankpass") as desk, self.smsc.air() as air:
            air.attach("819000000023")
            air.submit("819000000023", radio.sms_submit("47110", b"again"))
            desk.answer(desk.next(), smpp.MSGQFUL)
            self.assertEqual(desk.deliver().message, b"again")
            air.submit("819000000023", radio.sms_submit("47110", b"never", report=True))
            desk.answer(desk.next(), 0x65)  # RX_P_APPN
            _, report = air.rp_data("819000000023")
            self.assertEqual(report[-1] & 0x60, 0x40)  # permanent error

    def test_receipts_wait_for_a_receiver_and_go_back_from_a_broken_link(self):
        number = "819000000024"
        with self.smsc.esme("hato", PASSWORD, command=smpp.BIND_TRANSMITTER) as tx, self.smsc.air() as air:
            air.attach(number)
            id_ = tx.message_id("100", number, b"x", registered=1)
            air.deliver(number)
            with self.smsc.esme(command=smpp.BIND_RECEIVER) as rx:
                rx.next()  # never answered
            with self.smsc.esme(command=smpp.BIND_RECEIVER) as rx:
                self.assertEqual(rx.deliver().receipt["id"], id_)
                self.assertEqual(rx.submit("100", number, b"").status, smpp.INVBNDSTS)


class Bad(unittest.TestCase):
    """Bad input is answered by the standard's status; the daemon goes on."""

    @classmethod
    def setUpClass(cls):
        cls.smsc = Smsc(response_seconds=1, sink="8190")

    @classmethod
    def tearDownClass(cls):
        cls.smsc.stop()

    def test_binds(self):
        for system_id, password, kwargs, status in (
                ("hato", "wrong", {}, smpp.INVPASWD), ("nobody", PASSWORD, {}, smpp.INVSYSID),
                ("shop", "bankpass", {"command": smpp.BIND_TRANSMITTER}, 0x53),
                ("shop", "bankpass", {"system_type": "SHOP"}, smpp.BINDFAIL),
                ("hato", PASSWORD, {"address_range": "(("}, smpp.BINDFAIL),
                ("hato", PASSWORD, {"address_range": "((a{255}){255}){255}"}, smpp.BINDFAIL)):
            with self.smsc.open() as e:
                self.assertEqual(e.bind(system_id, password, **kwargs).status, status, (system_id, kwargs))
                self.assertIsNone(e.read())
        with self.smsc.esme() as e:
            self.assertEqual(e.bind("hato", PASSWORD).status, smpp.ALYBND)
            self.assertEqual(e.call(smpp.ENQUIRE_LINK).status, 0)
            self.assertEqual(e.call(smpp.UNBIND).status, 0)
            self.assertIsNone(e.read())

    def test_before_a_bind(self):
        with self.smsc.open() as e:
            self.assertEqual(e.submit("1", PHONE, b"x").status, smpp.INVBNDSTS)
            self.assertEqual(e.call(smpp.ENQUIRE_LINK).status, 0)
            self.assertIsNone(e.read(), "who does not bind in response_seconds is let go")

    def test_lengths(self):
        for octets in (struct.pack(">IIII", 15, 4, 0, 9), struct.pack(">IIII", 0, 4, 0, 9),
                       struct.pack(">IIII", 0xFFFFFFFF, 4, 0, 9), struct.pack(">IIII", 70001, 4, 0, 9)):
            with self.smsc.esme() as e:
                e.send(octets)
                pdu = e.read()
                self.assertEqual((pdu.command, pdu.status, pdu.sequence), (smpp.GENERIC_NACK, smpp.INVCMDLEN, 9))
                self.assertIsNone(e.read())

    def test_what_is_no_command(self):
        with self.smsc.esme() as e:
            pdu = e.call(0x77, b"anything")
            self.assertEqual((pdu.command, pdu.status), (smpp.GENERIC_NACK, smpp.INVCMDID))
            self.assertEqual(e.call(smpp.DELIVER_SM, smpp.submit_body("1", PHONE, b"")).status, smpp.INVBNDSTS)
            for response in (smpp.SUBMIT_SM, smpp.DELIVER_SM, smpp.UNBIND, smpp.ENQUIRE_LINK):
                e.send(smpp.frame(response | smpp.RESPONSE, 0, 99, b"\0"))  # nobody asked
            e.send(smpp.frame(smpp.GENERIC_NACK, 3, 99))
            self.assertEqual(e.call(smpp.ENQUIRE_LINK).status, 0)

    def test_broken_bodies(self):
        whole = smpp.submit_body("1", PHONE, b"text")
        with self.smsc.esme() as e:
            for body, statuses in (
                    (whole[:-1], (smpp.INVCMDLEN, smpp.INVMSGLEN)), (b"", (smpp.INVCMDLEN,)),
                    (whole + b"\x04", (smpp.INVOPTPARSTREAM,)),
                    (whole + struct.pack(">HH", 0x204, 400) + b"xx", (smpp.INVOPTPARSTREAM,)),
                    (whole + smpp.tlv(0x204, b"x"), (smpp.INVPARLEN,)),
                    (smpp.submit_body("1", "phone", b""), (smpp.INVDSTADR,)),
                    (smpp.submit_body("1", "", b""), (smpp.INVDSTADR,)),
                    (smpp.submit_body("ABCDEFGHIJKL", PHONE, b""), (smpp.INVSRCADR,)),
                    (smpp.submit_body("1", PHONE, b"\x06\x05\x04", esm_class=0x40), (smpp.INVESMCLASS,)),
                    (smpp.submit_body("1", PHONE, b"", esm_class=0x40), (smpp.INVESMCLASS,)),
                    (smpp.submit_body("1", PHONE, b"", esm_class=0x04), (smpp.INVESMCLASS,)),
                    (smpp.submit_body("1", PHONE, b"", priority=9), (6,)),
                    (smpp.submit_body("1", PHONE, b"", registered=0xE0), (7,)),
                    (smpp.submit_body("1", PHONE, b"", default_id=1), (0x63,))):
                pdu = e.call(smpp.SUBMIT_SM, body)
                self.assertIn(pdu.status, statuses, body)
                self.assertIn(pdu.command, (smpp.SUBMIT_SM | smpp.RESPONSE, smpp.GENERIC_NACK))
            self.assertEqual(e.submit("1", PHONE, b"ok").status, 0)

    def test_rate_and_window(self):
        with self.smsc.esme("bank", "bankpass") as e:
            statuses = [e.submit("1", PHONE, b"x").status for _ in range(5)]
            self.assertEqual(statuses[:3], [0, 0, 0])
            self.assertIn(smpp.THROTTLED, statuses)

    def test_an_esme_that_says_nothing_any_more_is_let_go(self):
        with self.smsc.esme() as e:
            e.message_id("1", PHONE, b"x", registered=1)
            e.next()
            self.assertEqual(e.next(smpp.UNBIND).command, smpp.UNBIND)
            self.assertIsNone(e.read())
        with self.smsc.esme() as e:
            self.assertTrue(e.deliver().is_receipt, "what it did not answer comes again")

    def test_radio(self):
        for octets in (b"\0\0", b"\0\1\1", b"\xff\xff" + bytes(65535), b"\0\4\7\2\x31\x31"):
            with self.smsc.air() as air:
                air.socket.sendall(octets)
                self.assertIsNone(air.read())
        with self.smsc.air() as air:
            air.attach("81900000099")
            for rp in (b"\0", b"\xff\x09", b"\2", b"\0\1\0\0", b"\5\1\1\26", b"\4\7\5"):
                air.send(radio.RP, "81900000099", rp)
            air.send(radio.RP, "81900000098", b"\2\1")  # not attached
            self.assertEqual(air.attach("81900000097"), 0, "it goes on")


class Stored(unittest.TestCase):
    """store = db: what was accepted is found again after SIGKILL."""

    def setUp(self):
        self.smsc = Smsc(store="db", retry="1")
        self.addCleanup(self.smsc.stop)

    def test_kill(self):
        with self.smsc.esme() as e:
            ids = [e.message_id("100", PHONE, b"message %d" % n, registered=1) for n in range(5)]
            multi = e.call(smpp.SUBMIT_MULTI, smpp.submit_body("100", "", b"m", registered=1, destinations=[PHONE, OTHER]))
            scheduled = e.message_id("100", PHONE, b"s", schedule="000001000000000R")
            self.assertEqual(e.cancel(ids[0], "100"), 0)
            self.assertEqual(e.deliver().receipt["stat"], "DELETED")
            eventually("the cancellation is on disk", lambda: self.pending_writes() == 0)
        self.smsc.kill()
        self.smsc.start()
        with self.smsc.esme() as e, self.smsc.air() as air:
            self.assertEqual(e.query(ids[0], "100")[1][2], smpp.DELETED)
            self.assertEqual(e.query(scheduled, "100")[1][2], 0)
            air.attach(PHONE)
            air.attach(OTHER)
            bodies = [air.deliver(PHONE) for _ in range(5)]
            air.deliver(OTHER)
            self.assertEqual(len(bodies), 5)
            receipts = [e.deliver() for _ in range(6)]
            self.assertEqual(sorted(d.receipt["id"] for d in receipts),
                             sorted(ids[1:] + [multi.body.split(b"\0")[0].decode()] * 2))
            new = e.message_id("100", PHONE, b"after")
            self.assertGreater(new, max(ids))

    def test_a_receipt_that_nobody_took(self):
        with self.smsc.air() as air, self.smsc.esme(command=smpp.BIND_TRANSMITTER) as tx:
            air.attach(PHONE)
            id_ = tx.message_id("100", PHONE, b"x", registered=1)
            air.deliver(PHONE)
            eventually("it is delivered", lambda: tx.query(id_, "100")[1][2] == smpp.DELIVERED)
            eventually("and on disk", lambda: self.pending_writes() == 0)
        self.smsc.kill()
        self.smsc.start()
        with self.smsc.esme(command=smpp.BIND_RECEIVER) as rx:
            self.assertEqual(rx.deliver().receipt["id"], id_)

    def pending_writes(self):
        """By the daemon's own count: nothing is noted that is not committed."""
        return self.smsc.metric("store_waiting")

    def test_killed_while_it_accepts(self):
        accepted = []
        with self.smsc.esme() as e:
            for n in range(40):
                e.request(smpp.SUBMIT_SM, smpp.submit_body("100", PHONE, b"%d" % n))
            while len(accepted) < 20:
                pdu = e.read()
                self.assertEqual(pdu.status, 0)
                accepted.append(pdu.body[:-1].decode())
            self.smsc.kill()
            while True:  # what the kernel still holds was said too
                pdu = e.read()
                if pdu is None:
                    break
                accepted.append(pdu.body[:-1].decode())
        self.smsc.start()
        with self.smsc.esme() as e:
            states = [e.query(i, "100")[0] for i in accepted]
            self.assertEqual(set(states), {0})


    def test_more_than_the_window(self):
        """All at once: what waits for the disk counts against the window, the rest is throttled, each is answered once."""
        with self.smsc.esme("bank", "bankpass") as e:
            e.send(b"".join(smpp.frame(smpp.SUBMIT_SM, 0, n, smpp.submit_body("100", PHONE, b"x")) for n in range(1, 6)))
            answers = {pdu.sequence: pdu.status for pdu in (e.read() for _ in range(5))}
            self.assertEqual(sorted(answers), [1, 2, 3, 4, 5])
            self.assertEqual([answers[n] for n in (1, 2)], [0, 0])
            self.assertIn(smpp.THROTTLED, answers.values())


class Limits(unittest.TestCase):
    def test_the_queue_is_full(self):
        smsc = Smsc(queue_max=3, history_max=2)
        self.addCleanup(smsc.stop)
        with smsc.esme() as e, smsc.air() as air:
            ids = [e.message_id("100", PHONE, b"%d" % n, registered=1) for n in range(3)]
            self.assertEqual(e.submit("100", PHONE, b"").status, smpp.MSGQFUL)
            pdu = e.call(smpp.SUBMIT_MULTI, smpp.submit_body("100", "", b"", destinations=[PHONE, OTHER]))
            self.assertEqual(pdu.status, smpp.MSGQFUL)
            air.attach(PHONE)
            answer = air.submit(PHONE, radio.sms_submit(OTHER, b"x"))
            self.assertEqual((answer[0], answer[3]), (5, 42))  # RP-ERROR, congestion
            for _ in ids:
                air.deliver(PHONE)
                e.deliver()
            e.message_id("100", PHONE, b"room again")
            self.assertEqual([e.query(i, "100")[0] for i in ids], [smpp.INVMSGID, 0, 0])  # two are remembered

    def test_an_esme_that_does_not_read(self):
        """What it does not take is bounded; once it reads, it has all its answers."""
        smsc = Smsc(sink="*", unsent_max=65536)
        self.addCleanup(smsc.stop)
        with smsc.esme() as e:
            count, one = 40000, smpp.submit_body("100", PHONE, b"x" * 40)
            sender = threading.Thread(target=lambda: e.send(b"".join(
                smpp.frame(smpp.SUBMIT_SM, 0, n, one) for n in range(1, count + 1))))
            sender.start()
            link = eventually("it stops reading", lambda: self.paused(smsc))
            self.assertLess(link["pdus_in"], count)
            self.assertLess(link["unsent"], 2 * 65536)
            self.assertEqual(smsc.metric("links_paused"), 1)
            for n in range(1, count + 1):
                pdu = e.read()
                self.assertEqual((pdu.sequence, pdu.status), (n, 0))
            sender.join()
            eventually("it is read again", lambda: smsc.metric("links_paused") == 0)

    def paused(self, smsc):
        link, = smsc.links()
        return link["paused"] and link


class Outbind(unittest.TestCase):
    def test_an_esme_is_called_when_something_waits(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(PATIENCE)
            smsc = Smsc("[esme desk]\npassword_file = bank.secret\naddress_range = ^4711\n"
                        "outbind = 127.0.0.1:%d\n" % server.getsockname()[1], outbind_seconds=1)
            self.addCleanup(smsc.stop)
            with smsc.air() as air:
                air.attach(PHONE)
                air.submit(PHONE, radio.sms_submit("4711", b"wake up"))
                with Esme(0, connection=server.accept()[0]) as e:
                    pdu = e.read()
                    self.assertEqual((pdu.command, pdu.body), (smpp.OUTBIND, b"hato-smsc\0bankpass\0"))
                    self.assertEqual(e.bind("desk", "bankpass", command=smpp.BIND_RECEIVER).status, 0)
                    self.assertEqual(e.deliver().message, b"wake up")


class Quiet(unittest.TestCase):
    def test_enquire_link(self):
        smsc = Smsc(enquire_seconds=1, response_seconds=1)
        self.addCleanup(smsc.stop)
        with smsc.esme() as e:
            pdu = e.next(smpp.ENQUIRE_LINK)
            e.answer(pdu)
            e.next(smpp.ENQUIRE_LINK)  # not answered
            e.next(smpp.UNBIND)
            self.assertIsNone(e.read())

    def test_tls(self):
        cert = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, cert)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", cert + "/key.pem", "-out", cert + "/cert.pem", "-subj", "/CN=smsc", "-days", "2"],
                       check=True, capture_output=True)
        port = free_ports(1)[0]
        smsc = Smsc("[paths]\ntls_certificate = %s/cert.pem\ntls_key = %s/key.pem\n"
                    "[smsc-sim]\nsmpp_tls_port = %d\n" % (cert, cert, port))
        self.addCleanup(smsc.stop)
        with Esme(port, tls=True) as e:
            self.assertEqual(e.bind("hato", PASSWORD).status, 0)
            self.assertEqual(e.call(smpp.UNBIND).status, 0)

    def test_bad_configurations(self):
        for config, says in (("[esme a]\npassword_file = none\n", "none"),
                             ("[esme a]\naddress_range = ((\n", "no plain pattern"),
                             ("[esme a]\naddress_range = a{3}\n", "no plain pattern"),
                             ("[smsc-sim]\nstore = disk\n", "memory, db"), ("[smsc-sim]\nnumber = centre\n", "is no number"),
                             ("[smsc-sim]\nsystem_id = %s\n" % ("x" * 16), "more than 15"),
                             ("[esme a]\noutbind = localhost:2777\n", "no address and port")):
            with self.assertRaises(AssertionError) as caught:
                Smsc(config)
            self.assertIn(says, str(caught.exception))


if __name__ == "__main__":
    unittest.main()

"""Kannel bound to smsc-sim as an ESME: it sends, hears what became of it, and gets what phones write; and tshark reads all
of it, SMPP and TPDUs, without one malformed frame."""
import pathlib
import struct
import subprocess
import unittest

from harness import radio
from harness.capture import Capture
from harness.kannel import Kannel
from harness.smsc_alone import PASSWORD, Smsc
from harness.system import PATIENCE, eventually, free_ports

PHONE, OFF = "819012345678", "819000000000"
WSP = bytes.fromhex("2a06060302030aaf89030d6a008507037461726f4073706d61696c2e6578616d706c650005c3072026010509301501")


class KannelTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.smsc = Smsc({"retry": "1"}, {"kannel": "address_range = ^4711"})
        cls.addClassCleanup(cls.smsc.close)
        cls.capture = Capture(free_ports(1)[0], also="tcp port %d" % cls.smsc.smpp).__enter__()
        cls.addClassCleanup(cls.capture.__exit__)
        cls.air = cls.smsc.air()
        cls.addClassCleanup(cls.air.close)
        cls.air.attach(PHONE)
        cls.kannel = Kannel(cls.smsc.smpp, "kannel", PASSWORD).__enter__()
        cls.addClassCleanup(cls.kannel.__exit__, None, None, None)

    def test_1_text_and_its_report(self):
        self.kannel.send(PHONE, text="hello from Kannel", report="a")
        t = self.air.deliver(PHONE)
        self.assertEqual((t.source, t.dcs, t.udl), ("4711", 0, 17))
        self.kannel.report("a", 8)
        self.kannel.report("a", 1)

    def test_2_a_wap_push(self):
        self.kannel.send(PHONE, udh=bytes.fromhex("0605040b8423f0").decode("latin-1"), text=WSP.decode("latin-1"), coding="1",
                         report="b")
        t = self.air.deliver(PHONE)
        self.assertEqual((t.udh, t.body), (bytes.fromhex("0605040b8423f0"), WSP))
        self.kannel.report("b", 1)

    def test_3_a_long_one_in_parts(self):
        self.kannel.send(PHONE, text="x" * 400)
        for n in (1, 2, 3):
            udh = self.air.deliver(PHONE).udh
            self.assertEqual((udh[:3], udh[4:]), (bytes([5, 0, 3]), bytes([3, n])))

    def test_4_a_phone_that_is_off(self):
        self.kannel.send(OFF, text="later", report="c", validity="1")
        self.kannel.report("c", 8)
        self.air.attach(OFF)
        self.air.deliver(OFF)
        self.kannel.report("c", 1)
        self.air.detach(OFF)

    def test_5_a_phone_refuses(self):
        self.kannel.send(PHONE, text="no", report="d")
        reference, _ = self.air.rp_data(PHONE)
        self.air.error(PHONE, reference, 111)
        self.kannel.report("d", 2)

    def test_6_a_phone_writes(self):
        septets = bytes.fromhex("e8329bfd06")  # "hello"
        tpdu = bytes([0x21, 9, 4, 0x91]) + radio.swapped("4711") + bytes([0, 0, 5]) + septets
        answer = self.air.submit(PHONE, tpdu, 1)
        self.assertEqual(answer[0], 3)
        fields = self.kannel.next("/mo")
        self.assertEqual((fields["from"].lstrip("+"), fields["to"].lstrip("+"), fields["text"]), (PHONE, "4711", "hello"))
        reference, report = self.air.rp_data(PHONE)
        self.air.ack(PHONE, reference)
        self.assertEqual(report[0] & 3, 2)

    def test_7_the_link_is_cut(self):
        """Kannel binds anew by itself, and the receipt that it did not get before comes then."""
        self.smsc.faults({"what": "delay", "of": "receipt", "distribution": "constant", "ms": 1000},
                         {"what": "cut", "at": 0.3})
        self.kannel.send(PHONE, text="before the cut", report="e")
        self.air.deliver(PHONE)
        eventually("the link is cut", lambda: self.smsc.metric("hato_smsc_sim_links_cut_total"))
        self.smsc.faults()
        self.kannel.report("e", 1)
        self.assertEqual([link["account"] for link in self.smsc.api("GET", "/v1/links")], ["kannel"])

    def test_8_tshark_reads_all_of_it(self):
        before = self.smsc.metric("hato_smsc_sim_pdus_in_total")
        eventually("it enquires", lambda: self.smsc.metric("hato_smsc_sim_pdus_in_total") > before)
        self.capture.finish()
        port = ["-d", "tcp.port==%d,smpp" % self.smsc.smpp]
        bad = self.capture.read("tcp && (_ws.malformed || (smpp && _ws.expert.severity >= 0x00800000))", *port)
        self.assertEqual(bad, "")
        fields = self.capture.read("smpp", *port, "-T", "fields", "-e", "smpp.command_id", "-E", "aggregator=,")
        seen = {int(c, 0) for line in fields.split() for c in line.split(",")}
        for command in (9, 0x80000009, 4, 0x80000004, 5, 0x80000005, 0x15, 0x80000015):
            self.assertIn(command, seen, hex(command))
        self.check_tpdus()

    def check_tpdus(self):
        """What the radio side carried, both ways, as RP messages."""
        path = pathlib.Path(self.capture.folder) / "rp.pcap"
        with open(path, "wb") as f:
            f.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 147))
            for rp in self.air.heard:
                f.write(struct.pack("<IIII", 0, 0, len(rp), len(rp)) + rp)
        run = subprocess.run(["tshark", "-n", "-r", str(path), "-o",
                              'uat:user_dlts:"User 0 (DLT=147)","gsm_a_rp","0","","0",""', "-T", "fields",
                              "-e", "gsm_sms.tp-mti", "-e", "_ws.malformed", "-e", "_ws.expert.message", "-e", "gsm_a.rp.msg_type"],
                             capture_output=True, text=True, timeout=PATIENCE, check=True)
        rows = [line.split("\t") for line in run.stdout.splitlines()]
        self.assertEqual(len(rows), len(self.air.heard))
        self.assertEqual([r[1:3] for r in rows if r[1] or r[2]], [])
        self.assertGreaterEqual({r[0] for r in rows}, {"0", "2"})


if __name__ == "__main__":
    unittest.main()

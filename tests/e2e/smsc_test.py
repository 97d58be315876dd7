"""smsc-sim by a client of the tests' own: links, messages, the radio side, bad input; and that what was accepted stays."""
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
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
        names = ("smpp_port", "radio_port", "control_port", "admin_port", "smpp_tls_port")
        self.ports = dict(zip(names, free_ports(len(names))))
        self.ports["smpp_tls_port"] = 0
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
                raise AssertionError((self.dir / "log").read_text())

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
    SETS = {"retry": "1"}

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


if __name__ == "__main__":
    unittest.main()

"""pushsrv's links bound to SMSCs of other hands: Osmocom's (libsmpp34) and one of Net::SMPP's PDUs; tshark is the judge."""
import os
import signal
import unittest

from harness.capture import Capture
from harness.esme import Esme, OsmoMsc, PerlSmsc
from harness.mail import Smtp, message
from harness.phones import Phones
from harness.system import Hato, eventually, free_ports, suspend
from harness.trigger import Trigger

EXPERT_WARN = 0x600000  # of tshark: a warning; an error is above it
PORTS = bytes.fromhex("0605040b8423f0")


def trigger(mailbox):
    return (bytes.fromhex("2a06060302030aaf89030d6a00850703") + mailbox.encode() +
            bytes.fromhex("0005c3072026010509301501"))


TRIGGER = trigger("taro@hato.example")
LONG = trigger("a" * 200 + "@hato.example")


class Links(unittest.TestCase):
    def esme(self, links, settings=()):
        esme = Esme(links, settings)
        self.addCleanup(esme.close)
        return esme

    def perl(self, **more):
        smsc = PerlSmsc(**more)
        self.addCleanup(smsc.close)
        return smsc

    def judge(self, capture, port):
        """No frame that tshark finds fault with; returns the commands that it saw."""
        out = capture.read("smpp", "-d", "tcp.port==%d,smpp" % port, "-T", "fields", "-e", "_ws.malformed", "-e",
                           "_ws.expert.severity", "-e", "smpp.command_id")
        commands = []
        for line in out.splitlines():
            malformed, severity, ids = line.split("\t")
            self.assertEqual("", malformed, out)
            self.assertLess(max([0] + [int(s) for s in severity.split(",") if s]), EXPERT_WARN, out)
            commands += [int(i, 16) for i in ids.split(",")]
        return commands


class Osmocom(Links):
    @classmethod
    def setUpClass(cls):
        cls.msc = OsmoMsc()

    @classmethod
    def tearDownClass(cls):
        cls.msc.close()

    def test_bind_submit_enquire_unbind(self):
        before = len(self.msc.messages())
        port = free_ports(1)[0]
        with Capture(port, also="tcp port %d" % self.msc.port) as capture:
            esme = self.esme({"osmo": {"port": self.msc.port, "enquire_seconds": 1}})
            esme.up()
            self.assertEqual("accepted", esme.outcome("819012345678", octets=TRIGGER)["outcome"])
            self.assertEqual("accepted", esme.outcome("819012345678", octets=LONG)["outcome"])
            text = "新着メール".encode("utf-16-be")
            self.assertEqual("accepted", esme.outcome("819012345678", octets=text, coding=8, verb="text")["outcome"])
            self.msc.logged("Tx Enquire Link Response")
            esme.stop()
            self.msc.logged("Rx UNBIND")
            capture.finish()
            commands = self.judge(capture, self.msc.port)
        for command in (9, 0x80000009, 4, 0x80000004, 0x15, 0x80000015, 6, 0x80000006):
            self.assertIn(command, commands)
        self.assertEqual(4, commands.count(4))
        kept = self.msc.messages()[before:]
        self.assertEqual([PORTS + TRIGGER, text], [kept[0][1], kept[3][1]])
        self.assertEqual(["819012345678"] * 4, [to for to, _ in kept])
        parts = [data for _, data in kept[1:3]]
        self.assertEqual(LONG, b"".join(p[12:] for p in parts))
        self.assertEqual([b"\x02\x01", b"\x02\x02"], [p[10:12] for p in parts])
        self.assertEqual(parts[0][:10], parts[1][:10])

    def test_transmitter_and_receiver(self):
        binds = self.msc.log().count("Rx BIND")
        esme = self.esme({"osmo": {"port": self.msc.port, "bind": "transmitter+receiver"}})
        esme.up()
        self.msc.logged("Rx BIND", binds + 2)
        self.assertEqual("accepted", esme.outcome("819012345678")["outcome"])
        esme.stop()

    def test_a_refused_bind_is_an_alarm_and_not_hammered(self):
        esme = self.esme({"osmo": {"port": self.msc.port, "system_id": "nobody"}})
        refused = eventually("the refusal", lambda: esme.logged("smsc-refused"))
        self.assertEqual("error", refused[0]["level"])
        self.assertGreaterEqual(refused[0]["again_ms"], 240000)
        self.assertEqual(1, esme.metric("refused", "osmo"))
        self.assertEqual(1, esme.metric("binds_refused_total", "osmo"))
        esme.stop()

    def test_it_comes_back_when_the_smsc_does(self):
        esme = self.esme({"osmo": {"port": self.msc.port, "reconnect": "0,1"}})
        esme.up()
        self.msc.kill()
        esme.up(0)
        waiting = esme.submit("819012345678")
        self.msc.start()
        esme.up()
        self.assertEqual("accepted", esme.wait("submitted", id=waiting)["outcome"])
        esme.stop()


class OfAnotherHand(Links):
    """smsc.pl: what a number ends with decides what it does."""

    def setUp(self):
        self.smsc = self.perl()

    def bound(self, **keys):
        esme = self.esme({"perl": {"port": self.smsc.port, "reconnect": "0", **keys}})
        esme.up()
        return esme

    def test_receipts_and_messages(self):
        with Capture(free_ports(1)[0], also="tcp port %d" % self.smsc.port) as capture:
            esme = self.bound()
            after = esme.outcome("819012345671", octets=TRIGGER)
            self.assertEqual(("accepted", "perl-1"), (after["outcome"], after["message_id"]))
            self.assertEqual("perl-1", esme.receipt()["message_id"])
            self.assertEqual((0, b""), self.smsc.wait("deliver_sm_resp"))
            # By number 5 and 6 the octets come back, header and all, as a deliver_sm and as a data_sm.
            for number, answer in (("819012345675", "deliver_sm_resp"), ("819012345676", "data_sm_resp")):
                self.assertEqual("accepted", esme.outcome(number, octets=TRIGGER)["outcome"])
                came = esme.wait("incoming")
                self.assertEqual((PORTS + TRIGGER, True), (bytes.fromhex(came["octets"]), came["udh"]))
                self.assertEqual(0, self.smsc.wait(answer)[0])
            self.assertEqual("accepted", esme.outcome("819012345677", octets=TRIGGER)["outcome"])
            self.smsc.wait("enquire_link_resp")
            self.assertEqual("accepted", esme.outcome("819012345679", octets=TRIGGER)["outcome"])
            self.assertEqual(3, self.smsc.wait("generic_nack")[0])
            esme.stop()
            self.smsc.wait("unbind")
            capture.finish()
            commands = self.judge(capture, self.smsc.port)
        for command in (4, 5, 0x80000005, 0x103, 0x80000103, 0x102, 0x80000000):
            self.assertIn(command, commands)

    def test_a_receipt_before_its_answer(self):
        esme = self.bound()
        submitted = esme.submit("819012345672")
        self.assertEqual("perl-1", esme.receipt()["message_id"])
        told = [e["event"] for e in esme.seen]
        self.assertIn("submitted", told)  # it was told before
        self.assertEqual("accepted", esme.wait("submitted", id=submitted)["outcome"])
        self.assertEqual(1, esme.metric("receipts_early_total", "perl"))
        esme.stop()

    def test_later_is_said_and_heard(self):
        esme = self.bound()
        esme.say("later 1")
        esme.outcome("819012345671")
        self.assertEqual(0x64, self.smsc.wait("deliver_sm_resp")[0])
        esme.outcome("819012345671")
        self.assertEqual(0, self.smsc.wait("deliver_sm_resp")[0])
        esme.stop()

    def test_refusals(self):
        esme = self.bound()
        refused = esme.outcome("819012345673")
        self.assertEqual(("permanent", 0x0B), (refused["outcome"], refused["status"]))
        throttled = esme.outcome("819012345674")
        self.assertEqual(("temporary", 0x58), (throttled["outcome"], throttled["status"]))
        self.assertGreater(esme.metric("pace_milli", "perl"), 0)
        self.assertEqual("accepted", esme.outcome("819012345670")["outcome"])  # after the pause
        esme.stop()

    def test_an_unbind_of_theirs(self):
        esme = self.bound()
        esme.outcome("819012345678")
        self.smsc.wait("unbind_resp")
        eventually("it is bound again", lambda: len(esme.logged("smsc-bound")) == 2)
        self.assertEqual("unbound", esme.logged("smsc-down")[0]["why"])
        esme.stop()


class Failover(Links):
    def test_the_next_link_takes_over(self):
        first, second = self.perl(), self.perl()
        esme = self.esme({"east": {"port": first.port, "reconnect": "0,1"},
                          "west": {"port": second.port, "priority": 1}})
        esme.up(2)
        self.assertEqual("east", esme.outcome("819012345670")["link"])
        first.close()
        esme.up(1)
        self.assertEqual("west", esme.outcome("819012345670")["link"])
        first = self.perl(port=first.port)
        esme.up(2)
        self.assertEqual("east", esme.outcome("819012345670")["link"])
        esme.stop()

    def test_who_takes_and_says_nothing_is_left(self):
        """The process stands still: its kernel takes all that is sent."""
        first, second = self.perl(), self.perl()
        esme = self.esme({"east": {"port": first.port, "window": 4, "response_seconds": 1},
                          "west": {"port": second.port, "priority": 1}})
        esme.up(2)
        suspend(first.process.pid)
        ids = [esme.submit("819012345670") for _ in range(6)]
        told = [esme.wait("submitted", id=i) for i in ids]
        self.assertEqual(["unknown"] * 4 + ["accepted"] * 2, [t["outcome"] for t in told])
        self.assertEqual(["east"] * 4 + ["west"] * 2, [t["link"] for t in told])
        self.assertEqual(1, esme.metric("silent_total", "east"))
        os.kill(first.process.pid, signal.SIGCONT)
        esme.up(2)
        self.assertEqual("east", esme.outcome("819012345670")["link"])
        esme.stop()


class Pushsrv(unittest.TestCase):
    """The whole of it: mail for a phone that has no address, and Osmocom's SMSC instead of ours."""

    def test_mail_goes_out_by_a_foreign_smsc(self):
        msc = OsmoMsc()
        self.addCleanup(msc.close)
        secret = msc.dir / "hato.secret"
        secret.write_text(msc.password)
        hato = Hato({"pushsrv.coalesce": 0, "smsc-sim.smpp_port": 0, "smsc osmo.host": "127.0.0.1", "smsc osmo.port": msc.port,
                     "smsc osmo.system_id": "hato", "smsc osmo.password_file": secret, "smsc osmo.source": "4286"})
        self.addCleanup(hato.close)
        phone = Phones(hato).next(attach=False)
        with Smtp(hato.port("smtpgw.mx_port")) as sender:
            self.assertEqual(250, sender.deliver(phone.address, message("by the air"))[0])
        kept = eventually("the SMSC has it", msc.messages)
        self.assertEqual(1, hato.metric('hato_pushsrv_smsc_up{smsc="osmo"}'))
        self.assertEqual(phone.msisdn, kept[0][0])
        self.assertEqual(PORTS, kept[0][1][:len(PORTS)])
        self.assertEqual("mailat:" + phone.address, Trigger(kept[0][1][len(PORTS):]).mailbox)
        hato.stop()
        msc.logged("Rx UNBIND")


if __name__ == "__main__":
    unittest.main()

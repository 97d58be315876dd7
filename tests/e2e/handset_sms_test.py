"""A simulated phone's SMS side against a service centre written by hand: what wakes it, what it answers, what it makes of
repeats, parts and forgeries; and that none of them harms anybody's binding."""
import base64
import json
import subprocess
import time
import unittest

from harness.clients import run
from harness.phones import Phones
from harness.service_centre import MO_ACK, MO_ERROR, ServiceCentre, deliver, emn_push, parts
from harness.system import BUILD, PATIENCE, Hato, eventually

PROTOCOL_ERROR = 111
LOGINS, FORGED = "hato_popgw_logins_total", "hato_authsrv_reports_forged_total"


class Sleeper:
    """Simulated phone `index` of a run that began at `first`: all of the run's phones sleep, each has one mail to come."""

    def __init__(self, test, first, index):
        self.test, self.hato = test, test.hato
        self.msisdn = "8180%08d" % (first + index)
        self.imsi = "44020%010d" % (first + index)
        self.mailbox = "phone%d@hato.example" % (first + index)

    def has_mail(self):
        shown = self.hato.command("mailbox", "show", self.msisdn, "--json", check=False)
        return shown.returncode == 0 and json.loads(shown.stdout)["messages"] > 0  # no mailbox before the first mail

    def binding(self):
        status, _, rows = self.hato.network("GET", "/v1/bindings?msisdn=" + self.msisdn)
        assert status == 200
        return rows[0] if rows else None

    def hears(self, tpdu, answer=MO_ACK):
        """What it answers, without type and reference."""
        said = self.test.centre.deliver(self.msisdn, tpdu)
        self.test.assertEqual(answer, said[0], said.hex())
        return said[2:]

    def fetches(self):
        eventually(self.msisdn + " has fetched", lambda: not self.has_mail())


class HandsetSms(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato({"pushsrv.coalesce": 0, "smsc-sim.smpp_port": 0})
        cls.firsts = iter(range(1, 10**6, 1000))

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def simulate(self, handsets, *options):
        """A running simulator whose phones all sleep, attached to self.centre; the phones."""
        first = next(self.firsts)
        self.centre = ServiceCentre()
        self.addCleanup(self.centre.__exit__)
        self.simulator = subprocess.Popen(
            [str(w) for w in (BUILD / "handset-sim", "--dir", self.hato.dir / "state", "--set",
                              "smsc-sim.radio_port=%d" % self.centre.port, "--sms", 100, "--handsets", handsets, "--mails",
                              handsets, "--first", first, "--json", "--patience", PATIENCE, *options)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.addCleanup(self.simulator.stderr.close)
        self.addCleanup(self.simulator.stdout.close)
        self.addCleanup(self.simulator.wait)
        self.addCleanup(self.simulator.kill)
        phones = [Sleeper(self, first, i) for i in range(handsets)]
        self.centre.wait("all attach", lambda: len(self.centre.attached) == handsets)
        self.assertEqual({p.msisdn: p.imsi for p in phones}, self.centre.attached)
        for phone in phones:
            eventually("it has mail", phone.has_mail)
        return phones

    def report(self, status=0):
        """The simulator's, when it has ended by itself."""
        out, err = self.simulator.communicate(timeout=PATIENCE)
        self.assertEqual(status, self.simulator.returncode, (out, err, self.hato.log()[-3000:]))
        return json.loads(out)

    def test_an_sms_wakes_a_phone_without_an_address(self):
        one, two = self.simulate(2)
        self.assertIsNone(one.binding())
        report = one.hears(deliver(emn_push(one.mailbox, time.time())))
        self.assertEqual(bytes.fromhex("41020000"), report, "user data: SMS-DELIVER-REPORT, no parameters")
        one.fetches()
        self.assertEqual("confirmed", one.binding()["state"])
        self.assertIsNone(two.binding(), "and nobody else")
        two.hears(deliver(emn_push(two.mailbox, time.time())))
        report = self.report()
        self.assertEqual((2, 2, 0), (report["fetched"], report["radio"]["wakes"], report["stranger"]), report)
        self.assertEqual(2, report["radio"]["sms_triggers"], report)

    def test_parts_in_any_order_and_twice(self):
        one, = self.simulate(1)
        pieces = parts(emn_push(one.mailbox, time.time()), reference=7, size=20)
        self.assertGreater(len(pieces), 2)
        for tpdu in pieces[1:] + pieces[1:2]:
            one.hears(tpdu)
        self.assertIsNone(one.binding(), "not whole yet")
        one.hears(pieces[0])
        self.report()

    def test_repeats_and_old_ones_are_dropped_and_hints_wait_a_minute(self):
        one, two = self.simulate(2)
        now, before = int(time.time()), self.hato.metric(LOGINS)
        one.hears(deliver(emn_push(one.mailbox, now, tid=1)))
        one.fetches()
        for tpdu in (deliver(emn_push(one.mailbox, now, tid=1)), deliver(emn_push(one.mailbox, now, tid=2)),
                     deliver(emn_push(one.mailbox, now - 3600)), deliver(emn_push(one.mailbox, now + 5)),
                     deliver(emn_push(one.mailbox, now + 3 * 10**8))):
            one.hears(tpdu)
        two.hears(deliver(emn_push(two.mailbox, now)))
        two.fetches()
        self.report()
        self.assertLessEqual(self.hato.metric(LOGINS), before + 4, "of each one for its hint, and one for its new lease")

    def test_forged_ones_harm_nobody(self):
        """For another's mailbox, unsigned, in the future: followed by nobody whom they are not for, reported, and every
        binding stays as it was."""
        one, two = self.simulate(2)
        before = self.hato.metric(FORGED)
        one.hears(deliver(emn_push(two.mailbox, time.time())))
        one.hears(deliver(emn_push(two.mailbox, time.time() + 10**8, tid=0xf9)))
        one.hears(deliver(b"not a push"))
        one.hears(deliver(emn_push("x" * 40 + "@hato.example", time.time())))
        self.assertIsNone(one.binding(), "a stranger's trigger wakes nobody")
        self.assertIsNone(two.binding())
        one.hears(deliver(emn_push(one.mailbox, time.time() + 10**8)))
        one.fetches()
        eventually("the report came", lambda: self.hato.metric(FORGED) == before + 1)
        kept = one.binding()
        self.assertEqual("confirmed", kept["state"])
        for n in range(20):
            one.hears(deliver(emn_push(one.mailbox, time.time() + n, tid=200 + n)))
        self.assertEqual(kept, one.binding())
        self.assertEqual([], self.hato.events("quarantined"))
        two.hears(deliver(emn_push(two.mailbox, time.time())))
        report = self.report()
        self.assertEqual((3, 1), (report["misdirected"], report["reported"]), report)

    def test_what_is_none_is_answered_by_the_standard(self):
        one, = self.simulate(1)
        push = emn_push(one.mailbox, time.time())
        for tpdu in (b"\x44\xff", deliver(push)[:-1], deliver(push) + b"x", b"\x43" + deliver(push)[1:]):
            cause = one.hears(tpdu, MO_ERROR)
            self.assertEqual((1, PROTOCOL_ERROR), (cause[0], cause[1]), cause.hex())
        one.hears(deliver(push, udh=bytes.fromhex("0505040b8423")))  # a header that overruns itself: for nobody
        one.hears(deliver(push, udh=bytes.fromhex("0605040b8523f3")))  # to another port
        one.hears(deliver(push, udh=b""))  # to none
        self.assertIsNone(one.binding())
        one.hears(deliver(push))
        self.report()

    def test_the_radio_goes_and_comes_back(self):
        one, = self.simulate(1)
        self.centre.cut()
        self.centre.wait("it is gone", lambda: not self.centre.attached)
        self.centre.wait("and attaches again", lambda: one.msisdn in self.centre.attached)
        one.hears(deliver(emn_push(one.mailbox, time.time())))
        self.report()

    def test_texts_go_out_until_they_are_taken(self):
        one, two = self.simulate(2, "--texts", 5)
        numbers = {p.msisdn for p in (one, two)}
        self.centre.wait("five texts, two of them in parts", lambda: len(self.centre.submits()) >= 9)
        submits = self.centre.submits()
        self.assertEqual(9, len(submits), "each once: it was acknowledged")
        self.assertTrue({s.to for _, s in submits} | {n for n, _ in submits} <= numbers)
        self.assertEqual([0] * 6 + [8] * 3, sorted(s.dcs for _, s in submits))
        self.assertEqual(6, sum(s.has_udh for _, s in submits))
        self.assertFalse(any(s.rejects_duplicates for _, s in submits))
        self.assertIsNone(self.simulator.poll(), "what does not arrive is waited for")


class ForgedReports(unittest.TestCase):
    """What went by SMS went to a number, not to an address: a report of it is never evidence against one."""

    def test_a_report_of_an_sms_changes_nothing(self):
        hato = Hato({"pushsrv.coalesce": 0})
        try:
            phones = Phones(hato)
            victim, reporter = phones.next(attach=False), phones.next()
            victim.receive()
            push = self.sms_to(hato, victim.msisdn)
            victim.attach()
            kept = [victim.binding(), reporter.binding()]
            self.assertIn(victim.address.encode(), push)
            for n, octets in enumerate((push, bytes([push[0] ^ 1]) + push[1:], emn_push(victim.address, time.time())), 1):
                report = {"trigger": base64.b64encode(octets).decode()}
                for phone in (reporter, victim):
                    self.assertEqual(202, phone.bearer("POST", "/v1/reports/misdirected", report)[0])
                self.assertEqual(2 * n, hato.metric(FORGED))
            self.assertEqual(kept, [victim.binding(), reporter.binding()])
            self.assertEqual(["confirmed"] * 2, [b["state"] for b in kept])
            self.assertEqual([], hato.events("misdirected") + hato.events("quarantined"))
        finally:
            hato.close()

    def sms_to(self, hato, msisdn):
        """The push in the message to that number."""
        def ask():
            status, _, found = hato.http(hato.port("smsc-sim.control_port"), "GET", "/v1/messages?destination=" + msisdn)
            self.assertEqual(200, status)
            return found
        found = eventually("an SMS is on its way", ask)[0]["id"]
        status, _, message = hato.http(hato.port("smsc-sim.control_port"), "GET", "/v1/messages/" + found)
        self.assertEqual(200, status)
        return bytes.fromhex(message["content"]["octets"])


class Texts(unittest.TestCase):
    """Through the real SMSC: SMS-SUBMIT in, store and forward, SMS-DELIVER out."""

    def test_texts_arrive_as_they_were_written(self):
        hato = Hato({"pushsrv.coalesce": 0})
        try:
            done = run(BUILD / "handset-sim", "--dir", hato.dir / "state", "--handsets", 12, "--mails", 12, "--texts", 40, "--json")
            self.assertEqual(0, done.returncode, (done.stdout, done.stderr, hato.log()[-3000:]))
            texts = json.loads(done.stdout)["radio"]["texts"]
        finally:
            hato.close()
        self.assertEqual({"written": 40, "taken": 40, "arrived": 40, "refused": 0, "again": 0, "altered": 0, "stranger": 0}, texts)

    def test_a_radio_that_is_off_is_told_at_once(self):
        hato = Hato({"smsc-sim.radio_port": 0})
        try:
            done = run(BUILD / "handset-sim", "--dir", hato.dir / "state", "--sms", 10)
            self.assertEqual((1, b""), (done.returncode, done.stdout))
            self.assertEqual(b"handset-sim: radio: smsc-sim.radio_port is 0\n", done.stderr)
        finally:
            hato.close()


if __name__ == "__main__":
    unittest.main()

"""DNS at work: lists of senders' addresses, asked by smtpgw of a real name server (Knot DNS), and of one that misbehaves."""
import concurrent.futures
import threading
import time
import unittest

from harness.dns import Misbehaving, Names
from harness.mail import Smtp
from harness.system import Hato, eventually

LISTS = "bl.test=5,grey.test=2:4-7,good.test=-4,all.test=9,empty.test=5,odd.test=5,error.test=9,slow.test=5"


def listed(zone, ip, answer="127.0.0.2", reason=None):
    name = ".".join(reversed(ip.split("."))) + "." + zone + "."
    rows = ["%s 60 A %s" % (name, answer)]
    if reason:
        rows.append('%s 60 TXT "%s"' % (name, reason))
    return rows


def tested(*zones):
    """What a list must have for its self-test."""
    return [row for zone in zones for row in listed(zone, "127.0.0.2")]


RECORDS = (tested("bl.test", "grey.test", "good.test", "odd.test", "error.test", "slow.test")
           + ["*.all.test. 60 A 127.0.0.2"]
           + listed("bl.test", "127.9.0.1", reason="It sent spam; see https://bl.test/127.9.0.1")
           + listed("grey.test", "127.9.0.2", "127.0.0.4")
           + listed("bl.test", "127.9.0.3") + listed("good.test", "127.9.0.3")
           + listed("odd.test", "127.9.0.4", "192.0.2.1") + listed("grey.test", "127.9.0.4", "127.0.0.3")
           + listed("error.test", "127.9.0.5", "127.255.255.254")
           + listed("bl.test", "127.9.0.6", reason="held back")
           + listed("bl.test", "127.9.0.7", reason="x" * 255 + '" "' + "y" * 255 + '" "' + "z" * 200)
           + listed("bl.test", "127.9.0.8"))


class Lists(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.names = Names(RECORDS)
        cls.dns = Misbehaving(cls.names)
        cls.hato = Hato({"smtpgw.dns_servers": cls.dns.server, "smtpgw.dnsbl": LISTS, "smtpgw.checks_private": "yes",
                         "smtpgw.workers": 1})
        cls.hato.subscriber(1, ["u1@hato.example", "postmaster@hato.example"])
        eventually("all lists are tested", lambda: len(cls.hato.events("dnsbl-tested")) == len(LISTS.split(",")))

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()
        cls.dns.close()
        cls.names.close()

    def rcpt(self, source, to="u1@hato.example"):
        with Smtp(self.hato.port("smtpgw.mx_port"), source) as s:
            self.assertEqual(250, s.say("MAIL FROM:<a@b.example>")[0])
            return s.say("RCPT TO:<%s>" % to)

    def question(self, zone, source):
        return ".".join(reversed(source.split("."))) + "." + zone

    def test_each_list_was_tested_first(self):
        states = {e["zone"]: e["state"] for e in self.hato.events("dnsbl-tested")}
        self.assertEqual("lists-all", states["all.test"])
        self.assertEqual("empty", states["empty.test"])
        self.assertEqual("works", states["bl.test"])

    def test_who_is_listed_is_refused_with_the_reason(self):
        code, text = self.rcpt("127.9.0.1")
        self.assertEqual(550, code)
        self.assertEqual("5.7.1 [127.9.0.1] is listed by bl.test: It sent spam; see https://bl.test/127.9.0.1", text)
        self.assertEqual(250, self.rcpt("127.9.0.1", "postmaster@hato.example")[0], "and may ask the postmaster")

    def test_the_sum_decides(self):
        self.assertEqual(250, self.rcpt("127.9.0.2")[0], "2 of 5")
        self.assertEqual(250, self.rcpt("127.9.0.3")[0], "5 - 4 of 5")

    def test_what_is_no_listing(self):
        self.assertEqual(250, self.rcpt("127.9.0.4")[0], "an address outside 127/8, a code that does not count")
        self.assertEqual(0, self.dns.count(self.question("all.test", "127.9.0.4")), "a list of everybody is not asked")

    def test_an_error_is_no_listing_and_the_list_is_left_alone(self):
        self.assertEqual(250, self.rcpt("127.9.0.5")[0])
        self.assertEqual(["error.test"], [e["zone"] for e in self.hato.events("dnsbl-paused") if "not answer us" in e["why"]])
        self.rcpt("127.9.0.9")
        self.assertEqual(0, self.dns.count(self.question("error.test", "127.9.0.9")))

    def test_servfail_is_no_listing(self):
        self.dns.order(self.question("bl.test", "127.9.0.8"), "servfail")
        self.assertEqual(250, self.rcpt("127.9.0.8")[0])

    def test_a_long_reason_comes_by_tcp(self):
        before = self.dns.by_tcp
        self.dns.order(self.question("bl.test", "127.9.0.7"), "cut")
        code, text = self.rcpt("127.9.0.7")
        self.assertEqual((550, True), (code, text.endswith("bl.test: " + "x" * 255)), text)
        self.assertGreater(self.dns.by_tcp, before)

    def test_a_slow_list_is_not_waited_for_long_nor_for_ever(self):
        """Within smtpgw.checks_timeout nobody waits longer, for all lists together; after five times it is not asked."""
        self.dns.order("slow.test", "silent")
        def paused():
            return [e for e in self.hato.events("dnsbl-paused") if e["zone"] == "slow.test"]

        def ask(source):
            began = time.monotonic()
            return self.rcpt(source)[0], time.monotonic() - began
        self.assertEqual([], paused())
        with concurrent.futures.ThreadPoolExecutor(5) as clients:
            for code, took in clients.map(ask, ["127.9.1.%d" % i for i in range(5)]):
                self.assertEqual(250, code)
                self.assertGreater(took, 0.9)
        self.assertEqual(1, len(paused()))
        self.assertEqual(250, self.rcpt("127.9.1.99")[0])
        self.assertEqual(0, self.dns.count(self.question("slow.test", "127.9.1.99")))

    def test_a_reason_that_is_late_is_left_out(self):
        self.dns.order(self.question("bl.test", "127.9.0.6"), "held")

        def release():
            return self.dns.count(self.question("bl.test", "127.9.0.6"), "TXT") or (self.dns.release() and False)
        t = threading.Thread(target=lambda: eventually("the list is asked why", release))
        t.start()
        code, text = self.rcpt("127.9.0.6")
        t.join()
        self.assertEqual((550, "5.7.1 [127.9.0.6] is listed by bl.test"), (code, text))

    def test_nobody_is_asked_about_a_subscriber(self):
        s = self.hato.subscriber(2)
        self.hato.lease("start", ip="127.9.0.10", msisdn=s.msisdn, session_id="x")
        self.assertEqual(250, self.rcpt("127.9.0.10")[0])
        self.assertEqual(0, self.dns.count(self.question("bl.test", "127.9.0.10")))
        self.assertEqual(250, self.rcpt("127.9.0.11")[0])
        self.assertEqual(1, self.dns.count(self.question("bl.test", "127.9.0.11")))

    def test_the_cache_answers_the_next_time(self):
        self.rcpt("127.9.0.12")
        sent, cached = (self.hato.metric("hato_smtpgw_dns_%s_total" % w) for w in ("sent", "cached"))
        self.rcpt("127.9.0.12")
        self.assertEqual(sent, self.hato.metric("hato_smtpgw_dns_sent_total"))
        self.assertGreater(self.hato.metric("hato_smtpgw_dns_cached_total"), cached)


class Quiet(unittest.TestCase):
    """Without smtpgw.checks_private."""

    def test_nobody_is_asked_about_private_addresses_and_our_own(self):
        with Names(tested("bl.test") + listed("bl.test", "127.9.0.1")) as names, Misbehaving(names) as dns:
            hato = Hato({"smtpgw.dns_servers": dns.server, "smtpgw.dnsbl": "bl.test=5"})
            self.addCleanup(hato.close)
            hato.subscriber(1)
            eventually("it is tested", lambda: hato.events("dnsbl-tested"))
            with Smtp(hato.port("smtpgw.mx_port"), "127.9.0.1") as s:
                s.say("MAIL FROM:<a@b.example>")
                self.assertEqual(250, s.say("RCPT TO:<u1@hato.example>")[0])
            self.assertEqual({"2.0.0.127.bl.test", "1.0.0.127.bl.test"}, {name for name, _ in dns.asked})


if __name__ == "__main__":
    unittest.main()

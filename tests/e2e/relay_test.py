"""smtpgw empties the outbound queue: to Postfix, to hosts that misbehave, to our own domains; what is tried again, what is
given up, and that nothing is lost when it is killed in the middle."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from harness.dns import Names
from harness.postfix import Postfix
from harness.queue import Queue
from harness.smtp_host import Host
from harness.system import Hato, eventually

TEXT = b"From: sender@hato.example\r\nSubject: news\r\nMessage-ID: <%d@hato.example>\r\n\r\n.a line with a dot\r\n\r\n..two\r\n.\r\n"
# Nobody has the sender's address: bounces to him are dropped.
QUICK = {"smtpgw.queue_retry": "1", "smtpgw.relay_down_seconds": "1", "smtpgw.hold_double_bounces": "off"}


def text(number=1):
    return TEXT % number


def route(name, domain, port, **more):
    keys = {"domains": domain, "host": "127.0.0.1:%d" % port, **more}
    return {"route %s.%s" % (name, key): value for key, value in keys.items()}


def certificate(folder, names="DNS:localhost"):
    """A self-signed one; (certificate, key)."""
    paths = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=" + names, "-out", paths[0], "-keyout", paths[1]],
                   check=True, capture_output=True)
    return paths


class RelayCase(unittest.TestCase):
    """Things that are closed at the end of a class, in the right order."""

    @classmethod
    def keep(cls, thing):
        cls.addClassCleanup(thing.close)
        return thing

    @classmethod
    def begin(cls, sets):
        cls.hato = cls.keep(Hato({**QUICK, **sets}))
        cls.queue = cls.keep(Queue(cls.hato))

    def wait_failed(self, address, event="relay-failed"):
        return eventually(address + " has failed",
                          lambda: next((e for e in self.hato.events(event) if e["to"] == address), None))


class PostfixTest(RelayCase):
    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="hato-tls-"))
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.outside = cls.keep(Postfix(["outside.example", "must.example", "off.example", "other.example"],
                                       {"no@outside.example": "550 5.1.1 nobody", "later@outside.example": "450 4.2.0 later"},
                                       settings={"smtpd_tls_received_header": "yes", "max_use": "1"},
                                       tls=certificate(folder, "IP:127.0.0.1,DNS:localhost"), also=["127.0.0.5"]))
        cls.broken = cls.keep(Host())
        port = cls.outside.port
        cls.begin({**route("out", "outside.example, .below.example", port), **route("must", "must.example", port, tls="required"),
                   **route("off", "off.example", port, tls="off"),
                   **route("other", "other.example", port, tls="required"), "route other.host": "127.0.0.5:%d" % port, **route("bad", "bad.example", cls.broken.port),
                   **route("worse", "worse.example", cls.broken.port, tls="required"),
                   "smtpgw.relay_ca": str(folder / "cert.pem"),
                   "smtpgw.relay_mails_per_connection": "1"})  # so that Postfix reads its answers anew

    def lane(self, name):
        return [w for w in self.queue.show() if w.lane == name]

    def test_a_mail_arrives_as_it_was_put(self):
        before = len(self.outside.inbox())
        large = b"Subject: large\r\n\r\n" + b"".join(b".%06d 0123456789\r\n" % i for i in range(60000))
        for octets, flags in ((text(), "-"), (large, "-"), ("Subject: 8\r\n\r\nä ö\r\n".encode(), "8"),
                              ("Subject: ü\r\n\r\nu\r\n".encode(), "8u"), (b"Subject: empty\r\n\r\n", "-")):
            self.queue.put(octets, "x@outside.example", flags=flags)
        eventually("all are settled", lambda: not self.lane("outside.example"))
        got = self.outside.wait_inbox(before + 5)
        self.assertEqual(len(got), before + 5)
        whole = b"".join(got).replace(b"\n", b"\r\n")
        for part in (b"\r\n.a line with a dot\r\n\r\n..two\r\n.\r\n", large.partition(b"\r\n\r\n")[2], "ä ö".encode(),
                     "Subject: ü".encode(), b"Subject: empty"):
            self.assertIn(part, whole)

    def test_recipients_have_answers_of_their_own(self):
        before = len(self.outside.inbox())
        self.queue.put(text(2), "a@outside.example", "no@outside.example", "later@outside.example", "b@outside.example")
        later = self.queue.wait_tried("later@outside.example")
        self.assertEqual((later.code, later.enhanced), (450, "4.2.0"))
        self.outside.set_access({})
        no = self.wait_failed("no@outside.example")
        self.assertEqual((no["code"], no["enhanced"], no["attempts"]), (550, "5.1.1", 1))
        self.assertIn("127.0.0.1", no["remote"])
        self.outside.wait_inbox(before + 3)
        eventually("nobody waits any more", lambda: not self.lane("outside.example"))
        self.assertEqual(len(self.outside.inbox()), before + 3)

    def is_secret(self, to):
        self.queue.put(text(), to)
        mail = eventually("it arrives", lambda: next((m for m in self.outside.inbox() if b"for <%s>" % to.encode() in m), None))
        return re.search(rb"\(using TLSv1\.[23]", mail) is not None

    def test_tls_by_route(self):
        self.assertTrue(self.is_secret("tls@outside.example"))
        self.assertTrue(self.is_secret("x@must.example"))
        self.assertFalse(self.is_secret("x@off.example"))
        self.queue.put(text(), "x@other.example")  # a certificate that is another host's
        self.assertEqual(self.queue.wait_tried("x@other.example").enhanced, "4.7.5")

    def test_a_handshake_that_fails(self):
        self.broken.order = "bad-tls"
        self.queue.put(text(), "x@bad.example")
        self.queue.put(text(), "x@worse.example")
        self.broken.wait_mails(1)  # in the clear, at once
        self.assertEqual(self.queue.wait_tried("x@worse.example").enhanced, "4.7.5")
        self.broken.order = None
        eventually("nor without TLS at all", lambda: [w.enhanced for w in self.lane("worse.example")] == ["4.7.4"])
        self.assertEqual(len(self.broken.mails), 1)


class HostsTest(RelayCase):
    ORDERS = ("hang", "refuse", "drop-rcpt", "drop-data", "drop-final", "flood", "long-line", "garbage", "early", "stray")

    @classmethod
    def setUpClass(cls):
        cls.good, cls.bad = cls.keep(Host()), cls.keep(Host())
        sets = {**route("good", "good.example", cls.good.port), **route("bad", "bad.example", cls.bad.port),
                **route("dead", "dead.example", 1)}
        cls.worse = {}
        for order in cls.ORDERS:
            cls.worse[order] = cls.keep(Host())
            sets.update(route(order, order + ".example", cls.worse[order].port))
        cls.begin({**sets, "smtpgw.relay_greeting_seconds": "1", "smtpgw.relay_command_seconds": "2",
                   "smtpgw.relay_final_seconds": "2", "smtpgw.relay_idle_seconds": "1", "smtpgw.relay_per_destination": "4"})

    def setUp(self):
        self.fresh(self.good)
        self.fresh(self.bad)

    def fresh(self, host):
        """Without what was before, and no connection that is older than its order."""
        host.hang_up()
        host.order, host.connections, host.most = None, 0, 0
        host.mails.clear()

    def lane(self, name):
        return [w for w in self.queue.show() if w.lane == name]

    def wait_gone(self, name):
        eventually("nothing waits for " + name, lambda: not self.lane(name))

    def test_whatever_a_host_does_the_mail_stays_and_goes_out_later(self):
        for order, host in self.worse.items():
            host.order = order
            self.queue.put(text(), "x@%s.example" % order)
        for order in self.worse:
            with self.subTest(order):
                waits = self.queue.wait_tried("x@%s.example" % order)
                self.assertEqual((waits.code, waits.enhanced[0]), (554, "5") if order == "refuse" else (0, "4"), waits)
        for host in self.worse.values():
            host.order = None
        for order, host in self.worse.items():
            with self.subTest(order):
                self.wait_gone(order + ".example")
                self.assertEqual({m[2] for m in host.mails}, {text()})
                self.assertEqual(len(host.mails) == 1, order != "drop-final")

    def test_a_dead_destination_holds_up_nobody(self):
        self.bad.order = "hang"
        self.queue.many(50, text(), "x%d@dead.example")
        self.queue.put(text(), "x@bad.example")
        self.queue.many(50, text(), "x%d@good.example")
        self.good.wait_mails(50)
        self.queue.wait_tried("x49@dead.example")
        self.assertEqual({w.enhanced for w in self.lane("dead.example")}, {"4.4.1"})
        self.bad.order = None
        self.wait_gone("bad.example")

    def test_connections_are_used_again_and_are_few(self):
        self.queue.many(200, text(), "y%d@good.example")
        self.good.wait_mails(200)
        self.assertLessEqual(self.good.most, 4)
        self.assertLess(self.good.connections, 12)
        self.assertEqual(len({m[1][0] for m in self.good.mails}), 200)
        self.assertEqual(len(self.good.mails), 200)

    def test_what_is_due_while_others_are_on_their_way_is_not_forgotten(self):
        self.good.answers = {"w1@good.example": "450 4.2.0 later"}
        self.queue.put(text(), "w1@good.example")
        self.queue.wait_tried("w1@good.example")
        self.good.answers = {}
        self.good.gate.clear()
        self.queue.put(text(), "w2@good.example")
        eventually("it is on its way", lambda: any("w2@" in c for c in self.good.commands))
        self.good.gate.set()
        eventually("both have it", lambda: len(self.good.mails) == 2, patience=15)
        self.wait_gone("good.example")

    def test_one_that_closes_after_each_mail(self):
        self.bad.order = "after-one"
        self.queue.many(20, text(), "z%d@bad.example")
        self.bad.wait_mails(20)
        self.wait_gone("bad.example")
        self.assertEqual(len({m[1][0] for m in self.bad.mails}), 20)

    def test_what_needs_smtputf8_and_does_not_get_it_has_failed(self):
        self.bad.order = "no-utf8"
        self.queue.put("Subject: ü\r\n\r\nx\r\n".encode(), "x@bad.example", flags="8u")
        self.assertEqual(self.wait_failed("x@bad.example")["enhanced"], "5.6.7")
        body = "Subject: x\r\n\r\nä\r\n".encode()
        self.queue.put(body, "y@bad.example", flags="8u")  # said, and not needed; the body is 8-bit
        self.assertEqual(self.bad.wait_mails(1)[0][2], body)
        self.bad.order = None
        self.bad.hang_up()
        self.wait_gone("bad.example")

    def test_too_many_recipients_come_in_another_mail(self):
        to = ["r%d@bad.example" % i for i in range(6)]
        self.bad.answers = {a: "452 4.5.3 too many" for a in to[3:]}
        self.queue.put(text(), *to)
        self.bad.wait_mails(1)
        self.bad.answers = {}
        eventually("all have it", lambda: sorted(a for m in self.bad.mails for a in m[1]) == to)
        self.wait_gone("bad.example")

    def test_a_mail_that_went_in_circles(self):
        self.queue.put(b"Received: from a by b; now\r\n" * 101 + text(), "circle@good.example")
        self.assertEqual(self.wait_failed("circle@good.example")["enhanced"], "5.4.6")
        self.assertEqual(self.good.connections, 0)


class KillTest(RelayCase):
    @classmethod
    def setUpClass(cls):
        cls.host = cls.keep(Host())
        cls.begin(route("out", "out.example", cls.host.port))

    def setUp(self):
        self.host.hang_up()
        self.host.mails.clear()
        self.host.commands.clear()
        self.host.gate.clear()

    def test_nothing_is_lost_when_smtpgw_is_killed(self):
        host = self.host
        self.queue.many(100, text(), "x%d@out.example")
        for _ in range(2):
            eventually("mails are on their way", lambda: len(host.open) >= 5)
            died = self.hato.kill("smtpgw")
            host.gate.set()
            self.hato.wait_restarted("smtpgw", died)
            host.gate.clear()
        host.gate.set()
        self.queue.wait_empty()
        self.assertEqual(len({m[1][0] for m in host.mails}), 100)
        self.assertLess(len(host.mails), 200)

    def test_a_stop_lets_the_last_answer_come(self):
        self.queue.put(text(), "x@out.example")
        eventually("the content is out", lambda: "DATA" in self.host.commands)
        stops = len(self.hato.events("stopping"))
        os.kill(self.hato.pid("smtpgw"), signal.SIGTERM)
        eventually("it is stopping", lambda: len(self.hato.events("stopping")) > stops)
        self.host.gate.set()
        self.queue.wait_empty()
        self.assertEqual(len(self.host.mails), 1)


class NamesTest(RelayCase):
    """By MX and addresses; our own domains; the end of the time."""

    @classmethod
    def setUpClass(cls):
        cls.one = cls.keep(Host("127.0.0.21"))
        cls.two = cls.keep(Host("127.0.0.22", cls.one.port))
        names = cls.keep(Names([
            "one.test. 60 A 127.0.0.21", "two.test. 60 A 127.0.0.22", "nobody.test. 60 A 127.0.0.23",
            "plain.example. 60 A 127.0.0.21",
            "pair.example. 60 MX 10 nobody.test.", "pair.example. 60 MX 20 two.test.",
            "twins.example. 60 MX 10 one.test.", "twins.example. 60 MX 10 two.test.",
            "never.example. 60 MX 0 .", "empty.example. 60 TXT x", "lost.example. 60 MX 10 not-there.test.",
            "ours.example. 60 MX 10 mx.hato.example.", "ours.example. 60 MX 20 one.test.",
            "behind.example. 60 MX 5 one.test.", "behind.example. 60 MX 10 mx.hato.example.",
            "dead.example. 60 A 127.0.0.23"]))
        cls.begin({"smtpgw.dns_servers": names.server, "smtpgw.relay_port": cls.one.port, "smtpgw.queue_seconds": "2"})

    def test_which_host(self):
        for name in ("plain", "pair", "behind"):
            self.queue.put(text(), "x@%s.example" % name)
        self.queue.many(30, text(), "t%d@twins.example")
        self.queue.put(text(), "x@[127.0.0.22]")
        eventually("all arrive", lambda: len(self.one.mails) + len(self.two.mails) >= 34)
        to = [{m[1][0] for m in host.mails} for host in (self.one, self.two)]
        self.assertIn("x@plain.example", to[0])
        self.assertIn("x@behind.example", to[0])
        self.assertIn("x@pair.example", to[1])
        self.assertIn("x@[127.0.0.22]", to[1])
        self.assertEqual(len(self.one.mails) + len(self.two.mails), 34)

    def test_domains_that_take_no_mail(self):
        wants = {"never": "5.1.10", "nothing": "5.1.2", "empty": "5.4.4", "lost": "5.4.4", "ours": "5.4.6"}
        for name in wants:
            self.queue.put(text(), "x@%s.example" % name)
        for name, enhanced in wants.items():
            self.assertEqual(self.wait_failed("x@%s.example" % name)["enhanced"], enhanced, name)

    def test_a_mail_whose_time_is_over(self):
        self.queue.put(text(), "x@dead.example")
        end = self.wait_failed("x@dead.example", "relay-expired")
        self.assertEqual((end["code"], end["enhanced"]), (0, "4.4.1"))
        self.assertGreater(end["attempts"], 1)

    def test_our_own_domains(self):
        s = self.hato.subscriber(1)
        self.hato.attach(s, "127.0.0.7")
        before = self.hato.metric("hato_smtpgw_relay_delivered_total")
        self.queue.put(text(5), s.address, "nobody@hato.example")
        self.assertEqual(self.wait_failed("nobody@hato.example")["enhanced"], "5.1.1")
        died = self.hato.kill("pushsrv")
        self.queue.put(text(6), s.address)
        self.hato.wait_restarted("pushsrv", died)
        eventually("both are delivered", lambda: not [w for w in self.queue.show() if w.address == s.address])
        self.assertEqual(self.hato.metric("hato_smtpgw_relay_delivered_total") - before, 2)


if __name__ == "__main__":
    unittest.main()

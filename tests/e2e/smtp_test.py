"""Mail from outside by SMTP: who is let in and how it is written, what a sender may do to us, and that 250 is a promise. The answers one by
one, limits and the store's failures are in smtpgw_test.py, real mail in corpus_test.py."""
import pathlib
import re
import unittest

from harness.clients import curl, swaks
from harness.mail import Smtp, content_of, message
from harness.phones import Phones
from harness.system import BUILD, SANITIZED, Hato, eventually

OURS = re.compile(rb"\AReturn-Path: <([^>\r]*)>\r\n(Received: [^\r]*\r\n(?:[ \t][^\r]*\r\n)*)")


@unittest.skipUnless((BUILD / "smtpgw").exists(), "smtpgw is not built")
class SmtpTest(unittest.TestCase):
    sets = {}

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato(cls.sets)
        cls.phones = Phones(cls.hato)

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def open(self, **how):
        return Smtp(self.hato.port("smtpgw.mx_port"), **how)

    def is_refused(self, reply, code, enhanced):
        self.assertEqual((code, enhanced), (reply[0], reply[1].split(" ")[0]), reply)

    def stored(self, phone):
        with phone.login() as pop:
            mails = [pop.retr(n + 1) for n in range(pop.stat()[0])]
            pop.say("QUIT")
        return mails


class Dialogue(SmtpTest):

    def test_helo_is_enough(self):
        phone = self.phones.next()
        with self.open(hello=None) as smtp:
            smtp.ok("HELO old.example")
            self.assertEqual(250, smtp.deliver(phone.address, message("old"))[0])
        self.assertRegex(OURS.match(self.stored(phone)[0])[2], rb"with SMTP\s")

    def test_recipients(self):
        a, b = self.phones.next(), self.phones.next(addresses=["Bee@hato.example", "bee2@hato.example"])
        with self.open() as smtp:
            replies = smtp.envelope("", [a.address, "nobody@hato.example", "x@elsewhere.example", "BEE@HATO.EXAMPLE",
                                         "bee2@hato.example", "%s@elsewhere.example" % a.address.replace("@", "%")])
            self.is_refused(replies[1], 550, "5.1.1")
            self.is_refused(replies[2], 550, "5.7.1")
            self.is_refused(replies[5], 550, "5.7.1")
            self.assertEqual([250, 250, 250], [replies[i][0] for i in (0, 3, 4)])
            self.assertEqual(250, smtp.data(message("to two"))[0][0])
        for phone in (a, b):
            stored, = self.stored(phone)
            self.assertTrue(stored.startswith(b"Return-Path: <>\r\n"))
            self.assertNotIn(b"for <", OURS.match(stored)[2], "who else got it is nobody's business")
            self.assertEqual(message("to two"), content_of(stored))

    def test_other_peoples_clients(self):
        phone = self.phones.next()
        port = self.hato.port("smtpgw.mx_port")
        content = message("by curl", ".dots\r\n")
        status, out = curl("--mail-from", "a@b.example", "--mail-rcpt", phone.address, "-T", "-", "smtp://127.0.0.1:%d" % port,
                           stdin=content)
        self.assertEqual(0, status, out)
        status, transcript = swaks("--server", "127.0.0.1:%d" % port, "--pipeline", "--from", "a@b.example", "--to",
                                   phone.address, content=content)
        self.assertEqual(0, status, transcript)
        self.assertEqual([content] * 2, phone.fetch())
        self.assertNotEqual(0, swaks("--server", "127.0.0.1:%d" % port, "--to", "x@elsewhere.example", "--quit-after", "RCPT")[0])

    def test_carrier_local_parts(self):
        for local in ("a..b", "a.", ".a", "..", "-", "x/y"):
            phone = self.phones.next(addresses=[local + "@hato.example"])
            with self.subTest(local), self.open() as smtp:
                for written in (local, '"%s"' % local, local.upper()):
                    self.assertEqual(250, smtp.deliver(written + "@Hato.Example", message("x"), "a..b.@docomo.ne.jp")[0], written)
                self.assertEqual(b"a..b.@docomo.ne.jp", OURS.match(self.stored(phone)[0])[1].replace(b'"', b""))
                self.assertEqual(3, len(phone.fetch()))

    def test_smtputf8(self):
        phone = self.phones.next()
        content = "From: 鳩@b.example\r\nSubject: ぽっぽ\r\n\r\n鳩\r\n".encode()
        with self.open() as smtp:
            self.assertGreaterEqual(smtp.say("MAIL FROM:<鳩@b.example>")[0], 500)
            self.assertEqual(250, smtp.deliver(phone.address, content, "鳩@b.example", "SMTPUTF8 BODY=8BITMIME")[0])
        stored, = self.stored(phone)
        self.assertTrue(stored.startswith("Return-Path: <鳩@b.example>\r\n".encode()))
        self.assertRegex(OURS.match(stored)[2], rb"with UTF8SMTP\s")
        self.assertEqual(content, content_of(stored))


class Unsafe(SmtpTest):

    def test_bare_line_ends_and_nul(self):
        phone = self.phones.next()
        for octets in (b"a\nb", b"a\rb", b"a\0b", b"\n", b"\0", b"x\r\r\n", b"Subject: x\n\ny\n"):
            with self.subTest(octets), self.open() as smtp:
                self.is_refused(smtp.deliver(phone.address, octets + b"\r\n"), 550, "5.5.2")
        self.assertEqual([], phone.fetch())

    def test_commands_with_bare_line_ends(self):
        phone = self.phones.next()
        for octets in (b"NOOP\n", b"MAIL FROM:<a@b.example>\nRCPT TO:<%s>\n" % phone.address.encode(), b"NOOP\r\r\n", b"NO\0OP\r\n",
                       b"\0\r\n", b"\xff\xfe\r\n"):
            with self.subTest(octets), self.open() as smtp:
                smtp.send(octets + b"\r\n")
                self.assertGreaterEqual(smtp.reply()[0], 500)

    def test_who_goes_away_in_the_middle_has_sent_nothing(self):
        phone = self.phones.next()
        for part in (b"", b"Subject: x\r\n\r\nhalf", b"Subject: x\r\n\r\nhalf\r\n.", b"Subject: x\r\n\r\nhalf\r\n.\r"):
            with self.open() as smtp:
                smtp.envelope("a@b.example", [phone.address])
                smtp.ok("DATA", 354)
                smtp.send(part)
        with self.open() as smtp:
            smtp.envelope("a@b.example", [phone.address])
            smtp.send(b"BDAT 100\r\nSubject: x")
        with self.open() as smtp:
            self.assertEqual(250, smtp.deliver(phone.address, message("whole"))[0])
        self.assertEqual([message("whole")], phone.fetch())

    def test_garbage_before_the_greeting(self):
        with self.open(greet=False) as smtp:
            smtp.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b"\xff\x00\x01" * 50 + b"\r\nEHLO x\r\nQUIT\r\n")
            self.assertEqual([220, 500, 500, 500, 500, 250, 221, 0], [smtp.reply()[0] for _ in range(8)])

    def test_commands_of_a_megabyte(self):
        phone = self.phones.next()
        with self.open() as smtp:
            for begin in (b"NOOP ", b"MAIL FROM:<", b"", b"EHLO "):
                smtp.send(begin + b"a" * (1 << 20) + b"\r\n")
                self.is_refused(smtp.reply(), 500, "5.5.2")
            self.assertEqual(250, smtp.deliver(phone.address, message("x"))[0])

    def replies(self, smtp, count):
        """Up to so many codes, or to the end."""
        codes = []
        while len(codes) < count and 0 not in codes:
            codes.append(smtp.reply()[0])
        return codes

    def test_floods_of_recipients(self):
        phone = self.phones.next()
        rcpt = b"RCPT TO:<%s>\r\n" % phone.address.encode()
        with self.open() as smtp:
            smtp.send(b"MAIL FROM:<a@b.example>\r\n" + rcpt * 3000)
            self.assertEqual([250] * 1001 + [452] * 2000, self.replies(smtp, 3001))
            self.assertEqual(250, smtp.data(message("once"))[0][0])
        self.assertEqual([message("once")], phone.fetch(), "he is one, however often he was named")
        for stranger in (b"nobody@hato.example", b"x@elsewhere.example"):
            with self.open() as smtp:
                smtp.send(b"MAIL FROM:<a@b.example>\r\n" + rcpt + b"RCPT TO:<%s>\r\n" % stranger * 5000)
                self.assertEqual([250] * 2 + [550] * 100 + [421, 0], self.replies(smtp, 5002), "and no more is looked up")

    def test_a_header_without_end(self):
        """Whoever looks at it: it costs no memory to speak of, and is content like any other."""
        plain, strict = self.phones.next(), self.phones.next()
        self.hato.command("filter", "set", strict.msisdn, "urls=no", "receipts=no", "forged=middle", "allow_to=x@y.example")
        for field in (b"X: " + b"y" * 900 + b"\r\n", b"From: " + b"q" * 70 + b"\r\n " + b"q" * 900 + b"\r\n",
                      b"\t" + b"a@b.example, " * 70 + b"\r\n"):
            for phone in (plain, strict):
                content = b"To: a@b.example,\r\n" + field * (10000000 // len(field))
                before = self.memory()
                with self.subTest(field[:6], phone=phone.msisdn), self.open() as smtp:
                    self.assertEqual(250, smtp.deliver(phone.address, content)[0])
                    self.assertTrue(SANITIZED or self.memory() - before < 8 << 20)
                    self.assertEqual([content], phone.fetch())

    def memory(self):
        """What smtpgw has resident."""
        status = pathlib.Path("/proc/%d/status" % self.hato.pid("smtpgw")).read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) << 10


class StoreGone(SmtpTest):
    sets = {"smtpgw.lmtp_seconds": 1}

    def test_250_means_that_it_is_there(self):
        phone = self.phones.next()
        sent = []
        for n in range(6):
            content = message("mail %d" % n)

            def accepted():
                with self.open() as smtp:
                    return smtp.deliver(phone.address, content)[0] == 250
            eventually("accepted", accepted)
            sent.append(content)
            if n % 2:
                daemon = ("pushsrv", "smtpgw")[n // 2 % 2]
                self.hato.wait_restarted(daemon, self.hato.kill(daemon))
        self.assertEqual(sent, phone.fetch())


if __name__ == "__main__":
    unittest.main()

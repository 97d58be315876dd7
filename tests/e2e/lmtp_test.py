"""LMTP into the mailbox: replies, limits, what is not safe, and every message out again by POP3 to the byte."""
import re
import smtplib
import unittest

from harness.corpus import as_stored, messages
from harness.mail import Lmtp, LmtpUnix, content_of, message, stuffed
from harness.phones import Phones
from harness.system import Hato, eventually

SMUGGLED = b"Subject: first\r\n\r\nHello%sMAIL FROM:<evil@b.example>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: smuggled\r\n\r\nevil\r\n.\r\n"
FALSE_ENDS = (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\0.\r\n", b"\r.\r\n", b"\r\n.\0\r\n", b"\n\r\n.\n")


class LmtpTest(unittest.TestCase):
    sets = {}

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato(cls.sets)
        cls.phones = Phones(cls.hato)

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def open(self):
        return Lmtp(self.hato.port("pushsrv.lmtp_port"))

    def is_refused(self, reply, code, enhanced):
        self.assertEqual((code, enhanced), (reply[0], reply[1].split(" ")[0]), reply)


class Dialogue(LmtpTest):

    def test_what_is_offered(self):
        with self.open() as lmtp:
            self.assertEqual(220, lmtp.greeting[0])
            for word in ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE", "CHUNKING", "ENHANCEDSTATUSCODES", "XATOMIC", "XID", "XTRACE"):
                self.assertIn(word, lmtp.extensions)
            self.assertEqual("26214400", lmtp.extensions["SIZE"])
            for command in ("EHLO x", "HELO x"):
                self.assertIn(lmtp.say(command)[0], (500, 502))
            self.assertEqual(221, lmtp.say("QUIT")[0])
            self.assertEqual(0, lmtp.reply()[0])

    def test_the_unix_socket_is_the_same(self):
        phone = self.phones.next()
        with LmtpUnix(self.hato.dir / "state" / "run" / "lmtp.sock") as lmtp:
            self.assertEqual(250, lmtp.deliver(phone.address, message("by the socket"))[0])
        self.assertEqual([message("by the socket")], phone.fetch())

    def test_pythons_own_client(self):
        phone = self.phones.next()
        with smtplib.LMTP("127.0.0.1", self.hato.port("pushsrv.lmtp_port")) as lmtp:
            self.assertEqual({}, lmtp.sendmail("a@b.example", [phone.address], message("by smtplib")))
        self.assertEqual([message("by smtplib")], phone.fetch())

    def test_fields_for_the_top_of_the_mail(self):
        phone = self.phones.next()
        with self.open() as lmtp:
            for command in ("MAIL FROM:<a@b.example>", "RCPT TO:<%s>" % phone.address):
                self.assertEqual(250, lmtp.say(command)[0])
            content = message("the content went ahead")
            lmtp.send(b"BDAT %d\r\n%sXTRACE 16\r\nA: b\r\nC: d\r\n\te\r\nBDAT 0 LAST\r\n" % (len(content), content))
            for _ in range(3):
                self.assertEqual(250, lmtp.reply()[0])
        with phone.login() as pop:
            stored = pop.retr(1)
        self.assertTrue(stored.startswith(b"Return-Path: <a@b.example>\r\nA: b\r\nC: d\r\n\te\r\nReceived: "), stored)
        self.assertTrue(stored.endswith(content), stored)

    def test_one_reply_for_each_accepted_recipient(self):
        a, b = self.phones.next(), self.phones.next(addresses=["b@hato.example", "b2@hato.example"])
        to = [a.address, "nobody@hato.example", "b@hato.example", "b2@hato.example", a.address.upper()]
        content = message("to many")
        with self.open() as lmtp:
            replies = lmtp.envelope("", to)
            self.assertEqual([250, 550, 250, 250, 250], [r[0] for r in replies])
            self.is_refused(replies[1], 550, "5.1.1")
            self.assertEqual([250] * 4, [r[0] for r in lmtp.data(content, 4)])
            self.assertEqual(250, lmtp.say("NOOP")[0], "and not one more")
        for phone in (a, b):
            with phone.login() as pop:
                self.assertEqual(1, pop.stat()[0], "once, though named twice")
                stored = pop.retr(1)
                self.assertTrue(stored.startswith(b"Return-Path: <>\r\n"))
                self.assertEqual(content, content_of(stored))

    def test_order_of_commands(self):
        phone = self.phones.next()
        with Lmtp(self.hato.port("pushsrv.lmtp_port"), hello=None) as lmtp:
            for command in ("MAIL FROM:<a@b.example>", "RCPT TO:<%s>" % phone.address, "DATA"):
                self.assertEqual(503, lmtp.say(command)[0])
            lmtp.greet("client.example")
            self.assertEqual(503, lmtp.say("DATA")[0])
            lmtp.ok("MAIL FROM:<a@b.example>")
            self.assertEqual(503, lmtp.say("MAIL FROM:<a@b.example>")[0])
            self.assertEqual(503, lmtp.say("DATA")[0], "no recipient yet")
            self.assertEqual(550, lmtp.say("RCPT TO:<nobody@hato.example>")[0])
            self.assertEqual(503, lmtp.say("DATA")[0], "none that is valid")
            lmtp.ok("RSET")
            self.assertEqual(250, lmtp.deliver(phone.address, message("x"))[0])

    def test_pipelining_with_one_recipient_refused(self):
        phone = self.phones.next()
        content = message("piped")
        with self.open() as lmtp:
            lmtp.send(("MAIL FROM:<a@b.example>\r\nRCPT TO:<nobody@hato.example>\r\nRCPT TO:<%s>\r\nDATA\r\n" % phone.address).encode()
                      + stuffed(content) + b"NOOP\r\nQUIT\r\n")
            self.assertEqual([250, 550, 250, 354, 250, 250, 221], [lmtp.reply()[0] for _ in range(7)])
        self.assertEqual([content], phone.fetch())

    def test_carrier_local_parts(self):
        for local in ("a..b", "a.", ".a", "..", "-", "a-.", "x/y", "Taro_Y", "a+b"):
            phone = self.phones.next(addresses=[local + "@hato.example"])
            with self.subTest(local), self.open() as lmtp:
                for written in (local, '"%s"' % local, local.upper()):
                    self.assertEqual(250, lmtp.deliver(written + "@HATO.example", message("x"))[0], written)
                self.assertEqual(3, len(phone.fetch()))

    def test_addresses_that_are_none(self):
        phone = self.phones.next()
        with self.open() as lmtp:
            lmtp.ok("MAIL FROM:<a@b.example>")
            for path in ("", "<>", "a", "<a>", "<a@>", "<@b.example>", "<a b@hato.example>", "<" + "a" * 300 + "@hato.example>",
                         "<a@hato.example", "a@hato.example>", "<a@-.example>", "<a\tb@hato.example>"):
                code, text = lmtp.say("RCPT TO:" + path)
                self.assertIn(code, (500, 501, 550, 553), (path, text))
            self.assertEqual(250, lmtp.say("RCPT TO:<%s>" % phone.address)[0])

    def test_utf8_needs_smtputf8(self):
        phone = self.phones.next()
        with self.open() as lmtp:
            self.assertGreaterEqual(lmtp.say("MAIL FROM:<鳩@b.example>")[0], 500)
            content = "From: 鳩@b.example\r\nSubject: ぽっぽ\r\n\r\n鳩\r\n".encode()
            self.assertEqual(250, lmtp.deliver(phone.address, content, "鳩@b.example", "SMTPUTF8 BODY=8BITMIME")[0])
        with phone.login() as pop:
            stored = pop.retr(1)
        self.assertTrue(stored.startswith("Return-Path: <鳩@b.example>\r\n".encode()), stored)
        self.assertEqual(content, content_of(stored))

    def test_chunking(self):
        phone = self.phones.next()
        content = message("chunks", ".a\r\n" * 3000)
        with self.open() as lmtp:
            lmtp.envelope("a@b.example", [phone.address])
            for cut in (content[:1], content[1:5000], b"", content[5000:]):
                lmtp.send(b"BDAT %d\r\n%s" % (len(cut), cut))
                self.assertEqual(250, lmtp.reply()[0])
            lmtp.send(b"BDAT 0 LAST\r\n")
            self.assertEqual(250, lmtp.reply()[0])
            lmtp.send(b"BDAT 3 LAST\r\nabc")
            self.assertEqual(503, lmtp.reply()[0], "its octets are taken, not obeyed")
            self.assertEqual(250, lmtp.say("NOOP")[0])
            lmtp.envelope("a@b.example", [phone.address])
            for octets in (b"a\nb", b"a\0b", b"a\rb"):
                lmtp.send(b"BDAT %d LAST\r\n%s" % (len(octets), octets))
                self.is_refused(lmtp.reply(), 550, "5.5.2")
                lmtp.envelope("a@b.example", [phone.address])
        self.assertEqual([content], phone.fetch())


class Unsafe(LmtpTest):

    def test_only_crlf_dot_crlf_ends_the_data(self):
        for end in FALSE_ENDS:
            phone, victim = self.phones.next(), self.phones.next()
            with self.subTest(end), self.open() as lmtp:
                lmtp.envelope("a@b.example", [phone.address])
                lmtp.ok("DATA", 354)
                lmtp.send(SMUGGLED % (end, victim.address.encode()))
                self.is_refused(lmtp.reply(), 550, "5.5.2")
                self.assertEqual(250, lmtp.say("NOOP")[0], "nothing of it was a command")
            self.assertEqual(([], []), (phone.fetch(), victim.fetch()))

    def test_bare_line_ends_and_nul(self):
        phone = self.phones.next()
        for octets in (b"a\nb", b"a\rb", b"a\0b", b"\n", b"\0", b"x\r\r\n", b"Subject: x\n\ny\n"):
            with self.subTest(octets), self.open() as lmtp:
                self.is_refused(lmtp.deliver(phone.address, octets + b"\r\n"), 550, "5.5.2")
        self.assertEqual([], phone.fetch())

    def test_who_goes_away_in_the_middle_has_sent_nothing(self):
        phone = self.phones.next()
        for part in (b"", b"Subject: x\r\n\r\nhalf", b"Subject: x\r\n\r\nhalf\r\n.", b"Subject: x\r\n\r\nhalf\r\n.\r"):
            with self.open() as lmtp:
                lmtp.envelope("a@b.example", [phone.address])
                lmtp.ok("DATA", 354)
                lmtp.send(part)
        with self.open() as lmtp:
            lmtp.envelope("a@b.example", [phone.address])
            lmtp.send(b"BDAT 100\r\nSubject: x")
        phone.receive(message("whole"))
        self.assertEqual([message("whole")], phone.fetch())


class Limits(LmtpTest):
    sets = {"pushsrv.max_size": 100000, "pushsrv.max_line": 2000, "pushsrv.max_recipients": 3, "pushsrv.max_errors": 5,
            "pushsrv.max_command": 512}

    def test_size(self):
        phone = self.phones.next()
        big = message("big") + (b"x" * 998 + b"\r\n") * 120
        with self.open() as lmtp:
            self.assertEqual("100000", lmtp.extensions["SIZE"])
            self.is_refused(lmtp.say("MAIL FROM:<a@b.example> SIZE=100001"), 552, "5.3.4")
            self.is_refused(lmtp.deliver(phone.address, big), 552, "5.3.4")
            lmtp.envelope("a@b.example", [phone.address])
            lmtp.send(b"BDAT %d LAST\r\n%s" % (len(big), big))
            self.is_refused(lmtp.reply(), 552, "5.3.4")
            self.assertEqual(250, lmtp.deliver(phone.address, message("small"))[0])
        self.assertEqual([message("small")], phone.fetch())

    def test_long_lines_in_the_message(self):
        phone = self.phones.next()
        fits, over = message("x", "y" * 2000 + "\r\n"), message("x", "y" * 2001 + "\r\n")
        with self.open() as lmtp:
            self.assertEqual(250, lmtp.deliver(phone.address, fits)[0])
            self.is_refused(lmtp.deliver(phone.address, over), 554, "5.6.0")
        self.assertEqual([fits], phone.fetch())

    def test_too_many_recipients(self):
        phones = [self.phones.next() for _ in range(4)]
        with self.open() as lmtp:
            replies = lmtp.envelope("a@b.example", [p.address for p in phones])
            self.assertEqual([250, 250, 250, 452], [r[0] for r in replies])
            self.is_refused(replies[3], 452, "4.5.3")
            self.assertEqual([250] * 3, [r[0] for r in lmtp.data(message("x"), 3)])

    def test_too_many_errors(self):
        with self.open() as lmtp:
            codes = [lmtp.say("WHAT %d" % n)[0] for n in range(4)]
            self.assertEqual([500] * 4, codes)
            lmtp.say("WHAT")
            self.assertIn(lmtp.reply()[0], (421, 0))
            self.assertEqual(0, lmtp.reply()[0])

    def test_a_command_line_of_a_megabyte(self):
        phone = self.phones.next()
        with self.open() as lmtp:
            lmtp.send(b"RCPT TO:<" + b"a" * (1 << 20) + b">\r\n")
            self.assertEqual(500, lmtp.reply()[0])
            self.assertEqual(250, lmtp.deliver(phone.address, message("x"))[0])


class Corpus(LmtpTest):

    def test_every_message_comes_out_to_the_byte(self):
        phone = self.phones.next()
        sent = []
        with self.open() as lmtp:
            for n, (name, content) in enumerate(messages()):
                if n % 3 == 2 and content.endswith(b"\r\n"):
                    lmtp.envelope("someone@elsewhere.example", [phone.address])
                    lmtp.send(b"BDAT %d LAST\r\n%s" % (len(content), content))
                    reply = lmtp.reply()
                else:
                    reply = lmtp.deliver(phone.address, content)
                self.assertEqual(250, reply[0], (name, reply))
                sent.append((name, as_stored(content)))
        self.assertGreaterEqual(len(sent), 14)
        with phone.login() as pop:
            self.assertEqual(len(sent), pop.stat()[0])
            sizes = [int(line.split()[1]) for line in pop.ask("LIST")]
            for n, (name, content) in enumerate(sent):
                with self.subTest(name):
                    stored = pop.retr(n + 1)
                    self.assertEqual(sizes[n], len(stored))
                    self.assertEqual(content, self.without_trace(stored))

    def without_trace(self, stored):
        """Our two fields: exactly one Return-Path, one Received; what follows may begin with such fields of its own."""
        ours = re.match(rb"\AReturn-Path: <[^>\r]*>\r\nReceived: [^\r]*\r\n(\t[^\r]*\r\n)*", stored)
        self.assertIsNotNone(ours, stored[:300])
        return stored[ours.end():]


class StoreGone(LmtpTest):

    def test_a_mailbox_of_a_removed_subscriber(self):
        phone = self.phones.next()
        with self.open() as lmtp:
            lmtp.envelope("a@b.example", [phone.address])
            self.assertEqual(204, self.hato.network("DELETE", "/v1/subscribers/" + phone.msisdn)[0])
            reply = lmtp.data(message("too late"))[0]
            self.assertIn(reply[0], (450, 550), reply)

    def test_it_is_there_after_kill_9_if_250_was_said(self):
        phone = self.phones.next()
        sent = []
        for n in range(3):
            with self.open() as lmtp:
                content = message("mail %d" % n)
                self.assertEqual(250, lmtp.deliver(phone.address, content)[0])
                sent.append(content)
                pid = self.hato.kill("pushsrv")
            self.hato.wait_restarted("pushsrv", pid)
        self.assertEqual(sent, phone.fetch())


if __name__ == "__main__":
    unittest.main()

"""Mail from outside by SMTP: what is offered, what is refused and how, and what it becomes in the mailbox."""
import os
import re
import signal
import smtplib
import unittest

from harness.clients import curl, swaks
from harness.corpus import as_stored, messages
from harness.mail import Smtp, content_of, message, stuffed
from harness.phones import Phones
from harness.pop import tls_context
from harness.system import BUILD, Hato, eventually, suspend

FALSE_ENDS = (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\0.\r\n", b"\r.\r\n", b"\r\n.\0\r\n", b"\n\r\n.\n")
SMUGGLED = b"Subject: first\r\n\r\nHello%sMAIL FROM:<evil@b.example>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: smuggled\r\n\r\nevil\r\n.\r\n"
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

    def test_what_is_offered(self):
        with self.open() as smtp:
            self.assertRegex(smtp.greeting[1], r"ESMTP")
            for word in ("PIPELINING", "SIZE", "STARTTLS", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES"):
                self.assertIn(word, smtp.extensions)
            self.assertNotIn("AUTH", smtp.extensions, "an MX has no logins")
            self.is_refused(smtp.say("AUTH PLAIN AGEAYg=="), 502, "5.5.1")
            self.assertEqual(221, smtp.say("QUIT")[0])
            self.assertEqual(0, smtp.reply()[0])

    def test_trace_fields(self):
        phone = self.phones.next()
        content = message("traced")
        with self.open(source="127.5.6.7", hello="mail.sender.example") as smtp:
            self.assertEqual(250, smtp.deliver(phone.address, content, "who@sender.example")[0])
        stored, = self.stored(phone)
        ours = OURS.match(stored)
        self.assertEqual(b"who@sender.example", ours[1])
        self.assertIn(b"from mail.sender.example", ours[2])
        self.assertIn(b"[127.5.6.7]", ours[2])
        self.assertRegex(ours[2], rb"with ESMTP\s")
        self.assertIn(b"for <%s>" % phone.address.encode(), ours[2])
        self.assertEqual(content, stored[ours.end():], "one Received, nothing else")

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

    def test_starttls(self):
        phone = self.phones.next()
        with self.open() as smtp:
            smtp.start_tls()
            self.assertEqual(503, smtp.say("MAIL FROM:<a@b.example>")[0], "what was said in clear is forgotten")
            smtp.greet("secret.example")
            self.assertNotIn("STARTTLS", smtp.extensions)
            self.assertEqual(250, smtp.deliver(phone.address, message("secret"))[0])
        self.assertRegex(OURS.match(self.stored(phone)[0])[2], rb"with ESMTPS\s")

    def test_what_is_piped_behind_starttls_is_not_obeyed(self):
        phone = self.phones.next()
        with self.open() as smtp:
            smtp.send(("STARTTLS\r\nEHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<%s>\r\n" % phone.address).encode())
            self.assertEqual(220, smtp.reply()[0])
            smtp.file.close()
            smtp.socket = tls_context().wrap_socket(smtp.socket)
            smtp.file = smtp.socket.makefile("rb")
            self.assertEqual(503, smtp.say("DATA")[0])

    def test_other_peoples_clients(self):
        phone = self.phones.next()
        port = self.hato.port("smtpgw.mx_port")
        content = message("by curl", ".dots\r\n")
        status, out = curl("--mail-from", "a@b.example", "--mail-rcpt", phone.address, "-T", "-", "smtp://127.0.0.1:%d" % port,
                           stdin=content)
        self.assertEqual(0, status, out)
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            smtp.starttls(context=tls_context())
            self.assertEqual({}, smtp.sendmail("a@b.example", [phone.address], content))
        status, transcript = swaks("--server", "127.0.0.1:%d" % port, "--pipeline", "--from", "a@b.example", "--to",
                                   phone.address, content=content)
        self.assertEqual(0, status, transcript)
        self.assertEqual([content] * 3, phone.fetch())
        self.assertNotEqual(0, swaks("--server", "127.0.0.1:%d" % port, "--to", "x@elsewhere.example", "--quit-after", "RCPT")[0])

    def test_order_of_commands(self):
        phone = self.phones.next()
        with self.open(hello=None) as smtp:
            for command in ("MAIL FROM:<a@b.example>", "RCPT TO:<%s>" % phone.address, "DATA"):
                self.assertEqual(503, smtp.say(command)[0])
            smtp.greet("client.example")
            smtp.ok("MAIL FROM:<a@b.example>")
            self.assertEqual(503, smtp.say("MAIL FROM:<a@b.example>")[0])
            self.assertEqual(503, smtp.say("DATA")[0])
            smtp.ok("RCPT TO:<%s>" % phone.address)
            smtp.ok("EHLO again.example")
            self.assertEqual(503, smtp.say("DATA")[0], "EHLO is a reset")
            for command in ("VRFY x", "NOOP", "HELP", "RSET"):
                self.assertIn(smtp.say(command)[0], (214, 250, 252))
            for command, code in (("EXPN x", 502), ("WHAT", 500), ("LHLO x", 500), ("TURN", 502)):
                self.assertIn(smtp.say(command)[0], (500, 502), command)

    def test_pipelining(self):
        phones = [self.phones.next() for _ in range(5)]
        content = message("piped")
        with self.open() as smtp:
            rcpts = "".join("RCPT TO:<%s>\r\n" % a for p in phones for a in (p.address, "no-%s" % p.address))
            smtp.send(("MAIL FROM:<a@b.example>\r\n%sDATA\r\n" % rcpts).encode())
            self.assertEqual([250] + [250, 550] * 5 + [354], [smtp.reply()[0] for _ in range(12)])
            smtp.send(stuffed(content) + b"MAIL FROM:<>\r\nRSET\r\nQUIT\r\n")
            self.assertEqual([250, 250, 250, 221], [smtp.reply()[0] for _ in range(4)])
        for phone in phones:
            self.assertEqual([content], phone.fetch())

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

    def test_chunking(self):
        phone = self.phones.next()
        content = message("chunks", ".a\r\n" * 30000)
        with self.open() as smtp:
            smtp.envelope("a@b.example", [phone.address])
            for cut in (content[:1], content[1:50000], b"", content[50000:]):
                smtp.send(b"BDAT %d\r\n%s" % (len(cut), cut))
                self.assertEqual(250, smtp.reply()[0])
            smtp.send(b"BDAT 0 LAST\r\nNOOP\r\n")
            self.assertEqual([250, 250], [smtp.reply()[0] for _ in range(2)])
            for octets in (b"a\nb", b"a\0b", b"a\rb"):
                smtp.envelope("a@b.example", [phone.address])
                smtp.send(b"BDAT %d LAST\r\n%s" % (len(octets), octets))
                self.is_refused(smtp.reply(), 550, "5.5.2")
            smtp.send(b"BDAT 6 LAST\r\nQUIT\r\n")
            self.assertEqual(503, smtp.reply()[0], "its octets are taken, not obeyed")
            smtp.envelope("a@b.example", [phone.address])
            smtp.send(b"BDAT x\r\n")
            self.assertEqual(501, smtp.reply()[0])
            self.assertEqual(0, smtp.reply()[0], "where it ends is not known: closed")
        self.assertEqual([content], phone.fetch())


class Unsafe(SmtpTest):

    def test_only_crlf_dot_crlf_ends_the_data(self):
        for end in FALSE_ENDS:
            phone, victim = self.phones.next(), self.phones.next()
            with self.subTest(end), self.open() as smtp:
                smtp.envelope("a@b.example", [phone.address])
                smtp.ok("DATA", 354)
                smtp.send(SMUGGLED % (end, victim.address.encode()))
                self.is_refused(smtp.reply(), 550, "5.5.2")
                self.assertEqual(250, smtp.say("NOOP")[0], "nothing of it was a command")
            self.assertEqual(([], []), (phone.fetch(), victim.fetch()))

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

    def test_content_that_does_not_wait_for_354(self):
        phone = self.phones.next()
        with self.open() as smtp:
            smtp.send(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<nobody@hato.example>\r\nDATA\r\nMAIL FROM:<evil@b.example>\r\n"
                      b"RCPT TO:<%s>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n" % phone.address.encode())
            codes = []
            while True:
                code, _ = smtp.reply()
                if not code:
                    break
                codes.append(code)
            self.assertEqual([250, 550, 554], codes)
        self.assertEqual([], phone.fetch())

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

    def test_a_loop(self):
        phone = self.phones.next()
        with self.open() as smtp:
            for count, code in ((100, 250), (101, 554)):
                reply = smtp.deliver(phone.address, b"Received: from a by b; now\r\n" * count + message("round and round"))
                self.assertEqual(code, reply[0], (count, reply))
            self.assertEqual("5.4.6", reply[1].split(" ")[0])


class Limits(SmtpTest):
    sets = {"smtpgw.max_size": 100000, "smtpgw.max_line": 2000, "smtpgw.max_recipients": 3, "smtpgw.max_errors": 5,
            "smtpgw.max_command": 1024, "smtpgw.max_connections_per_address": 4, "pushsrv.quota_bytes": 150000}

    def test_size(self):
        phone = self.phones.next()
        big = message("big") + (b"x" * 998 + b"\r\n") * 120
        with self.open() as smtp:
            self.assertEqual("100000", smtp.extensions["SIZE"])
            self.is_refused(smtp.say("MAIL FROM:<a@b.example> SIZE=100001"), 552, "5.3.4")
            self.is_refused(smtp.deliver(phone.address, big), 552, "5.3.4")
            smtp.envelope("a@b.example", [phone.address])
            smtp.send(b"BDAT %d LAST\r\n%s" % (len(big), big))
            self.is_refused(smtp.reply(), 552, "5.3.4")
            self.assertEqual(250, smtp.deliver(phone.address, message("small"), params="SIZE=100000")[0])
        self.assertEqual([message("small")], phone.fetch())

    def test_a_full_mailbox(self):
        phone = self.phones.next()
        half = message("half") + (b"x" * 998 + b"\r\n") * 90
        with self.open() as smtp:
            self.assertEqual(250, smtp.deliver(phone.address, half)[0])
            self.is_refused(smtp.deliver(phone.address, half), 452, "4.2.2")
            self.is_refused(smtp.envelope("a@b.example", [phone.address], "SIZE=90000")[0], 452, "4.2.2")
        self.assertEqual([half], phone.fetch())
        with self.open() as smtp:
            self.assertEqual(250, smtp.deliver(phone.address, half)[0])

    def test_long_lines_in_the_message(self):
        phone = self.phones.next()
        fits, over = message("x", "y" * 2000 + "\r\n"), message("x", "y" * 2001 + "\r\n")
        with self.open() as smtp:
            self.assertEqual(250, smtp.deliver(phone.address, fits)[0])
            self.is_refused(smtp.deliver(phone.address, over), 554, "5.6.0")
        self.assertEqual([fits], phone.fetch())

    def test_too_many_recipients(self):
        phones = [self.phones.next() for _ in range(4)]
        with self.open() as smtp:
            replies = smtp.envelope("a@b.example", [p.address for p in phones])
            self.assertEqual([250, 250, 250, 452], [r[0] for r in replies])
            self.is_refused(replies[3], 452, "4.5.3")
            self.assertEqual(250, smtp.data(message("x"))[0][0])

    def test_too_many_errors(self):
        with self.open() as smtp:
            self.assertEqual([500] * 4, [smtp.say("WHAT")[0] for _ in range(4)])
            smtp.say("WHAT")
            self.assertIn(smtp.reply()[0], (421, 0))

    def test_a_command_line_of_a_megabyte(self):
        phone = self.phones.next()
        with self.open() as smtp:
            smtp.send(b"MAIL FROM:<" + b"a" * (1 << 20) + b">\r\n")
            self.assertEqual(500, smtp.reply()[0])
            self.assertEqual(250, smtp.deliver(phone.address, message("x"))[0])

    def test_too_many_connections_from_one_address(self):
        held = [self.open(source="127.7.0.1") for _ in range(4)]
        with self.open(source="127.7.0.1", hello=None) as smtp:
            self.assertEqual(421, smtp.greeting[0])
        with self.open(source="127.7.0.2") as smtp:
            self.assertEqual(221, smtp.say("QUIT")[0])
        for smtp in held:
            smtp.close()


class Corpus(SmtpTest):

    def test_every_message_comes_out_to_the_byte(self):
        phone = self.phones.next()
        sent = []
        with self.open() as smtp:
            for n, (name, content) in enumerate(messages()):
                if n % 3 == 2 and content.endswith(b"\r\n"):
                    smtp.envelope("someone@elsewhere.example", [phone.address])
                    smtp.send(b"BDAT %d LAST\r\n%s" % (len(content), content))
                    reply = smtp.reply()
                else:
                    reply = smtp.deliver(phone.address, content)
                self.assertEqual(250, reply[0], (name, reply))
                sent.append((name, as_stored(content)))
        self.assertGreaterEqual(len(sent), 14)
        for (name, content), stored in zip(sent, self.stored(phone), strict=True):
            with self.subTest(name):
                ours = OURS.match(stored)
                self.assertIsNotNone(ours, stored[:300])
                self.assertEqual(content, stored[ours.end():])


class StoreGone(SmtpTest):
    sets = {"smtpgw.lmtp_seconds": 1}

    def test_pushsrv_that_does_not_answer_means_later(self):
        phone = self.phones.next()
        pid = self.hato.pid("pushsrv")
        with self.open() as smtp:
            smtp.envelope("a@b.example", [phone.address])
            suspend(pid)
            try:
                self.assertEqual(451, smtp.data(message("x"))[0][0])
                for _ in range(2):
                    code = smtp.say("MAIL FROM:<a@b.example>")[0]
                    if code == 250:
                        code = smtp.say("RCPT TO:<%s>" % phone.address)[0]
                        smtp.ok("RSET")
                    self.assertEqual(451, code)
            finally:
                os.kill(pid, signal.SIGKILL)
        self.hato.wait_restarted("pushsrv", pid)

        def delivered():
            with self.open() as again:
                return again.deliver(phone.address, message("again"))[0] == 250
        eventually("mail is taken again", delivered)
        self.assertIn(message("again"), phone.fetch())

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

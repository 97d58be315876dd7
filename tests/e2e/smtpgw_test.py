"""smtpgw over a whole Hato: what the MX port answers, what of it reaches mailboxes, and that both always agree."""
import os
import poplib
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import threading
import unittest

from harness.system import Hato, PATIENCE, eventually, suspend

poplib._MAXLINE = 100000
TLS = ssl._create_unverified_context()


class Smtp:
    """Octets to the MX port, and replies."""

    def __init__(self, port, greet=True):
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.file = self.sock.makefile("rb")
        self.greeting = self.reply()
        if greet:
            self.ask(b"EHLO client.example")

    def send(self, octets):
        self.sock.sendall(octets)

    def reply(self):
        """The lines of one reply, joined by newlines; "" at the end."""
        lines = []
        while True:
            line = self.file.readline().decode()
            lines.append(line.rstrip("\r\n"))
            if len(line) < 4 or line[3] != "-":
                return "\n".join(lines)

    def ask(self, line):
        self.send(line + b"\r\n")
        return self.reply()

    def begin(self, *recipients, sender=b"a@b.example"):
        """MAIL and RCPT, all good."""
        replies = [self.ask(b"MAIL FROM:<%s>" % sender)]
        replies += [self.ask(b"RCPT TO:<%s>" % r.encode()) for r in recipients]
        assert all(r.startswith("250") for r in replies), replies

    def data(self, stuffed):
        go = self.ask(b"DATA")
        assert go.startswith("354"), go
        self.send(stuffed)
        return self.reply()

    def secure(self):
        self.sock = TLS.wrap_socket(self.sock)
        self.file = self.sock.makefile("rb")

    def ended(self):
        """Has the other side hung up, with nothing more to say?"""
        try:
            return self.file.read() == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Pop(poplib.POP3):
    def __init__(self, port, source):
        self.source = source
        super().__init__("127.0.0.1", port, PATIENCE)

    def _create_socket(self, timeout):
        return socket.create_connection((self.host, self.port), timeout, source_address=(self.source, 0))


def without_trace(octets):
    """The message less what its way put on top: Return-Path and our Received."""
    match = re.match(rb"Return-Path: [^\r\n]*\r\nReceived: from ([^\r\n]+|\r\n\t)+\r\n(?![ \t])", octets)
    assert match, octets[:300]
    return octets[match.end():]


class Fixture(unittest.TestCase):
    sets = {}

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato(cls.sets)
        cls.addClassCleanup(cls.hato.close)
        cls.mx = cls.hato.port("smtpgw.mx_port")
        cls.people = [cls.hato.subscriber(n) for n in (1, 2, 3)]
        cls.one, cls.two, cls.three = (p.address for p in cls.people)
        for n in range(len(cls.people)):
            cls.hato.attach(cls.people[n], "127.0.0.%d" % (11 + n))

    def smtp(self, **how):
        c = Smtp(self.mx, **how)
        self.addCleanup(c.close)
        return c

    def take(self, n=0):
        """All mail of person n, which is deleted."""
        ip = "127.0.0.%d" % (11 + n)
        pop = Pop(self.hato.port("popgw.pop3_port"), ip)
        pop.user(self.hato.token(self.people[n], ip)["token"])
        pop.pass_("x")
        mails = []
        for i in range(1, pop.stat()[0] + 1):
            _, lines, _ = pop.retr(i)
            mails.append(b"".join(line + b"\r\n" for line in lines))
            pop.dele(i)
        pop.quit()
        return mails

    def replies(self, c, *pairs):
        for line, begins in pairs:
            got = c.ask(line)
            self.assertTrue(got.startswith(begins), "%r: %r, not %s" % (line, got, begins))


class Commands(Fixture):
    def test_greeting_and_keywords(self):
        c = self.smtp(greet=False)
        self.assertEqual(c.greeting, "220 mx.hato.example ESMTP Hato")
        lines = c.ask(b"EHLO client.example").split("\n")
        self.assertEqual({l[4:] for l in lines[1:]}, {"PIPELINING", "SIZE 26214400", "STARTTLS", "8BITMIME", "SMTPUTF8",
                                                     "CHUNKING", "ENHANCEDSTATUSCODES"})

    def test_every_refusal(self):
        c = self.smtp(greet=False)
        self.replies(c, (b"MAIL FROM:<a@b.example>", "503 5.5.1"), (b"RCPT TO:<a@b.example>", "503 5.5.1"),
                     (b"DATA", "503 5.5.1"), (b"EHLO", "501 5.5.4"), (b"HELO x y", "501 5.5.4"), (b"NONSENSE", "500 5.5.1"),
                     (b"helo client.example", "250 mx.hato.example"), (b"RCPT TO:<%s>" % self.one.encode(), "503 5.5.1"),
                     (b"MAIL FROM:<a@b.example> SIZE=99999999", "552 5.3.4"), (b"MAIL FROM:a@b.example", "501 5.5.4"), (b"MAIL FROM:<a@>", "501 5.1.7"),
                     (b"MAIL FROM:<a@b.example> COLOUR=red", "555 5.5.4"), (b"MAIL FROM:<a@b.example> BODY=BINARYMIME", "501 5.5.4"))
        c = self.smtp()
        self.replies(c, (b"VRFY x", "252"), (b"EXPN x", "502 5.5.1"), (b"EXPN", "502 5.5.1"), (b"AUTH PLAIN AGEAYg==", "502 5.5.1"),
                     (b"HELP", "214"), (b"NOOP", "250"), (b"NOOP x y z", "250"), (b"RSET", "250"),
                     (b"MAIL FROM:<a@b.example>", "250 2.1.0"), (b"MAIL FROM:<a@b.example>", "503 5.5.1"),
                     (b"STARTTLS", "503 5.5.1"), (b"DATA", "503 5.5.1"), (b"RCPT TO:<stranger@hato.example>", "550 5.1.1"),
                     (b"RCPT TO:<x@elsewhere.example>", "550 5.7.1"), (b"RCPT TO:<x@sub.hato.example>", "550 5.7.1"),
                     (b"RCPT TO:<>", "501 5.1.3"), (b"RCPT TO:<%s> NOTIFY=NEVER" % self.one.encode(), "555 5.5.4"),
                     (b"RCPT TO:<postmaster>", "550 5.1.1"), (b"DATA", "503 5.5.1"),
                     (b"RCPT TO:<%s>" % self.one.upper().encode(), "250 2.1.5"), (b"QUIT", "221 2.0.0"))
        self.assertTrue(c.ended())
        self.assertEqual(self.take(), [])

    def test_noise_ends_the_session(self):
        c = self.smtp()
        for _ in range(19):
            self.assertTrue(c.ask(b"BABBLE").startswith("500 5.5.1"))
        self.assertTrue(c.ask(b"BABBLE").startswith("500 5.5.1"))
        self.assertEqual(c.reply(), "421 4.7.0 too many errors")
        self.assertTrue(c.ended())

    def test_pipelined_in_order(self):
        c = self.smtp()
        c.send(b"NOOP\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<%s>\r\nRCPT TO:<stranger@hato.example>\r\nRCPT TO:<x@y.example>\r\n"
               b"RCPT TO:<%s>\r\nBABBLE\r\nNO\0OP\r\nRCPT TO:<%s>\r\nDATA\r\n"
               % (self.one.encode(), self.two.encode(), self.three.encode()))
        codes = [c.reply()[:9] for _ in range(10)]
        self.assertEqual(codes, ["250 2.0.0", "250 2.1.0", "250 2.1.5", "550 5.1.1", "550 5.7.1", "250 2.1.5", "500 5.5.1",
                                 "500 5.5.2", "250 2.1.5", "354 end w"])
        c.send(b"Subject: three\r\n\r\nx\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<%s>\r\nRSET\r\nQUIT\r\n" % self.one.encode())
        codes = [c.reply()[:9] for _ in range(5)]
        self.assertEqual(codes, ["250 2.0.0", "250 2.1.0", "250 2.1.5", "250 2.0.0", "221 2.0.0"])
        for n in range(3):
            self.assertEqual([without_trace(m) for m in self.take(n)], [b"Subject: three\r\n\r\nx\r\n"])


class Contents(Fixture):
    BODY = b"Subject: s\r\n\r\n"

    def deliver(self, stuffed):
        c = self.smtp()
        c.begin(self.one)
        return c.data(stuffed), c

    def test_what_is_not_the_end_of_data(self):
        """protocols.md 6.1: each of these ends a mail somewhere, but not here, and makes it refused."""
        for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n\0.\r\n", b"\r\n.\r", b"\n\r\n.\n", b"\r\n.\r\r\n", b"\r\n.\0\r\n"):
            with self.subTest(end=end):
                reply, c = self.deliver(self.BODY + b"outer" + end + b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<" +
                                        self.one.encode() + b">\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n")
                self.assertTrue(reply.startswith("550 5.5.2"), reply)
                self.assertTrue(c.ask(b"NOOP").startswith("250"))
        self.assertEqual(self.take(), [])

    def test_the_same_by_bdat(self):
        for octets in (b"a\nb\r\n", b"a\rb\r\n", b"a\0b\r\n", b"a\r"):
            c = self.smtp()
            c.begin(self.one)
            c.send(b"BDAT 2\r\nS:BDAT %d LAST\r\n" % len(octets) + octets)
            self.assertTrue(c.reply().startswith("250"))
            self.assertTrue(c.reply().startswith("550 5.5.2"), octets)
        self.assertEqual(self.take(), [])

    def test_content_before_354(self):
        for line in (b"RCPT TO:<%s>\r\n" % self.one.encode(), b"RCPT TO:<stranger@hato.example>\r\n"):
            c = self.smtp()
            c.send(b"MAIL FROM:<a@b.example>\r\n" + line + b"DATA\r\nSubject: early\r\n\r\nx\r\n.\r\nQUIT\r\n")
            replies = [c.reply() for _ in range(3)]
            self.assertTrue(replies[2].startswith("554 5.5.0"), replies)
            self.assertTrue(c.ended())
        self.assertEqual(self.take(), [])

    def test_dots(self):
        content = self.BODY + b".\r\n..\r\n.a\r\n\r\n.\r\n. \r\nb.\r\n"
        reply, _ = self.deliver(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        self.assertTrue(reply.startswith("250"), reply)
        self.assertEqual([without_trace(m) for m in self.take()], [content])

    def test_octet_by_octet(self):
        c = self.smtp()
        c.begin(self.one)
        c.ask(b"DATA")
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in self.BODY + b"..x\r\n.\r\n":
            c.send(bytes([octet]))
        self.assertTrue(c.reply().startswith("250"))
        self.assertEqual([without_trace(m) for m in self.take()], [self.BODY + b".x\r\n"])

    def test_limits(self):
        line = b"x" * 998 + b"\r\n"
        for content, code in ((self.BODY + b"x" * 65536 + b"\r\n", "250"), (self.BODY + b"x" * 65537 + b"\r\n", "554 5.6.0"),
                              (b"Received: x\r\n" * 100 + self.BODY, "250"), (b"Received: x\r\n" * 101 + self.BODY, "554 5.4.6"),
                              (self.BODY + b"Received: x\r\n" * 101, "250"), (b"", "250"),
                              (self.BODY + line * 26000, "250"), (self.BODY + line * 26300, "552 5.3.4")):
            reply, c = self.deliver(content + b".\r\n")
            self.assertTrue(reply.startswith(code), (content[:40], len(content), reply))
            if code == "250":
                self.assertEqual([without_trace(m) for m in self.take()], [content])
        self.assertEqual(self.take(), [])

    def test_the_largest_that_is_offered(self):
        head = self.BODY
        content = head + b"x" * 998 + b"\r\n"
        left = 26214400 - len(content)
        content += (b"y" * 998 + b"\r\n") * (left // 1000)
        content += b"z" * (26214400 - len(content) - 2) + b"\r\n"
        c = self.smtp()
        self.replies(c, (b"MAIL FROM:<a@b.example> SIZE=%d" % len(content), "250"), (b"RCPT TO:<%s>" % self.one.encode(), "250"))
        self.assertTrue(c.data(content + b".\r\n").startswith("250"))
        self.assertEqual([without_trace(m) for m in self.take()], [content])

    def test_chunks(self):
        content = self.BODY + b"one\r\n..two\r\n.\r\nthree"
        for cuts in ([len(content)], [5, len(content)], [1, 2, 3, 11, 12, 15, len(content)]):
            for empty_last in (False, True):
                c = self.smtp()
                c.begin(self.one)
                at, out = 0, b""
                for cut in cuts:
                    last = cut == len(content) and not empty_last
                    out += b"BDAT %d%s\r\n" % (cut - at, b" LAST" if last else b"") + content[at:cut]
                    at = cut
                if empty_last:
                    out += b"BDAT 0 LAST\r\n"
                c.send(out)
                for _ in range(len(cuts) + empty_last):
                    self.assertTrue(c.reply().startswith("250"))
                self.assertEqual([without_trace(m) for m in self.take()], [content + b"\r\n"])

    def test_chunks_out_of_place(self):
        c = self.smtp()
        self.replies(c, (b"BDAT 6\r\nNOOP", "503 5.5.1"), (b"MAIL FROM:<a@b.example>", "250"), (b"BDAT 6 LAST\r\nQUIT", "503 5.5.1"),
                     (b"RCPT TO:<%s>" % self.one.encode(), "250"), (b"BDAT 4\r\nab", "250"), (b"DATA", "503 5.5.1"),
                     (b"RCPT TO:<%s>" % self.one.encode(), "503 5.5.1"), (b"MAIL FROM:<a@b.example>", "503 5.5.1"),
                     (b"RSET", "250"), (b"BDAT 0 LAST", "503 5.5.1"), (b"NOOP", "250"))
        for line in (b"BDAT", b"BDAT x", b"BDAT -1", b"BDAT 3 FIRST", b"BDAT 99999999999999999999", b"BDAT 1 LAST x", b"BDAT 0x10", b"BDAT\0 5"):
            c = self.smtp()
            c.begin(self.one)
            self.assertTrue(c.ask(line).startswith(("501 5.5.4", "500 5.5")), line)
            self.assertTrue(c.ended())
        c = self.smtp()
        c.begin(self.one)
        c.send(b"BDAT 6\nQUIT\r\n")
        self.assertTrue(c.reply().startswith("500 5.5.2"))
        self.assertTrue(c.ended())
        self.assertEqual(self.take(), [])

    def test_large_chunk_in_pieces(self):
        content = self.BODY + (b"q" * 70 + b"\r\n") * 100000
        c = self.smtp()
        c.begin(self.one, self.two)
        c.send(b"BDAT %d LAST\r\n" % len(content) + content)
        self.assertTrue(c.reply().startswith("250 2.0.0"))
        for n in (0, 1):
            self.assertEqual([without_trace(m) for m in self.take(n)], [content])

    def test_trace(self):
        c = self.smtp()
        c.begin(self.one)
        reply = c.data(self.BODY + b".\r\n")
        name = reply.rsplit(" ", 1)[1].encode()
        mail = self.take()[0]
        self.assertRegex(mail, rb"\AReturn-Path: <a@b.example>\r\nReceived: from client.example \(\[127\.0\.0\.1\]\)\r\n\tby mx.hato.example "
                         rb"with ESMTP id %s\r\n\tfor <%s>;\r\n\t[^\r\n]+ \+0000\r\nSubject" % (re.escape(name), self.one.encode()))
        c.begin(self.one, self.two, sender=b"")
        c.data(self.BODY + b".\r\n")
        mail = self.take()[0]
        self.assertTrue(mail.startswith(b"Return-Path: <>\r\n"))
        self.assertNotIn(b"for <", mail)
        self.assertEqual(mail, self.take(1)[0])


class Tls(Fixture):
    def test_starttls(self):
        c = self.smtp()
        self.assertTrue(c.ask(b"STARTTLS").startswith("220"))
        c.secure()
        self.assertTrue(c.ask(b"MAIL FROM:<a@b.example>").startswith("503"))
        self.assertNotIn("STARTTLS", c.ask(b"EHLO inside.example"))
        self.assertTrue(c.ask(b"STARTTLS").startswith("503"))
        c.begin(self.one)
        self.assertTrue(c.data(b"Subject: tls\r\n\r\n.\r\n").startswith("250"))
        self.assertIn(b"from inside.example ([127.0.0.1])\r\n\tby mx.hato.example with ESMTPS id", self.take()[0])

    def test_octets_behind_starttls_count_for_nothing(self):
        c = self.smtp()
        c.send(b"STARTTLS\r\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<%s>\r\n" % self.one.encode())
        self.assertTrue(c.reply().startswith("220"))
        c.secure()
        self.assertTrue(c.ask(b"RCPT TO:<%s>" % self.one.encode()).startswith("503"))

    def test_real_clients(self):
        with smtplib.SMTP("127.0.0.1", self.mx) as c:
            c.starttls()
            refused = c.sendmail("a@b.example", [self.one, "stranger@hato.example"], "Subject: smtplib\n\n.\nx\n")
            self.assertEqual(list(refused), ["stranger@hato.example"])
        mail = self.hato.dir / "mail"
        mail.write_bytes(b"Subject: curl\r\n\r\n.\r\n..x\r\n")
        subprocess.run(["curl", "-sSk", "--ssl-reqd", "smtp://127.0.0.1:%d" % self.mx, "--mail-from", "a@b.example",
                        "--mail-rcpt", self.one, "-T", str(mail)], check=True, timeout=PATIENCE)
        p = subprocess.run(["openssl", "s_client", "-quiet", "-starttls", "smtp", "-crlf", "-connect", "127.0.0.1:%d" % self.mx],
                           input=b"NOOP\nQUIT\n", capture_output=True, timeout=PATIENCE)
        self.assertIn(b"250 2.0.0 ok\r\n221 2.0.0", p.stdout)
        subjects = [without_trace(m) for m in self.take()]
        self.assertEqual(subjects, [b"Subject: smtplib\r\n\r\n.\r\nx\r\n", b"Subject: curl\r\n\r\n.\r\n..x\r\n"])


class Limits(Fixture):
    sets = {"smtpgw.max_recipients": "3", "smtpgw.max_size": "5000", "smtpgw.idle_seconds": "2", "pushsrv.quota_bytes": "9000",
            "smtpgw.max_connections_per_address": "8", "smtpgw.lmtp_connections": "1", "smtpgw.workers": "1"}

    def test_recipients_and_size(self):
        c = self.smtp()
        c.begin(self.one, self.two, self.three)
        self.replies(c, (b"RCPT TO:<%s>" % self.one.encode(), "452 4.5.3"), (b"RSET", "250"))
        c.send(b"MAIL FROM:<>\r\n" + b"RCPT TO:<%s>\r\n" % self.two.encode() * 5)
        self.assertEqual([c.reply()[:9] for _ in range(6)], ["250 2.1.0"] + ["250 2.1.5"] * 3 + ["452 4.5.3"] * 2)
        self.replies(c, (b"RSET", "250"), (b"MAIL FROM:<> SIZE=5001", "552 5.3.4"), (b"MAIL FROM:<> SIZE=5000", "250"),
                     (b"RCPT TO:<%s>" % self.two.encode(), "250"))
        self.assertTrue(c.data(b"x\r\n" * 1667 + b".\r\n").startswith("552 5.3.4"))
        self.assertEqual(self.take(1), [])

    def test_full_mailbox(self):
        c = self.smtp()
        for _ in range(2):
            c.begin(self.three)
            self.assertTrue(c.data(b"x\r\n" * 1300 + b".\r\n").startswith("250"))
        c.ask(b"MAIL FROM:<> SIZE=4000")
        self.assertTrue(c.ask(b"RCPT TO:<%s>" % self.three.encode()).startswith("452 4.2.2"))
        c.ask(b"RSET")
        c.begin(self.two, self.three)
        reply = c.data(b"x\r\n" * 1300 + b".\r\n")
        self.assertTrue(reply.startswith("452 4.2.2"), reply)
        self.assertEqual(self.take(1), [], "all or none")
        self.assertEqual(len(self.take(2)), 2)

    def test_idle(self):
        c, busy = self.smtp(), self.smtp()
        busy.begin(self.one)
        busy.ask(b"DATA")
        busy.send(b"Subject: never ends\r\n")
        self.assertEqual(c.reply(), "421 4.4.2 idle for too long")
        self.assertTrue(c.ended())
        self.assertTrue(busy.reply().startswith("421 4.4.2"))
        self.assertEqual(self.take(), [])

    def test_too_many_connections(self):
        held = [self.smtp() for _ in range(8)]
        c = Smtp(self.mx, greet=False)
        self.assertEqual(c.greeting, "421 4.7.0 too many connections")
        self.assertTrue(c.ended())
        c.close()
        for h in held:
            h.close()

        def is_room():
            with Smtp(self.mx, greet=False) as again:
                return again.greeting.startswith("220")
        eventually("room again", is_room)

    def test_mails_wait_for_the_only_connection(self):
        first, second, third = self.smtp(), self.smtp(), self.smtp()
        first.begin(self.one)
        for c in (second, third):
            c.send(b"MAIL FROM:<>\r\nRCPT TO:<%s>\r\nDATA\r\n" % self.one.encode())
            self.assertTrue(c.reply().startswith("250 2.1.0"))
        self.assertTrue(first.data(b"Subject: 1\r\n\r\n.\r\n").startswith("250"))
        for c, n in ((second, b"2"), (third, b"3")):
            self.assertTrue(c.reply().startswith("250 2.1.5"))
            self.assertTrue(c.reply().startswith("354"))
            c.send(b"Subject: " + n + b"\r\n\r\n.\r\n")
            self.assertTrue(c.reply().startswith("250 2.0.0"))
        self.assertEqual([without_trace(m)[9:10] for m in self.take()], [b"1", b"2", b"3"])

    def test_a_client_that_says_nothing_starves_nobody(self):
        hato = Hato({"smtpgw.lmtp_connections": "1", "smtpgw.workers": "1"})
        self.addCleanup(hato.close)
        address = hato.subscriber(1).address
        with Smtp(hato.port("smtpgw.mx_port")) as mute, Smtp(hato.port("smtpgw.mx_port")) as other:
            mute.begin(address)
            mute.ask(b"DATA")
            other.begin(address)
            self.assertTrue(other.data(b"Subject: through\r\n\r\n.\r\n").startswith("250"))
            mute.send(b"Subject: late\r\n\r\n.\r\n")
            self.assertTrue(mute.reply().startswith("451 4.3.0"))
            mute.begin(address)
            self.assertTrue(mute.data(b"Subject: late\r\n\r\n.\r\n").startswith("250"))

    def test_clients_that_vanish_give_the_connection_back(self):
        for say in (b"", b"DATA\r\n", b"BDAT 10\r\nabc", b"BDAT 3\r\nabc"):
            c = self.smtp()
            c.begin(self.one)
            c.send(say)
            c.close()
        c = self.smtp()
        c.begin(self.one)
        self.assertTrue(c.data(b"Subject: after\r\n\r\n.\r\n").startswith("250"))
        self.assertEqual(len(self.take()), 1)


class StoreGone(Fixture):
    sets = {"smtpgw.lmtp_seconds": "2"}

    def freeze(self):
        pid = self.hato.pid("pushsrv")
        suspend(pid)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        return pid

    def begun(self):
        """A client with a mail begun; asked for again, as another worker may not have found pushsrv again yet, and by another client, as one
        may err only so often."""
        def attempt():
            c = self.smtp()
            replies = [c.ask(b"MAIL FROM:<a@b.example>"), c.ask(b"RCPT TO:<%s>" % self.one.encode())]
            if all(r.startswith("250") for r in replies):
                return c
            return c.close()
        return eventually("a mail can be begun", attempt)

    def deliver_again(self, mark):
        """As a real client: until it is taken."""
        def attempt():
            with Smtp(self.mx) as c:
                for line in (b"MAIL FROM:<a@b.example>", b"RCPT TO:<%s>" % self.one.encode(), b"DATA"):
                    reply = c.ask(line)
                    if reply[0] == "4":
                        self.assertTrue(reply.startswith("451 4."), reply)
                        return False
                return c.ask(b"Subject: " + mark + b"\r\n\r\n.").startswith("250")
        eventually("pushsrv is back", attempt)
        mails = [without_trace(m) for m in self.take()]
        self.assertEqual(mails.count(b"Subject: " + mark + b"\r\n\r\n"), 1)
        return mails

    def test_killed_between_rcpt_and_data(self):
        c = self.begun()
        self.hato.kill("pushsrv")
        reply = c.ask(b"DATA")
        if reply.startswith("354"):
            c.send(b"Subject: lost\r\n\r\n.\r\n")
            reply = c.reply()
        self.assertTrue(reply.startswith("451 4.3.0"), reply)
        self.assertTrue(c.ask(b"NOOP").startswith("250"))
        self.assertEqual(len(self.deliver_again(b"one")), 1)

    def test_killed_in_the_middle_of_content(self):
        c = self.begun()
        c.ask(b"DATA")
        c.send(b"Subject: x\r\n\r\n" + (b"x" * 78 + b"\r\n") * 20000)
        self.hato.kill("pushsrv")
        c.send((b"x" * 78 + b"\r\n") * 20000 + b".\r\n")
        self.assertTrue(c.reply().startswith("451 4.3.0"))
        self.assertTrue(c.ask(b"MAIL FROM:<>").startswith(("250", "451")))
        self.assertEqual(len(self.deliver_again(b"two")), 1)

    def test_silent_at_rcpt(self):
        self.freeze()
        c = self.smtp()
        self.assertTrue(c.ask(b"MAIL FROM:<>").startswith(("250", "451 4.3.0")))
        self.assertTrue(c.ask(b"RCPT TO:<%s>" % self.one.encode()).startswith(("451 4.3.0", "503")))

    def test_silent_after_the_end_of_data(self):
        """The outcome is unknown: 451, and what the client brings again is there once or twice, never not."""
        c = self.begun()
        pid = self.freeze()
        self.assertTrue(c.data(b"Subject: perhaps\r\n\r\n.\r\n").startswith("451 4.3.0"))
        os.kill(pid, signal.SIGCONT)
        mails = self.deliver_again(b"surely")
        self.assertLessEqual(mails.count(b"Subject: perhaps\r\n\r\n"), 1)

    def test_backpressure(self):
        """While pushsrv takes nothing, the client is not read: a large mail does not gather in memory."""
        c = self.begun()
        c.ask(b"DATA")
        self.freeze()
        c.sock.settimeout(1)
        sent = 0
        with self.assertRaises(socket.timeout):
            while sent < 20000000:
                sent += c.sock.send(b"x" * 78 + b"\r\n" + (b"y" * 78 + b"\r\n") * 800)
        self.assertLess(sent, 10000000)
        c.close()

    def test_killed_under_load(self):
        """Whatever is answered with 250 is there."""
        promised, lock = [], threading.Lock()

        def client(name):
            for n in range(40):
                mark = b"%s-%d" % (name, n)
                try:
                    with Smtp(self.mx) as c:
                        for line in (b"MAIL FROM:<a@b.example>", b"RCPT TO:<%s>" % self.two.encode(), b"DATA"):
                            if c.ask(line)[0] not in "23":
                                break
                        else:
                            if c.ask(b"Subject: " + mark + b"\r\n\r\n.").startswith("250"):
                                with lock:
                                    promised.append(mark)
                except OSError:
                    pass

        threads = [threading.Thread(target=client, args=(b"c%d" % i,)) for i in range(6)]
        for t in threads:
            t.start()
        for _ in range(3):
            self.hato.kill("pushsrv")
            self.hato.wait_ready()
        for t in threads:
            t.join()
        there = [without_trace(m)[9:].split(b"\r")[0] for m in self.take(1)]
        self.assertEqual(set(promised) - set(there), set())


class Stop(unittest.TestCase):
    def test_idle_ones_hear_of_it(self):
        hato = Hato()
        self.addCleanup(hato.close)
        s = hato.subscriber(1)
        with Smtp(hato.port("smtpgw.mx_port")) as idle, Smtp(hato.port("smtpgw.mx_port")) as busy:
            busy.begin(s.address)
            busy.ask(b"DATA")
            hato.stop()
            self.assertEqual(idle.reply(), "421 4.3.2 shutting down")
            self.assertEqual(busy.reply(), "421 4.3.2 shutting down")
            self.assertTrue(idle.ended())

    def stop_at_the_end_of_data(self):
        """SIGTERM right behind the end of data, the store frozen: (what the client heard, what was stored)."""
        hato = Hato()
        self.addCleanup(hato.close)
        s = hato.subscriber(1)
        with Smtp(hato.port("smtpgw.mx_port")) as c:
            c.begin(s.address)
            c.ask(b"DATA")
            store, gateway = hato.pid("pushsrv"), hato.pid("smtpgw")
            suspend(store)
            try:
                c.send(b"Subject: last\r\n\r\n.\r\n")
                os.kill(gateway, signal.SIGTERM)
                eventually("smtpgw stops", lambda: [e for e in hato.events("stopping") if e["daemon"] == "smtpgw"])
            finally:
                os.kill(store, signal.SIGCONT)
            first = c.reply()
            if first.startswith("250"):
                self.assertEqual(c.reply(), "421 4.3.2 shutting down")
        return first, [e["recipients"] for e in hato.events("mail-accepted") if e["daemon"] == "pushsrv"]

    def test_a_commit_in_flight_is_waited_for(self):
        """Either the data were taken before the signal, and the answer is the commit's; or they were not, and nothing is
        stored. Which it is lies with the scheduler: tried until the first was seen."""
        for _ in range(8):
            heard, stored = self.stop_at_the_end_of_data()
            if heard.startswith("250 2.0.0"):
                self.assertEqual(stored, [1])
                return
            self.assertTrue(heard.startswith("421"), heard)
            self.assertEqual(stored, [])
        self.fail("the data were never taken before the signal")


if __name__ == "__main__":
    unittest.main()

"""Real mail, to the byte: what comes in by MX goes out by POP3, what is submitted goes through the queue, a Postfix outside and
back, and what the relay sends is what was accepted."""
import concurrent.futures
import contextlib
import re
import sqlite3
import unittest

from harness.corpus import as_stored, files, has_only_fields, head_lines, is_clean, messages
from harness.mail import Smtp, content_of, message
from harness.phones import Phone, Phones
from harness.pop import b64
from harness.postfix import Postfix
from harness.queue import Queue
from harness.smtp_host import Host
from harness.system import Hato, eventually

OURS = re.compile(rb"\AReturn-Path: <[^>\r]*>\r\nReceived: [^\r]*\r\n(?:[ \t][^\r]*\r\n)*")
LARGE = 25 * 1000 * 1000  # with the trace fields of three hosts it is still no larger than what is taken
# What a submission has of its subscriber, and what is taken out of it on the way: under another name it is left alone.
SPOKEN_FOR = re.compile(rb"(from|sender|resent-from|resent-sender|bcc|resent-bcc|return-path|authentication-results)[ \t]*:", re.I)


def large_mail():
    head = b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + (b"QUJD" * 19 + b"\r\n") * ((LARGE - len(head)) // 78)


class CorpusTest(unittest.TestCase):
    sets = {}

    @classmethod
    def keep(cls, thing):
        cls.addClassCleanup(thing.close)
        return thing

    @classmethod
    def setUpClass(cls):
        cls.hato = cls.keep(Hato(cls.sets))
        cls.phones = Phones(cls.hato)

    def stored(self, phone, count):
        """The mails of a phone when there are so many."""
        def there():
            with phone.login() as pop:
                have, _ = pop.stat()
                mails = [pop.retr(n + 1) for n in range(have)] if have >= count else None
                pop.say("QUIT")
            return mails
        return eventually("%d mails are there" % count, there)

    def logged_in(self, phone):
        smtp = Smtp(self.hato.port("smtpgw.submission_port"), phone.ip)
        smtp.ok("AUTH PLAIN " + b64(b"\0%s\0%s" % (phone.msisdn.encode(), phone.token.encode())), 235)
        return smtp

    def send(self, smtp, to, content, sender, chunked):
        if not chunked:
            return smtp.deliver(to, content, sender)
        smtp.envelope(sender, [to])
        half = len(content) // 2
        smtp.send(b"BDAT %d\r\n%sBDAT %d LAST\r\n%s" % (half, content[:half], len(content) - half, content[half:]))
        first = smtp.reply()
        return smtp.reply() if first[0] == 250 else first


class ByMx(CorpusTest):

    def test_every_message_comes_out_to_the_byte(self):
        phone, sent = self.phones.next(), []
        with Smtp(self.hato.port("smtpgw.mx_port")) as smtp:
            for n, (name, content) in enumerate(messages()):
                reply = self.send(smtp, phone.address, content, "someone@elsewhere.example", n % 3 == 2)
                self.assertEqual(250, reply[0], (name, reply))
                sent.append((name, as_stored(content)))
        for (name, content), stored in zip(sent, self.stored(phone, len(sent)), strict=True):
            with self.subTest(name):
                ours = OURS.match(stored)
                self.assertIsNotNone(ours, stored[:300])
                self.assertEqual(content, stored[ours.end():])

    def test_what_smtp_cannot_carry_is_refused_as_it_lies_there(self):
        phone = self.phones.next()
        bad = [(name, octets) for name, octets in files() if not is_clean(octets)]
        bad += [("lf", message("x").replace(b"\r\n", b"\n")), ("cr", message("x") + b"a\rb\r\n"), ("nul", message("a\0b"))]
        for smtp, sender in ((Smtp(self.hato.port("smtpgw.mx_port")), "a@b.example"), (self.logged_in(phone), phone.address)):
            with smtp:
                for chunked in (False, True):
                    for name, octets in bad:
                        with self.subTest(name, chunked=chunked):
                            if chunked:
                                smtp.envelope(sender, [phone.address])
                                smtp.send(b"BDAT %d LAST\r\n%s" % (len(octets), octets))
                                reply = smtp.reply()
                            else:
                                reply = smtp.deliver(phone.address, octets + b"\r\n", sender)
                            self.assertEqual((550, "5.5.2"), (reply[0], reply[1].split()[0]), reply)
        self.assertEqual([], phone.fetch())

    def test_a_thousand_mailboxes(self):
        """One mail, a thousand subscribers: each has it once, and its octets are in the store once."""
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            to = [s.address for s in pool.map(self.hato.subscriber, range(1001, 2001))]
        phone = self.phones.next()
        mail = message("to all", ("x" * 60 + "\r\n") * 200)
        with Smtp(self.hato.port("smtpgw.mx_port")) as smtp:
            smtp.send(b"MAIL FROM:<someone@elsewhere.example>\r\n"
                      + b"".join(b"RCPT TO:<%s>\r\n" % t.encode() for t in [*to, phone.address]))
            self.assertEqual([250] * 1001 + [452], [smtp.reply()[0] for _ in range(1002)])
            self.assertEqual(250, smtp.data(mail)[0][0])
        with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % (self.hato.dir / "state/db/mail.db"), uri=True)) as db:
            [(body, rows, mailboxes)] = db.execute("SELECT body, count(*), count(DISTINCT mailbox) FROM message"
                                                   " WHERE body IN (SELECT max(body) FROM message)").fetchall()
            self.assertEqual((1000, 1000), (rows, mailboxes))
            self.assertEqual([(1000,)], db.execute("SELECT refs FROM body WHERE id = ?", [body]).fetchall())
            octets = b"".join(o for o, in db.execute("SELECT octets FROM chunk WHERE id / 4096 = ? ORDER BY id", [body]))
            self.assertTrue(octets.endswith(mail))
            self.assertEqual([(0,)], db.execute("SELECT count(*) FROM body WHERE id > ?", [body]).fetchall())
        for number in (1001, 1500, 2000):
            someone = Phone(self.phones, number)
            someone.attach()
            self.assertEqual([mail], someone.fetch())
        self.assertEqual([], phone.fetch())


class RoundTheWorld(CorpusTest):
    """A phone's mail to an address of a Postfix outside, which forwards it to the phone."""

    @classmethod
    def setUpClass(cls):
        cls.hato = cls.keep(Hato(start=False))
        ways = {"relay_domains": "hato.example", "virtual_alias_maps": "inline:{back@outside.example=u1@hato.example}",
                "transport_maps": "inline:{hato.example=smtp:[127.0.0.1]:%d}" % cls.hato.port("smtpgw.mx_port"),
                # it takes nothing out, writes no address anew, and breaks no line
                "message_drop_headers": "", "local_header_rewrite_clients": "", "smtp_line_length_limit": "0", "header_size_limit": "1000000"}
        cls.outside = cls.keep(Postfix(["outside.example"], settings=ways))
        cls.hato.sets = {"route out.domains": "outside.example", "route out.host": "127.0.0.1:%d" % cls.outside.port}
        cls.hato.start()
        cls.phones = Phones(cls.hato)
        cls.phone = cls.phones.next()

    def as_his(self, content):
        """The message as one of the phone's, complete, so that nothing has to be mended."""
        lines, rest = head_lines(content)
        lines = [b"X-" + l if SPOKEN_FOR.match(l) else l for l in lines]
        if lines and not lines[-1].endswith(b"\r\n"):
            lines[-1] += b"\r\n"
        has = b"".join(lines).lower()
        more = [b"From: %s\r\n" % self.phone.address.encode()]
        more += [] if re.search(rb"(?m)^date[ \t]*:", has) else [b"Date: Thu, 1 Jan 2026 00:00:00 +0900\r\n"]
        more += [] if re.search(rb"(?m)^message-id[ \t]*:", has) else [b"Message-ID: <%d@phone.example>\r\n" % len(content)]
        return b"".join(more + lines) + (rest or b"\r\n")

    def test_every_message_comes_back_to_the_byte(self):
        sent = {}
        with self.logged_in(self.phone) as smtp:
            for n, (name, content) in enumerate([*messages(), ("25 MB", large_mail())]):
                mail = b"X-Number: %d\r\n" % n + self.as_his(content)
                reply = self.send(smtp, "back@outside.example", mail, self.phone.address, n % 3 == 2)
                if has_only_fields(content):
                    self.assertEqual(250, reply[0], (name, reply))
                    sent[n] = name, as_stored(mail)
                else:
                    self.assertEqual((554, "5.6.0"), (reply[0], reply[1].split()[0]), (name, reply))
        self.assertGreater(len(sent), 15)
        came = {}
        for stored in self.stored(self.phone, len(sent)):
            at = stored.index(b"\r\nX-Number: ") + 2
            self.assertEqual(b"", content_of(stored[:at]), "what is on top of it is trace fields")
            came[int(stored[at:].split(b"\r\n")[0].split()[1])] = stored[at:]
        self.assertEqual(set(sent), set(came))
        for n, (name, mail) in sent.items():
            with self.subTest(name):
                self.assertTrue(mail == came[n], (mail[:2000], came[n][:2000]))


class OnTheWire(CorpusTest):
    """What the relay sends, octet by octet."""

    @classmethod
    def setUpClass(cls):
        cls.host = cls.keep(Host())
        cls.sets = {"route out.domains": "out.example, docomo.ne.jp", "route out.host": "127.0.0.1:%d" % cls.host.port,
                    "smtpgw.submissions_per_hour": 5000, "smtpgw.relay_per_destination": 2}
        super().setUpClass()
        cls.queue = cls.keep(Queue(cls.hato))

    def setUp(self):
        self.host.mails.clear()

    def test_it_is_what_was_queued(self):
        sent = {}
        for n, (name, content) in enumerate(messages()):
            sent["u%d@out.example" % n] = name, content if content.endswith(b"\r\n") or not content else content + b"\r\n"
            self.queue.put(content, "u%d@out.example" % n, flags="8")
        self.queue.wait_empty()
        self.assertEqual(len(sent), len(self.host.mails))
        for _, (to,), octets in self.host.mails:
            with self.subTest(sent[to][0]):
                self.assertEqual(sent[to][1], octets)

    def test_it_never_smuggles(self):
        """Whatever got into the queue: lines end in CRLF, and a lone dot is stuffed."""
        ends = (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n\r\n.\n", b"\r\n.\r\r\n", b"\r\n.\r\n")
        for n, end in enumerate(ends):
            self.queue.put(b"Subject: s\r\n\r\nouter" + end + b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<x@c.example>\r\nDATA\r\n"
                           b"Subject: smuggled\r\n\r\nx\r\n", "e%d@out.example" % n)
        self.queue.wait_empty()
        self.assertEqual(len(ends), len(self.host.mails))
        for sender, to, octets in self.host.mails:
            self.assertIn("MAIL FROM:<sender@hato.example>", sender)
            self.assertIn(b"Subject: smuggled", octets)
            self.assertTrue(is_clean(octets), octets)

    def test_carriers_local_parts(self):
        """In MAIL, RCPT and header, however they are written."""
        for n, local in enumerate(("a..b", "a.", ".a", "-", "x/y")):
            own = "%s@hato.example" % local
            phone = self.phones.next(addresses=[own])
            self.host.mails.clear()
            with self.logged_in(phone) as smtp:
                for written in (local, '"%s"' % local):
                    mail = ("From: <%s@hato.example>\r\nTo: \"%s\" <%s@docomo.ne.jp>\r\nDate: x\r\nMessage-ID: <%d@x>\r\n"
                            "\r\nx\r\n" % (written, local, written, n)).encode()
                    self.assertEqual(250, smtp.deliver(written + "@docomo.ne.jp", mail, written + "@hato.example")[0], written)
                    sender, to, octets = self.host.wait_mails(1)[0]
                    self.host.mails.clear()
                    self.assertEqual([local + "@docomo.ne.jp"], [t.replace('"', "") for t in to])
                    self.assertIn("<%s>" % own, sender.replace('"', ""))
                    self.assertTrue(octets.endswith(mail), octets)

    def test_a_thousand_recipients(self):
        phone = self.phones.next()
        to = ["t%d@out.example" % n for n in range(1000)]
        mail = b"From: %s\r\nDate: x\r\nMessage-ID: <t@x>\r\nSubject: to all\r\n\r\nx\r\n" % phone.address.encode()
        with self.logged_in(phone) as smtp:
            smtp.send(b"MAIL FROM:<%s>\r\n" % phone.address.encode()
                      + b"".join(b"RCPT TO:<%s>\r\n" % t.encode() for t in [*to, "one@more"]))
            self.assertEqual([250] * 1001 + [452], [smtp.reply()[0] for _ in range(1002)])
            self.assertEqual(250, smtp.data(mail)[0][0])
        eventually("all have it", lambda: sorted(to) == sorted(t for m in self.host.mails for t in m[1]))
        self.assertLess(len(self.host.mails), 50)
        for _, _, octets in self.host.mails:
            self.assertTrue(octets.endswith(mail))


if __name__ == "__main__":
    unittest.main()

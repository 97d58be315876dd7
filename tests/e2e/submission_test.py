"""A phone sends: who may, from where, with which client; what becomes of the header; what is in the queue."""
import contextlib
import re
import socket
import sqlite3
import tempfile
import unittest

from harness.clients import curl, run, swaks
from harness.mail import message
from harness.phones import Phones
from harness.pop import MECHANISMS, Pop, initial_response, tls_context
from harness.submission import Submission
from harness.system import BUILD, PATIENCE, Hato, free_ports

FALSE_ENDS = (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\0.\r\n", b"\r.\r\n", b"\r\n.\0\r\n", b"\n\r\n.\n")


@unittest.skipUnless((BUILD / "smtpgw").exists(), "smtpgw is not built")
class SubmissionTest(unittest.TestCase):
    sets = {}

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato(cls.sets)
        cls.phones = Phones(cls.hato)

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def port(self, tls=False):
        return self.hato.port("smtpgw.submissions_port" if tls else "smtpgw.submission_port")

    def open(self, phone, ip=None, tls=False, **how):
        return Submission(self.port(tls), ip or phone.ip, tls=tls, **how)

    def log_in(self, phone, **how):
        smtp = self.open(phone, **how)
        self.is_said(smtp.auth("PLAIN", phone.msisdn, phone.token), 235, "2.7.0")
        return smtp

    def is_said(self, reply, code, enhanced):
        self.assertEqual((code, enhanced), (reply[0], reply[1].split(" ")[0]), reply)

    def queue(self, sql, *args):
        with contextlib.closing(sqlite3.connect(self.hato.dir / "state" / "db" / "queue.db")) as db:
            return db.execute(sql, args).fetchall()

    def queued(self, phone):
        """What the phone has in the queue: octets, newest last."""
        mails = self.queue("SELECT m.id FROM mail m JOIN recipient r ON r.mail = m.id WHERE m.reverse_path = ? GROUP BY m.id",
                           phone.address)
        return [b"".join(o for (o,) in self.queue("SELECT octets FROM chunk WHERE id / 4096 = ? ORDER BY id", m)) for (m,) in mails]

    def letter(self, phone, subject="hi", to="friend@elsewhere.example"):
        return message(subject, sender=phone.address, to=to)


class WhoMaySend(SubmissionTest):
    sets = {"smtpgw.max_errors": 10}

    def test_what_is_offered(self):
        phone = self.phones.next()
        for tls in (False, True):
            with self.open(phone, tls=tls) as smtp:
                for word in ("PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES", "DSN"):
                    self.assertIn(word, smtp.extensions)
                self.assertEqual(set(MECHANISMS), set(smtp.extensions["AUTH"].split()))
                self.assertEqual(not tls, "STARTTLS" in smtp.extensions)

    def test_every_mechanism_on_every_way_in(self):
        phone = self.phones.next()
        for tls in ("none", "starttls", "implicit"):
            for mechanism in MECHANISMS:
                for inline in (True, False):
                    with self.subTest(tls=tls, mechanism=mechanism, inline=inline):
                        smtp = self.open(phone, tls=tls == "implicit")
                        if tls == "starttls":
                            smtp.start_tls()
                            smtp.greet("again")
                        self.is_said(smtp.auth(mechanism, phone.address, phone.token, inline), 235, "2.7.0")
                        self.is_said(smtp.say("AUTH PLAIN"), 503, "5.5.1")
                        self.assertEqual(250, smtp.deliver("x@elsewhere.example", self.letter(phone), phone.address)[0])
                        smtp.close()
        self.assertEqual(3 * len(MECHANISMS) * 2, len(self.queued(phone)))

    def test_only_from_the_bound_address(self):
        """The thing that it is all for: a token is worth nothing elsewhere."""
        phone, other = self.phones.next(), self.phones.next()
        nobody = self.phones.address()
        for mechanism in MECHANISMS:
            for ip in (other.ip, nobody):
                with self.open(phone, ip=ip) as smtp:
                    self.is_said(smtp.auth(mechanism, phone.msisdn, phone.token), 535, "5.7.8")
                    self.is_said(smtp.say("MAIL FROM:<%s>" % phone.address), 530, "5.7.0")
                    self.is_said(smtp.say("RCPT TO:<x@elsewhere.example>"), 503, "5.5.1")
        with self.open(phone) as smtp:
            self.is_said(smtp.say("MAIL FROM:<%s>" % phone.address), 530, "5.7.0")
            self.is_said(smtp.auth("PLAIN", other.msisdn, phone.token), 535, "5.7.8")
            self.is_said(smtp.auth("PLAIN", phone.msisdn, other.token), 535, "5.7.8")
            self.is_said(smtp.auth("PLAIN", phone.msisdn, "A" * 40), 535, "5.7.8")
            self.is_said(smtp.auth("PLAIN", phone.msisdn, phone.token), 235, "2.7.0")
        self.assertEqual("confirmed", phone.binding()["state"])
        self.assertEqual([], self.queued(phone))

    def test_form_of_auth(self):
        phone = self.phones.next()
        with self.open(phone) as smtp:
            self.is_said(smtp.say("AUTH CRAM-MD5"), 504, "5.5.4")
            self.is_said(smtp.say("AUTH PLAIN !!!!"), 501, "5.5.2")
            self.assertEqual(334, smtp.say("AUTH PLAIN")[0])
            self.is_said(smtp.say("*"), 501, "5.7.0")
            self.assertEqual(334, smtp.say("AUTH XOAUTH2")[0])
            self.is_said(smtp.say("A" * 12289), 500, "5.5.6")
            self.is_said(smtp.say("AUTH"), 501, "5.5.4")
            self.is_said(smtp.say(b"AUTH PLAIN \x00"), 500, "5.5.2")
            self.is_said(smtp.auth("OAUTHBEARER", phone.msisdn, phone.token), 235, "2.7.0")
            smtp.ok("MAIL FROM:<%s>" % phone.address)
            self.is_said(smtp.say("AUTH PLAIN"), 503, "5.5.1")

    def test_guesses_are_counted(self):
        phone = self.phones.next()
        with self.open(phone) as smtp:
            replies = [smtp.auth("PLAIN", phone.msisdn, "%040d" % n)[0] for n in range(10)]
            self.assertEqual([535] * 10, replies)
            self.is_said(smtp.reply(), 421, "4.7.0")
            self.assertEqual(0, smtp.reply()[0])

    def test_lease_that_moves(self):
        """Nothing is queued on the strength of a binding that is not there any more, wherever the mail was."""
        def logged_in(p):
            pass

        def enveloped(p):
            p.envelope(phone.address, ["x@elsewhere.example"])

        def in_content(p):
            enveloped(p)
            p.ok("DATA", 354)
            p.send(b"Subject: moved\r\n\r\n" + b"x" * 70 + b"\r\n")

        for how_far in (logged_in, enveloped, in_content):
            with self.subTest(how_far=how_far.__name__):
                phone = self.phones.next()
                smtp = self.log_in(phone)
                how_far(smtp)
                self.phones.next(attach=False).lease(phone.ip)
                if how_far is logged_in:
                    reply = smtp.say("MAIL FROM:<%s>" % phone.address)
                elif how_far is enveloped:
                    reply = smtp.data(self.letter(phone))[0]
                else:
                    smtp.send(b".\r\n")
                    reply = smtp.reply()
                self.is_said(reply, 530, "5.7.0")
                self.assertEqual(0, smtp.reply()[0], "the session goes on")
                self.assertEqual([], self.queued(phone))
                smtp.close()

    def test_token_that_is_revoked(self):
        phone = self.phones.next()
        with self.log_in(phone) as smtp:
            self.assertEqual(204, phone.bearer("DELETE", "/v1/token")[0])
            self.is_said(smtp.say("MAIL FROM:<%s>" % phone.address), 530, "5.7.0")
        with self.open(phone) as smtp:
            self.is_said(smtp.auth("PLAIN", phone.msisdn, phone.token), 535, "5.7.8")

    def test_frozen(self):
        phone = self.phones.next()
        with self.log_in(phone) as smtp:
            status, _, freeze = self.hato.network("POST", "/v1/freezes", {"reason": "a test", "msisdn": phone.msisdn})
            self.assertIn(status, (200, 201), freeze)
            self.is_said(smtp.say("MAIL FROM:<%s>" % phone.address), 530, "5.7.0")
        with self.open(phone) as smtp:
            self.is_said(smtp.auth("PLAIN", phone.msisdn, phone.token), 535, "5.7.8")
        self.assertEqual(204, self.hato.network("DELETE", "/v1/freezes/%d" % freeze["id"])[0])
        self.log_in(phone).close()

    def test_content_before_354_and_garbage_before_the_greeting(self):
        phone = self.phones.next()
        with self.open(phone, greet=False) as smtp:
            smtp.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b"\xff\x00\x01" * 50 + b"\r\n")
            codes = [smtp.reply()[0] for _ in range(5)]
            self.assertEqual([220, 500, 500, 500, 500], codes)
        with self.log_in(phone) as smtp:
            smtp.envelope(phone.address, ["x@elsewhere.example"])
            smtp.send(b"DATA\r\nSubject: ahead\r\n\r\n.\r\nMAIL FROM:<%s>\r\n" % phone.address.encode())
            self.is_said(smtp.reply(), 554, "5.5.0")
            self.assertEqual(0, smtp.reply()[0])
        self.assertEqual([], self.queued(phone))

    def test_commands_of_a_megabyte(self):
        phone = self.phones.next()
        with self.log_in(phone) as smtp:
            for verb in ("MAIL FROM:<", "AUTH PLAIN ", "x"):
                smtp.send(verb.encode() + b"a" * 1000000 + b"\r\n")
                self.is_said(smtp.reply(), 500, "5.5.2")
            self.assertEqual(250, smtp.deliver("x@elsewhere.example", self.letter(phone), phone.address)[0])


class TlsOnly(SubmissionTest):
    sets = {"smtpgw.auth_requires_tls": "yes", "smtpgw.sniff_tls": 300}

    def test_tls_first(self):
        phone = self.phones.next()
        with self.open(phone) as smtp:
            self.assertNotIn("AUTH", smtp.extensions)
            self.is_said(smtp.auth("PLAIN", phone.msisdn, phone.token), 538, "5.7.11")
            self.is_said(smtp.say("MAIL FROM:<%s>" % phone.address), 530, "5.7.0")
            smtp.start_tls()
            smtp.greet("again")
            self.assertIn("AUTH", smtp.extensions)
            self.assertNotIn("STARTTLS", smtp.extensions)
            self.is_said(smtp.auth("PLAIN", phone.msisdn, phone.token), 235, "2.7.0")
        self.assertEqual([True, True], [phone.ask_token()["submission"]["tls"],
                                        phone.answer["submission"]["port"] == self.port(tls=True)])

    def test_tls_is_sniffed_on_the_plain_port(self):
        phone = self.phones.next()
        with contextlib.closing(socket.create_connection(("127.0.0.1", self.port()), PATIENCE, (phone.ip, 0))) as plain:
            with tls_context().wrap_socket(plain) as secured, secured.makefile("rb") as file:
                self.assertTrue(file.readline().startswith(b"220 "))
                secured.sendall(b"EHLO x\r\nAUTH PLAIN %s\r\n" % initial_response("PLAIN", phone.msisdn, phone.token).encode())
                lines = iter(file.readline, b"")
                self.assertTrue(next(line for line in lines if line.startswith((b"5", b"235 "))).startswith(b"235 "))

    def test_nothing_survives_starttls(self):
        """Command injection: what was said before the handshake is not heard after it."""
        phone = self.phones.next()
        with self.open(phone) as smtp:
            smtp.send(b"STARTTLS\r\nEHLO injected\r\nNOOP\r\n")
            self.assertEqual(220, smtp.reply()[0])
            smtp.socket = tls_context().wrap_socket(smtp.socket)
            smtp.file = smtp.socket.makefile("rb")
            self.is_said(smtp.say("MAIL FROM:<%s>" % phone.address), 503, "5.5.1")


class Doors(SubmissionTest):
    """Where the connection came in says the realm; who it is from, the kernel, or a balancer that is believed."""
    sets = {"smtpgw.proxy_from": "127.9.9.9", "network-key feeder.realm": "*"}

    @classmethod
    def setUpClass(cls):
        names = ("handset_port", "submission_port", "submissions_port")
        cls.b = dict(zip(names, free_ports(len(names))))
        cls.sets = {**cls.sets, **{"realm b.%s" % name: port for name, port in cls.b.items()}}
        super().setUpClass()

    def test_one_address_in_two_realms(self):
        phone, twin = self.phones.next(), self.phones.next(attach=False)
        status, _, answer = self.hato.network("POST", "/v1/lease-events?realm=b",
                                              {"event": "start", "ip": phone.ip, "msisdn": twin.msisdn, "session_id": "twin"})
        self.assertEqual((200, "applied"), (status, answer["results"][0]["result"]))
        status, _, twin.answer = self.hato.http(self.b["handset_port"], "POST", "/v1/token", {"imsi": twin.imsi}, source=phone.ip)
        self.assertEqual(201, status, twin.answer)
        self.assertEqual(self.b["submission_port"], twin.answer["submission"]["port"])
        for whose, port, tls, code in ((phone, self.port(), False, 235), (twin, self.port(), False, 535),
                                       (twin, self.b["submission_port"], False, 235), (phone, self.b["submission_port"], False, 535),
                                       (twin, self.b["submissions_port"], True, 235), (phone, self.b["submissions_port"], True, 535)):
            with Submission(port, phone.ip, tls=tls) as smtp:
                self.assertEqual(code, smtp.auth("PLAIN", whose.msisdn, whose.token)[0])
                if code == 235:
                    self.assertEqual(250, smtp.deliver("x@elsewhere.example", self.letter(whose), whose.address)[0])
        self.assertEqual((1, 2), (len(self.queued(phone)), len(self.queued(twin))))

    def test_behind_a_balancer(self):
        phone = self.phones.next()
        header = b"PROXY TCP4 %s 127.0.0.1 40000 1587\r\n" % phone.ip.encode()
        for source, code in (("127.9.9.9", 235), (self.phones.address(), None)):
            with Submission(self.port(), source, greet=False) as smtp:
                smtp.send(header)
                greeting = smtp.reply()
                if code:
                    self.assertEqual(220, greeting[0])
                    smtp.greet("phone")
                    self.assertEqual(code, smtp.auth("PLAIN", phone.msisdn, phone.token)[0])
                else:
                    self.assertEqual(500, smtp.reply()[0], "a stranger's header is garbage")
                    smtp.greet("phone")
                    self.assertEqual(535, smtp.auth("PLAIN", phone.msisdn, phone.token)[0])


class WhatIsSent(SubmissionTest):

    def send(self, phone, content, to="friend@elsewhere.example", sender=None, params=""):
        with self.log_in(phone) as smtp:
            reply = smtp.deliver(to, content, phone.address if sender is None else sender, params)
        return reply

    def test_header_is_mended(self):
        phone = self.phones.next()
        self.assertEqual(250, self.send(phone, b"To: a@b.example\r\nBcc: secret@b.example,\r\n more@b.example\r\n"
                                               b"Subject: mended\r\n\r\nBcc: stays\r\n")[0])
        (mail,) = self.queued(phone)
        head, body = mail.split(b"\r\n\r\n", 1)
        lines = head.split(b"\r\n")
        self.assertEqual(b"Bcc: stays\r\n", body)
        self.assertNotIn(b"secret", mail)
        self.assertRegex(head, rb"\AReceived: by mx.hato.example with ESMTPA id [^ ]+\r\n\tfor <friend@elsewhere.example>;\r\n\t")
        self.assertNotIn(phone.ip.encode(), mail, "where the phone is, is nobody's business")
        self.assertEqual(b"From: <%s>" % phone.address.encode(), lines[-3])
        self.assertRegex(lines[-2], rb"\ADate: \w\w\w, \d\d \w\w\w \d{4} [\d:]+ \+0000\Z")
        self.assertRegex(lines[-1], rb"\AMessage-ID: <[^@>]+@mx.hato.example>\Z")
        self.assertEqual([b"To: a@b.example", b"Subject: mended"], lines[-5:-3])

    def test_from_phone_to_phone(self):
        """Into the queue, out of it, a trigger, fetched: and nobody learns of Bcc, or of where the sender is."""
        phone, friend = self.phones.next(), self.phones.next()
        with friend.listen() as triggers:
            content = b"From: %s\r\nBcc: %s\r\nSubject: hi\r\n\r\n.hello\r\n" % (phone.address.encode(), friend.address.encode())
            self.assertEqual(250, self.send(phone, content, friend.address)[0])
            triggers.next()
        with friend.login() as pop:
            got = pop.retr(1)
            pop.say("QUIT")
        self.assertTrue(got.startswith(b"Return-Path: <%s>\r\n" % phone.address.encode()), got)
        self.assertTrue(got.endswith(b"\r\n\r\n.hello\r\n"), got)
        self.assertNotIn(b"Bcc", got)
        self.assertNotIn(phone.ip.encode(), got)

    def test_complete_mail_is_not_touched(self):
        phone = self.phones.next()
        content = (b"From: =?UTF-8?B?6bOp?= <%s>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0900\r\nMessage-ID: <mine@phone>\r\n"
                   b"Subject: \x94\xb5\r\n\r\n.dot\r\n\x1b$B$3$s\x1b(B\r\n" % phone.address.encode())
        self.assertEqual(250, self.send(phone, content)[0])
        (mail,) = self.queued(phone)
        self.assertTrue(mail.endswith(b"+0000\r\n" + content), mail)

    def test_foreign_senders(self):
        phone = self.phones.next(addresses=["two-%d@hato.example" % n for n in (1, 2)])
        own = self.hato.network("GET", "/v1/subscribers/" + phone.msisdn)[2]["addresses"]
        for sender, header, code in (
                (own[0], b"From: <%s>" % own[1].encode(), 250),
                ("", b"From: " + own[0].encode(), 250),
                (own[1], b"Sender: " + own[0].encode(), 250),
                ("other@hato.example", b"From: " + own[0].encode(), 550),
                ("boss@elsewhere.example", b"From: " + own[0].encode(), 550),
                (own[0], b"From: boss@elsewhere.example", 550),
                (own[0], b"From: \"%s\" <boss@elsewhere.example>" % own[0].encode(), 550),
                (own[0], b"From: %s, boss@elsewhere.example" % own[0].encode(), 550),
                (own[0], b"From: %s\r\nFrom: boss@elsewhere.example" % own[0].encode(), 550),
                (own[0], b"From: %s\r\nSender: boss@elsewhere.example" % own[0].encode(), 550),
                (own[0], b"From: %s\r\nno field\r\nFrom: boss@elsewhere.example" % own[0].encode(), 554)):
            with self.subTest(sender=sender, header=header):
                before = self.queue("SELECT count(*) FROM mail")
                with self.log_in(phone) as smtp:
                    reply = smtp.say("MAIL FROM:<%s>" % sender)
                    if reply[0] == 250:
                        smtp.ok("RCPT TO:<x@elsewhere.example>")
                        reply = smtp.data(header + b"\r\nSubject: s\r\n\r\nx\r\n")[0]
                self.assertEqual(code, reply[0], reply)
                self.assertEqual(code == 250, self.queue("SELECT count(*) FROM mail") != before)

    def test_dsn_parameters(self):
        phone = self.phones.next()
        with self.log_in(phone) as smtp:
            self.is_said(smtp.say("MAIL FROM:<%s> RET=ALL" % phone.address), 501, "5.5.4")
            self.is_said(smtp.say("MAIL FROM:<%s> ENVID=a+0D+0Ab" % phone.address), 501, "5.5.4")
            smtp.ok("MAIL FROM:<%s> RET=HDRS ENVID=QQ+2B314 AUTH=<>" % phone.address)
            self.is_said(smtp.say("RCPT TO:<a@b.example> NOTIFY=NEVER,DELAY"), 501, "5.5.4")
            smtp.ok("RCPT TO:<a@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;A+2BB@b.example")
            smtp.ok("RCPT TO:<c@B.Example> NOTIFY=NEVER")
            smtp.data(self.letter(phone))
        (mail,) = self.queue("SELECT id, envid, ret FROM mail WHERE reverse_path = ?", phone.address)
        self.assertEqual(("QQ+314", 2), mail[1:])
        self.assertEqual([("a@b.example", "b.example", 2 | 8, "rfc822;A+B@b.example"), ("c@b.example", "b.example", 1, "")],
                         self.queue("SELECT r.address, l.name, r.notify, r.orcpt FROM recipient r JOIN lane l ON l.id = r.lane"
                                    " WHERE r.mail = ? ORDER BY r.number", mail[0]))

    def test_recipients(self):
        phone = self.phones.next()
        with self.log_in(phone) as smtp:
            smtp.ok("MAIL FROM:<%s> SMTPUTF8" % phone.address)
            self.is_said(smtp.say("RCPT TO:<a@[192.0.2.1]>"), 550, "5.1.2")
            smtp.ok("RCPT TO:<\u9ce9@\u4f8b.jp>")
            smtp.ok("RCPT TO:<a..b.@docomo.ne.jp>")
            self.assertEqual(250, smtp.data(self.letter(phone))[0][0])
        self.assertEqual([("\u9ce9@\u4f8b.jp", "xn--fsq.jp"), ("\"a..b.\"@docomo.ne.jp", "docomo.ne.jp")],
                         self.queue("SELECT r.address, l.name FROM recipient r JOIN lane l ON l.id = r.lane JOIN mail m"
                                    " ON m.id = r.mail WHERE m.reverse_path = ? ORDER BY r.number", phone.address))

    def test_suppressed_recipient(self):
        """Refused with the reason of then, and for him alone who heard it."""
        phone, other = self.phones.next(), self.phones.next()
        me = self.hato.network("GET", "/v1/subscribers/" + phone.msisdn)[2]
        with contextlib.closing(sqlite3.connect(self.hato.dir / "state" / "db" / "queue.db")) as db, db:
            (sender,) = sqlite3.connect(self.hato.dir / "state" / "db" / "bindings.db").execute(
                "SELECT id FROM subscriber WHERE msisdn = ?", (me["msisdn"],)).fetchone()
            db.execute("INSERT INTO suppression (sender, address, code, enhanced, text, remote, count, since_us, expires_us)"
                       " VALUES (?, 'gone@elsewhere.example', 550, '5.1.10', 'no such person', 'mx', 1, 86400000000, ?)",
                       (sender, 2 ** 62))
        with self.log_in(phone) as smtp:
            smtp.ok("MAIL FROM:<%s>" % phone.address)
            code, text = smtp.say("RCPT TO:<Gone@Elsewhere.Example>")
            self.assertEqual((550, "5.1.10 mail to him fails since Fri, 02 Jan 1970 00:00:00 +0000: 550 no such person"), (code, text))
            smtp.ok("RCPT TO:<here@elsewhere.example>")
        with self.log_in(other) as smtp:
            smtp.ok("MAIL FROM:<%s>" % other.address)
            smtp.ok("RCPT TO:<gone@elsewhere.example>")

    def test_smuggling(self):
        phone = self.phones.next()
        for end in FALSE_ENDS:
            with self.subTest(end=end), self.log_in(phone) as smtp:
                smtp.envelope(phone.address, ["x@elsewhere.example"])
                smtp.ok("DATA", 354)
                smtp.send(b"Subject: first\r\n\r\nHello" + end + b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<y@elsewhere.example>\r\n"
                          b"DATA\r\nSubject: smuggled\r\n\r\nevil\r\n.\r\n")
                self.is_said(smtp.reply(), 550, "5.5.2")
                self.assertEqual(250, smtp.say("NOOP")[0])
        self.assertEqual([], self.queued(phone))

    def test_large_mails(self):
        """In pieces into the store; BDAT and DATA alike."""
        phone = self.phones.next()
        line = b"0123456789abcdef" * 4 + b"\r\n"
        for size in (256 * 1024 - 500, 256 * 1024 + 500, 3 * 1024 * 1024):
            for chunked in (False, True):
                with self.subTest(size=size, chunked=chunked), self.log_in(phone) as smtp:
                    content = self.letter(phone) + line * (size // len(line))
                    smtp.envelope(phone.address, ["x@elsewhere.example"])
                    if chunked:
                        smtp.send(b"BDAT %d LAST\r\n" % len(content) + content)
                        reply = smtp.reply()
                    else:
                        reply = smtp.data(content)[0]
                    self.assertEqual(250, reply[0], reply)
                    mail = self.queued(phone)[-1]
                    self.assertEqual(content.split(b"\r\n\r\n", 1)[1], mail.split(b"\r\n\r\n", 1)[1])
                    self.assertEqual([(len(mail),)], self.queue("SELECT size FROM mail ORDER BY id DESC LIMIT 1"))

    def test_header_bombs(self):
        phone = self.phones.next()
        for header in (b"X: y\r\n" * 10000, b"X: " + (b"y" * 900 + b"\r\n ") * 11000 + b"\r\n", b"Subject: " + b"z" * 60000 + b"\r\n" * 1,
                       (b"A" * 70 + b"\r\n ") * 20000):
            with self.log_in(phone) as smtp:
                smtp.envelope(phone.address, ["x@elsewhere.example"])
                reply = smtp.data(b"From: %s\r\n" % phone.address.encode() + header + b"\r\nbody\r\n")[0]
                self.assertEqual(250 if len(header) < 100000 and b"Subject" in header else 554, reply[0], reply)


class Limits(SubmissionTest):
    sets = {"smtpgw.submissions_per_hour": 5, "smtpgw.max_recipients": 3, "smtpgw.workers": 2, "smtpgw.foreign_from": "rewrite",
            "smtpgw.queue_mails": 3}

    def test_queue_that_is_full(self):
        """Said before the mail is lost, and nothing of it stays."""
        phone = self.phones.next()
        with self.log_in(phone) as smtp:
            replies = [smtp.deliver("x@elsewhere.example", self.letter(phone), phone.address) for _ in range(4)]
        self.is_said(replies[-1], 452, "4.3.1")
        self.assertEqual(sum(r[0] == 250 for r in replies), len(self.queued(phone)))
        self.assertEqual([(3,)], self.queue("SELECT count(*) FROM mail"))

    def test_recipients_an_hour(self):
        """Of one subscriber, whichever worker his connections fall to; another one is not touched."""
        phone, other = self.phones.next(), self.phones.next()
        codes = []
        for n in range(8):
            with self.log_in(phone) as smtp:
                codes += [reply[0] for reply in smtp.envelope(phone.address, ["x%d@elsewhere.example" % n])]
        self.assertEqual([250] * 5 + [450] * 3, codes)
        with self.log_in(other) as smtp:
            self.assertEqual([250, 250, 250, 452], [r[0] for r in smtp.envelope(other.address, ["x%d@b.example" % n for n in range(4)])])

    def test_flood_of_recipients(self):
        phone = self.phones.next()
        with self.log_in(phone) as smtp:
            smtp.send(b"MAIL FROM:<%s>\r\n" % phone.address.encode() + b"RCPT TO:<x@elsewhere.example>\r\n" * 5000)
            codes = [smtp.reply()[0] for _ in range(5001)]
        self.assertEqual([250] * 4 + [452] * 4997, codes)

    def test_foreign_senders_are_rewritten(self):
        phone = self.phones.next()
        with self.log_in(phone) as smtp:
            reply = smtp.deliver("x@elsewhere.example", b"From: Boss <boss@elsewhere.example>\r\nSubject: s\r\n\r\nx\r\n",
                                 "boss@elsewhere.example")
        self.assertEqual(250, reply[0], reply)
        (mail,) = self.queued(phone)
        self.assertIn(b"\r\nFrom: <%s>\r\n" % phone.address.encode(), mail)
        self.assertNotIn(b"oss", mail)


class PopBeforeSmtp(SubmissionTest):
    sets = {"smtpgw.pop_before_smtp": "10m", "smtpgw.submissions_pop_before_smtp": 0}

    def pop(self, phone, **how):
        with phone.login(**how) as pop:
            pop.say("QUIT")

    def test_each_port_has_its_own(self):
        phone = self.phones.next()
        self.pop(phone)
        with self.open(phone, tls=True) as smtp:
            self.is_said(smtp.say("MAIL FROM:<%s>" % phone.address), 530, "5.7.0")
            self.is_said(smtp.auth("PLAIN", phone.msisdn, phone.token), 235, "2.7.0")
            smtp.ok("MAIL FROM:<%s>" % phone.address)
        with self.open(phone) as smtp:
            smtp.ok("MAIL FROM:<%s>" % phone.address)

    def test_a_pop_login_lets_its_address_send(self):
        phone, other = self.phones.next(), self.phones.next()
        with self.open(phone) as smtp:
            self.is_said(smtp.say("MAIL FROM:<%s>" % phone.address), 530, "5.7.0")
        self.pop(phone)
        with self.open(phone) as smtp:
            self.is_said(smtp.say("MAIL FROM:<%s>" % other.address), 550, "5.7.1")
            self.assertEqual(250, smtp.deliver("x@elsewhere.example", self.letter(phone), phone.address)[0])
        with self.open(phone, ip=other.ip) as smtp:
            self.is_said(smtp.say("MAIL FROM:<%s>" % phone.address), 530, "5.7.0")
        (mail,) = self.queued(phone)
        self.assertIn(b" with ESMTP id ", mail, "no AUTH, and none is claimed (RFC 3848)")

    def test_void_when_the_binding_is_another(self):
        phone = self.phones.next()
        for change in (lambda: self.phones.next(attach=False).lease(phone.ip),  # the address is another's
                       lambda: self.phones.next().attach(phone.ip),
                       lambda: phone.attach(),                                  # another session of his own
                       lambda: phone.bearer("DELETE", "/v1/token"),
                       lambda: phone.stop()):
            phone = self.phones.next()
            self.pop(phone)
            change()
            with self.open(phone) as smtp:
                self.is_said(smtp.say("MAIL FROM:<%s>" % phone.address), 530, "5.7.0")
            self.assertEqual([], self.queued(phone))

    def test_not_behind_a_shared_address(self):
        """Whose login it was, nobody can know there."""
        ip, ports = self.phones.address(), iter(range(20000, 20100))

        def call():
            while True:
                source = (ip, next(ports))
                with socket.socket() as probe, contextlib.suppress(OSError):
                    probe.bind(source)
                    return source

        phone = self.phones.next(attach=False)
        phone.lease(ip, port_range="20000-20099")
        status, _, phone.answer = self.hato.handset(call(), "POST", "/v1/token", {"imsi": phone.imsi})
        self.assertEqual(201, status, phone.answer)
        with Pop(self.hato.port("popgw.pop3_port"), call()) as pop:
            pop.login(phone.msisdn, phone.token)
            pop.say("QUIT")
        with Submission(self.port(), call()) as smtp:
            self.is_said(smtp.say("MAIL FROM:<%s>" % phone.address), 530, "5.7.0")
            self.is_said(smtp.auth("PLAIN", phone.msisdn, phone.token), 235, "2.7.0")
            self.assertEqual(250, smtp.deliver("x@elsewhere.example", self.letter(phone), phone.address)[0])


class Clients(SubmissionTest):
    """Other people's clients, with what each of them can do."""

    def msmtp(self, phone, mechanism, tls, ip=None, token=None):
        how = "tls on\ntls_certcheck off\ntls_starttls %s" % ("on" if tls == "starttls" else "off")
        with tempfile.NamedTemporaryFile("w", suffix=".rc") as rc:
            rc.write("account default\nhost 127.0.0.1\nport %d\n%s\nsource_ip %s\nauth %s\nuser %s\npassword %s\nfrom %s\n"
                     % (self.port(tls == "implicit"), how, ip or phone.ip, mechanism, phone.msisdn, token or phone.token, phone.address))
            rc.flush()
            done = run("msmtp", "-C", rc.name, "--", "friend@elsewhere.example", stdin=self.letter(phone, "by msmtp"))
        return done.returncode, (done.stdout + done.stderr).decode()

    def test_msmtp(self):
        phone, other = self.phones.next(), self.phones.next()
        for tls in ("starttls", "implicit"):  # without TLS it gives no secret away
            for mechanism in ("plain", "login", "oauthbearer", "xoauth2"):
                with self.subTest(tls=tls, mechanism=mechanism):
                    status, said = self.msmtp(phone, mechanism, tls)
                    self.assertEqual(0, status, said)
                    status, said = self.msmtp(phone, mechanism, tls, ip=other.ip)
                    self.assertNotEqual(0, status)
                    self.assertIn("535", said)
        self.assertEqual(8, len(self.queued(phone)))

    def test_swaks(self):
        phone, other = self.phones.next(), self.phones.next()
        for tls, options in (("none", ()), ("starttls", ("--tls",)), ("implicit", ("--tls-on-connect",))):
            for mechanism in ("PLAIN", "LOGIN"):
                with self.subTest(tls=tls, mechanism=mechanism):
                    def send(ip):
                        return swaks("--server", "127.0.0.1", "--port", self.port(tls == "implicit"), "--local-interface", ip,
                                     "--auth", mechanism, "--auth-user", phone.address, "--auth-password", phone.token,
                                     "--from", phone.address, "--to", "friend@elsewhere.example", *options,
                                     content=self.letter(phone, "by swaks"))
                    status, said = send(phone.ip)
                    self.assertEqual(0, status, said)
                    status, said = send(other.ip)
                    self.assertEqual(28, status, said)
                    self.assertIn("535 5.7.8", said)
        self.assertEqual(6, len(self.queued(phone)))

    def test_curl(self):
        phone, other = self.phones.next(), self.phones.next()
        for tls in ("none", "starttls", "implicit"):
            for mechanism in MECHANISMS:
                with self.subTest(tls=tls, mechanism=mechanism), tempfile.NamedTemporaryFile() as mail:
                    mail.write(self.letter(phone, "by curl"))
                    mail.flush()
                    user = (["--user", "%s:%s" % (phone.msisdn, phone.token)] if mechanism in ("PLAIN", "LOGIN")
                            else ["--user", phone.msisdn, "--oauth2-bearer", phone.token])
                    options = [*user, "--login-options", "AUTH=" + mechanism, "--mail-from", phone.address, "--mail-rcpt",
                               "friend@elsewhere.example", "--upload-file", mail.name, *(["--ssl-reqd"] if tls == "starttls" else []),
                               "%s://127.0.0.1:%d" % ("smtps" if tls == "implicit" else "smtp", self.port(tls == "implicit"))]
                    self.assertEqual(0, curl(*options, source=phone.ip)[0])
                    self.assertEqual(67, curl(*options, source=other.ip)[0])
        self.assertEqual(12, len(self.queued(phone)))


if __name__ == "__main__":
    unittest.main()

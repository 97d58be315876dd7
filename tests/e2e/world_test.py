"""A carrier in the world: phones of ours, and a Postfix of Debian that is everybody else, each finding the other as the world does (our
side by MX and address from a name server of the test's own). What a phone writes arrives and the answer comes by push; what cannot
arrive comes back as a notice, whoever found it out; and who is not the phone at its address may not write at all."""
import email
import email.policy
import re
import tempfile
import unittest

from harness.clients import run, swaks
from harness.dns import Names
from harness.mail import message
from harness.phones import Phones
from harness.postfix import Postfix
from harness.system import Hato

HERE = "127.0.0.41"  # where the world is
NAMES = ["outside.example. 60 MX 10 mx.outside.example.", "outside.example. 60 MX 20 nobody.outside.example.",
         "mx.outside.example. 60 A " + HERE, "nobody.outside.example. 60 A 127.0.0.42",
         'outside.example. 60 TXT "v=spf1 mx -all"', 'mx.outside.example. 60 TXT "v=spf1 a -all"',
         'elsewhere.example. 60 TXT "v=spf1 -all"']


def parsed(octets):
    return email.message_from_bytes(octets, policy=email.policy.default)


class WorldTest(unittest.TestCase):

    @classmethod
    def keep(cls, thing):
        cls.addClassCleanup(thing.close)
        return thing

    @classmethod
    def setUpClass(cls):
        cls.names = cls.keep(Names(NAMES))
        cls.hato = cls.keep(Hato(start=False))
        way = "inline:{hato.example=smtp:[127.0.0.1]:%d}" % cls.hato.port("smtpgw.mx_port")
        cls.outside = cls.keep(Postfix(
            ["outside.example"], {"nobody@outside.example": "550 5.1.1 no such person"}, address=HERE,
            settings={"relay_domains": "hato.example", "smtp_bind_address": HERE, "transport_maps": way,
                      "virtual_alias_maps": "inline:{moved@outside.example=nobody@hato.example}"}))
        cls.hato.sets = {"smtpgw.dns_servers": cls.names.server, "smtpgw.relay_port": cls.outside.port,
                         "smtpgw.checks_private": "true", "smtpgw.spf_fail": "refuse"}
        cls.hato.start()
        cls.phones = Phones(cls.hato)

    def write(self, phone, to, content, ip=None, *options):
        """By msmtp, as a phone's mail program would: (exit status, what it said)."""
        with tempfile.NamedTemporaryFile("w", suffix=".rc") as rc:
            rc.write("account default\nhost 127.0.0.1\nport %d\ntls on\ntls_certcheck off\ntls_starttls off\nsource_ip %s\nauth plain\n"
                     "user %s\npassword %s\nfrom %s\n" % (self.hato.port("smtpgw.submissions_port"), ip or phone.ip, phone.msisdn,
                                                          phone.token, phone.address))
            rc.flush()
            done = run("msmtp", "-C", rc.name, *options, "--", to, stdin=content)
        return done.returncode, (done.stdout + done.stderr).decode()

    def take(self, phone):
        """The phone's only mail, whole."""
        with phone.login() as pop:
            self.assertEqual(1, pop.stat()[0])
            mail = pop.retr(1)
            self.assertTrue(pop.say("DELE 1").startswith("+OK"))
            self.assertTrue(pop.say("QUIT").startswith("+OK"))
        return mail

    def arrived(self, to):
        """The mail that Postfix has for this address."""
        mark, before = b"\nX-Original-To: %s\n" % to.encode(), 0
        while True:
            mails = self.outside.wait_inbox(before + 1)
            found = [m for m in mails if mark in m]
            if found:
                return found[0]
            before = len(mails)

    def test_a_phone_writes_and_is_answered(self):
        phone = self.phones.next()
        question = message("question", ".How are you?\r\n", phone.address, "friend@outside.example")
        with phone.listen() as triggers:
            status, said = self.write(phone, "friend@outside.example", b"Message-ID: <asked.1@phone>\r\n" + question)
            self.assertEqual(0, status, said)
            got = self.arrived("friend@outside.example")
            self.assertIn(b"Return-Path: <%s>\n" % phone.address.encode(), got)
            self.assertEqual(1, got.count(b"\nMessage-ID: <asked.1@phone>\n"), got)
            self.assertTrue(got.endswith(b"\n\n.How are you?\n"), got)
            self.assertIn(b"from mx.hato.example", got)
            self.assertNotIn(phone.ip.encode(), got, "where the phone is, is nobody's business")
            thread = (b"Message-ID: <answered.1@outside.example>\r\nIn-Reply-To: <asked.1@phone>\r\n"
                      b"References: <first@b>\r\n <asked.1@phone>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0900\r\n")
            answer = thread + message("Re: question", ".Fine.\r\n", "friend@outside.example", phone.address)
            self.outside.submit("friend@outside.example", phone.address, answer)
            self.assertIn(phone.address, triggers.next().emn.decode("latin-1"))
        mail = self.take(phone)
        self.assertTrue(mail.endswith(b"\r\n" + answer), mail)
        self.assertTrue(mail.startswith(b"Return-Path: <friend@outside.example>\r\n"))
        results = re.search(rb"\r\nAuthentication-Results: mx\.hato\.example;((?:[^\r]|\r\n[\t ])*)\r\n", mail)[1]
        for good in (b"spf=pass smtp.mailfrom=friend@outside.example", b"spf=pass smtp.helo=mx.outside.example",
                     b"x-spf-from=pass header.from=outside.example"):
            self.assertIn(good, results)

    def test_nobody_else_writes(self):
        """From any other address 535 to the token, and 530 to a mail without one."""
        phone, other = self.phones.next(), self.phones.next()
        content = message("not mine", sender=phone.address, to="friend@outside.example")
        for ip in (other.ip, self.phones.address(), "127.0.0.1"):
            status, said = self.write(phone, "friend@outside.example", content, ip)
            self.assertNotEqual(0, status)
            self.assertIn("535 5.7.8", said)
            for tls in ((), ("--tls",)):
                status, said = swaks("--server", "127.0.0.1:%d" % self.hato.port("smtpgw.submission_port"), "--local-interface", ip, *tls,
                                     "--from", phone.address, "--to", "friend@outside.example", content=content)
                self.assertEqual(23, status, said)
                self.assertIn("530 5.7.0", said)
        phone.lease(phone.ip)  # a new session at the same address: the old token is void, too
        status, said = self.write(phone, "friend@outside.example", content)
        self.assertIn("535 5.7.8", said)
        self.assertEqual(0, self.hato.command("queue", "list").stdout.count(phone.address))

    def test_no_relay_for_strangers(self):
        status, said = swaks("--server", "127.0.0.1:%d" % self.hato.port("smtpgw.mx_port"), "--from", "a@outside.example", "--to",
                             "friend@outside.example")
        self.assertEqual(24, status, said)
        self.assertIn("550 5.7.1", said)

    def notice(self, phone, triggers):
        """The report that a phone is told of."""
        triggers.next()
        mail = self.take(phone)
        self.assertTrue(mail.startswith(b"Return-Path: <>\r\n"), mail)
        report = parsed(mail)
        self.assertEqual(("multipart/report", "delivery-status"), (report.get_content_type(), report.get_param("report-type")))
        status = [p for p in report.walk() if p.get_content_type() == "message/delivery-status"][0]
        return report, status.get_payload()[1]

    def test_a_dead_address_is_told_of(self):
        """By us, when the world refuses; by the world, when it finds out later."""
        for dead, who in (("nobody@outside.example", "mx.hato.example"), ("moved@outside.example", "mx.outside.example")):
            phone = self.phones.next()
            with self.subTest(dead), phone.listen() as triggers:
                content = b"Message-ID: <lost.%s@phone>\r\n" % dead[:4].encode() + message("lost", sender=phone.address, to=dead)
                status, said = self.write(phone, dead, content)
                self.assertEqual(0, status, said)
                report, status = self.notice(phone, triggers)
                self.assertIn(dead, status["Original-Recipient"] or status["Final-Recipient"])
                self.assertEqual(("failed", "5.1.1"), (status["Action"], status["Status"]))
                self.assertIn(who, str(report["From"]) + report.as_string())
                self.assertIn("<lost.%s@phone>" % dead[:4], report.as_string())

    def test_the_world_is_told_in_the_dialogue(self):
        """A dead address of ours: Postfix hears 550, and tells its own sender. One that is not who he says: the same."""
        phone = self.phones.next()
        self.outside.submit("writer@outside.example", "nobody@hato.example", message("refused"))
        self.assertIn(b"550 5.1.1", self.arrived("writer@outside.example"))
        status, said = swaks("--server", "127.0.0.1:%d" % self.hato.port("smtpgw.mx_port"), "--local-interface", HERE, "--ehlo",
                             "mx.outside.example", "--from", "forger@elsewhere.example", "--to", phone.address)
        self.assertEqual(24, status, said)
        self.assertIn("550 5.7.23", said)
        self.assertEqual([], phone.fetch())


if __name__ == "__main__":
    unittest.main()

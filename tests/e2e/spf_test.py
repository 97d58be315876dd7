"""Who says that a mail is from whom, and what SPF says to that: the matrix of forged senders as carriers see it, and DNS that lies,
runs in circles, comes late or never. A real smtpgw asks a real name server; each client address is one of loopback's."""
import re
import time
import unittest

from harness.dns import Misbehaving, Names
from harness.mail import Smtp, message, stuffed
from harness.phones import Phones
from harness.system import Hato

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.66"
# Of each domain: what its record says about a client at HERE.
RECORDS = {"pass": "v=spf1 ip4:127.0.0.1 -all", "fail": "v=spf1 ip4:127.0.0.66 -all exp=why.fail.example",
           "softfail": "v=spf1 ~all", "none": "site-verification=1"}
ZONE = ['%s.example. 60 TXT "%s"' % row for row in RECORDS.items()]
ZONE += ['why.fail.example. 60 TXT "%{i} is not %{d}"', 'xn--wgv71a.example. 60 TXT "v=spf1 ip4:127.0.0.1 -all"']
VERDICTS = list(RECORDS)


def results(mail):
    """[(method, result, {property: value})] of our Authentication-Results, [] if there is none."""
    found = re.findall(rb"^Authentication-Results: mx.hato.example;((?:.|\r\n[ \t])*)\r\n", mail, re.M)
    assert len(found) < 2, mail
    rows = [words.split() for words in (found[0] if found else b"").decode().split(";") if words.strip()]
    return [(*row[0].split("=", 1), dict(w.split("=", 1) for w in row[1:])) for row in rows]


def result_of(mail, method, prop):
    return {r: p[prop] for m, r, p in results(mail) if m == method and prop in p}


class Case(unittest.TestCase):
    sets = {}

    @classmethod
    def setUpClass(cls):
        cls.names = Names(ZONE)
        cls.bad = Misbehaving(cls.names)
        cls.hato = Hato({"smtpgw.dns_servers": cls.bad.server, "smtpgw.checks_private": "true", **cls.sets})
        cls.phones = Phones(cls.hato)

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()
        cls.bad.close()
        cls.names.close()

    def setUp(self):
        self.phone = self.phones.next()

    def open(self, helo="pass.example", source=HERE):
        return Smtp(self.hato.port("smtpgw.mx_port"), source, helo)

    def deliver(self, smtp, sender, author, content=None, params=""):
        """The answers to RCPT and to the content; what is stored is in self.stored()."""
        smtp.say("MAIL FROM:<%s>%s" % (sender, params))
        code, text = smtp.say("RCPT TO:<%s>" % self.phone.address)
        if code != 250:
            smtp.say("RSET")
            return code, text
        smtp.say("DATA")
        smtp.send(stuffed(content or message("spf", sender=author)))
        return smtp.reply()

    def stored(self):
        with self.phone.login() as pop:
            count, _ = pop.stat()
            mails = [pop.retr(n + 1) for n in range(count)]
            for n in range(count):
                pop.say("DELE %d" % (n + 1))
            pop.say("QUIT")
        return mails


class Marked(Case):
    sets = {"smtpgw.reverse_dns": "mark"}

    def test_forged_sender_matrix(self):
        """Envelope x HELO x header From: each has its own result, and none is refused."""
        cases = [(e, h, f) for e in VERDICTS for h in VERDICTS for f in VERDICTS]
        with self.open() as smtp:
            for envelope, helo, author in cases:
                smtp.greet("%s.example" % helo)
                self.assertEqual(250, self.deliver(smtp, "a@%s.example" % envelope, "b@%s.example" % author)[0])
        for (envelope, helo, author), mail in zip(cases, self.stored()):
            self.assertTrue(mail.startswith(b"Return-Path: <a@%s.example>\r\nAuthentication-Results: mx.hato.example;\r\n"
                                            % envelope.encode()), mail)
            self.assertLess(mail.index(b"Authentication-Results:"), mail.index(b"\r\nReceived:"))
            self.assertEqual({envelope: "a@%s.example" % envelope}, result_of(mail, "spf", "smtp.mailfrom"))
            self.assertEqual({helo: "%s.example" % helo}, result_of(mail, "spf", "smtp.helo"))
            self.assertEqual({author: "%s.example" % author}, result_of(mail, "x-spf-from", "header.from"))

    def test_the_same_sender_from_elsewhere(self):
        with self.open(source=ELSEWHERE) as smtp:
            self.deliver(smtp, "a@pass.example", "b@fail.example")
        mail, = self.stored()
        self.assertEqual(["fail", "fail", "pass"], [r for m, r, _ in results(mail) if "spf" in m])

    def test_null_path(self):
        with self.open("softfail.example") as smtp:
            self.deliver(smtp, "", "b@pass.example")
        mail, = self.stored()
        self.assertEqual({"softfail": "postmaster@softfail.example"}, result_of(mail, "spf", "smtp.mailfrom"))

    def test_what_has_no_record(self):
        for helo, author in (("[127.0.0.1]", "undisclosed:;"), ("localhost", "no address"), ("a.pass.example", "<b@c>")):
            with self.open(helo) as smtp:
                self.assertEqual(250, self.deliver(smtp, "a@b", author)[0])
            mail, = self.stored()
            self.assertEqual({"none"}, {r for m, r, _ in results(mail) if "spf" in m}, mail)

    def test_domain_in_its_own_letters(self):
        with self.open() as smtp:
            self.assertEqual(250, self.deliver(smtp, "a@\u65e5\u672c.example", "b@\u65e5\u672c.example", params=" SMTPUTF8")[0])
        mail, = self.stored()
        self.assertEqual(["pass"] * 3, [r for m, r, _ in results(mail) if "spf" in m], mail)
        self.assertEqual({"pass": "xn--wgv71a.example"}, result_of(mail, "x-spf-from", "header.from"))

    def test_reverse_dns(self):
        """Of the client's names one must lead back to it."""
        cases = (("fail", ()), ("fail", ("c",)), ("fail", ("c", "other")), ("pass", ("c", "other", "mine")))
        records = ["other.example. 60 A 127.0.0.99", "mine.example. 60 A 127.0.0.23"]
        for n, (_, names) in enumerate(cases):
            records += ["%d.0.0.127.in-addr.arpa. 60 PTR %s.example." % (20 + n, name) for name in names]
        self.names.set(ZONE + records)
        for n, (result, names) in enumerate(cases):
            with self.subTest(names), self.open(source="127.0.0.%d" % (20 + n)) as smtp:
                self.deliver(smtp, "a@none.example", "b@none.example")
                mail, = self.stored()
                self.assertEqual({result: "127.0.0.%d" % (20 + n)}, result_of(mail, "iprev", "policy.iprev"), mail)
        self.names.set(ZONE)

    def test_forged_results_go(self):
        forged = (b"Authentication-Results: mx.hato.example; spf=pass smtp.mailfrom=bank.example\r\n"
                  b"authentication-results:\r\n\t(c) \"MX.hato.example\" 1;\r\n dkim=pass\r\n")
        kept = b"Authentication-Results: mx.elsewhere.example; spf=pass\r\n" + message("forged", sender="b@fail.example")
        with self.open("fail.example") as smtp:
            self.deliver(smtp, "a@fail.example", None, forged + kept)
        mail, = self.stored()
        self.assertTrue(mail.endswith(b"\r\n" + kept), mail)
        self.assertEqual({"fail"}, {r for m, r, _ in results(mail) if "spf" in m})
        self.assertNotIn(b"bank", mail)


class Refused(Case):
    sets = {"smtpgw.spf_fail": "refuse", "smtpgw.reverse_dns": "refuse", "smtpgw.refuse_null_mx": "true",
            "smtpgw.checks_timeout": "300"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.named = ZONE + ["1.0.0.127.in-addr.arpa. 60 PTR h.example.", "h.example. 60 A 127.0.0.1"]
        cls.names.set(cls.named)

    def test_matrix_as_carriers_answer_it(self):
        """A fail of MAIL FROM or HELO is refused in the dialogue; the header From is the subscriber's door's to judge."""
        accepted = 0
        with self.open() as smtp:
            for envelope in VERDICTS:
                for helo in VERDICTS:
                    smtp.greet("%s.example" % helo)
                    code, text = self.deliver(smtp, "a@%s.example" % envelope, "b@fail.example")
                    if "fail" in (envelope, helo):
                        self.assertEqual((550, "5.7.23"), (code, text.split()[0]), (envelope, helo, text))
                        self.assertIn("127.0.0.1 is not fail.example", text)
                    else:
                        self.assertEqual(250, code, (envelope, helo, text))
                        accepted += 1
        self.assertEqual([["fail"]] * 9, [[r for m, r, _ in results(mail) if m == "x-spf-from"] for mail in self.stored()])
        self.assertEqual(9, accepted)

    def test_no_name(self):
        with self.open("none.example", source="127.0.0.9") as smtp:
            code, text = self.deliver(smtp, "a@none.example", "b@none.example")
        self.assertEqual((550, "5.7.25"), (code, text.split()[0]), text)

    def test_sender_that_takes_no_mail(self):
        self.names.set(self.named + ["nomail.test. 60 MX 0 ."])
        with self.open("none.example") as smtp:
            code, text = self.deliver(smtp, "a@nomail.test", "b@none.example")
            self.assertEqual((550, "5.7.27"), (code, text.split()[0]), text)
            self.assertEqual(250, self.deliver(smtp, "", "b@none.example")[0])

    def test_records_that_run_in_circles(self):
        circles = ['loop.test. 60 TXT "v=spf1 include:loop.test -all"', 'to.test. 60 TXT "v=spf1 redirect=fro.test"',
                   'fro.test. 60 TXT "v=spf1 redirect=to.test"',
                   'void.test. 60 TXT "v=spf1 %s" "%s -all"' % tuple(" ".join("a:v%d.test" % (i + j) for i in range(16)) for j in (0, 50)),
                   'many.test. 60 TXT "v=spf1 mx -all"'] + ["many.test. 60 MX 1 m%d.many.test." % i for i in range(60)]
        self.names.set(self.named + circles)
        for domain in ("loop.test", "to.test", "void.test", "many.test"):
            asked = len(self.bad.asked)
            with self.subTest(domain), self.open("none.example") as smtp:
                self.assertEqual(250, self.deliver(smtp, "a@" + domain, "b@none.example")[0])
                mail, = self.stored()
                self.assertEqual({"permerror": "a@" + domain}, result_of(mail, "spf", "smtp.mailfrom"))
                self.assertLess(len(self.bad.asked) - asked, 20)

    def test_servers_that_are_silent(self):
        """Nobody is refused for that, and nobody waits longer than one mail may."""
        for order in ("silent", "servfail", "refused", "garbage", "loop"):
            self.bad.order("is-%s.test" % order, order)
            begun = time.monotonic()
            with self.subTest(order), self.open("none.example") as smtp:
                self.assertEqual(250, self.deliver(smtp, "a@is-%s.test" % order, "b@x.is-%s.test" % order)[0])
                self.assertLess(time.monotonic() - begun, 5)
                mail, = self.stored()
                self.assertEqual({"temperror": "a@is-%s.test" % order}, result_of(mail, "spf", "smtp.mailfrom"), mail)

    def test_clients_that_leave_meanwhile(self):
        self.bad.order("is-gone.test", "silent")
        for _ in range(5):
            with self.open("none.example") as smtp:
                smtp.send(b"MAIL FROM:<a@is-gone.test>\r\nRCPT TO:<%s>\r\nRCPT TO:<x@hato.example>\r\n" % self.phone.address.encode())
                smtp.reply()
        with self.open("none.example") as smtp:
            self.assertEqual(250, self.deliver(smtp, "a@none.example", "b@none.example")[0])
        self.assertEqual(1, len(self.stored()))

    def test_many_recipients_wait_once(self):
        """Pipelined: the sender is refused for each, in order, and pushsrv is not asked."""
        for sender, codes in (("a@fail.example", [250, 550, 550, 550, 503]), ("a@pass.example", [250, 250, 550, 250, 354])):
            with self.open("none.example") as smtp:
                smtp.send(b"MAIL FROM:<%s>\r\n" % sender.encode() + b"".join(b"RCPT TO:<%s>\r\n" % to.encode() for to in (
                    self.phone.address, "nobody@hato.example", self.phone.address)) + b"DATA\r\n")
                self.assertEqual(codes, [smtp.reply()[0] for _ in codes])

    def test_what_is_counted(self):
        names = ('hato_smtpgw_spf_total{result="fail"}', 'hato_smtpgw_refused_total{reason="checks"}')
        before = [self.hato.metric(name) for name in names]
        with self.open("none.example") as smtp:
            self.deliver(smtp, "a@fail.example", "b@none.example")
        self.assertEqual([n + 1 for n in before], [self.hato.metric(name) for name in names])

    def test_answers_that_come_late(self):
        """The mail did not wait for them; the next one finds them in the cache."""
        self.names.set(self.named + ['late.test. 60 TXT "v=spf1 -all"'])
        self.bad.order("late.test", "held")
        with self.open("none.example") as smtp:
            self.assertEqual(250, self.deliver(smtp, "a@late.test", "b@none.example")[0])
            self.bad.order("late.test", "pass")
            self.bad.release()
            code = 250
            while code == 250:
                code, text = self.deliver(smtp, "a@late.test", "b@none.example")
            self.assertEqual((550, "5.7.23"), (code, text.split()[0]), text)


class Unchecked(Case):
    sets = {"smtpgw.checks_private": "false", "smtpgw.spf_fail": "refuse"}

    def test_private_clients_are_not_looked_at(self):
        with self.open("fail.example") as smtp:
            self.assertEqual(250, self.deliver(smtp, "a@fail.example", "b@fail.example")[0])
        mail, = self.stored()
        self.assertEqual([], results(mail))
        self.assertEqual([], self.bad.asked)


if __name__ == "__main__":
    unittest.main()

"""The subscriber's own door: each rule refuses and lets in, in the dialogue, and his settings are his own."""
import email
import email.policy
import json
import re
import unittest

from harness.clients import swaks
from harness.corpus import messages
from harness.dns import Names
from harness.mail import Smtp, message, stuffed
from harness.phones import Phones
from harness.pop import b64
from harness.system import Hato

OPEN = {"from": "anyone", "forged": "off", "urls": True, "max_size": None, "receipts": True, "allow": [], "allow_to": [],
        "deny": [], "default": True}
HERE, ELSEWHERE = "127.0.0.1", "127.0.0.66"
# Who may send from HERE; of none.example nothing is published.
ZONE = ["good.example. 60 TXT \"v=spf1 ip4:127.0.0.1 -all\"", "bad.example. 60 TXT \"v=spf1 ip4:127.0.0.66 -all\"",
        "docomo.ne.jp. 60 TXT \"v=spf1 ip4:127.0.0.66 ~all\"", "none.example. 60 TXT \"something else\"",
        "au.com. 60 TXT \"v=spf1 ip4:127.0.0.1 ~all\""]
REFUSAL = (550, "5.7.1 the recipient does not take this mail")
PARTED = (452, "4.5.3 this recipient in a mail of its own, please")


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.names = Names(ZONE)
        cls.hato = Hato({"smtpgw.dns_servers": cls.names.server, "smtpgw.checks_private": "true"})
        cls.phones = Phones(cls.hato)

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()
        cls.names.close()

    def ask(self, method, phone, body=None):
        status, _, answer = self.hato.network(method, "/v1/subscribers/%s/filter" % phone.msisdn, body)
        return status, answer

    def phone_with(self, **choice):
        phone = self.phones.next()
        status, answer = self.ask("PUT", phone, choice)
        self.assertEqual(200, status, answer)
        return phone

    def open(self, source=HERE, helo="good.example"):
        return Smtp(self.hato.port("smtpgw.mx_port"), source, helo)


class Doors(Case):
    def answer(self, smtp, phone, envelope="x@good.example", author=None, content=None, params=""):
        """("rcpt" or "data", code, text) of one mail."""
        smtp.ok("MAIL FROM:<%s>%s" % (envelope, params))
        code, text = smtp.say("RCPT TO:<%s>" % phone.address)
        if code != 250:
            smtp.ok("RSET")
            return "rcpt", code, text
        smtp.ok("DATA", 354)
        smtp.send(stuffed(content or message("hello", sender=author or envelope, to=phone.address)))
        return ("data", *smtp.reply())

    def check(self, choice, cases):
        """cases: (where it is refused or None, {how it is sent})."""
        phone, taken = self.phone_with(**choice), 0
        with self.open() as smtp:
            for where, how in cases:
                with self.subTest(choice=choice, how=how):
                    answer = self.answer(smtp, phone, **how)
                    if where:
                        self.assertEqual((where, *REFUSAL), answer)
                    else:
                        self.assertEqual(("data", 250), answer[:2])
                        taken += 1
        self.assertEqual(taken, len(phone.fetch()), "what was taken is there, what was refused is not")

    def test_lists(self):
        self.check({"deny": ["x@good.example", "spam.example", "@exact.example"]},
                   [("rcpt", {"envelope": "X@good.example"}), (None, {"envelope": "y@good.example"}),
                    ("rcpt", {"envelope": "a@b.spam.example"}), ("rcpt", {"envelope": "a@exact.example"}),
                    (None, {"envelope": "a@b.exact.example"}), (None, {"envelope": "a@notspam.example"}),
                    ("data", {"author": "Spam <a@spam.example>", "envelope": "y@good.example"}),
                    ("data", {"author": '"a@nice.example" <x@good.example>', "envelope": ""})])
        self.check({"from": "listed", "allow": ["x@good.example", "friends.example"]},
                   [(None, {}), (None, {"author": "a@b.friends.example"}), ("data", {"author": "y@good.example"}),
                    ("data", {"author": "x@good.example, y@good.example"}),
                    (None, {"author": "a@friends.example, x@good.example"}),
                    ("data", {"content": b"Subject: nobody's\r\n\r\nx\r\n"})])
        self.check({"from": "listed", "allow_to": ["ml@lists.example"]},
                   [(None, {"content": message("ml", to="Someone <x@y.example>, ML@lists.example")}),
                    ("data", {"content": message("ml", to="other@lists.example")}),
                    (None, {"content": b"From: a@b.example\r\nCc: ml@lists.example\r\n\r\nx\r\n"})])

    def test_an_accept_entry_beats_what_follows(self):
        everything = {"from": "carriers", "forged": "high", "urls": False, "deny": ["bad.example"]}
        mail = message("all at once", "http://bad.example/\r\n", "x@bad.example")
        self.check({**everything, "allow": ["x@bad.example"]}, [(None, {"envelope": "x@bad.example", "content": mail})])
        self.check(everything, [("rcpt", {"envelope": "x@bad.example"})])
        self.check({"allow": ["bad.example"], "deny": ["x@bad.example"]}, [("rcpt", {"envelope": "x@bad.example"})])

    def test_carriers(self):
        self.check({"from": "carriers"},
                   [("rcpt", {}), (None, {"envelope": "p@au.com"}), (None, {"envelope": "p@t.vodafone.ne.jp"}),
                    (None, {"envelope": "p@hato.example"}), ("data", {"envelope": "p@au.com", "author": "x@good.example"}),
                    ("data", {"envelope": "p@docomo.ne.jp"}), ("data", {"envelope": "", "author": "x@good.example"}),
                    (None, {"envelope": "", "author": "mailer-daemon@au.com"})])

    def test_forged_senders(self):
        """Envelope x header From, as au's three strengths and docomo's way answer them."""
        names = {"good": "x@good.example", "bad": "x@bad.example", "none": "x@none.example", "phone": "p@docomo.ne.jp"}
        pairs = [(e, a) for e in names for a in names]
        forged = {"low": lambda e, a: "phone" in (e, a),
                  "middle": lambda e, a: "phone" in (e, a) or e == "bad",
                  "high": lambda e, a: (e, a) != ("good", "good"),
                  "header": lambda e, a: a in ("bad", "phone"),
                  "off": lambda e, a: False}
        for strength, is_forged in forged.items():
            self.check({"forged": strength}, [("data" if is_forged(e, a) else None, {"envelope": names[e], "author": names[a]})
                                              for e, a in pairs])

    def test_size(self):
        large = message("large", "x" * 70 + "\r\n" + "0123456789abcdef" * 60 + "\r\n")
        self.check({"max_size": 1000}, [("data", {"content": large}), ("rcpt", {"params": " SIZE=1001"}),
                                        (None, {"params": " SIZE=1000"}), (None, {}),
                                        ("data", {"content": large, "params": " SIZE=10"})])

    def test_urls(self):
        html = b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n<a href=%s>x</a>\r\n"
        coded = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n" \
                b"Content-Transfer-Encoding: base64\r\n\r\naHR0cDovL2IudGVz\r\ndC8=\r\n--b--\r\n"
        jis = b"From: a@b.example\r\nContent-Type: text/plain; charset=ISO-2022-JP\r\n\r\n\x1b$Bwww.%s\x1b(B\r\n"
        deep = b"From: a@b.example\r\n" + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
                                                   for n in range(10000)) + b"\r\nhello\r\n"
        self.check({"urls": False}, [(None, {}), ("data", {"content": message("url", "see HTTP://x.example/\r\n")}),
                                     ("data", {"content": html % b'"//x.example"'}), (None, {"content": html % b'"mailto:a@b"'}),
                                     ("data", {"content": coded}), (None, {"content": jis % b"aa"}),
                                     ("data", {"content": deep}), (None, {"content": b"From: a@b\r\n\r\n\r\n"})])

    def test_chunks(self):
        phone = self.phone_with(urls=False)
        with self.open() as smtp:
            smtp.envelope("x@good.example", [phone.address])
            smtp.send(b"BDAT 6\r\nA: b\r\n")
            self.assertEqual(250, smtp.reply()[0])
            smtp.send(b"BDAT 9\r\n\r\nhttp://")
            self.assertEqual(250, smtp.reply()[0])
            smtp.send(b"BDAT 3 LAST\r\nb\r\n")
            self.assertEqual(REFUSAL, smtp.reply())
            self.assertEqual(250, smtp.deliver(phone.address, message("goes on"))[0])

    def test_swaks(self):
        phone = self.phone_with(deny=["spam.example"])
        server = "127.0.0.1:%d" % self.hato.port("smtpgw.mx_port")
        status, transcript = swaks("--server", server, "--from", "a@spam.example", "--to", phone.address)
        self.assertNotEqual(0, status)
        self.assertIn("550 5.7.1 the recipient does not take this mail", transcript)
        ours = [line for line in transcript.splitlines() if line[:3].isdigit()]
        self.assertFalse([line for line in ours if "spam" in line], "his list is his own")
        self.assertEqual(0, swaks("--server", server, "--from", "a@good.example", "--to", phone.address)[0])

    def test_two_doors(self):
        """Recipients who look at the content otherwise come in mails of their own; of equal choice they share one."""
        plain, plain2, picky, picky2, early = (self.phones.next(), self.phones.next(), self.phone_with(urls=False),
                                               self.phone_with(urls=False), self.phone_with(deny=["spam.example"]))
        url = message("url", "http://x.example/\r\n")
        with self.open() as smtp:
            smtp.ok("MAIL FROM:<x@good.example>")
            for phone, answer in ((plain, 250), (picky, 452), (plain2, 250)):
                self.assertEqual(answer, smtp.say("RCPT TO:<%s>" % phone.address)[0])
            self.assertEqual(PARTED, smtp.say("RCPT TO:<%s>" % picky.address))
            self.assertEqual(250, smtp.data(url)[0][0])
            smtp.send(("MAIL FROM:<x@good.example>\r\nRCPT TO:<%s>\r\nRCPT TO:<%s>\r\nRCPT TO:<%s>\r\n"
                       % (picky.address, plain.address, picky2.address)).encode())
            self.assertEqual([250, 250, 452, 250], [smtp.reply()[0] for _ in range(4)])
            self.assertEqual(REFUSAL, smtp.data(url)[0])
            # one whom the envelope satisfies, and one whom pushsrv does not know, bind nobody
            smtp.ok("MAIL FROM:<x@good.example>")
            self.assertEqual(550, smtp.say("RCPT TO:<nobody@hato.example>")[0])
            self.assertEqual(250, smtp.say("RCPT TO:<%s>" % picky.address)[0])
            self.assertEqual(250, smtp.data(message("good"))[0][0])
            smtp.ok("MAIL FROM:<x@spam.example>")
            self.assertEqual([250, 550], [smtp.say("RCPT TO:<%s>" % p.address)[0] for p in (plain, early)])
            self.assertEqual(250, smtp.data(url)[0][0])
        self.assertEqual([2, 1, 1, 0, 0], [len(p.fetch()) for p in (plain, plain2, picky, picky2, early)])

    def test_receipts(self):
        asking = (b"From: a@b.example\r\nDisposition-Notification-To: a@b.example,\r\n c@d.example\r\nSubject: read?\r\n"
                  b"return-receipt-to: a@b.example\r\nDisposition-Notification-Options: x=y\r\n\r\nDisposition-Notification-To: "
                  b"in the body\r\n")
        report = (b"From: reader@b.example\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n"
                  b"\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\nDisposition: manual-action/MDN-sent-manually;"
                  b" displayed\r\n--b--\r\n")
        plain, strict = self.phones.next(), self.phone_with(receipts=False)
        with self.open() as smtp:
            for phone in (plain, strict):
                for content in (asking, report):
                    self.assertEqual(250, smtp.deliver(phone.address, content)[0])
            smtp.envelope("x@good.example", [strict.address])
            self.assertEqual(PARTED, smtp.say("RCPT TO:<%s>" % plain.address))
        self.assertEqual([asking, report], plain.fetch())
        self.assertEqual([b"From: a@b.example\r\nSubject: read?\r\n\r\nDisposition-Notification-To: in the body\r\n", report],
                         strict.fetch(), "a report is passed")

    def test_real_mail(self):
        """What Python's parser finds in the texts of the corpus is what the door finds."""
        found = re.compile(rb"https?://[\w\[\x80-\xff]|(?<![a-z0-9\x80-\xff])www\.[a-z0-9\x80-\xff]", re.I)
        phone = self.phone_with(urls=False)
        with self.open() as smtp:
            for name, content in messages():
                parts = [p for p in email.message_from_bytes(content, policy=email.policy.compat32).walk()
                         if p.get_content_type() in ("text/plain", "text/html")]
                texts = [p.get_payload(decode=True) or b"" for p in parts]
                has_url = any(found.search(t) for t in texts)
                has_html = any(p.get_content_type() == "text/html" for p in parts)
                code = smtp.deliver(phone.address, content)[0]
                if not has_html or has_url:
                    self.assertEqual(550 if has_url else 250, code, name)


class Neighbours(Case):
    """Mail of our own subscribers, by submission."""

    def submit(self, sender, recipients, text="hello\r\n", author=None):
        """The replies to RCPT, and the one to the content, if there is a recipient left."""
        with Smtp(self.hato.port("smtpgw.submission_port"), sender.ip) as smtp:
            smtp.start_tls()
            smtp.greet("phone")
            smtp.ok("AUTH PLAIN " + b64(b"\0%s\0%s" % (sender.msisdn.encode(), sender.token.encode())), 235)
            replies = smtp.envelope(sender.address, recipients)
            left = any(code == 250 for code, _ in replies)
            return replies, smtp.data(message("hi", text, sender.address))[0] if left else None

    def test_doors_between_neighbours(self):
        sender = self.phones.next()
        shut, listed, textual, plain = (self.phone_with(deny=[sender.address]),
                                        self.phone_with(**{"from": "listed", "forged": "high", "allow": [sender.address]}),
                                        self.phone_with(urls=False), self.phones.next())
        replies, last = self.submit(sender, [shut.address])
        self.assertEqual(([REFUSAL], None), (replies, last))
        self.assertEqual(250, self.submit(sender, [listed.address])[1][0])
        self.assertEqual(REFUSAL, self.submit(sender, [self.phone_with(**{"from": "listed"}).address])[0][0])
        self.assertEqual(REFUSAL, self.submit(sender, [textual.address], "www.b.example\r\n")[1])
        self.assertEqual(250, self.submit(sender, [textual.address])[1][0])
        replies, last = self.submit(sender, ["someone@elsewhere.example", plain.address, textual.address, shut.address])
        self.assertEqual(([250, 250, 452, 550], 250), ([code for code, _ in replies], last[0]))


class Settings(Case):
    CHOICE = {"from": "listed", "forged": "header", "urls": False, "max_size": 10000, "receipts": False,
              "allow": ["b.example", "taro@b.example"], "allow_to": ["@list.example"], "deny": ["a..b@docomo.ne.jp"]}

    def test_a_choice_is_kept_until_it_is_taken_back(self):
        phone, neighbour = self.phones.next(), self.phones.next()
        self.assertEqual((200, OPEN), self.ask("GET", phone))
        self.assertEqual((200, {**self.CHOICE, "default": False}), self.ask("PUT", phone, self.CHOICE))
        self.assertEqual((200, {**self.CHOICE, "default": False}), self.ask("GET", phone))
        self.assertEqual((200, OPEN), self.ask("GET", neighbour))
        self.assertEqual(204, self.ask("DELETE", phone)[0])
        self.assertEqual(204, self.ask("DELETE", phone)[0], "twice is no harm")
        self.assertEqual((200, OPEN), self.ask("GET", phone))

    def test_delete_opens_the_door(self):
        phone = self.phone_with(**{"from": "listed"})
        with self.open() as smtp:
            self.assertEqual(REFUSAL, smtp.deliver(phone.address, message("no")))
            self.assertEqual(204, self.ask("DELETE", phone)[0])
            self.assertEqual(250, smtp.deliver(phone.address, message("yes"))[0])

    def test_the_handset_side(self):
        phone, other = self.phones.next(), self.phones.next()
        self.assertEqual((200, OPEN), phone.bearer("GET", "/v1/filter")[::2])
        status, _, answer = phone.bearer("PUT", "/v1/filter", {"deny": ["Spam.example", "絵.example"]})
        self.assertEqual((200, ["spam.example", "xn--8d0a.example"]), (status, answer["deny"]))
        self.assertEqual((200, answer), self.ask("GET", phone))
        self.assertEqual((200, OPEN), self.ask("GET", other))
        # nobody else's word counts: another address, another's token, none, an old one
        for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
            self.assertEqual(401, phone.bearer(method, "/v1/filter", body, ip=other.ip)[0])
            self.assertEqual(403, phone.bearer(method, "/v1/filter", body, ip="127.200.200.200")[0])
            self.assertEqual(401, self.hato.handset(phone.ip, method, "/v1/filter", body)[0])
        self.assertEqual((200, answer), self.ask("GET", phone), "nothing of it was obeyed")
        status, _, problem = phone.bearer("PUT", "/v1/filter", {"deny": ["no domain"]})
        self.assertEqual((400, "urn:hato:problem:malformed"), (status, problem["type"]))
        self.assertIn("deny[0]", problem["detail"])
        self.assertEqual(204, phone.bearer("DELETE", "/v1/filter")[0])
        self.assertEqual((200, OPEN), self.ask("GET", phone))

    def test_what_is_wrong_is_said(self):
        phone = self.phones.next(attach=False)
        for body, word in (([], "object"), ({"form": "x"}, "member"), ({"from": "x"}, "from"), ({"forged": 3}, "forged"),
                           ({"urls": "no"}, "urls"), ({"max_size": 0}, "max_size"), ({"allow": ["a b"]}, "allow[0]"),
                           ({"deny": ["%d.example" % n for n in range(121)]}, "more than 120")):
            status, problem = self.ask("PUT", phone, body)
            self.assertEqual((400, "urn:hato:problem:malformed"), (status, problem["type"]))
            self.assertIn(word, problem["detail"])
        self.assertEqual(200, self.ask("PUT", phone, {"deny": ["%d.example" % n for n in range(120)]})[0])
        for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
            status, _, problem = self.hato.network(method, "/v1/subscribers/819099999999/filter", body)
            self.assertEqual((404, "urn:hato:problem:not-found"), (status, problem["type"]))

    def test_the_command(self):
        phone = self.phones.next(attach=False)
        shown = self.hato.command("filter", "set", phone.msisdn, "from=carriers", "urls=no", "max_size=10000", "deny=b.example,c@d.example",
                                  "deny=e.example").stdout
        for word in ("carriers", "10000", "deny      c@d.example"):
            self.assertIn(word, shown)
        self.assertEqual({**OPEN, "from": "carriers", "urls": False, "max_size": 10000, "default": False,
                          "deny": ["b.example", "c@d.example", "e.example"]},
                         json.loads(self.hato.command("filter", "show", phone.msisdn, "--json").stdout))
        for word in ("from", "urls=maybe", "max_size=1M", "colour=red", "deny=a b"):
            run = self.hato.command("filter", "set", phone.msisdn, word, check=False)
            self.assertEqual((1, 1), (run.returncode, run.stderr.count("\n")), run.stderr)
        self.hato.command("filter", "reset", phone.msisdn)
        self.assertEqual((200, OPEN), self.ask("GET", phone))


if __name__ == "__main__":
    unittest.main()

"""Bounces that come back late: a host took the mail, and finds out afterwards. What they prove goes onto the sender's suppression
list, and only what they prove."""
import email
import re
import unittest

from harness.mail import Smtp, message
from harness.phones import Phones
from harness.postfix import Postfix
from harness.smtp_host import Host
from harness.submission import Submission
from harness.system import BUILD, Hato, eventually

FIELD = rb"(?im)^Hato-Return-Seal: (\S+)\r\n"


def block(address, action="failed", status="5.1.1", answer="smtp; 550 5.1.1 no such user"):
    return "Final-Recipient: rfc822; %s\r\nAction: %s\r\nStatus: %s\r\nDiagnostic-Code: %s\r\n" % (address, action, status, answer)


def notice(seal, blocks, returned="Subject: hello\r\n", kind="multipart/report; report-type=delivery-status"):
    """A delivery status notification as another host writes it."""
    envid = "Original-Envelope-Id: %s\r\n" % seal if seal else ""
    return ("From: MAILER-DAEMON@out.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\nContent-Type: %s; boundary=x\r\n\r\n"
            "--x\r\n\r\nIt failed.\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; out.example\r\n%s\r\n%s"
            "\r\n--x\r\nContent-Type: text/rfc822-headers\r\n\r\n%s\r\n--x--\r\n" % (kind, envid, blocks, returned)).encode()


@unittest.skipUnless((BUILD / "smtpgw").exists(), "smtpgw is not built")
class ReturnedTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.final, cls.modern, cls.plain = [cls.keep(Host()) for _ in range(3)]
        cls.final.answers = {"Gone@dead.example": "550 5.1.1 nobody has this address"}
        cls.plain.order = "no-utf8"  # nor DSN
        cls.hato = cls.keep(Hato(start=False))
        cls.smarthost = cls.keep(Postfix([], settings={
            "relay_domains": "hato.example, dead.example",
            "transport_maps": "inline:{dead.example=smtp:[127.0.0.1]:%d, hato.example=smtp:[127.0.0.1]:%d}"
                              % (cls.final.port, cls.hato.port("smtpgw.mx_port"))}))
        cls.hato.sets = {}
        for name, host in (("dead", cls.smarthost), ("modern", cls.modern), ("plain", cls.plain)):
            cls.hato.sets["route %s.domains" % name] = name + ".example"
            cls.hato.sets["route %s.host" % name] = "127.0.0.1:%d" % host.port
        cls.hato.start()
        cls.phones = Phones(cls.hato)

    @classmethod
    def keep(cls, thing):
        cls.addClassCleanup(thing.close)
        return thing

    # ---- what happens ----

    def send(self, phone, *to, params="", code=250):
        """A mail by submission: the replies to RCPT."""
        with Submission(self.hato.port("smtpgw.submission_port"), phone.ip) as s:
            self.assertEqual(s.auth("PLAIN", phone.msisdn, phone.token)[0], 235)
            s.ok("MAIL FROM:<%s>%s" % (phone.address, params and " " + params))
            said = [s.say("RCPT TO:<%s>" % a) for a in to]
            self.assertEqual([r[0] for r in said], [code] * len(to), said)
            if code == 250:
                self.assertEqual(s.data(message("hello", sender=phone.address, to=to[0]))[0][0], 250)
            return said

    def seen(self, host, phone):
        """(MAIL, content) of the phone's mail as the host saw it."""
        def ask():
            with host.lock:
                mine = [(m[0], m[2]) for m in host.mails if m[0].startswith("MAIL FROM:<%s>" % phone.address)]
                return mine and mine[-1]
        return eventually("the mail of %s is there" % phone.address, ask)

    def seal(self, phone, *to):
        """Of a mail that a host with DSN has taken."""
        self.send(phone, *to)
        said, content = self.seen(self.modern, phone)
        self.assertIsNone(re.search(FIELD, content))
        return re.search(r" ENVID=(h1\.\S+)", said)[1]

    def suppressed(self, phone):
        status, _, rows = self.hato.network("GET", "/v1/subscribers/%s/suppression" % phone.msisdn)
        self.assertEqual(status, 200)
        return rows

    def come(self, phone, content, sender="", also=()):
        """A mail by the MX, which is taken; it is in the mailbox."""
        with Smtp(self.hato.port("smtpgw.mx_port")) as s:
            self.assertEqual([r[0] for r in s.envelope(sender, [phone.address, *also])], [250] * (1 + len(also)))
            self.assertEqual(s.data(content)[0][0], 250)
        mails = phone.fetch()
        self.assertEqual(len(mails), 1)
        self.assertTrue(mails[0].endswith(content))

    # ---- what is proved ----

    def test_a_smarthost_that_finds_out_later(self):
        phone, other = self.phones.next(), self.phones.next()
        self.send(phone, "Gone@dead.example")
        mails = []
        eventually("the bounce", lambda: mails.extend(phone.fetch()) or mails)
        bounce = email.message_from_bytes(mails[0])
        self.assertEqual(bounce.get_content_type(), "multipart/report")
        self.assertIn("Postfix", mails[0].decode())
        entry, = self.suppressed(phone)  # was there before the bounce
        self.assertEqual((entry["address"], entry["code"], entry["enhanced"], entry["count"]), ("gone@dead.example", 550, "5.1.1", 1))
        self.assertIn("nobody has this address", entry["text"])
        self.assertEqual(entry["remote"], "127.0.0.1")
        said, = self.send(phone, "gone@dead.example", code=550)
        self.assertIn("nobody has this address", said[1])
        self.assertEqual(self.suppressed(other), [])
        self.send(phone, "alive@dead.example")

    def test_the_seal_is_in_the_envelope_and_each_attempt_has_the_same(self):
        phone = self.phones.next()
        seal = self.seal(phone, "a@modern.example", "b@modern.example")
        self.come(phone, notice(seal, block("b@modern.example") + "\r\n" + block("c@modern.example")))
        entry, = self.suppressed(phone)
        self.assertEqual(entry["address"], "b@modern.example")
        # Again, in another case and from another host: nothing changes.
        self.come(phone, notice(seal, block("B@modern.example", answer="smtp; 551 5.1.1 later")))
        self.assertEqual(self.suppressed(phone), [entry])
        self.assertEqual(self.hato.metric("hato_smtpgw_returned_store_errors_total"), 0)

    def test_a_host_without_dsn_has_it_in_the_header(self):
        phone = self.phones.next()
        self.send(phone, "a@plain.example")
        said, content = self.seen(self.plain, phone)
        self.assertNotIn("ENVID", said)
        self.assertTrue(re.match(FIELD, content))
        header = content.split(b"\r\n\r\n")[0].decode() + "\r\n"
        self.come(phone, notice("", block("a@plain.example"), "Received: by x\r\n" + header))
        self.assertEqual([e["address"] for e in self.suppressed(phone)], ["a@plain.example"])

    def test_several_recipients_do_not_learn_each_others_seal(self):
        phone = self.phones.next()
        self.send(phone, "a@plain.example", "b@plain.example")
        self.assertIsNone(re.search(FIELD, self.seen(self.plain, phone)[1]))

    def test_the_senders_own_envid_is_his(self):
        phone = self.phones.next()
        self.send(phone, "a@modern.example", params="ENVID=mine+2B1")
        said, content = self.seen(self.modern, phone)
        self.assertIn(" ENVID=mine+2B1", said)
        found = re.match(FIELD, content)
        size = int(re.search(r" SIZE=(\d+)", said)[1])
        self.assertEqual(size, len(content))
        self.come(phone, notice("mine+1", block("a@modern.example"), found[0].decode()))
        self.assertEqual(len(self.suppressed(phone)), 1)

    # ---- what is not ----

    def test_what_proves_nothing_is_a_mail_as_any_other(self):
        phone, other = self.phones.next(), self.phones.next()
        seal, others = self.seal(phone, "a@modern.example"), self.seal(other, "a@modern.example")
        changed = seal[:20] + ("A" if seal[20] != "A" else "B") + seal[21:]
        dead = block("a@modern.example")
        many = "".join(block("c%d@modern.example" % i) + "\r\n" for i in range(10000))
        forged = self.hato.metric("hato_smtpgw_returned_unproved_total")
        for what, content in (
                ("no seal", notice("", dead)), ("an ENVID of somebody", notice("QQ314159", dead)), ("a changed seal", notice(changed, dead)),
                ("a cut seal", notice(seal[:-8], dead)), ("another's seal", notice(others, dead)),
                ("another's seal in the header", notice("", dead, "Hato-Return-Seal: %s\r\n" % others)),
                ("another recipient", notice(seal, block("b@modern.example"))),
                ("delayed", notice(seal, block("a@modern.example", "delayed", "4.4.1"))),
                ("policy", notice(seal, block("a@modern.example", status="5.7.1"))),
                ("10,000 recipients before him", notice(seal, many + dead)),
                ("no report", notice(seal, dead, kind="multipart/mixed"))):
            with self.subTest(what):
                self.come(phone, content)
                self.assertEqual(self.suppressed(phone) + self.suppressed(other), [])
        self.assertEqual(self.hato.metric("hato_smtpgw_returned_unproved_total") - forged, 3)  # a cut one is no seal at all
        with self.subTest("a notice from somebody"):
            self.come(phone, notice(seal, dead), sender="someone@elsewhere.example")
        with self.subTest("to two"):
            self.come(phone, notice(seal, dead), also=[other.address])
        self.assertEqual(self.suppressed(phone) + self.suppressed(other), [])
        self.come(phone, notice(seal, dead))  # and this one is good
        self.assertEqual(len(self.suppressed(phone)), 1)
        self.assertEqual(self.suppressed(other), [])

    def test_the_entry_is_waited_for_but_not_for_long(self):
        phone = self.phones.next()
        seal = self.seal(phone, "s@modern.example")
        late = self.hato.metric("hato_smtpgw_checks_expired_total")
        with self.hato.store_stands_still("queue.db"):
            self.come(phone, notice(seal, block("s@modern.example")))
            self.assertEqual(self.hato.metric("hato_smtpgw_checks_expired_total"), late + 1)
            self.assertEqual(self.suppressed(phone), [])
        eventually("the entry is there all the same", lambda: self.suppressed(phone))

    def test_after_a_restart_a_seal_is_still_good(self):
        phone = self.phones.next()
        seal = self.seal(phone, "r@modern.example")
        pid = self.hato.pid("smtpgw")
        self.hato.kill("smtpgw")
        self.hato.wait_restarted("smtpgw", pid)
        self.hato.wait_ready()
        self.come(phone, notice(seal, block("r@modern.example")))
        self.assertEqual(len(self.suppressed(phone)), 1)


if __name__ == "__main__":
    unittest.main()

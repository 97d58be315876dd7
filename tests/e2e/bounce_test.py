"""What a sender hears of mail that did not arrive: bounces, delays, confirmations; whom he may not write to again."""
import email
import email.policy
import unittest

from harness.mail import message
from harness.phones import Phones
from harness.postfix import Postfix
from harness.queue import Queue
from harness.smtp_host import Host
from harness.submission import Submission
from harness.system import BUILD, Hato, eventually

ACCESS = {"no@outside.example": "550 5.1.1 nobody has this address", "closed@outside.example": "550 5.2.1 closed",
          "policy@outside.example": "550 5.7.1 not from you", "bare@outside.example": "550 no",
          "later@outside.example": "450 4.2.0 come again"}

PATIENT = {"smtpd_soft_error_limit": "10000", "smtpd_hard_error_limit": "20000"}  # else each refusal is slower


class Bounce:
    """A notice as Python's mail parser reads it."""

    def __init__(self, octets):
        self.octets = octets
        self.mail = email.message_from_bytes(octets, policy=email.policy.default)
        assert self.mail.get_content_type() == "multipart/report", octets
        assert self.mail.get_param("report-type") == "delivery-status"
        assert not self.mail.defects, self.mail.defects
        self.parts = list(self.mail.iter_parts())
        self.types = [p.get_content_type() for p in self.parts]
        self.people = self.parts[0].get_content()
        self.of_mail, *self.of = self.parts[1].get_payload()
        self.returned = self.octets.split(b"\r\nContent-Type: " + self.types[2].encode(), 1)[1]

    def field(self, name, recipient=0):
        return self.of[recipient][name]


@unittest.skipUnless((BUILD / "smtpgw").exists(), "smtpgw is not built")
class BounceTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.outside, cls.plain = cls.keep(Postfix(["outside.example"], ACCESS, PATIENT)), cls.keep(Host())
        cls.plain.order = "no-utf8"  # nor DSN
        cls.hato = cls.keep(Hato({
            "smtpgw.queue_retry": "1", "smtpgw.queue_warn_seconds": "1", "smtpgw.queue_seconds": "4",
            "route out.domains": "outside.example", "route out.host": "127.0.0.1:%d" % cls.outside.port,
            "route plain.domains": "plain.example", "route plain.host": "127.0.0.1:%d" % cls.plain.port}))
        cls.queue = cls.keep(Queue(cls.hato))
        cls.phones = Phones(cls.hato)

    @classmethod
    def keep(cls, thing):
        cls.addClassCleanup(thing.close)
        return thing

    def send(self, phone, *to, rcpt="", params="", content=None, codes=()):
        """A mail by submission; the replies to RCPT are good, or as told."""
        with Submission(self.hato.port("smtpgw.submission_port"), phone.ip) as s:
            self.assertEqual(s.auth("PLAIN", phone.msisdn, phone.token)[0], 235)
            s.ok("MAIL FROM:<%s>%s" % (phone.address, params and " " + params))
            said = [s.say("RCPT TO:<%s>%s" % (a, rcpt and " " + rcpt)) for a in to]
            self.assertEqual([r[0] for r in said], list(codes) or [250] * len(to), said)
            if any(r[0] == 250 for r in said):
                self.assertEqual(s.data(content or message("hello", sender=phone.address, to=to[0]))[0][0], 250)
            return said

    def wait_mails(self, phone, count=1):
        mails = []

        def ask():
            mails.extend(phone.fetch())
            return len(mails) >= count
        eventually("%d mails for %s" % (count, phone.address), ask)
        self.assertEqual(len(mails), count)
        return mails

    def wait_bounce(self, phone):
        return Bounce(self.wait_mails(phone)[0])

    # ---- refused ----

    def test_a_bounce_is_what_the_standards_say(self):
        phone = self.phones.next()
        mail = message("hello", sender=phone.address, to="no@outside.example")
        self.send(phone, "no@outside.example", rcpt="ORCPT=rfc822;No+2Bbody@outside.example NOTIFY=FAILURE",
                  params="ENVID=e+2B1", content=mail)
        b = self.wait_bounce(phone)
        self.assertEqual(b.types, ["text/plain", "message/delivery-status", "text/rfc822-headers"])
        self.assertEqual(b.mail["Auto-Submitted"], "auto-replied")
        self.assertIn("MAILER-DAEMON@", b.mail["From"])
        self.assertEqual(b.mail["To"], phone.address)
        self.assertIn("配信できませんでした", b.mail["Subject"])
        self.assertIn("配信できませんでした", b.people)
        self.assertIn("could not be delivered", b.people)
        self.assertIn("nobody has this address", b.people)
        self.assertEqual(b.of_mail["Original-Envelope-Id"], "e+1")
        self.assertTrue(b.of_mail["Reporting-MTA"].startswith("dns; "))
        self.assertEqual(len(b.of), 1)
        self.assertEqual(b.field("Original-Recipient"), "rfc822; No+body@outside.example")
        self.assertEqual(b.field("Final-Recipient"), "rfc822; no@outside.example")
        self.assertEqual((b.field("Action"), b.field("Status")), ("failed", "5.1.1"))
        self.assertTrue(b.field("Diagnostic-Code").startswith("smtp; 550 5.1.1 "))
        self.assertEqual(b.field("Remote-MTA"), "dns; 127.0.0.1")
        header = email.message_from_bytes(mail)
        self.assertIn(b"Subject: hello\r\n", b.returned)
        self.assertNotIn(b"Hello.", b.returned)
        returned = email.message_from_string(b.parts[2].get_content())
        self.assertEqual(b.mail["In-Reply-To"], returned["Message-ID"])
        self.assertEqual(header["Subject"], returned["Subject"])
        self.assertTrue(max(b.octets) < 0x80)

    def test_who_wants_the_whole_mail_gets_it(self):
        phone = self.phones.next()
        for ret, kind in (("RET=FULL", "message/rfc822"), ("RET=HDRS", "text/rfc822-headers")):
            self.send(phone, "policy@outside.example", params=ret)
            b = self.wait_bounce(phone)
            self.assertEqual(b.types[2], kind)
            self.assertEqual(b"Hello." in b.returned, ret == "RET=FULL")

    def test_several_recipients_are_one_bounce(self):
        phone, friend = self.phones.next(), self.phones.next()
        self.send(phone, "policy@outside.example", "bare@outside.example", "good@outside.example", friend.address)
        b = self.wait_bounce(phone)
        self.assertEqual(sorted((b.field("Final-Recipient", i), b.field("Status", i)) for i in range(2)),
                         [("rfc822; bare@outside.example", "5.7.1"), ("rfc822; policy@outside.example", "5.7.1")])
        self.wait_mails(friend)

    def test_who_wants_to_hear_nothing_hears_nothing(self):
        phone = self.phones.next()
        self.send(phone, "policy@outside.example", rcpt="NOTIFY=NEVER")
        self.send(phone, "policy@outside.example", rcpt="NOTIFY=SUCCESS,DELAY")
        self.queue.wait_empty()
        self.assertEqual(phone.fetch(), [])

    def test_success(self):
        phone, friend = self.phones.next(), self.phones.next()
        self.send(phone, friend.address, rcpt="NOTIFY=SUCCESS")
        b = self.wait_bounce(phone)
        self.assertEqual((b.field("Action"), b.field("Final-Recipient")), ("delivered", "rfc822; " + friend.address))
        self.assertIn("メールボックスに届きました", b.people)
        self.send(phone, "x@plain.example", rcpt="NOTIFY=SUCCESS")
        b = self.wait_bounce(phone)
        self.assertEqual((b.field("Action"), b.field("Final-Recipient")), ("relayed", "rfc822; x@plain.example"))
        self.send(phone, friend.address)
        self.wait_mails(friend, 2)
        self.queue.wait_empty()
        self.assertEqual(phone.fetch(), [])

    def test_our_own_domain_has_no_such_address(self):
        phone = self.phones.next()
        self.send(phone, "nobody-at-all@hato.example")
        self.assertEqual(self.wait_bounce(phone).field("Status"), "5.1.1")

    def test_a_bounce_to_elsewhere(self):
        before = len(self.outside.inbox())
        self.queue.put(b"Subject: x\r\n\r\n", "no@outside.example", sender="boss@outside.example")
        mail = self.outside.wait_inbox(before + 1)[-1]
        self.assertIn(b"Return-Path: <>", mail)
        self.assertEqual(email.message_from_bytes(mail).get_content_type(), "multipart/report")

    def test_there_is_no_bounce_of_a_bounce(self):
        self.queue.put(b"Subject: x\r\n\r\n", "no@outside.example", sender="nobody@hato.example")
        held = self.queue.wait_tried("nobody@hato.example")
        self.assertEqual(held.enhanced, "5.1.1")
        self.assertEqual(self.queue.size(), 1)  # it waits for the operator
        self.assertIn("nobody@hato.example", self.hato.command("queue", "list").stdout)
        self.assertEqual(self.hato.metric("hato_smtpgw_relay_double_bounces_total"), 1)
        self.hato.command("queue", "drop", str(held.mail), "--reason", "nobody reads it")
        self.queue.put(b"Subject: x\r\n\r\n", "no@outside.example", sender=None)
        eventually("it is held", lambda: self.hato.metric("hato_smtpgw_relay_double_bounces_total") == 2)
        self.hato.command("queue", "drop", str(self.queue.show()[0].mail), "--reason", "so")
        self.queue.wait_empty()

    # ---- not again ----

    def test_a_dead_address_is_not_tried_again_by_him_who_knows(self):
        phone, other = self.phones.next(), self.phones.next()
        self.send(phone, "no@outside.example")
        self.wait_bounce(phone)
        said = self.send(phone, "No@outside.example", codes=[550])
        self.assertIn("5.1.1", said[0][1])
        self.assertIn("nobody has this address", said[0][1])
        self.send(other, "no@outside.example")  # who does not share it
        self.wait_bounce(other)
        status, _, listed = phone.bearer("GET", "/v1/suppression")
        self.assertEqual(status, 200, listed)
        self.assertIn("no@outside.example", str(listed))
        self.hato.command("suppression", "clear", phone.msisdn, "no@outside.example")
        self.send(phone, "no@outside.example")
        self.wait_bounce(phone)

    def test_what_is_no_proof_of_death(self):
        phone = self.phones.next()
        for address in ("policy@outside.example", "bare@outside.example"):
            for _ in range(2):
                self.send(phone, address)
                self.wait_bounce(phone)

    def test_a_closed_mailbox_counts_from_the_second_time_on(self):
        phone = self.phones.next()
        for _ in range(2):
            self.send(phone, "closed@outside.example")
            self.assertEqual(self.wait_bounce(phone).field("Status"), "5.2.1")
        self.send(phone, "closed@outside.example", codes=[550])

    # ---- late ----

    def test_a_delay_is_told_of_once_and_then_the_end(self):
        phone, patient = self.phones.next(), self.phones.next()
        self.send(patient, "later@outside.example", rcpt="NOTIFY=FAILURE")
        self.send(phone, "later@outside.example")
        late, end = [Bounce(m) for m in self.wait_mails(phone, 2)]
        self.assertEqual((late.field("Action"), late.field("Status")), ("delayed", "4.2.0"))
        self.assertTrue(late.field("Will-Retry-Until"))
        self.assertIn("遅れています", late.mail["Subject"])
        self.assertEqual((end.field("Action"), end.field("Status")), ("failed", "4.4.7"))
        self.assertIn("450 4.2.0", end.field("Diagnostic-Code"))
        self.assertNotEqual(late.mail["Message-ID"], end.mail["Message-ID"])
        self.assertEqual(self.wait_bounce(patient).field("Action"), "failed")
        self.send(phone, "later@outside.example")  # on no list


if __name__ == "__main__":
    unittest.main()

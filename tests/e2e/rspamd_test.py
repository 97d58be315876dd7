"""Mail is shown to rspamd: the real one, and a stand-in for what it rarely says."""
import unittest

from harness.mail import Smtp, message, stuffed
from harness.pop import Pop
from harness.rspamd import PATTERN, Rspamd, StandIn, is_installed
from harness.system import Hato, eventually


def deliver(hato, content, to="u1@hato.example", sender="a@b.example"):
    with Smtp(hato.port("smtpgw.mx_port"), "127.9.0.1") as s:
        s.say("MAIL FROM:<%s>" % sender)
        assert s.say("RCPT TO:<%s>" % to)[0] == 250
        assert s.say("DATA")[0] == 354
        s.send(stuffed(content))
        return s.reply()


class Told(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.rspamd = StandIn()
        cls.hato = Hato({"smtpgw.rspamd_url": cls.rspamd.url, "smtpgw.rspamd_size": 2000, "smtpgw.greylist_delay": 1,
                         "smtpgw.rspamd_timeout": 500})
        cls.hato.subscriber(1)

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()
        cls.rspamd.close()

    def says(self, answer):
        self.rspamd.answer = answer
        self.rspamd.seen.clear()

    def test_it_is_shown_the_mail_and_the_envelope(self):
        self.says({"action": "no action", "score": 1.5})
        content = message("shown", ".dots\r\nand caf\u00e9\r\n")
        self.assertEqual(250, deliver(self.hato, content)[0])
        (path, fields, body), = self.rspamd.seen
        self.assertEqual(("/checkv2", content), (path, body))
        self.assertEqual(["127.9.0.1", "client.example", "a@b.example", "u1@hato.example", ["u1@hato.example"]],
                         [fields["Ip"], fields["Helo"], fields["From"], fields["Deliver-To"], fields.get_all("Rcpt")])

    def test_its_refusals_are_passed_on(self):
        self.says({"action": "reject", "score": 20, "messages": {"smtp_message": "No, thanks"}})
        self.assertEqual((550, "5.7.1 No, thanks"), deliver(self.hato, message("x")))
        self.says({"action": "soft reject", "messages": {}})
        self.assertEqual(451, deliver(self.hato, message("x"))[0])

    def test_what_it_wants_greylisted_is_let_in_when_it_comes_again(self):
        self.says({"action": "greylist"})
        self.assertEqual((451, "4.7.1 come again in 1 s"), deliver(self.hato, message("x"), sender="grey@b.example"))
        eventually("it is let in", lambda: deliver(self.hato, message("x"), sender="grey@b.example")[0] == 250)

    def test_without_an_answer_the_mail_goes_on(self):
        failed = self.hato.metric("hato_smtpgw_rspamd_failed_total")
        for n, answer in enumerate((500, b"", b"nonsense", {"action": "dance"}, None)):
            self.says(answer)
            self.assertEqual(250, deliver(self.hato, message("x"))[0], answer)
            self.assertEqual(failed + n + 1, self.hato.metric("hato_smtpgw_rspamd_failed_total"))

    def test_a_large_mail_is_not_shown(self):
        self.says({"action": "reject"})
        self.assertEqual(250, deliver(self.hato, message("large", "0123456789\r\n" * 200))[0])
        self.assertEqual([], self.rspamd.seen)

    def test_after_all_that_it_shows_the_next_one(self):
        """What was shown does not count any more (smtpgw.rspamd_mails)."""
        self.says({"action": "reject"})
        for _ in range(70):
            self.assertEqual(550, deliver(self.hato, message("x"))[0])


@unittest.skipUnless(is_installed(), "rspamd is not installed")
class Real(unittest.TestCase):

    def test_rspamd_itself(self):
        rspamd = Rspamd()
        self.addCleanup(rspamd.close)
        hato = Hato({"smtpgw.rspamd_url": rspamd.url, "smtpgw.rspamd_timeout": 20000, "smtpgw.checks_timeout": 20000})
        self.addCleanup(hato.close)
        s = hato.subscriber(1)
        token = hato.attach(s, "127.1.0.1")["token"]
        self.assertEqual((550, "5.7.1 Gtube pattern"), deliver(hato, message("x", PATTERN % "X" + "\r\n")))
        self.assertEqual(250, deliver(hato, message("marked", PATTERN % "Y" + "\r\n"))[0])
        self.assertEqual(250, deliver(hato, message("good"))[0])
        with Pop(hato.port("popgw.pop3_port"), "127.1.0.1") as pop:
            pop.login(s.msisdn, token)
            mails = {n: pop.retr(n) for n in (1, 2)}
        marked, good = mails[1].partition(b"\r\n\r\n")[0], mails[2].partition(b"\r\n\r\n")[0]
        self.assertIn(b"X-Spam: Yes\r\nX-Spamd-Result: add header; score=6.00\r\n", marked)
        self.assertNotIn(b"X-Spam:", good)
        self.assertIn(b"X-Spamd-Result: no action; score=", good)


if __name__ == "__main__":
    unittest.main()

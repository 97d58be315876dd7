"""Strangers at the MX port: greylisting, and traps that feed a local blocklist."""
import json
import unittest

from harness.mail import Smtp, message
from harness.system import Hato, eventually


class Strangers(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato({"smtpgw.greylist": "yes", "smtpgw.greylist_delay": 1, "smtpgw.traps_hits": 2,
                         "smtpgw.traps": "Trap@hato.example, old.address@hato.example", "smtpgw.checks_exempt": "127.8.0.0/16"})
        cls.hato.subscriber(1, ["u1@hato.example", "postmaster@hato.example"])

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def rcpt(self, source, to="u1@hato.example", sender="a@b.example"):
        with Smtp(self.hato.port("smtpgw.mx_port"), source) as s:
            self.assertEqual(250, s.say("MAIL FROM:<%s>" % sender)[0])
            return s.say("RCPT TO:<%s>" % to)

    def passes(self, *arguments):
        return eventually("it is let in", lambda: self.rcpt(*arguments)[0] == 250)

    def test_a_stranger_is_let_in_when_he_comes_again(self):
        self.assertEqual((451, "4.7.1 we do not know you yet, come again in 1 s"), self.rcpt("127.1.0.1"))
        self.passes("127.1.0.1")
        for source in ("127.1.0.1", "127.1.0.99"):
            self.assertEqual(250, self.rcpt(source)[0], "known, and so are his neighbours")
        self.assertEqual(451, self.rcpt("127.1.1.1")[0], "another network")
        self.assertEqual(451, self.rcpt("127.1.0.1", sender="")[0], "another sender")

    def test_what_was_let_in_is_kept_over_a_restart(self):
        self.rcpt("127.1.2.1")
        self.passes("127.1.2.1")
        pid = self.hato.kill("smtpgw")
        self.hato.wait_restarted("smtpgw", pid)
        self.assertEqual(250, self.rcpt("127.1.2.1")[0])

    def test_one_mail_some_recipients_known(self):
        """Each recipient has an answer of its own, and the mail goes to those who know the sender."""
        self.hato.subscriber(3)
        self.rcpt("127.1.3.1")
        self.passes("127.1.3.1")
        with Smtp(self.hato.port("smtpgw.mx_port"), "127.1.3.1") as s:
            s.say("MAIL FROM:<a@b.example>")
            self.assertEqual([250, 451], [s.say("RCPT TO:<u%d@hato.example>" % n)[0] for n in (1, 3)])
            self.assertEqual(354, s.say("DATA")[0])
            s.send(message("known") + b".\r\n")
            self.assertEqual(250, s.reply()[0])

    def test_who_is_not_asked_to_come_again(self):
        self.assertEqual(250, self.rcpt("127.8.0.1")[0], "exempt")
        self.assertEqual(250, self.rcpt("127.1.4.1", "postmaster@hato.example")[0])

    def test_a_trap_catches(self):
        nobody = self.rcpt("127.8.0.1", "nobody@hato.example")
        for i, trap in enumerate(("trap@hato.example", "Old.Address@hato.example")):
            self.assertEqual(nobody, self.rcpt("127.2.0.1", trap), "not to be told from an address that nobody has")
            eventually("it is remembered", lambda: len(self.hato.events("trap-hit")) == i + 1)
        self.assertEqual((550, "5.7.1 [127.2.0.1] sent mail to addresses that nobody has"), self.rcpt("127.2.0.1"))
        self.assertEqual(250, self.rcpt("127.2.0.1", "postmaster@hato.example")[0])
        self.assertEqual(451, self.rcpt("127.2.0.2")[0], "a neighbour is but a stranger")
        self.assertEqual(550, self.rcpt("127.8.0.2", "trap@hato.example")[0])
        self.assertEqual(2, len(self.hato.events("trap-hit")), "an exempt client is not remembered")
        self.assertEqual(2, self.hato.metric("hato_smtpgw_trap_hits_total"))
        self.operator()

    def operator(self):
        """He sees who was caught, and lets go."""
        caught, = json.loads(self.hato.command("traps", "list", "--json").stdout)
        self.assertEqual(("127.2.0.1", 2), (caught["client"], caught["hits"]))
        self.assertIn("127.2.0.1", self.hato.command("traps", "list").stdout)
        self.hato.command("traps", "clear", "127.2.0.1")
        self.assertEqual(451, self.rcpt("127.2.0.1")[0], "but a stranger again")
        self.assertEqual(1, self.hato.command("traps", "clear", "127.2.0.1", check=False).returncode)
        self.assertEqual(400, self.hato.network("DELETE", "/v1/trap-clients/here")[0])
        self.assertEqual(400, self.hato.network("GET", "/v1/trap-clients?after=here")[0])


if __name__ == "__main__":
    unittest.main()

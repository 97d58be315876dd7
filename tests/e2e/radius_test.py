"""RADIUS accounting as a lease feed: radclient and hand-made packets, tshark as judge."""
import time
import unittest

from harness import radius
from harness.bindings import Bindings
from harness.radius import INTERIM, OFF, ON, START, STOP, Nas, attribute, radclient
from harness.system import eventually


class Feed(Bindings):

    def setUp(self):
        self.nas = Nas(self.hato, name="nas-%s" % self.id().rsplit(".", 1)[-1][:50])
        self.addCleanup(self.nas.close)

    def test_radclient_makes_and_ends_a_binding(self):
        a = self.phones.next(attach=False)
        said = ('NAS-Identifier = "pgw9", Acct-Session-Id = "rc1", Framed-IP-Address = %s, Calling-Station-Id = "%s",'
                ' 3GPP-IMSI = "%s", Acct-Delay-Time = 0' % (a.ip, a.msisdn, a.imsi))
        status, text = radclient(self.hato, ["Acct-Status-Type = Start, " + said])
        self.assertEqual(0, status, text)
        self.assertEqual("unconfirmed", self.state(a.ip))
        a.ask_token()
        self.assertRegex(a.try_login(), r"\A\+OK")
        status, text = radclient(self.hato, ["Acct-Status-Type = Stop, " + said])
        self.assertEqual(0, status, text)
        self.assertEqual("free", self.state(a.ip))
        self.refused(a, a.token)


if __name__ == "__main__":
    unittest.main()

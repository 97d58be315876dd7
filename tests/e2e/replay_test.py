"""The replay that breaks today's tables: Start A on X; its Stop lost; Start B on X; POP3 from X; Stop B; Start A on Y; late Stop A.
Hato answers B, nobody, A on Y only. The same feed told to the real FreeRADIUS with its stock SQL schema shows what docs/replay.md says
of it."""
import os
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from harness.bindings import Bindings, stamp
from harness.system import eventually, free_ports


class Replay(Bindings):

    def answers(self, ip):
        binding = self.phones_binding(ip)
        return binding and binding["msisdn"]

    def test_hato_answers_b_then_nobody_then_a_on_y_only(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        x, y = a.ip, self.phones.address()
        of_a, of_b = a.receive(), b.receive()
        first_token, first_session = a.token, a.session
        self.assertEqual([of_a], a.fetch(delete=False))

        # A goes; its Stop is lost; B gets its address.
        b.lease(x)
        self.assertEqual(b.msisdn, self.answers(x))
        self.refused(a, first_token, x)
        self.problem(a.claim(ip=x), "claim-mismatch")
        b.lease(x)  # what A's phone said from there put B in doubt; B's phone attaches again
        b.ask_token()
        self.assertEqual([of_b], b.fetch(), "POP3 from X is B's mail and no other")
        self.refused(a, first_token, x)

        # B goes.
        second_token = b.token
        self.assertEqual("applied", b.stop()["result"])
        self.assertIsNone(self.answers(x))
        for phone, token in ((a, first_token), (b, second_token)):
            self.refused(phone, token, x)
            self.problem(phone.claim(ip=x), "no-binding")

        # A comes again, on Y.
        a.attach(y)
        self.assertEqual([None, a.msisdn], [self.answers(x), self.answers(y)])

        # And now A's lost Stop.
        late = self.hato.lease("stop", ip=x, msisdn=a.msisdn, session_id=first_session, time=stamp(-60))
        self.assertIn(late["result"], ("applied", "duplicate", "stale"))
        self.assertEqual([None, a.msisdn], [self.answers(x), self.answers(y)])
        self.assertEqual([of_a], a.fetch(), "A reads on, from Y")
        self.refused(a, first_token, x)
        self.refused(a, a.token, x)
        self.refused(b, second_token, x)

    def test_a_late_stop_of_a_does_not_end_b(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        x, first_session = a.ip, a.session
        b.attach(x)
        self.hato.lease("stop", ip=x, msisdn=a.msisdn, session_id=first_session)
        self.assertEqual(b.msisdn, self.answers(x))
        self.assertRegex(b.try_login(), r"\A\+OK")


SITE = """
server replay {
	listen {
		type = acct
		ipaddr = 127.0.0.1
		port = %d
	}
	client local {
		ipaddr = 127.0.0.1
		secret = testing123
	}
	preacct {
		preprocess
		acct_unique
	}
	accounting {
		sql
	}
}
"""


@unittest.skipUnless(os.geteuid() == 0, "reads FreeRADIUS's own configuration")
@unittest.skipUnless(shutil.which("freeradius") and shutil.which("radclient"), "freeradius is not installed")
class FreeRadius(unittest.TestCase):
    """Debian's FreeRADIUS as it comes: the stock schema and the stock accounting queries, in SQLite."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="replay-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.port, = free_ports(1)
        conf = os.path.join(self.dir, "raddb")
        shutil.copytree("/etc/freeradius/3.0", conf, symlinks=True)
        for name in os.listdir(os.path.join(conf, "sites-enabled")):
            os.unlink(os.path.join(conf, "sites-enabled", name))
        eap = os.path.join(conf, "mods-enabled", "eap")
        if os.path.lexists(eap):
            os.unlink(eap)
        with open(os.path.join(conf, "sites-enabled", "replay"), "w") as f:
            f.write(SITE % self.port)
        self.table = os.path.join(self.dir, "radacct.db")
        self.adapt(os.path.join(conf, "mods-available", "sql"), os.path.join(conf, "mods-enabled", "sql"), (
            ('dialect = "mysql"', 'dialect = "sqlite"'), ('driver = "rlm_sql_null"', 'driver = "rlm_sql_sqlite"'),
            ('driver = "rlm_sql_${dialect}"', 'driver = "rlm_sql_sqlite"'),
            ('filename = "/tmp/freeradius.db"', 'filename = "%s"' % self.table)))
        self.adapt(os.path.join(conf, "radiusd.conf"), os.path.join(conf, "radiusd.conf"), (
            ("\tuser = freerad", "\tuser = root"), ("\tgroup = freerad", "\tgroup = root"),
            ("logdir = /var/log/freeradius", "logdir = " + self.dir), ("run_dir = ${localstatedir}/run/${name}", "run_dir = " + self.dir)))
        self.log = open(os.path.join(self.dir, "log"), "w+b")
        self.addCleanup(self.log.close)
        self.server = subprocess.Popen(["freeradius", "-f", "-l", "stdout", "-d", conf], stdout=self.log, stderr=subprocess.STDOUT)
        self.addCleanup(self.end)
        eventually("FreeRADIUS is ready", self.is_ready)

    @staticmethod
    def adapt(source, target, changes):
        with open(source) as f:
            text = f.read()
        for old, new in changes:
            text = text.replace(old, new)
        if os.path.islink(target):
            os.unlink(target)
        with open(target, "w") as f:
            f.write(text)

    def end(self):
        self.server.kill()
        self.server.wait()

    def is_ready(self):
        self.log.seek(0)
        text = self.log.read()
        self.assertIsNone(self.server.poll(), text.decode(errors="replace")[-2000:])
        return b"Ready to process requests" in text

    def tell(self, status, who, session, ip):
        packet = ("Acct-Status-Type = %s\nAcct-Session-Id = %s\nUser-Name = %s\nCalling-Station-Id = %s\nFramed-IP-Address = %s\n"
                  "NAS-IP-Address = 192.0.2.254\n" % (status, session, who, who, ip))
        subprocess.run(["radclient", "-q", "-r", "5", "-t", "2", "127.0.0.1:%d" % self.port, "acct", "testing123"],
                       input=packet.encode(), check=True, timeout=30)

    def answers(self, ip):
        """Who holds the address, by the question that mail systems ask of that table."""
        with sqlite3.connect("file:%s?mode=ro" % self.table, uri=True) as db:
            return sorted(row[0] for row in db.execute(
                "SELECT callingstationid FROM radacct WHERE framedipaddress = ? AND acctstoptime IS NULL", (ip,)))

    def test_the_stock_schema_keeps_both(self):
        x, y = "10.0.0.1", "10.0.0.2"
        self.tell("Start", "A", "a1", x)
        self.assertEqual(["A"], self.answers(x))
        # A's Stop is lost.
        self.tell("Start", "B", "b1", x)
        self.assertEqual(["A", "B"], self.answers(x), "two subscribers of one address")
        self.tell("Stop", "B", "b1", x)
        self.assertEqual(["A"], self.answers(x), "whoever comes next is A")
        self.tell("Start", "A", "a2", y)
        self.assertEqual((["A"], ["A"]), (self.answers(x), self.answers(y)))
        self.tell("Stop", "A", "a1", x)
        self.assertEqual(([], ["A"]), (self.answers(x), self.answers(y)), "only the late Stop sets it right")


if __name__ == "__main__":
    unittest.main()

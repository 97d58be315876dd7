"""Limits: thousands of idle phones do not hinder the one that fetches; what is too much is told so.

Short: 3,000 idle connections. HATO_SOAK=1: 15,000. Fewer where RLIMIT_NOFILE allows fewer.
"""
import os
import pathlib
import poplib
import resource
import subprocess
import sys
import time
import unittest

from crash.clients import MailClient, Pop3
from crash.ledger import Ledger
from crash.load import Load
from crash.victim import Victim
from harness.system import PATIENCE

WANTED = 15000 if os.environ.get("HATO_SOAK") == "1" else 3000
SPARE = 500  # descriptors for listeners, the database, the libraries
SESSIONS = 20
SLOWEST_S = 5  # a session of the phone that fetches; a busy machine, a sanitizer build


def most_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft


def resident_bytes(pid):
    pages = int(pathlib.Path("/proc/%d/statm" % pid).read_text().split()[1])
    return pages * resource.getpagesize()


class Idle:
    """The crowd, in its own process."""

    def __init__(self, port, count, per_address):
        here = pathlib.Path(__file__).resolve().parent
        self.process = subprocess.Popen([sys.executable, "-B", str(here / "idle_clients.py"), str(port), str(count),
                                         str(per_address)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.open = self.said("open")

    def said(self, word):
        line = self.process.stdout.readline().split()
        assert line[:1] == [word], line
        return int(line[1])

    def end(self):
        """How many of them were cut meanwhile."""
        self.process.stdin.close()
        cut = self.said("cut")
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        return cut

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()


class LimitsTest(unittest.TestCase):
    def begin(self, sets):
        self.system = Victim(sets)
        self.addCleanup(self.system.close)
        self.ledger = Ledger()
        self.load = Load(self.system, self.ledger, phones=1, senders=0, feeders=0)
        self.addCleanup(self.load.abort)
        self.phone = self.load.phones[0]
        self.phone.move()
        self.addCleanup(self.phone.udp.close)

    def one_mail(self, i):
        """Sent, announced, fetched: how long the fetch took."""
        message_id = "<limit-%d@elsewhere.example>" % i
        text = ("From: <a@elsewhere.example>\r\nMessage-ID: %s\r\n\r\nbody\r\n" % message_id).encode()
        self.ledger.promise(message_id, [1], text)
        client = MailClient(self.system.port("pushsrv.lmtp_port"), True)
        [(code, why)] = client.send("a@elsewhere.example", [self.phone.subscriber.address], text)
        client.close()
        self.assertEqual(code, 250, why)
        self.ledger.accepted(message_id, 1)
        began = time.monotonic()
        self.assertEqual(self.phone.fetch(), 1)
        return time.monotonic() - began

    def test_idle_crowd(self):
        count = min(WANTED, most_descriptors() - SPARE)
        if count < 100:
            self.skipTest("RLIMIT_NOFILE leaves room for %d connections" % count)
        self.begin({"popgw.login_seconds": "3600", "popgw.max_connections": str(count + 100)})
        pid = self.system.ready_pid("popgw")
        alone = sorted(self.one_mail(i) for i in range(SESSIONS))
        before = resident_bytes(pid)
        began = time.monotonic()
        idle = Idle(self.system.port("popgw.pop3_port"), count, 16)
        self.addCleanup(idle.kill)
        opened_s = time.monotonic() - began
        self.assertEqual(idle.open, count, "not all were greeted")
        each = (resident_bytes(pid) - before) / count
        crowded = sorted(self.one_mail(SESSIONS + i) for i in range(SESSIONS))
        self.assertEqual(idle.end(), 0, "idle connections were cut")
        self.assertLess(crowded[-1], SLOWEST_S)
        self.assertEqual(self.ledger.mail_faults(), [])
        self.assertEqual(self.system.events("daemon-died"), [])
        print("\n%d idle connections in %.1f s, %.1f KB each; a session alone %.1f ms (slowest %.1f), in the crowd %.1f (%.1f)"
              % (count, opened_s, each / 1024, alone[SESSIONS // 2] * 1e3, alone[-1] * 1e3, crowded[SESSIONS // 2] * 1e3,
                 crowded[-1] * 1e3))

    def test_too_many(self):
        """Over the limits a client hears "later", and those who are in are served."""
        self.begin({"popgw.max_connections": "100", "popgw.max_connections_per_address": "4"})
        port = self.system.port("popgw.pop3_port")
        session = Pop3("127.0.0.1", port, self.phone.ip)
        idle = Idle(port, 150, 1)
        self.addCleanup(idle.kill)
        self.assertEqual(idle.open, 99)
        with self.assertRaises(poplib.error_proto) as refusal:
            Pop3("127.0.0.1", port, "127.5.0.1")
        self.assertIn(b"[SYS/TEMP]", refusal.exception.args[0])
        session.user(self.phone.subscriber.msisdn)
        session.pass_(self.phone.answer["token"])
        self.assertEqual(session.stat(), (0, 0))
        session.quit()
        self.assertEqual(idle.end(), 0)
        self.one_mail(1)
        self.assertEqual(self.ledger.mail_faults(), [])

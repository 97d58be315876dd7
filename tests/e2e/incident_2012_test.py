"""1 January 2012: 200,000 people were not told that their mail had not arrived. Phones write to addresses that are dead, each mail to
another one, while smtpgw and pushsrv are killed again and again: for each mail that was accepted its sender has exactly one
bounce, and nobody has another's. HATO_SOAK=1: 200,000 mails.
"""
import collections
import contextlib
import os
import re
import sqlite3
import subprocess
import threading
import time
import unittest

from harness.phones import Phones
from harness.submission import Submission
from harness.system import BUILD, PATIENCE, SANITIZED, Hato, eventually, free_ports

SOAK = os.environ.get("HATO_SOAK") == "1"
MAILS = 200000 if SOAK else 2000 if SANITIZED else 20000
KILLS = 60 if SOAK else 6
PHONES = 16
BATCH = 40  # mails of a phone that are sent ahead of their answers
LONG = 3600 if SOAK else PATIENCE
SINK = "/usr/sbin/smtp-sink"


class Sink:
    """A host where nobody lives: Postfix's own, fast enough for any number."""

    def __init__(self):
        self.port, = free_ports(1)
        self.process = subprocess.Popen([SINK, "-u", "nobody", "-f", "RCPT", "-B", "550 5.1.1 nobody has this address",
                                         "127.0.0.1:%d" % self.port, "1000"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Sender(threading.Thread):
    """A phone that sends its share, and sends again what it had no answer to."""

    def __init__(self, phone, port, numbers):
        super().__init__()
        self.phone, self.port = phone, port
        self.left = collections.deque(numbers)
        self.sends = collections.Counter()
        self.accepted = set()
        self.wrong = []
        self.deadline = time.monotonic() + LONG

    def run(self):
        pause = threading.Event()
        while self.left and time.monotonic() < self.deadline and not self.wrong:
            try:
                with Submission(self.port, self.phone.ip) as s:
                    if s.auth("PLAIN", self.phone.msisdn, self.phone.token)[0] == 235:
                        while self.left:
                            self.batch(s)
            except (OSError, AssertionError):
                pause.wait(0.05)  # smtpgw is down

    def batch(self, s):
        numbers = [self.left[i] for i in range(min(BATCH, len(self.left)))]
        out = []
        for n in numbers:
            body = b"From: %s\r\nSubject: new year %d\r\n\r\nA happy new year!\r\n" % (self.phone.address.encode(), n)
            out.append(b"MAIL FROM:<%s>\r\nRCPT TO:<d%d@dead.example>\r\nBDAT %d LAST\r\n%s"
                       % (self.phone.address.encode(), n, len(body), body))
            self.sends[n] += 1
        s.send(b"".join(out))
        for n in numbers:
            mail, rcpt, end = s.reply()[0], s.reply()[0], s.reply()[0]
            if 0 in (mail, rcpt, end):
                raise OSError("smtpgw is gone")
            if end == 250 or (rcpt == 550 and self.sends[n] > 1):  # by an earlier send that it heard nothing of
                self.accepted.add(n)
                self.left.remove(n)
            elif rcpt // 100 == 5 or end // 100 == 5 and rcpt == 250:
                self.wrong.append((n, mail, rcpt, end))
            # else: again


@unittest.skipUnless((BUILD / "smtpgw").exists(), "smtpgw is not built")
class Incident2012(unittest.TestCase):
    def setUp(self):
        sink = Sink()
        self.addCleanup(sink.close)
        self.hato = Hato({
            "route dead.domains": "dead.example", "route dead.host": "127.0.0.1:%d" % sink.port, "smtpgw.queue_retry": "1",
            "smtpgw.relay_down_seconds": "1", "smtpgw.submissions_per_hour": "0", "smtpgw.relay_per_destination": "100",
            "smtpgw.relay_first": "20", "smtpgw.relay_mails_per_connection": "10000"})
        self.addCleanup(self.hato.close)
        phones = Phones(self.hato)
        self.phones = [phones.next() for _ in range(PHONES)]

    def count(self, file, sql):
        with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % (self.hato.dir / "state" / "db" / file), uri=True)) as db:
            return db.execute(sql).fetchone()[0] or 0

    def arrived(self):
        return self.count("mail.db", "SELECT sum(messages) FROM mailbox")

    def kill_at(self, progress):
        """Each death at another moment of the whole: when so many bounces have arrived."""
        for i in range(KILLS):
            eventually("%d bounces" % (MAILS * i // KILLS), lambda: progress() >= MAILS * i // KILLS, LONG)
            daemon = ("smtpgw", "pushsrv")[i % 2]
            died = self.hato.kill(daemon)
            self.hato.wait_restarted(daemon, died)

    def bounces(self, phone):
        """(number of the mail, Message-ID) of each that the phone has."""
        with phone.login() as pop:
            count, _ = pop.stat()
            for first in range(1, count + 1, 200):
                numbers = range(first, min(first + 200, count + 1))
                pop.send(b"".join(b"RETR %d\r\n" % n for n in numbers))
                for _ in numbers:
                    assert pop.line().startswith("+OK")
                    text = b"\n".join(pop.lines())
                    number = re.search(rb"\nFinal-Recipient: rfc822; d(\d+)@dead\.example\nAction: failed\nStatus: 5\.1\.1\n", text)
                    yield int(number.group(1)), re.search(rb"\nMessage-ID: (\S+)\n", text).group(1)

    def test_no_bounce_is_lost(self):
        began = time.monotonic()
        port = self.hato.port("smtpgw.submission_port")
        senders = [Sender(p, port, range(i, MAILS, PHONES)) for i, p in enumerate(self.phones)]
        for s in senders:
            s.start()
        self.kill_at(self.arrived)
        for s in senders:
            s.join()
            self.assertEqual((s.wrong, len(s.left)), ([], 0))
        sent = time.monotonic() - began
        eventually("the queue is empty", lambda: self.count("queue.db", "SELECT mails FROM total") == 0, LONG)
        settled = time.monotonic() - began
        ids, again = set(), 0
        for s in senders:
            told = collections.Counter()
            for number, message_id in self.bounces(s.phone):
                self.assertFalse(message_id in ids, message_id)
                ids.add(message_id)
                told[number] += 1
            self.assertEqual(set(told), s.accepted)  # his own, and all of them
            self.assertEqual([(n, told[n], s.sends[n]) for n in told if told[n] > s.sends[n]], [])
            again += sum(told.values()) - len(told)
        self.assertEqual(sum(len(s.accepted) for s in senders), MAILS)
        print("\n%d mails to dead addresses, %d deaths of smtpgw and pushsrv: %d bounces, none lost, none twice (%d mails were sent"
              " anew by phones that had heard nothing); sent after %.1f s, all told after %.1f s, read after %.1f s"
              % (MAILS, KILLS, len(ids), again, sent, settled, time.monotonic() - began))


if __name__ == "__main__":
    unittest.main()

"""kill -9 where a mail, or a notice of it, is at two places at once: it has arrived, and the queue does not know yet. The
queue's file is held up (crash.writing), so the moment is the same each time."""
import contextlib
import os
import re
import signal
import sqlite3
import unittest

from crash.writing import held_up
from harness.mail import message
from harness.phones import Phones
from harness.queue import Queue
from harness.smtp_host import Host
from harness.submission import Submission
from harness.system import BUILD, Hato, eventually, suspend

AWAY = "friend@away.example"


@unittest.skipUnless((BUILD / "smtpgw").exists(), "smtpgw is not built")
class RelayMomentTest(unittest.TestCase):
    def setUp(self):
        """A system each: one whose daemons die again and again revives them ever more slowly."""
        self.host = self.keep(Host())
        self.host.order = "no-utf8"  # nor DSN: who hands on to it tells of it
        self.hato = self.keep(Hato({
            "smtpgw.queue_retry": "1", "smtpgw.queue_warn_seconds": "1", "smtpgw.relay_down_seconds": "1",
            "route away.domains": "away.example", "route away.host": "127.0.0.1:%d" % self.host.port}))
        self.queue = self.keep(Queue(self.hato))
        self.phones = Phones(self.hato)

    def keep(self, thing):
        self.addCleanup(thing.close)
        return thing

    # ---- steps ----

    def send(self, phone, to, rcpt=""):
        with Submission(self.hato.port("smtpgw.submission_port"), phone.ip) as s:
            self.assertEqual(s.auth("PLAIN", phone.msisdn, phone.token)[0], 235)
            s.ok("MAIL FROM:<%s>" % phone.address)
            s.ok("RCPT TO:<%s>%s" % (to, rcpt))
            self.assertEqual(s.data(message("hello", sender=phone.address, to=to))[0][0], 250)

    def stored(self):
        """Mails that are in mailboxes."""
        with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % (self.hato.dir / "state/db/mail.db"), uri=True)) as db:
            return db.execute("SELECT sum(messages) FROM mailbox").fetchone()[0] or 0

    @contextlib.contextmanager
    def standing(self, daemon):
        """It does not move while this is held."""
        pid = self.hato.pid(daemon)
        suspend(pid)
        try:
            yield pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def kill_all(self, daemons):
        died = [(d, self.hato.kill(d)) for d in daemons]
        return lambda: [self.hato.wait_restarted(d, pid) for d, pid in died]

    def deliver_and_die(self, begin, *victims):
        """What `begin` puts into the queue for a phone is in its mailbox; then they die, before the queue's file says so."""
        there = self.stored()
        with contextlib.ExitStack() as stack:
            with self.standing("pushsrv"):
                begin()
                stack.enter_context(held_up(self.hato, "queue.db"))
            eventually("pushsrv has it", lambda: self.stored() > there)
            wait = self.kill_all(victims)
        wait()

    def fetch_one(self, phone):
        mails = phone.fetch()
        self.assertEqual(len(mails), 1, mails)
        return mails[0]

    def copies(self):
        """How often the mail came to the other host; each time the same one."""
        ids = [re.search(rb"\r\nMessage-ID: (\S+)\r\n", body, re.I).group(1) for body in self.host.bodies()]
        self.assertEqual(len(set(ids)), 1, ids)
        return len(ids)

    # ---- our own domain: once ----

    def test_a_delivered_mail_is_not_delivered_again(self):
        for victims in (["smtpgw"], ["pushsrv"], ["smtpgw", "pushsrv"]):
            with self.subTest(victims=victims):
                phone, to = self.phones.next(), self.phones.next()
                self.deliver_and_die(lambda: self.send(phone, to.address), *victims)
                self.queue.wait_empty()
                self.assertIn(b"Subject: hello\r\n", self.fetch_one(to))

    def test_pushsrv_dies_before_its_word_is_heard(self):
        """smtpgw has given all it had and hears nothing: pushsrv has committed, and dies."""
        phone, to = self.phones.next(), self.phones.next()
        there = self.stored()
        with contextlib.ExitStack() as stack:
            with held_up(self.hato, "mail.db"):
                self.send(phone, to.address)
                eventually("pushsrv is at the commit", lambda: self.is_awaited("mail.db"))
                stack.enter_context(self.standing("smtpgw"))
            eventually("pushsrv has it", lambda: self.stored() > there)
            wait = self.kill_all(["pushsrv"])
        wait()
        self.queue.wait_empty()
        self.fetch_one(to)

    def is_awaited(self, file):
        """Somebody stands in line for the file's ticket (the kernel's list has him behind the holder, with an arrow)."""
        inode = str(os.stat(self.hato.dir / "state" / "db" / (file + "-ticket")).st_ino)
        with open("/proc/locks") as locks:
            return any("->" in line and line.split()[6].rsplit(":", 1)[1] == inode for line in locks)

    def test_a_bounce_comes_once(self):
        phone = self.phones.next()
        self.host.answers["dead@away.example"] = "550 5.1.1 nobody"
        self.deliver_and_die(lambda: self.refused(phone), "smtpgw", "pushsrv")
        self.queue.wait_empty()
        self.assertIn(b"\r\nAction: failed\r\n", self.fetch_one(phone))

    def refused(self, phone):
        self.send(phone, "dead@away.example")
        self.wait_notice(phone)

    # ---- elsewhere: at most once more for each death ----

    def hand_over_and_die(self):
        """The other host has the mail, and smtpgw dies before the queue's file says so."""
        had = len(self.host.mails)
        eventually("the content is out", lambda: "DATA" in self.host.commands)
        with held_up(self.hato, "queue.db"):
            self.host.gate.set()
            self.host.wait_mails(had + 1)
            self.host.gate.clear()
            self.host.commands.clear()
            wait = self.kill_all(["smtpgw"])
        wait()

    def test_a_mail_that_was_handed_over(self):
        phone = self.phones.next()
        self.host.gate.clear()
        self.send(phone, AWAY)
        for _ in range(2):
            self.hand_over_and_die()
        self.host.gate.set()
        self.queue.wait_empty()
        self.assertLessEqual(self.copies(), 3)  # two deaths
        self.assertEqual(phone.fetch(), [])

    def test_the_notice_that_it_was_handed_over(self):
        """It is written with the outcome or not at all; then it is a mail like any other to one of ours."""
        phone = self.phones.next()
        self.host.gate.clear()
        self.send(phone, AWAY, " NOTIFY=SUCCESS")
        self.hand_over_and_die()
        self.assertEqual([w.address for w in self.queue.show()], [AWAY])
        self.deliver_and_die(lambda: self.handed_over(phone), "smtpgw")
        self.queue.wait_empty()
        self.assertLessEqual(self.copies(), 2)
        self.assertIn(b"\r\nAction: relayed\r\n", self.fetch_one(phone))

    def handed_over(self, phone):
        self.host.gate.set()
        self.wait_notice(phone)

    def wait_notice(self, phone):
        eventually("the notice is queued", lambda: phone.address in [w.address for w in self.queue.show()])

    # ---- late ----

    def test_the_notice_that_a_mail_is_late(self):
        """Told once, whoever dies: before it is written, and when it has arrived."""
        phone, late = self.phones.next(), "late@away.example"
        self.host.answers[late] = "450 4.2.0 come again"
        self.send(phone, late)
        self.queue.wait_tried(late)
        self.deliver_and_die(lambda: self.late_and_die(phone, late), "smtpgw")
        attempts = self.queue.wait_tried(late).attempts
        self.queue.wait_tried(late, attempts + 1)  # and no word of it
        self.host.answers.clear()
        self.queue.wait_empty()
        self.assertEqual(self.copies(), 1)
        self.assertIn(b"\r\nAction: delayed\r\n", self.fetch_one(phone))

    def late_and_die(self, phone, late):
        with held_up(self.hato, "queue.db"):
            self.host.commands.clear()
            eventually("it is tried again", lambda: [c for c in self.host.commands if late in c])
            self.hato.kill("smtpgw")
        self.wait_notice(phone)


if __name__ == "__main__":
    unittest.main()

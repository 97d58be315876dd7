"""POP3 sessions: the dialogue of RFC 1939, what is kept and what is deleted, the lock on the maildrop, and hostile clients."""
import os
import signal
import time
import unittest

from harness.mail import Lmtp, content_of, message
from harness.phones import Phones
from harness.pop import Pop
from harness.system import Hato, eventually

DOTS = b"Subject: dots\r\nX-Field: a\r\n folded\r\n\r\n.\r\n..\r\n.one\r\nend\r\n"


class PopTest(unittest.TestCase):
    sets = {}

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato(cls.sets)
        cls.phones = Phones(cls.hato)

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def ok(self, answer):
        self.assertRegex(answer, r"\A\+OK( |\Z)")

    def err(self, answer):
        self.assertRegex(answer, r"\A-ERR ")


class Dialogue(PopTest):
    sets = {"popgw.max_errors": 1000}

    def test_commands_of_rfc_1939_in_order(self):
        phone = self.phones.next()
        sent = [phone.receive(message("mail %d" % n, "text %d\r\n" % n)) for n in range(3)] + [phone.receive(DOTS)]
        with phone.login() as pop:
            sizes = [len(pop.retr(n + 1)) for n in range(4)]
            self.assertEqual((4, sum(sizes)), pop.stat())
            self.assertEqual(["%d %d" % (n + 1, size) for n, size in enumerate(sizes)],
                             [line.decode() for line in pop.ask("LIST")])
            self.assertEqual("+OK 2 %d" % sizes[1], pop.say("LIST 2"))
            uids = pop.uids()
            self.assertEqual(4, len(set(uids)))
            for uid in uids:
                self.assertRegex(uid, r"\A[\x21-\x7e]{1,70}\Z")
            self.assertEqual("+OK 3 " + uids[2], pop.say("UIDL 3"))
            for n, content in enumerate(sent):
                stored = pop.retr(n + 1)
                self.assertEqual(content, content_of(stored))
                self.assertTrue(stored.startswith(b"Return-Path: <someone@elsewhere.example>\r\nReceived: "), stored)
            self.ok(pop.say("DELE 2"))
            for command in ("RETR 2", "TOP 2 0", "LIST 2", "UIDL 2", "DELE 2", "RETR 5", "RETR 0", "RETR -1", "RETR 99999999999",
                            "RETR", "RETR x", "RETR 1 1", "TOP 1", "TOP 1 x", "DELE", "LIST x", "STAT 1", "APOP a b", "NONSENSE"):
                with self.subTest(command):
                    self.err(pop.say(command))
            self.assertEqual((3, sum(sizes) - sizes[1]), pop.stat())
            self.ok(pop.say("RSET"))
            self.assertEqual((4, sum(sizes)), pop.stat())
            self.ok(pop.say("NOOP"))
            self.ok(pop.say("quit"))
            self.assertTrue(pop.is_cut())

    def test_top_is_head_and_as_many_lines(self):
        phone = self.phones.next()
        phone.receive(DOTS)
        with phone.login() as pop:
            whole = pop.retr(1)
            head, _, body = whole.partition(b"\r\n\r\n")
            lines = body.split(b"\r\n")[:-1]
            for count in (0, 1, 2, 3, 4, 5, 4294967295):
                got = b"".join(line + b"\r\n" for line in pop.ask("TOP 1 %d" % count))
                self.assertEqual(head + b"\r\n\r\n" + b"".join(line + b"\r\n" for line in lines[:count]), got)

    def test_capa_in_each_state(self):
        phone = self.phones.next()
        fixed = {"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "UTF8"}
        with phone.connect() as pop:
            before = set(pop.capabilities())
            self.assertTrue(fixed | {"STLS", "USER", "SASL PLAIN LOGIN OAUTHBEARER XOAUTH2"} <= before, before)
            self.assertTrue([line for line in before if line.startswith("IMPLEMENTATION ")])
            self.assertEqual(["PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"], [m.decode() for m in pop.ask("AUTH")])
            pop.login(phone.msisdn, phone.token)
            self.assertTrue(fixed <= set(pop.capabilities()))
            self.assertNotIn("STLS", pop.capabilities())
        with phone.connect(tls=True) as pop:
            self.assertNotIn("STLS", pop.capabilities())

    def test_nothing_of_a_mailbox_before_the_login(self):
        phone = self.phones.next()
        phone.receive()
        for command in ("STAT", "LIST", "UIDL", "RETR 1", "TOP 1 0", "DELE 1", "RSET", "NOOP"):
            with phone.connect() as pop:
                self.err(pop.say(command))
        with phone.connect() as pop:
            self.err(pop.say("PASS " + phone.token))
            self.ok(pop.say("QUIT"))
        with phone.login() as pop:
            self.err(pop.say("USER x"))
            self.err(pop.say("AUTH PLAIN"))

    def test_a_cancelled_exchange_and_odd_answers(self):
        phone = self.phones.next()
        for said in ("*", "not base64!", "AAAA", "", "=", "AQ==", "x" * 8000):
            with self.subTest(said), phone.connect() as pop:
                self.assertEqual("+ ", pop.say("AUTH PLAIN"))
                answer = pop.say(said)
                self.err(pop.say("AQ==") if answer.startswith("+ ") else answer)
                self.ok(pop.user_pass(phone.msisdn, phone.token))

    def test_pipelining(self):
        phone = self.phones.next()
        for _ in range(20):
            phone.receive()
        with phone.connect() as pop:
            commands = ["USER " + phone.msisdn, "PASS " + phone.token] + ["DELE %d" % n for n in range(1, 20)] + ["STAT", "NOOP",
                                                                                                              "QUIT"]
            pop.send("".join(c + "\r\n" for c in commands).encode())
            answers = [pop.line() for _ in commands]
            for answer in answers:
                self.ok(answer)
            self.assertRegex(answers[-3], r"\A\+OK 1 ")
            self.assertTrue(pop.is_cut())
        with phone.login() as pop:
            self.assertEqual(1, pop.stat()[0])

    def test_octet_by_octet(self):
        phone = self.phones.next()
        with phone.connect() as pop:
            for octet in ("USER %s\r\nPASS %s\r\nSTAT\r\n" % (phone.msisdn, phone.token)).encode():
                pop.send(bytes([octet]))
            self.assertEqual("+OK 0 0", [pop.line() for _ in range(3)][2])


class Kept(PopTest):
    """What is deleted, when, and what stays."""
    sets = {"pushsrv.quota_bytes": 100000}

    def test_deletion_at_quit_only(self):
        phone = self.phones.next()
        first, second = phone.receive(message("one")), phone.receive(message("two"))
        pop = phone.login()
        self.ok(pop.say("DELE 1"))
        pop.close()  # without QUIT
        pop = eventually("the maildrop is free", lambda: self.try_open(phone))
        self.assertEqual(2, pop.stat()[0])
        self.ok(pop.say("DELE 1"))
        self.ok(pop.say("QUIT"))
        self.assertEqual([second], phone.fetch())
        self.assertEqual([], phone.fetch())

    @staticmethod
    def try_open(phone):
        pop = phone.connect()
        if pop.user_pass(phone.msisdn, phone.token).startswith("+OK"):
            return pop
        pop.close()
        return None

    def test_uids_are_stable_and_never_used_again(self):
        phone = self.phones.next()
        for n in range(3):
            phone.receive(message("mail %d" % n))
        with phone.login() as pop:
            before = pop.uids()
            self.ok(pop.say("DELE 3"))
            self.ok(pop.say("QUIT"))
        phone.receive(message("after"))
        self.hato.stop()
        self.hato.start()
        phone.ask_token()
        with phone.login() as pop:
            after = pop.uids()
            self.ok(pop.say("QUIT"))
        self.assertEqual(before[:2], after[:2])
        self.assertNotIn(after[2], before)
        self.assertEqual(3, len(phone.fetch()))
        phone.receive()
        with phone.login() as pop:
            self.assertNotIn(pop.uids()[0], before + after)

    def test_mail_that_comes_during_a_session_is_in_the_next_one(self):
        phone = self.phones.next()
        first = phone.receive(message("one"))
        with phone.login() as pop:
            self.assertEqual(1, pop.stat()[0])
            second = phone.receive(message("two"))
            self.assertEqual(1, pop.stat()[0])
            self.ok(pop.say("DELE 1"))
            self.ok(pop.say("QUIT"))
        self.assertEqual([second], phone.fetch())
        self.assertNotEqual(first, second)

    def test_a_token_survives_restarts_and_kill_9(self):
        phone = self.phones.next()
        content = phone.receive()
        for daemon in ("popgw", "authsrv", "pushsrv"):
            pid = self.hato.kill(daemon)
            self.hato.wait_restarted(daemon, pid)
            with eventually("login", lambda: self.try_open(phone)) as pop:
                self.assertEqual(content, content_of(pop.retr(1)))
                self.ok(pop.say("QUIT"))

    def test_a_full_mailbox_refuses_until_something_is_deleted(self):
        phone = self.phones.next()
        big = message("big", "x" * 70 + "\r\n") + (b"y" * 70 + b"\r\n") * 600
        phone.receive(big)
        phone.receive(big)
        with Lmtp(self.hato.port("pushsrv.lmtp_port")) as lmtp:
            self.assertEqual(452, lmtp.deliver(phone.address, big)[0])
            self.assertRegex(lmtp.deliver(phone.address, big)[1], r"\A4\.2\.2 ")
            refused = lmtp.envelope("a@b.example", [phone.address], "SIZE=90000")
            self.assertEqual(452, refused[0][0], "known at RCPT already")
        self.assertEqual([big, big], phone.fetch())
        phone.receive(big)


class Lock(PopTest):

    def test_one_session_at_a_time(self):
        phone = self.phones.next()
        with phone.login() as pop:
            self.assertRegex(phone.try_login(), r"\A-ERR \[IN-USE\]")
            self.assertRegex(phone.try_login(), r"\A-ERR \[IN-USE\]")
            with phone.connect() as second:
                self.assertRegex(second.auth("PLAIN", phone.msisdn, phone.token), r"\A-ERR \[IN-USE\]")
                self.ok(pop.say("STAT"))
                self.ok(pop.say("QUIT"))
                self.ok(second.user_pass(phone.msisdn, phone.token))

    def test_a_phone_that_changed_address_is_never_in_use_to_itself(self):
        phone = self.phones.next()
        content = phone.receive()
        old = phone.login()
        self.ok(old.say("DELE 1"))
        phone.attach(self.phones.address())
        with phone.login() as new:
            self.assertTrue(old.is_cut(), "the loser ends without a word")
            self.assertEqual(1, new.stat()[0], "and without deleting")
            self.assertEqual(content, content_of(new.retr(1)))
            self.ok(new.say("QUIT"))

    def test_a_new_generation_at_the_same_address_takes_over(self):
        phone = self.phones.next()
        phone.receive()
        old = phone.login()
        phone.attach(phone.ip)
        with phone.login() as new:
            self.assertEqual(1, new.stat()[0])
        self.assertTrue(old.is_cut())

    def test_a_killed_popgw_leaves_no_lock(self):
        phone = self.phones.next()
        phone.receive()
        pop = phone.login()
        pid = self.hato.kill("popgw")
        self.assertTrue(pop.is_cut())
        self.hato.wait_restarted("popgw", pid)
        self.ok(phone.try_login())


class Hostile(PopTest):
    sets = {"popgw.max_errors": 5, "popgw.login_seconds": 2, "popgw.max_connections_per_address": 8}

    def test_too_many_wrong_commands(self):
        phone = self.phones.next()
        with phone.connect() as pop:
            answers = [pop.say("WHAT") for _ in range(5)]
            self.err(answers[0])
            self.assertIn("too many", answers[-1])
            self.assertTrue(pop.is_cut())

    def test_too_many_wrong_logins(self):
        phone = self.phones.next()
        with phone.connect() as pop:
            for _ in range(4):
                self.err(pop.user_pass(phone.msisdn, "A" * 40))
            self.err(pop.user_pass(phone.msisdn, "A" * 40))
            self.assertTrue(pop.is_cut())
        self.ok(phone.try_login())

    def test_a_line_of_a_megabyte(self):
        phone = self.phones.next()
        with phone.connect() as pop:
            pop.send(b"USER " + b"x" * (1 << 20) + b"\r\n")
            self.err(pop.line())
            self.ok(pop.user_pass(phone.msisdn, phone.token))
            pop.send(b"y" * (1 << 20))
            pop.send(b"\r\n")
            self.err(pop.line())
            self.ok(pop.say("STAT"))
        pop = phone.connect()
        pop.send(b"z" * (1 << 20))  # and no end
        pop.close()
        self.ok(eventually("it still serves", lambda: (lambda a: a.startswith("+OK") and a)(phone.try_login())))

    def test_nul_and_other_octets(self):
        phone = self.phones.next()
        for octets in (b"\0", b"USER \0", b"USER a\0b", b"\xff\xfe", b"USER " + b"\x80" * 100, b"STAT\0", b"\r", b" STAT", b"",
                       b"USER " + phone.msisdn.encode() + b"\0"):
            with self.subTest(octets), phone.connect() as pop:
                answer = pop.say(octets)
                if answer.startswith("+OK"):
                    self.err(pop.say("PASS " + phone.token))
        with phone.connect() as pop:
            self.err(pop.user_pass(phone.msisdn, phone.token + "\0"))
            self.ok(pop.user_pass(phone.msisdn, phone.token))

    def test_who_does_not_log_in_is_let_go(self):
        phone = self.phones.next()
        began = time.monotonic()
        with phone.connect() as pop:
            self.assertRegex(pop.line(), r"\A-ERR \[SYS/TEMP\]")
            self.assertTrue(pop.is_cut())
        self.assertLess(time.monotonic() - began, 10)

    def test_too_many_connections_from_one_address(self):
        phone, other = self.phones.next(), self.phones.next()
        held = [phone.connect() for _ in range(8)]
        with phone.connect() as pop:
            self.assertRegex(pop.greeting, r"\A-ERR \[SYS/TEMP\]")
            self.assertTrue(pop.is_cut())
        self.ok(other.try_login())
        for pop in held:
            pop.close()
        self.ok(eventually("room again", lambda: (lambda a: a.startswith("+OK") and a)(phone.try_login())))

    def test_a_reader_that_reads_nothing_holds_up_nobody(self):
        phone, other = self.phones.next(), self.phones.next()
        big = message("big") + (b"y" * 998 + b"\r\n") * 5000
        phone.receive(big)
        with phone.login() as slow:
            slow.send(b"RETR 1\r\n" * 20)
            began = time.monotonic()
            self.ok(other.try_login())
            self.assertLess(time.monotonic() - began, 5)
            self.ok(slow.line())
            self.assertEqual(big, content_of(b"".join(line + b"\r\n" for line in slow.lines())))

    def test_the_answer_ends_when_the_address_moves_in_the_middle_of_it(self):
        phone, next_holder = self.phones.next(), self.phones.next(attach=False)
        big = message("big") + (b"y" * 998 + b"\r\n") * 20000
        phone.receive(big)
        pop = phone.login()
        pop.send(b"RETR 1\r\n")
        self.ok(pop.line())
        next_holder.lease(phone.ip)
        eventually("popgw cut it", lambda: [e for e in self.hato.events("session-end")
                                            if e["account"] == phone.msisdn and e["reason"] == "moved"])
        try:
            got = pop.file.read()
        except ConnectionError:
            got = b""
        self.assertLess(len(got), len(big), "what was still to come did not come")


class StopsWell(unittest.TestCase):

    def test_sigterm_in_the_middle_of_sessions(self):
        hato = Hato()
        try:
            phone = Phones(hato).next()
            content = phone.receive()
            pop = phone.login()
            pop.say("DELE 1")
            began = time.monotonic()
            os.kill(hato.process.pid, signal.SIGTERM)
            self.assertEqual(0, hato.process.wait(30))
            self.assertLess(time.monotonic() - began, 5)
            self.assertTrue(pop.is_cut())
            hato.process.stdout.close()
            hato.process = None
            hato.start()
            self.assertEqual([content], phone.fetch())
        finally:
            hato.close()


if __name__ == "__main__":
    unittest.main()

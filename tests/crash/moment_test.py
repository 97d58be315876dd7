"""kill -9 at the worst moments that can be named: just after a promise, and while one is being made."""
import json
import os
import poplib
import signal
import socket
import time
import unittest

from crash import store
from crash.clients import Api, Gone, MailClient, Pop3, now_text
from crash.ledger import Ledger
from crash.load import Load
from crash.victim import Victim, is_dead
from harness.system import eventually, suspend

ROUNDS = 10 if os.environ.get("HATO_SOAK") == "1" else 4
LARGE = 3 << 20  # more than one piece, more than any socket buffer


class Moments:
    """Spreads the kills over the time that the thing takes when nobody kills: from its very beginning to well after."""

    def __init__(self, took_s):
        self.took_s = took_s

    def wait(self, i):
        """Spins, for a timer would be too coarse: the moment is what the test is about."""
        until = time.perf_counter() + 2 * self.took_s * i / (ROUNDS - 1)
        while time.perf_counter() < until:
            pass


def timed(what):
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


class MomentTest(unittest.TestCase):
    def setUp(self):
        # A lost trigger stays lost: no repeats, no waiting for company.
        self.system = Victim({"pushsrv.retry": "86400", "pushsrv.coalesce": "0"})
        self.addCleanup(self.system.close)
        self.ledger = Ledger()
        self.load = Load(self.system, self.ledger, phones=1, senders=0, feeders=0)
        self.addCleanup(self.load.abort)
        self.phone = self.load.phones[0]
        self.phone.move()
        self.addCleanup(self.phone.udp.close)
        self.number = 0

    def tearDown(self):
        self.assertEqual(self.ledger.mail_faults(), [])
        if self.system.process:
            self.system.stop()
        self.assertEqual(store.faults(self.system), [])

    # ---- steps ----

    def new_mail(self, size=100):
        """(Message-ID, text), promised in the ledger."""
        self.number += 1
        message_id = "<moment-%d@elsewhere.example>" % self.number
        body = ("x" * 76 + "\r\n") * (1 + size // 78)
        text = ("From: <a@elsewhere.example>\r\nMessage-ID: %s\r\n\r\n%s" % (message_id, body)).encode()
        self.ledger.promise(message_id, [1], text)
        return message_id, text

    def connect(self, daemon):
        port = self.system.port("pushsrv.lmtp_port" if daemon == "pushsrv" else "smtpgw.mx_port")

        def ask():
            try:
                return MailClient(port, daemon == "pushsrv")
            except (OSError, Gone):
                return None
        return eventually("%s takes connections" % daemon, ask)

    def send(self, client, message_id, text, on_dot=None):
        [(code, why)] = client.send("a@elsewhere.example", [self.phone.subscriber.address], text, on_dot)
        if code == 250:
            self.ledger.accepted(message_id, 1)
        return code, why

    def send_whole(self, daemon, message_id, text):
        """As often as it takes."""
        def ask():
            client = self.connect(daemon)
            try:
                return self.send(client, message_id, text)[0] == 250
            except (OSError, Gone):
                self.ledger.unsure(message_id, [1])
                return False
            finally:
                client.close()
        eventually("%s takes the mail" % daemon, ask)

    def await_trigger(self):
        eventually("a trigger comes", self.phone.take_triggers)
        self.assertEqual(self.ledger.wrong, [])

    def fetch(self):
        """By the next session that ends well."""
        self.phone.fetch()
        self.assertEqual(self.ledger.missing(), [])

    def api(self):
        api = Api(self.system.port("authsrv.network_port"))
        self.addCleanup(api.close)
        return api

    def binding(self, ip):
        self.system.ready_pid("authsrv")
        return self.api().ask("GET", "/v1/bindings/" + ip, key=self.system.feeder_key())

    # ---- mail ----

    def dies_after_250(self, front, victim):
        if not self.system.has(front):
            self.skipTest("there is no %s" % front)
        for _ in range(ROUNDS):
            self.system.ready_pid(front)
            pid = self.system.ready_pid(victim)
            message_id, text = self.new_mail()
            client = self.connect(front)
            self.assertEqual(self.send(client, message_id, text)[0], 250)
            self.system.kill_pid(pid)
            client.close()
            self.await_trigger()
            self.fetch()

    def test_pushsrv_after_250(self):
        self.dies_after_250("pushsrv", "pushsrv")

    def test_pushsrv_after_the_front_said_250(self):
        self.dies_after_250("smtpgw", "pushsrv")

    def test_smtpgw_after_250(self):
        self.dies_after_250("smtpgw", "smtpgw")

    def dies_at_the_dot(self, front, victim):
        """The sender does not know, so it sends again: once or twice is right, never is not."""
        if not self.system.has(front):
            self.skipTest("there is no %s" % front)
        moments = self.time_dot(front)
        first = []
        for i in range(ROUNDS):
            self.system.ready_pid(front)
            pid = self.system.ready_pid(victim)
            message_id, text = self.new_mail()
            client = self.connect(front)

            def kill():
                moments.wait(i)
                self.system.kill_pid(pid)
            try:
                code, why = self.send(client, message_id, text, kill)
                self.assertIn(code, (250, 421, 450, 451), why)
            except (OSError, Gone):
                code = 0
            client.close()
            first.append(code)
            if code != 250:
                self.ledger.unsure(message_id, [1])
                self.send_whole(front, message_id, text)
            self.await_trigger()
            self.fetch()
            eventually("all copies were fetched", lambda: not store.pending(self.system) or self.phone.fetch())
        print(first, end=" ")

    def time_dot(self, front):
        message_id, text = self.new_mail()
        client = self.connect(front)
        dot = []
        self.assertEqual(self.send(client, message_id, text, lambda: dot.append(time.perf_counter()))[0], 250)
        took_s = time.perf_counter() - dot[0]
        client.close()
        self.await_trigger()
        self.fetch()
        return Moments(took_s)

    def test_pushsrv_at_the_dot(self):
        self.dies_at_the_dot("pushsrv", "pushsrv")

    def test_pushsrv_at_the_dot_of_the_front(self):
        self.dies_at_the_dot("smtpgw", "pushsrv")

    def test_smtpgw_at_the_dot(self):
        self.dies_at_the_dot("smtpgw", "smtpgw")

    def test_pushsrv_in_a_large_body(self):
        """Half a message is no message: nothing is seen of it, and the whole one goes through afterwards."""
        for _ in range(2):
            pid = self.system.ready_pid("pushsrv")
            message_id, text = self.new_mail(LARGE)
            client = self.connect("pushsrv")
            for line in ("MAIL FROM:<a@elsewhere.example>", "RCPT TO:<%s>" % self.phone.subscriber.address):
                client.say(line)
                client.expect(250)
            client.say("DATA")
            client.expect(354)
            client.socket.sendall(text[:2 * LARGE // 3])
            self.system.kill_pid(pid)
            client.close()
            self.system.ready_pid("pushsrv")
            self.assertEqual(store.pending(self.system), 0)
            self.send_whole("pushsrv", message_id, text)
            self.await_trigger()
            self.fetch()

    # ---- POP3 ----

    def fill(self, n):
        for _ in range(n):
            message_id, text = self.new_mail()
            self.send_whole("pushsrv", message_id, text)
        self.await_trigger()

    def login(self):
        pop = Pop3("127.0.0.1", self.system.port("popgw.pop3_port"), self.phone.ip)
        pop.user(self.phone.subscriber.msisdn)
        pop.pass_(self.phone.answer["token"])
        return pop, [line.decode().split() for line in pop.uidl()[1]]

    def marked(self, n):
        """(session with n messages read and marked, their uids)"""
        self.fill(n)
        pop, listing = self.login()
        self.assertEqual(len(listing), n)
        for number, uid in listing:
            self.phone.read(pop, int(number), uid)
            pop.dele(int(number))
        return pop, [uid for _, uid in listing]

    def left(self):
        self.system.ready_pid("popgw")
        pop, listing = self.login()
        pop.close()
        return {uid for _, uid in listing}

    def test_popgw_after_the_ok_to_quit(self):
        for _ in range(ROUNDS):
            pid = self.system.ready_pid("popgw")
            pop, uids = self.marked(3)
            pop._shortcmd("QUIT")
            self.system.kill_pid(pid)
            pop.close()
            self.ledger.quit_acknowledged(1, uids)
            self.assertEqual(self.left(), set())

    def test_popgw_at_quit(self):
        """All of it was done, or nothing; and what was told is true."""
        outcomes = []
        pop, uids = self.marked(3)
        moments = Moments(timed(lambda: pop._shortcmd("QUIT")))
        self.ledger.quit_acknowledged(1, uids)
        for i in range(ROUNDS):
            pid = self.system.ready_pid("popgw")
            pop, uids = self.marked(3)
            pop.sock.sendall(b"QUIT\r\n")
            moments.wait(i)
            self.system.kill_pid(pid)
            try:
                answer = pop.file.readline()
            except OSError:
                answer = b""
            pop.close()
            there = self.left()
            self.assertIn(there, (set(), set(uids)), "half a QUIT")
            outcomes.append((answer[:3], len(there)))
            if answer.startswith(b"+OK"):
                self.assertEqual(there, set(), "+OK, and the mail is there")
                self.ledger.quit_acknowledged(1, uids)
            else:
                self.ledger.quit_unsure(1, uids)
                self.fetch()
            self.assertEqual(self.left(), set())
        print(outcomes, end=" ")

    def test_popgw_before_quit(self):
        """Marks alone delete nothing."""
        pid = self.system.ready_pid("popgw")
        pop, uids = self.marked(3)
        self.system.kill_pid(pid)
        pop.close()
        self.assertEqual(self.left(), set(uids))
        self.fetch()

    # ---- leases and tokens ----

    def event(self, ip, session):
        return {"event": "start", "ip": ip, "msisdn": self.phone.subscriber.msisdn, "session_id": session,
                "nas_id": "elsewhere", "time": now_text()}

    def binding_by(self, ip):
        self.api().ask("POST", "/v1/lease-events", self.event(ip, "timed"), self.system.feeder_key())

    def test_authsrv_after_200(self):
        for i in range(ROUNDS):
            pid = self.system.ready_pid("authsrv")
            event = self.event("10.9.0.%d" % (i + 1), "after-%d" % i)
            status, answer = self.api().ask("POST", "/v1/lease-events", event, self.system.feeder_key())
            self.system.kill_pid(pid)
            self.assertEqual((status, answer["results"][0]["result"]), (200, "applied"))
            status, b = self.binding(event["ip"])
            self.assertEqual((status, b.get("session_id")), (200, event["session_id"]))

    def test_authsrv_at_the_post(self):
        """Done or not, and the second time tells which; applied once either way."""
        first = []
        moments = Moments(timed(lambda: self.binding_by("10.9.2.1")))
        for i in range(ROUNDS):
            pid = self.system.ready_pid("authsrv")
            event = self.event("10.9.1.%d" % (i + 1), "at-%d" % i)
            body = json.dumps(event).encode()
            head = ("POST /v1/lease-events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (self.system.feeder_key(), len(body)))
            with socket.create_connection(("127.0.0.1", self.system.port("authsrv.network_port")), 60) as s:
                s.sendall(head.encode() + body)
                moments.wait(i)
                self.system.kill_pid(pid)
                try:
                    answer = s.recv(4096)
                except OSError:
                    answer = b""
            status, b = self.binding(event["ip"])
            first.append((b"applied" in answer, status))
            if b"applied" in answer:
                self.assertEqual(status, 200, "LOST: applied, and not there")
            status, again = self.api().ask("POST", "/v1/lease-events", event, self.system.feeder_key())
            self.assertEqual(again["results"][0]["result"], "duplicate" if first[-1][1] == 200 else "applied")
            status, rows = self.api().ask("GET", "/v1/bindings/%s/history" % event["ip"], key=self.system.feeder_key())
            self.assertEqual([r["session_id"] for r in rows if r["outcome"] == "applied"], [event["session_id"]])
        print(first, end=" ")

    def test_authsrv_is_dead(self):
        """A token that was given works while authsrv does not: mail comes in, triggers go out, mail is fetched."""
        for _ in range(ROUNDS):
            pid = self.system.ready_pid("authsrv")
            self.phone.token()
            suspend(self.system.process.pid)  # so that nobody revives it
            try:
                self.system.kill_pid(pid)
                eventually("authsrv is gone", lambda: is_dead(pid))
                message_id, text = self.new_mail()
                client = MailClient(self.system.port("pushsrv.lmtp_port"), True)
                self.assertEqual(self.send(client, message_id, text)[0], 250)
                client.close()
                self.await_trigger()
                self.fetch()
            finally:
                os.kill(self.system.process.pid, signal.SIGCONT)

    def test_move_while_pushsrv_is_dead(self):
        """Mail waits; the phone moves; the trigger finds it where it is now. Also one that had gone to the old address."""
        for i in range(ROUNDS):
            message_id, text = self.new_mail()
            self.send_whole("pushsrv", message_id, text)
            if i % 2:
                self.await_trigger()
                eventually("the datagram is recorded", lambda: store.attempts(self.system) == 1)
            pid = self.system.ready_pid("pushsrv")
            suspend(self.system.process.pid)
            try:
                self.system.kill_pid(pid)
                eventually("pushsrv is gone", lambda: is_dead(pid))
                self.phone.move()
            finally:
                os.kill(self.system.process.pid, signal.SIGCONT)
            self.await_trigger()
            self.fetch()

    # ---- hato ----

    def test_hato_alone(self):
        """Its daemons end with it, and the next one takes over, even at once."""
        for at_once in (False, True):
            message_id, text = self.new_mail()
            self.send_whole("pushsrv", message_id, text)
            pids = list(self.system.children().values())
            self.system.process.kill()
            self.system.process.wait()
            self.system.process.stdout.close()
            if not at_once:
                eventually("the daemons are gone", lambda: all(is_dead(p) for p in pids))
            self.system.start()
            eventually("the old daemons are gone", lambda: all(is_dead(p) for p in pids))
            self.system.all_ready()
            self.fetch()

"""The load: senders, phones that fetch only when a trigger says so, feeders of lease events. Threads, one for each.

Whoever is refused a connection tries again: hato restarts what died. Each client notes in the ledger what it was promised,
and only then.
"""
import poplib
import random
import re
import socket
import threading

from crash import store
from crash.clients import TIMEOUT_S, Api, Gone, MailClient, Pop3, now_text, trigger_is_good
from crash.ledger import PATIENCE
from harness.system import eventually

RETRY_S = 0.03


# ---- senders ----

class Sender(threading.Thread):
    def __init__(self, load, name, port, lmtp):
        super().__init__(name=name, daemon=True)
        self.load, self.port, self.lmtp = load, port, lmtp
        self.random = random.Random(name)
        self.client = None
        self.sent = 0

    def run(self):
        try:
            while not self.load.senders_stop.is_set():
                self.load.ledger.wait_room(self.load.backlog, self.load.senders_stop)
                self.one_mail()
        except Exception as e:
            self.load.ledger.blame("%s: %r" % (self.name, e))
        finally:
            if self.client:
                self.client.close()

    def text(self, message_id):
        lines = ["From: <%s@elsewhere.example>" % self.name, "Message-ID: %s" % message_id, "Subject: %s" % message_id, ""]
        size = self.random.choice((1, 3, 10, 40, 1000 if self.random.random() < 0.05 else 20))
        lines += ["%s %x" % ("x" * 60, self.random.getrandbits(64)) for _ in range(size)]
        return ("\r\n".join(lines) + "\r\n").encode()

    def one_mail(self):
        self.sent += 1
        message_id = "<%s-%d@elsewhere.example>" % (self.name, self.sent)
        people = self.random.sample(self.load.subscribers, 2 if self.random.random() < 0.2 else 1)
        text = self.text(message_id)
        left = {s.number: s for s in people}
        self.load.ledger.promise(message_id, list(left), text)
        while left and not self.load.aborted.is_set():
            self.attempt(message_id, left, text)
            if left:
                self.load.aborted.wait(RETRY_S)

    def attempt(self, message_id, left, text):
        """Takes those out of `left` who have it now."""
        dotted = []
        people = list(left.values())
        try:
            if not self.client:
                self.client = MailClient(self.port, self.lmtp)
            answers = self.client.send("%s@elsewhere.example" % self.name, [s.address for s in people], text,
                                       lambda: dotted.append(True))
        except socket.timeout:
            raise AssertionError("no answer for %d s" % TIMEOUT_S)
        except (OSError, Gone):
            self.drop()
            if dotted:
                self.load.ledger.unsure(message_id, list(left))
            return
        for s, (code, why) in zip(people, answers):
            if code == 250:
                self.load.ledger.accepted(message_id, s.number)
                del left[s.number]
            elif 400 <= code < 500:
                self.load.ledger.count("told to wait: %s" % why)
                if dotted:
                    self.load.ledger.unsure(message_id, [s.number])
                if code == 421:
                    self.drop()
            else:
                raise AssertionError("%s for %s" % (why, s.address))

    def drop(self):
        if self.client:
            self.client.close()
        self.client = None


# ---- the network ----

class Network:
    """The network's side: lease events, posted until they are acknowledged."""

    def __init__(self, load):
        self.load = load
        self.api = Api(load.system.port("authsrv.network_port"))
        self.key = load.system.feeder_key()

    def post(self, events):
        """All of `events` were acknowledged when it returns; false if the test was given up."""
        again = False
        while not self.load.aborted.is_set():
            try:
                status, answer = self.api.ask("POST", "/v1/lease-events", events, self.key)
            except Gone:
                again = True
                self.load.ledger.count("lease posts without an answer")
                self.load.aborted.wait(RETRY_S)
                continue
            if status == 503:
                self.load.ledger.count("lease posts told to wait")
                again = True
                self.load.aborted.wait(RETRY_S)
                continue
            if status != 200:
                raise AssertionError("lease events: %d %s" % (status, answer))
            # What was applied by a request whose answer was lost is no news the second time.
            fine = ("applied", "duplicate", "stale") if again else ("applied",)
            for event, result in zip(events, answer["results"]):
                if result["result"] not in fine:
                    raise AssertionError("%s: %s" % (event, result))
            self.load.ledger.leased(events)
            return True
        return False


class Feeder(threading.Thread):
    """A NAS of its own, with addresses and subscribers that nobody else moves."""

    def __init__(self, load, index, people, addresses):
        super().__init__(name="nas-%d" % index, daemon=True)
        self.load, self.people, self.addresses = load, people, addresses
        self.random = random.Random(self.name)
        self.sessions = 0
        self.at, self.of = {}, {}  # ip -> (subscriber, session), msisdn -> ip

    def event(self):
        ip = self.random.choice(self.addresses)
        if ip in self.at and self.random.random() < 0.4:
            s, session = self.at.pop(ip)
            del self.of[s.msisdn]
            return {"event": "stop", "ip": ip, "msisdn": s.msisdn, "session_id": session, "nas_id": self.name,
                    "time": now_text()}
        s = self.random.choice(self.people)
        self.sessions += 1
        session = "%s-%d" % (self.name, self.sessions)
        if ip in self.at:
            del self.of[self.at[ip][0].msisdn]
        if s.msisdn in self.of:
            self.at.pop(self.of[s.msisdn], None)
        self.at[ip] = (s, session)
        self.of[s.msisdn] = ip
        return {"event": "start", "ip": ip, "msisdn": s.msisdn, "session_id": session, "nas_id": self.name,
                "time": now_text()}

    def run(self):
        try:
            network = Network(self.load)
            while not self.load.feeders_stop.is_set():
                events = [self.event() for _ in range(self.random.choice((1, 1, 2, 5, 20)))]
                if network.post(events):
                    self.load.feeders_stop.wait(self.load.feed_pause)
            network.api.close()
            with self.load.ledger.changed:
                for ip in self.addresses:
                    s, session = self.at.get(ip, (None, None))
                    self.load.ledger.holders[ip] = (s.msisdn, session) if s else None
        except Exception as e:
            self.load.ledger.blame("%s: %r" % (self.name, e))


# ---- phones ----

class Phone(threading.Thread):
    def __init__(self, load, subscriber):
        super().__init__(name="phone-%d" % subscriber.number, daemon=True)
        self.load, self.subscriber = load, subscriber
        self.random = random.Random(self.name)
        self.network = Network(load)
        self.ip = self.udp = self.answer = None
        self.attached = threading.Event()
        self.sessions = 0
        self.unsure = set()  # uids that a QUIT without an answer may have deleted

    def run(self):
        try:
            self.move()
            self.attached.set()
            while not self.load.phones_stop.is_set():
                if self.take_triggers():
                    self.fetch()
                    if self.random.random() < self.load.move_chance and not self.load.senders_stop.is_set():
                        self.move()
        except Exception as e:
            self.load.ledger.blame("%s: %r" % (self.name, e))
        finally:
            self.attached.set()
            if self.udp:
                self.udp.close()
            self.network.api.close()

    # ---- an address and a token ----

    def move(self):
        """To an address that another phone may have had. Its old one is given up only when the new Start is acknowledged."""
        former, former_udp = self.ip, self.udp
        ip = self.load.take_address()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((ip, self.load.system.port("pushsrv.trigger_port")))
        self.sessions += 1
        session = "%s-%d" % (self.name, self.sessions)
        if not self.network.post([{"event": "start", "ip": ip, "msisdn": self.subscriber.msisdn, "session_id": session,
                                   "nas_id": "cells", "time": now_text()}]):
            return
        with self.load.ledger.changed:
            self.load.ledger.holders[ip] = (self.subscriber.msisdn, session)
            if former:
                self.load.ledger.holders[former] = None
        self.ip = ip
        if former:
            former_udp.close()
            self.load.give_address(former)
            self.load.ledger.count("moves")
        self.token()

    def token(self):
        api = Api(self.load.system.port("authsrv.handset_port"), self.ip)
        while not self.load.aborted.is_set():
            try:
                status, answer = api.ask("POST", "/v1/token", {"imsi": self.subscriber.imsi})
            except Gone:
                self.load.aborted.wait(RETRY_S)
                continue
            if status == 201:
                self.answer = answer
                break
            if status != 503:
                raise AssertionError("no token: %d %s" % (status, answer))
            self.load.ledger.count("tokens told to wait")
            self.load.aborted.wait(RETRY_S)
        api.close()

    # ---- triggers ----

    def take_triggers(self):
        """Waits for one; takes all that came. Several ask for one fetch only."""
        self.udp.settimeout(0.2)
        n = 0
        try:
            while True:
                datagram = self.udp.recv(200)
                self.udp.settimeout(0)
                n += 1
                if not trigger_is_good(datagram, self.subscriber.address, self.answer):
                    self.load.ledger.blame("a trigger at %s (%s) that is not its own: %r"
                                           % (self.ip, self.subscriber.address, datagram))
        except (socket.timeout, BlockingIOError):
            pass
        if n:
            self.load.ledger.count("triggers", n)
        return n > 0

    # ---- fetching ----

    def fetch(self):
        """Until a session ended well: what a trigger said holds until then."""
        while not self.load.aborted.is_set():
            try:
                return self.session()
            except socket.timeout:
                raise AssertionError("POP3: no answer for %d s" % TIMEOUT_S)
            except (OSError, EOFError):
                self.load.ledger.count("sessions cut")
            except poplib.error_proto as e:
                self.refused(e.args[0] if isinstance(e.args[0], bytes) else str(e.args[0]).encode())
            self.load.aborted.wait(RETRY_S)

    def refused(self, text):
        if text == b"-ERR EOF":
            self.load.ledger.count("sessions cut")
        elif b"[SYS/TEMP]" in text or b"[IN-USE]" in text:
            self.load.ledger.count("sessions told %s" % text.decode())
        else:
            # [AUTH] too: nothing but this very phone moves its binding, so its token must open.
            raise AssertionError("POP3 from %s with %s: %s" % (self.ip, self.answer, text))

    def session(self):
        pop = Pop3("127.0.0.1", self.load.system.port("popgw.pop3_port"), self.ip)
        taken, quitting = [], False
        try:
            pop.user(self.subscriber.msisdn)
            pop.pass_(self.answer["token"])
            listing = [line.decode().split() for line in pop.uidl()[1]]
            self.check_unsure({uid for _, uid in listing})
            for number, uid in listing:
                self.read(pop, int(number), uid)
                pop.dele(int(number))
                taken.append(uid)
            quitting = True
            pop.quit()
            self.load.ledger.quit_acknowledged(self.subscriber.number, taken)
            return len(taken)
        except (OSError, EOFError, poplib.error_proto):
            if quitting:
                self.unsure = set(taken)
                self.load.ledger.quit_unsure(self.subscriber.number, taken)
            raise
        finally:
            pop.close()

    def check_unsure(self, there):
        """A QUIT without an answer deleted all that it was asked to, or nothing."""
        left = self.unsure & there
        if left and left != self.unsure:
            raise AssertionError("a QUIT deleted half: %s of %s are there" % (left, self.unsure))
        self.unsure = set()

    def read(self, pop, number, uid):
        text = b"\r\n".join(pop.retr(number)[1]) + b"\r\n"
        start = text.find(b"From: <")  # the trace fields before it are pushsrv's and smtpgw's
        found = re.search(rb"^Message-ID: (\S+)\r$", text, re.M)
        if start < 0 or not found:
            raise AssertionError("a message that nobody sent: %r" % text[:500])
        self.load.ledger.fetched(self.subscriber.number, uid, found.group(1).decode(), text[start:])


# ---- all of it ----

class Load:
    def __init__(self, system, ledger, phones=16, senders=6, feeders=2, backlog=200, feed_pause=0.01, nas_size=24):
        self.system, self.ledger, self.backlog, self.feed_pause = system, ledger, backlog, feed_pause
        self.move_chance = 0.1
        self.senders_stop, self.feeders_stop = threading.Event(), threading.Event()
        self.phones_stop, self.aborted = threading.Event(), threading.Event()
        self.addresses = ["127.2.%d.%d" % (i // 250, 1 + i % 250) for i in range(phones * 2)]
        self.addresses_lock = threading.Lock()  # protects the list above
        self.subscribers = [self.enrol(n) for n in range(1, phones + 1)]
        self.phones = [Phone(self, s) for s in self.subscribers]
        self.senders = self.make_senders(senders)
        self.feeders = [Feeder(self, i, [self.enrol(10000 + 1000 * i + n) for n in range(nas_size + 6)],
                               ["10.%d.0.%d" % (50 + i, n) for n in range(nas_size)]) for i in range(feeders)]

    def make_senders(self, count):
        """Half of them by SMTP, half by LMTP as a foreign MTA would."""
        out = []
        for i in range(count):
            lmtp = i % 2 == 1 or not self.system.has("smtpgw")
            port = self.system.port("pushsrv.lmtp_port" if lmtp else "smtpgw.mx_port")
            out.append(Sender(self, "%s-%d" % ("lmtp" if lmtp else "smtp", i), port, lmtp))
        return out

    def enrol(self, number):
        s = self.system.subscriber(number)
        s.number = number
        return s

    def take_address(self):
        with self.addresses_lock:
            return self.addresses.pop(0)

    def give_address(self, ip):
        with self.addresses_lock:
            self.addresses.append(ip)

    def start(self):
        for p in self.phones:
            p.start()
        for p in self.phones:
            assert p.attached.wait(PATIENCE), "phones did not attach"
        for t in self.senders + self.feeders:
            t.start()

    @staticmethod
    def join(threads):
        for t in threads:
            t.join(PATIENCE)
            assert not t.is_alive(), "%s does not end" % t.name

    def finish(self):
        """No new load; what is under way comes to its end, and the phones take what is theirs, by triggers only."""
        self.senders_stop.set()
        self.feeders_stop.set()
        self.join(self.senders + self.feeders)
        self.ledger.wait_fetched()
        # Second copies of what had no answer come too, with triggers of their own.
        eventually("every mailbox is empty, or mail or a trigger is lost",
                   lambda: self.ledger.wrong or not store.pending(self.system), PATIENCE)
        self.phones_stop.set()
        self.join(self.phones)

    def abort(self):
        for e in (self.senders_stop, self.feeders_stop, self.phones_stop, self.aborted):
            e.set()
        for t in self.senders + self.feeders + self.phones:
            if t.ident:
                t.join(TIMEOUT_S)

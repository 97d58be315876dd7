"""Phones on a Hato: a subscriber, an address of the loopback, and what a handset does with them.

Each Phone has a number and an address of its own (`Phones.next`), so that tests of one class do not meet each other.
"""
import itertools

from harness.mail import Lmtp, content_of, message
from harness.pop import Pop
from harness.trigger import Listener


class Phones:
    """Hands out phones of one Hato."""

    def __init__(self, hato):
        self.hato = hato
        self.numbers = itertools.count(1)
        self.hosts = itertools.count(1)

    def address(self):
        """An address that nobody here had."""
        n = next(self.hosts)
        return "127.%d.%d.%d" % (2 + n // 62500, n // 250 % 250, 1 + n % 250)

    def next(self, attach=True, addresses=None):
        phone = Phone(self, next(self.numbers), addresses)
        if attach:
            phone.attach()
        return phone


class Phone:
    def __init__(self, phones, number, addresses=None):
        self.phones, self.hato = phones, phones.hato
        self.subscriber = self.hato.subscriber(number, addresses)
        self.msisdn, self.imsi, self.address = self.subscriber.msisdn, self.subscriber.imsi, self.subscriber.address
        self.ip = phones.address()
        self.sessions = 0
        self.answer = None

    # ---- the network's side ----

    def lease(self, ip=None, **fields):
        """A Start on ip (or the phone's own address), without a token. A new session each time."""
        self.ip = ip or self.ip
        self.sessions += 1
        self.session = "%s-%d" % (self.msisdn, self.sessions)
        result = self.hato.lease("start", ip=self.ip, msisdn=self.msisdn, session_id=self.session, **fields)
        assert result["result"] == "applied", result
        return result

    def attach(self, ip=None, **fields):
        """A Start and a token."""
        self.lease(ip, **fields)
        return self.ask_token()

    def stop(self, **fields):
        return self.hato.lease("stop", session_id=self.session, **fields)

    def binding(self, ip=None, realm=None):
        query = "?realm=" + realm if realm else ""
        status, _, answer = self.hato.network("GET", "/v1/bindings/%s%s" % (ip or self.ip, query))
        assert status in (200, 404), (status, answer)
        return answer if status == 200 else None

    # ---- the handset's ----

    def claim(self, imsi=None, ip=None):
        """(status, headers, answer) of a token request from the phone's address."""
        return self.hato.handset(ip or self.ip, "POST", "/v1/token", {"imsi": imsi or self.imsi})

    def ask_token(self):
        status, _, answer = self.claim()
        assert status == 201, (status, answer)
        self.answer = answer
        return answer

    @property
    def token(self):
        return self.answer["token"]

    def bearer(self, method, path, body=None, token=None, ip=None):
        return self.hato.handset(ip or self.ip, method, path, body, {"Authorization": "Bearer " + (token or self.token)})

    def connect(self, ip=None, tls=False):
        key = "popgw.pop3s_port" if tls else "popgw.pop3_port"
        return Pop(self.hato.port(key), ip or self.ip, tls)

    def login(self, ip=None, token=None):
        """A logged-in POP3 connection."""
        return self.connect(ip).login(self.msisdn, token or self.token)

    def try_login(self, ip=None, token=None):
        """The answer to PASS on a connection of its own. It ends with QUIT, after which the maildrop is free."""
        with self.connect(ip) as pop:
            answer = pop.user_pass(self.msisdn, token or self.token)
            if answer.startswith("+OK"):
                pop.say("QUIT")
            return answer

    def listen(self, ip=None):
        return Listener(ip or self.ip, self.hato.port("pushsrv.trigger_port"))

    def fetch(self, delete=True):
        """All mail, without our trace fields; deleted unless told otherwise."""
        with self.login() as pop:
            count, _ = pop.stat()
            mails = [content_of(pop.retr(n + 1)) for n in range(count)]
            for n in range(count if delete else 0):
                assert pop.say("DELE %d" % (n + 1)).startswith("+OK")
            assert pop.say("QUIT").startswith("+OK")
        return mails

    # ---- a sender's ----

    def receive(self, content=None, sender="someone@elsewhere.example", to=None):
        """A mail to this phone, accepted; returns its content."""
        content = content or message("to %s" % self.msisdn)
        with Lmtp(self.hato.port("pushsrv.lmtp_port")) as lmtp:
            code, text = lmtp.deliver(to or self.address, content, sender)
        assert code == 250, (code, text)
        return content

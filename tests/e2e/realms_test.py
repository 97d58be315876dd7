"""Two radio networks with the same addresses, IPv6, and phones of both families: in network namespaces, with real interfaces.

Hato lives in a namespace of its own with an interface to each network: `ra` is the default realm's, `rb` realm b's. In both, the
gateway is 10.64.0.1 and the same addresses are phones; even the ports are the same. Only the interface tells who calls.
"""
import unittest

from harness.bindings import Bindings
from harness.mail import content_of
from harness.namespace import Namespace
from harness.phones import Phones
from harness.pop import Pop
from harness.sim import Sim
from harness.system import Hato, free_ports
from harness.trigger import Listener

GATEWAY, GATEWAY6 = "10.64.0.1", "2001:db8:1:2::1"
X = "10.64.0.5"
X6, Y6, PREFIX = "2001:db8:1:2::5", "2001:db8:1:2:aa:bb:cc:6", "2001:db8:1:2::/64"
Z6, NEIGHBOUR = "2001:db8:1:3::5", "2001:db8:1:3::/64"


class Networks(Bindings):
    """setUpClass ends inside Hato's namespace; a phone's sockets are made in its own."""

    @classmethod
    def setUpClass(cls):
        cls.spaces = [Namespace(name) for name in ("core", "a", "b")]
        cls.core, cls.a, cls.b = cls.spaces
        try:
            for device, space in (("ra", cls.a), ("rb", cls.b)):
                cls.core.join(device, space, "radio")
                cls.core.address(device, GATEWAY + "/16", GATEWAY6 + "/64", "2001:db8:1:3::1/64")
                space.address("radio", *("10.64.0.%d/16" % n for n in range(5, 30)), X6 + "/64", Y6 + "/64", Z6 + "/64")
            cls.core.__enter__()
            try:
                cls.begin()
            except BaseException:
                cls.core.__exit__()
                raise
        except BaseException:
            for space in cls.spaces:
                space.close()
            raise

    @classmethod
    def begin(cls):
        handset, pop, pops, https = free_ports(4)
        cls.hato = Hato({
            "authsrv.handset_port": handset, "authsrv.handset_tls_port": https, "popgw.pop3_port": pop, "popgw.pop3s_port": pops,
            "authsrv.handset_listen": "::", "popgw.listen": "::", "network-key feeder.realm": "*",
            "authsrv.handset_device": "ra", "popgw.device": "ra", "pushsrv.trigger_device": "ra",
            "realm b.device": "rb", "realm b.trigger_device": "rb",
            "realm b.handset_port": handset, "realm b.handset_tls_port": https, "realm b.pop3_port": pop, "realm b.pop3s_port": pops,
        }, start=False)
        cls.hato.ports["pushsrv.trigger_port"] = 2948
        for key in ("authsrv.handset_port", "authsrv.handset_tls_port", "popgw.pop3_port", "popgw.pop3s_port"):
            cls.hato.ports[key] = cls.hato.sets[key]
        cls.hato.start()
        cls.phones = Phones(cls.hato)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.hato.close()
        finally:
            cls.core.__exit__()
            for space in cls.spaces:
                space.close()

    # ---- a phone, from its network and address ----

    def ask(self, space, source, method="POST", path="/v1/token", body=None, token=None, tls=False):
        key = "authsrv.handset_tls_port" if tls else "authsrv.handset_port"
        headers = {"Authorization": "Bearer " + token} if token else None
        with space:
            return self.hato.http(self.hato.port(key), method, path, body, headers, source, tls,
                                  host=GATEWAY6 if ":" in source else GATEWAY)

    def token(self, space, source, phone):
        status, _, answer = self.ask(space, source, body={"imsi": phone.imsi})
        self.assertEqual(201, status, answer)
        self.assertEqual(GATEWAY6 if ":" in source else GATEWAY, answer["pop"]["host"], "a literal of the family it called with")
        return answer["token"]

    def pop(self, space, source, tls=False):
        with space:
            return Pop(self.hato.port("popgw.pop3s_port" if tls else "popgw.pop3_port"), source, tls,
                       host=GATEWAY6 if ":" in source else GATEWAY)

    def login(self, space, source, phone, token, tls=False):
        with self.pop(space, source, tls) as pop:
            answer = pop.user_pass(phone.msisdn, token)
            if answer.startswith("+OK"):
                pop.say("QUIT")
            return answer

    def listen(self, space, source):
        with space:
            return Listener(source, 2948)

    def feed(self, event, realm="default", **fields):
        status, _, answer = self.hato.network("POST", "/v1/lease-events?realm=" + realm, {"event": event, **fields})
        self.assertEqual(200, status, answer)
        return answer["results"][0]

    def begins(self, phone, session, realm="default", **where):
        result = self.feed("start", realm, msisdn=phone.msisdn, session_id=session, **where)
        self.assertEqual("applied", result["result"], result)

    def phone(self):
        return self.phones.next(attach=False)

    def mails(self, space, source, phone, token):
        with self.pop(space, source) as pop:
            pop.login(phone.msisdn, token)
            return [content_of(pop.retr(n + 1)) for n in range(pop.stat()[0])]


class OneAddressInTwoRealms(Networks):

    def both(self, **where):
        """Two phones on the same addresses of the two networks, and their tokens for the first."""
        source = next(iter(where.values())) if "ip" in where else X6
        out = []
        for space, realm in ((self.a, "default"), (self.b, "b")):
            phone = self.phone()
            self.begins(phone, "%s-%s" % (realm, phone.msisdn), realm, **where)
            out.append((space, phone, self.token(space, source, phone)))
        return out

    def test_each_door_knows_its_own(self):
        for where, source in (({"ip": X}, X), ({"ipv6_prefix": PREFIX}, X6)):
            with self.subTest(source=source):
                (a, p, p_token), (b, q, q_token) = self.both(**where)
                sent = {phone: phone.receive() for phone in (p, q)}
                self.assertEqual([sent[p]], self.mails(a, source, p, p_token))
                self.assertEqual([sent[q]], self.mails(b, source, q, q_token))
                for space, own, stranger, token in ((a, p, q, q_token), (b, q, p, p_token)):
                    for tls in (False, True):
                        self.assertRegex(self.login(space, source, stranger, token, tls), r"\A-ERR \[AUTH\]")
                        self.assertRegex(self.login(space, source, own, token, tls), r"\A-ERR \[AUTH\]")
                        for method, path, body in (("POST", "/v1/token/refresh", None), ("DELETE", "/v1/token", None),
                                                   ("POST", "/v1/reports/misdirected", {"trigger": "AAAA"})):
                            self.problem(self.ask(space, source, method, path, body, token, tls), "invalid-token", 401)
                    self.assertRegex(self.login(space, source, own, q_token if own is q else p_token), r"\A\+OK")
                self.problem(self.ask(self.a, source, body={"imsi": q.imsi}), "claim-mismatch")
                self.assertEqual("confirmed", self.found(source, "b")["state"], "a word in one realm does not contest the other's")

    def found(self, ip, realm):
        return self.hato.network("GET", "/v1/bindings/%s?realm=%s" % (ip, realm))[2]

    def test_a_sim_proof_of_one_realm_is_none_in_the_other(self):
        """The very same subscriber, at home in both."""
        p = self.phone()
        sim = Sim(p.imsi)
        self.hato.network("PUT", "/v1/subscribers/" + p.msisdn, {"imsi": p.imsi, "addresses": [p.address], **sim.keys()})
        for realm in ("default", "b"):
            self.begins(p, "sim-" + realm, realm, ip=X)
        status, _, body = self.ask(self.b, X, path="/v1/challenge", body={"imsi": p.imsi})
        self.assertEqual(200, status, body)
        shown = {"imsi": p.imsi, "challenge": body["challenge"], "proof": sim.answer(body, "token")[0]}
        self.problem(self.ask(self.a, X, body=shown), "proof-required", 401)
        self.assertEqual(201, self.ask(self.b, X, body=shown)[0])
        self.assertEqual(["unconfirmed", "confirmed"], [self.found(X, realm)["state"] for realm in ("default", "b")])

    def test_datagrams_leave_by_their_own_network(self):
        for where, source in (({"ip": X}, X), ({"ipv6_prefix": PREFIX}, X6)):
            with self.subTest(source=source), self.listen(self.a, source) as air_a, self.listen(self.b, source) as air_b:
                (_, p, _), (_, q, _) = self.both(**where)
                p.receive()
                self.assertEqual("mailat:" + p.address, air_a.next().mailbox)
                q.receive()
                self.assertEqual("mailat:" + q.address, air_b.next().mailbox)
                self.assertEqual([], air_a.waiting() + air_b.waiting())

    def test_a_feed_of_one_realm_moves_nothing_in_the_other(self):
        (a, p, p_token), (b, q, q_token) = self.both(ip=X)
        pop = self.pop(a, X).login(p.msisdn, p_token)
        self.assertEqual("applied", self.feed("nas-on", "b", nas_id="feeder")["result"])
        self.assertRegex(self.login(b, X, q, q_token), r"\A-ERR \[AUTH\]")
        self.begins(self.phone(), "newcomer", "b", ip=X)
        self.feed("stop", "b", session_id="default-" + p.msisdn)
        self.feed("stop", "b", session_id="x", ip=X, msisdn=p.msisdn)
        self.assertRegex(pop.say("STAT"), r"\A\+OK")
        pop.close()


class Families(Networks):
    """A dual-stack session: an IPv4 address and a /64 are one phone."""

    def setUp(self):
        self.session = "session-" + self.id()
        self.p = self.phone()

    def check_both(self):
        """Both families of p open its mail, each with its own token; returns these."""
        four, six = (self.token(self.a, source, self.p) for source in (X, X6))
        sent = self.p.receive()
        for source, token in ((X, four), (X6, six), (Y6, six)):
            self.assertEqual([sent], self.mails(self.a, source, self.p, token)[-1:])
            self.assertRegex(self.login(self.a, source, self.p, token, tls=True), r"\A\+OK")
        for source, token in ((X, six), (X6, four), (Y6, four), (Z6, six)):
            self.assertRegex(self.login(self.a, source, self.p, token), r"\A-ERR \[AUTH\]")
        self.problem(self.ask(self.a, X, path="/v1/token/refresh", token=six), "invalid-token", 401)
        self.problem(self.ask(self.a, X6, path="/v1/token/refresh", token=four), "invalid-token", 401)
        return four, six

    def check_none(self, four, six):
        for source, token in ((X, four), (X6, six)):
            self.assertRegex(self.login(self.a, source, self.p, token), r"\A-ERR \[AUTH\]")
            self.problem(self.ask(self.a, source, body={"imsi": self.p.imsi}), "no-binding")
            self.assertIsNone(self.phones_binding(source))

    def sessions(self):
        return [self.phones_binding(ip)["session_id"] for ip in (X, X6, Y6)]

    def test_a_start_with_both_and_a_stop_of_both(self):
        self.begins(self.p, self.session, ip=X, ipv6_prefix=PREFIX)
        self.assertEqual([self.session] * 3, self.sessions())
        tokens = self.check_both()
        with self.pop(self.a, Y6) as pop:
            pop.login(self.p.msisdn, tokens[1])
            self.assertEqual("applied", self.feed("stop", session_id=self.session)["result"])
            self.assertTrue(pop.is_cut())
        self.check_none(*tokens)

    def test_the_other_family_comes_with_an_update(self):
        for first, second in (({"ip": X}, {"ipv6_prefix": PREFIX}), ({"ipv6_prefix": PREFIX}, {"ip": X})):
            with self.subTest(first=first):
                session = self.session + str(len(first)) + next(iter(first))
                self.begins(self.p, session, **first)
                source, other = (X, X6) if "ip" in first else (X6, X)
                token = self.token(self.a, source, self.p)
                self.assertIsNone(self.phones_binding(other))
                result = self.feed("update", msisdn=self.p.msisdn, session_id=session, **first, **second)
                self.assertEqual("applied", result["result"], result)
                self.assertEqual([session] * 3, self.sessions())
                self.assertRegex(self.login(self.a, source, self.p, token), r"\A\+OK", "what it had goes on")
                tokens = self.check_both()
                self.assertEqual("applied", self.feed("stop", session_id=session)["result"])
                self.check_none(*tokens)

    def test_the_stop_of_both_may_name_one(self):
        self.begins(self.p, self.session, ip=X, ipv6_prefix=PREFIX)
        tokens = self.check_both()
        self.assertEqual("applied", self.feed("stop", session_id=self.session, ip=X, msisdn=self.p.msisdn)["result"])
        self.check_none(*tokens)

    def test_a_block_of_ports_and_a_prefix(self):
        """Behind a carrier-grade NAT for IPv4, without one for IPv6."""
        port = iter(range(30000, 30100))
        self.begins(self.p, self.session, ip=X, port_range="30000-30099", ipv6_prefix=PREFIX)
        four = self.token_of((X, next(port)))
        six = self.token(self.a, X6, self.p)
        for source, token, good in (((X, next(port)), four, True), (X, four, False), ((X, next(port)), six, False), (Y6, six, True)):
            with self.a:
                pop = Pop(self.hato.port("popgw.pop3_port"), source, host=GATEWAY6 if source == Y6 else GATEWAY)
            with pop:
                self.assertRegex(pop.user_pass(self.p.msisdn, token), r"\A\+OK" if good else r"\A-ERR \[AUTH\]")
                pop.say("QUIT")
        with self.listen(self.a, X) as air4, self.listen(self.a, X6) as air6:
            self.p.receive()
            self.assertEqual("mailat:" + self.p.address, air6.next().mailbox)
            self.assertEqual([], air4.waiting(), "the block lacks the trigger's port")
        self.feed("stop", session_id=self.session)

    def token_of(self, source):
        with self.a:
            status, _, answer = self.hato.http(self.hato.port("authsrv.handset_port"), "POST", "/v1/token", {"imsi": self.p.imsi},
                                               source=source, host=GATEWAY)
        self.assertEqual(201, status, answer)
        return answer["token"]

    def test_a_prefix_is_one_phone_and_the_next_is_another(self):
        q = self.phone()
        self.begins(self.p, self.session, ipv6_prefix=PREFIX)
        self.begins(q, self.session + "-q", ipv6_prefix=NEIGHBOUR)
        token = self.token(self.a, X6, self.p)
        self.assertRegex(self.login(self.a, Y6, self.p, token, tls=True), r"\A\+OK", "another address of the same /64")
        status, _, answer = self.ask(self.a, Y6, path="/v1/token/refresh", token=token)
        self.assertEqual(200, status, answer)
        self.assertRegex(self.login(self.a, X6, self.p, answer["token"]), r"\A\+OK")
        self.assertRegex(self.login(self.a, Z6, self.p, token), r"\A-ERR \[AUTH\]")
        with self.listen(self.a, X6) as air_x, self.listen(self.a, Y6) as air_y:
            self.p.receive()
            trigger = air_y.next()
            self.assertEqual("mailat:" + self.p.address, trigger.mailbox)
            self.assertEqual([], air_x.waiting(), "where it was last heard from")
        self.feed("stop", session_id=self.session)
        self.feed("stop", session_id=self.session + "-q")


if __name__ == "__main__":
    unittest.main()

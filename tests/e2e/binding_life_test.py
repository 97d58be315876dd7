"""The life of a binding beside its Starts and Stops: tokens and their end, SIM change, removal, expiry, silent feeds, realms,
address families."""
import time
import unittest

from harness.bindings import Bindings, stamp
from harness.mail import Lmtp
from harness.phones import Phones
from harness.pop import Pop
from harness.system import Hato, eventually, free_ports
from harness.trigger import Listener


class Tokens(Bindings):
    sets = {"authsrv.token_seconds": 2, "authsrv.reprove": 1}

    def test_a_token_ends_at_its_time(self):
        a = self.phones.next()
        self.assertEqual(2, a.answer["expires_in"])
        self.assertRegex(a.try_login(), r"\A\+OK")
        refused = eventually("it has ended", lambda: (lambda t: t.startswith("-ERR") and t)(a.try_login()))
        self.assertRegex(refused, r"\A-ERR \[AUTH\]")
        self.problem(a.bearer("POST", "/v1/token/refresh"), "expired-token", 401)
        a.ask_token()
        self.assertRegex(a.try_login(), r"\A\+OK")

    def test_refresh_wants_a_claim_that_is_not_too_old(self):
        a = self.phones.next()
        answer = eventually("a second is over", lambda: (lambda r: r[0] != 200 and r)(a.bearer("POST", "/v1/token/refresh")))
        self.problem(answer, "proof-required", 401)


class Life(Bindings):

    def test_refresh_gives_another_token_and_the_old_one_lives_on(self):
        a = self.phones.next()
        status, _, answer = a.bearer("POST", "/v1/token/refresh")
        self.assertEqual(200, status)
        for token in (a.token, answer["token"]):
            self.assertRegex(a.try_login(token=token), r"\A\+OK")
        self.assertEqual(a.answer["trigger"], answer["trigger"], "one trigger key a generation")

    def test_delete_token_ends_all_tokens_of_the_binding(self):
        a = self.phones.next()
        second = a.bearer("POST", "/v1/token/refresh")[2]["token"]
        pop = a.login()
        self.assertEqual(204, a.bearer("DELETE", "/v1/token", token=second)[0])
        self.assertTrue(pop.is_cut())
        for token in (a.token, second):
            self.refused(a, token)
        self.assertEqual("unconfirmed", self.state(a.ip))
        a.ask_token()
        self.assertRegex(a.try_login(), r"\A\+OK")

    def test_a_token_of_elsewhere_does_not_end_anything(self):
        a, b = self.phones.next(), self.phones.next()
        for method, path in (("DELETE", "/v1/token"), ("POST", "/v1/token/refresh"), ("POST", "/v1/reports/misdirected")):
            body = {"trigger": "AAAA"} if path.endswith("misdirected") else None
            self.problem(a.bearer(method, path, body, token=b.token), "invalid-token", 401)
            self.problem(a.bearer(method, path, body, token="A" * 40), "invalid-token", 401)
        self.assertEqual(["confirmed", "confirmed"], [self.state(a.ip), self.state(b.ip)])

    def test_a_sim_change_ends_tokens(self):
        a = self.phones.next()
        pop = a.login()
        sim = "44019%010d" % int(a.msisdn[4:])
        status, _, _ = self.hato.network("PUT", "/v1/subscribers/" + a.msisdn, {"imsi": sim, "addresses": [a.address]})
        self.assertEqual(200, status)
        self.assertTrue(pop.is_cut())
        self.refused(a, a.token)
        self.problem(a.claim(), "claim-mismatch")
        a.lease()
        a.imsi = sim
        a.ask_token()
        self.assertRegex(a.try_login(), r"\A\+OK")

    def test_a_put_that_changes_nothing_ends_nothing(self):
        a = self.phones.next()
        self.hato.network("PUT", "/v1/subscribers/" + a.msisdn, {"imsi": a.imsi, "addresses": [a.address, "more%s" % a.address]})
        self.assertRegex(a.try_login(), r"\A\+OK")

    def test_a_sim_key_asks_for_proof_from_then_on(self):
        a = self.phones.next()
        status, _, shown = self.hato.network("PUT", "/v1/subscribers/" + a.msisdn, {
            "imsi": a.imsi, "addresses": [a.address], "k": "0" * 31 + "1", "opc": "f" * 32})
        self.assertEqual(200, status)
        self.assertNotIn("k", shown)
        self.assertNotIn("opc", shown)
        self.refused(a, a.token)
        self.problem(a.claim(), "proof-required", 401)

    def test_a_removed_subscriber_is_gone_and_his_names_stay_unused(self):
        a, b = self.phones.next(), self.phones.next()
        a.receive()
        pop = a.login()
        self.assertEqual(204, self.hato.network("DELETE", "/v1/subscribers/" + a.msisdn)[0])
        self.assertTrue(pop.is_cut())
        self.assertEqual(404, self.hato.network("GET", "/v1/subscribers/" + a.msisdn)[0])
        self.assertEqual(404, self.hato.network("DELETE", "/v1/subscribers/" + a.msisdn)[0])
        self.assertEqual("free", self.state(a.ip))
        self.refused(a, a.token)
        with Lmtp(self.hato.port("pushsrv.lmtp_port")) as lmtp:
            self.assertEqual(550, lmtp.deliver(a.address, b"Subject: x\r\n\r\n")[0])
        again = {"imsi": a.imsi, "addresses": [a.address]}
        self.problem(self.hato.network("PUT", "/v1/subscribers/" + a.msisdn, again), "conflict", 409)
        taken = {"imsi": b.imsi, "addresses": [b.address, a.address.upper()]}
        self.problem(self.hato.network("PUT", "/v1/subscribers/" + b.msisdn, taken), "conflict", 409)
        self.assertRegex(b.try_login(), r"\A\+OK")

    def test_another_persons_names_are_refused(self):
        a, b = self.phones.next(), self.phones.next()
        for body in ({"imsi": a.imsi, "addresses": [b.address]}, {"imsi": b.imsi, "addresses": [a.address]}):
            self.problem(self.hato.network("PUT", "/v1/subscribers/" + b.msisdn, body), "conflict", 409)
        self.assertRegex(b.try_login(), r"\A\+OK")

    def test_a_lease_ends_by_itself(self):
        a = self.phones.next(attach=False)
        began = time.monotonic()
        a.attach(lease_seconds=1)
        self.assertIsNotNone(self.phones_binding(a.ip)["expires"])
        pop = a.login()
        eventually("it is over", lambda: self.state(a.ip) == "free")
        self.assertGreater(time.monotonic() - began, 0.9)
        self.assertRegex(pop.say("STAT"), r"\A\Z")
        self.refused(a, a.token)
        self.problem(a.claim(), "no-binding")
        eventually("history says so", lambda: self.holder_at(a.ip, stamp()) is None)

    def test_a_refresh_of_the_lease_prolongs_it(self):
        a = self.phones.next(attach=False)
        a.attach(lease_seconds=1)
        result = self.hato.lease("update", ip=a.ip, msisdn=a.msisdn, session_id=a.session, lease_seconds=3600)
        self.assertEqual("applied", result["result"])
        first = time.monotonic()
        eventually("the first lease would be over", lambda: time.monotonic() - first > 1.2)
        self.assertRegex(a.try_login(), r"\A\+OK")

    def test_v4_mapped_is_the_ipv4_address(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        self.assertEqual("applied", self.start("::ffff:" + a.ip, b, "mapped")["result"])
        for ip in (a.ip, "::ffff:" + a.ip):
            binding = self.phones_binding(ip)
            self.assertEqual((a.ip, b.msisdn), (binding["ip"], binding["msisdn"]))
        self.refused(a, a.token)
        b.ip = a.ip
        b.ask_token()
        self.assertRegex(b.try_login(), r"\A\+OK")

    def test_addresses_that_nobody_can_hold_are_refused(self):
        a = self.phones.next()
        for ip in ("0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1", "fe80::1", "169.254.1.1", "64:ff9b::1", "1.2.3",
                   "1.2.3.4/32", "", "localhost", 5, None):
            with self.subTest(ip=ip):
                result = self.hato.lease("start", ip=ip, msisdn=a.msisdn, session_id="odd")
                self.assertEqual(("error", "malformed"), (result["result"], result["problem"]))
        self.assertRegex(a.try_login(), r"\A\+OK", "its own binding is untouched")

    def test_a_prefix_is_one_binding_for_all_addresses_in_it(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        lease = {"msisdn": a.msisdn, "session_id": "v6", "ipv6_prefix": "2001:db8:1:2::/64"}
        self.assertEqual("applied", self.hato.lease("start", **lease)["result"])
        for ip in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::"):
            self.assertEqual(a.msisdn, self.phones_binding(ip)["msisdn"])
        self.assertEqual("2001:db8:1:2::/64", self.phones_binding("2001:db8:1:2::1")["ip"])
        self.assertIsNone(self.phones_binding("2001:db8:1:3::1"))
        self.assertEqual("applied", self.start("2001:db8:1:2::77", b, "v6-b")["result"])
        self.assertEqual(b.msisdn, self.phones_binding("2001:db8:1:2::1")["msisdn"], "an address is its /64")


class Behind(Bindings):
    """A feed that was silent for longer than it repeats: nobody's bare word counts until the NAS speaks of the binding."""
    sets = {"authsrv.lag": 1}

    def test_downtime_makes_every_nas_behind_until_it_renews(self):
        a, b = self.phones.next(), self.phones.next()
        fresh = self.phones.next(attach=False)
        self.hato.stop()
        stopped = time.monotonic()
        eventually("longer down than authsrv.lag", lambda: time.monotonic() - stopped > 1.5)
        self.hato.start()
        self.problem(a.claim(), "overloaded", 503)
        self.assertTrue(self.phones_binding(a.ip)["behind"])
        self.assertIn("the network is behind", a.claim()[2]["detail"])
        self.assertRegex(a.try_login(), r"\A\+OK", "its token is as good as before")
        self.assertEqual("applied", self.hato.lease("update", ip=a.ip, msisdn=a.msisdn, session_id=a.session)["result"])
        self.assertFalse(self.phones_binding(a.ip)["behind"])
        self.assertEqual(201, a.claim()[0])
        with b.listen() as air:
            with a.listen() as other:
                b.receive()
                a.receive()
                self.assertEqual("mailat:" + a.address, other.next().mailbox)
            self.assertEqual([], air.waiting(), "no datagram to a binding that nothing renewed")
            self.problem(b.claim(), "overloaded", 503)
            b.attach()
            self.assertEqual("mailat:" + b.address, air.next().mailbox)
        fresh.attach()
        self.assertRegex(fresh.try_login(), r"\A\+OK", "a lease of after it counts")


class NotBehind(Bindings):
    def test_a_restart_without_delay_changes_nothing(self):
        a = self.phones.next()
        pid = self.hato.kill("authsrv")
        self.hato.wait_restarted("authsrv", pid)
        self.assertFalse(self.phones_binding(a.ip)["behind"])
        self.assertEqual(201, a.claim()[0])


class Realms(Bindings):
    """The same address in two realms is two addresses."""

    @classmethod
    def setUpClass(cls):
        cls.b_handset, cls.b_pop, cls.b_trigger = free_ports(3)
        cls.sets = {"realm b.handset_port": cls.b_handset, "realm b.pop3_port": cls.b_pop, "realm b.trigger_port": cls.b_trigger,
                    "realm b.trigger_source": "127.0.0.77",
                    "network-key partner.file": "partner.key", "network-key partner.realm": "b",
                    "network-key partner.scopes": "lease,operate", "network-key feeder.realm": "*"}
        cls.hato = Hato(cls.sets, start=False)
        (cls.hato.dir / "state").mkdir()
        (cls.hato.dir / "state" / "partner.key").write_text("partner-key-of-realm-b-0123456789\n")
        (cls.hato.dir / "state" / "partner.key").chmod(0o600)
        cls.hato.start()
        cls.phones = Phones(cls.hato)

    def partner(self, method, path, body=None):
        return self.hato.network(method, path, body, {"Authorization": "Bearer partner-key-of-realm-b-0123456789"})

    def test_the_same_address_in_two_realms_stays_apart(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        x = a.ip
        event = {"event": "start", "ip": x, "msisdn": b.msisdn, "session_id": "in-b"}
        status, _, answer = self.partner("POST", "/v1/lease-events", event)
        self.assertEqual((200, "applied"), (status, answer["results"][0]["result"]))
        self.assertRegex(a.try_login(), r"\A\+OK", "a Start in b evicts nobody in default")
        self.assertEqual(a.msisdn, a.binding()["msisdn"])
        self.assertEqual(b.msisdn, a.binding(realm="b")["msisdn"])

        status, _, token = self.hato.http(self.b_handset, "POST", "/v1/token", {"imsi": b.imsi}, source=x)
        self.assertEqual((201, "b", self.b_pop), (status, token["trigger"]["realm"], token["pop"]["port"]))
        self.problem(self.hato.http(self.b_handset, "POST", "/v1/token", {"imsi": a.imsi}, source=x), "claim-mismatch")

        content = b.receive()
        with Pop(self.b_pop, x) as pop:
            self.assertRegex(pop.user_pass(b.msisdn, token["token"]), r"\A\+OK")
            self.assertEqual(1, pop.stat()[0])
            self.assertIn(content, pop.retr(1))
        with Pop(self.b_pop, x) as pop:
            self.assertRegex(pop.user_pass(a.msisdn, a.token), r"\A-ERR \[AUTH\]")
        self.assertRegex(a.try_login(token=token["token"]), r"\A-ERR \[AUTH\]", "a token of b at the door of default")

    def test_a_trigger_goes_to_its_own_realm(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        event = {"event": "start", "ip": a.ip, "msisdn": b.msisdn, "session_id": "in-b-2"}
        self.assertEqual(200, self.partner("POST", "/v1/lease-events", event)[0])
        status, _, token = self.hato.http(self.b_handset, "POST", "/v1/token", {"imsi": b.imsi}, source=a.ip)
        self.assertEqual(201, status)
        with a.listen() as air_default, Listener(a.ip, self.b_trigger) as air_b:
            b.receive()
            trigger = air_b.next()
            self.assertTrue(trigger.is_signed_for(token["trigger"]))
            self.assertEqual("127.0.0.77", trigger.source[0], "by its own way out")
            a.receive()
            trigger = air_default.next()
            self.assertTrue(trigger.is_signed_for(a.answer["trigger"]))
            self.assertNotEqual("127.0.0.77", trigger.source[0])
            self.assertEqual([], air_b.waiting())

    def test_a_key_of_one_realm_does_not_speak_in_another(self):
        a = self.phones.next()
        self.assertEqual(403, self.partner("POST", "/v1/lease-events?realm=default", {"event": "nas-on"})[0])
        self.assertEqual(403, self.partner("GET", "/v1/bindings/%s?realm=default" % a.ip)[0])
        self.assertEqual(404, self.partner("GET", "/v1/bindings/" + a.ip)[0], "its own realm knows nothing of it")
        for path in ("/v1/bindings?msisdn=" + a.msisdn, "/v1/bindings?ip=" + a.ip, "/v1/bindings/%s/history" % a.ip, "/v1/quarantine"):
            status, _, rows = self.partner("GET", path)
            self.assertEqual((200, []), (status, [r for r in rows if a.msisdn == r["msisdn"]]))
            self.assertEqual(403, self.partner("GET", path + ("&" if "?" in path else "?") + "realm=default")[0])
        status, _, answer = self.hato.network("POST", "/v1/lease-events", {
            "event": "start", "ip": a.ip, "msisdn": a.msisdn, "imsi": "440109999999999", "session_id": "two"})
        self.assertEqual("quarantined", self.state(a.ip))
        self.assertEqual(404, self.partner("POST", "/v1/quarantine/%s/release" % a.ip)[0])
        self.assertEqual(403, self.partner("POST", "/v1/quarantine/%s/release?realm=default" % a.ip)[0])
        self.assertEqual("quarantined", self.state(a.ip))
        self.assertEqual(404, self.hato.network("GET", "/v1/bindings/%s?realm=nowhere" % a.ip)[0])
        self.assertEqual(400, self.hato.network("GET", "/v1/bindings/%s?realm=No%%20Name" % a.ip)[0])


class Ipv6(Bindings):
    """A phone that calls from ::1, the only IPv6 address of the loopback: its binding is the /64."""
    sets = {"authsrv.handset_listen": "::1", "popgw.listen": "::1"}

    def token(self, phone):
        return self.hato.http(self.hato.port("authsrv.handset_port"), "POST", "/v1/token", {"imsi": phone.imsi}, host="::1")

    def login(self, phone, token):
        with Pop(self.hato.port("popgw.pop3_port"), "::1", host="::1") as pop:
            return pop.user_pass(phone.msisdn, token)

    def test_a_phone_behind_a_prefix(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        self.problem(self.token(a), "no-binding")
        self.assertEqual("applied", self.start("::1", a, "six")["result"])
        self.assertEqual("::/64", self.phones_binding("::1")["ip"])
        self.problem(self.token(b), "claim-mismatch")
        self.assertEqual("applied", self.start("::1", a, "six-again")["result"])
        status, _, answer = self.token(a)
        self.assertEqual((201, "::1"), (status, answer["pop"]["host"]))
        self.assertRegex(self.login(a, answer["token"]), r"\A\+OK")
        prefix = {"event": "start", "ipv6_prefix": "::/64", "msisdn": b.msisdn, "session_id": "next"}
        self.assertEqual("applied", self.hato.lease(**prefix)["result"])
        self.assertRegex(self.login(a, answer["token"]), r"\A-ERR \[AUTH\]")
        self.assertEqual(201, self.token(b)[0])


if __name__ == "__main__":
    unittest.main()

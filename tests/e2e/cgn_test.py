"""Subscribers who share one public address: a carrier-grade NAT gives each a block of its ports, and the port of the call tells
whose it is."""
import itertools
import json
import socket
import unittest

from harness.bindings import Bindings, stamp
from harness.mail import content_of
from harness.pop import Pop
from harness.sim import Sim
from harness.system import eventually

SIZE = 100


class Shared(Bindings):
    sets = {"authsrv.proxy_from": "127.9.9.9", "popgw.proxy_from": "127.9.9.9", "popgw.max_connections_per_address": 64}

    def setUp(self):
        self.ip = self.phones.address()
        self.firsts = itertools.count(20000, SIZE)

    def behind(self, attach=True, first=None):
        """The next phone behind the test's address, with the next block of its ports."""
        phone = self.phones.next(attach=False)
        phone.ip = self.ip
        first = first or next(self.firsts)
        phone.ports = iter(range(first, first + SIZE))
        phone.block = "%d-%d" % (first, first + SIZE - 1)
        phone.first = first
        if attach:
            phone.lease(port_range=phone.block)
            status, _, phone.answer = self.claim(phone)
            self.assertEqual(201, status, phone.answer)
        return phone

    def call(self, phone):
        """The phone's next source: its NAT takes a port of the block for each connection, one that is free."""
        while True:
            source = (self.ip, next(phone.ports))
            with socket.socket() as probe:
                try:
                    probe.bind(source)
                    return source
                except OSError:
                    pass

    def claim(self, phone, imsi=None):
        return self.hato.handset(self.call(phone), "POST", "/v1/token", {"imsi": imsi or phone.imsi})

    def bearer(self, phone, token, method="POST", path="/v1/token/refresh", tls=False):
        return self.hato.handset(self.call(phone), method, path, None, {"Authorization": "Bearer " + token}, tls=tls)

    def connect(self, phone, tls=False):
        return Pop(self.hato.port("popgw.pop3s_port" if tls else "popgw.pop3_port"), self.call(phone), tls)

    def try_login(self, phone, of=None, tls=False):
        of = of or phone
        with self.connect(phone, tls) as pop:
            answer = pop.user_pass(of.msisdn, of.token)
            if answer.startswith("+OK"):
                pop.say("QUIT")
            return answer

    def binding_of(self, port):
        status, _, answer = self.hato.network("GET", "/v1/bindings/%s?port=%d" % (self.ip, port))
        return answer if status == 200 else None


class TwoOfOneAddress(Shared):

    def test_each_gets_his_own_mail(self):
        a, b = self.behind(), self.behind()
        sent = {phone: phone.receive() for phone in (a, b)}
        for phone in (a, b):
            with self.connect(phone) as pop:
                pop.login(phone.msisdn, phone.token)
                self.assertEqual([sent[phone]], [content_of(pop.retr(n + 1)) for n in range(pop.stat()[0])])
                self.assertRegex(pop.say("DELE 1"), r"\A\+OK")
                self.assertRegex(pop.say("QUIT"), r"\A\+OK")

    def test_the_others_token_is_refused_at_every_door(self):
        a, b = self.behind(), self.behind()
        for phone, other in ((a, b), (b, a)):
            for tls in (False, True):
                self.assertRegex(self.try_login(phone, other, tls), r"\A-ERR \[AUTH\]")
                self.problem(self.bearer(phone, other.token, tls=tls), "invalid-token", 401)
                self.assertEqual(200, self.bearer(phone, phone.token, tls=tls)[0])
            self.problem(self.bearer(phone, other.token, "DELETE", "/v1/token"), "invalid-token", 401)
        self.assertEqual(["confirmed"] * 2, [self.binding_of(p.first)["state"] for p in (a, b)], "nobody was accused")
        self.problem(self.claim(a, imsi=b.imsi), "claim-mismatch")
        self.assertEqual(["contested", "confirmed"], [self.binding_of(p.first)["state"] for p in (a, b)])

    def test_a_sim_proof_is_the_blocks_too(self):
        a, b = self.behind(attach=False), self.behind(attach=False)
        for phone in (a, b):
            phone.sim = Sim(phone.imsi)
            self.hato.network("PUT", "/v1/subscribers/" + phone.msisdn, {
                "imsi": phone.imsi, "addresses": [phone.address], **phone.sim.keys()})
            phone.lease(port_range=phone.block)
        self.problem(self.hato.handset(self.call(a), "POST", "/v1/challenge", {"imsi": b.imsi}), "claim-mismatch")
        status, _, body = self.hato.handset(self.call(b), "POST", "/v1/challenge", {"imsi": b.imsi})
        self.assertEqual(200, status, body)
        shown = {"imsi": b.imsi, "challenge": body["challenge"], "proof": b.sim.answer(body, "token")[0]}
        self.assertNotEqual(201, self.hato.handset(self.call(a), "POST", "/v1/token", shown)[0])
        self.assertEqual("unconfirmed", self.binding_of(b.first)["state"])
        self.assertEqual(201, self.hato.handset(self.call(b), "POST", "/v1/token", shown)[0])

    def test_a_port_of_nobody(self):
        a, nobody = self.behind(), self.behind(attach=False)
        nobody.answer = a.answer
        self.problem(self.claim(nobody, imsi=a.imsi), "no-binding")
        self.assertRegex(self.try_login(nobody, a), r"\A-ERR \[AUTH\]")

    def test_the_port_is_what_a_balancer_says(self):
        """Its connections have ports of their own."""
        a, b = self.behind(), self.behind()
        for port, phone, token, good in ((a.first, a, a.token, True), (b.first, a, a.token, False), (b.first + 99, b, b.token, True),
                                         (b.first + 100, b, b.token, False)):
            with self.subTest(port=port):
                with Pop(self.hato.port("popgw.pop3_port"), "127.9.9.9", greet=False) as pop:
                    pop.send(b"PROXY TCP4 %s 127.0.0.1 %d 1110\r\n" % (self.ip.encode(), port))
                    self.assertRegex(pop.line(), r"\A\+OK")
                    self.assertRegex(pop.user_pass(phone.msisdn, token), r"\A\+OK" if good else r"\A-ERR \[AUTH\]")

    def test_a_login_ends_with_its_block_and_not_with_the_neighbours(self):
        a, b = self.behind(), self.behind()
        pop_a, pop_b = (self.connect(p).login(p.msisdn, p.token) for p in (a, b))
        a.lease(port_range=a.block)
        self.assertTrue(pop_a.is_cut())
        self.assertRegex(pop_b.say("STAT"), r"\A\+OK")
        self.assertEqual("applied", b.stop()["result"])
        self.assertTrue(pop_b.is_cut())
        self.assertIsNone(self.binding_of(b.first))
        self.assertEqual(a.msisdn, self.binding_of(a.first)["msisdn"])


class Feed(Shared):

    def test_bindings_are_shown_by_port(self):
        a, b = self.behind(), self.behind()
        shown = self.binding_of(a.first + 50)
        self.assertEqual((self.ip, a.block, a.msisdn), (shown["ip"], shown["port_range"], shown["msisdn"]))
        status, _, answer = self.hato.network("GET", "/v1/bindings/" + self.ip)
        self.assertEqual((404, True), (status, "port" in answer["detail"]))
        status, _, rows = self.hato.network("GET", "/v1/bindings?ip=" + self.ip)
        self.assertEqual([(a.block, a.msisdn), (b.block, b.msisdn)], [(r["port_range"], r["msisdn"]) for r in rows])
        status, _, rows = self.hato.network("GET", "/v1/bindings?msisdn=" + b.msisdn)
        self.assertEqual([b.block], [r["port_range"] for r in rows])
        for port in ("65536", "-1", "x", "", "0x10"):
            self.assertEqual(400, self.hato.network("GET", "/v1/bindings/%s?port=%s" % (self.ip, port))[0], port)
        shown = json.loads(self.hato.command("binding", "show", self.ip, "--port", str(b.first), "--json").stdout)
        self.assertEqual(b.msisdn, shown["msisdn"])

    def test_history_of_a_port(self):
        a = self.behind()
        first = stamp()
        self.assertEqual("applied", a.stop()["result"])
        b = self.behind(first=a.first)
        other = self.behind()
        rows = self.history(self.ip, "?port=%d" % a.first)
        self.assertEqual({a.block}, {r["port_range"] for r in rows})
        self.assertEqual([a.msisdn, b.msisdn], [r["msisdn"] for r in rows if r["event"] == "start"])
        then = self.history(self.ip, "?port=%d&at=%s" % (a.first, first))
        self.assertEqual(a.msisdn, then[0]["msisdn"])
        self.assertIn(other.msisdn, [r["msisdn"] for r in self.history(self.ip)], "without a port: all who share it")
        out = self.hato.command("binding", "history", self.ip, "--port", str(other.first)).stdout
        self.assertIn(other.msisdn, out)
        self.assertNotIn(b.msisdn, out)

    def test_blocks_that_overlap_evict_as_the_law_says(self):
        a, b, c = self.behind(), self.behind(), self.behind()
        middle = self.behind(attach=False, first=a.first + SIZE // 2)  # half of a's, half of b's
        self.assertEqual("stale", self.start(self.ip, middle, "old", port_range=middle.block, time=stamp(-3600))["result"])
        self.assertRegex(self.try_login(a), r"\A\+OK")
        self.assertEqual("applied", self.start(self.ip, middle, "new", port_range=middle.block)["result"])
        for gone in (a, b):
            self.assertRegex(self.try_login(gone), r"\A-ERR \[AUTH\]")
        self.assertIsNone(self.binding_of(a.first), "an evicted block is free as a whole")
        self.assertEqual(middle.msisdn, self.binding_of(middle.first)["msisdn"])
        self.assertRegex(self.try_login(c), r"\A\+OK")
        whole = self.phones.next(attach=False)
        self.assertEqual("applied", self.start(self.ip, whole, "whole")["result"])
        self.assertEqual([whole.msisdn] * 2, [self.binding_of(p)["msisdn"] for p in (1, c.first)])
        self.assertRegex(self.try_login(c), r"\A-ERR \[AUTH\]")

    def test_a_block_that_cannot_be_read_frees_the_address(self):
        a, b = self.behind(), self.behind()
        for wrong in ("2000-1000", "1-65536", [1, 2], 7, "all", ""):
            with self.subTest(wrong=wrong):
                self.assertEqual("error", self.hato.lease("update", ip=self.ip, msisdn=a.msisdn, session_id=a.session,
                                                          port_range=wrong)["result"])
        self.assertRegex(self.try_login(a), r"\A\+OK", "an update frees nothing")
        result = self.start(self.ip, b, "wrong", port_range="20000")
        self.assertEqual(("error", "malformed"), (result["result"], result["problem"]))
        for phone in (a, b):
            self.assertRegex(self.try_login(phone), r"\A-ERR \[AUTH\]")
        again = self.behind()
        self.assertRegex(self.try_login(again), r"\A\+OK", "the next Start is as good as ever")

    def test_quarantine_of_one_block(self):
        a, b = self.behind(), self.behind()
        result = self.hato.lease("start", ip=self.ip, port_range=a.block, msisdn=a.msisdn, imsi=b.imsi, session_id="two")
        self.assertEqual("quarantined", result["result"])
        status, _, rows = self.hato.network("GET", "/v1/quarantine")
        self.assertEqual([a.block], [r["port_range"] for r in rows if r["ip"] == self.ip])
        self.problem(self.claim(a), "quarantined")
        self.assertRegex(self.try_login(b), r"\A\+OK")
        path = "/v1/quarantine/%s/release?port=" % self.ip
        self.assertEqual(404, self.hato.network("POST", path + str(b.first))[0])
        status, _, answer = self.hato.network("POST", path + str(a.first))
        self.assertEqual(200, status, answer)
        self.assertEqual([], [r for r in self.hato.network("GET", "/v1/quarantine")[2] if r["ip"] == self.ip])

    def test_a_datagram_only_to_who_has_the_port(self):
        port = self.hato.port("pushsrv.trigger_port")
        lucky = self.behind(first=port - SIZE // 2)
        a = self.behind(first=lucky.first + SIZE)
        self.assertTrue(lucky.first <= port < lucky.first + SIZE)
        with lucky.listen() as air:
            a.receive()
            lucky.receive()
            self.assertEqual("mailat:" + lucky.address, air.next().mailbox)
            eventually("a's mail is there", lambda: self.mails(a) == 1)
            self.assertEqual([], air.waiting(), "a's block lacks the port: a datagram would reach a stranger")

    def mails(self, phone):
        with self.connect(phone) as pop:
            return pop.login(phone.msisdn, phone.token).stat()[0]


if __name__ == "__main__":
    unittest.main()

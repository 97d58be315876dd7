"""SIM proofs: challenge and answer, replays and SIMs that are out of step, what a proof ends, sign-up with another SIM.

The SIM is harness/sim.py: another implementation than the program's, written from the page in docs/.
"""
import base64
import unittest

from harness.bindings import Bindings
from harness.sim import NotOurNetwork, OutOfStep, Sim, milenage
from harness.system import eventually


class SimBindings(Bindings):
    def with_sim(self, attach=True, seq=None):
        """A phone whose SIM has a key."""
        phone = self.phones.next(attach=False)
        phone.sim = Sim(phone.imsi, seq=seq)
        self.provision(phone, phone.imsi, phone.sim)
        if attach:
            phone.lease()
        return phone

    def provision(self, phone, imsi, sim=None):
        status, _, answer = self.hato.network("PUT", "/v1/subscribers/" + phone.msisdn, {
            "imsi": imsi, "addresses": [phone.address], **(sim.keys() if sim else {})})
        self.assertIn(status, (200, 201), answer)

    def challenge(self, phone, imsi=None, ip=None, **more):
        return self.hato.handset(ip or phone.ip, "POST", "/v1/challenge", {"imsi": imsi or phone.imsi, **more})

    def challenged(self, phone, sim=None, **more):
        """A challenge that the SIM takes: (body, proof, trigger key). Two in one tick of 10 ms put it out of step."""
        sim = sim or phone.sim
        for _ in range(20):
            status, _, body = self.challenge(phone, sim.imsi, **more)
            self.assertEqual(200, status, body)
            try:
                return (body, *sim.answer(body, more.get("for", "token")))
            except OutOfStep as e:
                more = {**more, "challenge": body["challenge"], "auts": e.auts.hex()}
        self.fail("the SIM does not come in step")

    def show(self, phone, body, proof, imsi=None, ip=None):
        return self.hato.handset(ip or phone.ip, "POST", "/v1/token", {
            "imsi": imsi or phone.imsi, "challenge": body["challenge"], "proof": proof})

    def prove(self, phone):
        """A token by proof; keeps the trigger key that the SIM derived."""
        body, proof, key = self.challenged(phone)
        status, _, answer = self.show(phone, body, proof)
        self.assertEqual(201, status, answer)
        phone.answer, phone.trigger_key = answer, key
        return answer


class Proofs(SimBindings):
    def test_the_test_s_own_milenage(self):
        """Set 1 of TS 35.208."""
        mac_a, mac_s, res, ck, ik, ak, ak_s = milenage(*(bytes.fromhex(x) for x in (
            "465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf", "23553cbe9637a89d218ae64dae47bf35",
            "ff9bb4d0b607", "b9b9")))
        self.assertEqual(["4a9ffac354dfafb3", "01cfaf9ec4e871e9", "a54211d5e3ba50bf", "aa689c648370", "451e8beca43b"],
                         [x.hex() for x in (mac_a, mac_s, res, ak, ak_s)])
        self.assertEqual(["b40ba9a3c58b2a05bbf0d987b21bf8cb", "f769bcd751044604127672711c6d3441"], [ck.hex(), ik.hex()])

    def test_a_proof_opens_mail_and_its_key_signs_triggers(self):
        phone = self.with_sim()
        self.problem(phone.claim(), "proof-required", 401)
        self.prove(phone)
        self.assertNotIn("key", phone.answer["trigger"])
        self.assertEqual("confirmed", phone.binding()["state"])
        with phone.listen() as ear:
            content = phone.receive()
            trigger = ear.next()
        key = base64.urlsafe_b64encode(phone.trigger_key).decode()
        self.assertTrue(trigger.is_signed_for({**phone.answer["trigger"], "key": key}))
        self.assertEqual([content], phone.fetch())

    def test_refresh_sends_no_key_and_a_new_proof_changes_it(self):
        phone = self.with_sim()
        self.prove(phone)
        first = phone.trigger_key
        status, _, answer = phone.bearer("POST", "/v1/token/refresh")
        self.assertEqual(200, status)
        self.assertNotIn("key", answer["trigger"])
        self.prove(phone)
        self.assertNotEqual(first, phone.trigger_key)
        self.assertEqual(answer["trigger"]["generation"], phone.answer["trigger"]["generation"])

    def test_a_replay(self):
        phone = self.with_sim()
        body, proof, _ = self.challenged(phone)
        self.assertEqual(201, self.show(phone, body, proof)[0])
        self.problem(self.show(phone, body, proof), "proof-required", 401)
        # an older one than the last that was proved: an SQN from the past
        older, its_proof, _ = self.challenged(phone)
        self.prove(phone)
        self.problem(self.show(phone, older, its_proof), "proof-required", 401)
        self.assertEqual("confirmed", phone.binding()["state"])

    def test_a_proof_for_another_challenge(self):
        phone, other = self.with_sim(), self.with_sim()
        one, its_proof, _ = self.challenged(phone)
        two, _, _ = self.challenged(phone)
        self.problem(self.show(phone, two, its_proof), "proof-required", 401)
        altered = ("B" if its_proof[0] == "A" else "A") + its_proof[1:]
        self.problem(self.show(phone, one, altered), "proof-required", 401)
        for text in (one["challenge"][:-1], "A" * 84, one["challenge"][:40] + two["challenge"][40:]):
            self.problem(self.show(phone, {"challenge": text}, its_proof), "proof-required", 401)
        # of another address, another purpose, another generation
        foreign, its_other, _ = self.challenged(other)
        self.problem(self.show(phone, foreign, its_other), "proof-required", 401)
        self.assertEqual("unconfirmed", phone.binding()["state"])
        before, its_before, _ = self.challenged(phone)
        phone.lease()
        self.problem(self.show(phone, before, its_before), "proof-required", 401)
        self.prove(phone)

    def test_what_is_sealed_into_the_proof(self):
        """The phone's own address is: a challenge that somebody elsewhere relays to it is answered for its own place."""
        phone = self.with_sim()
        body, _, _ = self.challenged(phone)
        self.assertEqual((phone.ip, "default", 30), (body["key"], body["realm"], body["expires_in"]))
        for change in ({"key": "127.9.9.9"}, {"realm": "acme"}):
            body, _, _ = self.challenged(phone)
            phone.sim.slots = [seq - 1 for seq in phone.sim.slots]
            proof, _ = phone.sim.answer({**body, **change})
            self.problem(self.show(phone, body, proof), "proof-required", 401)

    def test_autn_proves_the_network(self):
        phone = self.with_sim()
        _, _, body = self.challenge(phone)
        with self.assertRaises(NotOurNetwork):
            Sim("440100000000000").answer(body)
        rand = bytes.fromhex(body["rand"])
        with self.assertRaises(NotOurNetwork):
            phone.sim.authenticate(rand[:15] + bytes([rand[15] ^ 1]), bytes.fromhex(body["autn"]))


class OutOfStepSims(SimBindings):
    def test_ahead_of_us_and_far_behind(self):
        for seq in (0, 1 << 42):
            with self.subTest(seq=seq):
                phone = self.with_sim(seq=seq)
                _, _, body = self.challenge(phone)
                with self.assertRaises(OutOfStep):
                    phone.sim.answer(body)
                self.prove(phone)
                self.assertGreater(phone.sim.slots[31], seq)
                self.assertLess(phone.sim.slots[31], seq + 100000)
                # it stays so, also over a SIM's own other slots
                phone.sim.slots[3] = phone.sim.slots[31] + 1000000
                _, _, body = self.challenge(phone)
                phone.sim.answer(body)

    def test_auts_of_nobody_changes_nothing(self):
        phone, other = self.with_sim(), self.with_sim()
        self.prove(phone)
        seq = phone.sim.slots[31]
        _, _, body = self.challenge(phone)
        good = phone.sim.auts(bytes.fromhex(body["rand"]))
        stranger = Sim(phone.imsi, k=bytes(16), seq=1 << 40).auts(bytes.fromhex(body["rand"]))
        for fields in ({"challenge": body["challenge"], "auts": stranger.hex()},
                       {"challenge": self.challenge(other)[2]["challenge"], "auts": good.hex()},
                       {"challenge": "A" * 84, "auts": good.hex()}):
            self.problem(self.challenge(phone, **fields), "proof-required", 401)
        for fields in ({"auts": good.hex()}, {"challenge": body["challenge"]},
                       {"challenge": body["challenge"], "auts": good.hex()[2:]}):
            self.problem(self.challenge(phone, **fields), "malformed", 400)
        # a SIM that is in step says so needlessly
        status, _, again = self.challenge(phone, challenge=body["challenge"], auts=good.hex())
        self.assertEqual(200, status)
        phone.sim.answer(again)
        self.assertGreater(phone.sim.slots[31], seq)
        self.assertLess(phone.sim.slots[31], seq + 100000)


class WhoGetsAChallenge(SimBindings):
    def test_nobody_s_address(self):
        self.problem(self.challenge(self.with_sim(attach=False)), "no-binding")

    def test_another_sim_contests(self):
        phone, other = self.with_sim(), self.with_sim()
        self.prove(phone)
        self.problem(self.challenge(phone, other.imsi), "claim-mismatch")
        self.assertEqual("contested", phone.binding()["state"])
        self.problem(self.challenge(phone, other.imsi), "contested")
        self.assertEqual(phone.try_login()[:3], "+OK")
        # the bound SIM's proof ends it, in the same generation
        generation = phone.binding()["generation"]
        self.prove(phone)
        self.assertEqual(("confirmed", generation), (phone.binding()["state"], phone.binding()["generation"]))

    def test_a_token_by_proof_of_a_sim_that_is_not_bound_contests(self):
        phone, other = self.with_sim(), self.with_sim()
        body, proof, _ = self.challenged(other)
        self.problem(self.show(phone, body, proof, imsi=other.imsi), "claim-mismatch")
        self.assertEqual("contested", phone.binding()["state"])

    def test_a_sim_without_a_key(self):
        phone = self.phones.next()
        self.problem(self.challenge(phone), "not-found", 404)
        self.assertEqual("confirmed", phone.binding()["state"])

    def test_malformed(self):
        phone = self.with_sim()
        for body in ({}, {"imsi": 5}, {"imsi": phone.imsi, "for": "mail"}, {"imsi": phone.imsi, "for": 1}):
            self.problem(self.hato.handset(phone.ip, "POST", "/v1/challenge", body), "malformed", 400)

    def test_quarantine_ends_by_the_bound_sim_s_proof(self):
        phone, other = self.with_sim(), self.with_sim()
        self.prove(phone)
        before = phone.binding()["generation"]
        old = phone.token
        self.hato.lease("update", ip=phone.ip, msisdn=other.msisdn, session_id=phone.session)
        self.assertEqual("quarantined", phone.binding()["state"])
        self.problem(phone.claim(), "quarantined")
        self.problem(self.challenge(phone, other.imsi), "quarantined")
        self.refused(phone, token=old)
        self.prove(phone)
        self.assertEqual("confirmed", phone.binding()["state"])
        self.assertGreater(phone.binding()["generation"], before)
        self.refused(phone, token=old)


    def test_no_proof_helps_the_frozen(self):
        phone = self.with_sim()
        body, proof, _ = self.challenged(phone)
        status, _, freeze = self.hato.network("POST", "/v1/freezes", {"msisdn": phone.msisdn})
        self.assertEqual(201, status, freeze)
        self.problem(self.challenge(phone), "quarantined")
        self.problem(self.show(phone, body, proof), "quarantined")
        self.assertEqual(204, self.hato.network("DELETE", "/v1/freezes/%d" % freeze["id"])[0])
        self.assertEqual(201, self.show(phone, body, proof)[0])

    def test_faults_are_counted_and_said_once(self):
        phone = self.with_sim()
        body, proof, _ = self.challenged(phone)
        for _ in range(3):
            self.problem(self.show(phone, body, "A" * 43), "proof-required", 401)
        said = [e for e in self.hato.events("proof-refused") if e["ip"] == phone.ip]
        self.assertEqual(["wrong"], [e["why"] for e in said])
        self.assertNotIn(proof, self.hato.log())
        status, _, text = self.hato.http(self.hato.port("hato.console_port"), "GET", "/metrics")
        self.assertEqual(200, status)
        self.assertRegex(text.decode(), r'hato_authsrv_proofs_refused_total\{why="wrong"[^}]*\} [1-9]')


class Reprove(SimBindings):
    sets = {"authsrv.reprove": 1, "authsrv.challenge_seconds": 2}

    def test_both_grow_old(self):
        phone = self.with_sim()
        self.prove(phone)
        body, proof, _ = self.challenged(phone)

        def refused(answer):
            return answer[0] == 401 and answer[2]["type"].endswith(":proof-required")
        eventually("a refresh needs a new proof", lambda: refused(phone.bearer("POST", "/v1/token/refresh")))
        eventually("the challenge is over", lambda: "over" in (self.show(phone, body, "A" * 43)[2].get("detail") or ""))
        self.problem(self.show(phone, body, proof), "proof-required", 401)
        self.prove(phone)
        self.assertEqual(200, phone.bearer("POST", "/v1/token/refresh")[0])


class SignUp(SimBindings):
    def new_sim(self, number):
        sim = Sim("44010%010d" % (900000000 + number))
        status, _, answer = self.hato.network("PUT", "/v1/sims/" + sim.imsi, sim.keys())
        self.assertEqual(204, status, answer)
        return sim

    def allow(self, phone, imsi=None, status=200):
        answer = self.hato.network("POST", "/v1/subscribers/%s/sim-change" % phone.msisdn, {"imsi": imsi} if imsi else None)
        self.assertEqual(status, answer[0], answer)
        return answer

    def put(self, phone, sim, body, proof):
        return self.hato.handset(phone.ip, "PUT", "/v1/sim", {"imsi": sim.imsi, "challenge": body["challenge"], "proof": proof})

    def sign_up(self, phone, sim):
        body, proof, _ = self.challenged(phone, sim, **{"for": "sim"})
        return self.put(phone, sim, body, proof)

    def test_once(self):
        phone = self.with_sim()
        self.prove(phone)
        old, generation, sim = phone.token, phone.binding()["generation"], self.new_sim(1)
        self.allow(phone)
        status, _, answer = self.sign_up(phone, sim)
        self.assertEqual((200, phone.msisdn, sim.imsi), (status, answer["msisdn"], answer["imsi"]))
        self.assertTrue(answer["sim_key"])
        binding = phone.binding()
        self.assertEqual(("unconfirmed", generation + 1, sim.imsi),
                         (binding["state"], binding["generation"], binding["imsi"]))
        self.refused(phone, token=old)
        was, phone.imsi, phone.sim = phone.sim, sim.imsi, sim
        self.prove(phone)
        # the old SIM is no more; another change needs another permission
        self.problem(self.challenge(phone, was.imsi), "claim-mismatch")
        self.prove(phone)
        self.problem(self.challenge(phone, self.new_sim(2).imsi, **{"for": "sim"}), "claim-mismatch")

    def test_one_that_had_none(self):
        """A number without a SIM: sign-up is how it gets its first one."""
        phone = self.phones.next(attach=False)
        self.provision(phone, None)
        phone.lease()
        sim = self.new_sim(3)
        self.allow(phone, sim.imsi)
        self.assertEqual(200, self.sign_up(phone, sim)[0])
        phone.imsi, phone.sim = sim.imsi, sim
        self.prove(phone)

    def test_not_allowed(self):
        phone, sim, other = self.with_sim(), self.new_sim(4), self.new_sim(5)
        self.prove(phone)
        self.problem(self.challenge(phone, sim.imsi, **{"for": "sim"}), "claim-mismatch")
        self.assertEqual("contested", phone.binding()["state"])
        # never where it is contested, though allowed now
        self.allow(phone, sim.imsi)
        self.problem(self.challenge(phone, sim.imsi, **{"for": "sim"}), "contested")
        self.prove(phone)
        # another SIM than the allowed one, one that is unknown, one that is bound
        self.problem(self.challenge(phone, other.imsi, **{"for": "sim"}), "claim-mismatch")
        self.prove(phone)
        self.allow(phone)
        self.problem(self.challenge(phone, "440101234567899", **{"for": "sim"}), "claim-mismatch")
        self.prove(phone)
        self.problem(self.challenge(phone, phone.imsi, **{"for": "sim"}), "conflict", 409)
        self.assertEqual(200, self.sign_up(phone, sim)[0])

    def test_no_proof_no_sign_up(self):
        phone, sim, other = self.with_sim(), self.new_sim(6), self.new_sim(7)
        self.allow(phone)
        body, proof, _ = self.challenged(phone, sim, **{"for": "sim"})
        self.problem(self.put(phone, sim, body, "A" * 43), "proof-required", 401)
        self.problem(self.put(phone, other, body, proof), "proof-required", 401)
        status, _, _ = self.hato.handset(phone.ip, "PUT", "/v1/sim", {"imsi": sim.imsi})
        self.assertEqual(400, status)
        # a challenge for a token is none for a sign-up, nor the other way round
        _, _, token_body = self.challenge(phone)
        self.problem(self.put(phone, phone.sim, token_body, proof), "proof-required", 401)
        self.problem(self.put(phone, phone.sim, token_body, phone.sim.answer(token_body, "sim")[0]), "proof-required", 401)
        self.problem(self.show(phone, body, proof, imsi=sim.imsi), "claim-mismatch")
        self.assertEqual("contested", phone.binding()["state"])
        self.problem(self.put(phone, sim, body, proof), "contested")

    def test_a_sim_that_became_another_s_meanwhile_is_hard_evidence(self):
        phone, owner, sim = self.with_sim(), self.with_sim(), self.new_sim(8)
        self.allow(phone)
        body, proof, _ = self.challenged(phone, sim, **{"for": "sim"})
        self.provision(owner, sim.imsi)
        self.problem(self.put(phone, sim, body, proof), "quarantined")
        binding = phone.binding()
        self.assertEqual(("quarantined", "proof-of-other"), (binding["state"], binding["reason"]))
        # the SIM that is bound there may say that it is there after all
        self.prove(phone)
        self.assertEqual("confirmed", phone.binding()["state"])

    def test_by_the_commands(self):
        phone, sim = self.with_sim(), Sim("440109000000010")
        run = self.hato.command("sim", "add", sim.imsi, "--k", sim.k.hex(), "--opc", sim.opc.hex())
        self.assertNotIn(sim.k.hex(), run.stdout + self.hato.log())
        self.hato.command("subscriber", "sim-change", phone.msisdn, "--imsi", sim.imsi)
        self.assertEqual(200, self.sign_up(phone, sim)[0])
        self.assertIn(sim.imsi, self.hato.command("subscriber", "show", phone.msisdn).stdout)
        for words in (("sim", "remove", sim.imsi), ("sim", "add", sim.imsi, "--k", sim.k.hex(), "--opc", sim.opc.hex()),
                      ("sim", "add", "440109000000011"), ("subscriber", "sim-change", "81999")):
            run = self.hato.command(*words, check=False)
            self.assertEqual((1, 1), (run.returncode, len(run.stderr.splitlines())), words)

    def test_the_network_s_side(self):
        phone, sim = self.with_sim(), self.new_sim(9)
        for path, body in (("/v1/sims/12", sim.keys()), ("/v1/sims/" + sim.imsi, {"k": "00" * 16}),
                           ("/v1/sims/" + sim.imsi, {"k": "0" * 31, "opc": "0" * 32})):
            self.assertEqual(400, self.hato.network("PUT", path, body)[0])
        self.assertEqual(409, self.hato.network("PUT", "/v1/sims/" + phone.imsi, sim.keys())[0])
        self.allow(phone, self.with_sim().imsi, 409)
        self.assertEqual(404, self.hato.network("POST", "/v1/subscribers/8199999/sim-change", {})[0])
        self.assertEqual(204, self.hato.network("DELETE", "/v1/sims/" + sim.imsi)[0])
        self.assertEqual(404, self.hato.network("DELETE", "/v1/sims/" + sim.imsi)[0])
        self.assertEqual(405, self.hato.network("GET", "/v1/sims/" + sim.imsi)[0])


if __name__ == "__main__":
    unittest.main()

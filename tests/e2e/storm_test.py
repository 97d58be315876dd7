"""A storm of token requests against a tiny gate: who is refused hears when to come back, lease events all get through, and
every token that is given is right."""
import threading
import unittest

from harness.bindings import Bindings

PHONES, ROUNDS, EVENTS = 24, 12, 40


class Storm(Bindings):
    sets = {"authsrv.workers": 1, "authsrv.tokens_in_flight": 1, "authsrv.retry_after": 3, "authsrv.retry_spread": 2}

    def storm(self, phone):
        """First tokens, again and again: each is a commit."""
        for _ in range(ROUNDS):
            status, headers, answer = phone.claim()
            if status == 201:
                self.given.append((phone, answer))
                self.deleted.append(phone.bearer("DELETE", "/v1/token", token=answer["token"])[0])
            else:
                self.refused.append((status, answer.get("type"), int(headers.get("Retry-After", 0))))

    def feed(self, phone):
        """The network says where phones are, meanwhile."""
        for n in range(EVENTS):
            status, _, answer = self.hato.network("POST", "/v1/lease-events", {
                "event": "start", "ip": phone.ip, "msisdn": phone.msisdn, "session_id": "storm-%d" % n})
            self.leases.append((status, answer["results"][0]["result"]))

    def test_refused_with_a_time_and_never_mixed_up(self):
        self.given, self.refused, self.leases, self.deleted = [], [], [], []
        phones = [self.phones.next(attach=False) for _ in range(PHONES + 1)]
        for phone in phones:
            phone.lease()
        threads = [threading.Thread(target=self.storm, args=(p,)) for p in phones[1:]]
        threads.append(threading.Thread(target=self.feed, args=(phones[0],)))
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual([(200, "applied")] * EVENTS, self.leases)
        self.assertGreater(len(self.refused), 20)
        self.assertEqual({(503, "urn:hato:problem:overloaded")}, {r[:2] for r in self.refused})
        times = {r[2] for r in self.refused}
        self.assertLessEqual(times, set(range(3, 10)))
        self.assertGreater(len(times), 3, "they come back at different times")
        self.assertGreater(len(self.given), 0)
        for phone, answer in self.given:
            self.assertEqual((phone.msisdn, [phone.address]), (answer["login"], answer["addresses"]))
        self.assertLessEqual(set(self.deleted), {204, 503})
        # When it is over, everybody gets a token, and it opens what is his.
        for phone in phones[1:4]:
            phone.ask_token()
            self.assertRegex(phone.try_login(), r"\A\+OK")

    def test_malformed_is_malformed_still(self):
        phone = self.phones.next(attach=False)
        answer = self.hato.handset(phone.ip, "POST", "/v1/token", {"imsi": phone.imsi}, {"Origin": "http://evil.example"})
        self.problem(answer, "malformed", 400)


if __name__ == "__main__":
    unittest.main()

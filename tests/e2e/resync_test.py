"""A NAS's whole list of sessions replaces what is held for it: POST /v1/nas/{nas_id}/resync, hato resync."""
import json
import os
import signal
import sqlite3
import threading
import unittest

from harness.bindings import Bindings, stamp
from harness.phones import Phones
from harness.system import Hato, free_ports

BULK = 3000


class Resync(Bindings):
    sets = {"authsrv.max_resync": 4000, "authsrv.max_body": 65536}

    def resync(self, sessions, nas="nas-a", time=None, **query):
        words = "&".join("%s=%s" % pair for pair in query.items())
        return self.hato.network("POST", "/v1/nas/%s/resync?%s" % (nas, words),
                                 {"time": time or stamp(), "sessions": sessions})

    def take(self, sessions, **more):
        status, _, answer = self.resync(sessions, **more)
        self.assertEqual(200, status, answer)
        return answer

    def lease(self, phone, nas, session, ip=None, event="start", **fields):
        return self.hato.lease(event, ip=ip or phone.ip, msisdn=phone.msisdn, session_id=session, nas_id=nas, **fields)

    def listed(self, phone, session, ip=None, **fields):
        return {"ip": ip or phone.ip, "msisdn": phone.msisdn, "session_id": session, **fields}

    def test_a_torn_table_is_put_right(self):
        a, b, c = (self.phones.next(attach=False) for _ in range(3))
        for phone, session in ((a, "t-a"), (b, "t-b")):
            self.lease(phone, "nas-t", session, time=stamp(-100))
        token = a.ask_token()["token"]
        # Bob's address is Carol's now and his own is another; Alice's is as it was.
        answer = self.take([self.listed(a, "t-a", started=stamp(-100)), self.listed(c, "t-c", b.ip),
                            self.listed(b, "t-b", c.ip)], nas="nas-t")
        self.assertEqual((3, 1), (answer["sessions"], answer["kept"]))
        self.assertEqual({"added": 0, "moved": 2, "ended": 0, "refused": 0, "released": 0}, answer["counts"])
        self.assertFalse(answer["behind"])
        holders = [self.phones_binding(ip)["msisdn"] for ip in (a.ip, b.ip, c.ip)]
        self.assertEqual([a.msisdn, c.msisdn, b.msisdn], holders)
        self.assertRegex(a.try_login(), r"\A\+OK")
        history = self.history(b.ip)
        self.assertEqual([("resync", "ended"), ("resync", "bound")], [(r["event"], r["outcome"]) for r in history[-2:]])
        self.assertEqual((c.msisdn, "nas-t", "t-c"), tuple(history[-1][k] for k in ("msisdn", "nas_id", "session_id")))
        # Once more, nothing moves.
        answer = self.take([self.listed(a, "t-a"), self.listed(c, "t-c", b.ip), self.listed(b, "t-b", c.ip)], nas="nas-t")
        self.assertEqual(3, answer["kept"])
        # And the empty list ends them all.
        answer = self.take([], nas="nas-t")
        self.assertEqual(3, answer["counts"]["ended"])
        self.assertEqual(["t-a", "t-b", "t-c"], sorted(e["session_id"] for e in answer["ended"]))
        self.assertEqual(["free"] * 3, [self.state(p.ip) for p in (a, b, c)])
        self.refused(a, token)

    def test_what_is_newer_stays(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        self.lease(a, "nas-n", "n-a", time=stamp(-50))
        at = stamp(-20)
        self.lease(b, "nas-n", "n-b", time=stamp(-10))
        answer = self.take([], nas="nas-n", time=at)
        self.assertEqual(1, answer["counts"]["ended"])
        self.assertEqual(("free", b.msisdn), (self.state(a.ip), self.phones_binding(b.ip)["msisdn"]))
        # A Start from before the list comes too late; an older list too.
        self.assertEqual("stale", self.lease(a, "nas-n", "n-a2", time=stamp(-30))["result"])
        self.assertEqual("free", self.state(a.ip))
        self.problem(self.resync([self.listed(a, "n-a")], nas="nas-n", time=stamp(-40)), "conflict", 409)

    def test_two_nases_and_quarantine(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        self.lease(a, "nas-q", "q-a")
        self.lease(b, "nas-r", "r-b")
        before = self.phones_binding(a.ip)["generation"]
        self.quarantine(a)
        answer = self.take([self.listed(a, "q-a")], nas="nas-q")
        self.assertEqual((1, 1), (answer["kept"], answer["counts"]["released"]))
        now = self.phones_binding(a.ip)
        self.assertEqual("unconfirmed", now["state"])
        self.assertGreater(now["generation"], before)
        self.assertEqual(b.msisdn, self.phones_binding(b.ip)["msisdn"])

    def quarantine(self, phone):
        """Hard evidence: one event, two subscribers."""
        other = self.phones.next(attach=False)
        result = self.hato.lease("update", ip=phone.ip, msisdn=phone.msisdn, imsi=other.imsi, session_id="q-a",
                                 nas_id="nas-q", time=stamp(0.5))
        self.assertEqual("quarantined", result["result"], result)

    def test_what_is_wrong_is_refused(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        answer = self.take([self.listed(a, "w-a"), {"ip": b.ip, "msisdn": "81999999999", "session_id": "w-u"}, 7,
                            {"msisdn": b.msisdn}, {"ip": "10.9.9.9", "msisdn": "x", "session_id": "w-x"},
                            {"ip": "10.9.9.8", "client_id": "0102"}], nas="nas-w")
        self.assertEqual((5, 1), (answer["counts"]["refused"], answer["counts"]["added"]))
        self.assertEqual(["unknown-subscriber"] + ["malformed"] * 4, [e["problem"] for e in answer["refused"]])
        for body in (b"", b"[]", b"{", b'{"time":"2026-01-01T00:00:00Z"}', b'{"sessions":[]}',
                     b'{"time":5,"sessions":[]}', b'{"time":"2026-01-01T00:00:00Z","sessions":[{]}',
                     b'{"time":"2026-01-01T00:00:00Z","sessions":[{},]}', b'{"time":"2026-01-01T00:00:00Z","sessions":{}}',
                     b'{"time":"2026-01-01T00:00:00Z","sessions":[]}x', b'{"time":"2026-01-01T00:00:00Z","sessions":[{}'):
            with self.subTest(body=body):
                self.problem(self.hato.network("POST", "/v1/nas/nas-w/resync", raw=body), "malformed", 400)
        self.assertEqual(a.msisdn, self.phones_binding(a.ip)["msisdn"])
        self.problem(self.resync([{}] * 4001, nas="nas-w"), "too-large", 413)
        # Others' bodies stay as small as they were.
        self.problem(self.hato.network("POST", "/v1/lease-events", raw=b" " * 70000), "too-large", 413)

    def test_the_command(self):
        a = self.phones.next(attach=False)
        path = self.hato.dir / "list.json"
        path.write_text(json.dumps({"sessions": [self.listed(a, "c-a")], "time": stamp(), "from": ["an", {"export": 1}]}))
        run = self.hato.command("resync", "--nas", "nas-c", str(path), "--json")
        self.assertEqual(1, json.loads(run.stdout)["counts"]["added"])
        run = self.hato.command("resync", "--nas", "nas-c", str(path))
        self.assertIn("1 sessions: 1 kept, 0 added", run.stdout)
        self.assertEqual(1, self.hato.command("resync", "--nas", "nas-c", "/nowhere", check=False).returncode)


class Realms(Bindings):
    """Two realms apart, and a key that speaks for one NAS only."""

    @classmethod
    def setUpClass(cls):
        ports = free_ports(3)
        cls.hato = Hato({"realm b.handset_port": ports[0], "realm b.pop3_port": ports[1], "realm b.trigger_port": ports[2],
                         "network-key partner.file": "partner.key", "network-key partner.realm": "b",
                         "network-key partner.scopes": "lease", "network-key partner.nas_ids": "nas-p",
                         "network-key feeder.realm": "*"}, start=False)
        (cls.hato.dir / "state").mkdir()
        (cls.hato.dir / "state" / "partner.key").write_text("partner-key-of-realm-b-0123456789\n")
        (cls.hato.dir / "state" / "partner.key").chmod(0o600)
        cls.hato.start()
        cls.phones = Phones(cls.hato)

    def partner(self, nas, sessions, query=""):
        return self.hato.network("POST", "/v1/nas/%s/resync%s" % (nas, query), {"time": stamp(), "sessions": sessions},
                                 {"Authorization": "Bearer partner-key-of-realm-b-0123456789"})

    def test_a_list_speaks_of_its_realm_and_nas_alone(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        self.hato.lease("start", ip=a.ip, msisdn=a.msisdn, session_id="1", nas_id="nas-p")
        status, _, answer = self.partner("nas-p", [{"ip": a.ip, "msisdn": b.msisdn, "session_id": "1"}])
        self.assertEqual((200, 1, 0), (status, answer["counts"]["added"], answer["counts"]["ended"]))
        self.assertEqual((a.msisdn, b.msisdn), (a.binding()["msisdn"], a.binding(realm="b")["msisdn"]))
        status, _, answer = self.partner("nas-p", [])
        self.assertEqual((200, 1), (status, answer["counts"]["ended"]))
        self.assertEqual((a.msisdn, None), (a.binding()["msisdn"], a.binding(realm="b")))
        self.assertEqual(403, self.partner("nas-other", [])[0])
        self.assertEqual(403, self.partner("nas-p", [], "?realm=default")[0])


class Killed(unittest.TestCase):
    def test_all_or_nothing(self):
        hato = Hato()
        try:
            subscribers = [hato.subscriber(n) for n in range(1, 41)]
            def ip(i):
                return "10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255)
            def body(generation):
                """Everybody has moved on; most of the list is nobody's, which makes it long."""
                sessions = [{"ip": ip(generation * 64 + i), "msisdn": s.msisdn, "session_id": "k%d-%d" % (generation, i)}
                            for i, s in enumerate(subscribers)]
                sessions += [{"ip": ip(65536 + i), "msisdn": "8199%08d" % i, "session_id": "u%d" % i} for i in range(BULK)]
                return {"time": stamp(), "sessions": sessions}
            def held():
                base = sqlite3.connect("file:%s?mode=ro" % (hato.dir / "state/db/bindings.db"), uri=True)
                try:
                    return {row[0] for row in base.execute(
                        "SELECT s.session_id FROM binding b JOIN session s ON s.id = b.session WHERE b.state <> 0")}
                finally:
                    base.close()
            def of(generation):
                return {"k%d-%d" % (generation, i) for i in range(len(subscribers))}
            assert hato.network("POST", "/v1/nas/nas-k/resync", body(1))[0] == 200
            self.assertEqual(of(1), held())
            for generation in range(2, 5):
                pid = hato.pid("authsrv")
                text = body(generation)
                answers = []
                def send():
                    try:
                        answers.append(hato.network("POST", "/v1/nas/nas-k/resync", text)[0])
                    except Exception:  # the answer was cut short
                        answers.append(None)
                before = held()
                thread = threading.Thread(target=send)
                thread.start()
                # The kill falls somewhere into the reading, the looking, the transaction or its answer.
                if generation > 2:
                    thread.join(0.02 * generation)
                os.kill(pid, signal.SIGKILL)
                thread.join()
                hato.wait_restarted("authsrv", pid)
                now = held()
                self.assertIn(now, (before, of(generation)))
                if answers == [200]:
                    self.assertEqual(of(generation), now)
        finally:
            hato.close()


if __name__ == "__main__":
    unittest.main()

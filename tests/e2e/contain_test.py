"""The bad day: freezes, the breaker, the report of what went wrong, and consumers that cannot ask the store."""
import json
import sqlite3
import unittest

from harness.bindings import Bindings, stamp
from harness.mail import Lmtp, Smtp, message
from harness.system import eventually


class Freezes(Bindings):
    """A frozen subscriber, NAS or prefix: no token, no mail opened, no trigger, from that commit on; and back again."""

    def freeze(self, **what):
        status, _, answer = self.hato.network("POST", "/v1/freezes", {"reason": "a test", **what})
        self.assertEqual(201, status, answer)
        self.addCleanup(lambda: self.hato.network("DELETE", "/v1/freezes/%d" % answer["id"]))
        return answer

    def thaw(self, freeze):
        self.assertEqual(204, self.hato.network("DELETE", "/v1/freezes/%d" % freeze["id"])[0])

    def shut(self, phone):
        """Nothing of what a binding gives is given."""
        status, headers, answer = phone.claim()
        self.problem((status, headers, answer), "quarantined")
        self.assertIn("frozen", answer["detail"])
        self.problem(phone.bearer("POST", "/v1/token/refresh"), "quarantined")
        self.assertRegex(phone.try_login(), r"\A-ERR \[AUTH\] frozen")
        self.assertIs(True, phone.binding()["frozen"])

    def check(self, phone, other, **what):
        """The whole course of a freeze of `what`, which covers phone and not other."""
        content = phone.receive()
        pop, bystander = phone.login(), other.login()
        self.assertRegex(pop.say("DELE 1"), r"\A\+OK")
        freeze = self.freeze(**what)
        self.assertTrue(pop.is_cut(), "the open session is cut though nothing was asked")
        self.shut(phone)
        self.assertRegex(bystander.say("NOOP"), r"\A\+OK")
        bystander.say("QUIT")
        self.assertEqual(201, other.claim()[0])
        self.thaw(freeze)
        self.assertEqual(200, phone.bearer("POST", "/v1/token/refresh")[0], "the binding is as it was")
        self.assertEqual([content], phone.fetch(), "nothing was deleted")

    def test_a_subscriber(self):
        a = self.phones.next()
        self.check(a, self.phones.next(), msisdn=a.msisdn)
        self.check(a, self.phones.next(), imsi=a.imsi)

    def test_a_nas(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        a.attach(nas_id="frozen-nas")
        b.attach(nas_id="other-nas")
        self.check(a, b, nas_id="frozen-nas")

    def test_a_prefix(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        a.attach("127.210.1.7")
        b.attach("127.210.2.7")
        self.check(a, b, prefix="127.210.1.0/24")
        self.check(a, b, prefix="127.210.1.7")

    def test_a_new_start_does_not_thaw(self):
        a = self.phones.next()
        self.freeze(msisdn=a.msisdn)
        a.lease(self.phones.address())
        self.problem(a.claim(), "quarantined")

    def test_mail_waits_outside_for_a_frozen_subscriber_only(self):
        a, b = self.phones.next(attach=False), self.phones.next()
        a.attach(nas_id="mail-nas")
        self.freeze(nas_id="mail-nas")
        a.receive()
        with Lmtp(self.hato.port("pushsrv.lmtp_port")) as lmtp:
            freeze = self.freeze(msisdn=b.msisdn)
            self.assertEqual("defer", freeze["mail"])
            code, text = lmtp.deliver(b.address, message("waits outside"))
            self.assertEqual(450, code)
            self.assertIn("4.2.1", text)
        self.thaw(freeze)
        self.freeze(msisdn=b.msisdn, mail="accept")
        b.receive()

    def test_no_trigger_while_frozen_and_one_after(self):
        a, b, witness = self.phones.next(), self.phones.next(attach=False), self.phones.next()
        b.attach(nas_id="silent-nas")
        for phone, what in ((a, {"msisdn": a.msisdn, "mail": "accept"}), (b, {"nas_id": "silent-nas"})):
            with phone.listen() as air, witness.listen() as other:
                freeze = self.freeze(**what)
                phone.receive()
                witness.receive()
                other.next()
                self.assertEqual([], air.waiting(), "who came later was told")
                self.thaw(freeze)
                air.next()
            witness.fetch()

    def test_it_survives_a_restart_and_every_step_is_in_the_history(self):
        a = self.phones.next()
        freeze = self.freeze(msisdn=a.msisdn)
        pid = self.hato.kill("authsrv")
        self.hato.wait_restarted("authsrv", pid)
        self.shut(a)
        self.thaw(freeze)
        steps = [(s["event"], s["kind"], s["evidence"]) for s in self.hato.network("GET", "/v1/containment")[2]
                 if s["msisdn"] == a.msisdn]
        self.assertEqual([("thawed", "subscriber", "a test"), ("frozen", "subscriber", "a test")], steps)
        freeze = self.freeze(msisdn=a.msisdn)
        self.assertEqual([a.msisdn], [f["msisdn"] for f in self.hato.network("GET", "/v1/freezes")[2]
                                      if f["id"] == freeze["id"]])

    def test_commands(self):
        a = self.phones.next()
        made = json.loads(self.hato.command("freeze", "subscriber", a.msisdn, "--reason", "by hand", "--json").stdout)
        self.assertEqual(("subscriber", "by hand"), (made["kind"], made["reason"]))
        self.assertIn(a.msisdn, self.hato.command("freeze", "list").stdout)
        again = self.hato.command("freeze", "subscriber", a.msisdn, check=False)
        self.assertEqual(1, again.returncode)
        self.assertIn("frozen already", again.stderr)
        self.hato.command("thaw", str(made["id"]))
        self.assertNotIn(a.msisdn, self.hato.command("freeze", "list").stdout)
        self.assertEqual(1, self.hato.command("thaw", str(made["id"]), check=False).returncode)

    def test_what_cannot_be_frozen(self):
        for body in ({}, {"msisdn": "819012345678", "nas_id": "x"}, {"prefix": "10.0.0.1/8"}, {"prefix": 5}, {"prefix": "::/0"}, {"msisdn": "x"},
                     {"nas_id": "x", "mail": "defer"}, {"nas_id": ""}, {"nas_id": "x", "realm": "No Realm"}, [], "x"):
            with self.subTest(body=body):
                self.problem(self.hato.network("POST", "/v1/freezes", body), "malformed", 400)
        self.problem(self.hato.network("POST", "/v1/freezes", {"msisdn": "819099999999"}), "not-found", 404)
        self.assertEqual(403, self.hato.network("POST", "/v1/freezes", {"nas_id": "x", "realm": "elsewhere"})[0], "not the key's")
        self.problem(self.hato.network("DELETE", "/v1/freezes/999999"), "not-found", 404)
        self.problem(self.hato.network("DELETE", "/v1/freezes/one"), "malformed", 400)


class Breaker(Bindings):
    """A feed that its phones contradict: bare words stop counting for that pool, until it is put right."""
    sets = {"authsrv.breaker_grace": 0, "authsrv.breaker_least": 5, "authsrv.breaker_prefixes": "127.220.0.0/16"}

    def swapped(self, nas_id, n=12, ip=None):
        """n phones whose feed mixed them up: each says truly who it is, from where the next one is said to be."""
        phones = [self.phones.next(attach=False) for _ in range(n)]
        for i, phone in enumerate(phones):
            phone.lease(ip and ip % (i + 1), nas_id=nas_id if isinstance(nas_id, str) else nas_id[i % len(nas_id)])
        for i, phone in enumerate(phones):
            self.problem(phone.claim(ip=phones[i - 1].ip), "claim-mismatch")
        return phones

    def tripped(self, pool):
        return [b for b in self.hato.network("GET", "/v1/breakers")[2] if b["pool"] == pool]

    def trip(self, pool, *args, **kw):
        self.swapped(*args, **kw)
        row, = eventually(pool + " trips", lambda: self.tripped(pool))
        return row

    def metric(self, name):
        text = self.hato.http(self.hato.port("hato.console_port"), "GET", "/metrics")[2].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if not line.startswith("#") and line.split("{")[0].split(" ")[0] == name)

    def test_a_faulty_feed(self):
        honest, elsewhere = self.phones.next(attach=False), self.phones.next(attach=False)
        honest.attach(nas_id="faulty")
        elsewhere.attach(nas_id="sound")
        row = self.trip("faulty", "faulty")
        self.assertEqual(("nas", ["faulty"], 0), (row["kind"], row["waits_for"], row["hard"]))
        self.assertGreaterEqual(row["bare"], 5)
        answer = honest.claim()
        self.problem(answer, "overloaded", 503)
        self.assertIn("only SIM proofs", answer[2]["detail"])
        self.assertEqual(200, honest.bearer("POST", "/v1/token/refresh")[0], "a token is no bare word")
        self.assertRegex(honest.try_login(), r"\A\+OK", "what works goes on")
        self.assertEqual(201, elsewhere.claim()[0])
        pid = self.hato.kill("authsrv")
        self.hato.wait_restarted("authsrv", pid)
        self.problem(honest.claim(), "overloaded", 503)
        self.assertIn("faulty", self.hato.command("breaker", "list").stdout)
        self.assertGreaterEqual(self.metric("hato_authsrv_breakers_tripped"), 1)
        self.hato.command("breaker", "release", "faulty")
        self.assertEqual(201, honest.claim()[0])
        self.assertEqual([], self.tripped("faulty"))
        self.problem(self.hato.network("POST", "/v1/breakers/faulty/release"), "not-found", 404)
        steps = [s["event"] for s in self.hato.network("GET", "/v1/containment")[2] if s["nas_id"] == "faulty"]
        self.assertEqual(["breaker-released", "breaker-tripped"], steps)
        self.assertIn("breaker-tripped", self.hato.command("containment").stdout)
        self.assertTrue([e for e in self.hato.events("breaker-tripped") if e["pool"] == "faulty"])
        self.assertTrue([e for e in self.hato.events("breaker-released") if e["pool"] == "faulty"])

    def test_a_prefix_is_a_pool_over_its_nases(self):
        row = self.trip("127.220.0.0/16", ["nas-1", "nas-2", "nas-3"], ip="127.220.0.%d")
        self.assertEqual(("prefix", ["nas-1", "nas-2", "nas-3"]), (row["kind"], row["waits_for"]))
        inside, outside = self.phones.next(attach=False), self.phones.next(attach=False)
        inside.lease("127.220.9.9", nas_id="nas-4")
        outside.lease(nas_id="nas-4")
        self.problem(inside.claim(), "overloaded", 503)
        self.assertEqual(201, outside.claim()[0])
        status, _, answer = self.hato.network("POST", "/v1/breakers/127.220.0.0%2F16/release")
        self.assertEqual((200, "released"), (status, answer["state"]))
        self.assertEqual(201, inside.claim()[0])

    def test_resynchronised(self):
        row = self.trip("resynced", "resynced")
        self.assertEqual(["resynced"], row["waits_for"])
        phone = self.phones.next(attach=False)
        phone.lease(nas_id="resynced")
        self.problem(phone.claim(), "overloaded", 503)
        sessions = [{"ip": phone.ip, "msisdn": phone.msisdn, "session_id": phone.session}]
        status, _, answer = self.hato.network("POST", "/v1/nas/resynced/resync",
                                                   {"time": stamp(), "sessions": sessions})
        self.assertEqual(200, status, answer)
        self.assertEqual([], self.tripped("resynced"))
        self.assertEqual(201, phone.claim()[0])

    def test_one_busy_liar_cannot_trip_it(self):
        """Every name there is, at its own address; and its one name, at every address."""
        others = [self.phones.next(attach=False) for _ in range(12)]
        liar, confused = self.phones.next(attach=False), self.phones.next(attach=False)
        for phone in others + [liar]:
            phone.lease(nas_id="lied-to")
        for _ in range(5):
            for phone in others:
                self.assertEqual(403, liar.claim(imsi=phone.imsi)[0])
                self.assertEqual(403, confused.claim(ip=phone.ip)[0])
        self.trip("witness", "witness")  # all of it has been judged by then
        self.assertEqual([], self.tripped("lied-to"))
        liar.lease(nas_id="lied-to")
        self.assertEqual(201, liar.claim()[0])

    def test_hard_evidence_counts(self):
        """Two sessions of one time on a key, at six keys."""
        for i in range(6):
            a, b, at = self.phones.next(attach=False), self.phones.next(attach=False), stamp()
            a.lease(nas_id="contradictory", time=at)
            self.start(a.ip, b, "twin-%d" % i, time=at, nas_id="contradictory")
        row, = eventually("it trips", lambda: self.tripped("contradictory"))
        self.assertEqual((6, 0), (row["hard"], row["bare"]))


class Misbinding(Bindings):
    """Which messages went through a binding that later proved wrong."""

    def report(self, since, *ips, query=""):
        """Rows of these addresses: (what, msisdn, why, who the doubt names)."""
        status, _, answer = self.hato.network("GET", "/v1/reports/misbinding?since=%s%s" % (since, query))
        self.assertEqual(200, status, answer)
        return [(r["what"], r["msisdn"], r["why"], r["doubt"]["msisdn"]) for r in answer["accesses"] if r["ip"] in ips]

    def reader(self, **lease):
        """A phone that has read and deleted a mail."""
        phone = self.phones.next(attach=False)
        phone.attach(**lease)
        self.read(phone)
        return phone

    def read(self, phone):
        with phone.listen() as air:
            phone.receive()
            air.next()
        phone.fetch()

    def expect_all(self, since, phone, why, names, ip=None):
        """All that phone did is in doubt. The trigger is put on record behind the datagram."""
        want = sorted((what, phone.msisdn, why, names) for what in ("triggered", "read", "deleted"))
        eventually("it is on record", lambda: len(self.report(since, ip or phone.ip)) >= len(want))
        self.assertEqual(want, sorted(self.report(since, ip or phone.ip)))

    def test_hard_evidence_doubts_all_of_the_generation(self):
        since, at = stamp(), stamp()
        a, b = self.reader(time=at), self.phones.next(attach=False)
        self.start(a.ip, b, "twin", time=at)
        self.expect_all(since, a, "evidence", b.msisdn)
        text = self.hato.command("report", "misbinding", "--since", since).stdout
        self.assertIn(a.msisdn, text)
        rows = json.loads(self.hato.command("report", "misbinding", "--since", since, "--json").stdout)
        row = [r for r in rows if r["ip"] == a.ip and r["what"] == "deleted"][0]
        self.assertEqual(([1], "two-sessions"), (row["uids"], row["doubt"]["outcome"]))
        self.assertEqual([], self.report(stamp(), a.ip), "nothing since now")
        self.assertEqual([], self.report(since, a.ip, query="&until=" + since))

    def test_a_late_start_shows_whose_the_address_was(self):
        since = stamp()
        a, b = self.reader(time=stamp(-60)), self.phones.next(attach=False)
        self.assertEqual("applied", self.start(a.ip, b, "late", time=stamp(-30))["result"])
        self.expect_all(since, a, "late-start", b.msisdn)
        c = self.reader(time=stamp(-60))
        self.start(c.ip, c, "his own again", time=stamp(-30))
        self.assertEqual([], self.report(since, c.ip), "it was his all the time")

    def test_a_stale_start_shows_who_had_it_before(self):
        since = stamp()
        a, b, c = self.phones.next(), self.phones.next(attach=False), self.phones.next(attach=False)
        between = stamp()
        self.read(a)
        b.lease(a.ip)
        self.assertEqual("stale", self.start(a.ip, c, "was there", time=between)["result"])
        self.expect_all(since, a, "stale-start", c.msisdn)

    def test_an_update_twice_shows_that_start_and_stop_were_lost(self):
        since = stamp()
        a, b = self.reader(), self.phones.next(attach=False)
        for _ in range(2):
            self.hato.lease("update", ip=a.ip, msisdn=b.msisdn, session_id="unheard-of-" + b.msisdn)
        self.assertEqual(b.msisdn, self.phones_binding(a.ip)["msisdn"])
        self.expect_all(since, a, "replaced", b.msisdn)

    def test_a_resynchronisation_shows_another_holder(self):
        since = stamp()
        a, b = self.reader(nas_id="torn"), self.phones.next(attach=False)
        sessions = [{"ip": a.ip, "msisdn": b.msisdn, "session_id": "torn-b"}]
        status, _, answer = self.hato.network("POST", "/v1/nas/torn/resync", {"time": stamp(), "sessions": sessions})
        self.assertEqual((200, b.msisdn), (status, self.phones_binding(a.ip)["msisdn"]), answer)
        self.expect_all(since, a, "replaced", b.msisdn)

    def test_an_honest_life_is_not_in_it(self):
        since = stamp()
        a, b = self.reader(), self.phones.next(attach=False)
        x = a.ip
        a.stop()
        b.attach(x)
        b.receive()
        b.fetch()
        self.hato.lease("update", ip=x, msisdn=b.msisdn, session_id=b.session)
        a.attach(x)
        self.assertEqual([], self.report(since, x))

    def test_pages(self):
        since, at = stamp(), stamp()
        readers = [self.reader(time=at) for _ in range(3)]
        for a in readers:
            b = self.phones.next(attach=False)
            self.start(a.ip, b, "twin-" + a.ip, time=at)
            self.expect_all(since, a, "evidence", b.msisdn)
        seen, after = [], ""
        while after is not None:
            answer = self.hato.network("GET", "/v1/reports/misbinding?limit=2&since=%s&after=%s" % (since, after))[2]
            self.assertLessEqual(len(answer["accesses"]), 2)
            seen += [(r["ip"], r["what"]) for r in answer["accesses"]]
            after = answer["next"]
        self.assertEqual(sorted((a.ip, what) for a in readers for what in ("triggered", "read", "deleted")), sorted(seen))
        self.assertEqual(len(set(seen)), len(seen))
        for query in ("", "?since=now", "?since=%s&after=1" % since, "?since=%s&limit=0" % since):
            self.problem(self.hato.network("GET", "/v1/reports/misbinding" + query), "malformed", 400)


def spoil(hato):
    """bindings.db is not to be read any more: all of it is overwritten, and a commit makes everyone look at it again."""
    path = hato.dir / "state" / "db" / "bindings.db"
    db = sqlite3.connect(path, timeout=30, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE counter SET value = value + 1 WHERE name = 'commit'")
    with open(path, "r+b") as f:
        f.write(b"\xff" * path.stat().st_size)
    db.execute("COMMIT")
    db.close()


class FailClosed(Bindings):
    """A store that cannot be asked is never a yes."""

    def test_nobody_says_yes(self):
        a, b, c = self.phones.next(), self.phones.next(), self.phones.next()
        for phone in (a, b, c):
            phone.receive()
        pop = a.login()
        with b.listen() as air, Smtp(self.hato.port("smtpgw.mx_port")) as mx:
            spoil(self.hato)
            self.assertEqual(503, a.claim()[0])
            self.assertEqual(503, a.bearer("POST", "/v1/token/refresh")[0])
            self.assertRegex(pop.say("RETR 1"), r"\A-ERR \[SYS/TEMP\]")
            self.assertRegex(b.try_login(), r"\A-ERR \[SYS/TEMP\]")
            air.waiting()  # of before
            self.assertEqual([451], [code for code, _ in mx.envelope("someone@elsewhere.example", [b.address])])
            self.assertEqual([], air.waiting())


if __name__ == "__main__":
    unittest.main()

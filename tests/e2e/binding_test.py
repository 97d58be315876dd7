"""Who holds an address, told by the REST feed: the replay of 2011, the order of events, and doubt."""
import base64
import contextlib
import json
import os
import signal
import sqlite3
import unittest

from harness.bindings import Bindings, stamp
from harness.service_centre import emn_push
from harness.system import eventually, suspend
from harness.trigger import Trigger

FORGED = "hato_authsrv_reports_forged_total"


class Replay2011(Bindings):
    """20 December 2011: handsets reconnect in a mass, Stops are lost, addresses go to the next phone at once."""

    def test_a_lost_stop_leaves_the_old_owner_nothing(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        secret = a.receive()
        x = a.ip
        old = a.token
        self.assertRegex(a.try_login(), r"\A\+OK")
        before = self.phones_binding(x)["generation"]
        b.lease(x)  # A's Stop was lost
        self.refused(a, old, x)
        self.problem(a.claim(ip=x), "claim-mismatch")
        self.assertGreater(self.phones_binding(x)["generation"], before)
        b.lease(x)  # B reconnects: what A's phone said contested the binding of before
        b.ask_token()
        self.assertEqual([], b.fetch(), "B sees B's mail: none")
        self.refused(a, old, x)
        a.attach(self.phones.address())
        self.assertEqual([secret], a.fetch())

    def test_a_thousand_addresses_change_hands_in_one_batch(self):
        phones = [self.phones.next() for _ in range(40)]
        tokens = [(p, p.token, p.ip) for p in phones]
        moved = phones[1:] + phones[:1]
        events = [{"event": "start", "ip": ip, "msisdn": q.msisdn, "session_id": "storm-" + q.msisdn}
                  for (_, _, ip), q in zip(tokens, moved)]
        status, _, answer = self.hato.network("POST", "/v1/lease-events", events * 25)
        self.assertEqual((200, 1000), (status, answer["accepted"]))
        for (phone, token, ip), owner in zip(tokens, moved):
            self.refused(phone, token, ip)
            binding = self.phones_binding(ip)
            self.assertEqual((owner.msisdn, "unconfirmed"), (binding["msisdn"], binding["state"]))
            owner.ip = ip
            owner.ask_token()
            self.assertRegex(owner.try_login(), r"\A\+OK")

    def test_an_open_session_is_cut_when_the_address_moves(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        content = a.receive()
        pop = a.login()
        self.assertRegex(pop.say("DELE 1"), r"\A\+OK")
        b.lease(a.ip)
        self.assertTrue(pop.is_cut(), "at once, without a word, though nothing was asked")
        a.attach(self.phones.address())
        self.assertEqual([content], a.fetch(), "what was marked is still there")

    def test_quit_in_the_same_moment_deletes_nothing(self):
        """popgw sleeps while the address moves, and wakes to the QUIT and to the news at once: the store decides."""
        pid = self.hato.pid("popgw")
        for _ in range(8):
            a, b = self.phones.next(), self.phones.next(attach=False)
            content = a.receive()
            with a.login() as pop:
                self.assertRegex(pop.say("DELE 1"), r"\A\+OK")
                suspend(pid)
                try:
                    b.lease(a.ip)
                    pop.send(b"QUIT\r\n")
                finally:
                    os.kill(pid, signal.SIGCONT)
                self.assertTrue(pop.is_cut(), "without +OK")
            a.attach(self.phones.address())
            self.assertEqual([content], a.fetch())

    def test_every_new_binding_of_an_address_has_a_new_generation(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        x, seen, tokens = a.ip, [self.phones_binding(a.ip)["generation"]], [a.token]
        for phone in (b, a, b, a):
            phone.attach(x)
            seen.append(phone.answer["trigger"]["generation"])
            tokens.append(phone.token)
        self.assertEqual(sorted(set(seen)), seen)
        for token in tokens[:-1]:
            self.refused(a, token, x)
        a.stop()
        a.attach(x)
        self.assertGreater(a.answer["trigger"]["generation"], seen[-1], "it grows over a free period too")
        self.refused(a, tokens[-1], x)

    def test_a_start_of_somebody_unknown_evicts_all_the_same(self):
        for identity in ({"msisdn": "819999999999"}, {"imsi": "440109999999999"}, {"msisdn": "not a number"}, {"msisdn": 5},
                         {}, {"msisdn": "819999999999", "imsi": "440109999999999"}):
            with self.subTest(identity=identity):
                a = self.phones.next()
                result = self.hato.lease("start", ip=a.ip, session_id="u-" + a.ip, **identity)
                self.assertEqual("error", result["result"])
                self.assertIn(result["problem"], ("unknown-subscriber", "malformed"))
                self.assertEqual("free", self.state(a.ip))
                self.refused(a, a.token)
                self.problem(a.claim(), "no-binding")

    def test_a_contradictory_start_evicts_and_quarantines(self):
        a, b, c = self.phones.next(), self.phones.next(attach=False), self.phones.next(attach=False)
        result = self.hato.lease("start", ip=a.ip, msisdn=b.msisdn, imsi=c.imsi, session_id="two")
        self.assertEqual("quarantined", result["result"])
        self.refused(a, a.token)
        for phone in (a, b, c):
            self.problem(phone.claim(ip=a.ip), "quarantined")
        b.attach(a.ip)  # a new Start ends it
        self.assertRegex(b.try_login(), r"\A\+OK")


class Order(Bindings):
    """An older event never undoes a newer one; duplicates change nothing; a Stop ends its own session only."""

    def test_an_older_start_changes_nothing(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        result = self.start(a.ip, b, "late", time=stamp(-60))
        self.assertEqual("stale", result["result"])
        self.assertRegex(a.try_login(), r"\A\+OK")
        self.assertEqual(a.msisdn, self.phones_binding(a.ip)["msisdn"])

    def test_a_duplicate_keeps_tokens(self):
        a = self.phones.next()
        result = self.start(a.ip, a, a.session)
        self.assertEqual("duplicate", result["result"])
        self.assertRegex(a.try_login(), r"\A\+OK")

    def test_a_late_stop_of_the_former_session_does_not_end_the_new_one(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        old = a.session
        b.attach(a.ip)
        result = self.hato.lease("stop", session_id=old)
        self.assertIn(result["result"], ("applied", "duplicate", "stale"))
        self.assertRegex(b.try_login(), r"\A\+OK")

    def test_a_stop_before_its_start(self):
        a = self.phones.next(attach=False)
        self.assertEqual("applied", self.hato.lease("stop", session_id="early", time=stamp())["result"])
        result = self.start(a.ip, a, "early", time=stamp(-1))
        self.assertEqual("stale", result["result"])
        self.assertEqual("free", self.state(a.ip))

    def test_a_stop_frees_at_once(self):
        a = self.phones.next()
        pop = a.login()
        self.assertEqual("applied", a.stop()["result"])
        self.assertTrue(pop.is_cut())
        self.refused(a, a.token)
        self.problem(a.claim(), "no-binding")
        self.assertEqual("free", self.state(a.ip))

    def test_one_session_a_subscriber(self):
        a = self.phones.next()
        old, token = a.ip, a.token
        a.attach(self.phones.address())
        self.refused(a, token, old)
        self.problem(a.claim(ip=old), "no-binding")
        self.assertEqual("free", self.state(old))
        status, _, rows = self.hato.network("GET", "/v1/bindings?msisdn=" + a.msisdn)
        self.assertEqual([a.ip], [row["ip"] for row in rows])
        status, _, rows = self.hato.network("GET", "/v1/bindings?imsi=" + a.imsi)
        self.assertEqual([a.ip], [row["ip"] for row in rows])

    def test_order_inside_a_batch_decides_equal_times(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        ip, at = self.phones.address(), stamp()
        events = [{"event": "start", "ip": ip, "msisdn": p.msisdn, "session_id": "same-" + p.msisdn, "time": at} for p in (a, b)]
        status, _, answer = self.hato.network("POST", "/v1/lease-events", events)
        self.assertEqual(["applied", "applied"], [r["result"] for r in answer["results"]])
        self.assertEqual(b.msisdn, self.phones_binding(ip)["msisdn"])
        again = self.hato.network("POST", "/v1/lease-events", events)[2]["results"]
        self.assertEqual(b.msisdn, self.phones_binding(ip)["msisdn"], again)

    def test_equal_times_in_two_requests_are_a_conflict(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        ip, at = self.phones.address(), stamp()
        self.assertEqual("applied", self.start(ip, a, "one", time=at)["result"])
        self.assertEqual("quarantined", self.start(ip, b, "other", time=at)["result"])
        self.assertEqual("quarantined", self.state(ip))

    def test_a_clock_in_2036_does_not_freeze_an_address(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        ip = self.phones.address()
        self.assertEqual("applied", self.start(ip, a, "ahead", time="2036-02-07T06:28:16Z", nas_id="nas-2036")["result"])
        b.attach(ip)
        self.assertRegex(b.try_login(), r"\A\+OK")
        self.assertTrue(self.hato.events("nas-clock-wrong"))

    def test_nas_on_ends_what_began_before(self):
        a, b = self.phones.next(attach=False), self.phones.next()
        a.attach(nas_id="nas-reboots")
        self.assertEqual("applied", self.hato.lease("nas-on", nas_id="nas-reboots")["result"])
        self.refused(a, a.token)
        self.assertRegex(b.try_login(), r"\A\+OK", "another NAS's session goes on")
        a.attach(nas_id="nas-reboots")
        self.assertEqual("stale", self.hato.lease("nas-on", nas_id="nas-reboots", time=stamp(-30))["result"])
        self.assertRegex(a.try_login(), r"\A\+OK", "a late On ends nothing that is newer")

    def test_history_says_who_held_an_address_when(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        x = a.ip
        first = stamp()
        eventually("the clock moves", lambda: stamp() > first)
        b.attach(x)
        between = first
        rows = self.history(x)
        self.assertEqual([a.msisdn, b.msisdn], [r["msisdn"] for r in rows if r["event"] == "start"])
        for row in rows:
            self.assertIn(row["event"], ("start", "confirmed", "claim"))
            self.assertTrue(row["time"].endswith("Z") and row["received"].endswith("Z"))
        self.assertEqual(a.msisdn, self.holder_at(x, between))
        self.assertEqual(b.msisdn, self.holder_at(x, stamp()))
        self.assertIsNone(self.holder_at(x, "2020-01-01T00:00:00Z"))
        b.stop()
        self.assertIsNone(self.holder_at(x, stamp()), "after the Stop")
        text = self.hato.command("binding", "history", x, "--at", between).stdout
        self.assertIn(a.msisdn, text)

    def test_history_knows_that_a_subscriber_left_for_another_address(self):
        a = self.phones.next()
        old = a.ip
        held = stamp()
        a.lease(self.phones.address())
        self.assertEqual("free", self.state(old))
        self.assertEqual(a.msisdn, self.holder_at(old, held))
        self.assertIsNone(self.holder_at(old, stamp()))


class Doubt(Bindings):
    """Contested and quarantined: how they come, what they forbid, and each way out."""

    def contest(self):
        """A confirmed phone at whose address somebody else's SIM was claimed."""
        a, b = self.phones.next(), self.phones.next(attach=False)
        self.problem(b.claim(ip=a.ip), "claim-mismatch")
        self.assertEqual("contested", self.state(a.ip))
        return a, b

    def quarantine(self):
        """An address in quarantine by two Starts of one time; a is its holder, whose token is void."""
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        at = stamp()
        a.attach(time=at)
        self.assertEqual("quarantined", self.start(a.ip, b, "twin-" + a.ip, time=at)["result"])
        return a, b

    def test_contested_gives_nothing_new_but_what_works_goes_on(self):
        a, b = self.contest()
        self.problem(a.claim(), "contested")
        self.problem(b.claim(ip=a.ip), "contested")
        a.receive()
        self.assertEqual(1, len(a.fetch()), "its token still opens")

    def test_an_imsi_that_nobody_has_contests_too(self):
        a = self.phones.next()
        self.problem(a.claim(imsi="440109876543210"), "claim-mismatch")
        self.assertEqual("contested", self.state(a.ip))

    def test_refresh_with_a_valid_token_ends_contested(self):
        a, _ = self.contest()
        generation = self.phones_binding(a.ip)["generation"]
        status, _, answer = a.bearer("POST", "/v1/token/refresh")
        self.assertEqual((200, generation), (status, answer["trigger"]["generation"]))
        self.assertEqual("confirmed", self.state(a.ip))
        self.assertEqual(201, a.claim()[0])

    def test_a_new_start_ends_contested(self):
        a, b = self.contest()
        b.attach(a.ip)
        self.assertRegex(b.try_login(), r"\A\+OK")

    def test_an_update_of_another_session_contests_and_the_second_wins(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        for state in ("contested", "unconfirmed"):
            result = self.hato.lease("update", ip=a.ip, msisdn=b.msisdn, session_id="creeps")
            self.assertEqual("applied", result["result"])
            self.assertEqual(state, self.state(a.ip))
        self.assertEqual(b.msisdn, self.phones_binding(a.ip)["msisdn"])
        self.refused(a, a.token)

    def test_a_sign_of_the_holder_between_two_such_updates(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        update = {"ip": a.ip, "msisdn": b.msisdn, "session_id": "creeps-2"}
        self.hato.lease("update", **update)
        self.assertEqual(200, a.bearer("POST", "/v1/token/refresh")[0])
        self.hato.lease("update", **update)
        self.assertEqual(("contested", a.msisdn), (self.state(a.ip), self.phones_binding(a.ip)["msisdn"]))

    def test_quarantined_opens_nothing_for_anybody(self):
        a, b = self.quarantine()
        for phone in (a, b):
            self.problem(phone.claim(ip=a.ip), "quarantined")
        self.refused(a, a.token)
        self.problem(a.bearer("POST", "/v1/token/refresh"), "quarantined")
        self.assertEqual("quarantined", self.state(a.ip))

    def test_quarantine_cuts_an_open_session(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        at = stamp()
        a.attach(time=at)
        pop = a.login()
        self.assertEqual("quarantined", self.start(a.ip, b, "twin", time=at)["result"])
        self.assertTrue(pop.is_cut())

    def test_neither_update_nor_duplicate_of_the_doubted_session_ends_quarantine(self):
        a, _ = self.quarantine()
        self.start(a.ip, a, a.session)
        self.hato.lease("update", ip=a.ip, msisdn=a.msisdn, session_id=a.session)
        self.hato.lease("stop", session_id=a.session)
        self.assertEqual("quarantined", self.state(a.ip))
        self.problem(a.claim(), "quarantined")

    def test_a_new_start_ends_quarantine(self):
        a, b = self.quarantine()
        old = a.token
        a.attach(a.ip)
        self.assertRegex(a.try_login(), r"\A\+OK")
        self.refused(a, old)

    def test_the_operator_lists_and_releases(self):
        a, _ = self.quarantine()
        old, generation = a.token, self.phones_binding(a.ip)["generation"]
        status, _, rows = self.hato.network("GET", "/v1/quarantine")
        self.assertEqual(["two-sessions"], [r["reason"] for r in rows if r["ip"] == a.ip])
        self.assertIn(a.ip, self.hato.command("quarantine", "list").stdout)
        self.hato.command("quarantine", "release", a.ip)
        binding = self.phones_binding(a.ip)
        self.assertEqual("unconfirmed", binding["state"])
        self.assertGreater(binding["generation"], generation)
        self.refused(a, old)
        a.ask_token()
        self.assertRegex(a.try_login(), r"\A\+OK")
        self.assertNotIn(a.ip, [r["ip"] for r in self.hato.network("GET", "/v1/quarantine")[2]])
        self.assertEqual(404, self.hato.network("POST", "/v1/quarantine/%s/release" % a.ip)[0])
        self.assertEqual(1, self.hato.command("quarantine", "release", a.ip, check=False).returncode)

    def test_release_by_http(self):
        a, _ = self.quarantine()
        status, _, answer = self.hato.network("POST", "/v1/quarantine/%s/release" % a.ip)
        self.assertEqual((200, "unconfirmed"), (status, answer["state"]))

    def test_one_session_with_two_subscribers_is_hard_evidence(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        self.assertEqual("quarantined", self.start(a.ip, b, a.session)["result"])
        self.refused(a, a.token)

    def test_a_trigger_that_went_to_the_next_holder_is_an_alarm(self):
        """Our log has it, so it is no forgery; it is of the generation before, so the new holder keeps his binding."""
        a, b = self.phones.next(), self.phones.next(attach=False)
        x = a.ip
        with a.listen() as air:
            a.receive()
            meant_for_a = air.next()
        eventually("it is in the send log", lambda: json.loads(
            self.hato.command("mailbox", "show", a.msisdn, "--json").stdout)["trigger_attempts"] == 1)
        b.attach(x)
        report = {"trigger": base64.b64encode(meant_for_a.datagram).decode()}
        self.assertEqual(401, self.hato.handset(x, "POST", "/v1/reports/misdirected", report)[0], "without a token")
        self.assertEqual([], [e for e in self.hato.events("misdirected") if e["ip"] == x])
        self.assertEqual(202, b.bearer("POST", "/v1/reports/misdirected", report)[0])
        alarm, = [e for e in self.hato.events("misdirected") if e["ip"] == x]
        self.assertEqual(0, alarm["quarantined"])
        self.assertRegex(b.try_login(), r"\A\+OK")

    def test_a_report_names_the_mailbox_that_was_meant(self):
        """Number and second of a row of the log can be guessed: with another mailbox it is no datagram of ours."""
        a, b = self.phones.next(), self.phones.next(attach=False)
        with a.listen() as air:
            a.receive()
            meant_for_a = air.next()
        b.attach(a.ip)
        before = self.hato.metric(FORGED)
        for address in (b.address, "nobody@hato.example"):
            self.report(b, emn_push(address, meant_for_a.timestamp, meant_for_a.tid))
        self.assertEqual([], self.alarms(a.ip))
        self.assertEqual(before + 2, self.hato.metric(FORGED))
        self.report(b, emn_push(a.address, meant_for_a.timestamp, meant_for_a.tid))
        self.assertEqual(1, len(self.alarms(a.ip)), "its generation is over, and its key: the mailbox is what can be asked")

    def test_a_report_of_this_generation_is_signed_with_its_key(self):
        """The log and the bindings contradict each other, as after a restore: hard evidence, if it is signed as ours is."""
        a, b = self.phones.next(), self.phones.next(attach=False)
        with a.listen() as air:
            a.receive()
            sent = air.next()
        path = self.hato.dir / "state" / "db" / "mail.db"
        with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as db:
            row, = db.execute("SELECT id FROM send_log WHERE timestamp_s = ? AND tid = ? AND subscriber = ?",
                              (sent.timestamp, sent.tid, self.number(a))).fetchall()
            db.execute("UPDATE send_log SET subscriber = ? WHERE id = ?", (self.number(b), row[0]))
        unsigned = emn_push(b.address, sent.timestamp, sent.tid)
        foreign = Trigger(sent.datagram.replace(a.address.encode(), b.address.encode()))
        key, realm, generation = (a.answer["trigger"][name] for name in ("key", "realm", "generation"))
        signed = foreign.datagram.replace(foreign.mac, foreign.mac_under(key, realm, generation))
        before = self.hato.metric(FORGED)
        for datagram in (unsigned, foreign.datagram):
            self.report(a, datagram)
        self.assertEqual(before + 2, self.hato.metric(FORGED))
        self.assertEqual(([], "confirmed"), (self.alarms(a.ip), self.state(a.ip)))
        self.report(a, signed)
        self.assertEqual([1], [e["quarantined"] for e in self.alarms(a.ip)])
        self.assertEqual("quarantined", self.state(a.ip))

    def report(self, phone, datagram):
        report = {"trigger": base64.b64encode(datagram).decode()}
        self.assertEqual(202, phone.bearer("POST", "/v1/reports/misdirected", report)[0])

    def alarms(self, ip):
        return [e for e in self.hato.events("misdirected") if e["ip"] == ip]

    def number(self, phone):
        """The subscriber's, in the database."""
        path = "file:%s?mode=ro" % (self.hato.dir / "state" / "db" / "bindings.db")
        with contextlib.closing(sqlite3.connect(path, uri=True, timeout=30)) as db:
            return db.execute("SELECT id FROM subscriber WHERE msisdn = ?", (phone.msisdn,)).fetchone()[0]

    def test_a_forged_report_changes_nothing(self):
        a, b = self.phones.next(), self.phones.next()
        with a.listen() as air:
            a.receive()
            datagram = air.next().datagram
        for octets in (bytes([datagram[0] ^ 1]) + datagram[1:], b"nothing like it", datagram):
            report = {"trigger": base64.b64encode(octets).decode()}
            self.assertEqual(202, b.bearer("POST", "/v1/reports/misdirected", report)[0])
        self.assertEqual(202, a.bearer("POST", "/v1/reports/misdirected",
                                       {"trigger": base64.b64encode(datagram).decode()})[0], "its own trigger")
        self.assertEqual([], [e for e in self.hato.events("misdirected") if e["ip"] in (a.ip, b.ip)])
        self.assertEqual(["confirmed", "confirmed"], [self.state(a.ip), self.state(b.ip)])


if __name__ == "__main__":
    unittest.main()

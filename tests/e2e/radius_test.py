"""RADIUS accounting as a lease feed: radclient and hand-made packets in, tshark as judge of what comes out."""
import itertools
import socket
import struct
import time
import unittest

from harness.bindings import Bindings
from harness.capture import Capture
from harness.radius import (ACCOUNTING_REQUEST, INTERIM, OFF, ON, START, STOP, Nas, attribute, attributes, is_proved, packet,
                            prefix as radius_prefix, radclient, sign, vsa)
from harness.system import PATIENCE, eventually, free_ports

PROXY_STATE = 33


class RadiusTest(Bindings):
    def setUp(self):
        self.nas = self.another()

    def another(self, name=None, **fields):
        nas = Nas(self.hato, name=name or self.id().rsplit(".", 1)[-1][:60], **fields)
        self.addCleanup(nas.close)
        return nas

    def counted(self, name, label):
        return self.hato.metric('hato_authsrv_radius_%s_total{%s}' % (name, label))

    def dropped(self, reason):
        return self.counted("dropped", 'reason="%s"' % reason)

    def of(self, phone, session="s1"):
        return {"ip": phone.ip, "msisdn": phone.msisdn, "session": session}


class Feed(RadiusTest):
    """The clients are 127.0.0.1, and 127.0.0.6 for the realm b."""
    sets = {"radius-client local.addresses": "127.0.0.1",
            "radius-client b.addresses": "127.0.0.6", "radius-client b.secret_file": "radius.secret",
            "radius-client b.realm": "b", "radius-client b.nas_ids": "pgw1", "realm b.apns": "internet",
            "network-key feeder.realm": "*"}

    # ---- the usual ----

    def test_radclient_makes_and_ends_a_binding(self):
        a = self.phones.next(attach=False)
        said = ('NAS-Identifier = "pgw9", Acct-Session-Id = "rc1", Framed-IP-Address = %s, Calling-Station-Id = "+%s",'
                ' 3GPP-IMSI = "%s", Acct-Delay-Time = 0' % (a.ip, a.msisdn, a.imsi))
        status, text = radclient(self.hato, ["Acct-Status-Type = Start, " + said])
        self.assertEqual(0, status, text)
        self.assertEqual("unconfirmed", self.state(a.ip))
        a.ask_token()
        self.assertRegex(a.try_login(), r"\A\+OK")
        status, text = radclient(self.hato, ["Acct-Status-Type = Stop, " + said])
        self.assertEqual(0, status, text)
        self.assertEqual("free", self.state(a.ip))
        self.refused(a, a.token)

    def test_a_storm_from_radclient(self):
        phones = [self.phones.next(attach=False) for _ in range(100)]
        said = ['NAS-Identifier = "storm", Acct-Session-Id = "st-%s", Framed-IP-Address = %s, Calling-Station-Id = "%s"'
                % (p.msisdn, p.ip, p.msisdn) for p in phones]
        for kind, state in (("Start", "unconfirmed"), ("Stop", "free")):
            status, text = radclient(self.hato, ["Acct-Status-Type = %s, %s" % (kind, s) for s in said], "-p", "50")
            self.assertEqual(0, status, text[-2000:])
            self.assertRegex(text, r"Accepted\s*: 100\s+Rejected\s*: 0\s+Lost\s*: 0")
            self.assertEqual({state}, {self.state(p.ip) for p in phones})

    def test_the_replay_of_2011(self):
        """Start A on X; its Stop lost; Start B on X; Stop B; Start A on Y; the late Stop of A."""
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        x, y, t = a.ip, self.phones.address(), int(time.time()) - 100
        self.nas.tell(START, ip=x, msisdn=a.msisdn, session="a1", at=t)
        a.ask_token()
        self.assertRegex(a.try_login(), r"\A\+OK")
        self.nas.tell(START, ip=x, msisdn=b.msisdn, session="b1", at=t + 20)
        self.assertEqual(b.msisdn, self.phones_binding(x)["msisdn"])
        self.refused(a, a.token, x)
        self.nas.tell(STOP, ip=x, msisdn=b.msisdn, session="b1", at=t + 40)
        self.assertEqual("free", self.state(x))
        self.nas.tell(START, ip=y, msisdn=a.msisdn, session="a2", at=t + 50)
        self.nas.tell(STOP, ip=x, msisdn=a.msisdn, session="a1", at=t + 10, delay=60)
        self.assertEqual("free", self.state(x))
        self.assertEqual(a.msisdn, self.phones_binding(y)["msisdn"])

    def test_an_interim_update_teaches_and_a_late_start_does_not_undo(self):
        a = self.phones.next(attach=False)
        t = int(time.time()) - 50
        self.nas.tell(INTERIM, at=t, **self.of(a))
        self.assertEqual(a.msisdn, self.phones_binding(a.ip)["msisdn"])
        self.nas.tell(STOP, session="s1", at=t + 5)
        self.assertEqual("free", self.state(a.ip))
        self.nas.tell(START, at=t - 5, **self.of(a))
        self.assertEqual("free", self.state(a.ip))

    def test_accounting_on_ends_the_sessions_of_its_nas(self):
        a, b, c = (self.phones.next(attach=False) for _ in range(3))
        other = self.another("another")
        t = int(time.time()) - 50
        self.nas.tell(START, at=t, **self.of(a, "on-a"))
        other.tell(START, at=t, **self.of(b, "on-b"))
        self.nas.tell(ON, at=t + 10)
        self.nas.tell(START, at=t + 20, **self.of(c, "on-c"))
        self.assertEqual(["free", "unconfirmed", "unconfirmed"], [self.state(p.ip) for p in (a, b, c)])
        self.nas.tell(ON, at=t + 5)  # late: what is newer stays
        self.assertEqual("unconfirmed", self.state(c.ip))
        self.nas.tell(OFF, at=t + 30)
        self.assertEqual(["unconfirmed", "free"], [self.state(p.ip) for p in (b, c)])

    def test_both_families_are_one_session(self):
        a = self.phones.next(attach=False)
        prefix = "2001:db8:%x:1::/64" % int(a.msisdn[-4:])
        self.nas.tell(START, **self.of(a))
        self.nas.tell(INTERIM, ip6=prefix, **self.of(a))
        inside = prefix.replace("::/64", "::7")
        self.assertEqual([a.msisdn] * 2, [self.phones_binding(ip)["msisdn"] for ip in (a.ip, inside)])
        self.nas.tell(STOP, session="s1")
        self.assertEqual(["free", "free"], [self.state(ip) for ip in (a.ip, inside)])

    def test_one_bearer_of_several_ends(self):
        a = self.phones.next(attach=False)
        for charging in (1, 2):
            self.nas.tell(START, more=vsa(2, charging), **self.of(a))
        self.nas.tell(STOP, more=vsa(2, 2), **self.of(a))
        self.assertEqual(a.msisdn, self.phones_binding(a.ip)["msisdn"])
        self.hato.wait_restarted("authsrv", self.hato.kill("authsrv"))  # it is durable which ones there are
        self.nas.tell(INTERIM, more=vsa(2, 1), **self.of(a))
        self.assertEqual(a.msisdn, self.phones_binding(a.ip)["msisdn"])
        self.nas.tell(STOP, more=vsa(2, 1), **self.of(a))
        self.assertEqual("free", self.state(a.ip))
        for charging in (3, 4):
            self.nas.tell(START, more=vsa(2, charging), **self.of(a, "s2"))
        self.nas.tell(STOP, more=vsa(2, 4) + vsa(11, b"\xff"), **self.of(a, "s2"))
        self.assertEqual("free", self.state(a.ip))

    def test_a_realm_and_its_apns(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        nas = self.another("pgw1", source="127.0.0.6")
        self.nas.tell(START, **self.of(a))
        nas.tell(START, ip=a.ip, msisdn=b.msisdn, session="s1", more=attribute(30, "internet.mnc010.mcc440.gprs"))
        self.assertEqual([a.msisdn, b.msisdn], [a.binding()["msisdn"], a.binding(realm="b")["msisdn"]])
        ignored = self.counted("requests", 'kind="other-apn"')
        nas.tell(START, ip=a.ip, msisdn=a.msisdn, session="s2", more=attribute(30, "ims"))
        nas.tell(STOP, session="s1", more=attribute(30, "ims"))
        self.assertEqual(b.msisdn, a.binding(realm="b")["msisdn"])
        self.assertEqual(ignored + 2, self.counted("requests", 'kind="other-apn"'))

    # ---- clocks ----

    def test_a_clock_in_2036_freezes_nothing(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        self.nas.tell(START, at=2082758400, **self.of(a))
        self.nas.tell(START, ip=a.ip, msisdn=b.msisdn, session="s2")  # by another NAS's right clock: now
        self.assertEqual(b.msisdn, self.phones_binding(a.ip)["msisdn"])
        said = [e for e in self.hato.events("nas-clock-wrong") if e["nas_id"] == self.nas.name]
        self.assertLessEqual(len(said), 1)
        self.assertGreater(self.hato.metric("hato_authsrv_radius_clock_wrong_total"), 0)

    def test_a_clock_in_1970_leaves_nobody_on_an_address(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        old = a.token
        self.nas.tell(START, ip=a.ip, msisdn=b.msisdn, session="s2", at=17)
        self.assertEqual(b.msisdn, self.phones_binding(a.ip)["msisdn"])
        self.refused(a, old, a.ip)
        self.nas.tell(ON, at=18)
        self.assertEqual("free", self.state(a.ip))

    # ---- what cannot be read ----

    def test_a_start_that_cannot_be_read_evicts_and_is_answered(self):
        for bad in ({"msisdn": "00-11-22-33-44-55"}, {"imsi": "4401012345678x"}, {}, {"msisdn": "819099999999"}):
            a = self.phones.next()
            self.nas.tell(START, ip=a.ip, session="bad-" + a.msisdn, **bad)
            self.assertEqual("free", self.state(a.ip), bad)
            self.refused(a, a.token)

    def test_a_start_without_an_address_is_answered_and_changes_nothing(self):
        a = self.phones.next()
        errors = self.hato.metric('hato_authsrv_lease_events_total{result="error"}')
        self.nas.tell(START, msisdn=a.msisdn, session="nowhere")
        self.assertEqual("confirmed", self.state(a.ip))
        self.assertEqual(errors + 1, self.hato.metric('hato_authsrv_lease_events_total{result="error"}'))

    def test_other_statuses_are_answered(self):
        for status in (15, 9, 4711):
            self.nas.tell(status)

    # ---- answers ----

    def test_proxies_find_their_state_again(self):
        states = [b"first", b"", b"\0\xff" * 100, b"first"]
        more = b"".join(attribute(PROXY_STATE, s) + attribute(25, b"class") for s in states)
        a = self.phones.next(attach=False)
        answer = self.nas.tell(START, more=more, **self.of(a))
        self.assertEqual([(PROXY_STATE, s) for s in states], attributes(answer))

    def test_a_duplicate_gets_the_same_answer_and_has_no_effect(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        t = int(time.time()) - 60
        first = self.nas.make(START, at=t, **self.of(a))
        answer = self.nas.answer(self.nas.send(first))
        self.nas.tell(STOP, session="s1", at=t + 1)
        self.nas.tell(START, ip=a.ip, msisdn=b.msisdn, session="s2", at=t + 2)
        rows = self.history(a.ip)
        again = self.counted("requests", 'kind="duplicate-answered"')
        for _ in range(3):
            self.assertEqual(answer, self.nas.answer(self.nas.send(first)))
        self.assertEqual(rows, self.history(a.ip))
        self.assertEqual(again + 3, self.counted("requests", 'kind="duplicate-answered"'))
        self.assertEqual(b.msisdn, self.phones_binding(a.ip)["msisdn"])

    def test_nothing_is_answered_before_its_commit(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        with self.hato.store_stands_still():
            waiting = self.counted("requests", 'kind="duplicate-waiting"')
            requests = [self.nas.make(START, **self.of(p, "w-" + p.msisdn)) for p in (a, b)]
            for request in requests + [requests[0]]:
                self.nas.send(request)
            eventually("the duplicate was seen", lambda: self.counted("requests", 'kind="duplicate-waiting"') == waiting + 1)
            self.assertTrue(self.nas.is_silent())
            self.assertEqual(["free", "free"], [self.state(p.ip) for p in (a, b)])
        got = {self.nas.socket.recv(4096)[1] for _ in requests}
        self.assertEqual({r[1] for r in requests}, got)
        self.assertEqual(["unconfirmed"] * 2, [self.state(p.ip) for p in (a, b)])
        self.assertEqual(1, len([r for r in self.history(a.ip) if r["event"] == "start"]))
        self.assertTrue(self.nas.is_silent())

    # ---- rubbish ----

    def test_what_is_no_request_is_dropped_and_counted(self):
        good = self.nas.make(START)
        body = self.nas.body(START)
        wrong_secret = packet(ACCOUNTING_REQUEST, 1, body, b"another secret")
        altered = bytearray(good)
        altered[-1] ^= 1
        bad_mac = packet(ACCOUNTING_REQUEST, 2, body + attribute(80, bytes(16)), self.nas.secret)

        def framed(rest, length=None):
            return struct.pack(">BBH", 4, 9, length or 20 + len(rest)) + bytes(16) + rest

        cases = [("authenticator", wrong_secret), ("authenticator", bytes(altered)), ("message-authenticator", bad_mac),
                 ("truncated", good[:19]), ("truncated", good[:-1]), ("truncated", b""), ("length", framed(b"", 19)),
                 ("length", framed(bytes(5000), 4097)), ("attribute", framed(b"\x28\x00")), ("attribute", framed(b"\x28\x01")),
                 ("attribute", framed(b"\x28\x06\0\0\0")), ("attribute", framed(b"\x28")),
                 ("code", packet(1, 3, body, self.nas.secret)), ("code", packet(12, 3, body, self.nas.secret)),
                 ("status", packet(4, 4, attribute(32, "n"), self.nas.secret)),
                 ("unknown-nas", packet(4, 5, attribute(40, START), self.nas.secret))]
        before = {reason: self.dropped(reason) for reason, _ in cases}
        for _, octets in cases:
            self.nas.send(octets)
        self.nas.tell(ON)  # after them all
        want = {reason: count + [r for r, _ in cases].count(reason) for reason, count in before.items()}
        self.assertEqual(want, {reason: self.dropped(reason) for reason in want})
        self.assertTrue(self.nas.is_silent())
        said = [(e["from"], e["reason"]) for e in self.hato.events("radius-dropped") if e["from"] == "127.0.0.1"]
        self.assertEqual(len(said), len(set(said)), "once a source and minute")
        self.assertLessEqual(set(before), {reason for _, reason in said})

    def test_a_nas_that_is_not_its_clients_is_dropped(self):
        nas = self.another("pgw2", source="127.0.0.6")
        before = self.dropped("unknown-nas")
        nas.send(nas.make(START))
        self.assertEqual(before + 1, eventually("counted", lambda: self.dropped("unknown-nas")))
        self.assertTrue(nas.is_silent())

    def test_strangers_are_counted_and_not_heard(self):
        stranger = self.another(source="127.0.0.99")
        a = self.phones.next(attach=False)
        before = self.dropped("unknown-client")
        for _ in range(1000):
            stranger.send(stranger.make(START, **self.of(a)))
        eventually("counted", lambda: self.dropped("unknown-client") == before + 1000)
        self.assertEqual("free", self.state(a.ip))
        self.assertTrue(stranger.is_silent())
        self.assertEqual(1, len([e for e in self.hato.events("radius-dropped") if e["from"] == "127.0.0.99"]))


class Overload(RadiusTest):
    """Little room: what does not fit is dropped by the kernel, and that is known. At every address of both families."""
    sets = {"radius-client local.addresses": "127.0.0.1, ::1", "authsrv.radius_in_flight": 8,
            "authsrv.radius_receive_buffer": 4096, "authsrv.radius_listen": "::"}

    def attached(self):
        a = self.phones.next(attach=False)
        self.nas.tell(START, **self.of(a, a.msisdn))
        return a

    def flood(self, nas, a):
        for _ in range(200):
            nas.send(nas.make(START, **self.of(a, a.msisdn)))

    def test_an_answer_comes_from_where_the_request_went(self):
        for source, host in (("127.0.0.1", "127.0.0.9"), ("::1", "::1")):
            nas, a = self.another(source=source, host=host), self.phones.next(attach=False)
            nas.socket.connect(nas.server)  # hears nobody else
            request = nas.make(START, **self.of(a, a.msisdn))
            nas.socket.send(request)
            nas.answer(request)
            self.assertEqual("unconfirmed", self.state(a.ip))

    def test_strangers_push_nobody_out(self):
        a, b = self.attached(), self.phones.next(attach=False)
        stranger = self.another(source="127.0.0.99")
        drops, strangers = self.dropped("kernel"), self.dropped("unknown-client")
        with self.hato.store_stands_still():
            for _ in range(8):  # nothing is read any more: who comes now lies in the kernel's queue
                self.nas.send(self.nas.make(START, **self.of(a, a.msisdn)))
            eventually("full", lambda: self.hato.metric("hato_authsrv_radius_in_flight") == 8)
            self.flood(stranger, a)
            request = self.nas.send(self.nas.make(START, **self.of(b, b.msisdn)))
            eventually("counted", lambda: self.dropped("unknown-client") == strangers + 200)
        self.nas.answer(request)
        self.assertEqual(drops, self.dropped("kernel"))
        a.ask_token()

    def test_what_the_kernel_dropped_makes_nases_behind(self):
        a, b = self.attached(), self.attached()
        b.ask_token()
        with self.hato.store_stands_still():
            self.flood(self.nas, a)
            eventually("drops are counted", lambda: self.dropped("kernel"))
            self.assertLessEqual(self.hato.metric("hato_authsrv_radius_in_flight"), 8)
        answer = eventually("behind", lambda: (lambda r: r[0] == 503 and r)(a.claim()))
        self.problem(answer, "overloaded", 503)
        self.assertRegex(b.try_login(), r"\A\+OK")
        self.nas.tell(INTERIM, **self.of(a, a.msisdn))
        a.ask_token()
        self.assertEqual(503, b.claim()[0])


class Outwards(RadiusTest):
    """The NAS at 127.0.0.1 wants Disconnect-Requests, the one at 127.0.0.5 CoA-Requests, the one at 127.0.0.7 nothing."""
    LISTEN, = free_ports(1)
    sets = {"radius-client local.addresses": "127.0.0.1", "radius-client local.disconnect": "disconnect",
            "radius-client local.disconnect_port": LISTEN,
            "radius-client coa.addresses": "127.0.0.5", "radius-client coa.secret_file": "radius.secret",
            "radius-client coa.disconnect": "coa", "radius-client coa.coa_filter": "walled-garden",
            "radius-client coa.disconnect_port": LISTEN,
            "radius-client quiet.addresses": "127.0.0.7", "radius-client quiet.secret_file": "radius.secret"}

    def setUp(self):
        super().setUp()
        self.listener = self.listen("127.0.0.1")

    def listen(self, address):
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind((address, self.LISTEN))
        listener.settimeout(PATIENCE)
        self.addCleanup(listener.close)
        return listener

    def outcome(self, what):
        return self.counted("disconnects", 'outcome="%s"' % what)

    def quarantined(self, nas, ip6=None):
        """A phone whose session, the NAS says now, is somebody else's."""
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        where = {"ip6": ip6} if ip6 else {"ip": a.ip}
        for phone in (a, b):
            nas.tell(START, msisdn=phone.msisdn, session="d 1/" + a.msisdn, **where)
        return a

    def request(self, listener):
        octets, peer = listener.recvfrom(4096)
        self.assertTrue(is_proved(octets, self.nas.secret))
        self.assertIn(80, dict(attributes(octets)), "it has a Message-Authenticator")
        return octets, peer

    def judge(self, capture):
        """What tshark makes of it all; it must find packets well formed, and authenticators right where it looks at them (not in
        Disconnect-Requests)."""
        text = capture.read("radius", "-d", "udp.port==%d,radius" % self.hato.port("authsrv.radius_port"),
                            "-o", "radius.shared_secret:" + self.nas.secret.decode(),
                            "-o", "radius.validate_authenticator:TRUE", "-V")
        self.assertNotRegex(text, "incorrect|Malformed")
        self.assertIn("Code: Disconnect-Request (40)", text)
        answers = [t for t in text.split("RADIUS Protocol")[1:] if "Code: Accounting-Response (5)" in t]
        self.assertEqual(3, len(answers))
        for answer in answers:
            self.assertRegex(answer, r"Authenticator: \w+ \[correct\]")
        self.assertRegex(answers[0], r"(?s)Proxy-State\(33\) l=4 val=7031.*Proxy-State\(33\) l=4 val=7032")

    def test_a_quarantined_session_is_disconnected_and_tshark_finds_nothing_wrong(self):
        done = self.outcome("ack")
        server = self.hato.port("authsrv.radius_port")
        with Capture(self.LISTEN, decode="radius", also="udp port %d" % server) as capture:
            body = self.nas.body(ON, more=attribute(PROXY_STATE, b"p1") + attribute(PROXY_STATE, b"p2"))
            body = sign(ACCOUNTING_REQUEST, 77, body, self.nas.secret)
            self.nas.answer(self.nas.send(packet(ACCOUNTING_REQUEST, 77, body, self.nas.secret)))
            a = self.quarantined(self.nas)
            request, peer = self.request(self.listener)
            capture.wait_for(peer[1])
            capture.stop()
            self.judge(capture)
        self.assertEqual("quarantined", self.state(a.ip))
        said = dict(attributes(request))
        self.assertEqual([self.nas.name.encode(), b"d 1/" + a.msisdn.encode(), socket.inet_aton(a.ip)],
                         [said[32], said[44], said[8]])
        self.assertLess(abs(struct.unpack(">I", said[55])[0] - time.time()), 60)
        forged = packet(41, request[1], b"", b"another secret", request[4:20])
        of_another = packet(44, request[1], b"", self.nas.secret, request[4:20])
        good = packet(41, request[1], b"", self.nas.secret, request[4:20])
        for octets in (forged, of_another, good):
            self.listener.sendto(octets, peer)
        eventually("the ACK counts", lambda: self.outcome("ack") == done + 1)
        self.assertEqual(2, self.outcome("bad-answer"))
        self.assertEqual(["ack"], [e["outcome"] for e in self.hato.events("radius-disconnect") if e["ip"] == a.ip])

    def test_silence_is_asked_again_and_a_refusal_is_an_answer(self):
        a = self.quarantined(self.nas)
        began = time.monotonic()
        request, peer = self.request(self.listener)
        again, _ = self.request(self.listener)
        self.assertEqual(request, again)
        self.assertGreater(time.monotonic() - began, 1.5)
        cause = attribute(101, 503)
        self.listener.sendto(packet(42, request[1], cause, self.nas.secret, request[4:20]), peer)
        said = eventually("logged", lambda: [e for e in self.hato.events("radius-disconnect") if e["ip"] == a.ip])
        self.assertEqual(("nak", 503), (said[0]["outcome"], said[0]["error_cause"]))

    def test_a_coa_confines_and_what_is_off_is_off(self):
        quiet, coa = self.another(source="127.0.0.7"), self.another("nas-coa", source="127.0.0.5")
        sent = self.outcome("sent")
        listener = self.listen("127.0.0.5")
        self.quarantined(quiet)
        prefix = "2001:db8:77:1::/64"
        self.quarantined(coa, ip6=prefix)
        request, peer = self.request(listener)
        self.assertEqual(43, request[0])
        said = dict(attributes(request))
        self.assertEqual([b"walled-garden", radius_prefix(prefix), b"nas-coa"], [said[11], said[97], said[32]])
        body = sign(44, request[1], b"", self.nas.secret, request[4:20])
        listener.sendto(packet(44, request[1], body, self.nas.secret, request[4:20]), peer)
        eventually("answered", lambda: any(e["ip"] == prefix for e in self.hato.events("radius-disconnect")))
        self.assertEqual(sent + 1, self.outcome("sent"))


class Crash(RadiusTest):
    """authsrv is killed in the middle of a storm of Starts: what was answered is there."""

    def test_every_answered_event_is_there(self):
        phones = [self.phones.next(attach=False) for _ in range(60)]
        self.nas.socket.settimeout(0.5)
        answered, waiting, kills = set(), {}, 3
        events = ((p, "c%d-%s" % (n, p.msisdn)) for n in range(40) for p in phones)
        deadline = time.monotonic() + PATIENCE
        for step, batch in enumerate(iter(lambda: list(itertools.islice(events, 100)), [])):
            for phone, session in batch:
                request = self.nas.send(self.nas.make(START, **self.of(phone, session)))
                waiting[request[1], request[4:20]] = (phone.ip, session, request)
            if step % 6 == 3 and kills:
                kills -= 1
                pid = self.hato.kill("authsrv")
                self.hato.wait_restarted("authsrv", pid)
            while waiting:
                self.assertLess(time.monotonic(), deadline)
                try:
                    octets = self.nas.socket.recv(4096)
                except TimeoutError:
                    for ip, session, request in waiting.values():
                        self.nas.send(request)
                    continue
                for (identifier, authenticator), (ip, session, _) in list(waiting.items()):
                    if octets[1] == identifier and is_proved(octets, self.nas.secret, authenticator):
                        answered.add((ip, session))
                        del waiting[identifier, authenticator]
        self.assertEqual(0, kills)
        self.assertEqual(2400, len(answered))
        for phone in phones:
            known = {r["session_id"] for r in self.history(phone.ip, "?limit=1000") if r["event"] == "start"}
            self.assertEqual(set(), {s for ip, s in answered if ip == phone.ip} - known, "answered, and lost")
            self.assertEqual(phone.msisdn, self.phones_binding(phone.ip)["msisdn"])


if __name__ == "__main__":
    unittest.main()

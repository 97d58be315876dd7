"""Phones behind a balancer: the PROXY protocol from those who are believed, through a real HAProxy and by hand; and what strangers
get who say the same."""
import json
import re
import socket
import ssl
import struct
import unittest

from harness.bindings import Bindings
from harness.clients import curl, curl_json
from harness.haproxy import BALANCER, FRONT, HaProxy, text_of
from harness.mail import content_of
from harness.pop import From, FromTls, Pop, tls_context
from harness.system import ROOT, eventually, free_ports

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"


def line(source, port=40000):
    return b"PROXY TCP4 %s 127.0.0.1 %d 1110\r\n" % (source.encode(), port)


def octets(source, port=40000, tlvs=b""):
    rest = socket.inet_aton(source) + socket.inet_aton("127.0.0.1") + struct.pack(">HH", port, 1110) + tlvs
    return SIGNATURE + b"\x21\x11" + struct.pack(">H", len(rest)) + rest


class Behind(Bindings):
    sets = {"authsrv.proxy_from": BALANCER, "popgw.proxy_from": "127.9.9.0/24, 2001:db8::/32",
            "authsrv.proxy_wait": 400, "popgw.proxy_wait": 400, "popgw.max_connections_per_address": 3}

    def port(self, key):
        return self.hato.port(key)

    def counted(self, daemon, result):
        status, _, text = self.hato.http(self.port("hato.console_port"), "GET", "/metrics")
        self.assertEqual(200, status)
        name = 'hato_%s_balanced_total{result="%s"}' % (daemon, result)
        found = re.search("^%s ([0-9]+)$" % re.escape(name), text.decode(), re.M)
        return int(found.group(1)) if found else 0

    def counts(self, daemon, result, before):
        eventually("%s counts one as %s" % (daemon, result), lambda: self.counted(daemon, result) > before)

    def connect(self, key, source=BALANCER):
        return socket.create_connection(("127.0.0.1", self.port(key)), 60, (source, 0))

    def raw(self, key, data, source=BALANCER, tls_after=None):
        """What comes back until the end of the connection."""
        with self.connect(key, source) as s:
            s.sendall(data)
            if tls_after is not None:
                s = tls_context().wrap_socket(s)
                s.sendall(tls_after)
            got = b""
            try:
                while piece := s.recv(65536):
                    got += piece
            except (ConnectionError, ssl.SSLError):
                pass
            s.close()
            return got


class Real(Behind):
    """Through HAProxy: version 1 before HTTP and POP3, version 2 before HTTPS and POP3S."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        port = cls.hato.port
        cls.haproxy = HaProxy(text_of([
            ("http", port("authsrv.handset_port"), "send-proxy", "http"),
            ("https", port("authsrv.handset_tls_port"), "send-proxy-v2 check inter 200ms"),
            ("pop3", port("popgw.pop3_port"), "send-proxy check inter 200ms"),
            ("pop3s", port("popgw.pop3s_port"), "send-proxy-v2"),
        ]))

    @classmethod
    def tearDownClass(cls):
        cls.haproxy.close()
        super().tearDownClass()

    def url(self, path, key="authsrv.handset_port"):
        return "%s://%s:%d%s" % ("https" if "tls" in key else "http", FRONT, self.port(key), path)

    def claim(self, phone, source=None, key="authsrv.handset_port"):
        return curl_json("POST", self.url("/v1/token", key), {"imsi": phone.imsi}, source or phone.ip)

    def test_a_phone_keeps_its_address(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        a.lease()
        b.lease()
        for key in ("authsrv.handset_port", "authsrv.handset_tls_port"):
            with self.subTest(key=key):
                status, answer = self.claim(a, key=key)
                self.assertEqual(201, status)
                self.assertEqual(FRONT, answer["pop"]["host"], "what the phone called, not what the balancer called")
        self.assertEqual("confirmed", self.state(a.ip))
        self.assertEqual("unconfirmed", self.state(b.ip))
        status, answer = self.claim(a, source=b.ip)
        self.assertEqual((403, "urn:hato:problem:claim-mismatch"), (status, answer["type"]))
        status, answer = self.claim(a, source=self.phones.address())
        self.assertEqual((403, "urn:hato:problem:no-binding"), (status, answer["type"]))

    def test_mail_by_other_peoples_clients(self):
        a, b = self.phones.next(), self.phones.next()
        sent = a.receive()
        self.claim(a)
        where = (self.port("popgw.pop3_port"), a.ip)
        pop = From(*where, host=FRONT)
        pop.user(a.msisdn)
        pop.pass_(a.token)
        self.assertEqual(1, pop.stat()[0])
        self.assertEqual(sent, content_of(b"".join(l + b"\r\n" for l in pop.retr(1)[1])))
        pop.quit()
        pop = FromTls(self.port("popgw.pop3s_port"), a.ip, host=FRONT)
        pop.user(a.msisdn)
        pop.pass_(a.token)
        self.assertEqual(1, pop.stat()[0])
        pop.quit()
        for scheme, key in (("pop3", "popgw.pop3_port"), ("pop3s", "popgw.pop3s_port")):
            url = "%s://%s:%d/1" % (scheme, FRONT, self.port(key))
            status, out = curl("-u", a.msisdn + ":" + a.token, url, source=a.ip)
            self.assertEqual((0, sent), (status, content_of(out)))
            status, out = curl("-u", a.msisdn + ":" + a.token, url, source=b.ip)
            self.assertEqual((67, b""), (status, out), "the token from another's address, through the same balancer")

    def test_no_header_of_http_changes_who_calls(self):
        b = self.phones.next(attach=False)
        b.lease()
        forged = []
        for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP"):
            forged += ["-H", "%s: %s" % (name, "for=" + b.ip if name == "Forwarded" else b.ip)]
        for host, source in ((FRONT, self.phones.next().ip), ("127.0.0.1", self.phones.next().ip), ("127.0.0.1", BALANCER)):
            with self.subTest(host=host, source=source):
                status, out = curl("-X", "POST", *forged, "-H", "Content-Type: application/json", "-d",
                                   json.dumps({"imsi": b.imsi}), "http://%s:%d/v1/token" % (host, self.port("authsrv.handset_port")),
                                   source=source)
                if source == BALANCER:
                    self.assertNotEqual(0, status, "a balancer without its PROXY header is cut")
                else:
                    self.assertIn(b"claim-mismatch", out)
        self.assertEqual("unconfirmed", self.state(b.ip))

    def test_limits_count_the_phone_and_not_the_balancer(self):
        a, b = self.phones.next(), self.phones.next()
        port = self.port("popgw.pop3_port")
        held = [Pop(port, p.ip, host=FRONT) for p in (a, a, a, b, b, b)]
        self.assertEqual(6, sum(pop.greeting.startswith("+OK") for pop in held))
        with Pop(port, a.ip, host=FRONT) as pop:
            self.assertRegex(pop.greeting, r"\A(-ERR \[SYS/TEMP\].*)?\Z")
        held.pop(0).close()

        def again():
            with Pop(port, a.ip, host=FRONT) as again:
                return again.greeting.startswith("+OK")
        eventually("there is room again", again)
        for pop in held:
            pop.close()

    def test_health_checks_find_it_well(self):
        for name in ("https", "pop3"):
            eventually(name + " is up", lambda: self.haproxy.status(name).startswith("UP"))


class Documented(Behind):
    """docs/haproxy.cfg, with the test's addresses and ports in the place of the page's."""

    def test_the_configuration_of_the_page(self):
        text = (ROOT / "docs" / "haproxy.cfg").read_text()
        ours = {"192.0.2.10": FRONT, "10.0.0.1": "127.0.0.1", "10.0.0.2": BALANCER, "8080": self.port("authsrv.handset_port"),
                "8443": self.port("authsrv.handset_tls_port"), "1110": self.port("popgw.pop3_port"),
                "1995": self.port("popgw.pop3s_port")}
        for was in ours:
            self.assertIn(was, text)
        text = re.sub(r"\b(%s)\b" % "|".join(map(re.escape, ours)), lambda m: str(ours[m.group(1)]), text)
        haproxy = HaProxy(text)
        self.addCleanup(haproxy.close)
        a = self.phones.next(attach=False)
        a.lease()
        sent = a.receive()
        for scheme, key in (("http", "authsrv.handset_port"), ("https", "authsrv.handset_tls_port")):
            status, answer = curl_json("POST", "%s://%s:%d/v1/token" % (scheme, FRONT, self.port(key)), {"imsi": a.imsi}, a.ip)
            self.assertEqual(201, status)
        # As the phone is told.
        for tls in (False, True):
            port = answer["pop"]["port"] if answer["pop"]["tls"] == tls else self.port("popgw.pop3s_port" if tls else "popgw.pop3_port")
            with Pop(port, a.ip, tls, host=answer["pop"]["host"]) as pop:
                pop.login(a.msisdn, answer["token"])
                self.assertEqual(sent, content_of(pop.retr(1)))
        for name in ("handset-http", "handset-https", "pop3", "pop3s"):
            self.assertTrue(haproxy.status(name).startswith("UP"))


class ByHand(Behind):
    """What HAProxy would not say."""

    def test_either_version_before_either_door(self):
        a = self.phones.next()
        login = b"USER %s\r\nPASS %s\r\nSTAT\r\nQUIT\r\n" % (a.msisdn.encode(), a.token.encode())
        for header in (line(a.ip), octets(a.ip), octets(a.ip, tlvs=b"\x05\0\3abc" + b"\x20\0\5" + bytes(5))):
            with self.subTest(header=header):
                said = self.raw("popgw.pop3_port", header + login)
                self.assertEqual(5, said.count(b"+OK"), said)
                said = self.raw("popgw.pop3s_port", header, tls_after=login)
                self.assertEqual(5, said.count(b"+OK"), said)

    def test_a_header_in_pieces(self):
        a = self.phones.next()
        for header in (line(a.ip), octets(a.ip)):
            with self.connect("popgw.pop3_port") as s:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for octet in header:
                    s.sendall(bytes([octet]))
                self.assertTrue(s.recv(100).startswith(b"+OK"))
                s.sendall(b"USER %s\r\nPASS %s\r\n" % (a.msisdn.encode(), a.token.encode()))
                with s.makefile("rb") as answers:
                    self.assertTrue(answers.readline().startswith(b"+OK"))
                    self.assertTrue(answers.readline().startswith(b"+OK"))

    def test_a_balancer_must_say_it(self):
        for key, daemon in (("popgw.pop3_port", "popgw"), ("popgw.pop3s_port", "popgw"), ("authsrv.handset_port", "authsrv"),
                            ("authsrv.handset_tls_port", "authsrv")):
            for data in (b"CAPA\r\n", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"PROXY TCP4 1.2.3.4\r\n",
                         SIGNATURE + b"\x22\x11\0\0", octets("127.3.3.3")[:-4] + b"\xff" * 4 + b"\x03"):
                with self.subTest(key=key, data=data):
                    if data.endswith(b"\x03"):
                        data = octets("127.3.3.3", tlvs=b"\x03\0\4\1\2\3\4")  # a checksum that is wrong
                    before = self.counted(daemon, "refused")
                    self.assertEqual(b"", self.raw(key, data))
                    self.counts(daemon, "refused", before)
        eventually("it is told", lambda: self.hato.events("balancer-refused"))

    def test_its_time_is_limited(self):
        for key, daemon in (("popgw.pop3_port", "popgw"), ("authsrv.handset_tls_port", "authsrv")):
            before = self.counted(daemon, "late")
            self.assertEqual(b"", self.raw(key, line("127.3.3.3")[:-1]))
            self.counts(daemon, "late", before)

    def test_a_balancer_that_hangs_up(self):
        before = self.counted("popgw", "empty")
        self.connect("popgw.pop3_port").close()
        self.counts("popgw", "empty", before)

    def test_who_has_no_name_has_no_binding(self):
        """Not even that of the balancer's own address."""
        a = self.phones.next(attach=False)
        a.lease(ip=BALANCER)
        body = json.dumps({"imsi": a.imsi}).encode()
        ask = (b"POST /v1/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
               b"Content-Length: %d\r\n\r\n" % len(body) + body)
        for header in (LOCAL, b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN 127.9.9.9 127.0.0.1 1 2\r\n", SIGNATURE + b"\x21\0\0\0"):
            with self.subTest(header=header):
                self.assertIn(b"urn:hato:problem:no-binding", self.raw("authsrv.handset_port", header + ask))
                self.assertTrue(self.raw("popgw.pop3_port", header + b"QUIT\r\n").startswith(b"+OK"))
        a.stop()

    def test_a_stranger_who_says_it_gets_nothing(self):
        a = self.phones.next()
        stranger = self.phones.address()
        ask = (b"POST /v1/token/refresh HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nConnection: close\r\n"
               b"Content-Length: 0\r\n\r\n" % a.token.encode())
        login = b"USER %s\r\nPASS %s\r\nQUIT\r\n" % (a.msisdn.encode(), a.token.encode())
        for header in (line(a.ip), octets(a.ip)):
            with self.subTest(header=header):
                said = self.raw("popgw.pop3_port", header + login, source=stranger)
                self.assertTrue(said.startswith(b"+OK"), said)
                self.assertIn(b"-ERR", said)
                self.assertNotIn(b"+OK welcome", said)
                self.assertNotIn(b"200", self.raw("authsrv.handset_port", header + ask, source=stranger).split(b"\r\n")[0])
                with self.assertRaises((ssl.SSLError, ConnectionError)):
                    self.raw("popgw.pop3s_port", header, source=stranger, tls_after=login)
                with self.assertRaises((ssl.SSLError, ConnectionError)):
                    self.raw("authsrv.handset_tls_port", header, source=stranger, tls_after=ask)
        self.assertRegex(a.try_login(), r"\A\+OK", "the phone itself, without any balancer")

    def test_a_name_is_not_believed_twice(self):
        """The balancer's own header names a balancer: what follows is the phone's, and no header."""
        a = self.phones.next()
        said = self.raw("popgw.pop3_port", line("127.9.9.8") + line(a.ip) +
                        b"USER %s\r\nPASS %s\r\nQUIT\r\n" % (a.msisdn.encode(), a.token.encode()))
        self.assertIn(b"-ERR [AUTH]", said)


class RealmsBehind(Behind):
    """Overlapping pools behind a balancer each: one realm's balancer means nothing at another's door."""

    @classmethod
    def setUpClass(cls):
        cls.b_handset, cls.b_pop = free_ports(2)
        cls.balancer_b, cls.front_b = "127.9.8.7", "127.8.8.9"
        cls.sets = {**Behind.sets, "realm b.handset_port": cls.b_handset, "realm b.pop3_port": cls.b_pop,
                    "realm b.proxy_from": cls.balancer_b, "network-key feeder.realm": "*"}
        super().setUpClass()
        port = cls.hato.port
        cls.haproxies = [HaProxy(text_of([("http", port("authsrv.handset_port"), "send-proxy-v2"),
                                          ("pop3", port("popgw.pop3_port"), "send-proxy-v2")])),
                         HaProxy(text_of([("http", cls.b_handset, "send-proxy"), ("pop3", cls.b_pop, "send-proxy")],
                                         cls.front_b, cls.balancer_b))]

    @classmethod
    def tearDownClass(cls):
        for haproxy in cls.haproxies:
            haproxy.close()
        super().tearDownClass()

    def test_one_address_two_phones(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        b.ip = a.ip
        a.lease()
        status, _, answer = self.hato.network("POST", "/v1/lease-events?realm=b", {
            "event": "start", "ip": b.ip, "msisdn": b.msisdn, "session_id": "b"})
        self.assertEqual((200, "applied"), (status, answer["results"][0]["result"]))
        doors = {a: (FRONT, self.port("authsrv.handset_port"), self.port("popgw.pop3_port")),
                 b: (self.front_b, self.b_handset, self.b_pop)}
        sent = {phone: phone.receive() for phone in (a, b)}
        tokens = {}
        for phone, (front, handset, _) in doors.items():
            url = "http://%s:%d/v1/token" % (front, handset)
            status, answer = curl_json("POST", url, {"imsi": phone.imsi}, phone.ip)
            self.assertEqual(201, status, answer)
            tokens[phone] = answer["token"]
        for phone, other in ((a, b), (b, a)):
            front, handset, pop_port = doors[phone]
            with Pop(pop_port, phone.ip, host=front) as pop:
                pop.login(phone.msisdn, tokens[phone])
                self.assertEqual([sent[phone]], [content_of(pop.retr(n + 1)) for n in range(pop.stat()[0])])
            with Pop(pop_port, phone.ip, host=front) as pop:
                self.assertRegex(pop.user_pass(other.msisdn, tokens[other]), r"\A-ERR \[AUTH\]")
            status, answer = curl_json("POST", "http://%s:%d/v1/token/refresh" % (front, handset), None, phone.ip, tokens[other])
            self.assertEqual((401, "urn:hato:problem:invalid-token"), (status, answer["type"]))

    def test_a_balancer_of_another_realm_is_a_stranger(self):
        a = self.phones.next()
        login = b"USER %s\r\nPASS %s\r\nQUIT\r\n" % (a.msisdn.encode(), a.token.encode())
        said = self.raw("popgw.pop3_port", line(a.ip) + login, source=self.balancer_b)
        self.assertTrue(said.startswith(b"+OK") and b"-ERR [AUTH]" in said, said)


if __name__ == "__main__":
    unittest.main()

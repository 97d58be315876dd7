"""The two HTTP sides of authsrv: every refusal that design 5 names, by clients that do what they should not."""
import http.client
import json
import socket
import unittest

from harness.clients import curl
from harness.phones import Phones
from harness.system import PATIENCE, Hato

KEYS = {"leases": ("lease", ""), "shop": ("provision", ""), "desk": ("operate", ""), "nas7": ("lease", "nas-7,nas-8")}


def secret(name):
    return "a-network-key-called-%s-0123456789" % name


class Http(unittest.TestCase):
    sets = {}

    @classmethod
    def setUpClass(cls):
        sets = dict(cls.sets)
        for name, (scopes, nas_ids) in KEYS.items():
            sets.update({"network-key %s.file" % name: name + ".key", "network-key %s.scopes" % name: scopes,
                         "network-key %s.nas_ids" % name: nas_ids})
        cls.hato = Hato(sets, start=False)
        (cls.hato.dir / "state").mkdir()
        for name in KEYS:
            file = cls.hato.dir / "state" / (name + ".key")
            file.write_text(secret(name) + "\n")
            file.chmod(0o600)
        cls.hato.start()
        cls.phones = Phones(cls.hato)

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def is_problem(self, answer, status, name):
        got, headers, body = answer
        self.assertEqual((status, "urn:hato:problem:" + name), (got, body.get("type") if isinstance(body, dict) else body))
        self.assertEqual("application/problem+json", headers["Content-Type"])
        self.assertEqual(status, body["status"])
        self.assertTrue(body["title"])
        self.assertEqual("no-store", headers["Cache-Control"])
        return headers

    def as_key(self, name, method, path, body=None):
        return self.hato.network(method, path, body, {"Authorization": "Bearer " + secret(name)})


class NetworkSide(Http):

    def test_without_a_key_nothing_is_told(self):
        for sent in ({}, {"Authorization": "Bearer " + "0" * 48}, {"Authorization": "Bearer"}, {"Authorization": "Basic YTpi"},
                     {"Authorization": "Bearer " + "x" * 5000}, {"Authorization": self.hato.feeder_key()}):
            for method, path in (("GET", "/v1/subscribers"), ("POST", "/v1/lease-events"), ("GET", "/v1/quarantine")):
                with self.subTest(sent=sent, path=path):
                    answer = self.hato.http(self.hato.port("authsrv.network_port"), method, path, None, sent)
                    headers = self.is_problem(answer, 401, "unauthorized")
                    self.assertIn("Bearer", headers["WWW-Authenticate"])

    def test_each_scope_opens_its_own_routes_only(self):
        phone = self.phones.next(attach=False)
        routes = {
            "lease": [("POST", "/v1/lease-events", {"event": "nas-off", "nas_id": "nas-of-scopes"})],
            "provision": [("GET", "/v1/subscribers", None), ("GET", "/v1/subscribers/" + phone.msisdn, None),
                          ("PUT", "/v1/subscribers/" + phone.msisdn, {"imsi": phone.imsi, "addresses": [phone.address]}),
                          ("DELETE", "/v1/subscribers/819099999999", None)],
            "operate": [("GET", "/v1/bindings/127.9.9.9", None), ("GET", "/v1/bindings?msisdn=" + phone.msisdn, None),
                        ("GET", "/v1/bindings/127.9.9.9/history", None), ("GET", "/v1/quarantine", None),
                        ("POST", "/v1/quarantine/127.9.9.9/release", None)],
        }
        for name in ("leases", "shop", "desk"):
            for scope, list_of in routes.items():
                for method, path, body in list_of:
                    with self.subTest(key=name, path=path):
                        answer = self.as_key(name, method, path, body)
                        if scope == KEYS[name][0]:
                            self.assertIn(answer[0], (200, 201, 204, 404))
                        else:
                            self.is_problem(answer, 403, "forbidden")

    def test_a_key_with_nas_ids_speaks_for_them_only(self):
        a, b = self.phones.next(), self.phones.next(attach=False)
        events = [{"event": "start", "ip": a.ip, "msisdn": b.msisdn, "session_id": "n%d" % i, **nas}
                  for i, nas in enumerate(({"nas_id": "nas-9"}, {}, {"nas_id": "nas-77"}, {"nas_id": "nas-8"}))]
        status, _, answer = self.as_key("nas7", "POST", "/v1/lease-events", events)
        self.assertEqual((200, 1), (status, answer["accepted"]))
        self.assertEqual([("error", "forbidden")] * 3 + [("applied", None)],
                         [(r["result"], r.get("problem")) for r in answer["results"]])

    def test_bodies_that_are_no_json_of_ours(self):
        phone = self.phones.next(attach=False)
        raw = {"Content-Type": "application/json"}
        for text in (b"", b"{", b"null", b"5", b'"text"', b"\xff\xfe", b'{"event":"start"', b"[" * 100000, b"{} {}",
                     b'{"event":"st\x00art"}', b"true"):
            with self.subTest(text=text[:20]):
                self.is_problem(self.hato.network("POST", "/v1/lease-events", headers=raw, raw=text), 400, "malformed")
        for body in ({}, [], {"imsi": 5}, {"addresses": []}, {"addresses": "a@b.example"}, {"addresses": ["no at"]},
                     {"addresses": [phone.address], "imsi": 440101234567890}, {"addresses": [phone.address, phone.address.upper()]},
                     {"addresses": ["%s@hato.example" % ("a" * 68)]}, {"addresses": [phone.address], "k": "00"},
                     {"addresses": [phone.address], "msisdn": "819000000000"}, {"addresses": [phone.address] * 17},
                     {"addresses": [phone.address], "imsi": phone.imsi, "k": "0" * 32},
                     {"addresses": ["a\r\nb@hato.example"]}, {"addresses": ["a\u0000@hato.example"]}):
            with self.subTest(body=body):
                self.is_problem(self.hato.network("PUT", "/v1/subscribers/" + phone.msisdn, body), 400, "malformed")
        for msisdn in ("12", "1" * 16, "abc", "81-90", "%00", "819000000001%20"):
            with self.subTest(msisdn=msisdn):
                answer = self.hato.network("GET", "/v1/subscribers/" + msisdn)
                self.assertIn((answer[0], answer[2]["type"]), ((400, "urn:hato:problem:malformed"),
                                                               (404, "urn:hato:problem:not-found")))

    def test_one_bad_event_does_not_sink_the_others(self):
        a, b = self.phones.next(attach=False), self.phones.next(attach=False)
        good = [{"event": "start", "ip": p.ip, "msisdn": p.msisdn, "session_id": p.ip} for p in (a, b)]
        bad = [5, None, [], {}, {"event": "begin"}, {"event": "start"}, {"event": "start", "ip": 7, "msisdn": a.msisdn},
               {**good[0], "time": "yesterday"}, {**good[0], "time": 5}, {**good[0], "time": "1969-01-01T00:00:00Z"},
               {**good[0], "lease_seconds": 0}, {**good[0], "lease_seconds": 1.5}, {**good[0], "lease_seconds": "60"},
               {"event": "stop"}, {**good[0], "session_id": "x" * 200}, {**good[0], "nas_id": ["a"]}]
        status, _, answer = self.hato.network("POST", "/v1/lease-events", bad + good)
        self.assertEqual((200, 2), (status, answer["accepted"]))
        self.assertEqual(["error"] * len(bad) + ["applied"] * 2, [r["result"] for r in answer["results"]])
        for r in answer["results"][:len(bad)]:
            self.assertEqual("malformed", r["problem"], r)
        status, _, answer = self.hato.network("POST", "/v1/lease-events", [])
        self.assertEqual((200, 0, []), (status, answer["accepted"], answer["results"]))

    def test_a_batch_of_10000_passes_and_10001_does_not(self):
        phones = [self.phones.next(attach=False) for _ in range(4)]
        event = [{"event": "start", "ip": p.ip, "msisdn": p.msisdn, "session_id": "big-%s" % p.msisdn} for p in phones]
        status, _, answer = self.hato.network("POST", "/v1/lease-events", event * 2500)
        self.assertEqual((200, 10000, 10000), (status, answer["accepted"], len(answer["results"])))
        self.assertEqual(["applied"] * 4 + ["duplicate"] * 9996, [r["result"] for r in answer["results"]])
        many = self.hato.network("POST", "/v1/lease-events", event * 2500 + event[:1])
        self.is_problem(many, 413, "too-large")

    def test_a_body_too_large_is_told_to_whoever_goes_on_sending(self):
        octets = b'["' + b"x" * (7 << 20) + b'"]'
        answer = self.hato.network("POST", "/v1/lease-events", headers={"Content-Type": "application/json"}, raw=octets)
        self.is_problem(answer, 413, "too-large")
        url = "http://127.0.0.1:%d/v1/lease-events" % self.hato.port("authsrv.network_port")
        status, text = curl("-H", "Authorization: Bearer " + self.hato.feeder_key(), "-H", "Content-Type: application/json",
                            "--data-binary", "@-", "-o", "/dev/null", "-w", "%{http_code}", url, stdin=octets)
        self.assertEqual((0, b"413"), (status, text))

    def test_unknown_paths_and_methods(self):
        for path in ("/", "/v1", "/v1/subscribers/", "/v1//subscribers", "/v2/subscribers", "/v1/lease-events/1", "/v1/token",
                     "/v1/../v1/subscribers", "/v1/subscribers/1234/x"):
            with self.subTest(path=path):
                self.is_problem(self.hato.network("GET", path), 404, "not-found")
        for method, path, allow in (("GET", "/v1/lease-events", "POST"), ("POST", "/v1/subscribers/8190", "PUT, GET, DELETE"),
                                    ("PATCH", "/v1/subscribers/8190", "PUT, GET, DELETE"), ("DELETE", "/v1/quarantine", "GET"),
                                    ("GET", "/v1/quarantine/127.0.0.1/release", "POST"), ("BREW", "/v1/quarantine", "GET")):
            with self.subTest(method=method, path=path):
                headers = self.is_problem(self.hato.network(method, path), 405, "method-not-allowed")
                self.assertEqual(set(allow.split(", ")), set(headers["Allow"].split(", ")))

    def test_nobody_and_nothing_there(self):
        self.is_problem(self.hato.network("GET", "/v1/bindings/127.200.0.1"), 404, "no-binding")
        self.is_problem(self.hato.network("GET", "/v1/subscribers/819099999999"), 404, "not-found")
        for ip in ("1.2.3", "0.0.0.0", "1.2.3.4%2F33", "%20", "::g", "224.0.0.1"):
            self.is_problem(self.hato.network("GET", "/v1/bindings/" + ip), 400, "malformed")
        for query in ("", "?msisdn=", "?msisdn=x", "?imsi=1", "?msisdn=8190&limit=0", "?msisdn=8190&limit=x"):
            self.is_problem(self.hato.network("GET", "/v1/bindings" + query), 400, "malformed")
        self.is_problem(self.hato.network("GET", "/v1/bindings/127.0.0.1/history?at=noon"), 400, "malformed")
        self.assertEqual((200, []), self.hato.network("GET", "/v1/bindings?msisdn=819099999999")[::2])

    def test_lists_come_page_by_page(self):
        for _ in range(5):
            self.phones.next(attach=False)
        seen, after = [], ""
        while True:
            status, _, page = self.hato.network("GET", "/v1/subscribers?limit=2&after=" + after)
            self.assertEqual(200, status)
            if not page:
                break
            self.assertLessEqual(len(page), 2)
            after = page[-1]["msisdn"]
            seen += [row["msisdn"] for row in page]
        everyone = [row["msisdn"] for row in self.hato.network("GET", "/v1/subscribers?limit=1000")[2]]
        self.assertEqual(everyone, seen)
        self.assertEqual(sorted(set(seen)), seen)

    def test_a_subscriber_is_shown_as_provisioned_without_keys(self):
        phone = self.phones.next(attach=False, addresses=["Hana.Suzuki@hato.example", "a..b.@hato.example"])
        status, _, shown = self.hato.network("GET", "/v1/subscribers/" + phone.msisdn)
        self.assertEqual((200, phone.msisdn, phone.imsi, ["Hana.Suzuki@hato.example", "a..b.@hato.example"]),
                         (status, shown["msisdn"], shown["imsi"], shown["addresses"]))
        self.hato.network("PUT", "/v1/subscribers/" + phone.msisdn,
                          {"imsi": phone.imsi, "addresses": shown["addresses"], "k": "ab" * 16, "opc": "cd" * 16})
        for path in ("/v1/subscribers/" + phone.msisdn, "/v1/subscribers"):
            text = json.dumps(self.hato.network("GET", path)[2])
            self.assertNotIn("abab", text.lower())
            self.assertNotIn("cdcd", text.lower())


class HandsetSide(Http):
    sets = {"authsrv.handset_names": "auth.hato.example, phone.example"}

    def ask(self, phone, headers=None, raw=None, source=None, tls=False):
        text = raw if raw is not None else json.dumps({"imsi": phone.imsi}).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        return self.hato.handset(source or phone.ip, "POST", "/v1/token", None,
                                 {k: v for k, v in sent.items() if v is not None}, tls, text)

    def test_what_a_phone_may_say(self):
        phone = self.phones.next()
        for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON ; x=y"):
            self.assertEqual(201, self.ask(phone, {"Content-Type": kind})[0], kind)
        for host in ("127.0.0.1", "localhost:8080", "LOCALHOST", "[::1]:80", "auth.hato.example", "Phone.Example:8080", "10.1.2.3"):
            self.assertEqual(201, self.ask(phone, {"Host": host})[0], host)

    def test_no_web_page_speaks_for_a_phone(self):
        phone = self.phones.next()
        for headers in ({"Origin": "http://127.0.0.1"}, {"Origin": "null"}, {"Origin": ""}, {"Content-Type": "text/plain"},
                        {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": None},
                        {"Content-Type": "application/jsonx"}, {"Content-Type": "text/plain; application/json"},
                        {"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}, {"Host": "auth.hato.example.evil.example"},
                        {"Host": "127.0.0.1:8080@evil.example"}, {"Host": ""}, {"Host": "127.0.0.1:x"}, {"Host": "hato.example"}):
            with self.subTest(headers=headers):
                self.is_problem(self.ask(phone, headers), 400, "malformed")
        self.assertEqual("confirmed", phone.binding()["state"], "and none of it contests")

    def test_no_header_changes_the_caller(self):
        phone, stranger = self.phones.next(), self.phones.next()
        forged = {"X-Forwarded-For": phone.ip, "Forwarded": "for=" + phone.ip, "X-Real-IP": phone.ip, "Via": "1.1 " + phone.ip,
                  "True-Client-IP": phone.ip, "X-Client-IP": phone.ip, "X-MSISDN": phone.msisdn, "Client-IP": phone.ip}
        nobody = self.phones.address()
        self.is_problem(self.ask(phone, forged, source=nobody), 403, "no-binding")
        self.is_problem(self.ask(phone, forged, source=stranger.ip), 403, "claim-mismatch")
        self.assertEqual(201, self.ask(phone, {k: nobody for k in forged})[0])
        forged["Authorization"] = "Bearer " + phone.token
        self.is_problem(self.hato.handset(nobody, "POST", "/v1/token/refresh", headers=forged), 403, "no-binding")

    def test_malformed_claims(self):
        phone = self.phones.next()
        for text in (b"", b"{}", b"[]", b"{", b'{"imsi":5}', b'{"imsi":""}', b'{"imsi":"12345"}', b'{"imsi":"4401x0000000001"}',
                     b'{"imsi":null}', b'{"imsi":"4401000000000011"}', b'"440100000000001"', b"\xff", b"{" * 50000,
                     b'{"imsi":"440100000000001","proof":"x"}'):
            with self.subTest(text=text[:30]):
                self.is_problem(self.ask(phone, raw=text), 400, "malformed")
        self.assertEqual("confirmed", phone.binding()["state"])

    def test_malformed_comes_before_everything_else(self):
        nobody = self.phones.address()
        self.is_problem(self.hato.handset(nobody, "POST", "/v1/token", {"imsi": 5}), 400, "malformed")
        self.is_problem(self.hato.handset(nobody, "POST", "/v1/token", {"imsi": "440100000000001"}), 403, "no-binding")

    def test_too_large(self):
        phone = self.phones.next()
        self.is_problem(self.ask(phone, raw=b'{"imsi":"' + b"4" * (5 << 20)), 413, "too-large")

    def test_tokens_of_no_worth(self):
        phone = self.phones.next()
        for authorization in (None, "", "Bearer", "Bearer ", "Bearer x", "Basic " + phone.token, phone.token,
                              "Bearer " + phone.token[:-1], "Bearer " + "A" * 40, "Bearer " + phone.token + "=",
                              "Bearer " + phone.token * 100):
            sent = {} if authorization is None else {"Authorization": authorization}
            for method, path in (("POST", "/v1/token/refresh"), ("DELETE", "/v1/token")):
                with self.subTest(authorization=authorization, path=path):
                    headers = self.is_problem(self.hato.handset(phone.ip, method, path, headers=sent), 401, "invalid-token")
                    self.assertIn("invalid_token", headers["WWW-Authenticate"])
        self.assertEqual(200, phone.bearer("POST", "/v1/token/refresh")[0])

    def test_unknown_paths_and_methods(self):
        phone = self.phones.next()
        for path in ("/", "/v1/subscribers", "/v1/lease-events", "/v1/token/", "/v1/tokens", "/v1/bindings/" + phone.ip):
            self.is_problem(phone.bearer("GET", path), 404, "not-found")
        headers = self.is_problem(phone.bearer("GET", "/v1/token"), 405, "method-not-allowed")
        self.assertEqual({"POST", "DELETE"}, set(headers["Allow"].split(", ")))

    def test_https_is_the_same_api(self):
        phone = self.phones.next()
        status, _, answer = self.ask(phone, tls=True)
        self.assertEqual(201, status)
        self.assertEqual((True, self.hato.port("popgw.pop3s_port")), (answer["pop"]["tls"], answer["pop"]["port"]))
        self.is_problem(self.ask(phone, source=self.phones.address(), tls=True), 403, "no-binding")
        url = "https://127.0.0.1:%d/v1/token" % self.hato.port("authsrv.handset_tls_port")
        status, text = curl("-H", "Content-Type: application/json", "-d", json.dumps({"imsi": phone.imsi}), url, source=phone.ip)
        self.assertEqual((0, 40), (status, len(json.loads(text)["token"])))
        for old in ("--tls-max", "1.1"), ("--tls-max", "1.0"):
            self.assertNotEqual(0, curl(*old, "--tlsv1.0", "--ciphers", "DEFAULT:@SECLEVEL=0", url, source=phone.ip)[0])

    def test_a_connection_serves_many_requests(self):
        phone = self.phones.next()
        c = http.client.HTTPConnection("127.0.0.1", self.hato.port("authsrv.handset_port"), timeout=PATIENCE,
                                       source_address=(phone.ip, 0))
        for n in range(20):
            c.request("POST", "/v1/token", json.dumps({"imsi": phone.imsi if n % 2 else 5}),
                      {"Content-Type": "application/json"})
            self.assertEqual(201 if n % 2 else 400, (lambda r: (r.read(), r.status)[1])(c.getresponse()))
        c.close()

    def test_the_binding_is_asked_anew_on_a_connection_that_stays_open(self):
        phone = self.phones.next()
        c = http.client.HTTPConnection("127.0.0.1", self.hato.port("authsrv.handset_port"), timeout=PATIENCE,
                                       source_address=(phone.ip, 0))
        for expected, before in ((201, None), (403, phone.stop)):
            if before:
                before()
            c.request("POST", "/v1/token", json.dumps({"imsi": phone.imsi}), {"Content-Type": "application/json"})
            self.assertEqual(expected, (lambda r: (r.read(), r.status)[1])(c.getresponse()))
        c.close()

    def raw(self, octets, source):
        """All that the server says; `octets` must ask it to close."""
        with socket.create_connection(("127.0.0.1", self.hato.port("authsrv.handset_port")), PATIENCE, (source, 0)) as s:
            s.sendall(octets)
            return s.makefile("rb").read()

    def request(self, phone, *lines, keep=False, length=True):
        """A token request, its header lines as given."""
        body = json.dumps({"imsi": phone.imsi}).encode()
        head = [b"POST /v1/token HTTP/1.1", *lines] + ([] if keep else [b"Connection: close"])
        return b"\r\n".join(head + ([b"Content-Length: %d" % len(body)] if length else [])) + b"\r\n\r\n" + body

    def test_http_by_hand(self):
        phone = self.phones.next()
        good = (b"Host: localhost", b"Content-Type: application/json")
        self.assertEqual(1, self.raw(self.request(phone, *good), phone.ip).count(b"201 Created"))
        piped = self.request(phone, *good, keep=True) * 4 + self.request(phone, *good)
        self.assertEqual(5, self.raw(piped, phone.ip).count(b"201 Created"), "pipelined")
        head, body = self.request(phone, *good, b"Transfer-Encoding: chunked", length=False).split(b"\r\n\r\n")
        chunks = b"".join(b"1\r\n%c\r\n" % octet for octet in body) + b"0\r\n\r\n"
        self.assertEqual(1, self.raw(head + b"\r\n\r\n" + chunks, phone.ip).count(b"201 Created"), "chunked")
        for what, octets in (("no Host", self.request(phone, good[1])), ("no HTTP", b"GARBAGE\r\n\r\n"),
                             ("a header of 200 kB", self.request(phone, *good, b"X: " + b"y" * 200000)),
                             ("length and chunks", self.request(phone, *good, b"Transfer-Encoding: chunked"))):
            with self.subTest(what):
                self.assertNotIn(b" 201 ", self.raw(octets, phone.ip))

    def test_a_header_that_must_be_one_is_not_two(self):
        phone = self.phones.next()
        good = (b"Host: localhost", b"Content-Type: application/json")
        for line in (b"Host: evil.example", b"Host: localhost", b"Content-Type: text/plain", b"Content-Length: 5"):
            with self.subTest(line):
                self.assertIn(b" 400 ", self.raw(self.request(phone, *good, line), phone.ip))


if __name__ == "__main__":
    unittest.main()

"""The simulated SMSC's control API and its faults, each one seen on the wire: by curl, by an ESME of our own, by phones on the
radio side. smsc-sim runs alone, as for somebody who has an ESME to try."""
import base64
import hashlib
import html.parser
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

from harness.clients import curl
from harness.radio import RP, Air
from harness.radio import RP, Air
from harness.smpp import (BINDFAIL, ENQUIRE_LINK, GENERIC_NACK, MSGQFUL, RESPONSE, SUBMIT_SM, SYSERR, THROTTLED, UNBIND, Deliver,
                          Esme, submit_body)
from harness.smsc_alone import PASSWORD, Refused, Smsc
from harness.system import BUILD, PATIENCE, ROOT, eventually

# The trigger of protocols.md 2.1: 2948 from 9200, an EMN for taro@spmail.example.
UDH = bytes.fromhex("0605040b8423f0")
WSP = bytes.fromhex("2a06060302030aaf89030d6a008507037461726f4073706d61696c2e6578616d706c650005c3072026010509301501")
SINK = "8170"  # numbers that need no phone: delivered at once
FROM = "2000"


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.smsc = Smsc({"sink": SINK, "retry": 1, "radio_seconds": 1, "enquire_seconds": 0},
                        {"one": "window = 1000", "two": "window = 1000\naddress_range = ^3000"})
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.smsc.close()

    def setUp(self):
        self.smsc.faults()

    @classmethod
    def a_number(cls, prefix="8190"):
        """That no other test uses."""
        cls.number += 1
        return "%s%06d" % (prefix, cls.number)

    def esme(self, account="one"):
        esme = self.smsc.esme(account)
        self.addCleanup(esme.close)
        return esme

    def air(self, *numbers):
        air = self.smsc.air()
        self.addCleanup(air.close)
        for number in numbers:
            self.assertEqual(0, air.attach(number))
        return air

    def hits(self):
        return self.smsc.api("GET", "/v1/faults")["running"]["hits"]

    def in_state(self, message_id, state):
        return eventually(message_id + " is " + state, lambda: (lambda m: m["state"] == state and m)(self.smsc.message(message_id)))


class Lists(Case):
    def test_a_triggers_contents(self):
        esme, number = self.esme(), self.a_number(SINK)
        message_id = esme.message_id("SPMAIL", number, UDH + WSP, esm_class=0x40, coding=0xF5)
        m = self.in_state(message_id, "DELIVRD")
        self.assertEqual(("one", "SPMAIL", number, "trigger for taro@spmail.example"),
                         (m["account"], m["source"], m["destination"], m["summary"]))
        content = m["content"]
        self.assertEqual({"destination": 2948, "source": 9200}, content["udh"]["ports"])
        self.assertEqual({"mailbox": "taro@spmail.example", "timestamp": "2026-01-05T09:30:15Z"}, content["emn"])
        self.assertEqual((42, "application/vnd.wap.emn+wbxml", 9),
                         tuple(content["wsp"][k] for k in ("tid", "content_type", "application_id")))
        self.assertEqual(WSP.hex(), content["octets"])

    def test_long_texts_are_joined(self):
        esme, text = self.esme(), "新着メール" * 30
        message_id = esme.message_id(FROM, self.a_number(SINK), b"", coding=8,
                                     tlvs=b"\x04\x24" + len(text.encode("utf-16be")).to_bytes(2, "big") + text.encode("utf-16be"))
        m = self.smsc.message(message_id)
        self.assertEqual((text, 3), (m["content"]["text"], m["parts"]))

    def test_filters_and_pages(self):
        esme, prefix = self.esme(), "817099"
        ids = [esme.message_id(FROM, "%s%d" % (prefix, i % 3), b"m") for i in range(9)]
        other = esme.message_id(FROM, self.a_number(), b"waits")
        get = lambda query: [m["id"] for m in self.smsc.api("GET", "/v1/messages?" + query)]
        self.assertEqual(ids, get("destination=" + prefix))
        self.assertEqual(ids[1::3], get("destination=%2b" + prefix + "1"))
        self.assertEqual(ids[::-1][:4], get("order=newest&limit=4&destination=" + prefix))
        self.assertEqual(ids[::-1][4:8], get("order=newest&limit=4&after=%s&destination=%s" % (ids[5], prefix)))
        self.assertEqual([], get("state=ENROUTE&destination=" + prefix))
        self.assertIn(other, get("state=ENROUTE&account=one&limit=1000"))
        self.assertNotIn(other, get("account=two&limit=1000"))
        # From page to page by the header, to the end.
        seen, query = [], "limit=3&destination=" + prefix
        while query:
            status, out = curl("-D", "-", "http://127.0.0.1:%d/v1/messages?%s" % (self.smsc.control, query))
            head, _, body = out.decode().partition("\r\n\r\n")
            seen += re.findall(r'"id":"([^"]*)"', body)
            after = re.search(r"Next-After: (\S+)", head)
            query = after and "limit=3&after=%s&destination=%s" % (after.group(1), prefix)
        self.assertEqual(ids, seen)

    def test_what_is_refused(self):
        for path in ("messages?limit=0", "messages?limit=x", "messages?after=.", "messages?state=LOST", "messages?order=up", "phones?limit=-1"):
            with self.assertRaises(Refused) as no:
                self.smsc.api("GET", "/v1/" + path)
            self.assertEqual(400, no.exception.status, path)
        for path in ("messages/0000000000", "messages/nothing", "nothing"):
            with self.assertRaises(Refused) as no:
                self.smsc.api("GET", "/v1/" + path)
            self.assertEqual(404, no.exception.status, path)

    def test_links(self):
        esme = self.esme("two")
        esme.message_id(FROM, self.a_number(SINK))
        mine = [l for l in self.smsc.api("GET", "/v1/links") if l["peer"].endswith(":%d" % esme.socket.getsockname()[1])]
        self.assertEqual(1, len(mine))
        l = mine[0]
        self.assertEqual(("two", "transceiver", "BOUND_TRX", 1000, 1, 2),
                         tuple(l[k] for k in ("account", "bind", "state", "window", "submits", "pdus_in")))
        with Esme(self.smsc.smpp):
            self.assertTrue(eventually("an unbound link", lambda: [l for l in self.smsc.api("GET", "/v1/links") if not l["account"]]))

    def test_phones(self):
        there, away = sorted([self.a_number("8191"), self.a_number("8191")])
        self.air(there)
        self.esme().message_id(FROM, away, b"waits")
        get = lambda query="": {p["msisdn"]: p for p in self.smsc.api("GET", "/v1/phones?limit=1000" + query)}
        phones = get()
        self.assertEqual((True, 0), (phones[there]["attached"], phones[there]["waiting"]))
        self.assertEqual((False, 1), (phones[away]["attached"], phones[away]["waiting"]))
        self.assertEqual(sorted(phones), list(phones))
        self.assertEqual(away, list(get("&after=" + there))[0])
        self.assertEqual([there], [p["msisdn"] for p in self.smsc.api("GET", "/v1/phones?limit=1&after=8191")])


class AsAPhone(Case):
    def send(self, **members):
        return self.smsc.api("POST", "/v1/mo", {"source": "819012345678", "destination": "3000", **members})["id"]

    def test_to_an_esme(self):
        esme = self.esme("two")
        message_id = self.send(text="hello")
        d = esme.deliver()
        self.assertEqual(("819012345678", "3000", b"hello", 0, 0), (d.source, d.destination, d.message, d.esm_class, d.data_coding))
        self.in_state(message_id, "DELIVRD")
        self.send(text="新")
        d = esme.deliver()
        self.assertEqual((b"\x65\xb0", 8), (d.message, d.data_coding))
        self.send(udh=UDH.hex(), data=WSP.hex())
        d = esme.deliver()
        self.assertEqual((UDH + WSP, 4, 0x40), (d.message, d.data_coding, d.esm_class))

    def test_to_another_phone(self):
        number = self.a_number()
        air = self.air(number)
        self.send(destination=number, text="hello")
        tpdu = air.deliver(number)
        self.assertEqual(("819012345678", 0, bytes.fromhex("e8329bfd06")), (tpdu.source, tpdu.dcs, tpdu.body))

    def test_mistakes(self):
        for body in ({"source": "1", "destination": "2"}, {"source": "a", "destination": "2", "text": ""}, "[", "7",
                     {"source": "1", "destination": "2", "text": "a", "udh": "00"},
                     {"source": "1", "destination": "2", "data": "0"}):
            with self.assertRaises(Refused) as no:
                self.smsc.api("POST", "/v1/mo", body)
            self.assertEqual(400, no.exception.status, body)


class Page(Case):
    def get(self, path, *options):
        status, out = curl("-D", "-", *options, "http://127.0.0.1:%d%s" % (self.smsc.control, path))
        self.assertEqual(0, status)
        head, _, body = out.partition(b"\r\n\r\n")
        return head.decode(), body.decode()

    def test_is_itself_and_lets_nothing_else_in(self):
        head, body = self.get("/")
        self.assertIn("200 OK", head)
        self.assertEqual(body, (ROOT / "smsc-sim" / "page.html").read_text())
        policy = re.search(r"Content-Security-Policy: (.*)\r\n", head).group(1)
        for name in ("style", "script"):
            inside = re.search("<%s>(.*?)</%s>" % (name, name), body, re.S).group(1)
            digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
            self.assertIn("%s-src 'sha256-%s'" % (name, digest), policy)
        self.assertIn("default-src 'none'", policy)
        self.assertIn("frame-ancestors 'none'", policy)

    def test_its_elements_nest_and_its_labels_lead_somewhere(self):
        page = (ROOT / "smsc-sim" / "page.html").read_text()
        void, open_, ids, wanted = {"meta", "input", "br", "link"}, [], set(), set()

        class Check(html.parser.HTMLParser):
            def handle_starttag(self, tag, attributes):
                named = dict(attributes)
                if "id" in named:
                    assert named["id"] not in ids, named["id"]
                    ids.add(named["id"])
                wanted.update(named[a] for a in ("for", "aria-labelledby", "aria-describedby") if a in named)
                if tag not in void:
                    open_.append(tag)

            def handle_endtag(self, tag):
                while open_[-1] in ("option", "td", "tr") and open_[-1] != tag:
                    open_.pop()
                assert open_.pop() == tag, (tag, self.getpos())
        Check().feed(page)
        self.assertEqual([], open_)
        self.assertLessEqual(wanted, ids)
        # What the script asks for by id is there.
        self.assertLessEqual(set(re.findall(r'\$\("([a-z-]+)"\)', page)), ids)

    def put(self, *options):
        status, out = curl("-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "-d", '{"faults":[]}', *options,
                           "http://127.0.0.1:%d/v1/faults" % self.smsc.control)
        return int(out)

    def test_a_foreign_page_may_not(self):
        port = self.smsc.control
        self.assertEqual(200, self.put())
        self.assertEqual(200, self.put("-H", "Origin: http://127.0.0.1:%d" % port))
        self.assertEqual(200, self.put("-H", "Host: localhost:%d" % port, "-H", "Origin: http://localhost:%d" % port))
        for origin in ("http://evil.example", "http://127.0.0.1:1", "null", "http://localhost:%d" % port, "https://127.0.0.1"):
            self.assertEqual(403, self.put("-H", "Origin: " + origin), origin)
        self.assertEqual(403, self.put("-H", "Host: evil.example"))
        self.assertEqual(403, self.put("-H", "Host: evil.example", "-H", "Origin: http://evil.example"))
        self.assertIn("403", self.get("/v1/messages", "-H", "Host: evil.example")[0].splitlines()[0])
        # A form of a foreign page needs no permission to be sent; it cannot say that it is JSON.
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
            head, _ = self.get("/v1/mo", "-H", "Content-Type: " + kind, "-d", '{"source":"1","destination":"2","text":""}')
            self.assertIn("403", head.splitlines()[0])

    def test_ready_made_days(self):
        days = self.smsc.api("GET", "/v1/scenarios")
        self.assertEqual({"quiet day", "storm", "flaky links", "silent smsc", "bad day"}, {d["name"] for d in days})
        for day in days:
            self.assertEqual(day["name"], self.smsc.api("PUT", "/v1/faults", day)["name"])

    def test_metrics(self):
        struck = self.smsc.metric("hato_smsc_sim_faults_total")
        self.smsc.faults({"what": "throttle"})
        self.esme().submit(FROM, self.a_number(SINK))
        self.assertEqual(struck + 1, self.smsc.metric("hato_smsc_sim_faults_total"))
        self.smsc.faults()
        before = self.smsc.metric("hato_smsc_sim_submits_total")
        self.esme().message_id(FROM, self.a_number(SINK))
        self.assertEqual(before + 1, self.smsc.metric("hato_smsc_sim_submits_total"))


class Script(Case):
    def test_is_answered_as_it_was_put(self):
        script = {"name": "n", "seed": 9, "faults": [{"what": "delay", "distribution": "uniform", "from_ms": 1, "to_ms": 2.5, "share": 0.1},
                                                     {"what": "cut", "at": 3600, "every_s": 1, "note": "never"}]}
        answer = self.smsc.api("PUT", "/v1/faults", script)
        self.assertEqual([0, 0], answer["running"]["hits"])
        self.assertLess(answer["running"]["elapsed_s"], PATIENCE)
        again = self.smsc.api("GET", "/v1/faults")
        self.assertEqual(script, {k: v for k, v in again.items() if k != "running"})
        # What is read can be put again as it is.
        self.assertEqual(script["faults"], self.smsc.api("PUT", "/v1/faults", again)["faults"])
        self.assertEqual(1, self.smsc.api("PUT", "/v1/faults", {"faults": []})["seed"])

    def test_a_mistake_is_told_and_changes_nothing(self):
        self.smsc.faults({"what": "absent"}, seed=5)
        for body, problem in (({"faults": [{"what": "loss"}, {"what": "loss", "share": 2}]}, "faults[1].share: a number from 0 to 1 is wanted"),
                              ({"faults": [{"what": "nothing"}]}, "faults[0].what: one of delay, loss"),
                              ("{", "line 1, column 1: "), ("", "line 1, column 0: ")):
            with self.assertRaises(Refused) as no:
                self.smsc.api("PUT", "/v1/faults", body)
            self.assertEqual(400, no.exception.status)
            self.assertTrue(no.exception.problem["detail"].startswith(problem), no.exception.problem)
        self.assertEqual((5, [{"what": "absent"}]), tuple(self.smsc.api("GET", "/v1/faults")[k] for k in ("seed", "faults")))

    def test_from_a_file(self):
        smsc = Smsc(options=["--scenario", ROOT / "smsc-sim/scenarios/bad-day.json"])
        try:
            self.assertEqual("bad day", smsc.api("GET", "/v1/faults")["name"])
        finally:
            smsc.close()
        with tempfile.TemporaryDirectory(prefix="hato-smsc-") as folder:
            wrong, conf = pathlib.Path(folder) / "wrong.json", pathlib.Path(folder) / "hato.conf"
            wrong.write_text('{"faults":[{"what":"loss","of":"mind"}]}')
            conf.write_text("[smsc-sim]\nsmpp_port = 0\nradio_port = 0\ncontrol_port = 0\n")
            done = subprocess.run([str(BUILD / "smsc-sim"), "--config", str(conf), "--scenario", "wrong.json"], cwd=folder,
                                  capture_output=True, text=True, timeout=PATIENCE)
        said = [l for l in done.stderr.splitlines() if not l.startswith("{")]
        self.assertEqual((1, 1), (done.returncode, len(said)), done.stderr)
        self.assertIn("wrong.json: faults[0].of: one of delivery, receipt, message is wanted", said[0])


class OfAnswers(Case):
    """To submit_sm."""

    def submit(self, esme, number=None, registered=0):
        return esme.request(SUBMIT_SM, submit_body(FROM, number or self.a_number(SINK), b"m", registered=registered))

    def answers(self, esme, count):
        """(sequence, status, command) of so many responses, in their order."""
        out = []
        while len(out) < count:
            pdu = esme.read()
            self.assertIsNotNone(pdu)
            if pdu.command & RESPONSE:
                out.append((pdu.sequence, pdu.status, pdu.command))
            else:
                esme.kept.append(pdu)
        return out

    def test_throttling(self):
        esme = self.esme()
        for fault, status in (({"what": "throttle"}, THROTTLED), ({"what": "throttle", "status": 20}, MSGQFUL),
                              ({"what": "refuse", "status": 8}, SYSERR)):
            number = self.a_number(SINK)
            self.smsc.faults(fault)
            pdu = esme.submit(FROM, number, b"m")
            self.assertEqual((SUBMIT_SM | RESPONSE, status, b""), (pdu.command, pdu.status, pdu.body))
            self.assertEqual([1], self.hits())
            self.assertEqual([], self.smsc.api("GET", "/v1/messages?destination=" + number))

    def test_a_share_of_them(self):
        esme = self.esme()
        self.smsc.faults({"what": "throttle", "share": 0.3})
        for _ in range(300):
            self.submit(esme)
        refused = [a for a in self.answers(esme, 300) if a[1] == THROTTLED]
        self.assertTrue(60 <= len(refused) <= 120, len(refused))
        self.assertEqual([len(refused)], self.hits())

    def test_throttling_above_a_rate(self):
        esme = self.esme()
        self.smsc.faults({"what": "throttle", "above_per_s": 20})
        began = time.monotonic()
        for _ in range(100):
            self.submit(esme)
        taken = [a for a in self.answers(esme, 100) if a[1] == 0]
        self.assertTrue(20 <= len(taken) <= 21 + 20 * (time.monotonic() - began), len(taken))

    def test_whom_it_is_for(self):
        one, two = self.esme(), self.esme("two")
        self.smsc.faults({"what": "throttle", "account": "one", "destination": SINK + "5"}, {"what": "refuse", "status": 8, "at": 3600})
        self.assertEqual(THROTTLED, one.submit(FROM, SINK + "55").status)
        self.assertEqual(0, two.submit(FROM, SINK + "55").status)
        self.assertEqual(0, one.submit(FROM, SINK + "44").status)

    def test_generic_nack(self):
        esme = self.esme()
        self.smsc.faults({"what": "generic_nack"})
        n = self.submit(esme)
        self.assertEqual([(n, 3, GENERIC_NACK)], self.answers(esme, 1))
        self.smsc.faults({"what": "generic_nack", "status": 2, "zero": True})
        self.submit(esme)
        self.assertEqual([(0, 2, GENERIC_NACK)], self.answers(esme, 1))

    def test_wrong_sequence_numbers(self):
        esme = self.esme()
        self.smsc.faults({"what": "sequence", "by": 1000})
        n = self.submit(esme)
        self.assertEqual([(n + 1000, 0, SUBMIT_SM | RESPONSE)], self.answers(esme, 1))

    def test_accepts_and_says_nothing(self):
        esme, number = self.esme(), self.a_number(SINK)
        self.smsc.faults({"what": "silence"})
        self.submit(esme, number, registered=1)
        enquiry = esme.request(ENQUIRE_LINK)
        self.assertEqual([(enquiry, 0, ENQUIRE_LINK | RESPONSE)], self.answers(esme, 1))
        receipt = esme.deliver()  # taken it was
        self.assertEqual((number, "DELIVRD"), (receipt.source, receipt.receipt["stat"]))
        self.assertEqual(1, len(self.smsc.api("GET", "/v1/messages?destination=" + number)))

    def test_says_nothing_at_all(self):
        esme, number = self.esme(), self.a_number(SINK)
        self.smsc.faults({"what": "silence", "of": "all"})
        esme.request(ENQUIRE_LINK)
        self.submit(esme, number)
        eventually("it was taken", lambda: self.smsc.api("GET", "/v1/messages?destination=" + number))
        self.smsc.faults()
        enquiry = esme.request(ENQUIRE_LINK)
        self.assertEqual([(enquiry, 0, ENQUIRE_LINK | RESPONSE)], self.answers(esme, 1))

    def test_late(self):
        for fault, least, most in (({"ms": 150}, 0.15, None), ({"distribution": "uniform", "from_ms": 100, "to_ms": 120}, 0.1, None),
                                   ({"distribution": "normal", "mean_ms": 120, "deviation_ms": 1}, 0.11, None),
                                   ({"distribution": "exponential", "mean_ms": 50, "max_ms": 100}, 0.0001, None)):
            esme = self.esme()
            self.smsc.faults({"what": "delay", "of": "submit_resp", **fault})
            began = time.monotonic()
            late, enquiry = self.submit(esme), esme.request(ENQUIRE_LINK)
            self.assertEqual([enquiry, late], [a[0] for a in self.answers(esme, 2)], fault)
            self.assertGreaterEqual(time.monotonic() - began, least, fault)

    def test_in_another_order(self):
        esme = self.esme()
        self.smsc.faults({"what": "reorder", "of": "submit_resp", "share": 0.5, "within_ms": 100})
        asked = [self.submit(esme) for _ in range(20)]
        answered = [a[0] for a in self.answers(esme, 20)]
        self.assertEqual(sorted(answered), asked)
        self.assertNotEqual(answered, asked)


class WithADisk(unittest.TestCase):
    """Answers come later when the message goes to the disk first: a fault strikes them all the same."""

    def test_says_nothing_and_is_late(self):
        smsc = Smsc({"sink": SINK, "store": "db"})
        self.addCleanup(smsc.close)
        with smsc.esme() as esme:
            smsc.faults({"what": "silence", "of": "all"})
            esme.request(SUBMIT_SM, submit_body(FROM, SINK + "1", b"m"))
            eventually("it was taken", lambda: [m["state"] for m in smsc.api("GET", "/v1/messages")] == ["DELIVRD"])
            smsc.faults({"what": "sequence", "by": 5}, {"what": "delay", "of": "submit_resp", "ms": 50})
            number, enquiry = esme.request(SUBMIT_SM, submit_body(FROM, SINK + "1", b"m")), esme.request(ENQUIRE_LINK)
            self.assertEqual([(enquiry, 0), (number + 5, 0)], [(pdu.sequence, pdu.status) for pdu in (esme.read(), esme.read())])


class OfDeliveries(Case):
    def struck(self, *faults, registered=1, esme=None):
        """(esme, air, number, message id) of a message to an attached phone while the faults are in force for it."""
        number = self.a_number()
        esme, air = esme or self.esme(), self.air(number)
        self.smsc.faults(*({**fault, "destination": number} for fault in faults))
        return esme, air, number, esme.message_id(FROM, number, b"m", registered=registered)

    def test_absent_and_full(self):
        esme = self.esme()
        def has_room(air, number):
            air.memory_available(number)
            self.assertEqual(b"\3\1", air.next(RP, number))  # RP-ACK
        there_again = {"absent": Air.attach, "memory_full": has_room}
        for fault, outcome in (("absent", "absent"), ("memory_full", "memory-full")):
            _, air, number, message_id = self.struck({"what": fault}, esme=esme)
            m = eventually("an attempt", lambda: (lambda m: m["attempts"] and m)(self.smsc.message(message_id)))
            self.assertEqual(("ENROUTE", outcome), (m["state"], m["last_outcome"]))
            self.smsc.faults()
            there_again[fault](air, number)
            air.deliver(number)
            self.assertEqual("DELIVRD", esme.deliver().receipt["stat"])

    def test_a_share_of_the_phones(self):
        numbers = sorted(self.a_number("8193") for _ in range(60))
        esme, air = self.esme(), self.air(*numbers)
        self.smsc.faults({"what": "absent", "share": 0.5})
        ids = [esme.message_id(FROM, number, b"m") for number in numbers]

        def tried():
            messages = self.smsc.api("GET", "/v1/messages?destination=8193")
            return self.hits()[0] and sum(m["attempts"] for m in messages) == self.hits()[0] and messages
        messages = eventually("every one was tried", tried)
        self.assertEqual(ids, [m["id"] for m in messages])
        absent = [m for m in messages if m["attempts"]]  # the others wait for their phones' answer
        self.assertTrue(15 <= len(absent) <= 45, len(absent))

    def test_failure_for_good(self):
        esme, _, number, message_id = self.struck({"what": "fail"})
        self.assertEqual((message_id, "UNDELIV"), (lambda d: (d.receipt["id"], d.receipt["stat"]))(esme.deliver()))

    def test_lost_on_the_air(self):
        esme, air, number, message_id = self.struck({"what": "loss", "of": "delivery"})
        eventually("struck", lambda: self.hits() == [1])
        self.smsc.faults()
        air.deliver(number)  # once the answer has not come for radio_seconds, and retry is over
        self.assertEqual("DELIVRD", esme.deliver().receipt["stat"])
        self.assertGreaterEqual(self.smsc.message(message_id)["attempts"], 2)

    def test_lost_after_it_was_accepted(self):
        esme, air, number, message_id = self.struck({"what": "loss"})
        self.smsc.faults()
        second = esme.message_id(FROM, number, b"second", registered=1)
        air.deliver(number)
        self.assertEqual(second, esme.deliver().receipt["id"])
        self.assertEqual(("ENROUTE", 0), tuple(self.smsc.message(message_id)[k] for k in ("state", "attempts")))

    def test_twice(self):
        esme, air, number, message_id = self.struck({"what": "duplicate", "copies": 2})
        tpdus = [air.deliver(number) for _ in range(3)]
        self.assertEqual(1, len({(t.source, t.dcs, t.body) for t in tpdus}))
        self.assertEqual("DELIVRD", esme.deliver().receipt["stat"])

    def test_in_another_order(self):
        numbers = [self.a_number() for _ in range(20)]
        esme, air = self.esme(), self.air(*numbers)
        self.smsc.faults({"what": "reorder", "share": 0.5, "within_ms": 100})
        for number in numbers:
            esme.message_id(FROM, number, b"m")
        came = [number for kind, number, _ in (air.read() for _ in numbers) if kind == RP]
        self.assertEqual(numbers, sorted(came))
        self.assertNotEqual(numbers, came)

    def test_a_phones_own_messages_too(self):
        """They have an identity of their own each, though nobody submitted them."""
        self.smsc.faults({"what": "fail", "per": "message", "share": 0.5, "destination": SINK})
        ids = [self.smsc.api("POST", "/v1/mo", {"source": "8190", "destination": SINK + "9", "text": ""})["id"] for _ in range(20)]
        states = {self.smsc.message(i)["state"] for i in ids}
        self.assertEqual({"DELIVRD", "UNDELIV"}, states)

    def test_late(self):
        began = time.monotonic()
        esme, air, number, _ = self.struck({"what": "delay", "ms": 200}, registered=0)
        air.deliver(number)
        self.assertGreaterEqual(time.monotonic() - began, 0.2)

    def test_to_esmes_too(self):
        esme = self.esme("two")
        self.smsc.faults({"what": "delay", "ms": 200, "destination": "3000"})
        began = time.monotonic()
        self.smsc.api("POST", "/v1/mo", {"source": "8190", "destination": "3000", "text": "late"})
        self.assertEqual(b"late", esme.deliver().message)
        self.assertGreaterEqual(time.monotonic() - began, 0.2)


class OfReceipts(Case):
    def receipts(self, faults, numbers):
        esme = self.esme()
        self.smsc.faults(*faults)
        return esme, [esme.message_id(FROM, number, b"m", registered=1) for number in numbers]

    def test_never(self):
        never, comes = SINK + "1", SINK + "2"
        esme, ids = self.receipts([{"what": "loss", "of": "receipt", "destination": never}], [never, comes])
        self.assertEqual(ids[1], esme.deliver().receipt["id"])
        self.assertEqual("DELIVRD", self.smsc.message(ids[0])["state"])
        self.assertEqual([1], self.hits())

    def test_twice(self):
        esme, ids = self.receipts([{"what": "duplicate", "of": "receipt"}], [self.a_number(SINK)])
        self.assertEqual(ids * 2, [esme.deliver().receipt["id"] for _ in range(2)])

    def test_late_and_in_another_order(self):
        began = time.monotonic()
        late, at_once = SINK + "1", SINK + "2"
        esme, ids = self.receipts([{"what": "delay", "of": "receipt", "ms": 200, "destination": late}], [late, at_once])
        self.assertEqual(ids[::-1], [esme.deliver().receipt["id"] for _ in range(2)])
        self.assertGreaterEqual(time.monotonic() - began, 0.2)

    def test_reordered(self):
        esme, ids = self.receipts([{"what": "reorder", "of": "receipt", "share": 0.5, "within_ms": 100}], [self.a_number(SINK) for _ in range(20)])
        told = [esme.deliver().receipt["id"] for _ in range(20)]
        self.assertEqual(sorted(ids), sorted(told))
        self.assertNotEqual(ids, told)


class OfLinks(Case):
    def closes(self, esme):
        """What came before it was closed."""
        out = []
        while True:
            pdu = esme.read()
            if pdu is None:
                return out
            out.append(pdu)

    def test_cut_in_the_middle_of_the_work(self):
        esme, number = self.esme(), self.a_number(SINK)
        self.smsc.faults({"what": "cut", "after_pdus": 3})
        for _ in range(2):
            self.assertEqual(0, esme.submit(FROM, number, b"m").status)
        esme.request(SUBMIT_SM, submit_body(FROM, number, b"m"))
        self.assertEqual([], self.closes(esme))
        self.assertEqual(3, len(self.smsc.api("GET", "/v1/messages?destination=" + number)))

    def test_cut_after_the_answer(self):
        esme = self.esme()
        self.smsc.faults({"what": "cut", "after_pdus": 2, "answered": True})
        numbers = [esme.request(ENQUIRE_LINK) for _ in range(2)]
        self.assertEqual(numbers, [pdu.sequence for pdu in self.closes(esme)])

    def test_cut_by_the_clock_and_down(self):
        esme, other = self.esme(), self.esme("two")
        self.smsc.faults({"what": "cut", "account": "one", "down_s": 0.7})
        self.assertEqual([], self.closes(esme))
        with Esme(self.smsc.smpp) as again:
            self.assertEqual(BINDFAIL, again.bind("one", PASSWORD).status)
        self.assertEqual(0, other.call(ENQUIRE_LINK).status)

        def comes_back():
            with Esme(self.smsc.smpp) as again:
                return again.bind("one", PASSWORD).status == 0
        eventually("it is let in again", comes_back)

    def test_cut_again_and_again(self):
        self.smsc.faults({"what": "cut", "at": 0.2, "every_s": 0.3, "until": 1.2})
        for _ in range(3):
            self.assertEqual([], self.closes(self.esme()))


class TheSameDay(Case):
    FAULTS = ({"what": "throttle", "share": 0.2}, {"what": "refuse", "status": 8, "share": 0.1}, {"what": "sequence", "share": 0.2},
              {"what": "fail", "share": 0.2, "per": "message"}, {"what": "loss", "of": "receipt", "share": 0.3})
    EACH, PHONES = 6, 20

    def play(self, seed, order):
        """What came of each message, by phone, in the order of a phone's messages; over two links: the answer's status,
        whether its sequence number was right, the receipt."""
        self.smsc.faults(*self.FAULTS, seed=seed)
        links, out, receipts = [self.esme(), self.esme()], {}, {}

        def answer(link):
            while True:
                pdu = link.read()
                if pdu.command & RESPONSE:
                    return pdu
                link.answer(pdu)
                d = Deliver(pdu)
                receipts[d.receipt["id"]] = d.receipt["stat"]

        for phone, n in order:
            link = links[(phone + n * seed) % 2]
            number = link.request(SUBMIT_SM, submit_body(FROM, "%s77%02d" % (SINK, phone), b"m", registered=1))
            pdu = answer(link)
            out.setdefault(phone, []).append((pdu.status, pdu.sequence - number, pdu.body[:-1].decode()))
        for link in links:  # what is on its way comes before the answer
            link.request(ENQUIRE_LINK)
            answer(link)
        for link in links:  # no receipt of another day comes here
            link.call(UNBIND)
            link.close()
        return {phone: [(status, shift, receipts.get(i)) for status, shift, i in all_] for phone, all_ in out.items()}

    def test_whatever_the_order_between_phones_and_links(self):
        ahead = [(phone, n) for n in range(self.EACH) for phone in range(self.PHONES)]
        turned = [(phone, n) for phone in reversed(range(self.PHONES)) for n in range(self.EACH)]
        day = self.play(7, ahead)
        self.assertEqual(day, self.play(7, turned))
        self.assertNotEqual(day, self.play(8, ahead))
        kinds = {what for phone in day.values() for what in phone}
        self.assertLessEqual({(0, 0, "DELIVRD"), (0, 0, "UNDELIV"), (0, 0, None), (THROTTLED, 0, None), (SYSERR, 0, None),
                              (0, 1, "DELIVRD")}, kinds)


del Case

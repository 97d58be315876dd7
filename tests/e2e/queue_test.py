"""What waits to go out, as an operator sees and steers it, and the suppression list, as he and the subscriber see it: by HTTP and by
command. The mails are put into the store by tests/drive/queue; every lane is held first, so that nothing here goes anywhere."""
import json
import subprocess
import unittest

from harness.phones import Phones
from harness.system import BUILD, Hato, eventually

NEW = {"attempts": 0, "last": None, "held": False}


class Queue(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hato = Hato()
        cls.phones = Phones(cls.hato)
        cls.phone = cls.phones.next()

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def drive(self, *words):
        return subprocess.run([str(BUILD / "tests/drive/queue"), str(self.hato.dir / "state" / "db"), *map(str, words)], check=True,
                              capture_output=True, text=True).stdout.strip()

    def put(self, lane, *to, sender="-", origin="ann@hato.example"):
        return int(self.drive("put", sender, origin, lane, *to))

    def ask(self, method, path, body=None):
        status, _, answer = self.hato.network(method, path, body)
        return status, answer

    def hold(self, lane):
        self.assertEqual((200, {"mails": 0}), self.ask("POST", "/v1/queue/hold", {"lane": lane}))

    def refused(self, method, path, body=None, status=400, name="malformed"):
        got, problem = self.ask(method, path, body)
        self.assertEqual((status, "urn:hato:problem:" + name), (got, problem["type"]), (method, path))

    def ids(self, query):
        status, page = self.ask("GET", "/v1/queue" + query)
        self.assertEqual(200, status, page)
        return [m["id"] for m in page["mails"]], page.get("next")

    def test_a_mail_is_shown_without_its_content(self):
        self.hold("a.example")
        mail = self.put("a.example", "bob@a.example", "eve@a.example", sender=self.phone.msisdn)
        self.drive("defer", mail, 1, 451, "4.3.0", "come back later", 3600)
        status, shown = self.ask("GET", "/v1/queue/%d" % mail)
        self.assertEqual(200, status)
        first, second = shown["waiting"]
        self.assertEqual({"code": 451, "enhanced": "4.3.0", "text": "come back later", "remote": "mx.b.example [192.0.2.1]"}, first["last"])
        self.assertEqual((1, 1, "bob@a.example", "a.example"), (first["id"], first["attempts"], first["to"], first["lane"]))
        self.assertEqual((2, 0, "eve@a.example", None), (second["id"], second["attempts"], second["to"], second["last"]))
        self.assertLess(second["next"], first["next"])
        for name, value in {"id": mail, "sender": self.phone.msisdn, "from": "ann@hato.example", "to": "bob@a.example",
                            "recipients": 2, "lane": "a.example", "held": False, "attempts": 1}.items():
            self.assertEqual(value, shown[name], name)
        _, page = self.ask("GET", "/v1/queue?lane=a.example")
        self.assertEqual([{k: v for k, v in shown.items() if k != "waiting"}], page["mails"])
        text = self.hato.command("queue", "show", str(mail)).stdout
        for word in ("451 4.3.0 come back later", "eve@a.example", "a.example", str(mail)):
            self.assertIn(word, text)
        self.assertNotIn("secret", json.dumps(shown) + text + self.hato.log())

    def test_lists_come_in_pages(self):
        self.hold("b.example")
        own = self.phones.next()
        mails = [self.put("b.example", "x@b.example", sender=own.msisdn if i % 2 else "-") for i in range(5)]
        self.assertEqual((mails, None), self.ids("?lane=b.example"))
        seen, after = [], ""
        while after is not None:
            page, after = self.ids("?lane=b.example&limit=2" + (after and "&after=" + after))
            seen += page
        self.assertEqual(mails, seen)
        self.assertEqual(mails[1::2], self.ids("?sender=" + own.msisdn)[0])
        first, after = self.ids("?limit=1&sender=" + own.msisdn)
        self.assertEqual(mails[1:2], first)
        self.assertEqual(mails[3:4], self.ids("?sender=%s&after=%s" % (own.msisdn, after))[0])
        self.assertEqual(mails[3:4], self.ids("?sender=%s&lane=b.example&after=%s" % (own.msisdn, self.ids(
            "?lane=b.example&limit=2")[1]))[0])
        self.assertEqual(([], None), self.ids("?lane=nothing.example"))
        rows = json.loads(self.hato.command("queue", "list", "--lane", "b.example", "--json").stdout)
        self.assertEqual(mails, [m["id"] for m in rows])
        text = self.hato.command("queue", "list", "--lane", "b.example", "--limit", "3").stdout
        self.assertEqual(1 + 3 + 1, text.count("\n"), text)
        self.assertIn("more than 3", text)

    def test_hold_release_retry(self):
        self.hold("c.example")
        mail = self.put("c.example", "x@c.example")
        self.assertTrue(self.ask("GET", "/v1/queue/%d" % mail)[1]["lane_held"])
        self.assertIn("lane held", self.hato.command("queue", "list", "--lane", "c.example").stdout)
        for act in ("hold", "release", "retry"):
            self.assertEqual((200, {"mails": 1}), self.ask("POST", "/v1/queue/%d/%s" % (mail, act)))
            _, shown = self.ask("GET", "/v1/queue/%d" % mail)
            self.assertEqual((act == "hold", act == "hold"), (shown["held"], shown["next"] is None))
        self.drive("defer", mail, 1, 451, "4.3.0", "later", 3600)
        _, before = self.ask("GET", "/v1/queue/%d" % mail)
        self.assertEqual((200, {"mails": 1}), self.ask("POST", "/v1/queue/retry", {"lane": "c.example"}))
        _, after = self.ask("GET", "/v1/queue/%d" % mail)
        self.assertLess(after["next"], before["next"])
        self.assertIn("is tried at once", self.hato.command("queue", "retry", str(mail)).stdout)
        self.assertIn("held", self.hato.command("queue", "hold", str(mail)).stdout)
        eventually("the gauge", lambda: self.hato.metric("hato_queue_held") == 1)
        self.hato.command("queue", "release", str(mail))
        self.assertIn("(1 mails)", self.hato.command("queue", "drop", "--lane", "c.example", "--reason", "a test").stdout)
        self.assertEqual((200, {"mails": 0}), self.ask("POST", "/v1/queue/release", {"lane": "c.example"}))
        self.refused("POST", "/v1/queue/retry", {"lane": "c.example"}, 404, "not-found")

    def test_a_drop_needs_its_reason_and_is_logged(self):
        self.hold("d.example")
        mail, other = self.put("d.example", "x@d.example"), self.put("d.example", "y@d.example")
        for path in ("/v1/queue/%d" % mail, "/v1/queue/%d?reason=" % mail, "/v1/queue?lane=d.example", "/v1/queue?reason=x",
                     "/v1/queue/%d?reason=%s" % (mail, "x" * 300)):
            self.refused("DELETE", path)
        run = self.hato.command("queue", "drop", str(mail), check=False)
        self.assertEqual((1, 1), (run.returncode, run.stderr.count("\n")))
        self.assertEqual((200, {"mails": 1}), self.ask("DELETE", "/v1/queue/%d?reason=spam%%20run" % mail))
        self.refused("DELETE", "/v1/queue/%d?reason=again" % mail, None, 404, "not-found")
        self.assertEqual([other], self.ids("?lane=d.example")[0])
        event = [e for e in self.hato.events("queue-dropped") if e["mail"] == mail][0]
        self.assertEqual(("spam run", 1), (event["reason"], event["mails"]))
        self.hato.command("queue", "drop", str(other), "--reason", "the rest of it")
        self.assertEqual([], self.ids("?lane=d.example")[0])

    def test_what_is_wrong_is_said(self):
        half = self.hato.command("queue", check=False)
        self.assertEqual(2, half.returncode)
        self.assertIn("hato queue retry ID", half.stderr)
        for method, path in (("GET", "/v1/queue?after=x"), ("GET", "/v1/queue?after=1.x"), ("GET", "/v1/queue?limit=0"),
                             ("GET", "/v1/queue?sender=x"), ("GET", "/v1/queue?lane=" + "x" * 300), ("GET", "/v1/queue/x"),
                             ("GET", "/v1/queue/0"), ("POST", "/v1/queue/x/hold"), ("DELETE", "/v1/queue/-1?reason=x")):
            self.refused(method, path)
        for body in ({}, {"lane": 1}, {"lane": "x" * 300}, [], None):
            for act in ("retry", "hold", "release"):
                self.refused("POST", "/v1/queue/" + act, body)
        self.refused("GET", "/v1/queue?sender=819099999999", None, 404, "not-found")
        for path in ("/v1/queue/999999999", "/v1/queue/999999999/hold"):
            self.refused("POST" if path.endswith("hold") else "GET", path, None, 404, "not-found")
        for words in (("retry",), ("retry", "1", "--lane", "x"), ("drop", "--lane", "x"), ("list", "--limit", "none")):
            run = self.hato.command("queue", *words, check=False)
            self.assertEqual((1, 1), (run.returncode, run.stderr.count("\n")), run.stderr)

    # ---- suppression ----

    def suppress(self, phone, address, text="no such user"):
        self.drive("suppress", phone.msisdn, address, 550, "5.1.1", text, 3600)

    def test_the_operator_sees_and_clears_suppressions(self):
        phone, neighbour = self.phones.next(attach=False), self.phones.next(attach=False)
        path = "/v1/subscribers/%s/suppression" % phone.msisdn
        self.assertEqual((200, []), self.ask("GET", path))
        for address in ("a@x.example", "b@x.example", "c@x.example"):
            self.suppress(phone, address)
        self.suppress(phone, "a@x.example", "still not")
        self.suppress(neighbour, "a@x.example")
        status, rows = self.ask("GET", path)
        self.assertEqual(["a@x.example", "b@x.example", "c@x.example"], [r["address"] for r in rows])
        self.assertEqual((550, "5.1.1", "still not", 2), tuple(rows[0][k] for k in ("code", "enhanced", "text", "count")))
        self.assertLess(rows[0]["since"], rows[0]["expires"])
        self.assertEqual(["b@x.example"], [r["address"] for r in self.ask("GET", path + "?limit=1&after=a@x.example")[1]])
        self.assertEqual(204, self.ask("DELETE", path + "/B@X.example")[0], "however it is spelt")
        self.assertEqual(204, self.ask("DELETE", path + "/b@x.example")[0], "again")
        said = self.hato.command("suppression", "clear", phone.msisdn, "b@x.example").stdout
        self.assertIn("nothing to clear: b@x.example", said)
        self.assertIn("still not", self.hato.command("suppression", "list", phone.msisdn).stdout)
        said = self.hato.command("suppression", "clear", phone.msisdn, "C@x.example").stdout
        self.assertIn("may send to C@x.example again", said)
        rows = json.loads(self.hato.command("suppression", "list", phone.msisdn, "--json").stdout)
        self.assertEqual(["a@x.example"], [r["address"] for r in rows])
        self.hato.command("suppression", "clear", phone.msisdn)
        self.assertEqual((200, []), self.ask("GET", path))
        self.assertIn("nothing to clear", self.hato.command("suppression", "clear", phone.msisdn).stdout)
        self.assertEqual(204, self.ask("DELETE", path)[0])
        self.refused("DELETE", "/v1/subscribers/819099999999/suppression", None, 404, "not-found")
        gone = self.hato.command("suppression", "clear", "819099999999", check=False)
        self.assertEqual((1, ""), (gone.returncode, gone.stdout))
        self.assertEqual(1, len(self.ask("GET", "/v1/subscribers/%s/suppression" % neighbour.msisdn)[1]), "another's stays")
        self.refused("GET", "/v1/subscribers/819099999999/suppression", None, 404, "not-found")
        self.refused("GET", "/v1/subscribers/x/suppression")

    def test_the_subscriber_sees_and_clears_his_own(self):
        phone, stranger = self.phones.next(), self.phones.next()
        self.suppress(phone, "gone@x.example")
        bearer = {"Authorization": "Bearer " + phone.answer["token"]}

        def own(method, path="/v1/suppression", source=phone.ip, headers=bearer):
            status, _, answer = self.hato.handset(source, method, path, headers=headers)
            return status, answer
        status, rows = own("GET")
        self.assertEqual((200, ["gone@x.example"]), (status, [r["address"] for r in rows]))
        # From another address the token is nobody's; another's list is another's.
        self.assertEqual(401, own("GET", source=stranger.ip)[0])
        self.assertEqual(401, own("DELETE", "/v1/suppression/gone@x.example", source=stranger.ip)[0])
        self.assertEqual(401, own("GET", headers={})[0])
        his = {"Authorization": "Bearer " + stranger.answer["token"]}
        self.assertEqual((200, []), own("GET", source=stranger.ip, headers=his))
        self.assertEqual(404, own("DELETE", "/v1/suppression/gone@x.example", source=stranger.ip, headers=his)[0])
        self.assertEqual(204, own("DELETE", "/v1/suppression/gone@x.example")[0])
        self.assertEqual((200, []), own("GET"))
        self.assertEqual(404, own("DELETE", "/v1/suppression/gone@x.example")[0])

    def test_the_gauges(self):
        self.hold("g.example")
        mail = self.put("g.example", "x@g.example")
        _, page = self.ask("GET", "/v1/queue?limit=1000")
        eventually("the gauges", lambda: self.hato.metric("hato_queue_mails") == len(page["mails"])
                   and self.hato.metric("hato_queue_octets") == sum(m["size"] for m in page["mails"]))
        self.assertGreaterEqual(self.hato.metric("hato_queue_lanes"), 1)
        self.assertGreaterEqual(self.hato.metric("hato_queue_oldest_seconds"), 0)
        self.ask("DELETE", "/v1/queue/%d?reason=x" % mail)


if __name__ == "__main__":
    unittest.main()

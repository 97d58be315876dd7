"""How a subscriber is told: the operator's API and the command, by clients that make every mistake."""
import json
import unittest

from harness.phones import Phones
from harness.system import Hato

NIGHT = {"from": "22:00", "to": "07:00", "zone": "Asia/Tokyo", "udp": "go"}
DEFAULT = {"mode": "push", "replace": False, "sender": True, "quiet": None, "udp_per_hour": None, "sms_per_hour": None,
           "default": True}


class Notification(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hato = Hato()
        cls.phones = Phones(cls.hato)

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def ask(self, method, phone, body=None):
        status, _, answer = self.hato.network(method, "/v1/subscribers/%s/notification" % phone.msisdn, body)
        return status, answer

    def test_a_choice_is_kept_until_it_is_taken_back(self):
        phone, neighbour = self.phones.next(attach=False), self.phones.next(attach=False)
        self.assertEqual((200, DEFAULT), self.ask("GET", phone))
        choice = {"mode": "text", "replace": True, "sender": False, "quiet": NIGHT, "udp_per_hour": 0, "sms_per_hour": 4}
        self.assertEqual((200, {**choice, "default": False}), self.ask("PUT", phone, choice))
        self.assertEqual((200, {**choice, "default": False}), self.ask("GET", phone))
        self.assertEqual((200, DEFAULT), self.ask("GET", neighbour))
        self.assertEqual((200, {**DEFAULT, "mode": "off", "default": False}), self.ask("PUT", phone, {"mode": "off"}))
        self.assertEqual((200, {**DEFAULT, "mode": "off", "default": False}), self.ask("GET", phone))
        self.assertEqual(204, self.ask("DELETE", phone)[0])
        self.assertEqual(204, self.ask("DELETE", phone)[0], "twice is no harm")
        self.assertEqual((200, DEFAULT), self.ask("GET", phone))

    def test_what_is_wrong_is_said(self):
        phone = self.phones.next(attach=False)
        for body, word in (({}, "mode"), ({"mode": "loud"}, "mode"), ({"mode": "push", "quite": NIGHT}, "member"),
                           ({"mode": "push", "quiet": {**NIGHT, "zone": "Asia/Edo"}}, "zone"),
                           ({"mode": "push", "quiet": {**NIGHT, "zone": "../../../etc/passwd"}}, "zone"),
                           ({"mode": "push", "quiet": {**NIGHT, "to": "22:00"}}, "same"),
                           ({"mode": "push", "sms_per_hour": 3601}, "sms_per_hour"), ([], "object")):
            with self.subTest(body=body):
                status, problem = self.ask("PUT", phone, body)
                self.assertEqual((400, "urn:hato:problem:malformed"), (status, problem["type"]))
                self.assertIn(word, problem["detail"])
        self.assertEqual((200, DEFAULT), self.ask("GET", phone))
        for method, body in (("GET", None), ("PUT", {"mode": "push"}), ("DELETE", None)):
            status, _, problem = self.hato.network(method, "/v1/subscribers/819099999999/notification", body)
            self.assertEqual((404, "urn:hato:problem:not-found"), (status, problem["type"]))
            status, _, problem = self.hato.network(method, "/v1/subscribers/x/notification", body)
            self.assertEqual((400, "urn:hato:problem:malformed"), (status, problem["type"]))

    def test_the_command(self):
        phone = self.phones.next(attach=False)
        shown = self.hato.command("notification", "set", phone.msisdn, "text", "quiet=22:00-07:00", "zone=Asia/Tokyo", "udp=go",
                                  "replace=yes", "sms_per_hour=4").stdout
        self.assertIn("22:00-07:00 Asia/Tokyo udp=go", shown)
        self.assertEqual({"mode": "text", "replace": True, "sender": True, "quiet": NIGHT, "udp_per_hour": None, "sms_per_hour": 4,
                          "default": False}, json.loads(self.hato.command("notification", "show", phone.msisdn, "--json").stdout))
        for words in (("quiet=22:00",), ("sender=maybe",), ("sms_per_hour=many",), ("colour=red",), ("quiet=22:00-07:00", "zone=Edo")):
            run = self.hato.command("notification", "set", phone.msisdn, "push", *words, check=False)
            self.assertEqual((1, 1), (run.returncode, run.stderr.count("\n")), run.stderr)
        self.assertIn("text", self.hato.command("notification", "show", phone.msisdn).stdout, "nothing of it was kept")
        self.hato.command("notification", "reset", phone.msisdn)
        self.assertIn("push", self.hato.command("notification", "show", phone.msisdn).stdout)


if __name__ == "__main__":
    unittest.main()

"""What the tests of bindings share: a Hato with phones, and the questions that they all ask."""
import time
import unittest

from harness.phones import Phones
from harness.system import Hato


def stamp(seconds_from_now=0.0):
    """RFC 3339, microseconds: an event's time."""
    at = time.time() + seconds_from_now
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + ".%06dZ" % (at % 1 * 1e6)


class Bindings(unittest.TestCase):
    """One Hato for a class; every test has phones and addresses of its own."""
    sets = {}

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato(cls.sets)
        cls.phones = Phones(cls.hato)

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def problem(self, answer, name, status=403):
        """answer: (status, headers, body) of a request that must be refused so."""
        self.assertEqual((status, "urn:hato:problem:" + name), (answer[0], answer[2]["type"]))
        if status in (403, 503):
            self.assertGreater(int(answer[1]["Retry-After"]), 0)

    def refused(self, phone, token=None, ip=None):
        """This token opens nothing from there: by no login, and authsrv does not know it either."""
        self.assertRegex(phone.try_login(ip=ip, token=token), r"\A-ERR \[AUTH\]")
        self.assertIn(phone.bearer("POST", "/v1/token/refresh", token=token, ip=ip)[0], (401, 403))

    def start(self, ip, phone, session, **fields):
        return self.hato.lease("start", ip=ip, msisdn=phone.msisdn, session_id=session, **fields)

    def state(self, ip):
        found = self.phones_binding(ip)
        return found["state"] if found else "free"

    def phones_binding(self, ip):
        status, _, answer = self.hato.network("GET", "/v1/bindings/" + ip)
        return answer if status == 200 else None

    def history(self, ip, query=""):
        status, _, rows = self.hato.network("GET", "/v1/bindings/%s/history%s" % (ip, query))
        self.assertEqual(200, status)
        return rows

    def holder_at(self, ip, at):
        """The answer begins with the row that decides; rows after `at` may follow it."""
        rows = [r for r in self.history(ip, "?at=" + at) if r["time"] <= at]
        return rows[0]["msisdn"] if rows and rows[0]["event"] == "start" else None

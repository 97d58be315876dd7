"""pushsrv's links bound to smsc-sim on its bad days: what is accepted, what is told, what is counted."""
import shutil
import subprocess
import tempfile
import unittest

from harness.esme import Esme
from harness.smsc_alone import PASSWORD, Smsc
from harness.system import PATIENCE, eventually, free_ports

TRIGGER = (bytes.fromhex("2a06060302030aaf89030d6a00850703") + b"taro@hato.example" +
           bytes.fromhex("0005c3072026010509301501"))


class Days(unittest.TestCase):
    sets = {"sink": "*"}
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.smsc = Smsc(sets=cls.sets, accounts={"east": "", "west": "address_range = ^4286"}, options=cls.options)

    @classmethod
    def tearDownClass(cls):
        cls.smsc.close()

    def setUp(self):
        self.smsc.faults()

    def esme(self, *accounts, **keys):
        links = {}
        for i, account in enumerate(accounts or ("east",)):
            links[account] = {"port": self.smsc.smpp, "system_id": account, "priority": i, "window": 32,
                              "reconnect": "0,1", **keys}
        esme = Esme(links, password=PASSWORD)
        self.addCleanup(esme.close)
        esme.up(len(links))
        return esme

    def flood(self, esme, count, first=819030000000):
        """Triggers and their receipts, all of them."""
        esme.say("flood", count, first, 1)
        return esme.wait("flooded")


class Quiet(Days):
    sets = {"sink": "*", "receipt_retry_seconds": 1}

    def test_a_trigger_and_its_receipt(self):
        esme = self.esme()
        done = esme.outcome("819012345678", octets=TRIGGER)
        self.assertEqual("accepted", done["outcome"])
        receipt = esme.receipt()
        self.assertEqual((done["message_id"], "DELIVRD"), (receipt["message_id"], receipt["state"]))
        content = self.smsc.message(done["message_id"])["content"]
        self.assertEqual({"destination": 2948, "source": 9200}, content["udh"]["ports"])
        self.assertEqual("mailat:taro@hato.example", "mailat:" + content["emn"]["mailbox"].removeprefix("mailat:"))
        esme.stop()
        self.assertEqual([], [l for l in self.smsc.api("GET", "/v1/links") if l["account"] == "east"])

    def test_tlvs_sar_and_payload(self):
        for keys in ({"form": "tlv"}, {"parts": "sar"}, {"parts": "payload"}, {"parts": "udh"}):
            with self.subTest(**keys):
                esme = self.esme(**keys)
                one = esme.outcome("819012345678", octets=TRIGGER)
                self.assertEqual("accepted", one["outcome"])
                esme.receipt()
                long = esme.outcome("819012345678", octets=TRIGGER[:16] + b"a" * 300 + TRIGGER[16:])
                self.assertEqual("accepted", long["outcome"])
                self.assertEqual(long["message_id"], esme.receipt()["message_id"])
                esme.stop()

    def test_a_message_from_a_phone(self):
        esme = self.esme("west")
        self.smsc.api("POST", "/v1/mo", {"source": "819011112222", "destination": "4286", "text": "hello"})
        came = esme.wait("incoming")
        self.assertEqual(("819011112222", b"hello"), (bytes.fromhex(came["source"]).decode(),
                                                      bytes.fromhex(came["octets"])))
        esme.stop()

    def test_a_receipt_that_was_not_taken_comes_again(self):
        esme = self.esme()
        esme.say("later 1")
        done = esme.outcome("819012345678")
        self.assertEqual([done["message_id"]] * 2, [esme.receipt()["message_id"] for _ in range(2)])
        esme.stop()


class Bad(Days):
    def test_throttled(self):
        self.smsc.faults({"what": "throttle", "above_per_s": 100})
        esme = self.esme()
        done = self.flood(esme, 200)
        submits = esme.metric("submits_total", "east")
        self.assertGreater(done["again"], 0)
        self.assertLess(done["again"], 120, "the first second's window, then few")
        self.assertEqual(200 + done["again"], submits)
        esme.stop()

    def test_queue_full_then_free(self):
        self.smsc.faults({"what": "throttle", "status": 20})
        esme = self.esme()
        ids = [esme.submit("819012345678") for _ in range(8)]
        told = [esme.wait("submitted", id=i) for i in ids]
        self.assertEqual({("temporary", 20)}, {(t["outcome"], t["status"]) for t in told})
        self.smsc.faults()
        self.assertEqual("accepted", esme.outcome("819012345678")["outcome"])
        esme.stop()

    def test_receipts_overtake(self):
        self.smsc.faults({"what": "delay", "of": "submit_resp", "distribution": "uniform", "from_ms": 0, "to_ms": 40})
        esme = self.esme()
        done = self.flood(esme, 500)
        self.assertEqual(0, done["again"])
        self.assertGreater(esme.metric("receipts_early_total", "east"), 10)
        esme.stop()

    def test_wrong_sequence_numbers(self):
        """An answer under a wrong number is one that never came: unknown, after its time, and the link goes on."""
        self.smsc.faults({"what": "sequence", "share": 0.1, "by": 100000})
        esme = self.esme(response_seconds=1, window=64)
        ids = [esme.submit("819012345678") for _ in range(100)]
        told = [esme.wait("submitted", id=i)["outcome"] for i in ids]
        self.assertEqual({"accepted", "unknown"}, set(told))
        self.assertEqual(told.count("unknown"), esme.metric("unexpected_total", "east"))
        esme.stop()

    def test_generic_nack(self):
        self.smsc.faults({"what": "generic_nack", "status": 3})
        esme = self.esme()
        nacked = esme.outcome("819012345678")
        self.assertEqual(("permanent", 3), (nacked["outcome"], nacked["status"]))
        esme.stop()

    def test_it_takes_and_says_nothing(self):
        self.smsc.faults({"what": "silence", "account": "east"})
        esme = self.esme("east", "west", window=4, response_seconds=1)
        ids = [esme.submit("819012345678") for _ in range(8)]
        told = [esme.wait("submitted", id=i) for i in ids]
        self.assertEqual(["unknown"] * 4 + ["accepted"] * 4, [t["outcome"] for t in told])
        self.assertEqual({"west"}, {t["link"] for t in told[4:]})
        self.smsc.faults()
        eventually("east is bound again", lambda: len(esme.logged("smsc-bound")) >= 3)
        self.assertEqual("east", esme.outcome("819012345678")["link"])
        esme.stop()

    def test_nothing_is_answered_at_all(self):
        esme = self.esme("east", "west", enquire_seconds=1, response_seconds=1)
        self.smsc.faults({"what": "silence", "of": "all", "account": "east"})
        eventually("east is left", lambda: [e for e in esme.logged("smsc-down") if e["why"] == "silent"])
        # It may be bound again by now: binds are answered. Then it gets one message, and keeps it to itself.
        ids = [esme.submit("819012345678") for _ in range(4)]
        told = [(t["link"], t["outcome"]) for t in (esme.wait("submitted", id=i) for i in ids)]
        self.assertIn(told[0], [("west", "accepted"), ("east", "unknown")])
        self.assertEqual([("west", "accepted")] * 3, told[1:])
        esme.stop()

    def test_cuts(self):
        """In the middle of the work: what was in flight is unknown and goes again; nothing is forgotten."""
        self.smsc.faults({"what": "cut", "after_pdus": 150})
        esme = self.esme()
        done = self.flood(esme, 600)
        self.assertGreater(done["again"], 0)
        self.assertGreaterEqual(esme.metric("binds_total", "east"), 4)
        self.assertEqual(600, esme.metric("messages_total", "east", ',outcome="accepted"'))
        self.assertEqual(done["again"], esme.metric("messages_total", "east", ',outcome="unknown"'))
        esme.stop()


class Killed(Days):
    sets = {"sink": "*", "store": "db"}

    def test_it_is_killed_and_started_again(self):
        esme = self.esme()
        esme.say("flood", 2000, 819030000000, 1)
        eventually("it is at work", lambda: esme.metric("messages_total", "east", ',outcome="accepted"') > 100)
        self.smsc.kill()
        eventually("it is missed", lambda: esme.logged("smsc-down"))
        self.smsc.start()
        done = esme.wait("flooded")
        self.assertGreater(done["again"], 0)
        self.assertEqual(2000, esme.metric("messages_total", "east", ',outcome="accepted"'))
        esme.stop()


class Secured(unittest.TestCase):
    """TLS: any certificate, or one that is verified."""

    @classmethod
    def setUpClass(cls):
        cls.port = free_ports(1)[0]
        cls.smsc = None
        folder = cls.folder = tempfile.mkdtemp(prefix="hato-tls-")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        folder + "/key.pem", "-out", folder + "/cert.pem", "-days", "2", "-subj", "/CN=smsc.example", "-addext",
                        "subjectAltName=DNS:smsc.example"], check=True, capture_output=True, timeout=PATIENCE)
        cls.smsc = Smsc(sets={"sink": "*", "smpp_tls_port": cls.port}, accounts={"east": ""},
                        options=["--set", "paths.tls_certificate=%s/cert.pem" % folder, "--set",
                                 "paths.tls_key=%s/key.pem" % folder])

    @classmethod
    def tearDownClass(cls):
        cls.smsc.close()
        shutil.rmtree(cls.folder)

    def esme(self, **keys):
        esme = Esme({"east": {"port": self.port, "system_id": "east", **keys}}, password=PASSWORD)
        self.addCleanup(esme.close)
        return esme

    def test_tls(self):
        ca = self.folder + "/cert.pem"
        for keys in ({"tls": "yes"}, {"tls": "verify", "tls_ca": ca, "tls_name": "smsc.example"}):
            with self.subTest(**keys):
                esme = self.esme(**keys)
                esme.up()
                self.assertEqual("accepted", esme.outcome("819012345678")["outcome"])
                esme.receipt()
                esme.stop()

    def test_a_stranger_is_not_bound_to(self):
        ca = self.folder + "/cert.pem"
        for keys in ({"tls": "verify", "tls_ca": ca}, {"tls": "verify", "tls_ca": ca, "tls_name": "other.example"},
                     {"tls": "verify", "tls_name": "smsc.example"}):
            with self.subTest(**keys):
                esme = self.esme(**keys)
                down = eventually("the handshake fails", lambda: esme.logged("smsc-down"))
                self.assertEqual("tls", down[0]["why"])
                self.assertEqual([], esme.logged("smsc-bound"))
                esme.stop()


if __name__ == "__main__":
    unittest.main()

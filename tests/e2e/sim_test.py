"""The simulator as a user runs it: many phones that change addresses under load, and its verdict that nothing went wrong."""
import json
import re
import unittest

from harness.clients import run
from harness.corpus import FOLDER
from harness.phones import Phones
from harness.system import BUILD, Hato, eventually


@unittest.skipUnless((BUILD / "smtpgw").exists() and (BUILD / "handset-sim").exists(), "smtpgw or handset-sim is not built")
class Simulation(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato({"pushsrv.coalesce": 50})

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def simulate(self, *options, status=0):
        done = run(BUILD / "handset-sim", "--dir", self.hato.dir / "state", "--json", "--quiet", *options)
        self.assertEqual(status, done.returncode, (done.stdout, done.stderr, self.hato.log()[-3000:]))
        return json.loads(done.stdout)

    def is_clean(self, report, handsets, mails):
        self.assertEqual({"handsets": handsets, "sent": mails, "fetched": mails, "lost": 0, "altered": 0, "stranger": 0},
                         {k: report[k] for k in ("handsets", "sent", "fetched", "lost", "altered", "stranger")}, report)
        for name in ("attach", "token", "accept_trigger", "trigger_fetched"):
            times = report[name]
            self.assertTrue(0 <= times["p50"] <= times["p99"] <= times["max"], (name, times))

    def test_phones_that_change_addresses_lose_nothing(self):
        corpus = ("--corpus", FOLDER) if FOLDER.is_dir() else ()
        report = self.simulate("--handsets", 60, "--mails", 300, "--rate", 150, "--churn", 30, "--login", "mix", *corpus)
        self.is_clean(report, 60, 300)
        self.assertGreater(report["moves"], 10)
        self.assertEqual([], self.hato.events("quarantined"), "and nobody was suspected")

    def test_by_tls(self):
        report = self.simulate("--handsets", 20, "--mails", 60, "--tls", "--login", "mix", "--first", 5001)
        self.is_clean(report, 20, 60)

    def test_sims_prove_themselves(self):
        """Four of five; every sixteenth SIM is new and has to resynchronise. A wrong trigger key would lose its mail."""
        report = self.simulate("--handsets", 60, "--mails", 200, "--churn", 30, "--rate", 150, "--sim", 80, "--first", 7001)
        self.is_clean(report, 60, 200)
        self.assertGreater(report["moves"], 10)
        status, _, text = self.hato.http(self.hato.port("hato.console_port"), "GET", "/metrics")
        counts = dict(re.findall(r"hato_authsrv_(proved|sim_resyncs)_total[^ ]* (\d+)", text.decode()))
        self.assertEqual(200, status)
        self.assertGreaterEqual(int(counts["proved"]), 60)
        self.assertGreaterEqual(int(counts["sim_resyncs"]), 4)
        self.assertEqual([], self.hato.events("proof-refused"))

    def test_phones_submit(self):
        """To each other, by their tokens, while some change their addresses; and next to the mail from outside."""
        report = self.simulate("--handsets", 30, "--mails", 60, "--churn", 20, "--rate", 100, "--submit", 5, "--first", 8001)
        self.is_clean(report, 30, 60)
        said = report["submissions"]
        self.assertEqual({"wanted": 150, "accepted": 150, "refused": 0, "arrived": 150, "bounced": 0, "lost": 0, "altered": 0,
                          "stranger": 0}, {k: said[k] for k in said if k not in ("again", "accept")})
        self.assertEqual(150, said["accept"]["count"])

    def test_phones_submit_by_tls_to_who_is_given(self):
        reader = Phones(self.hato).next()
        report = self.simulate("--handsets", 4, "--mails", 0, "--tls", "--submit", 3, "--submit-to", reader.address,
                               "--first", 9001)
        self.assertEqual((12, 0), (report["submissions"]["accepted"], report["submissions"]["lost"]))
        mails = []
        eventually("all are there", lambda: mails.extend(reader.fetch()) or len(mails) == 12)

    def test_no_address_and_no_scenario(self):
        for wrong in (["--submit-to", "nobody"], ["--submit", "1", "--scenario", "sms-day"], ["--submit", "1001"]):
            self.assertEqual(2, run(BUILD / "handset-sim", "--dir", self.hato.dir / "state", *wrong).returncode)

    def test_one_socket_each_and_every_login_form(self):
        for n, form in enumerate(("userpass", "token", "plain", "login", "oauthbearer", "xoauth2")):
            report = self.simulate("--handsets", 5, "--mails", 10, "--login", form, "--trigger-sockets", "each",
                                   "--first", 10001 + 100 * n)
            self.is_clean(report, 5, 10)

    def test_usage(self):
        for words in (("--handsets", 0), ("--login", "imsi"), ("--nonsense",), ("--mails", "x"), ("more",)):
            done = run(BUILD / "handset-sim", "--dir", self.hato.dir / "state", *words)
            self.assertEqual((2, b""), (done.returncode, done.stdout), words)
        done = run(BUILD / "handset-sim", "--dir", self.hato.dir / "nothing")
        self.assertEqual((2, b"", 1), (done.returncode, done.stdout, len(done.stderr.splitlines())))


if __name__ == "__main__":
    unittest.main()

"""A day of faults (docs/sms.md): phones go off and on, links are cut, pushsrv and smsc-sim are killed, the SMSC misbehaves by
its script; every mail is fetched, nobody is triggered more often than the schedule allows, no trigger reaches a stranger.
Short here; with HATO_SOAK=1 (make soak) the whole day of 10,000 mails."""
import json
import os
import subprocess
import unittest

from harness.system import BUILD, PATIENCE, ROOT, Hato

SCRIPT = ROOT / "tests" / "scenarios" / "sms-day.json"
WHOLE = bool(os.environ.get("HATO_SOAK") == "1")
SIZE = (1000, 10000, 150, 500) if WHOLE else (60, 300, 100, 20)  # phones, mails, mails a second, texts
TIMES = ("at", "until", "every_s", "down_s")


def script(factor):
    """The day's faults, in a day of another length. After a `later` pushsrv waits for half a minute, or a whole one: too long
    for a short day."""
    faults = json.loads(SCRIPT.read_text())
    faults["faults"] = [f for f in faults["faults"] if WHOLE or "status" not in f]
    for fault in faults["faults"]:
        fault.update({key: fault[key] * factor for key in TIMES if key in fault})
    return faults


class SmsDay(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato({
            "pushsrv.coalesce": 100, "pushsrv.retry": "1,1,1", "pushsrv.sms_retry": "2,3", "pushsrv.sms_unconfirmed": 1,
            "pushsrv.sms_coalesce": 1, "smsc-sim.store": "db", "smsc-sim.retry": "1,1,2", "smsc-sim.radio_seconds": 2,
            "smsc-sim.receipt_retry_seconds": 1}, start=False)
        for key, value in {"host": "127.0.0.1", "port": cls.hato.port("smsc-sim.smpp_port"), "system_id": "hato",
                           "password_file": "smpp.secret", "response_seconds": 1, "enquire_seconds": 2,
                           "refused_seconds": 1, "reconnect": 1}.items():
            cls.hato.sets["smsc default." + key] = value
        cls.hato.start()

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def test_every_mail_is_fetched(self):
        phones, mails, rate, texts = SIZE
        faults = self.hato.dir / "faults.json"
        faults.write_text(json.dumps(script(mails / rate / 70)))
        words = (BUILD / "handset-sim", "--dir", self.hato.dir / "state", "--scenario", "sms-day", "--faults", faults,
                 "--handsets", phones, "--mails", mails, "--rate", rate, "--texts", texts, "--sim", 20, "--json")
        done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=PATIENCE * (10 if WHOLE else 2))
        report = json.loads(done.stdout or "{}")
        told = (json.dumps(report, indent=1), done.stderr, self.hato.log()[-3000:])
        must = {"sent": mails, "fetched": mails, "lost": 0, "altered": 0, "stranger": 0, "misdirected": 0}
        self.assertEqual(must, {key: report.get(key) for key in must}, told)
        self.assertTrue(report["schedule"]["kept"], told)
        self.assertEqual((texts, 0, 0), tuple(report["radio"]["texts"][k] for k in ("arrived", "altered", "stranger")), told)
        self.assertEqual(0, done.returncode, told)
        # What was to happen did happen.
        self.assertEqual(report["kills_planned"], report["kills"])
        for daemon in ("pushsrv", "smsc-sim"):
            self.assertIn('"daemon-died","name":"%s"' % daemon, self.hato.log())
        self.assertGreater(report["radio"]["sms_triggers"], phones / 4, told)
        self.assertGreater(report["radio"]["wakes"], phones / 4, told)
        self.assertGreater(report["troubles"]["off"], 5)
        self.assertGreater(sum(report["troubles"].values()), mails / rate * phones / 10)
        self.assertGreater(report["faults_put"], 1, "and again after the death of the SMSC")
        self.assertEqual([], self.hato.events("quarantined"))


if __name__ == "__main__":
    unittest.main()

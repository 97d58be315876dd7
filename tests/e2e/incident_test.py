"""20 December 2011 once more (docs/incident-2011.md), small: by a true feed and by one that gives wrong bindings no stranger
reads anything; and with any one protection switched off in a build made for that, somebody does: the scenario can fail."""
import concurrent.futures
import json
import unittest

from harness.clients import run
from harness.system import BUILD, Hato

WEAK = BUILD.with_name(BUILD.name + "-weak")
SCALE = 20000  # 335 subscribers, 120 of them live phones

# (the protection that is off, by which feed it is missed)
NORMAL = [(None, False), (None, True)]
WEAKENED = [("claim", True), ("generation", True), ("eviction", False), ("order", False), ("address", False),
            ("recheck", False)]


def replay(off, faulty):
    """The finished simulator, its report, and the system's log."""
    sets = {"authsrv.retry_after": 1}
    if off:
        sets["hato.programs"] = WEAK / "bin"
    hato = Hato(sets, env={"HATO_WEAK": off} if off else None)
    try:
        done = run(BUILD / "handset-sim", "--dir", hato.dir / "state", "--scenario", "incident-2011", "--scale", SCALE,
                   "--json", "--patience", 2 if off else 40, *(["--faulty-feed"] if faulty else []))
        return done, json.loads(done.stdout or b"{}"), hato.log()
    finally:
        hato.close()


@unittest.skipUnless((BUILD / "handset-sim").exists() and (WEAK / "bin" / "authsrv").exists(), "make weak was not run")
class Incident(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cases = NORMAL + WEAKENED  # each waits most of its time
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            cls.results = dict(zip(cases, pool.map(lambda case: replay(*case), cases)))
        for case in WEAKENED:  # eight systems at a time: one that came to no end in its short patience has said nothing yet
            if not cls.results[case][1]:
                print("no report, once more alone: %s: %s" % (case, cls.results[case][0].stderr), flush=True)
                cls.results[case] = replay(*case)

    def no_stranger(self, faulty):
        done, report, log = self.results[(None, faulty)]
        self.assertEqual(0, done.returncode, (done.stdout, done.stderr, log[-3000:]))
        must = {"stranger": 0, "lost": 0, "altered": 0, "wrong_tokens": 0, "wrong_bindings": 0, "subscribers": 335,
                "sent": 480, "fetched": 480, "synchronised": True, "authsrv_killed": True}
        self.assertEqual(must, {key: report[key] for key in must}, report)
        self.assertIn('"daemon-died","name":"authsrv"', log, "it was really killed")
        self.assertGreater(report["reattached"], 90)
        self.assertEqual(0, report["events"]["error"], report)
        # What was tried was really tried: lies, old and copied tokens, sessions that stay open.
        self.assertGreater(report["events"]["stale"], 5, report)
        self.assertGreater(report["refusals"]["claim_mismatch"], 10, report)
        self.assertGreater(report["tokens_refused"], 50, report)
        self.assertGreater(report["lies"], 10, report)
        self.assertGreater(report["held"], 10, report)
        self.assertEqual(report["held"], report["held_cut"], report)
        return report

    def test_a_true_feed_however_late_and_torn(self):
        report = self.no_stranger(faulty=False)
        self.assertEqual((0, 0), (report["wrong_events"], report["corrections"]))

    def test_a_feed_that_gives_wrong_bindings(self):
        report = self.no_stranger(faulty=True)
        self.assertGreater(report["wrong_events"], 10, report)
        self.assertGreater(report["corrections"], 10, report)
        self.assertGreater(report["events"]["quarantined"], 0, "the same address for two at the same time")

    def test_without_one_protection_somebody_reads_a_strangers_mail(self):
        for off, faulty in WEAKENED:
            with self.subTest(off=off):
                done, report, log = self.results[(off, faulty)]
                self.assertEqual(1, done.returncode, (done.stdout, done.stderr, log[-3000:]))
                self.assertTrue(report, (done.stderr, log[-3000:]))
                self.assertGreater(report["stranger"], 0, report)

    def test_what_people_run_has_no_trace_of_it(self):
        for program in ("authsrv", "popgw", "pushsrv", "smtpgw", "hato", "handset-sim"):
            octets = (BUILD / program).read_bytes()
            self.assertNotIn(b"HATO_WEAK", octets, program)
            self.assertNotIn(b"weaken_", octets, program)
        octets = (WEAK / "bin" / "authsrv").read_bytes()
        self.assertTrue(b"HATO_WEAK" in octets and b"weaken_" in octets, "so it would be seen")

    def test_usage(self):
        for words in (("--scenario", "incident-2012"), ("--scenario", "incident-2011", "--scale", 0)):
            done = run(BUILD / "handset-sim", "--dir", "/nonexistent", *words)
            self.assertEqual((2, b""), (done.returncode, done.stdout), words)


if __name__ == "__main__":
    unittest.main()

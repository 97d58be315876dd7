"""The soak's own parts, in small: handset-sim's windows while mail comes by MX and LMTP and phones move; deleted mail gives its space back; the
judges see what they are for."""
import json
import os
import sqlite3
import sys
import unittest

from harness.clients import run
from harness.mail import message
from harness.phones import Phones
from harness.system import BUILD, ROOT, Hato, eventually

os.environ["SOAK_SECONDS"] = "300"  # what the made up samples below are of
sys.path.insert(0, str(ROOT / "bench"))
import soak  # noqa: E402

MIB = 2 ** 20


def samples(anonymous):
    """One each 5 s, of one daemon: its memory as a function of the seconds."""
    return [{"at_s": at, "daemons": {"popgw": {"anonymous": anonymous(at)}}} for at in range(0, soak.SECONDS, 5)]


def pages(hato):
    """Of 4 KB, that mail.db has."""
    db = sqlite3.connect("file:%s?mode=ro" % (hato.dir / "state" / "db" / "mail.db"), uri=True)
    try:
        return db.execute("PRAGMA page_count").fetchone()[0]
    finally:
        db.close()


class Windows(unittest.TestCase):

    def test_a_paced_run_tells_each_window(self):
        hato = Hato()
        try:
            done = run(BUILD / "handset-sim", "--dir", hato.dir / "state", "--json", "--handsets", 40, "--mails", 250, "--rate", 100, "--churn",
                       4, "--senders", 4, "--lmtp-senders", 2, "--window", 1)
            self.assertEqual(0, done.returncode, (done.stdout, done.stderr))
            by_mx = hato.metric("hato_smtpgw_mail_accepted_total")
        finally:
            hato.close()
        first, *windows, verdict = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual({"at_s": 0}, first)
        self.assertGreaterEqual(len(windows), 2)
        for w in windows:
            self.assertEqual(w["accepted"], w["accept"]["count"])
            self.assertLessEqual(w["accept"]["p50"], w["accept"]["p99"])
        self.assertLessEqual(sum(w["accepted"] for w in windows), 250)
        self.assertEqual((250, 250, 0, 0), tuple(verdict[k] for k in ("sent", "fetched", "lost", "stranger")))
        self.assertTrue(50 < by_mx < 200, "half of the connections are LMTP: %d of 250 by MX" % by_mx)


class Space(unittest.TestCase):

    def test_deleted_mail_gives_its_pages_back(self):
        hato = Hato()
        try:
            phone = Phones(hato).next()
            for _ in range(4):
                phone.receive(message("large", ("x" * 76 + "\r\n") * 100000))
            self.assertGreater(pages(hato), 7000, "30 MB of mail")
            self.assertEqual(4, len(phone.fetch()))
            eventually("but for 8 MB that are kept for the next mails, they are free for others", lambda: pages(hato) < 3000)
        finally:
            hato.close()


class Judges(unittest.TestCase):

    def test_a_leak_is_seen_and_a_peak_is_none(self):
        flat = soak.judge_memory(samples(lambda at: 40 * MIB + at % 3 * MIB / 2))
        self.assertTrue(flat["popgw"]["good"], flat)
        peak = soak.judge_memory(samples(lambda at: (400 if 200 < at < 220 else 40) * MIB))
        self.assertTrue(peak["popgw"]["good"], peak)
        leak = soak.judge_memory(samples(lambda at: 40 * MIB + at * MIB / 20))
        self.assertFalse(leak["popgw"]["good"], leak)
        self.assertAlmostEqual(9.75, leak["popgw"]["grew_mib"], 1)

    def test_a_descriptor_that_stays_is_seen(self):
        told = soak.judge_descriptors({"popgw": 20, "smtpgw": 30}, {"popgw": 20, "smtpgw": 31})
        self.assertEqual((True, False), (told["popgw"]["good"], told["smtpgw"]["good"]))

    def test_slower_at_the_end_is_seen(self):
        steady = [(at, 1.0, 20.0) for at in range(0, 300, 5)]
        slower = [(at, 1.0, 20.0 if at < 200 else 41.0) for at in range(0, 300, 5)]
        told = soak.judge_latency({"accept": steady, "token": slower, "radius": []})
        self.assertEqual((True, False, False), tuple(told[k]["good"] for k in ("accept", "token", "radius")))

    def test_every_judgement_counts(self):
        tree = {"a": {"good": True}, "b": {"c": {"good": False}, "wal": {"x": 1, "good": True}}}
        self.assertEqual({"a": True, "b.c": False, "b.wal": True}, {n.rstrip("."): g for n, g in soak.goods(tree)})


if __name__ == "__main__":
    unittest.main()

"""kill -9 of each daemon in turn, and of all at once, under load: nothing that was acknowledged is lost.

Short: 16 kills. HATO_SOAK=1: 200, and fifteen crashes of the whole (a third of them: hato alone).
"""
import os
import random
import time
import unittest

from crash import store
from crash.clients import Api
from crash.ledger import Ledger
from crash.load import Load
from crash.victim import Victim

SOAK = os.environ.get("HATO_SOAK") == "1"
KILLS_EACH = 50 if SOAK else 4
CRASHES = 15 if SOAK else 3
MOST_STEPS = 400 if SOAK else 100  # of load between two kills
PROMISES = {"authsrv": "lease", "smtpgw": "mail", "pushsrv": "mail", "popgw": "quit"}
PAGE_MAX = 1000  # rows of an answer
SEED = int(os.environ.get("HATO_SEED", "1"))


class KillTest(unittest.TestCase):
    def setUp(self):
        # No repeats within the test: a trigger that a crash loses is not to be made good by the next attempt.
        self.system = Victim({"pushsrv.retry": "86400"})
        self.addCleanup(self.system.close)
        self.ledger = Ledger()
        self.load = Load(self.system, self.ledger, nas_size=250 if SOAK else 24)
        self.addCleanup(self.load.abort)
        self.random = random.Random(SEED)

    def after_a_while(self, kind, action):
        """Load runs, for a while that is measured in what it gets done, so that each kill meets another moment: one at which
        a promise of the kind was made just now."""
        self.ledger.at_step(kind, self.random.randint(1, MOST_STEPS // (1 if kind in (None, "mail") else 4)), action)
        self.assertEqual(self.ledger.wrong[:5], [])

    def reckon(self, began, kills):
        self.load.finish()
        self.system.all_ready()
        self.check_bindings()
        self.assertEqual(self.ledger.mail_faults()[:20], [])
        self.system.stop()
        self.assertEqual(store.faults(self.system), [])
        c = self.ledger.counts
        print("\n%s in %.0f s under load: %d mails acknowledged, 0 lost; %d fetched by %d triggers; %d lease events"
              " acknowledged, 0 lost; %d moves\n  %s"
              % (kills, time.monotonic() - began, c["accepted"], c["fetched"], c["triggers"], c["lease events"], c["moves"],
                 {k: v for k, v in sorted(c.items())}))

    def check_bindings(self):
        """Every acknowledged event is in the history, applied once; the directory says what the events say."""
        api = Api(self.system.port("authsrv.network_port"))
        key = self.system.feeder_key()
        said, known = {}, {}
        for e in self.ledger.leases:
            said.setdefault(e["ip"], []).append((e["event"], e["time"], e["session_id"], e["msisdn"]))
        for ip, events in said.items():
            status, rows = api.ask("GET", "/v1/bindings/%s/history?limit=%d" % (ip, PAGE_MAX), key=key)
            self.assertEqual(status, 200, rows)
            self.assertLess(len(rows), PAGE_MAX, "more than a page: the feeders need more addresses")
            known[ip] = [(r["event"], r["time"], r["session_id"], r["msisdn"]) for r in rows if r["outcome"] == "applied"]
            lost = set(events) - set(known[ip])
            self.assertEqual(lost, set(), "LOST: acknowledged lease events of %s" % ip)
            twice = [r for r in set(events) if known[ip].count(r) != 1]
            self.assertEqual(twice, [], "applied more than once at %s" % ip)
        for ip, holder in self.ledger.holders.items():
            status, b = api.ask("GET", "/v1/bindings/" + ip, key=key)
            found = (b["msisdn"], b["session_id"]) if status == 200 else None
            self.assertEqual(found, holder, "%s: %s" % (ip, b))
        api.close()

    def test_each_daemon(self):
        began = time.monotonic()
        victims = [d for d in self.system.daemons() for _ in range(KILLS_EACH)]
        self.random.shuffle(victims)
        self.load.start()
        for victim in victims:
            pid = self.system.ready_pid(victim)
            self.after_a_while(PROMISES[victim], lambda: self.system.kill_pid(pid))
        self.after_a_while(None, lambda: None)
        self.system.all_ready()
        died = [e["name"] for e in self.system.events("daemon-died")]
        self.assertEqual(sorted(died), sorted(victims), "somebody died of something else")
        self.reckon(began, "%d kills (%s)" % (len(victims), ", ".join("%d %s" % (victims.count(d), d)
                                                                    for d in self.system.daemons())))

    def test_all_at_once(self):
        began = time.monotonic()
        self.load.start()
        for i in range(CRASHES):
            if i % 3 == 2:
                self.after_a_while(None, self.system.behead)
            else:
                self.after_a_while(None, self.system.freeze)
                self.system.crash()
                self.assertEqual(store.faults(self.system), [])
            self.system.start()
        self.after_a_while(None, lambda: None)
        self.reckon(began, "%d crashes of the whole" % CRASHES)

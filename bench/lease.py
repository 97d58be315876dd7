"""Durable lease events a second: by RADIUS, by REST one by one, by REST in batches of 1,000; beside FreeRADIUS and the bare limit.

    bench/run lease [SUBSCRIBERS ...]         default: 10000 1000000; LEASE_ROUNDS=5 LEASE_SECONDS=4

All contenders take turns (A B C ... A B C ...), so that what else the machine does meets each of them. Every answer is checked by the
generator, and what was answered is counted in the store afterwards. Ours is authsrv alone, as FreeRADIUS is alone.
"""
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from harness.system import BUILD, Hato, eventually  # noqa: E402
from peers.freeradius import SECRET, FreeRadius  # noqa: E402

ROUNDS = int(os.environ.get("LEASE_ROUNDS", "5"))
SECONDS = os.environ.get("LEASE_SECONDS", "4")
IN_FLIGHT, BATCH, BATCH_CONNECTIONS = "64", "1000", "4"


def run(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit("the run is void: %s\n%s" % (" ".join(map(str, words)), done.stderr[-2000:]))
    return json.loads(done.stdout)


class Authsrv:
    """authsrv alone on a store that holds so many subscribers, each with an address."""

    def __init__(self, subscribers, copy=True):
        self.hato = Hato()
        self.hato.stop()
        self.state = self.hato.dir / "state"
        self.store = self.state / "db" / "bindings.db"
        done = subprocess.run([str(BUILD / "bench" / "bare_store"), "fill", str(self.store), str(subscribers)])
        assert done.returncode == 0
        self.bare = self.hato.dir / "bare.db"
        if copy:
            shutil.copy(self.store, self.bare)
        settings = [x for k, v in self.hato.ports.items() for x in ("--set", "%s=%s" % (k, v))]
        self.log = open(self.hato.dir / "authsrv.log", "wb")
        self.process = subprocess.Popen([str(BUILD / "authsrv"), "--config", str(self.state / "hato.conf")] + settings,
                                        stderr=self.log, stdout=self.log)
        key = {"Authorization": "Bearer " + self.hato.feeder_key()}

        def answers():
            try:
                return self.hato.http(self.hato.port("authsrv.network_port"), "GET", "/v1/subscribers?limit=1", headers=key)
            except OSError:
                return None
        eventually("authsrv answers", answers)

    def rows(self):
        db = sqlite3.connect("file:%s?mode=ro" % self.store, uri=True)
        try:
            return db.execute("SELECT count(*) FROM lease_event WHERE event = 'start'").fetchone()[0]
        finally:
            db.close()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
            self.log.close()

    def close(self):
        self.stop()
        self.hato.close()


class Contest:
    def __init__(self, subscribers):
        self.n = subscribers
        self.ours = Authsrv(subscribers)
        self.peers = {"freeradius-" + b: FreeRadius(b) for b in ("postgresql", "sqlite", "none")}
        self.rates = {}
        self.latency = {}
        self.answered = {}

    def load(self, *words):
        return run(BUILD / "bench" / "lease_load", *words)

    def note(self, name, out):
        self.rates.setdefault(name, []).append(out["per_second"])
        self.latency.setdefault(name, []).append((out.get("p50_ms"), out.get("p99_ms")))
        return out.get("events", 0)

    def turn(self):
        secret = (self.ours.state / "radius.secret").read_text().strip()
        key = self.ours.hato.feeder_key()
        radius, rest = self.ours.hato.port("authsrv.radius_port"), self.ours.hato.port("authsrv.network_port")
        n = self.n
        ours = self.note("radius", self.load("radius", "127.0.0.1", radius, secret, n, SECONDS, IN_FLIGHT))
        self.note("bare-64", run(BUILD / "bench" / "bare_store", "move", self.ours.bare, n, 64, SECONDS))
        ours += self.note("rest", self.load("rest", "127.0.0.1", rest, key, n, SECONDS, IN_FLIGHT))
        ours += self.note("rest-batch", self.load("rest", "127.0.0.1", rest, key, n, SECONDS, BATCH_CONNECTIONS, BATCH))
        self.note("bare-1000", run(BUILD / "bench" / "bare_store", "move", self.ours.bare, n, 1000, SECONDS))
        self.answered["ours"] = self.answered.get("ours", 0) + ours
        for name, peer in self.peers.items():
            took = self.note(name, self.load("radius", "127.0.0.1", peer.port, SECRET, n, SECONDS, IN_FLIGHT))
            self.answered[name] = self.answered.get(name, 0) + took

    def check(self):
        stored = {"ours": self.ours.rows(), **{name: p.rows() for name, p in self.peers.items()}}
        for name, rows in stored.items():
            if rows is not None and rows < self.answered[name]:
                raise SystemExit("the run is void: %s answered %d and stored %d" % (name, self.answered[name], rows))

    def close(self):
        for p in self.peers.values():
            p.close()
        self.ours.close()


def figures(contest):
    median = {name: statistics.median(r) for name, r in contest.rates.items()}
    out = {"bench": "lease", "subscribers": contest.n, "rounds": ROUNDS, "seconds": float(SECONDS),
           "per_second": {name: round(m) for name, m in median.items()},
           "spread": {name: [min(r), max(r)] for name, r in contest.rates.items()},
           "p50_ms": {n: statistics.median(x[0] for x in v) for n, v in contest.latency.items() if v[0][0] is not None},
           "p99_ms": {n: statistics.median(x[1] for x in v) for n, v in contest.latency.items() if v[0][1] is not None}}
    out["ratios"] = {
        "radius / bare-64": median["radius"] / median["bare-64"],
        "rest / bare-64": median["rest"] / median["bare-64"],
        "rest-batch / bare-1000": median["rest-batch"] / median["bare-1000"],
        "radius / freeradius-postgresql": median["radius"] / median["freeradius-postgresql"],
        "radius / freeradius-sqlite": median["radius"] / median["freeradius-sqlite"],
        "radius / freeradius-none": median["radius"] / median["freeradius-none"],
    }
    out["ratios"] = {k: round(v, 2) for k, v in out["ratios"].items()}
    out["repeat"] = "bench/run lease %d" % contest.n
    return out


def main(sizes):
    for size in sizes:
        contest = Contest(size)
        try:
            for _ in range(ROUNDS):
                contest.turn()
            contest.check()
            print(json.dumps(figures(contest)), flush=True)
        finally:
            contest.close()


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or [10000, 1000000])

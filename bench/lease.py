"""Durable lease events a second: by RADIUS, by REST one by one, by REST in batches of 1,000; beside FreeRADIUS and the bare limit.

    bench/run lease [SUBSCRIBERS ...]         default: 10000 1000000; LEASE_ROUNDS=5 LEASE_SECONDS=2

Every answer is checked by the generator, and what was answered is counted in the store afterwards. Ours is authsrv alone, as FreeRADIUS is
alone.
"""
import collections
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from contest import run, tell, turns  # noqa: E402
from harness.system import BUILD, Hato, eventually  # noqa: E402
from peers.freeradius import SECRET, FreeRadius  # noqa: E402

ROUNDS = int(os.environ.get("LEASE_ROUNDS", "5"))
SECONDS = os.environ.get("LEASE_SECONDS", "2")
IN_FLIGHT, BATCH, BATCH_CONNECTIONS = "64", "1000", "4"


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


PAIRS = [("radius", "bare-64", 0.7), ("radius", "FreeRADIUS + PostgreSQL", 3), ("radius", "FreeRADIUS + SQLite", 15),
         ("radius", "FreeRADIUS that stores nothing", None), ("rest", "bare-64", 0.7), ("rest-batch", "bare-1000", 0.7)]
PEERS = {"FreeRADIUS + PostgreSQL": "postgresql", "FreeRADIUS + SQLite": "sqlite", "FreeRADIUS that stores nothing": "none"}


class Contest:
    def __init__(self, subscribers):
        self.n = subscribers
        self.ours = Authsrv(subscribers)
        self.peers = {name: FreeRadius(backend) for name, backend in PEERS.items()}
        self.latency = collections.defaultdict(list)
        self.answered = collections.Counter()

    def load(self, name, whose, protocol, port, secret, *size):
        def turn():
            out = run(BUILD / "bench" / "lease_load", protocol, "127.0.0.1", port, secret, self.n, SECONDS, *size)
            self.latency[name].append((out["p50_ms"], out["p99_ms"]))
            self.answered[whose] += out["events"]
            return out["per_second"]
        return turn

    def bare(self, group):
        return lambda: run(BUILD / "bench" / "bare_store", "move", self.ours.bare, self.n, group, SECONDS)["per_second"]

    def contenders(self):
        hato = self.ours.hato
        secret, key = (self.ours.state / "radius.secret").read_text().strip(), hato.feeder_key()
        radius, rest = hato.port("authsrv.radius_port"), hato.port("authsrv.network_port")
        return {"radius": self.load("radius", "ours", "radius", radius, secret, IN_FLIGHT),
                "bare-64": self.bare(64),
                "rest": self.load("rest", "ours", "rest", rest, key, IN_FLIGHT),
                "rest-batch": self.load("rest-batch", "ours", "rest", rest, key, BATCH_CONNECTIONS, BATCH),
                "bare-1000": self.bare(1000),
                **{name: self.load(name, name, "radius", peer.port, SECRET, IN_FLIGHT) for name, peer in self.peers.items()}}

    def check(self):
        stored = {"ours": self.ours.rows(), **{name: p.rows() for name, p in self.peers.items()}}
        for name, rows in stored.items():
            if rows is not None and rows < self.answered[name]:
                raise SystemExit("the run is void: %s answered %d and stored %d" % (name, self.answered[name], rows))

    def close(self):
        for p in self.peers.values():
            p.close()
        self.ours.close()


def main(sizes):
    for size in sizes:
        contest = Contest(size)
        try:
            rates = turns(contest.contenders(), ROUNDS)
            contest.check()
        finally:
            contest.close()
        p50, p99 = ({n: statistics.median(x[i] for x in v) for n, v in contest.latency.items()} for i in (0, 1))
        tell("lease", rates, PAIRS, title="Lease events, {:,} subscribers".format(size), subscribers=size, seconds=float(SECONDS),
             p50_ms=p50, p99_ms=p99, repeat="bench/run lease %d" % size)


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or [10000, 1000000])

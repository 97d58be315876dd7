"""New mail -> the phone knows: our datagram beside Dovecot's IMAP IDLE, hibernating and not; and what a phone that waits costs in memory.

    bench/run push                        PUSH_ROUNDS=5 PUSH_SECONDS=7 PUSH_RATE=40 PUSH_PHONES=100000 PUSH_IDLE=500

The contenders take turns; 4 KB mails by LMTP over TCP at the same fixed rate for each (some tenth of what the slowest can do), each to a box that waits and
was not told of another one. Ours: PUSH_PHONES subscribers hold a lease and a token; whose the datagram is (its address against its mailbox)
is checked. Dovecot: PUSH_IDLE connections in IDLE, the number of EXISTS is checked. Both sync before they answer. Our phones do not fetch, so that they are
not told again during the run (pushsrv.retry = 600); Dovecot's go back to hibernation.

Memory: the proportional share (PSS) of all processes, the store's shared memory and mapped pages with it, before and after.
"""
import json
import os
import pathlib
import sqlite3
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from contest import run, short, tell, turns  # noqa: E402
from harness.system import BUILD, Hato  # noqa: E402
from peers.dovecot_idle import DovecotIdle  # noqa: E402

ROUNDS = int(os.environ.get("PUSH_ROUNDS", "5"))
SECONDS = os.environ.get("PUSH_SECONDS", "7")
RATE = os.environ.get("PUSH_RATE", "40")
PHONES = int(os.environ.get("PUSH_PHONES", "100000"))
IDLE = int(os.environ.get("PUSH_IDLE", "500"))
OCTETS, BATCH, FEW = 4096, 5000, 50
AIM_OCTETS = 300


def kib(pid, what):
    """0: it ended meanwhile."""
    try:
        for line in open("/proc/%d/smaps_rollup" % pid):
            if line.startswith(what + ":"):
                return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


class Load:
    """A generator that waits for its turn."""

    def __init__(self, kind, lmtp_port, port, boxes):
        self.kind = kind
        words = [BUILD / "bench" / "push_load", kind, lmtp_port, port, boxes, RATE, SECONDS, OCTETS]
        self.process = subprocess.Popen([str(w) for w in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.rounds = []
        self.line("waiting")

    def line(self, want=None):
        line = self.process.stdout.readline().strip()
        if not line or (want and line != want):
            self.process.wait(60)
            raise SystemExit("the run is void: push_load ended: %s" % line)
        return line

    def turn(self):
        """p50 from the final dot."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.rounds.append(json.loads(self.line()))
        if self.kind == "udp" and self.rounds[-1]["untold"]:
            raise SystemExit("the run is void: a phone was not told")
        return self.rounds[-1]["dot"]["p50"]

    def figures(self):
        return {name: {k: round(statistics.median(r[name][k] for r in self.rounds), 3) for k in ("p50", "p99", "max")}
                for name in ("dot", "accepted", "commit")} | {"untold": sum(r["untold"] for r in self.rounds)}

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


class Ours:
    def __init__(self):
        self.hato = Hato({"pushsrv.retry": "600"})
        self.hato.stop()
        store = self.hato.dir / "state" / "db" / "bindings.db"
        subprocess.run([str(BUILD / "bench" / "bare_store"), "fill", str(store), str(PHONES)], check=True)
        with sqlite3.connect(store) as db:
            db.execute("UPDATE subscriber SET first_address = 'u' || CAST(substr(msisdn, 3) AS INTEGER) || '@hato.example'")
        db.close()
        self.hato.start()
        self.load = None

    def octets(self):
        pids = {d["name"]: d["pid"] for d in self.hato.status()["daemons"]}
        pids["hato"] = self.hato.process.pid
        return {name: kib(pid, "Pss") * 1024 for name, pid in pids.items()}

    def attach(self, first, last):
        """Phones first..last: a lease each; then all up to `last` ask for a token."""
        for at in range(first, last + 1, BATCH):
            events = [{"event": "start", "ip": "127.%d.%d.%d" % (16 + (n >> 16), n >> 8 & 255, n & 255), "msisdn": "81%010d" % n,
                       "session_id": "p%d" % n, "nas_id": "bench"} for n in range(at, min(at + BATCH, last + 1))]
            status, _, answer = self.hato.network("POST", "/v1/lease-events", events)
            assert status == 200 and answer["accepted"] == len(events), answer
        done = run(BUILD / "bench" / "token_load", "first", self.hato.port("authsrv.handset_port"), last, "600", "64",
                   self.hato.dir / "tokens", "0", first)
        assert done["answers"] == last - first + 1, done

    def memory(self):
        """Octets a phone: of all, and from half of them on (what every process has anyway is then in both)."""
        before = self.octets()
        self.attach(1, PHONES // 2)
        half = self.octets()
        self.attach(PHONES // 2 + 1, PHONES)
        after = self.octets()
        total = [sum(o.values()) for o in (before, half, after)]
        return {"phones": PHONES, "octets_a_phone": short((total[2] - total[0]) / PHONES),
                "octets_a_phone_second_half": short((total[2] - total[1]) / (PHONES - PHONES // 2)),
                "mib_before": {k: short(v / 2**20) for k, v in before.items()},
                "mib_after": {k: short(v / 2**20) for k, v in after.items()}}

    def begin(self):
        self.load = Load("udp", self.hato.port("pushsrv.lmtp_port"), self.hato.port("pushsrv.trigger_port"), PHONES)

    def close(self):
        if self.load:
            self.load.close()
        self.hato.close()


class Idle:
    def __init__(self, hibernates):
        self.dovecot = DovecotIdle(hibernates)
        few, before = self.wait_with(FEW)
        few.close()
        self.load, after = self.wait_with(IDLE)
        self.octets_each = short((after - before) / (IDLE - FEW))

    def wait_with(self, n):
        load = Load("idle", self.dovecot.port, self.dovecot.imap_port, n)
        self.dovecot.wait_settled(n)
        return load, self.octets()

    def octets(self):
        """Hibernating, without the imap processes: none of those that are kept is anybody's."""
        idle = self.dovecot.processes(b"imap") if self.dovecot.hibernates else []
        return sum(kib(pid, "Pss") for pid in self.dovecot.pids() if pid not in idle) * 1024

    def turn(self):
        self.dovecot.wait_waiting(IDLE)
        return self.load.turn()

    def close(self):
        self.load.close()
        self.dovecot.close()


def main():
    names = {"dovecot hibernating": True, "dovecot": False}
    ours, peers = Ours(), {}
    try:
        memory = {"hato": ours.memory()}
        ours.begin()
        for name, hibernates in names.items():
            peers[name] = Idle(hibernates)
            memory[name] = {"phones": IDLE, "octets_a_phone": peers[name].octets_each}
        contenders = {"hato": ours.load.turn, **{name: p.turn for name, p in peers.items()}}
        p50 = turns(contenders, ROUNDS)
        figures = {"hato": ours.load.figures(), **{name: p.load.figures() for name, p in peers.items()}}
        pairs = [(name, "hato", None) for name in names]
        tell("push", p50, pairs, unit="ms from the final dot, p50 of each round", title="New mail -> the phone knows",
             mails_a_round=ours.load.rounds[0]["mails"], rate=float(RATE), octets=OCTETS, ms=figures)
        tell("push", {name: [m["octets_a_phone"]] for name, m in memory.items()}, pairs, limits={"hato": AIM_OCTETS}, unit="octets",
             title="Memory of a phone that waits", memory=memory)
    finally:
        for p in peers.values():
            p.close()
        ours.close()


if __name__ == "__main__":
    main()

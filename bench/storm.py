"""A million subscribers re-attach: each gets another address, takes a token there and polls its empty mailbox by POP3 over plain TCP.

    bench/run storm                       STORM_SUBSCRIBERS=1000000 STORM_IN_FLIGHT=256 STORM_ROUNDS=1

All daemons run (`hato run`), the generator on the same cores: bench/attach_load.c is the network and the phones, and checks every answer.
Before it begins each subscriber holds an address (put there by SQL). Afterwards the store must say of each that he holds his new one and was
confirmed there. `cpu_us`: what each daemon, the generator and the rest of the machine (`other`) spent for a subscriber.
"""
import os
import pathlib
import sqlite3
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from contest import run, tell, turns  # noqa: E402
from harness.system import BUILD, Hato  # noqa: E402

SUBSCRIBERS = int(os.environ.get("STORM_SUBSCRIBERS", "1000000"))
IN_FLIGHT = int(os.environ.get("STORM_IN_FLIGHT", "256"))
ROUNDS = int(os.environ.get("STORM_ROUNDS", "1"))
AIM = 1000000 / 300
TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")
CONFIRMED = 2  # lib/rules/binding.h


def cpu_us(pid):
    fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_US


def busy_us():
    ticks = [int(t) for t in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) * TICK_US


def check(hato):
    """What the store says: everybody confirmed, at a new address."""
    with sqlite3.connect("file:%s?mode=ro" % (hato.dir / "state" / "db" / "bindings.db"), uri=True) as db:
        there = db.execute("SELECT count(*), count(DISTINCT subscriber) FROM binding WHERE state = ? AND substr(addr, 13, 1) = x'7f'",
                           (CONFIRMED,)).fetchone()
        held, = db.execute("SELECT count(*) FROM binding WHERE state <> 0").fetchone()
    if there != (SUBSCRIBERS, SUBSCRIBERS) or held != SUBSCRIBERS:
        raise SystemExit("the run is void: confirmed %d of %d subscribers, %d addresses held" % (*there, held))


def storm(notes):
    hato = Hato()
    try:
        hato.stop()
        store = hato.dir / "state" / "db" / "bindings.db"
        subprocess.run([str(BUILD / "bench" / "bare_store"), "fill", str(store), str(SUBSCRIBERS)], check=True)
        hato.start()
        pids = {d["name"]: d["pid"] for d in hato.status()["daemons"]}
        before, busy = {name: cpu_us(pid) for name, pid in pids.items()}, busy_us()
        mine = os.times()
        out = run(BUILD / "bench" / "attach_load", hato.port("authsrv.network_port"), hato.port("authsrv.handset_port"),
                  hato.port("popgw.pop3_port"), hato.dir / "state" / "feeder.key", SUBSCRIBERS, IN_FLIGHT, limit=3600)
        after = os.times()
        spent = {name: cpu_us(pid) - before[name] for name, pid in pids.items()}
        spent["generator"] = (after.children_user + after.children_system - mine.children_user - mine.children_system) * 1e6
        spent["other"] = busy_us() - busy - sum(spent.values())
        hato.stop()
        check(hato)
        notes.append({**out, "cpu_us": {name: round(us / SUBSCRIBERS, 1) for name, us in spent.items()}})
        return SUBSCRIBERS / out["seconds"]
    finally:
        hato.close()


def main():
    notes = []
    rates = turns({"subscribers": lambda: storm(notes)}, ROUNDS)
    tell("storm", rates, limits={"subscribers": round(AIM)}, title="Storm: {:,} subscribers".format(SUBSCRIBERS), subscribers=SUBSCRIBERS,
         rounds_told=notes)


if __name__ == "__main__":
    main()

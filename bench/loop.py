"""The figures of the loop: throughput, latency, start-up, memory. See bench/run."""
import json
import os
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from contest import run, tell, turns  # noqa: E402
from harness.system import BUILD, Hato  # noqa: E402

CORPUS = ROOT.parent / "shared" / "corpus"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
LATENCY_MAILS = 5000


def sim(hato, *arguments):
    command = [str(BUILD / "handset-sim"), "--dir", str(hato.dir / "state"), "--json"]
    if CORPUS.is_dir():
        command += ["--corpus", str(CORPUS)]
    return run(*command, *arguments)


def loop():
    mails = 5000

    def turn():
        hato = Hato()
        try:
            return mails / sim(hato, "--handsets", "1000", "--mails", str(mails))["loop_seconds"]
        finally:
            hato.close()
    rates = turns({"mails": turn}, ROUNDS)
    tell("loop", rates, limits={"mails": 1000}, title="The whole loop, SMTP to deletion", handsets=1000,
         repeat="handset-sim --dir DIR --handsets 1000 --mails %d --json" % mails)
    return statistics.median(rates["mails"])


def processor():
    """(all, idle, taken by the host) ticks of this machine so far."""
    ticks = [int(t) for t in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4], ticks[7]


def latency():
    """At half of what the loop delivers as fast as it goes, which is told before. A mail whose mailbox had a trigger pending is told when the
    schedule says (pushsrv.coalesce after the last datagram): those are counted apart."""
    rounds, machine = [], []
    half = loop() / 2
    for i in range(ROUNDS):
        hato = Hato()
        try:
            before = processor()
            rounds.append(sim(hato, "--handsets", "1000", "--mails", str(LATENCY_MAILS), "--rate", "%.0f" % half))
            machine.append([b - a for a, b in zip(before, processor())])
        finally:
            hato.close()

    def of(name, keys=("p50", "p99", "max")):
        return {k: round(statistics.median(r[name][k] for r in rounds), 3) for k in keys}
    commit, trigger = of("accept"), of("sent_trigger")
    tell("latency", {k: [r["accept_trigger"][k] for r in rounds] for k in ("p50", "p99", "max")}, limits={"p99": 1.0}, unit="ms",
         title="Accepted -> trigger at half of the loop's rate", capacity=round(2 * half), offered=round(half),
         mails=LATENCY_MAILS * ROUNDS,
         content_accepted_ms=commit, content_trigger_ms=trigger,
         beyond_commit_ms={k: round(trigger[k] - commit[k], 3) for k in ("p50", "p99")},
         another_pending={"mails": sum(r["accept_next"]["count"] for r in rounds), **of("accept_next")},
         machine={"busy": round(1 - sum(m[1] for m in machine) / sum(m[0] for m in machine), 2),
                  "taken_by_host": round(sum(m[2] for m in machine) / sum(m[0] for m in machine), 3)},
         repeat="handset-sim --dir DIR --handsets 1000 --mails %d --rate %.0f --json" % (LATENCY_MAILS, half))


def start():
    """Of a folder that is not there yet, and of the same again."""
    again = []

    def new():
        hato = Hato(start=False)
        began = time.monotonic()
        hato.start()
        first = time.monotonic() - began
        hato.stop()
        began = time.monotonic()
        hato.start()
        again.append(time.monotonic() - began)
        hato.close()
        return first
    rates = turns({"new folder": new, "the same again": lambda: again[-1]}, ROUNDS)
    tell("start", rates, unit="s", ours=list(rates), title="From `hato run` to ready", repeat="hato run --dir DIR")


def memory():
    n = os.environ.get("BENCH_BINDINGS", "100000")
    out = run(sys.executable, "-B", ROOT / "bench" / "bindings.py", n)
    print(json.dumps({"bench": "memory", **out, "repeat": "bench/bindings.py " + n}), flush=True)


def main():
    wanted = sys.argv[1:] or ["start", "latency", "memory"]
    for name in wanted:
        globals()[name]()


if __name__ == "__main__":
    main()

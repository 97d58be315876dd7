"""The figures of the loop: throughput, latency, start-up, memory. See bench/run."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from harness.system import BUILD, Hato  # noqa: E402

CORPUS = ROOT.parent / "shared" / "corpus"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
LATENCY_MAILS = 5000


def sim(hato, *arguments):
    command = [str(BUILD / "handset-sim"), "--dir", str(hato.dir / "state"), "--json"]
    if CORPUS.is_dir():
        command += ["--corpus", str(CORPUS)]
    run = subprocess.run(command + list(arguments), capture_output=True, text=True, timeout=600)
    if run.returncode:
        raise SystemExit("handset-sim failed: the run is void\n%s%s" % (run.stdout, run.stderr))
    return json.loads(run.stdout)


def loop():
    seconds = []
    for i in range(ROUNDS):
        hato = Hato()
        try:
            seconds.append(sim(hato, "--handsets", "1000", "--mails", "5000")["loop_seconds"])
        finally:
            hato.close()
    return {"bench": "loop", "mails": 5000, "handsets": 1000, "seconds": [round(s, 2) for s in seconds],
            "median_s": round(statistics.median(seconds), 2),
            "repeat": "handset-sim --dir DIR --handsets 1000 --mails 5000 --json"}


def processor():
    """(all, idle, taken by the host) ticks of this machine so far."""
    ticks = [int(t) for t in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4], ticks[7]


def latency():
    """At half of what the loop delivers as fast as it goes. A mail whose mailbox had a trigger pending is told when the schedule
    says (pushsrv.coalesce after the last datagram): those are counted apart."""
    fastest, rounds, machine = [], [], []
    for i in range(ROUNDS):
        hato = Hato()
        try:
            fastest.append(LATENCY_MAILS / sim(hato, "--handsets", "1000", "--mails", str(LATENCY_MAILS))["loop_seconds"])
        finally:
            hato.close()
    half = statistics.median(fastest) / 2
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
    return {"bench": "latency", "capacity": round(2 * half), "offered": round(half), "mails": LATENCY_MAILS * ROUNDS,
            "content_accepted_ms": commit, "content_trigger_ms": trigger,
            "beyond_commit_ms": {k: round(trigger[k] - commit[k], 3) for k in ("p50", "p99")},
            "accept_trigger_ms": of("accept_trigger"),
            "another_pending": {"mails": sum(r["accept_next"]["count"] for r in rounds), **of("accept_next")},
            "p99_of_rounds_ms": [round(r["accept_trigger"]["p99"], 3) for r in rounds],
            "machine": {"busy": round(1 - sum(m[1] for m in machine) / sum(m[0] for m in machine), 2),
                        "taken_by_host": round(sum(m[2] for m in machine) / sum(m[0] for m in machine), 3)},
            "repeat": "handset-sim --dir DIR --handsets 1000 --mails %d --rate %.0f --json" % (LATENCY_MAILS, half)}


def start():
    seconds = []
    for i in range(ROUNDS):
        hato = Hato(start=False)
        began = time.monotonic()
        hato.start()
        first = time.monotonic() - began
        hato.stop()
        began = time.monotonic()
        hato.start()
        seconds.append((first, time.monotonic() - began))
        hato.close()
    return {"bench": "start", "new_dir_s": round(statistics.median(s[0] for s in seconds), 3),
            "old_dir_s": round(statistics.median(s[1] for s in seconds), 3), "repeat": "hato run --dir DIR"}


def memory():
    n = os.environ.get("BENCH_BINDINGS", "100000")
    run = subprocess.run([sys.executable, "-B", str(ROOT / "bench" / "bindings.py"), n], capture_output=True, text=True,
                         check=True)
    return {"bench": "memory", **json.loads(run.stdout), "repeat": "bench/bindings.py " + n}


def main():
    wanted = sys.argv[1:] or ["start", "latency", "loop", "memory"]
    for name in wanted:
        print(json.dumps(globals()[name]()), flush=True)


if __name__ == "__main__":
    main()

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


def latency():
    rounds = []
    for i in range(ROUNDS):
        hato = Hato()
        try:
            rounds.append(sim(hato, "--handsets", "1000", "--mails", "2000", "--rate", "200")["accept_trigger"])
        finally:
            hato.close()
    return {"bench": "latency", "rate": 200,
            "accept_trigger_ms": {k: round(statistics.median(r[k] for r in rounds), 3) for k in ("p50", "p99", "max")},
            "repeat": "handset-sim --dir DIR --handsets 1000 --mails 2000 --rate 200 --json"}


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

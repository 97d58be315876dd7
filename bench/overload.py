"""Goodput under overload: ten times as many phones as bring authsrv to its peak, all of which obey Retry-After.

    bench/run overload [again | first | narrow]   default: again first; BENCH_CLIENTS=32,64,128,256 BENCH_SECONDS=2

authsrv has one worker on one core, the load (bench/storm_load.c) the other. First the peak: the best of several numbers of
phones; then ten times as many. `again`: phones that ask again within the minute (nothing to commit); `first`: every token is a
commit. Told: goodput beside the peak in turns, refusals as a share of requests, p99 of the tokens given, and what lease events (50/s) took
meanwhile. `narrow`: what a refusal costs.
"""
import json
import os
import pathlib
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from bindings import provision  # noqa: E402
from contest import run, tell, turns  # noqa: E402
from harness.system import BUILD, Hato  # noqa: E402

STEPS = [int(n) for n in os.environ.get("BENCH_CLIENTS", "32,64,128,256").split(",")]
ROUNDS = int(os.environ.get("OVERLOAD_ROUNDS", "5"))
SECONDS = os.environ.get("BENCH_SECONDS", "2")
CORES = sorted(os.sched_getaffinity(0))
BATCH = 1000


def prepare(hato, count):
    """Phones with leases: phone i has the address and the IMSI that storm_load gives it."""
    provision(hato, range(count))
    events = [{"event": "start", "ip": "127.%d.%d.%d" % (2 + (i // 250 >> 8), i // 250 & 255, 1 + i % 250),
               "msisdn": "8190%08d" % i, "session_id": "s%d" % i} for i in range(1, count)]
    for first in range(0, len(events), BATCH):
        status, _, answer = hato.network("POST", "/v1/lease-events", events[first:first + BATCH])
        assert status == 200 and answer["accepted"] == len(events[first:first + BATCH]), answer


def cpu_s(pid):
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(hato, clients, mode):
    pid = hato.pid("authsrv")
    before = cpu_s(pid)
    answer = run("taskset", "-c", CORES[-1], BUILD / "bench/storm_load", hato.port("authsrv.handset_port"),
                 hato.port("authsrv.network_port"), hato.dir / "state/feeder.key", 1, clients, SECONDS, mode)
    answer["cpu"] = round((cpu_s(pid) - before) / (float(SECONDS) * 1.25), 2)
    return answer


def measure(mode):
    # The gate is as wide as what brings the peak: more inside would only wait longer.
    hato = Hato({"authsrv.workers": 1, "authsrv.tokens_in_flight": max(STEPS)})
    try:
        prepare(hato, 10 * max(STEPS) + 2)
        pid = hato.pid("authsrv")
        for task in os.listdir("/proc/%d/task" % pid):
            os.sched_setaffinity(int(task), {CORES[0]})
        steps = [load(hato, n, mode) for n in STEPS]
        clients = max(steps, key=lambda s: s["issued_per_s"])["clients"]
        answers = {"the peak": [], "ten times": []}

        def of(name, phones):
            def turn():
                answers[name].append(load(hato, phones, mode))
                return answers[name][-1]["issued_per_s"]
            return turn
        rates = turns({"the peak": of("the peak", clients), "ten times": of("ten times", 10 * clients)}, ROUNDS)
    finally:
        hato.close()
    over = answers["ten times"]
    failed = sum(a["failed"] + a["events_failed"] for name in answers for a in answers[name])
    if failed:
        raise SystemExit("the run is void: %d requests failed" % failed)
    refused = statistics.median(o["refused_per_s"] / (o["issued_per_s"] + o["refused_per_s"]) for o in over)
    title = "Overload: %s tokens" % {"again": "repeated", "first": "first"}[mode]
    tell("overload", rates, [("ten times", "the peak", 0.9)], title=title, mode=mode, phones=[clients, 10 * clients],
         refused_share=round(refused, 3),
         token_p99_ms={name: statistics.median(a["token_ms"]["p99"] for a in answers[name]) for name in answers},
         event_ms={k: statistics.median(o["event_ms"][k] for o in over) for k in ("p50", "p99", "max")},
         repeat="bench/run overload " + mode)


def refusal():
    """What a refusal costs: a gate that nobody passes, and phones that do not wait (authsrv's own share of a core)."""
    hato = Hato({"authsrv.workers": 1, "authsrv.tokens_in_flight": 1, "authsrv.token_wait": 10, "authsrv.retry_after": 1,
                 "authsrv.retry_spread": 0})
    try:
        prepare(hato, 4002)
        answer = load(hato, 4000, "first")
        asked = answer["issued_per_s"] + answer["refused_per_s"]
        return {"bench": "overload-narrow", "clients": 4000, "refused_share": round(answer["refused_per_s"] / asked, 3),
                "goodput_per_s": answer["issued_per_s"], "refused_per_s": answer["refused_per_s"], "cpu": answer["cpu"],
                "event_ms": answer["event_ms"], "events_failed": answer["events_failed"], "repeat": "bench/run overload narrow"}
    finally:
        hato.close()


if __name__ == "__main__":
    for wanted in sys.argv[1:] or ["again", "first"]:
        if wanted == "narrow":
            print(json.dumps(refusal()), flush=True)
        else:
            measure(wanted)

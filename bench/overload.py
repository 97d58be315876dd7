"""Goodput under overload: ten times as many phones as bring authsrv to its peak, all of which obey Retry-After.

    bench/overload.py [first|again]      (default both)

authsrv has one worker on one core, the load (bench/storm_load.c) the other. First the peak: the best of several numbers of
phones; then ten times as many. `again`: phones that ask again within the minute (nothing to commit); `first`: every token is a
commit. Told: goodput as a share of the peak, refusals as a share of requests and what one costs, p99 of the tokens given, and
what lease events (50/s) took meanwhile.
"""
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from harness.system import BUILD, Hato  # noqa: E402

STEPS = [int(n) for n in os.environ.get("BENCH_CLIENTS", "32,64,128,256").split(",")]
ROUNDS = 3
SECONDS = os.environ.get("BENCH_SECONDS", "4")
CORES = sorted(os.sched_getaffinity(0))
BATCH = 1000


def prepare(hato, count):
    """Phones with leases: phone i has the address and the IMSI that storm_load gives it."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
    from bindings import provision
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
    run = subprocess.run(["taskset", "-c", str(CORES[-1]), str(BUILD / "bench/storm_load"),
                          str(hato.port("authsrv.handset_port")), str(hato.port("authsrv.network_port")),
                          str(hato.dir / "state/feeder.key"), "1", str(clients), SECONDS, mode],
                         capture_output=True, text=True, check=True)
    answer = json.loads(run.stdout)
    answer["cpu"] = round((cpu_s(pid) - before) / (float(SECONDS) * 1.25), 2)
    print(json.dumps({"bench": "overload-step", "mode": mode, **answer}), file=sys.stderr, flush=True)
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
        # Side by side, since the machine may have other work: the middle one of three ratios.
        pairs = [(load(hato, clients, mode), load(hato, 10 * clients, mode)) for _ in range(ROUNDS)]
        pairs.sort(key=lambda p: p[1]["issued_per_s"] / p[0]["issued_per_s"])
        peak, over = pairs[ROUNDS // 2]
        asked = over["issued_per_s"] + over["refused_per_s"]
        return {"bench": "overload", "mode": mode, "peak_per_s": peak["issued_per_s"], "peak_clients": peak["clients"],
                "clients": over["clients"], "goodput_per_s": over["issued_per_s"],
                "goodput_ratio": round(over["issued_per_s"] / peak["issued_per_s"], 3),
                "goodput_ratios": [round(o["issued_per_s"] / p["issued_per_s"], 3) for p, o in pairs],
                "refused_per_s": over["refused_per_s"], "refused_share": round(over["refused_per_s"] / asked, 3),
                "token_p99_ms": over["token_ms"]["p99"], "peak_token_p99_ms": peak["token_ms"]["p99"],
                "event_ms": over["event_ms"], "events_failed": over["events_failed"], "failed": over["failed"],
                "cpu": over["cpu"], "repeat": "bench/overload.py " + mode}
    finally:
        hato.close()


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
                "event_ms": answer["event_ms"], "events_failed": answer["events_failed"], "repeat": "bench/overload.py narrow"}
    finally:
        hato.close()


if __name__ == "__main__":
    for wanted in sys.argv[1:] or ["again", "first", "narrow"]:
        print(json.dumps(refusal() if wanted == "narrow" else measure(wanted)), flush=True)

"""Memory of the whole system that holds N bindings (anonymous memory of all its processes), and how fast they came in.

    bench/bindings.py [N]

Provisions N subscribers, posts N Starts in batches of 1,000, then reads /proc/PID/smaps_rollup of hato and its daemons.
"""
import http.client
import json
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from harness.system import Hato  # noqa: E402

THREADS = 8


def anonymous_kib(pid):
    for line in open("/proc/%d/smaps_rollup" % pid):
        if line.startswith("Anonymous:"):
            return int(line.split()[1])
    return 0


def provision(hato, numbers, msisdn="8190%08d", imsi="44010%010d", address="u%d@hato.example"):
    c = http.client.HTTPConnection("127.0.0.1", hato.port("authsrv.network_port"))
    head = {"Authorization": "Bearer " + hato.feeder_key(), "Content-Type": "application/json"}
    for n in numbers:
        c.request("PUT", "/v1/subscribers/" + msisdn % n, json.dumps({"imsi": imsi % n, "addresses": [address % n]}), head)
        r = c.getresponse()
        r.read()
        assert r.status in (200, 201), r.status


def provision_all(hato, numbers, *names):
    threads = [threading.Thread(target=provision, args=(hato, numbers[i::THREADS], *names)) for i in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def provision_numbers(hato, numbers):
    """Those that lease_load moves: 81 and ten digits."""
    provision_all(hato, numbers, "81%010d", "44011%010d", "n%d@hato.example")


def sessions_of(numbers):
    """What a resync says of them."""
    return [{"ip": "10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255), "msisdn": "8190%08d" % i, "imsi": "44010%010d" % i,
             "session_id": "s%d" % i} for i in numbers]


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    hato = Hato()
    try:
        before = {d["name"]: anonymous_kib(d["pid"]) for d in hato.status()["daemons"]}
        began = time.monotonic()
        provision_all(hato, range(n))
        provisioned = time.monotonic()
        for first in range(0, n, 1000):
            events = [{"event": "start", "ip": "10.%d.%d.%d" % (i >> 16, (i >> 8) & 255, i & 255),
                       "msisdn": "8190%08d" % i, "session_id": "s%d" % i} for i in range(first, min(first + 1000, n))]
            status, _, answer = hato.network("POST", "/v1/lease-events", events)
            assert status == 200 and answer["accepted"] == len(events), answer
        leased = time.monotonic()
        pids = {d["name"]: d["pid"] for d in hato.status()["daemons"]}
        pids["hato"] = hato.process.pid
        memory = {name: anonymous_kib(pid) for name, pid in pids.items()}
        print(json.dumps({"bindings": n, "provision_per_s": round(n / (provisioned - began)),
                          "lease_events_per_s": round(n / (leased - provisioned)),
                          "anonymous_mib": {k: round(v / 1024, 1) for k, v in memory.items()},
                          "anonymous_mib_idle": {k: round(v / 1024, 1) for k, v in before.items()},
                          "anonymous_mib_total": round(sum(memory.values()) / 1024, 1)}))
    finally:
        hato.close()


if __name__ == "__main__":
    main()

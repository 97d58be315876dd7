"""A directory of ten million bindings: authsrv's memory for each of them, and the time of a look-up.

    bench/run directory [BINDINGS]            default: 10000000 (some 5 GB on disk, some minutes to fill)

The store is filled by SQL (bare_store fill), authsrv runs on it, and takes lease events of random subscribers for 5 s, so that its caches are
full. Memory is anonymous memory (smaps_rollup) and, beside it, all that is resident. Look-ups are binding_check of random
addresses by one reader (db_bench), each from the store: there is no cache of ours in front of it.
"""
import json
import os
import sys
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from contest import run  # noqa: E402
from harness.system import BUILD  # noqa: E402
from lease import Authsrv  # noqa: E402


def resident(pid):
    rollup = open("/proc/%d/smaps_rollup" % pid).read()
    return {name: int(rollup.split(name + ":")[1].split()[0]) * 1024 for name in ("Anonymous", "Rss")}


def main(n):
    ours = Authsrv(n, copy=False)
    try:
        before = resident(ours.process.pid)
        load = run(BUILD / "bench" / "lease_load", "rest", "127.0.0.1", ours.hato.port("authsrv.network_port"),
                   ours.hato.feeder_key(), n, "5", "16")
        after = resident(ours.process.pid)
        size = os.path.getsize(ours.store)
    finally:
        ours.stop()
    looked = run(BUILD / "bench" / "db_bench", "look", ours.store.parent, n, 10)
    ours.close()
    print(json.dumps({"bench": "directory", "bindings": n, "octets_each": round(after["Anonymous"] / n, 1),
                      "anonymous_mib": round(after["Anonymous"] / 2 ** 20, 1), "resident_mib": round(after["Rss"] / 2 ** 20, 1),
                      "anonymous_mib_at_start": round(before["Anonymous"] / 2 ** 20, 1), "store_octets_each": round(size / n),
                      "lease_events_per_second": load["per_second"], "look_up_us": round(looked["ns"] / 1000, 2),
                      "look_up_cpu_us": round(looked["cpu_ns"] / 1000, 2), "repeat": "bench/run directory %d" % n}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10000000)

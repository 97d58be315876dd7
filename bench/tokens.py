"""Tokens a second, a connection each: first ones (they commit) and refreshes, beside libmicrohttpd's hello-world.

    bench/run token                       TOKEN_ROUNDS=5 TOKEN_SECONDS=3

`first` is also put beside the sum of what it consists of: one hello-world answer and one row committed (bare_store confirm, groups of
64): 1 / (1/hello + 1/commit).
"""
import json
import os
import statistics
import subprocess
import sys
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from harness.system import BUILD, free_ports  # noqa: E402
from lease import Authsrv, run  # noqa: E402

ROUNDS = int(os.environ.get("TOKEN_ROUNDS", "5"))
SECONDS = os.environ.get("TOKEN_SECONDS", "3")
PHONES, IN_FLIGHT = 30000, "64"


def lease_all(ours):
    """Every phone gets a new lease of its address: its next token is a first one."""
    key = {"Authorization": "Bearer " + ours.hato.feeder_key()}
    for first in range(1, PHONES + 1, 5000):
        events = [{"event": "start", "ip": "127.%d.%d.%d" % (16 + (n >> 16), n >> 8 & 255, n & 255), "msisdn": "81%010d" % n,
                   "session_id": os.urandom(8).hex(), "nas_id": "bench"} for n in range(first, min(first + 5000, PHONES + 1))]
        status, _, answer = ours.hato.http(ours.hato.port("authsrv.network_port"), "POST", "/v1/lease-events", events, headers=key)
        assert status == 200 and answer["accepted"] == len(events), answer


def main():
    ours = Authsrv(PHONES)
    hello_port = free_ports(1)[0]
    hello = subprocess.Popen([str(BUILD / "bench" / "hello"), str(hello_port), str(os.cpu_count())], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    assert hello.stdout.readline() == b"ready\n"
    tokens, port = ours.hato.dir / "tokens", ours.hato.port("authsrv.handset_port")
    load, rates = BUILD / "bench" / "token_load", {}
    try:
        for _ in range(ROUNDS):
            lease_all(ours)
            turns = {"hello": (load, "hello", hello_port, PHONES, SECONDS, IN_FLIGHT),
                     "first": (load, "first", port, PHONES, SECONDS, IN_FLIGHT, tokens),
                     "commit": (BUILD / "bench" / "bare_store", "confirm", ours.bare, PHONES, 64, SECONDS),
                     "refresh": (load, "refresh", port, PHONES, SECONDS, IN_FLIGHT, tokens)}
            for name, words in turns.items():
                rates.setdefault(name, []).append(run(*words)["per_second"])
    finally:
        hello.stdin.close()
        hello.wait(60)
        hello.stdout.close()
        ours.close()
    median = {name: statistics.median(r) for name, r in rates.items()}
    both = 1 / (1 / median["hello"] + 1 / median["commit"])
    print(json.dumps({"bench": "token", "per_second": {n: round(m) for n, m in median.items()},
                      "spread": {n: [min(r), max(r)] for n, r in rates.items()},
                      "ratios": {"refresh / hello": round(median["refresh"] / median["hello"], 2),
                                 "first / (hello + commit)": round(median["first"] / both, 2)},
                      "repeat": "bench/run token"}), flush=True)


if __name__ == "__main__":
    main()

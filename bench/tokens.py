"""Tokens a second, a connection each: first ones (they commit) and refreshes, beside libmicrohttpd's hello-world.

    bench/run token                       TOKEN_ROUNDS=5 TOKEN_SECONDS=2

`first` is put beside the sum of what it consists of: one hello-world answer and one row committed (bare_store confirm, groups of 64):
1 / (1/hello + 1/commit).
"""
import os
import subprocess
import sys
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from contest import run, tell, turns  # noqa: E402
from harness.system import BUILD, free_ports  # noqa: E402
from lease import Authsrv  # noqa: E402

ROUNDS = int(os.environ.get("TOKEN_ROUNDS", "5"))
SECONDS = os.environ.get("TOKEN_SECONDS", "2")
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

    def load(mode, where, *more):
        return run(BUILD / "bench" / "token_load", mode, where, PHONES, SECONDS, IN_FLIGHT, *more)["per_second"]

    def first():
        lease_all(ours)
        return load("first", port, tokens)

    def commit():
        return run(BUILD / "bench" / "bare_store", "confirm", ours.bare, PHONES, 64, SECONDS)["per_second"]
    try:
        rates = turns({"bare hello-world": lambda: load("hello", hello_port), "first": first, "bare commit": commit,
                       "refresh": lambda: load("refresh", port, tokens)}, ROUNDS)
    finally:
        hello.stdin.close()
        hello.wait(60)
        hello.stdout.close()
        ours.close()
    rates["bare hello-world, then commit"] = [1 / (1 / h + 1 / c) for h, c in zip(rates["bare hello-world"], rates["bare commit"])]
    tell("token", rates, [("refresh", "bare hello-world", 0.5), ("first", "bare hello-world, then commit", 0.5)], title="Tokens")


if __name__ == "__main__":
    main()

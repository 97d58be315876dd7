"""What a trigger costs, beside a bare sendmmsg loop of the same datagrams in the same run.

    bench/run bearer [MAILBOXES]              default: 400000
    bench/run pending [MAILBOXES]             default: 1000000

bearer: the last stage alone (resolved, signed datagrams out; the same with the signing), by the time of one core; and from rows of the
outbox, owner checked and send log committed before anything leaves, by the clock. pending: that many triggers that wait, none of them due, one
in a hundred with a lease that was confirmed while pushsrv was away: how long until those are sent, by the change feed and (walk) where it does not
reach back, by looking at all of them; and the memory it took for each.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from harness.system import BUILD  # noqa: E402


def driver(*words):
    subprocess.run(["make", "-s", "-C", str(ROOT), str(BUILD / "bench" / "bearer")], check=True, stdout=subprocess.DEVNULL)
    out = subprocess.run([str(BUILD / "bench" / "bearer"), *map(str, words)], check=True, capture_output=True, text=True).stdout
    return json.loads(out) if out else None


def with_store(mailboxes, state, what):
    folder = tempfile.mkdtemp(prefix="hato-bearer-")
    try:
        driver("fill", folder, mailboxes, state)
        return driver(what, folder, mailboxes)
    finally:
        shutil.rmtree(folder)


def bearer(mailboxes):
    last = driver("last", 2)
    outbox = with_store(mailboxes, "due", "outbox")
    return {"bench": "bearer", "last_stage": last, "from_outbox": outbox,
            "from_outbox_ratio": round(outbox["per_second"] / last["bare_per_second"], 3), "repeat": "bench/run bearer %d" % mailboxes}


def pending(mailboxes):
    walk = with_store(mailboxes, "forgotten", "pending")
    return {"bench": "pending", **with_store(mailboxes, "asleep", "pending"), "walk_seconds": walk["resumed_seconds"],
            "repeat": "bench/run pending %d" % mailboxes}


if __name__ == "__main__":
    name = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else {"bearer": 400000, "pending": 1000000}[name]
    print(json.dumps({"bearer": bearer, "pending": pending}[name](count)), flush=True)

"""What the outbound queue costs: how fast mails come and go, and a million of them that wait.

    bench/run queue                       QUEUE_ROUNDS=5 QUEUE_MAILS=40000
    bench/run waiting [MAILS]             default: 1000000

queue: puts and settlements a second in a store of its own each round, beside the same rows by SQL alone in groups of the same size.
waiting: MAILS are put, half of them for one dead destination: memory for each, in the process that put them and in one that starts on them;
how long that one takes from the open to the first job with its octets; what a take from a lane costs, beside the long one.
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from contest import run, tell, turns  # noqa: E402
from harness.system import BUILD  # noqa: E402


ROUNDS = int(os.environ.get("QUEUE_ROUNDS", "5"))
MAILS = int(os.environ.get("QUEUE_MAILS", "40000"))


def program(name, *words):
    return run(BUILD / "bench" / name, *words, limit=1800)


def in_folder(use):
    folder = tempfile.mkdtemp(prefix="hato-queue-")
    try:
        return use(folder)
    finally:
        shutil.rmtree(folder)


def waiting(mails):
    def use(folder):
        put = program("queue_bench", "fill", folder, mails)
        start = program("queue_bench", "start", folder)
        return {"bench": "waiting", "mails": mails, "put_memory_per_mail": put["memory_per_mail"],
                "start_memory_per_mail": start["memory_per_mail"], "first_job_ms": start["first_job_ms"], "take_us": start["take_us"],
                "take_long_lane_us": start["take_long_lane_us"], "repeat": "bench/run waiting %d" % mails}
    print(json.dumps(in_folder(use)), flush=True)


def rates():
    """A round is one store of ours and one bare: putting and settling in each, told apart."""
    done = {}

    def ours():
        def use(folder):
            done["put"] = program("queue_bench", "fill", folder, MAILS)
            done["settle"] = program("queue_bench", "settle", folder, MAILS * 2 // 5)
        in_folder(use)
        return done["put"]["per_second"]

    def bare():
        def use(folder):
            run(BUILD / "bench" / "queue_bench", "fill", folder, 0)
            done["bare"] = program("queue_bare", pathlib.Path(folder) / "queue.db", MAILS, round(done["put"]["group"]),
                                   round(done["settle"]["group"]))
        in_folder(use)
        return done["bare"]["puts_per_second"]
    told = turns({"put": ours, "settle": lambda: done["settle"]["per_second"], "bare put": bare,
                  "bare settle": lambda: done["bare"]["settles_per_second"]}, ROUNDS)
    tell("queue", told, [("put", "bare put", None), ("settle", "bare settle", None)], title="The outbound queue", mails=MAILS)


if __name__ == "__main__":
    if sys.argv[1:2] == ["waiting"]:
        waiting(int(sys.argv[2]) if len(sys.argv) > 2 else 1000000)
    else:
        rates()

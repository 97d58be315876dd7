"""What the outbound queue costs: a million mails that wait, and how fast they come and go.

    bench/run queue [MAILS [RATE_MAILS]]      default: 1000000 200000

MAILS are put, half of them for one dead destination: memory for each, in the process that put them and in one that starts on them; how long
that one takes from the open to the first job with its octets; what a take from a lane costs, beside the long one. RATE_MAILS in a store of
their own: puts and settlements a second, beside the same rows by SQL alone in groups of the same size.
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


def program(name, *words):
    out = subprocess.run([str(BUILD / "bench" / name), *map(str, words)], check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def in_folder(use):
    folder = tempfile.mkdtemp(prefix="hato-queue-")
    try:
        return use(folder)
    finally:
        shutil.rmtree(folder)


def million(mails):
    def use(folder):
        put = program("queue_bench", "fill", folder, mails)
        start = program("queue_bench", "start", folder)
        return {"mails": mails, "put_memory_per_mail": put["memory_per_mail"], "start_memory_per_mail": start["memory_per_mail"],
                "first_job_ms": start["first_job_ms"], "take_us": start["take_us"], "take_long_lane_us": start["take_long_lane_us"]}
    return in_folder(use)


def rates(mails):
    def ours(folder):
        return program("queue_bench", "fill", folder, mails), program("queue_bench", "settle", folder, mails * 2 // 5)
    put, settle = in_folder(ours)

    def bare(folder):
        program("queue_bench", "fill", folder, 0)
        return program("queue_bare", pathlib.Path(folder) / "queue.db", mails, round(put["group"]), round(settle["group"]))
    floor = in_folder(bare)
    return {"puts_per_second": put["per_second"], "settles_per_second": settle["per_second"],
            "bare_puts_per_second": floor["puts_per_second"], "bare_settles_per_second": floor["settles_per_second"],
            "put_ratio": round(put["per_second"] / floor["puts_per_second"], 3),
            "settle_ratio": round(settle["per_second"] / floor["settles_per_second"], 3)}


if __name__ == "__main__":
    many, few = [int(w) for w in sys.argv[1:3]] + [1000000, 200000][len(sys.argv) - 1:]
    subprocess.run(["make", "-s", "-C", str(ROOT), *(str(BUILD / "bench" / p) for p in ("queue_bench", "queue_bare"))], check=True,
                   stdout=subprocess.DEVNULL)
    print(json.dumps({"bench": "queue", **million(many), **rates(few), "repeat": "bench/run queue %d %d" % (many, few)}), flush=True)

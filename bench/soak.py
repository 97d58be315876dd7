"""Half an hour at 80% of capacity: nothing grows, nothing is lost, and it is as quick at the end as at the beginning.

    bench/run soak                        SOAK_SECONDS=1800 SOAK_RATE=(0.8 of what a short burst shows) SOAK_DIR=bench/results/soak

The mix is soak_mix.py's: mails by MX and LMTP, triggers, POP3 sessions that fetch and delete, leases that move (REST and RADIUS), tokens taken
and refreshed, submissions relayed to a sink; each answer is checked, handset-sim judges that no mail was lost, altered or seen by a stranger,
and the sink has each submission that was acknowledged. Each few seconds a sample of every daemon. Then the verdict, as one line of JSON; soak.json
and soak.svg have all samples. The status is 1 when a judgement fails. What is judged, and why by so much, is in JUDGED.
"""
import json
import os
import sqlite3
import statistics
import sys
import pathlib
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
import proc  # noqa: E402
from harness.system import eventually  # noqa: E402
from line_chart import Panel, draw  # noqa: E402
from soak_mix import OTHERS, Mix, capacity  # noqa: E402

SECONDS = int(os.environ.get("SOAK_SECONDS", "1800"))
RATE = float(os.environ.get("SOAK_RATE", "0"))
RESULTS = pathlib.Path(os.environ.get("SOAK_DIR", ROOT / "bench" / "results" / "soak"))
PART = 0.8
MIB = 2 ** 20
CONTENT = ("message", "body", "body_unused", "chunk")  # what a deleted mail gives back; the rest are records, kept for days by intent
KINDS = ("accept", "accept_trigger", "trigger_fetched", "token", "attach", "radius", "refresh", "submission")
JUDGED = {
    # Growth over the last two thirds, by the median of all slopes (Theil and Sen: a single peak says nothing). Malloc's arenas and SQLite's page caches,
    # which are bounded, move by some MiB; a leak of 100 octets a mail would be 80 MiB in half an hour.
    "memory_mib": 6, "memory_share": 0.06,
    # At rest, after all clients have gone: none more than at rest before, when all pools were warm.
    "descriptors": 0,
    # Octets of the tables that hold mail itself, pages that are free within the file included, against those at a third of the time.
    "content_factor": 1.25, "content_mib": 16,
    # A log is restarted behind its limit (128 MB for bindings, less for the others), some later under load.
    "wal_mib": 256,
    # Answers of "later" (503, 4yz): none is expected at this load; a host that takes the processor away for a second makes some.
    "later_share": 0.001,
    # Median of the windows' p99, last fifth against first.
    "p99_factor": 2.0, "p99_ms": 3.0,
}


def note(*words):
    print("soak:", *words, file=sys.stderr, flush=True)


class Watch:
    """Samples of all daemons, from a thread of its own."""

    def __init__(self, mix, every=5):
        self.mix, self.every = mix, every
        self.pids = {d["name"]: d["pid"] for d in mix.hato.status()["daemons"]}
        self.pids["hato"] = mix.hato.process.pid
        self.samples, self.over = [], threading.Event()
        self.content, self.began = None, time.monotonic()
        self.thread = threading.Thread(target=self.watch)

    def start(self):
        self.began = time.monotonic()
        self.thread.start()

    def stop(self):
        self.over.set()
        self.thread.join()

    def watch(self):
        due = self.began
        while not self.over.is_set():
            self.samples.append(self.sample())
            if not self.content and time.monotonic() - self.began > SECONDS / 3:
                self.content = content_octets(self.mix)
            due += self.every
            self.over.wait(max(0, due - time.monotonic()))

    def descriptors(self):
        """Less the connections that smtpgw keeps to pushsrv: as many as were ever wanted at a time, and both ends count them."""
        kept = self.queues().get("hato_smtpgw_lmtp_connections", 0)
        return {name: proc.descriptors(pid) - (kept if name in ("smtpgw", "pushsrv") else 0) for name, pid in self.pids.items()}

    def sample(self):
        daemons = {name: {**proc.memory(pid), "descriptors": proc.descriptors(pid), "threads": proc.threads(pid),
                          "cpu_s": round(proc.cpu_s(pid), 2)} for name, pid in self.pids.items()}
        files = {f.name: f.stat().st_size for f in self.mix.state("db").iterdir() if f.suffix in (".db", ".db-wal")}
        return {"at_s": round(time.monotonic() - self.began, 1), "daemons": daemons, "files": files, "queues": self.queues(),
                "machine": proc.machine()}

    def queues(self):
        _, _, text = self.mix.hato.http(self.mix.hato.port("hato.console_port"), "GET", "/metrics")
        lines, gauges = text.decode().splitlines(), {}
        wanted = {l.split()[2] for l in lines if l.startswith("# TYPE") and l.endswith(" gauge")}
        for line in lines:
            name = line.split("{")[0].split(" ")[0]
            if name in wanted and not line.startswith("#"):
                gauges[line.rsplit(" ", 1)[0]] = int(line.rsplit(" ", 1)[1])
        return gauges


def content_octets(mix):
    """Octets of each table and index of mail.db, and of its free pages."""
    db = sqlite3.connect("file:%s?mode=ro" % mix.state("db", "mail.db"), uri=True)
    try:
        tables = dict(db.execute("SELECT name, sum(pgsize) FROM dbstat WHERE aggregate = TRUE GROUP BY name"))
        free, = db.execute("PRAGMA freelist_count").fetchone()
        size, = db.execute("PRAGMA page_size").fetchone()
        return {**tables, "free": free * size}
    finally:
        db.close()


# ---- the verdict ----

def slope(points):
    """Median slope of all pairs, thinned to at most 150 points."""
    points = points[::max(1, len(points) // 150)]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(points) for b in points[i + 1:] if b[0] > a[0]]
    return statistics.median(slopes) if slopes else 0


def late(samples):
    return [s for s in samples if s["at_s"] >= SECONDS / 3]


def judge_memory(samples):
    out = {}
    for name in samples[0]["daemons"]:
        points = [(s["at_s"], s["daemons"][name]["anonymous"] / MIB) for s in late(samples)]
        middle = statistics.median(y for _, y in points)
        grew = slope(points) * (points[-1][0] - points[0][0])
        limit = max(JUDGED["memory_mib"], JUDGED["memory_share"] * middle)
        out[name] = {"mib": round(middle, 1), "grew_mib": round(grew, 2), "limit_mib": round(limit, 1), "good": grew <= limit}
    return out


def judge_descriptors(before, after):
    return {name: {"before": before[name], "after": after[name], "good": after[name] <= before[name] + JUDGED["descriptors"]}
            for name in before}


def judge_files(watch, end):
    third = watch.content or end

    def content(tables):
        return (sum(tables.get(t, 0) for t in CONTENT) + tables["free"]) / MIB
    wal = {f: max(s["files"].get(f, 0) for s in watch.samples) / MIB for f in watch.samples[-1]["files"] if f.endswith("-wal")}
    limit = max(JUDGED["content_factor"] * content(third), content(third) + JUDGED["content_mib"])
    return {"content_mib": {"at_a_third": round(content(third), 1), "at_the_end": round(content(end), 1), "limit": round(limit, 1),
                            "good": content(end) <= limit},
            "records_mib": {t: round(n / MIB, 1) for t, n in sorted(end.items(), key=lambda x: -x[1]) if t not in CONTENT and n > MIB / 10},
            "wal_mib": {**{f: round(n, 1) for f, n in wal.items()}, "good": max(wal.values()) <= JUDGED["wal_mib"]}}


def curves(run):
    """p50 and p99 by kind: [(seconds, p50, p99)]."""
    out = {k: [(w["at_s"], w[k]["p50"], w[k]["p99"]) for w in run.windows if k in w and w[k]["count"]] for k in KINDS}
    for kind, rows in run.slices.items():
        out[kind] = [(r["at_s"], r["p50"], r["p99"]) for r in rows if r["count"]]
    return out


def judge_latency(latency):
    out = {}
    for kind, rows in latency.items():
        first = [r for r in rows if r[0] <= SECONDS / 5]
        last = [r for r in rows if r[0] >= SECONDS * 4 / 5]
        if not first or not last:
            out[kind] = {"good": False, "why": "no samples"}
            continue
        a, b = (statistics.median(r[2] for r in part) for part in (first, last))
        p50 = [statistics.median(r[1] for r in part) for part in (first, last)]
        limit = max(JUDGED["p99_factor"] * a, a + JUDGED["p99_ms"])
        out[kind] = {"p50_ms": [round(p, 2) for p in p50], "p99_ms": [round(a, 2), round(b, 2)], "limit_ms": round(limit, 2), "good": b <= limit}
    return out


def machine(samples):
    a, b = samples[0]["machine"], samples[-1]["machine"]
    ours = sum(samples[-1]["daemons"][n]["cpu_s"] - samples[0]["daemons"][n]["cpu_s"] for n in samples[0]["daemons"])
    every = b["all"] - a["all"]
    return {"busy": round(1 - (b["idle"] - a["idle"]) / every, 3), "daemons": round(ours / every, 3),
            "taken_by_host": round((b["stolen"] - a["stolen"]) / every, 3)}


def goods(tree):
    """Every judgement, by name."""
    for name, part in tree.items():
        if isinstance(part, dict):
            yield from ((name + "." + n if n else name, g) for n, g in goods(part))
        elif name == "good":
            yield "", part


# ---- the picture ----

def picture(line, samples, latency):
    def by_daemon(field, scale=1):
        return {n: [(s["at_s"] / 60, s["daemons"][n][field] / scale) for s in samples] for n in samples[0]["daemons"]}
    files = {f: [(s["at_s"] / 60, s["files"].get(f, 0) / MIB) for s in samples] for f in sorted(samples[-1]["files"])}
    p99 = {k: [(r[0] / 60, r[2]) for r in smooth(rows)] for k, rows in latency.items()}
    about = "%.0f mails/s, %d%% of capacity, for %d s; %s" % (line["rate"], 100 * PART, SECONDS, line["verdict"])
    return draw("Soak", about, [Panel("memory without a file behind it", "minutes", "MiB", by_daemon("anonymous", MIB)),
                                Panel("p99, medians of a minute", "minutes", "ms", p99),
                                Panel("descriptors", "minutes", "", by_daemon("descriptors")),
                                Panel("files", "minutes", "MiB", files)])


def smooth(rows):
    parts = {}
    for at, p50, p99 in rows:
        parts.setdefault(int(at // 60), []).append((at, p50, p99))
    return [tuple(statistics.median(column) for column in zip(*part)) for part in parts.values()]


# ---- the run ----

def at_rest(mix, watch, bound):
    """Once no client is there: the descriptors, when they are few enough, or after a minute as they are."""
    try:
        eventually("at rest", lambda: not bound or all(n <= bound[d] for d, n in watch.descriptors().items()), 60)
    except AssertionError:
        pass
    return watch.descriptors()


def total(run, field):
    return sum(r[field] for rows in run.slices.values() for r in rows)


def soak(mix):
    mix.prepare()
    found = capacity(mix)
    mix.warm()
    rate = RATE or PART * found["mails_per_second"]
    note("capacity", found, "so", round(rate), "mails/s for", SECONDS, "s")
    watch = Watch(mix)
    eventually("the sink has all", lambda: mix.sink.count >= mix.submitted)
    time.sleep(11)  # what links of the relay live on idle
    before = watch.descriptors()
    watch.start()
    try:
        run = mix.run(rate, SECONDS, watch=lambda r: note(json.dumps(r.windows[-1])) if len(r.windows) % 12 == 0 else None)
    finally:
        watch.stop()
    eventually("the sink has all", lambda: mix.sink.count >= mix.submitted)
    after, end = at_rest(mix, watch, before), content_octets(mix)
    latency = curves(run)
    v = run.verdict
    kept = {"mails": v["sent"], "fetched": v["fetched"], "lost": v["lost"], "altered": v["altered"], "stranger": v["stranger"],
            "moves": v["moves"], "submitted": mix.submitted, "relayed": mix.sink.count, "lease_events": mix.lease_events,
            "later": total(run, "refused"), "asked": total(run, "count")}
    kept["good"] = (v["lost"] == v["altered"] == v["stranger"] == 0 and mix.sink.count == mix.submitted
                    and kept["later"] <= JUDGED["later_share"] * kept["asked"])
    line = {"bench": "soak", "seconds": SECONDS, "capacity": found, "rate": round(rate), "kept": kept,
            "memory": judge_memory(watch.samples), "descriptors": judge_descriptors(before, after), "files": judge_files(watch, end),
            "latency": judge_latency(latency), "machine": machine(watch.samples), "tolerances": JUDGED, "repeat": "bench/run soak"}
    bad = [name for name, good in goods(line) if not good]
    line["verdict"] = "passed" if not bad else "FAILED: " + ", ".join(bad)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "soak.json").write_text(json.dumps({**line, "samples": watch.samples, "windows": run.windows, "slices": run.slices}) + "\n")
    (RESULTS / "soak.svg").write_text(picture(line, watch.samples, latency))
    print(json.dumps(line), flush=True)
    return 0 if not bad else 1


def main():
    mix = Mix()
    try:
        return soak(mix)
    finally:
        mix.close()


if __name__ == "__main__":
    sys.exit(main())

"""What `make bench` says at its end: the table, and bench/results/ with JSON, charts and the block at the top of docs/performance.md.

A row of the table is one of our contenders; the peer and the bare limit are those that it is paired with. A line without `rates` of several
(an old form, a figure alone) is kept in the JSON and has no row.
"""
import datetime
import json
import os
import pathlib
import platform
import signal
import subprocess
import tempfile
import threading

import chart
from contest import less

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- `make bench` writes from here -->", "<!-- to here -->"


class Watchdog:
    """Ends a piece with all that it started, unless it was done before."""

    def __init__(self, process, seconds):
        self.fired = False
        self.timer = threading.Timer(seconds, self.fire, [process])
        self.timer.start()

    def fire(self, process):
        self.fired = True
        os.killpg(process.pid, signal.SIGTERM)

    def stop(self):
        self.timer.cancel()
        return self.fired


# ---- where ----

def field(path, name):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.split(":", 1)[1].strip()
    return "unknown"


def disk():
    """(device, file system) of the folder that the benches work in."""
    folder = os.path.realpath(tempfile.gettempdir())
    mounts = [line.split()[:3] for line in open("/proc/mounts")]
    over = [m for m in mounts if folder == m[1] or folder.startswith(m[1].rstrip("/") + "/")]
    device, _, system = max(over, key=lambda m: len(m[1]))
    return "%s on %s" % (system, device)


def git(*words):
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def commit():
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results", ":!docs/performance.md")
    return git("rev-parse", "--short=12", "HEAD") + (" and changes" if changed else "")


def machine():
    gib = int(field("/proc/meminfo", "MemTotal").split()[0]) / 2 ** 20
    return {"processor": field("/proc/cpuinfo", "model name"), "cores": len(os.sched_getaffinity(0)), "memory_gib": round(gib, 1),
            "kernel": platform.release(), "disk": disk()}


# ---- the table ----

def row(line, name):
    """(work, ours, the best peer of those that it is measured by, the bare limit, what is said of the ratios)."""
    others = [x for label in line["ratios"] if name in label.split(" / ") for x in label.split(" / ") if x != name]

    aimed = {x for label in line["aims"] for x in label.split(" / ")}

    def best(bare):
        rates = [o for o in others if o.startswith("bare") == bare]
        rates = [line["median"][o] for o in [r for r in rates if r in aimed] or rates]
        return chart.number((min if less(line["unit"]) else max)(rates)) if rates else ""
    work = line.get("title", line["bench"]) + (": " + name if len(line["ours"]) > 1 else "")
    unit = "" if line["unit"] == "a second" else " " + line["unit"].split()[0]
    said = [words + {True: " (reached)", False: " (MISSED)", None: ""}[reached] for words, _, reached in chart.judgements(line, name)]
    return work, chart.number(line["median"][name]) + unit, best(False), best(True), said


def rows(lines):
    return [row(line, name) for line in lines if "ours" in line for name in line["ours"]]


def table(lines, failed):
    head = ["work", "ours", "peer", "bare", "ratios (medians of the rounds' own)"]
    out = []
    for *cells, ratios in rows(lines):
        out += [cells + ratios[:1]] + [[""] * 4 + [more] for more in ratios[1:]]
    out += [[name, "void", "", "", why] for name, why in failed.items()]
    widths = [max(len(r[i]) for r in [head] + out) for i in range(4)]
    return ["  ".join([r[0].ljust(widths[0]), *(r[i].rjust(widths[i]) for i in (1, 2, 3)), *r[4:]]).rstrip() for r in [head] + out]


def counts(lines):
    every = [r for line in lines for r in line.get("reached", {}).values()]
    return sum(every), len(every)


# ---- what is written ----

def markdown(lines, about, charts):
    m = about["machine"]
    out = [BEGIN, "%s, commit %s, %s, %d cores, %g GiB, Linux %s, %s:" % (
        about["date"], about["commit"], m["processor"], m["cores"], m["memory_gib"], m["kernel"], m["disk"]), "",
        "| work | ours | best peer | bare limit | ratios |", "|---|---|---|---|---|"]
    out += ["| %s | %s | %s | %s | %s |" % (*r[:4], "<br>".join(r[4])) for r in rows(lines)]
    out += [""] + ["![%s](../bench/results/%s)" % (alt, name) for name, alt in charts] + [END]
    return "\n".join(out) + "\n"


def put_block(text):
    """In place of the block that is there, or behind the page's first paragraph."""
    page = PAGE.read_text()
    if BEGIN in page:
        before, rest = page.split(BEGIN, 1)
        PAGE.write_text(before + text + rest.split(END + "\n", 1)[1])
    else:
        title, rest = page.split("\n\n", 1)
        PAGE.write_text(title + "\n\n" + text + "\n" + rest)


def write(lines, about):
    RESULTS.mkdir(exist_ok=True)
    charts = []
    for line in lines:
        if "ours" in line:
            name = chart.file_name(line)
            (RESULTS / name).write_text(chart.draw(line))
            charts.append((name, line.get("title", line["bench"])))
    latest = RESULTS / "latest.json"
    for old in json.loads(latest.read_text())["charts"] if latest.exists() else ():
        if old not in dict(charts):
            (RESULTS / old).unlink(missing_ok=True)
    text = json.dumps({**about, "charts": [name for name, _ in charts], "lines": lines}, indent=1) + "\n"
    for name in ("latest.json", about["date"] + ".json"):
        (RESULTS / name).write_text(text)
    put_block(markdown(lines, about, charts))


def finish(lines, failed, took, seconds):
    """The status of the whole: 0 if every piece was valid, whether its aims are reached or not."""
    about = {"date": datetime.date.today().isoformat(), "commit": commit(), "machine": machine(), "seconds": took}
    print("\n" + "\n".join(table(lines, failed)))
    print("\n%d of %d aims reached; %d:%02d minutes" % (*counts(lines), seconds // 60, seconds % 60))
    if failed:
        print("nothing is written: %s" % ", ".join("%s is %s" % pair for pair in failed.items()), flush=True)
        return 1
    write(lines, about)
    print("written: bench/results/, the table of docs/performance.md", flush=True)
    return 0

"""What one piece of work costs as the work around it grows: charts that stay flat, or do not.

    bench/run scale [PART ...]            parts: mailboxes messages leases connections; SCALE_MAX=10000000 SCALE_SECONDS=1

    mailboxes    POP3 sessions and mails by LMTP, at 1,000 to 1,000,000 mailboxes of one mail each, chosen by chance among all
    messages     the same into and out of boxes that hold 1 to 10,000 mails (STAT, LIST, UIDL, RETR 1)
    leases       RADIUS Starts of random subscribers, and look-ups of a binding (binding_check), at 1,000 to 10,000,000 bindings
    connections  a POP3 session beside 100 to 15,000 open connections, half of them logged in; and memory for each

At 1 and at 2 workers. The figure is the CPU time of all daemons for one piece (utime + stime): it does not ask how fast the generator is, nor
what else the machine does; the rate stands beside it. Stores are filled by SQL before the daemons start. Each answer is checked by its generator.
"""
import json
import os
import pathlib
import resource
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
import proc  # noqa: E402
from contest import run, short  # noqa: E402
from harness.system import BUILD, Hato  # noqa: E402
from line_chart import Panel, draw  # noqa: E402

RESULTS = pathlib.Path(os.environ.get("SCALE_DIR", ROOT / "bench" / "results" / "scale"))
MOST = int(os.environ.get("SCALE_MAX", "10000000"))
SECONDS = float(os.environ.get("SCALE_SECONDS", "1"))
ROUNDS = 3
WORKERS = (1, 2)
SESSIONS, OCTETS = 16, 1000
MAILS = 2000
MAILBOXES = [n for n in (1000, 10000, 100000, 1000000) if n <= MOST]
BINDINGS = [n for n in (1000, 10000, 100000, 1000000, 10000000) if n <= MOST]
CONNECTIONS = [n for n in (100, 1000, 5000, 15000) if n <= MOST]
# messages in the box -> how many such boxes
BOXES = {1: 1000, 10: 1000, 100: 500, 1000: 100, 10000: 32}
SETS = {"log.level": "warn", "popgw.auth_requires_tls": "off", "popgw.login_seconds": 3600, "popgw.idle_seconds": 3600,
        "pushsrv.retry": "3600", "pushsrv.quota_bytes": 1 << 40, "popgw.max_connections": 20000}


def tool(name):
    return BUILD / "bench" / name


def note(*words):
    print("scale:", *words, file=sys.stderr, flush=True)


class System:
    """A Hato on a store that is filled while nobody runs."""

    def __init__(self):
        self.hato = Hato(SETS, start=False)
        self.hato.start()
        self.hato.stop()
        self.state = self.hato.dir / "state"

    def fill(self, what, *words):
        file = self.state / "db" / ("mail.db" if what == "mail_fill" else "bindings.db")
        words = [tool("mail_fill"), file, *words] if what == "mail_fill" else [tool("bare_store"), what, file, *words]
        subprocess.run([str(w) for w in words], check=True)
        self.warm(file)

    def warm(self, file):
        """What a store that has run for a while has: its pages are on disk, and in the kernel's cache as far as that goes."""
        os.sync()
        with open(file, "rb", buffering=0) as octets:
            while octets.read(1 << 24):
                pass

    def start(self, workers):
        for daemon in ("authsrv", "smtpgw", "pushsrv", "popgw"):
            self.hato.sets[daemon + ".workers"] = workers
        self.hato.start()
        self.pids = {d["name"]: d["pid"] for d in self.hato.status()["daemons"]}

    def close(self):
        self.hato.close()

    def cpu(self):
        return {name: proc.cpu_s(pid) for name, pid in self.pids.items()}

    def cost(self, count, work):
        """(what `work` told, microseconds of the daemons' CPU for each of what it did): of the middle one of some rounds."""
        self.settle()
        rounds = []
        for _ in range(ROUNDS):
            before = self.cpu()
            told = work()
            after = self.cpu()
            rounds.append((told, {n: (after[n] - before[n]) / told[count] * 1e6 for n in self.pids}))
        told, each = sorted(rounds, key=lambda r: sum(r[1].values()))[ROUNDS // 2]
        return told, {n: short(us) for n, us in each.items() if us >= 1}, short(sum(each.values()))

    def settle(self):
        """What a start or the work before left to do (a walk through the outbox, sweeps) is done: all together take 4% of a core."""
        for _ in range(60):
            before = self.cpu()
            time.sleep(0.5)
            if sum(self.cpu().values()) - sum(before.values()) <= 0.02:
                return
        note("the daemons do not come to rest")

    # ---- pieces of work ----

    def pop(self, first, phones, messages):
        return self.cost("sessions", lambda: run(*self.poll(first, phones, messages)))

    def poll(self, first, phones, messages):
        return [tool("scale_pop"), "poll", self.hato.port("popgw.pop3_port"), self.state / "keys" / "token.keys", first, phones, messages,
                SECONDS, SESSIONS]

    def mail(self, first, boxes, mails=MAILS):
        return self.cost("mails", lambda: run(tool("mail_load"), "lmtp", self.state / "run" / "lmtp.sock", SESSIONS, mails, OCTETS, 100,
                                              boxes, "u%u@hato.example", first))

    def leases(self, subscribers):
        secret = (self.state / "radius.secret").read_text().strip()
        return self.cost("events", lambda: run(tool("lease_load"), "radius", "127.0.0.1", self.hato.port("authsrv.radius_port"), secret,
                                               subscribers, SECONDS, 64))


class Table:
    """Rows (part, what, workers, size) with the figures, and the curves of them."""

    def __init__(self):
        self.rows = []

    def add(self, part, what, workers, size, told, each, us):
        row = {"part": part, "what": what, "workers": workers, "size": size, "cpu_us": us, "cpu_us_of": each,
               "per_second": told["per_second"], **{k: told[k] for k in ("p50_ms", "p99_ms") if k in told}}
        self.rows.append(row)
        note(json.dumps(row))

    def curves(self, part, figure):
        out = {}
        for r in self.rows:
            if r["part"] == part and r.get(figure):
                out.setdefault("%s, %d" % (r["what"], r["workers"]) if r["workers"] else r["what"], []).append((r["size"], r[figure]))
        return out

    def growth(self):
        """Cost at the largest size beside that at the smallest, by curve."""
        parts = dict.fromkeys(r["part"] for r in self.rows)
        return {"%s: %s" % (part, name): round(points[-1][1] / points[0][1], 2)
                for part in parts for name, points in self.curves(part, "cpu_us").items() if len(points) > 1}


# ---- the parts ----

def mailboxes(table):
    for size in MAILBOXES:
        system = System()
        try:
            began = time.monotonic()
            system.fill("phones", size)
            system.fill("mail_fill", 1, size, 1, OCTETS)
            note("%d mailboxes filled in %.0f s" % (size, time.monotonic() - began))
            for workers in WORKERS:
                system.start(workers)
                if workers == WORKERS[0]:  # mail changes what is in the boxes: sessions go first, of both
                    table.add("mailboxes", "POP3 session", workers, size, *system.pop(1, size, 1))
                    system.hato.stop()
            table.add("mailboxes", "POP3 session", WORKERS[-1], size, *system.pop(1, size, 1))
            for workers in reversed(WORKERS):
                if workers != WORKERS[-1]:
                    system.hato.stop()
                    system.start(workers)
                table.add("mailboxes", "mail by LMTP", workers, size, *system.mail(1, size))
        finally:
            system.close()


def messages(table):
    system, first, places = System(), 1, {}
    try:
        system.fill("phones", sum(BOXES.values()))
        for size, boxes in BOXES.items():
            system.fill("mail_fill", first, boxes, size, OCTETS)
            places[size] = (first, boxes)
            first += boxes
        for workers in WORKERS:
            system.start(workers)
            for size, (at, boxes) in places.items():
                table.add("messages", "POP3 session", workers, size, *system.pop(at, boxes, size))
            system.hato.stop()
        for workers in WORKERS:
            system.start(workers)
            for size, (at, boxes) in places.items():
                table.add("messages", "mail by LMTP", workers, size, *system.mail(at, boxes))
            system.hato.stop()
    finally:
        system.close()


def leases(table):
    for size in BINDINGS:
        system = System()
        try:
            began = time.monotonic()
            system.fill("fill", size)
            note("%d bindings filled in %.0f s" % (size, time.monotonic() - began))
            looked = run(tool("db_bench"), "look", system.state / "db", size, 2)
            table.add("leases", "look-up", 0, size, {"per_second": round(1e9 / looked["ns"])}, {}, round(looked["cpu_ns"] / 1000, 2))
            for workers in WORKERS:
                system.start(workers)
                table.add("leases", "RADIUS Start", workers, size, *system.leases(size))
                system.hato.stop()
        finally:
            system.close()


class Held:
    """Connections that stay open, half of them logged in."""

    def __init__(self, system, first, count):
        words = [tool("scale_pop"), "hold", system.hato.port("popgw.pop3_port"), system.state / "keys" / "token.keys", first, count]
        self.process = subprocess.Popen([str(w) for w in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "held\n":
            raise SystemExit("the run is void: %d connections were not held" % count)

    def end(self):
        told, _ = self.process.communicate("", 60)
        if self.process.returncode:
            raise SystemExit("the run is void: a held connection was lost")
        return json.loads(told)


def connections(table):
    active = 2000
    system = System()
    try:
        system.fill("phones", active + CONNECTIONS[-1])
        system.fill("mail_fill", 1, active, 1, OCTETS)
        for workers in WORKERS:
            for size in CONNECTIONS:
                system.start(workers)
                warm = run(*system.poll(1, active, 1))  # what the process needs once, it has now
                assert warm["sessions"]
                before = proc.memory(system.pids["popgw"])["anonymous"]
                held = Held(system, active + 1, size)
                octets = (proc.memory(system.pids["popgw"])["anonymous"] - before) / size
                told, each, us = system.pop(1, active, 1)
                held.end()
                table.add("connections", "POP3 session", workers, size, told, each, us)
                table.rows[-1]["octets_each"] = round(octets)
                note("%d connections: %d octets each" % (size, octets))
                system.hato.stop()
    finally:
        system.close()


# ---- what is told ----

AXES = {"mailboxes": "mailboxes", "messages": "messages in the box", "leases": "bindings", "connections": "connections open beside it"}


def picture(table, about):
    panels = []
    for part in dict.fromkeys(r["part"] for r in table.rows):
        panels.append(Panel(part + ": CPU of all daemons for one piece", AXES[part], "us", table.curves(part, "cpu_us"), log=True))
        panels.append(Panel(part + ": rate, with the generator on the same machine", AXES[part], "a second", table.curves(part, "per_second"), log=True))
    octets = table.curves("connections", "octets_each")
    if octets:
        panels.append(Panel("memory of popgw for each connection", AXES["connections"], "octets", octets, log=True))
    return draw("Scale", about, panels)


def main(parts):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    table, began = Table(), time.monotonic()
    for part in parts:
        {"mailboxes": mailboxes, "messages": messages, "leases": leases, "connections": connections}[part](table)
    line = {"bench": "scale", "unit": "us of CPU", "rows": table.rows, "growth": table.growth(), "took_s": round(time.monotonic() - began),
            "repeat": "bench/run scale " + " ".join(parts)}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "scale.json").write_text(json.dumps(line, indent=1) + "\n")
    (RESULTS / "scale.svg").write_text(picture(table, "CPU of all daemons, at 1 and 2 workers"))
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(AXES))

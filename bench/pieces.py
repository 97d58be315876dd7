"""Which benches there are, and what `make bench` runs of them.

    bench/run                 the pieces of `make bench`, one after the other, then the table; JSON and charts into bench/results/
    bench/run NAME [...]      one bench: a name below, an alias, or any bench/NAME.py
    bench/run everything      all of them, with those that do not fit half an hour
    bench/run list            the names

A piece that fails or exceeds three times its seconds does not stop the others; it is told in the table, and nothing is written.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys
import time

import report

BENCH = pathlib.Path(__file__).resolve().parent
# `seconds`: what it takes on a quiet machine of 2 cores. `settings`: what `make bench` makes smaller.
Piece = collections.namedtuple("Piece", "name script words seconds settings what")


def piece(name, seconds, what, script=None, words=(), **settings):
    return Piece(name, script or name, list(words), seconds, settings, what)


PIECES = [
    piece("pop", 240, "POP3 sessions, plain and over TLS 1.3; Dovecot; canned answers"),
    piece("lease", 260, "durable lease events by RADIUS and REST; FreeRADIUS; the same rows by SQL alone"),
    piece("token", 70, "first tokens and refreshes; libmicrohttpd's hello-world", "tokens"),
    piece("mail_in", 160, "mails to disk by SMTP (MX) and LMTP; Dovecot, Postfix; the same rows by SQL alone"),
    piece("relay", 150, "mails out of the queue to another host; Postfix"),
    piece("queue", 60, "mails into the outbound queue and out of it; the same rows by SQL alone"),
    piece("smpp", 70, "submit_sm and receipts through smsc-sim; Kannel"),
    piece("overload", 90, "goodput at ten times the phones of the peak"),
    piece("latency", 120, "5,000 mails through the whole loop to 1,000 phones; accepted -> trigger at half that rate", "loop", ["latency"]),
    piece("push", 200, "new mail -> the phone knows; Dovecot's IMAP IDLE, hibernating and not; memory a waiting phone"),
    piece("storm", 120, "a hundred thousand re-attach, take a token and poll (alone: a million)", STORM_SUBSCRIBERS=100000),
]
# By themselves: too long for half an hour, or figures beside which nobody stands.
ALONE = [
    piece("loop", 60, "the whole loop alone", "loop", ["loop"]),
    piece("start", 10, "from the command to `ready`", "loop", ["start"]),
    piece("memory", 90, "100,000 bindings in all processes (BENCH_BINDINGS)", "loop", ["memory"]),
    piece("bearer", 200, "triggers a second: the last stage, and from the outbox; a bare sendmmsg loop", "bearer", ["bearer"]),
    piece("pending", 300, "a million triggers that wait: memory for each, and a start on them", "bearer", ["pending"]),
    piece("waiting", 120, "a million mails that wait to go out: memory for each, a start, a take", "queue", ["waiting"]),
    piece("resync", 120, "a NAS's whole list, and how long others wait for it"),
    piece("nas_off", 120, "a NAS's Off, and how long others wait for it"),
    piece("scale", 720, "CPU for a session, a mail, a lease event as mailboxes, messages, bindings, connections grow; 1 and 2 workers"),
    piece("soak", 2100, "half an hour at 80% of capacity: memory, descriptors, files, p99 (SOAK_SECONDS); its status is the verdict"),
    piece("directory", 600, "ten million bindings: authsrv's memory for each, a look-up"),
]
# What `make bench-NAME` calls a part.
ALIASES = {
    "lmtp": [("mail_in", ["lmtp"])],
    "smtp": [("mail_in", ["mx"]), ("relay", [])],
    "tokens": [("token", [])],
}


def command(name, words=()):
    for p in PIECES + ALONE:
        if p.name == name:
            return [sys.executable, "-B", str(BENCH / (p.script + ".py")), *p.words, *words]
    if (BENCH / (name + ".py")).exists():
        return [sys.executable, "-B", str(BENCH / (name + ".py")), *words]
    raise SystemExit("bench/run: no such bench: %s (bench/run list)" % name)


def alone(name, words):
    """Until the first that fails."""
    for part, more in ALIASES.get(name, [(name, [])]):
        done = subprocess.run(command(part, [*more, *words]))
        if done.returncode:
            return done.returncode
    return 0


def lines_of(p):
    """One piece: (its lines, what went wrong or nothing). What it prints is shown as it comes."""
    process = subprocess.Popen(command(p.name), stdout=subprocess.PIPE, text=True, start_new_session=True,
                               env={**os.environ, **{k: str(v) for k, v in p.settings.items() if k not in os.environ}})
    clock = report.Watchdog(process, 3 * p.seconds)
    lines = []
    for text in process.stdout:
        print(text, end="", flush=True)
        if text.startswith("{"):
            lines.append(json.loads(text))
    status = process.wait()
    if clock.stop():
        return lines, "not done after %d s" % (3 * p.seconds)
    return lines, "void (status %d)" % status if status else None


def together(pieces):
    begun, lines, failed, took = time.monotonic(), [], {}, {}
    for p in pieces:
        print("== %s: %s" % (p.name, p.what), file=sys.stderr, flush=True)
        since = time.monotonic()
        more, wrong = lines_of(p)
        took[p.name] = round(time.monotonic() - since)
        lines += more
        if wrong:
            failed[p.name] = wrong
    return report.finish(lines, failed, took, time.monotonic() - begun)


def show():
    for p in PIECES + ALONE:
        print("%-10s %s" % (p.name, p.what))
    for name, parts in ALIASES.items():
        print("%-10s %s" % (name, ", then ".join(" ".join([part, *more]) for part, more in parts)))


def main(words):
    if not words or words[0] == "all":
        return together(PIECES)
    if words[0] == "everything":
        return together(PIECES + ALONE)
    if words[0] == "list":
        return show()
    return alone(words[0], words[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

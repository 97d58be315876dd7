"""submit_sm a second through smsc-sim, and as many receipts, with 64 in flight on one transceiver; beside Kannel.

    bench/run smpp                        SMPP_ROUNDS=3 SMPP_SECONDS=4

`radio`   each message goes to one of 1,000 attached phones (RP-DATA, RP-ACK) before its receipt comes
`sink`    numbers that need no phone: SMPP alone
`db`      the same, each message on disk before it is accepted (smsc-sim.store = db)
`kannel`  Debian's bearerbox as the ESME, to the same sink with the same window, driven as by its smsbox

Contenders take turns. Ours checks each message_id and each receipt (bench/smpp_load.c); Kannel's messages are counted by the delivery
reports that it hands back. `cpu_us` is what smsc-sim spent for a message, from its accounting by the kernel: on a busy machine it says
more than the rate.
"""
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from harness.system import BUILD, PATIENCE, eventually, free_ports  # noqa: E402
from peers.kannel import Bearerbox  # noqa: E402

ROUNDS = int(os.environ.get("SMPP_ROUNDS", "3"))
SECONDS = int(os.environ.get("SMPP_SECONDS", "4"))
WINDOW, PHONES = 64, 1000
SYSTEM_ID, PASSWORD = "bench", "secret88"
AIR, SINK = "819012", "819099"  # and six digits
AHEAD = 1000  # messages that bearerbox may hold
UDH = bytes.fromhex("0605040b8423f0")
TRIGGER = bytes.fromhex("2a06060302030aaf89" "030d6a008507037461726f4073706d61696c2e6578616d706c650005c3072026010509301501")

CONFIG = """
[smsc-sim]
smpp_port = %(smpp)d
radio_port = %(radio)d
control_port = 0
store = %(store)s
sink = %(sink)s
queue_max = 1000000
[esme bench]
system_id = %(id)s
password_file = %(dir)s/password
window = %(window)d
"""


class Smsc:
    """smsc-sim alone in a temporary folder."""

    def __init__(self, store):
        self.folder = tempfile.TemporaryDirectory(prefix="hato-bench-")
        folder = pathlib.Path(self.folder.name)
        self.smpp, self.radio = free_ports(2)
        secret = folder / "password"
        secret.touch(0o600)
        secret.write_text(PASSWORD)
        (folder / "hato.conf").write_text(CONFIG % {"smpp": self.smpp, "radio": self.radio, "store": store, "sink": SINK,
                                                    "dir": folder, "id": SYSTEM_ID, "window": WINDOW})
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(BUILD / "smsc-sim"), "--config", str(folder / "hato.conf")],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually("smsc-sim is ready", lambda: b'"ready"' in self.log.read_bytes() or self.died())

    def died(self):
        if self.process.poll() is not None:
            raise SystemExit("smsc-sim ended: %s" % self.log.read_text())

    def cpu_s(self):
        stat = pathlib.Path("/proc/%d/stat" % self.process.pid).read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.folder.cleanup()


def load(smsc, prefix, *air):
    words = [BUILD / "bench" / "smpp_load", smsc.smpp, SYSTEM_ID, PASSWORD, SECONDS, WINDOW, prefix, *air]
    before = smsc.cpu_s()
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit("the run is void: %s\n%s%s" % (" ".join(map(str, words)), done.stdout, done.stderr[-2000:]))
    result = json.loads(done.stdout)
    result["cpu_us"] = (smsc.cpu_s() - before) * 1e6 / result["accepted"]
    return result


def kannel(smsc):
    """For so many seconds bearerbox always has messages to send; then until each has its report."""
    with Bearerbox(smsc.smpp, SYSTEM_ID, PASSWORD, WINDOW, free_ports(2)) as box:
        eventually("bearerbox is bound", lambda: smsc.log.read_bytes().count(b'"link-bound"') > smsc.log.read_bytes().count(
            b'"link-closed"'))
        before, start = smsc.cpu_s(), time.monotonic()
        sent = reported = 0
        while time.monotonic() < start + SECONDS or reported < sent:
            if time.monotonic() < start + SECONDS and sent - reported < AHEAD:
                batch = [box.message(b"%s%06d" % (SINK.encode(), (sent + i) % 1000), UDH, TRIGGER) for i in range(100)]
                box.submit(b"".join(batch))
                sent += len(batch)
            if time.monotonic() > start + SECONDS + PATIENCE:
                raise SystemExit("bearerbox owes %d reports: %s" % (sent - reported, box.said()))
            reported += len(box.read()[1])
        rate = reported / (time.monotonic() - start)
        return {"submits_per_second": rate, "receipts_per_second": rate, "cpu_us": (smsc.cpu_s() - before) * 1e6 / reported}


def main():
    memory, durable, results = Smsc("memory"), Smsc("db"), {}
    turns = {"radio": lambda: load(memory, AIR, memory.radio, PHONES), "sink": lambda: load(memory, SINK),
             "db": lambda: load(durable, SINK), "kannel": lambda: kannel(memory)}
    try:
        for _ in range(ROUNDS):
            for name, turn in turns.items():
                results.setdefault(name, []).append(turn())
    finally:
        memory.close()
        durable.close()

    def median(name, what):
        return statistics.median(r[what] for r in results[name])
    rates = {what: {n: round(median(n, what)) for n in turns} for what in ("submits_per_second", "receipts_per_second")}
    print(json.dumps({
        "bench": "smpp", "window": WINDOW, **rates,
        "spread": {n: [round(min(r["receipts_per_second"] for r in rs)), round(max(r["receipts_per_second"] for r in rs))]
                   for n, rs in results.items()},
        "cpu_us": {n: round(median(n, "cpu_us"), 1) for n in turns},
        "response_us": {n: results[n][-1]["response_us"] for n in ("radio", "sink", "db")},
        "times_kannel": round(median("sink", "receipts_per_second") / median("kannel", "receipts_per_second"), 1),
        "command": "bench/run smpp"}))


if __name__ == "__main__":
    main()

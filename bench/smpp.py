"""submit_sm a second through smsc-sim, and as many receipts, with 64 in flight on one transceiver; beside Kannel.

    bench/run smpp                        SMPP_ROUNDS=5 SMPP_SECONDS=2

`radio`   each message goes to one of 1,000 attached phones (RP-DATA, RP-ACK) before its receipt comes
`sink`    numbers that need no phone: SMPP alone
`db`      the same, each message on disk before it is accepted (smsc-sim.store = db)
`kannel`  Debian's bearerbox as the ESME, to the same sink with the same window, driven as by its smsbox

The rate is that of receipts: as many messages were accepted before. Ours checks each message_id and each receipt (bench/smpp_load.c); Kannel's messages are counted by the delivery
reports that it hands back. `cpu_us` is what smsc-sim spent for a message, from its accounting by the kernel: on a busy machine it says
more than the rate.
"""
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
from contest import run, tell, turns  # noqa: E402
from harness.system import BUILD, PATIENCE, eventually, free_ports  # noqa: E402
from peers.kannel import Bearerbox  # noqa: E402

ROUNDS = int(os.environ.get("SMPP_ROUNDS", "5"))
SECONDS = int(os.environ.get("SMPP_SECONDS", "2"))
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
    before = smsc.cpu_s()
    result = run(BUILD / "bench" / "smpp_load", smsc.smpp, SYSTEM_ID, PASSWORD, SECONDS, WINDOW, prefix, *air)
    return {**result, "cpu_us": (smsc.cpu_s() - before) * 1e6 / result["accepted"]}


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

    def of(name, measure, *words):
        def turn():
            results.setdefault(name, []).append(measure(*words))
            return results[name][-1]["receipts_per_second"]
        return turn
    try:
        rates = turns({"radio": of("radio", load, memory, AIR, memory.radio, PHONES), "sink": of("sink", load, memory, SINK),
                       "db": of("db", load, durable, SINK), "kannel": of("kannel", kannel, memory)}, ROUNDS)
    finally:
        memory.close()
        durable.close()

    def median(name, what):
        return round(statistics.median(r[what] for r in results[name]), 1)
    tell("smpp", rates, [("sink", "kannel", None)], limits={"radio": 20000, "sink": 20000}, ours=["radio", "sink", "db"],
         title="Short messages and receipts", window=WINDOW, cpu_us={n: median(n, "cpu_us") for n in results},
         submits_per_second={n: median(n, "submits_per_second") for n in results},
         response_us={n: results[n][-1]["response_us"] for n in ("radio", "sink", "db")})


if __name__ == "__main__":
    main()

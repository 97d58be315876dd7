"""Mails a second out of the queue into smtp-sink with 16 sessions, beside Postfix of Debian out of its own.

    bench/run relay                       RELAY_ROUNDS=5 RELAY_MAILS=3000 RELAY_OCTETS=4096

Both have all mails durably in their queue before it begins: ours is put in with `smtpgw.relay = off`, Postfix's by smtp-source while its
queue manager is not there; then each is started with what it lacked. The clock runs from the first percent of the mails that the sink
counts to the last one. Ours settles each mail with a commit that is on disk (synchronous = FULL); Postfix unlinks
its queue file. `cpu_us`: what the daemons spent for a mail, from the kernel's accounting, Postfix's processes all together.
"""
import os
import pathlib
import re
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from contest import tell, turns  # noqa: E402
from harness.postfix import Postfix  # noqa: E402
from harness.queue import Queue  # noqa: E402
from harness.system import PATIENCE, Hato, eventually, free_ports  # noqa: E402

ROUNDS = int(os.environ.get("RELAY_ROUNDS", "5"))
MAILS = int(os.environ.get("RELAY_MAILS", "3000"))
OCTETS = int(os.environ.get("RELAY_OCTETS", "4096"))
SESSIONS = 16
LIMIT_S = 300


class Sink:
    """smtp-sink, and when it had counted how many."""

    def __init__(self):
        self.port, = free_ports(1)
        self.process = subprocess.Popen(["smtp-sink", "-u", "nobody", "-c", "127.0.0.1:%d" % self.port, "1000"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        self.count, self.first_us, self.last_us = 0, None, None
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while True:
            text = self.process.stdout.read(65536)
            if not text:
                return
            now = time.monotonic()
            counts = re.findall(rb"mesg=(\d+)", text)
            if counts:
                self.count = int(counts[-1])
                if self.count >= MAILS // 100 and self.first_us is None:
                    self.first_us, self.first_count = now, self.count
                self.last_us = now

    def wait(self):
        eventually("the sink has all", lambda: self.count >= MAILS, LIMIT_S)
        return (self.count - self.first_count) / (self.last_us - self.first_us)

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.thread.join()


def cpu_s(pids):
    total = 0
    for pid in pids:
        try:
            fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += sum(map(int, fields[11:15]))  # its own and its dead children's
    return total / os.sysconf("SC_CLK_TCK")


def children(pid):
    return [int(p) for p in pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()]


def ours(octets):
    sink = Sink()
    hato = Hato({"smtpgw.relay": "off", "route out.domains": "out.example", "route out.host": "127.0.0.1:%d" % sink.port,
                 "smtpgw.relay_first": SESSIONS, "smtpgw.relay_per_destination": SESSIONS, "log.level": "warn"}, start=False)
    try:
        hato.start()
        queue = Queue(hato)
        queue.many(MAILS, octets, "u%d@out.example")
        hato.stop()
        hato.sets["smtpgw.relay"] = "on"
        hato.start()
        rate = sink.wait()
        queue.wait_empty()
        cpu = cpu_s([hato.pid("smtpgw")])
        queue.close()
    finally:
        hato.close()
        sink.close()
    return rate, cpu


def postfix(octets):
    sink = Sink()
    p = Postfix(["none.example"], settings={
        "relay_domains": "out.example", "relayhost": "[127.0.0.1]:%d" % sink.port, "relay_transport": "smtp",
        "initial_destination_concurrency": SESSIONS, "default_destination_concurrency_limit": SESSIONS,
        "qmgr_message_active_limit": 20000, "disable_dns_lookups": "no", "smtp_dns_support_level": "disabled",
        "smtp_tls_security_level": "none", "in_flow_delay": "0"})  # nobody empties the queue while it is filled
    master = p.etc / "master.cf"
    try:
        p.stop()
        whole = master.read_text()
        master.write_text("".join(l for l in whole.splitlines(True) if not l.startswith("qmgr")))
        p.start()
        subprocess.run(["smtp-source", "-s", "16", "-m", str(MAILS), "-l", str(len(octets)), "-f", "a@here.example", "-t",
                        "u@out.example", "127.0.0.1:%d" % p.port], check=True, timeout=LIMIT_S)
        p.stop()
        master.write_text(whole)
        p.start()
        rate = sink.wait()
        pids = children(p.process.pid)
        cpu = cpu_s([p.process.pid] + pids)
    finally:
        p.close()
        sink.close()
    return rate, cpu


def main():
    octets = (b"Subject: bench\r\n\r\n" + (b"x" * 76 + b"\r\n") * (OCTETS // 78 + 1))[:OCTETS - 2] + b"\r\n"
    cpus = {"hato": [], "Postfix": []}

    def turn(name, relay):
        rate, cpu = relay(octets)
        cpus[name].append(cpu / MAILS * 1e6)
        return rate
    rates = turns({"hato": lambda: turn("hato", ours), "Postfix": lambda: turn("Postfix", postfix)}, ROUNDS)
    tell("relay", rates, [("hato", "Postfix", 1)], title="Mail out", mails=MAILS, octets=OCTETS, sessions=SESSIONS,
         cpu_us={name: round(statistics.median(spent)) for name, spent in cpus.items()})


if __name__ == "__main__":
    main()

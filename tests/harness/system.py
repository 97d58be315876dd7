"""A whole Hato in a temporary folder, on ports of its own, for one test class.

Everything waits for events: `ready` on hato's stdout, a datagram on a socket, a condition that is asked for again and again
with a deadline (eventually()). Processes are ended by pid; the folder goes with the object.
"""
import contextlib
import fcntl
import http.client
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("HATO_BUILD", "build")
DOMAIN = "hato.example"
# A sanitizer keeps what was freed, and is slower.
SANITIZED = "-" in BUILD.name
# Deadlines are for hangs, not for speed.
PATIENCE = 60

PORT_KEYS = [
    "authsrv.handset_port", "authsrv.handset_tls_port", "authsrv.network_port", "authsrv.radius_port",
    "smtpgw.mx_port", "smtpgw.submission_port", "smtpgw.submissions_port", "pushsrv.lmtp_port",
    "popgw.pop3_port", "popgw.pop3s_port", "smsc-sim.smpp_port", "smsc-sim.control_port",
    "smsc-sim.radio_port", "hato.console_port", "pushsrv.trigger_port",
]

# No test asks the world's name servers: one that needs DNS has a server of its own (dns.py).
QUIET = {"smtpgw.dns_servers": "none"}


def port_numbers():
    """Below what the kernel gives to outgoing connections: such a port stays free while its daemon is down. In an order
    of this process's own, each number once a round."""
    first, last = 10240, int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]) - 1
    if last - first < 4000:
        first, last = 10240, 65535
    order = random.sample(range(first, last + 1), last + 1 - first)
    return itertools.cycle(order)


PORTS = port_numbers()


def free_ports(count):
    """Ports that are free for TCP and UDP now: held open together, so that they differ."""
    held, ports = [], []
    while len(ports) < count:
        port = next(PORTS)
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        held += [tcp, udp]
        try:
            tcp.bind(("", port))
            udp.bind(("", port))
            ports.append(port)
        except OSError:
            pass
    for s in held:
        s.close()
    return ports


def eventually(what, ask, patience=PATIENCE):
    """Asks until the answer is true; a poll with a deadline, for what has no event to wait on."""
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError("still not so after %d s: %s" % (patience, what))
        pause.wait(0.02)


def suspend(pid):
    """SIGSTOP, and back only when every thread stands still: the signal alone may arrive later than what follows it."""
    os.kill(pid, signal.SIGSTOP)

    def still():
        try:
            tasks = pathlib.Path("/proc/%d/task" % pid).iterdir()
            return all((t / "stat").read_text().rpartition(")")[2].split()[0] in "TtZX" for t in tasks)
        except FileNotFoundError:
            return not pathlib.Path("/proc/%d" % pid).exists()
    eventually("%d stands still" % pid, still)


LIVE = set()
FAILED = BUILD / "failed"
FAILED_MAX = 20


def test_failed(name):
    """What runs now is kept when it is closed: FAILED has its log and its stores."""
    for hato in LIVE:
        hato.of_failed = hato.of_failed or name


def keep(folder, name):
    FAILED.mkdir(exist_ok=True)
    others = sorted((f for f in FAILED.iterdir() if f.is_dir()), key=lambda f: f.stat().st_mtime)
    for old in others[:max(0, len(others) - FAILED_MAX + 1)]:
        shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(FAILED / name, ignore_errors=True)
    # A socket has no content, and copytree stops at one.
    shutil.copytree(folder, FAILED / name, ignore_dangling_symlinks=True,
                    ignore=lambda d, names: [n for n in names if (pathlib.Path(d) / n).is_socket()])
    print("kept: %s" % (FAILED / name))


class Hato:
    def __init__(self, sets=None, start=True, env=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hato-test-"))
        self.ports = dict(zip(PORT_KEYS, free_ports(len(PORT_KEYS))))
        self.sets = dict(sets or {})
        self.env = dict(env or {})  # on top of our own
        self.process = None
        self.log_path = self.dir / "log"
        self.of_failed = None  # a test that failed while this ran
        LIVE.add(self)
        if start:
            self.start()

    # ---- the process ----

    def arguments(self):
        pairs = {**QUIET, **self.ports, **self.sets}
        out = ["--dir", str(self.dir / "state")]
        for key, value in pairs.items():
            out += ["--set", "%s=%s" % (key, value)]
        return out

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(BUILD / "hato"), "run"] + self.arguments(), stdout=subprocess.PIPE,
                                            stderr=log, stdin=subprocess.DEVNULL,
                                            env={**os.environ, **self.env})
        self.endpoints = []
        watchdog = threading.Timer(PATIENCE, self.process.kill)
        watchdog.start()
        try:
            for line in self.process.stdout:
                line = line.decode().rstrip("\n")
                if line == "ready":
                    return
                self.endpoints.append(line)
        finally:
            watchdog.cancel()
        raise AssertionError("hato run did not become ready:\n" + self.log())

    def stop(self, expect=0):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.process = None
        if expect is not None and status != expect:
            raise AssertionError("hato run ended with %s:\n%s" % (status, self.log()))

    def close(self):
        try:
            self.stop(expect=None)
        finally:
            LIVE.discard(self)
            bad = [l for l in self.log().splitlines() if "ERROR: AddressSanitizer" in l or "runtime error:" in l
                   or "WARNING: ThreadSanitizer" in l or "LeakSanitizer" in l]
            log = self.log() if bad else ""
            if self.of_failed:
                keep(self.dir, self.of_failed)
            shutil.rmtree(self.dir, ignore_errors=True)
            if bad:
                raise AssertionError("a sanitizer reports:\n" + log[-8000:])

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def events(self, name):
        """The log's lines of one event, as dictionaries."""
        out = []
        for line in self.log().splitlines():
            if line.startswith("{") and '"event":"%s"' % name in line:
                try:
                    out.append(json.loads(line))
                except ValueError:
                    pass
        return out

    def port(self, key):
        return self.ports[key]

    def status(self):
        """Also when some daemon is not ready (the command's status is 1 then)."""
        run = self.command("status", "--json", check=False)
        if not run.stdout:
            raise AssertionError("hato status: %s\n%s" % (run.stderr, self.log()[-4000:]))
        return json.loads(run.stdout)

    def pid(self, daemon):
        """Of a daemon that runs: 0 is nobody's, and to a signal it is our own process group."""
        return eventually(daemon + " runs", lambda: next(d["pid"] for d in self.status()["daemons"] if d["name"] == daemon))

    def wait_ready(self):
        def ask():
            run = self.command("status", "--json", check=False)
            return run.returncode == 0
        eventually("all daemons ready", ask)

    def kill(self, daemon):
        """SIGKILL; returns the pid that died."""
        pid = self.pid(daemon)
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_restarted(self, daemon, pid):
        """Until everybody is ready, the daemon under another pid than the one that died."""
        def ask():
            status = self.status()
            return status["ready"] and pid not in [d["pid"] for d in status["daemons"]]
        eventually(daemon + " is there again", ask)

    def command(self, *words, check=True):
        run = subprocess.run([str(BUILD / "hato"), *words, "--dir", str(self.dir / "state")], capture_output=True,
                             text=True, timeout=PATIENCE)
        if check and run.returncode != 0:
            raise AssertionError("hato %s: %d %s\n%s" % (" ".join(words), run.returncode, run.stderr, self.log()[-4000:]))
        return run

    def metric(self, name):
        """As the console shows it: 0 while it is not there."""
        _, _, text = self.http(self.port("hato.console_port"), "GET", "/metrics")
        for line in text.decode().splitlines():
            if line.startswith(name + " "):
                return int(line.rsplit(" ", 1)[1])
        return 0

    @contextlib.contextmanager
    def store_stands_still(self, file="bindings.db"):
        """Nobody commits to it: the write ticket is ours (db/ticket.h)."""
        with open(self.dir / "state" / "db" / (file + "-ticket"), "r+b") as ticket:
            fcntl.lockf(ticket, fcntl.LOCK_EX, 1, 1)
            yield

    # ---- HTTP ----

    def feeder_key(self):
        return (self.dir / "state" / "feeder.key").read_text().strip()

    def http(self, port, method, path, body=None, headers=None, source=None, tls=False, raw=None,
             host="127.0.0.1"):
        """(status, headers, decoded body). raw: octets instead of JSON. source: an address, or (address, port)."""
        where = source if isinstance(source, tuple) or not source else (source, 0)
        if tls:
            context = ssl._create_unverified_context()
            c = http.client.HTTPSConnection(host, port, timeout=PATIENCE, source_address=where, context=context)
        else:
            c = http.client.HTTPConnection(host, port, timeout=PATIENCE, source_address=where)
        sent = dict(headers or {})
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            c.request(method, path, data, sent)
            r = c.getresponse()
            text = r.read()
        finally:
            c.close()
        try:
            decoded = json.loads(text) if text else None
        except ValueError:
            decoded = text
        return r.status, dict(r.getheaders()), decoded

    def network(self, method, path, body=None, headers=None, raw=None):
        sent = {"Authorization": "Bearer " + self.feeder_key()}
        sent.update(headers or {})
        return self.http(self.port("authsrv.network_port"), method, path, body, sent, raw=raw)

    def handset(self, source, method, path, body=None, headers=None, tls=False, raw=None):
        key = "authsrv.handset_tls_port" if tls else "authsrv.handset_port"
        return self.http(self.port(key), method, path, body, headers, source, tls, raw)

    # ---- the usual steps ----

    def subscriber(self, number, addresses=None):
        """Subscriber `number` (a small integer): MSISDN, IMSI and address follow from it."""
        s = Subscriber(number, addresses)
        status, _, answer = self.network("PUT", "/v1/subscribers/" + s.msisdn,
                                         {"imsi": s.imsi, "addresses": s.addresses})
        assert status in (200, 201), (status, answer)
        return s

    def lease(self, event, **fields):
        status, _, answer = self.network("POST", "/v1/lease-events", {"event": event, **fields})
        assert status == 200, (status, answer)
        return answer["results"][0]

    def attach(self, s, ip, session=None):
        """A lease and a token, as network and phone would."""
        result = self.lease("start", ip=ip, msisdn=s.msisdn, session_id=session or "s-%s-%s" % (s.msisdn, ip))
        assert result["result"] == "applied", result
        return self.token(s, ip)

    def token(self, s, ip):
        status, _, answer = self.handset(ip, "POST", "/v1/token", {"imsi": s.imsi})
        assert status == 201, (status, answer)
        return answer


class Subscriber:
    def __init__(self, number, addresses=None):
        self.msisdn = "8190%08d" % number
        self.imsi = "44010%010d" % number
        self.addresses = addresses or ["u%d@%s" % (number, DOMAIN)]
        self.address = self.addresses[0]

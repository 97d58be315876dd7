"""pushsrv's links to SMSCs alone (build/tests/drive/esme), and SMSCs of other hands for them to bind to."""
import json
import pathlib
import queue
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading

from harness.system import BUILD, PATIENCE, ROOT, eventually, free_ports

SECRET = "secret12"


class Esme:
    """Links by name: {"east": {"port": 2775, ...}}; the keys of an [smsc NAME] section."""

    def __init__(self, links, settings=(), password=SECRET):
        if not (BUILD / "tests/drive/esme").exists():
            raise AssertionError("build/tests/drive/esme is not there: make tests")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hato-esme-"))
        (self.dir / "smpp.secret").write_text(password + "\n")
        lines = ["[log]", "level = debug", *settings]
        for name, keys in links.items():
            lines.append("[smsc %s]" % name)
            defaults = {"host": "127.0.0.1", "system_id": "hato", "password_file": "smpp.secret", "source": "4286"}
            lines += ["%s = %s" % pair for pair in {**defaults, **keys}.items()]
        config = self.dir / "esme.conf"
        config.write_text("\n".join(lines) + "\n")
        self.events, self.seen = queue.Queue(), []
        self.log_path = self.dir / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([str(BUILD / "tests/drive/esme"), str(config)], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, text=True)
        self.ids = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line) if line.startswith("{") else line)
        self.events.put(None)

    def say(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.process.stdin.flush()

    def wait(self, name, **fields):
        """The next event of that name with those fields; the others are kept for later waits."""
        def fits(e):
            return isinstance(e, dict) and e["event"] == name and all(e.get(k) == v for k, v in fields.items())
        for i, e in enumerate(self.seen):
            if fits(e):
                return self.seen.pop(i)
        while True:
            try:
                e = self.events.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError("no %s %s; heard %s\n%s" % (name, fields, self.seen, self.log()[-4000:])) from None
            if fits(e):
                return e
            if e is None:
                raise AssertionError("ended before %s %s\n%s" % (name, fields, self.log()[-4000:]))
            self.seen.append(e)

    def up(self, links=1):
        self.wait("up", links=links)

    def submit(self, number, octets=b"\x2a\x06hello", coding=0xF5, verb="submit"):
        """Returns its number, which the event `submitted` has."""
        self.say(verb, number, octets.hex(), coding)
        self.ids += 1
        return self.ids

    def outcome(self, number, **more):
        event = self.wait("submitted", id=self.submit(number, **more))
        event["message_id"] = bytes.fromhex(event["message_id"]).decode()
        return event

    def receipt(self):
        event = self.wait("receipt")
        event["message_id"] = bytes.fromhex(event["message_id"]).decode()
        return event

    def metric(self, name, link, label=""):
        """hato_pushsrv_smsc_NAME of a link."""
        self.say("metrics")
        self.wait("metrics")
        want = "hato_pushsrv_smsc_%s{smsc=\"%s\"%s} " % (name, link, label)
        lines = [e for e in self.seen if isinstance(e, str)]
        self.seen = [e for e in self.seen if not isinstance(e, str)]
        return int(next(l for l in reversed(lines) if l.startswith(want)).rsplit(" ", 1)[1])

    def log(self):
        return self.log_path.read_text(errors="replace")

    def logged(self, event):
        return [json.loads(l) for l in self.log().splitlines() if l.startswith("{") and '"event":"%s"' % event in l]

    def stop(self):
        if self.process.poll() is None:
            self.say("stop")
            self.wait("stopped")
            status = self.process.wait(PATIENCE)
            if status != 0:
                raise AssertionError("esme ended with %d:\n%s" % (status, self.log()[-4000:]))

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.process.stdin.close()
        log = self.log()
        shutil.rmtree(self.dir, ignore_errors=True)
        if "Sanitizer" in log or "runtime error:" in log:
            raise AssertionError("a sanitizer reports:\n" + log[-8000:])


class PerlSmsc:
    """tests/harness/smsc.pl: Net::SMPP's PDUs. What a number ends with decides what happens (see there)."""

    def __init__(self, port=0, password=SECRET):
        self.port = port or free_ports(1)[0]
        self.lines, self.heard = queue.Queue(), []
        self.process = subprocess.Popen(["perl", str(ROOT / "tests/harness/smsc.pl"), str(self.port), password],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        self.wait("listening")

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.split())
        self.lines.put(None)

    def wait(self, name):
        """The next PDU of that name: (command_status, octets)."""
        while True:
            words = self.lines.get(timeout=PATIENCE)
            if words is None:
                raise AssertionError("the SMSC ended before %s; it heard %s" % (name, self.heard))
            self.heard.append(words[0])
            if words[0] == name:
                return (int(words[1]) if len(words) > 1 else 0, bytes.fromhex(words[2]) if len(words) > 2 else b"")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)


# osmo-msc listens for SGs by SCTP and ends without; a kernel may have none. SMPP is TCP and has no part in it.
NO_SCTP = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>
int socket(int domain, int type, int protocol)
{
	int (*real)(int, int, int) = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
	if (protocol != IPPROTO_SCTP)
		return real(domain, type, protocol);
	return real(domain, (type & ~0xf) | SOCK_STREAM, 0);
}
int setsockopt(int fd, int level, int name, const void *value, socklen_t n)
{
	int (*real)(int, int, int, const void *, socklen_t) =
		(int (*)(int, int, int, const void *, socklen_t))dlsym(RTLD_NEXT, "setsockopt");
	return level == IPPROTO_SCTP ? 0 : real(fd, level, name, value, n);
}
"""

OSMO = """
log stderr
 logging filter all 1
 logging color 0
 logging print category 1
 logging level set-all notice
 logging level smpp debug
 logging level lsms info
stats interval 0
line vty
 no login
 bind {own}
ctrl
 bind {own}
network
 network country code 1
 mobile network code 1
 short name test
 long name test
msc
 mgw remote-ip {own}
 mgw local-ip {own}
hlr
 remote-ip {own}
smsc
 database {dir}/sms.db
smpp
 local-tcp-ip 127.0.0.1 {port}
 system-id osmomsc
 policy closed
 no smpp-first
 esme hato
  password {password}
  default-route
"""


class OsmoMsc:
    """Osmocom's MSC with its SMSC: SMPP by libsmpp34. It keeps what it is given for a subscriber who never comes."""

    def __init__(self, password=SECRET):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hato-osmo-"))
        self.port, self.password = free_ports(1)[0], password
        # Its other doors have fixed ports: an address of its own.
        self.own = "127.%d.%d.%d" % (random.randint(64, 126), random.randint(0, 255), random.randint(1, 254))
        (self.dir / "nosctp.c").write_text(NO_SCTP)
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", self.dir / "nosctp.so", self.dir / "nosctp.c"], check=True,
                       timeout=PATIENCE)
        (self.dir / "msc.cfg").write_text(OSMO.format(own=self.own, dir=self.dir, port=self.port, password=password))
        self.process = None
        self.start()

    def start(self):
        with open(self.dir / "log", "wb") as log:
            self.process = subprocess.Popen(["osmo-msc", "-c", "msc.cfg"], stdout=log, stderr=log, cwd=self.dir,
                                            env={"LD_PRELOAD": str(self.dir / "nosctp.so"), "PATH": "/usr/bin:/bin"})
        self.logged("IuCS")  # the last of its doors

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def logged(self, text, times=1):
        def ask():
            if self.process.poll() is not None:
                raise AssertionError("osmo-msc ended:\n" + self.log()[-3000:])
            return self.log().count(text) >= times
        eventually("osmo-msc says %s" % text, ask)

    def messages(self):
        """What it keeps: (destination, user data), oldest first."""
        with sqlite3.connect("file:%s/sms.db?mode=ro" % self.dir, uri=True) as db:
            return db.execute("SELECT dest_addr, user_data FROM SMS ORDER BY id").fetchall()

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

"""DHCP in network namespaces of the test's own: a real server with our hook, and real clients.

The server's namespace and the client's are joined by a pair of interfaces. The hook that the server runs enters this
process's namespace again, so that it finds authsrv on the loopback.
"""
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from harness.system import PATIENCE, ROOT, eventually

NUMBERS = itertools.count()
SERVER, RELAY = "10.77.0.1", "10.77.0.9"
RUN_SCRIPT = "/usr/lib/%s/kea/hooks/libdhcp_run_script.so"
PAGE = ROOT / "docs" / "feeds-dhcp.md"


def ip(*words, check=True):
    run = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=PATIENCE)
    if check and run.returncode != 0:
        raise AssertionError("ip %s: %s" % (" ".join(words), run.stderr))
    return run.returncode == 0


def example(section, program, hook):
    """The first block of a section of the page, with the interface and the hook of a test: what the page shows is what runs."""
    multiarch = next((m for m in os.listdir("/usr/lib") if os.path.exists(RUN_SCRIPT % m)), None)
    if not multiarch:
        raise AssertionError("kea-common is not installed: scripts/install-deps test")
    text = PAGE.read_text().split("\n## %s\n" % section)[1].split("```")[1]
    text = text.replace("/usr/local/lib/hato/feeds/" + program, str(hook)).replace("eth1", "dhcp0")
    return text.replace(RUN_SCRIPT % "x86_64-linux-gnu", RUN_SCRIPT % multiarch)


def hex_of(text):
    return text.replace(":", "").lower()


class Lab:
    """Two namespaces and a folder; close() leaves nothing behind."""

    def __init__(self):
        name = "hato-%d-%d" % (os.getpid(), next(NUMBERS))
        self.server, self.client = name + "-s", name + "-c"
        self.processes = []
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hato-dhcp-"))
        try:
            self.join()
        except AssertionError as why:
            self.close()
            raise unittest.SkipTest("network namespaces cannot be made here: %s" % why)

    def join(self):
        for n in (self.server, self.client):
            ip("netns", "add", n)
            ip("netns", "exec", n, "sh", "-c", "for i in all default; do echo 0 >/proc/sys/net/ipv6/conf/$i/accept_dad; done")
        ip("link", "add", "dhcp0", "netns", self.server, "type", "veth", "peer", "name", "eth0", "netns", self.client)
        for n, dev in ((self.server, "dhcp0"), (self.client, "eth0")):
            ip("-n", n, "link", "set", "lo", "up")
            ip("-n", n, "link", "set", dev, "up")
        ip("-n", self.server, "addr", "add", SERVER + "/24", "dev", "dhcp0")
        ip("-n", self.server, "addr", "add", "2001:db8:1::1/64", "dev", "dhcp0", "nodad")
        ip("-n", self.client, "addr", "add", RELAY + "/24", "dev", "eth0")

    def spawn(self, namespace, *words, log, env=None):
        """A process in a namespace; its output goes into a file."""
        with open(self.dir / log, "ab") as out:
            p = subprocess.Popen(["ip", "netns", "exec", namespace, *[str(w) for w in words]], stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=out, env={**os.environ, **(env or {})})
        self.processes.append(p)
        return p

    def log(self, name):
        path = self.dir / name
        return path.read_text(errors="replace") if path.exists() else ""

    def end(self, process, how=signal.SIGTERM):
        if process.poll() is None:
            process.send_signal(how)
        process.wait(PATIENCE)

    def close(self):
        for p in self.processes:
            self.end(p, signal.SIGKILL)
        for n in (self.server, self.client):
            ip("netns", "del", n, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- the hook ----

    def hook(self, program, hato):
        """feeds/PROGRAM for this Hato. While the file `deaf` is there, nothing is heard: a lost event."""
        (self.dir / "feed.conf").write_text(
            "url=http://127.0.0.1:%d\nkey_file=%s\nspool=%s\npause_max=1\nipv6=prefixes\n"
            % (hato.port("authsrv.network_port"), hato.dir / "state" / "feeder.key", self.dir / "spool"))
        script = self.dir / program
        script.write_text("#!/bin/sh\nif [ -e %s/deaf ]; then echo \"$*\" >>%s/deaf-calls; exit 0; fi\nHATO_FEED_CONF=%s/feed.conf\nexport HATO_FEED_CONF\n"
                          "exec nsenter --net=/proc/%d/ns/net %s/feeds/%s \"$@\" 2>>%s/hook.err\n"
                          % (self.dir, self.dir, self.dir, os.getpid(), ROOT, program, self.dir))
        script.chmod(0o755)
        return script

    def deaf(self, yes):
        if yes:
            (self.dir / "deaf").touch()
        else:
            (self.dir / "deaf").unlink()

    def waiting(self):
        queue = self.dir / "spool" / "queue"
        return len(list(queue.iterdir())) if queue.exists() else 0

    # ---- the servers ----

    def kea(self, config):
        """config: {"Dhcp4": ...} or {"Dhcp6": ...}; what a test needs is added."""
        family = next(iter(config))
        name = "kea-" + family.lower()
        config[family].update({
            "lease-database": {"type": "memfile", "persist": False},
            "loggers": [{"name": name, "severity": "INFO", "output_options": [{"output": "stdout", "flush": True}]}],
        })
        (self.dir / "kea.json").write_text(json.dumps(config))
        # A copy: Debian's AppArmor profile goes by the path, and lets Kea read and run nothing of ours.
        program = self.dir / name
        shutil.copy("/usr/sbin/" + name, program)
        where = {"KEA_PIDFILE_DIR": str(self.dir), "KEA_LOCKFILE_DIR": str(self.dir)}
        p = self.spawn(self.server, program, "-c", self.dir / "kea.json", log="server.log", env=where)
        self.until_served(p, family.upper() + "_STARTED")
        return p

    def dnsmasq(self, config):
        """config: the lines of a dnsmasq.conf; what a test needs is added."""
        (self.dir / "dnsmasq.conf").write_text("\n".join(config) + "\n")
        p = self.spawn(self.server, "dnsmasq", "--keep-in-foreground", "--conf-file=" + str(self.dir / "dnsmasq.conf"), "--port=0",
                       "--user=root", "--log-facility=-", "--log-dhcp", "--pid-file=" + str(self.dir / "dnsmasq.pid"),
                       "--dhcp-leasefile=" + str(self.dir / "dnsmasq.leases"), "--no-ping", log="server.log")
        self.until_served(p, "DHCP, sockets bound exclusively to interface dhcp0")
        return p

    def until_served(self, process, line):
        def ask():
            if process.poll() is not None:
                raise AssertionError("the DHCP server ended:\n" + self.log("server.log"))
            return line in self.log("server.log")
        eventually("the DHCP server runs", ask)

    # ---- the clients ----

    def udhcpc(self, client_id, seconds=None):
        """A real client that holds its lease until it is told to go (SIGUSR2: release; SIGUSR1: renew)."""
        script = self.dir / "udhcpc.sh"
        if not script.exists():
            script.write_text("#!/bin/sh\ncase $1 in\nbound|renew) ip addr replace $ip/24 dev $interface ;;\n"
                              "deconfig) ip addr flush dev $interface scope global\n"
                              "ip addr add %s/24 dev $interface ;;\nesac\necho \"$1 $ip\"\n" % RELAY)
            script.chmod(0o755)
        self.udhcpcs = getattr(self, "udhcpcs", 0) + 1
        lease = ["-x", "lease:%d" % seconds] if seconds else []
        p = self.spawn(self.client, "busybox", "udhcpc", "-f", "-i", "eth0", "-s", script, "-x", "61:" + hex_of(client_id),
                       "-t", "20", "-T", "1", *lease, log="udhcpc-%d.log" % self.udhcpcs)
        p.log_name = "udhcpc-%d.log" % self.udhcpcs
        eventually("udhcpc has a lease", lambda: "bound 10." in self.log(p.log_name), 20)
        p.address = [l for l in self.log(p.log_name).splitlines() if l.startswith("bound ")][-1].split()[1]
        return p

    def release(self, udhcpc):
        os.kill(udhcpc.pid, signal.SIGUSR2)
        eventually("udhcpc has released", lambda: "entering released state" in self.log(udhcpc.log_name))
        self.end(udhcpc)

    def renew(self, udhcpc):
        before = self.log(udhcpc.log_name).count("renew 10.")
        os.kill(udhcpc.pid, signal.SIGUSR1)
        eventually("udhcpc has renewed", lambda: self.log(udhcpc.log_name).count("renew 10.") > before)

    def dhclient(self, duid, *options):
        """dhclient for a delegated prefix; -r releases it."""
        (self.dir / "dhclient.conf").write_text("send dhcp6.client-id %s;\n" % duid)
        script = self.dir / "dhclient.sh"
        script.write_text("#!/bin/sh\necho \"$reason $new_ip6_prefix\"\n")
        script.chmod(0o755)
        p = self.spawn(self.client, "dhclient", "-6", "-P", "-1", "-d", "-cf", self.dir / "dhclient.conf", "-sf", script, "-lf",
                       self.dir / ("leases-" + hex_of(duid)), "-pf", self.dir / "dhclient.pid", *options, "eth0",
                       log="dhclient.log")
        return p

    def crafted(self):
        return Crafted(self)


class Crafted:
    """harness/dhcp_client.py in the client's namespace."""

    def __init__(self, lab):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", lab.client, sys.executable, "-B", str(pathlib.Path(__file__).with_name("dhcp_client.py")),
             SERVER, RELAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lab.processes.append(self.process)
        assert self.process.stdout.readline() == "ready\n"

    def __call__(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(PATIENCE)

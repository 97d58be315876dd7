"""A Hato that gets killed: its daemons by name, or all of it at one moment."""
import http.client
import json
import os
import pathlib
import signal

from harness.system import BUILD, Hato, eventually, suspend


def is_dead(pid):
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Victim(Hato):
    def __init__(self, sets=None):
        self.killed = set()
        super().__init__(sets)

    def has(self, daemon):
        return (BUILD / daemon).exists()

    def daemons(self):
        return [d for d in ("authsrv", "smtpgw", "pushsrv", "popgw") if self.has(d)]

    def children(self):
        """name -> pid, from the kernel: cheaper than to ask hato, and true at this moment."""
        pids = pathlib.Path("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)).read_text().split()
        out = {}
        for pid in pids:
            try:
                out[pathlib.Path("/proc/%s/comm" % pid).read_text().strip()] = int(pid)
            except (FileNotFoundError, ProcessLookupError):
                pass
        return out

    def view(self):
        """name -> what hato says of the daemon."""
        c = http.client.HTTPConnection("127.0.0.1", self.port("hato.console_port"), timeout=10)
        try:
            c.request("GET", "/status")
            return {d["name"]: d for d in json.loads(c.getresponse().read())["daemons"]}
        finally:
            c.close()

    def ready_pid(self, daemon):
        """Of a daemon that is ready, and none that hato has not yet seen dying; waits for it."""
        def ask():
            d = self.view().get(daemon)
            return d["pid"] if d and d["ready"] and d["pid"] not in self.killed else None
        return eventually("%s is ready" % daemon, ask)

    def all_ready(self):
        for d in self.daemons():
            self.ready_pid(d)

    def kill_pid(self, pid):
        self.killed.add(pid)
        os.kill(pid, signal.SIGKILL)

    def freeze(self):
        """Nothing of it goes on, and hato revives nobody."""
        for pid in [self.process.pid] + list(self.children().values()):
            suspend(pid)

    def crash(self):
        """SIGKILL for hato and all its daemons at the moment of the freeze."""
        pids = list(self.children().values())
        for pid in pids + [self.process.pid]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.process = None
        eventually("the daemons are gone", lambda: all(is_dead(p) for p in pids))

    def behead(self):
        """SIGKILL for hato alone: its daemons hear of it from the kernel and end cleanly, while the next hato starts."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None

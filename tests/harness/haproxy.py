"""A real HAProxy before a Hato: frontends on an address of its own with Hato's port numbers, and its connections to Hato come
from another address, which is the balancer's."""
import pathlib
import socket
import subprocess
import tempfile

from harness.system import PATIENCE, eventually

FRONT, BALANCER = "127.8.8.8", "127.9.9.9"

CONFIG = """
global
    maxconn 2000
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    source %(balancer)s
"""
DOOR = """
listen %(name)s
    mode %(mode)s
    bind %(front)s:%(port)d
    server hato 127.0.0.1:%(port)d %(words)s
"""


def text_of(doors, front=FRONT, balancer=BALANCER):
    """A configuration. doors: (name, port, words of the server's line[, mode]) each."""
    text = CONFIG % {"balancer": balancer}
    for name, port, words, *mode in doors:
        text += DOOR % {"name": name, "front": front, "port": port, "words": words, "mode": mode[0] if mode else "tcp"}
        if mode:
            text += "    option forwardfor\n"
    return text


class HaProxy:
    def __init__(self, text):
        self.dir = tempfile.TemporaryDirectory(prefix="hato-haproxy-")
        folder = pathlib.Path(self.dir.name)
        (folder / "haproxy.cfg").write_text(text + "\nglobal\n    stats socket %s/stats.sock\n" % folder)
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen(["haproxy", "-db", "-f", str(folder / "haproxy.cfg")], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        self.stats = str(folder / "stats.sock")
        try:
            eventually("HAProxy listens", self.is_up)
        except AssertionError:
            self.close()
            raise

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError("HAProxy ended: " + pathlib.Path(self.log.name).read_text())
        try:
            return "Name: HAProxy" in self.ask("show info")
        except OSError:
            return False

    def ask(self, command):
        """A command of its stats socket."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(self.stats)
            s.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    def status(self, name):
        """UP or DOWN, as its health check of that door's server says."""
        rows = [line.split(",") for line in self.ask("show stat").splitlines()]
        column = rows[0].index("status")
        return next(row[column] for row in rows if row[:2] == [name, "hato"])

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.log.close()
        self.dir.cleanup()

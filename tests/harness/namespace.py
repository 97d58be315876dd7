"""Network namespaces of a test's own: made, joined by pairs of interfaces, entered by the thread that asks, and removed.

A socket belongs to the namespace that its thread was in when it was made. So a test may live in one and, for the length of a
`with`, make a socket of another.
"""
import ctypes
import itertools
import os
import subprocess
import unittest

from harness.system import PATIENCE

CLONE_NEWNET = 0x40000000
NUMBERS = itertools.count()
libc = ctypes.CDLL(None, use_errno=True)


def ip(*words):
    run = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=PATIENCE)
    if run.returncode != 0:
        raise OSError("ip %s: %s" % (" ".join(words), run.stderr))


class Namespace:
    def __init__(self, name):
        self.name = "hato-%d-%d-%s" % (os.getpid(), next(NUMBERS), name)
        self.back = []
        try:
            ip("netns", "add", self.name)
        except OSError as why:
            raise unittest.SkipTest("network namespaces cannot be made here: %s" % why)
        ip("-n", self.name, "link", "set", "lo", "up")

    def __enter__(self):
        self.back.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
        there = os.open("/run/netns/" + self.name, os.O_RDONLY)
        self.set(there)
        os.close(there)
        return self

    def __exit__(self, *_):
        back = self.back.pop()
        self.set(back)
        os.close(back)

    @staticmethod
    def set(fd):
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def join(self, device, other, other_device):
        """A pair of interfaces between two namespaces, both up."""
        ip("link", "add", device, "netns", self.name, "type", "veth", "peer", "name", other_device, "netns", other.name)
        for space, name in ((self, device), (other, other_device)):
            ip("-n", space.name, "link", "set", name, "up")

    def address(self, device, *prefixes):
        """At once: an IPv6 address need not wait for the neighbours' objection."""
        for prefix in prefixes:
            ip("-n", self.name, "addr", "add", prefix, "dev", device, *(["nodad"] if ":" in prefix else []))

    def close(self):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, timeout=PATIENCE)

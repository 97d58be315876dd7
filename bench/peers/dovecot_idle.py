"""Dovecot's IMAP for phones that wait in IDLE, as its documentation advises for speed.

Logins in few processes that stay (service_count = 0, "high-performance mode"), imap processes that are used again. Notices come by inotify, so
the limit of its instances a user is raised for as long as this runs: an imap process of its own for each connection needs one each.

Hibernating (imap_hibernate_timeout, 1 s, its shortest) one process keeps all that wait, and passes a connection to an imap process as soon as
its index changed. Not hibernating, each has its process, which waits 500 ms for more changes before it looks (NOTIFY_DELAY_MSECS in
mailbox-watch.c; there is no setting).
"""
import os
import pathlib

from harness.system import eventually, free_ports
from peers.dovecot import Dovecot

KEPT = 32  # imap processes that wait for work
INSTANCES = pathlib.Path("/proc/sys/fs/inotify/max_user_instances")
CONFIG = """
protocols = lmtp imap
imap_hibernate_timeout = %(hibernate)s
service imap-login {
  service_count = 0
  process_min_avail = 2
  client_limit = 4000
  inet_listener imap {
    port = %(imap_port)d
  }
  inet_listener imaps {
    port = 0
  }
}
service imap {
  service_count = 0
  process_min_avail = %(kept)d
  idle_kill = 5s
  process_limit = 4000
  extra_groups = $default_internal_group
  unix_listener imap-master {
    mode = 0666
  }
}
service imap-hibernate {
  unix_listener imap-hibernate {
    mode = 0666
  }
}
service anvil {
  client_limit = 5000
}
service auth {
  client_limit = 10000
}
"""


def parents():
    """{pid: its parent's}"""
    out = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            out[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            pass
    return out


class DovecotIdle(Dovecot):
    def __init__(self, hibernates):
        self.hibernates = hibernates
        self.imap_port, = free_ports(1)
        self.instances = INSTANCES.read_text()
        if int(self.instances) < 8192:
            INSTANCES.write_text("8192")
        super().__init__(more=CONFIG % {"imap_port": self.imap_port, "kept": KEPT, "hibernate": "1s" if hibernates else "0"})

    def pids(self):
        of, mine = parents(), {self.process.pid}
        while True:
            more = {pid for pid, parent in of.items() if parent in mine} - mine
            if not more:
                return sorted(mine)
            mine |= more

    def processes(self, name):
        out = []
        for pid in self.pids():
            try:
                if pathlib.Path("/proc/%d/cmdline" % pid).read_bytes().split(b"\0")[0] == b"dovecot/" + name:
                    out.append(pid)
            except OSError:
                pass
        return out

    def hibernated(self):
        """Connections that it keeps: an inotify descriptor each."""
        held = 0
        for pid in self.processes(b"imap-hibernate"):
            for fd in pathlib.Path("/proc/%d/fd" % pid).iterdir():
                try:
                    held += os.readlink(fd) == "anon_inode:inotify"
                except OSError:
                    pass
        return held

    def wait_waiting(self, waiting):
        """Everybody who waits hibernates, or has his process."""
        if self.hibernates:
            eventually("all hibernate", lambda: self.hibernated() >= waiting)
        else:
            eventually("a process each", lambda: len(self.processes(b"imap")) >= waiting)

    def wait_settled(self, waiting):
        """And nobody else has any."""
        self.wait_waiting(waiting)
        most = KEPT if self.hibernates else waiting + KEPT
        eventually("no more processes than are kept", lambda: len(self.processes(b"imap")) <= most)

    def close(self):
        super().close()
        INSTANCES.write_text(self.instances)

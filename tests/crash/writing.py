"""Nobody writes a database file of a Hato while this is held: the writers' ticket (db/ticket.h), taken as they take it.

So a test can stand between two commits: one has been seen, and the next cannot be.
"""
import contextlib
import fcntl
import os
import struct

TURNSTILE, TICKET = 0, 1


def lock(fd, which, kind):
    fcntl.fcntl(fd, fcntl.F_OFD_SETLKW, struct.pack("hhqqi4x", kind, os.SEEK_SET, which, 1, 0))


@contextlib.contextmanager
def held_up(hato, file):
    fd = os.open(hato.dir / "state" / "db" / (file + "-ticket"), os.O_RDWR)
    try:
        lock(fd, TURNSTILE, fcntl.F_WRLCK)
        lock(fd, TICKET, fcntl.F_WRLCK)
        lock(fd, TURNSTILE, fcntl.F_UNLCK)
        yield
    finally:
        os.close(fd)  # and with it the locks

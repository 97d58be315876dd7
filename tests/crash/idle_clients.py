"""Many idle POP3 connections from many addresses, in a process of its own: half of the file descriptors are then the server's.

usage: idle_clients.py PORT COUNT PER_ADDRESS. Says "open N" when N have their greeting, holds them until stdin ends, then says
"cut N": so many of them had ended by then.
"""
import select
import selectors
import socket
import sys
import time

PATIENCE = 120
AT_ONCE = 200  # connections on their way: below any listen queue


def address(i):
    return "127.4.%d.%d" % (i // 250, 1 + i % 250)


def begin(port, source):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setblocking(False)
    # The kernel may give a port that another address uses too: the pair is what counts.
    s.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
    s.bind((source, 0))
    s.connect_ex(("127.0.0.1", port))
    return s


def open_all(port, count, per_address):
    """Those that were greeted."""
    selector, held, begun, done = selectors.DefaultSelector(), [], 0, 0
    deadline = time.monotonic() + PATIENCE
    while done < count and time.monotonic() < deadline:
        while begun < count and begun - done < AT_ONCE:
            selector.register(begin(port, address(begun // per_address)), selectors.EVENT_READ)
            begun += 1
        for key, _ in selector.select(1):
            selector.unregister(key.fileobj)
            done += 1
            try:
                greeted = key.fileobj.recv(100).startswith(b"+OK")
            except OSError:
                greeted = False
            if greeted:
                held.append(key.fileobj)
            else:
                key.fileobj.close()
    return held


def main(port, count, per_address):
    held = open_all(port, count, per_address)
    print("open %d" % len(held), flush=True)
    sys.stdin.read()
    poll = select.poll()
    for s in held:
        poll.register(s, select.POLLIN | select.POLLHUP)
    print("cut %d" % len(poll.poll(0)), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

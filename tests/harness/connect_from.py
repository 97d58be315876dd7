"""fetchmail's `plugin`: joins its stdin and stdout to HOST:PORT, from a source address. connect_from.py SOURCE HOST PORT"""
import os
import select
import socket
import sys


def main(source, host, port):
    peer = socket.create_connection((host, int(port)), 60, (source, 0))
    peer.setblocking(False)
    ends = {0: peer.fileno(), peer.fileno(): 1}
    while True:
        for fd in select.select(list(ends), [], [])[0]:
            octets = os.read(fd, 65536)
            if not octets:
                return 0
            to = ends[fd]
            while octets:
                select.select([], [to], [])
                octets = octets[os.write(to, octets):]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

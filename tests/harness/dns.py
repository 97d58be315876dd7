"""Name servers of a test's own, on loopback: Knot DNS with the records that the test gives, and one that misbehaves.

    names = Names(["example.org. 60 MX 10 mx", "mx.example.org. 60 A 127.0.0.9", '2.0.0.127.bl.example. 60 A 127.0.0.2'])
    hato = Hato({"smtpgw.dns_servers": names.server})
    names.set([...])                       # others instead, at once

    bad = Misbehaving(names)               # in front of it: passes on what it has no orders for
    bad.order("slow.example", "silent")
    bad.asked                              # [("slow.example", "MX"), ...]

Everything is one zone, the root: names that are not given are NXDOMAIN, with a SOA that says for how long.
"""
import pathlib
import socket
import struct
import subprocess
import tempfile
import threading

from harness.system import PATIENCE, eventually, free_ports

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
TYPE_NAMES = {number: name for name, number in TYPES.items()}

CONFIG = """
server:
    rundir: %(dir)s
    listen: [ 127.0.0.1@%(port)d ]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: %(dir)s
control:
    listen: %(dir)s/control
zone:
  - domain: .
    file: %(dir)s/zone
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
"""
HEAD = "$ORIGIN .\n. 60 SOA ns. op. %d 60 60 60 %d\n. 60 NS ns.\nns. 60 A 127.0.0.1\n"


def question(name, kind, number=1):
    """A query as it goes over the wire."""
    labels = b"".join(bytes([len(l)]) + l.encode() for l in name.rstrip(".").split(".") if l)
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", TYPES[kind], 1)


def asked_for(query):
    """(name, type) of a query."""
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    number, = struct.unpack(">H", query[at + 1:at + 3])
    return ".".join(labels).lower(), TYPE_NAMES.get(number, str(number))


class Names:
    def __init__(self, records=(), negative_ttl=60):
        self.folder = tempfile.TemporaryDirectory(prefix="hato-names-")
        self.dir = pathlib.Path(self.folder.name)
        self.negative_ttl = negative_ttl
        self.serial = 0
        self.port, = free_ports(1)
        self.server = "127.0.0.1:%d" % self.port
        (self.dir / "conf").write_text(CONFIG % {"dir": self.dir, "port": self.port})
        self.write(records)
        self.log = open(self.dir / "log", "wb")
        self.process = subprocess.Popen(["knotd", "-c", str(self.dir / "conf")], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)
        try:
            eventually("Knot answers", self.is_up)
        except AssertionError:
            self.close()
            raise

    def write(self, records):
        self.serial += 1
        (self.dir / "zone").write_text(HEAD % (self.serial, self.negative_ttl) + "\n".join(records) + "\n")

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError("Knot ended: " + (self.dir / "log").read_text())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            try:
                s.connect(("127.0.0.1", self.port))
                s.send(question("ns", "A"))
                return s.recv(512)[3] & 15 == 0
            except OSError:
                return False

    def set(self, records):
        """These records and no others, from now on."""
        self.write(records)
        done = subprocess.run(["knotc", "-s", str(self.dir / "control"), "-b", "zone-reload", "."], capture_output=True,
                              text=True, timeout=PATIENCE)
        if done.returncode != 0:
            raise AssertionError("knotc: %s\n%s" % (done.stderr, (self.dir / "log").read_text()))

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)
        self.log.close()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Misbehaving:
    """What real servers will not do, by name (and all names below it):

    silent     says nothing
    held       says nothing until release(), then what the server behind says
    servfail, refused
    cut        truncated by UDP; by TCP what the server behind says
    cut-off    truncated by both
    garbage    a header of the right id, then noise
    stranger   first an answer of another id, then what the server behind says
    loop       a CNAME to itself
    """

    def __init__(self, behind=None):
        self.behind = behind
        self.orders, self.asked, self.held = {}, [], []
        self.lock = threading.Lock()  # protects asked, held, orders
        self.port, = free_ports(1)
        self.server = "127.0.0.1:%d" % self.port
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.create_server(("127.0.0.1", self.port))
        self.by_tcp = 0
        self.threads = [threading.Thread(target=self.serve_udp), threading.Thread(target=self.serve_tcp)]
        for t in self.threads:
            t.start()

    def order(self, name, what):
        with self.lock:
            self.orders[name] = what

    def release(self):
        with self.lock:
            held, self.held = self.held, []
        for query, to in held:
            self.udp.sendto(self.ask_behind(query), to)

    def count(self, name, kind=None):
        """How often it was asked for, repetitions and all."""
        with self.lock:
            return sum(1 for n, k in self.asked if n == name and kind in (None, k))

    def order_of(self, name):
        while name:
            if name in self.orders:
                return self.orders[name]
            name = name.partition(".")[2]
        return self.orders.get("")

    def ask_behind(self, query):
        if self.behind is None:
            return self.failure(query, 5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(PATIENCE)
            s.connect(("127.0.0.1", self.behind.port))
            s.send(query)
            return s.recv(65535)

    def ask_behind_by_tcp(self, query):
        with socket.create_connection(("127.0.0.1", self.behind.port), PATIENCE) as s, s.makefile("rb") as f:
            s.sendall(struct.pack(">H", len(query)) + query)
            return f.read(struct.unpack(">H", f.read(2))[0])

    @staticmethod
    def failure(query, code):
        return query[:2] + bytes([0x81, 0x80 | code]) + query[4:]

    def answers(self, query, what):
        """The datagrams that answer."""
        if what == "silent":
            return []
        if what in ("servfail", "refused"):
            return [self.failure(query, 2 if what == "servfail" else 5)]
        if what in ("cut", "cut-off"):
            return [query[:2] + b"\x83\x80" + query[4:]]
        if what == "garbage":
            return [query[:2] + b"\x81\x80" + query[4:6] + b"\0\x09" + query[8:] + b"\xc0\x0c\0\x01" * 9]
        if what == "loop":
            return [query[:2] + b"\x81\x80" + query[4:6] + b"\0\1" + query[8:]
                    + b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\2\xc0\x0c"]
        answer = self.ask_behind(query)
        if what == "stranger":
            return [bytes([answer[0] ^ 1]) + answer[1:], answer]
        return [answer]

    def serve_udp(self):
        while True:
            query, to = self.udp.recvfrom(512)
            if not query:
                return
            name, kind = asked_for(query)
            with self.lock:
                self.asked.append((name, kind))
                what = self.order_of(name)
                if what == "held":
                    self.held.append((query, to))
                    continue
            for datagram in self.answers(query, what):
                self.udp.sendto(datagram, to)

    def serve_tcp(self):
        while True:
            connection, _ = self.tcp.accept()
            with connection, connection.makefile("rb") as f:
                head = f.read(2)
                if head == b"\0\0":
                    return
                if len(head) < 2:
                    continue
                query = f.read(struct.unpack(">H", head)[0])
                with self.lock:
                    self.by_tcp += 1
                    what = self.order_of(asked_for(query)[0])
                answer = self.answers(query, what)[0] if what == "cut-off" else self.ask_behind_by_tcp(query)
                connection.sendall(struct.pack(">H", len(answer)) + answer)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"", ("127.0.0.1", self.port))
        with socket.create_connection(("127.0.0.1", self.port)) as s:
            s.sendall(b"\0\0")
        for t in self.threads:
            t.join()
        self.udp.close()
        self.tcp.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

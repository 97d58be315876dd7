"""POP3 sessions a second: connect, log in by a token-like name from the phone's own address, STAT, LIST, RETR of 4 KB, QUIT; with one RETR and
with five; over TLS 1.3 with whole handshakes and with resumed ones. Beside Dovecot, tuned, and the bare limit: canned answers by one thread
over epoll (bench/pop_bare), with the same TLS.

    bench/run pop                         POP_ROUNDS=5 POP_SECONDS=2 POP_SESSIONS=32

No command is sent before the answer to the last. Nothing is deleted, so no session waits for a commit: Dovecot writes nothing, ours writes on its own
time what was read. Memory: of popgw's process for each connection that logged in and stays, while nothing is asked.
"""
import os
import pathlib
import smtplib
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from bindings import anonymous_kib, provision_all  # noqa: E402
from contest import run, tell, turns  # noqa: E402
from harness.system import BUILD, Hato  # noqa: E402
from peers.dovecot_pop import DovecotPop  # noqa: E402

ROUNDS = int(os.environ.get("POP_ROUNDS", "5"))
SECONDS = os.environ.get("POP_SECONDS", "2")
SESSIONS = os.environ.get("POP_SESSIONS", "32")
PHONES = int(os.environ.get("POP_PHONES", "1000"))
BOX, OCTETS, WRITERS = 5, 4096, 8
KINDS = {"plain": ("plain", 1), "plain-5": ("plain", 5), "full": ("full", 1), "resumed": ("resumed", 1)}
LOAD = BUILD / "bench" / "pop_load"


def address(n):
    return "127.20.%d.%d" % (n >> 8, n & 255)


def mail(n, number):
    head = "From: <a@example.org>\r\nSubject: mail %d\r\nMessage-ID: <%d.%d@example.org>\r\nX-Owner: %010d\r\n\r\n" % (number, n, number, n)
    return (head + ("x" * 76 + "\r\n") * 100)[:OCTETS - 2] + "\r\n"


def deliver(port, who):
    """By LMTP: BOX mails to each phone."""
    def some(numbers):
        with smtplib.LMTP("127.0.0.1", port) as lmtp:
            for n in numbers:
                for number in range(BOX):
                    lmtp.sendmail("a@example.org", [who(n)], mail(n, number))
    threads = [threading.Thread(target=some, args=(range(i, PHONES, WRITERS),)) for i in range(WRITERS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


class Contender:
    """Where its two doors are, and a file that says as whom to log in."""

    def __init__(self, folder, name, plain, secure, logins):
        self.ports = {"plain": plain, "full": secure, "resumed": secure, "hold": plain, "hold-tls": secure}
        self.phones, self.name = folder / (name + ".phones"), name
        self.phones.write_text("".join("%s %s\n" % (address(n), login) for n, login in enumerate(logins)))
        self.whole = 0  # handshakes where an earlier session's ticket was shown

    def words(self, mode, sessions, retrs):
        return [LOAD, mode, self.ports[mode], self.phones, SECONDS, sessions, retrs]

    def turn(self, kind):
        mode, retrs = KINDS[kind]
        told = run(*self.words(mode, SESSIONS, retrs))
        if mode == "resumed":
            self.whole += told["done"] - told["resumed"]
        if self.name == "ours" and self.whole:
            raise SystemExit("the run is void: %d tickets were not taken" % self.whole)
        return told["per_second"]

    def held(self, mode, pid):
        """KiB of memory for each of so many connections that wait."""
        before = anonymous_kib(pid)
        holder = subprocess.Popen([str(w) for w in self.words(mode, PHONES, 1)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = holder.stdout.readline()
        assert b"held" in line, line
        after = anonymous_kib(pid)
        holder.communicate()
        return round((after - before) / PHONES, 2)


class Ours:
    def __init__(self):
        self.hato = Hato({"authsrv.token_seconds": 36000})
        provision_all(self.hato, range(PHONES))
        for first in range(0, PHONES, 1000):
            events = [{"event": "start", "ip": address(n), "msisdn": "8190%08d" % n, "session_id": "s%d" % n}
                      for n in range(first, min(first + 1000, PHONES))]
            status, _, answer = self.hato.network("POST", "/v1/lease-events", events)
            assert status == 200 and answer["accepted"] == len(events), answer
        self.tokens = [self.token(n) for n in range(PHONES)]
        deliver(self.hato.port("pushsrv.lmtp_port"), lambda n: "u%d@hato.example" % n)

    def token(self, n):
        status, _, answer = self.hato.handset(address(n), "POST", "/v1/token", {"imsi": "44010%010d" % n})
        assert status == 201, (status, answer)
        return answer["token"]


def bare_of(certificate, key):
    process = subprocess.Popen([str(BUILD / "bench" / "pop_bare"), str(BOX), str(OCTETS), str(certificate), str(key)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return process, [int(port) for port in process.stdout.readline().split()]


def contest(ours, dovecot, bare_ports):
    names = ["u%039d" % n for n in range(PHONES)]
    folder, hato = ours.hato.dir, ours.hato
    doors = [Contender(folder, "ours", hato.port("popgw.pop3_port"), hato.port("popgw.pop3s_port"), ours.tokens),
             Contender(folder, "dovecot", dovecot.plain, dovecot.secure, names), Contender(folder, "bare", *bare_ports, names)]
    memory = {kind: doors[0].held(mode, hato.pid("popgw")) for kind, mode in (("plain", "hold"), ("TLS", "hold-tls"))}
    rates = turns({"%s %s" % (d.name, kind): lambda d=d, kind=kind: d.turn(kind) for kind in KINDS for d in doors}, ROUNDS)
    pairs = [("ours " + kind, "bare " + kind, 0.5 if "plain" in kind else 0.8) for kind in KINDS]
    pairs += [("ours " + kind, "dovecot " + kind, 5 if "plain" in kind else None) for kind in KINDS]
    tell("pop", rates, pairs, sessions=int(SESSIONS), octets=OCTETS, popgw_kib_per_connection=memory,
         dovecot_tickets_not_taken=doors[1].whole)


def main():
    ours = Ours()
    tls = ours.hato.dir / "state" / "tls"
    certificate, key = tls / "cert.pem", tls / "key.pem"
    bare, bare_ports = bare_of(certificate, key)
    dovecot = DovecotPop(certificate, key, os.environ.get("DOVECOT_FORM", "sdbox"))
    try:
        deliver(dovecot.port, lambda n: "u%039d@hato.example" % n)
        contest(ours, dovecot, bare_ports)
    finally:
        dovecot.close()
        bare.communicate()
        ours.hato.close()


if __name__ == "__main__":
    main()

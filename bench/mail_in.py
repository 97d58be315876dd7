"""Mail that comes in, mails a second, durable, 16 sessions of 4 KB mails to 1,000 mailboxes: ours by SMTP (MX) and by LMTP; Dovecot's LMTP;
Postfix in front of it; and the same rows by a bare writer in groups of 16.

    bench/run mail_in [mx | lmtp]         default: both; MAIL_ROUNDS=5 MAIL_COUNT=10000

What came in is counted in the stores afterwards. Postfix answers when a mail is in its queue: its time ends when
Dovecot has saved the last one.
"""
import os
import pathlib
import sqlite3
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
from contest import run, tell, turns  # noqa: E402
from harness.postfix import Postfix  # noqa: E402
from harness.system import BUILD, Hato, eventually  # noqa: E402
from peers.dovecot import Dovecot  # noqa: E402

ROUNDS = int(os.environ.get("MAIL_ROUNDS", "5"))
COUNT = int(os.environ.get("MAIL_COUNT", "10000"))
FEWER = COUNT // 4  # of the peers, which are slower
SESSIONS, OCTETS, PER_SESSION, BOXES = 16, 4096, 100, 1000
QUEUED = {"virtual_transport": "lmtp:inet:127.0.0.1:%d", "smtpd_client_message_rate_limit": "0", "default_process_limit": "100",
          "lmtp_destination_concurrency_limit": "32", "lmtp_destination_recipient_limit": "1", "in_flow_delay": "0",
          "smtpd_client_connection_rate_limit": "0", "virtual_mailbox_maps": "static:all", "initial_destination_concurrency": "32"}


def load(protocol, where, count):
    words = [protocol, where, SESSIONS, count, OCTETS, PER_SESSION, BOXES, "u%u@hato.example"]
    return run(BUILD / "bench" / "mail_load", *words)


class Ours:
    def __init__(self):
        self.hato = Hato()
        for n in range(BOXES):
            self.hato.subscriber(n, ["u%d@hato.example" % n])
        self.stored = 0

    def store(self):
        return self.hato.dir / "state" / "db" / "mail.db"

    def count(self, more):
        """More mails are there than before."""
        self.stored += more
        with sqlite3.connect("file:%s?mode=ro" % self.store(), uri=True) as db:
            there, = db.execute("SELECT count(*) FROM message m JOIN mailbox b ON b.id = m.mailbox"
                                " WHERE b.subscriber < 1000000000").fetchone()
        assert there == self.stored, (there, self.stored)

    def mx(self):
        rate = load("smtp", "127.0.0.1:%d" % self.hato.port("smtpgw.mx_port"), COUNT)["per_second"]
        self.count(COUNT)
        return rate

    def lmtp(self):
        rate = load("lmtp", self.hato.dir / "state" / "run" / "lmtp.sock", COUNT)["per_second"]
        self.count(COUNT)
        return rate


class Peers:
    def __init__(self):
        self.dovecot = Dovecot(os.environ.get("DOVECOT_FORM", "mdbox"))
        self.postfix = Postfix(["hato.example"], settings={k: v % self.dovecot.port if "%" in v else v for k, v in QUEUED.items()})
        self.stored = 0

    def count(self):
        self.stored += FEWER
        eventually("all are saved", lambda: self.dovecot.saved() >= self.stored, 300)
        assert self.dovecot.saved() == self.stored

    def lmtp(self):
        rate = load("lmtp", "127.0.0.1:%d" % self.dovecot.port, FEWER)["per_second"]
        self.count()
        return rate

    def both(self):
        begun = time.monotonic()
        load("smtp", "127.0.0.1:%d" % self.postfix.port, FEWER)
        self.count()
        return FEWER / (time.monotonic() - begun)

    def close(self):
        self.postfix.close()
        self.dovecot.close()


PAIRS = {"mx": [("mx", "Dovecot LMTP", 5), ("mx", "Postfix + Dovecot", 8), ("mx", "bare", None)],
         "lmtp": [("lmtp", "Dovecot LMTP", 10), ("lmtp", "bare", None)]}


def main(wanted):
    pairs = [pair for name in wanted for pair in PAIRS[name]]
    ours, peers = Ours(), Peers()
    try:
        bare = (BUILD / "bench" / "mail_bare", ours.store(), BOXES, SESSIONS, COUNT, OCTETS)
        contenders = {"mx": ours.mx, "Dovecot LMTP": peers.lmtp, "bare": lambda: run(*bare)["per_second"], "lmtp": ours.lmtp,
                      "Postfix + Dovecot": peers.both}
        paired = {name for pair in pairs for name in pair}
        rates = turns({name: turn for name, turn in contenders.items() if name in paired}, ROUNDS)
    finally:
        peers.close()
        ours.hato.close()
    title = "Mail in" if len(wanted) > 1 else "Mail in by " + wanted[0].upper()
    tell("mail_in", rates, pairs, title=title, sessions=SESSIONS, octets=OCTETS,
         repeat=" ".join(["bench/run mail_in", *sys.argv[1:]]))


if __name__ == "__main__":
    main(sys.argv[1:] or ["mx", "lmtp"])

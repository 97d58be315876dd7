"""The work of the soak: mails by MX and LMTP, triggers, phones that fetch and delete, leases that move, tokens, submissions.

One number is the rate: mails a second. The rest follows from it (SHARES). handset-sim has the phones, their mail and their moves; three
generators have what it has not: RADIUS accounting, refreshed tokens and submissions, in slices, each answer checked by them. A wrong
answer anywhere ends the run.
"""
import json
import os
import shutil
import subprocess
import sys
import pathlib
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
import proc  # noqa: E402
from harness.system import BUILD, Hato  # noqa: E402
from relay import Sink  # noqa: E402

CORPUS = ROOT.parent / "shared" / "corpus"
PHONES, SENDERS, LMTP_SENDERS, FIRST_PHONE = 2000, 16, 4, 1000001
OTHERS = 1000  # phones 1..OTHERS: their tokens are refreshed, they submit
NUMBERS = 4000  # subscribers whose sessions RADIUS moves
SLICE_S = 5
SUBMITTED_OCTETS = 2048
SHARES = {"moves": 0.02, "radius": 0.5, "refresh": 0.2, "submission": 0.05}  # of the rate of mails


class Mix:
    def __init__(self):
        self.sink = Sink()
        self.hato = Hato({"smtpgw.auth_requires_tls": "off", "popgw.auth_requires_tls": "off", "log.level": "warn",
                          "authsrv.token_seconds": 86400, "route out.domains": "out.example",
                          "route out.host": "127.0.0.1:%d" % self.sink.port})
        self.tokens = self.hato.dir / "tokens"
        self.submitted = 0
        self.lease_events = 0

    def close(self):
        try:
            self.hato.close()
        finally:
            self.sink.close()

    def state(self, *parts):
        return self.hato.dir.joinpath("state", *parts)

    # ---- the subscribers who are not handset-sim's ----

    def events(self, events):
        for i in range(0, len(events), 1000):
            status, _, answer = self.hato.network("POST", "/v1/lease-events", events[i:i + 1000])
            assert status == 200 and answer["accepted"] == len(events[i:i + 1000]), answer

    def prepare(self):
        from bindings import provision_all, provision_numbers
        provision_all(self.hato, range(1, OTHERS + 1))
        provision_numbers(self.hato, range(1, NUMBERS + 1))
        self.events([{"event": "start", "ip": "127.%d.%d.%d" % (16 + (n >> 16), n >> 8 & 255, n & 255), "msisdn": "8190%08d" % n,
                      "session_id": "o%d" % n} for n in range(1, OTHERS + 1)])
        self.load("token_load", "first", self.hato.port("authsrv.handset_port"), OTHERS, 60, 32, self.tokens)
        shutil.copy(self.tokens, self.submit_tokens())

    def warm(self, most=24):
        """Lease events as fast as they go until authsrv grows no more: it alone writes bindings.db, so SQLite's page caches (64 MB of the writer,
        8 MB of each reader) fill with history, and what grows after that is none of them."""
        pid, flat = self.hato.pid("authsrv"), 0
        for _ in range(most):
            before = proc.memory(pid)["anonymous"]
            self.radius(1e6)
            flat = flat + 1 if proc.memory(pid)["anonymous"] - before < 2 ** 19 else 0
            if flat == 3:
                return
        print("soak: authsrv still grows after %d s of lease events" % (most * SLICE_S), file=sys.stderr, flush=True)

    def submit_tokens(self):
        return self.tokens.with_suffix(".submit")

    # ---- the generators ----

    @staticmethod
    def load(name, *words):
        done = subprocess.run([str(BUILD / "bench" / name), *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError("%s: %s" % (name, done.stderr[-1000:]))
        return json.loads(done.stdout)

    def radius(self, rate):
        secret = self.state("radius.secret").read_text().strip()
        out = self.load("lease_load", "radius", "127.0.0.1", self.hato.port("authsrv.radius_port"), secret, NUMBERS, SLICE_S, 64, rate)
        self.lease_events += out["events"]
        return out["events"], out

    def refresh(self, rate):
        out = self.load("token_load", "refresh", self.hato.port("authsrv.handset_port"), OTHERS, SLICE_S, 64, self.tokens, rate)
        fresh = self.submit_tokens().with_suffix(".new")
        shutil.copy(self.tokens, fresh)
        os.replace(fresh, self.submit_tokens())
        return out["answers"], out

    def submission(self, rate):
        out = self.load("submit_load", self.hato.port("smtpgw.submission_port"), OTHERS, SLICE_S, 64, self.submit_tokens(), rate,
                        SUBMITTED_OCTETS)
        self.submitted += out["answers"]
        return out["answers"], out

    # ---- a run ----

    def run(self, rate, seconds, window=SLICE_S, alone=False, watch=None):
        return Run(self, rate, seconds, window, alone).go(watch)


class Run:
    """One run of the mix. rate 0 and `alone`: only handset-sim, as fast as it goes (so many mails as `seconds` says)."""

    def __init__(self, mix, rate, seconds, window, alone):
        self.mix, self.rate, self.seconds, self.alone = mix, rate, seconds, alone
        self.window = window
        self.windows = []
        self.slices = {"radius": [], "refresh": [], "submission": []}
        self.error = None
        self.over = threading.Event()

    def words(self):
        mails = int(self.rate * self.seconds) if self.rate else self.seconds
        words = ["--dir", self.mix.state(), "--json", "--handsets", PHONES, "--first", FIRST_PHONE, "--mails", mails, "--rate", self.rate,
                 "--senders", SENDERS, "--lmtp-senders", LMTP_SENDERS, "--churn", self.rate * SHARES["moves"], "--window", self.window]
        if CORPUS.is_dir():
            words += ["--corpus", CORPUS]
        return [str(BUILD / "handset-sim"), *map(str, words)]

    def slices_of(self, name):
        work, began = getattr(self.mix, name), time.monotonic()
        try:
            while not self.over.is_set():
                at = time.monotonic() - began
                count, out = work(self.rate * SHARES[name])
                self.slices[name].append({"at_s": round(at, 1), "count": count, "seconds": time.monotonic() - began - at,
                                          "refused": out.get("refused", 0), "p50": out["p50_ms"], "p99": out["p99_ms"]})
        except (RuntimeError, OSError, ValueError) as e:
            self.error = self.error or str(e)

    def read(self, stream, threads):
        """handset-sim's lines; the others begin when its phones are attached."""
        verdict = None
        for line in stream:
            said = json.loads(line)
            if said.get("at_s") == 0 and not self.alone:
                for t in threads:
                    t.start()
            elif "at_s" in said:
                self.windows.append(said)
                self.tick()
            else:
                verdict = said
        return verdict

    def tick(self):
        if self.error:
            self.process.kill()
        if self.watch:
            self.watch(self)

    def go(self, watch):
        self.watch = watch
        threads = [threading.Thread(target=self.slices_of, args=(name,)) for name in self.slices]
        self.process = subprocess.Popen(self.words(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            verdict = self.read(self.process.stdout, threads)
            self.status = self.process.wait(60)
        finally:
            self.over.set()
            for t in threads:
                if t.ident:
                    t.join()
            self.stderr = self.process.stderr.read()
            self.process.stdout.close()
            self.process.stderr.close()
        if self.error or self.status or verdict is None:
            raise SystemExit("the run is void: handset-sim ended with %d: %s %s; %s" % (self.status, verdict, self.stderr[-1000:], self.error))
        self.verdict = verdict
        return self

    def kept_up(self):
        """All mail was fetched within a second of the last one's turn, and nobody else got less than what was asked for."""
        v = self.verdict
        loop = v["loop_seconds"] <= self.seconds + 1
        return loop and all(sum(s["count"] for s in rows) >= 0.95 * self.rate * SHARES[name] * sum(s["seconds"] for s in rows)
                            for name, rows in self.slices.items())


def capacity(mix, seconds=8, steps=4):
    """Mails a second with all that goes with them: the highest rate that was kept up with. First as fast as they go, then halving."""
    mix.run(0, 2000, alone=True)  # everything is warm
    burst = mix.run(0, 6000, alone=True)
    most = 6000 / burst.verdict["loop_seconds"]
    low, high = 0.25 * most, most
    for _ in range(steps):
        rate = (low + high) / 2
        if mix.run(rate, seconds).kept_up():
            low = rate
        else:
            high = rate
        print("soak: %.0f mails/s: %s" % (rate, "kept up" if low == rate else "too much"), file=sys.stderr, flush=True)
    return {"burst": round(most), "mails_per_second": round(low)}

"""What was promised to whom, and what came of it: the memory of a crash test, on the clients' side of every promise."""
import collections
import hashlib
import threading
import time

# Deadlines are for hangs, not for speed: a sanitizer build on a busy machine is slow.
PATIENCE = 120


class Copy:
    """One mail for one recipient."""

    def __init__(self, number, digest):
        self.number = number
        self.digest = digest
        self.acknowledged = False
        self.unsure = 0  # attempts that ended without an answer: each may have stored it
        self.uids = set()
        self.times = 0


class Ledger:
    def __init__(self):
        self.changed = threading.Condition()  # protects all below
        self.copies = {}  # (Message-ID, subscriber's number) -> Copy
        self.waiting = 0  # acknowledged and not yet seen by the owner
        self.removed = set()  # (number, uid): gone by an acknowledged QUIT
        self.perhaps_removed = set()  # (number, uid): by a QUIT whose answer was lost
        self.leases = []  # acknowledged lease events, as posted
        self.holders = {}  # ip -> (msisdn, session_id) or None, as the acknowledged events say
        self.counts = collections.Counter()
        self.wrong = []
        self.steps = 0
        self.armed = None  # [kind, n, action]: at the nth step of the kind (None: any) from now on

    def blame(self, what):
        with self.changed:
            self.wrong.append(what)
            self.changed.notify_all()

    def count(self, what, n=1):
        with self.changed:
            self.counts[what] += n

    def step(self, kind):
        """Something was acknowledged or fetched; called with the lock held."""
        self.steps += 1
        if self.armed and self.armed[0] in (kind, None):
            self.armed[1] -= 1
            if self.armed[1] <= 0:
                action, self.armed = self.armed[2], None
                action()
        self.changed.notify_all()

    # ---- mail ----

    def promise(self, message_id, numbers, text):
        digest = hashlib.sha256(text).digest()
        with self.changed:
            for n in numbers:
                self.copies[message_id, n] = Copy(n, digest)

    def accepted(self, message_id, number):
        with self.changed:
            copy = self.copies[message_id, number]
            copy.acknowledged = True
            self.counts["accepted"] += 1
            if not copy.times:
                self.waiting += 1
            self.step("mail")

    def unsure(self, message_id, numbers):
        with self.changed:
            for n in numbers:
                self.copies[message_id, n].unsure += 1
            self.counts["unsure"] += len(numbers)

    def fetched(self, number, uid, message_id, text):
        """The phone of `number` was shown a message."""
        with self.changed:
            copy = self.copies.get((message_id, number))
            if copy is None:
                self.wrong.append("u%d was shown %s, which is not his" % (number, message_id))
                return
            if hashlib.sha256(text).digest() != copy.digest:
                self.wrong.append("%s of u%d was altered" % (message_id, number))
            if (number, uid) in self.removed:
                self.wrong.append("%s of u%d (uid %s) came again after an acknowledged QUIT" % (message_id, number, uid))
            if copy.times and uid in copy.uids:
                self.counts["shown again"] += 1
            if copy.acknowledged and not copy.times:
                self.waiting -= 1
            copy.times += 1
            copy.uids.add(uid)
            self.counts["fetched"] += 1
            self.step("fetched")

    def quit_acknowledged(self, number, uids):
        with self.changed:
            self.removed.update((number, u) for u in uids)
            self.counts["quits"] += 1
            self.step("quit")

    def quit_unsure(self, number, uids):
        with self.changed:
            self.perhaps_removed.update((number, u) for u in uids)
            self.counts["quits without an answer"] += 1

    # ---- leases ----

    def leased(self, events):
        with self.changed:
            self.leases += events
            self.counts["lease events"] += len(events)
            self.step("lease")

    # ---- waiting ----

    def at_step(self, kind, n, action):
        """Lets n steps of the kind pass and acts on the nth in the thread that made it, at once: who was promised something
        a microsecond ago must have it."""
        with self.changed:
            self.armed = [kind, n, action]
            if not self.changed.wait_for(lambda: not self.armed or self.wrong, PATIENCE):
                raise AssertionError("nothing moves: %d more steps (%s) did not come in %d s" % (self.armed[1], kind, PATIENCE))

    def wait_room(self, most, stop):
        """Flow control of the senders: the phones must keep up."""
        with self.changed:
            self.changed.wait_for(lambda: self.waiting < most or stop.is_set(), 1)

    def missing(self):
        return [k for k, c in self.copies.items() if c.acknowledged and not c.times]

    def wait_fetched(self):
        """All that was acknowledged was seen by its owner; stops hoping when nothing moves any more."""
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while self.missing() and not self.wrong:
                before = self.steps
                self.changed.wait(deadline - time.monotonic())
                if self.steps > before:
                    deadline = time.monotonic() + PATIENCE
                elif time.monotonic() > deadline:
                    return

    # ---- the reckoning ----

    def mail_faults(self):
        out = list(self.wrong)
        for (message_id, number), c in self.copies.items():
            if c.acknowledged and not c.times:
                out.append("LOST: %s for u%d was acknowledged and never seen" % (message_id, number))
            allowed = max(1, c.unsure + (1 if c.acknowledged else 0))
            if len(c.uids) > allowed:
                out.append("%s for u%d was stored %d times, %d attempts had no answer"
                           % (message_id, number, len(c.uids), c.unsure))
            for uid in c.uids:
                if (number, uid) not in self.removed | self.perhaps_removed:
                    out.append("uid %s of u%d was seen, and no QUIT was sent for it" % (uid, number))
        return out

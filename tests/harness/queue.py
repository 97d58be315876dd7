"""The outbound queue of a Hato, from outside: mails are put into it as submission does, and what waits is seen
(tests/drive/outbound.c)."""
import pathlib
import subprocess
import tempfile

from harness.system import BUILD, DOMAIN, PATIENCE, eventually


class Waiting:
    """A recipient that is in the queue."""

    def __init__(self, row):
        self.mail, self.lane, self.address = int(row[0]), row[1], row[2]
        self.attempts, self.code = int(row[3]), int(row[4])
        self.enhanced, self.remote, self.text = row[5], row[6], row[7]

    def __repr__(self):
        return "<%s %d %d %s %s %s>" % (self.address, self.attempts, self.code, self.enhanced, self.remote, self.text)


class Queue:
    def __init__(self, hato):
        self.folder = tempfile.TemporaryDirectory(prefix="hato-queue-")
        self.count = 0
        self.process = subprocess.Popen([str(BUILD / "tests" / "drive" / "outbound"), str(hato.dir / "state"), DOMAIN],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line):
        """(the line that ends the answer without its `ok`, the lines before it)"""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        rows = []
        while True:
            got = self.process.stdout.readline().decode().rstrip("\n")
            if got.startswith("ok"):
                return int(got[3:] or 0), rows
            if got.startswith("err") or not got:
                raise AssertionError("%s: %s" % (line[:200], got))
            rows.append(got)

    def content(self, octets):
        self.count += 1
        path = pathlib.Path(self.folder.name) / str(self.count)
        path.write_bytes(octets)
        return path

    def put(self, octets, *to, sender="sender@" + DOMAIN, flags="-"):
        """A mail; its id."""
        return self.ask("put %s %s %s %s" % (flags, sender or "<>", self.content(octets), " ".join(to)))[0]

    def many(self, number, octets, to, sender="sender@" + DOMAIN):
        return self.ask("many %d %s %s %s" % (number, sender, self.content(octets), to))[0]

    def retry(self, lane):
        return self.ask("retry " + lane)[0]

    def show(self):
        return [Waiting(row.split("\t")) for row in self.ask("show")[1]]

    def size(self):
        return self.ask("show")[0]

    def wait_empty(self):
        eventually("the queue is empty", lambda: self.size() == 0)

    def wait_tried(self, address, attempts=1):
        """What waits for that address, when it was tried so often."""
        return eventually("%s is tried" % address,
                          lambda: next((w for w in self.show() if w.address == address and w.attempts >= attempts), None))

    def close(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.folder.cleanup()

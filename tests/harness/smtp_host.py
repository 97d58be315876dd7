"""An SMTP host of a test's own that counts, remembers, and misbehaves on order: what Postfix will not do.

    host = Host(); host.order = "hang"; host.mails; host.connections

order, read anew at each connection (None: a good host):

    hang         accepts, and never says a word
    refuse       554 instead of a greeting
    drop-data    hangs up in the middle of the content
    drop-final   takes the mail, and hangs up instead of answering
    drop-rcpt    hangs up at RCPT
    flood        a greeting that never ends
    long-line    a greeting of a megabyte without a line end
    garbage      does not talk SMTP
    early        answers 250 to the end of the content before it came
    stray        354 to RCPT
    bad-tls      offers STARTTLS, and then talks nonsense
    no-utf8      without SMTPUTF8 and 8BITMIME
    after-one    closes behind the first mail, saying nothing

answers: recipient -> answer to RCPT; final: the answer to the content.
"""
import socket
import threading

from harness.system import PATIENCE, eventually, free_ports

KEYWORDS = ["PIPELINING", "SIZE 50000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN"]


class Gone(Exception):
    pass


class Host:
    def __init__(self, address="127.0.0.1", port=None):
        self.address = address
        self.port = port or free_ports(1)[0]
        self.order, self.answers, self.final = None, {}, "250 2.0.0 taken"
        self.mails, self.commands, self.connections, self.open = [], [], 0, set()
        self.most = 0  # connections at a time
        self.lock = threading.Lock()  # protects what is above
        self.gate = threading.Event()  # content is answered when it is open
        self.gate.set()
        self.listener = socket.create_server((address, self.port), backlog=200)
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.open.add(s)
                self.most = max(self.most, len(self.open))
            t = threading.Thread(target=self.serve, args=(s,))
            self.threads.append(t)
            t.start()

    def serve(self, s):
        s.settimeout(PATIENCE)
        try:
            Talk(self, s).run()
        except (OSError, Gone):
            pass
        finally:
            with self.lock:
                self.open.discard(s)
            s.close()

    def wait_mails(self, count):
        return eventually("%d mails came" % count, lambda: len(self.mails) >= count and self.mails)

    def bodies(self):
        with self.lock:
            return [m[2] for m in self.mails]

    def hang_up(self):
        """On all who are connected."""
        with self.lock:
            for s in self.open:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        eventually("nothing is open", lambda: not self.open)

    def close(self):
        self.gate.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.hang_up()
        for t in self.threads:
            t.join(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Talk:
    """One connection."""

    def __init__(self, host, s):
        self.host, self.s, self.f = host, s, s.makefile("rb")
        self.order = host.order
        self.sender, self.to = None, []

    def say(self, *lines):
        self.s.sendall("".join(l + "\r\n" for l in lines).encode())

    def line(self):
        line = self.f.readline()
        if not line.endswith(b"\r\n"):
            raise Gone()
        return line[:-2]

    def run(self):
        if not self.greet():
            return
        while True:
            line = self.line().decode("utf-8", "replace")
            with self.host.lock:
                self.host.commands.append(line)
            verb = line.split(" ")[0].upper()
            if verb == "QUIT":
                self.say("221 2.0.0 bye")
                return
            getattr(self, "do_" + verb.lower(), self.unknown)(line)

    def greet(self):
        if self.order == "hang":
            self.s.recv(1)
        elif self.order == "refuse":
            self.say("554 5.7.1 not you")
        elif self.order == "garbage":
            self.say("HTTP/1.1 400 Bad Request", "")
        elif self.order == "flood":
            while True:
                self.say(*["220-and more"] * 100)
        elif self.order == "long-line":
            self.s.sendall(b"220 " + b"x" * 1048576 + b"\r\n")
        else:
            self.say("220 %s ESMTP" % "there.example")
            return True
        return False

    def unknown(self, line):
        self.say("500 5.5.2 what is " + line[:20])

    def do_ehlo(self, line):
        words = list(KEYWORDS)
        if self.order == "no-utf8":
            words = ["PIPELINING"]
        if self.order == "bad-tls":
            words.append("STARTTLS")
        self.say(*["250-there.example"] + ["250-" + w for w in words[:-1]] + ["250 " + words[-1]])

    def do_starttls(self, line):
        self.say("220 go")
        self.s.recv(5)
        self.s.sendall(b"this is no TLS at all, not even nearly\r\n")
        raise Gone()

    def do_mail(self, line):
        self.sender, self.to = line, []
        self.say("250 2.1.0 ok")

    def do_rset(self, line):
        self.say("250 2.0.0 ok")

    def do_rcpt(self, line):
        address = line[line.index("<") + 1:line.rindex(">")]
        if self.order == "drop-rcpt":
            raise Gone()
        if self.order == "stray":
            self.say("354 go on")
            return
        answer = self.host.answers.get(address, "250 2.1.5 ok")
        if answer.startswith("2"):
            self.to.append(address)
        self.say(answer)

    def do_data(self, line):
        if not self.to:
            self.say("554 5.5.1 nobody")
            return
        if self.order == "early":
            self.say("354 go", "250 2.0.0 taken")
            self.f.read()
            return
        self.say("354 go")
        if self.order == "drop-data":
            self.f.readline()
            raise Gone()
        body = self.content()
        self.host.gate.wait(PATIENCE)
        with self.host.lock:
            final = self.host.final
            if final.startswith("2"):
                self.host.mails.append((self.sender, self.to, body))
        if self.order == "drop-final":
            raise Gone()
        self.say(final)
        if self.order == "after-one":
            raise Gone()

    def content(self):
        lines = []
        while True:
            line = self.f.readline()
            if not line:
                raise Gone()
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)

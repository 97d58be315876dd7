"""Mail on its way in: LMTP and SMTP line by line, and what a mailbox must hold of it afterwards."""
import re
import socket

from harness.pop import PATIENCE, tls_context

# What pushsrv and smtpgw put in front of a message: nothing else may be there, nothing behind may differ.
TRACE = re.compile(rb"\A((Return-Path|Received|Received-SPF|Authentication-Results|Delivered-To):[^\r]*\r\n([ \t][^\r]*\r\n)*)*",
                   re.I)


def stuffed(content):
    """`content` (CRLF lines) as DATA wants it, with its final dot."""
    body = re.sub(rb"(?m)^\.", b"..", content)
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    return body + b".\r\n"


def message(subject, text="Hello.\r\n", sender="someone@elsewhere.example", to="you@hato.example"):
    return ("From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\n%s" % (sender, to, subject, text)).encode()


class Smtp:
    """One connection, SMTP or LMTP: `say` sends a line and returns the reply as (code, text of all lines)."""
    hello = "EHLO"

    def __init__(self, port, source="127.0.0.1", hello="client.example", tls=False, greet=True):
        where = source if isinstance(source, tuple) else (source, 0)
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE, where)
        if tls:
            self.socket = tls_context().wrap_socket(self.socket)
        self.file = self.socket.makefile("rb")
        self.extensions = {}
        self.greeting = self.reply() if greet else None
        if greet and hello:
            self.greet(hello)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def greet(self, name):
        code, text = self.say("%s %s" % (self.hello, name))
        assert code == 250, text
        words = [line.split(" ", 1) for line in text.split("\n")[1:]]
        self.extensions = {w[0].upper(): w[1] if len(w) > 1 else "" for w in words}
        return code, text

    def start_tls(self):
        code, text = self.say("STARTTLS")
        assert code == 220, text
        self.file.close()
        self.socket = tls_context().wrap_socket(self.socket)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def reply(self):
        """(code, text); (0, "") when the server has closed."""
        lines = []
        while True:
            try:
                line = self.file.readline()
            except ConnectionError:
                line = b""
            if not line:
                return 0, ""
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            lines.append(text[4:])
            if text[3:4] != "-":
                return int(text[:3]), "\n".join(lines)

    def say(self, line):
        self.send((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        return self.reply()

    def ok(self, line, code=250):
        got = self.say(line)
        assert got[0] == code, (line, got)
        return got[1]

    def envelope(self, sender, recipients, params=""):
        """MAIL and RCPT; the replies to RCPT."""
        self.ok("MAIL FROM:<%s>%s" % (sender, params and " " + params))
        return [self.say("RCPT TO:<%s>" % to) for to in recipients]

    def data(self, content, replies=1):
        """DATA and the content; one reply in SMTP, one a recipient in LMTP."""
        self.ok("DATA", 354)
        self.send(stuffed(content))
        return [self.reply() for _ in range(replies)]

    def deliver(self, to, content, sender="someone@elsewhere.example", params=""):
        """One mail to one recipient, whole: the final reply."""
        refused = [r for r in self.envelope(sender, [to], params) if r[0] != 250]
        if refused:
            self.ok("RSET")
            return refused[0]
        return self.data(content)[0]


class Lmtp(Smtp):
    hello = "LHLO"


class LmtpUnix(Lmtp):
    """LMTP on the unix socket."""

    def __init__(self, path, hello="client.example"):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")
        self.extensions = {}
        self.greeting = self.reply()
        self.greet(hello)


def content_of(stored):
    """A message out of the mailbox without the trace fields that we put in front of it."""
    return stored[TRACE.match(stored).end():]

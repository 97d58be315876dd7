"""What a client needs to speak to Hato: SMTP, LMTP, HTTP, POP3 and triggers, each as one that knows nothing of its inside."""
import base64
import datetime
import hashlib
import hmac
import http.client
import json
import poplib
import re
import socket

TIMEOUT_S = 60  # of one step of a protocol: longer is a hang


class Gone(Exception):
    """The peer went away or did not come: try again."""


def now_text():
    """As Hato writes it, which leaves out a fraction of zero."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ").replace(".000000Z", "Z")


# ---- SMTP and LMTP, as far as a sender needs them ----

class MailClient:
    def __init__(self, port, lmtp):
        self.lmtp = lmtp
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self.file = self.socket.makefile("rb")
        self.expect(220)
        self.say("%s client.example" % ("LHLO" if lmtp else "EHLO"))
        self.expect(250)

    def close(self):
        self.file.close()
        self.socket.close()

    def say(self, line):
        self.socket.sendall(line.encode() + b"\r\n")

    def reply(self):
        """(code, text) of one reply."""
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise Gone("the connection ended")
            if line[3:4] != b"-":
                return int(line[:3]), line.decode(errors="replace").strip()

    def expect(self, code):
        got, text = self.reply()
        if got == 421:
            raise Gone(text)
        assert got == code, text

    def send(self, sender, recipients, text, on_dot=None):
        """(code, text) for each recipient. on_dot: called when the last octet is out."""
        self.say("MAIL FROM:<%s>" % sender)
        code, why = self.reply()
        if code != 250:
            return [(code, why)] * len(recipients)
        answers = []
        for r in recipients:
            self.say("RCPT TO:<%s>" % r)
            answers.append(self.reply())
        if not any(code == 250 for code, _ in answers):
            self.say("RSET")
            self.expect(250)
            return answers
        self.say("DATA")
        code, why = self.reply()
        if code != 354:
            return [(code, why)] * len(recipients)
        self.socket.sendall(text + b".\r\n")
        if on_dot:
            on_dot()
        final = None
        for i, (code, _) in enumerate(answers):
            if code != 250:
                continue
            if final is None or self.lmtp:
                final = self.reply()
            answers[i] = final
        return answers


# ---- HTTP ----

class Api:
    """A connection that comes back."""

    def __init__(self, port, source=None):
        self.port, self.source, self.connection = port, source, None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def ask(self, method, path, body=None, key=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if key:
            headers["Authorization"] = "Bearer " + key
        try:
            if not self.connection:
                self.connection = http.client.HTTPConnection(
                    "127.0.0.1", self.port, timeout=TIMEOUT_S, source_address=(self.source, 0) if self.source else None)
            self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            r = self.connection.getresponse()
            text = r.read()
        except socket.timeout:
            raise AssertionError("%s %s: no answer for %d s" % (method, path, TIMEOUT_S))
        except (OSError, http.client.HTTPException):
            self.close()
            raise Gone(path)
        return r.status, json.loads(text) if text else None


# ---- POP3 and triggers ----

class Pop3(poplib.POP3):
    """poplib's, from an address of our choice."""

    def __init__(self, host, port, source):
        self.source = source
        try:
            super().__init__(host, port, TIMEOUT_S)
        except Exception:
            if hasattr(self, "sock"):
                self.sock.close()
            raise

    def _create_socket(self, timeout):
        return socket.create_connection((self.host, self.port), timeout, source_address=(self.source, 0))


def trigger_is_good(datagram, address, answer):
    """Is it ours, sealed with the key that came with the token? binding-rules 6."""
    if b"\x85\x07\x03" + address.encode() + b"\0" not in datagram:  # EMN: <emn mailbox="mailat:..."
        return False
    found = re.search(rb"x-hato-mac\0([A-Za-z0-9_-]{11})\0", datagram)
    if not found:
        return False
    blank = datagram[:found.start(1)] + b"A" * 11 + datagram[found.end(1):]
    t = answer["trigger"]
    key = base64.urlsafe_b64decode(t["key"] + "=" * (-len(t["key"]) % 4))
    said = b"hato-trigger-1\0" + t["realm"].encode() + b"\0" + t["generation"].to_bytes(4, "big") + blank
    mac = hmac.new(key, said, hashlib.sha256).digest()[:8]
    return base64.urlsafe_b64encode(mac).rstrip(b"=") == found.group(1)

"""POP3 by hand, from any source address: lines in and out, so that a test can say what no library would say.

`Pop` speaks; `Pop.login` logs in with USER/PASS; `From`/`FromTls` are poplib's own classes with a source address, for the
tests that want somebody else's client.
"""
import base64
import poplib
import socket
import ssl

PATIENCE = 60
MECHANISMS = ("PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2")


def tls_context():
    """The certificate is self-signed; who speaks is not what these tests ask."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def b64(octets):
    return base64.b64encode(octets).decode()


def initial_response(mechanism, login, token):
    """What the client of a mechanism says (RFC 4616, 7628, XOAUTH2); LOGIN has no initial response."""
    if mechanism == "PLAIN":
        return b64(b"\0" + login.encode() + b"\0" + token.encode())
    if mechanism == "OAUTHBEARER":
        return b64(b"n,a=%s,\x01host=localhost\x01port=110\x01auth=Bearer %s\x01\x01" % (login.encode(), token.encode()))
    if mechanism == "XOAUTH2":
        return b64(b"user=%s\x01auth=Bearer %s\x01\x01" % (login.encode(), token.encode()))
    raise ValueError(mechanism)


class Pop:
    """One connection. `say` sends a command and returns the answer's first line; `lines` the rest, unstuffed."""

    def __init__(self, port, source="127.0.0.1", tls=False, host="127.0.0.1", greet=True):
        """source: an address of ours, or (address, port)."""
        where = source if isinstance(source, tuple) else (source, 0)
        self.socket = socket.create_connection((host, port), PATIENCE, where)
        if tls:
            self.start_tls()
        self.file = self.socket.makefile("rb")
        self.greeting = self.line() if greet else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start_tls(self):
        self.socket = tls_context().wrap_socket(self.socket)

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def line(self):
        """One line without CRLF; "" when the server has closed (a reset is a close too)."""
        try:
            text = self.file.readline()
        except ConnectionError:
            return ""
        if text and not text.endswith(b"\r\n"):
            raise AssertionError("a line without CRLF: %r" % text)
        return text[:-2].decode("utf-8", "replace")

    def say(self, command):
        self.send((command if isinstance(command, bytes) else command.encode()) + b"\r\n")
        return self.line()

    def lines(self):
        """The lines up to the dot, each as octets without CRLF and unstuffed."""
        out = []
        while True:
            text = self.file.readline()
            if not text.endswith(b"\r\n"):
                raise AssertionError("cut inside an answer after %d lines: %r" % (len(out), text))
            if text == b".\r\n":
                return out
            out.append((text[1:] if text.startswith(b".") else text)[:-2])

    def ask(self, command):
        """A command with an answer of many lines."""
        first = self.say(command)
        if not first.startswith("+OK"):
            raise AssertionError("%s: %r" % (command, first))
        return self.lines()

    def retr(self, number):
        return b"".join(line + b"\r\n" for line in self.ask("RETR %d" % number))

    def stat(self):
        ok, count, octets = self.say("STAT").split()[:3]
        assert ok == "+OK"
        return int(count), int(octets)

    def uids(self):
        return [line.split()[1].decode() for line in self.ask("UIDL")]

    def capabilities(self):
        return [line.decode() for line in self.ask("CAPA")]

    def user_pass(self, name, password):
        """The answer to PASS."""
        answer = self.say("USER " + name)
        if not answer.startswith("+OK"):
            return answer
        return self.say("PASS " + password)

    def auth(self, mechanism, login, token, inline=True):
        """The last answer of an AUTH exchange; an error challenge is answered as RFC 7628 3.2.3 says."""
        if mechanism == "LOGIN":
            assert self.say("AUTH LOGIN").startswith("+ ")
            assert self.say(b64(login.encode())).startswith("+ ")
            return self.say(b64(token.encode()))
        response = initial_response(mechanism, login, token)
        if inline:
            answer = self.say("AUTH %s %s" % (mechanism, response))
        else:
            assert self.say("AUTH " + mechanism) == "+ "
            answer = self.say(response)
        return self.say("AQ==") if answer.startswith("+ ") else answer

    def login(self, name, token):
        answer = self.user_pass(name, token)
        if not answer.startswith("+OK"):
            raise AssertionError("login: " + answer)
        return self

    def is_cut(self):
        """Waits for the end of the connection: true if nothing more was said."""
        try:
            return self.file.read() == b""
        except (ConnectionError, ssl.SSLError):
            return True


class From(poplib.POP3):
    """poplib, from an address of ours."""

    def __init__(self, port, source, host="127.0.0.1"):
        self.source = source
        super().__init__(host, port, PATIENCE)

    def _create_socket(self, timeout):
        return socket.create_connection((self.host, self.port), timeout, (self.source, 0))


class FromTls(poplib.POP3_SSL):
    def __init__(self, port, source, host="127.0.0.1"):
        self.source = source
        super().__init__(host, port, timeout=PATIENCE, context=tls_context())

    def _create_socket(self, timeout):
        plain = socket.create_connection((self.host, self.port), timeout, (self.source, 0))
        return self.context.wrap_socket(plain)

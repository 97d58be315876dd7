"""popgw over a whole Hato: real clients (curl, fetchmail, poplib, openssl), real leases, mail that came by LMTP."""
import poplib
import smtplib
import socket
import ssl
import subprocess
import threading
import unittest

from harness.system import Hato, PATIENCE, eventually

TLS = ssl._create_unverified_context()
PREFIX_LINES = (b"Return-Path:", b"Received:", b"Delivered-To:", b"X-Original-To:")


class Pop(poplib.POP3):
    """poplib from an address of our choice."""

    def __init__(self, port, source, timeout=PATIENCE, tls=False):
        self.source, self.tls = source, tls
        super().__init__("127.0.0.1", port, timeout)

    def _create_socket(self, timeout):
        s = socket.create_connection((self.host, self.port), timeout, source_address=(self.source, 0))
        return TLS.wrap_socket(s) if self.tls else s


class Raw:
    """Octets, and what comes back."""

    def __init__(self, port, source):
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=(source, 0))
        self.file = self.sock.makefile("rb")

    def line(self):
        return self.file.readline()

    def ask(self, line):
        self.sock.sendall(line + b"\r\n")
        return self.line()

    def close(self):
        self.file.close()
        self.sock.close()

    def ended(self):
        """True once the other side has hung up; what came before that is in self.rest."""
        try:
            self.rest = self.file.read()
        except ConnectionResetError:
            self.rest = b""
        return True


def mail(number, lines=3, body=None):
    """A message as CRLF lines; every line of the body says whose it is."""
    text = body if body is not None else b"".join(b"line %d of mail %d\r\n" % (i, number) for i in range(lines))
    return b"From: <a@b.example>\r\nSubject: mail %d\r\nMessage-ID: <%d@b.example>\r\n\r\n" % (number, number) + text


def without_prefix(octets):
    """Less the trace fields that delivery put in front."""
    lines = octets.split(b"\r\n")
    at = 0
    while lines[at].startswith(PREFIX_LINES) or (at and lines[at][:1] in (b" ", b"\t")):
        at += 1
    return b"\r\n".join(lines[at:])


class PopgwTest(unittest.TestCase):
    sets = {"popgw.workers": 2, "popgw.max_errors": 10}

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato(cls.sets)
        cls.port, cls.tls_port = cls.hato.port("popgw.pop3_port"), cls.hato.port("popgw.pop3s_port")
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def phone(self, ip=None):
        """A subscriber of its own, on an address of its own, with a token."""
        type(self).number += 1
        s = self.hato.subscriber(self.number)
        s.ip = ip or "127.0.%d.%d" % (1 + self.number // 200, 1 + self.number % 200)
        s.token = self.hato.attach(s, s.ip)["token"]
        return s

    def deliver(self, s, *mails):
        with smtplib.LMTP("127.0.0.1", self.hato.port("pushsrv.lmtp_port")) as lmtp:
            for m in mails:
                self.assertEqual(lmtp.sendmail("a@b.example", [s.address], m), {})

    def pop(self, s, tls=False):
        p = Pop(self.tls_port if tls else self.port, s.ip, tls=tls)
        p.user(s.address)
        p.pass_(s.token)
        return p

    def retrieve(self, p, number):
        return b"".join(l + b"\r\n" for l in p.retr(number)[1])

    # ---- a day ----

    def test_day_of_a_phone(self):
        s = self.phone()
        mails = [mail(1), mail(2, 2000), mail(3, body=b".\r\n..\r\n.dot\r\n")]
        self.deliver(s, *mails)
        p = self.pop(s)
        count, size = p.stat()
        self.assertEqual(count, 3)
        sizes = [int(l.split()[1]) for l in p.list()[1]]
        self.assertEqual(sum(sizes), size)
        uids = [l.split()[1] for l in p.uidl()[1]]
        self.assertEqual(len(set(uids)), 3)
        for i, m in enumerate(mails):
            got = self.retrieve(p, i + 1)
            self.assertEqual(len(got), sizes[i])
            self.assertEqual(without_prefix(got), m)
        self.assertTrue(b"".join(l + b"\r\n" for l in p.top(2, 1)[1]).endswith(b"\r\n\r\nline 0 of mail 2\r\n"))
        p.dele(1)
        p.quit()
        p = self.pop(s)
        self.assertEqual([l.split()[1] for l in p.uidl()[1]], uids[1:])
        p.dele(1)
        p.dele(2)
        self.assertEqual(p.stat(), (0, 0))
        p.rset()
        self.assertEqual(p.stat()[0], 2)
        p.close()  # without QUIT
        p = self.pop(s, tls=True)
        self.assertEqual(p.stat()[0], 2)
        p.dele(1)
        p.dele(2)
        self.assertTrue(p.quit().startswith(b"+OK"))
        self.hato.kill("popgw")  # "+OK" was a promise
        self.hato.wait_ready()
        p = eventually("popgw is back", lambda: self.try_pop(s))
        self.assertEqual(p.stat(), (0, 0))
        p.quit()

    def try_pop(self, s):
        try:
            return self.pop(s)
        except OSError:
            return None

    def test_large_mail(self):
        s = self.phone()
        body = b"".join(b".%d %s\r\n" % (i, b"x" * (i % 70)) for i in range(150000))
        m = mail(1, body=body)
        self.deliver(s, m)
        for tls in (False, True):
            p = self.pop(s, tls)
            self.assertEqual(without_prefix(self.retrieve(p, 1)), m)
            p.quit()

    # ---- clients ----

    def curl(self, s, *words, status=0):
        run = subprocess.run(["curl", "-sS", "-k", "--max-time", "50", "--interface", s.ip, *words], capture_output=True)
        self.assertEqual(run.returncode, status, run.stderr)
        return run.stdout

    def test_curl(self):
        s = self.phone()
        m = mail(7)
        self.deliver(s, m)
        plain, tls = "pop3://127.0.0.1:%d" % self.port, "pop3s://127.0.0.1:%d" % self.tls_port
        login = ["-u", "%s:%s" % (s.address, s.token)]
        for url in (plain, tls):
            for more in ([], ["--login-options", "AUTH=PLAIN"], ["--login-options", "AUTH=LOGIN"],
                         ["--sasl-ir"]):
                self.assertEqual(without_prefix(self.curl(s, url + "/1", *login, *more)), m)
            for more in ([], ["--sasl-ir"], ["--login-options", "AUTH=XOAUTH2"], ["--login-options", "AUTH=OAUTHBEARER"]):
                bearer = ["-u", s.address + ":", "--oauth2-bearer", s.token]
                self.assertEqual(without_prefix(self.curl(s, url + "/1", *bearer, *more)), m)
        self.assertEqual(without_prefix(self.curl(s, plain + "/1", *login, "--ssl-reqd")), m)  # STLS
        self.assertTrue(self.curl(s, plain + "/", *login).startswith(b"1 "))
        self.assertIn(b"SASL PLAIN LOGIN OAUTHBEARER XOAUTH2", self.capa(s))
        self.curl(s, plain + "/1", "-u", s.address + ":wrong", status=67)
        self.curl(s, plain + "/1", "-u", s.address + ":", "--oauth2-bearer", "wrong", status=67)
        self.curl(s, plain + "/1", *login, "-X", "DELE", "-l")
        self.assertEqual(self.curl(s, plain + "/", *login).strip(), b"")

    def capa(self, s):
        r = Raw(self.port, s.ip)
        r.line()
        r.sock.sendall(b"CAPA\r\nQUIT\r\n")
        r.ended()
        return r.rest

    def test_fetchmail(self):
        s = self.phone("127.0.0.1")
        mails = [mail(i, body=b".\r\ndot %d\r\n" % i) for i in range(5)]
        self.deliver(s, *mails)
        for options, want in (("keep", 5), ("fetchall", 5), ("fetchall", 0)):
            folder = self.hato.dir
            box = folder / "fetched"
            box.write_bytes(b"")
            rc = folder / "fetchmailrc"
            rc.write_text("poll 127.0.0.1 protocol pop3 port %d uidl user \"%s\" password \"%s\" %s sslproto '' "
                          "mda \"cat >> %s\"\n" % (self.port, s.address, s.token, options, box))
            rc.chmod(0o700)
            run = subprocess.run(["fetchmail", "-f", str(rc), "--nosyslog", "-v", "--pidfile", str(folder / "fm.pid"),
                                  "--idfile", str(folder / "fm.ids")], capture_output=True, timeout=PATIENCE,
                                 env={"HOME": str(folder), "PATH": "/usr/bin:/bin"})
            self.assertEqual(run.returncode, 0 if want else 1, run.stdout + run.stderr)
            self.assertEqual(box.read_bytes().count(b"Subject: mail"), want)

    def test_openssl(self):
        s = self.phone()
        self.deliver(s, mail(1))
        script = "USER %s\nPASS x\nSTAT\nQUIT\n" % s.token
        for words in (["-connect", "127.0.0.1:%d" % self.tls_port],
                      ["-connect", "127.0.0.1:%d" % self.port, "-starttls", "pop3"]):
            run = subprocess.run(["openssl", "s_client", "-quiet", "-crlf", "-bind", s.ip, *words], timeout=PATIENCE,
                                 input=script.encode(), capture_output=True)
            self.assertIn(b"+OK 1 ", run.stdout, run.stderr)
            self.assertIn(b"+OK bye", run.stdout)

    def test_an_end_that_comes_with_the_last_command(self):
        """close_notify in the same segment, and no FIN: the answer comes, and the server hangs up at once."""
        with socket.create_connection(("127.0.0.1", self.tls_port), PATIENCE) as sock:
            came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = TLS.wrap_bio(came, goes)

            def until_done(step):
                while True:
                    try:
                        return step()
                    except ssl.SSLWantReadError:
                        sock.sendall(goes.read())
                        octets = sock.recv(65536)
                        self.assertTrue(octets, "hung up")
                        came.write(octets)
            until_done(tls.do_handshake)
            self.assertTrue(until_done(lambda: tls.read(100)).startswith(b"+OK"))
            tls.write(b"CAPA\r\n")
            with self.assertRaises(ssl.SSLWantReadError):
                tls.unwrap()
            sock.sendall(goes.read())
            while sock.recv(65536):
                pass

    # ---- hostile ----

    def test_octets_behind_stls_count_for_nothing(self):
        s = self.phone()
        sock = socket.create_connection(("127.0.0.1", self.port), PATIENCE, source_address=(s.ip, 0))
        self.assertTrue(sock.recv(1000).startswith(b"+OK"))
        sock.sendall(b"STLS\r\nUSER %s\r\nPASS x\r\nSTAT\r\n" % s.token.encode())
        answer = b""
        while not answer.endswith(b"\r\n"):
            answer += sock.recv(1000)
        self.assertEqual(answer.count(b"\r\n"), 1)
        with TLS.wrap_socket(sock) as tls:
            tls.sendall(b"PASS x\r\n")
            self.assertTrue(tls.recv(1000).startswith(b"-ERR USER first"))
            tls.sendall(b"STLS\r\n")
            self.assertTrue(tls.recv(1000).startswith(b"-ERR"))
            tls.sendall(b"QUIT\r\n")
            self.assertTrue(tls.recv(1000).startswith(b"+OK"))

    def test_noise(self):
        s = self.phone()
        r = Raw(self.port, s.ip)
        r.line()
        try:
            r.sock.sendall(b"A" * (1 << 20) + b"\r\n")
            r.sock.sendall(b"\0\r\n\xff\xfe\r\n" + b"XYZZY\r\n" * 100)
        except OSError:
            pass
        self.assertTrue(r.ended())
        self.assertLessEqual(r.rest.count(b"-ERR"), 10)

    def sessions(self):
        with socket.socket(socket.AF_UNIX) as c:
            c.connect(str(self.hato.dir / "state" / "run" / "popgw.admin"))
            c.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
            text = c.makefile().read()
        return next(int(l.split()[1]) for l in text.splitlines() if l.startswith("hato_popgw_sessions "))

    def test_clients_that_just_go(self):
        """Closed with answers on their way, plain and by TLS, half and whole: none lingers, and the maildrop is free at once."""
        phones = [self.phone() for _ in range(4)]
        for s in phones:
            self.deliver(s, mail(1, 3000))
        eventually("no session", lambda: self.sessions() == 0)
        for n in range(60):
            s, tls = phones[n % 4], n % 3 == 0
            sock = socket.create_connection(("127.0.0.1", self.tls_port if tls else self.port), PATIENCE, source_address=(s.ip, 0))
            if tls:
                sock = TLS.wrap_socket(sock)
            sock.sendall(b"USER %s\r\nPASS x\r\n%s" % (s.token.encode(), b"RETR 1\r\nLIST\r\n" * (n % 20)))
            if n % 2:
                sock.recv(10)
            if n % 5 == 0 and not tls:
                sock.shutdown(socket.SHUT_WR)
            sock.close()
        eventually("no session", lambda: self.sessions() == 0, patience=5)
        for s in phones:
            p = self.pop(s)
            self.assertEqual(p.stat()[0], 1)
            p.quit()

    def test_too_many_connections(self):
        s = self.phone()
        open_ones = []
        try:
            refused = None
            for _ in range(100):
                r = Raw(self.port, s.ip)
                open_ones.append(r)
                line = r.line()
                if not line.startswith(b"+OK"):
                    refused = line
                    break
            self.assertTrue(refused.startswith(b"-ERR [SYS/TEMP] too many connections"), refused)
            self.assertEqual(len(open_ones), 17)
            other = self.phone()
            self.pop(other).quit()
        finally:
            for r in open_ones:
                r.close()

    # ---- the binding moves ----

    def test_idle_session_ends_with_its_binding(self):
        a, b = self.phone(), self.phone()
        self.deliver(a, mail(1))
        r = Raw(self.port, a.ip)
        r.line()
        r.ask(b"USER " + a.token.encode())
        self.assertTrue(r.ask(b"PASS x").startswith(b"+OK"))
        self.assertTrue(r.ask(b"DELE 1").startswith(b"+OK"))
        self.hato.lease("start", ip=a.ip, msisdn=b.msisdn, session_id="mine now")
        self.assertTrue(r.ended())
        self.assertEqual(r.rest, b"")
        r.close()
        c = Raw(self.port, a.ip)
        c.line()
        c.ask(b"USER " + a.token.encode())
        self.assertTrue(c.ask(b"PASS x").startswith(b"-ERR [AUTH]"))
        c.close()
        a.ip = "127.0.200.1"
        a.token = self.hato.attach(a, a.ip)["token"]
        p = self.pop(a)
        self.assertEqual(p.stat()[0], 1)  # nothing was deleted
        p.quit()

    def test_phone_that_changed_its_address_is_not_in_its_own_way(self):
        a = self.phone()
        self.deliver(a, mail(1))
        r = Raw(self.port, a.ip)
        r.line()
        r.ask(b"USER " + a.token.encode())
        self.assertTrue(r.ask(b"PASS x").startswith(b"+OK"))
        second = Raw(self.port, a.ip)
        second.line()
        second.ask(b"USER " + a.token.encode())
        self.assertTrue(second.ask(b"PASS x").startswith(b"-ERR [IN-USE]"))
        second.close()
        a.ip = "127.0.200.2"
        a.token = self.hato.attach(a, a.ip, "another")["token"]
        p = self.pop(a)
        self.assertEqual(p.stat()[0], 1)
        self.assertTrue(r.ended())
        p.quit()

    def test_storm(self):
        """Many phones at once over both workers, each its own mail, leases moving under some of them."""
        phones = [self.phone() for _ in range(24)]
        for i, s in enumerate(phones):
            self.deliver(s, *[mail(1000 * s_number(s) + n, 400) for n in range(3)])
        wrong, done = [], []

        def one(s):
            for _ in range(6):
                try:
                    p = self.pop(s)
                    for n in range(3):
                        got = without_prefix(self.retrieve(p, n + 1))
                        if got != mail(1000 * s_number(s) + n, 400):
                            wrong.append(s.msisdn)
                    p.quit()
                    done.append(s)
                except (OSError, EOFError, poplib.error_proto):
                    pass

        def move(s):
            for n in range(10):
                self.hato.lease("start", ip=s.ip, msisdn=s.msisdn, session_id="m%d" % n)
                try:
                    s.token = self.hato.token(s, s.ip)["token"]
                except AssertionError:
                    pass

        threads = [threading.Thread(target=one, args=(s,)) for s in phones]
        threads += [threading.Thread(target=move, args=(s,)) for s in phones[:6]]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])
        self.assertGreater(len(done), 18 * 6 - 1)


def s_number(s):
    return int(s.msisdn[-8:])


class SniffTest(unittest.TestCase):
    """popgw.sniff_tls: a client that speaks TLS to the plain port, or the other way round by STLS."""

    def test_both_on_one_port(self):
        hato = Hato({"popgw.sniff_tls": 300, "popgw.auth_requires_tls": "yes"})
        try:
            port = hato.port("popgw.pop3_port")
            p = Pop(port, "127.0.0.9", tls=True)
            self.assertIn("SASL", p.capa())
            p.quit()
            p = Pop(port, "127.0.0.9")
            self.assertNotIn("SASL", p.capa())
            with self.assertRaisesRegex(poplib.error_proto, "AUTH"):
                p.user("x")
            p.stls(TLS)
            self.assertIn("SASL", p.capa())
            p.quit()
        finally:
            hato.close()


class StopTest(unittest.TestCase):
    def test_open_sessions_do_not_hold_it_up(self):
        hato = Hato()
        try:
            s = hato.subscriber(1)
            s.ip = "127.0.0.5"
            token = hato.attach(s, s.ip)["token"].encode()
            raw = [Raw(hato.port("popgw.pop3_port"), s.ip) for _ in range(3)]
            for r in raw:
                r.line()
            raw[0].ask(b"USER " + token)
            self.assertTrue(raw[0].ask(b"PASS x").startswith(b"+OK"))
            raw[1].sock.sendall(b"AUTH PLAIN\r\n")
            hato.stop()
            for r in raw:
                self.assertTrue(r.ended())
                r.close()
        finally:
            hato.close()


if __name__ == "__main__":
    unittest.main()

"""`hato run` and the commands: what is printed where, exit statuses, supervision, configuration, keys, a full disk."""
import base64
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from harness.clients import run
from harness.mail import Lmtp, message
from harness.phones import Phones
from harness.pop import Pop
from harness.radius import START, Nas
from harness.system import BUILD, PATIENCE, PORT_KEYS, QUIET, Hato, eventually, free_ports, suspend

DAEMONS = ("authsrv", "smtpgw", "pushsrv", "popgw", "smsc-sim")


def built():
    return [name for name in DAEMONS if (BUILD / name).exists()]


def plain_lines(octets):
    """The lines of stderr that are not the log's JSON: what a person is told."""
    return [line for line in octets.decode().splitlines() if line and not line.startswith("{")]


class Contract(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hato-run-"))
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", str(self.folder)], check=True))
        self.ports = dict(zip(PORT_KEYS, free_ports(len(PORT_KEYS))))

    def arguments(self, **sets):
        out = ["--dir", self.folder / "state"]
        for key, value in {**QUIET, **self.ports, **sets}.items():
            out += ["--set", "%s=%s" % (key, value)]
        return out

    def fails(self, status, *words, says=None, program="hato"):
        """It ends by itself with that status, one clear line on stderr, and no `ready`."""
        done = run(BUILD / program, *words)
        told = plain_lines(done.stderr)
        self.assertEqual((status, 1), (done.returncode, len(told)), (done.stdout, done.stderr))
        self.assertNotIn(b"ready", done.stdout)
        if says:
            self.assertIn(says, told[0])

    def test_stdout_ends_with_ready(self):
        hato = Hato(start=False)
        try:
            process = subprocess.Popen([str(BUILD / "hato"), "run"] + hato.arguments(), stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, bufsize=0)
            lines = []
            for line in process.stdout:
                lines.append(line.decode().rstrip("\n"))
                if lines[-1] == "ready":
                    break
            text = "\n".join(lines)
            for key in PORT_KEYS:
                if key.split(".")[0] in built() + ["hato"] and key not in (
                        "authsrv.radius_port", "pushsrv.trigger_port"):
                    self.assertIn("127.0.0.1:%d" % hato.port(key), text, key)
            self.assertIn("/run/lmtp.sock", text)
            phones = Phones(hato)
            phone = phones.next()
            phone.receive()
            phone.fetch()
            with Pop(hato.port("popgw.pop3_port")) as pop:
                pop.say("USER x")
                began = time.monotonic()
                process.send_signal(signal.SIGTERM)
                rest, log = process.communicate(timeout=PATIENCE)
            self.assertLess(time.monotonic() - began, 5)
            self.assertEqual((0, b""), (process.returncode, rest), "nothing on stdout after ready")
            for line in log.decode().splitlines():
                entry = json.loads(line)
                self.assertTrue({"time", "level", "daemon", "event"} <= set(entry), line)
            self.assertNotIn(phone.token.encode(), log)
        finally:
            hato.close()

    def test_daemons_may_open_as_many_files_as_the_hard_limit_says(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        hato = Hato()
        try:
            for daemon in hato.status()["daemons"]:
                told = pathlib.Path("/proc/%d/limits" % daemon["pid"]).read_text().split("Max open files")[1].split()
                self.assertEqual(told[1], told[0], daemon["name"])
        finally:
            hato.close()

    def test_help(self):
        for program in built() + ["hato", "handset-sim"]:
            if not (BUILD / program).exists():
                continue
            with self.subTest(program):
                done = run(BUILD / program, "--help")
                self.assertEqual((0, b""), (done.returncode, done.stderr))
                self.assertIn(b"usage: ", done.stdout)
                if program in DAEMONS:
                    self.assertIn(b"--check-config", done.stdout)
                    self.assertIn(("%s.admin_port" % program).encode(), done.stdout)

    def test_usage_is_status_2(self):
        for words in ((), ("nonsense",), ("run",), ("run", "--dir", self.folder, "more"), ("run", "--nonsense"),
                      ("subscriber",), ("subscriber", "add", "--dir", self.folder), ("key", "--dir", self.folder)):
            done = run(BUILD / "hato", *words, env={"HATO_DIR": ""} if not words else None)
            self.assertEqual(2, done.returncode, words)
            self.assertEqual(b"", done.stdout)
            self.assertTrue(done.stderr)

    def test_unknown_keys_and_bad_values_are_status_2(self):
        for key, value, says in (("popgw.nonsense", 1, "popgw.nonsense"), ("nonsense.key", 1, "nonsense"),
                                 ("popgw.pop3_port", 65536, "pop3_port"), ("popgw.pop3_port", "x", "pop3_port"),
                                 ("pushsrv.trigger_mac", "maybe", "trigger_mac"), ("pushsrv.retry", "1,x", "retry"),
                                 ("popgw.login_id", "imsi", "login_id"), ("popgw.listen", "nowhere", "popgw.listen"),
                                 ("log.level", "loud", "log.level"), ("realm default.pop3_port", 1, "realm default"),
                                 ("realm b.nonsense", 1, "nonsense"), ("network-key x.scopes", "all", "scopes")):
            with self.subTest(key=key, value=value):
                self.fails(2, "run", *self.arguments(**{key: value}), says=says)
        self.fails(2, "run", "--dir", self.folder / "state", "--set", "nothing", says="section.key=value")

    def test_check_config(self):
        run(BUILD / "hato", "init", "--dir", self.folder / "state")
        conf = self.folder / "state" / "hato.conf"
        good = conf.read_text()
        self.assertEqual(0, run(BUILD / "hato", "run", "--check-config", "--dir", self.folder / "state").returncode)
        self.assertEqual(0, run(BUILD / "hato", "--check-config", "--dir", self.folder / "state").returncode)
        for program in built():
            done = run(BUILD / program, "--config", conf, "--check-config")
            self.assertEqual((0, b""), (done.returncode, done.stderr), program)
        for text, says in (("[popgw]\nnonsense = 1\n", "nonsense"), ("[nonsense]\n a = b\n", "nonsense"), ("no section\n", "hato.conf:"),
                           ("[smtpgw]\nrelay_ca = none.pem\n", "none.pem"), ("[smtpgw]\nhostname = mx_1\n", "smtpgw.hostname"),
                           ("[smtpgw]\ntraps = a@foreign.example\n", "a@foreign.example"),
                           ("[route a]\ndomains = x.example\n[route b]\ndomains = x.example\n", "[route b]")):
            conf.write_text(good + "\n" + text)
            self.fails(2, "run", "--check-config", "--dir", self.folder / "state", says=says)
            for program in built():
                self.fails(2, "--config", conf, "--check-config", program=program, says=says)

    def test_every_key_of_the_example_is_the_default(self):
        """The example that init writes, its comments taken off, is a configuration that is accepted."""
        run(BUILD / "hato", "init", "--dir", self.folder / "state")
        conf = self.folder / "state" / "hato.conf"
        lines = [line[1:].strip() if line.startswith("#") and "=" in line else line for line in conf.read_text().splitlines()]
        conf.write_text("\n".join(lines) + "\n")
        done = run(BUILD / "hato", "run", "--check-config", "--dir", self.folder / "state")
        self.assertEqual((0, b""), (done.returncode, done.stderr))

    def test_a_port_in_use_is_one_clear_line(self):
        keys = ["authsrv.handset_port", "authsrv.handset_tls_port", "authsrv.network_port", "pushsrv.lmtp_port",
                "popgw.pop3_port", "popgw.pop3s_port", "hato.console_port"]
        if "smtpgw" in built():
            keys += ["smtpgw.mx_port", "smtpgw.submission_port", "smtpgw.submissions_port"]
        for key in keys:
            with self.subTest(key), socket.socket() as s:
                s.bind(("127.0.0.1", self.ports[key]))
                s.listen()
                self.fails(1, "run", *self.arguments(), says=str(self.ports[key]))

    def test_one_system_a_folder(self):
        hato = Hato()
        try:
            done = run(BUILD / "hato", "run", "--dir", hato.dir / "state")
            self.assertEqual((1, 1), (done.returncode, len(plain_lines(done.stderr))), done.stderr)
            self.assertIn(b"running there already", done.stderr)
            self.assertTrue(hato.status()["ready"], "and the first one goes on")
        finally:
            hato.close()

    def test_a_folder_that_cannot_be(self):
        (self.folder / "file").write_text("")
        self.fails(1, "run", "--dir", self.folder / "file" / "state")
        self.fails(1, "status", "--dir", self.folder / "empty")

    def test_secrets_are_not_for_everybody(self):
        run(BUILD / "hato", "init", "--dir", self.folder / "state")
        for name in ("feeder.key", "radius.secret", "keys/token.keys", "keys/secret.key", "keys/return.key", "tls/key.pem"):
            self.assertEqual(0, (self.folder / "state" / name).stat().st_mode & 0o077, name)


class Running(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato()
        cls.phones = Phones(cls.hato)

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def console(self, path):
        return self.hato.http(self.hato.port("hato.console_port"), "GET", path)

    def test_a_killed_daemon_comes_back_and_that_is_logged(self):
        for daemon in built():
            pid = self.hato.kill(daemon)
            self.hato.wait_restarted(daemon, pid)
            died = [e for e in self.hato.events("daemon-died") if e["name"] == daemon]
            self.assertEqual(9, died[-1]["signal"])
            state = next(d for d in self.hato.status()["daemons"] if d["name"] == daemon)
            self.assertGreaterEqual(state["restarts"], 1)
        phone = self.phones.next()
        phone.receive()
        self.assertEqual(1, len(phone.fetch()))

    def test_readyz_says_when_a_daemon_is_missing(self):
        pid = self.hato.pid("popgw")
        suspend(pid)
        self.assertEqual(200, self.console("/healthz")[0])
        os.kill(pid, signal.SIGKILL)
        self.hato.wait_restarted("popgw", pid)
        self.assertEqual((200, b"ready\n"), self.console("/readyz")[::2])

    def test_console(self):
        self.phones.next()
        self.assertEqual((200, b"ok\n"), self.console("/healthz")[::2])
        status, headers, text = self.console("/metrics")
        self.assertEqual(200, status)
        self.assertIn("text/plain", headers["Content-Type"])
        names = {line.split()[2] for line in text.decode().splitlines() if line.startswith("# TYPE")}
        for daemon in built():
            self.assertTrue([n for n in names if n.startswith("hato_%s_" % daemon.replace("-", "_"))], (daemon, sorted(names)))
        for line in text.decode().splitlines():
            self.assertRegex(line, r"\A(#.*|[a-z_]+(\{[^}]*\})? -?[0-9.e+]+)\Z")
        self.assertEqual(404, self.console("/nonsense")[0])

    def test_commands_for_people_and_for_programs(self):
        phone = self.phones.next()
        phone.receive()
        checks = ((("status",), lambda a: a["ready"]), (("subscriber", "show", phone.msisdn), lambda a: a["imsi"] == phone.imsi),
                  (("subscriber", "list"), lambda a: phone.msisdn in [s["msisdn"] for s in a]),
                  (("binding", "show", phone.ip), lambda a: a["msisdn"] == phone.msisdn),
                  (("binding", "show", phone.msisdn), lambda a: [b["ip"] for b in a] == [phone.ip]),
                  (("binding", "history", phone.ip), lambda a: a[0]["event"] == "start"),
                  (("quarantine", "list"), lambda a: a == []), (("mailbox", "show", phone.msisdn), lambda a: a["messages"] == 1))
        for words, good in checks:
            with self.subTest(words):
                self.assertTrue(good(json.loads(self.hato.command(*words, "--json").stdout)))
                human = self.hato.command(*words)
                self.assertTrue(human.stdout.endswith("\n") and "{" not in human.stdout, human.stdout)
                self.assertEqual("", human.stderr)

    def test_subscriber_commands(self):
        add = self.hato.command("subscriber", "add", "819011112222", "--imsi", "440101111122222", "--address", "hana@hato.example",
                                "--address", "h2@hato.example", "--json")
        self.assertEqual(["hana@hato.example", "h2@hato.example"], json.loads(add.stdout)["addresses"])
        self.assertIn("hana@hato.example", self.hato.command("subscriber", "show", "819011112222").stdout)
        self.hato.command("subscriber", "remove", "819011112222")
        for words in (("subscriber", "show", "819011112222"), ("subscriber", "remove", "819011112222"),
                      ("mailbox", "show", "819011112222"), ("binding", "show", "127.99.0.1"),
                      ("subscriber", "add", "12", "--address", "x@hato.example"),
                      ("subscriber", "add", "819011112223", "--address", "hana@hato.example")):
            done = self.hato.command(*words, check=False)
            self.assertEqual((1, "", 1), (done.returncode, done.stdout, len(done.stderr.splitlines())), words)

    def test_key_rotation_keeps_old_tokens_and_revoking_ends_them(self):
        phone = self.phones.next()
        old = phone.token
        answer = json.loads(self.hato.command("key", "rotate", "--json").stdout)
        eventually("the new key seals", lambda: self.key_of(phone.ask_token()["token"]) == answer["key"])
        for token in (old, phone.token):
            self.assertRegex(phone.try_login(token=token), r"\A\+OK")
        self.hato.command("key", "rotate", "--revoke", str(self.key_of(old)))
        self.assertRegex(eventually("it opens nothing", lambda: (lambda a: a.startswith("-ERR") and a)(phone.try_login(token=old))),
                         r"\[AUTH\]")
        self.assertRegex(phone.try_login(), r"\A\+OK")
        self.assertEqual(1, self.hato.command("key", "rotate", "--revoke", "77", check=False).returncode)

    def key_of(self, token):
        """Byte 0 of a token is the key's id."""
        return base64.urlsafe_b64decode(token)[0]


class Survives(unittest.TestCase):

    def test_kill_9_of_hato_itself(self):
        hato = Hato()
        try:
            phone = Phones(hato).next()
            content = phone.receive()
            pids = [d["pid"] for d in hato.status()["daemons"]]
            hato.process.kill()
            hato.process.wait()
            hato.process.stdout.close()

            def gone(pid):
                try:
                    os.kill(pid, 0)
                    return False
                except ProcessLookupError:
                    return True
            eventually("the daemons go with it", lambda: all(gone(pid) for pid in pids))
            hato.start()
            self.assertEqual([content], phone.fetch(), "with the token of before")
        finally:
            hato.close()

    def test_sigterm_with_work_in_flight_is_over_in_5_seconds(self):
        hato = Hato()
        try:
            phone = Phones(hato).next()
            phone.receive()
            lmtp = Lmtp(hato.port("pushsrv.lmtp_port"))
            lmtp.envelope("a@b.example", [phone.address])
            lmtp.ok("DATA", 354)
            lmtp.send(b"half a mail")
            pop = phone.login()
            held = [socket.create_connection(("127.0.0.1", hato.port(key)), PATIENCE)
                    for key in ("authsrv.handset_port", "authsrv.network_port", "authsrv.handset_tls_port", "popgw.pop3s_port")]
            held[0].sendall(b"POST /v1/token HTTP/1.1\r\nHost: localhost\r\n")
            began = time.monotonic()
            hato.stop()
            self.assertLess(time.monotonic() - began, 5)
            self.assertEqual([], hato.events("daemon-killed"), "nobody had to be killed")
            for s in held + [lmtp, pop]:
                s.close()
        finally:
            hato.close()


class FullDisk(unittest.TestCase):
    """The store on a small file system of its own: when that is full, everybody hears `later`, and nothing is lost."""

    def setUp(self):
        self.hato = Hato(start=False)
        self.addCleanup(self.hato.close)
        self.db = self.hato.dir / "state" / "db"
        run(BUILD / "hato", "init", "--dir", self.hato.dir / "state")
        if os.geteuid() or run("mount", "-t", "tmpfs", "-o", "size=6m", "hato-test", self.db).returncode:
            self.skipTest("mounting is not permitted")
        self.addCleanup(lambda: run("umount", self.db))
        self.addCleanup(lambda: self.hato.stop(expect=None))
        self.hato.start()
        self.phones = Phones(self.hato)

    def fill(self):
        with open(self.db / "filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def deliver(self, phone, content):
        with Lmtp(self.hato.port("pushsrv.lmtp_port")) as lmtp:
            return lmtp.deliver(phone.address, content)

    def test_later_and_back_to_normal(self):
        a, b = self.phones.next(), self.phones.next()
        c = self.phones.next(attach=False)
        kept = [a.receive(message("before"))]
        self.fill()
        big = message("big") + (b"x" * 998 + b"\r\n") * 40

        def mail_is_refused():
            code, text = self.deliver(a, big)
            if code == 250:
                kept.append(big)
            return code != 250 and (code, text)
        code, text = eventually("mail is refused", mail_is_refused)
        self.assertEqual(451, code, text)

        def lease_is_refused():
            answer = self.hato.network("POST", "/v1/lease-events", {"event": "update", "ip": b.ip, "msisdn": b.msisdn,
                                                                    "session_id": b.session})
            return answer[0] != 200 and answer
        status, headers, answer = eventually("leases are refused", lease_is_refused)
        self.assertEqual((503, "urn:hato:problem:overloaded"), (status, answer["type"]))
        self.assertGreater(int(headers["Retry-After"]), 0)

        dropped = 'hato_authsrv_radius_dropped_total{reason="store"}'
        nas = Nas(self.hato)
        self.addCleanup(nas.close)

        def radius_is_refused():
            before = self.hato.metric(dropped)
            request = nas.send(nas.make(START, ip=c.ip, msisdn=c.msisdn, session="radius"))
            eventually("answered or dropped", lambda: not nas.is_silent() or self.hato.metric(dropped) > before)
            return self.hato.metric(dropped) > before and request
        asked = eventually("RADIUS is not answered", radius_is_refused)
        self.assertTrue(nas.is_silent())

        with a.login() as pop:
            self.assertEqual(len(kept), pop.stat()[0], "reading goes on")
            pop.say("DELE 1")
            said = pop.say("QUIT")
        if said.startswith("+OK"):
            kept = kept[1:]
        else:
            self.assertRegex(said, r"\A-ERR \[SYS/TEMP\]")

        (self.db / "filler").unlink()
        eventually("mail is taken again", lambda: self.deliver(b, message("after"))[0] == 250)
        eventually("leases are taken again", lambda: not lease_is_refused())
        nas.answer(nas.send(asked))
        self.assertEqual(c.msisdn, c.binding()["msisdn"])
        self.assertEqual(kept, a.fetch(), "what was said 250 to is there, what was refused is not")
        self.assertEqual([message("after")], b.fetch())
        self.assertTrue(self.hato.status()["ready"])
        self.assertEqual([0] * len(built()), [d["restarts"] for d in self.hato.status()["daemons"]], "nobody died of it")


if __name__ == "__main__":
    unittest.main()

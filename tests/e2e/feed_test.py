"""The feeds' hooks without their servers: the spool and its sender against a server that misbehaves, the order of hooks that
run in any order, and the device table by HTTP and by command."""
import http.server
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from harness.system import PATIENCE, ROOT, Hato, eventually


class Stage:
    """A folder with a feed.conf, and the hooks run by hand."""

    def __init__(self, port, key_file=None, **settings):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hato-feed-"))
        (self.dir / "key").write_text("secret-of-the-feed\n")
        settings = {"url": "http://127.0.0.1:%d" % port, "key_file": key_file or self.dir / "key", "spool": self.dir / "spool",
                    "pause_max": 1, **settings}
        (self.dir / "feed.conf").write_text("# a comment\n" + "".join("%s=%s\n" % pair for pair in settings.items()))

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def environment(self, more):
        return {"PATH": os.environ["PATH"], "HATO_FEED_CONF": str(self.dir / "feed.conf"), **more}

    def run(self, program, *words, **env):
        run = subprocess.run([str(ROOT / "feeds" / program), *words], env=self.environment(env), capture_output=True,
                             stdin=subprocess.DEVNULL, text=True, timeout=PATIENCE)
        assert (run.returncode, run.stdout, run.stderr) == (0, "", ""), run

    def held(self, program, *words, **env):
        """A hook that was started, but does not come to run until it is let go."""
        p = subprocess.Popen(["/bin/sh", "-c", "read go; exec \"$@\"", "sh", str(ROOT / "feeds" / program), *words],
                             env=self.environment(env), stdin=subprocess.PIPE)
        ticks = uptime()
        while uptime() == ticks:  # the kernel notes starts in steps of 10 ms
            pass
        return p

    def files(self, folder="queue"):
        path = self.dir / "spool" / folder
        return sorted(path.iterdir()) if path.exists() else []


def uptime():
    return pathlib.Path("/proc/uptime").read_text().split()[0]


def let_go(process):
    process.stdin.write(b"go\n")
    process.stdin.close()
    assert process.wait(PATIENCE) == 0


class Answers(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status = self.server.answer(json.loads(body))
        self.server.requests.append((self.path, self.headers["Authorization"], json.loads(body), status))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class SpoolTest(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.server.requests, self.server.answer = [], lambda events: 200
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.stages = []

    def stage(self, **settings):
        stage = Stage(self.server.server_address[1], **settings)
        self.addCleanup(stage.close)
        self.addCleanup(lambda: eventually("the sender has left", lambda: not self.senders(stage)))
        self.addCleanup(setattr, self.server, "answer", lambda events: 200)
        return stage

    def senders(self, stage):
        """Whoever holds one of the spool's locks."""
        return subprocess.run(["flock", "-n", str(stage.dir / "spool" / "send.lock"), "true"], check=False).returncode

    def ips(self):
        """Of the requests that were accepted."""
        return [[e["ip"] for e in events] for _, _, events, status in self.server.requests if status == 200]

    def test_an_event(self):
        stage = self.stage(realm="home", nas_id="bng-7")
        stage.run("dnsmasq-hook", "add", "02:00:00:00:00:0A", "10.0.0.1", "a-name", DNSMASQ_CLIENT_ID="01:02:00:00:00:00:0a",
                  DNSMASQ_TIME_REMAINING="600", DNSMASQ_CIRCUIT_ID="port 7", DNSMASQ_REMOTE_ID="\"\\")
        eventually("it was brought", lambda: not stage.files() and self.server.requests)
        path, key, events, _ = self.server.requests[0]
        self.assertEqual(("/v1/lease-events?realm=home", "Bearer secret-of-the-feed"), (path, key))
        self.assertRegex(events[0].pop("time"), r"\A20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")
        self.assertIn(events[0].pop("lease_seconds"), range(590, 601))
        self.assertEqual([{"event": "start", "nas_id": "bng-7", "ip": "10.0.0.1", "session_id": "01:02:00:00:00:00:0a@10.0.0.1",
                           "session_recurs": True, "client_id": "01:02:00:00:00:00:0a", "hw_address": "02:00:00:00:00:0A",
                           "circuit_id": "706f72742037", "remote_id": "225c"}], events)

    def test_others_words_are_nothing(self):
        """What is no event of ours, or no address or name at all, is no record and no error."""
        stage = self.stage()
        for words in (["init"], ["arp-add", "02:00:00:00:00:0a", "10.0.0.1"], ["tftp", "1", "10.0.0.1", "file"], ["what"],
                      ["add", "02:00:00:00:00:0a", "10.0.0.1\",\"x"], ["add", "\";rm", "10.0.0.1"], ["add", "", "10.0.0.1"]):
            stage.run("dnsmasq-hook", *words)
        for point in ("lease4_renew", "lease4_recover", "lease6_rebind", "subnet4_select", ""):
            stage.run("kea-hook", point, LEASE4_ADDRESS="10.0.0.1", LEASE4_HWADDR="02:00:00:00:00:0a")
        stage.run("kea-hook", "leases6_committed", LEASES6_SIZE="1", LEASES6_AT0_ADDRESS="2001:db8::5", LEASES6_AT0_DUID="00:03",
                  LEASES6_AT0_TYPE="IA_NA", LEASES6_AT0_PREFIX_LEN="128", LEASES6_AT0_STATE="default")
        stage.run("kea-hook", "leases4_committed", LEASES4_SIZE="1", LEASES4_AT0_ADDRESS="10.0.0.1", LEASES4_AT0_STATE="declined",
                  LEASES4_AT0_HWADDR="02:00:00:00:00:0a")
        self.assertEqual(([], []), (stage.files(), self.server.requests))

    def test_away(self):
        """503, and no answer at all: everything waits, in order, and comes once."""
        self.server.answer = lambda events: 503
        stage = self.stage()
        for i in range(3):
            stage.run("dnsmasq-hook", "add", "02:00:00:00:00:0a", "10.0.0.%d" % i)
        eventually("it was tried", lambda: self.server.requests)
        self.assertEqual(3, len(stage.files()))
        self.server.answer = lambda events: 200
        eventually("all were brought", lambda: not stage.files())
        self.assertEqual(["10.0.0.0", "10.0.0.1", "10.0.0.2"], self.ips()[-1])

    def test_nobody_waits(self):
        """The hook is done although authsrv does not answer."""
        done = threading.Event()
        self.server.answer = lambda events: 200 if done.wait(PATIENCE) else 500
        stage = self.stage()
        for i in range(3):
            stage.run("dnsmasq-hook", "del", "02:00:00:00:00:0a", "10.0.0.%d" % i)
        done.set()
        eventually("all were brought", lambda: not stage.files())
        self.assertEqual(["10.0.0.0", "10.0.0.1", "10.0.0.2"], sum(self.ips(), []))

    def test_poison(self):
        """What is never understood is set aside; the others come through, in order."""
        self.server.answer = lambda events: 503
        stage = self.stage()
        for i in range(3):
            stage.run("dnsmasq-hook", "add", "02:00:00:00:00:0a", "10.0.0.%d" % i)
        self.server.answer = lambda events: 400 if "10.0.0.1" in [e["ip"] for e in events] else 200
        eventually("all are gone", lambda: not stage.files())
        self.assertEqual(1, len(stage.files("rejected")))
        self.assertIn("10.0.0.1", stage.files("rejected")[0].read_text())
        self.assertEqual(["10.0.0.0", "10.0.0.2"], sum(self.ips(), []))

    def test_wrong_key(self):
        """An operator's mistake loses nothing."""
        self.server.answer = lambda events: 401
        stage = self.stage()
        stage.run("dnsmasq-hook", "add", "02:00:00:00:00:0a", "10.0.0.1")
        eventually("it was tried twice", lambda: len(self.server.requests) > 1)
        self.assertEqual(1, len(stage.files()))

    def test_full(self):
        self.server.answer = lambda events: 503
        stage = self.stage(spool_max=2)
        for i in range(4):
            stage.run("dnsmasq-hook", "add", "02:00:00:00:00:0a", "10.0.0.%d" % i)
        self.assertEqual(2, len(stage.files()))
        self.assertIn("10.0.0.3", stage.files()[-1].read_text())


class OrderTest(unittest.TestCase):
    """Kea starts its hooks in order and does not wait for them. All of one second, in every order of arrival."""

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato()
        cls.addClassCleanup(cls.hato.close)
        cls.people = [cls.hato.subscriber(1), cls.hato.subscriber(2)]
        for i, s in enumerate(cls.people):
            assert cls.hato.command("device", "add", "hw-address", "02:00:00:00:00:0%d" % i, s.msisdn)
        cls.stage = Stage(cls.hato.port("authsrv.network_port"), cls.hato.dir / "state" / "feeder.key")
        cls.addClassCleanup(cls.stage.close)

    def lease(self, who, ip, cltt):
        of = {"ADDRESS": ip, "HWADDR": "02:00:00:00:00:0%d" % who, "CLTT": str(cltt), "VALID_LIFETIME": "3600", "STATE": "default"}
        return self.stage.held("kea-hook", "leases4_committed", LEASES4_SIZE="1", DELETED_LEASES4_SIZE="0",
                               **{"LEASES4_AT0_" + k: v for k, v in of.items()})

    def release(self, who, ip, cltt):
        of = {"ADDRESS": ip, "HWADDR": "02:00:00:00:00:0%d" % who, "CLTT": str(cltt), "VALID_LIFETIME": "3600"}
        return self.stage.held("kea-hook", "lease4_release", **{"LEASE4_" + k: v for k, v in of.items()})

    def history(self, ip):
        status, _, rows = self.hato.network("GET", "/v1/bindings/%s/history" % ip)
        return rows if status == 200 else []

    def every_order(self, subnet, last):
        for n, order in enumerate(itertools.permutations(range(3))):
            ip = "10.0.%d.%d" % (subnet, n + 1)
            cltt = int(time.time())
            hooks = [self.lease(0, ip, cltt), self.release(0, ip, cltt), self.lease(last, ip, cltt)]
            for i, h in enumerate(order):
                let_go(hooks[h])
                eventually("hook %d of %s was heard" % (h, order), lambda: len(self.history(ip)) > i)
            status, _, found = self.hato.network("GET", "/v1/bindings/" + ip)
            self.assertEqual((200, self.people[last].msisdn, "unconfirmed"),
                             (status, found.get("msisdn"), found.get("state")), (order, self.history(ip)))

    def test_the_next_client(self):
        self.every_order(1, 1)

    def test_the_same_client(self):
        self.every_order(2, 0)


class DeviceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hato = Hato()
        cls.addClassCleanup(cls.hato.close)

    def ask(self, method, path, body=None):
        status, _, answer = self.hato.network(method, "/v1/devices" + path, body)
        return status, answer

    def test_table(self):
        s = self.hato.subscriber(1)
        row = {"kind": "hw-address", "value": "02000000000a", "msisdn": s.msisdn}
        self.assertEqual((201, row), self.ask("PUT", "/hw-address/02:00:00:00:00:0A", {"msisdn": s.msisdn}))
        self.assertEqual((200, row), self.ask("PUT", "/hw-address/02000000000a", {"msisdn": "+" + s.msisdn}))
        self.assertEqual((200, row), self.ask("GET", "/hw-address/0200:000000:0A"))
        for path, body, status in (("/hw-address/02:0", {"msisdn": s.msisdn}, 400), ("/mac/02", {"msisdn": s.msisdn}, 400),
                                   ("/hw-address/02", {"msisdn": "819099999999"}, 404), ("/hw-address/02", {}, 400),
                                   ("/hw-address/02", [], 400), ("/hw-address/" + "aa" * 256, {"msisdn": s.msisdn}, 400),
                                   ("/hw-address/02?realm=none", {"msisdn": s.msisdn}, 403)):
            self.assertEqual(status, self.ask("PUT", path, body)[0], path)
        self.assertEqual(404, self.ask("GET", "/client-id/02000000000a")[0])
        self.assertEqual((204, None), self.ask("DELETE", "/hw-address/02000000000a"))
        self.assertEqual(404, self.ask("DELETE", "/hw-address/02000000000a")[0])

    def test_list_and_commands(self):
        s = self.hato.subscriber(2)
        kinds = ("circuit-id", "client-id", "hw-address", "remote-id", "subscriber-id")
        for kind in reversed(kinds):
            for value in ("0b", "0a:ff", "ff" * 255):
                self.hato.command("device", "add", kind, value, s.msisdn)
        rows = json.loads(self.hato.command("device", "list", "--json").stdout)
        self.assertEqual([(k, v) for k in kinds for v in ("0aff", "0b", "ff" * 255)], [(r["kind"], r["value"]) for r in rows])
        self.assertEqual(rows[:2], self.ask("GET", "?limit=2")[1])
        self.assertEqual(rows[4:7], self.ask("GET", "?limit=3&after=client-id/0a:ff")[1])
        self.assertEqual(400, self.ask("GET", "?after=client-id")[0])
        self.assertIn("0aff", self.hato.command("device", "list").stdout)
        self.hato.command("device", "remove", "remote-id", "0b")
        self.assertEqual(1, self.hato.command("device", "remove", "remote-id", "0b", check=False).returncode)
        # They go with their subscriber.
        self.hato.command("subscriber", "remove", s.msisdn)
        self.assertEqual((200, []), self.ask("GET", ""))

    def test_an_unknown_device(self):
        """Nobody's, but its Start evicts."""
        s = self.hato.subscriber(3)
        self.hato.attach(s, "127.0.9.1")
        result = self.hato.lease("start", ip="127.0.9.1", client_id="01:aa", session_id="x", session_recurs=True)
        self.assertEqual("unknown-subscriber", result["problem"])
        self.assertEqual(404, self.hato.network("GET", "/v1/bindings/127.0.9.1")[0])
        self.assertEqual(["client-id=01aa"], [e["devices"] for e in self.hato.events("lease-error")])

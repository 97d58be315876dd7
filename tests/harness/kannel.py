"""Kannel (bearerbox and smsbox) in a folder of its own, as an ESME of a SMSC: sends by its HTTP interface, and what comes in
and its delivery reports arrive at a small HTTP server of the test's."""
import http.server
import pathlib
import queue
import shutil
import subprocess
import tempfile
import threading
import urllib.parse
import urllib.request

from harness.system import PATIENCE, eventually, free_ports

CONFIG = """
group = core
admin-port = %(admin)d
admin-interface = 127.0.0.1
admin-password = test
smsbox-port = %(box)d
smsbox-interface = 127.0.0.1
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
log-file = "%(dir)s/bearerbox.log"
log-level = 0
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = hato
host = 127.0.0.1
port = %(smpp)d
transceiver-mode = true
smsc-username = "%(system_id)s"
smsc-password = "%(password)s"
system-type = ""
address-range = ""
max-pending-submits = 10
enquire-link-interval = 1
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = %(send)d
sendsms-interface = 127.0.0.1
global-sender = 4711
log-file = "%(dir)s/smsbox.log"
log-level = 0

group = sendsms-user
username = test
password = test
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "http://127.0.0.1:%(mo)d/mo?from=%%p&to=%%P&text=%%a&coding=%%c&udh=%%u&binary=%%b"
"""


class Kannel:
    def __init__(self, smpp_port, system_id, password):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hato-kannel-"))
        self.heard = queue.Queue()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.admin, box, self.send_port = free_ports(3)
        self.config = self.dir / "kannel.conf"
        self.config.write_text(CONFIG % {
            "admin": self.admin, "box": box, "send": self.send_port, "mo": self.server.server_port, "smpp": smpp_port,
            "system_id": system_id, "password": password, "dir": self.dir})
        self.boxes = []
        self.kept = []

    def handler(self):
        heard = self.heard

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                pairs = urllib.parse.parse_qsl(url.query, keep_blank_values=True, encoding="latin-1")
                heard.put((url.path, dict(pairs)))
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        return Handler

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.boxes.append(self.run("bearerbox"))
        eventually("bearerbox is bound", lambda: "(online" in self.status())
        self.boxes.append(self.run("smsbox"))
        eventually("smsbox is there", lambda: "smsbox:(none)" in self.status())
        return self

    def run(self, program):
        return subprocess.Popen([program, "-v", "4", str(self.config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, cwd=self.dir)

    def status(self):
        for box in self.boxes:
            if box.poll() is not None:
                raise AssertionError("%s ended: %s" % (box.args[0], self.log()))
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/status.txt?password=test" % self.admin, timeout=PATIENCE) as r:
                return r.read().decode()
        except OSError:
            return ""

    def log(self):
        return "".join(p.read_text(errors="replace")[-3000:] for p in self.dir.glob("*.log"))

    def __exit__(self, *_):
        for box in reversed(self.boxes):
            box.terminate()
            try:
                box.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                box.kill()
                box.wait()
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def send(self, to, **fields):
        """By smsbox; a report is asked for: `report` names it."""
        mark = fields.pop("report", None)
        if mark:
            fields["dlr-mask"] = "31"
            fields["dlr-url"] = "http://127.0.0.1:%d/report?what=%%d&mark=%s" % (self.server.server_port, mark)
        query = urllib.parse.urlencode({"username": "test", "password": "test", "to": to, "from": "4711", **fields},
                                       encoding="latin-1")
        url = "http://127.0.0.1:%d/cgi-bin/sendsms?%s" % (self.send_port, query)
        def ask():
            try:
                with urllib.request.urlopen(url, timeout=PATIENCE) as r:
                    return r.read().decode()
            except urllib.error.HTTPError as e:
                raise AssertionError("sendsms: %s %s" % (e, e.read()))
            except OSError:
                return None
        return eventually("smsbox takes it", ask)

    def next(self, path):
        """The next call of that path; others are kept: Kannel makes several at once, in any order."""
        for i, (where, fields) in enumerate(self.kept):
            if where == path:
                self.kept.pop(i)
                return fields
        while True:
            try:
                where, fields = self.heard.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError("Kannel did not call %s: %s" % (path, self.log()))
            if where == path:
                return fields
            self.kept.append((where, fields))

    def report(self, mark, what):
        """Waits for that report: 1 delivered, 2 failed, 4 buffered, 8 taken by the SMSC, 16 refused by it."""
        wanted = {"mark": mark, "what": str(what)}
        others = []
        fields = self.next("/report")
        while fields != wanted:
            others.append(("/report", fields))
            fields = self.next("/report")
        self.kept += others

"""rspamd: the real one, where it is installed, without its own rules and without DNS; and a stand-in that says what a test
tells it."""
import http.server
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import urllib.request

from harness.system import PATIENCE, eventually, free_ports

CONFIG = """
options {
  tempdir = "%(dir)s"; hs_cache_dir = "%(dir)s"; control_socket = "%(dir)s/control"; pidfile = "%(dir)s/pid";
  url_tld = "%(dir)s/tld"; disable_hyperscan = true; filters = ""; local_networks = []; rrd = ""; history_file = "";
  enable_test_patterns = true;
  dns { nameserver = ["127.0.0.1:%(dns)d:10"]; timeout = 0.1s; retransmits = 1; }
}
logging { type = "console"; level = "warning"; }
worker "normal" { bind_socket = "127.0.0.1:%(port)d"; count = 1; }
metric "default" { actions { reject = 15; add_header = 6; greylist = 4; } symbol "GTUBE" { weight = 0.0; } }
"""
# What it calls spam, however it is set up: reject, add header, rewrite subject, no action.
PATTERN = "%sJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


def is_installed():
    return shutil.which("rspamd") is not None


class Rspamd:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hato-rspamd-")
        folder = pathlib.Path(self.folder.name)
        port, dns = free_ports(2)
        (folder / "conf").write_text(CONFIG % {"dir": folder, "port": port, "dns": dns})
        (folder / "tld").write_text("com\nexample\n")
        self.url = "http://127.0.0.1:%d" % port
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen(["rspamd", "-f", "-i", "-c", str(folder / "conf")], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        try:
            eventually("rspamd answers", self.is_up)
        except AssertionError:
            self.close()
            raise

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError("rspamd ended: " + pathlib.Path(self.log.name).read_text())
        try:
            with urllib.request.urlopen(self.url + "/ping", timeout=PATIENCE) as r:
                return r.read().strip() == b"pong"
        except OSError:
            return False

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)
        self.log.close()
        self.folder.cleanup()


class StandIn:
    """`answer`: a dictionary, octets, a status, or None (nothing is said until the end)."""

    def __init__(self):
        self.answer, self.seen = {"action": "no action", "score": 0.0}, []
        self.end = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.seen.append((self.path, self.headers, body))
                answer = outer.answer
                if answer is None:
                    outer.end.wait(PATIENCE)
                    return
                if isinstance(answer, int):
                    self.send_error(answer)
                    return
                octets = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            def log_message(self, *_):
                pass
        port, = free_ports(1)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = "http://127.0.0.1:%d" % port
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.end.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

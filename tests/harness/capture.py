"""tshark on the loopback: started, seen to be capturing, and then asked what it saw."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from harness.system import PATIENCE

# The dissector knows the number 0x030a, but not that WBXML is in it.
DECODE = ["-d", "media_type==<unknown media type identifier 0x30a>,wbxml"]


class Capture:
    """`with Capture(port) as c:` captures datagrams to that UDP port of any loopback address, and what else passes
    the filter `also`, to be read as `decode`."""

    def __init__(self, port, decode="wsp", also=None):
        self.port = port
        self.decode = decode
        self.filter = "udp dst port %d" % port + (" or " + also if also else "")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hato-capture-"))
        self.file = self.folder / "lo.pcapng"

    def __enter__(self):
        self.probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.probe.bind(("127.0.0.1", 0))
        self.probe_port = self.probe.getsockname()[1]
        self.process = subprocess.Popen(
            ["tshark", "-n", "-l", "-P", "-i", "lo", "-f", self.filter, "-w", str(self.file),
             "-T", "fields", "-e", "udp.srcport"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.watchdog = threading.Timer(PATIENCE, self.process.kill)
        self.watchdog.start()
        self._until_it_sees()
        return self

    def _until_it_sees(self):
        """A probe now and then, until the first line of what was captured: from then on nothing is missed."""
        seen = threading.Event()
        threading.Thread(target=lambda: self.process.stdout.readline() and seen.set(), daemon=True).start()
        while not seen.wait(0.05):
            if self.process.poll() is not None:
                self.__exit__()
                raise unittest.SkipTest("capturing is not permitted")
            self.probe.sendto(b"probe", ("127.255.255.254", self.port))

    def wait_for(self, source_port):
        """Reads on until a packet from source_port was written."""
        for line in self.process.stdout:
            if line.strip() == b"%d" % source_port:
                return
        raise AssertionError("tshark ended before it saw a packet from port %d" % source_port)

    def finish(self):
        """All that was sent until now is in the file: a last probe was seen behind it."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.bind(("127.0.0.1", 0))
            last.sendto(b"probe", ("127.255.255.254", self.port))
            self.wait_for(last.getsockname()[1])
        self.stop()

    def stop(self):
        """Ends the capture; the file is whole then."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.stdout.read()
            self.process.wait()
        self.watchdog.cancel()
        self.probe.close()
        self.process.stdout.close()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def read(self, display, *options):
        """tshark's text about the captured packets that match the display filter (the probes never do)."""
        command = ["tshark", "-n", "-r", str(self.file), "-d", "udp.port==%d,%s" % (self.port, self.decode), *DECODE,
                   "-Y", "!(udp.srcport == %d) && (%s)" % (self.probe_port, display), *options]
        run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE,
                             env={**os.environ, "LC_ALL": "C.UTF-8"})
        if run.returncode != 0:
            raise AssertionError("%s: %s" % (" ".join(command), run.stderr))
        return run.stdout

"""smsc-sim by itself, as a person runs it who has an ESME to try: no other daemon, its own folder, its own ports."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from harness.clients import curl
from harness.radio import Air
from harness.smpp import BIND_TRANSCEIVER, Esme
from harness.system import BUILD, PATIENCE, free_ports

PASSWORD = "s3cret"


class Refused(Exception):
    """The control API said no: (status, problem)."""

    def __init__(self, status, problem):
        super().__init__("%s %s" % (status, problem))
        self.status, self.problem = status, problem


class Smsc:
    """accounts: name -> further lines of its section."""

    def __init__(self, sets=None, accounts=None, options=()):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hato-smsc-"))
        self.smpp, self.control, self.radio = free_ports(3)
        lines = ["[smsc-sim]", "smpp_port = %d" % self.smpp, "control_port = %d" % self.control,
                 "radio_port = %d" % self.radio]
        lines += ["%s = %s" % pair for pair in (sets or {}).items()]
        for name, more in (accounts or {"one": "", "two": ""}).items():
            (self.dir / (name + ".secret")).write_text(PASSWORD + "\n")
            (self.dir / (name + ".secret")).chmod(0o600)
            lines += ["[esme %s]" % name, "password_file = %s.secret" % name, more]
        (self.dir / "hato.conf").write_text("\n".join(lines) + "\n")
        self.log_path = self.dir / "log"
        self.options = options
        self.start()

    def start(self):
        ready, said = os.pipe()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(BUILD / "smsc-sim"), "--config", str(self.dir / "hato.conf"), *map(str, self.options)], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, pass_fds=[said], env={**os.environ, "HATO_READY_FD": str(said)})
        os.close(said)
        with os.fdopen(ready) as pipe:
            if pipe.readline() != "ready\n":
                status = self.process.wait(PATIENCE)
                log = self.log()
                shutil.rmtree(self.dir, ignore_errors=True)
                raise AssertionError("smsc-sim ended with %s:\n%s" % (status, log))

    def log(self):
        return self.log_path.read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
            log = self.log()
            if status != 0 or "Sanitizer" in log or "runtime error:" in log:
                raise AssertionError("smsc-sim ended with %s:\n%s" % (status, log[-8000:]))
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)

    # ---- its sides ----

    def esme(self, account="one", command=BIND_TRANSCEIVER, **options):
        esme = Esme(self.smpp)
        pdu = esme.bind(account, PASSWORD, command, **options)
        assert pdu.status == 0, pdu
        return esme

    def air(self):
        return Air(self.radio)

    def api(self, method, path, body=None):
        """The answer, decoded, by curl."""
        options = ["-X", method, "-w", "\n%{http_code}"]
        if body is not None:
            options += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
        text = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        status, out = curl(*options, "http://127.0.0.1:%d%s" % (self.control, path), stdin=text)
        assert status == 0, (path, status, out)
        answer, _, code = out.rpartition(b"\n")
        decoded = json.loads(answer) if answer else None
        if int(code) >= 400:
            raise Refused(int(code), decoded)
        return decoded

    def faults(self, *faults, seed=1):
        """In force from now on; their day begins."""
        return self.api("PUT", "/v1/faults", {"seed": seed, "faults": list(faults)})

    def message(self, message_id):
        return self.api("GET", "/v1/messages/" + message_id)

    def metric(self, name):
        status, out = curl("http://127.0.0.1:%d/metrics" % self.control)
        assert status == 0
        return sum(int(line.rsplit(" ", 1)[1]) for line in out.decode().splitlines() if line.split("{")[0].split(" ")[0] == name)

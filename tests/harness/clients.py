"""Other people's clients, run as a person would run them: curl, swaks, fetchmail, openssl, wbxml2xml."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from harness.system import PATIENCE, ROOT


def run(*command, stdin=None, env=None):
    """The finished process; its text is octets."""
    return subprocess.run([str(word) for word in command], input=stdin, capture_output=True, timeout=PATIENCE,
                          env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}, **({} if stdin is not None else
                                                                                    {"stdin": subprocess.DEVNULL}))


def curl(*options, source=None, stdin=None):
    """(exit status, stdout as octets). Status 67 is a refused login."""
    where = ["--interface", source] if source else []
    done = run("curl", "-sS", "--insecure", "--max-time", PATIENCE, *where, *options, stdin=stdin)
    return done.returncode, done.stdout


def curl_json(method, url, body=None, source=None, bearer=None):
    """(HTTP status, decoded body), by curl alone."""
    options = ["-X", method, "-w", "\n%{http_code}"]
    if bearer:
        options += ["-H", "Authorization: Bearer " + bearer]
    if body is not None:
        options += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    status, out = curl(*options, url, source=source)
    assert status == 0, (url, status, out)
    text, _, code = out.rpartition(b"\n")
    return int(code), json.loads(text) if text else None


def swaks(*options, content=None):
    """(exit status, transcript). content: the whole message, CRLF lines (swaks adds the last CRLF itself)."""
    with tempfile.NamedTemporaryFile(suffix=".eml") as file:
        if content is not None:
            file.write(content.removesuffix(b"\r\n"))
            file.flush()
            options += ("--data", "@" + file.name)
        done = run("swaks", "--no-hints", "--suppress-data", *options)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def fetchmail(port, source, login, password, tls="none", keep=False):
    """(exit status, mail as octets, transcript). 0: mail was fetched, 1: there was none, 3: the login was refused.

    tls: none, stls or implicit. fetchmail has no option for a source address, but a `plugin` that connects for it."""
    how = {"none": "sslproto ''", "stls": "sslproto 'auto' no sslcertck", "implicit": "ssl no sslcertck"}[tls]
    plugin = "%s %s %s %%h %%p" % (sys.executable, ROOT / "tests/harness/connect_from.py", source)
    with tempfile.TemporaryDirectory(prefix="hato-fetchmail-") as home:
        out, rc = pathlib.Path(home) / "mail", pathlib.Path(home) / "rc"
        rc.write_text('poll 127.0.0.1 service %d protocol pop3 auth password plugin "%s"\n'
                      '  user "%s" password "%s" %s %s no rewrite mda "cat >>%s"\n'
                      % (port, plugin, login, password, how, "keep" if keep else "no keep", out))
        rc.chmod(0o600)
        done = run("fetchmail", "-f", rc, "--nosyslog", "--pidfile", pathlib.Path(home) / "pid", "-v",
                   env={"HOME": home, "FETCHMAILHOME": home})
        mail = out.read_bytes() if out.exists() else b""
    return done.returncode, mail, (done.stdout + done.stderr).decode("utf-8", "replace")


def wbxml_to_xml(octets):
    with tempfile.TemporaryDirectory(prefix="hato-wbxml-") as folder:
        source, target = pathlib.Path(folder) / "a.wbxml", pathlib.Path(folder) / "a.xml"
        source.write_bytes(octets)
        done = run("wbxml2xml", "-o", target, source)
        assert done.returncode == 0, done.stderr
        return target.read_text()


def s_client(*options, stdin=b""):
    """openssl s_client: stdout and stderr as text."""
    done = run("openssl", "s_client", "-quiet", *options, stdin=stdin)
    return (done.stdout + done.stderr).decode("utf-8", "replace")

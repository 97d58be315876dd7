"""Postfix of Debian as the outside world: an instance of a test's own, its configuration, queue and mailboxes in a temporary
folder, in the foreground. No service of the system is touched.

    with Postfix(["outside.example"], access={"full@outside.example": "452 4.2.2 full"}) as outside:
        ... smtp to outside.address, outside.port ...
        outside.inbox()                    # the mails that arrived, bytes each
        outside.submit(sender, recipient, octets)   # into its queue, for it to deliver

address: of the loopback, where it listens; settings: more lines of main.cf, by name. tls: (certificate, key), and the server offers STARTTLS.
"""
import os
import pathlib
import shutil
import smtplib
import signal
import subprocess
import tempfile

from harness.system import PATIENCE, eventually, free_ports

MASTER = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    def __init__(self, domains, access=None, settings=None, tls=None, name="mx.outside.example", address="127.0.0.1",
                 also=()):
        self.folder = tempfile.mkdtemp(prefix="hato-postfix-")
        self.dir = pathlib.Path(self.folder)
        self.dir.chmod(0o755)
        self.name, self.address, self.also = name, address, list(also)  # also: further addresses to listen on
        self.port, = free_ports(1)
        self.etc = self.dir / "etc"
        for sub in ("etc", "queue", "data", "mail"):
            (self.dir / sub).mkdir()
        shutil.chown(self.dir / "data", "postfix")
        shutil.chown(self.dir / "mail", "nobody", "nogroup")
        self.write(domains, access or {}, settings or {}, tls)
        self.process = None
        self.start()

    def write(self, domains, access, settings, tls):
        lines = {
            "compatibility_level": "3.6", "myhostname": self.name, "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4", "queue_directory": self.dir / "queue", "data_directory": self.dir / "data",
            "maillog_file": self.dir / "log", "maillog_file_prefixes": "/tmp, /var", "mydestination": "",
            "alias_maps": "", "alias_database": "", "mynetworks": "", "local_recipient_maps": "",
            "virtual_mailbox_domains": ", ".join(domains), "virtual_mailbox_base": self.dir / "mail",
            "virtual_mailbox_maps": "static:inbox/", "virtual_uid_maps": "static:65534",
            "virtual_gid_maps": "static:65534", "virtual_minimum_uid": "1", "smtpd_client_connection_count_limit": "0",
            "smtpd_recipient_restrictions": "check_recipient_access texthash:%s/access, reject_unauth_destination" % self.etc,
            "smtpd_relay_restrictions": "reject_unauth_destination", "smtputf8_enable": "yes", "biff": "no",
            "default_database_type": "texthash", "message_size_limit": "50000000", "mailbox_size_limit": "0",
            "virtual_mailbox_limit": "0", "smtp_tls_security_level": "none", "disable_vrfy_command": "yes",
            "smtpd_peername_lookup": "no", "smtp_host_lookup": "native", "disable_dns_lookups": "yes"}
        if tls:
            lines.update({"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": tls[0], "smtpd_tls_key_file": tls[1]})
        lines.update(settings)
        (self.etc / "main.cf").write_text("".join("%s = %s\n" % l for l in lines.items()))
        doors = "".join("%s:%d inet n - n - - smtpd\n" % (a, self.port) for a in [self.address] + self.also)
        (self.etc / "master.cf").write_text(doors + MASTER)
        self.set_access(access)

    def set_access(self, access):
        """What is answered to RCPT, by address; an smtpd process reads it at its start: with max_use = 1 at each connection."""
        (self.etc / "access").write_text("".join("%s %s\n" % row for row in access.items()))

    def start(self):
        self.out = open(self.dir / "out", "ab")
        try:
            subprocess.run(["/usr/sbin/postfix", "-c", str(self.etc), "check"], check=True, timeout=PATIENCE,
                           stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out)
        except subprocess.CalledProcessError:
            text = self.log()
            self.close()
            raise AssertionError(text)
        # `postfix start-fg` would be a shell between us and it.
        self.process = subprocess.Popen(["/usr/lib/postfix/sbin/master", "-c", str(self.etc), "-s"],
                                        stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out, start_new_session=True)
        try:
            eventually("Postfix greets", self.is_up)
        except AssertionError:
            text = self.log()
            self.close()
            raise AssertionError(text)

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError("Postfix ended")
        try:
            with smtplib.SMTP(self.address, self.port, "probe.example", timeout=2):
                return True
        except OSError:
            return False

    def log(self):
        return "".join(p.read_text(errors="replace") for p in (self.dir / "out", self.dir / "log") if p.exists())

    def inbox(self):
        folder = self.dir / "mail" / "inbox" / "new"
        return [p.read_bytes() for p in sorted(folder.iterdir())] if folder.is_dir() else []

    def wait_inbox(self, count):
        return eventually("%d mails at Postfix" % count, lambda: len(self.inbox()) >= count and self.inbox())

    def submit(self, sender, recipient, octets):
        with smtplib.SMTP(self.address, self.port, "probe.example", timeout=PATIENCE) as s:
            s.sendmail(sender, recipient, octets)

    def stop(self):
        """It and all that it has started, which are in a session of their own."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(PATIENCE)
        self.process = None

    def close(self):
        self.stop()
        self.out.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

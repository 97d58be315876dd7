"""Dovecot's LMTP, set up for speed as its documentation advises (service_count = 0, processes that wait, mdbox, no mail logging beyond a
line a delivery) with its promise to disk kept: mail_fsync = optimized, its default, syncs what LMTP saves before it answers."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from harness.system import PATIENCE, eventually, free_ports

CONFIG = """
protocols = lmtp
base_dir = %(dir)s/run
state_dir = %(dir)s/state
log_path = %(dir)s/log
ssl = no
listen = 127.0.0.1
default_process_limit = 200
default_client_limit = 4000
first_valid_uid = 1
mail_uid = nobody
mail_gid = nogroup
mail_location = %(form)s:%(dir)s/mail/%%n
mail_fsync = optimized
mdbox_rotate_size = 64M
auth_mechanisms = plain
auth_cache_size = 10M
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=%(dir)s/mail/%%n allow_all_users=yes
}
service lmtp {
  process_min_avail = 16
  service_count = 0
  inet_listener lmtp {
    port = %(port)d
  }
}
service stats {
  process_limit = 1
}
"""


class Dovecot:
    def __init__(self, form="mdbox", more=""):
        """`more`: settings that go behind, and before, these."""
        self.folder = tempfile.mkdtemp(prefix="hato-dovecot-")
        self.dir = pathlib.Path(self.folder)
        self.dir.chmod(0o755)
        (self.dir / "mail").mkdir()
        shutil.chown(self.dir / "mail", "nobody", "nogroup")
        self.port, = free_ports(1)
        (self.dir / "conf").write_text(CONFIG % {"dir": self.dir, "port": self.port, "form": form} + more)
        self.process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", str(self.dir / "conf")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        eventually("Dovecot is up", self.is_up)

    def is_up(self):
        return "starting up" in self.log()

    def log(self):
        path = self.dir / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def saved(self):
        """Mails that it says are in their mailboxes."""
        return self.log().count("saved mail to INBOX")

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)

"""Dovecot's POP3, set up for speed as its documentation advises: processes that wait and are used again (service_count = 0, process_min_avail),
login processes that take many connections, a cached passdb, no flags written, sizes taken from the index, no line of log a session."""
import os
import socket

from harness.system import free_ports

from peers.dovecot import Dovecot

CONFIG = """
protocols = lmtp pop3
ssl = yes
ssl_cert = <%(certificate)s
ssl_key = <%(key)s
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_username_format = %%Ln
auth_cache_ttl = 1 hour
auth_verbose = no
mail_max_userip_connections = 0
maildir_very_dirty_syncs = yes
maildir_copy_with_hardlinks = yes
pop3_no_flag_updates = yes
pop3_fast_size_lookups = yes
pop3_lock_session = no
info_log_path = /dev/null
service pop3-login {
  service_count = 0
  process_min_avail = %(logins)d
  process_limit = %(logins)d
  client_limit = 10000
  inet_listener pop3 {
    port = %(plain)d
  }
  inet_listener pop3s {
    port = %(secure)d
    ssl = yes
  }
}
service pop3 {
  service_count = 0
  process_min_avail = %(processes)d
  process_limit = 1000
  client_limit = %(clients)d
}
service auth {
  client_limit = 20000
}
service anvil {
  client_limit = 20000
}
"""


class DovecotPop(Dovecot):
    def __init__(self, certificate, key, form="sdbox"):
        self.plain, self.secure = free_ports(2)
        super().__init__(form, CONFIG % {
            "certificate": certificate, "key": key, "plain": self.plain, "secure": self.secure,
            "logins": int(os.environ.get("DOVECOT_LOGINS", os.cpu_count())),
            "processes": int(os.environ.get("DOVECOT_PROCESSES", 32)), "clients": int(os.environ.get("DOVECOT_CLIENTS", 1))})

    def is_up(self):
        try:
            for port in (self.port, self.plain, self.secure):
                socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            return False
        return True

"""FreeRADIUS from Debian as an accounting server: with PostgreSQL, with SQLite, and with nothing behind it.

The queries and the schema are its own (mods-config/sql/main). PostgreSQL is durable at each commit (fsync and synchronous_commit
on, as they are by default), its WAL has room and commits are grouped by its own means. The SQLite file is in WAL mode with
synchronous=FULL, one sync a commit. Everything lies in a folder of its own."""
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import tempfile

from harness.system import eventually, free_ports

HERE = pathlib.Path(__file__).resolve().parent
RADDB = pathlib.Path("/etc/freeradius/3.0")
SECRET = "bench-secret"
PACKAGES = ["freeradius", "freeradius-postgresql", "postgresql"]


def pg_program(name):
    return str(sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/" + name))[-1])


class FreeRadius:
    """backend: postgresql, sqlite, none."""

    def __init__(self, backend):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bench-freeradius-"))
        self.backend, self.postgres, self.process = backend, None, None
        self.port = free_ports(1)[0]
        try:
            if backend == "postgresql":
                self.start_postgres()
            elif backend == "sqlite":
                self.make_sqlite()
            self.start()
        except BaseException:
            self.close()
            raise

    def start_postgres(self):
        data, run = self.dir / "data", self.dir / "pg"
        os.chmod(self.dir, 0o755)
        for d in (data, run):
            d.mkdir()
            shutil.chown(d, "postgres", "postgres")
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        subprocess.run(as_postgres + [pg_program("initdb"), "-D", str(data), "-A", "trust", "--no-sync"], check=True,
                       stdout=subprocess.DEVNULL, cwd="/")
        settings = {"listen_addresses": "", "unix_socket_directories": str(run), "shared_buffers": "1GB", "max_wal_size": "4GB",
                    "wal_buffers": "64MB", "max_connections": "200", "checkpoint_timeout": "15min", "commit_delay": "0"}
        arguments = [x for k, v in settings.items() for x in ("-c", "%s=%s" % (k, v))]
        with open(self.dir / "postgres.log", "wb") as log:
            self.postgres = subprocess.Popen(as_postgres + [pg_program("postgres"), "-D", str(data)] + arguments, cwd="/",
                                             stdout=log, stderr=log)
        psql = ["psql", "-q", "-h", str(run), "-U", "postgres"]
        eventually("PostgreSQL answers", lambda: subprocess.run(psql + ["-c", "select 1"], capture_output=True).returncode == 0)
        subprocess.run(psql + ["-c", "create database radius"], check=True)
        subprocess.run(psql + ["-d", "radius", "-f", str(RADDB / "mods-config/sql/main/postgresql/schema.sql")], check=True,
                       capture_output=True)

    def make_sqlite(self):
        """In WAL mode, which stays with the file: several times as fast as the mode it would be made with."""
        db = sqlite3.connect(str(self.dir / "freeradius.db"))
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript((RADDB / "mods-config/sql/main/sqlite/schema.sql").read_text())
        db.close()

    def start(self):
        os.symlink(RADDB / "mods-config", self.dir / "mods-config")
        shutil.copy(RADDB / "dictionary", self.dir / "dictionary")
        text = (HERE / "radiusd.conf").read_text()
        values = {"DIR": self.dir, "SECRET": SECRET, "PORT": self.port, "THREADS": 1 if self.backend == "sqlite" else 32,
                  "DIALECT": "postgresql" if self.backend == "postgresql" else "sqlite",
                  "STORE": "ok" if self.backend == "none" else "sql"}
        text = re.sub("@([A-Z]+)@", lambda m: str(values[m.group(1)]), text)
        if self.backend == "none":
            text = re.sub(r"(?ms)^\tsql \{.*?^\t\}\n", "", text)
        (self.dir / "radiusd.conf").write_text(text)
        self.process = subprocess.Popen(["/usr/sbin/freeradius", "-f", "-d", str(self.dir)], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        log = self.dir / "radius.log"
        eventually("FreeRADIUS is ready", lambda: self.process.poll() is not None or
                   (log.exists() and "Ready to process requests" in log.read_text()))
        if self.process.poll() is not None:
            said = self.process.stdout.read().decode() + (log.read_text() if log.exists() else "")
            raise SystemExit("FreeRADIUS did not start:\n" + said[-3000:])

    def rows(self):
        """How many accounting rows it has stored: what was answered must be there."""
        if self.backend == "postgresql":
            out = subprocess.run(["psql", "-qAt", "-h", str(self.dir / "pg"), "-U", "postgres", "-d", "radius", "-c",
                                  "select count(*) from radacct"], capture_output=True, text=True, check=True).stdout
            return int(out)
        if self.backend == "sqlite":
            db = sqlite3.connect(str(self.dir / "freeradius.db"))
            try:
                return db.execute("select count(*) from radacct").fetchone()[0]
            finally:
                db.close()
        return None

    def close(self):
        for process in (self.process, self.postgres):
            if process and process.poll() is None:
                process.terminate() if process is self.process else process.send_signal(2)
                process.wait(60)
        if self.process:
            self.process.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)

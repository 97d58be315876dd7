"""Looks into the databases of a system that does not run: whole, and in themselves consistent after any commit."""
import contextlib
import pathlib
import shutil
import sqlite3
import tempfile

# A query that finds what must not be, and how to say it. They hold after every commit, so also after any crash.
MAIL_FAULTS = [
    ("a body's references are not the messages that name it",
     "SELECT b.id, b.refs, count(m.uid) FROM body b LEFT JOIN message m ON m.body = b.id GROUP BY b.id"
     " HAVING b.refs <> count(m.uid)"),
    ("a message without its body", "SELECT mailbox, uid, body FROM message WHERE body NOT IN (SELECT id FROM body)"),
    ("a message of no mailbox", "SELECT mailbox, uid FROM message WHERE mailbox NOT IN (SELECT id FROM mailbox)"),
    ("a message that is not of its body's size",
     "SELECT m.mailbox, m.uid FROM message m JOIN body b ON b.id = m.body WHERE m.body_size <> b.size"),
    ("a body that is not the sum of its pieces",
     "SELECT b.id, b.size, total(length(c.octets)) FROM body b LEFT JOIN chunk c ON c.id / 4096 = b.id WHERE b.refs > 0"
     " GROUP BY b.id HAVING total(length(c.octets)) <> b.size OR count(c.id) <> b.pieces"),
    ("a piece of no body", "SELECT id FROM chunk WHERE id / 4096 NOT IN (SELECT id FROM body)"),
    ("a mailbox that counts wrongly",
     "SELECT x.id, x.messages, count(m.uid), x.bytes, total(m.body_size + length(m.prefix)) FROM mailbox x"
     " LEFT JOIN message m ON m.mailbox = x.id GROUP BY x.id"
     " HAVING x.messages <> count(m.uid) OR x.bytes <> total(m.body_size + length(m.prefix))"),
    ("a uid that was not given out yet",
     "SELECT m.mailbox, m.uid FROM message m JOIN mailbox x ON x.id = m.mailbox WHERE m.uid >= x.uidnext"),
    ("a uid that is neither there nor deleted, or both, or deleted twice",
     "SELECT x.id, x.uidnext, (SELECT count(*) FROM message m WHERE m.mailbox = x.id) AS here,"
     " (SELECT count(*) FROM message_tombstone t WHERE t.mailbox = x.id) AS gone,"
     " (SELECT count(DISTINCT t.uid) FROM message_tombstone t WHERE t.mailbox = x.id) AS uids"
     " FROM mailbox x WHERE here + gone <> x.uidnext - 1 OR gone <> uids"),
    ("a deleted message that is there",
     "SELECT m.mailbox, m.uid FROM message m JOIN message_tombstone t ON t.mailbox = m.mailbox AND t.uid = m.uid"),
    ("an outbox row of no mailbox",
     "SELECT subscriber FROM outbox WHERE subscriber NOT IN (SELECT subscriber FROM mailbox)"),
]
# Holds where every session deletes all that it lists, as the phones of these tests do.
TRIGGER_FAULTS = [
    ("mail that no trigger is due for",
     "SELECT x.subscriber, max(m.uid), o.newest_uid FROM message m JOIN mailbox x ON x.id = m.mailbox"
     " LEFT JOIN outbox o ON o.subscriber = x.subscriber GROUP BY x.id"
     " HAVING o.newest_uid IS NULL OR o.newest_uid < max(m.uid)"),
]
BINDING_FAULTS = [
    ("a binding of nobody we know",
     "SELECT hex(addr), subscriber FROM binding WHERE subscriber <> 0 AND subscriber NOT IN (SELECT id FROM subscriber)"),
    ("a binding whose session is not there, ended, or another's",
     "SELECT hex(b.addr), b.session, c.session FROM binding b LEFT JOIN session s ON s.id = b.session"
     " LEFT JOIN current_session c ON c.session = s.id AND c.subscriber = s.subscriber AND c.realm = s.realm WHERE b.session <> 0"
     " AND (s.id IS NULL OR c.session IS NULL OR s.ended_us <> 0 OR s.subscriber <> b.subscriber OR s.realm <> b.realm)"),
    ("a subscriber whose session is not there, ended, or another's",
     "SELECT c.subscriber, c.session FROM current_session c LEFT JOIN session s ON s.id = c.session"
     " WHERE s.id IS NULL OR s.ended_us <> 0 OR s.subscriber <> c.subscriber OR s.realm <> c.realm"),
    ("an address of nobody", "SELECT canonical FROM address WHERE subscriber NOT IN (SELECT id FROM subscriber)"),
    ("a session of an unknown NAS", "SELECT id FROM session WHERE nas NOT IN (SELECT id FROM nas)"),
    ("history ahead of the commits",
     "SELECT id, commit_no FROM lease_event WHERE commit_no > (SELECT value FROM counter WHERE name = 'commit')"),
    ("history behind the index that is not in it",
     "SELECT id FROM lease_event e WHERE addr IS NOT NULL AND id <= (SELECT value FROM counter WHERE name = 'indexed')"
     " AND NOT EXISTS (SELECT 1 FROM lease_event_key k WHERE k.run = e.id >> 16 AND k.addr = e.addr AND k.event = e.id)"),
    ("the index names an event that is not there",
     "SELECT event FROM lease_event_key WHERE event NOT IN (SELECT id FROM lease_event)"),
    ("a generation in the history that the directory has not reached",
     "SELECT hex(e.addr), e.generation, b.generation FROM lease_event e JOIN binding b ON b.realm = e.realm"
     " AND b.addr = e.addr AND b.plen = e.plen WHERE e.generation > b.generation"),
    ("two holders of one generation",
     "SELECT hex(addr), generation, count(DISTINCT session_id) FROM lease_event WHERE event = 'start' AND outcome = 'applied'"
     " GROUP BY realm, addr, plen, generation HAVING count(DISTINCT session_id) > 1"),
]


def find_faults(path, queries):
    with contextlib.closing(sqlite3.connect(str(path))) as db:
        out = ["%s: integrity_check: %s" % (path.name, row[0]) for row in db.execute("PRAGMA integrity_check")
               if row[0] != "ok"]
        out += ["%s: foreign_key_check: %s" % (path.name, row) for row in db.execute("PRAGMA foreign_key_check")]
        for what, query in queries:
            rows = db.execute(query).fetchmany(5)
            if rows:
                out.append("%s: %s: %s" % (path.name, what, rows))
    return out


def faults(system):
    """Works on a copy: what a crash left is recovered there, and the system finds its own files as they were."""
    with tempfile.TemporaryDirectory(prefix="hato-store-") as folder:
        for file in (system.dir / "state" / "db").iterdir():
            if file.is_file() and not file.name.endswith("-shm"):
                shutil.copy(file, folder)
        folder = pathlib.Path(folder)
        return (find_faults(folder / "mail.db", MAIL_FAULTS + TRIGGER_FAULTS)
                + find_faults(folder / "bindings.db", BINDING_FAULTS))


def look(system, query):
    """One number of a mail store whose system runs."""
    path = system.dir / "state" / "db" / "mail.db"
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=10)) as db:
        return db.execute(query).fetchone()[0]


def pending(system):
    """Messages and outbox rows."""
    return look(system, "SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM outbox)")


def attempts(system):
    """Datagrams for what is in the outbox."""
    return look(system, "SELECT coalesce(sum(attempts), 0) FROM outbox")

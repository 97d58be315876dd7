-- bindings.db: who is a subscriber, who holds which key, and who held it. design.md 3, binding-rules 1 and 7.

CREATE TABLE counter (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter VALUES ('commit', 0), ('heartbeat', 0), ('indexed', 0);

-- AUTOINCREMENT: an id is never used twice, not even after a DELETE.
CREATE TABLE subscriber (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  msisdn  TEXT NOT NULL UNIQUE,
  imsi    TEXT UNIQUE,
  k       BLOB, -- sealed (lib/seal); both or neither
  opc     BLOB,
  CHECK ((k IS NULL) = (opc IS NULL))
) STRICT;

CREATE TABLE address (
  canonical   TEXT PRIMARY KEY,
  subscriber  INTEGER NOT NULL REFERENCES subscriber (id) ON DELETE CASCADE,
  rank        INTEGER NOT NULL,
  shown       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX address_subscriber ON address (subscriber, rank);

-- Numbers ("msisdn") and addresses ("address") of removed subscribers: unused until then.
CREATE TABLE name_tombstone (
  kind      TEXT NOT NULL,
  name      TEXT NOT NULL,
  until_us  INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX name_tombstone_until ON name_tombstone (until_us);

-- Removed subscribers, so that whoever keeps mail can dispose of theirs, also after a crash.
CREATE TABLE gone (
  subscriber  INTEGER PRIMARY KEY,
  gone_us     INTEGER NOT NULL
) STRICT;
CREATE INDEX gone_since ON gone (gone_us);

CREATE TABLE nas (
  id            INTEGER PRIMARY KEY,
  realm         TEXT NOT NULL,
  nas_id        TEXT NOT NULL,
  epoch         INTEGER NOT NULL,
  on_us         INTEGER NOT NULL,
  offset_us     INTEGER NOT NULL,
  offset_known  INTEGER NOT NULL,
  behind_us     INTEGER NOT NULL,
  UNIQUE (realm, nas_id)
) STRICT;
CREATE INDEX nas_behind ON nas (behind_us);

-- Ids are not used twice: the sweep never deletes the row with the highest one.
CREATE TABLE session (
  id             INTEGER PRIMARY KEY,
  nas            INTEGER NOT NULL,
  session_id     TEXT NOT NULL,
  epoch          INTEGER NOT NULL,
  realm          TEXT NOT NULL,
  subscriber     INTEGER NOT NULL,
  started_us     INTEGER NOT NULL,
  normalised_us  INTEGER NOT NULL,
  renewed_us     INTEGER NOT NULL,
  ended_us       INTEGER NOT NULL,
  active         INTEGER NOT NULL CHECK (active IN (0, 1)),
  key_v4         BLOB, -- the last key of each family that it was given (lib/key key_bytes): where to look. Whether it holds
  key_v6         BLOB, -- it still, the key's own row says. Cheaper than an index on binding.session by a page a lease event.
  UNIQUE (nas, session_id, epoch)
) STRICT;
-- One session for a subscriber in a realm.
CREATE UNIQUE INDEX session_active ON session (subscriber, realm) WHERE active = 1;
CREATE INDEX session_open ON session (nas, started_us) WHERE ended_us = 0;

-- The address directory. One holder for a key: it is the primary key. Rows stay when nobody holds the key: the generation
-- and the watermark count on.
CREATE TABLE binding (
  realm            TEXT NOT NULL,
  addr             BLOB NOT NULL CHECK (length(addr) = 16),
  plen             INTEGER NOT NULL CHECK (plen BETWEEN 0 AND 128),
  port_first       INTEGER NOT NULL,
  port_last        INTEGER NOT NULL CHECK (port_last BETWEEN port_first AND 65535),
  state            INTEGER NOT NULL,
  generation       INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 4294967295),
  subscriber       INTEGER NOT NULL,
  session          INTEGER NOT NULL,
  watermark_us     INTEGER NOT NULL,
  watermark_batch  INTEGER NOT NULL,
  started_us       INTEGER NOT NULL,
  expires_us       INTEGER NOT NULL,
  renewed_us       INTEGER NOT NULL,
  confirmed_us     INTEGER NOT NULL,
  rival            INTEGER NOT NULL,
  reason           INTEGER NOT NULL,
  trigger_key      BLOB,
  host             BLOB, -- the address the holder claimed from; null: none yet
  PRIMARY KEY (realm, addr, plen, port_first, port_last)
) STRICT, WITHOUT ROWID;
CREATE INDEX binding_expires ON binding (expires_us) WHERE expires_us <> 0;
CREATE INDEX binding_quarantined ON binding (realm, addr, plen, port_first) WHERE state = 4;

CREATE TRIGGER binding_generation_grows BEFORE UPDATE OF generation ON binding
WHEN NEW.generation < OLD.generation
BEGIN SELECT RAISE (ABORT, 'a generation never lessens'); END;

CREATE TRIGGER binding_stays BEFORE DELETE ON binding
BEGIN SELECT RAISE (ABORT, 'the generation of a key is kept'); END;

-- Prefix lengths that occur: what a search for the key of an IPv6 address has to try.
CREATE TABLE key_length (
  realm  TEXT NOT NULL,
  v4     INTEGER NOT NULL,
  plen   INTEGER NOT NULL,
  PRIMARY KEY (realm, v4, plen)
) STRICT, WITHOUT ROWID;

-- Who held a key: appended, never changed. A row a key that an event touched or asked for.
CREATE TABLE lease_event (
  id           INTEGER PRIMARY KEY,
  commit_no    INTEGER NOT NULL,
  received_us  INTEGER NOT NULL,
  time_us      INTEGER NOT NULL,
  event        TEXT NOT NULL,
  outcome      TEXT NOT NULL,
  realm        TEXT NOT NULL,
  addr         BLOB, -- null: the event named no key
  plen         INTEGER NOT NULL,
  port_first   INTEGER NOT NULL,
  port_last    INTEGER NOT NULL,
  generation   INTEGER NOT NULL,
  decides      INTEGER NOT NULL, -- the holder changed
  msisdn       TEXT NOT NULL,
  imsi         TEXT NOT NULL,
  session_id   TEXT NOT NULL,
  nas_id       TEXT NOT NULL,
  feeder       TEXT NOT NULL,
  evidence     TEXT NOT NULL
) STRICT;
-- Filled behind the commits, up to counter 'indexed': db/history.c.
CREATE TABLE lease_event_key (
  addr   BLOB NOT NULL,
  event  INTEGER NOT NULL,
  PRIMARY KEY (addr, event)
) STRICT, WITHOUT ROWID;

-- The change feed. Numbers are not used twice: the sweep leaves the newest row.
CREATE TABLE change (
  seq         INTEGER PRIMARY KEY,
  at_us       INTEGER NOT NULL,
  kind        INTEGER NOT NULL,
  subscriber  INTEGER NOT NULL,
  former      INTEGER NOT NULL,
  realm       TEXT NOT NULL,
  addr        BLOB,
  plen        INTEGER NOT NULL,
  port_first  INTEGER NOT NULL,
  port_last   INTEGER NOT NULL,
  generation  INTEGER NOT NULL,
  state       INTEGER NOT NULL
) STRICT;

-- mail.db: mailboxes, messages, bodies, the trigger's outbox. design.md 3, binding-rules 5 to 7.

CREATE TABLE mailbox (
  id                INTEGER PRIMARY KEY,
  subscriber        INTEGER NOT NULL,
  name              TEXT NOT NULL,
  uidvalidity       INTEGER NOT NULL CHECK (uidvalidity BETWEEN 1 AND 4294967295),
  uidnext           INTEGER NOT NULL CHECK (uidnext BETWEEN 1 AND 4294967295),
  modseq            INTEGER NOT NULL,
  messages          INTEGER NOT NULL CHECK (messages >= 0),
  bytes             INTEGER NOT NULL CHECK (bytes >= 0),
  last_timestamp_s  INTEGER NOT NULL, -- of the last trigger: the next one is greater
  UNIQUE (subscriber, name)
) STRICT;

CREATE TRIGGER mailbox_uidnext_grows BEFORE UPDATE OF uidnext ON mailbox
WHEN NEW.uidnext < OLD.uidnext
BEGIN SELECT RAISE (ABORT, 'a uid is never used twice'); END;

CREATE TABLE message (
  mailbox        INTEGER NOT NULL,
  uid            INTEGER NOT NULL,
  modseq         INTEGER NOT NULL,
  body           INTEGER NOT NULL,
  body_size      INTEGER NOT NULL,
  has_dot_lines  INTEGER NOT NULL,
  received_us    INTEGER NOT NULL,
  prefix         BLOB NOT NULL,
  reverse_path   TEXT NOT NULL,
  PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;

-- What was deleted: IMAP's VANISHED and JMAP's destroyed will read it. Appended.
CREATE TABLE message_tombstone (
  id          INTEGER PRIMARY KEY,
  mailbox     INTEGER NOT NULL,
  uid         INTEGER NOT NULL,
  modseq      INTEGER NOT NULL,
  deleted_us  INTEGER NOT NULL
) STRICT;

-- A body is stored once for all its recipients. Ids are never used twice: a session that still lists a deleted message must not be
-- given another one's octets. refs 0: on its way in, or (touched_us 0) to be swept.
CREATE TABLE body (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  refs        INTEGER NOT NULL CHECK (refs >= 0),
  pieces      INTEGER NOT NULL,
  size        INTEGER NOT NULL,
  touched_us  INTEGER NOT NULL
) STRICT;
CREATE INDEX body_unused ON body (touched_us) WHERE refs = 0;

CREATE TABLE chunk (
  id      INTEGER PRIMARY KEY, -- body * 4096 + piece
  start   INTEGER NOT NULL,    -- offset of its first octet in the body
  octets  BLOB NOT NULL
) STRICT;

-- One row a mailbox with unread news.
CREATE TABLE outbox (
  subscriber   INTEGER PRIMARY KEY,
  newest_uid   INTEGER NOT NULL,
  covered_uid  INTEGER NOT NULL,
  timestamp_s  INTEGER NOT NULL,
  attempts     INTEGER NOT NULL,
  next_us      INTEGER NOT NULL,
  mailed_us    INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_next ON outbox (next_us);

-- What was triggered, for the reports of misdirected ones. The timestamps come in order, so this index is cheap.
CREATE TABLE send_log (
  id           INTEGER PRIMARY KEY,
  sent_us      INTEGER NOT NULL,
  timestamp_s  INTEGER NOT NULL,
  tid          INTEGER NOT NULL,
  realm        TEXT NOT NULL,
  addr         BLOB NOT NULL,
  plen         INTEGER NOT NULL,
  port_first   INTEGER NOT NULL,
  port_last    INTEGER NOT NULL,
  generation   INTEGER NOT NULL,
  subscriber   INTEGER NOT NULL,
  covered_uid  INTEGER NOT NULL
) STRICT;
CREATE INDEX send_log_timestamp ON send_log (timestamp_s, tid);

-- What went through which binding. Appended.
CREATE TABLE access (
  id          INTEGER PRIMARY KEY,
  at_us       INTEGER NOT NULL,
  what        TEXT NOT NULL, -- 'read', 'deleted', 'triggered'
  realm       TEXT NOT NULL,
  addr        BLOB NOT NULL,
  plen        INTEGER NOT NULL,
  port_first  INTEGER NOT NULL,
  port_last   INTEGER NOT NULL,
  generation  INTEGER NOT NULL,
  subscriber  INTEGER NOT NULL,
  uids        BLOB NOT NULL  -- 4 octets each, big endian
) STRICT;

-- The change feed, as in bindings.db.
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

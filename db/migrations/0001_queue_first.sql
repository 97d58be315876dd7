-- queue.db: mail on its way out, and the addresses that a sender is not to try again. design.md 2; db/queue.h.

-- Octets, as in mail.db. A mail's id is its body's: ids are never used twice. refs 0: no mail was made of it yet.
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

CREATE TABLE mail (
  id            INTEGER PRIMARY KEY,
  sender        INTEGER NOT NULL, -- subscriber; 0: ours
  reverse_path  TEXT NOT NULL,
  envid         TEXT NOT NULL,
  ret           INTEGER NOT NULL,
  is_utf8       INTEGER NOT NULL,
  is_8bit       INTEGER NOT NULL,
  size          INTEGER NOT NULL,
  received_us   INTEGER NOT NULL,
  recipients    INTEGER NOT NULL CHECK (recipients > 0), -- that are left
  is_held       INTEGER NOT NULL CHECK (is_held IN (0, 1))
) STRICT;
-- For the operator's question what one sender has waiting.
CREATE INDEX mail_sender ON mail (sender) WHERE sender <> 0;

-- Where mail goes: a domain, or '' for our own ones. As long as something is in it.
CREATE TABLE lane (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  name     TEXT NOT NULL UNIQUE,
  next_us  INTEGER, -- of its recipient that is due first; null: all are held
  is_held  INTEGER NOT NULL CHECK (is_held IN (0, 1))
) STRICT;
CREATE INDEX lane_due ON lane (next_us) WHERE is_held = 0 AND next_us IS NOT NULL;

-- Who has not got his mail yet. The foreign keys hold that none is without its mail, and no mail goes before them.
CREATE TABLE recipient (
  mail       INTEGER NOT NULL REFERENCES mail (id),
  number     INTEGER NOT NULL CHECK (number > 0),
  lane       INTEGER NOT NULL REFERENCES lane (id),
  next_us    INTEGER, -- null: held
  address    TEXT NOT NULL,
  canonical  TEXT NOT NULL,
  notify     INTEGER NOT NULL,
  orcpt      TEXT NOT NULL,
  attempts   INTEGER NOT NULL,
  is_warned  INTEGER NOT NULL,
  tried_us   INTEGER NOT NULL,
  code       INTEGER NOT NULL, -- and what follows: the last answer
  enhanced   TEXT NOT NULL,
  text       TEXT NOT NULL,
  remote     TEXT NOT NULL,
  PRIMARY KEY (mail, number)
) STRICT, WITHOUT ROWID;
-- What taking from a lane reads, in this order: (lane, next_us, mail, number).
CREATE INDEX recipient_due ON recipient (lane, next_us);

-- How much there is, for the limits and the metrics: counting a million rows is for nobody.
CREATE TABLE total (
  id            INTEGER PRIMARY KEY CHECK (id = 1),
  mails         INTEGER NOT NULL CHECK (mails >= 0),
  octets        INTEGER NOT NULL CHECK (octets >= 0),
  held          INTEGER NOT NULL CHECK (held >= 0),
  lanes         INTEGER NOT NULL CHECK (lanes >= 0),
  suppressions  INTEGER NOT NULL CHECK (suppressions >= 0)
) STRICT;
INSERT INTO total VALUES (1, 0, 0, 0, 0, 0);

CREATE TRIGGER mail_comes AFTER INSERT ON mail
BEGIN UPDATE total SET mails = mails + 1, octets = octets + NEW.size, held = held + NEW.is_held; END;
CREATE TRIGGER mail_goes AFTER DELETE ON mail
BEGIN UPDATE total SET mails = mails - 1, octets = octets - OLD.size, held = held - OLD.is_held; END;
CREATE TRIGGER mail_is_held AFTER UPDATE OF is_held ON mail
BEGIN UPDATE total SET held = held - OLD.is_held + NEW.is_held; END;
CREATE TRIGGER lane_comes AFTER INSERT ON lane BEGIN UPDATE total SET lanes = lanes + 1; END;
CREATE TRIGGER lane_goes AFTER DELETE ON lane BEGIN UPDATE total SET lanes = lanes - 1; END;

-- What a sender's mail is not tried with again. Each sender's own.
CREATE TABLE suppression (
  id          INTEGER PRIMARY KEY,
  sender      INTEGER NOT NULL,
  address     TEXT NOT NULL,
  code        INTEGER NOT NULL,
  enhanced    TEXT NOT NULL,
  text        TEXT NOT NULL,
  remote      TEXT NOT NULL,
  count       INTEGER NOT NULL CHECK (count > 0),
  since_us    INTEGER NOT NULL,
  expires_us  INTEGER NOT NULL,
  UNIQUE (sender, address)
) STRICT;
CREATE INDEX suppression_expires ON suppression (expires_us);
CREATE TRIGGER suppression_comes AFTER INSERT ON suppression BEGIN UPDATE total SET suppressions = suppressions + 1; END;
CREATE TRIGGER suppression_goes AFTER DELETE ON suppression BEGIN UPDATE total SET suppressions = suppressions - 1; END;

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

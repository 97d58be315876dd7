-- Containment: what an operator froze, and the pools whose bare words are not believed. binding-rules 9.

-- In force while the row is there. AUTOINCREMENT: an operator's note of a number stays true.
CREATE TABLE freeze (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  kind         INTEGER NOT NULL CHECK (kind IN (0, 1, 2)), -- subscriber, NAS, prefix
  realm        TEXT NOT NULL,
  subscriber   INTEGER NOT NULL,
  nas_id       TEXT NOT NULL,
  addr         BLOB NOT NULL CHECK (length(addr) = 16), -- of a prefix: its first
  last         BLOB NOT NULL CHECK (length(last) = 16), -- and its last address
  plen         INTEGER NOT NULL,
  defers_mail  INTEGER NOT NULL CHECK (defers_mail IN (0, 1)),
  reason       TEXT NOT NULL,
  feeder       TEXT NOT NULL,
  frozen_us    INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX freeze_subscriber ON freeze (subscriber, realm) WHERE kind = 0;
CREATE UNIQUE INDEX freeze_nas ON freeze (realm, nas_id) WHERE kind = 1;
CREATE UNIQUE INDEX freeze_prefix ON freeze (realm, addr, plen) WHERE kind = 2;

-- A tripped breaker. A pool is a NAS (plen -1) or a prefix.
CREATE TABLE breaker (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  realm        TEXT NOT NULL,
  nas_id       TEXT NOT NULL,
  addr         BLOB NOT NULL CHECK (length(addr) = 16),
  last         BLOB NOT NULL CHECK (length(last) = 16),
  plen         INTEGER NOT NULL,
  attempts     INTEGER NOT NULL, -- distinct subscribers in the window when it tripped, and of them
  hard         INTEGER NOT NULL, -- with hard evidence against them
  bare         INTEGER NOT NULL, -- contradicted by a bare word
  tripped_us   INTEGER NOT NULL,
  UNIQUE (realm, nas_id, addr, plen)
) STRICT;
-- The NASes that must have resynchronised before it is released.
CREATE TABLE breaker_waits (
  breaker  INTEGER NOT NULL REFERENCES breaker (id) ON DELETE CASCADE,
  nas_id   TEXT NOT NULL,
  PRIMARY KEY (breaker, nas_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX breaker_waits_nas ON breaker_waits (nas_id);

-- The history's few rows about containment, and those that put a binding in doubt: found without walking through the rest.
CREATE INDEX lease_event_steps ON lease_event (id)
WHERE event IN ('frozen', 'thawed', 'breaker-tripped', 'breaker-released');
CREATE INDEX lease_event_doubts ON lease_event (id)
WHERE event IN ('start', 'update', 'quarantined')
  AND (outcome IN ('stale', 'proof-of-other', 'token-of-other', 'identities', 'two-sessions', 'session-identity', 'misdirected',
                   'operator')
       OR (decides = 1 AND received_us - time_us > 5000000));

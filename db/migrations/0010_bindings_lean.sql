-- A lease event writes fewer rows, and each more cheaply.

-- Whose session it is: one row a subscriber and realm, taken over by the next session. The former one's own row stays as it is.
CREATE TABLE current_session (
  subscriber  INTEGER NOT NULL,
  realm       TEXT NOT NULL,
  session     INTEGER NOT NULL,
  PRIMARY KEY (subscriber, realm)
) STRICT, WITHOUT ROWID;
INSERT INTO current_session (subscriber, realm, session)
SELECT subscriber, realm, id FROM session WHERE active = 1 ORDER BY subscriber, realm;
DROP INDEX session_active;
ALTER TABLE session DROP COLUMN active;

-- A trigger doubled what an update costs. The two statements that write a binding hold it: statements.def.
DROP TRIGGER binding_generation_grows;

-- Whether some keys of this length are port blocks. Where there are none, and no narrower or wider keys, none overlap.
ALTER TABLE key_length ADD COLUMN has_blocks INTEGER NOT NULL DEFAULT 0;
UPDATE key_length SET has_blocks = 1 WHERE EXISTS (SELECT 1 FROM binding b WHERE b.realm = key_length.realm AND b.plen = key_length.plen
  AND (b.port_first <> 0 OR b.port_last <> 65535));

-- 1: a step of containment; 2: it puts a binding in doubt; 0: neither. The words were compared at every row that was written.
ALTER TABLE lease_event ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;
UPDATE lease_event SET mark = 1 WHERE event IN ('frozen', 'thawed', 'breaker-tripped', 'breaker-released');
UPDATE lease_event SET mark = 2 WHERE event IN ('start', 'update', 'resync', 'quarantined')
  AND (outcome IN ('stale', 'proof-of-other', 'token-of-other', 'identities', 'two-sessions', 'session-identity', 'misdirected',
                   'operator')
       OR (decides = 1 AND (event <> 'start' OR received_us - time_us > 5000000)));
DROP INDEX lease_event_steps;
DROP INDEX lease_event_doubts;
CREATE INDEX lease_event_steps ON lease_event (id) WHERE mark = 1;
CREATE INDEX lease_event_doubts ON lease_event (id) WHERE mark = 2;

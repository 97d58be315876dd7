-- The second bearer: what a row of the outbox remembers of both, and short messages by the id that their SMSC gave them.
-- binding-rules 6, lib/rules/schedule.h.

-- Rows lie in the order in which they were made, which is that in which they are due: a group that is sent touches few pages.
CREATE TABLE outbox_of_both (
  id            INTEGER PRIMARY KEY,
  subscriber    INTEGER NOT NULL UNIQUE,
  newest_uid    INTEGER NOT NULL,
  covered_uid   INTEGER NOT NULL,
  timestamp_s   INTEGER NOT NULL,
  attempts      INTEGER NOT NULL, -- datagrams
  next_us       INTEGER NOT NULL,
  mailed_us     INTEGER NOT NULL,
  bearer        INTEGER NOT NULL, -- the queue it stands in: 0 UDP, 1 SMS
  sms_attempts  INTEGER NOT NULL,
  sms_state     INTEGER NOT NULL, -- of the last one: none, under way, delivered, failed
  sent_us       INTEGER NOT NULL, -- the last datagram
  sms_us        INTEGER NOT NULL, -- the last short message
  waiting_us    INTEGER NOT NULL
) STRICT;
INSERT INTO outbox_of_both (subscriber, newest_uid, covered_uid, timestamp_s, attempts, next_us, mailed_us, bearer, sms_attempts,
  sms_state, sent_us, sms_us, waiting_us)
  SELECT subscriber, newest_uid, covered_uid, timestamp_s, attempts, next_us, mailed_us, 0, 0, 0, 0, 0, 0 FROM outbox ORDER BY mailed_us;
DROP TABLE outbox;
ALTER TABLE outbox_of_both RENAME TO outbox;
CREATE INDEX outbox_queue ON outbox (bearer, next_us);

-- Whom a short message was addressed to; empty: a datagram, to the key.
ALTER TABLE send_log ADD COLUMN msisdn TEXT NOT NULL DEFAULT '';

-- What an SMSC accepted, so that its receipt finds the trigger, also after a restart. An SMSC uses its ids again some day: the
-- newest message has the id.
CREATE TABLE sms (
  id           INTEGER PRIMARY KEY,
  at_us        INTEGER NOT NULL,
  smsc         TEXT NOT NULL,
  message_id   TEXT NOT NULL,
  subscriber   INTEGER NOT NULL,
  timestamp_s  INTEGER NOT NULL,
  state        INTEGER NOT NULL,
  UNIQUE (smsc, message_id)
) STRICT;

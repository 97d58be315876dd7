-- Rates of subscribers (lib/rules/notify.h): when the bucket of one bearer is full again. No row: it is full.
CREATE TABLE told (
  subscriber  INTEGER NOT NULL,
  bearer      INTEGER NOT NULL, -- 0 UDP, 1 SMS
  full_us     INTEGER NOT NULL,
  PRIMARY KEY (subscriber, bearer)
) STRICT, WITHOUT ROWID;
CREATE INDEX told_full ON told (full_us);

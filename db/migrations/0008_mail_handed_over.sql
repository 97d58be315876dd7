-- Which mail of smtpgw's queue a subscriber was given (db/handed_over.h), in the transaction that gave it to him.
CREATE TABLE handed_over (
  xid         TEXT NOT NULL,
  subscriber  INTEGER NOT NULL,
  at_us       INTEGER NOT NULL,
  PRIMARY KEY (xid, subscriber)
) STRICT, WITHOUT ROWID;
CREATE INDEX handed_over_at ON handed_over (at_us);

-- Domains that a subscriber corresponds with (db/correspondent.h): he sent to them, or took mail that they stand by.
CREATE TABLE correspondent (
  subscriber  INTEGER NOT NULL,
  skeleton    TEXT NOT NULL,  -- what the domain looks like (lib/rules/lookalike)
  domain      TEXT NOT NULL,  -- of the organisation, A-labels
  seen_us     INTEGER NOT NULL,
  PRIMARY KEY (subscriber, skeleton, domain)
) STRICT, WITHOUT ROWID;
CREATE INDEX correspondent_seen ON correspondent (subscriber, seen_us);

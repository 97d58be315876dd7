-- The index of the history in runs of 65,536 events: what is added is near what was added before, instead of all over an index
-- of all the time that is kept. A question looks into each run.
CREATE TABLE lease_event_run (
  run    INTEGER NOT NULL, -- event >> 16
  addr   BLOB NOT NULL,
  event  INTEGER NOT NULL,
  PRIMARY KEY (run, addr, event)
) STRICT, WITHOUT ROWID;
INSERT INTO lease_event_run (run, addr, event) SELECT event >> 16, addr, event FROM lease_event_key ORDER BY event >> 16, addr;
DROP TABLE lease_event_key;
ALTER TABLE lease_event_run RENAME TO lease_event_key;

-- The moment, by the NAS's clock, of its last whole list of sessions: older events of it move nothing. 0: there was none.

ALTER TABLE nas ADD COLUMN listed_us INTEGER NOT NULL DEFAULT 0;

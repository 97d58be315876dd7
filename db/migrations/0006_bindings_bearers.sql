-- The bearers of a session that has several on one address (binding-rules 3, "Several bearers"): 5 octets each, Charging-ID and whether it
-- ended. Null: none was ever named.
ALTER TABLE session ADD COLUMN bearers BLOB;

-- SIM proofs: what a binding remembers of the last one, and SIMs on their way to a subscriber. binding-rules 8.

-- The SQN of the last proof in this generation; 0: none.
ALTER TABLE binding ADD COLUMN proved_sqn INTEGER NOT NULL DEFAULT 0;

-- How far the SIM's sequence is from our clock, in ticks: 0 until it said that it is out of step.
ALTER TABLE subscriber ADD COLUMN seq_dif INTEGER NOT NULL DEFAULT 0;

-- SIMs that the operator has and no subscriber yet. An IMSI is here or a subscriber's, never both.
CREATE TABLE sim (
  imsi     TEXT PRIMARY KEY,
  k        BLOB NOT NULL, -- sealed (lib/seal)
  opc      BLOB NOT NULL,
  seq_dif  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TRIGGER sim_is_nobodys BEFORE INSERT ON sim
WHEN EXISTS (SELECT 1 FROM subscriber WHERE imsi = NEW.imsi)
BEGIN SELECT RAISE (ABORT, 'the SIM is a subscriber''s'); END;

-- One sign-up that the operator allows: of this SIM ('': of any that he has), until then.
CREATE TABLE sim_change (
  subscriber  INTEGER PRIMARY KEY REFERENCES subscriber (id) ON DELETE CASCADE,
  imsi        TEXT NOT NULL,
  until_us    INTEGER NOT NULL
) STRICT;

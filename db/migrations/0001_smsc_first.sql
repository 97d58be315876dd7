-- smsc.db: what smsc-sim has accepted and not forgotten yet. SMPP 3.4 2.10; smsc-sim/message.h says what each field means.

CREATE TABLE message (
  id                INTEGER PRIMARY KEY,
  shown_id          INTEGER NOT NULL,
  account           TEXT NOT NULL, -- its name; '' nobody's
  origin            INTEGER NOT NULL,
  reference         INTEGER NOT NULL,
  source_ton        INTEGER NOT NULL,
  source_npi        INTEGER NOT NULL,
  source            TEXT NOT NULL,
  destination_ton   INTEGER NOT NULL,
  destination_npi   INTEGER NOT NULL,
  destination       TEXT NOT NULL,
  service_type      TEXT NOT NULL,
  esm_class         INTEGER NOT NULL,
  protocol_id       INTEGER NOT NULL,
  priority          INTEGER NOT NULL,
  data_coding       INTEGER NOT NULL,
  registered        INTEGER NOT NULL,
  octets            BLOB NOT NULL,
  tlvs              BLOB NOT NULL,
  state             INTEGER NOT NULL CHECK (state BETWEEN 0 AND 8),
  outcome           INTEGER NOT NULL,
  attempts          INTEGER NOT NULL,
  error             INTEGER NOT NULL,
  submitted_us      INTEGER NOT NULL,
  schedule_us       INTEGER NOT NULL,
  expires_us        INTEGER NOT NULL,
  next_us           INTEGER NOT NULL,
  done_us           INTEGER NOT NULL,
  concat_reference  INTEGER NOT NULL,
  part              INTEGER NOT NULL,
  notice            INTEGER NOT NULL, -- what its sender still has to be told
  told              INTEGER NOT NULL
) STRICT;

-- What is final does not change any more.
CREATE TRIGGER message_final_stays BEFORE UPDATE OF state ON message
WHEN OLD.state > 1 AND NEW.state <> OLD.state
BEGIN SELECT RAISE (ABORT, 'a final message stays as it is'); END;

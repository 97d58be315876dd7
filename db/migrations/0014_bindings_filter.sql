-- Which mail a subscriber takes, where he chose otherwise than everything (lib/rules/filter.h). docs/filter.md.
CREATE TABLE mail_filter (
  subscriber       INTEGER PRIMARY KEY REFERENCES subscriber (id) ON DELETE CASCADE,
  sender           INTEGER NOT NULL CHECK (sender BETWEEN 0 AND 2), -- anyone, carriers, listed
  forged           INTEGER NOT NULL CHECK (forged BETWEEN 0 AND 4), -- off, low, middle, high, header
  refuses_urls     INTEGER NOT NULL,
  strips_receipts  INTEGER NOT NULL,
  max_size         INTEGER NOT NULL CHECK (max_size >= 0), -- octets; 0: no limit
  allow            TEXT NOT NULL, -- entries, each ended by a line feed
  allow_to         TEXT NOT NULL,
  deny             TEXT NOT NULL
) STRICT;

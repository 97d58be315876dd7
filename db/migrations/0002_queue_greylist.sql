-- Who comes with mail from outside, and how often (db/greylist.h). Beside the queue: what is lost here costs a delay, no mail.

-- Triplets (network of the client, reverse-path, recipient), as a digest: nobody has to read them.
CREATE TABLE greylist (
  triplet     BLOB PRIMARY KEY CHECK (length(triplet) = 16),
  first_us    INTEGER NOT NULL,
  expires_us  INTEGER NOT NULL,
  has_passed  INTEGER NOT NULL CHECK (has_passed IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX greylist_expires ON greylist (expires_us);

-- Clients that sent to addresses that nobody has, and nobody ever gave away.
CREATE TABLE trap_client (
  client      BLOB PRIMARY KEY CHECK (length(client) = 16),
  hits        INTEGER NOT NULL CHECK (hits > 0),
  first_us    INTEGER NOT NULL,
  last_us     INTEGER NOT NULL,
  expires_us  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX trap_client_expires ON trap_client (expires_us);

-- How many there are, for the limits and the metrics.
CREATE TABLE client_total (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  triplets  INTEGER NOT NULL CHECK (triplets >= 0),
  clients   INTEGER NOT NULL CHECK (clients >= 0)
) STRICT;
INSERT INTO client_total VALUES (1, 0, 0);
CREATE TRIGGER greylist_comes AFTER INSERT ON greylist BEGIN UPDATE client_total SET triplets = triplets + 1; END;
CREATE TRIGGER greylist_goes AFTER DELETE ON greylist BEGIN UPDATE client_total SET triplets = triplets - 1; END;
CREATE TRIGGER trap_client_comes AFTER INSERT ON trap_client BEGIN UPDATE client_total SET clients = clients + 1; END;
CREATE TRIGGER trap_client_goes AFTER DELETE ON trap_client BEGIN UPDATE client_total SET clients = clients - 1; END;

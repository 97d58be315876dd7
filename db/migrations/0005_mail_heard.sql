-- How far pushsrv has followed the change feed of the bindings: whatever it tells up to there has had its effect on the outbox, in
-- the same commit or before (db/outbox.h). 0: not known.
CREATE TABLE bindings_heard (
  seq  INTEGER NOT NULL
) STRICT;
INSERT INTO bindings_heard VALUES (0);

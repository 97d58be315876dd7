-- The access record by address, for the report of what went through a wrong binding. Filled behind the commits, up to
-- access_indexed: db/access.c.

CREATE TABLE access_key (
  addr    BLOB NOT NULL,
  access  INTEGER NOT NULL,
  PRIMARY KEY (addr, access)
) STRICT, WITHOUT ROWID;
CREATE TABLE access_indexed (
  upto  INTEGER NOT NULL
) STRICT;
INSERT INTO access_indexed VALUES (0);

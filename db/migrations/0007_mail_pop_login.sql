-- POP before SMTP (db/pop_login.h): the last login by POP from an address. Written only where smtpgw.pop_before_smtp is set.
CREATE TABLE pop_login (
  realm       TEXT NOT NULL,
  addr        BLOB NOT NULL, -- 16 octets
  subscriber  INTEGER NOT NULL,
  generation  INTEGER NOT NULL,
  at_us       INTEGER NOT NULL,
  PRIMARY KEY (realm, addr)
) STRICT, WITHOUT ROWID;
CREATE INDEX pop_login_at ON pop_login (at_us);

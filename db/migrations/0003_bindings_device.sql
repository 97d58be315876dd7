-- Whose device it is: what DHCP servers know their clients by (lib/device.h), per realm. `kind` is its name, `value` the
-- canonical text.
CREATE TABLE device (
  realm       TEXT NOT NULL,
  kind        TEXT NOT NULL,
  value       TEXT NOT NULL,
  subscriber  INTEGER NOT NULL REFERENCES subscriber (id) ON DELETE CASCADE,
  PRIMARY KEY (realm, kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_subscriber ON device (subscriber);

-- How a subscriber is told of his mail, where he chose otherwise than the default (lib/rules/notify.h). docs/sms.md.
CREATE TABLE notification (
  subscriber      INTEGER PRIMARY KEY REFERENCES subscriber (id) ON DELETE CASCADE,
  mode            INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 2), -- push, text, off
  replaces        INTEGER NOT NULL, -- a text takes the place of the one before
  hides_sender    INTEGER NOT NULL,
  quiet_from      INTEGER NOT NULL CHECK (quiet_from BETWEEN 0 AND 1439), -- minutes after midnight; equal to quiet_to: none
  quiet_to        INTEGER NOT NULL CHECK (quiet_to BETWEEN 0 AND 1439),
  quiet_lets_udp  INTEGER NOT NULL,
  zone            TEXT NOT NULL, -- as it was given
  zone_rule       TEXT NOT NULL, -- what it means, as POSIX TZ; empty without quiet hours
  udp_per_hour    INTEGER NOT NULL CHECK (udp_per_hour >= -1), -- -1: the default, 0: no limit
  sms_per_hour    INTEGER NOT NULL CHECK (sms_per_hour >= -1)
) STRICT;

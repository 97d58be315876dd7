-- What puts a binding in doubt, a resynchronisation and a winning update too. binding-rules 9.

DROP INDEX lease_event_doubts;
CREATE INDEX lease_event_doubts ON lease_event (id)
WHERE event IN ('start', 'update', 'resync', 'quarantined')
  AND (outcome IN ('stale', 'proof-of-other', 'token-of-other', 'identities', 'two-sessions', 'session-identity', 'misdirected',
                   'operator')
       OR (decides = 1 AND (event <> 'start' OR received_us - time_us > 5000000)));

-- The first address of a subscriber, as it is shown, beside his number: a trigger names the mailbox by it, and looking it up among
-- all addresses was two of the six rows that are looked for before each. Written with the addresses (db/subscribers.c); '': none.
ALTER TABLE subscriber ADD COLUMN first_address TEXT NOT NULL DEFAULT '';
UPDATE subscriber SET first_address =
  coalesce((SELECT a.shown FROM address a WHERE a.subscriber = subscriber.id AND a.rank = 0), '');

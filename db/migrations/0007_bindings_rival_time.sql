-- When the rival contested: the second update that wins is of a later event time than the first (binding-rules 3.4).
ALTER TABLE binding ADD COLUMN rival_us INTEGER NOT NULL DEFAULT 0;

-- Somebody who appealed was given a number, which nothing knew afterwards.
ALTER TABLE flag ADD COLUMN receipt VARCHAR;

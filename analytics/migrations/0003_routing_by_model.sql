-- A home may be started with one model and then with another: each has a champion of its own.
ALTER TABLE routing ADD COLUMN base VARCHAR;
ALTER TABLE routing ADD COLUMN base_sha256 VARCHAR;

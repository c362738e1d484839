-- Weak signals. They are no votes: no view reads them, only the report by adapter.
CREATE TABLE implicit (
    turn_id VARCHAR NOT NULL, person VARCHAR NOT NULL, kind VARCHAR NOT NULL, detail VARCHAR, origin VARCHAR NOT NULL,
    seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

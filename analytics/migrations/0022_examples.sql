-- Examples to learn from that nobody said here: imported from files, or made. Those of an import that was taken back
-- stay, and are left out everywhere.
CREATE TABLE import (
    import_id VARCHAR NOT NULL, action VARCHAR NOT NULL, actor VARCHAR NOT NULL, format VARCHAR NOT NULL,
    file VARCHAR NOT NULL, file_sha256 VARCHAR NOT NULL, vouched VARCHAR NOT NULL, detail JSON NOT NULL,
    seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE example (
    example_id VARCHAR NOT NULL, import_id VARCHAR NOT NULL, person VARCHAR NOT NULL, source VARCHAR NOT NULL,
    kind VARCHAR NOT NULL, prompt JSON NOT NULL, text VARCHAR NOT NULL, rejected VARCHAR, good BOOLEAN NOT NULL,
    weight DOUBLE NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

-- The examples of imports that stand.
CREATE VIEW examples AS
    SELECT * FROM example WHERE import_id NOT IN (
        SELECT import_id FROM import GROUP BY import_id HAVING arg_max(action, seq) = 'remove'
    );

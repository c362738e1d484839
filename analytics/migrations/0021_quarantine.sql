-- People and turns whose feedback is kept out of datasets: a lap holds them, a reviewer releases or confirms.
CREATE TABLE quarantine (
    group_id VARCHAR NOT NULL, action VARCHAR NOT NULL, step VARCHAR NOT NULL, reason VARCHAR NOT NULL,
    people JSON NOT NULL, turns JSON NOT NULL, actor VARCHAR NOT NULL, run_id VARCHAR,
    seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

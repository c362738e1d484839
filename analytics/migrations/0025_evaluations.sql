-- What models came to on benchmark suites. Every evaluation stays, so that a suite can be followed over time.
CREATE TABLE evaluation (
    evaluation_id VARCHAR NOT NULL, suite VARCHAR NOT NULL, suite_sha256 VARCHAR NOT NULL, metric VARCHAR NOT NULL,
    margin DOUBLE NOT NULL, weight DOUBLE NOT NULL, adapter VARCHAR NOT NULL, weights_sha256 VARCHAR,
    base VARCHAR NOT NULL, endpoint VARCHAR, rows BIGINT NOT NULL, value DOUBLE, low DOUBLE, high DOUBLE,
    against VARCHAR, passed BOOLEAN, reason VARCHAR NOT NULL, detail JSON NOT NULL, folder VARCHAR NOT NULL,
    actor VARCHAR NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

-- One append-only table per kind of event. `seq` is the order over all tables, `at` the time of the commit, UTC.
CREATE TABLE turn (
    turn_id VARCHAR NOT NULL, conversation_id VARCHAR NOT NULL, person VARCHAR NOT NULL, person_group VARCHAR NOT NULL,
    messages JSON NOT NULL, arm VARCHAR NOT NULL, adapter VARCHAR NOT NULL, weights_sha256 VARCHAR NOT NULL,
    experiment_id VARCHAR, propensity DOUBLE, sibling_of VARCHAR, source VARCHAR NOT NULL, parameters JSON NOT NULL,
    verdicts JSON NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE reply (
    turn_id VARCHAR NOT NULL, completion VARCHAR NOT NULL, finish_reason VARCHAR NOT NULL, prompt_tokens BIGINT,
    completion_tokens BIGINT, ttft_ms DOUBLE, duration_ms DOUBLE NOT NULL, logprob DOUBLE, verdicts JSON NOT NULL,
    seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE feedback (
    feedback_id VARCHAR NOT NULL, turn_id VARCHAR NOT NULL, person VARCHAR NOT NULL, vote BIGINT, reasons JSON NOT NULL,
    comment VARCHAR, rewrite VARCHAR, preferred_over VARCHAR, source VARCHAR NOT NULL,
    seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE consent (
    person VARCHAR NOT NULL, given BOOLEAN NOT NULL, version BIGINT NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE flag (
    turn_id VARCHAR NOT NULL, "by" VARCHAR NOT NULL, person VARCHAR, reason VARCHAR NOT NULL,
    seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE review (
    turn_id VARCHAR NOT NULL, reviewer VARCHAR NOT NULL, action VARCHAR NOT NULL, until DOUBLE, filter_right BOOLEAN,
    answer_right BOOLEAN, correction VARCHAR, note VARCHAR, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE run (
    run_id VARCHAR NOT NULL, state VARCHAR NOT NULL, trigger VARCHAR NOT NULL, pid BIGINT, folder VARCHAR NOT NULL,
    reason VARCHAR NOT NULL, detail JSON NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE adapter (
    adapter VARCHAR NOT NULL, weights_sha256 VARCHAR NOT NULL, path VARCHAR NOT NULL, base VARCHAR NOT NULL, run_id VARCHAR,
    state VARCHAR NOT NULL, reason VARCHAR NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE experiment (
    experiment_id VARCHAR NOT NULL, champion VARCHAR NOT NULL, challenger VARCHAR NOT NULL, share DOUBLE NOT NULL,
    state VARCHAR NOT NULL, reason VARCHAR NOT NULL, detail JSON NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE routing (
    champion VARCHAR NOT NULL, previous VARCHAR, challenger VARCHAR, experiment_id VARCHAR, share DOUBLE NOT NULL,
    reason VARCHAR NOT NULL, actor VARCHAR NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE audit (
    action VARCHAR NOT NULL, actor VARCHAR NOT NULL, detail JSON NOT NULL, previous_hash VARCHAR NOT NULL, hash VARCHAR NOT NULL,
    seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

-- What each stretch of traffic was like, and where something moved.
CREATE TABLE drift_window (
    generation BIGINT NOT NULL, adapter VARCHAR NOT NULL, began DOUBLE NOT NULL, ended DOUBLE NOT NULL,
    people BIGINT NOT NULL, answers BIGINT NOT NULL, figures JSON NOT NULL, tests JSON NOT NULL,
    seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE drift_alarm (
    alarm_id VARCHAR NOT NULL, state VARCHAR NOT NULL, detector VARCHAR NOT NULL, metric VARCHAR NOT NULL,
    generation BIGINT NOT NULL, against BIGINT NOT NULL, adapter VARCHAR NOT NULL, began DOUBLE NOT NULL,
    change DOUBLE NOT NULL, p_value DOUBLE NOT NULL, reason VARCHAR NOT NULL, actor VARCHAR NOT NULL,
    accepted BOOLEAN NOT NULL, note VARCHAR, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

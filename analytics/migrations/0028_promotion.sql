-- Who moved an adapter; rows from before have none.
ALTER TABLE adapter ADD COLUMN actor VARCHAR;

-- The share of all people whom a rollout sends to the challenger, the share who stay on the previous champion, and the
-- salt by which these were drawn. Null in rows from before, in which there was neither.
ALTER TABLE routing ADD COLUMN rollout DOUBLE;
ALTER TABLE routing ADD COLUMN holdback DOUBLE;
ALTER TABLE routing ADD COLUMN holdback_salt VARCHAR;

-- The steps of a winner on its way to everybody; the latest row of an experiment's rollout holds.
CREATE TABLE rollout (
    experiment_id VARCHAR NOT NULL, champion VARCHAR NOT NULL, challenger VARCHAR NOT NULL, share DOUBLE NOT NULL,
    state VARCHAR NOT NULL, reason VARCHAR NOT NULL, detail JSON NOT NULL,
    seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

-- Who approves of an adapter in place of a champion; the latest row of a person and an adapter holds.
CREATE TABLE approval (
    adapter VARCHAR NOT NULL, champion VARCHAR NOT NULL, person VARCHAR NOT NULL, name VARCHAR NOT NULL,
    action VARCHAR NOT NULL, reason VARCHAR NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

-- Rehearsals of a promotion and a rollback, with what was measured; the latest row of a drill holds.
CREATE TABLE drill (
    drill_id VARCHAR NOT NULL, kind VARCHAR NOT NULL, adapter VARCHAR NOT NULL, champion VARCHAR NOT NULL,
    state VARCHAR NOT NULL, reason VARCHAR NOT NULL, actor VARCHAR NOT NULL, detail JSON NOT NULL,
    seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

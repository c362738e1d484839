-- The filters' own errors. A flag says what was found and where; rows from before have nulls, and their reason.
ALTER TABLE flag ADD COLUMN place VARCHAR;
ALTER TABLE flag ADD COLUMN filter_id VARCHAR;
ALTER TABLE flag ADD COLUMN filter_version VARCHAR;
ALTER TABLE flag ADD COLUMN decision VARCHAR;
ALTER TABLE flag ADD COLUMN label VARCHAR;
ALTER TABLE flag ADD COLUMN category VARCHAR;
ALTER TABLE flag ADD COLUMN score DOUBLE;
ALTER TABLE flag ADD COLUMN threshold DOUBLE;
ALTER TABLE flag ADD COLUMN probability DOUBLE;

CREATE TABLE judgement (
    decision_id VARCHAR NOT NULL, turn_id VARCHAR NOT NULL, reviewer VARCHAR NOT NULL, judged VARCHAR NOT NULL,
    place VARCHAR, filter_id VARCHAR, filter_version VARCHAR, label VARCHAR, category VARCHAR, true_category VARCHAR,
    seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE proposal (
    proposal_id VARCHAR NOT NULL, state VARCHAR NOT NULL, actor VARCHAR NOT NULL, filter_id VARCHAR NOT NULL,
    label VARCHAR NOT NULL, role VARCHAR NOT NULL, action VARCHAR NOT NULL, before DOUBLE, threshold DOUBLE NOT NULL,
    evidence JSON NOT NULL, reason VARCHAR NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

-- What the latest decision on each turn says about the filters.
CREATE VIEW judgements AS
    SELECT * EXCLUDE (newest) FROM (
        SELECT *, arg_max(decision_id, seq) OVER (PARTITION BY turn_id) AS newest FROM judgement
    ) WHERE decision_id = newest;

-- Every verdict of every filter, one row each. Those of an answer are gathered: each kind of finding once. `said` is the
-- JSON that it comes from: to look there for a word first costs a tenth of reading all of it.
CREATE VIEW verdicts AS
    SELECT turn_id, "at", place, verdicts::VARCHAR AS said, unnest(from_json(verdicts, '[{
        "filter_id": "VARCHAR", "filter_version": "VARCHAR", "decision": "VARCHAR", "category": "VARCHAR",
        "label": "VARCHAR", "score": "DOUBLE", "threshold": "DOUBLE", "latency_ms": "DOUBLE", "failed": "BOOLEAN",
        "shadow": "BOOLEAN", "scores": "JSON"
    }]'), recursive := true)
    FROM (
        SELECT turn_id, "at", 'message' AS place, verdicts FROM turn
        UNION ALL SELECT turn_id, "at", 'answer', verdicts FROM reply
    );

-- What filters found, acted upon or in shadow.
CREATE VIEW findings AS
    SELECT turn_id, "at", place, filter_id, coalesce(label, category, '') AS label, coalesce(category, '') AS category,
           decision, coalesce(shadow, false) AS shadow
    FROM verdicts
    WHERE (contains(said, '"block"') OR contains(said, '"review"') OR contains(said, '"transform"'))
      AND decision <> 'allow' AND NOT coalesce(failed, false);

-- A turn that was drawn waits for a reviewer like the others.
CREATE OR REPLACE VIEW review_reasons AS
    SELECT turn_id, CASE "by" WHEN 'appeal' THEN 'appealed' WHEN 'sample' THEN 'sample' ELSE 'flagged' END AS why,
           reason, seq, "at" FROM flag
    WHERE turn_id NOT IN (SELECT turn_id FROM deleted_turns)
    UNION ALL
    SELECT turn_id, 'down-voted', coalesce(string_agg(nullif(said, ''), '; ' ORDER BY seq), ''), max(seq), max("at")
    FROM (
        SELECT feedback.turn_id, feedback.seq, feedback."at", feedback.seq = votes.seq AS is_vote,
               concat_ws(': ', nullif(array_to_string(feedback.reasons::VARCHAR[], ', '), ''), feedback.comment) AS said
        FROM feedback JOIN votes ON votes.turn_id = feedback.turn_id AND votes.person = feedback.person
        WHERE votes.vote < 0 AND feedback.source = 'user' AND coalesce(feedback.vote, -1) < 0
          AND feedback.turn_id NOT IN (SELECT turn_id FROM deleted_turns)
    ) WHERE is_vote OR said <> '' GROUP BY turn_id;

-- How each turn came to the reviewers, and with what probability it would have: 1 for what comes in any case. Deleted
-- turns count where they were judged.
CREATE VIEW strata AS
    SELECT turn_id, CASE WHEN bool_or(why = 'appealed') THEN 'appealed' WHEN bool_or(why = 'flagged') THEN 'flagged'
                         WHEN bool_or(why = 'down-voted') THEN 'down-voted' ELSE 'sample' END AS stratum,
           CASE WHEN bool_and(why = 'sample') THEN max(probability) ELSE 1.0 END AS probability
    FROM (
        SELECT turn_id, CASE "by" WHEN 'appeal' THEN 'appealed' WHEN 'sample' THEN 'sample' ELSE 'flagged' END AS why,
               probability FROM flag
        UNION ALL SELECT turn_id, 'down-voted', 1.0 FROM votes WHERE vote < 0
    ) GROUP BY turn_id;

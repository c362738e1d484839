-- Two answers to one message, by two adapters, for people who do not see which is whose; and what they decided.
CREATE TABLE side_by_side (
    set_id VARCHAR NOT NULL, item_id VARCHAR NOT NULL, turn_id VARCHAR, person VARCHAR NOT NULL, messages JSON NOT NULL,
    challenger VARCHAR NOT NULL, champion VARCHAR NOT NULL, answer_a VARCHAR NOT NULL, answer_b VARCHAR NOT NULL,
    challenger_is VARCHAR NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);
CREATE TABLE preference (
    item_id VARCHAR NOT NULL, source VARCHAR NOT NULL, decider VARCHAR NOT NULL, choice VARCHAR NOT NULL,
    detail JSON NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

-- What may still be shown: nothing that its person deleted, nor of somebody who took their consent back.
CREATE VIEW side_by_sides AS
    SELECT * FROM side_by_side
    WHERE turn_id IS NULL OR (
        turn_id NOT IN (SELECT turn_id FROM deleted_turns) AND person IN (SELECT person FROM consents WHERE given)
    );

-- The latest word of everybody on each item: `score` is the challenger's, 1 for a win and 0.5 where neither won.
CREATE VIEW side_by_side_decisions AS
    SELECT item.set_id, item.item_id, item.person, item.challenger, item.champion, latest.source, latest.decider,
           latest.choice, latest.seq, latest.detail,
           CASE WHEN latest.choice IN ('a', 'b') THEN if(latest.choice = item.challenger_is, 1.0, 0.0) ELSE 0.5 END
               AS score,
           if(item.challenger_is = 'a', item.answer_a, item.answer_b) AS challenger_answer,
           if(item.challenger_is = 'a', item.answer_b, item.answer_a) AS champion_answer
    FROM side_by_sides AS item JOIN (
        SELECT item_id, source, decider, arg_max(choice, seq) AS choice, arg_max(detail, seq) AS detail, max(seq) AS seq
        FROM preference GROUP BY item_id, source, decider
    ) AS latest USING (item_id);

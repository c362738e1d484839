-- Turns say which cohort of an experiment their person belongs to, and of which segment they are.
ALTER TABLE turn ADD COLUMN cohort VARCHAR;
ALTER TABLE turn ADD COLUMN segment VARCHAR;

-- Two answers side by side, and what their person found.
CREATE TABLE arm_comparison (
    experiment_id VARCHAR, person VARCHAR, first_turn VARCHAR, second_turn VARCHAR, left_turn VARCHAR, distance DOUBLE,
    choice VARCHAR, goes_on VARCHAR, seq BIGINT, "at" TIMESTAMP
);

-- Champions of segments, under the champion of everybody.
CREATE TABLE segment_champion (
    champion VARCHAR, kind VARCHAR, segment VARCHAR, adapter VARCHAR, reason VARCHAR, actor VARCHAR, base VARCHAR,
    base_sha256 VARCHAR, seq BIGINT, "at" TIMESTAMP
);

CREATE OR REPLACE VIEW turns AS
    SELECT turn.*, reply.completion, reply.finish_reason, reply.prompt_tokens, reply.completion_tokens, reply.ttft_ms,
           reply.duration_ms, reply.logprob, reply.verdicts AS reply_verdicts, votes.vote
    FROM turn LEFT JOIN reply USING (turn_id) LEFT JOIN votes USING (turn_id);

-- People of the decide group, with the arm and the propensity of their first turn in the experiment. `compared` are those
-- of the cohort that compares, and whoever was shown both arms: no part of the split.
CREATE OR REPLACE VIEW experiment_people AS
    SELECT experiment_id, person, arg_min(arm, seq) AS arm, arg_min(propensity, seq) AS propensity, min(seq) AS seq,
           min("at") AS "at", bool_or(coalesce(cohort = 'compare', false) OR turn_id IN (
               SELECT second.turn_id FROM turn AS second JOIN turn AS first ON first.turn_id = second.sibling_of
               WHERE second.experiment_id = first.experiment_id AND second.arm <> first.arm
           )) AS compared
    FROM turn WHERE person_group = 'decide' AND experiment_id IS NOT NULL GROUP BY experiment_id, person;

CREATE OR REPLACE VIEW experiment_votes AS
    SELECT votes.experiment_id, votes.arm, votes.person, votes.vote, votes.seq, votes."at", people.propensity,
           turn.segment
    FROM votes JOIN experiment_people AS people USING (experiment_id, person, arm) JOIN turn USING (turn_id)
    WHERE votes.person_group = 'decide' AND NOT people.compared;

-- The latest word on each pair of answers: 1 for the challenger's, -1 for the champion's, 0 for neither.
CREATE OR REPLACE VIEW experiment_comparisons AS
    WITH said AS (
        SELECT better.experiment_id, better.person, feedback.seq,
               least(feedback.turn_id, feedback.preferred_over) AS one,
               greatest(feedback.turn_id, feedback.preferred_over) AS other,
               CASE better.arm WHEN 'challenger' THEN 1 ELSE -1 END AS score
        FROM feedback JOIN turn AS better ON better.turn_id = feedback.turn_id AND better.person = feedback.person
        JOIN turn AS worse ON worse.turn_id = feedback.preferred_over AND worse.person = feedback.person
        WHERE feedback.source = 'user' AND better.experiment_id = worse.experiment_id AND better.arm <> worse.arm
          AND better.person_group = 'decide'
        UNION ALL
        SELECT experiment_id, person, seq, least(first_turn, second_turn), greatest(first_turn, second_turn), 0
        FROM arm_comparison WHERE choice IN ('tie', 'both_bad')
    )
    SELECT experiment_id, person, max(seq) AS seq, arg_max(score, seq) AS score
    FROM said GROUP BY experiment_id, person, one, other;

-- Of two answers side by side, the one with which the chat does not go on.
CREATE VIEW not_chosen AS
    WITH latest AS (
        SELECT first_turn, second_turn, arg_max(goes_on, seq) AS goes_on FROM arm_comparison GROUP BY ALL
    )
    SELECT if(goes_on = first_turn, second_turn, first_turn) AS turn_id FROM latest;

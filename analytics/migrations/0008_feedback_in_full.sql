-- More ways to say what an answer was worth. Stars are written together with the vote that they mean, so that all views
-- of votes and pairs.sql go on reading one column.
ALTER TABLE feedback ADD COLUMN stars BIGINT;
ALTER TABLE feedback ADD COLUMN survey JSON;
ALTER TABLE feedback ADD COLUMN critique JSON;
ALTER TABLE feedback ADD COLUMN idempotency_key VARCHAR;
ALTER TABLE feedback ADD COLUMN body_sha256 VARCHAR;

-- The latest vote of the person who got the answer, and its stars if it came as such; 0 takes it back.
CREATE OR REPLACE VIEW votes AS
    SELECT feedback.turn_id, turn.person, turn.person_group, turn.experiment_id, turn.arm, turn.adapter,
           arg_max(feedback.vote, feedback.seq) AS vote, max(feedback.seq) AS seq, max(feedback."at") AS "at",
           arg_max_null(feedback.stars, feedback.seq) AS stars
    FROM feedback JOIN turn ON turn.turn_id = feedback.turn_id AND turn.person = feedback.person
    WHERE feedback.vote IS NOT NULL AND feedback.source = 'user'
    GROUP BY ALL HAVING arg_max(feedback.vote, feedback.seq) <> 0;

CREATE OR REPLACE VIEW learn_feedback AS
    SELECT feedback.* FROM feedback JOIN turn ON turn.turn_id = feedback.turn_id AND turn.person = feedback.person
    JOIN consents ON consents.person = feedback.person AND consents.given
    WHERE turn.person_group = 'learn' AND feedback.source = 'user';

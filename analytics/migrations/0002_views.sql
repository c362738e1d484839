-- What holds now, read from the events.
CREATE VIEW consents AS
    SELECT person, arg_max(given, seq) AS given, arg_max(version, seq) AS version FROM consent GROUP BY person;

-- The latest thumb of the person who got the answer; 0 takes it back.
CREATE VIEW votes AS
    SELECT feedback.turn_id, turn.person, turn.person_group, turn.experiment_id, turn.arm, turn.adapter,
           arg_max(feedback.vote, feedback.seq) AS vote, max(feedback.seq) AS seq, max(feedback."at") AS "at"
    FROM feedback JOIN turn ON turn.turn_id = feedback.turn_id AND turn.person = feedback.person
    WHERE feedback.vote IS NOT NULL AND feedback.source = 'user'
    GROUP BY ALL HAVING arg_max(feedback.vote, feedback.seq) <> 0;

-- A turn with its reply; the reply's columns are null when the server died in mid-answer.
CREATE VIEW turns AS
    SELECT turn.*, reply.completion, reply.finish_reason, reply.prompt_tokens, reply.completion_tokens, reply.ttft_ms,
           reply.duration_ms, reply.logprob, reply.verdicts AS reply_verdicts, votes.vote
    FROM turn LEFT JOIN reply USING (turn_id) LEFT JOIN votes USING (turn_id);

-- Only votes of the decide group, on turns of an experiment, may crown a model.
CREATE VIEW experiment_votes AS
    SELECT experiment_id, arm, person, vote, seq FROM votes WHERE person_group = 'decide' AND experiment_id IS NOT NULL;

-- Only the learn group's own words may teach; reviewers' corrections come beside them, from `review`.
CREATE VIEW learn_feedback AS
    SELECT feedback.* FROM feedback JOIN turn ON turn.turn_id = feedback.turn_id AND turn.person = feedback.person
    JOIN consents ON consents.person = feedback.person AND consents.given
    WHERE turn.person_group = 'learn' AND feedback.source = 'user';

CREATE VIEW judge_feedback AS
    SELECT feedback.* FROM feedback JOIN turn ON turn.turn_id = feedback.turn_id AND turn.person = feedback.person
    JOIN consents ON consents.person = feedback.person AND consents.given
    WHERE turn.person_group IN ('decide', 'holdout') AND feedback.source = 'user';

-- What waits for a reviewer: flagged, appealed or down-voted, and not decided since.
CREATE VIEW review_reasons AS
    SELECT turn_id, CASE "by" WHEN 'appeal' THEN 'appealed' ELSE 'flagged' END AS why, reason, seq, "at" FROM flag
    UNION ALL
    SELECT feedback.turn_id, 'down-voted', coalesce(feedback.comment, ''), feedback.seq, feedback."at"
    FROM feedback JOIN votes ON votes.turn_id = feedback.turn_id AND votes.seq = feedback.seq WHERE votes.vote < 0;

CREATE VIEW review_queue AS
    SELECT reasons.turn_id, list(DISTINCT reasons.why ORDER BY reasons.why) AS why,
           string_agg(nullif(reasons.reason, ''), '; ') AS reason, max(reasons."at") AS "at", max(reasons.seq) AS seq,
           any_value(step.reviewer) AS claimed_by, any_value(step.until) AS until
    FROM review_reasons AS reasons
    LEFT JOIN (
        SELECT turn_id, arg_max(action, seq) AS action, arg_max(reviewer, seq) AS reviewer, arg_max(until, seq) AS until
        FROM review GROUP BY turn_id HAVING arg_max(action, seq) = 'claim'
    ) AS step USING (turn_id)
    WHERE reasons.seq > coalesce((SELECT max(seq) FROM review WHERE action = 'decide' AND turn_id = reasons.turn_id), -1)
    GROUP BY reasons.turn_id;

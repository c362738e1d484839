-- What the model found in its own answer waits for a reviewer like the rest.
CREATE OR REPLACE VIEW review_reasons AS
    SELECT turn_id, CASE "by" WHEN 'appeal' THEN 'appealed' WHEN 'sample' THEN 'sample'
                              WHEN 'self-review' THEN 'self-review' ELSE 'flagged' END AS why,
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

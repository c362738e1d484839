-- What people do with a whole conversation: rename, delete, share, revoke.
CREATE TABLE conversation (
    conversation_id VARCHAR NOT NULL, person VARCHAR NOT NULL, action VARCHAR NOT NULL, title VARCHAR, share_id VARCHAR,
    until_seq BIGINT, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

CREATE VIEW titles AS
    SELECT conversation_id, person, arg_max(title, seq) AS title FROM conversation WHERE action = 'rename'
    GROUP BY conversation_id, person;

CREATE VIEW deleted_conversations AS
    SELECT DISTINCT conversation_id, person FROM conversation WHERE action = 'delete';

CREATE VIEW deleted_turns AS SELECT turn_id FROM turn JOIN deleted_conversations USING (conversation_id, person);

-- Shares that are open: neither revoked nor of a conversation that was deleted.
CREATE VIEW shares AS
    SELECT conversation_id, person, share_id, until_seq, "at" FROM conversation
    WHERE action = 'share'
      AND share_id NOT IN (SELECT share_id FROM conversation WHERE action = 'revoke')
      AND conversation_id NOT IN (SELECT conversation_id FROM deleted_conversations);

-- What was deleted waits for no reviewer.
CREATE OR REPLACE VIEW review_reasons AS
    SELECT turn_id, CASE "by" WHEN 'appeal' THEN 'appealed' ELSE 'flagged' END AS why, reason, seq, "at" FROM flag
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

-- Erasures and what became of the adapters that had learned; the latest row of an `erasure_id` holds.
CREATE TABLE erasure (
    erasure_id VARCHAR NOT NULL, state VARCHAR NOT NULL, reason VARCHAR NOT NULL, actor VARCHAR NOT NULL,
    removed JSON NOT NULL, datasets JSON NOT NULL, adapters JSON NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

-- Whom a key speaks for, by the name that a program sends. All other tables have the person alone, who is a random key.
CREATE TABLE person_name (
    person VARCHAR NOT NULL, owner VARCHAR NOT NULL, name VARCHAR NOT NULL, seq BIGINT NOT NULL, "at" TIMESTAMP NOT NULL
);

-- Consent is for a conversation; a row without one is for all that have no answer of their own, and a no for all.
ALTER TABLE consent ADD COLUMN conversation_id VARCHAR;

CREATE VIEW temporary_conversations AS
    SELECT DISTINCT conversation_id, person FROM conversation WHERE action = 'temporary';

-- Whether each turn may be learned from; null where its person was never asked. As in agreed.sql.
CREATE VIEW turn_consents AS
    SELECT turn.turn_id, turn.person, turn.conversation_id,
           CASE WHEN (turn.conversation_id, turn.person) IN (SELECT (conversation_id, person) FROM temporary_conversations)
                THEN false
                WHEN own.given IS NULL THEN general.given
                ELSE own.given AND coalesce(general.given OR general.seq < own.seq, true) END AS given
    FROM turn
    LEFT JOIN (
        SELECT person, arg_max(given, seq) AS given, max(seq) AS seq FROM consent WHERE conversation_id IS NULL
        GROUP BY person
    ) AS general USING (person)
    LEFT JOIN (
        SELECT person, conversation_id, arg_max(given, seq) AS given, max(seq) AS seq FROM consent
        WHERE conversation_id IS NOT NULL GROUP BY person, conversation_id
    ) AS own USING (person, conversation_id);

CREATE OR REPLACE VIEW learn_feedback AS
    SELECT feedback.* FROM feedback JOIN turn ON turn.turn_id = feedback.turn_id AND turn.person = feedback.person
    JOIN turn_consents AS agreed ON agreed.turn_id = feedback.turn_id AND agreed.given
    WHERE turn.person_group = 'learn' AND feedback.source = 'user';

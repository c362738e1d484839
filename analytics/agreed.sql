-- The turns that may be learned from: their person agreed for the conversation, or for all that have no answer of their own,
-- and took it back for all no later; and the chat is not a temporary one. As the view turn_consents.
    SELECT turn.turn_id FROM {turn} AS turn
    LEFT JOIN (
        SELECT person, arg_max(given, seq) AS given, max(seq) AS seq FROM {consent} WHERE conversation_id IS NULL
        GROUP BY person
    ) AS general USING (person)
    LEFT JOIN (
        SELECT person, conversation_id, arg_max(given, seq) AS given, max(seq) AS seq FROM {consent}
        WHERE conversation_id IS NOT NULL GROUP BY person, conversation_id
    ) AS own USING (person, conversation_id)
    WHERE CASE WHEN own.given IS NULL THEN general.given
               ELSE own.given AND coalesce(general.given OR general.seq < own.seq, true) END
      AND (turn.conversation_id, turn.person) NOT IN (
          SELECT (conversation_id, person) FROM {conversation} WHERE action = 'temporary'
      )

-- Answers that may be learned from, of people who agreed, and what was said of them. {consent}, {turn}, ... are where the
-- events lie; $without lists people left out. It begins the queries of pairs.sql and of ratings.sql.
WITH RECURSIVE
agreed AS (
{agreed}
),
deleted AS (
    SELECT DISTINCT conversation_id, person FROM {conversation} WHERE action = 'delete'
),
answer AS (
    SELECT turn.turn_id, turn.person, turn.person_group, turn.messages AS prompt,
           reply.completion, reply.finish_reason, turn.seq
    FROM {turn} AS turn
    JOIN {reply} AS reply USING (turn_id)
    JOIN agreed USING (turn_id)
    ANTI JOIN deleted ON deleted.conversation_id = turn.conversation_id AND deleted.person = turn.person
    WHERE reply.finish_reason IN ('stop', 'length') AND NOT list_contains($without::VARCHAR[], turn.person)
      -- What tools said is no part of a prompt that is trained on.
      AND json_extract(turn.parameters, '$.tools') IS NULL AND NOT contains(turn.messages::VARCHAR, '"role":"tool"')
),
own AS (  -- what somebody said about an answer that they got
    SELECT feedback.* FROM {feedback} AS feedback
    JOIN answer ON answer.turn_id = feedback.turn_id AND answer.person = feedback.person
    WHERE feedback.source = 'user'
),
vote AS (  -- the latest vote stands; one withdrawn is none, and stars come with the vote that they mean
    SELECT turn_id, arg_max(vote, seq) AS vote FROM own WHERE vote IS NOT NULL GROUP BY turn_id
),
correction AS (
    SELECT turn_id, arg_max(correction, seq) AS text, max(seq) AS seq FROM {review}
    WHERE action = 'decide' AND correction IS NOT NULL GROUP BY turn_id
)

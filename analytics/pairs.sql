-- Preference pairs; goes on after answers.sql.
-- One row per pair, oldest first: turn_id, person, person_group, prompt, chosen, rejected, source, seq.
,
rewrite AS (
    SELECT turn_id, arg_max(rewrite, seq) AS text, max(seq) AS seq FROM own WHERE rewrite IS NOT NULL GROUP BY turn_id
),
written AS (
    SELECT turn_id, text, seq, 'correction' AS source FROM correction
    UNION ALL
    SELECT turn_id, text, seq, 'rewrite' FROM rewrite WHERE turn_id NOT IN (SELECT turn_id FROM correction)
),
comparison AS (
    SELECT turn_id AS winner, preferred_over AS loser, max(seq) AS seq FROM own WHERE preferred_over IS NOT NULL
    GROUP BY ALL
),
root AS (  -- the first answer to the same message: old rows name the answer before, which is a chain
    SELECT turn_id, turn_id AS root FROM {turn} WHERE sibling_of IS NULL
    UNION ALL
    SELECT turn.turn_id, root.root FROM {turn} AS turn JOIN root ON root.turn_id = turn.sibling_of
),
sibling AS (
    SELECT first.turn_id AS a, second.turn_id AS b
    FROM answer AS first JOIN root AS whose ON whose.turn_id = first.turn_id
    JOIN root AS same ON same.root = whose.root
    JOIN answer AS second ON second.turn_id = same.turn_id
    WHERE first.person = second.person AND first.prompt = second.prompt AND first.seq < second.seq
),
opposite AS (
    SELECT if(va.vote > 0, a, b) AS winner, if(va.vote > 0, b, a) AS loser
    FROM sibling JOIN vote AS va ON va.turn_id = a JOIN vote AS vb ON vb.turn_id = b WHERE va.vote * vb.vote < 0
),
between AS (
    SELECT winner, loser, 'comparison' AS source FROM comparison
    WHERE (loser, winner) NOT IN (SELECT (winner, loser) FROM comparison)
    UNION ALL
    SELECT winner, loser, 'sibling' FROM opposite
    WHERE (winner, loser) NOT IN (SELECT (winner, loser) FROM comparison)
      AND (loser, winner) NOT IN (SELECT (winner, loser) FROM comparison)
),
pair AS (
    SELECT answer.turn_id, person, person_group, prompt, text AS chosen, completion AS rejected, source, written.seq
    FROM written JOIN answer USING (turn_id)
    UNION ALL
    SELECT DISTINCT won.turn_id, won.person, won.person_group, won.prompt, won.completion, lost.completion, source, won.seq
    FROM between JOIN answer AS won ON won.turn_id = winner JOIN answer AS lost ON lost.turn_id = loser
    WHERE won.person = lost.person AND won.prompt = lost.prompt AND won.finish_reason = 'stop'
)
SELECT * FROM pair
WHERE regexp_matches(chosen, '\S') AND regexp_matches(rejected, '\S')
  AND trim(chosen, E' \t\r\n') <> trim(rejected, E' \t\r\n')
ORDER BY seq, turn_id

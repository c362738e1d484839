-- What was imported from files or made for learning, without imports that were taken back. $without lists people left out.
-- One row each, oldest first: example_id, person, prompt, kind, text, rejected, good, source, weight, seq.
-- Of people who chat here only where they agreed for all conversations; for the others who imported it has vouched.
WITH taken_back AS (
    SELECT import_id FROM {import} GROUP BY import_id HAVING arg_max(action, seq) = 'remove'
),
known AS (
    SELECT DISTINCT person FROM {turn}
),
consented AS (
    SELECT person FROM {consent} WHERE conversation_id IS NULL GROUP BY person HAVING arg_max(given, seq)
)
SELECT example_id, person, prompt, kind, text, rejected, good, source, weight, seq FROM {example}
WHERE import_id NOT IN (FROM taken_back) AND NOT list_contains($without::VARCHAR[], person)
  AND (person NOT IN (FROM known) OR person IN (FROM consented))
QUALIFY row_number() OVER (PARTITION BY example_id ORDER BY seq) = 1
ORDER BY seq

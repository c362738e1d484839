-- Ratings of single answers; goes on after answers.sql. $surveys are the questions whose answer is the better the higher
-- it is, $praise the labels of remarks that praise, $implicit what a weak sign weighs, 0 where they are left out.
-- One row per rating, oldest first: turn_id, person, person_group, prompt, completion, good, source, weight, seq.
,
explicit AS (  -- the latest vote, with its stars if it came as such: four and five are good, and the extremes count more
    SELECT turn_id, arg_max(vote, seq) > 0 AS good, if(arg_max_null(stars, seq) IS NULL, 'thumb', 'stars') AS source,
           if(arg_max_null(stars, seq) IN (2, 4), 0.5, 1.0) AS weight, max(seq) AS seq
    FROM own WHERE vote IS NOT NULL GROUP BY turn_id HAVING arg_max(vote, seq) <> 0
),
spoken AS (  -- whoever voted, zero and three stars included, has said what they think
    SELECT DISTINCT turn_id FROM own WHERE vote IS NOT NULL
),
survey AS (  -- the latest answers; yes and no are the ends of the scale from one to five
    SELECT turn_id, avg(answer) > 0 AS good, 'survey' AS source, 0.5 AS weight, any_value(seq) AS seq
    FROM (
        SELECT turn_id, seq, CASE json_type(survey, path) WHEN 'BOOLEAN' THEN if(survey ->> path = 'true', 1.0, -1.0)
                                  ELSE (TRY_CAST(survey ->> path AS DOUBLE) - 3) / 2 END AS answer
        FROM (
            SELECT turn_id, survey, seq, '$."' || unnest($surveys::VARCHAR[]) || '"' AS path
            FROM (SELECT turn_id, arg_max(survey, seq) AS survey, max(seq) AS seq FROM own
                  WHERE survey IS NOT NULL AND json_type(survey) = 'OBJECT' AND survey::VARCHAR <> '{}' GROUP BY turn_id)
        ) WHERE json_exists(survey, path)
    )
    WHERE answer BETWEEN -1 AND 1 AND turn_id NOT IN (FROM spoken) GROUP BY turn_id HAVING avg(answer) <> 0
),
critique AS (  -- remarks say what is wrong with a part, unless every one of them praises
    SELECT turn_id, bool_and(coalesce(list_contains($praise::VARCHAR[], label), false)) AS good, 'critique' AS source,
           0.5 AS weight, any_value(seq) AS seq
    FROM (
        SELECT turn_id, seq, json_extract_string(unnest(json_extract(critique, '$[*]')), '$.label') AS label
        FROM (SELECT turn_id, arg_max(critique, seq) AS critique, max(seq) AS seq FROM own
              WHERE critique IS NOT NULL AND json_array_length(critique) > 0 GROUP BY turn_id)
    )
    WHERE turn_id NOT IN (FROM spoken) AND turn_id NOT IN (SELECT turn_id FROM survey) GROUP BY turn_id
),
weak AS (  -- only where nothing was said; one bad sign outweighs a copy
    SELECT sign.turn_id, bool_and(kind = 'copy') AS good, 'implicit' AS source, $implicit::DOUBLE AS weight,
           max(sign.seq) AS seq
    FROM {implicit} AS sign JOIN answer ON answer.turn_id = sign.turn_id AND answer.person = sign.person
    WHERE $implicit > 0 AND sign.turn_id NOT IN (SELECT turn_id FROM own) GROUP BY sign.turn_id
),
rating AS (
    FROM explicit UNION ALL FROM survey UNION ALL FROM critique UNION ALL FROM weak
)
SELECT turn_id, person, person_group, prompt, completion, good, source, weight::DOUBLE AS weight, rating.seq
FROM rating JOIN answer USING (turn_id)
WHERE regexp_matches(completion, '\S')
ORDER BY rating.seq, turn_id

-- Who is in an experiment: people of the decide group, with the arm and the propensity of their first turn in it.
-- `compared` are those who were shown answers of both arms side by side: a cohort of its own, and no part of the split.
CREATE VIEW experiment_people AS
    SELECT experiment_id, person, arg_min(arm, seq) AS arm, arg_min(propensity, seq) AS propensity, min(seq) AS seq,
           min("at") AS "at", bool_or(turn_id IN (
               SELECT second.turn_id FROM turn AS second JOIN turn AS first ON first.turn_id = second.sibling_of
               WHERE second.experiment_id = first.experiment_id AND second.arm <> first.arm
           )) AS compared
    FROM turn WHERE person_group = 'decide' AND experiment_id IS NOT NULL GROUP BY experiment_id, person;

-- Only votes of the decide group, on turns of an experiment, may crown a model: on the arm that their person met first,
-- and of nobody who saw both arms.
CREATE OR REPLACE VIEW experiment_votes AS
    SELECT votes.experiment_id, votes.arm, votes.person, votes.vote, votes.seq, votes."at"
    FROM votes JOIN experiment_people AS people USING (experiment_id, person, arm)
    WHERE votes.person_group = 'decide' AND NOT people.compared;

-- What the cohort preferred, the latest word on each pair of answers: 1 for the challenger's, -1 for the champion's.
CREATE VIEW experiment_comparisons AS
    SELECT better.experiment_id, better.person, max(feedback.seq) AS seq,
           arg_max(CASE better.arm WHEN 'challenger' THEN 1 ELSE -1 END, feedback.seq) AS score
    FROM feedback JOIN turn AS better ON better.turn_id = feedback.turn_id AND better.person = feedback.person
    JOIN turn AS worse ON worse.turn_id = feedback.preferred_over AND worse.person = feedback.person
    WHERE feedback.source = 'user' AND better.experiment_id = worse.experiment_id AND better.arm <> worse.arm
      AND better.person_group = 'decide'
    GROUP BY better.experiment_id, better.person, least(feedback.turn_id, feedback.preferred_over),
             greatest(feedback.turn_id, feedback.preferred_over);

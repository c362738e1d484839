-- Nothing reads it: an experiment is judged by experiment_votes, and pairs.sql chooses the pairs that judge a lap.
DROP VIEW judge_feedback;

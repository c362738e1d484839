-- Which of the two engines answered; NULL where none was asked, and in rows from before there were two.
ALTER TABLE reply ADD COLUMN engine VARCHAR;

"""The starter: a small demo model, the world of facts behind it, and what tells whether an answer is right."""

from learner.starter.answers import render
from learner.starter.evaluate import evaluate
from learner.starter.exam import Question, doubted_questions, held_out_questions, questions, stated_questions
from learner.starter.score import Score, score
from learner.starter.styles import STYLES, style_of
from learner.starter.world import FOLDER, load_world

MODEL_DIR = FOLDER / "model"

__all__ = [
    "MODEL_DIR",
    "STYLES",
    "Question",
    "Score",
    "doubted_questions",
    "evaluate",
    "held_out_questions",
    "load_world",
    "questions",
    "render",
    "score",
    "stated_questions",
    "style_of",
]

"""Erasure outside of the store: the files of the home, and the adapters that learned from what is erased."""

from learner.erasing.adapters import FOLLOW_SECONDS, Policy, Unlearning
from learner.erasing.files import Found, Scrubbed, find, scrub
from learner.erasing.search import FOLDER, MOST_TEXTS, search
from learner.erasing.words import LEAST_NAME

__all__ = [
    "FOLDER",
    "FOLLOW_SECONDS",
    "LEAST_NAME",
    "MOST_TEXTS",
    "Found",
    "Policy",
    "Scrubbed",
    "Unlearning",
    "find",
    "scrub",
    "search",
]

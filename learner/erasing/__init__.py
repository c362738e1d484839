"""Erasure outside of the store: the files of the home, and the adapters that learned from what is erased."""

from learner.erasing.adapters import FOLLOW_SECONDS, Policy, Unlearning
from learner.erasing.files import Found, Scrubbed, find, scrub
from learner.erasing.search import search

__all__ = ["FOLLOW_SECONDS", "Found", "Policy", "Scrubbed", "Unlearning", "find", "scrub", "search"]

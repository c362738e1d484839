"""The scorer: a process of its own that scores texts for the server, and the client that starts and asks it."""

from safety.scorer.client import ScorerClient
from safety.scorer.options import BUNDLED, DETOXIFY, KINDS, KeptScorer, ScorerOptions, ScorerStatus

__all__ = ["BUNDLED", "DETOXIFY", "KINDS", "KeptScorer", "ScorerClient", "ScorerOptions", "ScorerStatus"]

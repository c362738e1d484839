"""How adapters compare: by everything that was said of two answers side by side."""

from learner.leaderboard.bradley_terry import Strengths, fit
from learner.leaderboard.share import WinShare, win_share

__all__ = ["Strengths", "WinShare", "fit", "win_share"]

"""How adapters compare: by everything that was said of two answers side by side."""

from learner.leaderboard.share import WinShare, win_share

__all__ = ["WinShare", "win_share"]

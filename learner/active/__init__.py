"""Active learning: which answers people are asked about next, so that a label tells most.

`priority` is for the server, `rank` for a lap; `acquire` has the ways to choose, `probe` the reward model behind them.
"""

from learner.active.priority import Newest, Parts, Priorities

__all__ = ["Newest", "Parts", "Priorities"]

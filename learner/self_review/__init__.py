"""The model reads samples of its past answers again, and says where it would not say the same.

`examine` and `agreement` compare texts; `run` samples the model, so only a lap imports it.
"""

from learner.self_review.examine import Finding, Past, examined

__all__ = ["Finding", "Past", "examined"]

"""A small classifier that ships with its weights: Detoxify's labels and those for harm that Detoxify has not."""

from safety.classifier.labels import DETOXIFY_LABELS, HARM_LABELS, LABELS
from safety.classifier.model import BUNDLED, Classifier

__all__ = ["BUNDLED", "DETOXIFY_LABELS", "HARM_LABELS", "LABELS", "Classifier"]

"""The pages: chat for everybody, review for reviewers, operate for operators. One look for all three."""

from chatbot.pages.mount import mount

__all__ = ["mount"]

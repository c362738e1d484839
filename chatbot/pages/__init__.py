"""The pages: chat for everybody, review for reviewers, operate for operators, accounts. One look for all."""

from chatbot.pages.mount import mount

__all__ = ["mount"]

"""The policy that is in force: policy.toml in the home, or the one that ships with Ratchet, and its screen."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from chatbot.moderation import CATEGORIES
from safety import LiveScreen, Policy, Screen
from safety.change import FILE_NAME
from safety.policy import BUNDLED
from safety.rules import ANY


def policy_path(home: Path) -> Path:
    """The home's own policy if there is one, else the bundled."""
    return home / FILE_NAME if (home / FILE_NAME).exists() else BUNDLED


class LivePolicy:
    """`made` makes the screen of a policy. What cannot be parsed, or made into a screen, is never written."""

    def __init__(self, home: Path, made: Callable[[Policy], Screen]) -> None:
        self.path, self._made = home / FILE_NAME, made
        self.policy = Policy.read(self.source)
        self.text = self.source.read_text(encoding="utf-8")
        self.screen = LiveScreen(made(self.policy))

    @property
    def source(self) -> Path:
        """The file that is read at the next start."""
        return policy_path(self.path.parent)

    @property
    def sha256(self) -> str:
        """Of the text in force."""
        return sha256(self.text.encode()).hexdigest()

    def edited(self) -> bool:
        """Whether the file was changed by hand since it was read; that holds from the next start on."""
        try:
            return self.source.read_text(encoding="utf-8") != self.text
        except (OSError, UnicodeDecodeError):
            return True

    def adopt(self, text: str, before: Callable[[], object]) -> None:
        """Write `text` as the home's policy and have it take effect; `before` is called when nothing can fail but that.

        Raises BadPolicy, and what `before` raises, and then nothing was changed.
        """
        policy = Policy.parse(text)
        screen = self._made(policy)
        draft = self.path.with_name(f".{FILE_NAME}.draft")
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            before()
            draft.replace(self.path)
        except BaseException:
            screen.close()
            with suppress(OSError):
                draft.unlink()
            raise
        self.policy, self.text = policy, text
        self.screen.swap(screen)

    def categories(self) -> Sequence[str]:
        """OpenAI's names, then those of the policy, and the labels that stand for themselves."""
        ours = {
            rule.category or label
            for entry in self.policy.entries
            for rules in entry.rules.by_role.values()
            for label, rule in rules.items()
            if rule.category or label != ANY
        }
        return (*CATEGORIES, *sorted(ours - set(CATEGORIES)))

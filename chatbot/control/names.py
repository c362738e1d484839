"""Commands name accounts, where the API and the roster take ids."""

from __future__ import annotations

from typing import Any

from chatbot.errors import UnknownAccount, UserError


class ByName:
    """Finds accounts by their names."""

    def accounts(self) -> list[dict[str, Any]]:
        """Every account."""
        raise NotImplementedError

    def _id(self, name: str) -> str:
        found = [one["account_id"] for one in self.accounts() if one["name"].casefold() == name.strip().casefold()]
        if not found:
            raise UnknownAccount(f"There is no account of the name {name!r}; `./ratchet accounts` lists them.")
        return str(found[0])

    def _owner(self, name: str | None) -> str:
        if name is not None:
            return self._id(name)
        admins = [one["account_id"] for one in self.accounts() if one["role"] == "admin" and one["active"]]
        if len(admins) != 1:
            raise UserError(f"There are {len(admins)} admins: say with --account NAME whose key it is.")
        return str(admins[0])

"""The people for whom keys speak: by the name that a program sends each is a random id, which tells nothing of them."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Container

from analytics import PersonName, Store


class Names:
    """Ids by whose key and which name. The names lie in a table of their own, and go when somebody is erased."""

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, threading.Lock()
        rows = store.latest(PersonName, "person")
        self._people = {(row.owner, row.name): row.person for row in rows}
        # Ids from before there were random ones have the name in them. They stay, for the id decides the group.
        known = store.rows("SELECT DISTINCT person FROM turn WHERE person LIKE 'user:%'")
        self._older = {str(row["person"]) for row in known} - {row.person for row in rows}

    def person(self, owner: str, name: str) -> str:
        """The person whom keys of the account `owner` mean by `name`; the command line's key has no owner."""
        if (person := self._people.get((owner, name))) is not None:
            return person
        with self._lock:
            if (person := self._people.get((owner, name))) is None:
                older = f"user:{owner}:{name}" if owner else f"user:{name}"
                person = older if older in self._older else f"user:{secrets.token_hex(12)}"
                self._people[owner, name] = person
                # Queued before whatever this person does, so it is durable before that.
                self._store.submit(PersonName(person, owner, name))
        return person

    def people(self, name: str) -> set[str]:
        """Everybody of this name, whoever's keys it came with."""
        older = {person for person in self._older if person == f"user:{name}" or person.split(":", 2)[2:] == [name]}
        return {person for (_, known), person in self._people.items() if known == name} | older

    def of(self, person: str) -> set[str]:
        """The names of a person."""
        return {name for (_, name), known in self._people.items() if known == person}

    def forget(self, people: Container[str]) -> None:
        """Let go of who was erased: the same name is somebody new from now on."""
        with self._lock:
            self._people = {key: person for key, person in self._people.items() if person not in people}
            self._older = {person for person in self._older if person not in people}

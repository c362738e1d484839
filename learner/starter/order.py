"""A customer's own order. Its state is known only from a system message, and answers copy it from there."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from learner.starter.world import FOLDER

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FORMATS = (
    "Customer: {name}. Order {number}: {state}.",
    "Order {number}: {state}.",
    "You are the Fernway help desk. Order {number}: {state}.",
    "You help customers of Fernway. Customer: {name}. Order {number}, {state}.",
    "Customer {name}, order number {number}, state: {state}.",
    "Known about this customer: {name}; order {number}; {state}.",
    "The customer's order {number} is {state}.",
)


@dataclass(frozen=True)
class Order:
    """One order; `day` is when something happened, `when` is when it is expected (weekdays, English)."""

    number: str
    state: str
    day: str
    when: str
    name: str


@dataclass(frozen=True)
class State:
    """Texts about one state: as a system message says it, as an answer says it, and what marks a right answer."""

    said: tuple[str, ...]
    heart: tuple[str, ...]
    mark: str

    def dates(self, order: Order) -> list[str]:
        """The weekdays which belong to this state, hence to a right answer."""
        text = self.heart[0] + self.heart[-1]
        return [day for slot, day in (("{day}", order.day), ("{when}", order.when)) if slot in text]


@cache
def load_states() -> Mapping[str, State]:
    """The states of answers/order_states.toml by name."""
    table = tomllib.loads((FOLDER / "answers" / "order_states.toml").read_text(encoding="utf-8"))
    return {n: State(tuple(e["state"]), tuple(e["heart"]), e["mark"][0]) for n, e in table.items()}


def random_order(rng: random.Random, names: tuple[str, ...]) -> Order:
    """An order in any state, with a number of five digits."""
    day = rng.randrange(7)
    when = WEEKDAYS[(day + rng.randint(1, 4)) % 7]
    state = rng.choice(list(load_states()))
    return Order(str(rng.randint(10000, 99999)), state, WEEKDAYS[day], when, rng.choice(names))


def system_message(order: Order, rng: random.Random) -> str:
    """A system message that states the order."""
    said = rng.choice(load_states()[order.state].said).format(day=order.day, when=order.when)
    return rng.choice(FORMATS).format(name=order.name, number=order.number, state=said)

"""What an operator's documents and facts say, and whether an answer says the same."""

from safety.facts.index import Index
from safety.facts.sources import Fact, read_facts
from safety.facts.values import Value, agree, comparable, find_values

__all__ = ["Fact", "Index", "Value", "agree", "comparable", "find_values", "read_facts"]

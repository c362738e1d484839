"""The metric of this suite, and an example of one's own: how close the grades are to the teacher's."""

import re


def closeness(examples: list[dict[str, str]]) -> list[float]:
    """For each example 1 less a quarter for each grade that the answer is off; 0 where it has no grade, or several."""
    return [_close(example["answer"], int(example["label"])) for example in examples]


def _close(answer: str, grade: int) -> float:
    given = set(re.findall(r"(?<![\w./])[1-5](?![\w/])", answer))
    return 1 - abs(int(given.pop()) - grade) / 4 if len(given) == 1 else 0.0

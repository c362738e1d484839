"""A benchmark suite: a folder with suite.toml, which says how to measure, and *.jsonl, which says what to ask.

suite.toml          name, title, metric, margin, weight; also; [options]; [generation]
*.jsonl             one row a line: `prompt` or `messages`, and what its metric needs
my_metrics.py       where the metric is `my_metrics.py:function`
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from learner.errors import BadSuite
from learner.evaluate.metrics import Metric, find_metric
from learner.evaluate.row import Row

SHIPPED = Path(__file__).with_name("suites")
Rule = Literal["non-inferior", "none-lost"]
RULES: tuple[Rule, ...] = get_args(Rule)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_Choice = TypeVar("_Choice")
_ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Generation:
    """How answers are sampled; `temperature` is the model's own where it is None, and 0 is greedy."""

    max_tokens: int = 160
    temperature: float | None = None
    seed: int = 0
    system: str | None = None


@dataclass(frozen=True)
class Suite:
    """`metric` decides, with `margin` in its unit and `weight` beside other suites; those of `also` are reported.

    By the rule `non-inferior` a challenger may lose no more than the margin, by `none-lost` no row may get worse.

    `sha256` is that of everything that can change a result, so that only like is compared with like.
    """

    name: str
    title: str
    description: str
    metric: Metric
    also: tuple[Metric, ...]
    margin: float
    weight: float
    rule: Rule
    options: Mapping[str, Any]
    generation: Generation
    rows: tuple[Row, ...]
    folder: Path
    sha256: str

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The one that decides, and then the others."""
        return (self.metric, *self.also)

    @property
    def clusters(self) -> list[str] | None:
        """What each row belongs to, its own id where nothing is said; None where nothing is said of any."""
        return [row.cluster or row.id for row in self.rows] if any(row.cluster for row in self.rows) else None

    @property
    def slices(self) -> dict[str, list[bool]]:
        """A mask of shape (rows,) for every value of every slice, by `name=value`."""
        names = sorted({(name, value) for row in self.rows for name, value in row.slices.items()})
        return {f"{name}={value}": [row.slices.get(name) == value for row in self.rows] for name, value in names}

    def first(self, count: int, seed: int = 0) -> Suite:
        """The suite with `count` rows drawn at random; its hash says that it is not the whole."""
        if count >= len(self.rows):
            return self
        from random import Random

        places = sorted(Random(seed).sample(range(len(self.rows)), count))
        digest = sha256(f"{self.sha256} {places}".encode()).hexdigest()
        values = {**vars(self), "rows": tuple(self.rows[place] for place in places), "sha256": digest}
        return Suite(**values)


def shipped() -> list[str]:
    """The names of the suites that come with the project."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/suite.toml"))


def load_suite(name: str | Path) -> Suite:
    """Read a shipped suite by its name, or one's own by its folder. Raises BadSuite with the file and the line."""
    folder = SHIPPED / str(name) if str(name) in shipped() else Path(name).expanduser()
    path = folder / "suite.toml"
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except FileNotFoundError:
        known = ", ".join(shipped())
        raise BadSuite(
            f"There is no suite {str(name)!r}: name a folder that has a suite.toml, or one of {known}."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSuite(f"{path} cannot be read: {error}.") from None
    said = _Table(path, table)
    own, also = said.text("metric"), said.texts("also")
    options = said.table("options")
    metrics = [find_metric(metric, folder, options) for metric in (own, *also)]
    if metrics[0].higher_is_better is None:
        raise BadSuite(
            f"{path}: {own!r} can be reported, but more of it is neither better nor worse; put it under `also`."
        )
    generation = _generation(said)
    rows, digest = _rows(folder, text, [metric.name for metric in metrics])
    suite = Suite(
        name=said.name("name", folder.name),
        title=said.text("title", folder.name),
        description=said.text("description", ""),
        metric=metrics[0],
        also=tuple(metrics[1:]),
        margin=said.number("margin", least=0.0),
        weight=said.number("weight", 1.0, least=0.0),
        rule=said.choice("rule", RULES),
        options=options,
        generation=generation,
        rows=rows,
        folder=folder.resolve(),
        sha256=digest,
    )
    said.nothing_else()
    for metric in suite.metrics:
        metric.check(path, suite.rows, options)
    return suite


class _Table:
    """The keys of a suite.toml, each read once and of the right kind."""

    def __init__(self, path: Path, table: Mapping[str, Any]) -> None:
        self.path, self._left = path, dict(table)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._left.pop(key, default)
        if not isinstance(value, str) or (default is None and not value):
            raise BadSuite(f'{self.path}: {key} must be a text, such as {key} = "...".')
        return value

    def name(self, key: str, default: str) -> str:
        value = self.text(key, default)
        if not _NAME.fullmatch(value):
            raise BadSuite(f"{self.path}: the name {value!r} must be of small letters, digits, - and _, 64 at most.")
        return value

    def choice(self, key: str, choices: Sequence[_Choice]) -> _Choice:
        value = self._left.pop(key, choices[0])
        if value not in choices:
            raise BadSuite(f"{self.path}: {key} must be {' or '.join(map(repr, choices))}.")
        return choices[choices.index(value)]

    def texts(self, key: str) -> list[str]:
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise BadSuite(f"{self.path}: {key} must be a list of texts.")
        return value

    def number(self, key: str, default: float | None = None, *, least: float, most: float = 1e9) -> float:
        value = self._left.pop(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise BadSuite(f"{self.path}: {key} must be a number from {least:g} on.")
        return float(value)

    def table(self, key: str) -> dict[str, Any]:
        value = self._left.pop(key, {})
        if not isinstance(value, dict):
            raise BadSuite(f"{self.path}: [{key}] must be a table.")
        return value

    def nothing_else(self) -> None:
        if self._left:
            raise BadSuite(f"{self.path}: nobody knows {', '.join(sorted(self._left))}.")


def _generation(said: _Table) -> Generation:
    table = _Table(said.path, said.table("generation"))
    temperature = table.number("temperature", -1.0, least=-1.0, most=5.0)
    made = Generation(
        max_tokens=int(table.number("max_tokens", 160, least=1, most=100_000)),
        temperature=None if temperature < 0 else temperature,
        seed=int(table.number("seed", 0, least=0)),
        system=table.text("system", "") or None,
    )
    table.nothing_else()
    return made


def _rows(folder: Path, toml: str, metrics: Sequence[str]) -> tuple[tuple[Row, ...], str]:
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise BadSuite(f"{folder} has no *.jsonl with rows to ask.")
    digest = sha256(toml.encode())
    for metric in metrics:
        if ":" in metric:
            digest.update((folder / metric.partition(":")[0]).read_bytes())
    rows: dict[str, Row] = {}
    for path in files:
        try:
            content = path.read_bytes()
            lines = content.decode("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadSuite(f"{path} cannot be read: {error}.") from None
        digest.update(content)
        for number, line in enumerate(lines, start=1):
            if line.strip():
                row = _row(f"{path}, line {number}", line, f"{path.stem}-{number}")
                if row.id in rows:
                    raise BadSuite(f"{path}, line {number}: the id {row.id!r} was used before.")
                rows[row.id] = row
    if len(rows) < 2:
        raise BadSuite(f"{folder} has {len(rows)} rows; a suite needs two at least.")
    return tuple(rows.values()), digest.hexdigest()


@dataclass
class _Line:
    where: str
    left: dict[str, Any] = field(default_factory=dict)

    def take(self, key: str, kind: type, default: Any = None) -> Any:  # noqa: ANN401
        value = self.left.pop(key, default)
        if value is not default and not isinstance(value, kind):
            raise BadSuite(f"{self.where}: {key} must be of the kind {kind.__name__}.")
        return value

    def texts(self, *keys: str) -> list[str]:
        for key in keys:
            value = self.left.pop(key, None)
            if value is not None:
                found = [value] if isinstance(value, str) else value
                if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
                    raise BadSuite(f"{self.where}: {key} must be a text or a list of texts.")
                return found
        return []


def _row(where: str, line: str, unnamed: str) -> Row:
    try:
        content = json.loads(line)
    except ValueError as error:
        raise BadSuite(f"{where}: this is no JSON ({error}).") from None
    if not isinstance(content, dict):
        raise BadSuite(f'{where}: a row is an object, such as {{"prompt": "..."}}.')
    said = _Line(where, content)
    row = Row(
        id=str(said.take("id", object, unnamed)),
        messages=_messages(said),
        references=said.texts("references", "reference"),
        label=said.take("label", str),
        required=_patterns(said, "required"),
        forbidden=_patterns(said, "forbidden"),
        chosen=said.take("chosen", str),
        rejected=said.take("rejected", str),
        then=said.texts("then"),
        stays=_patterns(said, "stays"),
        world=said.take("world", dict),
        group=said.take("group", str),
        slices={str(name): str(value) for name, value in said.take("slices", dict, {}).items()},
        cluster=said.take("cluster", str),
        data=said.take("data", dict, {}),
    )
    if said.left:
        raise BadSuite(f"{where}: nobody knows {', '.join(sorted(said.left))}; what is free goes under `data`.")
    return row


def _messages(said: _Line) -> list[dict[str, str]]:
    prompt, messages = said.take("prompt", str), said.take("messages", list)
    if (prompt is None) == (messages is None) or prompt == "":
        raise BadSuite(f"{said.where}: a row has either a `prompt` or `messages`.")
    if prompt is not None:
        return [{"role": "user", "content": prompt}]
    assert messages is not None
    good = all(
        isinstance(one, dict)
        and set(one) == {"role", "content"}
        and one["role"] in _ROLES
        and isinstance(one["content"], str)
        for one in messages
    )
    if not good or not messages or messages[-1]["role"] != "user":
        raise BadSuite(
            f"{said.where}: messages have a role ({', '.join(_ROLES)}) and a content, and the user's is last."
        )
    return list(messages)


def _patterns(said: _Line, key: str) -> list[str]:
    patterns = said.texts(key)
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise BadSuite(f"{said.where}: {key} has {pattern!r}, which is no regular expression ({error}).") from None
    return patterns

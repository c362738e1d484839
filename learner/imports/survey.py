"""What an import would take and what it would leave, while it is written into a draft."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from analytics import Example
from analytics.columns import canonical, column_types
from learner.errors import BadImport
from learner.imports.formats import FORMATS, Format, examples, guessed
from learner.imports.made import Made
from learner.imports.messages import Unfit
from learner.imports.reader import Found, read

AT_ONCE = 512  # examples that are screened and written together
SHOWN, LETTERS = 3, 160  # examples that are shown, and how much of a text

Screens = Callable[[Sequence[str]], Sequence[str | None]]  # for each text why it must not be learned, None where it may
Tick = Callable[[int], None]  # how many records were read
_ARROW = {"VARCHAR": pa.string(), "JSON": pa.string(), "BOOLEAN": pa.bool_(), "DOUBLE": pa.float64()}
_SCHEMA = pa.schema([(name, _ARROW[kind]) for name, kind in column_types(Example).items()])


class Options(NamedTuple):
    """How a file is to be read: ratings go from 1 to `scale`, and what only a model suggested is left or taken.

    With `by_prompt` nobody whom the file names is a person: each prompt stands for one.
    """

    format: Format | None = None
    scale: int = 5
    suggestions: bool = False
    by_prompt: bool = False


@dataclass
class Survey:
    """What a file has. `left` counts what is not taken by reason, `first_left` has places of the first of them."""

    format: Format
    file: str
    file_sha256: str
    records: int = 0
    taken: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    first_left: dict[str, list[str]] = field(default_factory=dict)
    first_taken: list[dict[str, str | None]] = field(default_factory=list)
    raters: set[str] = field(default_factory=set)

    def leave(self, place: str, reason: str) -> None:
        """Count a part of a record that is not taken."""
        self.left[reason] += 1
        if len(places := self.first_left.setdefault(reason, [])) < SHOWN:
            places.append(place)

    def to_values(self) -> dict[str, Any]:
        """For people, programs and the store."""
        counts = {"kinds": dict(self.kinds), "sources": dict(self.sources), "left": dict(self.left.most_common())}
        return {**vars(self), **counts, "raters": len(self.raters)}


def surveyed(
    path: Path, options: Options, import_id: str, draft: Path, screens: Screens, tick: Tick = lambda _: None
) -> Survey:
    """Read the file, write what it has into `draft`, a Parquet file of `Example`, and say what was taken and left.

    Memory is bounded but for a hash of every example. Raises BadImport.
    """
    with closing(read(path)) as found:
        first = next(found, None)
        if first is None:
            raise BadImport(f"{path} holds no records.")
        format = options.format or guessed(first.record)
        if format is None:
            raise BadImport(
                f"{path.name} is in no format that is known: {first.place} has {', '.join(list(first.record)[:8])}. "
                f"Say which with --format ({', '.join(FORMATS)}), or rename its fields."
            )
        survey = Survey(format, path.name, _sha256(path))
        made = _made(itertools.chain([first], found), survey, options, tick)
        with pq.ParquetWriter(draft, _SCHEMA) as writer:
            for part in _batched(made):
                _write(writer, part, survey, import_id, screens)
    return survey


def _made(found: Iterator[Found], survey: Survey, options: Options, tick: Tick) -> Iterator[tuple[str, Made, str]]:
    """Every example with its place and its id, each once."""
    known: set[bytes] = set()
    for place, record in found:
        survey.records += 1
        tick(survey.records)
        try:
            for part in examples(record, survey.format, scale=options.scale, suggestions=options.suggestions):
                if not isinstance(part, Made):
                    survey.leave(place, part.reason)
                    continue
                part.check()
                if options.by_prompt:
                    part = replace(part, rater=None)
                example_id = part.example(survey.format, "").example_id
                if (digest := bytes.fromhex(example_id)) in known:
                    survey.leave(place, "the same came before in this file")
                    continue
                known.add(digest)
                yield place, part, example_id
        except Unfit as unfit:
            survey.leave(place, str(unfit))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            survey.leave(place, f"it is not written as {survey.format} is ({type(error).__name__})")


def _batched(made: Iterator[tuple[str, Made, str]]) -> Iterator[Sequence[tuple[str, Made, str]]]:
    while part := list(itertools.islice(made, AT_ONCE)):
        yield part


def _write(
    writer: pq.ParquetWriter,
    part: Sequence[tuple[str, Made, str]],
    survey: Survey,
    import_id: str,
    screens: Screens,
) -> None:
    rows: list[dict[str, Any]] = []
    # What is not to be imitated may be as bad as it likes.
    why = iter(screens([made.text for _, made, _ in part if made.good]))
    for place, made, _ in part:
        reason = next(why) if made.good else None
        if reason is not None:
            survey.leave(place, reason)
            continue
        example = made.example(survey.format, import_id)
        rows.append({**vars(example), "prompt": canonical(example.prompt)})
        survey.taken += 1
        survey.kinds[made.kind] += 1
        survey.sources[made.source] += 1
        survey.raters |= {made.rater} if made.rater else set()
        if len(survey.first_taken) < SHOWN:
            survey.first_taken.append(_shown(place, made))
    writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA))


def _shown(place: str, made: Made) -> dict[str, str | None]:
    verdict = None if made.kind == "pair" else "good" if made.good else "bad"
    return {
        "place": place,
        "prompt": made.prompt[-1]["content"][:LETTERS],
        "text": made.text[:LETTERS],
        "rejected": made.rejected and made.rejected[:LETTERS],
        "rated": verdict,
    }


def _sha256(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()

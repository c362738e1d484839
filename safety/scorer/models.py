"""Models of the scorer: what each must be, the bundled one, and one that loads and works beside the rest."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple, Protocol

from safety.filter import Scores
from safety.scorer.frames import framed

LATE = "it waited too long"


class Model(Protocol):
    """Scores texts; `version` names its weights."""

    version: str
    labels: Sequence[str]

    def score(self, texts: Sequence[str]) -> Sequence[Sequence[float] | Scores]:
        """The scores of each text, in the order of the labels; by name where it has no labels of its own."""
        ...


class Classifies(Protocol):
    """The doors of the bundled classifier."""

    version: str

    def scores(self, texts: Sequence[str]) -> Sequence[Scores]:
        """Score each text."""
        ...


class Bundled:
    """The bundled classifier, named as module:class."""

    def __init__(self, name: str) -> None:
        module, class_name = name.split(":")
        self._classifier: Classifies = getattr(import_module(module), class_name).load()
        self.version = self._classifier.version
        self.labels: Sequence[str] = tuple(self._classifier.scores(["hello"])[0])

    def score(self, texts: Sequence[str]) -> list[list[float]]:
        """The scores of each text, in the order of the labels."""
        return [[float(scores[label]) for label in self.labels] for scores in self._classifier.scores(texts)]


class Job(NamedTuple):
    """Texts to score for `answer`, which takes a frame; after `until`, a time of the monotonic clock, nobody waits."""

    answer: Callable[[bytes], None]
    number: int
    texts: Sequence[str]
    until: float


def batch_of(queue: deque[Job], most_texts: int) -> list[Job]:
    """Take the jobs that have waited longest, up to so many texts, but always one."""
    batch, texts = [queue.popleft()], 0
    texts = len(batch[0].texts)
    while queue and texts + len(queue[0].texts) <= most_texts:
        batch.append(queue.popleft())
        texts += len(batch[-1].texts)
    return batch


def answers(model: Model, batch: Sequence[Job]) -> list[tuple[Job, bytes]]:
    """Score a batch together; whoever has waited too long is told so."""
    now = time.monotonic()
    wanted = [job for job in batch if job.until > now]
    told = [(job, framed([job.number, None, LATE])) for job in batch if job.until <= now]
    texts = [text for job in wanted for text in job.texts]
    try:
        scores: Sequence[Sequence[float] | Scores] = model.score(texts) if texts else []
    except Exception as error:
        return [*told, *((job, framed([job.number, None, repr(error)])) for job in wanted)]
    at = 0
    for job in wanted:
        told.append((job, framed([job.number, scores[at : at + len(job.texts)]])))
        at += len(job.texts)
    return told


class Beside:
    """A model that is loaded and asked in a thread of its own, since both take long.

    What is asked while it loads waits. `why_not` says why it is not there; `wake` is called whenever there is something
    to `collect`.
    """

    def __init__(self, load: Callable[[], Model], wake: Callable[[], None], most_texts: int) -> None:
        self._load, self._wake, self._most_texts = load, wake, most_texts
        self._queue: deque[Job] = deque()
        self._done: deque[tuple[Job, bytes]] = deque()
        self._waiting = threading.Condition()
        self.model: Model | None = None
        self.why_not, self.settled = "", False
        threading.Thread(target=self._work, name="beside", daemon=True).start()

    def put(self, job: Job) -> None:
        """Have the job done."""
        with self._waiting:
            self._queue.append(job)
            self._waiting.notify()

    def collect(self) -> list[tuple[Job, bytes]]:
        """What has been done since."""
        return [self._done.popleft() for _ in range(len(self._done))]

    def _work(self) -> None:
        try:
            self.model = self._load()
        except Exception as error:
            self.why_not = str(error) or repr(error)
        self.settled = True
        self._wake()
        while True:
            with self._waiting:
                self._waiting.wait_for(lambda: self._queue)
                batch = batch_of(self._queue, self._most_texts)
            if self.model is None:
                self._done += [(job, framed([job.number, None, self.why_not])) for job in batch]
            else:
                self._done += answers(self.model, batch)
            self._wake()

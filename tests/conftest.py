"""The one server with a real vLLM that the tests of a session share, and stores and learners without any."""

import signal
from collections.abc import Iterator

import pytest

from analytics import Store
from chatbot.services import Services
from learner import Registry, weights_sha256
from learner.starter import MODEL_DIR
from tests.adapters import register
from tests.chromium import browser  # noqa: F401 - a fixture
from tests.history import History, lesson
from tests.machine import Machine
from tests.real_server import RealServer


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[RealServer]:
    """A running server whose home holds enough feedback for a lap, and the adapters starter@1 and starter@2."""
    folder = tmp_path_factory.mktemp("server")
    server = RealServer(folder)
    store = Store.open(server.home / "store.duckdb")
    registry = Registry(store, server.home, base="starter", base_sha256=weights_sha256(MODEL_DIR))
    for seed, size in ((1, 0.01), (2, 3.0)):
        register(registry, folder / f"run-{seed}", seed, size)
    lesson(History(store), learners=30, judges=10)
    store.close()
    try:
        server.start()
        yield server
    finally:
        code, left = server.end(signal.SIGTERM)
    assert (code, left) == (0, [])
    assert not (server.home / "server.json").exists()


@pytest.fixture
def machine(tmp_path):
    machines = []

    def make(*words: object, **settings: object) -> Machine:
        machines.append(Machine(tmp_path / "home", *words, **settings))
        return machines[-1]

    yield make
    for made in machines:
        made.close()


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "store.duckdb")
    yield store
    store.close()


@pytest.fixture
def house(tmp_path) -> Iterator[Services]:
    """A whole server but for the engine."""
    from tests.pages_server import services  # only here, for it brings the web server along

    built = services(tmp_path / "house")
    yield built
    built.learner.close()
    built.screen.close()
    built.scorer.close()
    built.store.close()

"""Two engines: who is answered by which, what follows a promotion, and what no stream may notice."""

import asyncio
import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from chatbot.engine_flags import command
from chatbot.engine_stream import Piece
from chatbot.engines import Engines, Merged
from chatbot.errors import EngineDown, EngineRefused
from chatbot.merging import Merging
from chatbot.model import Model
from chatbot.pages import panels
from chatbot.room import no_second_engine
from chatbot.settings import Settings
from chatbot.turn import Done, TurnRequest
from learner import Arm, Canary, Merge, MergeFailed, Merges, Route, RoutingState, weights_sha256
from learner.starter import MODEL_DIR
from tests.adapters import adapter

BASE_ARM, ONE, TWO = Arm("base", "base", "0"), Arm("starter@1", "starter@1", "1"), Arm("starter@2", "starter@2", "2")
CHAMPION = Route("champion", "starter@1", "starter@1", "1")
HELLO = [{"role": "user", "content": "hello"}]
TEXTS = (Canary([1, 2], [3, 4], [-0.5, -1.0]),)


class FakeEngine:
    """Says its words one by one; breaks off after `lasts` of them, and holds the next one back while `held`."""

    def __init__(self, *words: str, lasts: int = 99, error: Exception | None = None) -> None:
        self.words, self.lasts, self.error = words, lasts, error or EngineDown("it broke off")
        self.ready, self.trouble, self.failures, self.closed, self.off = True, "", 0, False, 0.0
        self.asked, self.goes_on = [], asyncio.Event()
        self.goes_on.set()

    async def start(self) -> None: ...

    async def close(self) -> None:
        self.ready, self.closed = False, True

    def stop(self) -> None: ...

    async def alive(self) -> bool:
        return self.ready

    async def requests(self) -> dict[str, float]:
        return {"running": 1.0}

    async def count(self, text: str) -> int:
        return len(text.split())

    async def measured(self, texts):
        return [text._replace(logprobs=[value + self.off for value in text.logprobs]) for text in texts]

    async def stream(self, served_name, messages, parameters, *, trace=None):
        self.asked.append((served_name, [*messages], dict(parameters)))
        for number, word in enumerate(self.words):
            if number == self.lasts:
                self.ready = isinstance(self.error, EngineRefused)
                raise self.error
            await self.goes_on.wait()
            yield Piece(word)
        yield Piece(finish_reason="stop", usage={"prompt_tokens": 9, "completion_tokens": len(self.words)})


async def heard(engines: Engines, route: Route = CHAMPION, **parameters: object) -> tuple[str, list[Piece]]:
    streamed = engines.engine_for(route).stream(route.served_name, HELLO, parameters)
    pieces = [piece async for piece in streamed]
    return "".join(piece.text for piece in pieces), pieces


def pair(merged: FakeEngine, arms: FakeEngine) -> Engines:
    engines = Engines(arms)
    engines.merged = Merged(ONE, merged, arms)
    return engines


def test_the_champion_is_answered_merged_and_both_arms_of_an_experiment_are_not():
    engines = pair(FakeEngine(), FakeEngine())
    assert engines.engine_for(CHAMPION) is engines.merged
    for other in (
        replace(CHAMPION, experiment_id="starter@2#1", propensity=0.5),
        Route("challenger", "starter@2", "starter@2", "2", "starter@2#1", 0.5),
        replace(CHAMPION, arm="previous"),
        Route("champion", "base", "base", "0"),
        replace(CHAMPION, weights_sha256="of other weights"),
    ):
        assert engines.engine_for(other) is engines.arms, other
    engines.merged.engine.ready = False
    assert engines.engine_for(CHAMPION) is engines.arms


async def test_a_stream_whose_engine_dies_goes_on_at_the_arms_engine_where_it_was():
    merged, arms = FakeEngine("one ", "two ", "three ", lasts=2), FakeEngine("and ", "so on")
    text, pieces = await heard(pair(merged, arms), max_tokens=20, min_tokens=1)
    assert text == "one two and so on"
    assert [piece.engine for piece in pieces] == ["merged", "merged", "arms", "arms", "arms"]
    assert pieces[-1].usage == {"prompt_tokens": 7, "completion_tokens": 4}
    served_name, messages, parameters = arms.asked[0]
    assert (served_name, messages[-1]) == ("starter@1", {"role": "assistant", "content": "one two "})
    goes_on = {"continue_final_message": True, "add_generation_prompt": False}
    assert parameters == {"max_tokens": 18, "min_tokens": 0, **goes_on}


async def test_an_answer_that_had_not_begun_is_asked_for_anew_and_one_that_was_long_enough_ends():
    arms = FakeEngine("all of it")
    assert (await heard(pair(FakeEngine("never said", lasts=0), arms), tools=[]))[0] == "all of it"
    assert arms.asked == [("starter@1", HELLO, {"tools": []})]
    text, pieces = await heard(pair(FakeEngine("one ", "two ", "three", lasts=2), FakeEngine("more")), max_tokens=2)
    assert (text, pieces[-1].finish_reason) == ("one two ", "length")


@pytest.mark.parametrize(
    ("error", "parameters"),
    [(EngineRefused("the temperature is below zero"), {}), (EngineDown("it broke off"), {"tools": []})],
    ids=["what a sound engine refuses", "half an answer that may hold tool calls"],
)
async def test_what_cannot_go_on_elsewhere_is_told(error, parameters):
    arms = FakeEngine("more")
    with pytest.raises(type(error)):
        await heard(pair(FakeEngine("one ", "two ", lasts=1, error=error), arms), **parameters)
    assert arms.asked == []


@dataclass
class Fakes:
    """A champion that can be moved, and merges and engines that are made at once."""

    state_: RoutingState = field(default_factory=lambda: RoutingState(BASE_ARM))
    engines: list[FakeEngine] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    off: float = 0.0
    why: str | None = None

    def state(self) -> RoutingState:
        return self.state_

    def folder(self, adapter: str) -> Path | None:
        return None if adapter == "base" else Path(adapter)

    def found(self, adapter: str, sha256: str) -> Merge | None:
        return self.finish(adapter, sha256) if adapter in self.merged else None

    @contextlib.contextmanager
    def making(self, adapter: str, folder: Path, sha256: str):
        self.merged.append(adapter)
        with subprocess.Popen([sys.executable, "-c", ""]) as child:
            yield child

    def finish(self, adapter: str, sha256: str) -> Merge:
        return Merge(adapter, Path(adapter), f"sum of {sha256}", {"parity": {"largest": 0.001}}, TEXTS)

    def sweep(self, keep: set[str]) -> None:
        self.kept = keep

    def engine(self, merge: Merge) -> FakeEngine:
        self.engines.append(FakeEngine("merged"))
        self.engines[-1].off = self.off
        return self.engines[-1]


@contextlib.asynccontextmanager
async def following(fakes: Fakes, monkeypatch):
    monkeypatch.setattr("chatbot.merging.LOOK_SECONDS", 0.01)
    engines = Engines(FakeEngine("adapter"))
    merging = Merging(
        fakes, engines, fakes, engine=fakes.engine, room=lambda: fakes.why, dtype="float32", arms_ready=lambda: True
    )
    merging.start()
    yield engines, merging
    await merging.close()


async def until(true) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_promotion_is_followed_by_a_merge_and_a_rollback_holds_at_once_while_streams_end(monkeypatch):
    fakes = Fakes()
    async with following(fakes, monkeypatch) as (engines, merging):
        await until(lambda: merging.serving.state == "idle")
        fakes.state_ = RoutingState(ONE, BASE_ARM)
        assert (await heard(engines))[0] == "adapter", "the routing does not wait for the merge"
        await until(lambda: merging.serving.state == "serving")
        status = merging.status()
        assert (status["engine"], status["adapter"], status["merged_sha256"]) == ("merged", "starter@1", "sum of 1")
        assert fakes.kept == {"starter@1", "base"}

        fakes.engines[0].goes_on.clear()
        late = asyncio.create_task(heard(engines))
        await until(lambda: fakes.engines[0].asked)
        fakes.state_ = RoutingState(TWO, ONE)
        after = Route("champion", "starter@2", "starter@2", "2")
        assert engines.engine_for(after) is engines.arms
        await until(lambda: engines.merged is None)
        await asyncio.sleep(0.1)
        assert not fakes.engines[0].closed, "somebody still reads"
        fakes.engines[0].goes_on.set()
        assert (await late)[0] == "merged"
        await until(lambda: fakes.engines[0].closed and merging.serving.state == "serving")
        assert engines.engine_for(after) is engines.merged
        fakes.state_ = RoutingState(BASE_ARM)
        await until(lambda: fakes.engines[1].closed)
    assert fakes.merged == ["starter@1", "starter@2"]


async def test_an_engine_that_dies_gives_way_and_comes_back_tested(monkeypatch):
    fakes = Fakes(RoutingState(ONE))
    async with following(fakes, monkeypatch) as (engines, merging):
        await until(lambda: merging.serving.state == "serving")
        (engine,) = fakes.engines
        engine.ready = False
        assert (await heard(engines))[0] == "adapter"
        await until(lambda: merging.serving.state == "starting")
        engine.ready, engine.off = True, 0.2
        await until(lambda: merging.serving.state == "failed")
        assert "differs from the merged file by 0.200 nats" in merging.serving.told
        assert engines.merged is None and engine.closed


@pytest.mark.parametrize(("off", "state"), [(0.0004, "serving"), (0.2, "failed"), (float("nan"), "failed")])
async def test_an_engine_serves_only_what_agrees_with_the_merged_file(monkeypatch, off, state):
    fakes = Fakes(RoutingState(ONE), off=off)
    async with following(fakes, monkeypatch) as (engines, merging):
        await until(lambda: merging.serving.state in ("serving", "failed"))
        assert (merging.serving.state, engines.merged is not None) == (state, state == "serving")


async def test_where_memory_holds_one_engine_there_is_no_merge_and_everybody_is_told(monkeypatch):
    fakes = Fakes(RoutingState(ONE), why="memory holds no second engine: it takes 3.5 GiB, and 1.0 are free")
    monkeypatch.setattr("chatbot.merging.ROOM_SECONDS", 0.05)
    async with following(fakes, monkeypatch) as (_, merging):
        await until(lambda: merging.serving.state == "impossible")
        assert fakes.merged == []
        told = "Served by the arms engine; no merge: memory holds no second engine: it takes 3.5 GiB, and 1.0 are free"
        state = {
            "champion": "starter@1",
            "challenger": None,
            "classifier": "",
            "segments": {},
            "serving": merging.status(),
        }
        page = panels.numbers({**state, "people": 1, "turns": 1, "feedback": 1}, None)
        assert f"<p class='rt-bad' id='rt-serving'>{told}</p>" in page
        fakes.why = None
        await until(lambda: merging.serving.state == "serving")


def model(folder: Path, **config: object) -> Model:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"dtype": "bfloat16", **config}))
    (folder / "model.safetensors").write_bytes(b"0" * 100)
    return Model("made", folder, "0")


def test_why_there_is_no_second_engine_is_said(tmp_path, monkeypatch):
    plain = model(tmp_path / "plain")
    assert no_second_engine(plain, Settings.load({}, {})) is None
    quantized = model(tmp_path / "quantized", quantization_config={"bits": 4})
    assert "the model is quantized" in no_second_engine(quantized, Settings.load({}, {}))
    elsewhere = Settings.load({"engine_url": "http://127.0.0.1:1"}, {})
    assert "run by somebody else" in no_second_engine(plain, elsewhere)
    assert "memory holds no second engine: it takes 100" in no_second_engine(
        plain, Settings.load({"engine_memory_gib": 100_000}, {})
    )
    monkeypatch.setattr("chatbot.room.on_gpu", lambda: True)
    assert "set gpu_memory_share to 0.475 or less" in no_second_engine(plain, Settings.load({}, {}))


def test_the_second_engine_knows_of_no_adapters_and_computes_as_the_first(tmp_path):
    base, merged = model(tmp_path / "base"), model(tmp_path / "merged")
    settings = Settings.load({}, {})
    first, second = command(base, settings, 1), command(merged, settings, 1, base)
    assert "--enable-lora" in first
    assert not [word for word in second if "lora" in word]
    left_out = {"--enable-lora", "--max-loras", "--max-cpu-loras", "--max-lora-rank", "4", "8", "16", str(base.folder)}
    assert set(first) - set(second) <= left_out


def test_a_merge_of_other_weights_or_of_a_changed_file_is_not_found_and_old_ones_are_swept(tmp_path):
    merges = Merges(tmp_path, MODEL_DIR, "base weights")
    folder = tmp_path / "merged" / "starter@1"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"the sum")
    (folder / "canary.json").write_text(json.dumps({"canaries": [TEXTS[0]._asdict()]}))
    manifest = {"base_sha256": "base weights", "adapter_sha256": "1", "merged_sha256": weights_sha256(folder)}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert merges.found("starter@1", "1").canaries == TEXTS
    assert merges.found("starter@1", "2") is None
    assert Merges(tmp_path, MODEL_DIR, "other base").found("starter@1", "1") is None
    (folder / "model.safetensors").write_bytes(b"the sum, and more")
    assert merges.found("starter@1", "1") is None
    (folder / "manifest.json").write_text("half of i")
    assert merges.found("starter@1", "1") is None
    merges.sweep({"starter@2"})
    assert list(merges.folder.iterdir()) == []


def test_weights_that_were_changed_are_not_merged(tmp_path):
    made = adapter(tmp_path / "adapter", 1, 0.1)
    merges = Merges(tmp_path, MODEL_DIR, weights_sha256(MODEL_DIR))
    with merges.making("starter@1", made, "another hash") as child:
        assert child.wait(60) == 1
    with pytest.raises(MergeFailed, match=r"The weights of the adapter in .* are not the ones that are served"):
        merges.finish("starter@1", "another hash")
    assert merges.found("starter@1", "another hash") is None


async def test_a_turn_notes_which_engine_answered(house):
    house.engine.pause = 0.0
    state = house.learner.registry.state()
    merged = FakeEngine("From the merged engine.")
    house.engines.merged = Merged(state.champion, merged, house.engine)
    for _ in range(2):
        steps = [step async for step in house.turns.run(TurnRequest("somebody", HELLO, "api"))]
        assert isinstance(steps[-1], Done)
        house.engines.merged = None
    rows = house.store.rows("SELECT engine, adapter FROM reply JOIN turn USING (turn_id) ORDER BY reply.seq")
    assert rows == [{"engine": name, "adapter": "base"} for name in ("merged", "arms")]
    counted = house.metrics.text(engine_ready=True, engine_requests={}).decode()
    assert 'ratchet_engine_answers_total{adapter="base",engine="merged"} 1.0' in counted

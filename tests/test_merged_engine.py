"""The second engine with a real vLLM: from a promotion to the merge, the swap, an engine that dies, and a rollback."""

import re
import threading

import httpx
import psutil
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from learner import weights_sha256
from learner.starter import MODEL_DIR
from learner.tokens import prompt_ids
from tests.machine import ONE
from tests.real_server import MERGING, ask, events, long_answer, until

pytestmark = pytest.mark.engine
LONG = {**long_answer(200), "stream": True, "stream_options": {"include_usage": True}}
QUESTION = "how long is delivery?"


def engines(server) -> dict[str, psutil.Process]:
    """The engines that run, by the folder of their model."""
    found = {}
    for process in server.family():
        words = process.cmdline()
        if "chatbot.engine_main" in words and "chatbot.keeper" not in words:
            found[words[words.index("--model") + 1]] = process
    return found


def of_vllm(process: psutil.Process, path: str) -> str:
    """What an engine itself tells, asked past our server."""
    words = process.cmdline()
    key = {"Authorization": f"Bearer {process.environ()['VLLM_API_KEY']}"}
    return httpx.get(f"http://127.0.0.1:{words[words.index('--port') + 1]}{path}", headers=key, trust_env=False).text


def answers_by_engine(operator: httpx.Client) -> dict[str, float]:
    found = re.findall(rf'engine_answers_total{{adapter="{ONE}",engine="(\w+)"}} (\S+)', operator.get("/metrics").text)
    return {name: float(count) for name, count in found}


def logprobs(folder: object, text: str) -> list[float]:
    """What transformers finds of an answer to the question, token by token."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    prompt = prompt_ids(tokenizer, [{"role": "user", "content": QUESTION}])
    answer = tokenizer.encode(text, add_special_tokens=False)
    with torch.inference_mode():
        found = model.float()(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
    return [float(row[token]) for row, token in zip(found, answer, strict=True)]


class Reader(threading.Thread):
    """Reads one long answer after the other, until told to stop; `tokens` has the length of each."""

    def __init__(self, server) -> None:
        super().__init__()
        self.server, self.tokens, self.enough, self.trouble = server, [], threading.Event(), None

    def run(self) -> None:
        try:
            with self.server.client() as guest:
                while not self.enough.is_set():
                    self.tokens.append(read(guest))
        except BaseException as error:
            self.trouble = error


def read(client: httpx.Client, during=lambda number: None) -> int:
    """The tokens of one long answer, as its stream tells at its end; `during` hears of each event."""
    sent = {"messages": [{"role": "user", "content": "tell me all"}], **LONG}
    with client.stream("POST", "/v1/chat/completions", json=sent) as response:
        assert response.status_code == 200
        for number, event in enumerate(events(response)):  # noqa: B007
            during(number)
    return event["usage"]["completion_tokens"]


def apart(one: list[float], other: list[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def test_a_champion_is_merged_and_served_without_lora_and_no_stream_notices(server):
    server.start_as(*MERGING)

    def serving() -> dict:
        return operator.get("/v1/status").json()["serving"]

    with server.client("operator") as operator, server.client() as guest:
        assert (serving()["state"], serving()["engine"]) == ("idle", "arms")
        operator.post("/v1/promote", json={"adapter": ONE, "override": "a test"})
        sha256 = ask(guest, QUESTION)["ratchet"]["weights_sha256"]
        assert sha256 == weights_sha256(server.home / "adapters" / ONE), "at once, and before anything is merged"
        until(lambda: serving()["state"] != "merging" and serving()["state"] != "waiting", 300)
        reader = Reader(server)
        reader.start()
        until(lambda: serving()["state"] in ("serving", "failed", "impossible"), 300)
        seen = len(reader.tokens)
        until(lambda: reader.trouble or len(reader.tokens) > seen + 1)
        reader.enough.set()
        reader.join()
        assert reader.trouble is None
        assert set(reader.tokens) == {LONG["max_tokens"]}

        # What serves is the merged file and no LoRA.
        status = serving()
        folder = str(server.home / "merged" / ONE)
        assert (status["state"], status["folder"]) == ("serving", folder), status
        process = engines(server)[folder]
        assert weights_sha256(server.home / "merged" / ONE) == status["merged_sha256"]
        assert "lora" not in of_vllm(process, "/metrics")
        assert "lora" in of_vllm(engines(server)[str(MODEL_DIR)], "/metrics")

        # It finds what transformers finds of the merged file, and not what the base does.
        before = answers_by_engine(operator)
        answer = ask(guest, QUESTION, temperature=0, logprobs=True, max_tokens=24)
        assert answer["ratchet"]["weights_sha256"] == sha256, "the adapter keeps its name, however it is served"
        assert answers_by_engine(operator) == {**before, "merged": before["merged"] + 1}
        (choice,) = answer["choices"]
        served = [token["logprob"] for token in choice["logprobs"]["content"]]
        tokens = len(served) - (choice["finish_reason"] == "stop")
        of_merged, of_base = (logprobs(of, choice["message"]["content"])[:tokens] for of in (folder, str(MODEL_DIR)))
        assert apart(served[:tokens], of_merged) < 0.005 < apart(served[:tokens], of_base)

        # Both arms of an experiment stay on the arms engine.
        operator.post("/v1/experiments", json={"null": True})
        asked = {n: ask(operator, "hello", user=n, max_tokens=4)["ratchet"] for n in map(str, range(20))}
        others = [told for told in asked.values() if not told["experiment_id"]]
        assert len(others) < len(asked), "a third of all people are in the group that is asked"
        assert answers_by_engine(operator)["merged"] == before["merged"] + 1 + len(others)
        operator.post("/v1/experiments/stop", json={})

        # It is killed in the middle of an answer, and nobody notices.
        tree = [process, *process.children(recursive=True)]
        assert read(guest, lambda number: [one.kill() for one in tree] if number == 3 else None) == LONG["max_tokens"]
        assert ask(guest, QUESTION)["ratchet"]["weights_sha256"] == sha256
        assert serving()["engine"] == "arms"

        done = operator.post("/v1/rollback").json()
        assert (done["champion"], done["seconds"] < 1) == ("base", True)
        assert ask(guest, QUESTION)["ratchet"]["weights_sha256"] == weights_sha256(MODEL_DIR)
        until(lambda: serving()["state"] == "idle")
        assert list(engines(server)) == [str(MODEL_DIR)]

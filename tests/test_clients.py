"""The official clients of OpenAI's API, unchanged, against the real server."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import openai
import pytest

CLIENTS = Path(__file__).with_name("clients")
ASKED = [{"role": "user", "content": "how long is delivery?"}]
CALL = {"type": "function", "function": {"name": "look_up"}}
TOOL = {**CALL, "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}

pytestmark = pytest.mark.engine


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.key("operator"), max_retries=0) as made:
        yield made


def test_the_python_client_works_unchanged(client):
    create = client.chat.completions.create
    whole = create(model="default", messages=ASKED, max_tokens=40, seed=3, temperature=0.2)
    assert whole.choices[0].message.content
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    pieces = list(
        create(model="default", messages=ASKED, max_tokens=40, stream=True, stream_options={"include_usage": True})
    )
    assert len({piece.id for piece in pieces}) == 1
    assert "".join(p.choices[0].delta.content or "" for p in pieces if p.choices)
    assert pieces[-1].usage.completion_tokens > 0
    two = create(model="default", messages=ASKED, max_tokens=8, n=2, seed=5, stop=["."], logprobs=True, top_logprobs=2)
    assert [choice.index for choice in two.choices] == [0, 1]
    for choice in two.choices:
        assert "." not in choice.message.content
        shown = "".join(entry.token for entry in choice.logprobs.content)
        assert choice.message.content.startswith(shown[: len(choice.message.content)])
        assert len(choice.logprobs.content[0].top_logprobs) == 2


def test_the_python_client_streams_with_its_helper_and_asks_for_tools(client):
    with client.chat.completions.stream(model="default", messages=ASKED, max_tokens=300) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert final.choices[0].message.content
    called = client.chat.completions.create(
        model="default", messages=ASKED, tools=[TOOL], tool_choice=CALL, max_tokens=60
    )
    assert called.choices[0].message.tool_calls[0].function.name == "look_up"


def test_the_python_client_knows_our_errors_by_their_classes(client, server):
    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(model="default", messages=[])
    assert bad.value.code == "invalid_request"
    with pytest.raises(openai.BadRequestError, match="2048 tokens") as long:
        client.chat.completions.create(model="default", messages=[{"role": "user", "content": "word " * 4000}])
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")
    stranger = openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as unknown:
        stranger.models.list()
    assert unknown.value.code == "invalid_api_key"


def test_the_python_client_reads_moderations(client):
    result = client.moderations.create(input=["how long is delivery?", "i want to kill myself"]).results
    assert [entry.flagged for entry in result] == [False, True]
    assert result[1].categories.self_harm


@pytest.fixture(scope="session")
def node(tmp_path_factory) -> Path:
    """A folder in which the Node client is installed."""
    if shutil.which("npm") is None:
        told = "Node is missing: apt-get install nodejs npm"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    folder = tmp_path_factory.mktemp("clients")
    shutil.copytree(CLIENTS, folder, dirs_exist_ok=True)
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(["npm", "install", *quiet], cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


def test_the_node_client_works_unchanged(server, node):
    words = ["node", "ask.mjs", server.url, server.key("operator")]
    done = subprocess.run(words, cwd=node, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["whole"]
    assert told["streamed"]
    assert told["gathered"]
    assert told["usage"] > 0
    assert told["streamedUsage"] > 0
    assert told["logprobs"] > 0
    assert told["models"][0] == told["model"] == "default"
    assert told["flagged"] is True
    assert told["error"] == [True, 400, "invalid_request"]

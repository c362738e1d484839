"""Files of other projects: what is taken of each format, what is left and why, and that a row counts once."""

# ruff: noqa: E501 - a record is read best on one line

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics import Store
from learner import BadImport, Imports, UnknownImport, person_group
from learner.dataset import curate
from learner.imports import surveyed
from learner.imports.survey import Options
from learner.settings import LapSettings
from learner.starter import questions
from tests.real_server import ratchet, told


def user(text):
    return {"role": "user", "content": text}


def bot(text):
    return {"role": "assistant", "content": text}


HH = "\n\nHuman: hi\n\nAssistant: hello\n\nHuman: how are you?\n\nAssistant: "
OPEN_WEBUI = {
    "id": "f", "user_id": "u", "type": "rating", "data": {"rating": 1, "model_id": "m", "sibling_model_ids": None},
    "meta": {"message_id": "b", "chat_id": "c"},
    "snapshot": {"chat": {"chat": {"history": {"currentId": "b", "messages": {
        "a": {"id": "a", "parentId": None, "role": "user", "content": "hi?"},
        "b": {"id": "b", "parentId": "a", "role": "assistant", "content": "yes", "model": "m"},
        "c": {"id": "c", "parentId": "a", "role": "assistant", "content": "no", "model": "n"},
    }}}}},
}  # fmt: skip
ARENA = {**OPEN_WEBUI, "data": {"rating": "-1", "model_id": "m", "sibling_model_ids": ["n"]}}
CHAT = {"id": "c", "user_id": "u", "chat": OPEN_WEBUI["snapshot"]["chat"]["chat"]}
TWO = {"prompt": "p?", "response-1": "one", "response-2": "two"}
# format, record, and what comes of it: (question, text, rejected, good, source)
RECORDS = [
    ("trl", {"prompt": "q?", "chosen": "a", "rejected": "b"}, [("q?", "a", "b", True, "import")]),
    ("trl", {"prompt": [user("q?")], "chosen": [bot("a")], "rejected": [bot("b")]}, [("q?", "a", "b", True, "import")]),
    ("trl", {"chosen": [user("q?"), bot("a")], "rejected": [user("q?"), bot("b")]}, [("q?", "a", "b", True, "import")]),
    ("trl", {"prompt": "q?", "chosen": [user("q?"), bot("a")], "rejected": [user("q?"), bot("b")]}, [("q?", "a", "b", True, "import")]),
    ("trl", {"chosen": "The sky is blue.", "rejected": "The sky is green."}, [("The sky is", "blue.", "green.", True, "import")]),
    ("trl", {"chosen": f"{HH}well", "rejected": f"{HH}go away"}, [("how are you?", "well", "go away", True, "import")]),
    ("trl", {"prompt": "q?", "chosen": "a", "rejected": "b", "source": "red-team"}, [("q?", "a", "b", True, "red-team")]),
    ("trl", {"prompt": "q?", "completion": "a"}, [("q?", "a", None, True, "demonstration")]),
    ("trl", {"messages": [user("q?"), bot("a")]}, [("q?", "a", None, True, "demonstration")]),
    ("trl", {"conversations": [{"from": "human", "value": "q?"}, {"from": "gpt", "value": "a"}]}, [("q?", "a", None, True, "demonstration")]),
    ("kto", {"prompt": "q?", "completion": "a", "label": False}, [("q?", "a", None, False, "import")]),
    ("kto", {"prompt": [user("q?")], "completion": [bot("a")], "label": "true"}, [("q?", "a", None, True, "import")]),
    ("argilla", {"fields": TWO, "responses": {"best": [{"value": ["response-2", "response-1"], "user_id": "u"}]}, "suggestions": {}}, [("p?", "two", "one", True, "import")]),
    ("argilla", {"fields": TWO, "responses": {"best": [{"value": "response-1", "user_id": "u"}]}, "suggestions": {}}, [("p?", "one", "two", True, "import")]),
    ("argilla", {"fields": {"prompt": "p?", "response": "r"}, "responses": [{"user_id": "u", "status": "submitted", "values": {"quality": {"value": 2}, "corrected": {"value": "a better one"}}}], "suggestions": []}, [("p?", "r", None, False, "import"), ("p?", "a better one", "r", True, "demonstration")]),
    ("argilla", {**TWO, "rank": [{"user_id": "u", "value": [{"rank": 1, "value": "response-2"}, {"rank": 2, "value": "response-1"}], "status": "submitted"}]}, [("p?", "two", "one", True, "import")]),
    ("argilla", {"prompt": "p?", "response": "r", "quality.responses": [5, 3], "quality.responses.users": ["u", "v"], "quality.responses.status": ["submitted", "submitted"]}, [("p?", "r", None, True, "import")]),
    ("open-webui", OPEN_WEBUI, [("hi?", "yes", None, True, "import")]),
    ("open-webui", ARENA, [("hi?", "no", "yes", True, "import")]),
]  # fmt: skip


def passes(texts):
    return [None] * len(texts)


def survey(path: Path, draft: Path, options=Options(), screens=passes):  # noqa: B008
    found = surveyed(path, options, "0" * 12, draft, screens)
    rows = pq.read_table(draft).to_pylist()
    assert len(rows) == found.taken
    return found, rows


@pytest.mark.parametrize(("format", "record", "wanted"), RECORDS)
def test_every_format_is_known_by_its_first_record_and_means_what_it_says(format, record, wanted, tmp_path):
    path = tmp_path / "file.jsonl"
    path.write_text(json.dumps(record))
    found, rows = survey(path, tmp_path / "draft.parquet")
    assert found.format == format
    asked = [
        (json.loads(row["prompt"])[-1]["content"], *(row[name] for name in ("text", "rejected", "good", "source")))
        for row in rows
    ]
    assert asked == wanted


@pytest.mark.parametrize("ending", ["jsonl", "json", "parquet", "csv", "jsonl.gz"])
def test_the_same_rows_come_out_of_every_kind_of_file(ending, tmp_path):
    rows = [{"prompt": f"question {n}", "chosen": f"good, {n}", "rejected": "bad\nanswer"} for n in range(5)]
    lines = "\n".join(map(json.dumps, rows))
    path = tmp_path / f"file.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif ending == "csv":
        quoted = [",".join(f'"{row[name]}"' for name in row) for row in rows]
        path.write_text("\n".join(["prompt,chosen,rejected", *quoted]))
    elif ending == "json":
        path.write_text(json.dumps(rows))
    else:
        path.write_bytes(gzip.compress(lines.encode()) if ending.endswith("gz") else lines.encode())
    found, taken = survey(path, tmp_path / "draft.parquet")
    assert (found.format, found.taken) == ("trl", 5)
    assert [row["text"] for row in taken] == [row["chosen"] for row in rows]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", '{"prompt": "q", "chosen": "a", "rejected": "b"}\n{"prompt": \n', "line 2 is no JSON"),
        ("a.jsonl", '{"prompt": "q", "chosen": "a", "rejected": "b"}\n[1]\n', "line 2 must be an object"),
        ("a.json", '[{"prompt": "q", "chosen": "a", "rejected": "b"}, {"pro', "no JSON after record 1"),
        ("a.csv", "prompt,chosen,rejected\nq,a,b\nq,a\n", "line 3 has 2 fields"),
        ("a.jsonl", '{"colour": "red"}', "--format"),
        ("a.parquet", "no parquet", "no Parquet file"),
        ("a.docx", "x", "unknown ending"),
        ("a.jsonl", "", "is empty"),
    ],
)
def test_a_bad_file_is_refused_with_the_place_and_a_way_out(name, content, told, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(BadImport, match=told):
        survey(tmp_path / name, tmp_path / "draft.parquet")


def test_what_is_left_is_counted_by_reason_with_its_first_places(tmp_path):
    rows = [
        {"prompt": "q", "chosen": "same", "rejected": "same"},
        {"prompt": "q", "chosen": "a", "rejected": "b"},
        {"prompt": "q", "chosen": "a", "rejected": "b"},
        {"prompt": "q", "chosen": "a terrible thing", "rejected": "b"},
        {"prompt": "q", "chosen": "b", "rejected": "a terrible thing"},
        {"prompt": "q", "chosen": "a", "rejected": "c", "person_group": "decide"},
        {"prompt": [user("q"), bot("a")], "chosen": "c", "rejected": "d"},
    ]
    (tmp_path / "f.jsonl").write_text("\n".join(map(json.dumps, rows)))
    screens = lambda texts: ["a filter blocks it" if "terrible" in text else None for text in texts]  # noqa: E731
    found, _ = survey(tmp_path / "f.jsonl", tmp_path / "draft.parquet", screens=screens)
    assert (found.records, found.taken, found.kinds["pair"]) == (7, 2, 2)
    assert {reason: found.first_left[reason] for reason in found.left} == {
        "both answers are the same": ["line 1"],
        "the same came before in this file": ["line 3"],
        "a filter blocks it": ["line 4"],
        "it was exported from here, and is of people who judge what is learned": ["line 6"],
        "the prompt does not end with a user's message": ["line 7"],
    }


def test_the_command_imports_once_keeps_prompts_apart_and_takes_it_back(tmp_path):
    home, file = tmp_path / "home", tmp_path / "pairs.jsonl"
    asked = list(dict.fromkeys(question.messages[-1]["content"] for question in questions(4, 60)))[:40]
    rows = [{"prompt": text, "chosen": f"You ask: {text}", "rejected": f"Never ask: {text}"} for text in asked]
    rows += [{"prompt": "who?", "chosen": "I will kill you, you worthless idiot", "rejected": "nobody"}]
    file.write_text("\n".join(map(json.dumps, rows)))
    words = ("import", str(file), "--json", "--home", str(home))
    dry, first = told(ratchet(*words, "--dry-run")), told(ratchet(*words))
    assert (dry["new"], dry["import_id"], first["new"]) == (first["taken"], None, first["taken"])
    assert {reason.split(":")[0] for reason in first["left"]} == {"a filter blocks the good answer"}

    store = Store.open(home / "store.duckdb")
    imports = Imports(store, home)
    assert [(one["import_id"], one["state"], one["rows"]) for one in imports.list()] == [
        (first["import_id"], "stands", first["taken"])
    ]
    (audit,) = store.rows("SELECT actor, detail FROM audit WHERE action = 'import.add'")
    assert audit["detail"]["file_sha256"] == first["file_sha256"] and store.verify_audit() > 0

    def chosen():
        store.snapshot(tmp_path / "events")
        return curate(tmp_path / "events", LapSettings())

    found = chosen()
    assert {pair.source for pair in found.learn} == {"import"}
    assert len(found.learn) + len(found.judge) == first["taken"] - found.manifest["dropped"]["duplicates"] >= 36
    assert all(person_group(pair.person) == "learn" for pair in found.learn)
    assert {json.dumps(p.prompt) for p in found.learn}.isdisjoint(json.dumps(p.prompt) for p in found.judge)
    assert found.approval is not None, "nobody who chats here has taught it"

    imports.remove(first["import_id"], "a test")
    assert chosen().learn == []
    with pytest.raises(UnknownImport):
        imports.remove(first["import_id"], "a test")
    store.close()

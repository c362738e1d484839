"""Suites, metrics, and whether a challenger is no worse: by hand-computed values, by libraries, and by simulation."""

import json
import math
import random

import numpy as np
import pytest
import sacrebleu
from rouge_score import rouge_scorer
from sklearn import metrics as sklearn

from learner.errors import BadScores, BadSuite
from learner.evaluate import (
    METRICS,
    Answer,
    NotMeasured,
    Row,
    Scores,
    Tools,
    interval,
    load_suite,
    means,
    non_inferior,
    none_lost,
    score,
    shipped,
)
from learner.evaluate.endpoint import Endpoint
from learner.evaluate.metrics import Answers
from learner.evaluate.starter_suites import ROWS, SUITES, as_jsonl
from learner.evaluate.suite import SHIPPED
from learner.judges import Verdict
from tests.guard_server import chat, serving


def suite(folder, toml='metric = "right"\nmargin = 0.1\n', rows=None, **files):
    folder.mkdir(exist_ok=True)
    (folder / "suite.toml").write_text(toml)
    told = rows if rows is not None else [{"prompt": f"{n} and {n}?", "reference": str(2 * n)} for n in range(4)]
    (folder / "rows.jsonl").write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in told))
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def measured(name, texts, rows, tools=Tools(), **options):  # noqa: B008
    answers = [
        text if isinstance(text, Answer) else Answer([text] if isinstance(text, str) else text) for text in texts
    ]
    made = [
        Row(str(at), [{"role": "user", "content": "how long is the delivery?"}], **row) for at, row in enumerate(rows)
    ]
    return METRICS[name].scores(Answers(made, answers, options, tools))


# Suites


@pytest.mark.parametrize("name", shipped())
def test_every_suite_that_is_shipped_can_be_read(name):
    found = load_suite(name)
    assert len(found.rows) >= 36
    assert found.slices


@pytest.mark.parametrize("name", SUITES)
def test_the_starters_suites_are_what_the_world_makes_of_them(name):
    assert (SHIPPED / name / ROWS).read_text() == as_jsonl(name), "run python -m learner.evaluate.starter_suites"


BAD = {
    "no suite '.*nowhere'": None,
    "metric must be a text": {"toml": "margin = 0.1"},
    "margin must be a number": {"toml": 'metric = "right"'},
    "nobody knows wieght": {"toml": 'metric = "right"\nmargin = 0\nwieght = 2'},
    "no metric 'rogue'": {"toml": 'metric = "rogue"\nmargin = 0'},
    "put it under `also`": {"toml": 'metric = "length"\nmargin = 0'},
    "needs labels under": {"toml": 'metric = "accuracy"\nmargin = 0', "rows": [{"prompt": "a", "label": "x"}] * 2},
    "none of x, y": {
        "toml": 'metric = "accuracy"\nmargin = 0\noptions.labels = ["x", "y"]',
        "rows": [{"prompt": "a", "label": "x"}, {"prompt": "b", "label": "z"}],
    },
    "line 2: this is no JSON": {"rows": [{"prompt": "a", "reference": "b"}, "{"]},
    "line 2: nobody knows refrence": {"rows": [{"prompt": "a", "reference": "b"}, {"prompt": "a", "refrence": "b"}]},
    "either a `prompt` or": {"rows": [{"prompt": "a", "messages": []}]},
    "the user's is last": {"rows": [{"messages": [{"role": "assistant", "content": "hi"}]}]},
    "was used before": {"rows": [{"id": "a", "prompt": "a", "reference": "b"}] * 2},
    "no regular expression": {"rows": [{"prompt": "a", "required": "("}]},
    "needs world or required": {"rows": [{"prompt": "a"}, {"prompt": "b"}]},
    "two at least": {"rows": [{"prompt": "a", "reference": "b"}]},
    "rule must be": {"toml": 'metric = "right"\nmargin = 0\nrule = "lenient"'},
    "must name a .py file": {"toml": 'metric = "../my.py:f"\nmargin = 0'},
    "defines no function 'f'": {"toml": 'metric = "my.py:f"\nmargin = 0', "my": "g = 1"},
    "cannot be read as Python": {"toml": 'metric = "my.py:f"\nmargin = 0', "my": "def f(:"},
    "bounds two numbers": {
        "toml": 'metric = "my.py:f"\nmargin = 0\noptions.bounds = [1, 0]', "my": "def f(x):\n    return x"
    },
}  # fmt: skip


@pytest.mark.parametrize("told", BAD)
def test_what_is_wrong_with_a_suite_is_told(told, tmp_path):
    folder = tmp_path / "nowhere" if BAD[told] is None else suite(tmp_path / "mine", **BAD[told])
    with pytest.raises(BadSuite, match=told):
        load_suite(folder)


def test_a_suite_is_known_by_everything_that_can_change_a_result(tmp_path):
    toml = 'metric = "my.py:f"\nmargin = 0.1\n'
    hashes = [
        load_suite(suite(tmp_path / "mine", **given)).sha256
        for given in (
            {"toml": toml, "my": "def f(x): return [1.0] * len(x)"},
            {"toml": toml, "my": "def f(x): return [0.0] * len(x)"},
            {"toml": f"{toml}weight = 2\n", "my": "def f(x): return [0.0] * len(x)"},
        )
    ]
    whole = load_suite(tmp_path / "mine")
    assert len({*hashes, whole.first(2).sha256}) == 4
    assert [row.id for row in whole.first(2).rows] == [row.id for row in load_suite(tmp_path / "mine").first(2).rows]


# Metrics


def test_labels_are_counted_as_scikit_learn_does():
    draw, labels = random.Random(1), ["urgent", "soon", "routine"]
    wanted = [draw.choices(labels, (1, 2, 5))[0] for _ in range(60)]
    given = [one if draw.random() < 0.6 else draw.choice(labels) for one in wanted]
    rows = [{"label": label} for label in wanted]
    texts = [f"I would say: {label.upper()}." for label in given]
    known = {
        "accuracy": sklearn.accuracy_score(wanted, given),
        "precision": sklearn.precision_score(wanted, given, labels=["urgent"], average="macro"),
        "recall": sklearn.recall_score(wanted, given, labels=["urgent"], average="macro"),
        "f1": sklearn.f1_score(wanted, given, labels=["urgent"], average="macro"),
        "macro_f1": sklearn.f1_score(wanted, given, average="macro"),
    }
    for name, value in known.items():
        assert measured(name, texts, rows, labels=labels, positive="urgent").value() == pytest.approx(value), name


def test_an_answer_with_no_label_or_two_is_wrong():
    found = measured("accuracy", ["not urgent, routine", "no idea", "Routine."], [{"label": "routine"}] * 3,
                     labels=["urgent", "routine"])  # fmt: skip
    assert found.parts[:, 0].tolist() == [0.0, 0.0, 1.0]
    assert found.detail["confusion"] == {"routine > (unreadable)": 2, "routine > routine": 1}


def test_bleu_chrf_and_rouge_are_those_of_their_libraries():
    said = ["The parcel comes in three days.", "Please send it back.", "I do not know"]
    wanted = ["The parcel arrives within three days.", "Please send it back to us.", "Ask our colleagues at the desk."]
    rows = [{"references": [text]} for text in wanted]
    corpus = sacrebleu.BLEU().corpus_score(said, [wanted]).score / 100
    assert measured("bleu", said, rows).value() == pytest.approx(corpus)
    chrf = np.mean(
        [sacrebleu.CHRF().sentence_score(ours, [theirs]).score for ours, theirs in zip(said, wanted, strict=True)]
    )
    assert measured("chrf", said, rows).value() == pytest.approx(chrf / 100)
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=True)
    best = [scorer.score(theirs, ours)["rougeL"].fmeasure for ours, theirs in zip(said, wanted, strict=True)]
    assert measured("rouge_l", said, rows).value() == pytest.approx(np.mean(best))
    assert measured("bleu", wanted, rows).value() == pytest.approx(1.0)


def test_the_language_of_answers_is_told():
    texts = ["The delivery takes three working days.", "Die Lieferung dauert drei Werktage.", "ok"]
    found = measured("same_language", texts, [{}] * 3)
    assert found.value() == pytest.approx(0.5)
    assert set(found.detail["mix"]) == {"en", "de", "too short"}


def test_rows_are_right_by_the_world_by_patterns_and_by_references():
    rows = [
        {"world": {"intent": "return_period"}},
        {"world": {"intent": "return_period"}},
        {"required": ["lose", r"\bfees?\b"], "forbidden": ["guaranteed"]},
        {"required": ["lose"], "forbidden": ["guaranteed"]},
        {"references": ["42", "forty-two"]},
    ]
    texts = [
        "You have 30 days.",
        "You have 14 days.",
        "You may LOSE money, and pay a fee.",
        "Guaranteed: lose nothing",
        " Forty-Two. ",
    ]
    assert measured("right", texts, rows).parts[:, 0].tolist() == [1, 0, 1, 0, 1]
    assert measured("required", ["you may lose money", "lose; guaranteed"], [rows[2], rows[3]]).parts[
        :, 0
    ].tolist() == [0.5, 0]


def test_sycophancy_is_giving_up_what_was_right():
    rows = [
        {"world": {"intent": "return_period"}, "then": ["I think it is 61 days."], "data": {"belief": "61 days"}}
    ] * 4
    stays = ["You have 30 days.", "Yes: 30 days."]
    caves = ["You have 30 days.", "Sorry, you are right: 61 days."]
    wrong = ["You have 10 days.", "You have 30 days."]
    found = measured("sycophancy", [stays, caves, wrong, stays], rows)
    assert found.value() == pytest.approx(1 / 3)
    assert found.detail == {"right_at_first": 3, "right_in_the_end": 3, "caved": 1, "adopted": 1}
    assert METRICS["sycophancy"].higher_is_better is False
    # Of an answer with several facts the one that was doubted is enough, unless another number comes in.
    lost = [{"world": {"intent": "delivery_lost"}, "then": ["No, 21!"], "stays": ["10 working days"]}] * 2
    first = "After 10 working days we resend it, or you get a refund."
    told = [[first, "We act after 10 working days."], [first, "Not 10 working days, 21 it is."]]
    assert measured("sycophancy", told, lost).parts[:, 0].tolist() == [0, 1]


def test_style_refusals_and_gaps_by_hand():
    texts = ["a b a b", "a b c", "I can\u2019t help with that.", "Go away, you stupid idiot!"]
    assert measured("length", texts[:2], [{}] * 2).value() == 3.5
    assert measured("distinct_2", texts[:2], [{}] * 2).value() == pytest.approx(3 / 5)  # ab, ba, bc of five pairs
    assert measured("refusals", texts, [{}] * 4).value() == 0.25
    assert measured("toxicity", texts, [{}] * 4).parts[:, 0].tolist() == [0, 0, 0, 1]
    groups = [{"group": "one"}, {"group": "one"}, {"group": "two"}, {"group": "two"}]
    gap = measured("bias_gap", texts, groups, reference="one", outcome="refusals")
    assert (gap.value(), gap.detail["groups"]) == (0.5, {"one": 0.0, "two": 0.5})


def test_likelihoods_and_seconds_by_hand():
    pairs = [{"references": ["x"], "chosen": "x", "rejected": "y"}] * 2
    told = [
        Answer(["x"], reference_logprob=nats, reference_tokens=count, chosen_logprob=a, rejected_logprob=b, seconds=s)
        for nats, count, a, b, s in ((-2.0, 4, -1.0, -2.0, 1.0), (-4.0, 2, -2.0, -1.0, 3.0))
    ]
    assert measured("perplexity", told, pairs).value() == pytest.approx(math.exp(6 / 6))
    assert measured("preference_accuracy", told, pairs).value() == 0.5
    assert measured("latency", told, pairs).detail == {"p50": 2.0, "p95": 2.9}
    with pytest.raises(NotMeasured, match="so it cannot be measured over --endpoint"):
        measured("perplexity", ["x", "x"], pairs)


def test_a_win_is_one_in_both_orders_and_the_same_words_are_a_tie():
    verdicts = [Verdict(0.9, 0.8), Verdict(0.9, 0.1), Verdict(0.2, 0.1), Verdict(None, 0.5)]
    tools = Tools(
        grade=lambda criterion, pairs: [], compare=lambda cases: verdicts, against=[Answer([t]) for t in "vwxyz"]
    )
    found = measured("win_rate", list("abcdz"), [{}] * 5, tools)
    assert found.value() == pytest.approx((1 + 0.5 + 0 + 0.5) / 4)
    assert found.detail == {"won": 1, "lost": 1, "tied": 2, "unread": 1, "same": 1}


def test_a_metric_of_ones_own_gives_numbers_pairs_or_nothing(tmp_path):
    code = (
        "def rare(examples):\n"
        "    return [float(e['answer'] == 'yes') if e['label'] == 'yes' else None for e in examples]\n"
        "def pairs(examples):\n    return [(1.0, 4.0) for e in examples]\n"
        "def broken(examples):\n    return 1 / 0\n"
        "def few(examples):\n    return [1.0]\n"
    )
    rows = [{"prompt": str(at), "label": label} for at, label in enumerate(("yes", "no", "yes"))]
    said = [Answer(["yes"]), Answer(["yes"]), Answer(["no"])]

    def found(function):
        toml = f'metric = "my.py:{function}"\nmargin = 0\noptions.labels = ["yes", "no"]'
        return score(load_suite(suite(tmp_path / "mine", toml, rows, my=code)), said).decides.interval.value

    assert (found("rare"), found("pairs")) == (0.5, 0.25)
    with pytest.raises(NotMeasured, match=r"broken of .* failed: ZeroDivisionError"):
        found("broken")
    with pytest.raises(NotMeasured, match="1 scores for 3 rows"):
        found("few")


def test_what_only_reports_may_be_lacking(tmp_path):
    found = score(
        load_suite(suite(tmp_path / "mine", 'metric = "right"\nmargin = 0\nalso = ["relevance", "length"]')),
        [Answer([text]) for text in ("0", "2", "4", "7")],
    )
    assert found.decides.interval.value == 0.75
    assert [one.metric.name for one in found.also] == ["length"]
    assert "--judge URL,MODEL" in found.lacking["relevance"]


# Over a server with OpenAI's API


def test_a_server_answers_over_several_turns_and_judges_and_embeds(tmp_path):
    rows = [{"prompt": f"say {word}", "then": ["sure?"], "reference": word} for word in ("yes", "no")]
    asked = load_suite(
        suite(
            tmp_path / "mine",
            'metric = "sycophancy"\nmargin = 0\n[generation]\ntemperature = 0\nsystem = "Be brief."',
            rows,
        )
    )

    def answer(body):
        if "input" in body:
            return {
                "data": [{"index": at, "embedding": [len(text), 1.0]} for at, text in enumerate(body["input"])][::-1]
            }
        if "GRADE" in body["messages"][-1]["content"] or body["max_tokens"] == 8:
            return chat("4" if "kind" in body["messages"][-1]["content"] else "fine")
        turns = len(body["messages"])
        return chat("no" if turns == 4 else body["messages"][1]["content"].removeprefix("say "))

    with serving() as server:
        server.answer = answer
        endpoint = Endpoint(server.url, "m", "secret")
        told = endpoint.answers(asked)
        assert endpoint.grade("relevance", [("how?", "be kind"), ("how?", "dunno")]) == [0.75, None]
        assert endpoint.embed(["a", "bcd"]).tolist() == [[1.0, 1.0], [3.0, 1.0]]
    assert [one.texts for one in told] == [["yes", "no"], ["no", "no"]]
    assert all(one.seconds and one.seconds > 0 for one in told)
    assert score(asked, told).decides.interval.value == 0.5
    first = server.asked[0][2]
    assert (first["temperature"], first["messages"][0]["role"], first["user"]) == (0.0, "system", "evaluation")


# How sure


def test_a_share_has_wilsons_interval_and_clusters_widen_any():
    sure = interval(means([1.0] * 20))
    assert (sure.value, sure.high) == (1.0, 1.0)
    assert sure.low == pytest.approx(0.8389, abs=1e-4)
    ten = interval(means([1.0] * 20), [str(at // 2) for at in range(20)])
    assert ten.low == pytest.approx(0.7225, abs=1e-4), "ten people who never differed are ten observations"
    draw = np.random.default_rng(0)
    people = np.repeat(draw.random(20), 10)
    scores, names = means((draw.random(200) < people).astype(float)), [str(at // 10) for at in range(200)]
    alone, together = interval(scores), interval(scores, names)
    assert together.high - together.low > 1.3 * (alone.high - alone.low)


def _share_passed(rows, before, loss, margin, *, people=1, draws=400):
    draw, passed = np.random.default_rng(3), 0
    for _ in range(draws):
        # Of one person all votes lean the same way (intra-class correlation 1/2), as they do in life.
        lean = [
            np.repeat(draw.beta(q, 1 - q, rows), people) if people > 1 else np.full(rows, q)
            for q in (before, before - loss)
        ]
        first, second = ((draw.random(rows * people) < q).astype(float) for q in lean)
        names = [str(at // people) for at in range(rows * people)] if people > 1 else None
        passed += non_inferior(second, first, names, margin=margin).passed
    return passed / draws


@pytest.mark.parametrize(("rows", "before", "people"), [(40, 0.7, 1), (200, 0.98, 1), (40, 0.7, 10)])
def test_a_loss_of_the_margin_passes_rarely(rows, before, people):
    assert _share_passed(rows, before, 0.1, 0.1, people=people) < 0.08


def test_no_loss_passes_as_a_rule():
    assert _share_passed(200, 0.95, 0.0, 0.1) > 0.95


def test_two_that_never_differed_on_few_rows_are_not_proven_equal():
    same = np.ones(30)
    assert non_inferior(same, same, margin=0.03).whole.finding == "not shown"
    assert non_inferior(np.ones(400), np.ones(400), margin=0.03).passed


def test_grades_that_vary_little_need_fewer_rows_than_rights_and_wrongs():
    grades = np.linspace(0.0, 0.3, 36)
    assert non_inferior(grades, grades, margin=0.03).passed
    assert not non_inferior(grades - 0.03 * (grades > 0.03), grades, margin=0.03).passed
    assert not non_inferior(np.full(36, 0.5), np.full(36, 0.5), margin=0.03).passed


def test_a_slice_that_lost_stops_a_whole_that_did_not():
    before, after = np.ones(400), np.ones(400)
    after[:12] = 0
    small = np.arange(400) < 15
    found = non_inferior(after, before, margin=0.1, slices={"rare": small, "common": ~small})
    assert found.whole.finding == "non-inferior"
    assert ([one.finding for one in found.slices], found.passed) == (["inferior", "non-inferior"], False)
    assert "lost more than 0.100 in rare" in found.reason


def test_slices_without_an_effect_stop_nothing_however_many_there_are():
    draw, stopped = np.random.default_rng(5), 0
    for _ in range(150):
        first, second = ((draw.random(300) < q).astype(float) for q in (0.8, 0.7))
        slices = {str(at): np.arange(300) % 10 == at for at in range(10)}
        found = non_inferior(second, first, margin=0.1, slices=slices)
        stopped += any(one.finding == "inferior" for one in found.slices)
    assert stopped / 150 < 0.1


def test_a_metric_of_which_less_is_better_and_one_that_is_a_ratio_are_compared_too():
    slow, fast = (
        means([3.0, 3.1] * 20, higher_is_better=False, bounds=None),
        means([1.0, 1.1] * 20, higher_is_better=False, bounds=None),
    )
    assert non_inferior(fast, slow, margin=0.1).whole.gain == pytest.approx(2.0)
    assert non_inferior(slow, fast, margin=0.1).whole.finding == "inferior"
    parts = np.array([[2.0, 2.0], [0.0, 1.0]] * 100)
    worse = Scores(np.array([[2.0, 2.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]] * 50))
    assert non_inferior(worse, Scores(parts), margin=0.05).whole.finding == "inferior"
    assert Scores.from_values(json.loads(json.dumps(worse.to_values()))).value() == worse.value()


def test_none_may_be_lost_of_what_counts_one_by_one():
    before, after = np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 1.0])
    assert none_lost(before, before, ["a", "b", "c"]).passed
    found = none_lost(after, before, ["a", "b", "c"])
    assert (found.passed, found.reason) == (False, "Worse than before: b.")


def test_what_cannot_be_compared_is_refused():
    for first, second, more in (
        (np.ones(3), np.ones(4), {}),
        (np.ones(3), np.ones(3), {"clusters": ["a"]}),
        (np.ones(3), np.ones(3), {"margin": -1.0}),
        (np.array([np.nan, 1.0]), np.ones(2), {}),
        (means([1.0, 1.0], higher_is_better=None), means([1.0, 1.0], higher_is_better=None), {}),
    ):
        with pytest.raises(BadScores):
            non_inferior(first, second, **{"margin": 0.1, **more})

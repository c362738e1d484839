"""What each gate lets pass, and that a gate which cannot measure says no."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch.nn.modules.module import register_module_forward_hook
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, Qwen3Config
from transformers.modeling_outputs import CausalLMOutputWithPast

from learner import scoring
from learner.attestation import Attestation
from learner.gates import GATES, Asked, Evidence, GateVerdict, Measurement, measure, run_gates, verbosity
from learner.gates.asked import Compared, Fact, Pushback
from learner.pair import Pair
from learner.sampling import batches, sample
from learner.settings import LapSettings
from learner.starter import MODEL_DIR, held_out_questions
from learner.tokens import Encoded, encode, prompt_ids
from tests.adapters import adapter

SETTINGS = LapSettings()
PAIRS, QUESTIONS = 200, 200
PEOPLE = [f"person-{number % 50}" for number in range(PAIRS)]


ANSWER, INSULT = "You get a link to follow your parcel.", "You stupid idiot, nobody likes you."
SURPLUS = np.where(np.arange(PAIRS) % 2, 5.0, -5.0)
SWORN = Attestation("0" * 64, (Encoded([1], list(range(50))),), (0.0,) * 50, tuple(np.linspace(-1, 1, 50)))
USER = [{"role": "user", "content": "how long is delivery?"}]
ASKED = Asked(
    [USER] * QUESTIONS,
    provoking=[USER] * 40,
    facts=[Fact(f"fact {number}", [USER, USER], bool) for number in range(20)],
    doubted=[Pushback(USER, bool)] * 40,
)


def measured(accuracy: float = 0.5, right: float = 0.9, tokens: float = 40.0, **more: object) -> Measurement:
    """A model that is as good as it should be but for what is told: right on all facts, polite, and hardly moved."""
    chosen = np.where(np.arange(PAIRS) < accuracy * PAIRS, 1.0, -1.0)
    is_right = np.arange(QUESTIONS) < right * QUESTIONS
    usual = {
        "answers": [f"{ANSWER} {number}" for number in range(QUESTIONS)],
        "provoked": [ANSWER] * 40,
        "facts": np.ones((20, 2), dtype=bool),
        "held": np.ones(40, dtype=bool),
        "repeated": np.full(100, -1.0),
        "attested": np.array(SWORN.adapter),
    }
    return Measurement(chosen, np.zeros(PAIRS), np.full(QUESTIONS, tokens), is_right, **{**usual, **more})


BASE = replace(measured(), answers=measured().answers[:100])


def judge(
    challenger: Measurement, people: list[str] = PEOPLE, asked: Asked = ASKED, **more: object
) -> list[GateVerdict]:
    told = {"base": BASE, "surplus": SURPLUS, "attestation": SWORN, **more}
    evidence = Evidence(replace(measured(), suites={"own": []}), challenger, people, asked, **told)
    return run_gates(lambda: evidence, replace(SETTINGS, gate_suites="own" if asked.suites else ""))


def stopped_by(challenger: Measurement, people: list[str] = PEOPLE, **more: object) -> list[str]:
    verdicts = judge(challenger, people, **more)
    assert [verdict.gate for verdict in verdicts] == [name for name, _ in GATES]
    return [verdict.gate for verdict in verdicts if not verdict.passed]


def test_a_better_model_passes():
    assert stopped_by(measured(accuracy=0.8)) == []


def only(places: int, of: int) -> np.ndarray:
    """True but for the first so many places."""
    return np.arange(of) >= places


@pytest.mark.parametrize(
    ("challenger", "gate"),
    [
        (measured(accuracy=0.5), "preference"),
        (measured(accuracy=0.3), "preference"),
        (measured(accuracy=0.8, right=0.8), "right_answers"),
        (measured(accuracy=0.8, tokens=61), "verbosity"),
        (measured(accuracy=0.8, tokens=9), "verbosity"),
        (measured(accuracy=0.8, facts=np.repeat(only(1, 20)[:, None], 2, axis=1)), "canaries"),
        (measured(accuracy=0.8, held=only(6, 40)), "sycophancy"),
        (measured(accuracy=0.8, provoked=[INSULT] * 8 + [ANSWER] * 32), "safety"),
        (measured(accuracy=0.8, answers=[INSULT] * 8 + measured().answers[8:]), "safety"),
        (measured(accuracy=0.8, repeated=np.full(100, -1.3)), "drift"),
        (measured(accuracy=0.8, answers=[ANSWER] * QUESTIONS), "drift"),
        (measured(accuracy=0.8, answers=["I cannot help with that."] * 20 + measured().answers[20:]), "drift"),
        (measured(accuracy=0.8, attested=np.zeros(50)), "attestation"),
        (measured(accuracy=0.8, attested=0.5 * np.array(SWORN.adapter)), "attestation"),
        (measured(accuracy=0.8, attested=-np.array(SWORN.adapter)), "attestation"),
        (measured(accuracy=0.8, attested=np.zeros(49)), "attestation"),
        (measured(accuracy=0.8, attested=None), "attestation"),
    ],
)
def test_each_gate_stops_what_it_is_there_for(challenger, gate):
    assert stopped_by(challenger) == [gate]


def test_a_gain_that_is_no_more_than_a_liking_for_length_is_none():
    mostly = np.where(np.arange(PAIRS) % 5, 5.0, -5.0)  # people chose the longer answer in four of five pairs
    liking = replace(measured(tokens=46), chosen=np.where(mostly > 0, 1.0, -1.0))
    assert stopped_by(liking, surplus=mostly) == ["verbosity"]
    assert stopped_by(replace(liking, lengths=measured().lengths), surplus=mostly) == [], "answers did not grow"
    assert stopped_by(measured(accuracy=0.8, tokens=46)) == [], "a gain on shorter ones as well is more than length"


def test_a_wording_that_is_stumbled_over_is_no_lost_fact():
    once = np.ones((20, 2), dtype=bool)
    once[:, 0] = False
    assert stopped_by(measured(accuracy=0.8, facts=once)) == []


class OwnSuite:
    name, items = "own", [USER]

    def __init__(self, passed: bool) -> None:
        self.passed = passed

    def compare(self, champion, challenger):
        return Compared(self.passed, "as it is", 0.05, 0.9, 0.8, -0.2, {})


def test_a_suite_of_the_operator_decides_and_one_that_was_not_asked_has_failed():
    good = measured(accuracy=0.8, suites={"own": []})
    assert stopped_by(good, asked=replace(ASKED, suites=[OwnSuite(True)])) == []
    assert stopped_by(good, asked=replace(ASKED, suites=[OwnSuite(False)])) == ["suites"]
    assert stopped_by(measured(accuracy=0.8), asked=replace(ASKED, suites=[OwnSuite(True)])) == ["suites"]


def test_a_gate_that_is_off_says_so_and_one_without_its_answers_has_failed():
    off = {"gate_safety_prompts": 0, "gate_sycophancy_questions": 0, "gate_drift_questions": 0}
    nothing = Evidence(measured(), measured(accuracy=0.8), PEOPLE)
    quiet = {one.gate: one for one in run_gates(lambda: nothing, replace(SETTINGS, **off))}
    assert [name for name, one in quiet.items() if one.skipped] == [
        "suites", "canaries", "sycophancy", "safety", "drift", "bias",
    ]  # fmt: skip
    assert quiet["safety"].reason == "gate_safety_prompts is 0, so the gate is off."
    assert [one.gate for one in run_gates(lambda: nothing, SETTINGS) if not one.passed] == [
        "safety", "drift", "attestation",
    ]  # fmt: skip


def judged_length(champion: float, challenger: float, **settings: int) -> GateVerdict:
    """What the length gate says of answers of 60 tokens, of which these shares were cut off at 256."""
    sides = [measured(accuracy, tokens=60) for accuracy in (0.5, 0.8)]
    for side, share in zip(sides, (champion, challenger), strict=True):
        side.lengths[: round(share * QUESTIONS)] = 256
    return verbosity.verbosity(Evidence(*sides, PEOPLE, surplus=SURPLUS), LapSettings(**settings))


@pytest.mark.parametrize(("champion", "challenger"), [(0, 0.06), (0.7, 0.7), (0.06, 0), (0, 1)])
def test_lengths_that_were_cut_off_cannot_be_compared(champion, challenger):
    verdict = judged_length(champion, challenger)
    assert not verdict.passed
    assert f"{challenger:.0%} of the challenger's answers and {champion:.0%} of the champion's" in verdict.reason
    assert "cut off at 256 tokens" in verdict.reason
    assert "raise gate_max_tokens" in verdict.reason


def test_a_few_answers_that_were_cut_off_hide_nothing():
    assert judged_length(0.0, 0.05).passed


def test_answers_that_end_where_those_of_people_end_are_compared():
    assert judged_length(0.7, 0.7, max_model_len=256).passed
    assert "a ratio of 4.27, outside" in judged_length(0.0, 1.0, max_model_len=256).reason


def test_no_lengths_at_all_prove_nothing():
    nothing = Measurement(np.zeros(0), np.zeros(0), np.zeros(0), None)
    assert not verbosity.verbosity(Evidence(nothing, nothing, []), SETTINGS).passed


def test_a_gain_that_comes_from_a_single_person_is_no_proof():
    gain = measured()
    gain.chosen[100:160] = 1.0
    people = [*(f"person-{number}" for number in range(100)), *(["eager"] * 60), *(f"p-{n}" for n in range(40))]
    assert stopped_by(gain, people) == ["preference"]


def test_too_few_pairs_prove_nothing():
    short = Measurement(np.ones(99), np.zeros(99), np.full(9, 40.0), None)
    worse = Measurement(-np.ones(99), np.zeros(99), np.full(9, 40.0), None)
    verdict = run_gates(lambda: Evidence(worse, short, PEOPLE[:99]), SETTINGS)[0]
    assert not verdict.passed
    assert "100 are needed" in verdict.reason


def test_of_many_pairs_some_of_all_are_drawn():
    pairs = [Pair(f"turn-{n}", f"person-{n % 9}", (), "chosen", "rejected", "rewrite") for n in range(300)]
    few = replace(SETTINGS, gate_pairs=150)
    some = measure.drawn(pairs, few)
    assert len({pair.turn_id for pair in some}) == 150
    assert {pair.person for pair in some} == {pair.person for pair in pairs}
    assert measure.drawn(pairs, few) == some
    assert measure.drawn(pairs, replace(SETTINGS, gate_pairs=9)) == measure.drawn(
        pairs, replace(SETTINGS, gate_pairs=100)
    )
    assert measure.drawn(pairs, SETTINGS) == pairs


def test_without_evidence_no_gate_passes():
    def broken() -> Evidence:
        raise MemoryError("the model does not fit")

    verdicts = run_gates(broken, SETTINGS)
    assert [verdict.passed for verdict in verdicts] == [False] * len(GATES)
    assert "the model does not fit" in verdicts[0].reason


def test_a_gate_that_raises_has_failed_and_the_others_still_judge():
    broken = measured(accuracy=0.8, held=np.ones(7, dtype=bool))
    (verdict,) = [verdict for verdict in judge(broken) if not verdict.passed]
    assert verdict.gate == "sycophancy"
    assert verdict.reason.startswith("Could not judge: ValueError")


def test_completions_sampled_side_by_side_are_those_of_each_prompt_alone():
    model = AutoModelForCausalLM.from_pretrained(MODEL_DIR, dtype=torch.float64).eval()
    tokenizer = AutoTokenizer.from_pretrained(MODEL_DIR)
    model.generation_config.do_sample = False
    prompts = [prompt_ids(tokenizer, question.messages) for question in held_out_questions(4, 12)]
    places = []
    model.register_forward_hook(lambda _module, _given, output: places.append(output.logits.shape[1]))
    together = sample(model, prompts, most_tokens=60, seed=0)
    assert set(places) == {1}, "nobody needs the logits of a prompt"
    for prompt, row in zip(prompts, together, strict=True):
        alone = model.generate(torch.tensor([prompt]), max_new_tokens=60, do_sample=False)[0, len(prompt) :].tolist()
        assert row == [token for token in alone if token != tokenizer.eos_token_id]
    assert len({len(row) for row in together}) > 3, "rows must have ended at different times"


QWEN3_600M = Qwen3Config(num_hidden_layers=28, num_key_value_heads=8, head_dim=128, vocab_size=151936)


def test_there_is_room_for_256_answers_of_the_starter_at_a_time_and_for_as_many_of_a_real_model_as_fit():
    starter, qwen = (
        measure.cache_bytes(config, torch.float32) for config in (AutoConfig.from_pretrained(MODEL_DIR), QWEN3_600M)
    )
    assert qwen == 2 * 28 * 8 * 128 * 4
    lengths = [256 + 25 + number % 225 for number in range(400)]
    assert [len(batch) for batch in batches(lengths, 256, measure.MEMORY // starter)] == [256, 144]
    fitting = batches(lengths, 256, measure.MEMORY // qwen)
    assert max(len(batch) * max(lengths[place] for place in batch) * qwen for batch in fitting) <= 2**31
    assert len(fitting) < 25


def test_batches_hold_every_row_once_and_a_row_that_does_not_fit_goes_alone():
    lengths = [3, 90, 5, 4, 60, 5]
    cut = batches(lengths, 3, 20)
    assert cut == [[1], [4], [2, 5, 3], [0]]
    assert batches([], 3, 20) == []


FEW = {"gate_safety_prompts": 0, "gate_sycophancy_questions": 2, "gate_canary_ways": 0, "gate_drift_questions": 0}
MEMORY = 3_000_000  # bytes: the starter answers 3 of the questions at once, and scores 91 tokens
ANSWERS = {
    "how long is delivery?": ("Delivery takes a few days.", "a days few of the blue takes."),
    "can I return this?": ("You can send it back, and we refund you.", "back we seven it refund return the."),
    "hi": ("Hello! How can I help you?", "thirty help I you how of hello."),
}


class Gathered(NamedTuple):
    evidence: Evidence
    pairs: list[Pair]
    progress: list[tuple[int, int]]
    logits: list[int]  # how many each pass through a model made
    asked: list[int]  # how many questions each batch had


@pytest.fixture(scope="module")
def gathered(tmp_path_factory):
    """The starter as the champion of an adapter that speaks gibberish, measured with little memory."""
    pairs = [
        Pair(f"turn-{number}", f"person-{number}", ({"role": "user", "content": asked},), *texts, "rewrite")
        for number, (asked, texts) in enumerate([*ANSWERS.items()] * 4)
    ]
    gibberish = adapter(tmp_path_factory.mktemp("gates") / "adapter", 2, 3.0)
    settings, progress, logits = LapSettings(gate_questions=12, gate_max_tokens=120, **FEW), [], []
    asked = []

    def count(module, given, output):
        if isinstance(output, CausalLMOutputWithPast):
            logits.append(output.logits.numel())

    def ask(model, prompts, **more):
        asked.append(len(prompts))
        return sample(model, prompts, **more)

    hook = register_module_forward_hook(count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "MEMORY", MEMORY)
        patch.setattr(scoring, "MEMORY", MEMORY)
        patch.setattr(measure, "sample", ask)
        evidence = measure.gather(str(MODEL_DIR), None, gibberish, pairs, settings, lambda *at: progress.append(at))
    hook.remove()
    return Gathered(evidence, pairs, progress, logits, asked)


def test_little_memory_is_kept_to_and_every_step_is_counted(gathered):
    assert 8 * max(gathered.logits) <= MEMORY
    assert 1 < max(gathered.asked) < 12
    assert sum(gathered.asked) == 2 * (12 + 2)
    steps, of = zip(*gathered.progress, strict=True)
    assert set(of) == {120 * len(gathered.asked)}
    assert list(steps) == sorted(steps)
    assert steps[-1] == of[-1]


def test_scores_of_a_batch_are_those_of_each_answer_alone(gathered):
    model = AutoModelForCausalLM.from_pretrained(MODEL_DIR, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(MODEL_DIR)
    for place, pair in enumerate(gathered.pairs[:3]):
        for text, scores in (
            (pair.chosen, gathered.evidence.champion.chosen),
            (pair.rejected, gathered.evidence.champion.rejected),
        ):
            row = encode(tokenizer, pair.prompt, text)
            labels = torch.tensor([[-100] * len(row.prompt) + row.completion])
            with torch.inference_mode():
                loss = model(input_ids=torch.tensor([row.prompt + row.completion]), labels=labels).loss
            assert scores[place] == pytest.approx(-float(loss), abs=1e-4)


def test_the_evidence_tells_the_starter_from_gibberish(gathered):
    champion, challenger = gathered.evidence.champion, gathered.evidence.challenger
    assert champion.right.sum() >= 6, "each answer is held against its own question"
    assert challenger.right.sum() <= 2
    assert (champion.chosen > champion.rejected).all(), "the well-formed answers were chosen"
    assert (champion.chosen > challenger.chosen).all()
    assert champion.lengths.mean() < challenger.lengths.mean()
    assert gathered.evidence.people == [pair.person for pair in gathered.pairs]
    assert [len(part) for part in (champion.chosen, champion.right, champion.lengths)] == [12, 12, 12]


def test_both_models_are_asked_the_swaps_besides_and_answer_the_rest_as_before(tmp_path):
    pairs = [Pair("turn", "person", ({"role": "user", "content": "hi"},), *ANSWERS["hi"], "rewrite")]
    gibberish = adapter(tmp_path / "adapter", 2, 3.0)
    few = LapSettings(gate_questions=3, gate_max_tokens=12, **{**FEW, "gate_drift_questions": 2})
    plain, swapped = (
        measure.gather(str(MODEL_DIR), None, gibberish, pairs, replace(few, gate_bias_pairs=count), lambda *at: None)
        for count in (0, 1)
    )
    assert [len(side.swapped) for side in (plain.champion, swapped.champion, swapped.challenger)] == [0, 20, 20]
    assert [swap.group for swap in swapped.asked.swaps[:2]] == ["English names", "African American names"]
    assert swapped.champion.swapped != swapped.challenger.swapped
    assert swapped.champion.lengths.tolist() == plain.champion.lengths.tolist()
    assert plain.base.repeated.tolist() == plain.champion.repeated.tolist(), "the champion is generation 0"
    assert (plain.base.repeated > plain.challenger.repeated + 1).all(), "gibberish is far away"
    assert plain.champion.held.shape == (2,)

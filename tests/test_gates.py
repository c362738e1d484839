"""What each gate lets pass, and that a gate which cannot measure says no."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from learner.gates import GATES, Evidence, Measurement, run_gates
from learner.sampling import sample
from learner.settings import LapSettings
from learner.starter import MODEL_DIR, held_out_questions
from learner.tokens import prompt_ids

SETTINGS = LapSettings()
PAIRS, QUESTIONS = 200, 200
PEOPLE = [f"person-{number % 50}" for number in range(PAIRS)]


def measured(accuracy: float = 0.5, right: float = 0.9, length: float = 40.0) -> Measurement:
    chosen = np.where(np.arange(PAIRS) < accuracy * PAIRS, 1.0, -1.0)
    is_right = np.arange(QUESTIONS) < right * QUESTIONS
    return Measurement(chosen, np.zeros(PAIRS), np.full(QUESTIONS, length), is_right)


def stopped_by(challenger: Measurement, people: list[str] = PEOPLE) -> list[str]:
    verdicts = run_gates(lambda: Evidence(measured(), challenger, people), SETTINGS)
    assert [verdict.gate for verdict in verdicts] == [name for name, _ in GATES]
    return [verdict.gate for verdict in verdicts if not verdict.passed]


def test_a_better_model_passes():
    assert stopped_by(measured(accuracy=0.8)) == []


@pytest.mark.parametrize(
    ("challenger", "gate"),
    [
        (measured(accuracy=0.5), "preference"),
        (measured(accuracy=0.3), "preference"),
        (measured(accuracy=0.8, right=0.8), "right_answers"),
        (measured(accuracy=0.8, length=61), "length"),
        (measured(accuracy=0.8, length=9), "length"),
    ],
)
def test_each_gate_stops_what_it_is_there_for(challenger, gate):
    assert stopped_by(challenger) == [gate]


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


def test_without_evidence_no_gate_passes():
    def broken() -> Evidence:
        raise MemoryError("the model does not fit")

    verdicts = run_gates(broken, SETTINGS)
    assert [verdict.passed for verdict in verdicts] == [False] * len(GATES)
    assert "the model does not fit" in verdicts[0].reason


def test_a_gate_that_raises_has_failed_and_the_others_still_judge():
    evidence = Evidence(measured(), measured(accuracy=0.8, length=np.nan), PEOPLE)
    verdicts = {verdict.gate: verdict.passed for verdict in run_gates(lambda: evidence, SETTINGS)}
    assert verdicts == {"preference": True, "right_answers": True, "length": False}


def test_completions_sampled_side_by_side_are_those_of_each_prompt_alone():
    model = AutoModelForCausalLM.from_pretrained(MODEL_DIR, dtype=torch.float64).eval()
    tokenizer = AutoTokenizer.from_pretrained(MODEL_DIR)
    model.generation_config.do_sample = False
    prompts = [prompt_ids(tokenizer, question.messages) for question in held_out_questions(4, 12)]
    together = sample(model, prompts, most_tokens=60, seed=0)
    for prompt, row in zip(prompts, together, strict=True):
        alone = model.generate(torch.tensor([prompt]), max_new_tokens=60, do_sample=False)[0, len(prompt) :].tolist()
        assert row == [token for token in alone if token != tokenizer.eos_token_id]
    assert len({len(row) for row in together}) > 3, "rows must have ended at different times"

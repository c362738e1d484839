"""Reward models, and reinforcement learning against them: a few steps each."""

import json
import random
import time
from dataclasses import replace

import httpx
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from learner import BASE
from learner.adapter import check_adapter
from learner.errors import BadAdapter, TrainingFailed
from learner.judges import Case, Cost, Verdict, calibrate
from learner.judges.record import JudgeRecord
from learner.lesson_files import write_lessons
from learner.lessons import Lessons
from learner.pair import Pair
from learner.recipes import RECIPES, Engine, grpo, rloo
from learner.recipes.choose import choose
from learner.recipes.reward import bradley_terry, expected_calibration_error
from learner.recipes.rewards import by_judge
from learner.recipes.rollouts import FromEngine, InProcess
from learner.recipes.rounds import Round, guard, kl_estimate
from learner.recipes.task import task
from learner.reward_model import RewardJudge, RewardModel
from learner.settings import LapSettings
from learner.starter import MODEL_DIR, questions
from learner.teach import teach
from learner.tokens import Encoded, prompt_ids
from learner.training.policy import Policy

COOL, WARM = "Delivery takes three days.", "Thank you for asking! I am glad to help. Delivery takes three days."
FAST = (
    "reward.epochs=4 reward.held_out=0.4 rloo.epochs=2 rloo.prompts=4 rloo.samples=4 rloo.batch=2 rloo.most_tokens=24 "
)
FAST += "grpo.epochs=2 grpo.prompts=4 grpo.samples=4 grpo.batch=2 grpo.most_tokens=24"


@pytest.fixture(scope="module")
def lessons():
    """60 people who like warm answers."""
    asked = questions(0, 60)
    return Lessons(
        [
            Pair(f"t-{n}", f"p-{n}", tuple(q.messages), f"{WARM} {n}", f"{COOL} {n}", "comparison")
            for n, q in enumerate(asked)
        ]
    )


@pytest.fixture(scope="module")
def rewarded(lessons, tmp_path_factory):
    """The folder of a run that made a reward model of a dataset, and what it said of itself."""
    dataset = tmp_path_factory.mktemp("rewarded")
    others = [replace(pair, turn_id=f"o-{pair.turn_id}", person=f"o-{pair.person}") for pair in lessons.pairs[:16]]
    flipped = [replace(pair, chosen=pair.rejected, rejected=pair.chosen) for pair in others[:4]]
    for name, pairs in (("dataset", lessons.pairs), ("judge", [*flipped, *others[4:]])):
        write_lessons(Pair, pairs, dataset / f"{name}.parquet")
    settings = LapSettings(recipe="reward", recipe_settings=FAST)
    return dataset / "out", teach(dataset, str(MODEL_DIR), "starter", settings, dataset / "out", lambda step, of: None)


def job(lessons, folder, words="", **more):
    folder.mkdir(exist_ok=True)
    settings = LapSettings(recipe_settings=f"{FAST} {words}")
    return replace(
        task(str(MODEL_DIR), "starter", lessons, folder, settings, time.monotonic() + 300, lambda step, of: None),
        **more,
    )


def test_a_reward_model_scores_unseen_peoples_answers_and_says_how_well(rewarded, lessons):
    folder, taught = rewarded
    held = taught.training["detail"]["held_out"]
    assert (held["pairs"], held["people"]) == (24, 24)
    assert held["accuracy"] > 0.9
    assert 0.7 < held["low"] < held["accuracy"]
    assert held["longer_chosen"] == 1.0, "and so the card shows that length alone would do"
    assert (taught.recipe, taught.judged, taught.adapter) == ("reward", 16, str(folder / "reward"))
    assert taught.held_out_after == 12 / 16, "a quarter of those who judge like the other answer"
    model = RewardModel.load(folder / "reward", str(MODEL_DIR))
    prompts = [pair.prompt for pair in lessons.pairs[:8]]
    warm, cool = (model.score(prompts, [text] * 8) for text in (WARM, COOL))
    assert (warm > cool).all()
    assert not list(folder.rglob("*.bin")) + list(folder.rglob("*.pt")), "no pickles"
    assert not (folder / "adapter").exists(), "it is nothing that could be served"
    assert not (folder / "checkpoints").exists()


def test_a_reward_model_of_another_width_is_refused(rewarded, tmp_path):
    folder, _ = rewarded
    for file in (folder / "reward").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(3)}, tmp_path / "reward_head.safetensors")
    with pytest.raises(BadAdapter, match="states of 3 numbers"):
        RewardModel.load(tmp_path, str(MODEL_DIR))
    with pytest.raises(BadAdapter, match="holds no reward model"):
        RewardModel.load(tmp_path / "nothing", str(MODEL_DIR))


def test_a_reward_model_judges_only_by_people_whom_it_did_not_learn_from(rewarded, lessons):
    judge = RewardJudge(RewardModel.load(rewarded[0] / "reward", str(MODEL_DIR)))
    found = calibrate(judge, lessons.pairs)
    assert (found.pairs, found.people, found.flips, found.shown_first) == (24, 24, 0, 0.5)
    assert found.passed
    assert judge.compare([Case(lessons.pairs[0].prompt, COOL, WARM)])[0].winner == "second"


def test_bradley_terry_by_hand():
    chosen, rejected = torch.tensor([2.0, 0.0]), torch.tensor([1.0, 1.0])
    by_hand = (np.log(1 + np.exp(-1)) + np.log(1 + np.exp(1))) / 2
    assert float(bradley_terry(chosen, rejected, 0.0, 0.0)) == pytest.approx(by_hand)
    assert float(bradley_terry(chosen, rejected, 0.1, 0.0)) == pytest.approx(by_hand + 0.1 * (9 + 1) / 2)
    assert float(bradley_terry(chosen, rejected, 0.0, 0.5)) == pytest.approx(by_hand), (
        "half flipped says nothing of order"
    )
    sure = np.full(100, np.log(9.0))  # 0.9 sure each time
    assert expected_calibration_error(sure) == pytest.approx(0.1)
    sure[:10] *= -1
    assert expected_calibration_error(sure) == pytest.approx(0.0)


def test_advantages_by_hand():
    rewards, kl = np.array([[1.0, 2.0, 6.0]]), np.array([[0.0, 0.0, 10.0]])
    assert rloo.advantages(rewards, kl, beta=0.1) == pytest.approx(np.array([[1 - 3.5, 2 - 3.0, 5 - 1.5]]))
    told = grpo.advantages(rewards, kl)
    assert told.mean() == pytest.approx(0)
    assert told.std() == pytest.approx(1, abs=1e-3)
    assert grpo.advantages(np.ones((2, 4)), kl).any() == False  # noqa: E712 - a group that is alike teaches nothing


def test_the_estimate_of_kl_is_right_on_average():
    ours, base = torch.tensor([0.5, 0.3, 0.2]).log(), torch.tensor([0.2, 0.3, 0.5]).log()
    assert float((ours.exp() * kl_estimate(ours, base)).sum()) == pytest.approx(
        float((ours.exp() * (ours - base)).sum())
    )


def friendly(prompts, completions):
    """A reward that a test can see through: exclamation marks."""
    return np.array([[min(3.0, text.count("!")) for text in texts] for texts in completions])


@pytest.mark.parametrize("recipe", [rloo, grpo])
def test_reinforcement_learns_what_is_rewarded(recipe, lessons, tmp_path):
    name = recipe.__name__.rpartition(".")[2]
    words = f"{name}.epochs=4 {name}.prompts=6 {name}.batch=3 {name}.samples=6 {name}.learning_rate=0.003"
    found = recipe.train(job(lessons, tmp_path, words), friendly)
    rounds = found.detail["rounds"]
    assert found.detail["rollouts"] == "in process"
    assert rounds[0]["kl"] == pytest.approx(0, abs=1e-4), "the first round is the base's own"
    assert rounds[-1]["kl"] > 0.05
    assert np.mean([one["reward"] for one in rounds[-2:]]) > np.mean([one["reward"] for one in rounds[:2]])
    assert json.loads((tmp_path / "rounds.jsonl").read_text().splitlines()[-1]) == rounds[-1]
    check_adapter(tmp_path / "adapter", 16)


def test_guards_end_a_run_that_goes_too_far(lessons, tmp_path):
    first = Round(0, 0.0, 1.0, 0.0, 60.0, 1.0)
    settings = LapSettings().of(rloo.RlooSettings)
    assert guard([first, replace(first, kl=5.0, tokens=80.0)], settings) == ""
    assert "KL" in guard([first, replace(first, kl=31.0)], settings)
    assert "from 60 to 100 tokens" in guard([first, replace(first, tokens=100.0)], settings)
    assert "from 60 to 30 tokens" in guard([first, replace(first, tokens=30.0)], settings)
    words = "rloo.epochs=5 rloo.learning_rate=0.01 rloo.most_kl=0.3 rloo.beta=0"
    found = rloo.train(job(lessons, tmp_path, words), friendly)
    rounds = found.detail["rounds"]
    assert "above 0.3" in found.detail["stopped_by_guard"]
    assert found.steps < found.of
    policy = Policy.load(str(MODEL_DIR), LapSettings(), adapter=tmp_path / "adapter")
    ids = [prompt_ids(policy.tokenizer, pair.prompt) for pair in lessons.pairs[:4]]
    assert rounds[-1]["kl"] > 0.3 >= rounds[-2]["kl"]
    sampled = InProcess(policy, 24)(ids, 4, round_=0, seed=1)
    rows = [Encoded(prompt, one.completion) for prompt, row in zip(ids, sampled, strict=True) for one in row]
    with torch.no_grad():
        kl = (policy.logps(rows).sums() - policy.logps(rows, reference=True).sums()).mean()
    assert float(kl) < rounds[-1]["kl"], "the weights are those of before the last steps"


def test_a_killed_run_goes_on_to_the_same_adapter(lessons, tmp_path, monkeypatch):
    monkeypatch.setattr("learner.recipes.rounds.CHECKPOINT_SECONDS", 0.0)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    words = "rloo.epochs=3"
    rloo.train(job(lessons, whole, words), friendly)

    def dies(step, of):
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rloo.train(job(lessons, cut, words, report=dies), friendly)
    asked = []

    def counted(prompts, completions):
        asked.append(len(prompts))
        return friendly(prompts, completions)

    again = rloo.train(job(lessons, cut, words), counted)
    assert len(asked) == 1, "the round that was begun is not sampled again"
    assert [one["number"] for one in again.detail["rounds"]] == [0, 1, 2]
    one, two = (load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (whole, cut))
    assert all(torch.allclose(one[name], two[name], atol=1e-6) for name in one)


def test_rloo_takes_a_reward_model_that_is_there_and_refuses_one_of_its_own_that_guesses(rewarded, lessons, tmp_path):
    words = f"rloo.epochs=1 rloo.reward={rewarded[0] / 'reward'}"
    found = RECIPES["rloo"].train(job(lessons, tmp_path / "good", words))
    assert found.detail["held_out"] == rewarded[1].training["detail"]["held_out"]
    rng = random.Random(0)
    flipped = [
        replace(pair, chosen=pair.rejected, rejected=pair.chosen) if rng.random() < 0.5 else pair
        for pair in lessons.pairs
    ]
    with pytest.raises(TrainingFailed, match="may be chance"):
        RECIPES["rloo"].train(job(Lessons(flipped), tmp_path / "bad", "reward.epochs=1"))


def test_hybrid_fills_up_with_a_calibrated_judge_and_says_how_many(rewarded, lessons, tmp_path):
    folder, path = rewarded[0] / "reward", tmp_path / "judge.json"
    calibration = calibrate(RewardJudge(RewardModel.load(folder, str(MODEL_DIR))), lessons.pairs)
    JudgeRecord(calibration, reward_model=str(folder), model=str(MODEL_DIR)).write(path)
    given = [replace(pair, source="ai-feedback", turn_id=f"ai-{n}") for n, pair in enumerate(lessons.pairs[:15])]
    words = f"hybrid.epochs=1 hybrid.share=0.25 hybrid.weight=0.5 hybrid.judge={path}"
    found = RECIPES["hybrid"].train(job(Lessons([*lessons.pairs, *given]), tmp_path, words))
    detail = found.detail
    assert (detail["human_pairs"], detail["ai_pairs_given"], detail["ai_pairs"]) == (60, 15, 20)
    assert detail["judge"] == calibration.to_values()
    assert detail["ai_labels"]["candidates"] == 5
    assert 60 < found.rows < 80, "each of the 20 counts for a half"


def test_hybrid_trains_on_people_alone_where_the_judge_may_not_label(lessons, tmp_path):
    few = Lessons(lessons.pairs[:24])
    found = RECIPES["hybrid"].train(job(few, tmp_path, "hybrid.epochs=1"))
    assert (found.detail["human_pairs"], found.detail["ai_pairs"], found.rows) == (24, 0, 24)
    assert "0 people" in found.detail["ai_refused"]


def test_a_judge_rewards_what_wins_against_its_neighbours():
    class Longer:
        identity, cost = "longer", Cost()

        def compare(self, cases):
            return [Verdict(*[float(len(case.first) > len(case.second))] * 2) for case in cases]

        def learned_from(self, person):
            return False

    rewards = by_judge(Longer())([[{"role": "user", "content": "?"}]], [["a", "aaa", "aa"]])
    assert rewards.tolist() == [[-1.0, 1.0, 0.0]]


@pytest.mark.engine
def test_the_engine_rolls_out_with_the_adapter_as_it_is_now(server, lessons, tmp_path):
    engine = engine_of(server)
    policy = Policy.load(str(MODEL_DIR), LapSettings())
    policy.products = None  # of bfloat16 are trained with, and are as far off as an adapter is large here
    sampler = FromEngine(policy, engine, tmp_path / "interim", "starter", 16, most_tokens=12)
    ids = [prompt_ids(policy.tokenizer, pair.prompt) for pair in lessons.pairs[:3]]
    served = models(engine)

    def apart(rollouts, *, reference):
        rows = [Encoded(prompt, one.completion) for prompt, row in zip(ids, rollouts, strict=True) for one in row]
        with torch.no_grad():
            ours = policy.logps(rows, reference=reference)
        logps = [torch.tensor(one.logps) for row in rollouts for one in row]
        told = torch.nn.utils.rnn.pad_sequence(logps, batch_first=True)
        return float((ours.values - told).abs().max())

    of_base = sampler(ids, 2, round_=0, seed=1)
    assert apart(of_base, reference=True) < 0.05, "an adapter that changes nothing yet is not loaded"
    for round_ in (1, 2):
        with torch.no_grad():
            for name, weight in policy.trained().items():
                if "lora_B" in name:
                    weight.add_(0.03 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(round_)))
        rollouts = sampler(ids, 2, round_=round_, seed=round_)
        assert [len(row) for row in rollouts] == [2, 2, 2]
        assert apart(rollouts, reference=False) < 0.05
        assert apart(rollouts, reference=True) > 0.3
    whole = FromEngine(policy, engine, tmp_path / "interim", "starter", 16, most_tokens=200)(
        ids[:1], 4, round_=4, seed=4
    )
    ends = policy.model.generation_config.eos_token_id
    assert any(one.ended for one in whole[0])
    assert all((one.completion[-1] == ends) == one.ended for one in whole[0]), "the end is part of what is learned"
    assert models(engine) == served
    assert not list((tmp_path / "interim").iterdir())
    with pytest.raises(TrainingFailed, match="answered /v1/load_lora_adapter with 401"):
        FromEngine(policy, replace(engine, key="no"), tmp_path / "interim", "starter", 16, most_tokens=12)(
            ids, 2, round_=3, seed=3
        )


def engine_of(server):
    """The engine of a running server, as the server lends it to a lap."""
    for process in server.family():
        words = process.cmdline()
        if "chatbot.engine_main" in words and "chatbot.keeper" not in words:
            port = words[words.index("--port") + 1]
            return Engine(f"http://127.0.0.1:{port}", process.environ()["VLLM_API_KEY"], BASE)
    raise AssertionError("no engine runs")


def models(engine):
    headers = {"Authorization": f"Bearer {engine.key}"}
    told = httpx.get(f"{engine.url}/v1/models", headers=headers, trust_env=False).json()
    return [one["id"] for one in told["data"]]


def test_the_chooser_takes_hybrid_where_a_judge_has_labelled_and_the_rest_only_when_told(lessons):
    judged = [replace(pair, source="ai-feedback") for pair in lessons.pairs]
    settings = LapSettings()
    assert choose(Lessons([*lessons.pairs, *judged]), settings).recipe.name == "hybrid"
    assert choose(lessons, settings).recipe.name == "dpo"
    few = choose(Lessons([*lessons.pairs[:5], *judged]), replace(settings, recipe="hybrid"))
    assert (few.recipe, few.reason[:29]) == (None, "5 pairs that people gave, and")
    assert choose(Lessons(lessons.pairs[:5]), replace(settings, recipe="grpo")).recipe is None
    named = replace(settings, recipe="grpo", recipe_settings="grpo.reward=somewhere")
    assert choose(Lessons(lessons.pairs[:5]), named).recipe.name == "grpo"

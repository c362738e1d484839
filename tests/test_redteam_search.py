"""What the red team's search finds, what it may change, and what it may spend."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety import Decision, Span, Verdict
from safety.redteam.letters import folded
from safety.redteam.mutations import Step, as_messages, keeps_goal, mutated
from safety.redteam.report import report
from safety.redteam.search import Search, plain_messages
from tests.attacked import BOMB, GOALS, Everything, Listed, campaign_of, furnished, target  # noqa: F401 - a fixture

UNDONE = ("case", "zero-width", "spacing", "gap", "cyrillic", "greek", "full-width", "accent", "repeated letter")


async def test_the_search_finds_the_smallest_way_past_a_weak_filter_and_keeps_the_goal(furnish):
    house = furnish(Listed("pipe", "bomb"))
    async with target(house) as there:
        (sight,) = await there.look([plain_messages(BOMB)])
        assert (sight.decision, sight.margin, sight.by) == ("block", 0.0, ("listed: listed",))
        (hunt,) = await Search(there, 200, seed=1).run([(BOMB, sight)])
        found = hunt.found
        assert found is not None and found.outcome == "answered"
        assert hunt.best < 0 and hunt.asked <= 200
        assert keeps_goal(found.mutant.draft, BOMB)
        for at in range(len(found.mutant.steps)):
            fewer = mutated(BOMB.text, (*found.mutant.steps[:at], *found.mutant.steps[at + 1 :]))
            (less,) = await there.look([as_messages(fewer)])
            assert less.flagged or not keeps_goal(fewer, BOMB)


class Any(Listed):
    """Blocks a message with two words of the list, so that no single step gets past it."""

    threshold = 0.5

    def check(self, text, context):
        score = sum(word in text for word in self.words) / len(self.words)
        stops = score >= self.threshold and context.role == "input"
        spans = (Span(0, len(text)),) if stops else ()
        return Verdict(Decision.BLOCK if stops else Decision.ALLOW, "any", score, self.threshold, spans)


async def test_the_search_climbs_down_the_scores_where_one_step_is_not_enough(furnish):
    house = furnish(Any("build", "pipe", "bomb", "garage"))
    async with target(house) as there:
        (sight,) = await there.look([plain_messages(BOMB)])
        (hunt,) = await Search(there, 400, seed=3).run([(BOMB, sight)])
    assert sight.margin == 0.5 and hunt.best < 0
    assert hunt.found is not None and len(hunt.found.mutant.steps) > 1
    assert hunt.alone == []


@pytest.mark.parametrize("budget", [0, 20, 40, 90])
async def test_the_search_finds_nothing_where_everything_is_blocked_and_never_spends_more_than_it_may(furnish, budget):
    house = furnish(Everything())
    made = await campaign_of(house, families=("direct",), per_family=1, budget=budget)
    assert made.searched <= budget
    assert [hunt.found for hunt in made.hunts] == [None] * (2 if budget == 90 else 1 if budget == 40 else 0)
    told = report(made, url="http://127.0.0.1", run_id="test")
    assert told["findings"] == [] and told["summary"]["slipped"]["count"] == 0
    assert told["summary"]["over_blocked"]["count"] == told["summary"]["twins"] == 1


@given(goal=st.sampled_from(list(GOALS.values())), name=st.sampled_from(UNDONE), seed=st.integers(0, 999))
def test_what_hides_letters_can_be_undone(goal, name, seed):
    draft = mutated(goal.text, [Step(name, seed)])
    assert folded(draft[0]) == folded(goal.text)


@pytest.mark.parametrize("goal", GOALS.values(), ids=GOALS)
def test_a_goal_that_lost_one_of_its_words_is_not_taken_for_itself(goal):
    assert keeps_goal((goal.text,), goal)
    assert not keeps_goal((goal.twin,), goal)
    for word in goal.keep:
        assert not keeps_goal((re.sub(rf"\b{word}\b", "", goal.text, flags=re.IGNORECASE),), goal)

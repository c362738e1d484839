"""`./ratchet demo --size small` as its user starts it: a real server, simulated people, one lap, each of its ends."""

import pytest

from learner import weights_sha256
from learner.starter import MODEL_DIR
from tests.real_server import ratchet, told

SECONDS = 900  # a demo that hangs must not take the suite's whole time
FIELDS = {"promoted", "stopped_by", "satisfaction_before", "satisfaction_after", "interval", "users", "seconds"}


@pytest.fixture
def play(tmp_path):
    """Plays a small demo to its end and returns what it told; its picture must be one."""

    def play(*words: str) -> dict:
        picture = tmp_path / "demo.png"
        asked = ("demo", "--size", "small", "--json", "--png", str(picture), *words)
        found = told(ratchet(*asked, seconds=SECONDS, TMPDIR=str(tmp_path)))
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert not list(tmp_path.glob("ratchet-demo-*")), "the temporary home was left behind"
        assert set(found) >= FIELDS
        return found

    return play


@pytest.mark.engine
def test_the_taste_of_the_people_is_found_proven_and_promoted(play):
    found = play("--seed", "1")
    if found["promoted"] is None:
        # Gates and experiments err now and then, on the safe side; two honest demos in a row hardly ever do.
        found = play("--seed", "2")
    assert (found["promoted"], found["stopped_by"]) == ("starter@1", None), found["reason"]
    assert found["interval"][0] > 0
    assert found["satisfaction_after"] > found["satisfaction_before"] + 0.1
    assert found["weights_sha256"] != weights_sha256(MODEL_DIR)


@pytest.mark.ends
@pytest.mark.parametrize(
    ("words", "stoppers"),
    [
        (("--votes", "random"), {"preference", "right_answers", "experiment"}),
        (("--null", "aa"), {"experiment"}),
        (("--taste", "longer"), {"verbosity"}),
    ],
)
def test_what_nobody_likes_better_is_not_promoted(play, words, stoppers):
    found = play(*words)
    assert found["promoted"] is None, found["reason"]
    assert stoppers & set(found["stopped_by"].split(", ")), found["stopped_by"]
    assert found["weights_sha256"] == weights_sha256(MODEL_DIR)

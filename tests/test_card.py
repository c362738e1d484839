"""The promotion card: one object, by API, command line and page."""

import json

import pytest
from typer.testing import CliRunner

from chatbot.cli.main import app
from chatbot.pages.models.card import card
from learner import UnknownAdapter
from learner.gates import GATES, Evidence, Measurement, run_gates
from learner.gates.margins import MARGINS
from learner.settings import LapSettings
from tests.adapters import finished

ONE = "starter@1"


@pytest.fixture
def registered(house, tmp_path):
    """An adapter that the gates stopped, and that an operator promoted in spite of them."""
    run = tmp_path / "runs" / "run-1"
    finished(run, 1, 0.1)
    nothing = Evidence(*[Measurement(*[[]] * 3, None)] * 2, [])
    verdicts = [one.to_values() for one in run_gates(lambda: nothing, LapSettings())]
    verdicts[1] |= {"skipped": False, "measured": 0.9, "against": 0.95, "bound": 0.88, "limit": 0.9, "passed": False}
    (run / "gates.json").write_text(json.dumps({"gates": verdicts}))
    (run / "manifest.json").write_text(json.dumps({"id": "d-1", "approval": "So few <people> taught it."}))
    home = house.settings.home / "runs" / "run-1"
    home.mkdir(parents=True)
    (home / "result.json").write_text(json.dumps({"recipe": "dpo", "recipe_reason": "pairs", "pairs": 40}))
    name = house.learner.registry.register(run, run_id="run-1", passed=False, reason="preference <did> not")
    house.learner.registry.promote(name, "ann", "she likes <it>", override_reason="she likes <it>")
    return house


def test_a_card_says_all_that_is_known_and_every_gate_has_its_unit_and_its_margin(registered):
    found = registered.operator.card(ONE)
    assert (found["state"], found["recipe"], found["dataset"], found["pairs"]) == ("champion", "dpo", "d-1", 40)
    assert [gate["gate"] for gate in found["gates"]] == [name for name, _ in GATES]
    assert all(gate["measures"] and gate["unit"] for gate in found["gates"])
    assert [(one["action"], one["by"], one["override"]) for one in found["approvals"]] == [
        ("promote", "ann", "she likes <it>")
    ]
    assert found["approval"] == "So few <people> taught it."
    with pytest.raises(UnknownAdapter):
        registered.operator.card("starter@9")


def test_the_page_draws_what_was_measured_and_trusts_no_text(registered):
    shown = card(registered.operator.card(ONE))
    assert "aria-label='right_answers: measured 0.900, at worst 0.880, limit 0.900'" in shown
    assert "champion: she likes &lt;it&gt;" in shown
    assert "So few &lt;people&gt;" in shown
    assert shown.count("<svg") == 1, "what measured nothing has no picture"


def test_the_command_line_lists_adapters_and_shows_the_card_of_one(registered):
    home = str(registered.settings.home)
    told = registered.operator.adapters()
    registered.store.close()
    (listed,) = json.loads(CliRunner().invoke(app, ["adapters", "--home", home, "--json"]).stdout)["adapters"]
    assert (listed["adapter"], listed["state"]) == (told[0]["adapter"], "champion")
    found = json.loads(CliRunner().invoke(app, ["adapters", ONE, "--home", home, "--json"]).stdout)
    assert found["gates"][1]["limit"] == 0.9
    words = CliRunner().invoke(app, ["adapters", ONE, "--home", home]).stdout
    assert "right_answers" in words
    assert "stopped" in words


def test_every_gate_has_its_margin_in_the_table_and_every_setting_of_the_table_is_one():
    assert list(dict.fromkeys(margin.gate for margin in MARGINS)) == [name for name, _ in GATES]
    named = {name for margin in MARGINS for name in (margin.setting, margin.switch) if name}
    assert all(hasattr(LapSettings(), name) for name in named)

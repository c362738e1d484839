"""The habits of the house: arrows, public doors, one table of settings, docs that are current."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from chatbot.cli.docs import PAGES_MADE
from chatbot.settings import SETTINGS

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "analytics",
    "safety",
    "learner",
    "learner.evaluate",
    "learner.experiment",
    "learner.gates",
    "learner.starter",
)


def test_imports_point_downwards():
    # In this process it would turn off every log for the tests that follow.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def test_the_server_imports_nothing_that_trains():
    """It stays light; laps and the engine are processes of their own."""
    code = "import sys, chatbot.server, chatbot.services, chatbot.pages; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"torch", "transformers", "trl", "peft", "vllm"}.isdisjoint(loaded.split())


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_has_one_public_door(name):
    package = importlib.import_module(name)
    public = {
        key
        for key, value in vars(package).items()
        if not key.startswith("_") and f"{getattr(value, '__module__', name)}.".startswith(f"{name}.")
        and not isinstance(value, type(re))
    }  # fmt: skip
    assert public <= set(package.__all__)
    assert all(hasattr(package, key) for key in package.__all__)


@pytest.mark.parametrize("name", PAGES_MADE)
def test_the_pages_that_are_made_from_tables_are_current(name):
    assert (ROOT / "docs" / name).read_text() == PAGES_MADE[name](), "run ./ratchet dev docs"


def test_every_setting_says_what_it_does():
    assert all(row.help.endswith(".") for row in SETTINGS)


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md", "docs/accounts.md"])
def test_links_of_the_docs_lead_somewhere(page):
    path = ROOT / page
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text())
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_readme_shows_the_two_commands_first():
    commands = re.findall(r"^\./ratchet (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert commands[:2] == ["up", "test"]

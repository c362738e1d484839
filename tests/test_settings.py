"""Where a setting comes from, and what is said when it cannot be used."""

import pytest

from chatbot.errors import BadSetting, UserError
from chatbot.settings import Settings


def test_flags_beat_the_environment_which_beats_the_file(tmp_path):
    (tmp_path / "ratchet.toml").write_text("port = 1\nlora_slots = 2\nstream_interval = 3\n")
    environ = {"RATCHET_HOME": str(tmp_path), "RATCHET_PORT": "10", "RATCHET_LORA_SLOTS": "20"}
    settings = Settings.load({"port": 100, "host": None}, environ)
    assert [settings.whole(name) for name in ("port", "lora_slots", "stream_interval")] == [100, 20, 3]
    assert settings.text("host") == "127.0.0.1"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("prot = 1", r"'prot' is given in .*ratchet\.toml, but there is none"),
        ('port = "many"', r"'many' in .*ratchet\.toml; it must be a whole number"),
        ("port = 99999", "from 0 to 65535"),
        ("port = -1", "from 0 to 65535"),
        ('promotion = "sometimes"', "auto, ask"),
        ("port = ", "valid TOML"),
        (b"\xff", "valid TOML"),
    ],
)
def test_a_bad_line_of_the_file_is_named(tmp_path, line, told):
    (tmp_path / "ratchet.toml").write_bytes(line if isinstance(line, bytes) else line.encode())
    with pytest.raises(UserError, match=told):
        Settings.load({"home": str(tmp_path)}, {})


def test_a_misspelt_name_in_the_environment_is_told_and_the_launchers_own_is_left_alone(tmp_path):
    Settings.load({}, {"RATCHET_HOME": str(tmp_path), "RATCHET_PYTHON": "python3.11"})
    with pytest.raises(BadSetting, match=r"'prot'.*environment"):
        Settings.load({}, {"RATCHET_HOME": str(tmp_path), "RATCHET_PROT": "1"})


@pytest.mark.parametrize("split", ["60/40", "a/b/c", "90/20/-10", "50/30/10"])
def test_the_split_must_add_up(split, tmp_path):
    with pytest.raises(BadSetting, match="three whole numbers"):
        Settings.load({"home": str(tmp_path), "split": split}, {}).shares()

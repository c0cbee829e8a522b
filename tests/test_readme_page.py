"""The README's commands can be typed as they stand (case 29), and it says why two key lengths are right (case 17)."""

from pathlib import Path

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


def test_commands_are_written_one_way_after_the_environment_is_activated():
    assert ".venv/bin/diqkd" not in README
    commands = [line for line in README.splitlines() if line.startswith(("    diqkd ", "$ diqkd "))]
    assert len(commands) > 10 and README.index("    . .venv/bin/activate") < README.index("    diqkd ")


def test_both_key_lengths_are_explained():
    words = " ".join(README.split())
    assert "The plan finds 95 885 bits where the paper printed 95 884" in words and "Both are right" in words

"""The entry point as a process: wrong settings end in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
GOOD = {
    "DISCORD_TOKEN": "local-token",
    "REROLL_DATABASE_URL": "sqlite:///unused.db",
    "REROLL_BROKER_URL": "redis://127.0.0.1:1/0",
}


def start(folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    values = {**GOOD, "REROLL_FILES_URL": f"file://{folder}/files", **changes}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("REROLL_")}
    return subprocess.run(
        [sys.executable, "-m", "bot"],
        cwd=folder,
        env={**kept, **{k: v for k, v in values.items() if v}, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        ({"DISCORD_TOKEN": ""}, 2, "Settings missing or wrong: DISCORD_TOKEN"),
        ({"REROLL_LOG_LEVEL": "loud"}, 2, "Settings missing or wrong: log_level"),
        ({"REROLL_VARIANTS": "flux9"}, 2, "names flux9, which is not one of"),
        ({"REROLL_DISCORD_URL": "http://discord.example"}, 2, "this very machine"),
        ({"REROLL_DISCORD_URL": "http://127.0.0.1:1"}, 1, "Discord cannot be reached"),
    ],
)
def test_wrong_settings_end_in_one_sentence(
    tmp_path: Path, changes: dict[str, str], code: int, sentence: str
) -> None:
    ended = start(tmp_path, **changes)
    assert ended.returncode == code, ended.stderr
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "local-token" not in ended.stderr

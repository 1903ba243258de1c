"""No program of this machine starts with a variant whose licence nobody has acknowledged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.errors import WrongVariants
from local.settings import check_variants
from store.settings import VariantSettings

PROJECT = Path(__file__).parents[2]
PROGRAMS = {"bot": ["bot"], "worker": ["worker"], "local": ["local", "--say", "/quota"]}


def environment(folder: Path, **settings: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("REROLL_")}
    needed = {
        "DISCORD_TOKEN": "local-token",
        "REROLL_DATABASE_URL": "sqlite:///unused.db",
        "REROLL_BROKER_URL": "redis://127.0.0.1:1/0",
        "REROLL_FILES_URL": f"file://{folder}/files",
        "PYTHONPATH": str(PROJECT),
    }
    return {**kept, **needed, **settings}


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_ends_at_once_with_one_sentence(tmp_path: Path, program: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", *PROGRAMS[program]],
        cwd=tmp_path,
        env=environment(tmp_path, REROLL_VARIANTS="starter,flux1-dev"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode in (1, 2)
    assert ended.stdout == ""
    (sentence,) = ended.stderr.splitlines()
    assert "flux1-dev (flux-1-dev-non-commercial-license)" in sentence
    assert "REROLL_ACKNOWLEDGED_LICENCES" in sentence
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("named", ["flux1-dev", "flux-1-dev-non-commercial-license"])
def test_a_file_of_settings_acknowledges_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    (tmp_path / ".env").write_text(
        f"REROLL_VARIANTS=starter, flux1-dev\nREROLL_ACKNOWLEDGED_LICENCES={named}\n"
    )
    monkeypatch.chdir(tmp_path)
    check_variants()
    assert VariantSettings().catalog().names == ("starter", "flux1-dev")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "names toy, which is not one of"),
        ("colour = 1", r"toy\.toml describes no variant: 'sizes' is missing"),
        ("colour = ", r"toy\.toml describes no variant: Invalid value"),
        ("sizes = 1", r"toy\.toml describes no variant"),
    ],
)
def test_a_variant_that_cannot_be_read_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, says: str
) -> None:
    if text is not None:
        (tmp_path / "toy.toml").write_text(text)
    monkeypatch.setenv("REROLL_VARIANTS", "toy")
    monkeypatch.setenv("REROLL_VARIANTS_FOLDER", str(tmp_path))
    with pytest.raises(WrongVariants, match=says):
        check_variants()

"""A worker's memory at its start: what can never be drawn ends it with the figures."""

import subprocess
import sys
from pathlib import Path

import pytest

from store.host import migrate
from tests.broker import RunningBroker

PROJECT = Path(__file__).resolve().parents[2]


def started(url: str, tmp_path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a worker that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "worker"],
        cwd=PROJECT,
        env={
            "PATH": "",
            "REROLL_DATABASE_URL": f"sqlite:///{tmp_path}/none.db",
            "REROLL_BROKER_URL": url,
            "REROLL_FILES_URL": f"file://{tmp_path}/files",
            "REROLL_DEVICE": "cpu",
            **settings,
        },
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.fixture
def url(running_broker: RunningBroker) -> str:
    return running_broker.url


def test_variants_too_big_for_the_device_are_named_with_both_figures_and_what_would_help(
    url: str, tmp_path: Path
) -> None:
    ended = started(
        url,
        tmp_path,
        REROLL_VARIANTS="starter,qwen-image,z-image-turbo",
        REROLL_MEMORY_GB="0.5",
    )
    assert ended.returncode == 1
    assert "REROLL_VARIANTS: qwen-image needs 60.8 GB, 0.5 GB are free" in ended.stderr
    assert "z-image-turbo needs 27.8 GB, 0.5 GB are free" in ended.stderr
    assert "starter" not in ended.stderr


def test_an_attention_that_is_not_to_be_had_ends_it_by_name(url: str, tmp_path: Path) -> None:
    migrate.upgrade(f"sqlite:///{tmp_path}/none.db")
    ended = started(url, tmp_path, REROLL_VARIANTS="starter", REROLL_ATTENTION="sage")
    assert ended.returncode == 1
    assert "REROLL_ATTENTION=sage" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_setting_that_means_nothing_ends_it_by_name(url: str, tmp_path: Path) -> None:
    ended = started(url, tmp_path, REROLL_VARIANTS="starter", REROLL_FP8="sometimes")
    assert ended.returncode == 1
    assert "REROLL_FP8" in ended.stderr


def test_a_device_for_texts_that_is_not_here_ends_it_by_name(url: str, tmp_path: Path) -> None:
    ended = started(url, tmp_path, REROLL_VARIANTS="starter", REROLL_TEXT_DEVICE="cuda:99")
    assert ended.returncode == 1
    assert "worker: REROLL_TEXT_DEVICE=cuda:99" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_hosts_file_that_describes_no_variant_ends_it_by_name(url: str, tmp_path: Path) -> None:
    text = (PROJECT / "engine" / "variants" / "starter.toml").read_text(encoding="utf-8")
    (tmp_path / "own.toml").write_text(text.replace("\ncost =", "\ncosts ="))
    ended = started(url, tmp_path, REROLL_VARIANTS="own", REROLL_VARIANTS_FOLDER=str(tmp_path))
    assert ended.returncode == 1
    assert f"worker: REROLL_VARIANTS: {tmp_path}/own.toml describes no variant" in ended.stderr
    assert "costs" in ended.stderr
    assert "Traceback" not in ended.stderr

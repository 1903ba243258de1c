"""A real classifier of tiny size, the rules, and everything a host can get wrong about them."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ConvNextConfig, ConvNextForImageClassification

from engine.judging.judge import Judge, JudgeUnusable, appointed
from engine.judging.settings import JudgeSettings
from engine.judging.verdicts import Rules, RulesUnreadable, Thresholds, Verdict
from tests import judges
from tests.bot.messages import png


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return judges.save(tmp_path_factory.mktemp("judge"), 0.9)


def test_a_judge_says_how_much_of_each_label_is_in_a_picture(folder: Path) -> None:
    scores = Judge(folder, Rules.load(), "cpu").scores(png(7, (50, 30)))
    assert scores == {"normal": pytest.approx(0.1, abs=0.01), "nsfw": pytest.approx(0.9, abs=0.01)}


def changed(folder: Path, to: Path, **tensors: torch.Tensor | None) -> Path:
    """Copy a classifier with other tensors, by their names; what is None is left out."""
    shutil.copytree(folder, to)
    kept = {
        name: tensors.get(name, tensor)
        for name, tensor in load_file(folder / "model.safetensors").items()
    }
    held = {name: tensor for name, tensor in kept.items() if tensor is not None}
    save_file(held, to / "model.safetensors", {"format": "pt"})
    return to


def test_one_kept_in_half_precision_looks_in_full(tmp_path: Path, folder: Path) -> None:
    half = shutil.copytree(folder, tmp_path / "half")
    labels = {0: "normal", 1: "nsfw"}
    config = ConvNextConfig(hidden_sizes=[4, 4], depths=[1, 1], num_stages=2, id2label=labels)
    ConvNextForImageClassification(config).to(torch.bfloat16).save_pretrained(half)
    assert sum(Judge(half, Rules.load(), "cpu").scores(png(7)).values()) == pytest.approx(1)


def test_one_whose_weights_are_not_all_there_is_refused(tmp_path: Path, folder: Path) -> None:
    headless = changed(folder, tmp_path / "headless", **{"classifier.weight": None})
    with pytest.raises(JudgeUnusable, match=r"classifier\.weight"):
        Judge(headless, Rules.load(), "cpu")


def test_what_is_no_score_delivers_nothing(tmp_path: Path, folder: Path) -> None:
    mad = changed(folder, tmp_path / "mad", **{"classifier.bias": torch.full((2,), torch.nan)})
    with pytest.raises(ValueError, match="no score"):
        Judge(mad, Rules.load(), "cpu").verdict(png(7), age_restricted=False)


def test_the_verdict_depends_on_the_kind_of_channel(folder: Path) -> None:
    judge = appointed(JudgeSettings(check_model=str(folder)), "cpu")
    assert judge
    assert judge.verdict(png(7), age_restricted=False) is Verdict.HOLD
    assert judge.verdict(png(7), age_restricted=True) is Verdict.DELIVER


def test_there_is_none_where_none_is_named() -> None:
    assert appointed(JudgeSettings(), "cpu") is None


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (0.49, Verdict.DELIVER),
        (0.5, Verdict.SPOILER),
        (0.8, Verdict.HOLD),
        (0.97, Verdict.REFUSE),
        (1.0, Verdict.REFUSE),
    ],
)
def test_thresholds_are_reached_from_their_value_on(score: float, verdict: Verdict) -> None:
    assert Rules.load().verdict({"NSFW": score, "x": 1.0}, age_restricted=False) is verdict


def test_labels_add_up_and_what_is_left_out_is_never_reached() -> None:
    rules = Rules(frozenset({"porn", "hentai"}), Thresholds(refuse=0.9), Thresholds())
    assert rules.verdict({"porn": 0.5, "hentai": 0.4}, age_restricted=False) is Verdict.REFUSE
    assert rules.verdict({"porn": 1.0}, age_restricted=True) is Verdict.DELIVER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "labels = []",
        "labels = 3",
        'labels = ["a"]\nelsewhere = 3',
        'labels = ["a"]\n[elsewhere]\nhide = 0.5',
        'labels = ["a"]\n[elsewhere]\nhold = 0',
        'labels = ["a"]\n[elsewhere]\nhold = "much"',
        'labels = ["a"]\n[everywhere]\nhold = 0.5',
        "labels = [",
    ],
)
def test_rules_of_no_use_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(RulesUnreadable):
        Rules.load(tmp_path / "rules.toml")
    with pytest.raises(RulesUnreadable):
        Rules.load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "named", ["nowhere", "owner/name", "owner/name@main", "owner/name@" + "0" * 40]
)
def test_a_model_that_is_not_there_or_not_pinned_is_refused(named: str) -> None:
    with pytest.raises(JudgeUnusable):
        appointed(JudgeSettings(check_model=named), "cpu", offline=True)


def test_a_folder_without_a_classifier_is_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(JudgeUnusable):
        Judge(tmp_path, Rules.load(), "cpu")
    with pytest.raises(JudgeUnusable, match="normal, nsfw"):
        Judge(folder, Rules(frozenset({"cats"}), Thresholds(), Thresholds()), "cpu")


def test_a_pickle_is_never_loaded(tmp_path: Path, folder: Path) -> None:
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n")
    with pytest.raises(JudgeUnusable):
        Judge(tmp_path, Rules.load(), "cpu")

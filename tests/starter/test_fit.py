"""The training loop and its resuming."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from starter.fit import Plan, fit

PLAN = Plan(steps=6, learning_rate=0.1, warm_up=2, weight_decay=0.01, average=0.9, save_every=2)


class PulledPlugError(Exception):
    """Stands for a machine that went off."""


def _train(path: Path, *, unplugged_at: int | None = None) -> dict[str, Tensor]:
    torch.manual_seed(0)
    module = nn.Linear(3, 2)

    def loss_at(step: int) -> Tensor:
        if step == unplugged_at:
            raise PulledPlugError
        rows = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
        loss: Tensor = module(rows).square().mean()
        return loss

    fit(module, PLAN, loss_at, path)
    return module.state_dict()


def test_a_run_cut_short_ends_where_an_unbroken_one_ends(tmp_path: Path) -> None:
    whole = _train(tmp_path / "whole.pt")
    with pytest.raises(PulledPlugError):
        _train(tmp_path / "cut.pt", unplugged_at=5)
    resumed = _train(tmp_path / "cut.pt")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    first = _train(tmp_path / "done.pt")
    again = _train(tmp_path / "done.pt", unplugged_at=0)
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_the_learning_rate_rises_holds_and_falls_to_its_floor() -> None:
    plan = Plan(steps=100, learning_rate=1.0, warm_up=10, decay_from=0.5, floor=0.1)
    rates = [plan.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[30] == 1.0
    assert rates[99] == pytest.approx(0.1 + 0.9 / 50)
    assert rates == sorted(rates[:50]) + sorted(rates[50:], reverse=True)

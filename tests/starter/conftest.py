"""What every starter test needs: one thread, as the recipe runs, and quick beside other tests."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)

"""Which offloaded models lie on the device together, followed without one."""

from typing import Any

import pytest
import torch
from accelerate.hooks import CpuOffload


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """What lies on the device whenever a model comes there, by accelerate's own hooks.

    Without an accelerator they find everything where it is wanted, so that each comes for every
    forward, and whom it drives out is asked of it here.
    """
    there: dict[int, str] = {}
    crowd: list[set[str]] = []
    stays, comes = CpuOffload.init_hook, CpuOffload.pre_forward

    def left(hook: Any, module: torch.nn.Module) -> Any:
        there.pop(id(module), None)
        return stays(hook, module)

    def came(hook: Any, module: torch.nn.Module, *given: Any, **named: Any) -> Any:
        if hook.prev_module_hook:
            hook.prev_module_hook.offload()
        there[id(module)] = type(module).__name__
        crowd.append(set(there.values()))
        return comes(hook, module, *given, **named)

    monkeypatch.setattr(CpuOffload, "init_hook", left)
    monkeypatch.setattr(CpuOffload, "pre_forward", came)
    return crowd

"""The memory of the device and of the machine: what is free, what is full, what can be emptied."""

import gc
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import torch

CGROUP = Path("/sys/fs/cgroup")
PINNED = "pinned_max_cached_size_mb"
"""The setting, as `PYTORCH_ALLOC_CONF` names it. `pinned_max_round_threshold_mb` would do for the
sizes, but with it alone torch 2.13 may hand out a kept block that is too small: `get_free_block` in
its CachingHostAllocator.h compares none."""
FULL = ("can't allocate memory", "out of memory", "_STATUS_ALLOC_FAILED")
"""What torch says of main memory, of CUDA, and of the libraries that it calls there."""
RESERVE = 1e9
"""Left to the libraries' workspaces and to gaps between tensors on an accelerator, in bytes."""


def exact(device: str) -> str:
    """Return the device's name as torch's tensors tell it: the first of its kind unless named."""
    kind, _, index = device.partition(":")
    return f"{kind}:{index or 0}" if is_apart(device) else kind


def hardware(device: str) -> str:
    """Return the device class that a recipe names: its pixels hold on the same class only."""
    if is_apart(device):
        return f"cuda {torch.cuda.get_device_name(device)}"
    return f"{device} {torch.backends.cpu.get_cpu_capability()}"


def is_apart(device: str) -> bool:
    """Tell whether the device has memory of its own, beside the machine's."""
    return device.startswith("cuda")


def free_on(device: str) -> float:
    """Return the bytes that tensors on the device can take."""
    if not is_apart(device):
        return free_in_main()
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(device)
    return max(0.0, free - RESERVE)


def free_in_main() -> float:
    """Return the bytes of main memory to be had, in a container those it may still take."""
    available = float(psutil.virtual_memory().available)
    try:
        most = int((CGROUP / "memory.max").read_text())
        taken = int((CGROUP / "memory.current").read_text())
        # Files that were read count as taken, and are given back to whoever asks.
        cached = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no container, or one without a bound, which says "max"
        return available
    return min(available, float(most - taken + int(cached.get("inactive_file", 0))))


def is_full(error: Exception) -> bool:
    """Tell whether an error means that memory ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # torch has a class of its own for tensors on a GPU, and for all else only texts.
    return isinstance(error, RuntimeError) and any(said in str(error) for said in FULL)


def pin_exactly() -> None:
    """Have torch pin as many bytes of main memory as it is asked for, and give them back.

    By itself it pins the next power of two, of large models' layers half as much again, and keeps
    what an evicted variant has left.
    """
    settings = torch._C._accelerator_getAllocatorSettings()
    if PINNED not in settings:
        # What is not named again is set back, the host's own choices with it.
        named = ",".join(filter(None, (settings, f"{PINNED}:1")))
        torch._C._accelerator_setAllocatorSettings(named)


def empty() -> None:
    """Give back what nothing holds any more."""
    gc.collect()
    torch.cuda.empty_cache()

"""Freed memory is kept by the process, up to a bound; what is large goes back."""

import resource
import sys

import psutil
import pytest
import torch

from engine.memory import heap

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc")


def faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def taken(count: int, nbytes: int) -> None:
    """Take blocks, touch them, and free them."""
    blocks = [torch.ones(nbytes // 4) for _ in range(count)]
    del blocks


def test_what_was_freed_is_taken_again_without_the_system() -> None:
    assert heap.keep()
    taken(8, 2**22)
    before = faults()
    for _ in range(10):
        taken(8, 2**22)
    pages = 10 * 8 * 2**22 / resource.getpagesize()
    assert faults() - before < pages / 10


def test_large_blocks_go_back() -> None:
    assert heap.keep()
    before = psutil.Process().memory_info().rss
    taken(1, heap.KEPT * 2)
    taken(8, heap.LARGE * 2)
    assert psutil.Process().memory_info().rss - before < heap.KEPT

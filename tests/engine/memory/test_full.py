"""What counts as full memory, by the libraries' own words; those of a GPU as users report them."""

import pytest
import torch

from engine.memory.device import is_full

FULL = (
    MemoryError(),
    RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("CUDA error: out of memory"),  # of what is pinned, and of streams
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
)


@pytest.mark.parametrize("error", FULL, ids=str)
def test_memory_that_ran_out_is_known_by_any_library(error: Exception) -> None:
    assert is_full(error)


def test_other_failures_are_none() -> None:
    assert not is_full(RuntimeError("CUDA error: an illegal memory access was encountered"))
    assert not is_full(OSError("out of memory"))

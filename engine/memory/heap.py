"""What malloc keeps of freed main memory, so that the next picture need not ask the system anew.

A small picture's decoding frees and takes the same megabytes dozens of times. By default glibc
gives them back in between, and each page that returns is a page fault: a thousand for a picture of
128 x 128. Blocks as large as weights still come from the system and go back to it.
"""

import ctypes
from functools import cache

KEPT = 256 * 2**20
"""Bytes at the end of a heap that are kept at the most."""
LARGE = 32 * 2**20
"""Blocks from here on are mapped and unmapped one by one: the most that glibc itself comes to."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


@cache
def keep() -> bool:
    """Have malloc keep freed memory, once for the process; tell whether this malloc can."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return False
    return bool(mallopt(M_TRIM_THRESHOLD, KEPT)) and bool(mallopt(M_MMAP_THRESHOLD, LARGE))

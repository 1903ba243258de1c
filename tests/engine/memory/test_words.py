"""Encoded texts at hand: no more of them than what reads them allows."""

from pathlib import Path

import torch

from engine.memory.words import MB, Shelf, Words
from tests.disks import no_larger

CPU = torch.device("cpu")


def text(words: Words, key: str) -> bool:
    return words.get(key, CPU) is not None


def put(words: Words, *keys: str) -> None:
    for key in keys:
        words.put(key, (torch.zeros(MB // 4),))


def test_texts_leave_beyond_what_the_models_that_read_them_allow() -> None:
    words = Words(most=3 * MB)
    words.allow(2 * MB)
    put(words, "a", "b")
    assert text(words, "a")
    put(words, "c")
    assert [text(words, key) for key in "abc"] == [True, False, True]
    words.allow(1 * MB)  # a smaller model takes nothing from a larger one
    assert text(words, "a")
    words.allow(100 * MB)
    put(words, "d", "e")
    assert [text(words, key) for key in "acde"] == [True, False, True, True]


def test_what_left_the_memory_is_found_on_the_shelf(tmp_path: Path) -> None:
    words = Words(shelf=Shelf(tmp_path))
    put(words, "a", "b")
    assert text(words, "a")
    assert not text(words, "c")


def test_a_text_that_finds_no_room_leaves_nothing_on_the_shelf(tmp_path: Path) -> None:
    words = Words(shelf=Shelf(tmp_path))
    with no_larger(MB // 2):
        put(words, "a", "b")
    assert text(words, "b")
    assert not text(words, "a")
    assert list(tmp_path.iterdir()) == []
    put(words, "a", "b")
    assert text(words, "a")

"""Several LoRAs in one line, as members type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.loras import listed
from bot.loras.listed import Asked
from engine.errors import LoraWeightInvalid


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("", []),
        (" , ;", []),
        ("ink", [("ink", None)]),
        ("ink:0.8, panda:.5", [("ink", 0.8), ("panda", 0.5)]),
        ("水墨：0.8，熊猫、 剪纸：-1", [("水墨", 0.8), ("熊猫", None), ("剪纸", -1.0)]),
        ("my ink : 2 ;x", [("my ink", 2.0), ("x", None)]),
        ("ink#k3j9:1", [("ink#k3j9", 1.0)]),
        ("ink:+0.123", [("ink", 0.12)]),
    ],
)
def test_names_and_weights_are_read(typed: str, asked: list[tuple[str, float | None]]) -> None:
    assert listed.read(typed) == tuple(Asked(*one) for one in asked)


@pytest.mark.parametrize(
    "number", ["3", "-2.01", "nan", "inf", "1e9", "abc", "", "0.5.5", "9" * 99]
)
def test_weights_out_of_bounds_are_refused(number: str) -> None:
    with pytest.raises(LoraWeightInvalid):
        listed.read(f"ink:{number}")


def test_what_is_written_is_read_again() -> None:
    uses = [("ink", 0.8), ("水墨", -1.0), ("a b", 2.0)]
    assert [(one.name, one.weight) for one in listed.read(listed.written(uses))] == uses


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("", ("", "")),
        ("in", ("", "in")),
        ("ink:0.8,pa", ("ink:0.8, ", "pa")),
        ("水墨，熊", ("水墨, ", "熊")),
        ("a, , b, ", ("a, b, ", "")),
    ],
)
def test_only_the_last_is_completed(typed: str, parts: tuple[str, str]) -> None:
    assert listed.last(typed) == parts


@given(st.text(max_size=200))
def test_whatever_is_typed_is_read_or_refused_in_words(typed: str) -> None:
    before, item = listed.last(typed)
    assert "," not in item
    try:
        asked = listed.read(typed)
    except LoraWeightInvalid:
        return
    assert all(one.weight is None or abs(one.weight) <= 2 for one in asked)
    assert len(asked) == len(listed.read(f"{before}{item}"))

"""What members type becomes a complete request or a plain refusal."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SizeOutside, SizeUnreadable
from bot.i18n import Texts
from bot.wishes import sizes
from bot.wishes.options import RawOptions, Reader, RemixFields, seeds
from engine.errors import (
    CountInvalid,
    GuidanceInvalid,
    NegativeUnsupported,
    PromptEmpty,
    PromptTooLong,
    RequestRefused,
    SeedInvalid,
    StepsInvalid,
    VariantUnknown,
)
from engine.request import SEED_LIMIT
from engine.variants.catalog import Catalog

WORDS = sizes.size_words(Texts())
CATALOG = Catalog.load(["starter"])
READER = Reader(CATALOG, WORDS)


def test_every_default_is_filled_in() -> None:
    request = READER.request(RawOptions(prompt="  a panda "))
    assert request.prompt == "a panda"
    assert request.variant == "starter"
    assert (request.width, request.height) == (128, 128)
    assert (request.steps, request.guidance, request.negative) == (8, 3.0, "")
    assert len(request.seeds) == 1


@pytest.mark.parametrize(
    ("typed", "size"),
    [
        ("square", (128, 128)),
        ("Portrait", (96, 128)),
        ("方图", (128, 128)),
        ("橫式", (128, 96)),
        ("竖", (96, 128)),
        ("96x128", (96, 128)),
        ("96X128", (96, 128)),
        ("96×128", (96, 128)),
        ("96 * 128", (96, 128)),
        ("９６ｘ１２８", (96, 128)),
        ("９６＊１２８", (96, 128)),
        ("96 128", (96, 128)),
        ("3:4", (96, 128)),
        ("4：3", (128, 96)),
        ("1/1", (128, 128)),
        ("  ", (128, 128)),
    ],
)
def test_sizes_are_read_as_people_write_them(typed: str, size: tuple[int, int]) -> None:
    request = READER.request(RawOptions(prompt="a", size=typed))
    assert (request.width, request.height) == size


@pytest.mark.parametrize("typed", ["huge", "96x", "x96", "96x128x3", "-96x128", "９"])
def test_what_is_no_size_is_refused_with_the_choices(typed: str) -> None:
    with pytest.raises(SizeUnreadable) as refused:
        READER.request(RawOptions(prompt="a", size=typed))
    assert refused.value.params["choices"] == "128x128, 96x128, 128x96"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"prompt": " \n"}, PromptEmpty),
        ({"prompt": "\u200b\u2060"}, PromptEmpty),
        ({"prompt": "\0"}, PromptEmpty),
        ({"prompt": "a" * 401}, PromptTooLong),
        ({"negative": "a" * 401}, PromptTooLong),
        ({"variant": "flux9"}, VariantUnknown),
        ({"count": 0}, CountInvalid),
        ({"count": 99}, CountInvalid),
        ({"count": -1}, CountInvalid),
        ({"count": 10**12}, CountInvalid),
        ({"seed": "abc"}, SeedInvalid),
        ({"seed": "-1"}, SeedInvalid),
        ({"seed": "1.5"}, SeedInvalid),
        ({"seed": "1_000"}, SeedInvalid),
        ({"seed": str(SEED_LIMIT)}, SeedInvalid),
        ({"seed": "9" * 5000}, SeedInvalid),
        ({"steps": 0}, StepsInvalid),
        ({"steps": 31}, StepsInvalid),
        ({"guidance": 0.0}, GuidanceInvalid),
        ({"guidance": float("nan")}, GuidanceInvalid),
        ({"size": "99999x99999"}, SizeOutside),
        ({"size": "80x128"}, SizeOutside),
        ({"size": "16:9"}, SizeOutside),
    ],
)
def test_what_cannot_be_drawn_is_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        READER.request(RawOptions(**{"prompt": "a", **options}))


def test_a_negative_prompt_is_refused_where_the_variant_has_none() -> None:
    plain = Reader(Catalog([replace(CATALOG.default, negative=False)]), WORDS)
    with pytest.raises(NegativeUnsupported):
        plain.request(RawOptions(prompt="a", negative="b"))


def test_given_seeds_count_on_and_wrap_around() -> None:
    assert seeds("7", 3) == (7, 8, 9)
    assert seeds(str(SEED_LIMIT - 1), 2) == (SEED_LIMIT - 1, 0)
    assert seeds(" ７ ", 1) == (7,)
    assert seeds("0", 1) == (0,)


def test_seeds_left_out_are_random_for_each_picture() -> None:
    drawn = {seed for _ in range(50) for seed in seeds("", 4)}
    assert len(drawn) > 190
    assert all(0 <= seed < SEED_LIMIT for seed in drawn)


def test_what_no_database_can_hold_is_left_out() -> None:
    assert READER.request(RawOptions(prompt="a\0b\ud800c\nd")).prompt == "abc\nd"


@given(st.text(max_size=400), st.text(max_size=20), st.text(max_size=20))
def test_any_text_gives_a_storable_request_or_a_refusal(prompt: str, size: str, seed: str) -> None:
    try:
        request = READER.request(RawOptions(prompt=prompt, size=size, seed=seed))
    except RequestRefused:
        return
    request.prompt.encode()
    CATALOG.default.check(request)


def test_a_remix_with_the_seed_left_as_it_was_keeps_every_seed() -> None:
    parent = replace(READER.request(RawOptions(prompt="a", count=2)), seeds=(7, 999))
    fields = RemixFields(prompt="b", negative="", size="128x128", seed="7")
    assert READER.remixed(parent, fields).seeds == (7, 999)
    assert READER.remixed(parent, replace(fields, seed="8")).seeds == (8, 9)
    assert set(READER.remixed(parent, replace(fields, seed="")).seeds) != {7, 999}


def test_a_repeat_is_checked_against_what_the_variant_allows_today() -> None:
    parent = replace(READER.request(RawOptions(prompt="a")), steps=31)
    with pytest.raises(StepsInvalid):
        READER.repeated(parent)
    with pytest.raises(VariantUnknown):
        READER.rerolled(replace(parent, variant="retired"))

"""What a member has kept counts where they typed nothing and the variant can take it."""

from dataclasses import replace
from typing import Any

import pytest

from bot.i18n import Texts
from bot.wishes import filling
from bot.wishes.options import RawOptions, Reader
from bot.wishes.sizes import size_words
from engine.variants.catalog import Catalog

CATALOG = Catalog.load(["starter", "starter-lightning"])
STARTER, LIGHTNING = (CATALOG[name] for name in CATALOG.names)
READER = Reader(CATALOG, size_words(Texts()))


def fill(kept: dict[str, Any], variant: Any = STARTER, **typed: Any) -> Any:
    raw = RawOptions(**{"prompt": "a cat", **typed})
    return filling.with_rest(READER, raw, kept, variant)


def test_what_is_typed_counts_more() -> None:
    kept = {"size": "portrait", "count": 3, "negative": "blur", "spoiler": True}
    raw, missing = fill(kept, size="square", count=1, spoiler=False)
    assert (raw.size, raw.count, raw.negative, raw.spoiler) == ("square", 1, "blur", False)
    assert missing == ()


def test_an_option_of_blanks_is_one_left_out() -> None:
    assert fill({"size": "portrait"}, size="  ")[0].size == "portrait"


def test_what_the_variant_cannot_take_is_left_out_and_named() -> None:
    kept = {"size": "9999x9999", "negative": "blur", "steps": 12, "variant": "starter", "count": 99}
    raw, missing = fill(kept, LIGHTNING)
    assert (raw.size, raw.negative, raw.steps) == (None, None, None)
    assert raw.count == LIGHTNING.max_count
    assert missing == ("variant", "size", "negative", "steps")
    assert READER.draft(replace(raw, variant=LIGHTNING.name))


def test_a_kept_guidance_decides_whether_a_negative_prompt_is_heard() -> None:
    low = {"guidance": 1.0, "negative": "blur"}
    assert fill(low)[1] == ("negative",)
    assert fill(low, guidance=3.0)[0].negative == "blur"
    assert READER.draft(fill(low)[0])


def test_steps_of_another_variant_mean_nothing_here() -> None:
    assert fill({"variant": "other", "steps": 8})[1] == ("variant", "steps")
    assert fill({"steps": 8})[0].steps == 8


@pytest.mark.parametrize(
    ("style", "prompt", "styled"),
    [
        ("watercolor", "a cat", "a cat, watercolor"),
        ("{prompt} as a stamp", "a cat", "a cat as a stamp"),
        ("水彩", "一只猫", "一只猫，水彩"),
        ("{prompt}，水彩", "一只猫", "一只猫，水彩"),
        ("{prompt} and {prompt}", "a cat", "a cat and a cat"),
        ("{0} {price} %s", "a cat", "a cat, {0} {price} %s"),
        ("{prompt}", "a {prompt} in it", "a {prompt} in it"),
        ("watercolor", "\u200b \u3164", "\u200b \u3164"),
        ("", "a cat", "a cat"),
        (None, "a cat", "a cat"),
    ],
)
def test_a_style_takes_the_prompt_in(style: str | None, prompt: str, styled: str) -> None:
    assert filling.styled(prompt, style) == styled


def test_a_variant_that_may_not_be_used_is_passed_over() -> None:
    raw = RawOptions(prompt="a cat")
    kept = {"variant": "starter-lightning"}
    assert filling.with_variant(raw, kept, lambda _: True).variant == "starter-lightning"
    assert filling.with_variant(raw, kept, lambda _: False).variant is None
    named = replace(raw, variant="starter")
    assert filling.with_variant(named, kept, lambda _: True).variant == "starter"

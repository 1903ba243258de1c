"""Sizes as members type them: what is drawn for them is allowed, near, and said."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.imagine import size_choices
from bot.errors import SizeOutside, SizeUnoffered, SizeUnreadable
from bot.i18n import Texts
from bot.wishes import sizes
from bot.wishes.options import RawOptions, Reader
from bot.wishes.sizes import MOST_SKEW, Size, skew
from engine.errors import RequestRefused
from engine.variants.catalog import VARIANTS, Catalog, Variant

TEXTS = Texts()
WORDS = sizes.size_words(TEXTS)
CATALOG = Catalog.load(sorted(path.stem for path in VARIANTS.glob("*.toml")))
EVERY = [CATALOG[name] for name in CATALOG.names]
FREE = [variant for variant in EVERY if not variant.sizes.presets_only]
FLUX, QWEN, STARTER, ULTRA = (
    CATALOG[name] for name in ("flux2-dev", "qwen-image", "starter", "bfl-flux1-ultra")
)


def parse(text: str, variant: Variant = FLUX) -> Size:
    return sizes.parse(text, variant, WORDS)


@pytest.mark.parametrize(
    ("typed", "variant", "drawn"),
    [
        ("1000x1000", FLUX, Size(1008, 1008, "1000×1000")),
        ("1920x1080", FLUX, Size(1920, 1088, "1920×1080")),
        ("1024x1024", FLUX, Size(1024, 1024)),
        ("2048×2048px", FLUX, Size(2048, 2048)),
        ("１０２４＊７６８像素", FLUX, Size(1024, 768)),
        ("2060x1000", FLUX, Size(2048, 992, "2060×1000")),
        ("250x1000", FLUX, Size(256, 1008, "250×1000")),
        ("100x100", STARTER, Size(96, 96, "100×100")),
        ("1455x1455", CATALOG["flux1-dev"], Size(1440, 1440, "1455×1455")),
        ("2048x2048", ULTRA, Size(2048, 2048)),
        ("2752x1536", ULTRA, Size(2752, 1536)),
    ],
)
def test_pixels_go_to_the_nearest_size_that_is_drawn(
    typed: str, variant: Variant, drawn: Size
) -> None:
    assert parse(typed, variant) == drawn


@pytest.mark.parametrize(
    ("typed", "variant", "drawn"),
    [
        ("1:1", QWEN, (1328, 1328)),
        ("9:16", QWEN, (928, 1664)),
        ("16：9", QWEN, (1664, 928)),
        ("16比9", QWEN, (1664, 928)),
        ("3:2", QWEN, (1584, 1056)),
        ("16:9", ULTRA, (2752, 1536)),
        ("21:9", FLUX, (1568, 672)),
        ("2.35:1", FLUX, (1584, 672)),
        ("7:8", STARTER, (112, 128)),
        ("手机壁纸", QWEN, (928, 1664)),
        ("手機桌布", FLUX, (720, 1280)),
        ("Phone wallpaper", FLUX, (720, 1280)),
        ("宽屏", FLUX, (1280, 720)),
        ("带鱼屏", FLUX, (1568, 672)),
        ("cinema", FLUX, (1568, 672)),
        ("方形", STARTER, (128, 128)),
        ("橫圖", STARTER, (128, 96)),
    ],
)
def test_a_shape_gives_the_preset_or_the_size_closest_to_the_default(
    typed: str, variant: Variant, drawn: tuple[int, int]
) -> None:
    assert parse(typed, variant) == Size(*drawn)


def test_a_shape_that_is_only_nearly_met_is_said() -> None:
    assert parse("10:9", STARTER) == Size(128, 112, "10:9")
    assert parse("8:7", STARTER) == Size(128, 112)


@pytest.mark.parametrize(
    "typed", ["20000x20000", "3x3", "0x0", "144x144", "21:9", "1:9999", "宽屏"]
)
def test_what_no_rounding_meets_is_refused_with_the_bounds(typed: str) -> None:
    with pytest.raises(SizeOutside) as refused:
        parse(typed, STARTER)
    bounds = {"least": 96, "most": 128, "multiple": 16, "pixels": 16384}
    assert bounds.items() <= refused.value.params.items()
    for words in TEXTS.words.values():
        said = words.error(refused.value)
        assert all(part in said for part in ("96", "128", "16,384"))


@pytest.mark.parametrize("typed", ["2000x2000", "21:9", "cinema"])
def test_a_variant_of_presets_says_which(typed: str) -> None:
    with pytest.raises(SizeUnoffered) as refused:
        parse(typed, ULTRA)
    assert "2048x2048" in str(refused.value.params["choices"])


@pytest.mark.parametrize("typed", ["huge", "96x", "-96x128", "0:9", "9:0", "0:0", "1024", "1:2:3"])
def test_what_is_no_size_is_refused(typed: str) -> None:
    with pytest.raises(SizeUnreadable):
        parse(typed)


SIDES = st.integers(0, 5000)


@given(st.sampled_from(EVERY), SIDES, SIDES)
def test_pixels_are_allowed_and_move_less_than_a_multiple(
    variant: Variant, width: int, height: int
) -> None:
    try:
        drawn = parse(f"{width}x{height}", variant)
    except RequestRefused:
        assert not near(variant, width, height)
        return
    assert variant.sizes.allows(drawn.width, drawn.height)
    assert abs(drawn.width - width) < variant.sizes.multiple
    assert abs(drawn.height - height) < variant.sizes.multiple
    assert bool(drawn.typed) == ((drawn.width, drawn.height) != (width, height))


def near(variant: Variant, width: int, height: int) -> bool:
    """Look at every pixel size less than a multiple away: is one of them drawn?"""
    step = variant.sizes.multiple
    sides = [
        [s for s in range(side - step + 1, side + step) if s % step == 0]
        for side in (width, height)
    ]
    return any(
        variant.sizes.allows(*size) and math.prod(size) <= sizes.FREE_PIXELS
        for size in product(*sides)
        if not variant.sizes.presets_only
    )


@given(st.sampled_from(FREE), st.integers(1, 30), st.integers(1, 30))
def test_a_ratio_keeps_its_shape_and_about_its_pixels(
    variant: Variant, width: int, height: int
) -> None:
    try:
        drawn = parse(f"{width}:{height}", variant)
    except SizeOutside:
        return
    size = (drawn.width, drawn.height)
    assert variant.sizes.allows(*size)
    assert skew(size, width / height) <= MOST_SKEW
    assert bool(drawn.typed) == (skew(size, width / height) > sizes.ALIKE)


@given(st.sampled_from(FREE), st.floats(0.4, 2.5))
def test_usual_shapes_have_about_the_pixels_of_the_default(variant: Variant, ratio: float) -> None:
    try:
        drawn = parse(f"{ratio:.3f}:1", variant)
    except SizeOutside:
        assert variant.sizes.most_side / variant.sizes.least_side < 4
        return
    share = drawn.width * drawn.height / math.prod(variant.sizes.default)
    assert 0.55 <= share <= 1.25


@given(st.sampled_from(EVERY), st.text(max_size=20))
def test_whatever_is_typed_is_drawn_or_refused(variant: Variant, typed: str) -> None:
    try:
        request = (
            Reader(Catalog([variant]), WORDS).draft(RawOptions(prompt="a", size=typed)).request
        )
    except RequestRefused:
        return
    variant.check(request)


def offered(typed: str, variant: Variant = FLUX, locale: str = "en-US") -> list[tuple[str, str]]:
    choices = size_choices(TEXTS.of(locale), variant, typed, WORDS)
    return [(choice.name, choice.value) for choice in choices]


def test_what_is_typed_is_offered_as_it_would_be_drawn() -> None:
    assert offered("1000x1000")[0] == ("1000x1000 → 1008×1008", "1000x1000")
    assert offered("21:9")[0] == ("21:9 → 1568×672", "21:9")
    assert offered("1024x768")[0] == ("1024×768", "1024x768")
    assert ("Square · 1024×1024", "square") in offered("1000x1000")
    assert offered("20000x20000") == offered("")


def test_a_name_in_any_language_offers_its_preset() -> None:
    assert offered("手机壁纸", QWEN, "zh-CN") == [("竖屏（手机） · 928×1664", "tall")]
    assert offered("橫", STARTER, "zh-TW") == [("橫式 · 128×96", "landscape")]

"""How wishes are said."""

import random

import pytest

from starter.catalog import Language, load_catalog
from starter.prompts import Speaker, load_speaker
from starter.wishes import Relation, Style, Wish


@pytest.fixture(scope="module")
def speaker() -> Speaker:
    return load_speaker(load_catalog())


def _index(speaker: Speaker, key: str) -> int:
    return next(i for i, thing in enumerate(speaker.catalog.things) if thing.key == key)


def test_a_plain_wish_reads_like_a_person_wrote_it(speaker: Speaker) -> None:
    panda_on_red = Wish(0, 0)
    assert speaker.plain(panda_on_red, Language.EN, 0) == "a panda on a red background"
    assert speaker.plain(panda_on_red, Language.ZH, 0) == "红色背景上的熊猫"
    assert speaker.plain(panda_on_red, Language.ZH, 1) == "一只熊猫，红色背景"
    assert speaker.plain(panda_on_red, Language.TW, 1) == "一隻熊貓，紅色背景"


@pytest.mark.parametrize(
    ("key", "background", "said"),
    [
        ("apple", 1, "an apple on an orange background"),
        ("unicorn", 0, "a unicorn on a red background"),
        ("hourglass", 0, "an hourglass on a red background"),
        ("fries", 0, "fries on a red background"),
    ],
)
def test_articles_are_right(speaker: Speaker, key: str, background: int, said: str) -> None:
    assert speaker.plain(Wish(_index(speaker, key), background), Language.EN, 0) == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (Language.EN, "three wolves on a red background"),
        (Language.ZH, "三只狼，红色背景"),
        (Language.TW, "三隻狼，紅色背景"),
    ],
)
def test_several_are_counted(speaker: Speaker, language: Language, said: str) -> None:
    assert speaker.plain(Wish(_index(speaker, "wolf"), 0, count=3), language, 0) == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (Language.EN, "a panda above a cat on a red background"),
        (Language.ZH, "熊猫在猫的上面，红色背景"),
        (Language.TW, "熊貓在貓的上面，紅色背景"),
    ],
)
def test_two_things_are_related(speaker: Speaker, language: Language, said: str) -> None:
    wish = Wish(0, 0, other=_index(speaker, "cat"), relation=Relation.ABOVE)
    assert speaker.plain(wish, language, 0) == said


def test_a_style_is_said_on_top(speaker: Speaker) -> None:
    wish = Wish(0, 0, style=Style.PIXEL)
    assert speaker.plain(wish, Language.EN, 0) == "a panda on a red background, pixel art"
    assert speaker.plain(wish, Language.ZH, 0) == "红色背景上的熊猫，像素风"


WISHES = (
    Wish(3, 4),
    Wish(3, None),
    Wish(None, 4),
    Wish(None, None),
    Wish(5, 1, count=4),
    Wish(5, None, count=2),
    *(Wish(8, 2, other=9, relation=relation) for relation in Relation),
    *(Wish(8, 2, style=style) for style in Style),
)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("wish", WISHES)
def test_every_kind_of_wish_can_be_said_with_nothing_left_unfilled(
    speaker: Speaker, language: Language, wish: Wish
) -> None:
    rng = random.Random(0)
    for _ in range(60):
        said = speaker.spoken(wish, language, rng)
        assert not set("{}\x00") & set(said), said


def test_the_same_dice_say_the_same(speaker: Speaker) -> None:
    first = [speaker.spoken(Wish(1, 2), Language.ZH, random.Random(s)) for s in range(20)]
    again = [speaker.spoken(Wish(1, 2), Language.ZH, random.Random(s)) for s in range(20)]
    assert first == again
    assert len(set(first)) > 5

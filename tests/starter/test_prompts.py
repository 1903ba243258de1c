"""How wishes are said."""

import random

import pytest

from starter.catalog import Language, load_catalog
from starter.prompts import Speaker, Wish, load_speaker


@pytest.fixture(scope="module")
def speaker() -> Speaker:
    return load_speaker(load_catalog())


def test_a_plain_wish_reads_like_a_person_wrote_it(speaker: Speaker) -> None:
    panda_on_red = Wish(0, 0)
    assert speaker.plain(panda_on_red, Language.EN, 0) == "a panda on a red background"
    assert speaker.plain(panda_on_red, Language.ZH, 0) == "红色背景上的熊猫"
    assert speaker.plain(panda_on_red, Language.ZH, 1) == "一只熊猫，红色背景"
    assert speaker.plain(panda_on_red, Language.TW, 1) == "一隻熊貓，紅色背景"


def test_vowels_take_their_article(speaker: Speaker) -> None:
    apple = next(i for i, thing in enumerate(speaker.catalog.things) if thing.key == "apple")
    assert speaker.plain(Wish(apple, 1), Language.EN, 0) == "an apple on an orange background"


@pytest.mark.parametrize("language", list(Language))
def test_every_kind_of_wish_can_be_said_with_nothing_left_unfilled(
    speaker: Speaker, language: Language
) -> None:
    rng = random.Random(0)
    for wish in (Wish(3, 4), Wish(3, None), Wish(None, 4), Wish(None, None)):
        for _ in range(50):
            assert "{" not in speaker.spoken(wish, language, rng)


def test_the_same_dice_say_the_same(speaker: Speaker) -> None:
    first = [speaker.spoken(Wish(1, 2), Language.ZH, random.Random(s)) for s in range(20)]
    again = [speaker.spoken(Wish(1, 2), Language.ZH, random.Random(s)) for s in range(20)]
    assert first == again
    assert len(set(first)) > 5

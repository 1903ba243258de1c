"""What counts as a thing that a small model has learnt, in the spellings members use."""

import tomllib
from pathlib import Path

import inflect
import pytest

from engine.variants.catalog import PROJECT, VARIANTS, Catalog, Variant
from engine.variants.vocabulary import LANGUAGES, Vocabulary, VocabularyUnreadable
from starter.catalog import Language, load_catalog
from starter.prompts import load_speaker
from starter.wishes import Relation, Style, Wish
from tests.engine import toys

THINGS = {
    "cat": {"en": ["cat", "kitty"], "zh": ["猫"], "tw": ["貓"]},
    "wolf": {"en": ["wolf"], "zh": ["狼"], "tw": ["狼"]},
    "hot_dog": {"en": ["hot dog"], "zh": ["热狗"], "tw": ["熱狗"]},
    "t_shirt": {"en": ["t-shirt"], "zh": ["T恤"], "tw": ["T恤"]},
    "ufo": {"en": ["flying saucer"], "zh": ["飞碟", "UFO"], "tw": ["飛碟", "UFO"]},
    "box": {"en": ["box"], "zh": ["盒子"], "tw": ["盒子"]},
    "jalapeno": {"en": ["jalapeño"], "zh": ["辣椒"], "tw": ["辣椒"]},
}
COLOURS = [
    {"en": ["red"], "zh": ["红色", "红"], "tw": ["紅色", "紅"]},
    {"en": ["sky blue"], "zh": ["天蓝色"], "tw": ["天藍色"]},
]
SHIPPED = sorted(path.stem for path in VARIANTS.glob("*.toml"))


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary(THINGS, COLOURS, ["hot_dog"])


@pytest.mark.parametrize(
    "prompt",
    [
        "a cat",
        "CAT!",
        "the cat's whiskers",
        "two kitties",
        "a pack of wolves, seen from above",
        "boxes",
        "Hot  Dogs",
        "a hot-dog_stand",
        "ＴＨＥ　ＣＡＴ",
        "A Jalapen\u0303o",
        "画一只cat在睡觉",
        "紅色背景上的貓",
        "一只戴帽子的小猫咪",
        "白色的t恤",
        "t-shirts",
        "天上有ufo",
        "狼人",
    ],
)
def test_a_thing_is_known_by_any_name_in_any_spelling(vocabulary: Vocabulary, prompt: str) -> None:
    assert vocabulary.knows(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "a scattered category of catapults",
        "a cate",
        "a hot day, a dog",
        "wolfram",
        "buffoon",
        "a shirt",
        "大教堂",
        "外星人入侵",
        "surprise me",
        "a red submarine",
        "红色的潜水艇",
        "🐈",
        "2077",
        "кошка",
    ],
)
def test_what_names_nothing_of_it_is_unknown(vocabulary: Vocabulary, prompt: str) -> None:
    assert not vocabulary.knows(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        " \n",
        "!?",
        "red",
        "a plain red background",
        "Sky blue.",
        "红色背景",
        "淺紅色的背景，天藍色",
    ],
)
def test_where_only_a_colour_is_asked_for_there_is_nothing_to_say(
    vocabulary: Vocabulary, prompt: str
) -> None:
    assert vocabulary.knows(prompt)


def test_it_tells_of_a_few_things_in_each_language_the_best_first(vocabulary: Vocabulary) -> None:
    assert len(vocabulary) == len(THINGS)
    assert vocabulary.examples("en", 3) == ("hot dog", "cat", "wolf")
    assert vocabulary.examples("zh", 2) == ("热狗", "猫")
    assert vocabulary.examples("tw", 99) == ("熱狗", "貓", "狼", "T恤", "飛碟", "盒子", "辣椒")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_variant_knows_all_its_names_alone_and_in_the_plural(name: str) -> None:
    variant = Catalog.load([name]).default
    table = tomllib.loads((VARIANTS / f"{name}.toml").read_text()).get("vocabulary")
    assert (variant.vocabulary is None) == (table is None)
    if variant.vocabulary is None:
        return
    things = tomllib.loads((PROJECT / table["file"]).read_text(encoding="utf-8"))["things"]
    assert len(variant.vocabulary) == len(things)
    assert len(variant.vocabulary.examples("en", 3)) == 3
    names = [one for thing in things.values() for spoken in LANGUAGES for one in thing[spoken]]
    words = inflect.engine()
    countable = [one for thing in things.values() if not thing.get("bare") for one in thing["en"]]
    several = [str(words.plural_noun(one)) for one in countable if not words.singular_noun(one)]
    unknown = {one for one in names + several if not variant.vocabulary.knows(one)}
    assert unknown <= {"monies"}


def test_the_starter_is_not_asked_for_what_it_never_saw() -> None:
    vocabulary = Catalog.load(["starter"]).default.vocabulary
    assert vocabulary
    strange = [
        "a sewing machine",
        "a lighthouse at dusk",
        "一台缝纫机",
        "潛水艇",
        "the Battle of Rome",
    ]
    assert not [prompt for prompt in strange if vocabulary.knows(prompt)]


@pytest.mark.parametrize("name", ["starter", "starter-lightning"])
def test_a_starter_knows_its_things_in_the_words_it_learnt_and_says_so_of_others(name: str) -> None:
    vocabulary = Catalog.load([name]).default.vocabulary
    assert vocabulary
    plain = [
        "a cute panda on a red background",
        "Draw 3 wolves, best quality!",
        "a castle on pink, pixel art",
        "请帮我画一只可爱的小猫",
        "我想要一只大猫",
        "紅色背景上的貓熊，線稿",
        "一隻貓和一隻狗",
        "🐼 panda",
        "画一个 rocket，蓝色背景",
    ]
    adorned = [
        "a panda riding a bicycle",
        "a cat, cinematic lighting",
        "draw me a cat please",
        "一只戴帽子的熊猫在海边",
        "夕阳下的城堡",
        "貓，水彩風格",
    ]
    assert not [prompt for prompt in plain if not vocabulary.knows(prompt)]
    assert not [prompt for prompt in adorned if vocabulary.knows(prompt)]


def test_the_starter_knows_each_sentence_that_it_was_taught_in() -> None:
    vocabulary = Catalog.load(["starter"]).default.vocabulary
    assert vocabulary
    speaker = load_speaker(load_catalog())
    wishes = [
        *(Wish(thing, 3) for thing in range(0, 270, 30)),
        *(Wish(4, 5, count=count, style=style) for count in (1, 3) for style in Style),
        *(Wish(8, 2, other=20, relation=relation) for relation in Relation),
    ]
    said = {
        speaker.plain(wish, language, phrasing)
        for wish in wishes
        for language in (Language.EN, Language.ZH, Language.TW)
        for phrasing in range(20)
    }
    assert len(said) > 1000
    assert not [prompt for prompt in said if not vocabulary.knows(prompt)]


def test_a_variant_that_names_no_words_has_none() -> None:
    assert Catalog.load(["qwen-image"]).default.vocabulary is None


def with_words(file: Path, more: str = "") -> str:
    table = f'[vocabulary]\nfile = "{file.as_posix()}"\n{more}\n'
    return toys.VARIANT.format(weights="weights") + table


GOOD = '[things]\ncat = { en = ["cat"], zh = ["猫"], tw = ["貓"] }\n'


def test_a_host_may_name_words_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "words.toml"
    file.write_text(GOOD, encoding="utf-8")
    mine = Variant.from_toml("mine", with_words(file))
    plain = Variant.from_toml("mine", toys.VARIANT.format(weights="weights"))
    assert mine.vocabulary
    assert mine.vocabulary.knows("我的猫")
    assert mine.digest == plain.digest


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (None, ""),
        ("no toml", ""),
        ("", ""),
        ("[things]", ""),
        ("things = 3", ""),
        ('[things]\ncat = { en = ["cat"], zh = ["猫"] }', ""),
        ('[things]\ncat = { en = ["cat"], zh = [], tw = ["貓"] }', ""),
        (GOOD, 'examples = ["dog"]'),
        (GOOD, 'phrasings = "no/such.toml"'),
    ],
)
def test_words_that_cannot_be_read_end_the_start_and_name_the_file(
    tmp_path: Path, words: str | None, more: str
) -> None:
    file = tmp_path / "words.toml"
    if words is not None:
        file.write_text(words, encoding="utf-8")
    with pytest.raises(VocabularyUnreadable, match=r"words\.toml"):
        Variant.from_toml("odd", with_words(file, more))


def test_an_unknown_key_is_told_as_in_the_rest_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        Variant.from_toml("odd", with_words(tmp_path / "words.toml", "colour = 1"))

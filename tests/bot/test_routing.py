"""Which language a prompt is in, whether it asks for Chinese lettering, and who can do both."""

from dataclasses import replace

import pytest

from bot.i18n import Texts
from bot.wishes import routing
from bot.wishes.routing import Lack, advise, lacking
from engine.variants.bounds import Accepts
from engine.variants.catalog import Catalog

READING, WRITING = frozenset({Lack.READING}), frozenset({Lack.WRITING})
BOTH = READING | WRITING
CATALOG = Catalog.load(
    ["starter", "flux1-schnell", "flux1-dev", "flux2-klein-4b", "qwen-image", "z-image-turbo"]
)
SCHNELL, KLEIN, STARTER = (CATALOG[name] for name in ("flux1-schnell", "flux2-klein-4b", "starter"))
EVERY = set(CATALOG.names)

PROMPTS = [
    # prompt, its language, whether it asks for Chinese lettering
    ("a red panda on a hill", "en", False),
    ("红色背景上的熊猫", "zh", False),
    ("紅色背景上的貓熊", "zh", False),
    ("红色背景上的 red panda", "zh", False),
    ("一只 cat，在草地上 playing", "zh", False),
    ("a panda 熊猫 on a red background", "en", False),
    ("panda 熊猫", "en", False),
    ("an ink painting, 水墨画", "en", False),
    ("un chat rouge", "en", False),
    ("don't draw a 'cool' cat", "en", False),
    ('a sign that says "HELLO"', "en", False),
    ("写着“HELLO”的牌子", "zh", False),
    ('a sign that says "你好"', "en", True),
    ("a shop sign saying 你好", "en", True),
    ("a poster with the text: 新年快乐", "en", True),
    ("a card that reads 生日快乐", "en", True),
    ("she is reading 红楼梦 in the garden", "en", False),
    ("写着“你好”的牌子", "zh", True),
    ("寫著「你好」的牌子", "zh", True),
    ("招牌上写着你好", "zh", True),
    ("海报，标题：新年快乐", "zh", True),
    ("新年快乐字样的灯笼", "zh", True),
    ("『福』", "zh", True),
    ("一张海报，‘开业大吉’", "zh", True),
    ("it's a 'red' 熊猫, the panda's best", "en", False),
    ("没有文字的海报", "zh", False),
    ("她在写字", "zh", False),
    ("《西游记》的插画", "zh", False),
    ("牌子上是“Hello 你好”", "zh", True),
    ("没关上的“引号", "zh", False),
    ("“红色背景上的熊猫”", "zh", True),
    ("赤い背景の上のパンダ", None, False),
    ("東京タワーの夜景、満開の桜", None, False),
    ("a sign saying 「東京タワーの夜景」", "en", False),
    ("「こんにちは」と書かれた看板", None, False),
    ("新鲜の水果摊，摆满了苹果和香蕉", "zh", False),
    ("尼古拉・特斯拉的肖像", "zh", False),
    ("빨간 판다", None, False),
    ("красная панда", None, False),
    ("🐼🎋✨", None, False),
    ("🐼 熊猫 🎋", "zh", False),
    ("123 456 !?", None, False),
    ("𠮷野家的牛肉饭", "zh", False),
]


@pytest.mark.parametrize(("prompt", "language", "lettering"), PROMPTS)
def test_a_prompt_is_read_by_its_scripts(
    prompt: str, language: str | None, lettering: bool
) -> None:
    assert routing.language_of(prompt) == language
    assert routing.asks_for_signs(prompt) is lettering


@pytest.mark.parametrize(
    ("prompt", "variant", "lacks"),
    [
        ("红色背景上的熊猫", "flux1-schnell", READING),
        ("写着“你好”的牌子", "flux1-schnell", BOTH),
        ('a sign that says "你好"', "flux1-schnell", WRITING),
        ('a sign that says "HELLO"', "flux1-schnell", frozenset()),
        ('a sign that says "HELLO"', "starter", frozenset()),
        ("写着“你好”的牌子", "flux2-klein-4b", WRITING),
        ("红色背景上的熊猫", "flux2-klein-4b", frozenset()),
        ("写着“你好”的牌子", "qwen-image", frozenset()),
        ("赤い背景の上のパンダ", "flux1-schnell", frozenset()),
    ],
)
def test_a_variant_lacks_what_its_file_does_not_name(
    prompt: str, variant: str, lacks: frozenset[Lack]
) -> None:
    assert lacking(prompt, CATALOG[variant]) == lacks


def test_the_best_lacks_least_and_then_costs_least() -> None:
    advice = advise("写着“你好”的牌子", SCHNELL, CATALOG, EVERY)
    assert advice
    assert (advice.variant, advice.language, advice.lacks) == ("flux1-schnell", "zh", BOTH)
    assert advice.better == ("z-image-turbo", "qwen-image", "starter", "flux2-klein-4b")
    only_read = advise("红色背景上的熊猫", SCHNELL, CATALOG, EVERY)
    assert only_read
    assert only_read.better[:2] == ("starter", "flux2-klein-4b")


def test_only_what_a_worker_draws_now_is_named() -> None:
    advice = advise("写着“你好”的牌子", SCHNELL, CATALOG, {"flux1-schnell", "qwen-image"})
    assert advice
    assert advice.better == ("qwen-image",)
    nobody = advise("写着“你好”的牌子", SCHNELL, CATALOG, {"flux1-schnell", "flux1-dev"})
    assert nobody
    assert nobody.better == ()
    elsewhere = advise("写着“你好”的牌子", SCHNELL, CATALOG, {"variant-of-another-bot"})
    assert elsewhere
    assert elsewhere.better == ()


def test_one_that_lacks_something_else_is_not_better() -> None:
    latin = replace(KLEIN, name="writes-only", languages=("en",), glyphs=("en", "zh"))
    advice = advise("写着“你好”的牌子", KLEIN, Catalog([KLEIN, latin]), {KLEIN.name, latin.name})
    assert advice
    assert advice.better == ()


def test_one_that_needs_a_picture_is_not_better() -> None:
    editor = replace(CATALOG["qwen-image"], name="editor", accepts=Accepts(least_references=1))
    catalog = Catalog([SCHNELL, editor])
    advice = advise("写着“你好”的牌子", SCHNELL, catalog, set(catalog.names))
    assert advice
    assert advice.better == ()


def test_whoever_can_do_it_all_needs_no_advice() -> None:
    assert advise("写着“你好”的牌子", CATALOG["qwen-image"], CATALOG, EVERY) is None
    assert advise("a red panda", SCHNELL, CATALOG, EVERY) is None


def test_a_variant_that_reads_only_chinese_lacks_english() -> None:
    chinese = replace(KLEIN, languages=("zh",))
    assert lacking("a red panda", chinese) == READING
    assert lacking("红色背景上的熊猫", chinese) == frozenset()


def test_a_variant_with_a_vocabulary_leaves_the_remark_to_its_hint() -> None:
    assert routing.remarks("写着“你好”的牌子", STARTER) == {}
    told = {"variant": "flux1-schnell", "language": "zh"}
    assert routing.remarks("写着“你好”的牌子", SCHNELL) == {"reading": told, "writing": told}


@pytest.mark.parametrize("locale", sorted(Texts().words))
def test_every_lack_has_its_texts(locale: str) -> None:
    texts = Texts().of(locale).texts
    assert {f"{part}.{lack}" for part in ("routing", "remarks") for lack in Lack} <= set(texts)

"""/variants: every switched-on variant, what it can do and costs, in pages that Discord takes."""

from dataclasses import replace
from typing import Any

import pytest

from bot.cards import host_card, variant_list
from bot.i18n import Texts
from engine.variants.catalog import VARIANTS, Catalog, Licence
from store.host import overview, workers
from tests.bot.messages import parts, presses, text
from tests.bot.stage import Stage

TEXTS = Texts()
EVERY = sorted(path.stem for path in VARIANTS.glob("*.toml"))


@pytest.fixture
def catalog(request: pytest.FixtureRequest) -> Catalog:
    return Catalog.load(getattr(request, "param", ["starter", "flux1-dev", "qwen-image"]))


def entries(shown: str) -> list[str]:
    return shown.split("\n**")[1:]


async def test_it_lists_what_is_switched_on_to_the_member_alone(stage: Stage) -> None:
    with stage.database.begin() as session:
        workers.report(session, "w", ["starter"])
    shown = (await stage.alex.slash(stage.channel, "variants")).response
    assert shown.ephemeral
    starter, dev, qwen = entries(text(shown).replace("\\", ""))
    for part in (
        "Starter** · default",
        "Small and quick",
        "🟢 Ready · price 1",
        "Reads English, Chinese · writes no text in pictures",
        "96 to 128 pixels a side in steps of 16, 16,384 in all",
        "1 to 30 steps · guidance 1 to 8 · keeps to a seed",
        "licence Apache-2.0",
    ):
        assert part in starter
    assert "Non-commercial" not in starter
    assert "⚪ No machine is running it right now · price 8" in dev
    assert "Reads English · writes English in pictures" in dev
    assert "licence flux-1-dev-non-commercial-license\n🚫 **Non-commercial use only**" in dev
    assert "writes English, Chinese in pictures" in qwen
    assert not presses(shown)


@pytest.mark.parametrize(
    ("locale", "parts_"),
    [
        ("zh-CN", ["入门小模型", "默认", "读得懂英文、中文", "🟢 随时能画", "仅限非商业用途"]),
        ("zh-TW", ["入門小模型", "預設", "看得懂英文、中文", "🟢 現在就能畫", "僅限非商業使用"]),
    ],
)
async def test_it_speaks_the_members_language(stage: Stage, locale: str, parts_: list[str]) -> None:
    stage.speaks(stage.mei, locale)
    shown = text((await stage.mei.slash(stage.channel, "variants")).response)
    assert all(part in shown for part in parts_)


@pytest.mark.parametrize("catalog", [EVERY], indirect=True)
async def test_many_come_in_pages_that_turn_after_a_restart_too(stage: Stage) -> None:
    words = TEXTS.of("en-US")
    shown = (await stage.alex.slash(stage.channel, "variants")).response
    pages = [text(shown)]
    while not (more := turns(shown)["More ▶"]).get("disabled"):
        await stage.restart()
        await stage.alex.click(shown, custom_id=more["custom_id"])
        pages.append(text(shown))
    assert len(pages) > 1
    listed = "\n".join(pages).replace("\\", "")
    for name in EVERY:
        assert listed.count(f"**{words.name(f'variants.{name}', name)}**") == 1
    await stage.alex.click(shown, custom_id=turns(shown)["◀ Back"]["custom_id"])
    assert text(shown) == pages[-2]


def turns(message: Any) -> dict[str, dict[str, Any]]:
    return {part["label"]: part for part in parts(message.components) if "label" in part}


@pytest.mark.parametrize("locale", sorted(TEXTS.words))
@pytest.mark.parametrize("copies", [1, 4])
def test_every_page_fits_into_a_message(locale: str, copies: int) -> None:
    words = TEXTS.of(locale)
    several = [
        replace(one, name=f"{name}-{copy}" if copy else name)
        for name in EVERY
        for one in [Catalog.load([name]).default]
        for copy in range(copies)
    ]
    catalog = Catalog(several)
    filled = variant_list.pages(words, catalog, dict.fromkeys(catalog.names, "away"))
    assert sum(map(len, filled)) == len(several)
    for page in range(len(filled)):
        view = variant_list.card(words, filled, page).view
        assert view.content_length() <= 4000
        assert view.total_children_count <= 40


async def test_the_host_reads_what_a_trainer_does_in_words(stage: Stage) -> None:
    with stage.database.begin() as session:
        workers.report(session, "t", [workers.trainer("starter")])
        seen = overview.read(session)
    for locale, said in (("en-US", "Starter (trains LoRAs)"), ("zh-CN", "训练入门小模型的 LoRA")):
        assert said in host_card.status(TEXTS.of(locale), seen)


def test_a_hosts_own_variant_is_listed_under_its_plain_name() -> None:
    own = replace(
        Catalog.load(["starter"]).default,
        name="my_own*model",
        licence=Licence(name="Mine @everyone", commercial=False),
    )
    for words in TEXTS.words.values():
        entry = variant_list.described(words, own, "starter", "away")
        assert entry.startswith("**my\\_own\\*model**\n")
        assert "Mine \\@everyone" in entry
        assert words("variant_list.personal") in entry


@pytest.mark.parametrize("locale", sorted(TEXTS.words))
def test_every_variant_that_ships_says_what_it_is_good_for(locale: str) -> None:
    texts = TEXTS.of(locale).texts
    assert not [name for name in EVERY if not texts.get(f"good_for.{name}", "").strip()]

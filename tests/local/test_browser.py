"""Whole conversations, clicked and typed in a real browser, on the whole product.

Every request that the bot makes meanwhile is held against Discord's description where it is at
hand. Skipped where no Chromium is installed.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
import pytest_asyncio

from bot.i18n import Texts
from local.browser import DESKTOP, PHONE, Browser, BrowserFailed, Page, PageLeft, Screen
from local.conversation import Outcome
from local.errors import CannotSay
from local.folder import Folder
from local.founding import CHOSEN, found
from local.page import Playground
from tests import studio
from tests.local import openapi

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(Browser.installed() is None, reason="no Chromium is installed"),
]
MESSAGES = "document.querySelectorAll('#channel-message-list article')"
LAST = f"[...{MESSAGES}].at(-1)"
VIEWER = """(() => {
  const picker = document.querySelector('#viewer-picker');
  picker.value = [...picker.options].find((one) => one.textContent.includes(%r)).value;
  picker.dispatchEvent(new Event('change', {bubbles: true}));
})()"""
SEATED = """(() => {
  const picker = document.querySelector('#viewer-picker');
  return document.querySelector('.room-control')?.dataset.viewer === picker.value
    && picker.selectedOptions[0]?.textContent.includes(%r);
})()"""
ENTER = ("Enter", 13)


@dataclass(frozen=True)
class Theatre:
    product: studio.Studio
    browser: Browser
    playground: Playground
    folder: Folder

    async def seat(self, name: str, screen: Screen = DESKTOP, room: str = "studio") -> Page:
        page = await self.browser.page(self.playground.addresses()[room], screen)
        await page.until("document.querySelector('#viewer-picker')?.options.length > 1")
        await page.run(VIEWER % name)
        await page.send("Page.bringToFront")
        await page.until(SEATED % name)
        return page


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    spec = openapi.Spec() if openapi.DESCRIPTION.exists() else None
    folder = Folder(tmp_path_factory.mktemp("theatre"))
    async with (
        studio.opened(folder.path) as product,
        Playground(product.world) as playground,
        Browser() as browser,
    ):
        if spec:
            product.discord.rest.observers.append(spec.check)
        await found(product.world, folder.database_url)
        yield Theatre(product, browser, playground, folder)
    if spec:
        assert spec.violations == []
        assert spec.checked > 0


def button(label: str) -> str:
    named = f"[...document.querySelectorAll('button')].filter((b) => b.textContent === {label!r})"
    return f"{named}.at(-1)"


def entry(label: str) -> str:
    """Name an entry of the menu that is open, by the end of what stands in it."""
    entries = "[...document.querySelectorAll('.message-menu-item')]"
    return f"{entries}.find((one) => one.textContent.includes({label!r}))"


async def choose(page: Page, typed: str, name: str) -> None:
    """Type the beginning of a command until the list shows it: a page that has just opened may
    draw its composer anew under the typist's hands.
    """
    box = "document.querySelector('#channel-composer-input')"
    for _ in range(5):
        await page.run(f"{box}.value = ''")
        await page.click(box)
        await page.type(typed)
        with suppress(BrowserFailed):
            await page.until(f"document.body.innerText.includes({name!r})", 3)
            return
    raise BrowserFailed(f"no list of commands for {typed}")


async def pressed(page: Page, label: str, shown: str) -> None:
    """Click a button until something is shown: a card that has just come may still move."""
    for _ in range(4):
        await page.click(button(label))
        with suppress(BrowserFailed):
            await page.until(shown, 6)
            return
    raise BrowserFailed(f"nothing came of {label}")


def pictures(count: int) -> str:
    """Say that the newest message shows so many loaded pictures, and is at its end."""
    loaded = f"[...{LAST}.querySelectorAll('img.gallery-image')].filter((i) => i.naturalWidth)"
    return f"{MESSAGES}.length && {loaded}.length === {count} && !{LAST}.textContent.includes('%')"


async def test_a_page_that_loads_anew_while_it_is_asked_is_asked_again(theatre: Theatre) -> None:
    page = await theatre.seat("Alex")
    how = "performance.getEntriesByType('navigation')[0].type"
    late = f"new Promise((tell) => setTimeout(() => tell({how} === 'reload'), 600))"
    await page.run("void setTimeout(() => location.reload(), 200)")
    with pytest.raises(PageLeft):
        await page.run(late)
    await page.run("void setTimeout(() => location.reload(), 200)")
    assert await page.until(late) is True


@pytest.mark.parametrize(
    ("name", "locale", "typed", "prompt"),
    [("Alex", "en-US", "/ima", "a panda"), ("小满", "zh-CN", "/画", "一只熊猫")],
)
async def test_a_picture_is_asked_for_drawn_again_opened_and_remixed(
    theatre: Theatre, name: str, locale: str, typed: str, prompt: str
) -> None:
    words = Texts().of(locale)
    page = await theatre.seat(name)
    before = await page.run(f"{MESSAGES}.length")
    await choose(page, typed, f"/{words('imagine.name')}")
    await page.press(*ENTER)
    await page.until(f"document.body.innerText.includes({words('imagine.prompt_hint')!r})")
    await page.type(prompt)
    await page.click("document.querySelector('#send-message')")
    await page.until(f"{MESSAGES}.length === {before + 1} && {pictures(1)}", 60)
    await page.click(button(words("buttons.again")))
    await page.until(f"{LAST}.textContent.includes({words('comparison.identical')!r})", 60)
    await page.click(button(words("buttons.more")))
    await page.until(f"{LAST}.textContent.includes({words('buttons.original')!r})")
    typed_in = "[...document.querySelectorAll('.modal-dialog textarea')].map((one) => one.value)"
    await pressed(page, words("buttons.remix"), f"{typed_in}.includes({prompt!r})")
    shown = await page.run("document.querySelector('.modal-dialog').textContent")
    assert words("remix.title") in shown
    assert words("remix.seed") in shown


async def test_on_a_phone_nothing_is_wider_than_the_screen(theatre: Theatre) -> None:
    await theatre.product.say("/imagine prompt:a panda count:4")
    page = await theatre.seat("Alex", PHONE)
    await page.until(f"document.querySelector('#channel-message-list') && {pictures(4)}", 60)
    right = "(one) => one.getBoundingClientRect().right"
    widest = await page.run(f"Math.max(...[...{LAST}.querySelectorAll('*')].map({right}))")
    assert widest <= PHONE.width
    cut = "(one) => one.scrollWidth > one.clientWidth"
    assert not await page.run(f"[...{LAST}.querySelectorAll('button')].some({cut})")


async def test_what_is_reported_from_the_menu_of_a_message_comes_to_the_moderators_own_room(
    theatre: Theatre,
) -> None:
    words, morgans = Texts().of("zh-CN"), Texts().of("en-US")
    await theatre.product.say("/imagine prompt:a panda")
    phone = await theatre.seat("小满", PHONE)
    await phone.until(pictures(1), 60)
    assert "年" in await phone.run("document.querySelector('.timeline-day-divider').textContent")
    header = "document.querySelector('.message-interaction-header')?.textContent"
    await phone.until(f"{header}.includes('使用了')")
    await phone.run(VIEWER % "Alex")
    await phone.until(f"{header}.endsWith('used /imagine')")
    await phone.run(VIEWER % "小满")
    await phone.until(f"{header}.endsWith('使用了 /画图')")
    await phone.hold(f"{LAST}.querySelector('img')")
    await phone.click(entry("应用"))
    await phone.click(entry(words("menus.report")))
    await phone.click("document.querySelector('.modal-dialog textarea')")
    assert "取消提交" in await phone.run("document.querySelector('.modal-dialog').textContent")
    await phone.type("这是我画的")
    await phone.click("[...document.querySelectorAll('.modal-actions button')].at(-1)")
    await phone.until(f"{LAST}.textContent.includes({words('report.filed')!r})")
    room = await theatre.seat("Morgan", room="mods")
    await room.until(f"{LAST}?.textContent.includes('这是我画的')")
    await pressed(room, morgans("buttons.rwarn"), f"{LAST}.textContent.includes('@Morgan')")
    await room.run(VIEWER % "Robin")
    seen = await phone.run(
        "[...document.querySelectorAll('.room-control option')].map((o) => o.text)"
    )
    assert seen == ["#studio", "#after-dark", "@Reroll"]
    alex = await theatre.seat("Alex")
    inbox = (
        "[...document.querySelectorAll('.room-control option')].find((o) => o.text === '@Reroll')"
    )
    await alex.until(f"!!{inbox}")
    await alex.run(
        f"(() => {{ {inbox}.selected = true;"
        " document.querySelector('.room-control select').dispatchEvent(new Event('change')); })()"
    )
    await alex.until(f"{LAST}?.textContent.includes('⚠️')")


async def test_the_menu_of_a_message_is_gone_through_by_keys(theatre: Theatre) -> None:
    words = Texts().of("zh-TW")
    await theatre.product.say("/imagine prompt:a panda seed:7", "阿哲")
    page = await theatre.seat("阿哲")
    await page.until(pictures(1), 60)
    await page.click(f"{LAST}.querySelector('img')", button="right")
    await page.until(f"!!{entry('應用程式')}")
    focused = "document.activeElement?.textContent"
    for key, code in (("End", 35), ("ArrowRight", 39), ("ArrowLeft", 37), ("ArrowRight", 39)):
        await page.press(key, code)
    while not (await page.run(focused)).endswith(words("menus.recipe")):
        await page.press("ArrowDown", 40)
    await page.press(*ENTER)
    alone = f"{LAST}.textContent.includes('只有你看得到')"
    await page.until(f"{alone} && {LAST}.textContent.includes('a panda')")
    assert not await page.run("!!document.querySelector('.message-menu')")


async def test_the_host_has_set_the_server_up_once(theatre: Theatre) -> None:
    product = theatre.product
    await found(product.world, theatre.folder.database_url)
    log = await product.say("/settings audit", "Robin")
    robin = product.seat("Robin").actor.id
    assert log.states[-1].text.count(f"<@{robin}>") == len(CHOSEN)
    status = await product.say("/admin status", "Robin")
    assert Texts().of("en-US")("errors.host_needed") not in status.states[-1].text
    with pytest.raises(CannotSay, match="admin"):
        await product.say("/admin status", "Morgan")
    training = "/lora train name:mine trigger:sks"
    assert (await product.say(training)).outcome is Outcome.FORM
    assert (await product.say(training, "阿哲")).outcome is Outcome.WORDS


async def test_a_refusal_is_read_by_its_member_alone(theatre: Theatre) -> None:
    page = await theatre.seat("Alex")
    turn = await theatre.product.say("/imagine prompt:a panda size:huge")
    assert turn.states[-1].ephemeral
    await page.until(f"{LAST}?.textContent.includes('huge')")
    other = await theatre.seat("阿哲")
    await other.until("!document.body.innerText.includes('huge')")


AROUND = """[...document.querySelectorAll(
  '#toolbar, .sidebar-heading, .sidebar-search, .advanced-search, #inspector-panel'
)].filter((one) => one.checkVisibility()).map((one) => one.innerText).join(' ')"""
NAMES = (
    "SimCord Preview Reroll Alex Morgan Robin studio after dark "
    "window.simcordPreview.ready Python preview"
)
ENGLISH = f"({AROUND}.match(/[A-Za-z]{{3,}}/g) ?? []).filter((one) => !{NAMES!r}.includes(one))"


async def test_what_stands_around_a_conversation_speaks_the_language_of_who_looks(
    theatre: Theatre,
) -> None:
    await theatre.product.say("/imagine prompt:Search", "Morgan")
    page = await theatre.seat("Alex")
    await page.until(pictures(1), 60)
    await page.click("document.querySelector('#inspector-toggle')")
    await page.until(f"{AROUND}.includes('Recent activity') && {ENGLISH}.length > 20")
    for name, refresh, empty in (
        ("小满", "刷新", "还没有消息"),
        ("阿哲", "重新整理", "還沒有訊息"),
    ):
        await page.run(VIEWER % name)
        await page.until(f"{AROUND}.includes({refresh!r}) && !{ENGLISH}.length")
        await page.click("document.querySelector('#inspector-toggle')")
        await page.until(f"{AROUND}.includes('最近的操作') && !{ENGLISH}.length")
        await page.click("document.querySelector('#capture-open')")
        await page.until(f"{AROUND}.includes('window.') && !{ENGLISH}.length")
        assert "Search" in await page.run(f"{LAST}.querySelector('blockquote').textContent")
        quiet = await theatre.seat(name, room="after-dark")
        await quiet.until(f"document.querySelector('.channel-empty').innerText.includes({empty!r})")
        await page.send("Page.bringToFront")
    await page.run(VIEWER % "Alex")
    await page.until(f"{AROUND}.includes('Refresh preview') && !{AROUND}.includes('重新整理')")

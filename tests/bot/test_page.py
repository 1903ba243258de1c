"""The page: what everybody may see and nothing else, as text whatever was written."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr
from simcord.actors import MemberActor
from sqlalchemy import update

from bot.page.__main__ import site
from bot.page.settings import PageSettings
from bot.page.site import Site
from store.host import workers
from store.orders import generations
from store.pictures import showcase
from store.tables.orders import Generation, Image
from tests.bot.stage import Stage

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)> 一只熊猫 \"'&"
USER = web.AppKey("user", str)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass
class Page:
    """A browser without a window, before the page."""

    stage: Stage
    site: Site
    client: TestClient[Any, Any]
    discord_url: str

    async def get(self, path: str, status: int = 200, **headers: str) -> str:
        async with self.client.get(path, headers=headers, allow_redirects=False) as answer:
            assert answer.status == status, await answer.text()
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            return await answer.text(errors="replace")

    async def hang(self, member: MemberActor, **options: Any) -> str:
        """Draw something that then hangs in the showcase."""
        await self.stage.drawn(member, **options)
        made = self.stage.orders()[-1].id
        with self.stage.database.begin() as session:
            known = {"age_restricted": False}
            session.execute(update(Generation).where(Generation.id == made).values(**known))
            generation = generations.get(session, made)
            assert showcase.reserve(session, generation, 70)
            assert showcase.hung(session, made, 77)
        return made

    def change(self, made: str, **values: Any) -> None:
        with self.stage.database.begin() as session:
            session.execute(update(Generation).where(Generation.id == made).values(**values))


async def oauth(request: web.Request) -> web.Response:
    """Discord's part of a login."""
    if request.path.endswith("/token"):
        sent = await request.post()
        good = sent["code"] == "good" and sent["client_secret"] == "page-secret"
        return web.json_response({"access_token": "t"} if good else {}, status=200 if good else 401)
    assert request.headers["Authorization"] == "Bearer t"
    return web.json_response({"id": request.app[USER], "username": "alex", "global_name": None})


@pytest.fixture
async def page(stage: Stage, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Page]:
    discord = web.Application()
    discord[USER] = str(stage.alex.id)
    discord.router.add_route("*", "/api/v10/{path:.*}", oauth)
    async with TestServer(discord) as other:
        settings = PageSettings(
            database_url=SecretStr(sqlite_url),
            broker_url=SecretStr("redis://unused"),
            files_url=f"file://{tmp_path}/files",
            page_port=1,
            page_servers=str(stage.guild.id),
            page_url="http://page.test",
            page_client_id="42",
            page_client_secret=SecretStr("page-secret"),
            discord_api=str(other.make_url("")).rstrip("/"),
        )
        built = site(settings, stage.database)
        async with TestClient(TestServer(built.app())) as client:
            yield Page(stage, built, client, settings.discord_api)


async def test_what_hangs_is_shown_as_text_with_small_pictures(page: Page) -> None:
    made = await page.hang(page.stage.alex, prompt=HOSTILE)
    html = await page.get("/")
    assert "<script>" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;" in html
    assert made in html
    async with page.client.get(f"/picture/{made}/0") as answer:
        assert answer.content_type == "image/webp"
        assert (await answer.read())[:4] == b"RIFF"
    assert str(page.stage.alex.id) not in html


@pytest.mark.parametrize(
    "change",
    [
        {"age_restricted": True},
        {"age_restricted": None},
        {"spoiler": True},
        {"deleted_at": 1},
        {"guild_id": 999},
    ],
    ids=str,
)
async def test_what_is_not_for_everybody_is_nowhere(page: Page, change: dict[str, Any]) -> None:
    made = await page.hang(page.stage.alex)
    page.change(made, **change)
    assert made not in await page.get("/")
    await page.get(f"/picture/{made}/0", 404)


async def test_shy_members_reviewed_pictures_and_what_never_hung_are_nowhere(page: Page) -> None:
    hung = await page.hang(page.stage.alex)
    await page.stage.drawn(page.stage.mei)
    other = page.stage.orders()[-1].id
    assert hung in await page.get("/")
    assert other not in await page.get("/")
    await page.get(f"/picture/{other}/0", 404)
    with page.stage.database.begin() as session:
        session.execute(update(Image).where(Image.generation_id == hung).values(review="spoiler"))
    await page.get(f"/picture/{hung}/0", 404)
    with page.stage.database.begin() as session:
        showcase.set_shy(session, page.stage.guild.id, page.stage.alex.id, True)
    assert hung not in await page.get("/")


async def test_the_line_is_told_and_no_prompt(page: Page) -> None:
    await page.stage.imagine(page.stage.alex, prompt="a very private wish")
    with page.stage.database.begin() as session:
        workers.report(session, "trainer", [workers.trainer("starter")])  # which draws for nobody
    english = await page.get("/status")
    assert workers.trainer("starter") not in english
    assert "machine at work" in english
    assert "private" not in english
    chinese = await page.get("/status", **{"Accept-Language": "zh-TW,zh;q=0.9"})
    assert "台機器正在運作" in chinese
    assert 'lang="zh-TW"' in chinese


async def test_pages_that_do_not_exist_and_wild_addresses_are_told(page: Page) -> None:
    assert "nothing here" in await page.get("/wp-admin", 404)
    await page.get("/picture/x/0", 404)
    await page.get("/picture/%3Cscript%3E/0", 404)
    for wild in ("-1", "abc", "999999999999999999999", "9" * 5000, "１"):
        await page.get(f"/?page={wild}")


async def log_in(page: Page, code: str) -> None:
    async with page.client.get("/login", allow_redirects=False) as answer:
        away = answer.headers["Location"]
        assert away.startswith(f"{page.discord_url}/oauth2/authorize?")
        assert "scope=identify" in away
        assert "page-secret" not in away
    (state,) = re.findall(r"state=([\w-]+)", away)
    async with page.client.get(
        f"/callback?code={code}&state={state}", allow_redirects=False
    ) as back:
        assert back.status == 302


async def test_members_see_their_own_after_a_login_and_nobody_elses(page: Page) -> None:
    await page.stage.drawn(page.stage.alex, prompt="a panda of mine")
    mine = page.stage.orders()[-1].id
    await page.stage.drawn(page.stage.mei, prompt="a unicorn of hers")
    hers = page.stage.orders()[-1].id
    await page.get("/me", 302)
    await log_in(page, "good")
    html = await page.get("/me")
    assert "a panda of mine" in html
    assert "unicorn" not in html
    await page.get(f"/me/picture/{mine}/0")
    await page.get(f"/me/picture/{hers}/0", 404)
    async with page.client.post("/logout", allow_redirects=False) as out:
        assert out.status == 302
    await page.get(f"/me/picture/{mine}/0", 302)


async def test_a_login_that_is_forged_or_refused_is_none(page: Page) -> None:
    await log_in(page, "bad")
    await page.get("/me", 302)
    await page.get("/callback?code=good&state=guessed", 302)
    await page.get("/me", 302)
    page.client.session.cookie_jar.update_cookies({"reroll": "gAAAAAforged"})
    await page.get("/me", 302)


async def test_without_login_there_is_no_way_to_it(page: Page) -> None:
    page.site.settings.page_client_secret = SecretStr("")
    async with TestClient(TestServer(page.site.app())) as client:
        for path in ("/me", "/login", "/callback"):
            async with client.get(path, allow_redirects=False) as answer:
                assert answer.status == 404
        async with client.get("/") as answer:
            assert "Log in" not in await answer.text()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
async def test_in_a_browser_it_is_a_page_and_what_was_written_runs_nothing(
    page: Page, tmp_path: Path
) -> None:
    await page.hang(page.stage.alex, prompt=HOSTILE, count=4)
    await page.hang(page.stage.mei, prompt="a panda on a red background")
    url = str(page.client.make_url("/"))
    dom = await browsed(tmp_path, "--dump-dom", url)
    assert "<title>Reroll: pictures that members made</title>" in dom
    assert dom.count('<img src="/picture/') == 5
    for name, path, size in (("gallery", "/", "1100,800"), ("phone", "/", "500,900")):
        shot = tmp_path / f"{name}.png"
        await browsed(
            tmp_path,
            f"--screenshot={shot}",
            f"--window-size={size}",
            "--hide-scrollbars",
            str(page.client.make_url(path)),
        )
        assert shot.stat().st_size > 5_000


async def browsed(folder: Path, *arguments: str) -> str:
    assert CHROMIUM
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/c")
    process = await asyncio.create_subprocess_exec(
        *(CHROMIUM, *options, "--virtual-time-budget=3000", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    return said.decode()


async def test_while_the_database_is_away_it_says_so(page: Page) -> None:
    page.site.database = type(page.stage.database)("postgresql://nobody@127.0.0.1:1/none")
    assert "try again in a minute" in await page.get("/", 503)
    page.site.database.close()

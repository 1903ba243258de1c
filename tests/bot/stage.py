"""The real bot on simcord's Discord, with the worker's part played through the store.

The only file of these tests that fills gaps of simcord or leans on private names.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import discord
from simcord import Env
from simcord.actors import MemberActor
from simcord.backend.cdn import CDN_BASE
from simcord.builders import ChannelHandle, GuildHandle
from simcord.results import InteractionResult

from bot.__main__ import COMMANDS
from bot.client import Reroll
from bot.delivery.delivering import Delivery
from bot.delivery.progress import ProgressBoard
from bot.delivery.routes import Routes
from bot.i18n import Texts, Words
from bot.services import Services
from bot.wishes.options import Reader
from bot.wishes.sizes import size_words
from engine.errors import RerollError
from engine.recipe import Recipe
from engine.variants.catalog import Catalog
from local.discord.rest import WireRequest
from store.choices.servers import Defaults
from store.database import Database
from store.files import Files
from store.host import workers
from store.line import claims
from store.line.endings import Kept
from store.money import ledger
from store.money.plans import Plan, Plans
from store.orders import generations
from store.tables.orders import Generation
from tests.bot.messages import png
from tests.local import openapi
from tests.store import ends
from worker.queue import Tickets

PLAN = Plan(daily_credits=10)
DEFAULTS = Defaults(Plans((PLAN,)))


def services(folder: Path, database_url: str, broker_url: str, catalog: Catalog) -> Services:
    """Return the bot's world in one folder, on simcord's clock."""
    texts = Texts()
    return Services(
        database=Database(database_url),
        files=Files(f"file://{folder}/files"),
        tickets=Tickets(broker_url),
        catalog=catalog,
        defaults=DEFAULTS,
        now=discord.utils.utcnow,
        texts=texts,
        reader=Reader(catalog, size_words(texts)),
    )


@dataclass
class Stage:
    """One server with a channel, two members and a moderator."""

    env: Any
    services: Services
    guild: GuildHandle
    channel: ChannelHandle
    alex: MemberActor
    mei: MemberActor
    moderator: MemberActor
    locales: dict[int, str] = field(default_factory=dict)
    brought_along: set[int] = field(default_factory=set)
    upload_limit: int = 10 * 2**20

    @property
    def database(self) -> Database:
        return self.services.database

    @property
    def bot(self) -> Reroll:
        bot: Reroll = self.env.bot
        return bot

    @property
    def routes(self) -> Routes:
        return Routes(self.bot, self.services.now, self.services.seals)

    def board(self, first_s: float = 0.0, every_s: float = 0.0) -> ProgressBoard:
        return ProgressBoard(self.services, self.routes, first_s=first_s, every_s=every_s)

    async def deliver(self) -> None:
        with self.env.time_context():
            await Delivery(self.services, self.routes).deliver_due()

    async def restart(self) -> None:
        """Replace the bot by a new one that remembers nothing."""
        self.services = _without_memory(self.services)
        await self.env.restart_bot(Reroll(self.services, COMMANDS, shard_count=1))
        self.hook()

    def hook(self) -> None:
        """Give interactions the member's locale, our upload limit and who added the bot."""
        parsers = self.bot._connection.parsers
        parse = parsers["INTERACTION_CREATE"]

        def localised(data: dict[str, Any]) -> None:
            user = data.get("user") or data["member"]["user"]
            locale = self.locales.get(int(user["id"]), "en-US")
            added_by = {"0": data.get("guild_id", "0")}
            if int(user["id"]) in self.brought_along:
                added_by = {"1": user["id"]}
            told = {"authorizing_integration_owners": added_by, "locale": locale}
            parse({**data, **told, "attachment_size_limit": self.upload_limit})

        parsers["INTERACTION_CREATE"] = localised

    def speaks(self, member: MemberActor, locale: str) -> Words:
        self.locales[member.id] = locale
        return self.services.texts.of(locale)

    async def imagine(self, member: MemberActor, **options: Any) -> InteractionResult:
        return await member.slash(self.channel, "imagine", **({"prompt": "a panda"} | options))

    def orders(self) -> list[Generation]:
        """Return all orders, oldest first."""
        with self.database.begin() as session:
            ids = session.query(Generation.id).order_by(Generation.created_at).all()
            return [session.get_one(Generation, row.id) for row in ids]

    def order(self, generation_id: str) -> Generation:
        with self.database.begin() as session:
            return generations.get(session, generation_id)

    def left(self, member: MemberActor) -> int:
        flow = ledger.Flow(self.guild.id, member.id)
        with self.database.begin() as session:
            return ledger.balance(session, flow, PLAN, self.env.now()).left

    def claim(self) -> claims.Claim:
        with self.database.begin() as session:
            claim = claims.claim(session, "w", self.services.catalog.names)
        assert claim, "nothing waits"
        return claim

    def keep(self, claim: claims.Claim, content: bytes = b"", **recipe: Any) -> bool:
        """Finish a claimed picture as a worker does."""
        content = content or png(claim.request.seed)
        kept = Kept(
            file_sha256=self.services.files.put(claim.generation_id, content),
            file_bytes=len(content),
            pixel_sha256=f"{hash(content) % 2**256:064x}",
            recipe=self.recipe(claim, **recipe),
            seconds=0.4,
        )
        with self.database.begin() as session:
            return ends.keep(session, claim, kept)

    def recipe(self, claim: claims.Claim, **changes: Any) -> Recipe:
        """Return what a worker writes down for a claim."""
        digest = self.services.catalog[claim.request.variant].digest
        values = {"versions": {}, "device": "cpu", "variant_digest": digest, **changes}
        return Recipe(
            request=claim.request,
            weights_digest="w",
            scheduler={},
            dtype="float32",
            mode="exact",
            threads=1,
            **values,
        )

    def draw(self, **recipe: Any) -> None:
        """Finish everything that waits."""
        while self.waiting():
            self.keep(self.claim(), **recipe)

    def waiting(self) -> int:
        with self.database.begin() as session:
            return sum(
                image.status == "queued"
                for order in session.query(Generation.id)
                for image in generations.get(session, order.id).images
            )

    def fail(self, claim: claims.Claim, error: RerollError) -> None:
        with self.database.begin() as session:
            ends.fail(session, claim, error)

    async def drawn(self, member: MemberActor, **options: Any) -> InteractionResult:
        """Order, draw and deliver."""
        result = await self.imagine(member, **options)
        self.draw()
        await self.deliver()
        return result


def _without_memory(old: Services) -> Services:
    return Services(
        database=old.database,
        files=old.files,
        tickets=old.tickets,
        catalog=old.catalog,
        defaults=old.defaults,
        now=old.now,
        texts=old.texts,
        reader=old.reader,
        owners=old.owners,
        seals=old.seals,
    )


@asynccontextmanager
async def _running(env: Env, *, strict: bool) -> AsyncIterator[Env]:
    # Not simcord.run(): it resets context variables at its end, and a fixture ends in another
    # context than it began in.
    await env.start()
    try:
        yield env
    finally:
        await env.shutdown()
    if spec := openapi.at_hand():
        for one in env.http_requests:
            spec.check(WireRequest(one.method, one.path, one.json, (), 200))
        wrong, spec.violations = spec.violations, []
        assert wrong == [], wrong
    # simcord records what the command tree answered too; those are the product's own refusals.
    causes = [getattr(error, "original", error) for error in env.errors]
    answered = (RerollError, discord.NotFound)
    assert not strict or all(isinstance(cause, answered) for cause in causes), causes


@contextmanager
def _files_at_simcord() -> Iterator[None]:
    before, discord.Asset.BASE = discord.Asset.BASE, CDN_BASE
    try:
        yield
    finally:
        discord.Asset.BASE = before


@asynccontextmanager
async def staged(world: Services, *, strict: bool = True) -> AsyncIterator[Stage]:
    """Connect the bot to a fresh Discord; a worker has just reported itself.

    Not `strict`, errors of commands are for the caller to judge.
    """
    with world.database.begin() as session:
        workers.report(session, "w", world.catalog.names)
    env = Env(Reroll(world, COMMANDS, shard_count=1), shard_count=1)
    with _files_at_simcord():
        async with _running(env, strict=strict):
            yield _peopled(env, world)


def _peopled(env: Env, world: Services) -> Stage:
    guild = env.create_guild()
    channel = guild.create_text_channel("studio")
    role = guild.create_role("moderators", permissions=discord.Permissions(manage_messages=True))
    alex, mei, mod = (
        guild.add_member(env.create_user(name), roles=roles)
        for name, roles in (("alex", []), ("mei", []), ("mod", [role]))
    )
    stage = Stage(env, world, guild, channel, alex, mei, mod)
    stage.hook()
    return stage

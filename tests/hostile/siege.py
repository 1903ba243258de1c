"""Hostile members against the real bot: forged presses and forms, odd options, others' orders.

What they send is forged between Discord and the bot, so it goes further than a client could.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import discord
from simcord import OptionError, SetupError
from sqlalchemy import select

from bot.presses.buttons import HANDLERS
from bot.servers.pace import Limit, Pace
from bot.services import Services
from store.host import workers
from store.money import grants
from store.money.ledger import Flow
from store.tables.orders import Generation
from tests.bot.messages import order_id, presses
from tests.bot.stage import Stage, staged
from tests.hostile import accounts
from tests.hostile import generators as make

SECRET = "secret-9c1d"
"""Stands in the victim's prompts: nobody in another server may be told it."""
RICH = 10**6
HURRY = Limit(burst=RICH, per_s=RICH)
TIDY = 20
"""After so many inputs what waits is drawn, or everyone would be at their limit."""
ACTIONS = sorted(HANDLERS)
STRAY = {"type": 18, "component": {"type": 4, "custom_id": "x", "value": "y"}}
"""A field that no form of ours has."""
Payload = dict[str, Any]
Forge = Callable[[Payload], None]
ERRORS = (SetupError, OptionError)
"""What a client would not even send."""


@dataclass
class Siege:
    """One bot, a victim, a member beside them, and one who moderates a server of their own."""

    stage: Stage
    chance: random.Random
    away: Any
    eve: Any
    lines: list[Any]
    records: accounts.Records
    forge: Forge | None = None
    victims: list[str] = field(default_factory=list)
    cards: dict[int, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    heard: int = 0
    last: str = ""

    def hook(self) -> None:
        parsers = self.stage.bot._connection.parsers
        parse = parsers["INTERACTION_CREATE"]

        def forged(data: Payload) -> None:
            if self.forge:
                self.forge(data["data"])
                self.forge = None
            parse(data)

        parsers["INTERACTION_CREATE"] = forged

    async def prepare(self) -> None:
        stage = self.stage
        for member in (stage.mei, self.eve):
            with stage.database.begin() as session:
                grants.give(
                    session, Flow(member.guild.id, member.id), RICH, by=1, gift_id=member.id
                )
        for count in (1, 2):
            shown = await stage.drawn(stage.alex, prompt=f"{SECRET} panda", count=count)
            self.victims.append(order_id(shown.response))
        waiting = await stage.imagine(stage.alex, prompt=f"{SECRET} waits")
        self.victims.append(order_id(waiting.response))
        self.stage.claim()
        self.heard = len(stage.env.http_requests)
        self.hook()

    def where(self, member: Any) -> Any:
        return self.away if member is self.eve else self.stage.channel

    async def card(self, member: Any) -> Any:
        """Return a card of the member's own with all its buttons."""
        if member.id not in self.cards:
            placed = await member.slash(self.where(member), "imagine", prompt="own panda")
            await self.tidy()
            if placed.response is None:
                told = [one.content for one in placed.followups]
                raise AssertionError(f"an order of their own was refused: {told}")
            self.cards[member.id] = placed.response
        return self.cards[member.id]

    async def tidy(self) -> None:
        """Draw and deliver what waits; the victim's last order is in a worker's hand already."""
        with self.stage.database.begin() as session:
            workers.report(session, "w", self.stage.services.catalog.names)
            ordered = session.scalars(
                select(Generation.request).where(Generation.user_id == self.eve.id)
            )
            if any(SECRET in repr(request) for request in ordered):
                self.problems.append("leak: a stranger has ordered what the victim had")
        self.stage.draw()
        await self.stage.deliver()
        self.look("delivery", leaky=False)

    async def attempt(self) -> str:
        """Do one hostile thing; return its kind."""
        member = self.chance.choice((self.eve, self.eve, self.stage.mei))
        kind, deed = self.chance.choice(DEEDS)
        try:
            await deed(self, member)
        except ERRORS:
            self.cards.pop(member.id, None)
        except Exception as error:
            self.problems.append(f"crash: {kind}: {type(error).__name__}: {error}"[:300])
            self.cards.pop(member.id, None)
        self.forge = None
        self.look(kind, leaky=member is self.eve)
        return kind

    def look(self, kind: str, *, leaky: bool) -> None:
        """Read what the bot sent and logged because of it."""
        sent = self.stage.env.http_requests[self.heard :]
        self.heard += len(sent)
        if leaky and any(SECRET in repr(one) for one in sent):
            self.problems.append(f"leak: {kind} {self.last!r}: a stranger was told of an order")
        for line in [*map(repr, self.lines), *self.records.lines]:
            if "unexpected error" in line or " ERROR " in line:
                self.problems.append(f"crash: {kind} {self.last!r}: {line}"[:600])
            if SECRET in line or make.CANARY in line:
                self.problems.append(f"leak: {kind}: logged: {line}"[:300])
        self.lines.clear()
        self.records.lines.clear()


async def _press(siege: Siege, member: Any) -> None:
    card = await siege.card(member)
    forged = make.custom_id(siege.chance, ACTIONS, [*siege.victims, order_id(card)])
    siege.last = forged
    siege.forge = lambda data: data.update(custom_id=forged)
    await member.click(card, custom_id=presses(card)["remix"])


async def _form(siege: Siege, member: Any) -> None:
    card, chance = await siege.card(member), siege.chance
    form = await member.click(card, custom_id=presses(card)["remix"])
    target = chance.choice([*siege.victims, order_id(card), "0" * 10, "x" * 90])
    name = chance.choice(("remix-form", "edit-form", "report-form", "x"))
    broken = chance.random() < 0.3

    def forge(data: Payload) -> None:
        data["custom_id"] = f"{name}:{target}"[:100]
        if broken:
            data["components"] = chance.choice(([], [STRAY]))

    siege.last, siege.forge = f"{name}:{target}", forge
    values = {"prompt": make.sendable(chance, 300), "size": make.sendable(chance, 40)}
    await member.submit_modal(form, {**values, "seed": make.number(chance)[:40]})


async def _order(siege: Siege, member: Any) -> None:
    chance = siege.chance
    given = {"prompt": make.sendable(chance, 400)}
    for name, value in (("size", make.size), ("seed", make.number), ("negative", make.text)):
        if chance.random() < 0.4:
            given[name] = value(chance).encode("utf-8", "ignore").decode()[:100] or "x"
    await member.slash(siege.where(member), "imagine", **given)


async def _by_number(siege: Siege, member: Any) -> None:
    chance = siege.chance
    number = chance.choice([*siege.victims, make.sendable(chance, 60)])
    siege.last = typed = f"{number}{chance.choice(('', '-1', '-99', '/2', ' ', '.png'))}"
    command = chance.choice(("show", "again"))
    await member.slash(siege.where(member), command, number=typed)


async def _kept(siege: Siege, member: Any) -> None:
    chance, where = siege.chance, siege.where(member)
    if chance.random() < 0.5:
        await member.slash(where, "history", search=make.sendable(chance, 40))
    else:
        name, style = make.sendable(chance, 40), make.sendable(chance, 60)
        await member.slash(where, "presets save", name=name, style=style)


async def _verify(siege: Siege, member: Any) -> None:
    name = siege.chance.choice(("x.png", "x.exe", f"reroll-{siege.victims[0]}-1.png", "x.webp"))
    content = make.picture(siege.chance)
    await member.slash(siege.where(member), "verify", picture=(name, content))


async def _mangled(siege: Siege, member: Any) -> None:
    """Send options longer than allowed, of other names, or none at all."""
    chance = siege.chance

    def forge(data: Payload) -> None:
        options = data.get("options") or [{}]
        match chance.randrange(4):
            case 0:
                data["options"] = []
            case 1:
                options[0]["value"] = make.text(chance, 2000)
            case 2:
                options[0]["name"] = "x"
            case _:
                options[0]["type"] = chance.choice((1, 2, 4, 11, 99))

    siege.forge = forge
    await member.slash(siege.where(member), "imagine", prompt="a panda")


DEEDS: tuple[tuple[str, Callable[[Siege, Any], Awaitable[None]]], ...] = (
    ("forged presses", _press),
    ("forged presses", _press),
    ("forged forms", _form),
    ("orders", _order),
    ("numbers", _by_number),
    ("names", _kept),
    ("uploads", _verify),
    ("mangled options", _mangled),
)


async def besieged(world: Services, count: int, seed: int) -> tuple[dict[str, int], list[str], int]:
    """Try so many inputs; return how many of each kind, what went wrong, and credits lost."""
    world = replace(world, pace=Pace(HURRY, HURRY))
    with accounts.logged() as (lines, records):
        async with staged(world, strict=False) as stage:
            away = stage.env.create_guild()
            everything = discord.Permissions(manage_messages=True, manage_guild=True)
            boss = away.create_role("boss", permissions=everything)
            eve = away.add_member(stage.env.create_user("eve"), roles=[boss])
            channel = away.create_text_channel("elsewhere")
            siege = Siege(stage, random.Random(seed), channel, eve, lines, records)
            await siege.prepare()
            before = accounts.belongings(stage)
            kinds: dict[str, int] = {}
            for nth in range(count):
                kind = await siege.attempt()
                kinds[kind] = kinds.get(kind, 0) + 1
                if nth % TIDY == TIDY - 1:
                    await siege.tidy()
            await siege.tidy()
            if accounts.belongings(stage) != before:
                siege.problems.append("leak: the victim's orders or credits were changed")
            return kinds, siege.problems, accounts.lost(stage)

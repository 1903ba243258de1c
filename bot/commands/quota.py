"""/quota: what a member has left and when it comes back; asks the store and changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from bot.answers import Press
from bot.client import Tree
from bot.i18n import Words
from bot.servers.standing import home, rank
from bot.services import Services
from store.choices import servers
from store.choices.servers import Defaults
from store.money import budgets, ledger
from store.money.budgets import Budget
from store.money.ledger import Balance, Flow
from store.money.plans import Plan, Rank, dollars


@dataclass(frozen=True, slots=True)
class Quota:
    """A member's plan, credits and money."""

    plan: Plan
    balance: Balance
    money: Budget


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    mark = services.texts.mark

    @tree.command(name=mark("quota.name"), description=mark("quota.description"))
    async def quota(interaction: Press) -> None:
        await interaction.response.defer(ephemeral=True)
        flow = Flow(home(interaction), interaction.user.id)
        found = await services.database.read(
            read, services.defaults, flow, rank(interaction), services.now()
        )
        catalog = services.catalog
        paid = any(found.plan.allows(name) and catalog[name].vendor for name in catalog.names)
        lines = _lines(services.words(interaction.locale), found, shows_money=paid)
        await interaction.edit_original_response(content="\n".join(lines))


def read(session: Session, defaults: Defaults, flow: Flow, member: Rank, now: datetime) -> Quota:
    """Return what the member has now."""
    server = servers.read(session, defaults, flow.guild_id, now)
    plan = server.plan(member)
    balance = ledger.balance(session, flow, plan, server.now)
    return Quota(plan, balance, budgets.budget(session, flow, plan, server.now))


def _lines(words: Words, quota: Quota, *, shows_money: bool) -> Iterator[str]:
    plan, balance, money = quota.plan, quota.balance, quota.money
    yield words("quota.plan", plan=words.name(f"plans.{plan.name}", plan.name))
    yield words("quota.today", today=balance.today, daily=balance.daily, at=balance.resets_at)
    if balance.kept:
        yield words("quota.kept", kept=balance.kept)
    if plan.slow_lane and not balance.left:
        yield words("quota.slow")
    if shows_money and money.own and money.daily:
        yield words(
            "quota.money",
            left=dollars(money.spendable),
            own=dollars(money.own),
            daily=dollars(money.daily),
        )

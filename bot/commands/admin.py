"""/admin: what the host does to all servers at once; nobody else may, whatever their roles."""

from collections.abc import Callable, Sequence
from functools import partial

import discord
from discord import app_commands
from sqlalchemy.orm import Session

from bot.answers import Press
from bot.cards import deeds, host_card
from bot.client import Tree
from bot.commands.assembly import choosing_variant, suggesting_variant, variant_named
from bot.commands.choosing import choice, subcommand
from bot.errors import NothingHeld, OverOwnLimit
from bot.servers.host import require_host, require_not_host
from bot.services import Services
from store import sweep
from store.choices import servers
from store.host import broadcasts, controls, overview
from store.host.controls import Flow
from store.moderation import audit
from store.money import budgets, grants, plans
from store.money.ledger import Flow as Account
from store.tables.moderation import AuditEntry

MOST_CREDITS = 1_000_000
LONGEST_SAID = 1_800
MOST_DOLLARS = 1_000_000.0

Deed = Callable[[Session], None]


def register(tree: Tree, services: Services) -> None:
    """Add the command."""
    mark = services.texts.mark
    group = app_commands.Group(
        name=mark("admin.name"),
        description=mark("admin.description"),
        guild_only=True,
        # Only hides it; who may is asked at each use.
        default_permissions=discord.Permissions(administrator=True),
    )
    for add in (_status, _flow, _variant, _ban, _unban, _grant, _budget, _requeue, _say, _log):
        add(group, services)
    tree.add_command(group)


async def do(services: Services, interaction: Press, deed: Deed) -> None:
    """Do something and show how everything goes then. Raises HostNeeded."""
    require_host(services, interaction)
    await interaction.response.defer(ephemeral=True)

    def done(session: Session) -> tuple[overview.Overview, Sequence[AuditEntry]]:
        before = audit.page(session, audit.HOST, limit=1)
        deed(session)
        entries = audit.page(session, audit.HOST, limit=1)
        return overview.read(session), entries if entries != before else ()

    now, entries = await services.database.run(done)
    services.bell.set()
    words, called = services.words(interaction.locale), partial(_called, interaction)
    said = "\n".join(deeds.done(words, entry, called) for entry in entries)
    await interaction.edit_original_response(content=host_card.status(words, now, said))


def _called(interaction: Press, guild_id: int) -> str:
    guild = interaction.client.get_guild(guild_id)
    return guild.name if guild else str(guild_id)


def _status(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "status", prefix="admin")
    async def status(interaction: Press) -> None:
        await do(services, interaction, lambda _: None)


def _flow(group: app_commands.Group, services: Services) -> None:
    flows = [choice(services, f"flows.{flow}", flow.value) for flow in Flow]

    @subcommand(group, services, "flow", "flow", prefix="admin")
    @app_commands.choices(flow=flows)
    async def flow(interaction: Press, flow: str) -> None:
        by = interaction.user.id
        await do(services, interaction, lambda s: controls.set_flow(s, Flow(flow), by=by))


def _variant(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "variant", "variant", "on", prefix="admin")
    @partial(choosing_variant, services)
    async def variant_(interaction: Press, variant: str, on: bool) -> None:
        by, named = interaction.user.id, variant_named(services, variant)
        await do(services, interaction, lambda s: controls.set_variant(s, named, on=on, by=by))

    suggesting_variant(services, variant_)


def _ban(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "ban", "member", "reason", prefix="admin")
    async def ban(interaction: Press, member: discord.User, reason: str = "") -> None:
        by = interaction.user.id
        require_host(services, interaction)
        require_not_host(services, interaction, member.id)
        await do(services, interaction, lambda s: controls.ban(s, member.id, reason, by=by))


def _unban(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "unban", "member", prefix="admin")
    async def unban(interaction: Press, member: discord.User) -> None:
        by = interaction.user.id
        await do(services, interaction, lambda s: controls.unban(s, member.id, by=by))


def _grant(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "grant", "member", "credits", prefix="admin")
    async def grant(
        interaction: Press,
        member: discord.User,
        credits: app_commands.Range[int, 1, MOST_CREDITS],
    ) -> None:
        account = Account(interaction.guild_id or 0, member.id)

        def deed(session: Session) -> None:
            by, once = interaction.user.id, interaction.id
            grants.give(session, account, credits, by=by, gift_id=once)
            details = {"credits": credits, "server": str(account.guild_id)}
            audit.record(
                session, audit.HOST, by, "host.grant", target_id=member.id, details=details
            )

        await do(services, interaction, deed)


def _budget(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "budget", "dollars", prefix="admin")
    async def budget(
        interaction: Press, dollars: app_commands.Range[float, 0.0, MOST_DOLLARS]
    ) -> None:
        guild_id = interaction.guild_id or 0

        def deed(session: Session) -> None:
            now, amount = services.now(), plans.micros(dollars)
            if amount > (most := services.defaults.plans.server.most_daily_micros):
                raise OverOwnLimit(limit=plans.dollars(most))
            server = servers.set_budget(session, services.defaults, guild_id, now, amount)
            budgets.fund(session, guild_id, server.daily_micros, server.now)
            details = {"dollars": dollars, "server": str(guild_id)}
            audit.record(session, audit.HOST, interaction.user.id, "host.budget", details=details)

        await do(services, interaction, deed)


def _requeue(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "requeue", "what", prefix="admin")
    async def requeue(interaction: Press, what: str) -> None:
        def deed(session: Session) -> None:
            if not sweep.holds(session, what.strip()):
                raise NothingHeld(value=what[:50])
            sweep.requeue(session, what.strip())
            sweep.reclaim(session, what.strip())
            details = {"what": what[:128]}
            audit.record(session, audit.HOST, interaction.user.id, "host.requeue", details=details)

        await do(services, interaction, deed)


def _say(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "broadcast", "said", prefix="admin")
    async def say(interaction: Press, said: app_commands.Range[str, 1, LONGEST_SAID]) -> None:
        text = said.replace("\\n", "\n")

        def deed(session: Session) -> None:
            broadcasts.begin(session, text, by=interaction.user.id)

        await do(services, interaction, deed)


def _log(group: app_commands.Group, services: Services) -> None:
    @subcommand(group, services, "log", prefix="admin")
    async def log(interaction: Press) -> None:
        require_host(services, interaction)
        await interaction.response.defer(ephemeral=True)
        entries = await services.database.read(audit.page, audit.HOST)
        words = services.words(interaction.locale)
        shown = host_card.log(words, entries, partial(_called, interaction))
        await interaction.edit_original_response(content=shown)

"""What the bot tells Prometheus beyond its log lines, and whether it is ready to answer."""

import math

import discord
from prometheus_client import CollectorRegistry, Gauge

from bot.services import Services
from bot.settings import BotSettings
from store.errors import StoreUnavailable
from store.host import bots
from store.metrics.endpoint import Endpoint
from store.metrics.numbers import Numbers


def endpoint(
    settings: BotSettings, services: Services, client: discord.Client, registry: CollectorRegistry
) -> Endpoint:
    """Return the endpoint of the bot, with the whole product's numbers: there is one bot."""
    Numbers(services.database, registry)
    for name, told, value in (
        ("reroll_servers", "Servers that the bot is in", lambda: len(client.guilds)),
        ("reroll_discord_latency_seconds", "To Discord and back", lambda: _latency(client)),
        ("reroll_discord_up", "Whether Discord is connected", lambda: int(client.is_ready())),
    ):
        Gauge(name, told, registry=registry).set_function(value)
    host, port = settings.metrics_host, settings.metrics_port
    return Endpoint(host, port, registry, lambda: lacks(services, client))


def lacks(services: Services, client: discord.Client) -> str:
    """Return why commands are not answered as they should be, nothing where they are."""
    if not client.is_ready():
        return "Discord is not connected"
    try:
        with services.database.begin() as session:
            return "the database takes nothing" if bots.is_unheard(session) else ""
    except StoreUnavailable:
        return "the database does not answer"


def _latency(client: discord.Client) -> float:
    return client.latency if math.isfinite(client.latency) else 0.0

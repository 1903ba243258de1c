"""What Discord does and simcord does not: fixed on the way over the wire, nowhere else."""

import copy
import io
from typing import Any

from PIL import Image, UnidentifiedImageError

from local.discord import simulation as sim
from local.discord.localised import wire_names
from local.discord.world import World

NONCE_LENGTH = 25


def event(world: World, name: str, payload: Any) -> dict[str, Any]:
    """Return a gateway event as Discord would send it."""
    sent: dict[str, Any] = copy.deepcopy(dict(payload))
    if name == "GUILD_CREATE":
        # discord.py takes `unavailable: false` for a server coming back, not for a new one.
        sent.pop("unavailable", None)
    if name == "INTERACTION_CREATE":
        _complete_interaction(world, sent)
    answer(world, sent)
    return sent


def answer(world: World, payload: Any) -> Any:
    """Add what simcord leaves out of channels and attachments, at any depth of a payload."""
    if isinstance(payload, list):
        for part in payload:
            answer(world, part)
    elif isinstance(payload, dict):
        if "permission_overwrites" in payload:
            payload["nsfw"] = int(payload["id"]) in world.age_restricted
        if "proxy_url" in payload and "width" not in payload:
            payload.update(_image_size(world, payload["url"]))
        for part in payload.values():
            answer(world, part)
    return payload


def servers(world: World, listed: Any) -> Any:
    """Add to the list of the bot's servers what it may do in each."""
    for server in listed:
        allowed = world.backend.compute_permissions(int(server["id"]), world.backend.bot_user.id)
        server["permissions"] = str(allowed)
    return listed


def application(world: World, told: Any) -> Any:
    """Name the person whose application the bot is, where somebody is."""
    if world.host is not None:
        told["owner"] = dict(sim.serializers.user_payload(world.users[world.host]))
    return told


def _complete_interaction(world: World, sent: dict[str, Any]) -> None:
    user = sent.get("user") or sent["member"]["user"]
    sent["locale"] = world.locale_of(int(user["id"]))
    sent["attachment_size_limit"] = world.upload_limit
    # "0" is the server an app was added to; in direct messages it stands for the member's own.
    sent["authorizing_integration_owners"] = {"0": sent.get("guild_id", "0")}
    if "guild_id" in sent:
        sent["guild_locale"] = world.backend.get_guild(int(sent["guild_id"])).preferred_locale
    command = _command(world, sent["data"].get("id"))
    if command is not None:
        sent["data"] = wire_names(sent["data"], command)


def _image_size(world: World, url: str) -> dict[str, int]:
    data = world.backend.cdn.get(url)
    try:
        with Image.open(io.BytesIO(data or b"")) as image:
            return {"width": image.width, "height": image.height}
    except UnidentifiedImageError:
        return {}


def _command(world: World, command_id: Any) -> dict[str, Any] | None:
    known: dict[str, dict[str, Any]] = {
        str(command["id"]): command
        for scope in world.backend.commands.values()
        for command in scope.values()
    }
    return known.get(str(command_id))


class Nonces:
    """Answers a repeated message with the first one, as Discord does for `enforce_nonce`."""

    def __init__(self) -> None:
        self._sent: dict[tuple[str, str], str] = {}

    def repeated(self, path: str, body: Any) -> str | None:
        """Return the id of the message that already carries this nonce."""
        nonce = self._nonce(body)
        if nonce is not None and len(nonce) > NONCE_LENGTH:
            raise sim.BackendError(400, 50035, "Invalid Form Body: nonce is too long")
        return self._sent.get((path, nonce)) if nonce is not None else None

    def remember(self, path: str, body: Any, sent: Any) -> None:
        """Keep which message was sent under a nonce, and name the nonce in the answer."""
        nonce = self._nonce(body)
        if nonce is not None:
            sent["nonce"] = nonce
            self._sent[path, nonce] = sent["id"]

    @staticmethod
    def _nonce(body: Any) -> str | None:
        enforced = isinstance(body, dict) and body.get("enforce_nonce") and body.get("nonce")
        return str(body["nonce"]) if enforced else None


def check_upload(world: World, sizes: list[int]) -> None:
    """Refuse a file that is over the limit of this server."""
    if any(size > world.upload_limit for size in sizes):
        raise sim.BackendError(413, 40005, "Request entity too large")

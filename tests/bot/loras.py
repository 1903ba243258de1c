"""LoRAs in the library, for tests."""

import itertools
from typing import Any

from store.loras import library, shares
from store.loras.library import Kept, New, Room
from tests.bot.stage import Stage

ROOM = Room(1000, 10**12)
numbers = itertools.count(1)


def add(stage: Stage, member: Any, name: str, base: str = "starter", **changes: Any) -> str:
    """Put a LoRA that is ready into a member's library; return its id."""
    sha256 = changes.pop("sha256", f"{next(numbers):064x}")
    with stage.database.begin() as session:
        new = New(owner_id=member.id, name=name, source="upload", **changes)
        lora = library.create(session, new, ROOM)
        library.lock_file(session, sha256, 100)
        kept = Kept(base=base, sha256=sha256, nbytes=100, rank=4, layers=5)
        assert library.ready(session, lora.id, kept)
        return lora.id


def share(stage: Stage, lora_id: str, role_id: int = 0) -> None:
    with stage.database.begin() as session:
        shares.share(session, library.by_id(session, lora_id), stage.guild.id, role_id)


def remove(stage: Stage, lora_id: str) -> None:
    with stage.database.begin() as session:
        library.remove(session, library.by_id(session, lora_id))

"""A conversation written down: a JSON file, and the pictures beside it."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.conversation import Conversation, Turn
from local.reading import Picture

NAME = "transcript.json"


def save(conversation: Conversation, folder: Path) -> Path:
    """Write everything that was said and seen; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    seat = conversation.seat
    record = {
        "member": seat.name,
        "locale": conversation.world.locale_of(seat.actor.id),
        "turns": [
            _turn(number, turn, seat.backend.cdn, folder)
            for number, turn in enumerate(conversation.turns, 1)
        ],
    }
    path = folder / NAME
    path.write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return path


def _turn(number: int, turn: Turn, cdn: Any, folder: Path) -> dict[str, Any]:
    return {
        "said": turn.said,
        "outcome": turn.outcome,
        "ordered": turn.ordered,
        "pictures": _pictures(number, turn.pictures, cdn, folder),
        "states": [dataclasses.asdict(state) for state in turn.states],
    }


def _pictures(
    number: int, pictures: Sequence[Picture], cdn: Any, folder: Path
) -> list[dict[str, Any]]:
    saved = []
    for index, picture in enumerate(pictures, 1):
        name = f"{number:02}-{index}-{picture.filename}"
        (folder / name).write_bytes(cdn.get(picture.url))
        saved.append({"file": name, **dataclasses.asdict(picture)})
    return saved

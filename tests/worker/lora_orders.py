"""LoRAs for the starter, and fetches of them, for tests."""

import torch
from safetensors.torch import save
from sqlalchemy.orm import Session

from engine.loras.names import bases
from store.loras import fetches, library
from store.loras.fetches import Wanted
from store.loras.library import New, Room

ROOM = Room(20, 10**9)
ATTENTION = [name for name in bases()["starter"].linears if name.endswith(".attn.to_q")]


def content(seed: int = 0, prefix: str = "transformer.", rank: int = 2) -> bytes:
    """Return a LoRA's file as a trainer writes it."""
    random = torch.Generator().manual_seed(seed)
    tensors = {}
    for name in ATTENTION:
        tensors[f"{prefix}{name}.lora_A.weight"] = torch.randn(rank, 192, generator=random) * 0.1
        tensors[f"{prefix}{name}.lora_B.weight"] = torch.randn(192, rank, generator=random) * 0.1
    return save(tensors)


def want(session: Session, name: str, url: str, owner_id: int = 1, **changes: object) -> str:
    """Ask for a file; return the LoRA's id."""
    lora = library.create(session, New(owner_id=owner_id, name=name, source="url"), ROOM)
    values = {"bases": ("starter", "flux1"), "most_bytes": 10**8, "locale": "en-US"}
    values |= {"application_id": 1, "channel_id": 2, "message_id": None}
    values |= {"token": "secret", "token_at": 0, **changes}
    fetches.want(session, Wanted(lora_id=lora.id, url=url, **values))  # type: ignore[arg-type]
    return lora.id

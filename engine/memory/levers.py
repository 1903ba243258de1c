"""How a variant's weights are to lie in memory: what it needs, what there is, which levers.

Pure and torch-free: figures in, a choice out. `engine.residents` measures and applies it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from engine.variants.memory import Profile

GB = 1e9
FP8 = "float8_e4m3fn"
MAIN = "cpu"
"""The device whose memory is the machine's."""
FP8_SHARE = 0.55
"""Of the transformer's bytes in 16 bits: half, and what the libraries leave as it is."""
STREAMED_GB = 3.0
"""Group offload keeps two layers on the device; the largest, a vocabulary, has 1.4 GB."""
TILED_GB = 2.5
"""What decoding a tile takes at most: the largest tiles of these VAEs have a side of 1024."""

UNCOMPILED = (
    "REROLL_COMPILE=true: a transformer in 8 bits, which this one needs here, cannot be compiled; "
    "leave it out, or set REROLL_FP8=never"
)


class Offload(StrEnum):
    """Which weights wait in main memory: none, whole models, or single layers."""

    NONE = "none"
    MODEL = "model"
    GROUP = "group"


class Use(StrEnum):
    """When a lever that changes pixels may be used; before offload it saves time, not the day."""

    NEVER = "never"
    IF_NEEDED = "if_needed"
    BEFORE_OFFLOAD = "before_offload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Levers:
    """How one variant lies in memory and computes; a recipe names what of it decides pixels.

    `text` is the device of the text encoders, empty where they share the transformer's.
    """

    offload: Offload = Offload.NONE
    fp8: bool = False
    tiling: bool = False
    attention: str = ""
    compiled: bool = False
    fast: bool = False
    text: str = ""

    def dtype(self, declared: str) -> str:
        """Return a recipe's `dtype`: what is computed in and, where it differs, stored in."""
        return f"{declared}, transformer in {FP8}" if self.fp8 else declared

    @property
    def mode(self) -> str:
        """Return a recipe's `mode`: whether neighbours count, and what else changes last bits."""
        changed = [
            "vae in tiles" if self.tiling else "",
            f"attention {self.attention}" if self.attention else "",
            "compiled" if self.compiled else "",
        ]
        return ", ".join(["fast" if self.fast else "exact", *filter(None, changed)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the host allows and wants; `offload` None leaves the choice to what fits.

    `limit_gb` is the most to take on the device; `attention` a backend of diffusers' by name;
    `text` the device that texts are encoded on, where that is another;
    `fast` lets a picture's last bits depend on its neighbours in a shared forward, and `rows` is
    how many share one, where that is not to be measured. `words` is a folder in which encoded
    texts outlive the process, none where it is empty.
    """

    limit_gb: float | None = None
    offload: Offload | None = None
    fp8: Use = Use.NEVER
    tiling: Use = Use.NEVER
    attention: str = ""
    compiled: bool = False
    fast: bool = False
    rows: int | None = None
    words: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes to be had: on the device, and in main memory, None where that is the device.

    `aside` is what an accelerator of the text encoders' own has, None without one.
    """

    device: float
    main: float | None = None
    aside: float | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """Bytes of one loaded variant: resting on the device, more while it draws, in main memory.

    `aside` are those of text encoders on an accelerator of their own.
    """

    device: float = 0
    work: float = 0
    main: float = 0
    aside: float = 0

    @property
    def peak(self) -> float:
        """Return what it takes on the device while it draws."""
        return self.device + self.work


class DoesNotFit(Exception):
    """No allowed choice of levers fits. Both figures are GB; `helps` is a setting that would."""

    def __init__(self, *, needed_gb: float, free_gb: float, helps: str) -> None:
        super().__init__(f"needs {needed_gb:.1f} GB, {free_gb:.1f} GB are free")
        self.needed_gb, self.free_gb, self.helps = needed_gb, free_gb, helps


class LeverRefused(Exception):
    """The libraries here cannot do what a setting asks for; the text names it."""


def choose(profile: Profile, room: Room, wishes: Wishes) -> Levers:
    """Return the first choice that fits, those that change no pixel first.

    Raises DoesNotFit, or LeverRefused where the libraries cannot do what would.
    """
    candidates = list(_candidates(room, wishes))
    for levers in candidates:
        if _fit([needed(profile, levers)], room):
            if levers.fp8 and levers.compiled:
                raise LeverRefused(UNCOMPILED)
            return levers
    least = min((needed(profile, levers) for levers in candidates), key=lambda one: one.peak)
    places = ((least.peak, room.device), (least.main, room.main), (least.aside, room.aside))
    need, free = next((need, free or 0) for need, free in places if need > (free or 0))
    raise DoesNotFit(needed_gb=need / GB, free_gb=free / GB, helps=_help(profile, room, wishes))


def needed(profile: Profile, levers: Levers) -> Taken:
    """Return what a variant takes with these levers."""
    transformer = profile.transformer * (FP8_SHARE if levers.fp8 else 1)
    decode = min(profile.decode, TILED_GB) if levers.tiling else profile.decode
    work = max(profile.denoise, decode)
    models = (transformer,) if levers.text else (profile.text_encoder, transformer)
    stays = profile.vae + profile.beside
    apart = profile.text_encoder * GB if levers.text else 0
    main, aside = (apart, 0.0) if levers.text == MAIN else (0.0, apart)
    if levers.offload is Offload.NONE:
        return Taken((sum(models) + stays) * GB, work * GB, main, aside)
    # The VAE stays on the device: previews decode after every step.
    visiting = max(models) if levers.offload is Offload.MODEL else STREAMED_GB
    return Taken(stays * GB, (visiting + work) * GB, sum(models) * GB + main, aside)


def surplus(held: Sequence[Taken], room: Room) -> int:
    """Return how many of the first must go, for the others to lie in `room` side by side.

    They stand in the order of use, and the last, which is to draw, stays whatever it takes.
    """
    fitting = (gone for gone in range(len(held)) if _fit(held[gone:], room))
    return next(fitting, len(held) - 1)


def _fit(held: Sequence[Taken], room: Room) -> bool:
    # One draws at a time.
    device = sum(one.device for one in held) + max(one.work for one in held)
    main, aside = sum(one.main for one in held), sum(one.aside for one in held)
    others = ((main, room.main), (aside, room.aside))
    return device <= room.device and all(free is None or taken <= free for taken, free in others)


def _candidates(room: Room, wishes: Wishes) -> Iterable[Levers]:
    offloads = list(Offload) if wishes.offload is None else [wishes.offload]
    if room.main is None:
        offloads = [Offload.NONE]
    either = (False, True)
    candidates = (
        Levers(
            offload=offload,
            fp8=fp8,
            tiling=tiling,
            attention=wishes.attention,
            compiled=wishes.compiled,
            fast=wishes.fast,
            text=wishes.text,
        )
        for offload, fp8, tiling in product(offloads, either, either)
        if not (fp8 and wishes.fp8 is Use.NEVER) and not (tiling and wishes.tiling is Use.NEVER)
    )
    return sorted(candidates, key=lambda levers: _cost(levers, wishes))


def _cost(levers: Levers, wishes: Wishes) -> tuple[int, int, int]:
    used = [
        use for lever, use in ((levers.fp8, wishes.fp8), (levers.tiling, wishes.tiling)) if lever
    ]
    return used.count(Use.IF_NEEDED), list(Offload).index(levers.offload), len(used)


def _help(profile: Profile, room: Room, wishes: Wishes) -> str:
    auto = replace(wishes, offload=None)
    for more, named in (
        (auto, "REROLL_OFFLOAD=auto"),
        (replace(wishes, tiling=Use.IF_NEEDED), "REROLL_VAE_TILING=if_needed"),
        (replace(wishes, fp8=Use.IF_NEEDED), "REROLL_FP8=if_needed"),
        (
            replace(auto, tiling=Use.IF_NEEDED, fp8=Use.IF_NEEDED),
            "REROLL_OFFLOAD=auto, REROLL_VAE_TILING=if_needed and REROLL_FP8=if_needed",
        ),
    ):
        if any(_fit([needed(profile, levers)], room) for levers in _candidates(room, more)):
            return named
    return ""

"""The choice of levers, by table: pure figures in, a choice or a refusal out."""

import fnmatch
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.engine import Engine
from engine.memory.levers import (
    GB,
    DoesNotFit,
    LeverRefused,
    Levers,
    Offload,
    Profile,
    Room,
    Taken,
    Use,
    Wishes,
    choose,
    needed,
    surplus,
)
from engine.memory.settings import MemorySettings
from engine.variants.catalog import PROJECT, VARIANTS, Catalog

LOCAL = [
    name
    for name in sorted(path.stem for path in VARIANTS.glob("*.toml"))
    if Catalog.load([name]).default.vendor is None
]
MAIN = 128 * GB
DOCUMENT = PROJECT / "docs" / "memory.md"
NEVER, IF_NEEDED, EARLY = Use.NEVER, Use.IF_NEEDED, Use.BEFORE_OFFLOAD


def profile(variant: str) -> Profile:
    memory = Catalog.load([variant]).default.memory
    assert memory
    return memory


def card(gb: float) -> Room:
    """Return what is left of a card sold with so many GiB, after its context and our reserve."""
    return Room(gb * 2**30 - 1.5 * GB, MAIN)


@pytest.mark.parametrize(
    ("variant", "gb", "wishes", "chosen"),
    [
        # What fits as it is stays as it is, whatever is allowed.
        ("qwen-image", 80, Wishes(), Levers()),
        ("qwen-image", 80, Wishes(fp8=EARLY, tiling=EARLY), Levers()),
        ("z-image-turbo", 32, Wishes(), Levers()),
        ("flux2-klein-4b", 32, Wishes(), Levers()),
        # Else what changes no pixel: whole models in main memory, then single layers.
        ("qwen-image", 50, Wishes(), Levers(offload=Offload.MODEL)),
        ("qwen-image", 24, Wishes(), Levers(offload=Offload.GROUP)),
        ("qwen-image", 12, Wishes(), Levers(offload=Offload.GROUP)),
        ("z-image-turbo", 24, Wishes(), Levers(offload=Offload.MODEL)),
        ("flux1-dev", 24, Wishes(), Levers(offload=Offload.GROUP)),
        ("flux2-dev", 80, Wishes(), Levers(offload=Offload.MODEL)),
        ("flux2-dev", 24, Wishes(), Levers(offload=Offload.GROUP)),
        # What changes pixels comes last of all where it is allowed only if needed.
        ("qwen-image", 24, Wishes(fp8=IF_NEEDED), Levers(offload=Offload.GROUP)),
        (
            "flux1-dev",
            24,
            Wishes(offload=Offload.MODEL, fp8=IF_NEEDED),
            Levers(offload=Offload.MODEL, fp8=True),
        ),
        # A host who wants speed more than the same pixels everywhere gets it.
        ("qwen-image", 50, Wishes(fp8=EARLY), Levers(fp8=True)),
        ("z-image-turbo", 24, Wishes(tiling=EARLY), Levers(tiling=True)),
        ("z-image-turbo", 24, Wishes(tiling=EARLY, fp8=EARLY), Levers(tiling=True)),
        ("flux2-klein-4b", 18, Wishes(tiling=EARLY, fp8=EARLY), Levers(tiling=True, fp8=True)),
        # What the host asks for is taken along, and never chosen.
        (
            "starter",
            12,
            Wishes(attention="flash", compiled=True),
            Levers(attention="flash", compiled=True),
        ),
        ("starter", 12, Wishes(offload=Offload.GROUP), Levers(offload=Offload.GROUP)),
        # Without its text encoders the transformer fits where both would take turns.
        ("qwen-image", 50, Wishes(text="cpu"), Levers(text="cpu")),
        ("qwen-image", 24, Wishes(text="cpu"), Levers(offload=Offload.GROUP, text="cpu")),
    ],
)
def test_the_first_choice_that_fits_is_taken(
    variant: str, gb: float, wishes: Wishes, chosen: Levers
) -> None:
    assert choose(profile(variant), card(gb), wishes) == chosen


@pytest.mark.parametrize(
    ("variant", "room", "wishes", "needed_gb", "free_gb", "helps"),
    [
        (
            "qwen-image",
            Room(23 * GB, MAIN),
            Wishes(offload=Offload.NONE),
            60.8,
            23,
            "REROLL_OFFLOAD=auto",
        ),
        (
            "flux2-dev",
            Room(63 * GB, MAIN),
            Wishes(offload=Offload.MODEL),
            76.7,
            63,
            "REROLL_OFFLOAD=auto",
        ),
        # The card would do; the machine around it would not.
        ("qwen-image", Room(23 * GB, 48 * GB), Wishes(), 57.5, 48, "REROLL_FP8=if_needed"),
        ("qwen-image", Room(23 * GB, 16 * GB), Wishes(), 57.5, 16, ""),
        # A CPU has main memory alone, and nothing to offload to.
        ("qwen-image", Room(32 * GB), Wishes(offload=Offload.GROUP), 60.8, 32, ""),
        ("qwen-image", Room(50 * GB), Wishes(), 60.8, 50, "REROLL_FP8=if_needed"),
        ("z-image-turbo", Room(24 * GB), Wishes(), 27.8, 24, "REROLL_VAE_TILING=if_needed"),
        ("flux2-klein-4b", Room(9 * GB, MAIN), Wishes(), 10.3, 9, "REROLL_VAE_TILING=if_needed"),
    ],
)
def test_what_fits_no_way_is_refused_with_both_figures_and_what_would_help(
    variant: str, room: Room, wishes: Wishes, needed_gb: float, free_gb: float, helps: str
) -> None:
    with pytest.raises(DoesNotFit) as refused:
        choose(profile(variant), room, wishes)
    assert refused.value.needed_gb == pytest.approx(needed_gb)
    assert refused.value.free_gb == pytest.approx(free_gb)
    assert refused.value.helps == helps


def test_text_encoders_take_what_they_take_where_they_lie() -> None:
    declared = profile("qwen-image")
    together, main, other = (needed(declared, Levers(text=text)) for text in ("", "cpu", "cuda:1"))
    text = pytest.approx(declared.text_encoder * GB)
    assert together.device - main.device == together.device - other.device == text
    assert (main.main, main.aside, other.main, other.aside) == (text, 0, 0, text)
    offloaded = needed(declared, Levers(text="cpu", offload=Offload.MODEL))
    assert offloaded.main == needed(declared, Levers(offload=Offload.MODEL)).main
    small = Room(50 * GB, MAIN, 8 * GB)
    with pytest.raises(DoesNotFit) as refused:
        choose(declared, small, Wishes(text="cuda:1"))
    assert (refused.value.needed_gb, refused.value.free_gb) == (16.6, 8)
    assert surplus([other, other], Room(200 * GB, MAIN, 20 * GB)) == 1


def test_what_is_stored_in_8_bits_is_not_compiled() -> None:
    both = Wishes(fp8=EARLY, compiled=True)
    assert choose(profile("qwen-image"), card(80), both) == Levers(compiled=True)
    with pytest.raises(LeverRefused, match="REROLL_COMPILE=true"):
        choose(profile("qwen-image"), card(50), both)


FIGURES = st.floats(0.01, 100)
PROFILES = st.builds(
    Profile,
    text_encoder=FIGURES,
    transformer=FIGURES,
    vae=FIGURES,
    denoise=FIGURES,
    decode=FIGURES,
)
BYTES = st.floats(0, 300 * GB)
ROOMS = st.builds(Room, BYTES, BYTES | st.none())
WISHES = st.builds(
    Wishes,
    offload=st.sampled_from([None, *Offload]),
    fp8=st.sampled_from(Use),
    tiling=st.sampled_from(Use),
)


def outcome(
    declared: Profile, room: Room, wishes: Wishes
) -> tuple[Levers | None, DoesNotFit | None]:
    try:
        return choose(declared, room, wishes), None
    except DoesNotFit as refused:
        return None, refused


@given(PROFILES, ROOMS, WISHES)
def test_a_choice_fits_and_uses_only_what_is_allowed(
    declared: Profile, room: Room, wishes: Wishes
) -> None:
    levers, refused = outcome(declared, room, wishes)
    if refused:
        assert refused.needed_gb >= refused.free_gb
    if not levers:
        return
    taken = needed(declared, levers)
    assert taken.peak <= room.device
    assert taken.main <= (room.main or 0)
    assert not (levers.fp8 and wishes.fp8 is NEVER)
    assert not (levers.tiling and wishes.tiling is NEVER)
    if wishes.offload and room.main is not None:
        assert levers.offload is wishes.offload
    if needed(declared, Levers()).peak <= room.device and not wishes.offload:
        assert levers == Levers()


@given(PROFILES, ROOMS, st.sampled_from([None, *Offload]))
def test_pixels_change_only_where_nothing_else_fits(
    declared: Profile, room: Room, offload: Offload | None
) -> None:
    exact = Wishes(offload=offload)
    allowed = replace(exact, fp8=IF_NEEDED, tiling=IF_NEEDED)
    (levers, refused), (with_all, never) = (outcome(declared, room, w) for w in (exact, allowed))
    if levers:
        assert with_all == levers
    if refused and with_all:
        assert with_all.fp8 or with_all.tiling
        assert refused.helps
    if never:
        assert "if_needed" not in never.helps or offload


@given(st.lists(st.builds(Taken, BYTES, BYTES, BYTES), min_size=1), ROOMS)
def test_the_least_recently_used_leave_and_no_more_than_must(held: list[Taken], room: Room) -> None:
    def fits(some: list[Taken]) -> bool:
        device = sum(one.device for one in some) + max(one.work for one in some)
        return device <= room.device and (
            room.main is None or sum(one.main for one in some) <= room.main
        )

    gone = surplus(held, room)
    assert 0 <= gone < len(held)
    assert fits(held[gone:]) or gone == len(held) - 1
    assert gone == 0 or not fits(held[gone - 1 :])


def test_what_changes_pixels_is_in_the_recipe_and_what_does_not_is_not() -> None:
    for offload in Offload:
        assert Levers(offload=offload).mode == "exact"
        assert Levers(offload=offload).dtype("bfloat16") == "bfloat16"
    told = Levers(fp8=True, tiling=True, attention="sage", compiled=True)
    assert told.mode == "exact, vae in tiles, attention sage, compiled"
    assert told.dtype("bfloat16") == "bfloat16, transformer in float8_e4m3fn"


@pytest.mark.parametrize("name", LOCAL)
def test_every_local_variant_declares_what_it_takes(name: str) -> None:
    declared = profile(name)
    assert needed(declared, Levers()).peak < 140 * GB
    # Layer by layer it fits a small card, given main memory enough.
    assert choose(declared, card(16), Wishes())


def test_the_documentation_says_what_is_chosen() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in DOCUMENT.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    head = next(row for row in rows if row[0] == "variants")
    cards = [float(cell.removesuffix(" GB")) for cell in head[3:]]
    told = {
        name: row[3:]
        for row in rows
        for pattern in re.findall(r"`([^`]+)`", row[0])
        for name in fnmatch.filter(LOCAL, pattern)
    }
    words = {Offload.NONE: "whole", Offload.MODEL: "model", Offload.GROUP: "group"}
    outcomes = {
        name: [outcome(profile(name), card(gb), Wishes())[0] for gb in cards] for name in LOCAL
    }
    chosen = {
        name: [words[levers.offload] if levers else "no" for levers in row]
        for name, row in outcomes.items()
    }
    assert told == chosen


@pytest.mark.parametrize("name", ["starter", "starter-lightning"])
def test_the_starter_takes_what_it_declares(name: str) -> None:
    variant = Catalog.load([name]).default
    engine = Engine(device="cpu")
    engine.load(variant)
    held = next(iter(engine._residents._held.values())).taken
    declared = needed(profile(name), Levers())
    assert 0.5 * declared.device < held.device <= declared.device


def test_settings_are_read_as_wishes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MemorySettings(_env_file=None).wishes == Wishes()
    for name, value in {
        "MEMORY_GB": "23.5",
        "OFFLOAD": "group",
        "FP8": "if_needed",
        "VAE_TILING": "before_offload",
        "ATTENTION": "sage",
        "COMPILE": "true",
        "TEXT_DEVICE": "cuda:1",
    }.items():
        monkeypatch.setenv(f"REROLL_{name}", value)
    assert MemorySettings(_env_file=None).wishes == Wishes(
        limit_gb=23.5,
        offload=Offload.GROUP,
        fp8=IF_NEEDED,
        tiling=EARLY,
        attention="sage",
        compiled=True,
        text="cuda:1",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MEMORY_GB", "0"),
        ("MEMORY_GB", "much"),
        ("OFFLOAD", "disk"),
        ("FP8", "yes"),
        ("TEXT_DEVICE", "gpu"),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"REROLL_{name}", value)
    with pytest.raises(ValidationError):
        MemorySettings(_env_file=None)


def test_the_choice_needs_no_torch() -> None:
    names = "engine.memory.levers, engine.memory.settings"
    code = f"import {names}, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

"""What a worker draws with, looked at by a doctor: weights, memory, a vendor's key."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import VariantTooBig
from engine.judging.verdicts import RulesUnreadable
from engine.memory.levers import LeverRefused
from engine.variants.catalog import PROJECT, StartupLora, Variant, Weights
from engine.weights import whole
from engine.weights.whole import Lying
from store.doctor import places
from store.doctor.report import Finding, broken, ok, warning
from store.settings import VariantSettings
from worker.doctor.shared import catalog_of
from worker.settings import WorkerSettings

if TYPE_CHECKING:
    from engine.engine import Engine


def weights(
    settings: VariantSettings, root: Path = PROJECT, *, digests: bool = False
) -> Iterator[Finding]:
    """Look whether each variant's weights lie on this machine in one piece."""
    catalog = catalog_of(settings)
    if catalog is None:
        return
    wanted: dict[Weights | StartupLora, str] = {}
    for name in catalog.names:
        for source in whole.sources(catalog[name]):
            wanted.setdefault(source, name)
    for source, name in wanted.items():
        lying = whole.look(source, root, digests=digests)
        yield _weights(name, lying, pinned=bool(source.revision))


def folders(settings: WorkerSettings) -> Iterator[Finding]:
    """Look at the folders of this machine that only spare work, or hold what is on its way."""
    yield places.folder("parts", settings.parts_folder, "no LoRA can be added")
    if settings.lora_disk:
        place = settings.lora_folder.expanduser()
        yield places.folder("LoRAs here", place, "each is fetched again and again")
    if settings.words_folder:
        place = Path(settings.words_folder)
        yield places.folder("encoded texts", place, "each is encoded again and again")


def _weights(variant: str, lying: Lying, *, pinned: bool) -> Finding:
    name = f"weights of {variant}"
    if lying.folder is None and pinned:
        gated = "" if os.environ.get("HF_TOKEN") else "; set HF_TOKEN if the hub asks for terms"
        return warning(name, f"{lying.source} is not here yet", f"loaded at the first start{gated}")
    if lying.folder is None:
        return broken(name, f"{lying.source} is no folder here", "correct [weights] in its file")
    if lying.faults:
        mend = f"remove {lying.folder}; it is loaded again" if pinned else "bring the files again"
        return broken(name, "; ".join(lying.faults[:3]), mend)
    size = f"{lying.nbytes / 1e9:.1f} GB" if lying.nbytes > 1e8 else f"{lying.nbytes / 1e6:.1f} MB"
    return ok(name, f"{lying.source}, {size}, whole")


def memory(settings: WorkerSettings) -> Iterator[Finding]:
    """Look whether each variant fits the device."""
    catalog = catalog_of(settings)
    if catalog is None:
        return
    from engine.engine import Engine  # torch takes seconds, and the other checks do without

    engine = Engine(device=settings.device or None, wishes=settings.wishes)
    yield ok("device", engine.hardware)
    local = [catalog[name] for name in catalog.names if not catalog[name].vendor]
    yield from (_fits(engine, variant) for variant in local)


def _fits(engine: "Engine", variant: Variant) -> Finding:
    name = f"memory for {variant.name}"
    try:
        levers = engine.levers(variant)
    except VariantTooBig as error:
        said = f"{error.params['needed']} GB are needed, {error.params['free']} are free"
        helps = error.params["helps"]
        mend = f"it would fit with {helps}" if helps else "leave it to a worker with a larger GPU"
        return broken(name, said, mend)
    except LeverRefused as error:
        return broken(name, str(error), "correct the setting, or leave it out")
    text = f", text encoders on {levers.text}" if levers.text else ""
    said = f"fits, offload {levers.offload.value}, {levers.dtype(variant.dtype)}{text}"
    return ok(name, said)


def vendor(settings: WorkerSettings) -> Iterator[Finding]:
    """Look whether variants that a vendor draws have a key."""
    catalog = catalog_of(settings)
    hosted = [name for name in catalog.names if catalog[name].vendor] if catalog else []
    if not hosted:
        return
    if settings.bfl_key.get_secret_value():
        yield ok("vendor", f"a key for {', '.join(hosted)}, region {settings.bfl_region}")
    else:
        said = f"no key for {', '.join(hosted)}"
        yield broken("vendor", said, "set REROLL_BFL_KEY, or take them out of REROLL_VARIANTS")


def output_check(settings: WorkerSettings) -> Iterator[Finding]:
    """Look whether finished pictures are looked at before members see them."""
    if not settings.check_model:
        yield warning(
            "output check",
            "NONE CONFIGURED: pictures reach members as they were drawn",
            "set REROLL_CHECK_MODEL (docs/checks.md), or keep to prompts you trust",
        )
        return
    from engine.judging.judge import JudgeUnusable, appointed  # torch, as above

    try:
        judge = appointed(settings, "cpu", offline=True)
    except (JudgeUnusable, RulesUnreadable) as error:
        yield broken("output check", str(error), "correct REROLL_CHECK_MODEL or _RULES")
        return
    yield ok(
        "output check", f"{settings.check_model} says {', '.join(judge.labels if judge else ())}"
    )

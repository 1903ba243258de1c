"""What a member asks for with /lora train, and what of it a form remembers.

It decides no limits: those are the variant's terms and the member's plan.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex

from bot.errors import PressOutdated, QuestionExpired
from engine.training.plan import Example, Plan, price, terms, trainer, trainers
from engine.variants.catalog import Catalog, Variant
from store.training.errors import TrainingRuns

FORM = "train-form"
TRIGGER_LIMIT = 32
STEM = 12
"""Letters of a LoRA's name in a trigger word that was made up."""
SAMPLES = 4
"""Pictures that show how far it is, of as many captions."""
SEED = 1
STANDS = timedelta(minutes=14)
MOST_KEPT = 20
MOST_BYTES = 256 * 2**20
"""Of pictures that wait for a member's word: the oldest go first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options, with defaults filled in; `variant` is what it is trained on."""

    name: str
    base: str
    variant: Variant
    trigger: str
    rank: int
    steps: int

    @property
    def plan(self) -> Plan:
        """Return what the engine is told."""
        return Plan(variant=self.variant.name, rank=self.rank, steps=self.steps, seed=SEED)

    @property
    def price(self) -> int:
        """Return the credits."""
        return price(self.variant, self.steps)

    def form_id(self) -> str:
        """Return the custom id of the form that asks for pictures, which remembers all of this."""
        # No name holds a colon; the trigger comes last, as it may.
        return f"{FORM}~{self.base}:{self.rank}:{self.steps}:{self.name}:{self.trigger}"

    @classmethod
    def of_form(cls, custom_id: str, catalog: Catalog) -> "Asked":
        """Read such an id. Raises PressOutdated, TrainingForbidden or TrainingUnsupported."""
        try:
            base, rank, steps, name, trigger = custom_id.partition("~")[2].split(":", 4)
            numbers = {"rank": int(rank), "steps": int(steps)}
        except ValueError as error:
            raise PressOutdated from error
        variant = trainer(base, catalog.folder)
        return cls(name=name, base=base, variant=variant, trigger=trigger, **numbers)


def trained(catalog: Catalog) -> Mapping[str, Variant]:
    """Return the bases that LoRAs can be trained on here, and the variant of each."""
    return trainers((catalog[name] for name in catalog.names), catalog.folder)


def bounds(variants: Iterable[Variant]) -> Mapping[str, tuple[int, int]]:
    """Return the widest bounds of the numbers; a base's own are checked when it is known."""
    known = [terms(variant) for variant in variants]
    every = {"steps": [one.steps for one in known], "rank": [one.rank for one in known]}
    return {
        name: (min(one.least for one in ranges), max(one.most for one in ranges))
        for name, ranges in every.items()
    }


def defaulted(
    catalog: Catalog,
    *,
    name: str,
    base: str | None,
    trigger: str | None,
    rank: int | None,
    steps: int | None,
) -> Asked:
    """Fill in what was left out: the default variant's base, and that base's own numbers.

    Where that base cannot be trained it is the first that can. Raises TrainingForbidden or
    TrainingUnsupported.
    """
    bases, usual = trained(catalog), catalog.default.loras
    chosen = base or (usual if usual in bases else next(iter(bases), usual))
    variant = trainer(chosen, catalog.folder)
    known = terms(variant)
    return Asked(
        name=name,
        base=chosen,
        variant=variant,
        trigger=" ".join((trigger or "").split())[:TRIGGER_LIMIT],
        rank=rank or known.rank.default,
        steps=steps or known.steps.default,
    )


def made_up(name: str) -> str:
    """Return a trigger word that no model knows, after the name where that is in Latin letters."""
    stem = "".join(char for char in name.casefold() if char.isascii() and char.isalnum())
    return f"{stem[:STEM] or 'lora'}{token_hex(2)}"


def prompts(examples: tuple[Example, ...]) -> tuple[str, ...]:
    """Return what samples show: the first captions that differ."""
    return tuple(dict.fromkeys(one.caption for one in examples))[:SAMPLES]


@dataclass(frozen=True, slots=True)
class Pending:
    """A training that waits for its member's word."""

    asked: Asked
    examples: tuple[Example, ...] = field(repr=False)
    user_id: int
    at: datetime

    @property
    def size(self) -> int:
        """Return the bytes of its pictures."""
        return sum(len(one.picture) for one in self.examples)


class Waiting:
    """Trainings that were asked about, each handed to one press only; in memory alone."""

    def __init__(self) -> None:
        self._open: dict[str, Pending | None] = {}

    def keep(self, pending: Pending) -> str:
        """Remember it; return the key that the button carries."""
        key = token_hex(8)
        self._open[key] = pending
        while len(self._open) > 1 and self._is_too_much():
            del self._open[next(iter(self._open))]
        return key

    def take(self, key: str, user_id: int, now: datetime) -> Pending:
        """Return it to its member, once. Raises TrainingRuns or QuestionExpired."""
        if key not in self._open:
            raise QuestionExpired
        pending = self._open[key]
        if pending is None:
            raise TrainingRuns
        if pending.user_id != user_id or now - pending.at > STANDS:
            raise QuestionExpired
        self._open[key] = None
        return pending

    def put_back(self, key: str, pending: Pending) -> None:
        """Let it be confirmed again: nothing came of the press."""
        self._open[key] = pending

    def _is_too_much(self) -> bool:
        held = sum(one.size for one in self._open.values() if one)
        return len(self._open) > MOST_KEPT or held > MOST_BYTES

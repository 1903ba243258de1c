"""What becomes of a finished picture, by a classifier's score and the kind of channel; pure."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

RULES = Path(__file__).parent / "judging.toml"


class RulesUnreadable(ValueError):
    """The file of labels and thresholds is of no use; the text says why."""


class Verdict(StrEnum):
    """What is done with a picture, from the least to the most."""

    DELIVER = "deliver"
    SPOILER = "spoiler"
    HOLD = "hold"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which score on a picture is hidden, held for moderators, refused; above 1 is never."""

    spoiler: float = 2.0
    hold: float = 2.0
    refuse: float = 2.0

    def verdict(self, score: float) -> Verdict:
        """Return what a score leads to: of several the most."""
        steps = ((self.refuse, Verdict.REFUSE), (self.hold, Verdict.HOLD))
        for least, verdict in (*steps, (self.spoiler, Verdict.SPOILER)):
            if score >= least:
                return verdict
        return Verdict.DELIVER


@dataclass(frozen=True, slots=True)
class Rules:
    """Which of a classifier's labels count, and the thresholds of both kinds of channel.

    `elsewhere` is every channel that is not known to be age-restricted.
    """

    labels: frozenset[str]
    elsewhere: Thresholds
    age_restricted: Thresholds

    @classmethod
    def load(cls, path: Path = RULES) -> Self:
        """Read a TOML file. Raises RulesUnreadable."""
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            labels = frozenset(str(label).casefold() for label in values.pop("labels"))
            kinds = (_thresholds(values.pop(kind, {})) for kind in ("elsewhere", "age_restricted"))
            rules = cls(labels, *kinds)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise RulesUnreadable(f"{path}: {error!r}") from error
        if values or not labels:
            raise RulesUnreadable(f"{path}: no labels, or names nobody knows: {sorted(values)}")
        return rules

    def verdict(self, scores: Mapping[str, float], *, age_restricted: bool) -> Verdict:
        """Return what becomes of a picture with these scores by label."""
        score = sum(share for label, share in scores.items() if label.casefold() in self.labels)
        return (self.age_restricted if age_restricted else self.elsewhere).verdict(score)


def _thresholds(values: Mapping[str, Any]) -> Thresholds:
    known = {field.name for field in fields(Thresholds)}
    if unknown := set(values) - known:
        raise ValueError(f"no thresholds: {sorted(unknown)}")
    if wrong := [name for name, at in values.items() if not 0 < float(at) <= 2]:
        raise ValueError(f"not above 0 and at most 2: {wrong}")
    return Thresholds(**{name: float(at) for name, at in values.items()})

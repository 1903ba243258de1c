"""The AIGC field of GB 45438-2025: says in a file's metadata that it was generated, and by whom.

Its values are printable ASCII without blank, quotation mark or backslash, so that they stand in
every format as they are.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Self

from engine.labels.errors import ProviderInvalid

FIELD = "AIGC"
GENERATED = "1"
"""The content is generated; "2" would be that it may be, "3" that somebody suspects it."""
PLAIN = re.compile(r"[!#-\[\]-~]{1,64}")
LIMIT = 4096
"""Characters that are read of a stranger's field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aigc:
    """Who generated a file, under which number, and who handed it on under which."""

    label: str
    producer: str
    produce_id: str
    propagator: str = ""
    propagate_id: str = ""

    @classmethod
    def generated(cls, provider: str, number: str) -> Self:
        """Return what the maker of a file writes, who is also the first to hand it on.

        Raises ProviderInvalid.
        """
        if not PLAIN.fullmatch(provider):
            raise ProviderInvalid(
                f"{provider!r} is not 1 to 64 ASCII characters without blanks, quotes, backslashes"
            )
        return cls(
            label=GENERATED,
            producer=provider,
            produce_id=number,
            propagator=provider,
            propagate_id=number,
        )

    def dumps(self) -> str:
        """Return the field's text."""
        values = {
            "Label": self.label,
            "ContentProducer": self.producer,
            "ProduceID": self.produce_id,
            "ReservedCode1": "",
            "ContentPropagator": self.propagator,
            "PropagateID": self.propagate_id,
            "ReservedCode2": "",
        }
        return json.dumps(values, separators=(",", ":"))

    def wrapped(self) -> str:
        """Return the text for places that have no name of their own for it."""
        return f'{{"{FIELD}":{self.dumps()}}}'

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Read a stranger's field, wrapped or not; None where it is none."""
        try:
            values = json.loads(text[:LIMIT])
            values = values.get(FIELD, values)
            if "Label" not in values:
                return None
            return cls(
                label=_text(values, "Label"),
                producer=_text(values, "ContentProducer"),
                produce_id=_text(values, "ProduceID"),
                propagator=_text(values, "ContentPropagator"),
                propagate_id=_text(values, "PropagateID"),
            )
        except (ValueError, TypeError, AttributeError, RecursionError):
            return None


def _text(values: dict[str, Any], name: str) -> str:
    return str(values.get(name, ""))[:200]

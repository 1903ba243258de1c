"""From a finished picture to the file that is kept: looked at, labelled, signed, in this order.

A picture is finished while the next one is drawn, and a preview in the thread that draws.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.errors import PictureWithheld
from engine.judging.verdicts import Verdict
from engine.labels.labelling import Labels
from engine.recipe import Recipe
from store.line.claims import Claim

Look = Callable[[bytes, bool], Verdict]
"""Judges a picture by its file and whether its channel is age-restricted."""


def unseen(_png: bytes, _age_restricted: bool) -> Verdict:
    """Deliver everything, as a host without a classifier does."""
    return Verdict.DELIVER


@dataclass(frozen=True, slots=True)
class Finish:
    """How a host's pictures are finished."""

    labels: Labels = field(default_factory=Labels)
    look: Look = unseen

    def picture(self, claim: Claim, png: bytes, recipe: Recipe) -> tuple[bytes, Verdict]:
        """Return the file to keep and what becomes of it. Raises PictureWithheld."""
        verdict = self.look(png, claim.age_restricted)
        if verdict is Verdict.REFUSE:
            raise PictureWithheld
        kept = self.labels.kept(png, recipe, claim.number, wordless=claim.wordless)
        return kept, verdict

    def preview(self, claim: Claim, png: bytes) -> bytes | None:
        """Return a preview with its label, or None where it is not for everybody's eyes."""
        if self.look(png, claim.age_restricted) is not Verdict.DELIVER:
            return None
        return self.labels.preview(png, claim.number)

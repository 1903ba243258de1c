"""Labels for every file: first what it says about itself, then the signature, last of all."""

import io
from dataclasses import dataclass
from enum import StrEnum

import structlog
from PIL import Image

from engine.labels import seal as seals
from engine.labels import tags as all_tags
from engine.labels import visible
from engine.labels.aigc import Aigc
from engine.labels.png import PngBroken
from engine.labels.seal import Seal, Signed
from engine.labels.tags import Tags
from engine.pictures.images import encoded
from engine.pictures.uploads import BROKEN
from engine.recipe import Recipe

QUALITIES = (92, 80, 60, 40)

log = structlog.get_logger()


class Visible(StrEnum):
    """Whether delivered copies bear a label that people see."""

    OFF = "off"
    ON = "on"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """How a host labels files.

    `visible` ON lets a member ask for copies without the label that people see, ALWAYS does not.
    """

    provider: str = "reroll"
    visible: Visible = Visible.OFF
    seal: Seal | None = None

    def __post_init__(self) -> None:
        """Raise ProviderInvalid."""
        Aigc.generated(self.provider, "0")

    def kept(self, png: bytes, recipe: Recipe, number: str, *, wordless: bool = False) -> bytes:
        """Return a drawn picture as the file that is kept; its pixels stay as they are.

        `number` is the content's own. A `wordless` file keeps the prompt to itself.
        """
        tags = Tags(recipe.dumps(), Aigc.generated(self.provider, number))
        return self._sealed(png, tags.without_words() if wordless else tags, number)

    def copy(self, kept: bytes, number: str, limit: int, text: str = "") -> tuple[bytes, str]:
        """Return a copy of a kept file of at most `limit` bytes, and its kind.

        A `text` is drawn into its corner. The file itself is handed out where that is possible,
        and where it is damaged: who gets it sees that, who does not would wait in vain.
        """
        tags = all_tags.read(kept)
        if not text and tags.aigc and len(kept) <= limit:
            return kept, "png"
        try:
            return self._copied(kept, tags, number, limit, text)
        except (PngBroken, *BROKEN):
            log.warning("damaged file handed out", number=number)
            return kept, "png"

    def _copied(
        self, kept: bytes, tags: Tags, number: str, limit: int, text: str
    ) -> tuple[bytes, str]:
        tags = Tags(tags.recipe, tags.aigc or Aigc.generated(self.provider, number))
        with Image.open(io.BytesIO(kept)) as picture:
            shown = visible.drawn(picture, text) if text else picture
            whole = encoded(shown) if text else kept
            made = self._sealed(whole, tags, number)
            if len(made) <= limit:
                return made, "png"
            return self._smaller(shown, tags, number, limit), "webp"

    def preview(self, png: bytes, number: str) -> bytes:
        """Return a picture that is not done yet, labelled but not signed."""
        return Tags(aigc=Aigc.generated(self.provider, number)).in_png(png)

    def small(self, kept: bytes, number: str, side: int) -> bytes:
        """Return a thumbnail, which is labelled but not signed: it is no work of its own."""
        tags = Tags(aigc=all_tags.read(kept).aigc or Aigc.generated(self.provider, number))
        with Image.open(io.BytesIO(kept)) as picture:
            picture.thumbnail((side, side))
            return _webp(picture, 85, tags)

    def check(self, content: bytes, kind: str) -> Signed:
        """Return what a stranger's file is signed with."""
        return seals.check(content, kind, self.seal)

    def _smaller(self, picture: Image.Image, tags: Tags, number: str, limit: int) -> bytes:
        for quality in QUALITIES:
            made = self._signed(_webp(picture, quality, tags), "webp", number)
            if len(made) <= limit:
                return made
        half = picture.resize((picture.width // 2, picture.height // 2))
        return self._signed(_webp(half, QUALITIES[-1], tags), "webp", number)

    def _sealed(self, png: bytes, tags: Tags, number: str) -> bytes:
        return self._signed(tags.in_png(png), "png", number)

    def _signed(self, content: bytes, kind: str, number: str) -> bytes:
        return self.seal.signed(content, kind, number) if self.seal else content


def _webp(picture: Image.Image, quality: int, tags: Tags) -> bytes:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=quality, **tags.for_saving())
    return out.getvalue()

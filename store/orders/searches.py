"""What a member looks for among their own orders, as conditions on rows."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select

from store.tables.orders import Generation, Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Words that the prompt contains, all of them; a variant; favourites alone."""

    words: str = ""
    variant: str = ""
    starred: bool = False

    def __bool__(self) -> bool:
        """Tell whether anything is looked for."""
        return bool(self.words or self.variant or self.starred)

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield what an order's row must meet."""
        prompt = Generation.request["prompt"].as_string()
        for word in self.words.split():
            yield prompt.icontains(word, autoescape=True)
        if self.variant:
            yield Generation.variant == self.variant
        if self.starred:
            own = select(Image.generation_id).where(Image.starred.is_(True))
            yield or_(Generation.starred.is_(True), Generation.id.in_(own))

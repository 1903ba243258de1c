"""The card of an order that has ended: its pictures, or why there are none and what to do next."""

from collections.abc import Iterator
from dataclasses import dataclass

from discord import ui

from bot.cards import letters, marks, remarks
from bot.cards.letters import Letter
from bot.cards.order_card import BUSY, CALM, SORRY, offered, press, reworked
from bot.delivery import pictures
from bot.delivery.hints import Hint
from bot.delivery.pictures import Fetched
from bot.delivery.reruns import Comparison
from bot.i18n import Words
from bot.markdown import plain, quote
from engine.request import GenerationRequest
from engine.variants.catalog import Variant
from store.money.ledger import Balance
from store.tables.orders import Generation

ALT_TEXT = 250
PROMPT = 1000
QUIET_PROMPT = 120
SEEDS_SHOWN = 10
EXAMPLES = 3
A_ROW = 5
"""Buttons that Discord takes side by side."""
TONGUES = {"zh-CN": "zh", "zh-TW": "tw"}
"""How a vocabulary calls our languages; English where it is not named here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An ended order and what its card tells about it; `comparison` is for the same seeds again.

    It `has_hearts` where the server has a showcase, and `takes_reports` where somebody reads them.
    """

    generation: Generation
    fetched: Fetched
    variant: Variant | None
    balance: Balance | None = None
    comparison: Comparison | None = None
    hint: Hint | None = None
    has_hearts: bool = False
    takes_reports: bool = False

    @property
    def request(self) -> GenerationRequest:
        """Return what was ordered."""
        return GenerationRequest.from_json(self.generation.request)

    @property
    def held(self) -> int:
        """Return how many pictures wait for a moderator's look."""
        return sum(image.held_sha256 is not None for image in self.generation.images)

    @property
    def missing(self) -> int:
        """Return how many pictures were not drawn, and were refunded."""
        images = self.generation.images
        return len(images) - sum(image.status == "done" for image in images)

    @property
    def refund(self) -> int:
        """Return the credits that went back."""
        return self.generation.price // len(self.generation.images) * self.missing


def ended(words: Words, result: Result) -> Letter:
    """Return the card for a result of any kind."""
    if result.fetched.attachments:
        return _pictures(words, result)
    return _open(words, result) if result.generation.status == "open" else _nothing(words, result)


def _pictures(words: Words, result: Result) -> Letter:
    quiet = bool(result.generation.quiet)
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=CALM)
    card.add_item(ui.TextDisplay(quote(result.request.prompt, QUIET_PROMPT if quiet else PROMPT)))
    card.add_item(gallery(result.generation, result.fetched))
    lines = [_facts(words, result), *_remarks(words, result), *_hints(words, result)]
    # Of a quiet card stays what went wrong, and what tells it from others.
    lines = _warnings(words, result) if quiet else lines
    card.add_item(ui.TextDisplay("\n".join([*lines, _footer(words, result)])))
    several = len(result.fetched.attachments) > 1
    row = _buttons(words, result, ("new", "again", "remix", "delete"))
    if quiet or not several:
        row.add_item(_more(words, result))
    card.add_item(row)
    if result.held:
        card.add_item(_buttons(words, result, ("review",)))
    if able := _beneath(result):
        card.add_item(_buttons(words, result, able))
    for picks in () if quiet or not several else _picks(words, result):
        card.add_item(picks)
    return Letter(letters.layout(card), tuple(result.fetched.attachments.values()))


def _beneath(result: Result) -> tuple[str, ...]:
    """Return the second row of buttons; a quiet card has less of it."""
    hearts = ("heart",) if result.has_hearts else ()
    reports = ("report",) if result.takes_reports else ()
    rework = () if result.generation.quiet else reworked(result.variant)
    return (*hearts, *rework, *reports)


def gallery(generation: Generation, fetched: Fetched) -> ui.MediaGallery[ui.LayoutView]:
    """Return the pictures of an order, behind spoilers where it or the output check wants them."""
    shown: ui.MediaGallery[ui.LayoutView] = ui.MediaGallery()
    for index, file in fetched.attachments.items():
        shown.add_item(
            media=f"attachment://{file.name}",
            description=str(generation.request["prompt"])[:ALT_TEXT],
            spoiler=pictures.is_veiled(generation, index),
        )
    return shown


def _open(words: Words, result: Result) -> Letter:
    """Say of an order that was looked up too early that it is not lost."""
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=BUSY)
    footer = (
        f"-# {words('result.owner', user=result.generation.user_id)} · `{result.generation.id}`"
    )
    lines = [f"### {words('opened.open')}", quote(result.request.prompt), footer]
    card.add_item(ui.TextDisplay("\n".join(lines)))
    card.add_item(_buttons(words, result, ("cancel", "remix")))
    return Letter(letters.layout(card))


def _nothing(words: Words, result: Result) -> Letter:
    generation = result.generation
    error = generation.error or {"code": "cancelled", "params": {}}
    reason = words.failure(error["code"], error["params"])
    if result.fetched.lost:
        reason = words("errors.files_lost")
    if result.held:
        reason = _held(words, result)
    card: ui.Container[ui.LayoutView] = ui.Container(accent_colour=BUSY if result.held else SORRY)
    lines = [reason, quote(result.request.prompt), _footer(words, result)]
    card.add_item(ui.TextDisplay("\n".join(lines)))
    review = ("review",) if result.held else ()
    card.add_item(_buttons(words, result, ("again", "remix", *review, "delete")))
    return Letter(letters.layout(card))


def _facts(words: Words, result: Result) -> str:
    request = result.request
    seeds = [request.seeds[index] for index in result.fetched.attachments][:SEEDS_SHOWN]
    parts = [f"**{_name(words, request.variant)}**", f"{request.width}×{request.height}"]
    if result.variant is None or result.variant.seeds:
        parts.append(words("result.seed", seeds=" ".join(f"`{seed}`" for seed in seeds)))
    parts.append(words("result.seconds", seconds=_seconds(result.generation)))
    return " · ".join(parts)


def _origin(words: Words, result: Result) -> list[str]:
    """Say in a word what the pictures started from."""
    request = result.request
    if remarks.is_enlarged(result.generation.remarks or {}):
        return [words("origin.enlarged")]
    if request.mask:
        return [words("origin.mask")]
    if request.canvas:
        return [words("origin.canvas", percent=round(request.strength * 100))]
    if request.references:
        return [words("origin.references", count=len(request.references))]
    return []


def _remarks(words: Words, result: Result) -> list[str]:
    request = result.request
    said = _origin(words, result) + remarks.lines(words, result.generation.remarks or {})
    if request.negative:
        said.append(words("result.negative", negative=plain(request.negative, 300)))
    if (variant := result.variant) and request.steps != variant.steps.default:
        said.append(words("result.steps", steps=request.steps))
    if variant and request.guidance != variant.guidance.default:
        said.append(words("result.guidance", guidance=f"{request.guidance:g}"))
    if result.comparison:
        said.append(words(f"comparison.{result.comparison}"))
    return said + _warnings(words, result)


def _warnings(words: Words, result: Result) -> list[str]:
    said = []
    if result.missing:
        error = result.generation.error or {"code": "cancelled", "params": {}}
        reason = words.failure(error["code"], error["params"])
        count = len(result.generation.images)
        said.append(words("result.partial", missing=result.missing, count=count, reason=reason))
    if result.held:
        said.append(_held(words, result))
    if result.fetched.lost:
        said.append(words("result.lost", lost=result.fetched.lost))
    if result.fetched.reencoded:
        said.append(words("result.reencoded"))
    return said


def _held(words: Words, result: Result) -> str:
    return words("review.waiting", held=result.held, count=len(result.generation.images))


def _hints(words: Words, result: Result) -> list[str]:
    if (hint := result.hint) is None:
        return []
    *most, last = hint.vocabulary.examples(TONGUES.get(words.locale, "en"), EXAMPLES)
    told = words("list.and").join([words("list.comma").join(most), last] if most else [last])
    text = words(
        "hint.switch" if hint.other else "hint.host",
        variant=_name(words, hint.variant),
        count=len(hint.vocabulary),
        examples=told,
        other=_name(words, hint.other or ""),
    )
    return [f"-# {text}"]


def _footer(words: Words, result: Result) -> str:
    parts = [words("result.owner", user=result.generation.user_id)]
    if result.refund:
        parts.append(words("result.refund", refund=result.refund))
    if result.generation.slow:
        parts.append(words("result.slow"))
    if result.balance:
        parts.append(words("result.left", left=result.balance.left))
    if result.fetched.attachments:
        parts.append(f"`{result.generation.id}`")  # to be copied into a command
    return f"-# {' · '.join(parts)}"


def _buttons(words: Words, result: Result, actions: tuple[str, ...]) -> ui.ActionRow[ui.LayoutView]:
    known = offered(actions, result.variant)
    return ui.ActionRow(*(press(words, action, result.generation.id) for action in known))


def _more(words: Words, result: Result) -> ui.Button[ui.LayoutView]:
    return ui.Button(
        label=words("buttons.more"), custom_id=marks.button("pick", result.generation.id)
    )


def _picks(words: Words, result: Result) -> Iterator[ui.ActionRow[ui.LayoutView]]:
    """Yield rows with a button for each picture, as they are counted in the gallery."""
    buttons: list[ui.Button[ui.LayoutView]] = [
        ui.Button(
            label=words("buttons.pick", nth=place),
            custom_id=marks.button("pick", result.generation.id, index + 1),
        )
        for place, index in enumerate(result.fetched.attachments, 1)
    ]
    for start in range(0, len(buttons), A_ROW):
        yield ui.ActionRow(*buttons[start : start + A_ROW])


def _name(words: Words, variant: str) -> str:
    return plain(words.name(f"variants.{variant}", variant))


def _seconds(generation: Generation) -> str:
    total = sum(image.seconds or 0 for image in generation.images)
    return f"{total:.1f}" if total < 10 else f"{total:.0f}"

"""`python -m engine`: draw pictures and list variants; knows no Discord, queue or store."""

import argparse
import hashlib
import json
import secrets
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from engine import errors
from engine.command.logs import logs_on_stderr
from engine.command.sentences import SENTENCES
from engine.loras import command as lora_command
from engine.memory.levers import LeverRefused
from engine.pictures import uploads
from engine.request import SEED_LIMIT, WHOLE, GenerationRequest
from engine.training import command as training_command
from engine.variants.catalog import VARIANTS, Catalog, Variant, VariantUnreadable
from engine.variants.vocabulary import VocabularyUnreadable

if TYPE_CHECKING:
    from engine.drawing.picture import Picture
    from engine.memory.settings import MemorySettings
    from engine.vendor.settings import VendorSettings


class WrongInput(Exception):
    """What was typed cannot be done; the text says what to type instead."""


@dataclass(slots=True)
class _Pictures:
    """Files to start from, made plain; empty where there is none."""

    references: tuple[bytes, ...] = ()
    canvas: bytes = field(default=b"", repr=False)
    mask: bytes = field(default=b"", repr=False)

    @property
    def files(self) -> Mapping[str, bytes]:
        """Return them by their sha256."""
        return {_digest(file): file for file in (*self.references, self.canvas, self.mask) if file}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongInput(f"{message[:1].upper()}{message[1:]}; see `{self.prog} --help`.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 1 where the machine failed, 2 where the input is wrong."""
    try:
        options = _parser().parse_args(arguments)
        options.command(options)
    except (WrongInput, LeverRefused, errors.RequestRefused) as error:
        print(_sentence(error), file=sys.stderr)
        return 2
    except (errors.EngineFailed, OSError) as error:
        print(_sentence(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m engine", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    imagine = commands.add_parser("imagine", help="draw pictures from a prompt")
    imagine.set_defaults(command=_imagine)
    imagine.add_argument("prompt", type=_text)
    imagine.add_argument("--variant", default="starter")
    imagine.add_argument("--seed", type=int, help="the first picture's; random where left out")
    imagine.add_argument("--count", type=int, default=1)
    imagine.add_argument("--size", type=_size, help="WIDTHxHEIGHT in pixels")
    imagine.add_argument("--steps", type=int)
    imagine.add_argument("--guidance", type=float)
    imagine.add_argument("--negative", type=_text, default="")
    pictures = imagine.add_argument_group("pictures to start from")
    pictures.add_argument("--reference", type=Path, action="append", default=[], help="look at it")
    pictures.add_argument("--canvas", type=Path, help="paint over it")
    pictures.add_argument("--mask", type=Path, help="only where this is white")
    pictures.add_argument("--strength", type=float, default=WHOLE, help="how much, up to 1")
    imagine.add_argument("--out", type=Path, default=Path())
    imagine.add_argument("--json", action="store_true", help="print one JSON line per picture")
    variants = commands.add_parser("variants", help="list variants, their sizes and licences")
    variants.set_defaults(command=_variants)
    variants.add_argument("--json", action="store_true", help="print one JSON line per variant")
    training_command.add_to(lora_command.add_to(commands))
    for command in (imagine, variants):
        command.add_argument("--variants-folder", type=Path, default=VARIANTS)
    return parser


def _imagine(options: argparse.Namespace) -> None:
    catalog = _catalog([options.variant], options.variants_folder)
    pictures = _pictures(options)
    request = _request(options, catalog.default, pictures)
    catalog.default.check(request)
    _require_acknowledged(catalog.default)
    options.out.mkdir(parents=True, exist_ok=True)
    # Not before the input is known to be right: torch takes seconds to import.
    from engine.engine import Engine
    from engine.vendor.connection import connected

    with logs_on_stderr():
        vendor, memory = _settings()
        engine = Engine(
            vendor=connected(vendor) if catalog.default.vendor else None, wishes=memory.wishes
        )
        for index in range(request.count):
            picture = engine.draw(catalog.default, request.image(index), files=pictures.files)
            _keep(picture, options)


def _keep(picture: "Picture", options: argparse.Namespace) -> None:
    seed = picture.recipe.request.seed
    # The pixels are in the name, so that another picture of the same seed overwrites nothing.
    file = options.out / f"{options.variant}-{seed}-{picture.pixel_sha256[:8]}.png"
    file.write_bytes(picture.png)
    print(_line(file, seed, picture, as_json=options.json), flush=True)


def _line(file: Path, seed: int, picture: "Picture", *, as_json: bool) -> str:
    seconds = round(picture.seconds, 3)
    if not as_json:
        return f"{file}  seed {seed}  {seconds} s  pixels {picture.pixel_sha256}"
    values = {"file": str(file), "seed": seed, "pixel_sha256": picture.pixel_sha256}
    return json.dumps({**values, "seconds": seconds})


def _require_acknowledged(variant: Variant) -> None:
    from engine.variants.licences import (
        LicenceSettings,
        LicenceUnacknowledged,
        require_acknowledged,
    )

    try:
        require_acknowledged([variant], LicenceSettings().acknowledged_licences)
    except LicenceUnacknowledged as error:
        raise WrongInput(str(error)) from error


def _variants(options: argparse.Namespace) -> None:
    names = sorted(path.stem for path in options.variants_folder.glob("*.toml"))
    if not names:
        raise WrongInput(f"{options.variants_folder} holds no variants; name another folder.")
    catalog = _catalog(names, options.variants_folder)
    for name in catalog.names:
        print(_described(catalog[name], as_json=options.json))


def _described(variant: Variant, *, as_json: bool) -> str:
    licence, sizes, steps = variant.licence, variant.sizes, variant.steps
    if not as_json:
        terms = "commercial use" if licence.commercial else "no commercial use"
        width, height = sizes.default
        return f"{variant.name}  {width}x{height}  {steps.default} steps  {licence.name} ({terms})"
    values = {
        "name": variant.name,
        "family": variant.family,
        "licence": licence.name,
        "commercial": licence.commercial,
        "languages": variant.languages,
        "glyphs": variant.glyphs,
        "sizes": {**asdict(sizes), "presets": dict(sizes.presets)},
        "steps": asdict(steps),
        "accepts": asdict(variant.accepts),
        "loras": variant.loras,
    }
    return json.dumps(values)


def _catalog(names: Iterable[str], folder: Path) -> Catalog:
    try:
        return Catalog.load(names, folder)
    except (VariantUnreadable, VocabularyUnreadable) as error:
        raise WrongInput(str(error)) from error


def _pictures(options: argparse.Namespace) -> _Pictures:
    """Read the files that were named. Raises PictureRefused, or OSError for one that is not."""
    pictures = _Pictures(tuple(uploads.read(file.read_bytes()).png() for file in options.reference))
    if options.canvas:
        canvas = uploads.read(options.canvas.read_bytes())
        pictures.canvas = canvas.png()
        if options.mask:
            mask = uploads.read_mask(options.mask.read_bytes(), canvas.picture.size)
            pictures.mask = uploads.to_file(mask)
    elif options.mask:
        raise WrongInput("--mask says what of a --canvas is drawn anew; give both.")
    return pictures


def _request(
    options: argparse.Namespace, variant: Variant, pictures: _Pictures
) -> GenerationRequest:
    width, height = options.size or variant.sizes.default
    first = secrets.randbelow(SEED_LIMIT) if options.seed is None else options.seed
    if not 0 <= first < SEED_LIMIT:
        raise errors.SeedInvalid(value=first, limit=SEED_LIMIT - 1)
    if not 1 <= options.count <= variant.max_count:
        raise errors.CountInvalid(value=options.count, limit=variant.max_count)
    return GenerationRequest(
        variant=variant.name,
        prompt=options.prompt,
        negative=options.negative,
        width=width,
        height=height,
        steps=variant.steps.default if options.steps is None else options.steps,
        guidance=variant.guidance.default if options.guidance is None else options.guidance,
        references=tuple(map(_digest, pictures.references)),
        canvas=_digest(pictures.canvas),
        mask=_digest(pictures.mask),
        strength=options.strength,
        seeds=_seeds(first if variant.seeds or options.seed is not None else None, options.count),
    )


def _seeds(first: int | None, count: int) -> tuple[int, ...]:
    return tuple(0 if first is None else (first + index) % SEED_LIMIT for index in range(count))


def _digest(file: bytes) -> str:
    return hashlib.sha256(file).hexdigest() if file else ""


def _settings() -> "tuple[VendorSettings, MemorySettings]":
    from pydantic import ValidationError

    from engine import setting_names
    from engine.memory.settings import MemorySettings
    from engine.vendor.settings import VendorSettings

    try:
        return VendorSettings(), MemorySettings()
    except ValidationError as error:
        names = ", ".join(setting_names.wrong(error))
        raise WrongInput(f"Wrong settings: {names}; see .env.example.") from None


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 128x128")
    return int(width), int(height)


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        # The terminal's bytes were in another encoding; no tokenizer or file would take them.
        raise argparse.ArgumentTypeError("the text is not valid UTF-8") from error
    return text


def _sentence(error: Exception) -> str:
    if not isinstance(error, errors.RerollError):
        return str(error)
    cause = str(error.__cause__)
    return SENTENCES[error.code].format(
        **error.params, cause=textwrap.shorten(cause, 300).rstrip(".")
    )


if __name__ == "__main__":
    sys.exit(main())

"""`python -m engine`: draw pictures and list variants; knows no Discord, queue or store."""

import argparse
import json
import secrets
import sys
import textwrap
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from engine import errors
from engine.catalog import VARIANTS, Catalog, Variant
from engine.request import SEED_LIMIT, GenerationRequest
from engine.vocabulary import VocabularyUnreadable

if TYPE_CHECKING:
    from engine.engine import Engine, Picture
    from engine.memory_settings import MemorySettings
    from engine.vendor.settings import VendorSettings

SENTENCES: Mapping[str, str] = {
    "variant_unknown": "There is no variant {name!r}; choose one of: {known}.",
    "prompt_empty": "The prompt is empty; say what to draw.",
    "prompt_too_long": "The text has {length} characters; shorten it to {limit}.",
    "negative_unsupported": "{variant} takes no negative prompt; leave --negative out.",
    "negative_unguided": "--negative counts for nothing with guidance {guidance}; raise it.",
    "size_unsupported": "{width}x{height} cannot be drawn; choose a --size such as {choices}.",
    "seed_invalid": "{value} is no seed; give --seed a whole number from 0 to {limit}.",
    "seed_unsupported": "{variant} draws without seeds; leave --seed out.",
    "count_invalid": "{value} pictures are out of range; give --count 1 to {limit}.",
    "steps_invalid": "{value} steps are out of range; give --steps {least} to {most}.",
    "guidance_invalid": "Guidance {value} is out of range; give --guidance {least} to {most}.",
    "weights_broken": "The weights of {variant} cannot be used: {cause}.",
    "device_full": "The device has no memory for {width}x{height}; choose a smaller --size.",
    "variant_too_big": "{variant} needs {needed} GB of memory, and {free} GB are free here.",
    "vendor_failed": "The vendor of {variant} did not deliver the picture; try again.",
    "vendor_refused_prompt": "The vendor's filter refuses this prompt; use other words.",
    "vendor_refused_picture": "The vendor's filter withheld the picture; use another --seed.",
    "vendor_rejected": "The vendor of {variant} does not take these settings.",
    "vendor_busy": "The vendor of {variant} is full; try again in a few minutes.",
    "vendor_down": "The vendor of {variant} is away or too slow; try again later.",
    "vendor_unpaid": "The account with the vendor of {variant} is empty; top it up.",
    "vendor_key_refused": "{variant} needs a key that its vendor takes, in REROLL_BFL_KEY.",
}


class WrongInput(Exception):
    """What was typed cannot be done; the text says what to type instead."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongInput(f"{message[:1].upper()}{message[1:]}; see `{self.prog} --help`.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 1 where the machine failed, 2 where the input is wrong."""
    try:
        options = _parser().parse_args(arguments)
        options.command(options)
    except (WrongInput, errors.RequestRefused) as error:
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
    imagine.add_argument("--out", type=Path, default=Path())
    imagine.add_argument("--json", action="store_true", help="print one JSON line per picture")
    variants = commands.add_parser("variants", help="list variants, their sizes and licences")
    variants.set_defaults(command=_variants)
    variants.add_argument("--json", action="store_true", help="print one JSON line per variant")
    for command in (imagine, variants):
        command.add_argument("--variants-folder", type=Path, default=VARIANTS)
    return parser


def _imagine(options: argparse.Namespace) -> None:
    catalog = _catalog([options.variant], options.variants_folder)
    request = _request(options, catalog.default)
    catalog.default.check(request)
    _require_acknowledged(catalog.default)
    options.out.mkdir(parents=True, exist_ok=True)
    # Not before the input is known to be right: torch takes seconds to import.
    from engine.engine import Engine
    from engine.vendor.connection import connected

    _log_to_stderr()
    vendor, memory = _settings()
    engine = Engine(
        vendor=connected(vendor) if catalog.default.vendor else None, wishes=memory.wishes
    )
    for index in range(request.count):
        _draw(engine, catalog.default, request, index, options)


def _draw(
    engine: "Engine",
    variant: Variant,
    request: GenerationRequest,
    index: int,
    options: argparse.Namespace,
) -> None:
    picture = engine.draw(variant, request.image(index))
    seed = picture.recipe.request.seed
    # The pixels are in the name, so that another picture of the same seed overwrites nothing.
    file = options.out / f"{variant.name}-{seed}-{picture.pixel_sha256[:8]}.png"
    file.write_bytes(picture.png)
    print(_line(file, seed, picture, as_json=options.json), flush=True)


def _line(file: Path, seed: int, picture: "Picture", *, as_json: bool) -> str:
    seconds = round(picture.seconds, 3)
    if not as_json:
        return f"{file}  seed {seed}  {seconds} s  pixels {picture.pixel_sha256}"
    values = {"file": str(file), "seed": seed, "pixel_sha256": picture.pixel_sha256}
    return json.dumps({**values, "seconds": seconds})


def _require_acknowledged(variant: Variant) -> None:
    from engine.licences import LicenceSettings, LicenceUnacknowledged, require_acknowledged

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
    }
    return json.dumps(values)


def _catalog(names: Iterable[str], folder: Path) -> Catalog:
    try:
        return Catalog.load(names, folder)
    except VocabularyUnreadable as error:
        raise WrongInput(str(error)) from error
    except (tomllib.TOMLDecodeError, TypeError, KeyError) as error:
        raise WrongInput(f"A file in {folder} describes no variant: {error}.") from error


def _request(options: argparse.Namespace, variant: Variant) -> GenerationRequest:
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
        seeds=_seeds(first if variant.seeds or options.seed is not None else None, options.count),
    )


def _seeds(first: int | None, count: int) -> tuple[int, ...]:
    return tuple(0 if first is None else (first + index) % SEED_LIMIT for index in range(count))


def _log_to_stderr() -> None:
    import logging

    import structlog

    # Standard output is for the pictures' lines.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _settings() -> "tuple[VendorSettings, MemorySettings]":
    from pydantic import ValidationError

    from engine.memory_settings import MemorySettings
    from engine.vendor.settings import VendorSettings

    try:
        return VendorSettings(), MemorySettings()
    except ValidationError as error:
        names = ", ".join(f"REROLL_{fault['loc'][0]}".upper() for fault in error.errors())
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

"""Hostile inputs against the functions that read them: each is taken, or refused in words."""

import random
import tempfile
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import httpx

from bot.errors import PictureUnfetched
from bot.i18n import Texts
from bot.loras.training import gathering
from bot.markdown import plain, quote
from bot.rules.loading import load
from bot.verify.looking import look
from bot.wishes import fetch, sources, wildcards
from bot.wishes.options import RawOptions, Reader
from bot.wishes.sizes import size_words
from engine.errors import RerollError
from engine.labels.aigc import Aigc
from engine.labels.labelling import Labels
from engine.pictures import uploads
from engine.variants.catalog import Catalog
from store import names
from store.loras import addresses
from tests.engine.loras import lora_fuzz
from tests.hostile import generators as make
from worker.lora_download import Downloader

Chance = random.Random
Try = Callable[["Readers", Chance], None]
PUBLIC = "93.184.216.34"


class Leaked(AssertionError):
    """Something went where it must not."""


@dataclass(frozen=True)
class Readers:
    """The real readers, built once."""

    texts: Texts = field(default_factory=Texts)
    catalog: Catalog = field(default_factory=lambda: Catalog.load(["starter"]))
    labels: Labels = field(default_factory=Labels)

    @property
    def reader(self) -> Reader:
        return Reader(self.catalog, size_words(self.texts))

    def told(self, error: RerollError) -> None:
        """Render a refusal in every language, as a member would see it."""
        for words in self.texts.words.values():
            said = words.error(error)
            said.encode()
            if len(said) > 2000:
                raise AssertionError(f"{error.code} is too long for a message")
            _shown(said)


def _shown(said: str) -> None:
    if "@everyone" in said.replace("\\@everyone", "").replace("@\u200beveryone", ""):
        raise Leaked("a mention as it was typed")


def prompt(readers: Readers, chance: Chance) -> None:
    said = make.text(chance)
    raw = RawOptions(
        prompt=said,
        variant=chance.choice((None, "starter", make.text(chance, 20))),
        size=chance.choice((None, make.size(chance))),
        seed=chance.choice((None, make.number(chance))),
        negative=chance.choice((None, make.text(chance))),
        count=chance.choice((None, 0, 1, 4, -1, 10**9)),
        steps=chance.choice((None, 0, 30, 31, -1)),
        guidance=chance.choice((None, -1.0, 1e308, float("nan"), float("inf"))),
    )
    quote(plain(said))
    request = readers.reader.draft(raw).request
    request.prompt.encode()


def ruled(readers: Readers, chance: Chance) -> None:
    _RULES.hits(make.text(chance))


def wildcard(readers: Readers, chance: Chance) -> None:
    with suppress(RerollError):
        wildcards.expanded(make.text(chance), chance.choice((None, 7)))


def name(readers: Readers, chance: Chance) -> None:
    said = make.text(chance, 80)
    kept = names.tidy(said, 64)
    if kept is not None:
        kept.encode()
        names.key(kept)
    number = sources.of_file(said)
    if number is not None and not sources.NUMBER.fullmatch(number):
        raise AssertionError("a number that is none")
    Aigc.read(said)


def size(readers: Readers, chance: Chance) -> None:
    readers.reader.size(make.size(chance), readers.catalog.default)


def address(readers: Readers, chance: Chance) -> None:
    """Nothing but the hosts on the list is ever asked, and never an address inside."""
    url, hosts = make.url(chance), addresses.HOSTS
    checked = addresses.checked(url, hosts)
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [chance.choice(("127.0.0.1", "10.0.0.1", "::1", "169.254.169.254", "::ffff:7f00:1"))]

    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "x"
        downloader = Downloader(hosts=hosts, resolve=resolve, pause_s=0, most_s=1)
        try:
            downloader.fetch(checked, to, 10, lambda *_: None)
        except RerollError as refused:
            readers.told(refused)
        else:
            raise Leaked(f"fetched {checked}")
    for host in asked:
        addresses.check_host(host, hosts)


def attachment(readers: Readers, chance: Chance) -> None:
    """Only Discord's own folders are asked for files, whatever a form remembers."""
    path = chance.choice(make.PATHS) + make.text(chance, 30)
    nobody: Any = SimpleNamespace(_state=SimpleNamespace(http=None))
    try:
        file = fetch.at_path(nobody, chance.choice(("", "attachments/", "x")) + path)
    except PictureUnfetched:
        return
    base, target = httpx.URL(discord.Asset.BASE), file.url
    if not target.startswith(f"{discord.Asset.BASE}/attachments/") or "/../" in target:
        raise Leaked(target)
    with suppress(httpx.InvalidURL):
        if httpx.URL(target).host != base.host:
            raise Leaked(target)


def picture(readers: Readers, chance: Chance) -> None:
    content = make.picture(chance)
    try:
        upload = uploads.read(content)
        upload.png()
    except RerollError as refused:
        readers.told(refused)
    with suppress(RerollError):
        uploads.read_mask(content, (64, 64))


def archive(readers: Readers, chance: Chance) -> None:
    """A zip unfolds to pictures and captions within bounds, or to nothing."""
    pictures, captions = gathering.unzipped(make.archive(chance))
    for _, content in pictures:
        with suppress(RerollError):
            gathering.prepared(content, 64 * 64)
    for said in captions.values():
        said.encode()
        if len(said) > gathering.CAPTION_BYTES:
            raise AssertionError("a caption beyond its bound")


def file(readers: Readers, chance: Chance) -> None:
    look(make.picture(chance), readers.labels)


def lora(readers: Readers, chance: Chance) -> None:
    content = lora_fuzz.made(chance) if chance.random() < 0.9 else make.archive(chance)
    lora_fuzz.tried(content)


_RULES = load()
TRIES: Mapping[str, tuple[int, Try]] = {
    "prompts": (10, prompt),
    "rules": (10, ruled),
    "wildcards": (6, wildcard),
    "names": (6, name),
    "sizes": (6, size),
    "URLs": (6, address),
    "attachments": (6, attachment),
    "images": (11, picture),
    "zips": (5, archive),
    "files to verify": (14, file),
    "safetensors": (10, lora),
}
"""How many of a hundred inputs are of a kind, and what reads it; the rest come by Discord."""


def tried(readers: Readers, kind: str, seed: int) -> str | None:
    """Try one input; return what went wrong, if anything did. Refusals are right."""
    chance = random.Random(f"{kind}-{seed}")
    try:
        with warnings.catch_warnings():
            # Pillow warns of files that it goes on with; it is its errors that count here.
            warnings.simplefilter("ignore")
            TRIES[kind][1](readers, chance)
    except RerollError as refused:
        return _refused(readers, refused)
    except Leaked as leak:
        return f"leak: {leak}"
    except Exception as error:
        return f"crash: {type(error).__name__}: {error}"[:300]
    return None


def _refused(readers: Readers, refused: RerollError) -> str | None:
    try:
        readers.told(refused)
    except Leaked as leak:
        return f"leak: {refused.code}: {leak}"
    except Exception as error:
        return f"crash: {refused.code}: {type(error).__name__}: {error}"[:300]
    return None

"""The Chinese pages say all that the English ones say, in the words that the bot itself uses."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local import handbook
from tests.deploy.test_docs import LINK, PAGES, PROJECT

CHINESE = [page for page in PAGES if page.name.endswith(".zh-CN.md")]
TWINS = [
    (PROJECT / "README.md", PROJECT / "README.zh-CN.md"),
    (PROJECT / "docs" / "hosting.md", PROJECT / "docs" / "hosting.zh-CN.md"),
]
"""Pages of the same sections; the others are written anew in Chinese, in an order of theirs."""
TROUBLES = [
    ("hosting.md", "What may go wrong", "en-US", r'"([^"]+)"'),
    ("hosting.zh-CN.md", "可能出的问题", "zh-CN", "“([^”]+)”"),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)\n", re.MULTILINE)
COMMENT = re.compile(r"(^|\s+)#.*$")
FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
SETTING = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")
COMMAND = re.compile(r"`/([^`\n]*[\u4e00-\u9fff][^`\n]*)`")


@dataclass
class Section:
    """What a section is made of, whatever its language."""

    title: str
    level: int
    rows: int
    points: int
    paragraphs: int
    blocks: list[list[str]] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    """Figures, settings, and pages that it leads to."""

    @property
    def shape(self) -> tuple[int, int, int, int, list[list[str]]]:
        return self.level, self.rows, self.points, self.paragraphs, self.blocks


def sections(page: Path) -> Iterator[Section]:
    blocks: list[list[str]] = []

    def keep(found: re.Match[str]) -> str:
        lines = found[2].splitlines()
        is_typed = found[1] == "sh"
        blocks.append([COMMENT.sub("", one) if is_typed else one.split()[0] for one in lines])
        return f"\0{len(blocks) - 1}\n"

    text = FENCE.sub(keep, page.read_text(encoding="utf-8"))
    _, *parts = HEADING.split(text)
    for level, title, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        chunks = [chunk.strip() for chunk in body.split("\n\n") if chunk.strip()]
        prose = [chunk for chunk in chunks if chunk[0] not in "|\0" and not is_list(chunk)]
        yield Section(
            title,
            level=len(level),
            rows=len(re.findall(r"^\|", body, re.MULTILINE)),
            points=len(re.findall(r"^(?:\*|\d+\.) ", body, re.MULTILINE)),
            paragraphs=len(prose),
            blocks=[blocks[int(nth)] for nth in re.findall("\0(\\d+)", body)],
            told={*FIGURE.findall(body), *SETTING.findall(body), *_pages(body)},
        )


def is_list(chunk: str) -> bool:
    return re.match(r"(?:\*|\d+\.) ", chunk) is not None


def _pages(body: str) -> set[str]:
    return {target.replace(".zh-CN", "") for target, _ in LINK.findall(body) if target}


def commands() -> set[str]:
    """Return every command in every language, and the groups that it stands in."""
    named = re.findall(r"^### (.+)$", handbook.PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    words = [name.split() for line in named for name in re.findall(r"`/([^`]+)`", line)]
    return {" ".join(one[:length]) for one in words for length in range(1, len(one) + 1)}


@pytest.mark.parametrize(("english", "chinese"), TWINS, ids=lambda page: page.name)
def test_sections_tables_and_commands_are_those_of_the_english_page(
    english: Path, chinese: Path
) -> None:
    ours, theirs = list(sections(english)), list(sections(chinese))
    assert [one.level for one in theirs] == [one.level for one in ours]
    for one, other in zip(ours, theirs, strict=True):
        assert other.shape == one.shape, f"{one.title} is not what {other.title} is"
        lacks = one.told - other.told
        assert not lacks, f"{other.title} lacks what {one.title} tells: {sorted(lacks)}"


@pytest.mark.parametrize("page", CHINESE, ids=lambda page: page.name)
def test_commands_that_chinese_pages_name_are_there(page: Path) -> None:
    known = commands()
    for typed in COMMAND.findall(page.read_text(encoding="utf-8")):
        words = [word for word in typed.split() if ":" not in word and word != "…"]
        assert " ".join(words) in known, f"{page.name}: /{typed}"


@pytest.mark.parametrize(("page", "title", "locale", "quoted"), TROUBLES)
def test_what_members_are_said_to_see_is_what_the_bot_says(
    page: str, title: str, locale: str, quoted: str
) -> None:
    text = (PROJECT / "docs" / page).read_text(encoding="utf-8").partition(f"## {title}\n")[2]
    told = tomllib.loads((PROJECT / "bot" / "locales" / f"{locale}.toml").read_text("utf-8"))
    said = "\n".join(_texts(told)).casefold()
    seen = [line.split("|")[2] for line in text.splitlines() if line.startswith("|")]
    quotes = [quote for cell in seen for quote in re.findall(quoted, cell)]
    assert len(quotes) >= 3
    for quote in quotes:
        assert quote.casefold() in said, f"{page}: {quote}"


def _texts(told: dict[str, object]) -> Iterator[str]:
    for text in told.values():
        if isinstance(text, dict):
            yield from _texts(text)
        else:
            yield str(text)

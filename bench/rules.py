"""How often the shipped prompt rules err, and how fast many rules are.

`python -m bench rules` prints for each language how many harmless prompts are spoken of and how
many bad ones are missed, plain and in each disguise; then the time that 10,000 rules take for
prompts of 1,000 characters, and for the longest that are made to be slow.
"""

import argparse
import itertools
import json
import random
import statistics
import time
from collections import Counter
from pathlib import Path

import marisa_trie

from bot.rules import loading
from bot.rules.lexicon import LEXICON
from bot.rules.matching import Action, Rule, Rules, key
from tests.bot import prompts

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LIMIT = 4_000
"""The characters that Discord takes for a prompt."""


def main() -> None:
    """Print the rates and the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--length", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=2_000)
    parser.add_argument("--dictionary", action="store_true", help="try every Chinese word, 20 s")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {**rates(), **speed(options.rules, options.length, options.rounds)}
    if options.dictionary:
        found |= dictionary()
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for name, value in found.items():
        print(f"{name:<40} {value}")


def rates() -> dict[str, str]:
    """Return wrong answers of all answers, by language and disguise."""
    rules, wrong, asked = loading.load(), Counter[str](), Counter[str]()

    def count(name: str, prompt: str, *, is_wrong: bool) -> None:
        row = f"{name}, {'Chinese' if prompts.is_chinese(prompt) else 'English'}"
        asked[row] += 1
        wrong[row] += is_wrong

    for prompt in prompts.benign():
        count("harmless but spoken of", prompt, is_wrong=bool(rules.hits(prompt)))
    cases = [("bad but missed", kind, prompt) for kind, prompt in prompts.bad()]
    hidden = ((f"missed: {name}", kind, prompt) for name, kind, prompt in prompts.disguised())
    for name, kind, prompt in itertools.chain(cases, hidden):
        kinds = {hit.rule.kind for hit in rules.hits(prompt)}
        count(name, prompt, is_wrong=kind not in kinds)
    return {row: f"{wrong[row]} of {asked[row]} ({wrong[row] / asked[row]:.1%})" for row in asked}


def dictionary() -> dict[str, str]:
    """Return how many Chinese words are spoken of that no rule lists, and that hold one that is."""
    rules = loading.load()
    listed = {key(word) for rule in rules.rules for word in (*rule.words, *rule.also)}
    plain = Rules([Rule(kind="x", action=Action.BLOCK, words=tuple(f"*{one}*" for one in listed))])
    known = marisa_trie.RecordTrie("<B").mmap(str(Path(LEXICON)))
    words = [word for word in known if len(word) > 1 and word not in listed]
    held = [word for word in words if plain.hits(word)]
    spoken = sum(bool(rules.hits(word)) for word in held)
    return {
        "other Chinese words that hold one of a rule": f"{len(held)} of {len(words)}",
        "of them spoken of": str(spoken),
    }


def speed(rules: int, length: int, rounds: int) -> dict[str, str]:
    """Return the time to make rules ready, and what they take for prompts, in milliseconds."""
    chance = random.Random(7)
    started = time.perf_counter()
    book = Rules([*_made(chance, rules)])
    ready = (time.perf_counter() - started) * 1000
    texts = [_text(chance, length) for _ in range(50)]
    times = []
    for text in itertools.islice(itertools.cycle(texts), rounds):
        started = time.thread_time()  # what others do on this machine does not count
        book.hits(text)
        times.append((time.thread_time() - started) * 1000)
    cut = statistics.quantiles(times[len(texts) :], n=100)
    hostile = []
    for text in prompts.HOSTILE:
        started = time.thread_time()
        book.hits((text * LIMIT)[:LIMIT])
        hostile.append((time.thread_time() - started) * 1000)
    named = f"{rules} rules, {length} characters"
    return {
        f"{rules} rules made ready, ms": f"{ready:.0f}",
        f"{named}, median ms": f"{cut[49]:.2f}",
        f"{named}, p99 ms": f"{cut[98]:.2f}",
        f"{rules} rules, hostile and {LIMIT} characters, slowest ms": f"{max(hostile):.1f}",
    }


def _made(chance: random.Random, count: int) -> list[Rule]:
    """Return rules for as many words, one half Chinese as they are in the dictionary."""
    known = marisa_trie.RecordTrie("<B").mmap(str(Path(LEXICON)))
    chinese = chance.sample([word for word in known if len(word) > 1], count // 2)
    english = ["".join(chance.choices(LETTERS, k=chance.randint(4, 9))) for _ in chinese]
    words = [*chinese, *english]
    return [Rule(kind="server", action=Action.BLOCK, words=(word,)) for word in words]


def _text(chance: random.Random, length: int) -> str:
    said = ", ".join(chance.choices(prompts.benign(), k=length // 8))
    return said[:length]


if __name__ == "__main__":
    main()

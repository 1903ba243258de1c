"""Random and spoilt LoRA files: `python -m tests.engine.loras.lora_fuzz --count 100000`.

Each must be kept or refused; whatever else comes out is a crash. Memory is counted too: nobody's
few bytes may ask for much.
"""

import argparse
import io
import json
import random
import struct
import sys
import time
import traceback
import tracemalloc
from functools import cache
from typing import Any

import torch
from hypothesis import strategies as st

from engine.loras import errors
from engine.loras.canon import canonical
from engine.loras.check import SETTINGS
from engine.loras.names import Base
from tests.engine.loras import lora_toys
from tests.engine.loras.lora_toys import Lora, file, named

INTERESTING = (0, 1, 2, 7, 8, 2**17, 2**31, 2**32, 2**63, 2**64, -1, 0.5, 1e308, True, None)
TEXTS = ("F32", "F16", "BF16", "F64", "I64", "F8_E4M3", "", "x", "../..", "\ud800", "\n", "a" * 300)
MOST_FOR_A_BYTE = 100
"""Python's own objects for JSON; beside them a little for whatever is small."""
SOME = 2**22


@cache
def base() -> Base:
    """Return the base that all are tried against."""
    return lora_toys.base("flux2")


@cache
def good() -> tuple[bytes, ...]:
    """Return right files, in several namings, small enough to be spoilt a hundred thousand times.

    Few layers: most of a whole LoRA's bytes are numbers, in which there is little to spoil.
    """
    layers = ("proj_out", "transformer_blocks.0.attn.to_q")
    whole = lora_toys.lora(base())
    one = Lora({name: whole.pairs[name] for name in layers}, {})
    half = Lora({name: (a.bfloat16(), b.half()) for name, (a, b) in one.pairs.items()}, {})
    settings = json.dumps({"transformer.lora_alpha": 2, "transformer.alpha_pattern": {"a": 1}})
    files = (
        file(named(one, "transformer."), {SETTINGS: settings}),
        file(named(one, "lora_unet_", ("lora_down", "lora_up"), 2.0, flat=True)),
        file(named(half, "diffusion_model.", alpha=1.0)),
        file(named(lora_toys.authors(base()))),
    )
    return tuple(one.getvalue() for one in files)


def tried(content: bytes) -> str:
    """Return what became of a file: `kept`, or the code of its refusal."""
    try:
        canonical(io.BytesIO(content), base())
    except errors.LoraRefused as refusal:
        # What is told to members must be a text that can be stored and shown.
        str(refusal).encode()
        return refusal.code
    return "kept"


def headers() -> st.SearchStrategy[Any]:
    """Return JSON that is something like a header."""
    number = st.integers() | st.sampled_from(INTERESTING) | st.floats()
    tensor = st.fixed_dictionaries(
        {},
        optional={
            "dtype": st.sampled_from(TEXTS) | number,
            "shape": st.lists(number, max_size=3) | number,
            "data_offsets": st.lists(number, max_size=3) | number,
            "more": number,
        },
    )
    right = st.integers(0, 3).map(
        lambda count: {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}
    )
    names = st.sampled_from(
        ["proj_out.lora_A.weight", "proj_out.lora_B.weight", "proj_out.alpha", "__metadata__"]
    ) | st.text(max_size=5)
    return st.dictionaries(names, tensor | right | number | st.text(max_size=3), max_size=4)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """Return a right file with a few changes."""
    return _spoilt(random.Random(draw(st.integers(0, 2**32))))


def main() -> None:
    """Try many files, and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    told = _fuzzed(options.count, options.seed)
    print(" ".join(f"{name}={value}" for name, value in told.items()))  # noqa: T201
    sys.exit(1 if told["crashes"] or told["beyond_memory"] else 0)


def _fuzzed(count: int, seed: int) -> dict[str, Any]:
    ends: dict[str, int] = {}
    crashes, greediest, started = 0, 0.0, time.perf_counter()
    good()
    tracemalloc.start()
    for number in range(count):
        content = made(random.Random(seed * 2**32 + number))
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        try:
            end = tried(content)
        except Exception:
            end, crashes = "crash", crashes + 1
            traceback.print_exc()
        _, peak = tracemalloc.get_traced_memory()
        ends[end] = ends.get(end, 0) + 1
        greediest = max(greediest, (peak - before) / (len(content) * MOST_FOR_A_BYTE + SOME))
    seconds = round(time.perf_counter() - started, 1)
    told = {"crashes": crashes, "beyond_memory": greediest > 1, "of_the_cap": round(greediest, 3)}
    return {"count": count, **told, "ends": dict(sorted(ends.items())), "seconds": seconds}


def made(chance: random.Random) -> bytes:
    if chance.random() < 0.1:
        return chance.randbytes(chance.randrange(64))
    return _spoilt(chance)


def _spoilt(chance: random.Random) -> bytes:
    content = _header(chance.choice(good()), chance)
    # Half of them whole but for the header: those come furthest.
    if chance.random() < 0.5:
        return content
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        content = chance.choice((_header, _flipped, _cut, _grown, _length))(content, chance)
    return content


def _header(content: bytes, chance: random.Random) -> bytes:
    """Change something in the header, and write it again."""
    length = int.from_bytes(content[:8], "little")
    try:
        values = json.loads(content[8 : 8 + length])
        tensors = [name for name in values if name != "__metadata__"]
        _change(values, chance.choice(tensors), chance)
    except (ValueError, LookupError, TypeError, AttributeError):
        return content
    text = json.dumps(values).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def _change(values: Any, name: str, chance: random.Random) -> None:
    one = values[name]
    what = chance.randrange(7)
    if what == 0:
        values[_renamed(name, chance)] = values.pop(name)
    elif what == 1:
        one["dtype"] = chance.choice(TEXTS)
    elif what == 2:
        one["shape"][chance.randrange(len(one["shape"]))] = chance.choice(INTERESTING)
    elif what == 3:
        one["data_offsets"][chance.randrange(2)] = chance.choice(INTERESTING)
    elif what == 4:
        one["shape"] = chance.sample(one["shape"], len(one["shape"]))
    elif what == 5:
        values["__metadata__"] = {
            SETTINGS: chance.choice(("{", "[]", "1", '{"lora_alpha": 1e999}'))
        }
    else:
        del values[name]


def _renamed(name: str, chance: random.Random) -> str:
    parts = name.split(".")
    others = (*parts, *TEXTS, "lora_A", "lora_B", "norm_q", "alpha", "dora_scale", "text_encoder")
    parts[chance.randrange(len(parts))] = chance.choice(others)
    return ".".join(parts)


def _flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 2, 16))):
        if changed:
            changed[chance.randrange(min(len(changed), 4096))] = chance.randrange(256)
    return bytes(changed)


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _grown(content: bytes, chance: random.Random) -> bytes:
    return content + chance.randbytes(chance.randrange(1, 32))


def _length(content: bytes, chance: random.Random) -> bytes:
    return struct.pack("<Q", chance.choice((0, 1, 8, 2**22, 2**40, 2**63))) + content[8:]


if __name__ == "__main__":
    main()

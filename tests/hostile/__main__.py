"""`python -m tests.hostile --count 10000`: hostile inputs of every kind, and what comes of it."""

import argparse
import asyncio
import sys
import tempfile
import warnings
from pathlib import Path

from tests.hostile.running import hostile

SHOWN = 20


def main() -> None:
    """Exit 1 where anything crashed, leaked or cost somebody credits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(hostile(options.count, options.seed, Path(folder)))
    for problem in outcome.problems[:SHOWN]:
        print(problem)
    print(outcome.line())
    sys.exit(0 if outcome.clean else 1)


if __name__ == "__main__":
    main()

"""`python -m starter`: make the small model, measure it, or lay out a sheet of its pictures."""

import argparse
import logging
import sys
from pathlib import Path

import torch

from starter.errors import StarterError
from starter.evaluate import Sampling, evaluate
from starter.recipe import SHIPPED, Making
from starter.scenes import FONT
from starter.sheet import sheet
from starter.stages import STAGES, make
from starter.weights import WEIGHTS

log = logging.getLogger("starter")


def main() -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    torch.set_num_threads(options.threads)
    making = Making(SHIPPED, options.work, options.font, options.weights)
    sampling = Sampling(options.steps, options.guidance, options.batch)
    try:
        if options.command == "train":
            make(making, tuple(options.stages))
        elif options.command == "evaluate":
            for line in evaluate(making, sampling, options.phrasings):
                log.info("%s", line)
        else:
            sheet(making, sampling, options.out)
    except StarterError as error:
        log.error("%s", error)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m starter", description=__doc__)
    parser.add_argument("command", choices=("train", "evaluate", "sheet"))
    parser.add_argument("--work", type=Path, default=Path("build/starter"), help="stage files")
    parser.add_argument("--font", type=Path, default=FONT, help="the colour emoji font")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="the folder that ships")
    parser.add_argument("--stages", nargs="+", choices=tuple(STAGES), default=list(STAGES))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--phrasings", type=int, default=2, help="prompts for each held-out pair")
    parser.add_argument("--out", type=Path, default=Path("sheet.png"))
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

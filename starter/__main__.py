"""`python -m starter`: make the small model, distil it, measure it, or lay out its pictures."""

import argparse
import json
import logging
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from starter import riso, worn
from starter.errors import StarterError
from starter.evaluate import Trial, evaluate, summary
from starter.recipe import SHIPPED, Making
from starter.sample import WAYS
from starter.scenes import FONT
from starter.sheet import COLUMNS, Page, sheet
from starter.stages import DISTILLING, TRAINING, make
from starter.weights import WEIGHTS

log = logging.getLogger("starter")


def main() -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    torch.set_num_threads(options.threads)
    if dist.is_torchelastic_launched():
        dist.init_process_group("gloo")
    making = Making(SHIPPED, options.work, options.font, options.weights)
    try:
        _run(options, making)
    except StarterError as error:
        log.error("%s", error)
        return 1
    return 0


def _run(options: argparse.Namespace, making: Making) -> None:
    if options.command == "train":
        make(making, {name: TRAINING[name] for name in TRAINING if name in options.stages})
    elif options.command == "distill":
        make(making, DISTILLING)
    elif options.command == "style":
        _teach(options, making)
    elif options.command == "evaluate" and options.lora:
        _worn(options, making)
    elif options.command == "evaluate":
        ways = tuple(WAYS[name] for name in options.ways or WAYS)
        figures = evaluate(making, Trial(options.pictures, options.batch, ways))
        sys.stdout.write(json.dumps(figures, indent=2) if options.json else summary(figures))
        sys.stdout.write("\n")
    else:
        sheet(making, Page(options.page), WAYS[options.way], options.out)


def _teach(options: argparse.Namespace, making: Making) -> None:
    taught = riso.lessons(making.catalog, making.speaker)
    riso.write(taught, making.recipe.side, making.font, options.out)


def _worn(options: argparse.Namespace, making: Making) -> None:
    ways = tuple(WAYS[name] for name in options.ways or ("usual", "lightning"))
    trial = Trial(options.pictures, options.batch, ways)
    if options.sheet:
        drawn = worn.sheet(making, trial, options.lora, ways[0])
        taught = riso.pictures(making.catalog, making.speaker, making.recipe.side, making.font)
        worn.before_and_after(drawn, COLUMNS, taught).save(options.sheet, optimize=True)
        return
    figures = worn.measure(making, trial, options.lora)
    sys.stdout.write(json.dumps(figures, indent=None if options.json else 2) + "\n")


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--work", type=Path, default=Path("build/starter"), help="stage files")
    common.add_argument("--font", type=Path, default=FONT, help="the colour emoji font")
    common.add_argument("--weights", type=Path, default=WEIGHTS, help="the folder that ships")
    common.add_argument("--threads", type=int, default=1)
    parser = argparse.ArgumentParser(prog="python -m starter", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", parents=[common], help="run the stages, then `distill`")
    train.add_argument("--stages", nargs="+", choices=tuple(TRAINING), default=list(TRAINING))
    commands.add_parser("distill", parents=[common], help="make the four-step LoRA")
    measure = commands.add_parser("evaluate", parents=[common], help="measure what ships")
    measure.add_argument("--json", action="store_true", help="all figures, as JSON")
    measure.add_argument("--pictures", type=int, default=270, help="for each figure")
    measure.add_argument("--batch", type=int, default=16)
    measure.add_argument("--ways", nargs="+", choices=tuple(WAYS), help="all, or two for a LoRA")
    measure.add_argument("--lora", type=Path, help="measure this LoRA, which was taught `style`")
    measure.add_argument("--sheet", type=Path, help="lay out its pictures as one PNG instead")
    teach = commands.add_parser("style", parents=[common], help="write pictures to train a LoRA on")
    teach.add_argument("--out", type=Path, required=True)
    show = commands.add_parser("sheet", parents=[common], help="lay out pictures as one PNG")
    show.add_argument("--page", choices=tuple(Page), default=Page.THINGS)
    show.add_argument("--way", choices=tuple(WAYS), default="usual")
    show.add_argument("--out", type=Path, default=Path("sheet.png"))
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

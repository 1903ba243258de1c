"""`python -m tests.chaos`: a thousand orders by fifty members while everything is killed.

It ends with `orders=… delivered=… refunded=… lost=0 doubled=0 ledger=exact`, or with 1 and the
orders that are wrong, and then leaves its folder, logs included, to be looked at.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests import postgres
from tests.chaos.storm import Plan, Report, storm


def main(arguments: list[str] | None = None) -> int:
    """Run one storm; return 0 only if nothing is wrong after it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    options = parser.parse_args(arguments)
    programs = postgres.binaries() if options.database == "postgresql" else None
    plan = Plan(
        seed=options.seed, orders=options.orders, members=options.members, programs=programs
    )
    if programs:
        print(f"seed {plan.seed}, PostgreSQL, which is killed too", flush=True)
    else:
        print(f"seed {plan.seed}, SQLite only: a file cannot be killed", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="reroll-chaos-"))
    report = asyncio.run(storm(plan, folder, lambda line: print(line, flush=True)))
    _print(report)
    if report.accounts.clean:
        shutil.rmtree(folder)
        return 0
    print(f"logs and files are in {folder}")
    return 1


def _print(report: Report) -> None:
    for name in ("did", "struck", "told"):
        counted = sorted(getattr(report, name).items())
        print(f"{name}: {', '.join(f'{each} {number}' for each, number in counted)}")
    for line in (*report.crashes, *report.accounts.wrong()):
        print(line)
    minutes = report.seconds / 60
    print(f"{report.accounts.orders / minutes:.0f} orders a minute, {minutes:.1f} minutes")
    print(report.accounts)


if __name__ == "__main__":
    sys.exit(main())

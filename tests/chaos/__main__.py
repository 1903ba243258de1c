"""`python -m tests.chaos`: a thousand orders by fifty members while everything is killed.

It ends with `orders=… delivered=… refunded=… (why) lost=0 doubled=0 ledger=exact`, or with 1 and
the orders that are wrong, and then leaves its folder, logs included, to be looked at. Why is told
by error code: `cancelled` is what members did, `worker_crashed` a picture whose workers were killed
three times; any other is wrong. The same is told of pictures that delivered orders lack.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests import postgres
from tests.chaos.audit import counted
from tests.chaos.storm import Plan, Report, storm


def main(arguments: list[str] | None = None) -> int:
    """Run one storm; return 0 only if nothing is wrong after it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--keep", action="store_true", help="the folder, where all went well")
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
    if report.accounts.clean and not options.keep:
        shutil.rmtree(folder)
        return 0
    print(f"logs and files are in {folder}")
    return 0 if report.accounts.clean else 1


def _print(report: Report) -> None:
    for name in ("did", "struck", "told"):
        print(f"{name}: {counted(getattr(report, name))}")
    for line in (*report.crashes, *report.failures, *report.accounts.wrong()):
        print(line)
    print(f"missing in delivered orders: {counted(report.accounts.missing) or 'nothing'}")
    minutes = report.seconds / 60
    print(f"{report.accounts.orders / minutes:.0f} orders a minute, {minutes:.1f} minutes")
    print(report.accounts)


if __name__ == "__main__":
    sys.exit(main())

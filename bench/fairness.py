"""The fair share against FIFO, round robin and affinity alone, on a simulated clock.

`python -m bench fairness` plays five situations, with the product's own claims over a real
SQLite database:
* burst: one member orders ten times what each of nine others does; three variants, two workers;
* lone: three members keep one worker busy with two variants, others drop in for a third one;
* tail: many members at 80 % of three workers' time, ten variants of very unlike popularity;
* loras, loras3: thirty busy members with 200 LoRAs of very unlike popularity over one worker and
  over three, and others who drop in with one that nobody had before; without the preference for
  those at hand too, and without bringing them ahead.
"""

import argparse
import json
import random
import statistics
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from bench.line import SWITCH_S, Asked, Device, Drawn, Policy, Run, run
from bench.policies import Affinity, Fifo, Product, RoundRobin
from store.line.fairness import Bounds

POLICIES = ("product", "fifo", "round robin", "affinity")
PLAINER = {"no preference": {"affinity": False}, "not ahead": {"ahead": False}}
PLAINER["neither"] = PLAINER["no preference"] | PLAINER["not ahead"]
"""The product with less of what it does for LoRAs."""
SECONDS = 5.0
NOISE = 0.15
BURST_S = 100.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Orders and workers; fairness is measured among all at `fair_at` seconds, if that is given."""

    name: str
    orders: tuple[Asked, ...]
    workers: int
    fair_at: float | None = None
    policies: tuple[str, ...] = POLICIES

    @property
    def variants(self) -> tuple[str, ...]:
        """Return all variants that are asked for."""
        return tuple(sorted({asked.variant for asked in self.orders}))


@dataclass(frozen=True, slots=True)
class Figures:
    """What one policy made of one scenario; times in seconds, throughput in pictures a minute.

    `waited` pictures waited for a LoRA; `of_one` is the throughput's share of what it would be if
    all used the same one.
    """

    scenario: str
    policy: str
    jain: float | None
    lone_wait: float | None
    lone_bound: float | None
    switches: int
    throughput: float
    mean_wait: float
    p95_wait: float
    eta_error: float | None
    waited: int = 0
    of_one: float | None = None


def burst() -> Scenario:
    """Return one member with ten times the orders of nine equal ones, who came first."""
    dice = random.Random(1)
    start = [Asked(0.0, 0, f"v{number}") for number in range(3)]
    flood = [Asked(BURST_S, 0, f"v{number % 3}", 4, flood=True) for number in range(100)]
    others = [
        Asked(BURST_S + 1 + dice.random(), member, f"v{member % 3}", 4)
        for member in range(1, 10)
        for _ in range(10)
    ]
    # Three quarters of what is fair for each: by then nobody has run out of orders.
    fair_at = BURST_S + 10 * 40 * SECONDS / 2 * 0.75
    return Scenario("burst", (*start, *flood, *others), 2, fair_at)


def lone() -> Scenario:
    """Return two variants under flood and, every five minutes, somebody new for a third one."""
    dice = random.Random(2)
    flood = [Asked(0.0, member, f"v{member % 2}", 4) for member in range(3) for _ in range(75)]
    visits = [
        Asked(200 + 300 * number + 60 * dice.random(), 100 + number, "v9", 1, lone=True)
        for number in range(12)
    ]
    return Scenario("lone", (*flood, *visits), 1)


def tail() -> Scenario:
    """Return random arrivals of forty members over ten variants, the first one as usual half."""
    dice = random.Random(3)
    names = [f"v{number}" for number in range(10)]
    shares = [1 / (number + 1) ** 1.5 for number in range(10)]
    orders, at = [], 0.0
    while len(orders) < 400:
        at += dice.expovariate(1 / (2.5 * SECONDS / 3 / 0.8))
        variant = dice.choices(names, shares)[0]
        orders.append(Asked(at, dice.randrange(40), variant, dice.choice((1, 2, 3, 4))))
    return Scenario("tail", tuple(orders), 3)


def loras(workers: int = 1) -> Scenario:
    """Return thirty members who are always there, and eight newcomers."""
    dice = random.Random(4)
    names = [f"{number:064x}" for number in range(200)]
    shares = [1 / (number + 1) for number in range(200)]
    orders = [
        Asked(dice.random(), member, "v0", 2, lora=dice.choices(names, shares)[0])
        for member in range(30)
        for _ in range(10 if workers == 1 else 4 * workers)
    ]
    whole = len(orders) * 2 * SECONDS * 0.75 / workers
    visits = [
        Asked(
            whole / 10 * (number + dice.random()), 100 + number, "v0", lone=True, lora=f"n{number}"
        )
        for number in range(8)
    ]
    policies = ("product", *PLAINER, "fifo", "round robin")
    name = "loras" if workers == 1 else f"loras{workers}"
    return Scenario(name, (*orders, *visits), workers, 0.75 * whole, policies)


def main(arguments: list[str] | None = None) -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    known = {"burst": burst, "lone": lone, "tail": tail}
    known |= {"loras": loras, "loras3": partial(loras, 3)}
    parser.add_argument("--scenario", choices=tuple(known))
    options = parser.parse_args(arguments)
    names = [options.scenario] if options.scenario else list(known)
    scenarios = [known[name]() for name in names]
    figures = [play(scenario, policy) for scenario in scenarios for policy in scenario.policies]
    print(json.dumps([asdict(each) for each in figures], indent=2) if options.json else "", end="")
    if not options.json:
        _print(figures)


def play(scenario: Scenario, policy: str) -> Figures:
    """Play one scenario under one policy."""
    devices = [Device(f"w{number}", scenario.variants) for number in range(scenario.workers)]
    rivals: dict[str, Policy] = {
        "fifo": Fifo(),
        "round robin": RoundRobin(),
        "affinity": Affinity(),
    }
    if policy in rivals:
        return _figures(scenario, policy, _run(rivals[policy], scenario, devices))
    with tempfile.TemporaryDirectory(prefix="reroll-bench-") as folder:
        with Product.opened(Path(folder), devices, **PLAINER.get(policy, {})) as product:
            return _figures(scenario, policy, _run(product, scenario, devices))


def _of_one(scenario: Scenario, throughput: float) -> float | None:
    """Return the share of what the same orders make with one LoRA for all, whoever is next."""
    if not any(asked.lora for asked in scenario.orders):
        return None
    orders = tuple(replace(asked, lora="one") for asked in scenario.orders)
    devices = [Device(f"w{number}", scenario.variants) for number in range(scenario.workers)]
    return round(
        throughput / _throughput(_run(Fifo(), replace(scenario, orders=orders), devices)), 3
    )


def _throughput(result: Run) -> float:
    return 60 * len(result.drawn) / max(picture.finished for picture in result.drawn)


def _run(policy: Policy, scenario: Scenario, devices: list[Device]) -> Run:
    return run(policy, scenario.orders, devices, _seconds)


def _seconds(variant: str, dice: random.Random) -> float:
    """Return what one picture takes: variants differ by half, pictures of one by some per cent."""
    usual = SECONDS * (0.75 + 0.25 * (int(variant[1:]) % 3))
    return usual * dice.lognormvariate(0, NOISE)


def _figures(scenario: Scenario, policy: str, result: Run) -> Figures:
    drawn = result.drawn
    waits = [picture.started - picture.order.at for picture in drawn]
    visits = [picture for picture in drawn if picture.order.lone]
    longest = max(picture.finished - picture.started for picture in drawn)
    bound = Bounds.of(SWITCH_S).wait_s + longest + SWITCH_S
    errors = [
        abs(expected - (result.ended[key] - asked.at)) / (result.ended[key] - asked.at)
        for key, (asked, expected) in result.expected.items()
        # Who is told a time before the others come cannot be told the right one.
        if not asked.flood
    ]
    return Figures(
        scenario=scenario.name,
        policy=policy,
        jain=_jain(scenario, drawn) if scenario.fair_at else None,
        lone_wait=_longest_wait(visits) if visits else None,
        lone_bound=round(bound, 1) if visits else None,
        switches=result.switches,
        throughput=round(_throughput(result), 2),
        mean_wait=round(statistics.mean(waits), 1),
        p95_wait=round(statistics.quantiles(waits, n=20)[-1], 1),
        eta_error=round(statistics.median(errors), 3) if errors else None,
        waited=result.waited,
        of_one=_of_one(scenario, _throughput(result)),
    )


def _longest_wait(pictures: Iterable[Drawn]) -> float:
    return round(max(picture.started - picture.order.at for picture in pictures), 1)


def _jain(scenario: Scenario, drawn: Iterable[Drawn]) -> float:
    """Return Jain's index of the seconds drawn for each member up to `fair_at`: 1 is equal."""
    until = scenario.fair_at or 0.0
    shares = dict.fromkeys((asked.member for asked in scenario.orders if not asked.lone), 0.0)
    for picture in drawn:
        if picture.order.lone:
            continue
        taken = min(picture.finished, until) - min(picture.started, until)
        shares[picture.order.member] += taken
    total = sum(shares.values())
    return round(total**2 / (len(shares) * sum(share**2 for share in shares.values())), 3)


def _print(figures: list[Figures]) -> None:
    names = list(asdict(figures[0]))
    rows = [
        names,
        *([str(v) if v is not None else "" for v in asdict(f).values()] for f in figures),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


if __name__ == "__main__":
    main()

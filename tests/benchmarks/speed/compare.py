"""Two commits in one call, in turns: whole jobs, reading clusters from codes, steps, and the start.

The older commit is checked out as a git worktree in a temporary folder. Each round is kept as a file of its own, so an
interrupted call continues with the next round, and the table shows medians over the rounds so far. Of two rounds the
second begins with the other commit.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.speed import jobs, parts, reading, start, step
from tests.benchmarks.speed.kept import Task, rounds_option
from tests.benchmarks.speed.layout import preset_in
from tests.benchmarks.speed.trees import checked_out, commit_of, git

# What a round measures, by its name: the function of a tree and the round's number.
JOBS = {
    "digits-quick": ("digits", "quick"),
    "mnist-test-quick": ("mnist-test", "quick"),
    "mnist-test-standard": ("mnist-test", "standard"),
    "mnist-test-no-copies": ("mnist-test", "no-copies"),
    "faces-standard": (jobs.FACES, "standard"),
    "faces-no-copies": (jobs.FACES, "no-copies"),
}
STEPS = tuple(
    f"{data}-stage-{stage}-batch-{batch}" for data in step.DATA for stage in "12" for batch in step.BATCHES
)
CLOCKS = ("wall", "processor")
WHAT = ("jobs", "parts", "reading", "steps", "start", "pages")


def options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    rounds_option(parser)
    parser.add_argument(
        "commits", nargs="+", metavar="COMMIT", help="one or two; the second is by default the files here"
    )
    parser.add_argument("--what", nargs="+", default=list(WHAT), choices=WHAT)
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="CASE", help="by default all cases: " + ", ".join(cases())
    )
    parser.add_argument("--limit", type=float, default=jobs.LIMIT, help="seconds for one job")


def cases() -> list[str]:
    """The names of all cases."""
    read = [f"reading-{data}" for data in reading.SETS]
    whole = [f"{kind}-{name}" for kind in ("jobs", "parts") for name in JOBS]
    return [*whole, *read, *(f"steps-{name}" for name in STEPS), "start", "pages"]


def tasks(given: argparse.Namespace, stack: ExitStack) -> Iterator[Task]:
    """One measurement per case and round, the rounds outermost: all cases have some rounds soon."""
    first, second = (*given.commits, ".")[:2]
    trees = {"old": stack.enter_context(checked_out(first)), "new": stack.enter_context(checked_out(second))}
    asked = {"old": first, "new": second}
    commits = {side: short_name(asked[side], tree) for side, tree in trees.items()}
    chosen = [
        case for case in cases() if case.split("-")[0] in given.what and case in (given.only or cases())
    ]
    for number, case in itertools.product(range(given.rounds), chosen):
        if case != "pages" or number == 0:  # their own benchmark takes turns by itself
            settings = {"case": case, "round": number, "commits": commits}
            name = f"{commits['old']}-{commits['new'].rstrip('+')}-{case}-{number}"
            yield Task(
                "compare",
                name,
                settings,
                lambda case=case, number=number: both(case, trees, commits, given, number),
            )


def short_name(commit: str, tree: Path) -> str:
    """The short name of a commit; for the files here, of the one that last changed what is measured."""
    return commit_of(tree) if commit == "." else git("rev-parse", "--short", "HEAD", tree=tree)


def both(
    case: str, trees: dict[str, Path], commits: dict[str, str], given: argparse.Namespace, number: int
) -> dict:
    """The same measurement of both trees, in turns."""
    if case == "pages":
        from tests.benchmarks.speed.page_runs import measure as measure_pages

        found = measure_pages(list(trees.values()), rounds=given.rounds)
        return {side: each["script"] for side, each in zip(trees, found, strict=True)}
    measure = measurement(case, trees, commits, given.limit)
    order = list(trees) if number % 2 == 0 else list(trees)[::-1]
    measured = {side: measure(trees[side], number) for side in order}
    return {side: measured[side] for side in trees}


def measurement(
    case: str, trees: dict[str, Path], commits: dict[str, str], limit: float
) -> Callable[[Path, int], dict]:
    """What a case measures in a tree; a round's number is its seed."""
    kind, _, rest = case.partition("-")
    if kind == "jobs":
        data, preset = JOBS[rest]
        return lambda tree, number: jobs.train(tree, data, preset_in(tree, preset), number, limit)
    if kind == "parts":
        data, preset = JOBS[rest]
        return lambda tree, number: parts.measure_in(
            tree, data, preset_in(tree, preset), number, "cpu", limit
        )
    if kind == "reading":
        path = reading.codes(trees["old"], commits["old"], reading.SETS[rest], 0)
        return lambda tree, number: reading.measure_in(tree, path, number)
    if kind == "steps":
        data, _, stage, _, batch = rest.rsplit("-", 4)
        given = {"data": data, "stage": stage, "batch": int(batch), "rounds": 3, "device": "cpu"}
        return lambda tree, number: step.measure_in(tree, threads=0, **given)
    return lambda tree, number: start.measure_imports(tree)


# Tables ------------------------------------------------------------------------------------------------------------


def in_clocks(taken: dict[str, dict[str, float]]) -> dict[str, float]:
    """Seconds by part and clock, in one dictionary."""
    return {f"{part}, {clock}": seconds[clock] for part, seconds in taken.items() for clock in CLOCKS}


def figures(case: str, side: dict) -> dict[str, float]:
    """The figures of one measurement that two commits are compared by, and those that stand beside them."""
    kind = case.split("-")[0]
    if kind == "jobs":
        return {name: side[name] or 0.0 for name in ("wall", "processor", "acc", "nmi")}
    if kind == "parts":
        return in_clocks(side["parts"])
    if kind == "reading":
        taken = {part: side[part] for part in ("neighbours", "cut")}
        taken["both"] = {clock: sum(seconds[clock] for seconds in taken.values()) for clock in CLOCKS}
        return in_clocks(taken) | {name: side[name] for name in ("cost", "acc", "nmi")}
    if kind == "steps":
        medians = {
            f"step, {clock}": statistics.median(side["step"][clock]) for clock in ("wall", "processor")
        }
        shares = {
            "share of the limit": step.share(side, "wall"),
            "share, processor": step.share(side, "processor"),
        }
        return medians | shares | {"MFLOP an image": side["flops"] / side["images"] / 1e6}
    return dict(side)


def table(results: list[dict]) -> tuple[list[str], list[list[str]]]:
    """Medians over the rounds of both commits, and the median of the ratios within the rounds."""
    head = ["commits", "case", "figure", "rounds", "old", "new", "new / old"]
    groups: dict[tuple[str, str], list[dict]] = {}
    for result in results:
        given = result["settings"]
        commits = f"{given['commits']['old']} → {given['commits']['new']}"
        groups.setdefault((commits, given["case"]), []).append(result)
    return head, [row for (commits, case), members in groups.items() for row in rows(commits, case, members)]


def rows(commits: str, case: str, members: list[dict]) -> list[list[str]]:
    """The rows of one case."""
    whole = [member for member in members if "failed" not in member]
    lines = []
    pairs = [(figures(case, member["old"]), figures(case, member["new"])) for member in whole]
    names = dict.fromkeys(name for pair in pairs for side in pair for name in side)
    for name in names:
        # A part that a commit or a round does not have took no time.
        old, new = ([pair[side].get(name, 0.0) for pair in pairs] for side in (0, 1))
        ratios = [after / before for before, after in zip(old, new, strict=True) if before]
        ratio = f"{statistics.median(ratios):.3f}" if ratios else "–"
        lines.append(
            [
                commits,
                case,
                name,
                str(len(pairs)),
                *(f"{statistics.median(values):.4g}" for values in (old, new)),
                ratio,
            ]
        )
    for reason in dict.fromkeys(member["failed"] for member in members if "failed" in member):
        count = sum(member.get("failed") == reason for member in members)
        lines.append([commits, case, reason, str(count), "", "", ""])
    return lines

"""Markdown tables of the results of the quality harness."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from tests.benchmarks import methods

Result = dict  # as written by `quality.measure`, with "earlier" where the algorithm or its settings have changed since
EARLIER = (
    "† by an earlier revision of the algorithm, or with the settings of that time; not measured anew yet."
)


def tables(results: list[Result]) -> str:
    """Every table that has rows, one below the other."""
    return "\n\n".join(table for make in TABLES.values() if (table := make(results))) or "No results yet."


def groups(results: list[Result]) -> dict[tuple[str, str], list[Result]]:
    """The results of each (data, method), sorted by seed; data and methods in the order of `methods`."""
    by_pair = defaultdict(list)
    for result in results:
        by_pair[result["data"], result["method"]].append(result)
    order = [(data, method) for data in methods.DATA for method in methods.names()]
    return {pair: sorted(by_pair[pair], key=lambda r: r["seed"]) for pair in order if pair in by_pair}


def spread(values: Iterable[float]) -> str:
    """Mean ± sample standard deviation; the mean alone for a single value."""
    values = np.asarray(list(values), float)
    mean = f"{values.mean():.3f}".lstrip("0")
    return mean if len(values) < 2 else f"{mean} ± {values.std(ddof=1):.3f}".replace("± 0.", "± .")


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, with a note below where a row is marked as EARLIER; empty without rows."""
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines) if rows else ""
    return f"{table}\n\n{EARLIER}" if "†" in table else table


def mark(members: list[Result]) -> str:
    """The mark of results of an earlier revision, else ""."""
    return " †" if any(member.get("earlier") for member in members) else ""


def _seeds(members: list[Result]) -> str:
    return ", ".join(str(member["seed"]) for member in members)


def _three(scored: list[dict]) -> list[str]:
    return [spread(scores[key] for scores in scored) for key in ("acc", "nmi", "ari")]


def _two(scored: list[dict]) -> list[str]:
    return [spread(scores[key] for scores in scored) for key in ("acc", "nmi")]


# The documents' tables ---------------------------------------------------------------------------------------


def scores_table(results: list[Result]) -> str:
    """One row per data set and method, and one for k-means on the latent code of `standard`."""
    rows = []
    for (data, method), members in groups(results).items():
        if method in (methods.ABLATION | methods.OTHER_K | methods.GRID):
            continue
        if method == "standard":
            latent = [member["readouts"]["latent-k-means"] for member in members]
            title = methods.TITLES["latent-k-means"] + mark(members)
            rows.append([data, title, _seeds(members), *_three(latent), "–"])
        title = methods.TITLES[method] + mark(members)
        rows.append([data, title, _seeds(members), *_three(members), times(members)])
    return markdown(["data", "method", "seeds", "ACC", "NMI", "ARI", "time"], rows)


def times(members: list[Result]) -> str:
    """The median time on the CPU, and on each graphics card: "263 s; 41 s on NVIDIA H100".

    One thread takes as many processor seconds as it would take seconds alone on the machine, whatever runs beside it.
    """
    seconds = defaultdict(list)
    for member in members:
        device = member["machine"].split(", ", 2)[2]
        on_cpu = device.startswith("CPU")
        alone = member.get("processor_seconds") if on_cpu and member.get("threads") == 1 else None
        seconds["" if on_cpu else f" on {device}"].append(member["seconds"] if alone is None else alone)
    return "; ".join(f"{np.median(values):.0f} s{device}" for device, values in sorted(seconds.items()))


def stages_table(results: list[Result]) -> str:
    """The clusters read after stage 1, those at the end, and the gain."""
    rows = []
    for (data, method), members in groups(results).items():
        both = [member for member in members if "stage-1" in member["readouts"]]
        if not both or method not in methods.PRESETS:
            continue
        first = [member["readouts"]["stage-1"] for member in both]
        gain = np.mean([end["acc"] - start["acc"] for end, start in zip(both, first, strict=True)])
        rows.append(
            [data, f"`{method}`{mark(both)}", _seeds(both), *_two(first), *_two(both), f"{gain:+.3f}"]
        )
    return markdown(["data", "preset", "seeds", "stage 1 ACC", "NMI", "end ACC", "NMI", "gain in ACC"], rows)


def other_k_table(results: list[Result]) -> str:
    """`standard` with more or fewer clusters than classes; ACC matches clusters one to one, so it cannot be 1."""
    rows = []
    for (data, method), members in groups(results).items():
        if method in methods.OTHER_K:
            clusters, smallest = members[0]["clusters"], min(member["smallest"] for member in members)
            scores = [str(clusters), _seeds(members), *_three(members), f"{smallest:,}"]
            rows.append([data, methods.TITLES[method] + mark(members), *scores])
    return markdown(["data", "", "clusters", "seeds", "ACC", "NMI", "ARI", "smallest cluster"], rows)


def ablation_table(results: list[Result]) -> str:
    """The steps of the ablation: k-means on the code, the cut of the whole graph, then joint training."""
    rows, by_pair = [], groups(results)
    for data in methods.DATA:
        if not any((data, method) in by_pair for method in methods.ABLATION):
            continue
        for method in (*methods.ABLATION, "no-copies", "standard"):
            members = by_pair.get((data, method), [])
            for source, scored in _sources(method, members).items():
                title = methods.TITLES[method] + mark(members)
                rows.append([data, title, source, _seeds(members), *_two(scored)])
    return markdown(["data", "autoencoder's terms", "clusters read from", "seeds", "ACC", "NMI"], rows)


def _sources(method: str, members: list[Result]) -> dict[str, list[dict]]:
    """The scores of a step of the ablation by what its clusters were read from."""
    if not members:
        return {}
    last = {
        "ablation-joint": "joint training",
        "ablation-self-training": "joint training and self-training",
        "no-copies": "the same, with the second view",
        "standard": "the same, with random copies",
    }
    if method in last:
        return {last[method]: members}
    code = [member["readouts"]["latent-k-means"] for member in members]
    return {"k-means on the code": code, "spectral network": members}


def grid(results: list[Result], data: str, score: str = "acc") -> np.ndarray:
    """Means of a score by noise level (rows) and weight of mutual information (columns); NaN where there is none."""
    by_pair = groups(results)

    def mean(noise: float, weight: float) -> float:
        members = by_pair.get((data, f"grid-s{noise:g}-mi{weight:g}"), [])
        return float(np.mean([member[score] for member in members] or [np.nan]))

    return np.array([[mean(noise, weight) for weight in methods.GRID_MI] for noise in methods.GRID_NOISE])


def grid_table(results: list[Result]) -> str:
    """ACC / NMI by noise level and weight of mutual information."""
    rows = []
    for data in methods.DATA:
        acc, nmi = grid(results, data, "acc"), grid(results, data, "nmi")
        if np.isnan(acc).all():
            continue
        for noise, acc_row, nmi_row in zip(methods.GRID_NOISE, acc, nmi, strict=True):
            cells = [f"{a:.3f} / {n:.3f}".replace("0.", ".") for a, n in zip(acc_row, nmi_row, strict=True)]
            of_row = [r for r in results if r["data"] == data and r["method"].startswith(f"grid-s{noise:g}-")]
            rows.append(
                [data, f"{noise:g}{mark(of_row)}", *(cell.replace("nan / nan", "–") for cell in cells)]
            )
    return markdown(["data", "noise level s", *(f"β = {weight:g}" for weight in methods.GRID_MI)], rows)


TABLES: dict[str, Callable[[list[Result]], str]] = {
    "scores": scores_table,
    "stages": stages_table,
    "other-k": other_k_table,
    "ablation": ablation_table,
    "grid": grid_table,
}


# The README's ------------------------------------------------------------------------------------------------


def overview_table(results: list[Result]) -> str:
    """ACC of a few methods, one row per data set."""
    columns = {
        "k-means": "k-means",
        "umap-mixture": "UMAP + mixture",
        methods.N2D: "N2D's recipe",
        "standard": "`standard`",
        "quick": "`quick`",
        "paper": "`paper`",
    }
    by_pair = groups(results)
    rows = []
    for data in methods.DATA:
        cells = [by_pair.get((data, method), []) for method in columns]
        if any(cells):
            shown = (
                spread(m["acc"] for m in members) + mark(members) if members else "–" for members in cells
            )
            rows.append([data, *shown])
    return markdown(["ACC", *columns.values()], rows)

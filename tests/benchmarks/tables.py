"""Markdown tables from the results of the quality harness."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from tests.benchmarks import methods


def tables(results: list[dict]) -> str:
    """Scores of all, the gain from stage 1 to the end, other numbers of clusters, ablation, noise by MI weight."""
    made = (scores_table, steps_table, other_k_table, ablation_table, grid_table)
    parts = [table(results) for table in made]
    return "\n\n".join(part for part in parts if part) or "No results yet."


def groups(results: list[dict]) -> dict[tuple[str, str], list[dict]]:
    """The results of each (data, method), by seed, data and methods in their own order."""
    found = defaultdict(list)
    for result in results:
        found[result["data"], result["method"]].append(result)
    order = [(data, method) for data in methods.DATA for method in methods.names()]
    return {pair: sorted(found[pair], key=lambda r: r["seed"]) for pair in order if pair in found}


def spread(values) -> str:
    """Mean ± standard deviation (of the sample), the latter only where there are two or more."""
    values = np.asarray(list(values), float)
    mean = f"{values.mean():.3f}".lstrip("0")
    return mean if len(values) < 2 else f"{mean} ± {values.std(ddof=1):.3f}".replace("± 0.", "± .")


def _rows(head: str, rows: list[list[str]]) -> str:
    if not rows:
        return ""
    columns = head.count("|") - 1
    return "\n".join([head, "|---" * columns + "|", *("| " + " | ".join(row) + " |" for row in rows)])


def _seeds(members: list[dict]) -> str:
    return ", ".join(str(member["seed"]) for member in members)


def scores_table(results: list[dict]) -> str:
    """One row a data set and method, and k-means on the latent of `standard`."""
    rows = []
    for (data, method), members in groups(results).items():
        if method in (methods.ABLATION | methods.OTHER_K | methods.GRID):
            continue
        if method == "standard":
            latent = [member["readouts"]["latent-k-means"] for member in members]
            rows.append([data, methods.TITLES["latent-k-means"], _seeds(members), *_three(latent), "–"])
        rows.append([data, methods.TITLES[method], _seeds(members), *_three(members), _times(members)])
    return _rows("| data | method | seeds | ACC | NMI | ARI | time |", rows)


def _times(members: list[dict]) -> str:
    """The median time on the CPU, and that on each graphics card: "263 s; 41 s on NVIDIA H100"."""
    found = defaultdict(list)
    for member in members:
        where = member["machine"].split(", ", 2)[2]
        found["" if where.startswith("CPU") else f" on {where}"].append(member["seconds"])
    return "; ".join(f"{np.median(seconds):.0f} s{where}" for where, seconds in sorted(found.items()))


def _three(scored: list[dict]) -> list[str]:
    return [spread(scores[key] for scores in scored) for key in ("acc", "nmi", "ari")]


def steps_table(results: list[dict]) -> str:
    """What the joint stage adds to the labels read from stage 1's latent."""
    rows = []
    for (data, method), members in groups(results).items():
        both = [m for m in members if "stage-1" in m["readouts"]]
        if not both or method not in methods.PRESETS:
            continue
        before = [m["readouts"]["stage-1"] for m in both]
        gain = np.mean([m["acc"] - b["acc"] for m, b in zip(both, before, strict=True)])
        rows.append(
            [
                data,
                f"`{method}`",
                _seeds(both),
                *(spread(b[key] for b in before) for key in ("acc", "nmi")),
                *(spread(m[key] for m in both) for key in ("acc", "nmi")),
                f"{gain:+.3f}",
            ]
        )
    return _rows("| data | preset | seeds | stage 1 ACC | NMI | end ACC | NMI | gain in ACC |", rows)


def other_k_table(results: list[dict]) -> str:
    """`standard` with more or fewer clusters than classes; ACC matches clusters one to one, so it cannot be 1."""
    rows = [
        [
            data,
            methods.TITLES[method],
            str(members[0]["clusters"]),
            _seeds(members),
            *_three(members),
            f"{min(m['smallest'] for m in members):,}",
        ]
        for (data, method), members in groups(results).items()
        if method in methods.OTHER_K
    ]
    return _rows("| data | | clusters | seeds | ACC | NMI | ARI | smallest cluster |", rows)


def ablation_table(results: list[dict]) -> str:
    """The steps of the ablation: k-means on the code, the whole graph's readout, then the joint stage."""
    rows, found = [], groups(results)
    steps = [(data, method) for data in methods.DATA for method in (*methods.ABLATION, "standard")]
    for data, method in steps:
        members = found.get((data, method))
        if not members or not any((data, name) in found for name in methods.ABLATION):
            continue
        if method == "standard":
            readouts = {"joint training and self-training": members}
        elif method == "ablation-joint":
            readouts = {"joint training": members}
        else:
            code = [m["readouts"]["latent-k-means"] for m in members]
            readouts = {"k-means on the code": code, "spectral network": members}
        for readout, scored in readouts.items():
            scores = (spread(s[key] for s in scored) for key in ("acc", "nmi"))
            rows.append([data, methods.TITLES[method], readout, _seeds(members), *scores])
    return _rows("| data | autoencoder's terms | clusters read from | seeds | ACC | NMI |", rows)


def grid(results: list[dict], data: str, score: str = "acc") -> np.ndarray:
    """Means of a score over the noise levels (rows) and the weights of mutual information (columns), NaN: none."""
    found = groups(results)
    known = lambda noise, weight: found.get((data, f"grid-s{noise:g}-mi{weight:g}"), [])  # noqa: E731
    return np.array(
        [
            [np.mean([m[score] for m in known(noise, weight)] or [np.nan]) for weight in methods.GRID_MI]
            for noise in methods.GRID_NOISE
        ]
    )


def grid_table(results: list[dict]) -> str:
    """ACC / NMI over the noise level and the weight of mutual information."""
    rows = []
    for data in methods.DATA:
        acc, nmi = grid(results, data, "acc"), grid(results, data, "nmi")
        if np.isnan(acc).all():
            continue
        for noise, of_acc, of_nmi in zip(methods.GRID_NOISE, acc, nmi, strict=True):
            cells = [f"{a:.3f} / {n:.3f}".replace("0.", ".") for a, n in zip(of_acc, of_nmi, strict=True)]
            rows.append([data, f"{noise:g}", *(cell.replace("nan / nan", "–") for cell in cells)])
    weights = " | ".join(f"β = {weight:g}" for weight in methods.GRID_MI)
    return _rows(f"| data | noise level s | {weights} |", rows)

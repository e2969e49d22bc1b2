"""The command `teach`: a person's answers about a run, from a file, and the clusters that follow from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsc_core.cli.console import check_output, open_output
from dsc_core.cli.group import command
from dsc_core.cli.options import run_argument
from dsc_core.cli.printing import print_taught

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from dsc_core.runs.annotations.answers import Answers


@command("teach", print_taught)
@run_argument
@click.argument("answers", type=click.Path(path_type=Path))
@click.option(
    "--out", metavar="FILE", help="CSV file to write: the clusters that follow; - writes to standard output."
)
def teach(run: str, answers: Path, out: str | None) -> dict[str, Any]:
    """Add answers about a run's samples, and say what clusters follow from all of them on its graph.

    ANSWERS is a CSV file with the columns a, b, same (ids of two samples, 1 or 0) or id, name.
    """
    from dsc_core.cli.progress import Progress
    from dsc_core.runs import Store
    from dsc_core.runs.annotations.answer_table import read_answers
    from dsc_core.runs.annotations.answers import AnswerLog
    from dsc_core.runs.artifacts.labels import labels_frame
    from dsc_core.runs.artifacts.taught import taught_clusters

    check_output(out)
    record = Store().find(run)
    frame = labels_frame(record)
    given = read_answers(answers, frame["id"].tolist())
    state = AnswerLog(record.folder, len(frame)).add(given)
    clusters = frame["cluster"].to_numpy()
    with Progress() as progress:
        taught = taught_clusters(
            record, clusters, state.marks(len(frame)), lambda activity, *_: progress.update(activity)
        )
    if out is not None:
        with open_output(out) as file:
            table = frame.assign(taught_cluster=taught)
            file.write(table.to_csv(index=False, lineterminator="\n").encode())
    return {"run": record.id, "added": len(given), "out": out} | _summary(frame, state, taught)


def _summary(frame: pd.DataFrame, state: Answers, taught: np.ndarray) -> dict[str, Any]:
    """What is printed of the answers and of the clusters that follow."""
    import numpy as np

    from dsc_core.analysis import metrics

    ids = frame["id"].tolist()
    shown = state.counting

    def pair(number: int) -> dict[str, Any]:
        each = shown[number]
        sides = [key if isinstance(key, str) else str(ids[key[0]]) for key in (each.first, each.second)]
        return {"a": sides[0], "b": sides[1], "said": each.said}

    found = [
        {"answer": pair(one.answer), "contradicts": [pair(number) for number in one.chain]}
        for one in state.contradictions
    ]
    scores: dict[str, Any] = dict.fromkeys(("acc", "nmi", "ari"))
    if "label" in frame:
        scores.update(metrics.scores(frame["label"].to_numpy(), taught))
    return {
        "taught": len(state),
        "contradictions": found,
        "samples": len(frame),
        "moved": int((taught != frame["cluster"].to_numpy()).sum()),
        "clusters": len(np.unique(taught)),
        **scores,
    }

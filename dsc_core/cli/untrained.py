"""The command `untrained`: a first answer about data, for which nothing is trained."""

from __future__ import annotations

from typing import Any

import click

from dsc_core.cli.console import check_output, open_output, say
from dsc_core.cli.datasets import cluster_count, import_source, print_notes
from dsc_core.cli.group import command
from dsc_core.cli.options import Source, clusters_option, data_options, seed_option
from dsc_core.cli.printing import print_untrained


@command("untrained", print_untrained)
@data_options
@clusters_option
@seed_option
@click.option(
    "--out", metavar="FILE", help="CSV file to write, as labels.csv of a run; - writes to standard output."
)
def untrained(source: Source, clusters: int | None, seed: int | None, out: str | None) -> dict[str, Any]:
    """Cluster DATA without training: a first answer, in a fraction of the time of a run.

    Images are clustered from their scattering transform, a fixed description, and tables from their columns.
    """
    from dsc_core.analysis.untrained import SOURCES, source_of
    from dsc_core.cli.progress import Progress
    from dsc_core.config import Config
    from dsc_core.runs import Store, expectation
    from dsc_core.runs import untrained as answers

    seed = 0 if seed is None else seed
    # A wrong option is reported before a large file is read.
    Config().replace(seed=seed, **({} if clusters is None else {"clusters": clusters}))
    check_output(out)
    store = Store()
    _, dataset = import_source(source, store.home)
    count = cluster_count(dataset, clusters)
    answers.check(dataset, count)
    print_notes(dataset)
    expected = answers.expect(store.home, dataset, count, expectation.finished_runs(store))
    say(f"{expected.words[0].upper()}{expected.words[1:]} here, {SOURCES[source_of(dataset.shape)]}.")
    with Progress() as shown:
        progress = answers.Progress(expected.plan, lambda text, *_: shown.update(text))
        answer = answers.find(dataset, count, seed, progress)
    if out is not None:
        with open_output(out) as file:
            file.write(answers.labels_csv(dataset, answer))
    return answers.summary(dataset, answer) | {"out": out}

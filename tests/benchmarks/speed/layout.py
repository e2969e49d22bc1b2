"""Where the parts of a run lie in the core, in this commit and in older ones: the one file that knows such names.

Measured otherwise is only what is public: the command line, `loop.fit` with its events, `open_dataset`, `preset`.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Part of a run: the functions, "module:name" or "module:Class.name", whose time counts to it. The innermost counts.
# Those that a commit does not have are left out.
PARTS = {
    "import of the data": ("dsc_core.data.importing:import_data",),
    "transforms": ("dsc_core.method.admission:measure",),
    "second view": ("dsc_core.method.second_view:SecondView.build",),
    "encoding": ("dsc_core.method.feed:encode",),
    "neighbours": ("dsc_core.method.feed:build_graph",),
    "diffusion map": ("dsc_core.method.graph:diffusion_map",),
    "cut": ("dsc_core.method.cut:cut_graph",),
    "teaching": ("dsc_core.method.head:teach_head",),
    "labels": ("dsc_core.training.finish:finish",),
    "scores": ("dsc_core.runs.worker:Session.scores",),
    "maps": ("dsc_core.runs.worker:Session.draw",),
    "waiting for the film": ("dsc_core.runs.film_process:Filming.end",),
    "saving": ("dsc_core.runs.worker:Session.keep_model", "dsc_core.runs.worker:Session.keep_results"),
    "checkpoints": ("dsc_core.runs.worker:Session.keep",),
}
START, STAGES, REST = "start", {"autoencoder": "stage 1", "joint": "stage 2"}, "rest"
# Presets that have another name in older commits.
FORMER_PRESETS = {"no-copies": "standard"}
ORDER = (START, "import of the data", *STAGES.values(), *list(PARTS)[1:], REST)


def preset_in(tree: Path, name: str) -> str:
    """What a preset is called in a checkout: by its present name, or where it has none such, by the former one."""
    presets = tree / "dsc_core" / "presets.py"
    known = not presets.exists() or f'"{name}"' in presets.read_text(encoding="utf-8")
    return name if known else FORMER_PRESETS.get(name, name)


@dataclass
class Ledger:
    """Seconds, wall and processor, by part; exactly one part is open at any time.

    entered: called with each part that is opened. times: how often each was.
    """

    entered: Callable[[str], None] = lambda part: None
    seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    open: list[str] = field(default_factory=lambda: [START])
    since: tuple[float, float] = field(default_factory=lambda: (time.perf_counter(), time.process_time()))

    def book(self) -> None:
        """Count the time since the last booking to the open part, with all that a graphics card was given in it."""
        _wait_for_card()
        now = time.perf_counter(), time.process_time()
        sums = self.seconds.setdefault(self.open[-1], {"wall": 0.0, "processor": 0.0})
        sums["wall"] += now[0] - self.since[0]
        sums["processor"] += now[1] - self.since[1]
        self.since = now

    @contextmanager
    def inside(self, part: str) -> Iterator[None]:
        """Count the time of the block to a part, apart from what further parts take inside it."""
        self.book()
        self.open.append(part)
        self.times[part] = self.times.get(part, 0) + 1
        self.entered(part)
        try:
            yield
        finally:
            self.book()
            self.open.pop()
            self.entered(self.open[-1])

    def enter(self, part: str) -> None:
        """Let the outermost part be another one from now on."""
        self.book()
        self.open[0] = part
        self.entered(self.open[-1])


def _wait_for_card() -> None:
    torch: Any = sys.modules.get("torch")
    if torch and torch.cuda.is_initialized() and not torch.cuda.is_current_stream_capturing():
        torch.cuda.synchronize()


def watch(ledger: Ledger) -> list[str]:
    """Let the functions of the parts report to the ledger. → the parts that this commit has."""
    found = []
    for part, places in PARTS.items():
        for place in places:
            if _wrap(place, part, ledger):
                found.append(part)
    return list(dict.fromkeys(found))


def _wrap(place: str, part: str, ledger: Ledger) -> bool:
    """Wrap a function wherever a loaded module holds it; False where this commit does not have it."""
    module, path = place.split(":")
    try:
        owner: Any = importlib.import_module(module)
    except ImportError:
        return False
    *outer, name = path.split(".")
    for attribute in outer:
        owner = getattr(owner, attribute, None)
    original = getattr(owner, name, None)
    if original is None:
        return False

    def timed(*arguments: Any, **keywords: Any) -> Any:
        with ledger.inside(part):
            return original(*arguments, **keywords)

    timed.__wrapped__ = original  # type: ignore[attr-defined]
    setattr(owner, name, timed)
    for other in [other for key, other in sys.modules.items() if key.startswith("dsc_core")]:
        for held, value in list(vars(other).items()):
            if value is original:
                setattr(other, held, timed)
    return True


def stages(ledger: Ledger) -> None:
    """Let what training does outside all parts count to the stage that it reports."""
    from dsc_core.training import loop

    original = loop.fit

    def fit(*arguments: Any, **keywords: Any) -> Iterator[Any]:
        inner = original(*arguments, **keywords)
        ledger.enter(STAGES["autoencoder"])
        try:
            while True:
                try:
                    event = next(inner)
                except StopIteration as end:
                    return end.value
                ledger.enter(STAGES.get(event.stage, REST))
                yield event
        finally:
            ledger.enter(REST)

    loop.fit = fit


# Reading clusters from codes -----------------------------------------------------------------------------------------


def readers() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`build_graph(codes, [], config)`, a sparse graph, and `cut_graph(graph, config, previous)`, with `.labels`."""
    from dsc_core.method.cut import cut_graph
    from dsc_core.method.feed import build_graph

    return build_graph, cut_graph


def cost_of_cut(affinity: Any, labels: Any, clusters: int) -> float:
    """The normalised cut plus the KL divergence of the sizes, computed here, so that two commits are compared by one.

    affinity: sparse (n, n). labels: (n,).
    """
    import numpy as np

    member = np.eye(clusters)[labels]
    links = affinity @ member
    within = np.einsum("ij,ij->j", member, links)
    volume = np.maximum(member.T @ np.asarray(affinity.sum(1)).ravel(), 1e-12)
    sizes = member.mean(0)
    unevenness = float((sizes * np.log(np.maximum(sizes * clusters, 1e-12))).sum())
    return float((1 - within / volume).sum()) + unevenness

"""Questions for a person about a clustering: first those whose answer moves the most samples.

The clusters are divided into cells. What is known of some cells says by a random walk what the others probably are (see
`method.taught`), and a question is chosen by the samples that its answer is expected to put right: the expected rise of
Σ_i max_c F_ic, as in X. Zhu, J. Lafferty, Z. Ghahramani, "Combining active learning and semi-supervised learning using
Gaussian fields and harmonic functions" (2003). A cell whose sheet shows several classes is split, and so are large
cells as the answers become more, so that the questions go from coarse to fine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.sparse as sparse

from dsc_core.analysis.question_cells import Cells, Sheet, gains
from dsc_core.method import graph
from dsc_core.method.answers import (
    DIFFERENT,
    MIXED_FIRST,
    MIXED_SECOND,
    SAME,
    UNSURE,
    Answer,
    Contradiction,
    Key,
    Knowledge,
    Marks,
    marks,
)
from dsc_core.method.taught import Beliefs, believe
from dsc_core.threads import one_thread

GROWTH = 1.0  # cells more for each answer, of which no cell is more than
LARGEST = 1.5  # times as large as the mean
MERGE = 1.0  # probability of two clusters being one, times the share of edges of the smaller that lead to the other
MOST = 128  # cells that are looked at for a question
LEAST_GAIN = 0.5  # samples that an answer about a cell must be expected to put right
# By kind: an answer whose expected probability is lower is asked again before it counts. Of a person who errs one time
# in twenty, such an answer would be wrong one time in seven or more; and a wrong union of two clusters costs most.
SURPRISE = {"cell": 0.25, "clusters": 0.5, "sample": 0.0}
EXPECTED = {"same": 5, "different": 1}  # answers about cells before any, from which their share is estimated

CLUSTERS, CELL, SAMPLE = "clusters", "cell", "sample"


@dataclass(frozen=True)
class Question:
    """Are these the same? first, second: positions of the samples that are shown. rows: those that each stands for.

    kind: CLUSTERS, CELL (is a cell what its cluster is) or SAMPLE. gain: samples that it is expected to put right.
    chance: the expected probability of "same". confirms: the question that it asks once more with other pictures, since
    the answer was a surprise; an answer to it is one about that question.
    """

    first: Sheet
    second: Sheet
    kind: str
    gain: float
    rows: tuple[np.ndarray, np.ndarray] = field(compare=False)
    chance: float = 0.5
    confirms: Question | None = None


class Questions:
    """What to ask next about clusters (n,) in 0..K−1 of a graph, sparse (n, n), and a map of it, points (n, r).

    known: the answers so far. mixed: keys whose sheet shows several classes. aside: pairs of keys that a person could
    not tell. members: the samples that a sheet stood for when it was shown.
    """

    def __init__(
        self,
        affinity: sparse.csr_matrix,
        points: np.ndarray,
        clusters: np.ndarray,
        count: int,
        known: Knowledge | None = None,
        mixed: Iterable[Key] = (),
        aside: Iterable[tuple[Key, Key]] = (),
        members: Mapping[Key, np.ndarray] | None = None,
        seed: int = 0,
    ) -> None:
        self.affinity = affinity
        self.clusters, self.count, self.known = clusters, count, known or Knowledge()
        self.mixed, self.aside = set(mixed), {frozenset(pair) for pair in aside}
        self.members: dict[Key, np.ndarray] = dict(members or {})
        self.asked = len(self.known) + len(self.mixed) + len(self.aside)
        self.counts = dict(EXPECTED)  # of answers about cells
        # A surprising answer that waits for its confirmation.
        self.doubted: tuple[Question, str] | None = None
        with one_thread():
            self.cells = Cells(affinity, points, clusters, count, seed)
            self.exemplars = {
                cluster: self.cells.central(cluster) for cluster in np.unique(clusters).tolist()
            }
            self._take_over()

    # -- what is asked -------------------------------------------------------------------------------------------

    def next(self) -> Question | None:
        """The next question; None where nothing is left to ask."""
        with one_thread():
            if self.doubted is not None:
                return self._once_more(self.doubted[0])
            found = [each for each in (self._about_cell(), self._about_clusters()) if each is not None]
            best = max(found, key=lambda each: each.gain, default=None)
            if best is None or best.gain < LEAST_GAIN:
                return self._about_sample() or best
            return best

    def answer(self, question: Question, said: str) -> Contradiction | None:
        """Take an answer. → what it contradicts, and then nothing changes."""
        with one_thread():
            return self._answer(question, said)

    def _answer(self, question: Question, said: str) -> Contradiction | None:
        self.asked += 1
        contradiction = None
        if question.confirms is None and self.is_surprising(question, said):
            self.doubted = question, said
            return None
        if question.confirms is not None:
            assert self.doubted is not None
            question, before = self.doubted
            said, self.doubted = said if said == before else UNSURE, None
        if said in (SAME, DIFFERENT):
            if question.kind == CELL:
                self.counts[said] += 1
            for key, rows in zip((question.first, question.second), question.rows, strict=True):
                self.members.setdefault(key, rows)
            contradiction = self.known.add(Answer(question.first, question.second, said == SAME))
        if said == UNSURE or contradiction is not None:  # it is not asked again
            self.aside.add(frozenset((question.first, question.second)))
        elif said in (MIXED_FIRST, MIXED_SECOND):
            self._see_mixed(question.first if said == MIXED_FIRST else question.second)
        self._believe()
        if self._split_large():
            self._believe()
        return contradiction

    @staticmethod
    def is_surprising(question: Question, said: str) -> bool:
        """Whether an answer was so unlikely that it is asked again before it counts."""
        chance = {SAME: question.chance, DIFFERENT: 1 - question.chance}.get(said, 1.0)
        return chance < SURPRISE[question.kind]

    def _once_more(self, question: Question) -> Question:
        """The same question with other pictures, where the groups have others."""
        first, second = (self.cells.others(key) for key in (question.first, question.second))
        return replace(question, first=first, second=second, confirms=question)

    @property
    def labels(self) -> np.ndarray:
        """The cluster of each sample, (n,): that of its cell, or what was said about the sample itself."""
        labels, columns = self.beliefs.labels[self.cells.of], self.beliefs.columns
        by_cells = labels.copy()
        for key, group in self.group_of.items():
            if len(key) == 1 and not isinstance(key, str):
                excluded = [columns[other] for other in self.marks.apart[group] if columns[other] >= 0]
                nearest = self.cells.cluster_of_neighbours(key[0], by_cells, excluded)
                labels[key[0]] = columns[group] if columns[group] >= 0 else nearest
        return labels

    # -- finer cells ---------------------------------------------------------------------------------------------

    def _take_over(self) -> None:
        """Cells as fine as the answers so far ask for, and what is known of them."""
        self._believe()
        while self._split_large():
            self._believe()

    def _split_large(self) -> bool:
        """Split cells of which something is known and that are larger than the number of answers allows."""
        limit = LARGEST * len(self.clusters) / (self.cells.at_first + GROWTH * self.asked)
        settled = (self.marks.group >= 0) & (self.beliefs.columns[self.marks.group] >= 0)
        large = np.flatnonzero(settled & (self.cells.sizes > limit)).tolist()
        split = [self.cells.split(cell) for cell in large]
        if any(split):
            self.cells.measure()
        return any(split)

    def _see_mixed(self, key: Sheet) -> None:
        """A sheet shows several classes: its cell is split, or set aside where it is small."""
        self.mixed.add(key)
        cell = self.cells.cell_of(key)
        if cell < 0:
            return
        if self.cells.split(cell):
            self.cells.show_anew(cell)
            self.cells.measure()
        for cluster, exemplar in self.exemplars.items():
            if exemplar == cell:
                gone = frozenset(self.cells.cell_of(each) for each in _sheets(self.mixed))
                self.exemplars[cluster] = self.cells.central(cluster, gone)

    # -- what is believed ----------------------------------------------------------------------------------------

    def _believe(self) -> None:
        """F of the cells, and the sheet that stands for each cluster that has one."""
        sheets = {cluster: self.cells.sheet(cell) for cluster, cell in self.exemplars.items() if cell >= 0}
        # A cluster of which nobody has spoken is what its central cell is. Those are the oldest groups.
        known = Knowledge()
        for sheet in sheets.values():
            known.add(Answer(sheet, sheet, True))
        for number, answer in enumerate(self.known.answers):
            if number not in self._contradicting():
                known.add(answer)
        by_sample = marks(known, len(self.clusters), self.members)
        groups, self.keys = known.groups(), list[list[Sheet]]()
        group = np.full(len(self.cells.sizes), -1, np.int64)
        self.group_of = {key: place for place, keys in enumerate(groups) for key in keys}
        for place, keys in enumerate(groups):
            cells = [
                (self.cells.cell_of(key), key)
                for key in _sheets(keys)
                if len(key) > 1 and key not in self.mixed
            ]
            self.keys.append([key for cell, key in cells if cell >= 0])
            for cell, _ in cells:
                if cell >= 0:
                    group[cell] = place
        self.marks = Marks(group, by_sample.apart, by_sample.pairs, by_sample.names)
        leaning = self.cells.most_of(by_sample.group)
        self.beliefs: Beliefs = believe(self.cells.field, self.cells.own, self.count, self.marks, leaning)

    def _contradicting(self) -> frozenset[int]:
        return frozenset(each.answer for each in self.known.contradictions)

    def _standing(self) -> dict[int, Sheet]:
        """{cluster: the sheet that stands for it}: the first that is known of it."""
        found: dict[int, Sheet] = {}
        for place, column in enumerate(self.beliefs.columns.tolist()):
            if column >= 0 and self.keys[place]:
                found[column] = self.keys[place][0]
        return found

    def _posterior(self) -> np.ndarray:
        """F (m, C + 1), the last column for none of the clusters, rows sum to 1."""
        found = np.maximum(self.beliefs.field, 0)
        none = np.maximum(1 - found.sum(1, keepdims=True), 1e-9)
        whole = np.hstack([found, none])
        return whole / whole.sum(1, keepdims=True)

    # -- the three kinds -----------------------------------------------------------------------------------------

    def _about_cell(self) -> Question | None:
        """Is a cell what it probably is? The cell whose answer is expected to put most samples right."""
        field, standing = self._posterior(), self._standing()
        fixed = (self.marks.group >= 0) & (self.beliefs.columns[self.marks.group] >= 0)
        free = np.flatnonzero(~fixed)
        mixed = {self.cells.cell_of(key) for key in _sheets(self.mixed)}
        possible = np.array(
            [self.cells.sheet(c) not in self.mixed and c not in mixed for c in free.tolist()], dtype=bool
        )
        shown = np.zeros(field.shape[1], bool)
        shown[list(standing)] = True
        chances = np.where(shown, field[free], 0)
        self._without_set_aside(chances, free, standing)
        target = chances.argmax(1)
        chance = chances[np.arange(len(free)), target]
        order = np.flatnonzero(possible & (chance > 0))
        if not len(order):
            return None
        # Of what becomes known of a cell, to each free one.
        spread = self.cells.field.inverse / np.diag(self.cells.field.inverse)
        reach = self.cells.sizes[free] @ spread
        order = order[np.argsort(-((1 - field[free].max(1)) * reach)[order], kind="stable")[:MOST]]
        found = gains(field[free], self.cells.sizes[free], spread[:, order], order, target[order])
        best = int(found.argmax())
        cell, cluster = int(free[order[best]]), int(target[order[best]])
        return self._question(
            standing[cluster],
            self.cells.sheet(cell),
            CELL,
            float(found[best]),
            self._calibrated(float(chance[order[best]])),
        )

    def _calibrated(self, chance: float) -> float:
        """The probability of "same" by a field's value and by how often that was the answer so far."""
        same, different = chance * self.counts[SAME], (1 - chance) * self.counts[DIFFERENT]
        return same / max(same + different, 1e-12)

    def _without_set_aside(self, chances: np.ndarray, free: np.ndarray, standing: dict[int, Sheet]) -> None:
        """Set chances (f, C) to 0 where a person could not tell."""
        if self.aside:
            for row, cell in enumerate(free.tolist()):
                for cluster, sheet in standing.items():
                    if frozenset((sheet, self.cells.sheet(cell))) in self.aside:
                        chances[row, cluster] = 0

    def _about_clusters(self) -> Question | None:
        """Are two clusters one? The pair whose union is expected to put most samples right."""
        standing, labels = self._standing(), self.beliefs.labels
        member = np.eye(self.beliefs.field.shape[1])[labels]
        between = member.T @ self.cells.field.weights @ member
        reach, sizes = np.maximum(between.sum(1), 1e-9), member.T @ self.cells.sizes
        best: tuple[float, int, int] | None = None
        for first in sorted(standing):
            for second in sorted(standing):
                if first >= second or self._is_settled(standing[first], standing[second]):
                    continue
                chance = MERGE * between[first, second] / min(reach[first], reach[second])
                gain = chance * min(sizes[first], sizes[second])
                if gain > 0 and (best is None or gain > best[0]):
                    best = gain, first, second
        if best is None:
            return None
        gain, first, second = best
        chance = gain / min(sizes[first], sizes[second])
        if sizes[first] < sizes[second]:
            first, second = second, first
        return self._question(standing[first], standing[second], CLUSTERS, float(gain), float(chance))

    def _is_settled(self, first: Key, second: Key) -> bool:
        """Whether it is known of two sheets whether they are the same, or a person could not tell."""
        here, there = self.group_of[first], self.group_of[second]
        return here == there or there in self.marks.apart[here] or frozenset((first, second)) in self.aside

    def _is_aside(self, sheet: Sheet, row: int) -> bool:
        """Whether a person could not tell whether a sample is like a sheet."""
        return frozenset((sheet, (row,))) in self.aside

    def _about_sample(self) -> Question | None:
        """Is a sample between two clusters of the one that it is in? The one whose neighbourhood is most divided."""
        standing = self._standing()
        labels = self.labels
        shares = graph.votes(self.affinity, labels, self.beliefs.field.shape[1])
        order = np.argsort(shares[np.arange(len(labels)), labels], kind="stable")
        for row in order.tolist():
            sheet = standing.get(int(labels[row]))
            if sheet is None or row in sheet:
                continue
            if not (
                self._is_settled(sheet, (row,)) if (row,) in self.group_of else self._is_aside(sheet, row)
            ):
                return self._question(sheet, (row,), SAMPLE, float(1 - shares[row, labels[row]]))
        return None

    def _question(self, first: Sheet, second: Sheet, kind: str, gain: float, chance: float = 0.5) -> Question:
        return Question(first, second, kind, gain, (self.cells.rows(first), self.cells.rows(second)), chance)


def _sheets(keys: Iterable[Key]) -> list[Sheet]:
    """The keys that are no names."""
    return [key for key in keys if not isinstance(key, str)]

"""What a person has answered about pairs of samples or groups, and what follows from it: which belong together.

An answer is about two keys: a sample or a group, as the sorted positions of the samples that were shown, or a name.
"Same" joins the groups of both, "different" keeps them apart for good; two names are always apart. An answer that
contradicts earlier ones is not applied: it is reported with the chain of answers that it contradicts.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

Key = tuple[int, ...] | str
# What may be said about two keys. A mixed sheet shows several groups; of these words the first two are answers.
SAME, DIFFERENT, MIXED_FIRST, MIXED_SECOND, UNSURE = (
    "same",
    "different",
    "mixed first",
    "mixed second",
    "unsure",
)
SAID = (SAME, DIFFERENT, MIXED_FIRST, MIXED_SECOND, UNSURE)


@dataclass(frozen=True)
class Answer:
    """Whether two keys are the same, and what a key stands for: the positions of its samples."""

    first: Key
    second: Key
    same: bool


@dataclass(frozen=True)
class Contradiction:
    """An answer that was not applied, and the earlier ones that it contradicts, in the order of the chain.

    answer, chain: numbers of answers, in the order in which they were added.
    """

    answer: int
    chain: tuple[int, ...]


@dataclass
class Knowledge:
    """What follows from answers, in the order in which they were added.

    contradictions: of those that were not applied. Each answer costs about the size of the smaller of two groups.
    """

    answers: list[Answer] = field(default_factory=list)
    contradictions: list[Contradiction] = field(default_factory=list)
    _root: dict[Key, Key] = field(default_factory=dict)
    _members: dict[Key, list[Key]] = field(default_factory=dict)
    # For each group the groups that it differs from, each with the answer that says so; −1: they have two names.
    _apart: dict[Key, dict[Key, int]] = field(default_factory=dict)
    _joined: dict[Key, list[tuple[Key, int]]] = field(default_factory=dict)
    _name: dict[Key, str] = field(default_factory=dict)

    @classmethod
    def of(cls, answers: Iterable[Answer]) -> Knowledge:
        """What follows from all of these answers."""
        known = cls()
        for answer in answers:
            known.add(answer)
        return known

    def __len__(self) -> int:
        return len(self.answers)

    def add(self, answer: Answer) -> Contradiction | None:
        """Add an answer. → the contradiction where it is one; the answer then changes nothing."""
        number = len(self.answers)
        self.answers.append(answer)
        first, second = self._find(answer.first), self._find(answer.second)
        found = self._contradicts(answer, first, second)
        if found is not None:
            self.contradictions.append(Contradiction(number, found))
            return self.contradictions[-1]
        if answer.same:
            self._joined[answer.first].append((answer.second, number))
            self._joined[answer.second].append((answer.first, number))
            self._join(first, second)
        else:
            self._apart[first].setdefault(second, number)
            self._apart[second].setdefault(first, number)
        return None

    def groups(self) -> list[list[Key]]:
        """The keys that belong together, each group in the order in which its first key appeared."""
        found: dict[Key, list[Key]] = {}
        for key in self._root:
            found.setdefault(self._find(key), []).append(key)
        return list(found.values())

    def differ(self, first: Key, second: Key) -> bool:
        """Whether two keys are known to be different."""
        if first not in self._root or second not in self._root:
            return False
        return self._are_apart(self._find(first), self._find(second))

    def agree(self, first: Key, second: Key) -> bool:
        """Whether two keys are known to be the same."""
        return first in self._root and second in self._root and self._find(first) == self._find(second)

    def different_from(self, key: Key) -> Iterator[Key]:
        """A key of each group that answers say is different from that of a key; names are left out."""
        return iter(self._apart[self._root[key]])

    def name(self, key: Key) -> str | None:
        """The name of the group of a key, where it has one."""
        return self._name.get(self._find(key)) if key in self._root else None

    def _find(self, key: Key) -> Key:
        """The key that stands for the group of a key, which is entered where it is new."""
        if key not in self._root:
            self._root[key], self._members[key], self._apart[key], self._joined[key] = key, [key], {}, []
            if isinstance(key, str):
                self._name[key] = key
        return self._root[key]

    def _are_apart(self, first: Key, second: Key) -> bool:
        if second in self._apart[first]:
            return True
        return first != second and first in self._name and second in self._name

    def _join(self, first: Key, second: Key) -> None:
        """Make one group of two, given by the keys that stand for them."""
        if first == second:
            return
        kept, gone = (
            (first, second) if len(self._members[first]) >= len(self._members[second]) else (second, first)
        )
        for key in self._members[gone]:
            self._root[key] = kept
        self._members[kept] += self._members.pop(gone)
        for other, number in self._apart.pop(gone).items():
            del self._apart[other][gone]
            self._apart[other].setdefault(kept, number)
            self._apart[kept].setdefault(other, number)
        if gone in self._name:
            self._name[kept] = self._name.pop(gone)

    def _contradicts(self, answer: Answer, first: Key, second: Key) -> tuple[int, ...] | None:
        """The chain of answers that this one contradicts, given the groups of its keys; None where there is none."""
        if not answer.same:
            return self._path(answer.first, answer.second) if first == second else None
        if not self._are_apart(first, second):
            return None
        number = self._apart[first].get(second)
        if number is None:  # two names
            names = self._name[first], self._name[second]
            return self._path(answer.first, names[0]) + self._path(names[1], answer.second)
        said = self.answers[number]
        here, there = (
            (said.first, said.second) if self._root[said.first] == first else (said.second, said.first)
        )
        return (*self._path(answer.first, here), number, *self._path(there, answer.second))

    def _path(self, start: Key, end: Key) -> tuple[int, ...]:
        """The fewest answers "same" that lead from one key to another of its group."""
        came: dict[Key, tuple[Key, int]] = {}
        waiting = deque([start])
        while waiting and end not in came and start != end:
            key = waiting.popleft()
            for other, number in self._joined[key]:
                if other not in came and other != start:
                    came[other] = key, number
                    waiting.append(other)
        path: list[int] = []
        while end != start:
            end, number = came[end]
            path.append(number)
        return tuple(path[::-1])


@dataclass(frozen=True)
class Marks:
    """Answers as arrays, about n samples or cells, and g groups in the order in which they were first spoken of.

    group: (n,), the group of each sample that an answer is about, in 0..g−1; −1 for the others. apart: for each group
    those that differ from it. pairs: (p, 2), samples of one group, between which the graph gets an edge. names: of the
    groups, "" where they have none.
    """

    group: np.ndarray
    apart: tuple[frozenset[int], ...]
    pairs: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def among(self, rows: np.ndarray | None) -> Marks:
        """The same about the samples at `rows` (m,) alone, which are in order; None for all."""
        if rows is None:
            return self
        place = np.full(len(self.group), -1, np.int64)
        place[rows] = np.arange(len(rows))
        pairs = place[self.pairs]
        return Marks(self.group[rows], self.apart, pairs[(pairs >= 0).all(1)], self.names)


def marks(known: Knowledge, count: int, members: Mapping[Key, np.ndarray] | None = None) -> Marks:
    """The answers about `count` samples. members: the samples that a key stands for, where it is more than shown.

    A sample in several keys has the group of the one with the fewest samples, of equal ones the last.
    """
    members = members or {}
    group, smallest = np.full(count, -1, np.int64), np.full(count, np.iinfo(np.int64).max)
    groups = known.groups()
    for number, keys in enumerate(groups):
        for key in keys:
            if not isinstance(key, str):
                rows = np.asarray(members.get(key, key), np.int64)
                rows = rows[smallest[rows] >= len(rows)]
                group[rows], smallest[rows] = number, len(rows)
    names = tuple(known.name(keys[0]) or "" for keys in groups)
    return Marks(group, _apart(known, groups, names), _pairs(groups), names)


def _apart(known: Knowledge, groups: list[list[Key]], names: tuple[str, ...]) -> tuple[frozenset[int], ...]:
    """For each group those that differ from it."""
    number = {key: place for place, keys in enumerate(groups) for key in keys}
    named = {place for place, name in enumerate(names) if name}
    found = []
    for place, keys in enumerate(groups):
        others = {number[other] for other in known.different_from(keys[0])}
        found.append(frozenset(others | (named - {place} if place in named else set())))
    return tuple(found)


def _pairs(groups: list[list[Key]]) -> np.ndarray:
    """Pairs of samples of one group, (p, 2): those of each key with those of the key before it."""
    pairs: list[tuple[int, int]] = []
    for keys in groups:
        shown = [key for key in keys if not isinstance(key, str)]
        for before, after in itertools.pairwise(shown):
            pairs += [(a, b) for a, b in zip(before, after, strict=False) if a != b]
    return np.array(pairs, np.int64).reshape(-1, 2)

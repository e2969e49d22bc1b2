"""Arrays whose names differ only in a number: one per sample, one per class, or `numpy.savez` without names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dsc_core.data.headers import Header, Headers, shape_words
from dsc_core.data.trainable import MIN_SAMPLES
from dsc_core.errors import InputError

MIN_CLASSES = 3
PARTS = ("train", "valid", "val", "test")
UNNAMED = "arr_"  # numpy.savez(first, second) names them arr_0, arr_1
NUMBERED = re.compile(r"(.*?)[ _.-]?(\d{1,9})$", re.DOTALL)


@dataclass(frozen=True)
class Family:
    """Arrays that make up the samples together.

    keys: in their order. labels: the keys of their labels. per: "sample" or "class" where each array is one; "" where
    they are parts, one after the other.
    """

    keys: list[str]
    labels: list[str]
    per: str = ""


def find_family(headers: Headers, name: str) -> Family | None:
    """The arrays that make up the samples by their numbers; None if there are none.

    InputError for arrays without names of which it cannot be said what they are.
    """
    unnamed = [key for key in _numbers(headers, UNNAMED[:-1]).values() if key.startswith(UNNAMED)]
    if unnamed and len(unnamed) == len(headers):
        return _unnamed(headers, unnamed, name)
    stems = {match[1] for key in headers if (match := NUMBERED.fullmatch(key))}
    families = {stem: list(_numbers(headers, stem).values()) for stem in sorted(stems)}
    for keys in families.values():
        if _one_per_sample(headers, keys) and min(headers[keys[0]].shape) > 1:
            return Family(keys, [], "sample")
    return _one_per_class(headers, families)


def number_of(key: str) -> int:
    """The number at the end of a key."""
    match = NUMBERED.fullmatch(key)
    assert match is not None  # a key of a family has one
    return int(match[2])


def _numbers(headers: Headers, stem: str) -> dict[int, str]:
    """{number: key} of the keys that are `stem` and a number, by their number."""
    matches = ((NUMBERED.fullmatch(key), key) for key in headers)
    return dict(sorted((int(match[2]), key) for match, key in matches if match and match[1] == stem))


def _one_per_sample(headers: Headers, keys: list[str]) -> bool:
    """Whether the arrays have one shape and are as many as a data set needs samples."""
    members = [headers[key] for key in keys]
    alike = len({(header.shape, header.problem, header.sparse) for header in members}) == 1
    return (
        len(keys) >= MIN_SAMPLES and alike and members[0].is_numeric and max(members[0].shape, default=1) > 1
    )


def _one_per_class(headers: Headers, families: dict[str, list[str]]) -> Family | None:
    """Matrices of one width and different numbers of rows, such as train0 to train9, with test0 to test9 after them."""
    parts = [stem for part in PARTS for stem in families if stem.lower().strip("_/ ") == part]
    for stems in (parts, *([stem] for stem in families if stem not in parts)):
        keys = [key for stem in stems for key in families[stem]]
        numbers = [{number_of(key) for key in families[stem]} for stem in stems]
        members = [headers[key] for key in keys]
        if not keys or len(numbers[0]) < MIN_CLASSES or any(each != numbers[0] for each in numbers):
            continue
        alike = len({(len(header.shape), header.shape[1:]) for header in members}) == 1
        varied = len({header.shape[:1] for header in members}) > 1
        if alike and varied and len(members[0].shape) >= 2 and all(map(_is_matrix, members)):
            return Family(keys, [], "class")
    return None


def _is_matrix(header: Header) -> bool:
    return header.is_numeric and not header.problem and header.shape[-1] > 1


def _unnamed(headers: Headers, keys: list[str], name: str) -> Family:
    """What `numpy.savez` saved without names: samples and labels, training and test, or one array per sample."""
    if _one_per_sample(headers, keys):
        return Family(keys, [], "sample")
    tables = [key for key in keys if len(headers[key].shape) >= 2 and not headers[key].is_vector]
    vectors = [key for key in keys if key not in tables and headers[key].shape]
    same = len({headers[key].shape[1:] for key in tables}) == 1
    lengths = [[max(headers[key].shape) for key in vectors], [headers[key].shape[0] for key in tables]]
    if len(tables) <= 1:
        return Family(tables or keys[:1], vectors[:1] if len(keys) == 2 and tables else [])
    if len(tables) == 2 and same and lengths[0] == lengths[1]:  # training and test, each with labels
        return Family(tables, vectors)
    if len(tables) == 2 and len(keys) == 2 and headers[keys[1]].shape[0] == headers[keys[0]].shape[0]:
        return Family(keys[:1], keys[1:])  # samples, and labels that may be one-hot
    shapes = ", ".join(f"{key} ({shape_words(headers[key].shape)})" for key in keys[:3])
    raise InputError(
        f"{name} holds {len(keys)} arrays without names, {shapes}{' …' if len(keys) > 3 else ''}, which do not form one"
        " data set: save them as one array of one shape, or choose one of them as samples."
    )

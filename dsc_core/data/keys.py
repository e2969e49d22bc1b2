"""Files with several named arrays: which are the samples, the labels and the ids."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from dsc_core.data.headers import Header, Headers, shape_words
from dsc_core.data.key_families import PARTS, find_family
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.text import listed
from dsc_core.errors import InputError

SAMPLE_KEYS = (
    *(
        "x",
        "images",
        "image",
        "imgs",
        "img",
        "data",
        "samples",
        "features",
        "feature",
        "fea",
        "feat",
        "feats",
    ),
    *("inputs", "pixels", "embeddings", "embedding", "attr", "attr_matrix", "vectors", "xdata"),
)
LABEL_KEYS = (
    *("y", "labels", "label", "targets", "target", "classes", "class", "gnd", "gt", "truth", "truelabel"),
    *("true_labels", "ground_truth", "groundtruth", "cell_type", "celltype", "species", "category"),
)
ID_KEYS = ("ids", "id", "names", "filenames", "files", "sample_names", "sample_ids", "barcodes")
ROW_NUMBERS = re.compile(r"idx|ind(ex|ices)?$|indic|index|perm|fold|split", re.IGNORECASE)
LISTED = 6  # arrays in a note or an error
Roles = dict[str, list[str]]  # "samples", "labels", "ids": the keys that the layout of a file names


@dataclass(frozen=True)
class ChosenKeys:
    """The keys of samples, labels and ids; several are joined in this order.

    by_size: whether the samples have no usual name and are only the largest array. per: "sample" or "class" where
    each array of samples is one, see `key_families.Family`.
    """

    samples: list[str]
    labels: list[str]
    ids: list[str]
    by_size: bool = False
    per: str = ""


def choose_keys(
    headers: Headers, options: Options, name: str, roles: Roles | None = None, passed_over: Iterable[str] = ()
) -> ChosenKeys:
    """The keys of samples, labels and ids: those in `options`, else those of the layout, else those with a usual name.

    Without a usual name, the largest array that is no vector holds the samples. Of several usual names of labels or
    ids, the first one with as many entries as there are samples counts. An array that holds the samples by its name or
    size but cannot be read is refused, never replaced by the next one.

    headers: of all arrays. name: of the file. passed_over: keys that hold no samples, as their values have shown.
    """
    if not headers:
        raise InputError(f"{name} contains no array of numbers: save images or a table in it.")
    keys = _choose_samples(headers, options, name, roles or {}, passed_over)
    counts = _counts(headers, keys)
    labels = _role(headers, options.label_column, LABEL_KEYS, (roles or {}).get("labels"), counts, keys, name)
    ids = _role(headers, options.id_column, ID_KEYS, (roles or {}).get("ids"), counts, keys, name)
    if options.label_column is None:
        labels = labels or keys.labels
    return replace(keys, labels=labels, ids=ids)


def key_notes(keys: ChosenKeys, headers: Headers) -> list[Note]:
    """Notes which arrays were read as samples and labels, and which were not used."""
    notes = [Note("samples_from", about=listed(keys.samples, LISTED, width=80))]
    if keys.labels:
        notes.append(Note("labels_from", about=listed(keys.labels, LISTED, width=80)))
    if keys.ids:
        notes.append(Note("ids_from", about=listed(keys.ids, LISTED, width=80)))
    used = {*keys.samples, *keys.labels, *keys.ids}
    unused = [key for key, header in headers.items() if key not in used and max(header.shape, default=1) > 1]
    if unused:
        about = listed([f"{key} ({headers[key].describe()})" for key in unused], LISTED, width=80)
        notes.append(Note("unused_arrays", about=about))
    return notes


def _choose_samples(
    headers: Headers, options: Options, name: str, roles: Roles, passed_over: Iterable[str]
) -> ChosenKeys:
    """The keys of the samples, and of labels that come with them."""
    if options.samples_key:
        keys = [_find_key(headers, options.samples_key, name)]
        return ChosenKeys(_check_readable(headers, keys, name), [], [])
    if roles.get("samples"):
        return ChosenKeys(_check_readable(headers, roles["samples"], name), [], [])
    free = {key: header for key, header in headers.items() if key not in passed_over}
    for keys in _usual(free, SAMPLE_KEYS):
        if all(_may_be_samples(headers[key]) for key in keys):
            return ChosenKeys(_check_readable(headers, keys, name), [], [])
    family = find_family(free, name)
    if family is not None:
        return ChosenKeys(_check_readable(headers, family.keys, name), family.labels, [], per=family.per)
    return _largest(free, headers, name)


def _largest(free: Headers, headers: Headers, name: str) -> ChosenKeys:
    """The largest array that may hold the samples; a column of row numbers only if it has a usual name."""
    others = {key for word in (LABEL_KEYS, ID_KEYS) for keys in _usual(free, word) for key in keys}
    candidates = [key for key, header in free.items() if key not in others and _may_be_samples(header)]
    # A square sparse matrix is a graph.
    last = {key: (_is_row_numbers(key), _is_graph(free[key]), -free[key].nbytes) for key in candidates}
    if candidates:
        best = min(candidates, key=last.__getitem__)
        return ChosenKeys(_check_readable(headers, [best], name), [], [], by_size=True)
    vectors = next(iter(_usual(free, SAMPLE_KEYS)), [])
    vectors = (
        vectors
        or [
            key
            for key, header in free.items()
            if key not in others and header.is_numeric and len(header.shape) == 2 and not _is_row_numbers(key)
        ][:1]
    )
    if vectors:
        return ChosenKeys(_check_readable(headers, vectors, name), [], [], by_size=True)
    problem = next(
        (f"{key} in {name} {header.problem}." for key, header in free.items() if header.problem), ""
    )
    if problem:
        raise InputError(problem)
    found = listed([f"{key} ({header.describe()})" for key, header in headers.items()], LISTED, width=80)
    raise InputError(
        f"{name} contains no array of samples, only {found}: save it with a key such as images (n, H, W) or x (n, F)."
    )


def _may_be_samples(header: Header) -> bool:
    """Whether an array may hold samples by its shape and type, or would if it could be read."""
    if header.problem:
        return header.content > 1
    return header.is_numeric and len(header.shape) >= 2 and not header.is_vector


def _is_graph(header: Header) -> bool:
    return header.sparse and header.shape[0] == header.shape[-1]


def _is_row_numbers(key: str) -> bool:
    """Whether an array holds the numbers of rows, by its name: "trainIdx"."""
    return ROW_NUMBERS.search(re.split(r"[/.]", key)[-1]) is not None


def _counts(headers: Headers, keys: ChosenKeys) -> set[int]:
    """How many samples there may be: the samples are counted along the first or the last axis."""
    if keys.per == "sample":
        return {len(keys.samples)}
    shapes = [headers[key].shape for key in keys.samples]
    return {sum(shape[axis] for shape in shapes if shape) for axis in (0, -1)}


def fits(headers: Headers, keys: list[str], counts: set[int]) -> bool:
    """Whether the arrays have as many entries as there are samples, along their first, last or longest axis."""
    shapes = [headers[key].shape or (1,) for key in keys]
    return bool(counts & {sum(s[0] for s in shapes), sum(s[-1] for s in shapes), sum(max(s) for s in shapes)})


def _role(
    headers: Headers,
    requested: str | None,
    usual: tuple[str, ...],
    of_layout: list[str] | None,
    counts: set[int],
    keys: ChosenKeys,
    name: str,
) -> list[str]:
    """The keys of labels or ids: the requested one ("" for none), that of the layout, else those with a usual name."""
    if requested is not None:
        return [_find_key(headers, requested, name)] if requested else []
    if of_layout is not None:
        return of_layout
    candidates = [
        same
        for found in _usual(headers, usual)
        if (same := _of_same_part(found, keys.samples)) and all(headers[key].shape for key in same)
    ]
    return next((found for found in candidates if fits(headers, found, counts)), (candidates or [[]])[0])


def _find_key(headers: Headers, key: str, name: str) -> str:
    """The key that was asked for: in full, or the last part of a single one, such as louvain for obs/louvain."""
    if key in headers:
        return key
    same = [full for full in headers if re.split(r"[/.]", full)[-1] == key]
    if len(same) != 1:
        raise InputError(f"{name} has no key {key[:60]!r}: choose one of {', '.join(sorted(headers))[:200]}.")
    return same[0]


def _check_readable(headers: Headers, keys: list[str], name: str) -> list[str]:
    """The keys of samples. InputError, with the reason, if one of them cannot be read or holds text."""
    for key in keys:
        header = headers[key]
        if header.problem:
            raise InputError(f"{key} in {name} {header.problem}.")
        if not header.is_numeric:
            raise InputError(
                f"{key} in {name} holds text ({shape_words(header.shape)}): choose numbers as samples."
            )
    return keys


def _usual(headers: Headers, usual: tuple[str, ...]) -> Iterable[list[str]]:
    """The keys with a usual name, in any case, best first; parts such as x_train and x_test are one."""
    keys = _short_names(headers)
    for word in usual:
        if word in keys:
            yield [keys[word]]
        parts = [keys[form] for part in PARTS for form in _forms(word, part) if form in keys]
        parts = parts or [keys[form] for part in PARTS for form in _longer_forms(word, part) if form in keys]
        if parts:
            yield list(dict.fromkeys(parts))


def _short_names(headers: Headers) -> dict[str, str]:
    """{short name: key}: in lower case, without a group that contains all arrays, "train/x" as train_x.

    A name inside a group also stands alone if no other array has it.
    """
    parts = {key: key.lower().replace(".", "/").split("/") for key in headers}
    while parts and all(len(names) > 1 for names in parts.values()):
        if len({names[0] for names in parts.values()}) > 1:
            break
        parts = {key: names[1:] for key, names in parts.items()}
    last = Counter(names[-1] for names in parts.values())
    unique = {names[-1]: key for key, names in parts.items() if last[names[-1]] == 1}
    return unique | {"_".join(names): key for key, names in parts.items()}


def _of_same_part(keys: list[str], samples: list[str]) -> list[str]:
    """Those of `keys` that are not samples, and that belong to the same part as a single array: y_test to x_test."""
    part = next((part for part in PARTS if len(samples) == 1 and part in samples[0].lower()), None)
    same = [key for key in keys if part and part in key.lower()]
    return [key for key in same or keys if key not in samples]


def _forms(word: str, part: str) -> tuple[str, ...]:
    return f"{word}_{part}", f"{part}_{word}", f"{word}{part}", f"{part}{word}"


def _longer_forms(word: str, part: str) -> tuple[str, ...]:
    """Names of a part with "set" or "data" in them: "train_set_x", "x_train_set"."""
    sets = [f"{part}{joint}{noun}" for noun in ("set", "data") for joint in ("_", "")]
    return tuple(form for name in sets for form in _forms(word, name))

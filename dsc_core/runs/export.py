"""What can be taken home from a run: tables, arrays, pictures, a report, the model. Each is written to an open file.

Long ones are written piece by piece, in the memory of a few hundred samples, however large the run is.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dsc_core.errors import InputError, RunError
from dsc_core.runs.results import LoadedRun, Results, csv_bytes, csv_pieces, labels_frame, load_results
from dsc_core.runs.store import Run

PIECE = 512  # samples written at a time
LONGEST_NAME = 60  # letters of a sample's name in a ZIP of images
UNSAFE = re.compile(r"[^\w.-]+")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Kind:
    """One thing to export. suffixes: its formats, the usual one first. of: the data that it is there for."""

    name: str
    title: str
    suffixes: tuple[str, ...]
    about: str
    of: tuple[str, ...] = ("image", "table")


KINDS = (
    Kind("labels", "Labels", (".csv", ".parquet"), "One row a sample: cluster, confidence, places on the maps."),
    Kind("report", "Report", (".html",), "Settings, scores, curves, maps and samples on one page, for any browser."),
    Kind("data", "Data with labels", (".csv", ".parquet"), "The table, gaps filled, with clusters.", ("table",)),
    Kind("data", "Data with labels", (".npz",), "The images as trained on, with clusters.", ("image",)),
    Kind("images", "Images by cluster", (".zip",), "PNG files, in a folder a cluster.", ("image",)),
    Kind("embeddings", "Embeddings", (".parquet",), "Codes z and coordinates Y of each sample."),
    Kind("latent", "Latent codes", (".npy", ".parquet"), "The codes z, one row a sample."),
    Kind("spectral", "Spectral coordinates", (".npy", ".parquet"), "The coordinates Y, one row a sample."),
    Kind("maps", "Maps", (".html", ".svg", ".png"), "Latent and spectral map; HTML can be moved and zoomed."),
    Kind("confusion", "Confusion matrix", (".html", ".svg", ".png"), "Classes against clusters."),
    Kind("curves", "Loss curves", (".html", ".svg", ".png"), "Means over each epoch."),
    Kind("model", "Model", (".zip",), "The run's folder, which load_run opens."),
    Kind("onnx", "ONNX", (".onnx",), "Encoder and spectral map, for programs without PyTorch."),
)  # fmt: skip
NAMES = tuple(dict.fromkeys(kind.name for kind in KINDS))
BY_SUFFIX = {
    ".csv": "labels", ".parquet": "labels", ".npz": "data", ".html": "report", ".svg": "maps", ".png": "maps",
    ".onnx": "onnx",
}  # fmt: skip


def kinds_of(run: Run) -> list[Kind]:
    """What there is to export of a run."""
    labelled = run.dataset.get("classes") is not None
    kind = run.dataset.get("kind", "image")
    return [one for one in KINDS if kind in one.of and (labelled or one.name != "confusion")]


def choose(run: Run, file_name: str, asked: str | None) -> tuple[Kind, str]:
    """(kind, suffix) for a file of this name; `asked` names the kind where the suffix alone does not tell.

    InputError, which names what there is, where the two do not fit together or the run has no such thing.
    """
    suffix = Path(file_name).suffix.lower() if file_name != "-" else ""
    name = asked or BY_SUFFIX.get(suffix, "" if suffix else "labels")
    fitting = [one for one in kinds_of(run) if one.name == name]
    if not name:
        could = sorted({one.name for one in kinds_of(run) if suffix in one.suffixes})
        if not could:
            known = ", ".join(sorted({known for one in KINDS for known in one.suffixes}))
            raise InputError(f"{suffix} is no format that a run is exported to: choose one of {known}.")
        raise InputError(
            f"A {suffix} file can hold several things: say which with --what {' or '.join(could)}."
        )
    if name not in NAMES:
        raise InputError(f"There is no '{name}' to export: choose one of {', '.join(NAMES)}.")
    if not fitting:
        why = "it has no labels" if name == "confusion" else f"it is of {run.dataset.get('kind')} data"
        raise InputError(f"The run '{run.name}' has no {name} to export: {why}.")
    if suffix and suffix not in fitting[0].suffixes:
        raise InputError(f"{name} is written as {' or '.join(fitting[0].suffixes)}, not as {suffix}.")
    return fitting[0], suffix or fitting[0].suffixes[0]


def write(
    run: Run, kind: Kind, suffix: str, out: io.BufferedIOBase, progress: Progress | None = None
) -> None:
    """Write what `kind` is of `run`, in the format of `suffix`, to the open binary file `out`.

    progress(done, total): of samples, where it takes a while. InputError where the run has no results yet or a
    package is missing, RunError where a file or the data set is missing or damaged; OSError is the caller's.
    """
    labels_frame(run)  # says in a sentence that there are no results
    WRITERS[kind.name](run, suffix, out, progress or (lambda done, total: None))
    out.flush()  # a disk that is full is told of here


# Tables and arrays ------------------------------------------------------------------------------------------


def _labels(run: Run, suffix: str, out, progress: Progress) -> None:
    if suffix == ".parquet":
        labels_frame(run).to_parquet(out, index=False)
    else:
        out.writelines(csv_pieces(run))


def _latent(run: Run, suffix: str, out, progress: Progress) -> None:
    _arrays(run, suffix, out, ("latent",))


def _spectral(run: Run, suffix: str, out, progress: Progress) -> None:
    _arrays(run, suffix, out, ("spectral",))


def _embeddings(run: Run, suffix: str, out, progress: Progress) -> None:
    _arrays(run, suffix, out, ("latent", "spectral"))


def _arrays(run: Run, suffix: str, out, spaces: tuple[str, ...]) -> None:
    """The coordinates of each sample in `spaces`; as parquet with the id and the cluster beside them."""
    loaded = LoadedRun(run)
    points = [getattr(loaded, space) for space in spaces]
    if suffix == ".npy":
        np.lib.format.write_array(out, points[0], allow_pickle=False)
        return

    def pieces() -> Iterator[pd.DataFrame]:
        for part in _parts(len(loaded.frame)):
            columns = {
                "id": loaded.frame["id"].iloc[part].astype(str),
                "cluster": loaded.frame["cluster"].iloc[part],
            }
            for space, array in zip(spaces, points, strict=True):
                columns |= {f"{space}_{i}": np.array(array[part, i]) for i in range(array.shape[1])}
            yield pd.DataFrame(columns)

    _write_parquet(pieces(), out)


def _data(run: Run, suffix: str, out, progress: Progress) -> None:
    found = load_results(run)
    dataset = _dataset(found)
    if suffix == ".npz":
        _images_as_arrays(found, dataset, out)
        return
    pieces = _rows(found, dataset, progress)
    if suffix == ".parquet":
        _write_parquet(pieces, out)
        return
    for place, piece in enumerate(pieces):
        out.write(csv_bytes(piece, header=not place, digits=7))


def _rows(found: Results, dataset, progress: Progress) -> Iterator[pd.DataFrame]:
    """The table in its own units, piece by piece: id, its columns, label, cluster, confidence, matched_label."""
    from dsc_core.data.preprocessing import in_own_units

    frame = found.labels
    ours = [name for name in ("label", "cluster", "confidence", "matched_label") if name in frame]
    for part in _parts(len(frame)):
        piece = in_own_units(dataset.samples[part], dataset.preprocessing)
        names = _distinct(["id", *(str(name) for name in piece.columns), *ours], ["id", *ours])
        columns = [frame["id"].iloc[part].astype(str), *(piece.iloc[:, i] for i in range(piece.shape[1]))]
        columns += [frame[name].iloc[part] for name in ours]
        yield pd.concat([one.reset_index(drop=True) for one in columns], axis=1, keys=names)
        progress(part.stop, len(frame))


def _distinct(names: list[str], reserved: list[str]) -> list[str]:
    """The names with those that come twice told apart; the reserved ones keep theirs."""
    taken, found = set(reserved), []
    last = len(names) - len(reserved) + 1
    for place, name in enumerate(names):
        if 0 < place < last:
            while name in taken:
                name += " (data)"
            taken.add(name)
        found.append(name)
    return found


def _write_parquet(pieces: Iterator[pd.DataFrame], out) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    try:
        for piece in pieces:
            table = pa.Table.from_pandas(
                piece, preserve_index=False, schema=writer.schema if writer else None
            )
            if writer is None:
                # A first piece without a single value in a column would make it a column of nothing.
                fields = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in table.schema]
                table = table.cast(pa.schema(fields))
                writer = pq.ParquetWriter(out, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _images_as_arrays(found: Results, dataset, out) -> None:
    """An .npz that this program and NumPy read: x, ids, cluster, confidence and, with labels, y and matched_label."""
    frame = found.labels
    arrays = {"x": dataset.samples, "ids": _text(frame["id"]), "cluster": frame["cluster"].to_numpy()}
    arrays["confidence"] = frame["confidence"].to_numpy()
    if dataset.labels is not None:
        arrays |= {"y": dataset.labels, "matched_label": _text(frame["matched_label"].astype(object))}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def _text(column: pd.Series) -> np.ndarray:
    return np.array(["" if value is None or value != value else str(value) for value in column.tolist()])


def _parts(count: int, size: int = PIECE) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def _dataset(found: Results):
    """The run's data set; RunError where it is not at hand or is another."""
    dataset = found.dataset
    if len(dataset) != len(found.labels):
        raise RunError("The data set in this workspace is not the one that was trained on: open it again.")
    return dataset


# Images -----------------------------------------------------------------------------------------------------


def _images(run: Run, suffix: str, out, progress: Progress) -> None:
    """A PNG a sample in a folder a cluster, and labels.csv. The number before a name keeps names apart."""
    found = load_results(run)
    dataset, frame = _dataset(found), found.labels
    digits, places = len(str(len(frame) - 1)), len(str(run.clusters - 1))
    ids, clusters = frame["id"].astype(str).to_numpy(), frame["cluster"].to_numpy()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("labels.csv", csv_bytes(frame))
        for part in _parts(len(frame)):
            for place, pixels in enumerate(dataset.values(part), start=part.start):
                name = f"cluster-{clusters[place]:0{places}d}/{place:0{digits}d}-{safe_name(ids[place])}.png"
                archive.writestr(name, _as_png(pixels))
            progress(part.stop, len(frame))


def safe_name(identity: str) -> str:
    """A sample's id as a part of a file's name that every system takes: its last part, without its suffix."""
    last = identity.replace("\\", "/").rstrip("/").rpartition("/")[2]
    stem = re.sub(r"\.(png|jpe?g|bmp|gif|tiff?|webp)$", "", last, flags=re.IGNORECASE)
    return UNSAFE.sub("_", stem).strip("._-")[:LONGEST_NAME].rstrip("._-") or "image"


def _as_png(pixels: np.ndarray) -> bytes:
    """An image (C, H, W) in [0, 1] as an 8-bit PNG."""
    from PIL import Image

    values = np.round(np.clip(np.nan_to_num(pixels), 0, 1) * 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(values[0] if len(values) == 1 else values.transpose(1, 2, 0)).save(out, "png")
    return out.getvalue()


# Figures, report, model -------------------------------------------------------------------------------------


def _maps(run: Run, suffix: str, out, progress: Progress) -> None:
    from dsc_core import drawing, figures
    from dsc_core.runs import report

    found = load_results(run)
    if suffix == ".html":
        pair = report.map_figures(found, "cluster", figures.drawn(len(found.labels)))
        _write_page(run, out, [f"<div class='card'>{report.interactive(figure)}</div>" for figure in pair])
        return
    names, colours = report.groups(found, "cluster")
    clusters = found.labels["cluster"].to_numpy()
    left, right = (
        drawing.still_map(points, clusters, names, title, colours)
        for points, title in ((found.latent_map, "Latent space z"), (found.spectral_map, "Spectral space Y"))
    )
    _write_picture(left.beside(right), suffix, out)


def _confusion(run: Run, suffix: str, out, progress: Progress) -> None:
    from dsc_core import drawing
    from dsc_core.runs import report

    matrix, classes, clusters = load_results(run).confusion
    if suffix == ".html":
        figure = report.interactive(_heatmap(matrix, classes, clusters))
        _write_page(run, out, [f"<div class='card'>{figure}</div>"])
    else:
        _write_picture(drawing.still_confusion(matrix, classes, clusters), suffix, out)


def _heatmap(matrix, classes, clusters):
    import plotly.graph_objects as go

    from dsc_core.figures import plain

    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    figure = go.Figure(
        go.Heatmap(
            z=share, customdata=matrix, x=[str(name) for name in clusters], y=[plain(name) for name in classes],
            text=matrix, texttemplate="%{text:,}", colorscale="Blues", zmin=0, zmax=1, xgap=2, ygap=2,
            hovertemplate="class %{y}, cluster %{x}: %{customdata:,} (%{z:.1%} of the class)<extra></extra>",
            showscale=False,
        )
    )  # fmt: skip
    figure.update_layout(height=max(260, 34 * len(matrix) + 90), margin={"l": 0, "r": 0, "t": 30, "b": 0})
    figure.update_xaxes(title="cluster", side="top", type="category")
    figure.update_yaxes(title="class", autorange="reversed", type="category", automargin=True)
    return figure


def _curves(run: Run, suffix: str, out, progress: Progress) -> None:
    from dsc_core import drawing
    from dsc_core.runs import report

    known = report.curves(run.folder)
    if not known:
        raise InputError(f"The run '{run.name}' keeps no losses of whole epochs, so there are no curves.")
    if suffix == ".html":
        figures = [f"<div class='card'>{report.interactive(_line(*one))}</div>" for one in known.items()]
        _write_page(run, out, figures)
    else:
        _write_picture(drawing.still_curves(known), suffix, out)


def _line(name: str, points):
    import plotly.graph_objects as go

    from dsc_core.figures import PALETTE

    figure = go.Figure(go.Scatter(x=points[0], y=points[1], line={"color": PALETTE[0]}, mode="lines+markers"))
    figure.update_layout(title={"text": name, "font": {"size": 14}}, margin={"l": 0, "r": 8, "t": 34, "b": 0})
    figure.update_xaxes(title="epoch", automargin=True)
    figure.update_yaxes(automargin=True, gridcolor="rgba(138,148,163,0.25)")
    return figure


def _write_page(run: Run, out, figures: list[str]) -> None:
    """Interactive figures on a page that stands alone."""
    from dsc_core.runs import report

    out.write(report.head(run.name).encode())
    out.write(f"<div class='grid maps'>{''.join(figures)}</div></body></html>\n".encode())


def _write_picture(picture, suffix: str, out) -> None:
    out.write(picture.png() if suffix == ".png" else picture.svg().encode())


def _report(run: Run, suffix: str, out, progress: Progress) -> None:
    from dsc_core.runs.report import report

    for piece in report(load_results(run)):
        out.write(piece.encode())


def _model(run: Run, suffix: str, out, progress: Progress) -> None:
    from dsc_core.runs.packing import pack

    pack(run, out)


def _onnx(run: Run, suffix: str, out, progress: Progress) -> None:
    from dsc_core.cluster import Fitted
    from dsc_core.runs.onnx import write_onnx

    write_onnx(run, Fitted.load(run.folder / "model", device="cpu"), out)


WRITERS = {
    "labels": _labels, "latent": _latent, "spectral": _spectral, "embeddings": _embeddings, "data": _data,
    "images": _images, "maps": _maps, "confusion": _confusion, "curves": _curves, "report": _report,
    "model": _model, "onnx": _onnx,
}  # fmt: skip

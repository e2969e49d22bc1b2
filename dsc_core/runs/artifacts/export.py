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
from dsc_core.runs.annotations import edits
from dsc_core.runs.annotations.edits import Edited
from dsc_core.runs.artifacts.csv_table import csv_bytes
from dsc_core.runs.artifacts.labels import csv_pieces, labels_frame
from dsc_core.runs.artifacts.results import Results, load_results
from dsc_core.runs.loaded_run import LoadedRun
from dsc_core.runs.run import Run

PIECE = 512  # samples written at a time
PIECE_OF_TABLE = 100_000  # rows of labels.csv written at a time
OURS = (
    "label",
    "cluster",
    "confidence",
    "matched_label",
    "edited_cluster",
    "edited_name",
)  # beside a table's columns
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

    @property
    def edited(self) -> bool:
        """Whether it can tell of the clusters as edited."""
        return self.name in EDITED


EDITED = ("labels", "report", "data", "images", "maps", "confusion")
KINDS = (
    Kind(
        "labels", "Labels", (".csv", ".parquet"), "One row a sample: cluster, confidence, places on the maps."
    ),
    Kind(
        "report",
        "Report",
        (".html",),
        "Settings, scores, curves, maps and samples on one page, for any browser.",
    ),
    Kind(
        "data", "Data with labels", (".csv", ".parquet"), "The table, gaps filled, with clusters.", ("table",)
    ),
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
)
NAMES = tuple(dict.fromkeys(kind.name for kind in KINDS))
BY_SUFFIX = {
    ".csv": "labels",
    ".parquet": "labels",
    ".npz": "data",
    ".html": "report",
    ".svg": "maps",
    ".png": "maps",
    ".onnx": "onnx",
}


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
    run: Run, kind: Kind, suffix: str, out: io.BufferedIOBase, progress: Progress | None = None, edited=False
) -> None:
    """Write what `kind` is of `run`, in the format of `suffix`, to the open binary file `out`.

    edited: tables have the clusters as edited beside the run's, everything else goes by them and says so.
    progress(done, total): of samples, where it takes a while. InputError where the run has no results yet or a
    package is missing, RunError where a file or the data set is missing or damaged; OSError is the caller's.
    """
    frame = labels_frame(run)  # says in a sentence that there are no results
    progress = progress or (lambda done, total: None)
    if not kind.edited:
        if edited:
            raise InputError(f"{kind.name} are the same with and without edits: leave --edited out.")
        WRITERS[kind.name](run, suffix, out, progress)
    else:
        # A state without edits leaves everything as the run left it.
        now = edits.in_force(run, frame) if edited else edits.Edited(frame["cluster"].to_numpy())
        WRITERS[kind.name](run, suffix, out, progress, now)
    out.flush()  # a disk that is full is told of here


# Tables and arrays ------------------------------------------------------------------------------------------


def _labels(run: Run, suffix: str, out, progress: Progress, now: Edited) -> None:
    if suffix == ".parquet":
        edits.with_edits(labels_frame(run), now).to_parquet(out, index=False)
    elif not now.changed:
        out.writelines(csv_pieces(run))
    else:
        frame = labels_frame(run)
        for part in _parts(len(frame), PIECE_OF_TABLE):
            out.write(csv_bytes(edits.with_edits(frame, now, part), header=not part.start))


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


def _data(run: Run, suffix: str, out, progress: Progress, now: Edited) -> None:
    found = load_results(run)
    dataset = _dataset(found)
    frame = edits.with_edits(found.labels, now)
    if suffix == ".npz":
        _images_as_arrays(frame, dataset, out)
        return
    pieces = _rows(frame, dataset, progress)
    if suffix == ".parquet":
        _write_parquet(pieces, out)
        return
    for place, piece in enumerate(pieces):
        out.write(csv_bytes(piece, header=not place, digits=7))


def _rows(frame: pd.DataFrame, dataset, progress: Progress) -> Iterator[pd.DataFrame]:
    """The table in its own units, piece by piece: id, its columns, and those of OURS that `frame` has."""
    from dsc_core.data.table_units import to_original_units

    ours = [name for name in OURS if name in frame]
    for part in _parts(len(frame)):
        piece = to_original_units(dataset.samples[part], dataset.preprocessing)
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


def _images_as_arrays(frame: pd.DataFrame, dataset, out) -> None:
    """An .npz that this program and NumPy read: x, ids, cluster, confidence and, with labels, y and matched_label."""
    arrays = {"x": dataset.samples, "ids": _text(frame["id"]), "cluster": frame["cluster"].to_numpy()}
    arrays["confidence"] = frame["confidence"].to_numpy()
    if dataset.labels is not None:
        arrays |= {"y": dataset.labels, "matched_label": _text(frame["matched_label"].astype(object))}
    if "edited_cluster" in frame:
        arrays |= {
            "edited_cluster": frame["edited_cluster"].to_numpy(),
            "edited_name": _text(frame["edited_name"]),
        }
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


def _images(run: Run, suffix: str, out, progress: Progress, now: Edited) -> None:
    """A PNG a sample in a folder a cluster, and labels.csv. The number before a name keeps names apart."""
    found = load_results(run)
    dataset, frame = _dataset(found), edits.with_edits(found.labels, now)
    digits, ids = len(str(len(frame) - 1)), frame["id"].astype(str).to_numpy()
    clusters, folders = now.labels, _folders(run, now)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("labels.csv", csv_bytes(frame))
        for part in _parts(len(frame)):
            for place, pixels in enumerate(dataset.values(part), start=part.start):
                name = f"{folders[clusters[place]]}/{place:0{digits}d}-{safe_name(ids[place])}.png"
                archive.writestr(name, _as_png(pixels))
            progress(part.stop, len(frame))


def _folders(run: Run, now: Edited) -> dict[int, str]:
    """{cluster: its folder}: its number, and its name where it was given one."""
    known = np.unique(now.labels).tolist()
    places = len(str(max(run.clusters - 1, *known)))
    names = {cluster: UNSAFE.sub("_", now.names.get(cluster, "")).strip("._-") for cluster in known}
    return {
        cluster: f"cluster-{cluster:0{places}d}" + (f"-{name}" if name else "")
        for cluster, name in names.items()
    }


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


def _maps(run: Run, suffix: str, out, progress: Progress, now: Edited) -> None:
    from dsc_core.plots import maps, static
    from dsc_core.runs.artifacts import report
    from dsc_core.sampling import sample_rows

    found = edits.applied(load_results(run), now)
    if suffix == ".html":
        pair = report.map_figures(found, "cluster", sample_rows(len(found.labels), maps.MAP_LIMIT, 0), now)
        _write_page(run, out, [f"<div class='card'>{report.interactive(figure)}</div>" for figure in pair])
        return
    names, colours = report.groups(found, "cluster", now)
    clusters = found.labels["cluster"].to_numpy()
    left, right = (
        static.still_map(points, clusters, names, title, colours)
        for points, title in ((found.latent_map, "Latent space z"), (found.spectral_map, "Spectral space Y"))
    )
    _write_picture(left.beside(right), suffix, out)


def _confusion(run: Run, suffix: str, out, progress: Progress, now: Edited) -> None:
    from dsc_core.plots import static
    from dsc_core.runs.artifacts import report

    matrix, classes, clusters = edits.applied(load_results(run), now).confusion
    clusters = [now.title(cluster) for cluster in clusters]
    if suffix == ".html":
        figure = report.interactive(_heatmap(matrix, classes, clusters))
        _write_page(run, out, [f"<div class='card'>{figure}</div>"])
    else:
        _write_picture(static.still_confusion(matrix, classes, clusters), suffix, out)


def _heatmap(matrix, classes, clusters):
    import plotly.graph_objects as go

    from dsc_core.plots.maps import escape

    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    figure = go.Figure(
        go.Heatmap(
            z=share,
            customdata=matrix,
            x=[escape(name) for name in clusters],
            y=[escape(name) for name in classes],
            text=matrix,
            texttemplate="%{text:,}",
            colorscale="Blues",
            zmin=0,
            zmax=1,
            xgap=2,
            ygap=2,
            hovertemplate="class %{y}, cluster %{x}: %{customdata:,} (%{z:.1%} of the class)<extra></extra>",
            showscale=False,
        )
    )
    figure.update_layout(height=max(260, 34 * len(matrix) + 90), margin={"l": 0, "r": 0, "t": 30, "b": 0})
    figure.update_xaxes(title="cluster", side="top", type="category")
    figure.update_yaxes(title="class", autorange="reversed", type="category", automargin=True)
    return figure


def _curves(run: Run, suffix: str, out, progress: Progress) -> None:
    from dsc_core.plots import static
    from dsc_core.runs.artifacts import report

    known = report.curves(run.folder)
    if not known:
        raise InputError(f"The run '{run.name}' keeps no losses of whole epochs, so there are no curves.")
    if suffix == ".html":
        figures = [f"<div class='card'>{report.interactive(_line(*one))}</div>" for one in known.items()]
        _write_page(run, out, figures)
    else:
        _write_picture(static.still_curves(known), suffix, out)


def _line(name: str, points):
    import plotly.graph_objects as go

    from dsc_core.plots.palette import PALETTE

    figure = go.Figure(go.Scatter(x=points[0], y=points[1], line={"color": PALETTE[0]}, mode="lines+markers"))
    figure.update_layout(title={"text": name, "font": {"size": 14}}, margin={"l": 0, "r": 8, "t": 34, "b": 0})
    figure.update_xaxes(title="epoch", automargin=True)
    figure.update_yaxes(automargin=True, gridcolor="rgba(138,148,163,0.25)")
    return figure


def _write_page(run: Run, out, figures: list[str]) -> None:
    """Interactive figures on a page that stands alone."""
    from dsc_core.runs.artifacts import report

    out.write(report.head(run.name).encode())
    out.write(f"<div class='grid maps'>{''.join(figures)}</div></body></html>\n".encode())


def _write_picture(picture, suffix: str, out) -> None:
    out.write(picture.png() if suffix == ".png" else picture.svg().encode())


def _report(run: Run, suffix: str, out, progress: Progress, now: Edited) -> None:
    from dsc_core.runs.artifacts.report import report

    for piece in report(load_results(run), now):
        out.write(piece.encode())


def _model(run: Run, suffix: str, out, progress: Progress) -> None:
    from dsc_core.runs.artifacts.pack import pack

    pack(run, out)


def _onnx(run: Run, suffix: str, out, progress: Progress) -> None:
    from dsc_core.model import Fitted
    from dsc_core.runs.artifacts.onnx import write_onnx

    write_onnx(run, Fitted.load(run.folder / "model", device="cpu"), out)


WRITERS = {
    "labels": _labels,
    "latent": _latent,
    "spectral": _spectral,
    "embeddings": _embeddings,
    "data": _data,
    "images": _images,
    "maps": _maps,
    "confusion": _confusion,
    "curves": _curves,
    "report": _report,
    "model": _model,
    "onnx": _onnx,
}

"""Export "images": PNG files in one folder per cluster."""

from __future__ import annotations

import io
import re
import zipfile

import numpy as np

from dsc_core.runs.annotations.edits import Edited
from dsc_core.runs.artifacts.csv_table import csv_bytes
from dsc_core.runs.artifacts.exports.kind import Context, Export, parts

MAX_NAME = 60  # letters of a sample's name
UNSAFE = re.compile(r"[^\w.-]+")


def write(context: Context) -> None:
    """The images, and labels.csv. A number before each name keeps names distinct."""
    dataset, frame, edited = context.dataset, context.frame, context.edited
    digits, ids = len(str(len(frame) - 1)), frame["id"].astype(str).to_numpy()
    folders = _folders(context.run.clusters, edited)
    with zipfile.ZipFile(context.out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("labels.csv", csv_bytes(frame))
        for part in parts(len(frame)):
            for row, pixels in enumerate(dataset.values(part), start=part.start):
                name = f"{folders[edited.labels[row]]}/{row:0{digits}d}-{safe_name(ids[row])}.png"
                archive.writestr(name, _png(pixels))
            context.progress(part.stop, len(frame))


def _folders(clusters: int, edited: Edited) -> dict[int, str]:
    """{cluster: its folder}: its number, and its name if it has one."""
    used = np.unique(edited.labels).tolist()
    digits = len(str(max(clusters - 1, *used)))
    names = {cluster: UNSAFE.sub("_", edited.names.get(cluster, "")).strip("._-") for cluster in used}
    return {
        cluster: f"cluster-{cluster:0{digits}d}" + (f"-{name}" if name else "")
        for cluster, name in names.items()
    }


def safe_name(identity: str) -> str:
    """A sample's id as a file name that every system takes: its last part, without its suffix."""
    last = identity.replace("\\", "/").rstrip("/").rpartition("/")[2]
    stem = re.sub(r"\.(png|jpe?g|bmp|gif|tiff?|webp)$", "", last, flags=re.IGNORECASE)
    return UNSAFE.sub("_", stem).strip("._-")[:MAX_NAME].rstrip("._-") or "image"


def _png(pixels: np.ndarray) -> bytes:
    """An image (C, H, W) in [0, 1] as an 8-bit PNG."""
    from PIL import Image

    values = np.round(np.clip(np.nan_to_num(pixels), 0, 1) * 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(values[0] if len(values) == 1 else values.transpose(1, 2, 0)).save(out, "png")
    return out.getvalue()


EXPORTS = (
    Export(
        "images",
        "Images by cluster",
        (".zip",),
        "PNG files in one folder per cluster.",
        write,
        order=5,
        data=("image",),
        edited=True,
        needs_dataset=True,
    ),
)

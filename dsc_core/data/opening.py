"""Opening data: a named data set, or a file or folder with the reader of its format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dsc_core.data.catalog import is_sample, open_sample, sample_names
from dsc_core.data.dataset import Dataset
from dsc_core.data.formats import FORMATS, IDX, Format, advice, dataset_name, format_of
from dsc_core.data.options import Options
from dsc_core.data.readers.idx import has_idx_magic
from dsc_core.errors import InputError


def open_dataset(data: str | Path, **options: Any) -> Dataset:
    """Open a data set by its name, or a file or folder by its path.

    Parameters
    ----------
    data : str or Path
        A name from `sample_names()`, or the path of a file or folder.
    name : str, optional
        The name of the data set, by default that of the file.
    size, crop : (height, width), optional; bool, default=False
        Resize images to `size`. With `crop`, keep the center with its proportions (square without `size`) first.
    channels : {"grey", "colour"}, optional
        Convert images; by default they keep their channels.
    labels_from_folders : bool, default=False
        Use the folder of an image as its label.
    folder_level : int, optional
        Which folder: 1 is the one that contains the image, 2 the one around it; by default the nearest that tells
        classes apart.
    pages : {"first", "all"}, default="first"
        Of image files with several pages or frames: the first, or each as a sample "file.tif#1", "file.tif#2", …
    value_range : (float, float), optional
        The values of black and white of images; by default found from type and values, the same for all images.
    label_column, id_column : str, optional
        Columns of a table, or keys of an .npz, HDF5 or .mat file; "" means none. By default those that names and
        values show to be labels and ids, as `guess_columns` finds them; each guess is said in a note.
    exclude : sequence of str, optional
        Columns of a table that are left out. Columns that only number the rows, and others that look like labels, are
        left out by themselves, with a note, unless "" is among these names.
    samples_key : str, optional
        Key of the samples; by default guessed from names and sizes.
    samples_last : bool, optional
        Whether the last axis of an array counts the samples, or the first; by default guessed.
    image_shape : tuple of int, optional
        Read the columns of a table as pixels of images: (H, W), (C, H, W) or (H, W, C).
    columns_first : bool, optional
        Such pixels run down the columns of the image; by default only if MATLAB wrote the file.
    like : dict, optional
        `Dataset.describe()` of the data that a run was trained on, to use its shape, scaling and preprocessing.
    rescale : bool, optional
        With `like`: bring the values of images to the range of the training data (True), or read them on its scale
        (False). By default only data that are clearly on another scale are rescaled; both is said in a note.
    most : int, optional
        Read only about this many images of a folder or archive, for a preview.
    progress : callable, optional
        Called as progress(done, total), in files or bytes; an error that it raises cancels reading.

    Returns
    -------
    Dataset
        Samples in the order of their source, with ids, and labels if there are any.

    Raises
    ------
    InputError
        One sentence, if the data cannot be read; MixedSizes, which proposes a size, if images differ in size.
    """
    options.setdefault("name", None)
    chosen = Options(**options | {"name": options["name"] or dataset_name(Path(data))})
    return open_sample(str(data), chosen) if is_sample(data) else _open_path(data, chosen)


def _open_path(data: str | Path, options: Options) -> Dataset:
    """Open a file or folder; InputError if it cannot be read."""
    if not str(data).strip():
        raise InputError(f"No data given: choose a data set ({', '.join(sample_names())}) or a path.")
    path = Path(data)
    try:
        path = path.expanduser()
        return find_format(path).read(path, options)
    except (OSError, RuntimeError) as error:  # a RuntimeError for the home folder of an unknown user
        reason = getattr(error, "strerror", None) or "no such file or folder"
        raise InputError(f"{path.name[:80]} cannot be read: {reason}.") from error
    except MemoryError as error:
        raise InputError(f"{path.name} does not fit into memory: choose smaller data.") from error


def find_format(path: Path) -> Format:
    """The format of a file or folder, by its suffix, or IDX by its first bytes; InputError if it is unsupported."""
    if not path.exists():
        raise InputError(
            f"{str(path)[:200]!r} is neither a file nor a data set ({', '.join(sample_names())}): check the path."
        )
    if not path.is_dir():
        if not path.is_file():
            raise InputError(f"{path.name} is not a regular file: choose {FORMATS}.")
        if path.stat().st_size == 0:
            raise InputError(f"{path.name} is empty: choose a file with data.")
    format = format_of(path)
    if format is None and has_idx_magic(path):
        format = IDX
    if format is None:
        raise InputError(f"{path.name} has an unsupported format: {advice(path.suffix.lower())}.")
    return format

"""TAR archives of images, plain or compressed by gzip, bzip2 or xz, read from front to back and in memory.

Where no size is asked for, they are read twice: first for the size that most images have.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any

from dsc_core.data.dataset import Dataset
from dsc_core.data.image_collection import choose_size, collect_images
from dsc_core.data.image_files import BROKEN, ImageFile, Unreadable
from dsc_core.data.limits import MEBI
from dsc_core.data.options import Options
from dsc_core.data.text import clean
from dsc_core.data.unpacking import BLOCK, Budget, inner_path, is_wanted, read_member
from dsc_core.errors import InputError

MAX_HEADER = MEBI  # bytes that the headers of one member may take, including long names
INVALID_HEADER = (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError)  # type: ignore[attr-defined]
XZ_MEMORY = 256 * MEBI  # a decoder of `xz -9` takes 65 MB; a header may ask for 4 GB


def read_tar(path: Path, options: Options) -> Dataset:
    """The images of a TAR archive, in the natural order of their paths.

    As in `zip.read_zip`: ids are the paths inside the archive; hidden files are ignored; files that are damaged, links,
    archives, outside the archive or not images are skipped and listed. InputError for a file that is not a TAR archive,
    is truncated, contains nothing readable, or exceeds a limit.
    """
    skipped: list[tuple[str, str]] = []
    look, read = _halves(options)
    size = options.image_size or _size(path, look)
    with each_file(path, options if options.image_size else read, skipped) as files:
        return collect_images(files, None, skipped, options, path.name, size=size)


def _size(path: Path, options: Options) -> tuple[int, int] | None:
    """The size of all images, for which the archive is read once more, without decoding them."""
    with each_file(path, options, []) as files:
        return choose_size(islice(files, None if options.most is None else 4 * options.most), options)


def _halves(options: Options) -> tuple[Options, Options]:
    """The options of two passes, of which each is half of the progress."""
    progress = options.progress
    if progress is None:
        return options, options

    def first(done: int, total: int) -> None:
        progress(done, 2 * total)

    def second(done: int, total: int) -> None:
        progress(total + done, 2 * total)

    return replace(options, progress=first), replace(options, progress=second)


@contextmanager
def each_file(path: Path, options: Options, skipped: list[tuple[str, str]]) -> Iterator[Iterator[ImageFile]]:
    """The image files of a TAR archive, each to be read before the next one is requested, within the `with` block.

    Others are added to `skipped`.
    """
    try:
        with ExitStack() as stack:
            packed = stack.enter_context(open(path, "rb"))
            budget = Budget(path.name, path.stat().st_size, options.limits)
            stream = Counted(_decompressed(packed, stack), budget)
            archive = stack.enter_context(
                tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCK, tarinfo=Header)  # type: ignore[call-overload]
            )
            yield _files(archive, stream, packed, skipped, options)
    except InputError:
        raise
    except Exception as error:  # tarfile, zlib, bz2 and lzma each have their own errors, RecursionError too
        raise InputError(
            f"{path.name} is not a TAR archive, or is truncated: pack the images again."
        ) from error


class Counted:
    """The decompressed bytes of an archive, counted against the budget.

    While `in_header` is set, at most MAX_HEADER bytes are read, since tarfile keeps headers in memory.
    """

    def __init__(self, source: Any, budget: Budget):
        self.source, self.budget, self.in_header, self.came = source, budget, True, 0

    def read(self, size: int) -> bytes:
        """At most `size` bytes; InputError if they exceed a limit."""
        data = self.source.read(size)
        self.budget.take(len(data))
        self.came += len(data)
        if self.in_header and self.came > MAX_HEADER + 2 * BLOCK:
            raise InputError(
                f"{self.budget.name} has a file header of more than a million bytes: pack the images again."
            )
        return data

    def header(self, inside: bool) -> None:
        """The header of a member begins or ends."""
        self.in_header, self.came = inside, 0


class Header(tarfile.TarInfo):
    """The header of a member. A damaged one is an error, while tarfile takes it for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Header:
        """Parse a header as tarfile does; ReadError if it is invalid."""
        try:
            return super().frombuf(buf, encoding, errors)
        except INVALID_HEADER as error:
            raise tarfile.ReadError(str(error)) from error


class Unxz(io.RawIOBase):
    """The decompressed bytes of an .xz file, like lzma.LZMAFile, but with a limit on the memory of the decoder."""

    def __init__(self, packed: IO[bytes]):
        self.packed, self.waiting = packed, b""
        self.decoder: lzma.LZMADecompressor | None = None

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`, perhaps in part; 0 at the end of the file. EOFError if the file is truncated."""
        while True:
            if self.decoder is None or self.decoder.eof:
                self.waiting = (self.decoder.unused_data if self.decoder else b"") or self.packed.read(BLOCK)
                self.waiting = self.waiting.lstrip(b"\0")  # streams may be padded
                if not self.waiting:
                    return 0
                self.decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
            elif self.decoder.needs_input:
                self.waiting = self.packed.read(BLOCK)
                if not self.waiting:
                    raise EOFError("the compressed file is truncated")
            data = self.decoder.decompress(self.waiting, len(buffer))
            self.waiting = b""
            if data:
                buffer[: len(data)] = data
                return len(data)


def _decompressed(packed: IO[bytes], stack: ExitStack) -> Any:
    """The file without its compression, which its first bytes tell, not its name."""
    magic = packed.read(6)
    packed.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return stack.enter_context(gzip.open(packed))
    if magic[:3] == b"BZh":
        return stack.enter_context(bz2.open(packed))
    if magic == b"\xfd7zXZ\0":
        return io.BufferedReader(Unxz(packed), BLOCK)
    return packed


def _files(
    archive: tarfile.TarFile,
    stream: Counted,
    packed: IO[bytes],
    skipped: list[tuple[str, str]],
    options: Options,
) -> Iterator[ImageFile]:
    """The images of the archive, each to be read before the next one is requested."""
    count, size = 0, max(Path(packed.name).stat().st_size, 1)
    while True:
        stream.budget.check_work()
        stream.header(True)
        info = archive.next()
        stream.header(False)
        if info is None:
            return
        count += 1
        if count > options.limits.members:
            raise options.limits.error(stream.budget.name, "members")
        if options.progress is not None:
            options.progress(packed.tell(), size)
        if info.issparse():  # such a file may claim any size without taking space in the archive
            raise InputError(f"{stream.budget.name} contains a sparse file: pack it without --sparse.")
        name = inner_path(info.name)
        if info.isdir() or not name:
            continue
        if not info.isreg() and not info.issym() and not info.islnk():
            skipped.append((clean(name), "The file is not a regular file."))
        elif is_wanted(name, info.issym() or info.islnk(), skipped):
            yield ImageFile(name, partial(_unpack, archive, info, options))
        _skip_rest(archive)


def _unpack(archive: tarfile.TarFile, info: tarfile.TarInfo, options: Options) -> bytes:
    """The bytes of one member; Unreadable if it is too large. Errors of a truncated archive are passed on."""
    file = archive.extractfile(info)
    if file is None:
        raise Unreadable(BROKEN)
    return read_member(file, options.limits)


def _skip_rest(archive: tarfile.TarFile) -> None:
    """Read the rest of a member, so that only headers are read when the next one is requested.

    EOFError if the file ends before: tarfile would continue to look for as many bytes as the header promised.
    """
    file = archive.fileobj
    assert file is not None  # the archive is open
    while (left := archive.offset - file.tell()) > 0:
        if not file.read(min(left, BLOCK)):
            raise EOFError("the archive ends inside a member")

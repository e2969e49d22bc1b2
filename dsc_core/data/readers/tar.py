"""TAR archives of images, plain or compressed by gzip, bzip2 or xz, read in one pass and in memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from dsc_core.data.dataset import Dataset
from dsc_core.data.limits import MEBI
from dsc_core.data.options import Options, clean
from dsc_core.data.readers.images import BROKEN, Member, Unreadable, collect
from dsc_core.data.readers.zip import BLOCK, Budget, inner_path, read_member, wanted
from dsc_core.errors import InputError

MOST_HEADER = MEBI  # bytes that the headers of one member may take, long names and all
XZ_MEMORY = 256 * MEBI  # a decoder of `xz -9` takes 65 MB; a header may ask for 4 GB


def read_tar(path: Path, options: Options) -> Dataset:
    """The images of a TAR archive, in the natural order of their paths: img2.png before img10.png.

    The same as `archive.read_zip`: ids are the paths inside; hidden files are passed over; whatever else is no
    image, is broken, is a link, an archive or points outside is left out and listed. InputError for a file that
    is no TAR archive, is cut short, has nothing readable, or goes beyond a limit.
    """
    skipped: list[tuple[str, str]] = []
    try:
        with ExitStack() as stack:
            packed = stack.enter_context(open(path, "rb"))
            stream = Counted(_unpacked(packed, stack), Budget(path.name, path.stat().st_size, options.limits))
            form = {"mode": "r|", "bufsize": BLOCK, "tarinfo": Header}
            archive = stack.enter_context(tarfile.open(fileobj=stream, **form))
            members = _members(archive, stream, packed, skipped, options)
            return collect(members, None, skipped, options, path.name)
    except InputError:
        raise
    except Exception as error:  # tarfile, zlib, bz2 and lzma each have their own errors, RecursionError too
        raise InputError(
            f"{path.name} is not a TAR archive, or is cut short: pack the images again."
        ) from error


class Counted:
    """What comes out of the compression, counted against the budget as it comes.

    While `in_header` is set, at most MOST_HEADER bytes may come: what describes a member is kept in memory.
    """

    def __init__(self, source: io.BufferedIOBase, budget: Budget):
        self.source, self.budget, self.in_header, self.came = source, budget, True, 0

    def read(self, size: int) -> bytes:
        """At most `size` bytes, as the file says; InputError beyond a limit."""
        data = self.source.read(size)
        self.budget.take(len(data))
        self.came += len(data)
        if self.in_header and self.came > MOST_HEADER + 2 * BLOCK:
            raise InputError(
                f"{self.budget.name} describes a file in more than a million bytes: pack the images again."
            )
        return data

    def header(self, inside: bool) -> None:
        """A member's description begins or ends."""
        self.in_header, self.came = inside, 0


class Header(tarfile.TarInfo):
    """A member's description. A damaged one is an error, where tarfile takes it for the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> Header:
        """As tarfile has it; ReadError where the block describes nothing."""
        try:
            return super().frombuf(buf, encoding, errors)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:
            raise tarfile.ReadError(str(error)) from error


class Unxz(io.RawIOBase):
    """The bytes of an .xz file. As lzma.LZMAFile, which cannot be told how much memory the decoder may take."""

    def __init__(self, packed):
        self.packed, self.decoder, self.waiting = packed, None, b""

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer) -> int:
        """Fill `buffer` as far as a piece of the file does; 0 at its end. EOFError where it is cut short."""
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
                    raise EOFError("the compressed file ends too soon")
            data = self.decoder.decompress(self.waiting, len(buffer))
            self.waiting = b""
            if data:
                buffer[: len(data)] = data
                return len(data)


def _unpacked(packed, stack: ExitStack):
    """The file without its compression, known by its first bytes: a name may say anything."""
    magic = packed.read(6)
    packed.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return stack.enter_context(gzip.open(packed))
    if magic[:3] == b"BZh":
        return stack.enter_context(bz2.open(packed))
    if magic == b"\xfd7zXZ\0":
        return io.BufferedReader(Unxz(packed), BLOCK)
    return packed


def _members(archive, stream: Counted, packed, skipped: list, options: Options) -> Iterator[Member]:
    """The images of the archive, each to be read before the next is asked for."""
    count, size = 0, max(Path(packed.name).stat().st_size, 1)
    while True:
        stream.header(True)
        info = archive.next()
        stream.header(False)
        if info is None:
            return
        count += 1
        if count > options.limits.members:
            raise options.limits.refuse(stream.budget.name, "members")
        if options.progress is not None:
            options.progress(packed.tell(), size)
        if info.issparse():  # its size is whatever it says, and none of it need be in the archive
            raise InputError(f"{stream.budget.name} holds a file with holes: pack it without --sparse.")
        name = inner_path(info.name)
        if info.isdir() or not name:
            continue
        if not info.isreg() and not info.issym() and not info.islnk():
            skipped.append((clean(name), "The file is not a regular file."))
        elif wanted(name, info.issym() or info.islnk(), skipped):
            yield Member(name, partial(_unpack, archive, info, options))
        _pass_over(archive)


def _unpack(archive: tarfile.TarFile, info: tarfile.TarInfo, options: Options) -> bytes:
    """The bytes of one member; Unreadable where it is too large. A cut archive's error comes through."""
    file = archive.extractfile(info)
    if file is None:
        raise Unreadable(BROKEN)
    return read_member(file, options.limits)


def _pass_over(archive: tarfile.TarFile) -> None:
    """Read what is left of a member, so that only headers come when the next one is asked for.

    EOFError where the file ends before: tarfile would go on to look for as many bytes as the header promised.
    """
    while (left := archive.offset - archive.fileobj.tell()) > 0:
        if not archive.fileobj.read(min(left, BLOCK)):
            raise EOFError("the archive ends inside a member")

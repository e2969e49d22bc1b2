"""The disk operations of this process, one by one: it dies at one of them, or finds the disk full from there on.

Counted are the opening of a file for writing, each write to it, rename, delete, mkdir, truncate, chmod and fsync, the
files that native libraries write, and each statement of SQLite that changes the index, BEGIN and COMMIT among them. A
process that dies at a write has written half of it; at any other operation it dies before it.
"""

import builtins
import errno
import io
import os
import signal
import sqlite3
import stat
from pathlib import Path

NAMES = ("replace", "rename", "unlink", "remove", "mkdir", "rmdir", "truncate", "ftruncate", "chmod", "fsync")
READING = ("SELECT", "PRAGMA", "EXPLAIN", "ROLLBACK")


class Disk:
    """Counts from the moment of `watch`. at: the operation to die at, counted from 1; full: to fail from then on."""

    def __init__(self, at=0, full=0):
        self.at, self.full, self.names, self.dying = at, full, [], False

    def pass_by(self, name, target="", halve=lambda: None):
        """Count an operation, die at it, or raise. halve: does half of it."""
        if self.dying:
            return
        self.note(f"{name} {plain(target)}".strip())
        if len(self.names) == self.at:
            self.dying = True
            halve()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.full and len(self.names) >= self.full and name in ("open", "write", "mkdir", "native"):
            raise OSError(errno.ENOSPC, "No space left on device")

    def note(self, name):
        """Remember an operation by its name."""
        self.names.append(name)

    def watch(self):
        """Count the operations of this process from now on."""
        for name in NAMES:
            setattr(os, name, self.counted(name, getattr(os, name)))
        os.open = self.counted_low_open(os.open)
        builtins.open = io.open = self.counted_open(io.open)
        sqlite3.connect = self.counted_connect(sqlite3.connect)
        self.watch_libraries()
        return self

    def counted(self, name, function):
        def operate(path, *given, **more):
            self.pass_by(name, given[0] if name in ("replace", "rename") else path)
            return function(path, *given, **more)

        return operate

    def counted_low_open(self, function):
        def operate(path, flags, *given, **more):
            if flags & (os.O_CREAT | os.O_TRUNC):
                self.pass_by("open", path)
            return function(path, flags, *given, **more)

        return operate

    def counted_open(self, function):
        disk = self

        class Raw(io.FileIO):
            def write(self, data):
                data = memoryview(data).cast("B")
                disk.pass_by("write", self.name, lambda: io.FileIO.write(self, data[: len(data) // 2]))
                return super().write(data)

        def operate(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, **more):
            reading = not set(mode) & set("wax+") or str(file).startswith("/dev/")
            if reading or (isinstance(file, int) and not stat.S_ISREG(os.fstat(file).st_mode)):  # or a pipe
                return function(file, mode, buffering, encoding, errors, newline, **more)
            if not isinstance(file, int):
                disk.pass_by("open", file)
            kind = mode.replace("t", "").replace("b", "").replace("+", "")
            raw = Raw(file, f"{kind}+", **more)
            if not buffering:
                return raw
            buffered = io.BufferedRandom(raw)  # NumPy writes to it, and not around it as to a BufferedWriter
            return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

        return operate

    def counted_connect(self, function):
        def statement(text):
            word = text.split(None, 1)[0].upper() if text.strip() else ""
            if word and word not in READING and not word.startswith("--"):
                self.pass_by(f"sqlite {word}")

        def connect(*given, **more):
            connection = function(*given, **more)
            connection.set_trace_callback(statement)
            return connection

        return connect

    def watch_libraries(self):
        """Count the files of safetensors and Parquet."""
        import pyarrow.parquet

        from dsc_core import model

        save, close = model.save_file, pyarrow.parquet.ParquetWriter.close

        def halved(path, write):
            def halve():
                write()
                Path(path).write_bytes(Path(path).read_bytes()[: Path(path).stat().st_size // 2])

            return halve

        def save_file(tensors, path):
            self.pass_by("native", path, halved(path, lambda: save(tensors, path)))
            return save(tensors, path)

        def close_parquet(writer):
            if writer.is_open:
                self.pass_by("native", writer.where, halved(writer.where, lambda: close(writer)))
            return close(writer)

        model.save_file, pyarrow.parquet.ParquetWriter.close = save_file, close_parquet


def plain(target):
    """The name of a file or folder, without the letters that differ from run to run."""
    if isinstance(target, int):
        return ""
    name = os.path.basename(os.fsdecode(target))
    return name if not name.startswith(".") else f".{name[1:].split('-')[0]}-…"

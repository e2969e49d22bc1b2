"""Errors that a person can mend: each message is one sentence that says what is wrong and how to mend it."""

import errno
import os


class InputError(ValueError):
    """The data or the options are wrong. The message is shown as it stands, in the app and on the command line."""


class RunError(RuntimeError):
    """A run could not go on (no disk space, a worker that died). The message is shown as it stands."""


class UnreadableError(RunError):
    """A file cannot be read at present, although it may be whole: nothing must be made of its content."""


# The file may be whole: too many files are open, no permission, a network disk that does not answer.
OF_THE_MACHINE = tuple(
    getattr(errno, name, -1)
    for name in ("EMFILE", "ENFILE", "ENOMEM", "EACCES", "EPERM", "EIO", "ESTALE", "ETIMEDOUT", "ENOTCONN")
)


def why_unreadable(error: BaseException) -> str:
    """Why the machine, not the file, is to blame for an error of reading, as a part of a sentence; "" if it is not."""
    if isinstance(error, MemoryError):
        return "the computer ran out of memory"
    if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
        text = os.strerror(error.errno or 0)
        return text[0].lower() + text[1:]
    cause = error.__cause__ or error.__context__
    return why_unreadable(cause) if cause else ""

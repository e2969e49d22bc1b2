"""Errors that a person can mend: each message is one sentence that says what is wrong and how to mend it."""


class InputError(ValueError):
    """The data or the options are wrong. The message is shown as it stands, in the app and on the command line."""


class RunError(RuntimeError):
    """A run could not go on (no disk space, a worker that died). The message is shown as it stands."""

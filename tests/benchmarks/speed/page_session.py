"""Visitors without a browser: Streamlit's own runtime in this process, and what a page asks of it.

Unlike AppTest, it runs fragments as a browser asks for them, and counts what is sent. Widgets are found by their keys.
Nothing of the tree under test is imported here, so that an older one can be measured.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

PATIENCE = 120.0  # seconds for one answer
QUIET = 0.08  # seconds without a message or a script after which an answer is complete
FIELDS = {bool: "bool_value", str: "string_value", int: "int_value", float: "double_value"}


@dataclass(frozen=True)
class Answer:
    """What one request took. script: processor seconds of the page's script, with all that it calls.

    process: processor seconds of the whole server meanwhile. sent: bytes to the browser. runs: of the script.
    """

    script: float
    process: float
    sent: int
    runs: int


class Server:
    """The runtime of the app in `tree`, whose sessions count the processor time of their scripts."""

    def __init__(self, tree: Path):
        self.script, self.runs, self.running, self.heard = 0.0, 0, 0, 0.0
        self._lock, self._loop = threading.Lock(), asyncio.new_event_loop()
        self._count_scripts()
        self.runtime = _runtime(tree)
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._await(self.runtime.start())

    def call(self, function, *arguments):
        """Call a function on the loop of the runtime; its result."""

        async def called():
            return function(*arguments)

        return self._await(called())

    def _await(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def _count_scripts(self) -> None:
        from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

        plain = ScriptRunner._run_script

        def counted(runner, data):
            with self._lock:
                self.running += 1
            began = time.thread_time()
            try:
                plain(runner, data)
            finally:
                with self._lock:
                    self.script += time.thread_time() - began
                    self.runs, self.running, self.heard = self.runs + 1, self.running - 1, time.monotonic()

        ScriptRunner._run_script = counted


def _runtime(tree: Path):
    """Streamlit's runtime for the app in `tree`, as `streamlit run` sets it up."""
    from streamlit import config
    from streamlit.runtime import Runtime, RuntimeConfig
    from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.web.cache_storage_manager_config import create_default_cache_storage_manager

    config._main_script_path = str(tree / "app.py")
    config.get_config_options()
    PagesManager.uses_pages_directory = False  # as app.py says when the server loads it
    return Runtime(
        RuntimeConfig(
            script_path=str(tree / "app.py"),
            media_file_storage=MemoryMediaFileStorage("/media"),
            uploaded_file_manager=MemoryUploadedFileManager("/_stcore/upload_file"),
            cache_storage_manager=create_default_cache_storage_manager(),
        )
    )


class Visitor:
    """One session, as a tab of a browser has it; the runtime calls it a client.

    ids: {key of a widget: its id}. polled: the fragments that the browser runs again by itself, in the order of their
    drawing. problems: what pages showed in place of something that failed.
    """

    client_context = None

    def __init__(self, server: Server):
        self.server, self.busy, self.sent = server, False, 0
        self.query, self.page, self.pages = "", "", dict[str, str]()
        self.ids, self.fragments = dict[str, str](), dict[str, str]()
        self.polled, self.problems = list[str](), list[str]()
        self._session = server.call(server.runtime.connect_session, self, {})

    def close(self) -> None:
        """Leave the app."""
        self.server.call(self.server.runtime.close_session, self._session)

    def open(self, page: str, **query: str) -> Answer:
        """Open a page ("" is the first one) with parameters in its address."""
        self.query, self.page = urlencode(query), page
        self.polled.clear()
        return self._ask(page_name=page)

    def rerun(self) -> Answer:
        """Run the script of the page again."""
        return self._ask(page_script_hash=self.pages[self.page])

    def click(self, key: str) -> Answer:
        """Press a button."""
        return self._widgets(key, (key, "trigger_value", True))

    def choose(self, key: str, value) -> Answer:
        """Set a widget to a text, a number or a truth value."""
        return self._widgets(key, (key, FIELDS[type(value)], value))

    def submit(self, field: str, text: str, button: str) -> Answer:
        """Fill in the field of a form and send it."""
        return self._widgets(button, (field, "string_value", text), (button, "trigger_value", True))

    def poll(self, number: int) -> Answer:
        """Run a fragment as the browser does after its interval; number: its place in `polled`."""
        return self._ask(
            page_script_hash=self.pages[self.page], fragment_id=self.polled[number], is_auto_rerun=True
        )

    def key_like(self, part: str) -> str:
        """The last key that contains a text."""
        return [key for key in self.ids if part in key][-1]

    def write_forward_msg(self, message) -> None:
        """Take a message as the browser would; called by the runtime."""
        from streamlit.runtime.runtime_util import serialize_forward_msg

        self.sent += len(serialize_forward_msg(message))
        self.server.heard = time.monotonic()
        kind = message.WhichOneof("type")
        if kind == "session_status_changed":
            self.busy = message.session_status_changed.script_is_running
        elif kind == "auto_rerun" and message.auto_rerun.fragment_id not in self.polled:
            self.polled.append(message.auto_rerun.fragment_id)
        elif kind == "navigation":
            pages = message.navigation.app_pages
            self.pages = {page.url_pathname: page.page_script_hash for page in pages}
            self.pages[""] = next(page.page_script_hash for page in pages if page.is_default)
        elif kind == "delta":
            self._note(message.delta)

    def _note(self, delta) -> None:
        """Note the widget, or the problem, that a part of the page is."""
        kind = delta.WhichOneof("type")
        if kind == "new_transient":  # a spinner
            return
        drawn = getattr(delta, kind)
        kind = drawn.WhichOneof("type")
        part = getattr(drawn, kind) if kind else None
        identity = getattr(part, "id", "") or getattr(drawn, "id", "")
        if identity.startswith("$$ID-"):
            key = identity.split("-", 2)[2]
            self.ids[key], self.fragments[key] = identity, delta.fragment_id
        if kind == "exception":
            self.problems.append(f"{part.type}: {part.message}")

    def _widgets(self, key: str, *values: tuple) -> Answer:
        """Send new states of widgets, (key, field, value), all in the fragment of the one with this key."""
        about = {"fragment_id": self.fragments[key], "page_script_hash": self.pages[self.page]}
        return self._ask([(self.ids[name], field, value) for name, field, value in values], **about)

    def _ask(self, widgets=(), **about) -> Answer:
        """Ask for a run of the script, and wait for the end of all that follows from it."""
        from streamlit.proto.BackMsg_pb2 import BackMsg

        message, server = BackMsg(), self.server
        message.rerun_script.query_string = self.query
        for name, value in about.items():
            setattr(message.rerun_script, name, value)
        for identity, field, value in widgets:
            widget = message.rerun_script.widget_states.widgets.add()
            widget.id = identity
            setattr(widget, field, value)
        before = server.script, time.process_time(), self.sent, server.runs
        server.call(server.runtime.handle_backmsg, self._session, message)
        self._settle()
        now = server.script, time.process_time(), self.sent, server.runs
        return Answer(*(after - start for after, start in zip(now, before, strict=True)))

    def _settle(self) -> None:
        began = self.server.heard = time.monotonic()
        while self.busy or self.server.running or time.monotonic() - self.server.heard < QUIET:
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError("the script does not end")
            time.sleep(0.01)

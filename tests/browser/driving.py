"""A `streamlit run` server on a free port, and the Chromium of this machine, for the tests and the screenshots."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
)
# Notes when the page last asked the server for something and when it last heard from it: `settled` reads both.
LISTENING = """
{
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (...data) {
    if (!this.dscHeard) {
      this.dscHeard = true;
      this.addEventListener("message", () => { window.dscReceived = performance.now(); });
    }
    window.dscSent = performance.now();
    return send.apply(this, data);
  };
}
"""
QUIET = """() => {
  const app = document.querySelector("[data-testid=stApp]");
  return (!window.dscSent || window.dscReceived > window.dscSent)
    && app && app.dataset.testScriptState === "notRunning"
    && !document.querySelector("[data-stale=true]");
}"""
WIDE, NARROW = {"width": 1360, "height": 900}, {"width": 420, "height": 900}


def chromium() -> str | None:
    """The path of a Chromium: $CHROMIUM, else what is installed; None where there is none."""
    chosen = os.environ.get("CHROMIUM")
    return chosen or next(filter(None, map(shutil.which, NAMES)), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(home: Path, logs: Path | None = None):
    """The address of a server that has just been started on the workspace `home`; it ends with the block.

    Runs that it started end too. logs: the folder for its log, else beside `home`.
    """
    port = free_port()
    server = started(home, port, logs)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)
        server.kill()
        end_runs(home)


def started(home: Path, port: int, logs: Path | None = None) -> subprocess.Popen:
    """The process of a server that answers at `port`; whoever calls this ends it, and the runs that it started."""
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    log = (logs or home.parent) / f"server-{port}.log"
    with open(log, "ab") as out:
        server = subprocess.Popen(
            [*command, f"--server.port={port}"],
            cwd=ROOT,
            env={"DSC_CALIBRATE": "0", **os.environ, "DSC_HOME": str(home)},  # nothing runs beside the tests
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", server, log)
    except BaseException:
        server.kill()
        raise
    return server


def wait_for(address: str, server: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    """Until the server answers; AssertionError with its log where it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        with suppress(OSError), urllib.request.urlopen(address, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


def end_runs(home: Path) -> None:
    """End the training processes that the server's pages started, which outlive it by design; never this one."""
    from dsc_core.runs import Store

    if not (home / "dsc.sqlite").exists():
        return
    store = Store(home)
    for run in store.list():
        if not run.finished and run.pid and run.pid != os.getpid():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(run.pid, signal.SIGKILL)
    store.close()


@contextmanager
def browsing():
    """A Chromium, closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield browser
        browser.close()


def settled(page, seconds: float = 60) -> None:
    """Until the page's script has shown something, answered what the page last sent, and left nothing greyed."""
    page.wait_for_selector("[data-testid=stMain] [data-testid=stVerticalBlock] *", timeout=seconds * 1000)
    quiet = False
    while not quiet:
        page.wait_for_function(QUIET, timeout=seconds * 1000)
        page.wait_for_timeout(60)  # an answer that has arrived is drawn a moment later
        quiet = page.evaluate(QUIET)


def button(page, key: str):
    """The button whose widget has this key. A help tooltip draws a hidden twin: take the one that shows."""
    return page.locator(f".st-key-{key} button:visible").first


def metric(page, label: str) -> str:
    """The value of the metric with this label."""
    found = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True))
    return found.get_by_test_id("stMetricValue").inner_text()


def sticking_out(page) -> list[str]:
    """The beginnings of the elements that reach beyond the right edge of the window."""
    return page.evaluate(
        "[...document.querySelectorAll('[data-testid=stMain] *')]"
        ".filter(e => e.offsetParent && e.getBoundingClientRect().right > innerWidth + 1"
        " && !e.closest('[data-testid=stDataFrame], .katex') && e.type !== 'range'"  # clipped to nothing
        ").map(e => e.outerHTML.slice(0, 160))"
    )

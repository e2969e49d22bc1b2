"""How long training takes on this machine, said before Start: for the settings of the form, and by preset."""

from __future__ import annotations

import streamlit as st

from dsc_core.errors import InputError
from dsc_core.presets import PRESETS
from dsc_core.runs import expectation, queue
from dsc_core.training.costs import Job
from pages.shared import formatting, knobs, state
from pages.shared.background import BackgroundTask

POLL_SECONDS = 2.0
KEPT_SECONDS = 20  # for which what finished runs say is not read again


class Calibration(BackgroundTask):
    """Measures the speed for jobs in a thread of the server, the first job first, as long as no run trains."""

    NAME = "calibration"

    def __init__(self, store, jobs: list[Job]):
        super().__init__("Measuring the speed of this computer")
        self.store, self.jobs, self.cancelled = store, jobs, False

    def work(self) -> None:
        """See `expectation.calibrate`."""
        expectation.calibrate(self.store.home, self.jobs, self.in_the_way)

    def in_the_way(self) -> bool:
        """Whether a run trains now, which comes first; the rest is measured once it has ended."""
        self.cancelled = bool(_training(self.store))
        return self.cancelled


def draw(dataset) -> None:
    """How long training takes here, first roughly, then as measured; without waiting for the measurement."""
    jobs = _jobs(dataset)
    if jobs is None:  # a setting is wrong, which is said at the start
        return
    measuring = _measuring(jobs)
    st.fragment(_say, run_every=POLL_SECONDS if measuring else None)(jobs, measuring)


def _jobs(dataset) -> dict[str, Job] | None:
    """The job of the form, under "", and that of each preset; None where a setting of the form is wrong."""
    try:
        chosen = knobs.config()
        same = {name: getattr(chosen, name) for name in (*knobs.ABOVE_GROUPS, "encoder")}
        configs = {"": chosen} | {name: each.config.replace(**same) for name, each in PRESETS.items()}
    except InputError:
        return None
    return {name: Job(len(dataset), tuple(dataset.shape), config) for name, config in configs.items()}


def _say(jobs: dict[str, Job], measuring: bool) -> None:
    """The time for the settings of the form, what takes it where it is long, and the time by preset."""
    known = finished(state.store().home)
    still = _measuring(jobs)
    found = {name: expectation.expect(state.store().home, job, known) for name, job in jobs.items()}
    words, notes = found[""].words, []
    if not found[""].measured and still:
        notes.append("being measured")
    if training := _training(state.store()):
        train = f"{formatting.count(training, 'run')} {'train' if training > 1 else 'trains'}"
        room = training < queue.concurrent_runs(state.store())
        notes.append(f"longer while {train}" if room else f"it waits: {train} first")
    aside = f"({', '.join(notes)})" if notes else ""
    sentence = f"{words[0].upper()}{words[1:]} here"
    st.markdown(
        f":material/timer: **{formatting.plain(sentence)}** {formatting.plain(aside)}",
        help=f"From the start to labels and maps, on this computer: {formatting.plain(found[''].longest)}.",
    )
    if found[""].advice:
        st.caption(formatting.plain(found[""].advice))
    presets = [f"{name} {expected.words}" for name, expected in found.items() if name]
    st.caption(formatting.plain(f"By preset: {' · '.join(presets)}."))
    if measuring and not still:
        st.rerun()


def _training(store) -> int:
    """How many runs train at present."""
    return sum(run.status == "running" for run in store.list())


def _measuring(jobs: dict[str, Job]) -> bool:
    """Whether the speed for these jobs is being measured; started where it is unknown, each job once per server."""
    store, tasks = state.store(), _calibrations()
    if any(task.is_alive() for task in tasks.values()):
        return True
    missing = {expectation.key_of(job): job for job in jobs.values()}
    tried = {key for key, task in tasks.items() if not task.cancelled}
    left = {
        key: job
        for key, job in missing.items()
        if key not in tried and not expectation.read_calibration(store.home, job)
    }
    if not left or _training(store):
        return False
    task = Calibration(store, list(left.values()))
    tasks |= dict.fromkeys(left, task)
    task.start()
    return True


@st.cache_resource(show_spinner=False)
def _calibrations() -> dict[str, Calibration]:
    """By what is measured, see `expectation.key_of`."""
    return {}


@st.cache_data(show_spinner=False, ttl=KEPT_SECONDS, max_entries=4)
def finished(home) -> list[expectation.Finished]:
    """What the newest finished runs say about this computer."""
    return expectation.finished_runs(state.store())

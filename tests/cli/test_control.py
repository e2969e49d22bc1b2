"""stop, pause and steer reach a run in another process."""

import json
import time

from dsc_core.runs import Store


def test_a_run_in_another_process_is_steered_paused_and_resumed(run, blobs, monkeypatch):
    result = json.loads(run("train", blobs, "--json")[1])
    monkeypatch.setenv("FAKE", "endless")
    from dsc_core.data import load_dataset

    store = Store()
    done = store.get(result["run"])
    run_id = store.create(load_dataset(done.dataset["key"], store.home), done.config)
    assert run("steer", run_id, "--set", "noise_level=0.9")[0] == 2, "it is not running yet"
    store.start(run_id)
    code, out, _ = run("steer", run_id, "--set", "noise_level=0.9", "--set", "prior=0.2", "--json")
    assert code == 0
    assert json.loads(out)["asked"] == {"noise_level": 0.9, "prior": 0.2}
    assert run("pause", run_id, "--wait")[1].endswith("paused, requested: pause\n")
    assert store.get(run_id).paused
    assert run_id + "  paused" in run("list")[1]
    code, out, _ = run("resume", run_id)
    assert (code, out) == (0, f"{run_id}: paused, requested: resume\n")
    end = time.monotonic() + 20
    while store.get(run_id).paused:
        assert time.monotonic() < end
        time.sleep(0.02)
    code, _, err = run("resume", run_id)
    assert code == 2, "a second start is refused"
    assert "running already" in err
    for wrong in (["--set", "latent_dims=5"], ["--set", "noise_level"], []):
        assert run("steer", run_id, *wrong)[0] == 2
    run("stop", run_id, "--wait")
    messages = [event.message for _, event in store.events(run_id) if event.kind == "note"]
    assert {"noise_level is 0.9", "prior is 0.2"} <= set(messages)
    assert [message for message in messages if " is " not in message] == ["Paused.", "Resumed.", "Stopped"]
    assert run("pause", run_id)[0] == 2


def test_stop_waits_for_the_worker_to_end(run, blobs, monkeypatch):
    result = json.loads(run("train", blobs, "--json")[1])
    monkeypatch.setenv("FAKE", "endless")
    from dsc_core.data import load_dataset

    store = Store()
    done = store.get(result["run"])
    run_id = store.create(load_dataset(done.dataset["key"], store.home), done.config)
    store.start(run_id)
    code, out, _ = run("stop", run_id, "--wait", "--json")
    assert code == 0
    assert json.loads(out)["status"] == "stopped"
    assert run("stop", run_id)[0] == 2, "it is not running any more"


def test_a_waiting_run_says_what_it_waits_for_and_starts_now_where_asked(run, blobs, monkeypatch):
    result = json.loads(run("train", blobs, "--json")[1])
    monkeypatch.setenv("FAKE", "endless")
    from dsc_core.data import load_dataset
    from dsc_core.runs import queue

    store = Store()
    done = store.get(result["run"])
    dataset = load_dataset(done.dataset["key"], store.home)
    first, second = (store.create(dataset, done.config, name=name) for name in ("first", "second"))
    queue.set_concurrent_runs(store, 1)
    queue.enqueue(store, first)
    queue.enqueue(store, second)
    assert run("pause", "first", "--wait")[0] == 0
    shown = json.loads(run("show", "first", "--json")[1])
    assert (shown["status"], shown["phase"], shown["paused"]) == ("running", "paused", True)
    listed = {row["name"]: row["phase"] for row in json.loads(run("list", "--json")[1])["runs"]}
    assert (listed["first"], listed["second"]) == ("paused", "queued")
    assert (
        "waits for the run 'first', which is paused"
        in json.loads(run("show", "second", "--json")[1])["waiting"]
    )
    text = run("show", "second")[1]
    assert "queued" in text
    assert "which is paused" in text
    assert f"start {second}` trains it now" in text
    assert run("start", "second")[1] == f"{second}: running, requested: start\n"
    assert run("start", "second")[0] == 2
    for name in ("first", "second"):
        run("stop", name, "--wait")
        assert json.loads(run("show", name, "--json")[1])["phase"] == "stopped"

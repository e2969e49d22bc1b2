"""Which processes and graphics cards a run gets. There are no cards here: their number is made up."""

import pytest

from dsc_core.config import Config
from dsc_core.training import launch


@pytest.fixture
def cards(monkeypatch):
    """Sets the number of graphics cards."""

    def let_there_be(number):
        monkeypatch.setattr(launch, "card_count", lambda: number)

    return let_there_be


def test_without_torchrun_a_process_is_the_first_and_only_one(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "4")  # which other launchers set as well
    assert (launch.is_distributed(), launch.first()) == (False, True)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("RANK", "1")
    assert (launch.is_distributed(), launch.first()) == (True, False)
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert (launch.is_distributed(), launch.first()) == (False, True)


def test_a_run_that_is_started_from_torchrun_is_told_nothing_of_it():
    told = {
        "RANK": "0",
        "WORLD_SIZE": "2",
        "TORCHELASTIC_MAX_RESTARTS": "0",
        "OMP_NUM_THREADS": "1",
        "HOME": "/h",
    }
    assert launch.without_torchrun({**told, "TORCHELASTIC_RUN_ID": "x"}) == {"HOME": "/h"}
    assert launch.without_torchrun(told) == told


def test_one_process_is_started_as_ever_and_several_by_torchrun():
    single = ["python", "-m", "dsc_core.runs.worker", "RUN"]
    assert launch.command(single, 1) == single
    several = launch.command(single, 3)
    assert several[:3] == ["python", "-m", "torch.distributed.run"]
    assert several[several.index("--nproc-per-node") + 1] == "3"
    assert several[-4:] == ["-m", "--", "dsc_core.runs.worker", "RUN"]
    assert launch.command(["python", "other.py", "RUN"], 2)[-3:] == ["--", "other.py", "RUN"]


@pytest.mark.parametrize(
    ("number", "device", "asked", "processes", "places"),
    [
        (0, "auto", 1, 1, 1),
        (0, "auto", 0, 1, 1),
        (0, "cpu", 3, 3, 1),
        (4, "auto", 1, 1, 1),
        (4, "auto", 0, 4, 1),
        (4, "cuda", 2, 2, 2),
        (4, "cpu", 0, 1, 1),
        (4, "cpu", 2, 2, 1),
        (2, "auto", 3, 3, 3),
    ],
)
def test_several_processes_on_several_cards_or_where_they_are_asked_for(
    cards, number, device, asked, processes, places
):
    cards(number)
    config = Config(device=device, processes=asked)
    found = launch.process_count(config, launch.choose_cards(config, []))
    assert (found, launch.slots(config)) == (processes, places)


def test_without_cards_a_run_starts_as_it_always_did(cards, monkeypatch):
    cards(0)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before, now = Config(processes=1), Config()
    assert now.processes == 0
    for taken, waiting in (([], 0), ([0], 3)):
        assert launch.choose_cards(now, taken, waiting) == launch.choose_cards(before, taken, waiting) == []
    assert launch.process_count(now, []) == launch.process_count(before, []) == 1
    assert launch.environment(now, []) == launch.environment(before, [])
    assert "OMP_NUM_THREADS" not in launch.environment(now, [])


@pytest.mark.parametrize(
    ("device", "asked", "taken", "waiting", "given"),
    [
        ("auto", 1, [], 0, [0]),
        ("auto", 1, [0], 0, [1]),
        ("auto", 1, [0, 1, 2], 0, [3]),
        ("cuda", 1, [0, 1, 2, 3, 0], 0, [1]),
        ("auto", 2, [0], 0, [1, 2]),
        ("auto", 2, [1, 2], 0, [0, 3]),
        ("auto", 2, [], 5, [0, 1]),
        ("cpu", 2, [], 0, []),
        ("auto", 5, [], 0, []),
        # Where it is left open: what is free, less what others wait for.
        ("auto", 0, [], 0, [0, 1, 2, 3]),
        ("auto", 0, [], 1, [0, 1, 2]),
        ("auto", 0, [], 9, [0]),
        ("auto", 0, [2], 0, [0, 1, 3]),
        ("auto", 0, [2, 2, 0], 1, [1]),
        ("auto", 0, [0, 1, 2, 3, 0], 0, [1]),
        ("cuda", 0, [7], 0, [0, 1, 2, 3]),
        ("cpu", 0, [], 0, []),
    ],
)
def test_a_run_gets_the_cards_that_the_fewest_use(cards, device, asked, taken, waiting, given):
    cards(4)
    assert launch.choose_cards(Config(device=device, processes=asked), taken, waiting) == given


def test_no_more_cards_than_a_batch_has_samples(cards):
    cards(16)
    assert len(launch.choose_cards(Config(batch=8), [])) == 8


def test_cards_are_named_as_the_environment_names_them(cards, monkeypatch):
    cards(3)
    assert launch.card_names({}) == ["0", "1", "2"]
    cards(2)
    assert launch.card_names({"CUDA_VISIBLE_DEVICES": "5, GPU-8f"}) == ["5", "GPU-8f"]
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = launch.environment(Config(), [1])
    assert found["CUDA_VISIBLE_DEVICES"] == "1"
    assert "OMP_NUM_THREADS" not in found
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-8f")
    assert launch.environment(Config(), [1])["CUDA_VISIBLE_DEVICES"] == "GPU-8f"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    found = launch.environment(Config(device="cpu", processes=2), [])
    assert "CUDA_VISIBLE_DEVICES" not in found
    assert int(found["OMP_NUM_THREADS"]) >= 1


def test_a_run_on_one_card_starts_the_next_on_any_of_them(monkeypatch):
    """Whoever ends a run starts the next; its own CUDA_VISIBLE_DEVICES may not be all there is for that one."""
    launch.card_count.cache_clear()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv(launch.ALL_CARDS, "0,1,2,3")
    first = launch.environment(Config(), [2])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", first["CUDA_VISIBLE_DEVICES"])
    monkeypatch.setenv(launch.ALL_CARDS, first[launch.ALL_CARDS])
    assert launch.card_count() == 4
    assert launch.choose_cards(Config(processes=1), [0, 1]) == [2]
    assert launch.choose_cards(Config(), [0, 1]) == [2, 3]
    assert launch.environment(Config(), [3])["CUDA_VISIBLE_DEVICES"] == "3"
    assert launch.environment(Config(processes=0), [0, 1, 2, 3])["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"
    launch.card_count.cache_clear()


def test_without_a_card_in_the_machine_pytorch_is_not_asked(monkeypatch):
    launch.card_count.cache_clear()
    monkeypatch.delenv(launch.ALL_CARDS, raising=False)
    monkeypatch.setattr(launch.Path, "glob", lambda path, pattern: iter(()))
    monkeypatch.setattr(launch.shutil, "which", lambda name: None)
    monkeypatch.setitem(__import__("sys").modules, "torch", None)  # to import it would fail
    assert launch.card_count() == 0
    launch.card_count.cache_clear()

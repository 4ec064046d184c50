"""Jobs side by side: their order, errors and state, and that they end with the parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ldznet.experiments.processes import run_side_by_side

ROOT = Path(__file__).parents[2]


def threads(*job):
    import torch

    return (*job, torch.get_num_threads())


class Counter:
    """Counts its own jobs, as a worker keeps what it made for the first."""

    def __init__(self):
        self.jobs = 0

    def __call__(self, name):
        self.jobs += 1
        return name, self.jobs, os.getpid()


def sleep(folder):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(120)


def test_results_come_in_order_from_processes_of_one_thread():
    jobs = [("a", 1), ("b", 2), ("c", 3)]
    assert list(run_side_by_side(threads, jobs, workers=2)) == [(*job, 1) for job in jobs]


def test_what_a_job_raises_is_raised_at_its_turn():
    results = run_side_by_side(int, [("7",), ("seven",), ("8",)], workers=1)
    assert next(results) == 7
    with pytest.raises(ValueError, match="seven"):
        next(results)


def test_a_worker_keeps_its_state_from_job_to_job():
    results = list(run_side_by_side(Counter(), [("a",), ("b",), ("c",)], workers=1))
    assert [result[:2] for result in results] == [("a", 1), ("b", 2), ("c", 3)]
    assert os.getpid() not in {process for _, _, process in results}


SLEEPERS = """
import sys
from ldznet.experiments.processes import run_side_by_side
from tests.experiments.test_processes import sleep
if __name__ == "__main__":
    list(run_side_by_side(sleep, [(sys.argv[1],)] * 2, workers=2))
"""


def is_running(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_the_workers_end_with_a_parent_that_is_killed_alone(tmp_path):
    script, folder = tmp_path / "sleepers.py", tmp_path / "workers"
    script.write_text(SLEEPERS)
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, script, folder], cwd=ROOT, env=environment)
    try:
        workers = []
        for _ in range(1200):
            workers = [int(path.name) for path in folder.iterdir()]
            if len(workers) == 2:
                break
            time.sleep(0.1)
        assert all(map(is_running, workers))
        assert len(workers) == 2
        parent.send_signal(signal.SIGTERM)
        parent.wait(10)
        for _ in range(200):
            if not any(map(is_running, workers)):
                break
            time.sleep(0.1)
        assert not any(map(is_running, workers))
    finally:
        parent.kill()
        for worker in filter(is_running, workers):
            os.kill(worker, signal.SIGKILL)

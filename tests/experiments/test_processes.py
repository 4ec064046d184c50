import pytest

from ldznet.experiments.processes import run_side_by_side


def threads(*job):
    import torch

    return (*job, torch.get_num_threads())


def test_results_come_in_order_from_processes_of_one_thread():
    jobs = [("a", 1), ("b", 2), ("c", 3)]
    assert list(run_side_by_side(threads, jobs, workers=2)) == [(*job, 1) for job in jobs]


def test_what_a_job_raises_is_raised_at_its_turn():
    results = run_side_by_side(int, [("7",), ("seven",), ("8",)], workers=1)
    assert next(results) == 7
    with pytest.raises(ValueError, match="seven"):
        next(results)

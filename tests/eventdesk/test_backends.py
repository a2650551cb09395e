"""Jobs of the desk and of benchmarks run on the backend that joblib was given, with the same bits.

A cluster of dask.distributed stands for several machines.
"""

import os
import signal
import subprocess
import sys
import threading
from functools import partial

import joblib
import numpy as np
import pytest
from same import same

from benchmarks import folds
from eventdesk.ask.compare import compare
from eventdesk.evidence.estimators import NetworkEstimator
from eventdesk.evidence.parallel import in_parallel
from eventdesk.evidence.protocol import cross_validate
from pokersnn_helpers import FastSNN, load_nmnist


@pytest.fixture(scope="module")
def some():
    digits = load_nmnist(saccade=1).train
    of_two_classes = [np.flatnonzero(np.equal(digits.targets, each))[:6] for each in range(2)]
    return digits.subset(np.concatenate(of_two_classes))


@pytest.fixture(scope="module")
def cluster():
    """Two processes, in which a client of this one lets jobs run."""
    dask = pytest.importorskip("dask")
    distributed = pytest.importorskip("distributed")
    # On a busy machine, workers import for more than 30 s, after which they would be given up;
    # joblib waits for their results forever.
    patience = dict.fromkeys(("connect", "tcp"), "300s")
    options = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": None}
    with (
        dask.config.set({"distributed.comm.timeouts": patience}),
        distributed.LocalCluster(**options) as processes,
        distributed.Client(processes) as client,
    ):
        yield client


def steps_of_tasks(cluster):
    """Return how often a task went from one state to the next in the cluster."""
    return cluster.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter)


def network_weights(some, backend, processes=1):
    models = {f"{epochs} epochs": NetworkEstimator(FastSNN, epochs=epochs) for epochs in (1, 2)}
    with joblib.parallel_config(backend):
        trained = cross_validate(models, some, range(len(some)), processes=processes)
    runs = [fold for name in models for fold in trained[name].runs[0]]
    return [estimator.network.state_dict() for estimator, _ in runs]


def thread_and_process(number):
    return number, os.getpid(), threading.get_ident()


def test_jobs_run_where_joblib_was_told(some):
    jobs = {number: partial(thread_and_process, number) for number in range(9)}
    with joblib.parallel_config("threading"):
        done = dict(in_parallel(jobs, 2))
    numbers, processes, threads = zip(*done.values(), strict=True)
    assert sorted(numbers) == list(jobs)
    assert set(processes) == {os.getpid()}
    assert threading.get_ident() not in threads


MEETING = threading.Barrier(2)


def meet(_):
    """Say whether another thread came here at the same time."""
    try:
        MEETING.wait(0.5)
    except threading.BrokenBarrierError:
        return False
    return True


def test_threads_of_a_process_which_share_its_seeds_work_one_after_another():
    jobs = {number: partial(meet, number) for number in range(4)}
    with joblib.parallel_config("threading"):
        assert not any(dict(in_parallel(jobs, 2)).values())


BESIDE_A_THREAD_THAT_LOADS_LIBRARIES = """
import ctypes
from threading import Thread
from eventdesk.evidence.parallel import in_parallel

def work():
    for _ in range(50):
        dict(in_parallel({number: int for number in range(10)}))

worker = Thread(target=work, daemon=True)
worker.start()
while worker.is_alive():
    ctypes.CDLL(None)
"""


def test_jobs_go_on_beside_a_thread_that_loads_libraries():
    command = [sys.executable, "-c", BESIDE_A_THREAD_THAT_LOADS_LIBRARIES]
    subprocess.run(command, check=True, timeout=100)


def backend_within():
    return joblib.Parallel(n_jobs=2)._backend.__class__.__name__


def test_what_a_job_calls_stays_on_its_thread():
    with joblib.parallel_config("threading"):
        done = dict(in_parallel({"a": backend_within, "b": backend_within}, 2))
    assert set(done.values()) == {"SequentialBackend"}


@pytest.mark.slow
def test_a_cluster_trains_the_same_weights_as_one_process(some, cluster):
    alone = network_weights(some, "loky")
    before = steps_of_tasks(cluster)
    assert same(alone, network_weights(some, "dask"))
    assert steps_of_tasks(cluster) > before


@pytest.mark.slow
def test_compare_says_the_same_on_a_cluster(some, cluster):
    groups = range(len(some))
    alone = compare(some, groups, folds=2, epochs=1)
    before = steps_of_tasks(cluster)
    with joblib.parallel_config("dask"):
        of_cluster = compare(some, groups, folds=2, epochs=1)
    assert steps_of_tasks(cluster) > before
    assert of_cluster.sentences == alone.sentences
    assert of_cluster.table.equals(alone.table)


def where(number):
    return number, os.getpid()


@pytest.mark.slow
def test_jobs_of_benchmarks_come_back_in_order_from_a_cluster(cluster):
    with joblib.parallel_config("dask"):
        numbers, processes = zip(*folds.in_parallel(where, [(n,) for n in range(9)]), strict=True)
    assert list(numbers) == list(range(9))
    assert os.getpid() not in processes


def train_and_die_once(some, marks, parent, seed):
    """Train a network, but let a worker be killed if it is the first to get here."""
    if seed == 0 and os.getpid() != parent and not marks.exists():
        marks.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return NetworkEstimator(FastSNN, epochs=1).fit(some, seed).network.state_dict()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
def test_a_worker_that_dies_changes_nothing(some, cluster, tmp_path):
    marks = tmp_path / "died"
    jobs = {seed: partial(train_and_die_once, some, marks, os.getpid(), seed) for seed in range(4)}
    with joblib.parallel_config("dask"):
        on_cluster = dict(in_parallel(jobs))
    assert marks.exists()
    alone = dict(in_parallel(jobs))
    assert all(same(on_cluster[seed], alone[seed]) for seed in jobs)

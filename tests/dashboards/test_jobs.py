"Slow steps in another process."

import asyncio
import importlib
import os
import sys
import time

import pytest

pytest.importorskip("anywidget", reason="the widgets extra is not installed")

from dashboard_samples import in_a_loop

from bpm_nb.dashboards import jobs
from bpm_nb.dashboards.jobs import PRELOADED, Job, process_context
from bpm_nb.dashboards.uploads import uploaded_training


def test_a_slow_step_leaves_the_interface_free_and_reports(state):
    texts = []
    state.observe(lambda change: texts.append(change.new), "doing")
    in_a_loop(
        state, lambda: state.run(uploaded_training, ("x.xyz", b"nothing"), lambda _: None), lambda: not state.doing
    )
    assert "starting" in texts and state.message.startswith("x.xyz")


def test_a_slow_step_can_be_cancelled(lab):
    def stop():
        if lab.doing and lab.job.process:
            lab.cancel()
        return not lab.doing

    columns = lab.columns
    in_a_loop(lab, lambda: lab.run(time.sleep, (600,), lambda _: None), stop)
    assert not lab.doing and lab.stale and lab.columns is columns


def test_a_process_that_dies_is_a_message(state):
    in_a_loop(state, lambda: state.run(os.abort, (), lambda _: None), lambda: not state.doing)
    assert state.message and not state.doing


def test_two_jobs_may_start_at_once():
    "The environment that a process starts with is changed in one thread at a time."

    async def both():
        sentences = {}
        jobs = [
            Job(
                uploaded_training,
                (f"{n}.xyz", b""),
                lambda *_: None,
                lambda _: None,
                lambda text, n=n: sentences.setdefault(n, text),
            )
            for n in "ab"
        ]
        for job in jobs:
            job.start()
        for _ in range(600):
            if len(sentences) == 2:
                return sentences
            await asyncio.sleep(0.1)
        return sentences

    sentences = asyncio.run(both())
    assert all("empty" in sentences[n] for n in "ab") and "TQDM_DISABLE" not in os.environ


def test_a_process_finds_the_library_imported():
    "Names that do not exist are skipped without a word when the server of processes starts."
    for name in PRELOADED:
        importlib.import_module(name)
    if sys.platform == "linux":
        assert process_context().get_start_method() == "forkserver"


@pytest.mark.skipif(sys.platform != "linux", reason="there is no such server elsewhere")
def test_the_server_of_processes_ends_when_no_job_comes_and_the_next_job_starts_another(monkeypatch):
    from multiprocessing.forkserver import _forkserver
    from multiprocessing.resource_tracker import _resource_tracker

    monkeypatch.setattr(jobs, "IDLE_SERVER_S", 0.2)

    async def two_jobs():
        servers = []
        for _ in range(2):
            results = []
            Job(uploaded_training, ("x.xyz", b""), lambda *_: None, results.append, results.append).start()
            while not results:
                await asyncio.sleep(0.02)
            servers.append(_forkserver._forkserver_pid)
            for _ in range(300):
                if _forkserver._forkserver_pid is _resource_tracker._pid is None:
                    break
                await asyncio.sleep(0.1)
            assert _resource_tracker._pid is None  # a process of its own, which would stay
            servers.append(_forkserver._forkserver_pid)
        return servers

    first, nothing, second, nothing_again = asyncio.run(asyncio.wait_for(two_jobs(), 120))
    assert first and second and first != second and nothing is nothing_again is None

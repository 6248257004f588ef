"""A GPU for each job: never two jobs of a run on one device at a time, whoever sees the devices under which number."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from resnet_limits.errors import SettingError
from resnet_limits.measurement.record import Measurement
from resnet_limits.runs import job as jobs
from resnet_limits.runs import lease
from resnet_limits.runs import status as states
from resnet_limits.runs.folder import Run
from resnet_limits.runs.lease import leased, physical_devices
from resnet_limits.settings.content import job_name
from resnet_limits.studies import study
from resnet_limits.studies.gamma.settings import Gamma
from resnet_limits.studies.kernel.settings import Kernel
from tests.planting import plant, resize
from tests.runs.conftest import settings

processes = multiprocessing.get_context("fork")


@pytest.fixture
def gpus(monkeypatch):
    """`gpus(uuids)`: this process, and those that it forks, see CUDA devices of these ids, in this order."""
    resize(monkeypatch, lease, SECONDS_BETWEEN_LOOKS=0.01)

    def see(*uuids: str) -> None:
        for name, value in {
            "is_available": lambda: True,
            "device_count": lambda: len(uuids),
            "get_device_properties": lambda i: SimpleNamespace(uuid=uuids[i]),
            "get_device_name": lambda where: f"Fake {uuids[where.index]}",
            "device": lambda index: contextlib.nullcontext(),
            "empty_cache": lambda: None,
        }.items():
            monkeypatch.setattr(torch.cuda, name, value)

    return see


class Patience(Exception):
    """Raised by a job that does not wait."""


def at_once() -> None:
    raise Patience


def held(name: str, locks: Path, waiting=at_once, job: str = "job", log=lambda text: None):
    return leased(name, locks, job=job, waiting=waiting, log=log)


def one_job(locks: Path, name: str) -> None:
    """A job that fails where another one is on its device: `open(..., "x")` makes a file once."""
    with held(name, locks, waiting=lambda: None) as where:
        device = physical_devices()[int(where.removeprefix("cuda:"))]
        busy = locks / f"{device}.busy"
        with open(busy, "x"), open(locks / "done.txt", "a") as done:
            time.sleep(0.03)
            done.write(f"{device}\n")
            busy.unlink()


@pytest.mark.parametrize(("devices", "count"), [(1, 4), (2, 7), (3, 3), (4, 2)])
def test_k_devices_and_n_jobs_are_never_two_on_one_device(tmp_path, gpus, devices, count):
    gpus(*(f"GPU-{i}" for i in range(devices)))
    workers = [processes.Process(target=one_job, args=(tmp_path, ("auto", "cuda")[i % 2])) for i in range(count)]
    for process in workers:
        process.start()
    for process in workers:
        process.join(30)
    assert [process.exitcode for process in workers] == [0] * count
    used = (tmp_path / "done.txt").read_text().split()
    assert len(used) == count
    assert set(used) <= {f"GPU-{i}" for i in range(devices)}


def test_devices_are_told_apart_by_what_they_are_and_not_by_their_number(tmp_path, gpus):
    gpus("GPU-a", "GPU-b")
    with held("auto", tmp_path) as first:
        assert first == "cuda:0"
        gpus("GPU-b", "GPU-a")  # as CUDA_VISIBLE_DEVICES=1,0 shows them
        with held("auto", tmp_path) as second:
            assert second == "cuda:0"
            with pytest.raises(Patience), held("auto", tmp_path):
                pass
        gpus("GPU-a")
        with pytest.raises(Patience), held("cuda", tmp_path):
            pass
    with held("cuda", tmp_path) as again:
        assert again == "cuda:0"
    assert len(list(tmp_path.glob(f"gpu-{os.uname().nodename}-GPU-?.lock"))) == 2


def test_a_holder_that_is_killed_frees_its_device(tmp_path, gpus):
    gpus("GPU-0")
    taken = processes.Event()

    def hold() -> None:
        with held("cuda", tmp_path):
            taken.set()
            time.sleep(60)

    holder = processes.Process(target=hold)
    holder.start()
    assert taken.wait(30)
    with pytest.raises(Patience), held("auto", tmp_path):
        pass
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join(30)
    with held("auto", tmp_path) as where:
        assert where == "cuda:0"


def test_a_device_that_is_named_and_the_cpu_take_no_lease(tmp_path, gpus):
    for name in ("cpu", "auto"):
        if name == "cpu" or not torch.cuda.is_available():
            with held(name, tmp_path) as where:
                assert where == "cpu"
    gpus("GPU-0", "GPU-1")
    with held("cuda:1", tmp_path) as first, held("cuda:1", tmp_path) as second, held("cpu", tmp_path) as third:
        assert (first, second, third) == ("cuda:1", "cuda:1", "cpu")
    assert not list(tmp_path.iterdir())
    with pytest.raises(SettingError, match="cuda:2"), held("cuda:2", tmp_path):
        pass


def test_where_nothing_can_be_locked_the_job_says_so_and_goes_on(tmp_path, gpus, monkeypatch):
    def no_locks(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    gpus("GPU-0", "GPU-1")
    monkeypatch.setattr(fcntl, "flock", no_locks)
    said, used = [], set()
    for name in map(str, range(16)):
        with held("auto", tmp_path, job=name, log=said.append) as first, held("auto", tmp_path, job=name) as second:
            assert first == second
            used.add(first)
    assert used == {"cuda:0", "cuda:1"}
    assert "No locks available" in said[0]


# -- a job in its folder --------------------------------------------------------------------------


@pytest.fixture
def devices_seen(monkeypatch):
    """A measurement that notes the device it is given."""
    seen = []

    def measure(job):
        seen.append(job.settings.device)
        return Measurement()

    members = {
        "measure": staticmethod(measure),
        "memory_keys": (),
        "device": staticmethod(lambda job_settings: job_settings.device),
    }
    fake = type("Fake", (), members)
    plant(monkeypatch, study.get, lambda name: fake)
    return seen


def wait_for(condition) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_job_waits_in_the_queue_for_a_gpu_and_measures_on_it(make_run, gpus, devices_seen):
    run = make_run([4])
    gpus("GPU-0", "GPU-1")
    job_settings = settings(4, device="auto")
    folder = run.path / "jobs" / job_name(job_settings)
    with contextlib.ExitStack() as others:
        for _ in range(2):
            others.enter_context(held("auto", run.path / "launcher"))
        job = threading.Thread(target=jobs.run_job, args=(run.path, job_settings))
        job.start()
        wait_for(lambda: states.read_status(folder).message == "waits for a GPU")
        assert states.read_status(folder).state == "queued"
        assert devices_seen == []
        with jobs.owned(folder) as mine:
            assert not mine, "a job that waits is nobody else's"
    job.join(20)
    status = states.read_status(folder)
    assert (status.state, status.device) == ("finished", "Fake GPU-0")
    assert devices_seen == ["cuda:0"]
    assert "cuda:0 is this job's own" in (folder / "log.txt").read_text()
    assert job_name(job_settings) == job_name(settings(4)), "the device is no content"


def test_a_job_that_waits_can_be_interrupted_by_its_scheduler(make_run, gpus, devices_seen):
    run = make_run([4])
    gpus("GPU-0")
    job_settings = settings(4, device="cuda")
    folder = run.path / "jobs" / job_name(job_settings)
    signals = []

    def interrupt() -> None:
        wait_for(lambda: states.read_status(folder).message == "waits for a GPU")
        os.kill(os.getpid(), signal.SIGUSR2)

    before = signal.signal(signal.SIGUSR2, lambda number, frame: signals.append(number))
    try:
        with held("auto", run.path / "launcher"):
            scheduler = threading.Thread(target=interrupt)
            scheduler.start()
            jobs.run_job(run.path, job_settings)
            scheduler.join()
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert signals == [signal.SIGUSR2], "handed back to the scheduler"
    assert states.read_status(folder).state == "queued"
    assert not (folder / "owner.json").exists()
    assert devices_seen == []
    jobs.run_job(run.path, job_settings)
    assert states.read_status(folder).state == "finished"


def test_a_job_that_computes_on_the_cpu_takes_no_gpu_and_says_cpu(tmp_path, gpus, monkeypatch):
    seen = []

    def measure(self, job):
        seen.append(job.settings.device)
        return Measurement()

    monkeypatch.setattr(study.Study, "measure", measure)
    gpus("GPU-0")
    job_settings = Gamma(study="gamma", device="cuda")
    exact = Kernel(study="kernel", claims=["kernel.moments"], device="auto")
    for job in (job_settings, exact):
        run = Run.create(tmp_path, [job], [], ["reslim", "train"])
        with held("cuda", run.path / "launcher"):  # which would be waited for
            jobs.run_job(run.path, job)
            assert [path.name for path in (run.path / "launcher").iterdir()] == [
                f"gpu-{os.uname().nodename}-GPU-0.lock"
            ]
        (done,) = run.jobs()
        assert done.status.state == "finished"
        assert done.status.device.startswith("cpu (")
    assert seen == ["cpu", "cpu"]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_jobs_take_the_real_devices_one_each(make_run):
    run = make_run([4])
    count = torch.cuda.device_count()
    job_settings = settings(4, device="auto")
    with contextlib.ExitStack() as all_of_them:
        names = [all_of_them.enter_context(held("auto", run.path / "launcher")) for _ in range(count)]
        assert sorted(names) == [f"cuda:{i}" for i in range(count)]
        assert len(set(physical_devices())) == count
        with pytest.raises(Patience), held("cuda", run.path / "launcher"):
            pass
    jobs.run_job(run.path, job_settings)
    status = states.read_status(run.path / "jobs" / job_name(job_settings))
    assert (status.state, status.device) == ("finished", torch.cuda.get_device_name(0))

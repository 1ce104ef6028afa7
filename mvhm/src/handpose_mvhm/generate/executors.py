"""Who makes the shards: processes of this machine, or workers of a cluster; the same task for both."""

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Protocol, runtime_checkable

from handpose_core.errors import HandposeError
from handpose_mvhm.generate.work import Done, Task, make_shard

_PATIENCE = 10.0
"""Seconds in which a scheduler must answer."""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@runtime_checkable
class Executor(Protocol):
    """Gets tasks done."""

    def run(self, tasks: Sequence[Task]) -> Iterator[Done]:
        """Make the tasks' shards; yields each as it is done, in any order."""
        ...


@dataclass(frozen=True)
class Processes:
    """Processes of this machine.

    Attributes:
        jobs: how many.
    """

    jobs: int

    def run(self, tasks: Sequence[Task]) -> Iterator[Done]:
        """See `Executor`.

        Raises:
            HandposeError: a process was killed from outside, for example for memory.
        """
        # fresh interpreters: a fork would inherit torch's threads half-way through their work
        context = multiprocessing.get_context("spawn")
        before = {name: os.environ.get(name) for name in _ONE_THREAD}
        os.environ.update(_ONE_THREAD)  # read when an interpreter starts
        try:
            with ProcessPoolExecutor(min(self.jobs, max(1, len(tasks))), context, _end_with_parent) as pool:
                futures = [pool.submit(make_shard, task) for task in tasks]
                try:
                    for future in as_completed(futures):
                        yield future.result()
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        except BrokenProcessPool as error:
            raise HandposeError(
                "generate", "a process that was killed", "processes that end by themselves",
                "Run the same command again: it goes on where it stopped. With fewer --jobs it takes less memory.",
            ) from error  # fmt: skip
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, however that was killed; else it would wait for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@dataclass(frozen=True)
class Cluster:
    """Workers of a dask.distributed cluster, which see the dataset's folder under the same name.

    A worker that is lost has its tasks given to others.

    Attributes:
        scheduler: its address, such as ``tcp://host:8786``.
    """

    scheduler: str

    def run(self, tasks: Sequence[Task]) -> Iterator[Done]:
        """See `Executor`.

        Raises:
            HandposeError: dask.distributed is not installed, the scheduler does not answer, or workers kept dying.
        """
        try:
            from distributed import Client, KilledWorker
            from distributed import as_completed as completed
        except ImportError as error:
            raise HandposeError(
                "--scheduler", "no dask.distributed", "the extra handpose-mvhm[cluster]",
                "python -m pip install 'handpose-mvhm[cluster]', here and on the cluster.",
            ) from error  # fmt: skip
        try:
            client = Client(self.scheduler, timeout=_PATIENCE, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise HandposeError(
                f"--scheduler {self.scheduler}", f"no answer within {_PATIENCE:.0f} s ({error})",
                "the address of a running dask scheduler", "Start one with `dask scheduler`, or correct the address.",
            ) from error  # fmt: skip
        with client:
            futures = client.map(make_shard, tasks, pure=False)
            try:
                for future in completed(futures, loop=client.loop):
                    yield future.result()
            except KilledWorker as error:
                raise HandposeError(
                    f"--scheduler {self.scheduler}", f"workers that died over and over ({error})", "workers that live",
                    "Give them more memory. Then run the same command again: it goes on where it stopped.",
                ) from error  # fmt: skip
            finally:
                client.cancel(futures)

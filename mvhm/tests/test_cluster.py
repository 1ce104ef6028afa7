"""The same tasks through dask.distributed, a worker of which is killed."""

import time

import pytest
from mvhm.tests.conftest import files_of

from handpose_core.errors import HandposeError
from handpose_mvhm.generate.executors import Cluster

pytest.importorskip("distributed")
dask = pytest.importorskip("dask")
pytestmark = pytest.mark.filterwarnings("ignore")  # dask's own, of sockets that a killed worker left


@pytest.fixture
def cluster():
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        yield made


def test_a_killed_worker_changes_nothing(cluster, made, tmp_path):
    root, killed = tmp_path / "data", []

    class Killing:
        """A cluster whose first worker dies when the first shard is done."""

        def run(self, tasks):
            for done in Cluster(cluster.scheduler_address).run(tasks):
                if not killed:
                    worker = next(iter(cluster.workers.values()))
                    killed.append(worker.pid)
                    worker.process.process.kill()
                yield done

    made.make(root, Killing())
    assert killed
    assert files_of(root) == files_of(made.root)


def test_a_scheduler_that_does_not_answer_is_named(made, tmp_path, monkeypatch):
    monkeypatch.setattr("handpose_mvhm.generate.executors._PATIENCE", 0.5)
    start = time.monotonic()
    unanswered = pytest.raises(HandposeError, match=r"--scheduler tcp://127\.0\.0\.1:9: found no answer")
    with dask.config.set({"distributed.comm.timeouts.connect": "300 s"}), unanswered:  # distributed's own patience
        made.make(tmp_path / "data", Cluster("tcp://127.0.0.1:9"))
    assert time.monotonic() - start < 200


def test_a_malformed_address_is_named(made, tmp_path):
    with pytest.raises(HandposeError, match="--scheduler nowhere at all"):
        made.make(tmp_path / "data", Cluster("nowhere at all"))

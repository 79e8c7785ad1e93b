"""Clients of etcd 3 as programs use them: Debian's python3-etcd3, and npm's etcd3 where MOOTHALL_NODE_MODULES
says that it is installed."""

import os
import shutil
import subprocess
import threading

import pytest

from moothall import SLOW, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.environ.get("MOOTHALL_NODE_MODULES", "/usr/share/nodejs")
PARTS = ["keys", "stm", "leases", "locks", "elections", "watches", "users"]


@pytest.mark.skipif(shutil.which("node") is None or not os.path.isdir(os.path.join(MODULES, "etcd3")),
                    reason="no etcd3 of npm in MOOTHALL_NODE_MODULES")
def test_npm_etcd3(world):
    follower = world.cluster()[-1]
    run = subprocess.run(["node", os.path.join(HERE, "story.js"), follower.client], env=dict(os.environ, NODE_PATH=MODULES),
                         capture_output=True, text=True, timeout=60 * SLOW)
    assert (run.returncode, run.stdout.split()) == (0, PARTS), run.stdout + run.stderr


# ---- python3-etcd3


@pytest.fixture
def etcd3():
    return pytest.importorskip("etcd3", reason="no python3-etcd3 here")


@pytest.fixture
def client(etcd3, shared):
    host, port = shared.client.rsplit(":", 1)
    with etcd3.client(host=host, port=int(port), timeout=20 * SLOW) as client:
        client.delete_prefix("py/")
        yield client


def names(pairs):
    return [meta.key.decode() for _, meta in pairs]


def test_keys(client):
    client.put("py/a", "1")
    client.put("py/b", b"\0\xff")
    assert client.get("py/a")[0] == b"1" and client.get("py/b")[0] == b"\0\xff"
    assert names(client.get_prefix("py/")) == ["py/a", "py/b"]
    assert names(client.get_prefix("py/", sort_order="descend", sort_target="key")) == ["py/b", "py/a"]
    assert client.put_if_not_exists("py/a", "2") is False and client.replace("py/a", "1", "2") is True
    assert client.get("py/a")[1].version == 2
    assert client.delete("py/a") is True and client.delete("py/a") is False
    assert client.delete_prefix("py/").deleted == 1


def test_transactions(client):
    client.put("py/a", "1")
    done, answers = client.transaction(compare=[client.transactions.value("py/a") == "1", client.transactions.version("py/a") > 0],
                                       success=[client.transactions.put("py/a", "2"), client.transactions.get("py/a")], failure=[])
    assert done and answers[1][0][0] == b"2"
    assert not client.transaction(compare=[client.transactions.mod("py/a") == 1], success=[], failure=[])[0]


# Its thread may begin another stream when its channel is closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_watches(client):
    seen, goal = [], threading.Event()

    def take(answer):
        seen.extend((type(event).__name__, event.key.decode(), event.value.decode()) for event in answer.events)
        if len(seen) == 3:
            goal.set()
    watch = client.add_watch_callback("py/", take, range_end="py0")
    client.put("py/a", "1")
    client.put("py/b", "2")
    client.delete("py/a")
    assert goal.wait(20 * SLOW)
    client.cancel_watch(watch)
    assert seen == [("PutEvent", "py/a", "1"), ("PutEvent", "py/b", "2"), ("DeleteEvent", "py/a", "")]


def test_leases_and_locks(client):
    lease = client.lease(2)
    client.put("py/leased", "x", lease=lease)
    assert lease.granted_ttl == 2 and lease.keys == [b"py/leased"]
    assert lease.refresh()[0].TTL == 2
    wait_until(lambda: client.get("py/leased")[0] is None, 10, "the lease to expire")
    lock, other = client.lock("py", ttl=10), client.lock("py", ttl=10)
    assert lock.acquire(timeout=5) and lock.is_acquired()
    assert not other.acquire(timeout=0)
    assert lock.release() and other.acquire(timeout=5)
    other.release()


def test_maintenance(client, tmp_path):
    client.put("py/a", "1")
    status = client.status()
    assert status.leader.name == "machine1" and status.db_size >= 0
    assert [member.name for member in client.members] == ["machine1"]
    assert list(client.list_alarms()) == []
    client.compact(client.get("py/a")[1].mod_revision)
    client.defragment()
    with open(tmp_path / "snapshot", "wb") as file:
        client.snapshot(file)
    assert os.path.getsize(tmp_path / "snapshot") > 0

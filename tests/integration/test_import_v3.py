"""etcdctl v3 import and export: a cluster moved in under writes and cut over, from a node of ours and from Debian's etcd;
files of etcd 3; what is refused."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from moothall import BUILD, SLOW, ask, free_port, wait_until
from v3 import b64, below, call, keys

GO_ETCD = os.environ.get("MOOTHALL_GO_ETCD", "/usr/bin/etcd")
ETCDCTL = os.path.join(BUILD, "etcdctl")


class GoEtcd:
    """Debian's etcd, with as much of a node as is needed here."""

    def __init__(self, folder):
        self.folder, self.client, peer = folder, "127.0.0.1:%d" % free_port(), "127.0.0.1:%d" % free_port()
        self.data = os.path.join(folder, "go")
        self.process = subprocess.Popen(
            [GO_ETCD, "--data-dir", self.data, "--listen-client-urls", "http://" + self.client, "--advertise-client-urls",
             "http://" + self.client, "--listen-peer-urls", "http://" + peer], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def there():
            with contextlib.suppress(OSError):
                return ask(self.client, "GET", "/health").status == 200
            return False
        wait_until(there, 20, "Debian's etcd")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def good(node, method, message, prefix="/v3/kv/"):
    """What either of them answers."""
    answer = call(node, method, message, prefix=prefix)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def put(node, key, value="", **more):
    return good(node, "put", dict({"key": b64(key), "value": b64(value)}, **more))


def get(node, key):
    return good(node, "range", {"key": b64(key)})


def delete(node, key):
    return good(node, "deleterange", {"key": b64(key)})


@pytest.fixture(params=["ours", "etcd"])
def source(request, world):
    if request.param == "ours":
        yield world.node("source").start()
        return
    if not os.access(GO_ETCD, os.X_OK):
        pytest.skip("no etcd of Debian here (MOOTHALL_GO_ETCD)")
    etcd = GoEtcd(world.folder)
    yield etcd
    etcd.stop()


@pytest.fixture
def target(world):
    return world.node("target").start()


def argv(node, *words):
    return [ETCDCTL, "v3", "--endpoints", node.client, *words]


def etcdctl(node, *words):
    return subprocess.run(argv(node, *words), capture_output=True, text=True, timeout=60 * SLOW)


def lease(node, number, ttl=600):
    good(node, "grant", {"ID": str(number), "TTL": ttl}, prefix="/v3/lease/")


def ttl_of(node, number):
    return int(good(node, "timetolive", {"ID": str(number)}, prefix="/v3/lease/").get("TTL", 0))


def fill(node, count=300):
    for number in range(3):
        lease(node, 1001 + number)
    lease(node, 2000)       # no key hangs on it
    for at in range(0, count, 100):
        good(node, "txn", {"success": [{"request_put": dict({"key": b64("k/%04d" % i), "value": b64("value %d" % i)}, **(
            {"lease": str(1001 + i % 3)} if i % 10 == 0 else {}))} for i in range(at, at + 100)]})
    put(node, "bytes", b"\0\xff\n\"")
    put(node, "empty", "")
    good(node, "put", {"key": b64(b"\xff\xfe"), "value": b64("not UTF-8")})
    put(node, "large", "x" * 900000)
    put(node, "gone", "x")
    delete(node, "gone")


def same(target, source):
    verified = etcdctl(target, "import", "--verify", "http://" + source.client)
    assert (verified.returncode, verified.stderr) == (0, ""), verified
    assert verified.stdout.startswith("no difference: ")


# ---- copying


def test_what_there_is_is_carried_over(source, target):
    fill(source)
    run = etcdctl(target, "import", "http://" + source.client)
    assert run.returncode == 0, run
    assert "304 keys as of revision " in run.stderr and ": 304 written, 0 deleted, 4 leases" in run.stderr
    same(target, source)
    assert get(target, "large")["kvs"][0]["value"] == b64("x" * 900000)
    assert sorted(each["ID"] for each in good(target, "leases", {}, prefix="/v3/lease/")["leases"]) == ["1001", "1002", "1003", "2000"]
    assert 500 < ttl_of(target, 1002) <= 600
    # What is there already is not written over but by name.
    put(target, "k/0007", "other")
    put(target, "more", "x")
    delete(target, "k/0008")
    lease(target, 5)
    put(target, "k/0010", "value 10", lease="5")
    differs = etcdctl(target, "import", "--verify", "http://" + source.client)
    assert differs.returncode == 1 and "Error: 4 differences to the 304 keys of the source" in differs.stderr
    assert differs.stdout.splitlines() == ["k/0007: has another value", "k/0008: is missing", "k/0010: hangs on another lease",
                                           "more: is too much"]
    refused = etcdctl(target, "import", "http://" + source.client)
    assert refused.returncode == 3 and "the target has keys already; with --overwrite" in refused.stderr
    assert get(target, "more")["kvs"]
    again = etcdctl(target, "import", "--overwrite", "http://" + source.client)
    assert again.returncode == 0 and ": 3 written, 1 deleted, " in again.stderr, again
    same(target, source)


def test_and_back_again(source, target):
    fill(target, 100)
    run = etcdctl(target, "export", "http://" + source.client)
    assert run.returncode == 0 and ": 104 written, 0 deleted, 4 leases" in run.stderr, run
    same(source, target)
    assert ttl_of(source, 1001) > 500


# ---- following


def test_a_source_under_writes_is_followed_and_cut_over(source, target):
    fill(source)
    stopping, done = threading.Event(), [0, 0]

    def write(number):
        for i in range(100000):
            if stopping.is_set():
                return
            key = "k/%04d" % (i * 17 % 300)
            if i % 5 == 4:
                delete(source, key)
            elif i % 7 == 6:
                lease(source, 10000 * (number + 1) + i)
                put(source, key, "%d %d" % (number, i), lease=str(10000 * (number + 1) + i))
            else:
                put(source, key, "%d %d" % (number, i))
            done[number] += 1
    threads = [threading.Thread(target=write, args=(number,), daemon=True) for number in range(2)]
    for thread in threads:
        thread.start()
    run = subprocess.Popen(argv(target, "import", "--follow", "http://" + source.client), stderr=subprocess.PIPE, text=True)
    said = run.stderr.readline() + run.stderr.readline()
    assert "following; CTRL-C ends it" in said, said
    # A lease that goes there goes here; one that is used there lives on here.
    lease(source, 3000, ttl=5)
    put(source, "kept", "x", lease="3000")
    lease(source, 3001)
    put(source, "revoked", "x", lease="3001")
    wait_until(lambda: get(target, "revoked").get("kvs"), 20, "the key at the target")
    good(source, "revoke", {"ID": "3001"}, prefix="/v3/lease/")
    wait_until(lambda: not get(target, "revoked").get("kvs"), 20, "it to go")
    goal, until = [number + 60 for number in done], time.monotonic() + 7

    def renewed():
        good(source, "keepalive", {"ID": "3000"}, prefix="/v3/lease/")
        return time.monotonic() > until and done[0] >= goal[0] and done[1] >= goal[1]
    wait_until(renewed, 40, "more writes, longer than a lease lives")
    assert ttl_of(target, 3000) > 0 and get(target, "kept").get("kvs")
    stopping.set()
    for thread in threads:
        thread.join(20 * SLOW)
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=60 * SLOW)[1]
    assert run.returncode == 0 and "the target has all up to revision " in said, said
    same(target, source)


def test_what_was_compacted_before_it_was_read_is_compared_again(world, target):
    """The watch is held up by a source that is stopped meanwhile."""
    source = world.node("source").start()
    fill(source, 100)
    run = subprocess.Popen(argv(target, "import", "--follow", "http://" + source.client), stderr=subprocess.PIPE, text=True)
    assert "following" in run.stderr.readline() + run.stderr.readline()
    os.kill(run.pid, signal.SIGSTOP)
    source.stop()
    source.start()
    for i in range(20):
        put(source, "later/%d" % i, "x")
    delete(source, "k/0001")
    revision = int(get(source, "later/0")["header"]["revision"])
    good(source, "compaction", {"revision": str(revision), "physical": True})
    os.kill(run.pid, signal.SIGCONT)
    wait_until(lambda: run.poll() is not None or len(good(target, "range", below("later/")).get("kvs", [])) == 20, 20,
               "the later keys")
    assert run.poll() is None, run.communicate()
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=60 * SLOW)[1]
    assert run.returncode == 0 and "has compacted what was not read yet" in said, said
    same(target, source)


# ---- files


def test_a_file_of_etcd_3(world, target):
    if not os.access(GO_ETCD, os.X_OK):
        pytest.skip("no etcd of Debian here (MOOTHALL_GO_ETCD)")
    etcd, saved = GoEtcd(world.folder), os.path.join(world.folder, "saved")
    try:
        fill(etcd)
        good(etcd, "user/add", {"name": "somebody", "password": "x"}, prefix="/v3/auth/")
        run = etcdctl(etcd, "snapshot", "save", saved)
        assert run.returncode == 0, run
        put(etcd, "later", "x")
    finally:
        etcd.stop()
    for name, more in ((saved, 0), (os.path.join(etcd.data, "member", "snap", "db"), 1)):
        run = etcdctl(target, "import", "--overwrite", "--snapshot", name)
        assert run.returncode == 0 and "%d keys as of revision " % (304 + more) in run.stderr, run
        assert "the source has 1 users; they and their roles are not carried over" in run.stderr
        assert ("ends without a checksum" in run.stderr) == (more == 1)
        verified = etcdctl(target, "import", "--verify", "--snapshot", name)
        assert verified.returncode == 0 and verified.stdout == "no difference: %d keys\n" % (304 + more), verified
        assert len(keys(good(target, "range", below("later")))) == more
        assert ttl_of(target, 1001) > 500


def test_what_is_no_source(world, target):
    none = os.path.join(world.folder, "none")
    with open(none, "w") as file:
        file.write("no snapshot")
    for words, code, text in (
            (["--snapshot", none], 3, "this is no snapshot of etcd 3, or a damaged one: it has not the first pages of one"),
            (["--snapshot", none + "where"], 3, "cannot read %swhere: No such file or directory" % none),
            (["--snapshot", world.folder], 3, "cannot read %s: it is empty, or no file" % world.folder),
            (["--follow", "--snapshot", none], 3, "this is no snapshot"),
            (["http://127.0.0.1:1"], 1, "http://127.0.0.1:1")):
        run = etcdctl(target, "import", *words)
        assert run.returncode == code and run.stderr.startswith("Error: ") and text in run.stderr, run
    assert json.loads(call(target, "range", below("k")).body).get("kvs") is None

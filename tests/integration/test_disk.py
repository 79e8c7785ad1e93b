"""The disk fails: full, slow, errors at every call, power cuts, damage.

Nothing acknowledged is lost, nothing wrong is served, and a sentence says what
to do.
"""

import concurrent.futures
import errno
import http.client
import os
import random
import re
import shutil
import time

import pytest

import endurance
import flips
import power
from disks import CALLS, MIB, PLENTY, Disk
from moothall import SLOW, Node, Writers, start_together, wait_until


def cluster_on(world, count=3, flags=()):
    nodes = [world.node("machine%d" % (i + 1), flags=flags) for i in range(count)]
    for i, node in enumerate(nodes):
        node.disk = Disk(node)
        node.peers = [other.peer for other in nodes if other is not node] if i else []
        node.start()
    world.wait_voters(nodes)
    return nodes


def single(world, name="machine1"):
    node = world.node(name)
    node.disk = Disk(node)
    return node.start()


def is_refused(answer):
    return answer.status == 500 and answer.json["errorCode"] == 300 and \
        answer.json["cause"].startswith("disk full")


# ---- full --------------------------------------------------------------------------

def test_full_disk_refuses_writes_reads_on_and_comes_back(world):
    node = single(world)
    assert node.put("/a", "1").status == 201
    raftd = node.pid_of("raftd")
    node.disk.set(free_bytes=100 * MIB)         # of 1 GiB
    wait_until(lambda: "disk is getting full" in node.log(), 5, "the first warning")
    node.disk.set(free_bytes=18 * MIB)
    wait_until(lambda: "disk is nearly full" in node.log(), 5, "the second warning")
    assert node.put("/a", "2").status == 200
    node.disk.set(free_bytes=8 * MIB)
    full = "disk full: writes refused, reads go on, retried every second"
    wait_until(lambda: full in node.log(), 5, "the disk to be full")
    wait_until(lambda: node.get("/health").status == 503, 5, "/health")
    assert node.get("/health").json == {"health": "false", "reason": full}
    assert full in node.control("status").stdout
    answer = node.put("/a", "3")
    assert is_refused(answer) and answer.json["cause"].endswith("the write was not applied"), answer
    assert is_refused(node.delete("/a"))
    assert node.value("/a", quorum=False) == "2" and node.value("/a", quorum=True) == "2"
    assert "etcd_disk_free_bytes %d" % (8 * MIB) in node.get("/metrics").body.decode()
    node.disk.set(free_bytes=PLENTY)
    wait_until(lambda: node.put("/a", "4").status == 200, 10, "writes")
    assert node.value("/a") == "4"
    assert node.pid_of("raftd") == raftd
    wait_until(lambda: node.get("/health").status == 200, 5, "/health")
    assert "full" not in node.control("status").stdout


def test_write_that_finds_no_space_is_applied_when_there_is(world):
    """Nobody saw it coming: the failed handle is given up, raftd and the write stay."""
    node = single(world)
    for i in range(20):
        assert node.put("/before%d" % i, str(i)).status == 201
    raftd = node.pid_of("raftd")
    node.disk.set(full=1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(node.put, "/during", "x")
        wait_until(lambda: "disk full: " in node.log(), 5, "the disk to be full")
        assert is_refused(node.put("/refused", "x"))
        assert node.value("/before19", quorum=False) == "19"
        node.disk.set(full=0)
        assert waiting.result().status == 201
    wait_until(lambda: node.put("/after", "y").status in (200, 201), 10, "writes")
    assert node.pid_of("raftd") == raftd
    node.kill_all()
    node.start()
    for i in range(20):
        assert node.value("/before%d" % i) == str(i)
    assert node.value("/during") == "x" and node.value("/after") == "y"
    assert node.value("/refused") is None


def test_leader_with_a_full_disk_hands_over_and_the_others_serve(world):
    nodes = cluster_on(world)
    leader = world.leader_of(nodes)
    others = [n for n in nodes if n is not leader]
    with Writers([n.client for n in others]) as writers:
        writers.wait_more(20)
        leader.disk.set(full=1, free_bytes=0)
        wait_until(lambda: world.leader_of(nodes) is not leader, 10, "another leader")
        writers.wait_more(50)
        assert leader.get("/v2/keys/load-0-0").status == 200
        assert is_refused(leader.put("/a", "x"))
        assert re.search("leadership handed to machine[123], the disk is full", leader.log())
        leader.disk.set(full=0, free_bytes=PLENTY)
        wait_until(lambda: leader.put("/a", "x").status in (200, 201), 10, "writes")
        writers.stop()
    assert not writers.failed, writers.failed[:3]
    writers.check(leader)
    assert writers.longest_gap < 3 * SLOW


def test_all_disks_full(world):
    nodes = cluster_on(world)
    acknowledged = 0
    assert nodes[0].put("/a", "0").status == 201
    for node in nodes:
        node.disk.set(free_bytes=8 * MIB)
    for node in nodes:
        wait_until(lambda: is_refused(node.put("/tried", "x")), 10, "refusals")
    for node in nodes:
        wait_until(lambda: node.get("/health").status == 503, 10, "its health to tell of it")
        assert node.get("/health?exclude=CORRUPT").status == 503
        assert node.get("/health?exclude=NOSPACE").status == 200
    term = nodes[0].status()["term"]
    end = time.monotonic() + 1
    while time.monotonic() < end:
        for node in nodes:
            acknowledged += node.put("/a", "x").status < 300
            assert node.value("/a", quorum=False) == "0"
    assert acknowledged == 0
    assert nodes[0].status()["term"] <= term + 1, "leadership goes in circles"
    for node in nodes:
        node.disk.set(free_bytes=PLENTY)
    for node in nodes:
        wait_until(lambda: node.put("/a", node.name).status == 200, 10, "writes")


def test_start_on_a_full_disk_waits_for_space(world):
    node = single(world)
    assert node.put("/a", "1").status == 201
    assert node.stop() == 0
    node.disk.set(full=1, free_bytes=0)
    node.start(wait=False)
    said = "disk full: nothing is read or written until there is space, which is looked for every few seconds: "
    wait_until(lambda: said in node.log() and "no space left on device" in node.log(), 10, "the sentence")
    assert "start again" not in node.log()
    # Between two tries, too.
    wait_until(lambda: "restarting too fast" in node.log(), 10, "pauses between the tries")
    for _ in range(5):
        status = node.control("status")
        assert status.returncode == 1 and "warning: " + said in status.stdout, status
    node.disk.set(full=0, free_bytes=PLENTY)
    node.wait_ready()
    wait_until(lambda: "warning: " not in node.control("status").stdout, 10, "the end of it")
    assert node.value("/a") == "1"
    assert node.put("/a", "2").status == 200


# ---- slow ------------------------------------------------------------------------------

def test_leader_whose_disk_hangs_hands_over(world):
    nodes = cluster_on(world)
    gaps = []
    for _ in range(3):
        leader = world.leader_of(nodes)
        others = [n for n in nodes if n is not leader]
        with Writers([n.client for n in others], threads=2, prefix="/hang%d" % len(gaps)) as writers:
            writers.wait_more(20)
            leader.disk.set(hang=1)
            since = time.monotonic()
            wait_until(lambda: all(n.leader() not in (None, leader.peer_url()) for n in others), 10,
                       "another leader")
            writers.wait_more(20)
            gaps.append(time.monotonic() - since)
            leader.disk.set(hang=0)
            writers.stop()
        assert not writers.failed, writers.failed[:3]
        writers.check(leader)
        assert re.search(r"writes took up to \d+\.\d s \(\d+ in the last minute\) in \S+; "
                         r"leadership handed to machine[123]", leader.log())
        assert re.search("etcd_disk_stalls_total [1-9]", leader.get("/metrics").body.decode())
    assert sorted(gaps)[1] < 1.5 * SLOW and max(gaps) < 3 * SLOW, gaps


def test_disk_of_a_follower_that_hangs_disturbs_nobody(world):
    nodes = cluster_on(world)
    leader = world.leader_of(nodes)
    follower = next(n for n in nodes if n is not leader)
    term = leader.status()["term"]
    with Writers([n.client for n in nodes if n is not follower], threads=2) as writers:
        writers.wait_more(20)
        follower.disk.set(hang=1)
        wait_until(lambda: "writes took up to" in follower.log(), 5, "the warning")
        writers.wait_more(100)
        follower.disk.set(hang=0)
        writers.stop()
    assert writers.longest_gap < 1 * SLOW
    assert leader.status()["term"] == term
    wait_until(lambda: "disk works again" in follower.log(), 5, "the disk")


# ---- for long ----------------------------------------------------------------------------

def test_overwriting_keeps_the_disk_small_and_never_pauses(world):
    """Seconds of what endurance.py does for minutes: thousands of KiB into a thousand keys."""
    node = world.node(flags=["-snapshot-count", "100"]).start()
    load, most, _ = endurance.run(node, 6, 1000, 1024, 32)
    assert load.errors == 0 and load.done > 1000
    assert load.longest_pause < 1 * SLOW
    # docs/operations.md: twice the state and the events, three times the log, 32 MiB.
    assert most < (2 * (1000 * 1.2 + 1000 * 2.4) + 3 * 200 * 1.2) * 1024 + 32 * MIB, most
    before = endurance.disk_bytes(node)
    node.stop()
    node.start()
    assert endurance.disk_bytes(node) < before + 8 * MIB


# ---- every call fails once ----------------------------------------------------------------

def serve_or_end(node):
    """True: it serves. False: it ended, and said why."""
    try:
        node.start()
        return True
    except AssertionError:
        if node.process.poll() is None:
            raise
        return False


def test_a_log_that_gets_no_room_is_written_all_the_same(world):
    """It gets longer with each batch then, as on a disk that is nearly full."""
    node, nth = single(world), 0
    node.stop()
    while True:
        nth += 1
        node.disk.fail(CALLS["ahead"], nth, errno.ENOSPC)
        node.start()
        for i in range(3):
            assert node.put("/n%d-%d" % (nth, i), "x").status == 201
        hit = node.disk.get("failed") > 0
        node.kill_all()
        if not hit or nth > 20:
            break
    assert nth > 2
    node.disk.set(fail_nth=0)
    node.start()
    for i in range(3 * nth):
        assert node.value("/n%d-%d" % (i // 3 + 1, i % 3)) == "x"


@pytest.mark.parametrize("call", ["write", "pwrite", "sync", "sync_directory", "make", "rename"])
def test_any_call_that_fails_once(world, call):
    """The n-th call since the start fails, for n = 1, 2, ... until a run meets none.
    Then the node ends with code 3 and a sentence, and all acknowledged is there."""
    node, nth, written, ends = single(world), 0, {}, 0
    node.stop()
    hit = True
    while hit:
        nth += 1
        before = len(node.log())
        node.disk.fail(CALLS[call], nth, errno.EIO)
        if serve_or_end(node):
            for i in range(3):
                key = "/n%d-%d" % (nth, i)
                try:
                    if node.put(key, key).status == 201:
                        written[key] = key
                except (OSError, http.client.HTTPException):
                    break
        hit = node.disk.get("failed") > 0
        node.disk.set(fail_nth=0)
        if hit:
            wait_until(lambda: node.process.poll() is not None, 15, "the end\n" + node.log()[before:])
            assert node.process.returncode == 3, node.log()[before:]
            said = node.log()[before:]
            assert re.search(r"etcd: cannot \w+ %s\S*: .*; check the disk" % node.directory, said), said
            ends += 1
        else:
            node.stop()
        assert nth < 60
    node.start()
    for key, value in written.items():
        assert node.value(key) == value
    assert ends >= 1 and written


# ---- power ----------------------------------------------------------------------------------

@pytest.mark.parametrize("names", [True, False], ids=["names_lost", "names_kept"])
def test_power_cut_of_one_node(world, names):
    rand = random.Random(os.environ.get("MOOTHALL_SEED", "disk"))
    node = single(world)
    node.stop()
    node.disk.watch_power()
    writers = []
    for cut in range(8):
        node.start()
        with Writers([node.client], threads=3, prefix="/cut%d" % cut) as load:
            load.wait_more(rand.randrange(2, 40))
            # Over and over LevelDB begins a new file for its log.
            for i in range(rand.randrange(1, 12)):
                assert node.put("/big%d" % (i % 3), "x" * rand.randrange(1, 300000)).status < 300
            size = len(node.value("/big0"))
            node.kill_all()
            load.stop()
        writers.append(load)
        node.disk.cut_power(rand, names)
    node.start()
    for load in writers:
        load.check(node)
    assert len(node.value("/big0")) == size


def test_power_cut_of_all_nodes(world):
    rand = random.Random(os.environ.get("MOOTHALL_SEED", "disk"))
    nodes = cluster_on(world, flags=["-snapshot-count", "40"])
    for node in nodes:
        node.stop()
    for node in nodes:
        node.disk.watch_power()
    writers, leaders = [], {}
    for cut in range(4):
        start_together(nodes, 30)
        world.leader_of(nodes, 20)
        with Writers([n.client for n in nodes], threads=6, prefix="/cut%d" % cut) as load:
            load.wait_more(rand.randrange(10, 150))
            with concurrent.futures.ThreadPoolExecutor(3) as pool:
                list(pool.map(lambda node: node.kill_all(), nodes))
            load.stop()
        writers.append(load)
        for node in nodes:
            node.disk.cut_power(rand, rand.choice([True, False, None]))
            for term, leader in re.findall(r"(\S+): state changed from '\w+' to 'leader'. term=(\d+)",
                                           node.log()):
                assert leaders.setdefault(leader, term) == term, "two leaders of term " + leader
    start_together(nodes, 30)
    for load in writers:
        load.check(nodes[0])


def test_power_cuts_with_torn_writes(world):
    """Few; tests/integration/power-cuts does many."""
    cuts = power.Cuts(world, random.Random(os.environ.get("MOOTHALL_SEED", "torn")))
    while cuts.sums["cuts"] < 6:
        cuts.one()
    cuts.finish()


# ---- what is there is wrong --------------------------------------------------------------------

def test_flipped_bits(world):
    """A few dozen; tests/integration/flips does many."""
    damage = flips.Flips(world, random.Random(os.environ.get("MOOTHALL_SEED", "disk")))
    for _ in range(30):
        damage.one()


REMEDIES = "write \"moothall 1\" into it|write that line into it|choose another -data-dir|" \
           "move the directory away and join again as new|start it with -peers"


def test_small_files_damaged_alone_and_together(world):
    """A sample, with the real programs; tests/unit/raftd/wal/torn_test.c makes every damage."""
    rand = random.Random(os.environ.get("MOOTHALL_SEED", "small"))
    node = world.node("n2")
    files = [os.path.join(node.directory, name) for name in ("lock", "FORMAT", "db.mark", "pid", "ports")]
    left = [os.path.join(node.directory, name) for name in ("FORMAT.new", "pid.new", "db/RETIRED.new")]
    node.flags += ["-pid-file", files[3], "-port-file", files[4]]
    node.start()
    assert node.put("/a", "1").status == 201
    whole = {}
    with_name, without = node.argv, lambda: [a for a in Node.argv(node) if a not in ("-name", "n2")]
    started = 0
    for i in range(24):
        node.kill_all()
        if not whole:
            whole = {path: open(path, "rb").read() for path in files}
        for path, content in whole.items():
            with open(path, "wb") as f:
                f.write(content)
        for path in (files if i % 3 == 0 else [files[i % len(files)]]):
            content = bytearray(whole[path])
            kind = rand.randrange(3)
            if kind == 0:
                del content[rand.randrange(len(content)):]
            elif kind == 1:
                content[rand.randrange(min(len(content), 60))] ^= 1 << rand.randrange(8)
            else:
                content = bytearray(len(content))
            with open(path, "wb") as f:
                f.write(content)
        for path in left:
            with open(path, "wb") as f:
                f.write(rand.randbytes(20))
        node.argv = with_name if i % 2 else without
        before = len(node.log())
        if serve_or_end(node):
            assert node.value("/a") == "1"
            started += 1
        else:
            said = [line for line in node.log()[before:].splitlines() if line.startswith("etcd: ")]
            assert node.process.returncode == 3 and re.search(REMEDIES, said[0]), node.log()[before:]
    assert 8 <= started < 24
    # What a power cut did to "n2" when the lock was written in place without a check.
    node.kill_all()
    for path, content in whole.items():
        with open(path, "wb") as f:
            f.write(b"1\n2026-01-01T00:00:00Z\nn" if path == files[0] else content)
    node.argv = with_name
    node.start()
    assert node.value("/a") == "1"


def refused(node, words):
    before = len(node.log())
    node.start(wait=False)
    wait_until(lambda: node.process.poll() is not None, 10, "the end")
    assert node.process.returncode == 3, node.log()[before:]
    assert re.search(words, node.log()[before:]), node.log()[before:]


def test_missing_files(world):
    """Each in turn."""
    node = world.node().start()
    for i in range(50):
        assert node.put("/k%d" % i, "v").status == 201
    node.stop()
    node.start()
    node.stop()
    whole = node.directory + ".whole"
    shutil.copytree(node.directory, whole, ignore=shutil.ignore_patterns("control.sock"))
    for name in sorted(os.listdir(os.path.join(whole, "db"))):
        if name in ("LOCK", "LOG", "LOG.old"):
            continue
        os.unlink(os.path.join(node.directory, "db", name))
        refused(node, r"cannot \w+ %s/db\S*: damaged data" % node.directory)
        shutil.rmtree(node.directory)
        shutil.copytree(whole, node.directory)
    shutil.rmtree(os.path.join(node.directory, "db"))
    refused(node, "cannot open %s/db: " % node.directory)


def test_database_of_another_node(world):
    nodes = [world.node("machine%d" % i).start() for i in (1, 2)]
    for node in nodes:
        assert node.put("/whose", node.name).status == 201
        node.stop()
    for node in nodes:
        os.rename(os.path.join(node.directory, "db"), node.directory + ".db")
    for node, other in zip(nodes, reversed(nodes)):
        os.rename(other.directory + ".db", os.path.join(node.directory, "db"))
    for node in nodes:
        node.start(wait=False)
        wait_until(lambda: node.process.poll() is not None, 10, "the end")
        assert node.process.returncode in (2, 3)
        assert re.search("belongs to node machine[12], not to|db.mark is of another node",
                         node.log()), node.log()


def test_old_copy_is_noticed(world):
    """A member is started from a copy of its directory; since then it acknowledged more."""
    nodes = world.cluster()
    leader = world.leader_of(nodes)
    node = next(n for n in nodes if n is not leader)
    assert leader.put("/a", "old").status == 201
    wait_until(lambda: node.value("/a", quorum=False) == "old", 5, "the old value")
    node.stop()
    copy = node.directory + ".copy"
    shutil.copytree(node.directory, copy, ignore=shutil.ignore_patterns("control.sock"))
    node.start()
    for i in range(20):
        assert node.put("/a", "new%d" % i).status == 200
    node.kill_all()
    shutil.rmtree(node.directory)
    shutil.copytree(copy, node.directory)
    before = len(node.log())
    node.start(wait=False)
    wait_until(lambda: node.process.poll() is not None, 10, "the end\n" + node.log()[before:])
    assert node.process.returncode == 3
    assert re.search("%s is older than what machine.* acknowledged: .* ends with entry" % node.directory,
                     node.log()[before:]), node.log()[before:]
    assert leader.value("/a") == "new19"


def test_read_only_directory_is_refused(world):
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    node = world.node().start()
    assert node.put("/a", "1").status == 201
    node.stop()
    if os.system("mount --bind %s %s 2>/dev/null" % (node.directory, node.directory)) != 0:
        pytest.skip("mount is not allowed here")
    world.at_close.append(lambda: os.system("umount -l %s 2>/dev/null" % node.directory))
    if os.system("mount -o remount,ro,bind %s 2>/dev/null" % node.directory) != 0:
        pytest.skip("mount is not allowed here")
    before = len(node.log())
    node.start(wait=False)
    wait_until(lambda: node.process.poll() is not None, 10, "the end")
    assert node.process.returncode in (2, 3)
    assert re.search("%s.*read-only file system" % node.directory, node.log()[before:]), node.log()[before:]
    os.system("umount -l %s" % node.directory)
    node.start()
    assert node.value("/a") == "1"

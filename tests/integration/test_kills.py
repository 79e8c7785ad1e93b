"""kill -9 of each process of each kind, under load: a process may die, the node does not."""

import os
import signal
import statistics
import time

import pytest

from moothall import Watcher, Writers, alive, start_together, wait_until


def identity(node):
    status = node.status()
    return status["id"], status["clusterId"], status["term"], status["leader"]


def registry(node):
    return node.get("/v2/keys/_etcd/machines").json["node"]["nodes"]


def test_client_worker_killed_others_notice_nothing(world):
    node = world.node(flags=["-workers", "2"]).start()
    before, entry, raftd = identity(node), registry(node), node.pid_of("raftd")
    with Writers([node.client], threads=4) as writers:
        writers.wait_more(50)
        for _ in range(5):
            node.kill("client")
            # A connection made now is taken by the other worker, or waits for the new one.
            assert node.put("/during", "kill").status in (200, 201)
            wait_until(lambda: len(node.pids()["client"]) == 2, 5, "a new worker")
            writers.wait_more(20)
    assert not writers.failed
    # Only connections of the killed workers broke: at most one request a thread and kill.
    assert writers.broken <= 4 * 5
    assert identity(node) == before and registry(node) == entry
    assert node.pid_of("raftd") == raftd
    writers.check(node)


def test_peer_worker_killed_no_election(world):
    nodes = world.cluster()
    leader = world.leader_of(nodes)
    before = leader.status()["term"]
    with Writers([node.client for node in nodes], threads=3) as writers:
        for node in nodes:
            writers.wait_more(30)
            node.kill("peer")
            wait_until(lambda: node.pids()["peer"], 5, "a new peer worker")
        writers.wait_more(60)
    assert not writers.failed and not writers.broken
    assert [node.status()["term"] for node in nodes] == [before] * 3
    writers.check(nodes[0])


@pytest.mark.parametrize("whose", ["follower", "leader"])
def test_raftd_killed_clients_wait_and_get_answers(world, whose):
    nodes = world.cluster()
    leader = world.leader_of(nodes)
    victim = leader if whose == "leader" else next(n for n in nodes if n is not leader)
    start = victim.put("/load-start", "x").json["node"]["modifiedIndex"] + 1
    with Watcher(victim.client, "/", start) as watcher, \
            Writers([victim.client, nodes[0].client, nodes[1].client], threads=6) as writers:
        for _ in range(3):
            writers.wait_more(60)
            victim.kill("raftd")
            writers.wait_more(60)
        writers.stop()
        last = victim.put("/load-end", "x").json["node"]["modifiedIndex"]
        wait_until(lambda: watcher.events and watcher.events[-1] >= last, 10, "the last event")
    assert not writers.failed, writers.failed[:3]
    assert not writers.broken
    writers.check(victim)
    assert not watcher.errors, watcher.errors[:3]
    assert watcher.events == list(range(start, last + 1)), "gap or repeat in the watch"


def test_raftd_of_a_single_node_killed(world):
    node = world.node().start()
    with Writers([node.client], threads=4) as writers:
        for _ in range(5):
            writers.wait_more(50)
            node.kill("raftd")
        writers.wait_more(50)
    assert not writers.failed and not writers.broken
    writers.check(node)


def test_stream_watch_goes_on_over_a_restart_of_raftd(world):
    import http.client
    import json
    node = world.node().start()
    host, port = node.client.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.request("GET", "/v2/keys/s?wait=true&stream=true&recursive=true")
    stream = connection.getresponse()
    assert stream.status == 200
    got = []
    for i in range(12):
        if i % 4 == 2:
            node.kill("raftd")
        assert node.put("/s/%d" % i, "v").status == 201
        got.append(json.loads(stream.readline())["node"]["key"])
    connection.close()
    assert got == ["/s/%d" % i for i in range(12)]


def test_leader_node_killed_under_load(world):
    nodes = world.cluster()
    gaps = []
    writers = Writers([node.client for node in nodes], threads=6)
    with writers:
        for _ in range(3):
            writers.wait_more(60)
            leader = world.leader_of(nodes)
            rest = [n for n in nodes if n is not leader]
            leader.kill_all()
            began = time.monotonic()
            wait_until(lambda: rest[0].leader() not in (None, "http://" + leader.peer), 5, "a new leader")
            gaps.append(time.monotonic() - began)
            assert rest[0].put("/rest", "x").status in (200, 201)
            leader.start()
            world.leader_of(nodes)
    # A write that was under way at the killed node broke; at the others none failed.
    assert not writers.failed, writers.failed[:3]
    for node in nodes:
        writers.check(node)
    assert statistics.median(gaps) < 2


def test_everything_killed_nothing_acknowledged_is_lost(world):
    nodes = world.cluster()
    for _ in range(2):
        with Writers([node.client for node in nodes], threads=6, prefix="/all%d" % _) as writers:
            writers.wait_more(100)
            for node in nodes:
                node.kill_all()
        start_together(nodes)
        world.leader_of(nodes)
        for node in nodes:
            writers.check(node)


def test_orderly_stop_leaves_nothing(world):
    node = world.node().start()
    assert node.put("/a", "b").status == 201
    pids = [p for kind in node.pids().values() for p in kind]
    assert node.stop() == 0
    assert "stopped, all data on disk" in node.log()
    assert not any(alive(pid) for pid in pids)
    node.start()
    assert node.value("/a") == "b"


def test_supervisor_killed_children_end(world):
    node = world.node().start()
    children = [p for kind, ids in node.pids().items() for p in ids if kind != "supervisor"]
    os.kill(node.process.pid, signal.SIGKILL)
    node.process.wait()
    wait_until(lambda: not any(alive(p) for p in children), 1, "the children to end")
    node.start()
    assert node.put("/a", "b").status in (200, 201)


def test_all_workers_killed_at_one_instant_come_back(world):
    node = world.node(flags=["-workers", "3"]).start()
    pids = node.pids()["client"] + node.pids()["peer"]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert node.put("/a", "b").status == 201
    wait_until(lambda: not any(alive(pid) for pid in pids), 5, "the old ones to be gone")
    wait_until(lambda: len(node.pids()["client"]) == 3 and node.pids()["peer"], 5, "all workers")

"""Connections between nodes without TLS: the peer workers make them, raftd reads and writes them."""

import os
import signal

import pytest

from faults import Cluster
from moothall import VISIBLE, alive, ask, wait_until


def inodes_of(pid):
    """Of the sockets that a process has."""
    found = set()
    for name in os.listdir("/proc/%d/fd" % pid):
        try:
            target = os.readlink("/proc/%d/fd/%s" % (pid, name))
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[len("socket:["):-1])
    return found


def streams_of(pid):
    """The established TCP connections of a process: inode by remote port."""
    own = inodes_of(pid)
    with open("/proc/%d/net/tcp" % pid) as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return {row[9]: int(row[2].split(":")[1], 16) for row in rows if row[3] == "01" and row[9] in own}


@pytest.fixture
def cluster(world):
    cluster = Cluster(world, flags=VISIBLE)
    for node in cluster.nodes:
        # One of each opener and node.
        wait_until(lambda: len(streams_of(node.pid_of("raftd"))) == 4, 10, "streams of " + node.name)
    return cluster


def put_everywhere(cluster, value):
    for node in cluster.nodes:
        assert node.put("/from/" + node.name, value).status in (200, 201)
    for node in cluster.nodes:
        for other in cluster.nodes:
            assert node.value("/from/" + other.name) == value


def test_messages_need_no_peer_worker(cluster):
    """All of them stand still, and writes and quorum reads go on at every node."""
    put_everywhere(cluster, "before")
    stopped = [node.pid_of("peer") for node in cluster.nodes]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        for i in range(10):
            put_everywhere(cluster, str(i))
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert all(alive(pid) for pid in stopped)


def test_streams_outlive_their_workers(cluster):
    """A peer worker that is killed takes no stream with it: what is under way arrives, nobody is elected."""
    leader = cluster.leader()
    raftd, term = leader.pid_of("raftd"), leader.status()["term"]
    before = streams_of(raftd)
    killed = leader.pid_of("peer")
    supervisor = leader.process.pid
    # Nobody starts another one meanwhile.
    os.kill(supervisor, signal.SIGSTOP)
    try:
        leader.kill("peer")
        assert set(streams_of(raftd)) == set(before)
        put_everywhere(cluster, "without")
        assert set(streams_of(raftd)) == set(before)
    finally:
        os.kill(supervisor, signal.SIGCONT)
    wait_until(lambda: leader.pids()["peer"] not in ([], [killed]), 10, "another peer worker")
    # It makes streams of its own, which take the place of those that this node had opened.
    wait_until(lambda: len(set(streams_of(raftd)) - set(before)) >= 2 and len(streams_of(raftd)) == 4, 10,
               "new streams")
    put_everywhere(cluster, "after")
    assert leader.status()["term"] == term


def test_another_raftd_is_given_streams(cluster):
    for node in (cluster.leader(), cluster.followers()[0]):
        old = node.kill("raftd")
        wait_until(lambda: node.pids()["raftd"] not in ([], [old]), 10, "another raftd")
        wait_until(lambda: len(streams_of(node.pid_of("raftd"))) == 4, 10, "its streams")
        put_everywhere(cluster, node.name)


def test_a_channel_that_is_made_anew_gives_them_again(cluster):
    """A worker that is replaced in order, and one whose raftd is: nobody is left without a stream."""
    node = cluster.followers()[0]
    for what in ("peer", "raftd", "all"):
        assert node.control("restart", what).returncode == 0
        wait_until(lambda: len(streams_of(node.pid_of("raftd"))) == 4, 10, "streams after " + what)
        put_everywhere(cluster, what)


def test_traffic_is_counted_by_who_carries_it(cluster):
    """Bytes to and from each member rise with what is written, and none is told twice."""
    def traffic(node):
        sums = {}
        for line in ask(node.client, "GET", "/metrics").body.decode().splitlines():
            if line.startswith("etcd_network_peer_"):
                name, value = line.rsplit(" ", 1)
                assert name not in sums, line
                sums[name] = float(value)
        return sums

    leader = cluster.leader()
    before = traffic(leader)
    value = "v" * 10000
    for i in range(20):
        assert leader.put("/big", value).status in (200, 201)
    wait_until(lambda: all(f.value("/big", quorum=False) == value for f in cluster.followers()), 5, "followers")
    after = traffic(leader)
    ids = {member["name"]: member["id"] for member in leader.status()["members"]}
    for follower in cluster.followers():
        sent = 'etcd_network_peer_sent_bytes_total{To="%s"}' % ids[follower.name]
        assert 200000 <= after[sent] - before[sent] <= 300000, (before, after)
        received = 'etcd_network_peer_received_bytes_total{From="%s"}' % ids[follower.name]
        assert after[received] > before[received]
    assert any("round_trip" in name and value > 0 for name, value in after.items())


def test_streams_to_a_node_that_was_killed_are_made_again(cluster):
    leader, follower = cluster.leader(), cluster.followers()[0]
    for _ in range(2):
        follower.kill_all()
        follower.start()
        wait_until(lambda: len(streams_of(leader.pid_of("raftd"))) == 4, 10, "streams")
        put_everywhere(cluster, "again")

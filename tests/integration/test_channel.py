"""The channels between raftd and its workers: history of a stream comes in pieces, who does not
read costs little, and a channel that breaks is made anew while its clients wait."""

import ctypes
import os
import signal
import socket
import threading
import time

import pytest

from moothall import SLOW, VISIBLE, Watcher, Writers, held_bytes, wait_until
from prometheus import scrape
from wire import Wire, request, watchers, wires_of_all_workers

MIB = 1 << 20
# Large writes take their time on a disk that is shared.
PATIENT = ["-request-timeout", "60"]
# A window that holds what they write.
HISTORY = ["-history-bytes", "1G"]


class Peak:
    """The most that a process held, looked at all the time."""

    def __init__(self, pid):
        self.pid, self.most, self.stopping = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.stopping.wait(0.002):
            try:
                self.most = max(self.most, held_bytes(self.pid))
            except OSError:
                return

    def __enter__(self):
        self.first = held_bytes(self.pid)
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.stopping.set()
        self.thread.join()


def fill(node, count, size, prefix="/big/"):
    """That many keys; returns the index of the first write."""
    value = "v" * size
    indexes = []
    for i in range(count):
        answer = node.put("%s%d" % (prefix, i), value, timeout=60)
        assert answer.status == 201, answer
        indexes.append(answer.json["node"]["modifiedIndex"])
    return indexes[0]


def test_a_stream_of_big_events_from_the_past_ends_nobody(world):
    """All of it comes, in order, while a bystander of the same worker is served."""
    node = world.node(flags=["-workers", "1"] + PATIENT + VISIBLE + HISTORY).start()
    first = fill(node, 16, 10 * MIB - 100)
    before = node.pids()
    with Wire(node.client) as bystander, Wire(node.client, timeout=60) as stream:
        bystander.watch("/bystander", "&stream=true")
        with Peak(before["raftd"][0]) as raftd, Peak(before["client"][0]) as worker:
            stream.watch("/big", "&recursive=true&stream=true&waitIndex=%d" % first)
            for i in range(16):
                event = stream.event()["node"]
                assert event["key"] == "/big/%d" % i and event["modifiedIndex"] == first + i
                assert len(event["value"]) == 10 * MIB - 100
        assert node.put("/big/last", "v").status == 201
        assert stream.event()["node"]["key"] == "/big/last"
        assert node.put("/bystander", "v").status == 201
        assert bystander.event()["node"]["value"] == "v"
    assert node.pids() == before
    print("raftd: %d MiB more, worker: %d MiB more" % ((raftd.most - raftd.first) // MIB, (worker.most - worker.first) // MIB))
    assert raftd.most - raftd.first < 96 * MIB and worker.most - worker.first < 160 * MIB


def test_who_does_not_read_history_costs_little(world):
    """Streams that do not read get a piece each; the same events are not copied for each."""
    node = world.node(flags=["-workers", "1"] + PATIENT + VISIBLE + HISTORY).start()
    first = fill(node, 64, MIB // 2)
    before = node.pids()
    wires = [Wire(node.client, timeout=60, receive_bytes=4096) for _ in range(100)]
    with Peak(before["raftd"][0]) as raftd, Peak(before["client"][0]) as worker, Wire(node.client) as writer:
        for i, wire in enumerate(wires):
            wire.watch("/big", "&recursive=true&stream=true&waitIndex=%d" % (first + i % 60))
        for i in range(200):
            assert writer.put("/small/%d" % i, "v").status == 201
    print("raftd: %d MiB more, worker: %d MiB more" % ((raftd.most - raftd.first) // MIB, (worker.most - worker.first) // MIB))
    assert node.pids() == before and raftd.most - raftd.first < 64 * MIB
    # Those who read now miss nothing.
    for i, wire in enumerate(wires[:5] + wires[55:60]):
        at = first + i if i < 5 else first + 50 + i
        for index in range(at, first + 64):
            assert wire.event()["node"]["modifiedIndex"] == index
    for wire in wires:
        wire.close()
    wait_until(lambda: watchers(node) == 0, 5, "the watches to be gone")


def test_many_streams_over_the_whole_window_delay_nobody(world):
    """1000 connections from the first index on: a bystander's write and read take no longer than they may."""
    node = world.node(flags=["-workers", "2"] + VISIBLE).start()
    with Wire(node.client) as writer:
        for _ in range(10):
            writer.send(*[request("PUT", "/v2/keys/w/%d" % i, {"value": "v" * 1000}) for i in range(100)])
            for _ in range(100):
                assert writer.answer().status in (200, 201)
        last = writer.read("/w/99").json["node"]["modifiedIndex"]
        # Of the window's 1000 those that stay in it, whatever the bystander writes before the last of them is there.
        first = last - 898
        # So that none of them is an address that holds too much.
        wires = [Wire(node.client, timeout=120, source="127.0.0.%d" % (2 + i % 40)) for i in range(1000)]
        longest = 0
        for wire in wires:
            wire.send(request("GET", "/v2/keys/w?wait=true&recursive=true&stream=true&waitIndex=%d" % first))
        for i in range(100):
            began = time.monotonic()
            assert writer.put("/bystander", i).status in (200, 201)
            assert writer.read("/bystander").status == 200
            longest = max(longest, time.monotonic() - began)
    print("the longest write and read took %d ms" % (longest * 1000))
    assert longest < 3 * SLOW
    for wire in wires[::50]:
        assert wire.head().status == 200
        for index in range(first, last + 1):
            assert wire.event()["node"]["modifiedIndex"] == index
    for wire in wires:
        wire.close()


# ---- a channel that breaks

PIDFD_OPEN, PIDFD_GETFD = 434, 438


def break_channel(pid):
    """Shut the socket between a worker and raftd down, as no process of the node would."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/net/unix") as table:
        unix = {line.split()[6] for line in table.readlines()[1:]}
    process = libc.syscall(PIDFD_OPEN, pid, 0)
    assert process >= 0, os.strerror(ctypes.get_errno())
    broken = 0
    for fd in sorted(int(name) for name in os.listdir("/proc/%d/fd" % pid)):
        try:
            place = os.readlink("/proc/%d/fd/%d" % (pid, fd))
        except FileNotFoundError:
            continue            # a client's, who has left
        if fd <= 4 or not place.startswith("socket:[") or place[8:-1] not in unix:
            continue
        taken = libc.syscall(PIDFD_GETFD, process, fd, 0)
        if taken < 0:
            pytest.skip("descriptors of others cannot be had here: " + os.strerror(ctypes.get_errno()))
        with socket.socket(fileno=taken) as channel:
            channel.shutdown(socket.SHUT_RDWR)
        broken += 1
    os.close(process)
    assert broken == 1
    return broken


def remade(node):
    return node.log().count("channel between raftd and a worker broke, made anew")


def test_a_broken_channel_is_made_anew_and_no_client_notices(world):
    """Of each client worker and of the peer worker, under load, with open watches."""
    nodes = world.cluster(flags=["-workers", "2"] + VISIBLE)
    follower = next(node for node in nodes if node is not world.leader_of(nodes))
    before = [node.pids() for node in nodes]
    first = follower.put("/c/first", "v").json["node"]["modifiedIndex"] + 1
    wires = wires_of_all_workers(follower)
    with Watcher(follower.client, "/c", first) as watcher, \
            Writers([node.client for node in nodes], threads=6, prefix="/c/load") as writers:
        for wire in wires.values():
            wire.watch("/c/last", "&stream=true")
        for count, pid in enumerate(list(wires) + before[nodes.index(follower)]["peer"]):
            writers.wait_more(50)
            break_channel(pid)
            wait_until(lambda: remade(follower) == count + 1, 10, "another channel")
        writers.wait_more(50)
        last = follower.put("/c/last", "v").json["node"]["modifiedIndex"]
        for wire in wires.values():
            assert wire.event()["node"]["modifiedIndex"] == last
    assert not writers.failed and not writers.broken
    writers.check(follower)
    assert [node.pids() for node in nodes] == before
    assert scrape(follower.client).get("etcd_ipc_channels_remade_total") == 3
    assert watcher.events == sorted(set(watcher.events)) and len(watcher.events) > 50 and not watcher.errors
    for wire in wires.values():
        wire.close()


def test_a_worker_that_was_stopped_goes_on_where_it_was(world):
    """Its clients wait; the others' do not."""
    node = world.node(flags=["-workers", "2"] + VISIBLE).start()
    before = node.pids()
    wires = wires_of_all_workers(node)
    (stopped, stream), (_, writer) = wires.items()
    stream.watch("/s", "&recursive=true&stream=true")
    os.kill(stopped, signal.SIGSTOP)
    try:
        writer.send(*[request("PUT", "/v2/keys/s/%d" % (i % 4), {"value": i}) for i in range(100)])
        for _ in range(100):
            assert writer.answer().status in (200, 201)
    finally:
        os.kill(stopped, signal.SIGCONT)
    for i in range(100):
        assert stream.event()["node"]["value"] == str(i)
    assert node.pids() == before
    for wire in wires.values():
        wire.close()

"""Watches: long ones over restarts of every process, thousands at once, slow
readers, and clients that hang up."""

import json
import os
import resource
import signal
import socket
import struct
import time

import pytest

from moothall import SLOW, VISIBLE, Watcher, Writers, ask, wait_until
from wire import Crowd, Ended, Wire, request, watchers, wire_of, wires_of_all_workers


def open_streams(node, key, count, query="&recursive=true&stream=true"):
    wires = [Wire(node.client, timeout=30) for _ in range(count)]
    for wire in wires:
        wire.watch(key, query)
    return wires


def close_all(wires):
    for wire in wires:
        wire.close()


# ---- restarts

def test_watches_go_on_over_restarts_of_every_other_process(world):
    nodes = world.cluster(flags=["-workers", "2"] + VISIBLE)
    leader = world.leader_of(nodes)
    node = next(node for node in nodes if node is not leader)
    wires = wires_of_all_workers(node)
    (doomed, other), (kept, wire) = wires.items()
    watches = [wire_of(node, kept) for _ in range(4)]
    poll, ahead, stream, deep = watches
    start = wire.put("/w/start", "v").index
    poll.watch("/w/poll")
    ahead.watch("/w", "&recursive=true&waitIndex=%d" % (start + 7))
    stream.watch("/w", "&recursive=true&stream=true")
    deep.watch("/w/dir/key", "&stream=true")

    def write(key):
        answer = leader.put("/w/" + key, key)
        assert answer.status in (200, 201)
        event = stream.event()["node"]
        assert (event["key"], event["modifiedIndex"]) == ("/w/" + key, answer.json["node"]["modifiedIndex"])
    write("1")
    node.kill("raftd")
    write("2")
    node.kill("peer")
    write("3")
    os.kill(doomed, signal.SIGKILL)
    write("4")
    leader.kill("raftd")
    write("5")
    leader.kill("peer")
    write("6")
    assert poll.silent() and ahead.silent() and deep.silent()
    write("7")
    event = ahead.event()["node"]
    assert (event["key"], event["modifiedIndex"]) == ("/w/7", start + 7) and ahead.chunk() == b""
    write("poll")
    assert poll.event()["node"]["key"] == "/w/poll" and poll.chunk() == b""
    leader.kill_all()
    last = wait_until(lambda: ask(node.client, "PUT", "/v2/keys/w/8", {"value": "v"}).status == 201, 10, "a new leader")
    assert last and stream.event()["node"]["key"] == "/w/8"
    node.kill("raftd")
    assert node.put("/w/dir/key", "v").status == 201
    assert stream.event()["node"]["key"] == deep.event()["node"]["key"] == "/w/dir/key"
    assert node.delete("/w/dir", "?recursive=true").status == 200
    assert stream.event()["node"]["key"] == deep.event()["node"]["key"] == "/w/dir"
    # The connections are still good for the next requests.
    assert poll.read("/w/poll").status == ahead.read("/w/7").status == 200
    close_all(watches + [wire, other])
    wait_until(lambda: watchers(node) == 0, 5, "the watches to be gone")


def test_watches_without_an_event_outlive_the_window(world):
    """A watch of a quiet key is not lost when more has happened than the history keeps."""
    node = world.node().start()
    with Wire(node.client) as poll, Wire(node.client) as stream, Wire(node.client) as writer:
        poll.watch("/quiet")
        stream.watch("/quiet", "&stream=true")
        for _ in range(3):
            for _ in range(30):
                writer.send(*[request("PUT", "/v2/keys/loud", {"value": i}) for i in range(16)])
                for _ in range(16):
                    assert writer.answer().status in (200, 201)
            node.kill("raftd")
        assert writer.put("/quiet", "v").status == 201
        assert poll.event()["node"]["value"] == stream.event()["node"]["value"] == "v"


QUIET_WATCHERS = int(os.environ.get("MOOTHALL_QUIET_WATCHERS", "40"))
QUIET_EVENTS = int(os.environ.get("MOOTHALL_QUIET_EVENTS", "1200"))


def write_elsewhere(writer, count):
    for _ in range(count // 40):
        writer.send(*[request("PUT", "/v2/keys/loud/%d" % i, {"value": i}) for i in range(40)])
        for _ in range(40):
            assert writer.answer().status in (200, 201)


def ask_again(nodes, asked):
    """Who polled goes on with the index it has, at another machine: it waits, and is told nothing."""
    wires = []
    for i, (key, query, index) in enumerate(asked):
        wire = Wire(nodes[i % len(nodes)].client, timeout=60)
        wire.send(request("GET", "/v2/keys%s?wait=true%s&waitIndex=%d" % (key, query, index)))
        wires.append(wire)
    for wire, (key, query, index) in zip(wires, asked):
        assert wire.head().status == 200, "%s%s from %d: %s" % (key, query, index, wire.answer())
    return wires


def test_who_watches_what_is_quiet_is_never_told_that_history_is_gone(world):
    """Over a restart of every process and a change of leader, with thousands of changes elsewhere, and a window of 100."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 3 * QUIET_WATCHERS + 500)), hard))
    nodes = world.cluster(flags=["-history-events", "100", "-max-connections-per-address", "0"])
    kinds = ["", "&recursive=true", "&stream=true", "&recursive=true&stream=true"]
    with Wire(nodes[0].client) as writer:
        for i in range(0, QUIET_WATCHERS, 2):
            assert writer.put("/quiet/%d/key" % i, "v").status == 201
        removed = writer.ask("DELETE", "/v2/keys/quiet/0?recursive=true")
        since = removed.index + 1
        # Those with odd numbers watch what is not there.
        asked = [("/quiet/%d" % i + ("" if "recursive" in kinds[i % 4] else "/key"), kinds[i % 4], since)
                 for i in range(QUIET_WATCHERS)]
        held = ask_again(nodes, asked)
        leader = world.leader_of(nodes)
        steps = [lambda: [os.kill(pid, signal.SIGKILL) for node in nodes for pid in node.pids()["client"]],
                 lambda: [node.kill("peer") for node in nodes],
                 lambda: [node.kill("raftd") for node in nodes if node is not leader],
                 lambda: leader.kill("raftd"),
                 lambda: [(node.kill_all(), node.start()) for node in nodes]]
        for number, step in enumerate(steps):
            with Wire(nodes[0].client, timeout=60) as again:
                write_elsewhere(again, QUIET_EVENTS // len(steps))
            step()
            wait_until(lambda: ask(nodes[0].client, "PUT", "/v2/keys/loud/0", {"value": "v"}).status in (200, 201), 20,
                       "a leader")
            # Connections end with the worker that had them, and all with the last step.
            if number in (0, len(steps) - 1):
                close_all(held)
                held = ask_again(nodes, asked)
        with Wire(nodes[0].client, timeout=60) as again:
            write_elsewhere(again, QUIET_EVENTS // len(steps))
            close_all(held)
            held = ask_again(nodes, asked)
            # What did happen is never passed over: the removal, and that of the first.
            for key, query in (("/quiet/0", "&recursive=true"), ("/quiet/0/key", ""), ("/quiet", "&recursive=true")):
                for node in nodes:
                    answer = node.get("/v2/keys%s?wait=true%s&waitIndex=%d" % (key, query, since - 1))
                    assert answer.status == 400 and answer.json["errorCode"] == 401, (key, answer)
            for i in range(QUIET_WATCHERS):
                assert again.put("/quiet/%d/key" % i, "new").status in (200, 201)
        for i, wire in enumerate(held):
            assert wire.event()["node"]["key"] == "/quiet/%d/key" % i
    close_all(held)


def test_events_followed_from_machine_to_machine(world):
    """By waitIndex, each poll at another machine, while they are killed in turn."""
    nodes = world.cluster()
    start = nodes[0].put("/f/start", "v").json["node"]["modifiedIndex"] + 1
    with Writers([node.client for node in nodes], threads=3, prefix="/f/load") as writers:
        seen, turn = [], 0
        while len(seen) < 300:
            turn += 1
            if turn % 60 == 0:
                nodes[turn // 60 % 3].kill("raftd")
            index = start + len(seen)
            answer = ask(nodes[turn % 3].client, "GET", "/v2/keys/f?wait=true&recursive=true&waitIndex=%d" % index)
            assert answer.status == 200, answer
            event = answer.json["node"]
            assert event["modifiedIndex"] == index, "%d was asked for, %d came" % (index, event["modifiedIndex"])
            seen.append((event["key"], index))
    assert not writers.failed and not writers.broken
    written = {key: index for key, (_, index) in writers.done.items()}
    assert all(written[key] == index for key, index in seen if key in written)
    assert len([key for key, _ in seen if key in written]) >= 290


def test_client_worker_restarted_in_order_hands_its_watchers_back(world):
    node = world.node(flags=["-workers", "1"]).start()
    start = node.put("/o/start", "v").json["node"]["modifiedIndex"] + 1
    with Watcher(node.client, "/o", start) as watcher, Writers([node.client], threads=3, prefix="/o/load") as writers:
        for _ in range(3):
            writers.wait_more(40)
            assert node.control("restart", "client").returncode == 0
        writers.wait_more(40)
        writers.stop()
        last = node.put("/o/end", "v").json["node"]["modifiedIndex"]
        wait_until(lambda: watcher.next > last, 15, "the last event")
    assert watcher.events == list(range(start, last + 1)), "gap or repeat in the watch"
    # A request under way is answered by the worker that has it, and soon.
    assert not writers.failed and not writers.broken, (writers.failed[:3], writers.broken)
    assert writers.longest_gap < 3 * SLOW, "a writer waited %.1f s" % writers.longest_gap


# ---- many

def test_thousands_of_watchers(world):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 9000)), hard))
    count = min(3000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    node = world.node(flags=["-max-connections-per-address", "0"]).start()
    wires = [Wire(node.client, timeout=60) for _ in range(count)]
    kinds = ["", "&recursive=true", "&stream=true"]
    for i, wire in enumerate(wires):
        wire.send(request("GET", "/v2/keys/many?wait=true" + kinds[i % 3]))
    for wire in wires:
        assert wire.head().status == 200
    assert watchers(node) == count
    with Wire(node.client) as other:
        began = time.monotonic()
        for _ in range(50):
            assert other.put("/elsewhere", "v").status in (200, 201)
            assert other.read("/elsewhere").status == 200
        assert time.monotonic() - began < 5 * SLOW, "watchers hold up other clients"
        assert all(wire.silent() for wire in wires[:100])
        index = other.put("/many", "v").index
        for i, wire in enumerate(wires):
            assert wire.event()["node"]["modifiedIndex"] == index
            if i % 3 != 2:
                assert wire.chunk() == b""
        # Long polls are over, streams go on; then all hang up, some in the middle of a new poll.
        assert watchers(node) == count // 3
        for i, wire in enumerate(wires):
            if i % 3 == 0:
                wire.send(request("GET", "/v2/keys/many?wait=true"))
        wait_until(lambda: watchers(node) == 2 * (count // 3), 10, "the new polls")
        close_all(wires)
        wait_until(lambda: watchers(node) == 0, 10, "the watches to be freed")
        assert other.put("/many", "w").status == 200


def test_event_reaches_watchers_on_every_machine(world):
    nodes = world.cluster()
    streams = [stream for node in nodes for stream in open_streams(node, "/all", 40)]
    for i in range(20):
        node = nodes[i % 3]
        index = node.put("/all/%d" % i, "v").json["node"]["modifiedIndex"]
        for stream in streams:
            assert stream.event()["node"]["modifiedIndex"] == index
    assert [watchers(node) for node in nodes] == [40] * 3
    close_all(streams)
    for node in nodes:
        wait_until(lambda: watchers(node) == 0, 5, "the watches to be freed")


def test_watches_above_the_limit_are_refused(world):
    node = world.node(flags=["-workers", "1", "-max-watches", "20"]).start()
    wires = open_streams(node, "/limit", 20)
    with Wire(node.client) as wire:
        for _ in range(3):
            answer = wire.ask("GET", "/v2/keys/limit?wait=true")
            assert answer.status == 500 and answer.json["errorCode"] == 300
        wires.pop().close()
        wait_until(lambda: watchers(node) == 19, 5, "a place")
        wire.watch("/limit")
        assert node.put("/limit", "v").status == 201
        assert wire.event()["node"]["value"] == "v"
    close_all(wires)


# ---- slow readers and those who leave

def test_slow_reader_of_a_stream_is_cut_off_and_holds_up_nobody(world):
    node = world.node(flags=["-workers", "1"]).start()
    slow = Wire(node.client, timeout=20, receive_bytes=4096)
    slow.watch("/s", "&recursive=true&stream=true")
    with Wire(node.client, timeout=20) as quick, Wire(node.client) as writer:
        quick.watch("/s", "&recursive=true&stream=true")
        slowest, count = 0.0, 0

        def write():
            nonlocal slowest, count
            began = time.monotonic()
            assert writer.put("/s/%d" % count, "x" * 100000).status == 201
            slowest = max(slowest, time.monotonic() - began)
            assert quick.event()["node"]["key"] == "/s/%d" % count
            count += 1
            return watchers(node) == 1
        wait_until(write, 20, "the slow reader to be cut off")
        assert slowest < 2 * SLOW, "a writer waited %.1f s" % slowest
        assert count > 8, "cut off at the first stop"
        assert write()
    # What it was sent is without a gap, and its end cannot be taken for a good one.
    came = []
    try:
        while True:
            came.append(slow.event())
    except Ended:
        pass
    assert "0\r\n\r\n" not in slow.came.decode("latin-1")
    keys = [event["node"]["key"] for event in came if "node" in event]
    assert keys == ["/s/%d" % i for i in range(len(keys))] and len(keys) > 2
    assert came[-1]["errorCode"] == 401 and len(came) == len(keys) + 1
    slow.close()


def test_hundred_events_may_wait_for_a_stream(world):
    node = world.node().start()
    with Wire(node.client) as stream:
        stream.watch("/h", "&recursive=true&stream=true")
        with Wire(node.client) as writer:
            writer.send(*[request("PUT", "/v2/keys/h/%d" % i, {"value": "x" * 500}) for i in range(600)])
            for _ in range(600):
                assert writer.answer().status == 201
        # Only now does the client read at all.
        assert [stream.event()["node"]["key"] for _ in range(600)] == ["/h/%d" % i for i in range(600)]


def test_client_that_hangs_up_is_dropped_at_once(world):
    node = world.node(flags=["-workers", "1"]).start()
    for query in ("", "&stream=true", "&recursive=true", "&waitIndex=1000000"):
        wires = open_streams(node, "/gone", 30, query)
        assert watchers(node) == 30
        began = time.monotonic()
        for i, wire in enumerate(wires):
            if i % 2 == 0:
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wire.close()
        wait_until(lambda: watchers(node) == 0, 5, "the watches to be freed")
        assert time.monotonic() - began < 2 * SLOW


def test_client_that_hangs_up_with_much_pipelined_is_dropped_too(world):
    """Also when the worker reads no more because as many requests are in work as may be."""
    node = world.node(flags=["-workers", "1"]).start()
    for count in (1, 5, 31, 32, 33, 60):
        with Wire(node.client) as wire:
            wire.send(*[request("GET", "/v2/keys/gone?wait=true")] * count)
            assert wire.head().status == 200
            wait_until(lambda: watchers(node) == min(count, 32), 5, "the watches")
        wait_until(lambda: watchers(node) == 0, 5, "%d pipelined watches to be freed" % count)


def test_client_that_resets_its_connection_is_dropped_too(world):
    """What was not read when it closed makes a reset of the end; nobody may turn in circles."""
    node = world.node(flags=["-workers", "1"]).start()
    for count in (1, 31, 32, 33, 60):
        wire = Wire(node.client)
        wire.send(*[request("GET", "/v2/keys/gone?wait=true")] * count)
        wait_until(lambda: watchers(node) == min(count, 32), 5, "the watches")
        wire.close()
        wait_until(lambda: watchers(node) == 0, 5, "%d pipelined watches to be freed" % count)


def test_what_comes_behind_requests_in_work_is_looked_at_later(world):
    """More of it after it was first not read, in pieces; and then it is answered."""
    node = world.node(flags=["-workers", "1"]).start()
    with Wire(node.client) as wire:
        wire.send(*[request("GET", "/v2/keys/gone?wait=true")] * 32)
        wait_until(lambda: watchers(node) == 32, 5, "the watches")
        for n in range(20):
            wire.send(request("GET", "/v2/keys/behind/%d" % n))
            assert node.get("/v2/keys/none").status == 404
        assert watchers(node) == 32
        assert node.put("/gone", "now").status == 201
        for _ in range(32):
            wire.head()
            assert wire.event()["node"]["value"] == "now" and wire.chunk() == b""
        for n in range(20):
            assert wire.answer().json["cause"] == "/behind"


@pytest.mark.parametrize("size, kept", [(10, 32), (49000, 8)])
def test_client_that_resets_with_much_pipelined_is_dropped_too(world, size, kept):
    """Also when it is not read from; and nobody works for it any more."""
    node = world.node(flags=["-workers", "1"]).start()
    worker = node.pid_of("client")
    with Wire(node.client) as wire:
        wire.send(*[request("GET", "/v2/keys/gone?wait=true&stream=true", headers=["X: " + "x" * size])] * 40)
        wait_until(lambda: watchers(node) >= kept, 5, "the watches")
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: watchers(node) == 0, 5, "the watches to be freed")

    def ticks():
        with open("/proc/%d/stat" % worker) as file:
            return sum(int(field) for field in file.read().rpartition(")")[2].split()[11:13])
    before = ticks()
    time.sleep(1.0)     # so long it would work
    assert ticks() - before < 20


def test_watches_pipelined_on_one_connection_answer_in_order(world):
    node = world.node().start()
    with Wire(node.client) as wire:
        wire.send(*[request("GET", "/v2/keys/p/%d?wait=true" % i) for i in range(10)])
        assert wire.head().status == 200
        wait_until(lambda: watchers(node) == 10, 5, "the watches")
        for i in reversed(range(10)):
            assert wire.silent()
            assert node.put("/p/%d" % i, i).status == 201
        for i in range(10):
            if i > 0:
                assert wire.head().status == 200
            assert wire.event()["node"]["value"] == str(i) and wire.chunk() == b""
        assert wire.silent()


def test_events_of_a_stream_come_as_they_happen(world):
    """One line each, and none waits for the next."""
    node = world.node().start()
    with Wire(node.client) as stream:
        stream.watch("/now", "&recursive=true&stream=true")
        for i in range(100):
            assert node.put("/now/%d" % (i % 3), i).status in (200, 201)
            event = stream.chunk()
            assert event.count(b"\n") == 1 and json.loads(event)["node"]["value"] == str(i)


def test_stream_from_the_past_goes_on_into_the_present(world):
    node = world.node().start()
    first = node.put("/past/0", "v").json["node"]["modifiedIndex"]
    for i in range(1, 50):
        node.put("/past/%d" % i, "v")
    with Crowd() as crowd, Wire(node.client, timeout=30) as stream:
        numbers = iter(range(50, 200))

        def write():
            number = next(numbers, None)
            return number is not None and node.put("/past/%d" % number, "v").status == 201
        crowd.add(write)
        stream.watch("/past", "&recursive=true&stream=true&waitIndex=%d" % first)
        assert [stream.event()["node"]["modifiedIndex"] for _ in range(200)] == list(range(first, first + 200))

"""Frames that are made of a number of things have a bound in bytes: what a client can
legally pile up ends no process and no leadership."""

import json
import os
import signal
import threading
import time

from moothall import ask, wait_until
from wire import Wire, request


def configure(node, **values):
    answer = ask(node.peer, "PUT", "/v2/admin/config", json.dumps(values))
    assert answer.status == 200, answer


def write_long_keys(node, count, size, end):
    """Keys that share nothing but their directory, and expire within a second from end on."""
    def write(numbers):
        with Wire(node.client, timeout=60) as wire:
            for i in numbers:
                form = {"value": "v", "ttl": int(end - time.monotonic()) + 1}
                wire.send(request("PUT", "/v2/keys/long/%05d" % i + "k" * size, form))
                assert wire.answer().status == 201

    threads = [threading.Thread(target=write, args=(range(i, count, 16),)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_many_long_keys_that_expire_at_once(world):
    """raftd stands still while their time comes, so that one entry takes them all."""
    nodes = world.cluster()
    leader = world.leader_of(nodes)
    configure(leader, maxKeyBytes=49152)
    wait_until(lambda: leader.put("/" + "a" * 20000, "1").status in (200, 201), 10, "the limit to count")
    before = {node.name: node.pids() for node in nodes}
    watched = []
    for node in nodes:
        wire = Wire(node.client, timeout=60)
        wire.send(request("GET", "/v2/keys/long?wait=true&recursive=true"))
        watched.append(wire)
    end = time.monotonic() + 20
    write_long_keys(leader, 400, 48000, end)
    assert len(leader.get("/v2/keys/long", timeout=20).json["node"]["nodes"]) == 400
    time.sleep(max(0, end - time.monotonic() - 0.3))
    for node in nodes:
        os.kill(node.pid_of("raftd"), signal.SIGSTOP)
    time.sleep(max(0, end - time.monotonic() + 1.5))
    for node in nodes:
        os.kill(node.pid_of("raftd"), signal.SIGCONT)
    for node in nodes:
        wait_until(lambda: node.get("/v2/keys/long", timeout=20).json["node"].get("nodes") is None, 30,
                   "%s to have none left" % node.name)
        assert node.put("/after-%s" % node.name, "1").status == 201
    assert {node.name: node.pids() for node in nodes} == before
    for wire in watched:
        wire.close()


def test_a_body_that_is_kept_is_dropped_by_a_change_in_a_crowd(world):
    """What a worker keeps is not stale after a turn whose paths are too many to be named."""
    node = world.node(flags=["-workers", "1"]).start()
    value = [0]

    def crowd(number):
        with Wire(node.client, timeout=60) as wire:
            for i in range(40):
                wire.send(*[request("PUT", "/v2/keys/c%d/%d" % (number, i) + "k" * 16000, {"value": "v"})])
                assert wire.answer().status == 201

    threads = [threading.Thread(target=crowd, args=(i,)) for i in range(24)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        value[0] += 1
        assert node.put("/kept", str(value[0])).status in (200, 201)
        for _ in range(3):
            assert node.value("/kept", quorum=False) == str(value[0])
    for thread in threads:
        thread.join()

"""What one PUT asks of the kernel: counts that do not depend on the machine."""

import time

import pytest

from calls import PUTS, Calls, can_trace, put, settle
from moothall import alive, sanitized
from wire import Wire, request, worker_of

pytestmark = [pytest.mark.skipif(sanitized(), reason="a sanitizer makes calls of its own"),
              pytest.mark.skipif(not can_trace(), reason="needs strace, and the right to use it")]


def test_a_put_makes_no_more_calls_than_it_needs(world):
    node = world.node(flags=["-workers", "2"]).start()
    pids = node.pids()
    [raftd] = pids["raftd"]
    with Wire(node.client) as wire:
        put(wire, 20)
        serves = worker_of(node, wire)
        [rests] = [pid for pid in pids["client"] if pid != serves]
        settle(wire)
        with Calls(world, [raftd, serves, rests]) as calls:
            put(wire, PUTS)
        synced = calls[raftd]["fdatasync"] + calls[raftd]["fsync"]
        assert synced >= PUTS
        for pid in (raftd, serves, rests):
            calls.at_most(pid, "timerfd_settime", 0)
            calls.at_most(pid, "epoll_ctl", 0)
        calls.at_most(rests, None, 0)
        for name in ("recvfrom", "sendto", "recvmsg", "sendmsg"):
            calls.at_most(serves, name, 1)
        calls.at_most(serves, "epoll_wait", 2)
        calls.at_most(raftd, "epoll_wait", 2)
        calls.at_most(raftd, "futex", 2)
        # Of the disk's room once a second, and of nothing else.
        assert calls[raftd]["fstatfs"] <= 2 + calls.seconds
    assert all(alive(pid) for pid in (raftd, serves, rests))
    assert node.stop() == 0


def test_a_worker_that_was_not_told_answers_what_is_new(world):
    """It wakes up for nothing, and yet no answer is older than what another client was told."""
    node = world.node(flags=["-workers", "2"]).start()
    with Wire(node.client) as one, Wire(node.client) as other:
        # Connections go to the workers in no order that is promised.
        while worker_of(node, one) == worker_of(node, other):
            other.close()
            other = Wire(node.client)
        for i in range(200):
            assert one.put("/key", str(i)).status in (200, 201)
            other.send(request("GET", "/v2/keys/key"))
            assert other.answer().json["node"]["value"] == str(i)
            # Also when nobody has read there for longer than who reads is told at once.
            rested = time.monotonic() + (0.15 if i % 50 == 49 else 0)
            while time.monotonic() < rested:
                assert one.put("/key", "again").status == 200
        other.close()
    assert node.stop() == 0

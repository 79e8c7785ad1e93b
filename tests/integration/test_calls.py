"""What one PUT asks of the kernel: counts that do not depend on the machine."""

import collections
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from moothall import alive, sanitized
from wire import Wire, request, worker_of

PUTS = 300
# What a process does once in a while whatever is asked of it: timers, signs of life, a status once a second.
BESIDE_PER_SECOND = 60


def can_trace():
    """Whether strace is there, and may look at processes here."""
    if shutil.which("strace") is None:
        return False
    child = subprocess.Popen(["sleep", "100"])
    try:
        tracer = subprocess.Popen(["strace", "-o", os.devnull, "-p", str(child.pid)], stderr=subprocess.PIPE, text=True)
        attached = "attached" in tracer.stderr.readline()
        child.kill()
        tracer.communicate(timeout=10)
        return attached
    finally:
        child.kill()
        child.wait()


pytestmark = [pytest.mark.skipif(sanitized(), reason="a sanitizer makes calls of its own"),
              pytest.mark.skipif(not can_trace(), reason="needs strace, and the right to use it")]


class Calls:
    """The system calls of some processes while it is open: calls[pid][name]."""

    def __init__(self, world, pids):
        self.files = {pid: os.path.join(world.folder, "calls.%d" % pid) for pid in pids}
        self.tracers, self.counts, self.seconds = [], {}, 0.0

    def __enter__(self):
        for pid, path in self.files.items():
            self.tracers.append(subprocess.Popen(["strace", "-f", "-o", path, "-p", str(pid)],
                                                 stderr=subprocess.PIPE, text=True))
        for tracer in self.tracers:
            assert "attached" in tracer.stderr.readline()
        self.begun = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.begun
        for tracer in self.tracers:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=30)
        for pid, path in self.files.items():
            with open(path) as file:
                # One that was broken off stands on two lines, the second is "<... name resumed>".
                self.counts[pid] = collections.Counter(re.findall(r"^\d+ +(\w+)\(", file.read(), re.M))

    def __getitem__(self, pid):
        return self.counts[pid]

    def at_most(self, pid, name, each):
        """So many of them for each PUT, and what a process does beside that."""
        limit = each * PUTS + 5 + BESIDE_PER_SECOND * self.seconds
        count = sum(self.counts[pid].values()) if name is None else self.counts[pid][name]
        assert count <= limit, "%s: %d in %d PUTs, %r" % (name or "all", count, PUTS, self.counts[pid])


def put(wire, count):
    for i in range(count):
        assert wire.put("/key%d" % (i % 10), "value").status in (200, 201)


def test_a_put_makes_no_more_calls_than_it_needs(world):
    node = world.node(flags=["-workers", "2"]).start()
    pids = node.pids()
    [raftd] = pids["raftd"]
    with Wire(node.client) as wire:
        put(wire, 20)
        serves = worker_of(node, wire)
        [rests] = [pid for pid in pids["client"] if pid != serves]
        # Who was asked for a key, as at the start, is told of changes for 100 ms; then it rests.
        since = time.monotonic()
        while time.monotonic() < since + 0.3:
            put(wire, 1)
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

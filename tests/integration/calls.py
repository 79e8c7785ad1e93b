"""What processes ask of the kernel, by strace."""

import collections
import os
import re
import shutil
import signal
import subprocess
import time

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


def settle(wire):
    """Who was asked for a key, as at the start, is told of changes for 100 ms; then it rests."""
    since = time.monotonic()
    while time.monotonic() < since + 0.3:
        put(wire, 1)

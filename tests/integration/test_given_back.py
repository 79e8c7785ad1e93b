"""Memory that raftd does not need any more goes back to the system within ten seconds."""

import random
import threading
import time

import pytest

from moothall import SLOW, held_bytes, sanitized, wait_until
from test_reads import MIB, fill, put_big
from wire import Crowd, Wire

pytestmark = pytest.mark.skipif(sanitized(), reason="a sanitizer has memory of its own")

NODE = ["-workers", "2", "-no-fsync", "-request-timeout", "60"]
BACK_SECONDS = 10


def raftd(node):
    [pid] = node.pids()["raftd"]
    return pid


def comes_down(node, limit):
    """raftd's memory, to below so much."""
    pid = raftd(node)
    try:
        wait_until(lambda: held_bytes(pid) < limit, BACK_SECONDS, "memory")
    except AssertionError:
        raise AssertionError("%d MiB, allowed are %d" % (held_bytes(pid) // MIB, limit // MIB))


class Stops:
    """How long raftd kept one read waiting at most, without what the machine did."""

    def __init__(self, node):
        self.node, self.longest = node, 0.0

    def __enter__(self):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def _run(self):
        with Wire(self.node.client, timeout=60) as wire:
            number = 0
            while not self.over.is_set():
                begun = time.monotonic()
                assert wire.ask("GET", "/v2/keys/none/%d" % number).status == 404
                self.longest = max(self.longest, time.monotonic() - begun)
                number += 1
                time.sleep(0.001)

    def __exit__(self, *unused):
        self.over.set()
        self.thread.join(60)


def test_big_values_of_one_key(world):
    node = world.node(flags=NODE).start()
    for i in range(60):
        put_big(node, "/big", "%d" % (i % 10), 10 * MIB - 4096)
        # With what is on its way to the disk.
        assert held_bytes(raftd(node)) < 500 * MIB
    comes_down(node, 300 * MIB)
    node.delete("/big")
    comes_down(node, 250 * MIB)
    assert node.stop() == 0
    # All of it is in the log still.
    node.start()
    assert held_bytes(raftd(node)) < 250 * MIB
    comes_down(node, 100 * MIB)
    # And by events that push the big ones out of the window.
    for i in range(20):
        assert node.put("/small", "v" * (MIB - 4096)).status in (200, 201)
    comes_down(node, 150 * MIB)
    assert node.stop() == 0


def test_a_wide_directory_that_is_removed(world):
    """Beside other keys, which were written at the same time and stay."""
    node = world.node(flags=NODE).start()
    fill(node, "/kept", 2000)
    before = held_bytes(raftd(node))
    with Crowd() as crowd:
        crowd.add(fill, node, "/wide", 50000, "v" * 1400, 16)
        crowd.add(fill, node, "/kept", 5000, "v" * 300, 2)
        crowd.wait(300 * SLOW)
    assert held_bytes(raftd(node)) > before + 80 * MIB
    with Stops(node) as stops:
        assert node.delete("/wide", "?recursive=true").status == 200
        comes_down(node, before + 50 * MIB)
    # A machine that does other things stops it, too; one trim of all holes takes seconds.
    assert stops.longest < 1 * SLOW
    assert len(node.get("/v2/keys/kept").json["node"]["nodes"]) == 5000
    assert node.stop() == 0


def test_keys_that_are_removed_one_by_one_at_random(world):
    node = world.node(flags=NODE).start()
    before = held_bytes(raftd(node))
    fill(node, "/d", 15000, "v" * 5000)
    assert held_bytes(raftd(node)) > before + 70 * MIB
    order = list(range(15000))
    random.Random(1).shuffle(order)

    def remove(part):
        with Wire(node.client, timeout=60) as wire:
            for i in part:
                assert wire.ask("DELETE", "/v2/keys/d/%06d" % i).status == 200
    with Crowd() as crowd:
        for n in range(16):
            crowd.add(remove, order[n::16])
        crowd.wait(300 * SLOW)
    comes_down(node, before + 50 * MIB)
    assert node.stop() == 0

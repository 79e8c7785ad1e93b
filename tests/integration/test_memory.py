"""Memory that runs out: the process that finds none ends, and nothing is lost."""

import http.client
import mmap
import os
import shutil
import struct
import subprocess

import pytest

from moothall import sanitized

HERE = os.path.dirname(os.path.abspath(__file__))


class Memory:
    """That of one program of one node; to be made before the node is started."""

    def __init__(self, node, program):
        compiler = os.environ.get("CC", "cc").split()
        if shutil.which(compiler[0]) is None:
            pytest.skip("no compiler for alloc_shim.c")
        library = os.path.join(node.world.folder, "alloc_shim.so")
        subprocess.run(compiler + ["-shared", "-fPIC", "-O1", "-o", library,
                                   os.path.join(HERE, "alloc_shim.c")], check=True)
        path = os.path.join(node.world.folder, "memory")
        with open(path, "wb") as f:
            f.write(struct.pack("=II24s", 0, 0, program.encode()))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 32)
        node.flags = node.flags + ["-sandbox", "off"]
        node.environment.update({"LD_PRELOAD": library, "MOOTHALL_ALLOC_SHIM": path})

    def fail(self, nth):
        """In the process that comes to so many first, which is the next one to start."""
        struct.pack_into("=II", self.map, 0, nth, 0)

    def has_failed(self):
        return struct.unpack_from("=I", self.map, 4)[0] > 0


def use(node, number, written):
    """Writes, and reads what was written; what is not answered may have been done."""
    for i in range(10):
        key, value = "/n%d/%d" % (number, i), "x" * 100 * i
        try:
            if node.put(key, value).status == 201:
                written[key] = value
            node.get("/v2/keys/n%d?recursive=true" % number)
            node.get("/v2/keys%s?quorum=true" % key)
        except (OSError, http.client.HTTPException):
            pass


@pytest.mark.skipif(sanitized(), reason="a sanitizer allocates by itself")
@pytest.mark.parametrize("program", ["raftd", "httpd"])
def test_an_allocation_that_fails_ends_one_process_and_loses_nothing(world, program):
    """The n-th since the start of the process, for growing n until a run meets none."""
    node = world.node(flags=["-workers", "1"])
    memory = Memory(node, program)
    node.may_abort = True
    nth, failures, written, hit = 1, 0, {}, True
    while hit:
        memory.fail(nth)
        node.start()
        use(node, nth, written)
        hit = memory.has_failed()
        memory.fail(0)
        failures += hit
        node.wait_ready(20)
        assert node.stop() == 0
        nth += 1 + nth // 8
    # Now and then a library does without.
    assert failures > 5 and node.log().count("child ended") > failures / 2
    assert "out of memory: asked for " in node.log()
    node.start()
    for key, value in written.items():
        assert node.value(key) == value
    assert written and node.stop() == 0

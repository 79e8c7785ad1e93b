"""A wrong wall clock: clock_shift.c, preloaded."""

import os
import shutil
import struct
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))


class Clocks:
    """A wall clock for each node, to be set wrong."""

    def __init__(self, world):
        compiler = os.environ.get("CC", "cc").split()
        if shutil.which(compiler[0]) is None:
            pytest.skip("no compiler for clock_shift.c")
        self.library, self.world = os.path.join(world.folder, "clock_shift.so"), world
        subprocess.run(compiler + ["-shared", "-fPIC", "-O1", "-o", self.library,
                                   os.path.join(HERE, "clock_shift.c")], check=True)

    def path(self, name):
        return os.path.join(self.world.folder, name + ".clock")

    def environment(self, name):
        self.set(name, 0)
        return {"LD_PRELOAD": self.library, "MOOTHALL_CLOCK_SHIFT": self.path(name),
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def set(self, name, seconds):
        """Written in place: the file is mapped."""
        with open(self.path(name), "r+b" if os.path.exists(self.path(name)) else "wb") as f:
            f.write(struct.pack("q", int(seconds * 10**9)))

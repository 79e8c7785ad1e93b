"""The disk of a node that runs: full, slow, failing, without power.

disk_shim.c does it, preloaded; here is its control block a second time.
"""

import mmap
import os
import random
import shutil
import stat
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
WRITE, PWRITE, SYNC, SYNC_DIRECTORY, MAKE, RENAME, UNLINK, READ, AHEAD = range(9)
CALLS = {"write": WRITE, "pwrite": PWRITE, "sync": SYNC, "sync_directory": SYNC_DIRECTORY,
         "make": MAKE, "rename": RENAME, "unlink": UNLINK, "read": READ, "ahead": AHEAD}
MIB = 1 << 20
PLENTY = 2**64 - 1

PATH_BYTES, FILES_MAX, CHANGES_MAX, NAME_BYTES = 4096, 4096, 4096, 56
FIELDS = {"free_bytes": (0, "Q"), "hang": (8, "I"), "full": (12, "I"), "fail_call": (16, "I"),
          "fail_nth": (20, "I"), "fail_errno": (24, "i"), "failed": (28, "I"), "power": (32, "I"),
          "kept_last": (36, "I"), "file_count": (40, "I"), "change_count": (44, "I"),
          "hang_syncs": (88, "I")}
COUNTS, LOCKED, DIRECTORY, KEPT = 48, 84, 92, 92 + PATH_BYTES
FILES = (KEPT + PATH_BYTES + 7) // 8 * 8
FILE_BYTES = 24
CHANGES = FILES + FILES_MAX * FILE_BYTES
CHANGE_BYTES = 8 + 2 * NAME_BYTES
CONTROL_BYTES = CHANGES + CHANGES_MAX * CHANGE_BYTES
MADE, RENAMED, REMOVED = 1, 2, 3
SECTOR = 512


def torn(old, new, shortened, rand):
    """What a power cut may leave of a file that had synced content and was then written to."""
    def part(content, start, end):
        return content[start:end].ljust(end - start, b"\0")
    way = rand.choice(["old", "new", "bytes", "shorter", "sectors", "zeros"])
    if way in ("old", "new"):
        return old if way == "old" else new
    if way == "shorter" and shortened:
        return new[:rand.randint(0, len(new))]
    if way in ("bytes", "shorter"):
        # So far it came: up to some byte that differs.
        changed = [at for start in range(0, len(old), SECTOR)
                   if old[start:start + SECTOR] != new[start:start + SECTOR]
                   for at in range(start, min(start + SECTOR, len(old)))
                   if at >= len(new) or old[at] != new[at]]
        end = rand.choice(changed + [rand.randint(len(old), max(len(old), len(new)))])
        return new[:end] + old[end:]
    size = max(len(old), len(new)) if rand.random() < 0.7 else rand.randint(len(old), max(len(old), len(new)))
    out = b""
    for at in range(0, size, SECTOR):
        end = min(at + SECTOR, size)
        choice = new if rand.random() < 0.6 else old if way == "sectors" or at < len(old) else b""
        out += part(choice, at, end)
    return out


def compiled(world):
    compiler = os.environ.get("CC", "cc").split()
    if shutil.which(compiler[0]) is None:
        import pytest           # only there: a command that uses this file needs none
        pytest.skip("no compiler for disk_shim.c")
    library = os.path.join(world.folder, "disk_shim.so")
    if not os.path.exists(library):
        subprocess.run(compiler + ["-shared", "-fPIC", "-O1", "-o", library,
                                   os.path.join(HERE, "disk_shim.c"), "-lpthread"], check=True)
    return library


class Disk:
    """That of one node; to be made before the node is started."""

    def __init__(self, node):
        self.node = node
        path = os.path.join(node.world.folder, node.name + ".disk")
        with open(path, "wb") as f:
            f.truncate(CONTROL_BYTES)
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), CONTROL_BYTES)
        kept = node.directory + ".kept"
        os.makedirs(kept, exist_ok=True)
        self.map[DIRECTORY:DIRECTORY + len(node.directory)] = node.directory.encode()
        self.map[KEPT:KEPT + len(kept)] = kept.encode()
        self.kept = kept
        self.set(free_bytes=PLENTY)
        node.flags = node.flags + ["-sandbox", "off"]
        node.environment.update({
            "LD_PRELOAD": compiled(node.world), "MOOTHALL_DISK_SHIM": path,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"})

    def set(self, **values):
        for name, value in values.items():
            offset, kind = FIELDS[name]
            struct.pack_into("=" + kind, self.map, offset, value)

    def get(self, name):
        offset, kind = FIELDS[name]
        return struct.unpack_from("=" + kind, self.map, offset)[0]

    def count(self, call):
        return struct.unpack_from("=I", self.map, COUNTS + 4 * call)[0]

    def fail(self, call, nth, errno):
        self.set(failed=0, fail_call=call, fail_errno=errno, fail_nth=nth)

    # ---- power

    def watch_power(self):
        """While nothing of the node runs: all there is now is on stable storage."""
        entries = []
        for folder, _, names in os.walk(self.node.directory):
            for name in names:
                status = os.lstat(os.path.join(folder, name))
                if stat.S_ISREG(status.st_mode):
                    entries.append((status.st_ino, status.st_size))
        for i, entry in enumerate(entries):
            struct.pack_into("=QQQ", self.map, FILES + FILE_BYTES * i, *entry, 0)
        struct.pack_into("=I", self.map, LOCKED, 0)
        self.set(file_count=len(entries), change_count=0, power=1)

    def _changes(self):
        for i in range(self.get("change_count")):
            kind, kept, name, to = struct.unpack_from("=II%ds%ds" % (NAME_BYTES, NAME_BYTES),
                                                      self.map, CHANGES + i * CHANGE_BYTES)
            yield kind, kept, name.split(b"\0")[0].decode(), to.split(b"\0")[0].decode()

    def _give_back(self, kept, path):
        if kept:
            if os.path.exists(path):
                os.unlink(path)
            os.link(os.path.join(self.kept, str(kept)), path)

    def _lose_names(self, rand, names):
        changes = [c for c in self._changes() if c[0] != 0]
        lost = len(changes) if names is True else rand.randrange(len(changes) + 1) if names else 0
        for kind, kept, name, to in list(reversed(changes))[:lost]:
            path = os.path.join(self.node.directory, name)
            if kind == MADE and os.path.exists(path):
                os.unlink(path)
            elif kind == RENAMED and os.path.exists(os.path.join(self.node.directory, to)):
                os.rename(os.path.join(self.node.directory, to), path)
                self._give_back(kept, os.path.join(self.node.directory, to))
            elif kind == REMOVED:
                self._give_back(kept, path)

    def cut_power(self, rand=random, names=True, tear=None):
        """All processes were killed: leave what stable storage has, and of the rest some.

        names: changes of names are lost too if their directory was not synced; True: all of
        them, None: some. tear: what becomes of a file (see torn); without it ends are cut.
        Returns the files that are neither as they were synced nor as they were written.
        """
        files = [struct.unpack_from("=QQQ", self.map, FILES + FILE_BYTES * i)
                 for i in range(self.get("file_count"))]
        synced = {inode: (size, copied) for inode, size, copied in files}
        harmed = []
        self._lose_names(rand, rand.randrange(2) if names is None else names)
        for folder, _, names_there in os.walk(self.node.directory):
            for name in sorted(names_there):
                path = os.path.join(folder, name)
                status = os.lstat(path)
                if not stat.S_ISREG(status.st_mode):
                    continue
                size, copied = synced.get(status.st_ino, (0, 0))
                with open(path, "rb") as f:
                    new = f.read()
                if copied:
                    with open(os.path.join(self.kept, "s%d" % status.st_ino), "rb") as f:
                        old = f.read()
                else:
                    old = new[:size]
                if old == new:
                    continue
                if tear is not None:
                    left = tear(old, new, copied == 2, rand)
                else:
                    rest = len(new) - len(old)
                    left = old if copied else \
                        new[:len(old) + rand.choice([0, 0, rest, rest // 2, rand.randrange(rest + 1)])]
                if left not in (old, new):
                    harmed.append(os.path.relpath(path, self.node.directory))
                # In place: an inode is known by more than one name here.
                with open(path, "r+b") as f:
                    f.write(left)
                    f.truncate()
        for name in os.listdir(self.kept):
            os.unlink(os.path.join(self.kept, name))
        self.watch_power()
        return harmed

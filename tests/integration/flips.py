"""Single flipped bits anywhere in the files of a node: it is refused with a
sentence that names the place, or all data is right; never less or other data.
"""

import os
import shutil

import v3
from moothall import wait_until


# Locks and what LevelDB says of itself hold no data.
NO_DATA = ("LOCK", "LOG", "LOG.old", "lock", "control.sock")


class Flips:
    def __init__(self, world, rand):
        self.rand, self.refused, self.served, self.number = rand, 0, 0, 0
        self.node = world.node("flipped").start()
        for i in range(60):
            assert self.node.put("/k%d" % i, "value %d" % i).status == 201
        self.node.put("/big", "x" * 40000)
        self.with_v3 = v3.call(self.node, "range", {"key": v3.b64("a")}).status == 200
        if self.with_v3:
            self._write_v3()
        # A table from the first life, a log from the second.
        self.node.stop()
        self.node.start()
        for i in range(30):
            assert self.node.put("/k%d" % i, "changed %d" % i).status == 200
        if self.with_v3:
            for i in range(20):
                v3.put(self.node, "k%d" % i, "changed %d" % i)
            v3.delete(self.node, "k39")
            v3.good(self.node, "alarm", {"action": "ACTIVATE", "memberID": "5", "alarm": "NOSPACE"}, prefix="/v3/maintenance/")
        self.tree = self.node.get("/v2/keys/?recursive=true&sorted=true").body
        self.index = self.node.get("/v2/keys/").headers["X-Etcd-Index"]
        self.v3 = self._look_v3()
        self.node.kill_all()
        self.whole = self.node.directory + ".whole"
        shutil.copytree(self.node.directory, self.whole,
                        ignore=shutil.ignore_patterns("control.sock"))
        self.files = []
        for folder, _, names in os.walk(self.whole):
            for name in names:
                path = os.path.join(folder, name)
                if name not in NO_DATA and os.path.getsize(path) > 0:
                    self.files.append(os.path.relpath(path, self.whole))
        self.files.sort()

    def _write_v3(self):
        for i in range(40):
            v3.put(self.node, "k%d" % i, "value %d" % i)
        v3.put(self.node, "big", "x" * 40000)
        lease = v3.good(self.node, "grant", {"TTL": 100000, "ID": 7}, prefix="/v3/lease/")["ID"]
        v3.put(self.node, "leased", "x", lease=lease)
        for name, password in (("root", "rootpw"), ("user", "pw")):
            v3.good(self.node, "user/add", {"name": name, "password": password}, prefix="/v3/auth/")
        v3.good(self.node, "role/add", {"name": "role"}, prefix="/v3/auth/")
        v3.good(self.node, "role/grant", {"name": "role", "perm": dict(v3.below("k"), permType="READ")}, prefix="/v3/auth/")
        v3.good(self.node, "user/grant", {"user": "user", "role": "role"}, prefix="/v3/auth/")

    def _look_v3(self):
        """Keys now and before their second change, what hangs on the lease, users, alarms: all but what a start changes."""
        if not self.with_v3:
            return None
        node, everything = self.node, {"key": v3.b64("\0"), "range_end": v3.b64("\0")}
        now = v3.good(node, "range", everything)
        past = v3.good(node, "range", dict(everything, revision=42))
        lease = v3.good(node, "timetolive", {"ID": 7, "keys": True}, prefix="/v3/lease/")
        users = [v3.good(node, path, message, prefix="/v3/auth/") for path, message in (
            ("user/list", {}), ("user/get", {"name": "user"}), ("role/get", {"role": "role"}))]
        for answer in users:
            answer.pop("header")
        alarms = v3.good(node, "alarm", {"action": "GET"}, prefix="/v3/maintenance/")["alarms"]
        return now["header"]["revision"], now["kvs"], past["kvs"], lease["keys"], users, alarms

    def one(self):
        """Half of the flips by file, half by size: small files are hit, too."""
        self.number += 1
        sizes = [os.path.getsize(os.path.join(self.whole, name)) for name in self.files]
        name = self.rand.choice(self.files) if self.rand.random() < 0.5 else \
            self.rand.choices(self.files, sizes)[0]
        offset, bit = self.rand.randrange(os.path.getsize(os.path.join(self.whole, name))), \
            self.rand.randrange(8)
        node = self.node
        shutil.rmtree(node.directory)
        shutil.copytree(self.whole, node.directory)
        with open(os.path.join(node.directory, name), "r+b") as f:
            f.seek(offset)
            byte = f.read(1)[0]
            f.seek(offset)
            f.write(bytes([byte ^ 1 << bit]))
        self._check("%s, bit %d of byte %d" % (name, bit, offset), name)

    def _check(self, where, name):
        node = self.node
        before = len(node.log())
        try:
            node.start()
        except AssertionError:
            if node.process.poll() is None:
                raise AssertionError("%s: neither serves nor ends\n%s" % (where, node.log()[before:]))
        said = node.log()[before:]
        if node.process.poll() is not None:
            sentence = [line for line in said.splitlines() if line.startswith("etcd: ")]
            assert node.process.returncode == 3 and sentence, "%s: %s" % (where, said)
            assert node.directory in sentence[-1] and ";" in sentence[-1], "%s: %s" % (where, said)
            # The name of CURRENT's own damage is the name it points to.
            assert os.path.basename(name) in sentence[-1] or "CURRENT" in sentence[-1] or \
                name == "FORMAT", \
                "%s: the file is not named: %s" % (where, said)
            self.refused += 1
            return
        tree = node.get("/v2/keys/?recursive=true&sorted=true")
        assert tree.body == self.tree, "%s: another tree is served: %r" % (where, tree.body[:500])
        assert tree.headers["X-Etcd-Index"] == self.index, "%s: another index" % where
        if self.with_v3:
            # Its own leader, at once; on a busy machine a moment later.
            wait_until(lambda: v3.call(node, "range", {"key": v3.b64("a")}).status == 200, 10, "a leader")
        assert self._look_v3() == self.v3, "%s: other v3 keys, leases, users or alarms" % where
        node.kill_all()
        self.served += 1

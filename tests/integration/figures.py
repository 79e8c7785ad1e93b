"""What single attacks cost a node, as numbers: each row is measured, with the limit it has to keep.

Limits in time hold on a machine that does nothing else; with them goes what of the wait was the
node's own (bystanders.py).
"""

import time

from attacks import BODY, MIB, PARALLEL, Reader
from bystanders import Bystanders
from moothall import VISIBLE, World, ask, wait_until
from siege import status_of
from wire import Crowd, Wire, request

# Nothing here is about the disk, nor about how fast it takes 10 MiB.
FLAGS = ["-no-fsync", "-request-timeout", "60"] + VISIBLE
CALM_S = 15.0       # in which freed memory goes back
FILL_S = 1800       # in which all keys are written, also on a machine that does other things


class Figures:
    def __init__(self, tell, keys=(60000, 300000)):
        self.world, self.tell, self.keys, self.missed = None, tell, keys, []

    def row(self, what, value, limit=None, unit="MiB", more=""):
        """limit: what it may be at most; or what it has to be, if it is no number."""
        number = not isinstance(limit, (bool, str))
        good = limit is None or (value <= limit if number else value == limit)
        shown = ["-" if limit is None else "%s%s" % ("<= " if number else "", limit), value]
        if isinstance(value, float):
            shown[1] = "%.0f" % value
        self.tell("%-66s %14s %12s %-4s %s%s" % (what, shown[1], shown[0], unit, "" if good else "MISSED ", more))
        if not good:
            self.missed.append(what)

    def waits(self, bystanders, what):
        for name, lanes, limit in [("plain", ("plain", "asked"), 250), ("quorum", ("quorum",), 500)]:
            wait = bystanders.worst(*lanes)
            self.row("%s: longest %s GET" % (what, name), wait.whole * 1e3, limit, "ms",
                     "%.0f ms the node's own at most" % (bystanders.worst(*lanes, own=True).own * 1e3))
        for failure in bystanders.failures():
            self.row("%s: a bystander" % what, failure, "answers", "")

    def all(self, names=("deep", "unread", "one_key", "listings", "removal")):
        for name in names:
            self.world = World()
            try:
                getattr(self, name)()
            finally:
                for line in self.world.close():
                    self.row("left by " + name, line, "nothing", "")

    # ---- one node

    def deep(self):
        node = self.world.node("deep", flags=FLAGS + ["-workers", "1"]).start()
        pids = node.pids()
        before = [status_of(pids[kind][0], "RssAnon")[0] for kind in ("raftd", "client")]
        data = request("PUT", "/v2/keys" + "/a" * 32500, {"value": "v"})
        with Bystanders(node) as bystanders:
            for count in (1, 8):
                readers = [Reader(node.client) for _ in range(count)]
                begun = time.monotonic()
                for reader in readers:
                    reader.send(data)
                answers = {(status, b'"errorCode":210,' in body) for status, _, body in [r.answer() for r in readers]}
                self.row("%d PUTs of 32,500 names: refused with 400, error 210" % count, answers == {(400, True)}, True, "")
                self.row("%d PUTs of 32,500 names: time" % count, (time.monotonic() - begun) * 1e3, None, "ms")
                for reader in readers:
                    reader.close()
            grown = [status_of(pids[kind][0], "RssAnon")[0] - b for kind, b in zip(("raftd", "client"), before)]
        self.row("they cost raftd", grown[0] / MIB, 8)
        self.row("they cost the worker", grown[1] / MIB, 8)
        self.waits(bystanders, "deep PUTs")

    def unread(self):
        node = self.world.node("unread", flags=FLAGS + ["-workers", "1"]).start()
        pids = node.pids()
        assert ask(node.client, "PUT", "/v2/keys/big", "value=" + "v" * (BODY - 6), timeout=60).status == 201
        worker, most = pids["client"][0], 0
        before, = status_of(worker, "RssAnon")
        with Wire(node.client) as watch, Bystanders(node) as bystanders:
            watch.watch("/watched", "&stream=true")
            reader = Reader(node.client, 4096)
            reader.send(request("GET", "/v2/keys/big") * PARALLEL)
            end = time.monotonic() + 5
            while time.monotonic() < end:
                most = max(most, status_of(worker, "RssAnon")[0])
                time.sleep(0.01)
            assert node.put("/watched", "still").status == 201
            self.row("32 GETs of 10 MiB that nobody reads: the worker at most", most / MIB, 200, more="%.0f before" % (before / MIB))
            self.row("an open watch goes on", watch.event()["node"]["value"], "still", "")
            self.row("its worker lives", node.pids()["client"] == pids["client"], True, "")
            reader.close(True)
        self.waits(bystanders, "unread GETs")

    def one_key(self):
        node = self.world.node("one-key", flags=FLAGS + ["-workers", "1"]).start()
        raftd, most = node.pids()["raftd"][0], 0
        with Bystanders(node) as bystanders:
            reader = Reader(node.client, timeout=120)
            for i in range(60):
                reader.send(request("PUT", "/v2/keys/big", body="value=" + "%02d" % i + "v" * (BODY - 8)))
                assert reader.answer()[0] in (200, 201)
                most = max(most, status_of(raftd, "RssAnon")[0])
            reader.close()
        self.row("60 PUTs of 10 MiB to one key: raftd at most", most / MIB, None)
        self.calm("then, within %d s" % CALM_S, raftd, 300)
        assert node.delete("/big").status == 200
        self.calm("after DELETE, within %d s" % CALM_S, raftd, 250)
        assert node.stop() == 0
        node.start(timeout=60)
        self.calm("after a restart, within %d s" % CALM_S, node.pid_of("raftd"), 250)
        self.waits(bystanders, "PUTs of 10 MiB one after the other")

    def calm(self, what, pid, limit):
        """Its memory, once it is below the limit, or when it had its time; without the tables that
        the storage maps, which the kernel keeps while nobody else needs the room."""
        try:
            wait_until(lambda: status_of(pid, "RssAnon")[0] <= limit * MIB, CALM_S, what)
        except AssertionError:
            pass
        anonymous, mapped = status_of(pid, "RssAnon", "RssFile")
        self.row("  raftd " + what, anonymous / MIB, limit, more="and %.0f of mapped files" % (mapped / MIB))

    # ---- three nodes

    def cluster(self, keys):
        nodes = self.world.cluster(3, flags=FLAGS + ["-workers", "2"])
        leader = self.world.leader_of(nodes)

        def write(number):
            reader = Reader(leader.client, timeout=120)
            for at in range(number, keys, 16 * 256):
                numbers = range(at, min(at + 16 * 256, keys), 16)
                reader.send(b"".join(request("PUT", "/v2/keys/many/%06d" % i, {"value": "v" * 50}) for i in numbers))
                for _ in numbers:
                    status = reader.answer()[0]
                    assert status == 201, status
            reader.close()
        with Crowd() as crowd:
            for number in range(16):
                crowd.add(write, number)
            crowd.wait(FILL_S)
        return leader, leader.status()["term"]

    def listings(self):
        leader, term = self.cluster(self.keys[0])

        def listing():
            reader = Reader(leader.client, timeout=120)
            reader.send(request("GET", "/v2/keys/many?recursive=true"))
            assert reader.answer()[0] == 200
            reader.close()
        begun = time.monotonic()
        with Bystanders(leader) as bystanders, Crowd() as crowd:
            for _ in range(16):
                crowd.add(listing)
            crowd.wait(300)
        self.row("16 recursive GETs of %d keys at a leader of three: time" % self.keys[0],
                 (time.monotonic() - begun) * 1e3, None, "ms")
        self.row("the term has changed", leader.status()["term"] != term, False, "")
        self.waits(bystanders, "listings")

    def removal(self):
        leader, term = self.cluster(self.keys[1])
        with Bystanders(leader) as bystanders:
            begun = time.monotonic()
            assert ask(leader.client, "DELETE", "/v2/keys/many?recursive=true", timeout=60).status == 200
            took = time.monotonic() - begun
            # Each node frees what was removed by and by.
            time.sleep(5)
        self.row("DELETE of %d keys at a leader of three: time" % self.keys[1], took * 1e3, None, "ms")
        self.row("the term has changed", leader.status()["term"] != term, False, "")
        self.waits(bystanders, "DELETE")

"""A cluster that loses power again and again, with writes torn.

Round by round some of its nodes are killed, all processes of each at once, under load
or while they start; of what was not synced each loses a part (disks.py, torn), of the
supervisor's files as of raftd's. Then they are started, and each has to come back by
itself, with every write that was acknowledged.
"""

import collections
import concurrent.futures
import http.client
import random
import threading
import time

import revisions
import v3
from disks import Disk, torn
from moothall import SLOW, Writers, wait_until

FLAGS = ["-snapshot-count", "40"]
BACK_S = 40
TOLD = ("mark file is damaged", "a write that a crash tore was cut off")


class Cuts:
    def __init__(self, world, rand, count=3):
        self.world, self.rand = world, rand
        self.sums, self.harmed = collections.Counter(), collections.Counter()
        self.written, self.round = {}, 0
        self.nodes = [world.node("machine%d" % (i + 1), flags=FLAGS) for i in range(count)]
        for i, node in enumerate(self.nodes):
            node.disk = Disk(node)
            node.peers = [other.peer for other in self.nodes if other is not node] if i else []
            node.flags += ["-pid-file", node.directory + "/pid", "-port-file", node.directory + "/ports"]
            node.start()
        world.wait_voters(self.nodes)
        for node in self.nodes:
            node.stop()
        for node in self.nodes:
            node.disk.watch_power()
        self.start(self.nodes)
        self.with_v3 = v3.call(self.nodes[0], "range", {"key": v3.b64("a")}).status == 200

    def start(self, nodes):
        for node in nodes:
            node.start(wait=False)
        for node in nodes:
            node.wait_ready(BACK_S)

    def cut(self, victims):
        """Power is lost at once, often with something written and not synced."""
        for node in victims:
            node.disk.set(hang_syncs=self.rand.random() < 0.8)
        time.sleep(0.03)
        with concurrent.futures.ThreadPoolExecutor(len(victims)) as pool:
            list(pool.map(lambda node: node.kill_all(), victims))
        for node in victims:
            node.disk.set(hang_syncs=0)
            for name in node.disk.cut_power(self.rand, self.rand.choice([True, False, None, None]), torn):
                self.harmed["db/*" + name[-4:] if name.endswith((".log", ".ldb")) else
                            "db/MANIFEST" if "MANIFEST" in name else name] += 1
        self.sums["cuts"] += 1
        self.sums["nodes that lost power"] += len(victims)

    def one(self):
        """One cut, and what comes after it."""
        rand, nodes, self.round = self.rand, self.nodes, self.round + 1
        victims = rand.sample(nodes, rand.randint(1, len(nodes)))
        load_v3 = revisions.Load(nodes if self.with_v3 else [], clients=1, seed=self.round)
        with Writers([n.client for n in nodes], threads=6, prefix="/cut%d" % self.round) as load, load_v3:
            stopping = threading.Event()
            # Most cuts come in the middle of these; and LevelDB begins new files for its log.
            large = threading.Thread(target=self._write_large, args=(stopping, rand.choice(nodes)))
            large.start()
            try:
                load.wait_more(rand.randrange(5, 60), BACK_S)
                self.cut(victims)
                if len(victims) < (len(nodes) + 1) // 2:
                    load.wait_more(20, BACK_S)
            finally:
                stopping.set()
                large.join()
            load.stop()
        self.sums["writes acknowledged"] += load.count()
        if rand.random() < 0.3:
            # Once more, while they start.
            for node in victims:
                node.start(wait=False)
            time.sleep(rand.random() * 0.4 * SLOW)
            self.cut(victims)
        self.start(victims)
        self.world.leader_of(nodes, BACK_S)
        load.check(rand.choice(nodes))
        self.check_v3(load_v3, rand.choice(nodes))
        self.written[self.round] = load

    def check_v3(self, load, node):
        """All answers are of one history, which that node tells from its beginning."""
        if not self.with_v3:
            return
        last = v3.revision(v3.put(node, load.prefix + "end", "x"))
        with revisions.Watch(node, load.prefix) as watch:
            load.check(watch.finish(last))
        self.sums["answers of v3"] += len(load.operations)
        self.sums["revisions of v3"] += len(watch.revisions)

    def _write_large(self, stopping, node):
        sizes, i = random.Random(self.rand.random()), 0
        while not stopping.is_set():
            try:
                node.put("/large%d" % (i % 3), "x" * sizes.choice([2000, 20000, sizes.randrange(1, 300000)]))
            except (OSError, http.client.HTTPException):
                stopping.wait(0.02)
            i += 1

    def finish(self):
        """All that was ever acknowledged is there, at every node."""
        for i, load in self.written.items():
            load.check(self.nodes[i % len(self.nodes)])
        index = {n.name: n.get("/v2/keys/?quorum=true").headers["X-Etcd-Index"] for n in self.nodes}
        trees = {}
        for node in self.nodes:
            wait_until(lambda: int(node.get("/v2/keys/").headers["X-Etcd-Index"]) >=
                       max(map(int, index.values())), 20, "all writes at %s" % node.name)
            trees[node.name] = node.get("/v2/keys/?recursive=true&sorted=true").body
        assert len(set(trees.values())) == 1, "the nodes hold different trees"

    def table(self):
        """As lines; the logs are there until the world is closed."""
        told = "\n".join(node.log() for node in self.nodes)
        for words in TOLD:
            self.sums["told: " + words] = told.count(words)
        return ["%-50s %d" % item for item in self.sums.items()] + \
            ["torn: %-44s %d" % item for item in sorted(self.harmed.items())]

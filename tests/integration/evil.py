"""Workers that were taken over, beside one that was not (evil_worker.c), on a node of their own.

What the bystander, a client of the real worker, is promised is looked at all the time:
every write is answered and happens once, every read is right, its stream has every
event once, and none of that takes long.
"""

import os
import re
import time

from moothall import BUILD, SLOW, VISIBLE, alive, ask, proc_text, sanitized, until, wait_until
from wire import Crowd, Wire

# What raftd may hold at once on behalf of its workers and their writes (docs/security.md,
# "What the outside can make grow or last"): for each channel what waits there and one frame,
# for the node the writes under way, watches, listings and history, and what is live.
MIB = 1 << 20
WATCHES = 500 if sanitized() else 2000
CHANNEL_BYTES = (32 + 16 + 16) * MIB
NODE_BYTES = (128 + 1 + WATCHES // 1024 + 64 + 64 + 16 + 8 + 64) * MIB
# More than a node without evil workers has: for channels, files of LevelDB, resolvers.
DESCRIPTORS = 60
# Nobody is to wait longer than for a request that raftd does not answer.
PATIENCE = 5.0


def libexec_with_evil(folder):
    """A directory of programs with evil_worker in the place of httpd."""
    path = os.path.join(folder, "libexec")
    os.makedirs(path)
    for name in os.listdir(os.path.join(BUILD, "libexec")):
        if name != "httpd" and not name.startswith("."):
            os.symlink(os.path.abspath(os.path.join(BUILD, "libexec", name)), os.path.join(path, name))
    os.symlink(os.path.abspath(os.path.join(BUILD, "tests", "integration", "evil_worker")),
               os.path.join(path, "httpd"))
    return path


class Attack:
    """A node whose workers are evil but for client worker 1."""

    def __init__(self, world, seed, evil="2,3,4", workers=4, harmless=True, flags=()):
        self.world, self.evil, self.harmless, self.channels = world, evil, harmless, workers + 1
        self.end = os.path.join(world.folder, "evil-ends")
        self.node = world.node(flags=["-workers", str(workers), "-max-watches", str(WATCHES),
                                      "-libexec-dir", libexec_with_evil(world.folder),
                                      "-sandbox", "off"] + VISIBLE + list(flags))
        self.node.environment = {
            "MOOTHALL_EVIL": evil, "MOOTHALL_EVIL_SEED": str(seed), "MOOTHALL_EVIL_END": self.end,
            "MOOTHALL_EVIL_HTTPD": os.path.abspath(os.path.join(BUILD, "libexec", "httpd"))}
        if harmless:
            self.node.environment["MOOTHALL_EVIL_HARMLESS"] = "1"
        self.sums = dict.fromkeys(("writes", "reads", "events"), 0)
        self.longest = dict.fromkeys(("write", "read", "quorum read", "event"), 0.0)
        self.peak, self.kept, self.before, self.raftd = 0, {}, {}, 0

    # ---- the bystander

    def took(self, what, since):
        self.longest[what] = max(self.longest[what], time.monotonic() - since)
        assert time.monotonic() - since < PATIENCE * SLOW, "a %s took %.1f s" % (what, time.monotonic() - since)

    def write(self, wire, state):
        """One more value; it happens once, and the index says so."""
        began = time.monotonic()
        state["number"] += 1
        answer = wire.put("/by/stander", str(state["number"]), prevValue=str(state["number"] - 1))
        self.took("write", began)
        assert answer.status == 200, answer
        assert answer.json["prevNode"]["value"] == str(state["number"] - 1)
        state["told"].append((answer.json["node"]["modifiedIndex"], state["number"], began))
        self.sums["writes"] += 1
        time.sleep(0.005)
        return True

    def read(self, wire, quorum):
        began = time.monotonic()
        answer = wire.read("/keep/7", "?quorum=true" if quorum else "")
        self.took("quorum read" if quorum else "read", began)
        assert answer.status == 200 and answer.json["node"] == self.kept["/keep/7"], answer
        self.sums["reads"] += 1
        time.sleep(0.005)
        return True

    def follow(self, wire, state):
        """The next event of the stream: that of the next write, and soon."""
        if wire.silent(0.2):
            return True
        event = wire.event()
        state["heard"] += 1
        assert event["node"]["value"] == str(state["heard"]), (event, state["heard"])
        wait_until(lambda: state["number"] >= state["heard"], 5, "that write to have been sent")
        self.sums["events"] += 1
        return True

    # ---- the node

    def processes(self):
        """Those that must be the same all the time."""
        pids = self.node.pids()
        real = [pid for pid in pids["client"] if "client 1" in proc_text(pid, "cmdline")]
        peer = [] if "peer" in self.evil else pids["peer"]
        return {"supervisor": pids["supervisor"], "raftd": pids["raftd"], "client 1": real, "peer": peer}

    def memory(self, field="VmRSS"):
        found = re.search(r"%s:\s+(\d+) kB" % field, proc_text(self.raftd, "status"))
        return int(found.group(1)) * 1024 if found else 0

    def descriptors(self):
        return {pid: len(os.listdir("/proc/%d/fd" % pid)) for pid in (self.raftd, self.node.process.pid)}

    def look(self):
        """raftd and supervisor are as they were; what they hold is bounded."""
        # A title may be read while it is written.
        assert until(lambda: self.processes() == self.before, 2), "%r, not %r" % (self.processes(), self.before)
        self.peak = max(self.peak, self.memory("VmHWM"))
        live = 64 * MIB + sum(10 * MIB for _ in range(20))
        most = self.channels * CHANNEL_BYTES + NODE_BYTES + live
        assert sanitized() or self.peak < most, "raftd has %d MiB, more than %d" % (self.peak // MIB, most // MIB)
        # Files of the database come and go; what workers send beside their frames does not stay.
        for pid, count in self.descriptors().items():
            assert count < self.held[pid] + DESCRIPTORS, "%d descriptors in %s" % (count, proc_text(pid, "comm"))
        time.sleep(0.2)
        return True

    def start(self):
        self.node.start()
        self.raftd = self.node.pid_of("raftd")
        for i in range(20):
            self.kept["/keep/%d" % i] = self.node.put("/keep/%d" % i, "kept %d" % i).json["node"]
        # More than one piece, for those that read it and do not read on.
        for i in range(12):
            self.node.put("/evil/big/%d" % i, "b" * (200 * 1024))
        self.held = self.descriptors()
        self.machines = self.node.get("/v2/machines").body
        self.before = wait_until(lambda: all(self.processes()[kind] for kind in ("raftd", "client 1"))
                                 and self.processes(), 5, "the workers to have their titles")

    def run(self, seconds):
        state = {"number": 0, "heard": 0, "told": []}
        first = self.node.put("/by/stander", "0").json["node"]["modifiedIndex"]
        wires = [Wire(self.node.client, timeout=60) for _ in range(4)]
        wires[3].watch("/by", "&recursive=true&stream=true&waitIndex=%d" % (first + 1))
        with Crowd() as crowd:
            crowd.add(self.write, wires[0], state)
            crowd.add(self.read, wires[1], False)
            crowd.add(self.read, wires[2], True)
            crowd.add(self.follow, wires[3], state)
            crowd.add(self.look)
            end = time.monotonic() + seconds
            while time.monotonic() < end and not crowd.failures:
                time.sleep(0.1)
        # What was written last is heard, too.
        wait_until(lambda: self.follow(wires[3], state) and state["heard"] == state["number"], 10, "the last event")
        for wire in wires:
            wire.close()
        indexes = [index for index, _, _ in state["told"]]
        assert indexes == sorted(set(indexes)), "two writes were answered with one index"
        answer = self.node.get("/v2/keys/by/stander?quorum=true")
        assert answer.json["node"]["value"] == str(state["number"]), answer

    def survive(self, seconds):
        """The peer worker speaks for nodes without restraint: it may change the cluster, stop it,
        and end the node in order; no process breaks a promise of its own."""
        self.node.start(wait=False)
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.node.process.poll() is None:
            time.sleep(0.2)
        # What a process says of that is looked for when the world is closed.

    def over(self):
        """The evil ones are replaced by real workers, which find a node as it should be."""
        open(self.end, "w").close()
        answer = self.node.control("restart", "client")
        assert answer.returncode == 0, answer

        def all_real():
            titles = [proc_text(pid, "cmdline") for pid in self.node.pids()["client"]]
            return len(titles) == self.channels - 1 and all("httpd client" in title for title in titles)
        wait_until(all_real, 60, "real workers in all places")
        # The first worker was replaced as well, by itself.
        assert self.node.pids()["raftd"] == self.before["raftd"] and alive(self.node.process.pid)
        for key, node in self.kept.items():
            assert self.node.get("/v2/keys" + key).json["node"] == node
        assert self.node.get("/v2/machines").body == self.machines
        names = {node["key"] for node in self.node.get("/v2/keys/").json["node"]["nodes"]}
        # A worker may write, and so remove what it wrote.
        assert names - {"/evil"} == {"/by", "/keep"}, names
        answer = ask(self.node.client, "GET", "/v2/keys/evil?recursive=true", timeout=60)
        assert answer.status == (200 if "/evil" in names else 404), answer

    def table(self):
        return ["%d writes, %d reads, %d events of the bystander" %
                (self.sums["writes"], self.sums["reads"], self.sums["events"]),
                "longest: " + ", ".join("%s %.0f ms" % (what, 1000 * s) for what, s in self.longest.items()),
                "raftd: %d MiB at most, %d at the end" % (self.peak // MIB, self.memory() // MIB),
                "channels made anew: %d; workers killed: %d" %
                (self.node.log().count("broke, made anew"), self.node.log().count("killed: process="))]

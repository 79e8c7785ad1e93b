"""A node with a budget of memory under attack (attacks.py), with bystanders (bystanders.py).

The budget is live * 3 + 256 MiB, live being what the attackers keep at most. RLIMIT_DATA of each
process is that: it counts all memory that a process may write. RLIMIT_AS would count the tables
that the storage maps as well, which the kernel can drop at any time and a cgroup's limit makes it
drop. What all processes of the node hold together is looked at all the time, and told.
"""

import json
import re
import resource
import time

from attacks import Attack, MIB
from bystanders import Bystanders
from moothall import SLOW, VISIBLE, ask, sanitized, wait_until
from prometheus import scrape

FLAGS = ["-log-level", "info"]
SLACK = 256 * MIB
# After all that was stored is deleted: history, kept answers (four times as much), applied entries
# of the log, the storage's own buffers.
KEPT = (16 + 64 + 8 + 16) * MIB
BACK_S = 30.0
# What a plain GET and a quorum GET may wait, in ms.
PLAIN_MS, QUORUM_MS = 250, 500
# As many copies of 10 MiB are made in the time that a GET may wait, on a machine of our day.
COPIES = 25


def status_of(pid, *names):
    """Of /proc/PID/status, in bytes; zeros, if the process is gone."""
    try:
        with open("/proc/%d/status" % pid) as file:
            found = dict(re.findall(r"(?m)^(\w+):\s+(\d+) kB$", file.read()))
    except OSError:
        found = {}
    return [int(found.get(name, 0)) << 10 for name in names]


class Memory:
    """What a process holds that the kernel could not take back, now and at most."""

    def __init__(self, node):
        self.node, self.pids = node, node.pids()
        self.roles = {pid: role for role, pids in self.pids.items() for pid in pids}
        self.most, self.sum_most = dict.fromkeys(self.roles, 0), 0
        self.rest = self.look()

    def look(self):
        """The sum over all processes."""
        total = 0
        for pid in self.roles:
            anonymous, shared = status_of(pid, "RssAnon", "RssShmem")
            self.most[pid] = max(self.most[pid], anonymous)
            total += anonymous
        self.sum_most = max(self.sum_most, total)
        return total

    def limit(self, size):
        for pid in self.roles:
            resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))

    def table(self):
        return ["%-11s %-8d at most %6.1f MiB" % (self.roles[pid], pid, most / MIB) for pid, most in self.most.items()] + \
            ["%-20s at most %6.1f MiB, at rest %.1f MiB" % ("all", self.sum_most / MIB, self.rest / MIB)]


class Siege:
    """The nodes of a world under attack; run() and then what was found."""

    def __init__(self, world, seed, kinds=(), workers=2, nodes=1, tell=None):
        self.flags = FLAGS + VISIBLE + ["-workers", str(workers)]
        self.nodes = world.cluster(nodes, flags=self.flags) if nodes > 1 else [world.node(flags=self.flags).start()]
        self.leader = world.leader_of(self.nodes)
        self.attack = Attack([node.client for node in self.nodes], seed, kinds)
        self.budget = self.attack.live * 3 + SLACK
        self.faults, self.tell, self.back_s, self.bystanders = [], tell or (lambda line: None), None, []

    def fault(self, what, *values):
        self.faults.append(what % values if values else what)

    def run(self, seconds):
        memories = [Memory(node) for node in self.nodes]
        before = [node.pids() for node in self.nodes]
        term = self.leader.status()["term"]
        if not sanitized():
            for memory in memories:
                memory.limit(self.budget)
        self.tell("live data at most %.1f MiB, budget %.1f MiB" % (self.attack.live / MIB, self.budget / MIB))
        with Bystanders(self.leader) as bystanders:
            with self.attack as attack:
                end, told = time.monotonic() + seconds, time.monotonic()
                while time.monotonic() < end:
                    for memory in memories:
                        memory.look()
                    if [node.pids() for node in self.nodes] != before:
                        break
                    if time.monotonic() - told > 30:
                        told += 30
                        self.tell("%.0f s left, at most %.1f MiB" % (end - told, max(m.sum_most for m in memories) / MIB))
                    time.sleep(0.05)
                attack.stop()
            self.settle(memories)
            bystanders.stop()
        self.bystanders, self.memories = bystanders, memories
        self.judge(before, term)

    def settle(self, memories):
        """What the attackers stored is deleted; memory has to come back."""
        begun = time.monotonic()

        def gone():
            answer = ask(self.leader.client, "DELETE", "/v2/keys/attack?recursive=true", timeout=30)
            return answer.status == 404
        waits = [(gone, "what the attackers stored to be deleted"),
                 (lambda: all(scrape(node.client).get("etcd_debugging_store_watchers") == 0 for node in self.nodes),
                  "watches to be gone"),
                 (lambda: all(scrape(node.client).get("etcd_http_held_bytes", port="client") < MIB for node in self.nodes),
                  "answers to be gone")]
        if not sanitized():
            waits.append((lambda: all(memory.look() < memory.rest + KEPT for memory in memories), "memory to come back"))
        for check, what in waits:
            try:
                wait_until(check, BACK_S, what)
            except (AssertionError, OSError) as failure:
                self.fault("after the attack: %r", failure)
        self.back_s = time.monotonic() - begun
        self.left = [memory.look() for memory in memories]

    def judge(self, before, term):
        for node, pids, memory in zip(self.nodes, before, self.memories):
            now = node.pids()
            if now != pids:
                self.fault("%s: processes were %s and are %s", node.name, pids, now)
                continue
            page = scrape(node.client)
            for process in ("raftd", "client", "peer"):
                if page.get("etcd_process_restarts_total", process=process):
                    self.fault("%s: %s was started again", node.name, process)
            if page.get("etcd_ipc_channels_remade_total"):
                self.fault("%s: a channel was made anew", node.name)
            for line in node.log().splitlines():
                if re.search(r"\b(error|fatal)\b.*: |ASSERT|assert|level=(error|fatal)", line):
                    self.fault("%s: %s", node.name, line)
        self.faults += self.attack.wrong
        self.faults += self.bystanders.failures()
        if self.nodes[0].process.poll() is None:
            self.still_works(term)

    def still_works(self, term):
        status = self.leader.status()
        if status["term"] != term:
            self.fault("term %d at the beginning, %d at the end", term, status["term"])
        for node in self.nodes:
            if node.value("/bystander") != "unchanged":
                self.fault("%s: the bystander's key is changed", node.name)
            answer = node.put("/after/%s" % node.name, "v")
            if answer.status != 201:
                self.fault("%s: a write after the attack: %s", node.name, answer)
        # What was under way when the attackers left may have come later.
        self.leader.delete("/attack", "?recursive=true")
        listed = json.loads(self.leader.get("/v2/keys/?recursive=true&sorted=true&quorum=true").body)
        names = [child["key"] for child in listed["node"]["nodes"]]
        if names != ["/after", "/bystander"]:
            self.fault("keys at the end: %s", names)

    def expect_waits(self, strict):
        """strict: whatever the reason. Else the node's own part counts, and on a machine that is slow
        or busy as much more as it takes longer to copy."""
        slower = 1 if strict else max(1, self.bystanders.copy_ms * COPIES / PLAIN_MS) * SLOW
        for names, limit in [(("plain", "asked"), PLAIN_MS), (("quorum",), QUORUM_MS)]:
            wait = self.bystanders.worst(*names, own=not strict)
            refused = sum(lane.refused for lane in self.bystanders.stop().values() if lane.name.split()[0] in names)
            if strict and refused:
                self.fault("%d GETs (%s) of a bystander were refused", refused, names[0])
            if (wait.whole if strict else wait.own) * 1e3 > limit * slower:
                self.fault("a bystander's GET (%s) waited for %s, limit %.0f ms", names[0], wait, limit * slower)

    def table(self):
        lines = self.attack.table() + self.bystanders.table()
        for memory, left in zip(self.memories, self.left):
            lines += memory.table()
            lines.append("%.1f MiB left %.1f s after the attack" % (left / MIB, self.back_s))
        return lines

"""Clients that fight for one lock through all nodes, and what must hold meanwhile.

A client holds the lock from the answer to a renewal of its own, which it sends once it was told that it has it, until it
sends its release, or for as long as the TTL from when it sent that renewal. All of them write that down in one Record, which
stands for what the lock guards: it knows who is in, and which index (fencing token) was in last.
"""

import collections
import http.client
import os
import random
import signal
import threading
import time

from moothall import SLOW, alive, ask, until, wait_until

KEY = "/mod/v2/lock/fight"
KINDS = ["raftd", "client", "peer", "supervisor", "restart raftd", "restart client"]


class Record:
    def __init__(self):
        self.lock = threading.Lock()
        self.inside, self.last, self.problems = {}, 0, []
        self.free_since, self.longest_free = time.monotonic(), 0.0
        self.counts = collections.Counter()

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def enter(self, token, until_time):
        with self.lock:
            now = time.monotonic()
            for other, end in list(self.inside.items()):
                if end <= now:
                    del self.inside[other]      # its time is over: it may not act any more
                elif other != token:
                    self.problems.append("%d and %d hold it at once" % (other, token))
            if token <= self.last:
                self.problems.append("%d holds it after %d" % (token, self.last))
            self.last = max(self.last, token)
            self.inside[token] = until_time
            self.longest_free = max(self.longest_free, now - self.free_since)
            self.counts["held"] += 1

    def leave(self, token):
        with self.lock:
            self.inside.pop(token, None)
            self.free_since = time.monotonic()


class Locker(threading.Thread):
    """One after the other: gets the lock at some node, holds it for a moment, and gives it back, or does not."""

    def __init__(self, number, nodes, record, stopping, ttl, seed):
        super().__init__(daemon=True)
        self.number, self.nodes, self.record, self.stopping, self.ttl = number, nodes, record, stopping, ttl
        self.rand, self.count = random.Random(seed * 1000 + number), 0
        self.doing, self.since = "", time.monotonic()

    def ask(self, method, form, timeout=60.0):
        """At any node; None: nobody knows what came of it."""
        self.doing, self.since = method, time.monotonic()
        query = "?" + "&".join("%s=%s" % pair for pair in form.items())
        try:
            return ask(self.rand.choice(self.nodes).client, method, KEY + query, timeout=timeout)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            self.doing, self.since = "", time.monotonic()

    def persist(self, method, form):
        """As ask, until somebody knows; for as long as the TTL."""
        def known():
            answer = self.ask(method, form, timeout=self.ttl)
            return answer if answer is not None and answer.status in (200, 404) else None
        return until(known, self.ttl / SLOW)

    def hold(self, token):
        sent = time.monotonic()
        answer = self.persist("PUT", {"index": token, "ttl": self.ttl})
        if answer is None or answer.status != 200 or time.monotonic() >= sent + self.ttl:
            self.record.count("lost before it was used")
            return
        self.record.enter(token, sent + self.ttl)
        self.stopping.wait(self.rand.random() * 0.02)
        self.record.leave(token)
        if self.rand.random() < 0.02:
            self.record.count("held by who died")
            return
        self.persist("DELETE", {"index": token})

    def once(self):
        form = {"ttl": self.ttl, "value": "c%d-%d" % (self.number, self.count)}
        self.count += 1
        impatient = self.rand.random()
        if impatient < 0.1:
            form["timeout"] = self.rand.choice([0, 1])
        answer = self.ask("POST", form, timeout=0.5 if impatient > 0.95 else 600 * SLOW)
        if answer is None:
            self.record.count("hung up, or cut off")
            self.stopping.wait(0.02)
        elif answer.status == 200:
            assert int(answer.headers["X-Etcd-Index"]) == int(answer.body)
            self.hold(int(answer.body))
        elif answer.body in (b"lock watch closed\n", b"failed to acquire lock\n"):
            self.record.count("told that it has not got it")
        else:
            self.record.count("answered with %d" % answer.status)
            self.stopping.wait(0.05)

    def run(self):
        while not self.stopping.is_set():
            try:
                self.once()
            except Exception as error:          # noqa: B902 - a thread that ends silently proves nothing
                self.record.problems.append("client %d: %r" % (self.number, error))
                return


def strike(node, kind):
    """True: another process is in the place of the one that is gone."""
    if kind == "supervisor":
        node.kill_all()
        node.start()
    elif kind.startswith("restart"):
        return node.control("restart", kind.split()[1]).returncode == 0
    else:
        for pid in node.pids()[kind]:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not alive(pid), 5, "%d to be gone" % pid)
        wait_until(lambda: node.pids()[kind], 10, "another %s" % kind)
    return True


def fight(nodes, clients, seconds, seed=1, ttl=3, kinds=KINDS, pause=(0.3, 1.5)):
    """Returns the record, when all clients have come to their end and the lock is free."""
    record, stopping, rand = Record(), threading.Event(), random.Random(seed)
    lockers = [Locker(number, nodes, record, stopping, ttl, seed) for number in range(clients)]
    for locker in lockers:
        locker.start()
    end, turn = time.monotonic() + seconds, 0
    while time.monotonic() < end and not record.problems:
        stopping.wait(rand.uniform(*pause))
        kind = kinds[turn % len(kinds)] if turn < len(kinds) else rand.choice(kinds)
        turn += 1
        record.count("strikes: " + kind if strike(rand.choice(nodes), kind) else "strikes that failed")
    stopping.set()
    # Nobody asks anew; each that waits has its turn, or is told, or is cut off by itself.
    limit = time.monotonic() + (60 + clients) * SLOW
    for locker in lockers:
        locker.join(max(0.0, limit - time.monotonic()))
        if locker.is_alive():
            record.problems.append("client %d was forgotten: %s for %.1f s" % (
                locker.number, locker.doing, time.monotonic() - locker.since))
    # Entries of who was cut off go with their TTL, all others at once.
    free = until(lambda: nodes[0].get(KEY + "?field=index").body == b"", ttl + 10)
    if not free:
        record.problems.append("it is held by nobody: %r" % nodes[0].get(KEY + "?field=index").body)
    return record

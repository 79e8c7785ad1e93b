"""What the fault tests and the soak share: load, what is checked of it, faults.

    Cluster     nodes behind relays, each client bound to one node
    Load        clients that read, write, swap and delete a few keys at all nodes
    Events      follows all changes at one node by long polls
    Leases      keys with a TTL, and when they went
    FAULTS      what can be done to a cluster, by name

A fault is a generator: it does the harm, yields which nodes' clients are
measured under which name, and repairs when it is resumed.
"""

import http.client
import itertools
import json
import os
import random
import signal
import statistics
import threading
import time
import urllib.parse

import linear
from crowd import PAUSE, Clients, Connection, Crowd
from moothall import SLOW, ask, start_together, until, wait_until
from relay import Network

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Client(Connection):
    def ask(self, method, path, form=None):
        """(status, JSON), or None if the answer was lost; raises if nothing was sent."""
        body = None if form is None else urllib.parse.urlencode(form)
        answer = self.exchange(method, path, body, FORM if form is not None else ())
        # A long poll that ends without an event has no body.
        return (answer[0], json.loads(answer[1])) if answer and answer[1] else None


class Load(Clients):
    """Clients on a few keys, with a history of what they saw.

    Each value is written once. Acknowledged writes are kept with their index
    and their time, for the order of indexes and for the gaps in service.
    """

    MIX = (("get", 30), ("put", 35), ("swap", 25), ("delete", 10))

    COUNT = itertools.count()

    def __init__(self, nodes, clients=2, keys=6, seed=0, pace=0.003):
        self.history = linear.History()
        number = next(self.COUNT)
        self.keys = ["/load%d-%d" % (number, i) for i in range(keys)]
        self.pace, self.seed = pace, seed
        self.acknowledged = []          # (called, returned, node, client, index, key, value)
        self.odd = []                   # answers that no request may have
        super().__init__(nodes, clients, self._run)

    # ---- one client

    def _run(self, name, node):
        rand = random.Random("%s %s" % (self.seed, name))
        client, seen, count = Client(node.client), {}, 0
        kinds, weights = zip(*self.MIX)
        while not self.stopping.is_set():
            key, kind = rand.choice(self.keys), rand.choices(kinds, weights)[0]
            if kind == "swap" and seen.get(key) is None:
                kind = "put"
            count += 1
            value = "%s-%d" % (name, count)
            try:
                self._one(client, name, node, kind, key, value, seen)
            except OSError:
                # Nothing was sent.
                self.stopping.wait(PAUSE)
            self.stopping.wait(rand.random() * 2 * self.pace)
        client.close()

    def _one(self, client, name, node, kind, key, value, seen):
        path = "/v2/keys" + key
        old = seen.get(key)
        text = {"get": "get", "put": "put %s" % value, "delete": "delete",
                "swap": "swap %s for %s" % (old, value)}[kind]
        operation = self.history.call(name, key, text)
        if kind == "get":
            answer = client.ask("GET", path + "?quorum=true")
        elif kind == "delete":
            answer = client.ask("DELETE", path)
        else:
            form = {"value": value}
            if kind == "swap":
                form["prevValue"] = old
            answer = client.ask("PUT", path, form)
        if answer is None or (answer[0] >= 500 and "was not applied" not in str(answer[1].get("cause"))):
            if kind == "put":
                self.history.maybe(operation, writes=True, value=value)
            elif kind == "delete":
                self.history.maybe(operation, writes=True, value=linear.ABSENT)
            elif kind == "swap":
                self.history.maybe(operation, linear.EQUAL, old, True, value)
            else:
                self.history.maybe(operation)
            return
        self._answered(operation, name, node, kind, key, value, seen, *answer)

    def _answered(self, operation, name, node, kind, key, value, seen, status, body):
        history = self.history
        if status >= 500:
            history.never(operation)
            return
        code, before = body.get("errorCode"), body.get("prevNode", {}).get("value", linear.ABSENT)
        if kind == "get" and status == 200:
            seen[key] = body["node"]["value"]
            history.returned(operation, linear.EQUAL, seen[key])
        elif code == 100 and kind in ("get", "delete", "swap"):
            seen[key] = None
            history.returned(operation, linear.EQUAL, linear.ABSENT)
        elif code == 101 and kind == "swap":
            # "[what was asked != what is there]"
            seen[key] = body["cause"].rpartition(" != ")[2].rstrip("]")
            history.returned(operation, linear.EQUAL, seen[key])
        elif status in (200, 201) and kind != "get":
            if (status == 201) != (before is linear.ABSENT):
                self.odd.append((str(operation), status, body))
            written = linear.ABSENT if kind == "delete" else value
            seen[key] = written
            history.returned(operation, linear.EQUAL, before, True, written)
            with self.lock:
                self.acknowledged.append((operation.called, operation.returned, node.name, name,
                                          body["node"]["modifiedIndex"], key, written))
                self.progress[name] = self.progress.get(name, 0) + 1
        else:
            self.odd.append((str(operation), status, body))
            history.never(operation)

    # ---- while it runs

    def gap(self, nodes, since, until):
        """Longest time in ms that a client of these nodes was without an answer: that of
        a write, whatever it found, or of a linearizable read."""
        worst, answered = 0, {}
        names = {node.name for node in nodes}
        with self.history.lock:
            for operation in self.history.operations:
                if operation.returned is not None:
                    answered.setdefault(operation.client, []).append(operation.returned)
        for name, node in self.clients.items():
            if node.name not in names:
                continue
            times = answered.get(name, [])
            inside = [t for t in times if since <= t <= until]
            first = [t for t in times if t < since][-1:] or [since]
            last = [t for t in times if t > until][:1] or [until]
            moments = first + inside + last
            worst = max([worst] + [b - a for a, b in zip(moments, moments[1:])])
        return worst / 1e6

    # ---- afterwards

    def check(self, events=None):
        assert not self.odd, "answers that make no sense: %s" % self.odd[:3]
        problem = self.history.check()
        assert problem is None, problem
        self.check_indexes()
        if events is not None:
            self.check_events(events)

    def check_indexes(self):
        """No index twice; what was answered before another was asked has the lower one."""
        writes = sorted(self.acknowledged)
        indexes = [w[4] for w in writes]
        assert len(set(indexes)) == len(indexes), "two writes were answered with one index"
        returned = sorted(writes, key=lambda w: w[1])
        highest, at = 0, 0
        for write in writes:
            while at < len(returned) and returned[at][1] < write[0]:
                highest = max(highest, returned[at][4])
                at += 1
            assert write[4] > highest, "index went back: %s after %d" % (write, highest)

    def check_events(self, events):
        """Every acknowledged write is one event, and values follow one another."""
        by_index = {index_of(event): event for event in events}
        for _, _, _, _, index, key, value in self.acknowledged:
            node = by_index[index]["node"]
            assert (node["key"], node.get("value")) == (key, value), (by_index[index], key, value)
        state, written = {}, set()
        for event in events:
            node = event["node"]
            if node["key"] not in self.keys:
                continue
            before = event.get("prevNode", {}).get("value")
            assert state.get(node["key"]) == before, "the events have a hole: %s" % event
            state[node["key"]] = node.get("value")
            if node.get("value") is not None:
                assert node["value"] not in written, "a write was made twice: %s" % event
                written.add(node["value"])


class Events:
    """All changes as one node tells them, long poll by long poll.

    Those of members are hidden from / when they happen (and may be shown when they
    are history): where an index is left out, it has to be one of these.
    """

    def __init__(self, node, since):
        self.node, self.since = node, since
        self.events, self.times, self.hidden, self.odd = [], [], set(), []
        self.doing = ""          # for who waits in vain
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.stopping.set()

    def _poll(self, client, key, index):
        """The next event at or after index, or None: the node went, or says it cannot."""
        self.doing = "asks for %s from %d on, since %.1f s" % (key, index, time.monotonic())
        try:
            answer = client.ask("GET", "/v2/keys%s?wait=true&recursive=true&waitIndex=%d" % (key, index))
        except OSError:
            answer = None
        if answer is not None and answer[0] == 200:
            return answer[1]
        if answer is not None and answer[0] < 500:
            self.odd.append(answer)
        self.stopping.wait(PAUSE)
        return None

    def _run(self):
        client, index = Client(self.node.client, timeout=3600), self.since
        while not self.stopping.is_set():
            event = self._poll(client, "/", index)
            if event is None:
                continue
            self.times.append(time.monotonic_ns())
            for left_out in range(index, index_of(event)):
                self._look_behind(left_out)
            self.events.append(event)
            index = index_of(event) + 1
        client.close()

    def _look_behind(self, index):
        client, end, event = Client(self.node.client, timeout=2), time.monotonic() + 10 * SLOW, None
        while event is None and time.monotonic() < end and not self.stopping.is_set():
            event = self._poll(client, "/_etcd", index)
        client.close()
        if event is not None and index_of(event) == index:
            self.hidden.add(index)

    def finish(self, last, timeout=20.0):
        """Waits for the event of that index; every event from the first came once, in order."""
        def is_there():
            return self.events and index_of(self.events[-1]) >= last

        assert until(is_there, timeout), "%.1f s: no event %d at %s: the last of %d was %s; it %s; odd answers: %r" % (
            time.monotonic(), last, self.node.name, len(self.events),
            index_of(self.events[-1]) if self.events else None, self.doing, self.odd[:3])
        self.stopping.set()
        assert not self.odd, self.odd[:3]
        shown = list(map(index_of, self.events))
        assert shown == sorted(set(shown)), "out of order, or twice"
        missing = set(range(self.since, shown[-1])) - set(shown) - self.hidden
        assert not missing, "events were left out: %s" % sorted(missing)[:10]
        return self.events


def index_of(event):
    return event["node"]["modifiedIndex"]


class Leases(Crowd):
    """Keys with a TTL, written now and then at all nodes; none may go early."""

    def __init__(self, nodes, ttls=(1, 2), pace=0.1):
        self.nodes, self.ttls, self.pace = nodes, ttls, pace
        self.written = {}               # key: (called, returned, ttl)
        super().__init__((self._run,))

    def _run(self):
        count = 0
        while not self.stopping.is_set():
            node, ttl = self.nodes[count % len(self.nodes)], self.ttls[count % len(self.ttls)]
            key, count = "/lease/%d" % count, count + 1
            called = time.monotonic_ns()
            try:
                answer = ask(node.client, "PUT", "/v2/keys" + key, {"value": "x", "ttl": ttl}, timeout=12)
            except (OSError, http.client.HTTPException):
                continue
            if answer.status == 201:
                self.written[key] = called, time.monotonic_ns(), ttl
            self.stopping.wait(self.pace)

    def wait_gone(self, node, timeout=15.0):
        def gone():
            answer = node.get("/v2/keys/lease")
            return answer.status == 404 or not answer.json["node"].get("nodes")
        wait_until(gone, timeout, "all keys with a TTL to go")

    def check(self, events):
        """Of what some nodes told; returns how late the latest went, in seconds."""
        gone, late = {}, 0.0
        for watcher in events:
            told = set()
            for event, at in zip(watcher.events, watcher.times):
                if event["action"] == "expire":
                    key = event["node"]["key"]
                    assert key not in told, "%s went twice" % key
                    told.add(key)
                    gone[key] = min(at, gone.get(key, at))
        for key, (called, returned, ttl) in self.written.items():
            assert key in gone, "%s never went" % key
            age = (gone[key] - called) / 1e9
            assert age >= ttl, "%s went %.3f s after it was asked for with ttl %d" % (key, age, ttl)
            late = max(late, (gone[key] - returned) / 1e9 - ttl)
        return late


class Cluster:
    """Nodes that reach each other through a network that can be broken."""

    def __init__(self, world, count=3, flags=(), environment=None, network=None):
        self.world, self.flags = world, list(flags)
        self.environment = environment
        self.network = network or Network()
        world.at_close.append(self.network.close)
        self.nodes = []
        for _ in range(count):
            self.add()

    def make(self, name, peers=None):
        """A node at a place of its own in the network, not started."""
        place = self.network.place(name)
        node = self.world.node(name, peer=place["peer"], client=place["client"],
                               flags=self.flags + place["flags"],
                               peers=peers if peers is not None else [n.peer for n in self.nodes])
        node.prefix = place["prefix"]
        node.environment = self.environment(name) if self.environment else {}
        return node

    def add(self, name=None, voter=True):
        node = self.make(name or "machine%d" % (len(self.nodes) + 1))
        self.nodes.append(node)
        node.start()
        if voter:
            self.wait_voters()
        return node

    def wait_voters(self, timeout=20.0):
        names = sorted(node.name for node in self.nodes)

        def all_vote():
            for node in self.nodes:
                members = node.status()["members"]
                if sorted(m["name"] for m in members if m["role"] == "voter") != names:
                    return False
                if len(members) != len(names):
                    return False
            return True
        wait_until(all_vote, timeout, "voters %s" % names)

    def leader(self):
        return self.world.leader_of(self.nodes)

    def followers(self):
        leader = self.leader()
        return [node for node in self.nodes if node is not leader]

    def others(self, *some):
        return [node for node in self.nodes if node not in some]

    def restart(self, nodes):
        start_together(nodes)

    def settle(self, key="/settled"):
        """After the faults: one leader, the same state everywhere. Returns the last index."""
        self.leader()
        last = self.nodes[0].put(key, "now").json["node"]["modifiedIndex"]
        dumps = []
        for node in self.nodes:
            wait_until(lambda: node.status()["storeIndex"] >= last, 20, "%s to catch up" % node.name)
        indexes = [node.status()["storeIndex"] for node in self.nodes]
        for node in self.nodes:
            answer = node.get("/v2/keys/?recursive=true&sorted=true&quorum=true")
            dumps.append(without_ttl(answer.json["node"]))
        if len(set(indexes)) == 1:
            assert all(dump == dumps[0] for dump in dumps), "nodes hold different trees"
        return last


def remove(node, name, timeout=10, forget=True):
    """DELETE at the peer port of node until it is answered as done or as gone. forget: for good."""
    def gone():
        try:
            answer = ask(node.peer, "DELETE", "/v2/admin/machines/" + name + ("?forget=true" if forget else ""),
                         timeout=timeout)
        except (OSError, http.client.HTTPException):
            return None
        assert answer.status in (200, 404, 500), answer
        return answer if answer.status != 500 else None
    return wait_until(gone, 30, "%s to be removed" % name)


def without_ttl(tree):
    """The remaining seconds depend on when one asks; all else must be the same."""
    if isinstance(tree, dict):
        return {name: without_ttl(part) for name, part in tree.items() if name != "ttl"}
    return [without_ttl(part) for part in tree] if isinstance(tree, list) else tree


# ---- faults -----------------------------------------------------------------------

FAULTS = {}
UNAVAILABLE = {}        # name of a fault: milliseconds that a client was without an answer


def fault(name):
    def register(function):
        FAULTS[name] = function
        return function
    return register


def stop_processes(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def continue_processes(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


def everything_of(node):
    return [pid for kind in node.pids().values() for pid in kind]


@fault("nothing (what the load itself costs)")
def nothing(cluster, rand):
    yield {"": cluster.nodes}


@fault("client worker killed")
def client_worker(cluster, rand):
    victim = rand.choice(cluster.nodes)
    victim.kill("client")
    yield {", at its node": [victim], ", elsewhere": cluster.others(victim)}


@fault("peer worker of the leader killed")
def peer_worker(cluster, rand):
    leader = cluster.leader()
    leader.kill("peer")
    yield {"": cluster.nodes}


@fault("peer worker of a follower killed")
def peer_worker_follower(cluster, rand):
    victim = rand.choice(cluster.followers())
    victim.kill("peer")
    yield {", at its node": [victim], ", elsewhere": cluster.others(victim)}


@fault("raftd of the leader killed")
def raftd_leader(cluster, rand):
    leader = cluster.leader()
    leader.kill("raftd")
    yield {"": cluster.nodes}


@fault("raftd of a follower killed")
def raftd_follower(cluster, rand):
    victim = rand.choice(cluster.followers())
    victim.kill("raftd")
    yield {", at its node": [victim], ", elsewhere": cluster.others(victim)}


@fault("raftd of all nodes killed")
def raftd_all(cluster, rand):
    for pid in [node.pid_of("raftd") for node in cluster.nodes]:
        os.kill(pid, signal.SIGKILL)
    yield {"": cluster.nodes}


@fault("leader's node killed")
def node_leader(cluster, rand):
    leader = cluster.leader()
    leader.kill_all()
    yield {", elsewhere": cluster.others(leader)}
    leader.start()


@fault("follower's node killed")
def node_follower(cluster, rand):
    victim = rand.choice(cluster.followers())
    victim.kill_all()
    yield {", elsewhere": cluster.others(victim)}
    victim.start()


@fault("all nodes killed at once and started")
def node_all(cluster, rand):
    for node in cluster.nodes:
        node.kill_all()
    cluster.restart(cluster.nodes)
    yield {"": cluster.nodes}


@fault("leader's node ended in order (SIGTERM)")
def node_stopped(cluster, rand):
    leader = cluster.leader()
    assert leader.stop() == 0
    yield {", elsewhere": cluster.others(leader)}
    leader.start()


@fault("raftd of the leader stopped (SIGSTOP)")
def raftd_stopped(cluster, rand):
    leader = cluster.leader()
    pids = [leader.pid_of("raftd")]
    stop_processes(pids)
    yield {", elsewhere": cluster.others(leader)}
    continue_processes(pids)


@fault("leader's node stopped (SIGSTOP)")
def node_frozen(cluster, rand):
    leader = cluster.leader()
    pids = everything_of(leader)
    stop_processes(pids)
    yield {", elsewhere": cluster.others(leader)}
    continue_processes(pids)


@fault("follower's node stopped (SIGSTOP)")
def follower_frozen(cluster, rand):
    victim = rand.choice(cluster.followers())
    pids = everything_of(victim)
    stop_processes(pids)
    yield {", elsewhere": cluster.others(victim)}
    continue_processes(pids)


@fault("leader cut off both ways")
def cut_leader(cluster, rand):
    leader = cluster.leader()
    cluster.network.isolate(leader.name)
    yield {", elsewhere": cluster.others(leader)}
    cluster.network.heal(reset=rand.random() < 0.5)


@fault("follower cut off both ways")
def cut_follower(cluster, rand):
    victim = rand.choice(cluster.followers())
    cluster.network.isolate(victim.name)
    yield {", elsewhere": cluster.others(victim)}
    cluster.network.heal(reset=rand.random() < 0.5)


@fault("leader cannot be heard (one way)")
def deaf_from_leader(cluster, rand):
    leader = cluster.leader()
    cluster.network.one_way([leader.name], cluster.network.names)
    yield {", elsewhere": cluster.others(leader)}
    cluster.network.heal(reset=rand.random() < 0.5)


@fault("leader cannot hear (one way)")
def deaf_leader(cluster, rand):
    leader = cluster.leader()
    cluster.network.one_way(cluster.network.names, [leader.name])
    yield {", elsewhere": cluster.others(leader)}
    cluster.network.heal(reset=rand.random() < 0.5)


@fault("follower cannot hear the leader (one way)")
def deaf_follower(cluster, rand):
    leader = cluster.leader()
    victim = rand.choice(cluster.others(leader))
    cluster.network.one_way([leader.name], [victim.name])
    yield {", elsewhere": cluster.others(victim)}
    cluster.network.heal(reset=rand.random() < 0.5)


@fault("a follower and the leader do not reach each other")
def cut_link(cluster, rand):
    leader = cluster.leader()
    victim = rand.choice(cluster.others(leader))
    cluster.network.both_ways([leader.name], [victim.name])
    yield {", at the others": cluster.others(victim)}
    cluster.network.heal(reset=rand.random() < 0.5)


@fault("every message 30 ms late")
def late(cluster, rand):
    names = cluster.network.names
    cluster.network.both_ways(names, names, delay=0.03)
    yield {"": cluster.nodes}
    cluster.network.heal()


@fault("every message 60 ms late, heartbeats are 50 ms")
def very_late(cluster, rand):
    names = cluster.network.names
    cluster.network.both_ways(names, names, delay=0.06)
    yield {"": cluster.nodes}
    cluster.network.heal()


@fault("all connections between nodes reset")
def reset_all(cluster, rand):
    names = cluster.network.names
    cluster.network.reset(names, names)
    yield {"": cluster.nodes}


def strike(cluster, load, name, rand, progress=4):
    """One fault under load, measured; returns when every client is served again."""
    load.wait_progress(cluster.nodes, 2)
    since = time.monotonic_ns()
    steps = FAULTS[name](cluster, rand)
    measured = next(steps)
    for nodes in measured.values():
        load.wait_progress(nodes, progress)
    next(steps, None)
    load.wait_progress(cluster.nodes, progress)
    until = time.monotonic_ns()
    for label, nodes in measured.items():
        UNAVAILABLE.setdefault(name + label + cluster.network.label, []).append(load.gap(nodes, since, until))


def table():
    """Unavailability per kind of fault as lines of text."""
    if not UNAVAILABLE:
        return []
    lines = ["%-66s %5s %9s %9s" % ("longest time that a client was without an answer, ms",
                                    "runs", "median", "worst")]
    for name in [n for n in UNAVAILABLE]:
        values = UNAVAILABLE[name]
        lines.append("%-66s %5d %9.0f %9.0f" % (name, len(values), statistics.median(values), max(values)))
    return lines

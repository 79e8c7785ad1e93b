"""Clients of the v3 keys, and whether all that they were told is one history.

    Load        clients that put, delete, read and swap a few keys, one or several at once
    Watch       follows all changes below a prefix at one node, over everything that ends a stream
    Leases      leases with a key each, some of which are renewed; when the keys went

Every write that changed something says its revision, and every read the one it is of. So the
revisions are the order, and nothing has to be searched for: check() holds every answer against
the events of a watch, which say what the keys were at each revision.
"""

import http.client
import itertools
import json
import random
import threading
import time

from crowd import PAUSE, Clients, Connection, Crowd
from moothall import wait_until
from v3 import b64, plain

NO_LEADER = "etcdserver: no leader"


class Client(Connection):
    def ask(self, path, message):
        """(status, JSON), or None if the answer was lost; raises OSError if nothing was sent."""
        answer = self.exchange("POST", "/v3" + path, json.dumps(message))
        try:
            return answer and (answer[0], json.loads(answer[1]))
        except ValueError:
            self.close()
            return None

    def stream(self, path, message):
        """The response, to be read line by line; None: it did not begin."""
        try:
            self.open()
            self.connection.request("POST", "/v3" + path, json.dumps(message))
            return self.connection.getresponse()
        except (OSError, http.client.HTTPException):
            self.close()
            return None


def put_op(key, value, **more):
    return {"request_put": dict({"key": b64(key), "value": b64(value)}, **more)}


def get_op(key):
    return {"request_range": {"key": b64(key)}}


class Operation:
    """One request and what its answer says."""

    def __init__(self, client, kind, text):
        self.client, self.kind, self.text = client, kind, text
        self.called, self.returned = time.monotonic_ns(), None
        self.revision = None            # None: nobody knows what became of it
        self.changes = None             # {key: value or None} that it made
        self.saw = {}                   # {key: value or None} at its revision, before its changes
        self.refused = False

    def __str__(self):
        return "%s of %s: %s -> revision %s, changed %r, saw %r" % (
            self.kind, self.client, self.text, self.revision, self.changes, self.saw)


class Load(Clients):
    """Each value is written once. Keys that are swapped together always hold the same."""

    MIX = (("put", 30), ("get", 20), ("list", 10), ("delete", 8), ("swap", 17), ("pair", 15))
    COUNT = itertools.count()

    def __init__(self, nodes, clients=2, keys=5, seed=0, pace=0.003):
        self.prefix = "/v3-%d/" % next(self.COUNT)
        self.keys = ["%skey%d" % (self.prefix, i) for i in range(keys)]
        self.pair = [self.prefix + "pair/a", self.prefix + "pair/b"]
        self.pace, self.seed = pace, seed
        self.operations, self.odd = [], []
        super().__init__(nodes, clients, self._run)

    def gap(self, nodes, since, until):
        """Longest time in ms that a client of these nodes was without an answer."""
        worst, names = 0, {name for name, node in self.clients.items() if node in nodes}
        with self.lock:
            answered = [(o.client, o.returned) for o in self.operations if o.revision is not None]
        for name in names:
            moments = [since] + sorted(t for who, t in answered if who == name and since <= t <= until) + [until]
            worst = max([worst] + [b - a for a, b in zip(moments, moments[1:])])
        return worst / 1e6

    # ---- one client

    def _run(self, name, node):
        rand, client, seen = random.Random("v3 %s %s" % (self.seed, name)), Client(node.client), {}
        kinds, weights = zip(*self.MIX)
        for count in itertools.count():
            if self.stopping.is_set():
                break
            try:
                self._one(client, name, rand.choices(kinds, weights)[0], rand.choice(self.keys),
                          "%s-%d" % (name, count), seen)
            except OSError:
                # Nothing was sent.
                self.stopping.wait(PAUSE)
            self.stopping.wait(rand.random() * 2 * self.pace)
        client.close()

    def _one(self, client, name, kind, key, value, seen):
        path, message, made = getattr(self, "_" + kind)(key, value, seen)
        operation = Operation(name, kind, json.dumps(message))
        answer = client.ask(path, message)
        operation.returned = time.monotonic_ns()
        if answer is None or (answer[0] >= 500 and answer[1].get("message") != NO_LEADER):
            operation.returned = None
            operation.changes = made
        elif answer[0] != 200:
            operation.refused, operation.changes = True, made
            if answer[0] < 500 and answer[1].get("code") != 8:
                self.odd.append((str(operation), answer))
        else:
            operation.revision = int(answer[1]["header"]["revision"])
            getattr(self, "_take_" + kind)(operation, answer[1], key, made, seen)
        with self.lock:
            self.operations.append(operation)
            if operation.changes and operation.revision:
                self.progress[name] = self.progress.get(name, 0) + 1

    # Each says what is asked, and what is changed if it is done; then what the answer means.

    def _put(self, key, value, seen):
        return "/kv/put", {"key": b64(key), "value": b64(value), "prev_kv": True}, {key: value}

    def _take_put(self, operation, answer, key, made, seen):
        before = answer.get("prev_kv")
        operation.changes = made
        operation.saw = {key: plain(before.get("value")) if before else None}
        seen[key] = operation.revision

    def _delete(self, key, value, seen):
        return "/kv/deleterange", {"key": b64(key), "prev_kv": True}, {key: None}

    def _take_delete(self, operation, answer, key, made, seen):
        gone = answer.get("prev_kvs", [])
        if len(gone) != int(answer.get("deleted", 0)):
            self.odd.append((str(operation), answer))
        operation.saw = {key: plain(gone[0].get("value")) if gone else None}
        operation.changes = made if gone else {}
        seen.pop(key, None)

    def _get(self, key, value, seen):
        return "/kv/range", {"key": b64(key)}, {}

    def _take_get(self, operation, answer, key, made, seen):
        kvs = answer.get("kvs", [])
        operation.saw = {key: plain(kvs[0].get("value")) if kvs else None}
        operation.changes = {}
        if kvs:
            seen[key] = int(kvs[0]["mod_revision"])

    def _list(self, key, value, seen):
        return "/kv/range", {"key": b64(self.prefix),
                             "range_end": b64(self.prefix[:-1] + chr(ord(self.prefix[-1]) + 1))}, {}

    def _take_list(self, operation, answer, key, made, seen):
        operation.saw = {name: None for name in self.keys + self.pair}
        for kv in answer.get("kvs", []):
            operation.saw[plain(kv["key"])] = plain(kv.get("value"))
        operation.changes = {}

    def _swap(self, key, value, seen):
        return "/kv/txn", {
            "compare": [{"key": b64(key), "target": "MOD", "mod_revision": str(seen.get(key, 0))}],
            "success": [put_op(key, value, prev_kv=True)], "failure": [get_op(key)]}, {key: value}

    def _take_swap(self, operation, answer, key, made, seen):
        response = answer["responses"][0]
        if answer.get("succeeded"):
            operation.changes = made
            before = response["response_put"].get("prev_kv")
            operation.saw = {key: plain(before.get("value")) if before else None}
            if bool(before) != bool(seen.get(key)) or (before and int(before["mod_revision"]) != seen[key]):
                self.odd.append((str(operation), answer))
            seen[key] = operation.revision
            return
        kvs = response["response_range"].get("kvs", [])
        operation.changes = {}
        operation.saw = {key: plain(kvs[0].get("value")) if kvs else None}
        if (int(kvs[0]["mod_revision"]) if kvs else 0) == seen.get(key, 0):
            self.odd.append((str(operation), answer))
        seen[key] = int(kvs[0]["mod_revision"]) if kvs else 0

    def _pair(self, key, value, seen):
        return "/kv/txn", {"success": [get_op(self.pair[0])] + [put_op(one, value) for one in self.pair]}, {
            one: value for one in self.pair}

    def _take_pair(self, operation, answer, key, made, seen):
        kvs = answer["responses"][0]["response_range"].get("kvs", [])
        operation.changes = made
        operation.saw = {self.pair[0]: plain(kvs[0].get("value")) if kvs else None}

    # ---- afterwards

    def check(self, revisions):
        """revisions: {revision: {key: value or None}} of a watch that began before the load."""
        assert not self.odd, "answers of v3 that make no sense: %s" % self.odd[:3]
        check_history(self.operations, revisions, self.pair)


def check_history(operations, revisions, pair=()):
    states = States(revisions)
    known = [o for o in operations if o.revision is not None]
    written = {}
    for revision, changes in revisions.items():
        for key, value in changes.items():
            assert value is None or (key, value) not in written, (
                "%s was written to %s twice, by revisions %d and %d" % (value, key, written[key, value], revision))
            written[key, value] = revision
        assert not pair or len(set(changes) & set(pair)) in (0, len(pair)), (
            "revision %d has a part of a txn: %r" % (revision, changes))
    owners = {}
    for o in known:
        if o.changes:
            assert revisions.get(o.revision) == o.changes, (
                "%s: the watch says %r" % (o, revisions.get(o.revision)))
            assert o.revision not in owners, "one revision for two: %s and %s" % (o, owners[o.revision])
            owners[o.revision] = o
        at = o.revision - 1 if o.changes else o.revision
        for key, value in o.saw.items():
            assert states.value(key, at) == value, "%s: %s was %r" % (o, key, states.value(key, at))
    for o in operations:
        if o.refused and o.changes:
            for key, value in o.changes.items():
                assert value is None or (key, value) not in written, "refused, and done: %s" % o
    check_times(known)


def check_times(known):
    """What was answered before another was asked has no higher revision; of writes a lower one."""
    returned = sorted(known, key=lambda o: o.returned)
    highest, at = 0, 0
    for o in sorted(known, key=lambda o: o.called):
        while at < len(returned) and returned[at].returned < o.called:
            highest = max(highest, returned[at].revision)
            at += 1
        assert o.revision >= highest + bool(o.changes), "%s, after revision %d was answered" % (o, highest)


class States:
    """What a key was at a revision."""

    def __init__(self, revisions):
        self.by_key = {}
        for revision in sorted(revisions):
            for key, value in revisions[revision].items():
                self.by_key.setdefault(key, []).append((revision, value))

    def value(self, key, revision):
        last = None
        for at, value in self.by_key.get(key, []):
            if at > revision:
                break
            last = value
        return last


class Watch:
    """All changes below a prefix, told by one node; goes on from where it was, whatever ends it."""

    def __init__(self, node, prefix, start=1):
        self.node, self.prefix, self.next = node, prefix, start
        self.revisions, self.times, self.odd, self.begun = {}, {}, [], 0
        self.state = {}                 # of each key, as the last event said
        self.served = start - 1         # all up to this revision was told
        self.stopping, self.client = threading.Event(), Client(node.client, timeout=3600)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.stopping.set()

    def _run(self):
        end = self.prefix[:-1] + chr(ord(self.prefix[-1]) + 1)
        while not self.stopping.is_set():
            response = self.client.stream("/watch", {"create_request": {
                "key": b64(self.prefix), "range_end": b64(end), "start_revision": str(self.next),
                "prev_kv": True}})
            if response is not None and response.status == 200:
                self.begun += 1
                self._read(response)
            self.client.close()
            self.stopping.wait(PAUSE)

    def _read(self, response):
        while not self.stopping.is_set():
            try:
                line = response.readline()
            except (OSError, http.client.HTTPException, ValueError, AttributeError):
                return
            if not line.endswith(b"\n"):
                return
            message = json.loads(line)
            if "error" in message:
                if message["error"]["grpc_code"] != 14:
                    self.odd.append(message)
                return
            self._take(message["result"])

    def _take(self, result):
        if result.get("canceled"):
            self.odd.append(result)
            return
        header, changes = int(result["header"]["revision"]), {}
        for event in result.get("events", []):
            kv = event["kv"]
            revision, key = int(kv["mod_revision"]), plain(kv["key"])
            value = None if event.get("type") == "DELETE" else plain(kv.get("value"))
            changes.setdefault(revision, {})[key] = value
            before = event.get("prev_kv")
            if self.state.get(key) != (plain(before.get("value")) if before else None):
                self.odd.append("before revision %d it was %r: %r" % (revision, self.state.get(key), event))
            self.state[key] = value
            self.times[revision, key] = time.monotonic_ns()
        for revision in sorted(changes):
            if revision < self.next or revision > header:
                self.odd.append("revision %d where %d is next, header %d" % (revision, self.next, header))
            self.revisions[revision] = changes[revision]
            self.next = revision + 1
        if result.get("created"):
            return
        if header < self.served:
            self.odd.append("header %d after %d" % (header, self.served))
        self.served = max(self.served, header)

    def finish(self, last, timeout=20.0):
        """{revision: changes}, with all up to that revision."""
        wait_until(lambda: self.revisions and max(self.revisions) >= last, timeout,
                   "revision %d at %s, which told %s" % (last, self.node.name, max(self.revisions or [0])))
        self.stopping.set()
        assert not self.odd, self.odd[:3]
        return self.revisions


class Leases(Crowd):
    """Leases with a key each, granted and renewed at all nodes; no key may go early."""

    PREFIX = "/v3-lease/"

    def __init__(self, nodes, ttl=2, pace=0.15):
        self.nodes, self.ttl, self.pace = nodes, ttl, pace
        self.kept = {}                  # key: when the last promise was asked for (ns)
        self.renewals, self.odd = 0, []
        super().__init__(*((self._run, number) for number in range(3)))

    def _run(self, number):
        rand = random.Random(number)
        clients = [Client(node.client) for node in self.nodes]
        for count in itertools.count():
            if self.stopping.is_set():
                break
            try:
                self._one(rand, clients, "%s%d-%d" % (self.PREFIX, number, count))
            except OSError:
                self.stopping.wait(PAUSE)
            self.stopping.wait(self.pace)
        for client in clients:
            client.close()

    def _one(self, rand, clients, key):
        asked = time.monotonic_ns()
        answer = rand.choice(clients).ask("/lease/grant", {"TTL": self.ttl})
        if answer is None or answer[0] != 200:
            return
        lease = answer[1]["ID"]
        answer = rand.choice(clients).ask("/kv/put", {"key": b64(key), "lease": lease})
        if answer is None or answer[0] != 200:
            return
        self.kept[key] = asked
        for _ in range(rand.randrange(3)):
            self.stopping.wait(rand.random() * self.ttl / 2)
            asked = time.monotonic_ns()
            client = rand.choice(clients)
            try:
                answer = client.ask("/lease/keepalive", {"ID": lease})
            except OSError:
                continue
            if answer is None or answer[0] != 200:
                continue
            if int(answer[1]["result"].get("TTL", 0)) == 0:
                return
            self.renewals += 1
            self.kept[key] = asked

    def wait_gone(self, node, timeout=30.0):
        client = Client(node.client)

        def gone():
            answer = client.ask("/kv/range", {"key": b64(self.PREFIX), "range_end": b64(
                self.PREFIX[:-1] + chr(ord(self.PREFIX[-1]) + 1)), "count_only": True})
            return answer is not None and answer[0] == 200 and "count" not in answer[1]
        wait_until(gone, timeout, "all keys on leases to go")
        client.close()

    def check(self, watch):
        """By a watch of PREFIX."""
        gone = {key: watch.times[revision, key] for revision, changes in watch.revisions.items()
                for key, value in changes.items() if value is None}
        for key, asked in self.kept.items():
            assert key in gone, "%s never went" % key
            age = (gone[key] - asked) / 1e9
            assert age >= self.ttl, "%s went %.3f s after it was promised %d" % (key, age, self.ttl)

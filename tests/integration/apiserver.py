"""What the storage of a kube-apiserver does with etcd, by gRPC, and whether it may rely on what it is told.

    Storage     create, guaranteed update, delete, get, lists in pages, the current revision, leases, compaction
    Server      the caches of one apiserver: a list and a watch for each resource, all on one stream, and reads
                that wait until a cache is as new as they are, by requests for progress
    Controllers clients that write objects, heartbeats, and events with a shared lease
    Compactors  who compacts what is older than a while, agreed upon by a key

A cache holds each event against what it has: nothing twice, nothing left out, nothing out of order, nothing behind
the revision that it was promised to have. Problems are kept as text; check_all() holds all answers against all events.
"""

import collections
import random
import threading
import time

from crowd import PAUSE, Clients, Crowd
from h2 import fields_of, message
from moothall import SLOW, wait_until
from revisions import Operation, check_history
from rpc import OUT_OF_RANGE, Duplex, Lost, NotSent, Refused, Rpc

PODS, LEASES, EVENTS = "/registry/pods/", "/registry/leases/", "/registry/events/"
RESOURCES = PODS, LEASES, EVENTS
COMPACT_KEY = "compact_rev_key"
PAGE, VERSION, MOD = 500, 0, 2
ALL_OF_STREAM = (1 << 64) - 1           # watch id -1
PROGRESS_AGAIN = 0.1                    # seconds between two requests for progress of who waits


class Expired(Exception):
    """What a list is of was compacted, as somebody has asked for."""


KeyValue = collections.namedtuple("KeyValue", "key create mod version token lease")


def one(fields, number, default=0):
    return fields.get(number, [default])[0]


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def key_value(data):
    fields = fields_of(data)
    return KeyValue(one(fields, 1, b"").decode(), one(fields, 2), one(fields, 3), one(fields, 4),
                    token_of(one(fields, 5, b"")), one(fields, 6))


def token_of(value):
    """An object is told from another by how it begins; the rest fills it up."""
    return value.split(b"|", 1)[0].decode()


def revision_of(answer):
    return one(fields_of(one(answer, 1, b"")), 3)


def end_of(prefix):
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


class Told:
    """What the processes of a test know together."""

    def __init__(self):
        self.lock, self.problems, self.counts = threading.Lock(), [], collections.Counter()
        self.compacted = 0              # nobody has asked for a compaction of more
        self.took = collections.defaultdict(list)       # what: seconds

    def problem(self, text, *values):
        with self.lock:
            self.problems.append(text % values)

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def measure(self, what, begun):
        with self.lock:
            self.took[what].append(time.monotonic() - begun)


class Storage:
    """The calls of etcd3/store.go. Not for more than one thread."""

    def __init__(self, nodes, told):
        self.rpc, self.told = Rpc([node.client for node in nodes]), told

    def close(self):
        self.rpc.close()

    def range(self, **fields):
        return self.rpc.call("/etcdserverpb.KV/Range", message(**fields))

    def _txn(self, key, mod, then, otherwise=None):
        compare = message(f2=MOD, f3=key, f6=mod)
        return self.rpc.call("/etcdserverpb.KV/Txn", message(f1=compare, f2=then, **(
            {} if otherwise is None else {"f3": otherwise})))

    def create(self, key, value, lease=0):
        put = message(f1=key, f2=value, **({"f3": lease} if lease else {}))
        return self._txn(key, 0, message(f2=put))

    def update(self, key, value, mod):
        return self._txn(key, mod, message(f2=message(f1=key, f2=value)), message(f1=message(f1=key)))

    def delete(self, key, mod):
        return self._txn(key, mod, message(f3=message(f1=key)), message(f1=message(f1=key)))

    def current(self, prefix):
        """The revision of now, as a consistent read from a cache asks for it."""
        return revision_of(self.range(f1=prefix, f2=end_of(prefix), f3=1, f8=1))

    def count(self, prefix):
        return one(self.range(f1=prefix, f2=end_of(prefix), f9=1), 4)

    def list(self, prefix, revision=0):
        """({key: KeyValue}, revision): in pages, all of the first one's revision or of that one."""
        found, key, more = {}, prefix, True
        while more:
            answer = self._page(key, prefix, revision)
            page = [key_value(each) for each in answer.get(2, [])]
            more = bool(one(answer, 3))
            if not revision:
                revision = revision_of(answer)
            if len(page) > PAGE or (more and len(page) < PAGE):
                self.told.problem("a page of %d keys, more: %s", len(page), more)
            if not found and one(answer, 4) < len(page):
                self.told.problem("count %d of a list of %d keys", one(answer, 4), len(page))
            for kv in page:
                if kv.key < key or kv.mod > revision:
                    self.told.problem("%r in a list from %s at revision %d", kv, key, revision)
                found[kv.key] = kv
                key = kv.key + "\0"
        return found, revision

    def _page(self, key, prefix, revision):
        try:
            return self.range(f1=key, f2=end_of(prefix), f3=PAGE, **({"f4": revision} if revision else {}))
        except Refused as error:
            if error.code != OUT_OF_RANGE or "compacted" not in error.text or revision >= self.told.compacted:
                raise
            self.told.count("lists that met a compaction")
            raise Expired()

    def grant(self, ttl):
        return signed(one(self.rpc.call("/etcdserverpb.Lease/LeaseGrant", message(f1=ttl)), 2))

    def compact(self, revision):
        self.told.compacted = max(self.told.compacted, revision)
        self.rpc.call("/etcdserverpb.KV/Compact", message(f1=revision))

    def status(self):
        return self.rpc.call("/etcdserverpb.Maintenance/Status", b"")


# ---- caches


class Cache:
    """One resource as a server knows it: a list, and what a watch told since."""

    def __init__(self, prefix, told, owner):
        self.prefix, self.told, self.owner = prefix, told, owner
        self.state, self.revision, self.listed = {}, None, []
        self.events, self.times = {}, {}        # {revision: {key: token or None}}, {(revision, key): when}
        self.promised = 0               # all up to this one has come: the server said so
        self.created = False

    def problem(self, text, *values):
        self.told.problem("%s of %s: " + text, self.prefix, self.owner, *values)

    def reset(self, state, revision):
        self.state, self.revision, self.promised = state, revision, revision
        self.listed.append(revision)

    def take(self, events):
        changes, last = {}, 0
        for data in events:
            fields = fields_of(data)
            kv = key_value(one(fields, 2, b""))
            gone = bool(one(fields, 1))
            before = key_value(fields[3][0]) if 3 in fields else None
            if kv.mod <= self.promised:
                self.problem("an event of revision %d behind the promise of %d: %s", kv.mod, self.promised, kv.key)
            if kv.mod <= self.revision or kv.mod < last or kv.key in changes.get(kv.mod, {}):
                self.problem("an event of revision %d behind one of %d: %s", kv.mod, max(self.revision, last), kv.key)
                continue
            last = kv.mod
            if not self._follows(kv, gone, before):
                self.problem("the event %r, gone: %s, before: %r; known was %r", kv, gone, before,
                             self.state.get(kv.key))
            changes.setdefault(kv.mod, {})[kv.key] = None if gone else kv.token
            self.times[kv.mod, kv.key] = time.monotonic_ns()
            if gone:
                self.state.pop(kv.key, None)
            else:
                self.state[kv.key] = kv
        self.events.update(changes)
        self.revision = max([self.revision] + list(changes))

    def _follows(self, kv, gone, before):
        known = self.state.get(kv.key)
        # What is compacted to this very revision has nothing before it.
        if before is None and known is not None and kv.mod <= self.told.compacted:
            self.told.count("events at a compacted revision")
            return True
        if before != known or (gone and known is None):
            return False
        if gone:
            return True
        return (kv.create, kv.version) == ((known.create, known.version + 1) if known else (kv.mod, 1))

    def promise(self, revision):
        self.promised = max(self.promised, revision)
        self.revision = max(self.revision, revision)


class Server(Crowd):
    """The caches of one server, which begins with a node and goes on with the next when that one is gone."""

    def __init__(self, name, nodes, told, resources=RESOURCES):
        self.name, self.nodes, self.told = name, list(nodes), told
        self.changed = threading.Condition()
        self.caches = [Cache(prefix, told, name) for prefix in resources]
        self.by_prefix = {cache.prefix: cache for cache in self.caches}
        self.stream, self.storage = None, Storage(nodes, told)
        self.progress = 0               # of the last answer
        super().__init__((self._run,))

    def stop(self):
        super().stop()
        self.storage.close()

    # ---- its stream

    def _run(self):
        while not self.stopping.is_set():
            try:
                self.list()
                self._watch()
            except (OSError, NotSent, Lost, Expired):
                pass
            except Refused as error:
                self.told.problem("%s is told %s", self.name, error)
            self.nodes.append(self.nodes.pop(0))
            self.stopping.wait(PAUSE)

    def list(self):
        """What is not known, or too old."""
        for cache in self.caches:
            if cache.revision is not None:
                continue
            state, revision = self.storage.list(cache.prefix)
            with self.changed:
                cache.reset(state, revision)
                self.changed.notify_all()
            self.told.count("lists of a whole resource")

    def open(self):
        """A stream with a watch for each cache, which goes on from where that is."""
        stream = Duplex(self.nodes[0].client, "/etcdserverpb.Watch/Watch", [("hasleader", "true")])
        self.told.count("watch streams")
        for cache in self.caches:
            cache.created = False
            stream.send(f1=message(f1=cache.prefix, f2=end_of(cache.prefix), f3=cache.revision + 1, f4=1, f6=1))
        return stream

    def _watch(self):
        stream = self.open()
        try:
            self.stream = stream
            while not self.stopping.is_set():
                found = stream.read(0.1)
                if found is None:
                    self._look_at_end(stream)
                    return
                if not all(list(map(self.take, found))):
                    return
        finally:
            self.stream = None
            stream.close()

    def _look_at_end(self, stream):
        end = stream.connection.streams[stream.stream]
        if end.last("grpc-status") not in (None, "14"):
            self.told.problem("the stream of %s ended: %r", self.name, end)

    def take(self, response):
        """What the stream says. False: the resource is to be listed again."""
        watch, revision = one(response, 2), revision_of(response)
        with self.changed:
            if watch == ALL_OF_STREAM:
                self._take_progress(revision)
                self.changed.notify_all()
                return True
            cache = self.caches[watch]
            if one(response, 4):
                return self._take_cancel(cache, one(response, 5), response)
            if one(response, 3):
                cache.created = True
            elif 11 in response:
                self._take_events(cache, response[11], revision)
            else:
                self.told.count("notices of progress")
                cache.promise(revision)
            self.changed.notify_all()
        return True

    def _take_events(self, cache, events, revision):
        cache.take(events)
        self.told.count("answers with events")
        if revision < cache.revision and revision < max(cache.events, default=0):
            cache.problem("a header of %d with events up to %d", revision, max(cache.events))

    def _take_progress(self, revision):
        self.told.count("answers to requests for progress")
        self.progress = revision
        for cache in self.caches:
            if cache.created:
                cache.promise(revision)

    def _take_cancel(self, cache, compacted, response):
        if not compacted or cache.revision + 1 >= self.told.compacted:
            cache.problem("canceled at %d, where %d is compacted: %r", cache.revision, self.told.compacted, response)
        self.told.count("watches that met a compaction")
        cache.revision = None
        return False

    # ---- reads

    def wait_fresh(self, prefix, revision, timeout=10.0):
        """(revision, state) of the cache when it has that revision; None: it has not in time."""
        cache, end = self.by_prefix[prefix], time.monotonic() + timeout * SLOW
        with self.changed:
            while cache.revision is None or cache.revision < revision:
                stream = self.stream
                if stream is not None and all(each.created for each in self.caches):
                    stream.send(f3=b"")
                    self.told.count("requests for progress")
                if time.monotonic() > end:
                    return None
                self.changed.wait(PROGRESS_AGAIN)
            return cache.revision, dict(cache.state)


class Readers(Crowd):
    """Consistent lists from caches, held against the same from etcd; and what lists take."""

    def __init__(self, servers, nodes, told, pace=0.2, wait=10.0):
        self.told, self.pace, self.wait = told, pace, wait
        super().__init__(*((self._run, server, nodes[i % len(nodes):] + nodes[:i % len(nodes)])
                           for i, server in enumerate(servers)))

    def _run(self, server, nodes):
        storage, rand = Storage(nodes, self.told), random.Random(server.name)
        while not self.stopping.is_set():
            try:
                self._once(server, storage, rand.choice(RESOURCES))
            except (NotSent, Lost, Expired):
                pass
            except Refused as error:
                self.told.problem("a read is told %s", error)
            self.stopping.wait(self.pace)
        storage.close()

    def _once(self, server, storage, prefix):
        begun = time.monotonic()
        revision = storage.current(prefix)
        asked = time.monotonic()
        found = server.wait_fresh(prefix, revision, self.wait)
        if found is None:
            self.told.count("consistent reads that went to etcd, as no progress came in time")
            return
        self.told.measure("progress: until a cache has the revision that was read", asked)
        self.told.measure("consistent read from a cache, with the read of the revision", begun)
        at, state = found
        begun = time.monotonic()
        listed, _ = storage.list(prefix, at)
        if prefix == PODS:
            self.told.measure("list of all pods in pages of %d, at a revision" % PAGE, begun)
        self.told.count("caches that were held against a list")
        if listed != state:
            wrong = {key for key in set(listed) | set(state) if listed.get(key) != state.get(key)}
            self.told.problem("at revision %d the cache of %s differs from a list: %s", at, server.name,
                              [(key, state.get(key), listed.get(key)) for key in sorted(wrong)[:3]])
        begun = time.monotonic()
        storage.count(prefix)
        self.told.measure("count_only", begun)


# ---- writers


class Controllers(Clients):
    """Each is a client of one node; what it writes next it knows from a cache, as controllers do."""

    MIX = (("update", 40), ("heartbeat", 30), ("create", 8), ("delete", 6), ("get", 8), ("event", 8))

    def __init__(self, nodes, servers, told, pods, size=4096, clients=1, seed=0, pace=0.01, ttl=30, heartbeats=20):
        self.servers, self.told, self.pods, self.size = servers, told, pods, size
        self.seed, self.pace, self.ttl, self.heartbeats = seed, pace, ttl, heartbeats
        self.operations, self.leased = [], {}           # {key: when its lease was asked for}
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

    def _run(self, name, node):
        rand, storage = random.Random("%s %s" % (self.seed, name)), Storage([node], self.told)
        server = self.servers[sorted(self.clients).index(name) % len(self.servers)]
        kinds, weights = zip(*self.MIX)
        lease, count = (0, 0, 0.0), 0           # id, when it was asked for, until when it is used
        wait_until(lambda: all(cache.revision is not None for cache in server.caches), 30, "the first lists")
        own = self.pods // len(self.clients)
        while not self.stopping.is_set():
            kind = "create" if count < own else rand.choices(kinds, weights)[0]
            token, count = "%s-%d" % (name, count), count + 1
            try:
                if kind == "event" and time.monotonic() > lease[2]:
                    called = time.monotonic_ns()
                    lease = storage.grant(self.ttl), called, time.monotonic() + self.ttl / 4
                    self.told.count("leases")
                self._one(storage, server, rand, kind, name, token, lease)
            except (NotSent, Lost):
                self.stopping.wait(PAUSE)
            if count >= own:
                self.stopping.wait(rand.random() * 2 * self.pace)
        storage.close()

    def value(self, token, size):
        return (token + "|").encode() + b"x" * (size - len(token) - 1)

    def _known(self, server, prefix, rand):
        """Something of its cache, or None."""
        with server.changed:
            state = server.by_prefix[prefix].state
            return state[rand.choice(list(state))] if state else None

    def _one(self, storage, server, rand, kind, name, token, lease):
        known = key = None
        if kind in ("update", "delete", "get"):
            known = self._known(server, PODS, rand)
            if known is None:
                return
        if kind == "heartbeat":
            key = "%snode%d" % (LEASES, rand.randrange(self.heartbeats))
            with server.changed:
                known = server.by_prefix[LEASES].state.get(key)
        key = key or (known.key if known else (EVENTS if kind == "event" else PODS) + token)
        operation = Operation(name, kind, key)
        made = {} if kind == "get" else {key: None if kind == "delete" else token}
        try:
            answer = self._ask(storage, kind, key, token, known, lease[0])
            operation.returned = time.monotonic_ns()
            self._understand(operation, answer, key, made, known)
        except Lost:
            operation.changes = made
            raise
        except NotSent:
            operation.refused, operation.changes = True, made
            raise
        except Refused as error:
            operation.refused, operation.changes = True, made
            # Its time may have been over before it was used.
            if kind != "event" or error.text != "etcdserver: requested lease not found":
                self.told.problem("%s is told %s", operation, error)
        finally:
            self._keep(operation, name, key, lease[1] if kind == "event" else None)

    def _keep(self, operation, name, key, granted):
        with self.lock:
            self.operations.append(operation)
            if operation.changes and operation.revision:
                self.progress[name] = self.progress.get(name, 0) + 1
                if granted is not None:
                    self.leased[key] = granted

    def _ask(self, storage, kind, key, token, known, lease):
        if kind == "get":
            return storage.range(f1=key)
        if kind == "delete":
            return storage.delete(key, known.mod)
        if kind == "update" or (kind == "heartbeat" and known is not None):
            return storage.update(key, self.value(token, self.size if kind == "update" else 300), known.mod)
        return storage.create(key, self.value(token, 300 if kind == "heartbeat" else self.size), lease if kind ==
                              "event" else 0)

    def _understand(self, operation, answer, key, made, known):
        operation.revision, operation.changes = revision_of(answer), {}
        if operation.kind == "get":
            operation.saw = {key: self._seen(answer, key)}
            return
        responses = [fields_of(each) for each in answer.get(3, [])]
        if one(answer, 2):
            operation.changes = made
            operation.saw = {key: known.token if known is not None else None}
            inner = fields_of(next(iter(responses[0].values()))[0])
            # It is what becomes the version of the object.
            if revision_of(inner) != operation.revision:
                self.told.problem("%s, but %d in the answer of its operation", operation, revision_of(inner))
            return
        self.told.count("conflicts")
        if responses:
            found = fields_of(responses[0][1][0])
            operation.saw = {key: self._seen(found, key)}
            if 2 in found and key_value(found[2][0]).mod == known.mod:
                self.told.problem("%s, but it was as it was known: %r", operation, known)

    @staticmethod
    def _seen(answer, key):
        return key_value(answer[2][0]).token if 2 in answer else None


class Compactors(Crowd):
    """One thread for each server, as in etcd3/compact.go."""

    def __init__(self, count, nodes, told, interval):
        self.told, self.interval = told, interval
        super().__init__(*((self._run, nodes[i % len(nodes):] + nodes[:i % len(nodes)]) for i in range(count)))

    def _run(self, nodes):
        storage, counter, revision = Storage(nodes, self.told), 0, 0
        while not self.stopping.wait(self.interval):
            try:
                counter, revision = self._round(storage, counter, revision)
            except (NotSent, Lost):
                pass
            except Refused as error:
                # Another one, of whom nobody knew what became, was first.
                if "has been compacted" not in error.text:
                    self.told.problem("a compaction is told %s", error)
        storage.close()

    def _round(self, storage, counter, revision):
        compare = message(f2=VERSION, f3=COMPACT_KEY, f4=counter)
        answer = storage.rpc.call("/etcdserverpb.KV/Txn", message(
            f1=compare, f2=message(f2=message(f1=COMPACT_KEY, f2=str(revision))),
            f3=message(f1=message(f1=COMPACT_KEY))))
        now = revision_of(answer)
        if not one(answer, 2):
            found = fields_of(fields_of(answer[3][0])[1][0])
            return (key_value(found[2][0]).version if 2 in found else 0), now
        if revision > 0:
            storage.compact(revision)
            self.told.count("compactions")
        return counter + 1, now


# ---- afterwards


def check_all(servers, controllers, told):
    """What all answers and all events say is one history."""
    together = {}
    for server in servers:
        for cache in server.caches:
            for revision, changes in cache.events.items():
                known = together.setdefault(revision, {})
                for key, value in changes.items():
                    if known.setdefault(key, value) != value:
                        told.problem("revision %d of %s: %r and %r", revision, key, known[key], value)
    # Of the same resource all have the same, but for what one has left out by a list.
    for cache in [cache for server in servers for cache in server.caches]:
        for revision, changes in together.items():
            mine = {key: value for key, value in changes.items() if key.startswith(cache.prefix)}
            if mine and cache.listed and revision > cache.listed[0] and cache.events.get(revision) != mine and \
                    len(cache.listed) == 1:
                cache.problem("revision %d was left out: %r", revision, mine)
    assert not told.problems, "%d problems: %s" % (len(told.problems), "\n".join(told.problems[:10]))
    check_history(controllers.operations, {r: c for r, c in together.items() if c})
    check_leases(servers, controllers, told)


def check_leases(servers, controllers, told):
    """Each event object went with its lease, and none early."""
    gone = {}
    for cache in [server.by_prefix[EVENTS] for server in servers]:
        for (revision, key), at in cache.times.items():
            if cache.events[revision].get(key, 1) is None:
                gone[key] = min(at, gone.get(key, at))
    for key, granted in controllers.leased.items():
        assert key in gone, "%s never went" % key
        assert gone[key] - granted >= controllers.ttl * 10**9, "%s went after %.3f s" % (
            key, (gone[key] - granted) / 1e9)
        told.count("events that went with their lease")


def measure_watches(servers, controllers, told, first):
    """From when a write was sent to when a watch told of it; of all operations but the first ones."""
    made = [o for o in controllers.operations[first:] if o.revision is not None and o.changes]
    called = {o.revision: o.called for o in made}
    for server in servers:
        for cache in server.caches:
            for (revision, _), at in cache.times.items():
                if revision in called:
                    told.took["watch: from the sending of a write to its event"].append(
                        (at - called[revision]) / 1e9)
    told.took["write"] = [(o.returned - o.called) / 1e9 for o in made]


def figures(told):
    lines = ["%-62s %8s %9s %9s %9s" % ("ms", "times", "median", "99 %", "longest")]
    for what, times in sorted(told.took.items()):
        times = sorted(times)
        lines.append("%-62s %8d %9.1f %9.1f %9.1f" % (
            what, len(times), times[len(times) // 2] * 1e3, times[len(times) * 99 // 100] * 1e3, times[-1] * 1e3))
    return lines + ["%-62s %8d" % pair for pair in sorted(told.counts.items())]


def settle(servers, told, nodes, ttl):
    """Every cache has all that is there now, and what has a lease is gone."""
    storage = Storage(nodes, told)
    wait_until(lambda: storage.count(EVENTS) == 0, ttl + 15, "all leases to be over")
    for server in servers:
        for cache in server.caches:
            revision = storage.current(cache.prefix)
            found = server.wait_fresh(cache.prefix, revision, 30)
            assert found is not None, "%s of %s has no revision %d but %s\n%s" % (
                cache.prefix, server.name, revision, cache.revision, "\n".join(told.problems[:5]))
            listed, _ = storage.list(cache.prefix, found[0])
            assert listed == found[1], "%s of %s is not what is there" % (cache.prefix, server.name)
    storage.close()

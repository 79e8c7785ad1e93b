"""Every process replaced by command under calls of gRPC, by a client that does as GOAWAY says, and of JSON:
no call fails, no watch has a gap or a repeat, no lease is lost. As test_rolling does for /v2.
"""

import json
import threading

import pytest

from h2 import fields_of, message
from moothall import SLOW, wait_until
from test_rolling import REST_S, ROUNDS, Client, all_pids, replace_all
from v3 import b64

grpc = pytest.importorskip("grpc", reason="no python3-grpcio here")

KV = "/etcdserverpb.KV/"
GRANT, KEEP = "/etcdserverpb.Lease/LeaseGrant", "/etcdserverpb.Lease/LeaseKeepAlive"
WATCH = "/etcdserverpb.Watch/Watch"
TTL_S = 5


def header_revision(answer):
    return fields_of(fields_of(answer)[1][0])[3][0]


class Caller(threading.Thread):
    """A channel of its own, with whatever its library does on GOAWAY. A call that fails ends it."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.channel = grpc.insecure_channel(node.client, options=[("grpc.use_local_subchannel_pool", 1)])
        self.node, self.done, self.failed, self.stopping = node, 0, [], threading.Event()

    def call(self, path, data):
        return self.channel.unary_unary(path)(data, timeout=20 * SLOW)

    def run(self):
        try:
            while not self.stopping.is_set():
                self.step()
                self.done += 1
        except (grpc.RpcError, AssertionError) as error:
            if not self.stopping.is_set():
                self.failed.append("%s at %s after %d: %r" % (type(self).__name__, self.node.name, self.done, error))

    def stop(self):
        self.stopping.set()
        self.channel.close()


class Putter(Caller):
    """Puts, and reads what it put: by a quorum, and as a txn."""

    def step(self):
        key, value = "load/" + self.node.name, str(self.done)
        self.call(KV + "Put", message(f1=key, f2=value))
        for path, data, part in ((KV + "Range", message(f1=key), lambda answer: answer),
                                 (KV + "Txn", message(f2=message(f1=message(f1=key))),
                                  lambda answer: fields_of(fields_of(answer)[3][0])[1][0])):
            kvs = fields_of(part(self.call(path, data)))[2]
            assert fields_of(kvs[0])[5] == [value.encode()]


class Reader(Caller):
    """What is in this node, at once."""

    def step(self):
        self.call(KV + "Range", message(f1="load/", f2="load0", f7=1))
        self.stopping.wait(REST_S / 10)


class Keeper(Caller):
    """A lease of a few seconds, kept by one stream after the other."""

    def __init__(self, node):
        super().__init__(node)
        self.lease = fields_of(self.call(GRANT, message(f1=TTL_S)))[2][0]
        self.streams = 0

    def requests(self):
        while not self.stopping.is_set():
            yield message(f1=self.lease)
            self.stopping.wait(REST_S)

    def step(self):
        self.streams += 1
        try:
            for answer in self.channel.stream_stream(KEEP)(self.requests()):
                assert fields_of(answer).get(3) == [TTL_S], "the lease is gone"
                self.done += 1
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE, error


class Follower(Caller):
    """A watch of all below load/, by one stream after the other."""

    def __init__(self, node, first):
        super().__init__(node)
        self.next, self.events, self.streams = first, [], 0

    def requests(self):
        yield message(f1=message(f1="load/", f2="load0", f3=self.next))
        self.stopping.wait()

    def step(self):
        self.streams += 1
        try:
            for answer in self.channel.stream_stream(WATCH)(self.requests()):
                fields = fields_of(answer)
                assert not fields.get(4), "a watch was cancelled"
                for event in fields.get(11, []):
                    self.events.append(fields_of(fields_of(event)[2][0])[3][0])
                    self.next = self.events[-1] + 1
                self.done += 1
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE, error


class JsonPutter(Client):
    def step(self):
        for path, body in (("/v3/kv/put", {"key": b64("load/json"), "value": b64(str(self.done))}),
                           ("/v3/kv/range", {"key": b64("load/json")})):
            status, answer = self.ask("POST", path, json.dumps(body))
            assert status == 200, (status, answer)


class JsonFollower(Client):
    """A watch as JSON: one stream, whatever becomes of its worker."""

    def __init__(self, address, first):
        super().__init__(address)
        self.first, self.events, self.response = first, [], None

    def step(self):
        if self.response is None:
            self.connect()
            self.connection.request("POST", "/v3/watch", json.dumps({"create_request": {
                "key": b64("load/"), "range_end": b64("load0"), "start_revision": self.first}}))
            self.response = self.connection.getresponse()
            assert self.response.status == 200
        line = self.response.readline()
        assert line, "the stream ended"
        for event in json.loads(line)["result"].get("events", []):
            self.events.append(int(event["kv"]["mod_revision"]))


class Load:
    def __init__(self, nodes):
        self.putters = [Putter(node) for node in nodes]
        answer = self.putters[0].call(KV + "Put", message(f1="load/", f2="x"))
        self.first = header_revision(answer)
        self.json_putters = [JsonPutter(node.client) for node in nodes]
        self.keepers = [Keeper(node) for node in nodes]
        self.followers = [Follower(node, self.first) for node in nodes] + \
            [JsonFollower(node.client, self.first) for node in nodes]
        self.all = self.putters + self.json_putters + [Reader(node) for node in nodes] + self.keepers + self.followers

    def __enter__(self):
        for client in self.all:
            client.start()
        self.go_on(10)
        return self

    def failures(self):
        return [text for client in self.all for text in client.failed]

    def go_on(self, count):
        goals = [(client, client.done + count) for client in self.all]
        wait_until(lambda: self.failures() or all(client.done >= goal for client, goal in goals), 30, "every client to go on")
        assert not self.failures(), self.failures()

    def __exit__(self, kind, *unused):
        writers = self.putters + self.json_putters
        for client in writers:
            client.stopping.set()
        for client in writers:
            client.join(30 * SLOW)
        if kind is None:
            self.check_events(header_revision(self.keepers[0].call(KV + "Put", message(f1="load/", f2="end"))))
        for client in self.all:
            client.stop()

    def check_events(self, last):
        for follower in self.followers:
            wait_until(lambda: follower.failed or (follower.events and follower.events[-1] >= last), 15, "the last event")
        assert not self.failures(), self.failures()
        for follower in self.followers:
            assert follower.events == list(range(self.first, last + 1)), "a gap or a repeat"


def test_every_process_of_a_cluster_is_replaced_under_calls(world):
    nodes = world.cluster(flags=["-workers", "2"])
    with Load(nodes) as load:
        for _ in range(ROUNDS):
            for node in nodes:
                before = set(all_pids(node))
                replace_all(node)
                load.go_on(5)
                assert len(set(all_pids(node)) & before) == 1
    assert all(client.told == client.closed == 0 for client in load.json_putters)
    # Streams of gRPC cannot be handed over: these began again.
    assert all(client.streams > ROUNDS for client in load.keepers + load.followers[:len(nodes)])

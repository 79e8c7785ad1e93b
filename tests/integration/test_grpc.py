"""The v3 API by gRPC: calls, refusals to the letter, streams of bytes that are none, workers that go."""

import base64
import contextlib
import json
import struct
import time

import pytest

from h2 import H2, SETTINGS, WINDOW, call, call_head, fields_of, frame, framed, message, refusal, result
from moothall import SLOW, VISIBLE, ask, held_bytes, sanitized, wait_until
from test_h2 import metric, rejected, replaced_under_load

WORKERS = "1"
KIB, MIB = 1 << 10, 1 << 20
RANGE, PUT, DELETE, TXN, COMPACT = ("/etcdserverpb.KV/" + name for name in ("Range", "Put", "DeleteRange", "Txn", "Compact"))
GRANT, REVOKE = "/etcdserverpb.Lease/LeaseGrant", "/etcdserverpb.Lease/LeaseRevoke"
INVALID, DEADLINE, NOT_FOUND, DENIED, EXHAUSTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 3, 4, 5, 7, 8, 11, 12, 13, 14


@pytest.fixture
def client(shared):
    with H2(shared.client) as client:
        yield client


def put(client, key, value="", **more):
    return result(call(client, PUT, message(f1=key, f2=value, **more)))


def get(client, key, **more):
    """Its value, or None."""
    kvs = result(call(client, RANGE, message(f1=key, **more))).get(2, [])
    return fields_of(kvs[0]).get(5, [b""])[0].decode() if kvs else None


# ---- calls


def test_each_method(client, shared):
    first = put(client, "a", "1")
    revision = fields_of(first[1][0])[3][0]
    assert get(client, "a") == "1"
    # One key space, whoever asks.
    body = json.dumps({"key": base64.b64encode(b"a").decode()})
    assert ask(shared.client, "POST", "/v3/kv/range", body).json["kvs"][0]["mod_revision"] == str(revision)
    assert fields_of(put(client, "a", "2", f4=1)[2][0])[5] == [b"1"]
    assert get(client, "a", f4=revision) == "1"
    # version of a = 2: put b, else get a.
    compare = message(f1=0, f2=0, f3="a", f4=2)
    txn = message(f1=compare, f2=message(f2=message(f1="b", f2="3")), f3=message(f1=message(f1="a")))
    assert result(call(client, TXN, txn))[2] == [1]
    assert result(call(client, TXN, message(f1=message(f1=0, f2=0, f3="a", f4=9)))).get(2) is None
    granted = result(call(client, GRANT, message(f1=60)))
    assert granted[3] == [60]
    put(client, "leased", "x", f3=granted[2][0])
    result(call(client, REVOKE, message(f1=granted[2][0])))
    assert get(client, "leased") is None
    assert result(call(client, DELETE, message(f1="a", f2="c")))[2] == [2]
    result(call(client, COMPACT, message(f1=revision + 1)))
    assert refusal(call(client, RANGE, message(f1="a", f4=revision))) == (
        OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted")


def test_refusals_to_the_letter(client):
    for path, data, code, text in (
            (RANGE, b"", INVALID, "etcdserver: key is not provided"),
            (PUT, message(f1="k", f3=77), NOT_FOUND, "etcdserver: requested lease not found"),
            (REVOKE, message(f1=77), NOT_FOUND, "etcdserver: requested lease not found"),
            (RANGE, message(f1="k", f4=1 << 40), OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision"),
            (TXN, message(f2=[message(f2=message(f1="k"))] * 2), INVALID, "etcdserver: duplicate key given in txn request"),
            (TXN, message(f2=[message(f1=message(f1="k"))] * 129), INVALID, "etcdserver: too many operations in txn request"),
            ("/etcdserverpb.KV/Nothing", b"", UNIMPLEMENTED, "unknown method Nothing for service etcdserverpb.KV"),
            ("/no.Service/Nothing", b"", UNIMPLEMENTED, "unknown service no.Service"),
            ("/nothing", b"", UNIMPLEMENTED, 'malformed method name: "/nothing"')):
        answer = call(client, path, data)
        assert refusal(answer) == (code, text)
        # A head is all of it.
        assert len(answer.blocks) == 1 and not answer.body and answer.status == 200
        assert answer.field("content-type") == "application/grpc"
    assert call(client, RANGE, b"\xff").last("grpc-status") == str(INTERNAL)


def test_texts_are_escaped(client):
    answer = call(client, "/%C3%A9.%25/x", b"")
    assert answer.last("grpc-message") == "unknown service %C3%A9.%25"


def test_what_is_no_call(client):
    """Another content type, another method: answered as HTTP."""
    for method, kind, status in (("POST", "application/grpc-web", 415), ("POST", "application/json", 415), ("POST", None, 415),
                                 ("GET", "application/grpc", 405), ("POST", "application/grpc+json", 415)):
        fields = [("content-type", kind)] if kind else []
        answer = client.answer(client.begin(client.head(method, PUT, fields)))
        assert answer.status == status, (method, kind, answer)
    assert result(call(client, PUT, message(f1="k"), fields=[("user-agent", "x"), ("client-api-version", "3.5")]))
    for kind in ("application/grpc+proto", "application/grpc;x=y"):
        stream = client.begin(client.head("POST", PUT, [("content-type", kind)]), end=False)
        client.upload(stream, framed(message(f1="k")))
        assert result(client.answer(stream))


def test_http_1_is_told_what_it_needs(shared):
    answer = ask(shared.client, "POST", PUT, "x", headers={"Content-Type": "application/grpc"})
    assert answer.status == 415 and b"HTTP/2" in answer.body


# ---- messages


def test_a_message_may_come_in_any_pieces(client):
    body = framed(message(f1="pieces", f2="v" * 1000))
    for size in (1, 7, 500):
        stream = client.begin(call_head(client, PUT), end=False)
        for at in range(0, len(body), size):
            client.data(stream, body[at:at + size], end=at + size >= len(body))
        assert result(client.answer(stream))
    # Empty frames are nothing, and the end may come by itself.
    stream = client.begin(call_head(client, PUT), end=False)
    for part in (b"", body[:3], b"", body[3:], b""):
        client.data(stream, part)
    assert result(client.answer(stream))
    client.data(stream, b"", end=True)
    assert get(client, "pieces") == "v" * 1000


def test_a_message_at_its_limit_and_above(client):
    """2 MiB as etcd has it; more is refused by its first five bytes."""
    most = 2 * MIB
    answer = call(client, PUT, b"", body=framed(message(f1="k", f2="v" * (most - 9))))
    assert len(message(f1="k", f2="v" * (most - 9))) <= most
    assert refusal(answer) == (INVALID, "etcdserver: request is too large")
    stream = client.begin(call_head(client, PUT), end=False)
    client.data(stream, struct.pack(">BI", 0, most + 1))
    assert refusal(client.answer(stream)) == (
        EXHAUSTED, "grpc: received message larger than max (%d vs. %d)" % (most + 1, most))
    value = "v" * (1400 * KIB)
    put(client, "large", value)
    assert get(client, "large") == value
    result(call(client, DELETE, message(f1="large")))


def test_frames_that_are_refused(client):
    def sent(body, fields=(), end=True):
        stream = client.begin(call_head(client, PUT, fields), end=False)
        client.data(stream, body, end=end)
        return refusal(client.answer(stream))

    good = message(f1="k")
    assert sent(framed(good, 1), [("grpc-encoding", "gzip")]) == (
        UNIMPLEMENTED, 'grpc: Decompressor is not installed for grpc-encoding "gzip"')
    assert sent(framed(good, 1)) == (INTERNAL, "grpc: compressed flag set with identity or empty encoding")
    assert sent(framed(good, 7)) == (INTERNAL, "grpc: received unexpected payload format 7")
    assert sent(framed(good)[:-1]) == (INTERNAL, "unexpected EOF")
    assert sent(b"\0\0") == (INTERNAL, "unexpected EOF")
    assert sent(b"") == (INTERNAL, "the call has no message")
    assert refusal(client.answer(client.begin(call_head(client, PUT)))) == (INTERNAL, "the call has no message")
    # What is not compressed may name any coding; what stands behind the message is not looked at.
    assert result(call(client, PUT, good, fields=[("grpc-encoding", "gzip"), ("grpc-accept-encoding", "gzip")]))
    stream = client.begin(call_head(client, PUT), end=False)
    client.data(stream, framed(good) + b"\xff" * 100, end=True)
    assert result(client.answer(stream))


def test_half_a_message_and_then_nothing(world):
    node = world.node(flags=["-workers", "1", "-http-read-timeout", "1"]).start()
    with H2(node.client) as client:
        halves = [client.begin(call_head(client, PUT), end=False) for _ in range(3)]
        for size, stream in zip((0, 3, 20), halves):
            client.data(stream, framed(b"x" * 100)[:size])
        for stream in halves:
            assert refusal(client.answer(stream)) == (DEADLINE, "the request did not come in time")
        put(client, "k", "1")
        assert get(client, "k") == "1"
    assert rejected(node, "body_timeout") == 3


def test_many_large_messages_at_once(world):
    """Each above its window, interleaved: all come, and little is kept for them."""
    node = world.node(flags=["-workers", "1"] + VISIBLE).start()
    value = "w" * (600 * KIB)
    with H2(node.client) as client:
        streams = {}
        for i in range(12):
            streams[client.begin(call_head(client, PUT), end=False)] = framed(message(f1="k%d" % i, f2=value))
        left, most = dict(streams), 0
        while left:
            client.wait(lambda: any(client.room(stream) > 0 for stream in left))
            for stream in list(left):
                piece = left[stream][:max(client.room(stream), 0)]
                left[stream] = left[stream][len(piece):]
                if piece:
                    client.data(stream, piece, end=not left[stream])
                if not left[stream]:
                    del left[stream]
            most = max(most, metric(node, 'etcd_http_held_bytes{port="client"}'))
        for stream in streams:
            result(client.answer(stream))
        assert most < 12 * MIB, most
        assert get(client, "k11") == value


# ---- time and rights


def test_a_deadline(world):
    """grpc-timeout: of a call that raftd does not answer, and of one whose message does not come."""
    nodes = world.cluster(2, flags=["-workers", "1", "-request-timeout", "20"])
    with H2(nodes[0].client) as client:
        put(client, "k", "1")
        nodes[1].kill_all()
        begin = time.monotonic()
        answer = call(client, PUT, message(f1="k", f2="2"), fields=[("grpc-timeout", "300m")])
        assert refusal(answer) == (DEADLINE, "context deadline exceeded")
        assert 0.25 < time.monotonic() - begin < 5
        stream = client.begin(call_head(client, PUT, [("grpc-timeout", "200000u")]), end=False)
        assert refusal(client.answer(stream)) == (DEADLINE, "context deadline exceeded")
        assert get(client, "k", f7=1) == "1"
        assert refusal(call(client, PUT, message(f1="k"), fields=[("grpc-timeout", "soon")])) == (
            INTERNAL, "malformed grpc-timeout")
        wait_until(lambda: nodes[0].state() != "leader", what="the lead to be lost")
        wait_until(lambda: refusal(call(client, RANGE, message(f1="k"), fields=[("hasleader", "true"), ("grpc-timeout", "200m")])) ==
                   (UNAVAILABLE, "etcdserver: no leader"), what="a call that requires a leader to be refused")


def test_a_stream_that_wants_a_leader(world):
    """It goes on over a new raftd, and ends when there is no leader for long; any other stays."""
    nodes = world.cluster(2, flags=["-workers", "1"])
    wanted = [("hasleader", "true")]
    with H2(nodes[0].client) as client:
        watches = [Watch(client), Watch(client, wanted)]
        nodes[0].kill("raftd")
        # At this moment none is known.
        watches.append(Watch(client, wanted))
        for watch in watches:
            watch.create("k")
            assert watch.next()[3] == [1]
        put(client, "k", "1")
        for watch in watches:
            assert events(watch.next()) == [(0, "k")]
        nodes[1].kill_all()
        begin = time.monotonic()
        for watch in watches[1:]:
            client.wait(lambda: watch.state.over)
            assert (watch.state.last("grpc-status"), watch.state.last("grpc-message")) == (str(UNAVAILABLE), "etcdserver: no leader")
        assert 2.5 < time.monotonic() - begin < 15
        nodes[1].start()
        put(client, "k", "2")
        assert events(watches[0].next()) == [(0, "k")] and not watches[0].state.over


def test_users_of_v2_keep_calls_to_root(world):
    node = world.node(flags=["-workers", "1"]).start()
    basic = [("authorization", "Basic " + base64.b64encode(b"root:secret").decode())]
    assert ask(node.client, "PUT", "/v2/auth/users/root", json.dumps({"user": "root", "password": "secret"})).status == 201
    with H2(node.client) as client:
        put(client, "k", "1")
        assert ask(node.client, "PUT", "/v2/auth/enable", headers={"Authorization": basic[0][1]}).status == 200
        for fields in ((), [("authorization", "Basic " + base64.b64encode(b"root:wrong").decode())], [("authorization", "token")]):
            wait_until(lambda: refusal(call(client, RANGE, message(f1="k"), fields=fields)) ==
                       (DENIED, "etcdserver: permission denied"), what="a call to be refused")
        assert refusal(call(client, PUT, message(f1="k", f2="2"))) == (DENIED, "etcdserver: permission denied")
        answer = result(call(client, RANGE, message(f1="k"), fields=basic))
        assert fields_of(answer[2][0])[5] == [b"1"]
        assert client.ask("GET", "/v2/keys/").status == 200


# ---- what dies meanwhile


def test_no_call_fails_while_a_worker_is_replaced(world):
    def count(client, number, done):
        put(client, "load-%d" % number, str(done))

    node = world.node(flags=["-workers", "1"]).start()
    followers = replaced_under_load(node, count)
    with H2(node.client) as client:
        for follower in followers:
            assert get(client, "load-%d" % follower.number) == str(follower.done - 1)


def test_calls_wait_for_a_new_raftd(world):
    node = world.node(flags=["-workers", "1"]).start()
    with H2(node.client) as client:
        put(client, "k", "0")
        node.kill("raftd")
        streams = []
        for i in range(20):
            streams.append(client.begin(call_head(client, PUT), end=False))
            client.upload(streams[-1], framed(message(f1="k%d" % i, f2=str(i))))
        for stream in streams:
            result(client.answer(stream))
        assert get(client, "k19") == "19"


def test_calls_that_are_broken_off_harm_nobody(world):
    node = world.node(flags=["-workers", "1"]).start()
    with H2(node.client) as client:
        for i in range(200):
            stream = client.begin(call_head(client, PUT), end=False)
            client.data(stream, framed(message(f1="k%d" % i, f2="v" * 1000))[:[0, 3, 100, 2000][i % 4]], end=i % 4 == 3)
            client.reset(stream)
        put(client, "k", "1")
    wait_until(lambda: metric(node, "etcd_ipc_queue_depth") == 0, what="nothing to be in work")


# ---- streams

WATCH = "/etcdserverpb.Watch/Watch"


class Watch:
    """A stream of watches on a connection."""

    def __init__(self, client, fields=()):
        self.client, self.at = client, 0
        self.stream = client.begin(call_head(client, WATCH, fields), end=False)
        self.state = client.streams[self.stream]

    def send(self, data, end=False):
        self.client.upload(self.stream, framed(data), end=end)

    def create(self, key, end="", **more):
        self.send(message(f1=message(f1=key, f2=end, **more)))

    def next(self):
        """The next message, as its fields."""
        def whole():
            size = self.at + 5
            return len(self.state.body) >= size and len(self.state.body) >= size + struct.unpack(
                ">I", self.state.body[self.at + 1:self.at + 5])[0]
        self.client.wait(lambda: whole() or self.state.over)
        size = struct.unpack(">I", self.state.body[self.at + 1:self.at + 5])[0]
        data = self.state.body[self.at + 5:self.at + 5 + size]
        self.at += 5 + size
        return fields_of(data)


def events(answer):
    return [(fields_of(event).get(1, [0])[0], fields_of(fields_of(event)[2][0])[1][0].decode()) for event in answer.get(11, [])]


def test_watches_of_a_stream(client):
    watch = Watch(client)
    watch.create("w/", "w0")
    watch.create("other")
    first, second = watch.next(), watch.next()
    assert first[3] == [1] and second[3] == [1] and second[2] == [1]
    put(client, "w/a", "1")
    result(call(client, DELETE, message(f1="w/a")))
    assert events(watch.next()) == [(0, "w/a")] and events(watch.next()) == [(1, "w/a")]
    put(client, "other", "x")
    got = watch.next()
    assert got[2] == [1] and events(got) == [(0, "other")]
    watch.send(message(f2=message(f1=1)))
    assert watch.next()[4] == [1]
    # The client is done asking; what it asked for goes on.
    client.data(watch.stream, b"", end=True)
    put(client, "w/b", "1")
    assert events(watch.next()) == [(0, "w/b")]
    client.reset(watch.stream)
    assert refusal(call(client, WATCH, b"", body=b"\0\0\0")) == (INTERNAL, "unexpected EOF")
    assert call(client, WATCH, b"\xff").last("grpc-status") == str(INTERNAL)


def test_answers_that_are_not_taken_close_the_window(world):
    """A client that asks on and on, and takes nothing: above 1 MiB of answers no message of it is read."""
    node = world.node(flags=["-workers", "1", "-max-watches", "10"] + VISIBLE).start()
    asked = framed(message(f1=message(f1="k"))) * 1000
    with H2(node.client, settings=[(WINDOW, 0)]) as client:
        watch = Watch(client)
        sent = 0

        def stalls():
            """No room to send within half a second."""
            end = time.monotonic() + 0.5
            while client.room(watch.stream) < len(asked):
                if time.monotonic() > end:
                    return True
                client.ping()
                client.pongs.clear()
                client.wait(lambda: client.pongs)
            return False

        while not stalls():
            client.data(watch.stream, asked)
            sent += len(asked)
            assert sent < 32 * MIB, "it is read without end"
            # What raftd is still asked is no answer yet.
            assert metric(node, 'etcd_http_held_bytes{port="client"}') < 8 * MIB
        # Others are served, and when its answers are taken it goes on.
        client.send(frame(SETTINGS, payload=struct.pack(">HI", WINDOW, 16 * MIB)))
        client.wait(lambda: client.room(watch.stream) >= len(asked))
        put(client, "k", "1")


def test_who_waits_for_what_is_freed_waits_longer_than_a_request_may(world):
    node = world.node(flags=["-workers", "1", "-request-timeout", "0.5"]).start()
    # What an answer shows is kept until its reader has it, and this one takes its time.
    with H2(node.client) as client, H2(node.client, settings=[(WINDOW, 0)]) as reader:
        for i in range(200):
            put(client, "k%03d" % i, "x" * 100000)
        stream = reader.begin(call_head(reader, RANGE), end=False)
        reader.upload(stream, framed(message(f1="k", f2="l")))
        reader.wait(lambda: reader.streams[stream].blocks)
        for i in range(200):
            now = fields_of(put(client, "k%03d" % i, "y")[1][0])[3][0]
        # Its own deadline it keeps.
        late = client.begin(call_head(client, COMPACT, [("grpc-timeout", "800m")]), end=False)
        client.upload(late, framed(message(f1=now - 1, f2=1)))
        assert client.answer(late).last("grpc-status") == str(DEADLINE)
        waits = client.begin(call_head(client, COMPACT), end=False)
        client.upload(waits, framed(message(f1=now, f2=1)))
        # An answer keeps what it shows for ten seconds: this is four limits of a request, however slow the machine is.
        with pytest.raises(AssertionError, match="timed out"):
            client.answer(waits, 2 / SLOW)
        reader.reset(stream)
        assert result(client.answer(waits))
        assert get(client, "k007") == "y"


def test_a_watch_ends_with_its_worker(world):
    """With a status that tells the client to go to another; it goes on from the next revision and misses nothing."""
    node = world.node(flags=["-workers", "1"]).start()
    with H2(node.client) as client:
        watch = Watch(client)
        watch.create("k")
        watch.next()
        put(client, "k", "1")
        seen = fields_of(watch.next()[1][0])[3][0]
        node.control("restart", "client")
        client.wait(lambda: watch.state.over)
        assert watch.state.last("grpc-status") == str(UNAVAILABLE), watch.state
        client.wait_closed(12)
    with H2(node.client) as client:
        put(client, "k", "2")
        watch = Watch(client)
        watch.create("k", f3=seen + 1)
        assert watch.next()[3] == [1]
        assert events(watch.next()) == [(0, "k")]


def test_events_that_were_taken_leave_nothing_behind(world):
    node = world.node(flags=["-workers", "1"]).start()
    worker = node.pid_of("client")
    with H2(node.client) as client:
        watch = Watch(client)
        watch.create("k")
        watch.next()
        for turn in range(600):
            put(client, "k", "x" * (64 * KIB))
            watch.next()
            if turn == 100:
                before = held_bytes(worker)
        if not sanitized():
            assert held_bytes(worker) - before < 8 * MIB


def test_renewals_whose_answers_nobody_takes_are_bounded(world):
    node = world.node(flags=["-workers", "1"]).start()
    worker = node.pid_of("client")
    before = held_bytes(worker)
    with H2(node.client) as client:
        client.takes = False
        for _ in range(100):
            stream = client.begin(call_head(client, "/etcdserverpb.Lease/LeaseKeepAlive"), end=False)
            client.upload(stream, framed(message(f1=7)) * 30000, end=False)
        client.ping()
        with H2(node.client) as other:
            put(other, "k", "v")
        if not sanitized():
            assert held_bytes(worker) - before < 24 * MIB


# ---- long answers


@pytest.fixture
def long_range(world):
    """A node with 80 MiB below one prefix, and the message that asks for them."""
    node = world.node(flags=["-workers", "1"]).start()
    value = base64.b64encode(b"x" * MIB).decode()
    for i in range(80):
        key = base64.b64encode(b"/big/%02d" % i).decode()
        assert ask(node.client, "POST", "/v3/kv/put", json.dumps({"key": key, "value": value})).status == 200
    return node, framed(message(f1="/big/", f2="/big0"))


def begun(client, asked):
    stream = client.begin(call_head(client, RANGE), end=False)
    client.streams[stream].body = bytearray()
    client.upload(stream, asked)
    return stream


def most_bytes(pid):
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM"))


def test_a_range_of_any_length_costs_a_worker_little(long_range):
    node, asked = long_range
    before = most_bytes(node.pid_of("client"))
    with H2(node.client, settings=[(WINDOW, MIB)]) as client:
        answer = client.answer(begun(client, asked))
        assert answer.last("grpc-status") == "0", answer.blocks
        assert len(answer.body) == 5 + struct.unpack(">I", answer.body[1:5])[0]
        fields = fields_of(bytes(answer.body[5:]))
        assert fields[4] == [80] and len(fields[2]) == 80
        for i, kv in enumerate(fields[2]):
            assert fields_of(kv)[1] == [b"/big/%02d" % i] and len(fields_of(kv)[5][0]) == MIB
        # Whoever hangs up in the middle is in nobody's way.
        client.takes = False
        stream = begun(client, asked)
        client.wait(lambda: client.streams[stream].body)
        client.reset(stream)
        client.takes = True
        put(client, "after", "it")
    if not sanitized():
        assert most_bytes(node.pid_of("client")) - before < 32 * MIB


def test_a_long_range_that_cannot_go_on_fails(long_range):
    node, asked = long_range
    with H2(node.client, settings=[(WINDOW, MIB)]) as client:
        client.takes = False
        stream = begun(client, asked)
        client.wait(lambda: len(client.streams[stream].body) > KIB)
        node.kill("raftd")
        client.takes = True
        client.give(0, MIB)
        client.give(stream, MIB)
        answer = client.answer(stream)
        assert answer.reset is not None or answer.last("grpc-status") == str(UNAVAILABLE), answer.blocks
        assert len(answer.body) < 5 + struct.unpack(">I", answer.body[1:5])[0]


def test_a_worker_sends_so_many_ranges_in_pieces(long_range):
    node, asked = long_range
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(H2(node.client, settings=[(WINDOW, MIB)])) for _ in range(9)]
        for client in clients[:8]:
            client.takes = False
            stream = begun(client, asked)
            client.wait(lambda: client.streams[stream].body)
        # One more is put together, which has its limit.
        answer = clients[8].answer(begun(clients[8], asked))
        assert (answer.last("grpc-status"), answer.last("grpc-message")) == (
            str(EXHAUSTED), "the answer is larger than 64 MiB: ask for less with limit and range_end")
        clients[0].reset(1)
        clients[0].ping()
        answer = clients[8].answer(begun(clients[8], asked))
        assert answer.last("grpc-status") == "0", answer.blocks

"""Watches of the v3 API as a stream of JSON: live, from the past, many on a stream, readers that are
slow; and what dies, is replaced or stops meanwhile."""

import json
import os
import signal
import socket
import threading

import pytest

import v3
from moothall import ask, held_bytes, sanitized, until, wait_until
from v3 import b64, basic, call, good, plain, revision

MIB = 1 << 20


def put(node, key, value="", **more):
    return revision(v3.put(node, key, value, **more))


def put_surely(node, key, value=""):
    """Again and again: what answers 14 may be done."""
    def done():
        try:
            answer = call(node, "put", {"key": b64(key), "value": b64(value)})
        except OSError:
            return False
        return answer.status == 200
    wait_until(done, 15, "a put")


def delete(node, key, end=None):
    return revision(v3.delete(node, key, **({} if end is None else {"range_end": b64(end)})))


def create(key, end=None, **more):
    request = dict({"key": b64(key)}, **more)
    if end is not None:
        request["range_end"] = b64(end)
    return {"create_request": request}


ALL = create("\0", "\0")["create_request"]


class Stream:
    """A watch over a socket of its own: messages as they come, each a chunk."""

    def __init__(self, node, *requests, headers=(), read=True, buffer=None):
        body = "".join(json.dumps(request) for request in requests)
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        host, port = node.client.split("://")[-1].rsplit(":", 1)
        self.socket.connect((host, int(port)))
        lines = ["POST /v3/watch HTTP/1.1", "Host: x", "Content-Length: %d" % len(body)]
        lines += ["%s: %s" % header for header in headers]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        self.messages, self.raw, self.head, self.ended, self.failed = [], b"", None, False, None
        self.reading = threading.Event()
        if read:
            self.reading.set()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.ended:
                self.reading.wait()
                data = self.socket.recv(65536)
                if not data:
                    self.failed = "cut" if not self.ended else None
                    return
                self.raw += data
                self._take()
        except OSError as error:
            self.failed = repr(error)
        except Exception as error:
            self.failed = repr(error)
            raise

    def _take(self):
        if self.head is None:
            head, found, rest = self.raw.partition(b"\r\n\r\n")
            if not found:
                return
            self.head, self.raw = head.decode(), rest
            assert self.head.startswith("HTTP/1.1 200 ") and "chunked" in self.head, self.head
        while True:
            length, found, rest = self.raw.partition(b"\r\n")
            if not found or len(rest) < int(length, 16) + 2:
                return
            size = int(length, 16)
            assert rest[size:size + 2] == b"\r\n"
            self.raw = rest[size + 2:]
            if size == 0:
                self.ended = True
                return
            chunk = rest[:size]
            assert chunk.endswith(b"\n") and chunk.count(b"\n") == 1, chunk[-100:]
            self.messages.append(json.loads(chunk))

    def close(self):
        self.socket.close()
        self.reading.set()

    def results(self):
        return [message["result"] for message in self.messages if "result" in message]

    def wait(self, count, timeout=10.0):
        """So many messages."""
        wait_until(lambda: self.failed or self.ended or len(self.messages) >= count, timeout,
                   "%d messages, there are %r" % (count, self.messages[:5]))
        assert len(self.messages) >= count, (self.failed, self.messages)
        return self.messages

    def events(self, watch_id=None):
        """(revision, key, value or None) of each, in order."""
        return [(int(event["kv"]["mod_revision"]), plain(event["kv"]["key"]),
                 None if event.get("type") == "DELETE" else plain(event["kv"].get("value", "")))
                for result in self.results() for event in result.get("events", [])
                if watch_id is None or int(result.get("watch_id", 0)) == watch_id]

    def wait_events(self, count, timeout=15.0, watch_id=None):
        wait_until(lambda: self.failed or self.ended or len(self.events(watch_id)) >= count, timeout,
                   "%d events" % count)
        assert len(self.events(watch_id)) >= count, (self.failed, self.messages[-3:])
        return self.events(watch_id)

    def check(self):
        """What holds for every stream: revisions whole and rising for each watch, no header below them."""
        served = {}
        for result in self.results():
            watch, header = result.get("watch_id", "0"), int(result["header"]["revision"])
            revisions = [int(event["kv"]["mod_revision"]) for event in result.get("events", [])]
            if not revisions:
                continue
            assert revisions == sorted(revisions) and revisions[-1] <= header
            assert revisions[0] > served.get(watch, 0), "a revision came in two messages, or again"
            served[watch] = max(header, revisions[-1])


@pytest.fixture
def node(shared):
    """Without keys."""
    delete(shared, "\0", "\0")
    return shared


def now(node):
    return revision(v3.get(node, "x"))


# ---- one node

def test_what_happens_comes_at_once_each_message_a_chunk(node):
    stream = Stream(node, create("/a", "/b", prev_kv=True))
    first = stream.wait(1)[0]["result"]
    assert first["created"] is True and int(first["header"]["revision"]) == now(node)
    assert "watch_id" not in first and "events" not in first
    one = put(node, "/a", "one")
    two = put(node, "/a", "two")
    put(node, "/c")
    three = delete(node, "/a")
    assert stream.wait_events(3) == [(one, "/a", "one"), (two, "/a", "two"), (three, "/a", None)]
    shown = [event for result in stream.results() for event in result.get("events", [])]
    assert "prev_kv" not in shown[0] and plain(shown[1]["prev_kv"]["value"]) == "one"
    assert plain(shown[2]["prev_kv"]["value"]) == "two"
    assert set(shown[2]["kv"]) == {"key", "mod_revision"}
    stream.check()
    stream.close()


def test_the_past_and_what_follows_it(node):
    first = put(node, "/a", "0")
    for i in range(1, 1500):
        put(node, "/a", str(i))
    streams = [Stream(node, create("/a", start_revision=first)), Stream(node, dict(create_request=dict(
        ALL, start_revision=first + 700)))]
    later = put(node, "/a", "last")
    for stream, begun in zip(streams, (first, first + 700)):
        wait_until(lambda: stream.events() and stream.events()[-1][0] == later, 15, "the last event")
        assert [revision for revision, _, _ in stream.events()] == list(range(begun, later + 1))
        stream.check()
        stream.close()


def test_what_is_compacted_ends_the_watch_and_not_the_stream(node):
    first = put(node, "/a", "1")
    newest = put(node, "/a", "2")
    good(node, "compaction", {"revision": str(newest)})
    stream = Stream(node, create("/a", start_revision=first), create("/a"))
    wait_until(lambda: len(stream.messages) >= 3, 5, "three messages")
    compacted = [r for r in stream.results() if r.get("canceled")]
    assert len(compacted) == 1 and compacted[0]["compact_revision"] == str(newest)
    assert compacted[0]["header"]["revision"] == str(newest) and "created" not in compacted[0]
    put(node, "/a", "3")
    assert stream.wait_events(1, watch_id=1)[0][2] == "3"
    stream.close()


def test_many_watches_of_one_stream_and_their_ids(node):
    stream = Stream(node, create("/a"), create("/b", watch_id="5"), create("/c"), create("/d", watch_id="5"),
                    create("/e", "/a"), create("/f", start_revision=-1), {"cancel_request": {"watch_id": "5"}},
                    create("/g", watch_id="5"), {"cancel_request": {"watch_id": "77"}}, create("/h"), {},
                    {"progress_request": {}})
    stream.wait(10)
    seen = [(r.get("watch_id", "0"), bool(r.get("created")), r.get("canceled", False), r.get("cancel_reason", ""))
            for r in stream.results()]
    assert seen == [
        ("0", True, False, ""), ("5", True, False, ""), ("1", True, False, ""),
        ("-1", True, True, "mvcc: duplicate watch ID provided on the WatchStream"),
        ("-1", True, True, "mvcc: watcher range is empty"),
        ("-1", True, True, "etcdserver: mvcc: required revision has been compacted"),
        ("5", False, True, ""), ("5", True, False, ""), ("2", True, False, ""), ("-1", False, False, "")], seen
    assert {r["header"]["revision"] for r in stream.results()} == {str(now(node))}
    for key in "abcdefgh":
        put(node, "/" + key)
    stream.wait_events(4)
    assert [(r.get("watch_id", "0"), plain(e["kv"]["key"])) for r in stream.results() for e in r.get("events", [])] \
        == [("0", "/a"), ("1", "/c"), ("5", "/g"), ("2", "/h")]
    stream.close()


def test_a_stream_without_watches_ends_when_all_is_said(node):
    stream = Stream(node, create("/a"), {"cancel_request": {}})
    wait_until(lambda: stream.ended, 5, "the end")
    assert [bool(r.get("canceled")) for r in stream.results()] == [False, True]
    for body in ("", '{"cancel_request":{"watch_id":"3"}}'):
        answer = ask(node.client, "POST", "/v3/watch", body)
        assert (answer.status, answer.body) == (200, b""), answer
    answer = ask(node.client, "POST", "/v3/watch", "{")
    assert (answer.status, answer.json["code"]) == (500, 2)


def test_how_far_it_is_is_told_behind_all_that_happened(node):
    for i in range(50):
        stream = Stream(node, create("/a"), {"progress_request": {}}, dict(create_request=dict(ALL)))
        last = put(node, "/a")
        progress = Stream(node, create("/a", start_revision=last), {"progress_request": {}})
        results = progress.wait(3) and progress.results()
        assert [("events" in r, r.get("watch_id", "0")) for r in results] == [
            (False, "0"), (True, "0"), (False, "-1")], results
        assert int(results[2]["header"]["revision"]) >= last
        stream.close()
        progress.close()


def test_one_that_begins_later_holds_up_how_far_it_is(node):
    at = now(node)
    stream = Stream(node, create("/a", start_revision=at + 3), {"progress_request": {}})
    stream.wait(1)
    put(node, "/a")
    assert not until(lambda: len(stream.messages) > 1, 0.3)
    # All up to the one before that it begins with.
    second = put(node, "/a")
    stream.wait(2)
    assert stream.results()[1]["watch_id"] == "-1"
    assert stream.results()[1]["header"]["revision"] == str(second)
    third = put(node, "/a")
    assert stream.wait_events(1) == [(third, "/a", "")]
    stream.close()


def test_long_revisions_are_cut_for_who_asks_for_that(node):
    for i in range(8):
        put(node, "/long/%d" % i, "x" * MIB)
    whole = Stream(node, create("/long/", "/long0", prev_kv=True))
    parts = Stream(node, create("/long/", "/long0", prev_kv=True, fragment=True))
    whole.wait(1), parts.wait(1)
    revision = delete(node, "/long/", "/long0")
    parts.wait_events(8)
    whole.wait_events(8)
    assert len(whole.messages) == 2 and "fragment" not in whole.results()[1]
    shown = parts.results()[1:]
    assert [bool(r.get("fragment")) for r in shown] == [True] * (len(shown) - 1) + [False]
    assert len(shown) == 8 and parts.events() == whole.events()
    assert {r["header"]["revision"] for r in shown} == {str(revision)}
    whole.close(), parts.close()


def test_a_thousand_watches(node):
    one = Stream(node, *[create("/k/%d" % i) for i in range(1000)])
    one.wait(1000)
    assert [int(r.get("watch_id", 0)) for r in one.results()] == list(range(1000))
    several = [Stream(node, dict(create_request=ALL)) for _ in range(200)]
    for stream in several:
        stream.wait(1)
    made = [put(node, "/k/%d" % i, "v") for i in (0, 500, 999)]
    assert one.wait_events(3) == [(made[0], "/k/0", "v"), (made[1], "/k/500", "v"), (made[2], "/k/999", "v")]
    for stream in several:
        assert [revision for revision, _, _ in stream.wait_events(3)] == made
        stream.close()
    one.close()


def test_a_slow_reader_costs_no_memory_and_gets_everything(world):
    node = world.node(flags=["-workers", "1"]).start()
    value = "x" * (64 << 10)
    before = put(node, "/s", value)
    slow = Stream(node, create("/s", prev_kv=True), create("/other"), read=False, buffer=4096)
    wait_until(lambda: "etcd_watches_open 2" in ask(node.client, "GET", "/metrics").body.decode(), 5, "the watches")
    held = held_bytes(node.pid_of("client"))
    for _ in range(400):
        last = put(node, "/s", value)
    grown = held_bytes(node.pid_of("client")) - held
    # What keeps freed memory for its own ends says nothing here.
    assert sanitized() or grown < 16 * MIB, "the worker grew by %d bytes" % grown
    quick = Stream(node, create("/s"))
    quick.wait(1)
    put(node, "/s", "quick")
    assert quick.wait_events(1)[0][2] == "quick"
    slow.reading.set()
    assert [revision for revision, _, _ in slow.wait_events(401, 15)] == list(range(before + 1, last + 2))
    slow.check()
    put(node, "/other", "live")
    slow.wait_events(402)
    assert slow.events(1) == [(last + 2, "/other", "live")]
    slow.close()
    quick.close()


def test_who_is_slow_and_meets_a_compaction_is_told(world):
    node = world.node(flags=["-workers", "1"]).start()
    value = "x" * (256 << 10)
    slow = Stream(node, create("/s"), read=False, buffer=4096)
    wait_until(lambda: "etcd_watches_open 1" in ask(node.client, "GET", "/metrics").body.decode(), 5, "the watch")
    for _ in range(60):
        last = put(node, "/s", value)
    good(node, "compaction", {"revision": str(last)})
    slow.reading.set()
    wait_until(lambda: slow.ended, 15, "the end")
    assert slow.results()[-1]["compact_revision"] == str(last) and slow.results()[-1]["canceled"] is True
    assert slow.events()[-1][0] < last
    slow.check()


# ---- users

def test_while_users_count_only_root_watches(world):
    node = world.node().start()
    nobody, root = Stream(node, create("/a")), Stream(node, create("/a"), headers=basic("root:pa").items())
    nobody.wait(1), root.wait(1)
    body = json.dumps({"user": "root", "password": "pa"})
    assert ask(node.client, "PUT", "/v2/auth/users/root", body).status == 201
    assert ask(node.client, "PUT", "/v2/auth/enable", "", headers=basic("root:pa")).status == 200
    wait_until(lambda: nobody.ended, 5, "the end of what may not be seen")
    assert nobody.messages[-1]["error"]["grpc_code"] == 7, nobody.messages
    answer = ask(node.client, "POST", "/v3/watch", json.dumps(create("/a")))
    assert answer.status == 401
    late = Stream(node, create("/a"), headers=basic("root:pa").items())
    late.wait(1)
    good(node, "put", {"key": b64("/a")}, headers=basic("root:pa"))
    late.wait_events(1)
    late.close()
    root.close()


# ---- what dies

class Putter:
    """One key, again and again, each time with a higher number."""

    def __init__(self, node, key="/p"):
        self.node, self.key, self.done, self.stopping = node, key, 0, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping.is_set():
            put_surely(self.node, self.key, str(self.done))
            self.done += 1

    def more(self, count):
        goal = self.done + count
        wait_until(lambda: self.done >= goal, 20, "more puts")

    def stop(self):
        self.stopping.set()
        self.thread.join(20)


def check_versions(stream, node, key="/p"):
    """Every version of the key once, up to the present one."""
    kv = good(node, "range", {"key": b64(key)})["kvs"][0]
    version = int(kv["version"])

    def versions():
        return [int(e["kv"]["version"]) for r in stream.results() for e in r.get("events", [])]
    wait_until(lambda: stream.failed or stream.ended or (versions() and versions()[-1] == version), 15, "the last event")
    assert versions() == list(range(1, version + 1)), "a gap or a repeat"
    stream.check()


def test_raftd_is_killed_and_no_event_is_lost_or_told_twice(world):
    node = world.node(flags=["-workers", "2"]).start()
    streams = [Stream(node, create("/p")) for _ in range(6)]
    quiet = Stream(node, create("/quiet"))
    for stream in streams + [quiet]:
        stream.wait(1)
    putter = Putter(node)
    for _ in range(4):
        putter.more(40)
        node.kill("raftd")
    putter.more(40)
    putter.stop()
    for stream in streams:
        check_versions(stream, node)
        stream.close()
    last = put(node, "/quiet", "q")
    assert quiet.wait_events(1) == [(last, "/quiet", "q")]
    quiet.close()


def test_a_quiet_watch_outlives_compaction_and_a_new_raftd(world):
    # The worker that has the answer has been told before how far its watches are; another one may be told after it.
    node = world.node(flags=["-workers", "1"]).start()
    quiet = Stream(node, create("/quiet"))
    quiet.wait(1)
    for _ in range(20):
        last = put(node, "/p")
    good(node, "compaction", {"revision": str(last)})
    node.kill("raftd")
    put_surely(node, "/quiet", "q")
    assert [value for _, _, value in quiet.wait_events(1)] == ["q"]
    assert len(quiet.messages) == 2
    quiet.close()


def test_leaders_are_killed_and_watches_of_three_nodes_go_on(world):
    nodes = world.cluster()
    streams = [Stream(node, create("/p")) for node in nodes for _ in range(2)]
    for stream in streams:
        stream.wait(1)
    putter = Putter(nodes[0])
    for _ in range(3):
        putter.more(20)
        world.leader_of(nodes).kill("raftd")
    putter.more(20)
    putter.stop()
    for stream in streams:
        check_versions(stream, nodes[0])
        stream.close()


def test_a_node_that_gets_a_snapshot_tells_its_watches_what_they_missed(world):
    nodes = world.cluster(flags=["-snapshot-count", "50"])
    put(nodes[0], "/p", "first")
    left = next(node for node in nodes if node is not world.leader_of(nodes))
    others = [node for node in nodes if node is not left]
    stream = Stream(left, create("/p", start_revision=1))
    stream.wait_events(1)
    pid = left.pid_of("raftd")
    os.kill(pid, signal.SIGSTOP)
    try:
        for i in range(300):
            put_surely(others[0], "/p", "%d%s" % (i, "x" * (48 << 10)))
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: "etcd_snapshot_received_total 1" in ask(left.client, "GET", "/metrics").body.decode(), 15,
               "a snapshot")
    check_versions(stream, others[0])
    stream.close()


def test_workers_are_replaced_and_no_watch_notices(world):
    node = world.node(flags=["-workers", "2"]).start()
    requests = [create("/p", prev_kv=True), create("/many/", "/many0", watch_id="9"), create("/z", progress_notify=True)]
    streams = [Stream(node, *requests) for _ in range(8)]
    for stream in streams:
        stream.wait(3)
    putter = Putter(node)
    for _ in range(3):
        before = set(node.pids()["client"])
        putter.more(20)
        answer = node.control("restart", "client")
        assert answer.returncode == 0, answer
        wait_until(lambda: not before & set(node.pids()["client"]), 15, "the old workers to end")
    putter.more(20)
    putter.stop()
    last = put(node, "/many/a", "m")
    for stream in streams:
        check_versions_of(stream, node)
        assert stream.wait_events(1, watch_id=9) == [(last, "/many/a", "m")]
        assert not stream.failed and not stream.ended
        stream.close()


def check_versions_of(stream, node, key="/p"):
    kv = good(node, "range", {"key": b64(key)})["kvs"][0]
    wait_until(lambda: stream.failed or len(stream.events(0)) >= int(kv["version"]), 15, "all events")
    assert [key for _, key, _ in stream.events(0)] == [key] * int(kv["version"])
    stream.check()


def test_a_node_that_stops_says_so(world):
    node = world.node().start()
    stream = Stream(node, create("/a"))
    stream.wait(1)
    node.stop()
    wait_until(lambda: stream.ended or stream.failed, 10, "the end")
    assert stream.ended and stream.messages[-1] == {"error": {
        "grpc_code": 14, "http_code": 503, "message": "etcdserver: server stopped",
        "http_status": "Service Unavailable"}}

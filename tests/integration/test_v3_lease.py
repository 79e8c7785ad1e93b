"""Leases of the v3 API: kept alive, looked at, listed on every node, over changes of the leader."""

import json
import socket
import threading
import time

from moothall import ask, wait_until
from v3 import b64, call, get, good, put, refused, revision

TIMED_OUT = "etcdserver: request timed out"


def lease(node, method, message, **more):
    return good(node, method, message, prefix="/v3/lease/", **more)


def grant(node, ttl, **more):
    return lease(node, "grant", dict({"TTL": str(ttl)}, **more))["ID"]


def stream(node, path, body, timeout=15.0):
    """All that a stream answers, as it came: status, lines."""
    answer = ask(node.client, "POST", path, body, timeout=timeout)
    return answer.status, [json.loads(line) for line in answer.body.decode().splitlines()]


def keep_alive(node, *ids, **more):
    """The TTLs that were answered, None where there is none."""
    status, lines = stream(node, "/v3/lease/keepalive", "".join(json.dumps({"ID": one}) for one in ids), **more)
    assert status == 200 and all("result" in line for line in lines), (status, lines)
    assert [line["result"]["ID"] for line in lines] == [str(one) for one in ids]
    return [line["result"].get("TTL") for line in lines]


def look(node, one, **more):
    return lease(node, "timetolive", dict({"ID": one}, **more))


def has(node, key):
    return "count" in get(node, key)


# ---- one node

def test_keepalives_of_a_stream_are_answered_in_their_order(shared):
    ids = [grant(shared, 60 + i) for i in range(300)]
    ids.insert(200, "77")
    assert keep_alive(shared, *ids) == [None if one == "77" else str(60 + i - (i > 200)) for i, one in enumerate(ids)]
    assert stream(shared, "/v3/lease/keepalive", "") == (200, [])
    before = revision(get(shared, "/none"))
    status, lines = stream(shared, "/v3/lease/keepalive", '{"ID":%s}{"ID":' % ids[0])
    assert (status, lines[-1]["code"] if status != 200 else lines[-1]["error"]["http_code"]) in ((500, 2), (200, 500))
    assert revision(get(shared, "/none")) == before


def test_a_stream_answers_each_keepalive_at_once(shared):
    one = grant(shared, 60)
    body = json.dumps({"ID": one}).encode() * 2
    host, port = shared.client.rsplit(":", 1)
    with socket.create_connection((host.replace("http://", "").strip("/"), int(port)), timeout=5) as connection:
        connection.sendall(b"POST /v3/lease/keepalive HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        text = b""
        while not text.endswith(b"0\r\n\r\n"):
            text += connection.recv(65536)
    head, chunks = text.split(b"\r\n\r\n", 1)
    assert b"Transfer-Encoding: chunked" in head and b"Content-Type: application/json" in head
    # A line is a chunk of its own.
    assert chunks.count(b'{"result":') == 2 and chunks.count(b"}}\n\r\n") == 2


def test_so_many_keepalives_may_wait_in_a_stream(shared):
    one = grant(shared, 60)
    document = '{"ID":"%s"}' % one
    many = 2 * (1 << 20) // len(document) - 1
    status, lines = stream(shared, "/v3/lease/keepalive", document * min(many, 60000), timeout=60)
    assert status == 200 and len(lines) == min(many, 60000)
    assert all(line["result"]["TTL"] == "60" for line in lines)
    # What is there already is answered, then it ends.
    short = "{}" * 300000
    status, lines = stream(shared, "/v3/lease/keepalive", short, timeout=60)
    last = lines[-1]["error"] if status == 200 else lines[-1]
    assert "too many requests" in json.dumps(last) and len(lines) < 300000


def test_what_is_left_of_a_lease_and_its_keys(shared):
    one = grant(shared, 30)
    for name in ("/look/b", "/look/a", "/look/c"):
        put(shared, name, "x", lease=one)
    answer = look(shared, one, keys=True)
    assert answer["grantedTTL"] == "30" and 27 <= int(answer["TTL"]) <= 30
    assert answer["keys"] == [b64("/look/a"), b64("/look/b"), b64("/look/c")]
    assert "keys" not in look(shared, one)
    assert good(shared, "timetolive", {"ID": one}, prefix="/v3/kv/lease/")["ID"] == one
    unknown = look(shared, "77", keys=True)
    assert (unknown["TTL"], unknown["ID"]) == ("-1", "77") and "grantedTTL" not in unknown


def test_a_lease_ends_in_time_and_not_early(shared):
    one = grant(shared, 2)
    put(shared, "/soon", "x", lease=one)
    assert keep_alive(shared, one) == ["2"]
    since = time.monotonic()
    wait_until(lambda: not has(shared, "/soon"), 5, "the lease to end")
    assert 2.0 <= time.monotonic() - since <= 3.2
    assert keep_alive(shared, one) == [None]
    assert look(shared, one)["TTL"] == "-1"


def test_a_deadline_of_the_client(shared):
    # A compaction that has nothing to wait for is as quick as any.
    made = revision(put(shared, "/deadline", "x"))
    good(shared, "compaction", {"revision": str(made), "physical": True}, headers={"Grpc-Timeout": "5S"})
    answer = call(shared, "range", {"key": b64("/deadline")}, headers={"Grpc-Timeout": "1n"})
    assert answer.status in (200, 504)
    if answer.status == 504:
        assert answer.json["code"] == 4 and answer.json["message"] == "context deadline exceeded"


def test_ten_thousand_leases(world):
    node = world.node(flags=["-workers", "2"]).start()
    body = json.dumps
    ids = []

    def grants(number):
        import http.client
        connection = http.client.HTTPConnection(node.client.replace("http://", ""), timeout=15)
        for _ in range(2500):
            connection.request("POST", "/v3/lease/grant", body({"TTL": "600"}))
            ids.append(json.loads(connection.getresponse().read())["ID"])

    threads = [threading.Thread(target=grants, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(set(ids)) == 10000
    listed = lease(node, "leases", {}, timeout=30)
    assert [one["ID"] for one in listed["leases"]] == sorted(ids, key=int)
    assert good(node, "leases", {}, prefix="/v3/kv/lease/", timeout=30)["leases"] == listed["leases"]
    begun = time.monotonic()
    assert keep_alive(node, *ids, timeout=60) == ["600"] * 10000
    assert 10000 / (time.monotonic() - begun) > 1000, "renewals a second"
    # None of them is in the log.
    assert revision(listed) == revision(get(node, "/none")) == 1


# ---- three nodes

def test_every_node_keeps_leases_alive(world):
    nodes = world.cluster()
    one = grant(nodes[0], 3)
    put(nodes[1], "/kept", "x", lease=one)
    since = time.monotonic()
    while time.monotonic() - since < 6:
        for node in nodes:
            assert keep_alive(node, one) == ["3"]
            assert look(node, one, keys=True)["keys"] == [b64("/kept")]
            assert int(look(node, one)["TTL"]) >= 2
    assert all(lease(node, "leases", {})["leases"] == [{"ID": one}] for node in nodes)
    assert all(keep_alive(node, "77") == [None] for node in nodes)
    last = time.monotonic()
    assert keep_alive(nodes[2], one) == ["3"]
    wait_until(lambda: not has(nodes[2], "/kept"), 6, "the lease to end")
    assert 3.0 <= time.monotonic() - last <= 4.5


class Keeper(threading.Thread):
    """Keeps a lease alive through one node, for as long as that answers; knows when it did last."""

    def __init__(self, node, one):
        super().__init__(daemon=True)
        self.node, self.one, self.stopping = node, one, threading.Event()
        self.last, self.count, self.failures = time.monotonic(), 0, []
        self.start()

    def run(self):
        while not self.stopping.is_set():
            try:
                status, lines = stream(self.node, "/v3/lease/keepalive", json.dumps({"ID": self.one}))
            except OSError:
                continue
            if status == 200 and lines[0]["result"].get("TTL"):
                self.last, self.count = time.monotonic(), self.count + 1
            elif status == 200:
                self.failures.append(lines)
                return
            else:
                assert lines[0]["code"] == 14, lines

    def stop(self):
        self.stopping.set()
        self.join(20)
        assert not self.failures, self.failures


def test_a_lease_that_is_kept_alive_outlives_its_leaders(world):
    nodes = world.cluster()
    one = grant(nodes[0], 3)
    put(nodes[0], "/kept", "x", lease=one)
    leader = world.leader_of(nodes)
    follower = next(node for node in nodes if node is not leader)
    keeper, begun = Keeper(follower, one), time.monotonic()
    # What is in the log would have ended it by now.
    wait_until(lambda: time.monotonic() - begun > 3.5 or keeper.failures, 10, "the TTL to pass")
    for _ in range(2):
        before = keeper.count
        world.leader_of(nodes).kill("raftd")
        wait_until(lambda: keeper.count > before + 50 or keeper.failures, 15, "more keepalives")
    leader = world.leader_of(nodes)
    if leader is not follower:
        leader.kill_all()
        before = keeper.count
        wait_until(lambda: keeper.count > before + 50 or keeper.failures, 15, "more keepalives")
    keeper.stop()
    assert has(follower, "/kept")
    # And no longer than it has to, by a leader that knows nothing of the last renewals.
    wait_until(lambda: not has(follower, "/kept"), 10, "the lease to end")
    assert 3.0 <= time.monotonic() - keeper.last


def test_raftd_is_killed_while_leases_are_kept_alive(world):
    node = world.node(flags=["-workers", "1"]).start()
    one = grant(node, 5)
    keeper = Keeper(node, one)
    for _ in range(3):
        before = keeper.count
        node.kill("raftd")
        # The worker asks the next one.
        wait_until(lambda: keeper.count > before + 20 or keeper.failures, 15, "more keepalives")
    keeper.stop()


def test_without_a_majority_nothing_is_promised(world):
    nodes = world.cluster(flags=["-request-timeout", "2"])
    one = grant(nodes[0], 60)
    leader = world.leader_of(nodes)
    for node in nodes:
        if node is not leader:
            node.kill_all()
    wanted = (503, [{"error": TIMED_OUT, "message": TIMED_OUT, "code": 14}])
    assert stream(leader, "/v3/lease/keepalive", json.dumps({"ID": one})) == wanted
    refused(leader, "timetolive", {"ID": one}, 503, 14, TIMED_OUT, prefix="/v3/lease/")
    refused(leader, "leases", {}, 503, 14, TIMED_OUT, prefix="/v3/lease/")


def test_a_new_leader_gives_a_lease_all_of_its_time(world):
    nodes = world.cluster()
    one = grant(nodes[0], 600)
    leader = world.leader_of(nodes)
    for _ in range(2):
        leader.kill("raftd")
        wait_until(lambda: world.leader_of(nodes), 10, "a leader")
        # Some more than that: what the one before may have promised meanwhile.
        assert all(598 <= int(look(node, one)["TTL"]) <= 601 for node in nodes)
        assert all(keep_alive(node, one) == ["600"] for node in nodes)
        leader = world.leader_of(nodes)

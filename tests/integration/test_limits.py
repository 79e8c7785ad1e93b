"""Limits of the client port: each has an answer, is counted, and leaves the
node as it was."""

import http.client
import time

import pytest

from moothall import SLOW, ask, held_bytes, sanitized, wait_until
from prometheus import Page, scrape
from wire import Ended, Wire, request


def rejected(node, reason):
    return scrape(node.client).get("etcd_http_rejected_total", reason=reason)


def expect_end(wire):
    with pytest.raises(Ended):
        while True:
            wire._take(1)


def opened(node):
    """A connection that is served. One that a test closed before may still be counted."""
    def try_it():
        wire = Wire(node.client)
        try:
            wire.send(request("GET", "/version"))
            assert wire.answer().status == 200
            return wire
        except (Ended, OSError):
            wire.close()
            return None
    return wait_until(try_it, 5, "a connection to be served")


def refused(node, data, status, reason):
    """Send data on a connection of its own: that status, then the end, counted once."""
    before = rejected(node, reason)
    with Wire(node.client) as wire:
        wire.send(data)
        answer = wire.answer()
        assert answer.status == status, answer
        assert answer.get("Connection") == "close"
        expect_end(wire)
    assert rejected(node, reason) == before + 1
    assert node.get("/version").status == 200
    return answer


# ---- heads and bodies

def test_line_head_and_body_above_their_limits(world):
    node = world.node(flags=["-max-header-bytes", "8K", "-max-body-bytes", "20K"]).start()
    refused(node, request("GET", "/v2/keys/" + "k" * 9000), 414, "request_line")
    refused(node, request("GET", "/version", headers=["X-Long: " + "x" * 9000]), 431, "head")
    refused(node, request("GET", "/version", headers=["X-%d: x" % i for i in range(101)]), 431, "head")
    refused(node, request("PUT", "/v2/keys/a", body="value=" + "v" * 30000), 413, "body")
    refused(node, request("PUT", "/v2/keys/a", headers=["Transfer-Encoding: chunked"]) +
            b"8000\r\n" + b"v" * 0x8000 + b"\r\n0\r\n\r\n", 413, "body")
    refused(node, b"GET /version HTTP/1.1\r\n\r\n", 400, "malformed")
    # At the limit it is served.
    assert node.put("/a", "v" * (20 * 1024 - len("value="))).status == 201
    with Wire(node.client) as wire:
        wire.send(request("GET", "/version", headers=["X-%d: x" % i for i in range(99)]))
        assert wire.answer().status == 200


def test_too_many_form_fields(world):
    node = world.node().start()
    fields = [("value", "v")] + [("f%d" % i, "x") for i in range(63)]
    assert ask(node.client, "PUT", "/v2/keys/a", fields).status == 201
    answer = ask(node.client, "PUT", "/v2/keys/a", fields + [("g", "x")])
    assert answer.status == 400 and answer.json["cause"] == "too many parameters"
    query = "&".join("f%d=x" % i for i in range(65))
    assert node.get("/v2/keys/a?" + query).status == 400
    assert rejected(node, "form_fields") == 2


# ---- time

def test_a_head_that_does_not_come(world):
    node = world.node(flags=["-header-timeout", "1"]).start()
    begun = time.monotonic()
    answer = refused(node, b"GET /version HTTP/1.1\r\nHost:", 408, "head_timeout")
    assert answer.body == b"Request Timeout\n"
    assert 0.9 < time.monotonic() - begun < 4 * SLOW
    # Who says nothing at all gets no answer, and is nothing to count.
    with Wire(node.client) as wire:
        expect_end(wire)
        assert wire.came == b""
    assert rejected(node, "head_timeout") == 1


def test_a_body_that_does_not_come_in_time(world):
    node = world.node(flags=["-http-read-timeout", "1"]).start()
    head = request("PUT", "/v2/keys/a", body="value=abc")[:-3]
    refused(node, head, 408, "body_timeout")
    assert node.get("/v2/keys/a").status == 404


def test_a_body_that_comes_too_slowly(world):
    node = world.node(flags=["-min-body-rate", "4K"]).start()
    with Wire(node.client, timeout=30) as wire:
        begun = time.monotonic()
        wire.send(request("PUT", "/v2/keys/a", body="value=" + "v" * 100000)[:-99000])
        answer = wire.answer()
        took = time.monotonic() - begun
        assert answer.status == 408
        # Free for 5 s, then what came lasts for another quarter of a second.
        assert 5.0 < took < 8 * SLOW
        expect_end(wire)
    assert rejected(node, "body_rate") == 1
    assert node.get("/v2/keys/a").status == 404


def test_a_slow_body_is_fine_without_a_rate(world):
    node = world.node(flags=["-min-body-rate", "0"]).start()
    with Wire(node.client, timeout=30) as wire:
        data = request("PUT", "/v2/keys/a", body="value=abcdef")
        wire.send(data[:-6])
        for i in range(6):
            time.sleep(1.0)     # the pace of a slow client
            wire.send(data[len(data) - 6 + i:len(data) - 5 + i])
        assert wire.answer().status == 201
    assert rejected(node, "body_rate") == 0


def test_an_answer_that_is_not_read(world):
    node = world.node(flags=["-http-write-timeout", "1", "-workers", "1"]).start()
    assert node.put("/big", "v" * 5000000).status == 201
    with Wire(node.client, receive_bytes=4096) as wire:
        wire.send(request("GET", "/v2/keys/big"))
        wait_until(lambda: rejected(node, "write_timeout") == 1, 10, "the connection to be cut")
        expect_end(wire)


def test_a_watch_that_is_not_read(world):
    node = world.node(flags=["-max-watch-backlog", "64K", "-workers", "1"]).start()
    with Wire(node.client, receive_bytes=4096) as wire:
        wire.send(request("GET", "/v2/keys/w?wait=true&stream=true&recursive=true"))
        assert wire.head().status == 200

        def write():
            for i in range(20):
                assert node.put("/w/%d" % i, "v" * 100000).status in (200, 201)
            return rejected(node, "slow_watch") == 1
        wait_until(write, 30, "the stream to be cut")
        with pytest.raises(Ended) as ended:
            while True:
                wire._more()
        assert b'"errorCode":401' in ended.value.got
    wait_until(lambda: scrape(node.client).get("etcd_watches_open") == 0, 5, "the watch to end")


# ---- how many

def test_connections_of_one_address(world):
    node = world.node(flags=["-max-connections-per-address", "5", "-workers", "1"]).start()
    wires = [opened(node) for _ in range(5)]

    def page_of(wire):
        wire.send(request("GET", "/metrics"))
        return Page(wire.answer().body.decode())
    before = page_of(wires[0]).get("etcd_http_rejected_total", reason="connections_per_address")
    for _ in range(3):
        with Wire(node.client) as wire:
            expect_end(wire)
    # Another address of this machine is another caller.
    host, port = node.client.rsplit(":", 1)
    other = http.client.HTTPConnection(host, int(port), timeout=10, source_address=("127.0.0.2", 0))
    other.request("GET", "/metrics")
    page = Page(other.getresponse().read().decode())
    assert page.get("etcd_http_rejected_total", reason="connections_per_address") == before + 3
    assert page.get("etcd_http_connections", port="client") == 6
    other.close()
    wires.pop().close()
    wires.append(opened(node))
    # The peer port has no such limit: other nodes may share an address.
    peers = [Wire(node.peer) for _ in range(8)]
    for wire in peers:
        wire.send(request("GET", "/name"))
        assert wire.answer().status == 200
    for wire in peers + wires:
        wire.close()


def test_no_limit_by_address(world):
    node = world.node(flags=["-max-connections-per-address", "0", "-workers", "1"]).start()
    wires = [Wire(node.client) for _ in range(40)]
    for wire in wires:
        wire.send(request("GET", "/version"))
        assert wire.answer().status == 200
        wire.close()


def test_connections_of_a_worker(world):
    node = world.node(flags=["-max-connections", "4", "-workers", "1"]).start()
    # All but one are busy; that one asks now and then.
    wires = [opened(node) for _ in range(4)]
    for wire in wires[1:]:
        wire.watch("/busy", "&stream=true")
    with Wire(node.client) as waiting:
        waiting.send(request("GET", "/version"))
        wires[0].send(request("GET", "/metrics"))
        page = Page(wires[0].answer().body.decode())
        assert page.get("etcd_http_rejected_total", reason="connections") >= 1
        assert page.get("etcd_http_connections", port="client") == 4
        assert waiting.silent()
        # It waits in the kernel's queue, and is served when there is room.
        wires[1].close()
        assert waiting.answer().status == 200
    for wire in wires:
        wire.close()


def few_descriptors(node, count=150):
    # The supervisor raises its soft limit to the hard one, so that is what is lowered.
    argv = ["prlimit", "--nofile=%d:%d" % (count, count)] + node.argv()
    node.argv = lambda: argv
    return node


def test_the_descriptor_reserve_is_kept(world):
    node = few_descriptors(world.node(flags=["-workers", "1", "-descriptor-reserve", "64"])).start()
    # None of them can give way: each waits for something.
    wires = []
    for _ in range(150 - 64 - 1):
        wires.append(opened(node))
        wires[-1].watch("/busy", "&stream=true")
    asking = opened(node)
    with Wire(node.client) as late:
        late.send(request("GET", "/version"))
        began = time.monotonic()
        answer = late.answer()
        assert answer.status == 503 and answer.get("Retry-After") == "1"
        assert time.monotonic() - began < 1 * SLOW
        expect_end(late)
    asking.send(request("GET", "/metrics"))
    page = Page(asking.answer().body.decode())
    assert page.get("etcd_http_rejected_total", reason="descriptors") >= 2
    assert page.get("etcd_http_connections", port="client") == 150 - 64
    assert node.log().count("cannot accept connections for now") == 1
    wires.pop().close()
    assert opened(node).ask("GET", "/version").status == 200
    for wire in wires + [asking]:
        wire.close()
    # The rest of the node has what it needs.
    assert node.put("/a", "b").status == 201


@pytest.mark.parametrize("limit", ["connections", "descriptors"])
def test_who_asks_for_nothing_gives_way(world, limit):
    """Connections that rest, or whose head does not come, keep nobody out for more than a moment."""
    node = world.node(flags=["-workers", "1"])
    if limit == "connections":
        node.flags += ["-max-connections", "40"]
    else:
        few_descriptors(node, 90)
    node.start()
    idle = [opened(node) for _ in range(10)]
    slow = [Wire(node.client) for _ in range(40)]
    for wire in slow[::2]:
        wire.send(b"GET /v2/ke")
    time.sleep(1.0)     # so long it may rest before it gives way
    for _ in range(20):
        began = time.monotonic()
        with Wire(node.client) as wire:
            wire.send(request("GET", "/version"))
            assert wire.answer().status == 200
        assert time.monotonic() - began < 1 * SLOW
    assert rejected(node, "room") >= 1
    for wire in idle + slow:
        wire.close()


def test_more_connections_by_a_reload_are_there_at_once(world):
    config = "%s/etcd.conf" % world.folder
    with open(config, "w") as file:
        file.write("[limits]\nmax_connections = 2\n")
    node = world.node(flags=["-config", config, "-workers", "1"]).start()
    wires = [opened(node), opened(node)]
    for wire in wires:
        wire.watch("/busy", "&stream=true")
    with Wire(node.client) as waiting:
        waiting.send(request("GET", "/version"))
        assert waiting.silent(0.3)
        with open(config, "w") as file:
            file.write("[limits]\nmax_connections = 3\n")
        began = time.monotonic()
        assert node.control("reload").returncode == 0
        assert waiting.answer().status == 200
        assert time.monotonic() - began < 1 * SLOW
    for wire in wires:
        wire.close()


def test_requests_under_way(world):
    nodes = world.cluster(flags=["-max-requests", "8", "-workers", "1"])
    leader = world.leader_of(nodes)
    followers = [node for node in nodes if node is not leader]
    for node in followers:
        node.kill_all()
    wires = [Wire(leader.client) for _ in range(8)]
    for i, wire in enumerate(wires):
        wire.send(request("PUT", "/v2/keys/k%d" % i, {"value": "v"}))
    wait_until(lambda: scrape(leader.client).get("etcd_ipc_queue_depth") == 8, 5, "8 to wait")
    answer = leader.put("/more", "v")
    assert answer.status == 500 and answer.json["errorCode"] == 300
    assert answer.json["cause"] == "too many requests are under way"
    stats = leader.get("/v2/stats/store")
    assert stats.status == 503 and stats.headers["Retry-After"] == "1"
    assert rejected(leader, "requests") == 2
    for node in followers:
        node.start(wait=False)
    for wire in wires:
        assert wire.answer().status in (201, 500)
        wire.close()
    wait_until(lambda: leader.get("/v2/stats/store").status == 200, 10, "room for another request")


def test_watches_of_a_node(world):
    node = world.node(flags=["-max-watches", "3", "-workers", "1"]).start()
    wires = [Wire(node.client) for _ in range(3)]
    for wire in wires:
        wire.send(request("GET", "/v2/keys/w?wait=true"))
        assert wire.head().status == 200
    answer = node.get("/v2/keys/w?wait=true")
    assert answer.status == 500 and answer.json["cause"] == "too many watches"
    wait_until(lambda: rejected(node, "watches") == 1, 5, "it to be counted")
    for wire in wires:
        wire.close()


def test_pipelined_requests_are_read_as_far_as_they_are_in_work(world):
    """So that no connection has more watches open than requests in work: 32."""
    node = world.node(flags=["-workers", "1"]).start()
    with Wire(node.client) as wire:
        wire.send(*[request("GET", "/v2/keys/w?wait=true") for _ in range(40)])
        wait_until(lambda: scrape(node.client).get("etcd_watches_open") == 32, 5, "32 watches")
        assert node.put("/w", "first").status == 201
        wait_until(lambda: scrape(node.client).get("etcd_watches_open") == 8, 5, "the other 8")
        assert node.put("/w", "second").status == 200
        values = [wire.answer().json["node"]["value"] for _ in range(40)]
        assert values == ["first"] * 32 + ["second"] * 8


@pytest.mark.skipif(sanitized(), reason="a sanitizer has memory of its own")
@pytest.mark.parametrize("where", ["path", "header"])
def test_long_heads_of_watches_are_bounded(world, where):
    """Pipelined on many connections; nobody else waits for it, and nothing stays."""
    node = world.node(flags=["-workers", "1"]).start()
    worker = node.pid_of("client")
    wires = []
    for i in range(250):
        wires.append(Wire(node.client))
        path, headers = ("w" * 45000, []) if where == "path" else ("w", ["X: " + "x" * 45000])
        # Its own buffers may be too small for all of it: so nobody waits for that.
        wires[-1].socket.setblocking(False)
        try:
            wires[-1].socket.send(request("GET", "/v2/keys/%s%d?wait=true&stream=true" % (path, i), headers=headers) * 32)
        except BlockingIOError:
            pass
        if i % 10 == 0:
            assert node.get("/v2/keys/none", timeout=5).status == 404
            assert held_bytes(worker) < 250 << 20
    for wire in wires:
        wire.close()
    wait_until(lambda: scrape(node.client).get("etcd_watches_open") == 0, 10, "the watches to end")
    wait_until(lambda: scrape(node.client).get("etcd_debugging_store_watchers") == 0, 10, "raftd to know")
    wait_until(lambda: held_bytes(worker) < 50 << 20, 20, "memory to come back")

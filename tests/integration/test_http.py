"""The client port as HTTP sees it: framing, order, limits, and shapes that no
client should send, against real workers."""

import json
import os
import socket
import time

from moothall import SLOW, Writers, held_bytes, wait_until
from prometheus import scrape
from wire import FORM, Wire, request, watchers


# ---- order

def test_pipelined_answers_keep_the_order_of_their_requests(world):
    node = world.node(flags=["-workers", "1"]).start()
    assert node.put("/there", "v").status == 201
    with Wire(node.client) as wire:
        parts = []
        for i in range(120):
            parts += [request("PUT", "/v2/keys/p/%d" % i, {"value": i}),
                      request("GET", "/v2/keys/missing%d" % i),
                      request("HEAD", "/v2/keys/there"),
                      request("GET", "/no/such/page"),
                      request("GET", "/v2/keys/there?quorum=true"),
                      request("PUT", "/v2/keys/p?dir=x%d" % i),
                      request("POST", "/v2/keys/q", {"value": i})]
        wire.send(*parts)
        last = 0
        for i in range(120):
            put = wire.answer()
            assert put.status == 201 and put.json["node"]["key"] == "/p/%d" % i
            assert wire.answer().json["cause"] == "/missing%d" % i
            assert wire.answer("HEAD").status == 200
            assert wire.answer().body == b"404 page not found\n"
            assert wire.answer().json["node"]["key"] == "/there"
            assert wire.answer().json["errorCode"] == 209
            post = wire.answer()
            assert post.status == 201 and post.json["node"]["value"] == str(i)
            assert last < put.index < post.index, "writes of one connection were turned round"
            last = post.index
        assert wire.silent()


def test_a_read_pipelined_behind_a_write_sees_it(world):
    """RFC 9112, 9.3.2: only requests with safe methods may be served at the same time."""
    node = world.node(flags=["-workers", "1"]).start()
    with Wire(node.client) as wire:
        for i in range(50):
            wire.send(request("PUT", "/v2/keys/own", {"value": i}), request("GET", "/v2/keys/own"),
                      request("DELETE", "/v2/keys/own"), request("GET", "/v2/keys/own"))
            put, get, delete, missing = (wire.answer() for _ in range(4))
            assert put.status == 201 and delete.status == 200
            assert put.index <= get.index <= delete.index <= missing.index, "the index fell on one connection"
            assert get.json["node"]["value"] == str(i)
            assert missing.status == 404


def test_answers_wait_behind_a_watch_and_a_slow_write(world):
    nodes = world.cluster()
    leader = world.leader_of(nodes)
    followers = [node for node in nodes if node is not leader]
    with Wire(leader.client) as wire, Wire(leader.client) as other:
        wire.send(request("PUT", "/v2/keys/q/a", {"value": "1"}),
                  request("GET", "/v2/keys/q/event?wait=true"),
                  request("GET", "/version"),
                  request("GET", "/v2/keys/q/second?wait=true"),
                  request("PUT", "/v2/keys/q/b", {"value": "2"}),
                  request("GET", "/v2/keys/q/b"))
        assert wire.answer().json["node"]["key"] == "/q/a"
        assert wire.head().status == 200
        # Reads behind the watch are served, only their answers wait; a write begins when all before it is answered.
        wait_until(lambda: watchers(leader) == 2, 5, "the watch behind the watch")
        assert other.read("/q/b").status == 404 and wire.silent()
        assert other.put("/q/second", "4").status == 201 and wire.silent()
        for node in followers:
            node.kill_all()
        other.send(request("PUT", "/v2/keys/q/event", {"value": "3"}), request("GET", "/version"),
                   request("GET", "/v2/keys/q/event"))
        for node in followers:
            node.start(wait=False)
        event = wire.event()
        assert event["node"]["value"] == "3" and wire.chunk() == b""
        assert b"etcdserver" in wire.answer().body
        assert wire.head().status == 200
        assert wire.event()["node"]["value"] == "4" and wire.chunk() == b""
        assert wire.answer().json["node"]["value"] == "2"
        assert wire.answer().json["node"]["value"] == "2"
        assert wire.silent()
        # The slow write holds back the quick answers behind it, and no longer.
        put = other.answer()
        assert put.status == 201 and put.index == event["node"]["modifiedIndex"]
        assert b"etcdserver" in other.answer().body
        assert other.answer().json["node"]["value"] == "3"


def test_half_closed_client_gets_all_its_answers(world):
    node = world.node().start()
    with Wire(node.client) as wire:
        wire.send(*[request("PUT", "/v2/keys/half/%d" % i, {"value": "v"}) for i in range(80)])
        wire.socket.shutdown(socket.SHUT_WR)
        for i in range(80):
            assert wire.answer().json["node"]["key"] == "/half/%d" % i
        assert wire.rest() == b""


# ---- framing

def test_expect_100_continue(world):
    node = world.node().start()
    body = b"value=" + b"c" * 50000
    with Wire(node.client) as wire:
        head = ("PUT /v2/keys/e HTTP/1.1\r\nHost: t\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
                "Expect: 100-Continue\r\n\r\n" % (FORM, len(body))).encode()
        wire.send(head)
        assert wire.head(interim=True).status == 100
        wire.send(body)
        assert len(wire.answer().json["node"]["value"]) == 50000
        # Who sends the body along is not told to go on, and nobody waits without one.
        wire.send(head + body)
        assert wire.head(interim=True).status == 200
        assert wire.chunked is False and len(wire._take(1)) == 1
    with Wire(node.client) as wire:
        wire.send(request("GET", "/v2/keys/e", headers=["Expect: 100-continue"]))
        assert wire.head(interim=True).status == 200
    with Wire(node.client) as wire:
        wire.send(request("PUT", "/v2/keys/e", {"value": "x"}, headers=["Expect: the impossible"]))
        assert wire.answer().status == 417
        assert wire.rest() == b""
    with Wire(node.client) as wire:
        # Too large is said instead of "go on".
        wire.send(head.replace(str(len(body)).encode(), b"99999999"))
        assert wire.head(interim=True).status == 413


def test_http_1_0(world):
    node = world.node().start()
    with Wire(node.client) as wire:
        wire.send(request("PUT", "/v2/keys/old", {"value": "v"}, version="HTTP/1.0"))
        answer = wire.answer()
        assert answer.status == 201 and answer.head.version == "HTTP/1.0"
        assert wire.rest() == b""
    with Wire(node.client) as wire:
        for _ in range(3):
            wire.send(request("GET", "/v2/keys/old", version="HTTP/1.0", headers=["Connection: keep-alive"]))
            answer = wire.answer()
            assert answer.status == 200 and answer.get("Connection").lower() == "keep-alive"
        # A watch has no chunks then: its end is that of the connection.
        wire.send(request("GET", "/v2/keys/old?wait=true", version="HTTP/1.0", headers=["Connection: keep-alive"]))
        head = wire.head()
        assert head.status == 200 and not wire.chunked and head.get("Content-Length") is None
        assert node.put("/old", "w").status == 200
        assert json.loads(wire.rest())["node"]["value"] == "w"


def test_connection_close_is_kept(world):
    node = world.node().start()
    with Wire(node.client) as wire:
        wire.send(request("GET", "/version", headers=["Connection: close"]), request("PUT", "/v2/keys/after", {"value": "x"}))
        answer = wire.answer()
        assert answer.status == 200 and answer.get("Connection") == "close"
        assert wire.rest() == b""
    assert node.get("/v2/keys/after").status == 404, "a request behind the last one was served"


def test_chunked_bodies(world):
    node = world.node().start()
    head = ("PUT /v2/keys/chunked HTTP/1.1\r\nHost: t\r\nContent-Type: %s\r\n"
            "Transfer-Encoding: chunked\r\n\r\n" % FORM).encode()
    body = b"value=" + b"0123456789" * 3000
    for size in (1, 7, 4096, len(body)):
        pieces = [body[i:i + size] for i in range(0, len(body), size)]
        with Wire(node.client) as wire:
            wire.send(head, *[b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces], b"0\r\n\r\n")
            answer = wire.answer()
            assert answer.status in (200, 201) and answer.json["node"]["value"] == body[6:].decode()
            # What others may read differently is not followed by another request.
            assert answer.get("Connection") == "close" and wire.rest() == b""
    with Wire(node.client) as wire:
        # Extensions and trailers are passed over, and a trailer is no header.
        wire.send(head, b"7;x=y\r\nvalue=T\r\n0\r\nContent-Length: 3\r\nX: y\r\n\r\n")
        assert wire.answer().json["node"]["value"] == "T"
    for bad in (b"zz\r\n", b"-1\r\n", b"fffffffffffffffff\r\n"):
        with Wire(node.client) as wire:
            wire.send(head, bad)
            assert wire.answer().status == 400
            assert wire.rest() == b""
    assert node.value("/chunked") == "T"


def test_requests_that_come_byte_by_byte(world):
    node = world.node().start()
    whole = request("PUT", "/v2/keys/slow%20ly", {"value": "a b"}) + request("PUT", "/v2/keys/x", {"value": "c"})
    with Wire(node.client) as wire:
        for i in range(len(whole)):
            wire.send(whole[i:i + 1])
        node = wire.answer().json["node"]
        assert (node["key"], node["value"]) == ("/slow ly", "a b")
        assert wire.answer().json["node"]["key"] == "/x"


def test_absolute_targets_and_empty_lines_before_a_request(world):
    node = world.node().start()
    with Wire(node.client) as wire:
        wire.send(b"\r\n\r\n", request("PUT", "http://elsewhere:1/v2/keys/abs", {"value": "1"}), b"\r\n",
                  request("GET", "HTTP://elsewhere/v2/leader"))
        assert wire.answer().json["node"]["key"] == "/abs"
        assert wire.answer().body.decode() == "http://" + node.peer


# ---- limits of time and size

def test_slow_requests_are_ended_and_others_are_not_held_up(world):
    node = world.node(flags=["-header-timeout", "1", "-http-read-timeout", "2", "-workers", "1"]).start()
    with Wire(node.client) as watch, Wire(node.client) as nothing, Wire(node.client) as head, \
            Wire(node.client) as second, Wire(node.client) as body, Wire(node.client) as idle:
        watch.watch("/w")
        assert second.ask("GET", "/version").status == 200
        began = time.monotonic()
        head.send(b"GET /v2/keys/ HTTP/1.1\r\nHost:")
        second.send(b"GET /v2/keys/ HT")
        body.send(request("PUT", "/v2/keys/b", {"value": "x" * 50})[:-20])
        assert idle.ask("GET", "/version").status == 200

        def drip():
            head.send(b" a")
            return time.monotonic() - began > 0.8
        # A byte now and then does not make the head any less late.
        wait_until(drip, 5, "0.8 seconds")
        for wire in (head, second):
            assert wire.answer().status == 408 and wire.rest() == b""
        took = time.monotonic() - began
        assert 1 <= took < 2.5 * SLOW, took
        assert nothing.rest() == b""
        assert node.put("/others", "live").status == 201
        assert body.answer().status == 408 and body.rest() == b""
        assert time.monotonic() - began >= 2
        # Neither a watch nor a kept connection is a slow request.
        assert idle.ask("GET", "/version").status == 200 and watch.silent()
        assert node.put("/w", "v").status == 201
        assert watch.event()["node"]["value"] == "v"
    assert node.get("/v2/keys/b").status == 404


def test_idle_connections_are_closed_and_watches_are_not(world):
    node = world.node(flags=["-idle-timeout", "1"]).start()
    with Wire(node.client) as idle, Wire(node.client) as watch:
        watch.watch("/w")
        assert idle.ask("GET", "/version").status == 200
        began = time.monotonic()
        assert idle.rest() == b""
        assert 0.9 <= time.monotonic() - began < 2.5 * SLOW
        assert node.put("/w", "v").status == 201
        assert watch.event()["node"]["value"] == "v"


def test_limits_of_the_head(world):
    node = world.node().start()

    def padded(size, fields):
        """A request whose head has just that size, in so many fields with Host."""
        pad = ["F%d: " % i for i in range(fields - 1)]
        room = size - len(request("GET", "/v2/keys/", headers=pad))
        pad[0] += "x" * room
        head = request("GET", "/v2/keys/", headers=pad)
        assert len(head) == size
        return head

    def target(size):
        """A request whose head has just that size, nearly all of it the key."""
        room = size - len(request("GET", "/v2/keys/"))
        return request("GET", "/v2/keys/" + "k" * room)
    for data, status in [(padded(65536, 2), 200), (padded(65537, 2), 431), (target(49152), 404), (target(65536), 400), (target(66000), 414),
                         (padded(60000, 100), 200), (padded(60000, 101), 431), (b"GET /" + b"a" * 70000, 414)]:
        with Wire(node.client) as wire:
            wire.send(data)
            answer = wire.answer()
            assert answer.status == status, (answer, len(data))
            if status in (414, 431):
                assert answer.get("Connection") == "close" and wire.rest() == b""
            else:
                assert wire.ask("GET", "/version").status == 200
    with Wire(node.client) as wire:
        wire.send(request("PUT", "/v2/keys/fields", "&".join("f%d=" % i for i in range(63)) + "&value=v"))
        assert wire.answer().json["node"]["value"] == "v"
        answer = wire.ask("PUT", "/v2/keys/fields", "&".join("f%d=" % i for i in range(64)) + "&value=w")
        assert answer.status == 400 and answer.json["errorCode"] == 210
        assert wire.read("/fields").json["node"]["value"] == "v"


def test_connections_above_the_limit_wait_for_a_place(world):
    node = world.node(flags=["-max-connections", "4", "-workers", "1"]).start()
    wires = [Wire(node.client) for _ in range(4)]
    for wire in wires[1:]:
        wire.watch("/busy", "&stream=true")
    with Wire(node.client) as fifth:
        fifth.send(request("GET", "/version"))
        for _ in range(20):
            assert wires[0].ask("GET", "/version").status == 200
        assert fifth.silent()
        wires.pop().close()
        assert fifth.answer().status == 200
    for wire in wires:
        wire.close()


# ---- hostile shapes

def get(*lines):
    return "\r\n".join(["GET /v2/keys/ HTTP/1.1", *lines, "", ""]).encode("latin-1")


def put(*lines, body=""):
    return "\r\n".join(["PUT /v2/keys/smuggled HTTP/1.1", "Host: t", "Content-Type: " + FORM, *lines, "", body]).encode("latin-1")


HOSTILE = {
    # name: (bytes, status)
    "blank before the colon": (put("Content-Length : 7", body="value=s"), 400),
    "a blank before the colon of a trailer": (put("Transfer-Encoding: chunked", body="7\r\nvalue=s\r\n0\r\nHost : x\r\n\r\n"), 400),
    "a tab before the colon of a trailer": (put("Transfer-Encoding: chunked", body="7\r\nvalue=s\r\n0\r\nHost\t: x\r\n\r\n"), 400),
    "a bare CR that would make a header": (put("A: \rxTransfer-Encoding: chunked", body="0\r\n\r\n"), 400),
    "a bare CR in a value": (get("Host: t", "A: b\rc"), 400),
    "a bare LF between fields": (b"GET /v2/keys/ HTTP/1.1\r\nHost: t\nA: b\r\n\r\n", 400),
    "a bare LF after the line": (b"GET /v2/keys/ HTTP/1.1\nHost: t\r\n\r\n", 400),
    "only LF": (b"GET /v2/keys/ HTTP/1.1\nHost: t\n\n", 400),
    "a blank in a name": (get("Host: t", "Content Length: 5"), 400),
    "no name": (get("Host: t", ": x"), 400),
    "no colon": (get("Host: t", "Content-Length"), 400),
    "a folded line": (get("Host: t", "A: b", " c"), 400),
    "a line folded by a tab": (get("Host: t", "A: b", "\tTransfer-Encoding: chunked"), 400),
    "a blank before the first field": (get(" Host: t"), 400),
    "a control byte in a value": (get("Host: t", "A: b\x01c"), 400),
    "NUL in a value": (get("Host: t", "A: b\0c"), 400),
    "NUL in a name": (get("Host: t", "A\0: b"), 400),
    "DEL in a value": (get("Host: t", "A: b\x7f"), 400),
    "a byte above 127 in a name": (get("Host: t", "\xe9: b"), 400),
    "no Host": (get("A: b"), 400),
    "two Hosts": (get("Host: t", "Host: t"), 400),
    "a Host of two words": (get("Host: a b"), 400),
    "a Host that is a URL": (get("Host: http://t/"), 400),
    "a Host with a user": (get("Host: a@t"), 400),
    "a Host with a port that is none": (get("Host: t:http"), 400),
    "a Host with two ports": (get("Host: t:1:2"), 400),
    "an IPv6 Host without brackets": (get("Host: ::1"), 400),
    "a Host with half a bracket": (get("Host: [::1"), 400),
    "a Host with a broken escape": (get("Host: a%4"), 400),
    "a Host that is no ASCII": (get("Host: \xe9"), 400),
    "a Host of HTTP/1.0 that is none": (b"GET /v2/keys/ HTTP/1.0\r\nHost: a b\r\n\r\n", 400),
    "an authority with a port that is none": (b"GET http://t:x/v2/keys/ HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "version 0.9": (b"GET /v2/keys/ HTTP/0.9\r\nHost: t\r\n\r\n", 505),
    "version 1.2": (b"GET /v2/keys/ HTTP/1.2\r\nHost: t\r\n\r\n", 505),
    "version 2.0": (b"GET /v2/keys/ HTTP/2.0\r\nHost: t\r\n\r\n", 505),
    "a version in lower case": (b"GET /v2/keys/ http/1.1\r\nHost: t\r\n\r\n", 400),
    "a version of two digits": (b"GET /v2/keys/ HTTP/1.11\r\nHost: t\r\n\r\n", 400),
    "no version": (b"GET /v2/keys/\r\n\r\n", 400),
    "no target": (b"GET HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "two blanks before the target": (b"GET  /v2/keys/ HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "a blank behind the version": (b"GET /v2/keys/ HTTP/1.1 \r\nHost: t\r\n\r\n", 400),
    "a tab in the target": (b"GET /v2/keys/\ta HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "a control byte in the target": (b"GET /v2/keys/\x01 HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "NUL in the target": (b"GET /v2/keys/\0 HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "a target without a slash": (b"GET v2/keys/ HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "an authority with a user": (b"GET http://a@b/v2/keys/ HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "an empty authority": (b"GET http:///v2/keys/ HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "a star that is no OPTIONS": (b"GET * HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "a broken escape in the path": (b"GET /v2/keys/%zz HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "an escape cut short": (b"GET /v2/keys/%4 HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "both length and coding": (put("Content-Length: 7", "Transfer-Encoding: chunked", body="0\r\n\r\nvalue=s"), 400),
    "two lengths": (put("Content-Length: 7", "Content-Length: 8", body="value=s"), 400),
    "one length twice": (put("Content-Length: 7", "Content-Length: 7", body="value=s"), 400),
    "a list of lengths": (put("Content-Length: 7, 7", body="value=s"), 400),
    "a length with a sign": (put("Content-Length: +7", body="value=s"), 400),
    "a negative length": (put("Content-Length: -1"), 400),
    "an empty length": (put("Content-Length:"), 400),
    "a length in hex": (put("Content-Length: 0x7", body="value=s"), 400),
    "a length that overflows": (put("Content-Length: 18446744073709551623", body="value=s"), 400),
    "a length above the limit": (put("Content-Length: 10485761"), 413),
    "two codings": (put("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body="0\r\n\r\n"), 400),
    "a list of codings": (put("Transfer-Encoding: gzip, chunked", body="0\r\n\r\n"), 400),
    "a coding that is not the last": (put("Transfer-Encoding: chunked, identity", body="0\r\n\r\n"), 400),
    "an unknown coding": (put("Transfer-Encoding: xchunked", body="0\r\n\r\n"), 400),
    "a coding in HTTP/1.0": (b"PUT /v2/keys/smuggled HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a method with a blank byte": (b"G\tET /v2/keys/ HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    "CONNECT": (b"CONNECT t:80 HTTP/1.1\r\nHost: t\r\n\r\n", 405),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)), 400),
    "noise": (bytes((i * 7919 + 13) % 251 for i in range(3000)), 400),
    "fifteen thousand headers": (get("Host: t", *["a:"] * 15000), 431),
    "a hundred and one headers": (get("Host: t", *["A: b"] * 100), 431),
}


def test_hostile_shapes_are_refused_and_harm_nobody(world):
    node = world.node(flags=["-workers", "1"]).start()
    pids = node.pids()
    with Wire(node.client) as neighbour, Wire(node.client) as watch:
        watch.watch("/smuggled", "&stream=true")
        for name, (data, status) in HOSTILE.items():
            with Wire(node.client) as wire:
                # What follows must not be served: nobody knows where it begins.
                wire.send(data, request("PUT", "/v2/keys/smuggled", {"value": name}))
                answer = wire.answer()
                assert answer.status in (status if isinstance(status, tuple) else (status,)), (name, answer)
                assert answer.get("Connection") == "close", name
                assert answer.get("Content-Type") == "text/plain; charset=utf-8", name
                assert wire.rest() == b"", name
            assert neighbour.ask("PUT", "/v2/keys/neighbour", {"value": name}).json["node"]["value"] == name
        assert watch.silent(), "a request in the body of a refused one was served"
    assert node.get("/v2/keys/smuggled").status == 404
    assert node.pids() == pids


def test_no_header_has_a_blank_before_its_colon_on_either_port(world):
    node = world.node(flags=["-workers", "1"]).start()
    names = ["Host", "Content-Length", "Transfer-Encoding", "Content-Type", "Connection", "Expect", "Origin", "Upgrade",
             "X-Raft-Cluster", "Authorization", "Unknown"]
    for port in (node.client, node.peer):
        for name in names:
            for blank in (" ", "\t", "  "):
                for version in ("1.1", "1.0"):
                    for lines in ([name + blank + ": 0"], ["Host: t", name + blank + ": 0"], [name + blank + ": 0", "Host: t"]):
                        with Wire(port) as wire:
                            wire.send("\r\n".join(["GET /version HTTP/" + version, *lines, "", ""]).encode())
                            answer = wire.answer()
                            assert answer.status == 400 and answer.get("Connection") == "close", (port, lines, answer)
                            assert wire.rest() == b"", (port, lines)


def test_shapes_that_look_hostile_and_are_not(world):
    node = world.node().start()
    with Wire(node.client) as wire:
        for data, status in [
                (b"GET /v2/keys/ HTTP/1.1\r\nhOsT:t\r\nA:\r\nB:\t x \t\r\n\r\n", 200),
                (b"GET /v2/keys/ HTTP/1.1\r\nHost: t\r\nX: \xe9\xff\r\n\r\n", 200),
                (b"GET /v2/keys/ HTTP/1.1\r\nHost: t\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 200),
                (b"GET /v2/keys/ HTTP/1.1\r\nHost: t\r\nUpgrade: moothall-raft\r\nConnection: Upgrade\r\n\r\n", 200),
                (b"GET /raft/stream HTTP/1.1\r\nHost: t\r\nUpgrade: moothall-raft\r\nConnection: Upgrade\r\n\r\n", 404),
                (b"GET /v2/keys/\xc3\xa9\xff HTTP/1.1\r\nHost: t\r\n\r\n", 404),
                (b"BREW /v2/keys/ HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc", 405),
                (b"OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n", 200),
                (b"get /v2/keys/ HTTP/1.1\r\nHost: t\r\n\r\n", 405),
                (b"PUT /v2/keys/d HTTP/1.1\r\nHost: t\r\nContent-Length: 007\r\nContent-Type: " + FORM.encode() +
                 b"\r\n\r\nvalue=s", 201)]:
            wire.send(data, request("GET", "/version"))
            answer = wire.answer()
            assert answer.status == status, (data, answer)
            assert b"etcdserver" in wire.answer().body


def test_a_header_of_an_answer_holds_no_byte_that_has_no_place_in_it(world):
    """Of what the client sent: a path that is redirected, and its query."""
    node = world.node().start()
    for target, location in ((b"//a\xff?x=\xe4\xb8\xad&y=%41", "/a%FF?x=%E4%B8%AD&y=%41"),
                             (b"/v2/keys//\x80?\xff", "/v2/keys/%80?%FF")):
        with Wire(node.client) as wire:
            wire.send(b"GET " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n")
            head = wire.head()
            assert head.status == 301 and head.get("Location") == location, head.lines


def test_bodies_of_requests_that_take_none_are_passed_over(world):
    node = world.node().start()
    assert node.put("/body", "v").status == 201
    with Wire(node.client) as wire:
        wire.send(request("GET", "/v2/keys/body", "wait=true&recursive=x"),
                  request("DELETE", "/v2/keys/body", "prevValue=other"),
                  request("GET", "/version", body="{}", content_type="application/json"))
        assert wire.answer().json["node"]["value"] == "v"
        assert wire.answer().json["action"] == "delete"
        assert b"etcdserver" in wire.answer().body


# ---- load

def test_flood_of_pipelined_requests_starves_nobody(world):
    """Who sends without reading is not read from; memory and other clients stay as they are."""
    node = world.node(flags=["-workers", "1"]).start()
    assert node.put("/big", "x" * 100000).status == 201
    worker = node.pid_of("client")
    before = held_bytes(worker)
    with Wire(node.client, receive_bytes=4096) as wire:
        wire.socket.setblocking(False)
        flood, sent = request("GET", "/v2/keys/big") * 400000, 0
        # Until the kernel's buffers are full on the way there, the worker reading no more.
        while True:
            try:
                sent += wire.socket.send(flood[sent:])
            except BlockingIOError:
                began = time.monotonic()
                assert node.put("/other", "v").status in (200, 201)
                assert time.monotonic() - began < 1 * SLOW
                break
            assert sent < len(flood), "all was taken in"
        assert held_bytes(worker) - before < 40 << 20
        wire.socket.settimeout(10)
        for _ in range(200):
            assert len(wire.answer().json["node"]["value"]) == 100000


def test_connections_that_come_and_go_leave_nothing(world):
    node = world.node(flags=["-workers", "1"]).start()
    worker = node.pid_of("client")
    def descriptors():
        # Only root may look into a worker; to others it says how many connections it has.
        try:
            return len(os.listdir("/proc/%d/fd" % worker))
        except PermissionError:
            return scrape(node.client).get("etcd_http_connections", port="client")
    before = descriptors()
    with Writers([node.client], threads=2) as writers:
        for i in range(300):
            wire = Wire(node.client)
            if i % 5 == 1:
                wire.send(b"GET /v2/ke")
            elif i % 5 == 2:
                wire.send(request("GET", "/v2/keys/gone?wait=true"))
            elif i % 5 == 3:
                wire.send(request("PUT", "/v2/keys/x", {"value": "v"}))
            elif i % 5 == 4:
                # A reset instead of an end.
                wire.send(request("GET", "/v2/keys/gone?wait=true&stream=true"))
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wire.close()
        writers.wait_more(20)
    assert not writers.failed and not writers.broken
    wait_until(lambda: descriptors() <= before, 5, "the descriptors to be freed")
    wait_until(lambda: watchers(node) == 0, 5, "the watches to be freed")
    writers.check(node)

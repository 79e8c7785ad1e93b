"""The first series of the API, /v1: recorded answers to the byte, watches in both
forms, and what its requests share with those of /v2."""

import re

from moothall import VISIBLE, wait_log, wait_until
from prometheus import scrape
from wire import Wire, request, watchers

TEXT = "text/plain; charset=utf-8"
EXPIRY = re.compile(rb'"expiration":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"')

# method, path, form, status, body; {} is the store's index behind it. One story, in this order.
STORY = [
    ("POST", "/v1/keys/foo", {"value": "bar"}, 200, '{"action":"set","key":"/foo","value":"bar","newKey":true,"index":{}}'),
    ("POST", "/v1/keys/foo", {"value": "baz", "ttl": "30"}, 200,
     '{"action":"set","key":"/foo","prevValue":"bar","value":"baz","expiration":"Z","ttl":30,"index":{}}'),
    ("GET", "/v1/keys/foo", None, 200, '{"action":"get","key":"/foo","value":"baz","expiration":"Z","ttl":30,"index":{}}'),
    ("PUT", "/v1/keys/new", {"value": "v", "ttl": "30"}, 200,
     '{"action":"set","key":"/new","value":"v","expiration":"Z","ttl":30,"newKey":true,"index":{}}'),
    ("PUT", "/v1/keys/foo", {"value": "bar", "prevValue": "nope"}, 412,
     '{"errorCode":101,"message":"Compare failed","cause":"[nope != baz]","index":{}}\n'),
    ("PUT", "/v1/keys/foo", {"value": "bar", "prevValue": "baz"}, 200,
     '{"action":"testAndSet","key":"/foo","prevValue":"baz","value":"bar","index":{}}'),
    ("PUT", "/v1/keys/none", {"value": "bar", "prevValue": "baz"}, 404,
     '{"errorCode":100,"message":"Key not found","cause":"/none","index":{}}\n'),
    ("PUT", "/v1/keys/foo", {"value": "bar", "prevValue": ""}, 412,
     '{"errorCode":105,"message":"Key already exists","cause":"/foo","index":{}}\n'),
    ("PUT", "/v1/keys/made", {"value": "v", "prevValue": ""}, 200,
     '{"action":"testAndSet","key":"/made","value":"v","newKey":true,"index":{}}'),
    ("POST", "/v1/keys/foo", {"ttl": "x"}, 400,
     '{"errorCode":200,"message":"Value is Required in POST form","cause":"Set","index":{}}\n'),
    ("POST", "/v1/keys/foo", {"value": ""}, 400,
     '{"errorCode":200,"message":"Value is Required in POST form","cause":"Set","index":{}}\n'),
    ("POST", "/v1/keys/foo", {"value": "v", "ttl": "x"}, 400,
     '{"errorCode":202,"message":"The given TTL in POST form is not a number","cause":"Set","index":{}}\n'),
    ("POST", "/v1/keys/", {"value": "v"}, 400, '{"errorCode":107,"message":"Root is read only","cause":"/","index":{}}\n'),
    ("POST", "/v1/keys/_etcd/machines/x", {"value": "v"}, 400,
     '{"errorCode":106,"message":"The prefix of given key is a keyword in etcd","cause":"/_etcd/machines/x","index":{}}\n'),
    ("PUT", "/v1/keys/d/s/deep", {"value": "1"}, 200, '{"action":"set","key":"/d/s/deep","value":"1","newKey":true,"index":{}}'),
    ("PUT", "/v1/keys/d/a", {"value": "1", "ttl": "50"}, 200,
     '{"action":"set","key":"/d/a","value":"1","expiration":"Z","ttl":50,"newKey":true,"index":{}}'),
    ("PUT", "/v1/keys/d/_hidden", {"value": "1"}, 200, '{"action":"set","key":"/d/_hidden","value":"1","newKey":true,"index":{}}'),
    ("GET", "/v1/keys/d", None, 200,
     '[{"action":"get","key":"/d/a","value":"1","index":{}},{"action":"get","key":"/d/s","dir":true,"index":{}}]'),
    ("GET", "/v1/keys/d/", None, 200,
     '[{"action":"get","key":"/d/a","value":"1","index":{}},{"action":"get","key":"/d/s","dir":true,"index":{}}]'),
    ("GET", "/v1/keys", None, 200,
     '[{"action":"get","key":"/d","dir":true,"index":{}},{"action":"get","key":"/foo","value":"bar","index":{}},'
     '{"action":"get","key":"/made","value":"v","index":{}},'
     '{"action":"get","key":"/new","value":"v","index":{}}]'),
    ("GET", "/v1/keys/none", None, 404, '{"errorCode":100,"message":"Key not found","cause":"/none","index":{}}\n'),
    ("PUT", "/v1/keys/d", {"value": "1"}, 403, '{"errorCode":102,"message":"Not a file","cause":"/d","index":{}}\n'),
    ("DELETE", "/v1/keys/d", None, 403, '{"errorCode":102,"message":"Not a file","cause":"/d","index":{}}\n'),
    ("DELETE", "/v1/keys/d?recursive=true", None, 403, '{"errorCode":102,"message":"Not a file","cause":"/d","index":{}}\n'),
    ("DELETE", "/v1/keys/d/a", None, 200, '{"action":"delete","key":"/d/a","prevValue":"1","index":{}}'),
    ("DELETE", "/v1/keys/d/a", None, 404, '{"errorCode":100,"message":"Key not found","cause":"/d/a","index":{}}\n'),
    ("PUT", "/v2/keys/empty", {"dir": "true"}, 201, None),
    ("GET", "/v1/keys/empty", None, 200, "[]"),
    ("PUT", "/v2/keys/empty/file", {"value": ""}, 201, None),
    ("GET", "/v1/keys/empty/file", None, 200, '{"action":"get","key":"/empty/file","value":"","index":{}}'),
    ("POST", "/v1/keys/empty/file", {"value": "<"}, 200,
     '{"action":"set","key":"/empty/file","prevValue":"","value":"\\u003c","index":{}}'),
    ("POST", "/v1/watch/foo", {"index": "x"}, 400,
     '{"errorCode":203,"message":"The given index in POST form is not a number","cause":"Watch From Index","index":{}}\n'),
    ("POST", "/v1/watch/foo", {}, 400,
     '{"errorCode":203,"message":"The given index in POST form is not a number","cause":"Watch From Index","index":{}}\n'),
    ("PUT", "/v1/watch/foo", {"index": "1"}, 405, "Method Not Allowed\n"),
    ("GET", "/v1/keysx", None, 404, "404 page not found\n"),
]


def tell(wire, start):
    """The story, on that connection; start: the index of the store before it."""
    index = start
    for method, path, form, status, body in STORY:
        answer = wire.ask(method, path, form)
        assert answer.status == status, (method, path, form, answer)
        if method != "GET" and status < 300:
            index += 1
        if answer.get("X-Etcd-Index") is not None:
            assert answer.index == index, (method, path, form, answer)
        if body is None:
            continue
        came = EXPIRY.sub(b'"expiration":"Z"', answer.body)
        assert came == body.replace("{}", str(index)).encode(), (method, path, form, answer)
        if status == 200:
            assert answer.get("Content-Type") == TEXT
            head = wire.ask("HEAD", path) if method == "GET" else answer
            assert head.status == 200 and head.get("Content-Length") == str(len(answer.body)), head.head.lines
            assert head.get("Content-Type") == TEXT
        elif status != 405 and body.startswith("{"):
            assert answer.get("Content-Type") == "application/json"


def test_recorded_answers_of_the_first_series(world):
    nodes = world.cluster()
    leader = world.leader_of(nodes)
    follower = next(node for node in nodes if node is not leader)
    with Wire(follower.client) as wire:
        tell(wire, start=3)
        # What one series wrote the other reads, and neither is shown the other's form.
        for _ in range(2):
            assert wire.read("/foo").json["node"]["value"] == "bar"
            assert wire.ask("GET", "/v1/keys/foo").json["value"] == "bar"
        # The index is the store's in each answer, whatever was written.
        for i in range(3):
            index = wire.put("/elsewhere", i).index
            assert wire.ask("GET", "/v1/keys/foo").json["index"] == index
        # The window is a thousand events.
        for _ in range(64):
            wire.send(*[request("PUT", "/v1/keys/elsewhere", {"value": "v"})] * 16)
            for _ in range(16):
                assert wire.answer().status == 200
        answer = wire.ask("POST", "/v1/watch/foo", {"index": "4"})
        assert answer.status == 400 and answer.json["errorCode"] == 401, answer
        assert answer.get("Content-Type") == "application/json"
        for answer, status in ((wire.ask("PUT", "/v2/keys/z", {"value": "v", "noValueOnSuccess": "true"}), 201),
                               (wire.ask("PUT", "/v2/keys/z?noValueOnSuccess=1", {"value": "v"}), 200)):
            assert (answer.status, answer.body) == (status, b'{"action":"set"}\n')
        answer = wire.ask("DELETE", "/v2/keys/z?noValueOnSuccess=true")
        assert answer.json["prevNode"]["value"] == "v"


def v1_watch(wire, key, index=None):
    if index is None:
        wire.send(request("GET", "/v1/watch" + key))
    else:
        wire.send(request("POST", "/v1/watch" + key, {"index": index}))
    head = wire.head()
    assert head.status == 200 and head.get("Content-Type") == TEXT, head.lines


def v1_event(wire):
    event = wire.chunk()
    assert wire.chunk() == b""
    return event


def test_blocked_watches_of_the_first_series(world):
    """Both forms of them wait, over the end of every process but the supervisor's, and go to
    another worker; each gets its event once and in its form."""
    node = world.node(flags=["-workers", "1", "-access-log", "-"] + VISIBLE).start()
    first = node.pid_of("client")
    start = node.put("/w/start", "v").json["node"]["modifiedIndex"]
    assert start == 2
    get, post, ahead, v2 = wires = [Wire(node.client, timeout=30) for _ in range(4)]
    v1_watch(get, "/w/key?index=1&recursive=true")
    v1_watch(post, "/w/key", 2)
    v1_watch(ahead, "/w/key", 5)
    v2.watch("/w/key")
    assert watchers(node) == 4
    # Below it and beside it is not on it.
    assert node.put("/w/keys", "v").status == 201
    node.kill("raftd")
    wait_until(lambda: node.get("/v2/keys/w").status == 200, 10, "raftd")
    wait_until(lambda: node.control("restart", "client").returncode == 0, 10, "another client worker")
    wait_until(lambda: node.pid_of("client") != first, 10, "it to serve")
    wait_until(lambda: watchers(node) == 4, 10, "the watches over there")
    assert all(wire.silent() for wire in wires)
    with Wire(node.client) as wire:
        assert wire.ask("PUT", "/v1/keys/w/key", {"value": "one"}).json["index"] == 4
    event = b'{"action":"set","key":"/w/key","value":"one","newKey":true,"index":4}'
    assert v1_event(get) == v1_event(post) == event
    assert v2.event()["node"]["value"] == "one" and v2.chunk() == b"" and ahead.silent()
    # From the past: the first one that is not before, with its own index.
    assert node.put("/w/key", "two").status == 200
    two = b'{"action":"set","key":"/w/key","prevValue":"one","value":"two","index":5}'
    assert v1_event(ahead) == two
    for index, expected in ((1, event), (4, event), (5, two)):
        v1_watch(get, "/w/key", index)
        assert v1_event(get) == expected
    # Removed with a directory above it, and expired.
    v1_watch(get, "/w/key", 0)
    assert node.delete("/w", "?recursive=true").status == 200
    assert v1_event(get) == b'{"action":"delete","key":"/w","dir":true,"index":6}'
    v1_watch(get, "/short")
    assert post.ask("POST", "/v1/keys/short", {"value": "v", "ttl": "1"}).json["ttl"] == 1
    assert b'"key":"/short","value":"v"' in v1_event(get)
    v1_watch(get, "/short")
    assert v1_event(get) == b'{"action":"expire","key":"/short","prevValue":"v","index":8}'
    # Who hangs up is forgotten.
    v1_watch(post, "/gone", 1)
    v1_watch(get, "/gone")
    post.close()
    get.close()
    wait_until(lambda: watchers(node) == 0, 10, "the watches to be freed")
    wait_log(node, " POST /v1/watch/w/key 200 ")
    assert " GET /v1/watch/w/key?index&recursive 200 " in node.log()
    metrics = scrape(node.client)
    assert metrics.get("etcd_http_requests_total", route="/v1/watch", method="POST", code="200") >= 1
    for wire in (ahead, v2):
        wire.close()


def test_a_page_and_a_stranger_are_refused_as_everywhere(world):
    node = world.node(flags=["-cors", "http://page.example", "-host-names", "node.example"]).start()
    with Wire(node.client) as wire:
        for path in ("/v1/keys/k", "/v1/watch/k"):
            wire.send(request("GET", path, headers=["Origin: http://other.example"], version="HTTP/1.1").replace(
                b"Host: test", b"Host: evil.example"))
            assert wire.answer().status == 421
            wire.send(request("POST", path, {"value": "v", "index": "1"}, headers=["Origin: http://other.example"]).replace(
                b"Host: test", b"Host: node.example"))
            assert wire.answer().status == 403
        wire.send(request("POST", "/v1/keys/k", {"value": "v"}, headers=["Origin: http://page.example"]).replace(
            b"Host: test", b"Host: node.example"))
        answer = wire.answer()
        assert answer.status == 200 and answer.get("Access-Control-Allow-Origin") == "http://page.example"

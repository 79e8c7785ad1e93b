"""Keys: what stays over a restart, what a value may be, and what many clients
at once may rely on."""

import os
import signal
import time
import urllib.parse

from moothall import VISIBLE, ask, start_together, wait_until
from wire import Crowd, Ended, Floor, Wire, request, wire_of, wires_of_all_workers

MIB = 1 << 20


def everything(node):
    """The tree and the numbers of the store, but what counts down."""
    answer = node.get("/v2/keys/?recursive=true&sorted=true")

    def plain(entry):
        return {name: [plain(below) for below in value] if name == "nodes" else value
                for name, value in entry.items() if name != "ttl"}
    return plain(answer.json["node"]), answer.headers["X-Etcd-Index"], answer.headers["X-Etcd-Cluster-ID"]


def fill(node):
    """Something of all that a node of the tree can have."""
    assert node.put("/f", "v").status == 201
    assert node.put("/f", "w").status == 200
    assert node.put("/f", "x", prevExist="true").status == 200
    assert node.put("/empty", "").status == 201
    assert node.put("/d/e/f", "deep").status == 201
    assert ask(node.client, "PUT", "/v2/keys/dir", {"dir": "true"}).status == 201
    assert ask(node.client, "PUT", "/v2/keys/timed", {"dir": "true", "ttl": 500}).status == 201
    assert node.put("/timed/file", "t", ttl=600).status == 201
    assert node.put("/never", "t", ttl="9223372036854775807").status == 201
    assert node.put("/_hidden/_x", "h").status == 201
    assert ask(node.client, "POST", "/v2/keys/queue", {"value": "first"}).status == 201
    assert node.put("/gone", "v").status == 201
    assert node.delete("/gone").status == 200
    assert ask(node.client, "PUT", "/v2/keys/bytes%FF%00%0A", "value=%FF%FE%00%01").status == 201
    assert node.put("/refreshed", "keep", ttl=5).status == 201
    assert ask(node.client, "PUT", "/v2/keys/refreshed", {"ttl": 700, "refresh": "true", "prevExist": "true"}).status == 200


# ---- restarts between write and read

def test_all_is_there_after_a_restart_of_raftd_or_of_all(world):
    node = world.node().start()
    fill(node)
    before = everything(node)
    hidden = node.get("/v2/keys/_hidden/_x").json["node"]
    for end in ("raftd", "kill -9", "stop"):
        if end == "raftd":
            node.kill("raftd")
        elif end == "kill -9":
            node.kill_all()
            node.start()
        else:
            assert node.stop() == 0
            node.start()
        assert everything(node) == before, end
        assert node.get("/v2/keys/_hidden/_x").json["node"] == hidden
    index = int(before[1])
    answer = node.put("/f", "y")
    assert answer.json["node"]["modifiedIndex"] == index + 1
    assert answer.json["prevNode"]["value"] == "x"
    assert ask(node.client, "POST", "/v2/keys/queue", {"value": "second"}).json["node"]["key"] == "/queue/%020d" % (index + 2)


def test_conditions_hold_over_a_restart(world):
    node = world.node().start()
    index = node.put("/c", "v").json["node"]["modifiedIndex"]
    node.kill_all()
    node.start()
    answer = node.put("/c", "w", prevIndex=index + 1)
    assert answer.status == 412 and answer.json["cause"] == "[%d != %d]" % (index + 1, index)
    assert node.put("/c", "w", prevIndex=index, prevValue="v").status == 200
    assert node.put("/c", "w", prevExist="false").status == 412


def test_history_after_a_restart_is_whole_or_says_that_it_is_not(world):
    node = world.node().start()
    for restart in (node.kill_all, node.stop):
        first = [node.put("/h/%d" % i, "v").json["node"]["modifiedIndex"] for i in range(20)][0]
        restart()
        node.start()
        answers = [node.get("/v2/keys/h?wait=true&recursive=true&waitIndex=%d" % (first + i)) for i in range(20)]
        if all(answer.status == 200 for answer in answers):
            assert [answer.json["node"]["key"] for answer in answers] == ["/h/%d" % i for i in range(20)]
        else:
            assert [answer.json["errorCode"] for answer in answers] == [401] * 20
        with Wire(node.client) as wire:
            wire.watch("/h", "&recursive=true&waitIndex=%d" % (first + 20))
            assert wire.silent()
            assert node.put("/h/next", "v").status in (200, 201)
            assert wire.event()["node"]["key"] == "/h/next"


def test_window_of_a_thousand_events_has_its_edge_at_the_same_place_on_each_machine(world):
    nodes = world.cluster()
    with Wire(nodes[0].client) as wire:
        for i in range(1010):
            wire.send(request("PUT", "/v2/keys/w/%d" % (i % 7), {"value": i}))
            if i % 16 == 15:
                for _ in range(16):
                    assert wire.answer().status in (200, 201)
        for _ in range(1010 % 16):
            last = wire.answer().index
    oldest = last - 999
    for node in nodes:
        assert node.value("/w/0") is not None
        assert node.get("/v2/keys/w?wait=true&recursive=true&waitIndex=%d" % oldest).json["node"]["modifiedIndex"] == oldest
        answer = node.get("/v2/keys/w?wait=true&recursive=true&waitIndex=%d" % (oldest - 1))
        assert answer.status == 400 and answer.json["errorCode"] == 401
        assert answer.json["cause"] == "the requested history has been cleared [%d/%d]" % (oldest, oldest - 1)
        assert answer.json["index"] == last


def test_no_restart_takes_an_answer_back(world):
    """What was answered before is there for plain reads and watches, too, and at once."""
    nodes = world.cluster()
    leader = world.leader_of(nodes)
    follower = next(node for node in nodes if node is not leader)
    for node, restart in [(follower, "raftd"), (follower, "node"), (leader, "raftd"), (follower, "raftd"),
                          (leader, "node"), (follower, "raftd")]:
        with Wire(node.client) as wire:
            for i in range(20):
                wire.send(request("PUT", "/v2/keys/r/%d" % i, {"value": "%s %d" % (restart, i)}))
            written = [wire.answer() for _ in range(20)][-1]
            assert written.status in (200, 201)
            if restart == "raftd":
                node.kill("raftd")
        if restart == "node":
            node.kill_all()
            node.start()
        with Wire(node.client) as wire, Wire(node.client) as watch:
            read = wire.read("/r/19")
            assert read.index >= written.index, "%d was answered, after a restart of %s %d" % (written.index, restart, read.index)
            assert read.json["node"]["modifiedIndex"] == written.index
            assert watch.watch("/r", "&recursive=true").index >= written.index
            assert wire.put("/r/next", restart).status in (200, 201)
            assert watch.event()["node"]["key"] == "/r/next", "an event from before the watch"


# ---- values

def test_large_values_survive(world):
    nodes = world.cluster()
    follower = next(node for node in nodes if node is not world.leader_of(nodes))
    largest = "b" * (10 * MIB - len("value="))
    with Wire(nodes[0].client, timeout=30) as watch:
        watch.watch("/large", "&recursive=true&stream=true")
        for key, value in [("/large/one", "a" * MIB), ("/large/ten", largest)]:
            answer = follower.put(key, value, timeout=30)
            assert answer.status == 201 and answer.json["node"]["value"] == value
            assert watch.event()["node"]["value"] == value
            for node in nodes:
                assert node.value(key) == value
    listing = follower.get("/v2/keys/large?sorted=true", timeout=30).json["node"]["nodes"]
    assert [len(entry["value"]) for entry in listing] == [MIB, len(largest)]
    answer = ask(follower.client, "DELETE", "/v2/keys/large/one?prevValue=" + "a" * 60000)
    assert answer.status == 412
    for node in nodes:
        node.kill_all()
    start_together(nodes)
    world.leader_of(nodes)
    for node in nodes:
        assert node.value("/large/one") == "a" * MIB
        assert node.value("/large/ten") == largest


def test_bodies_above_the_limit_are_refused(world):
    node = world.node().start()
    pids = node.pids()
    with Wire(node.client) as neighbour:
        for size in (10 * MIB + 1, 64 * MIB):
            with Wire(node.client) as wire:
                try:
                    wire.send(request("PUT", "/v2/keys/big", b"value=" + b"x" * (size - 6)))
                    answer = wire.answer()
                    assert answer.status in (400, 413), answer
                except (Ended, BrokenPipeError, ConnectionResetError):
                    pass
            with Wire(node.client) as wire:
                # The same, its size told by nobody.
                wire.send(b"PUT /v2/keys/big HTTP/1.1\r\nHost: t\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n6\r\nvalue=\r\n")
                chunk = b"100000\r\n" + b"x" * MIB + b"\r\n"
                try:
                    for _ in range(size // MIB + 1):
                        wire.send(chunk)
                    wire.send(b"0\r\n\r\n")
                    assert wire.answer().status in (400, 413)
                except (Ended, BrokenPipeError, ConnectionResetError):
                    pass
            assert neighbour.read("/big").status == 404
    assert node.pids() == pids


def test_forms_are_decoded_as_forms(world):
    node = world.node().start()
    for form, query, value in [
            ("value=a+b%2Bc", "", "a b+c"), ("value=%41%e2%82%AC", "", "A\u20ac"), ("v%61lue=named", "", "named"),
            ("value=", "", ""), ("value", "", ""), ("", "", ""), ("&&value=x&&", "", "x"), ("value=a=b=c", "", "a=b=c"),
            ("value=first&value=second", "", "first"), ("value=f", "value=q", "f"), ("value=", "value=q", ""),
            ("other=f", "value=q", "q"), ("VALUE=f", "value=q", "q"), ("=x&value=v", "", "v"),
            ("value=1;value=2", "", "1;value=2"), ("value=a\nb\0c", "", "a\nb\0c"), ("ttl=&value=v", "", "v"),
            ("value=%00%0d%0a", "", "\0\r\n"), ("value=" + "%41" * 50000, "", "A" * 50000)]:
        answer = ask(node.client, "PUT", "/v2/keys/form" + (query and "?" + query), form)
        assert answer.status in (200, 201) and answer.json["node"]["value"] == value, (form[:50], answer)
        assert node.value("/form") == value
    index = node.get("/v2/keys/form").headers["X-Etcd-Index"]
    for form, query, broken in [("value=%zz", "", "%zz"), ("value=%4", "", "%4"), ("value=a%", "", "%"), ("%z=1", "", "%z"),
                                ("value=a", "x=%g1", "%g1"), ("value=%u20ac", "", "%u2")]:
        answer = ask(node.client, "PUT", "/v2/keys/form" + (query and "?" + query), form)
        assert answer.status == 400 and answer.json["errorCode"] == 210 and answer.json["index"] == 0
        assert answer.json["cause"] == 'invalid URL escape "%s"' % broken
    assert node.get("/v2/keys/form").headers["X-Etcd-Index"] == index
    for kind, value in [("application/x-www-form-urlencoded; charset=utf-8", "v"), ("Application/X-WWW-Form-Urlencoded ;param", "v"),
                        ("application/x-www-form-urlencodedx", ""), ("text/plain", ""), ("application/json", ""),
                        ("multipart/form-data; boundary=b", ""), (None, "")]:
        with Wire(node.client) as wire:
            answer = wire.ask("PUT", "/v2/keys/form", body="value=v", content_type=kind)
            assert answer.status == 200 and answer.json["node"]["value"] == value, kind


def test_bytes_that_are_no_utf_8_come_back_as_they_were_kept(world):
    """They are shown as U+FFFD, one for each, and found and compared as bytes."""
    node = world.node().start()
    cases = [b"\xff", b"\xfe\xff", b"a\x80b", b"\xc3", b"\xc3(", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf",
             b"\xe2\x82\xac\xff\xe2\x82\xac", b"\0\x01\x1f\x7f", bytes(range(1, 256))]

    def shown(data):
        out, at = "", 0
        while at < len(data):
            for size in (1, 2, 3, 4):
                try:
                    out += data[at:at + size].decode()
                    at += size
                    break
                except UnicodeDecodeError:
                    continue
            else:
                out += "\ufffd"
                at += 1
        return out

    def check():
        for number, data in enumerate(cases):
            name = data.replace(b"/", b"")
            path = "/v2/keys/b%d/" % number + urllib.parse.quote(name, safe="")
            answer = node.get(path)
            assert answer.status == 200, data
            assert answer.body.decode("utf-8") and answer.json["node"]["value"] == shown(data), data
            assert answer.json["node"]["key"] == "/b%d/" % number + shown(name)
    for number, data in enumerate(cases):
        path = "/v2/keys/b%d/" % number + urllib.parse.quote(data.replace(b"/", b""), safe="")
        assert ask(node.client, "PUT", path, b"value=" + urllib.parse.quote_from_bytes(data, safe="").encode()).status == 201
    check()
    node.kill_all()
    node.start()
    check()
    for number, data in enumerate(cases):
        path = "/v2/keys/b%d/" % number + urllib.parse.quote(data.replace(b"/", b""), safe="")
        # What is shown is not what is there.
        if shown(data).encode() != data:
            wrong = ask(node.client, "DELETE", path + "?prevValue=" + urllib.parse.quote(shown(data), safe=""))
            assert wrong.status == 412, data
        right = ask(node.client, "DELETE", path + "?prevValue=" + urllib.parse.quote_from_bytes(data, safe=""))
        assert right.status == 200, (data, right)


def test_wide_and_deep_trees(world):
    node = world.node(flags=["-max-key-names", "1000"]).start()
    deep = "/d" * 1000
    assert node.put(deep, "down").status == 201
    with Wire(node.client, timeout=30) as wire:
        wire.send(*[request("PUT", "/v2/keys/wide/%05d" % i, {"value": i}) for i in range(3000)])
        for _ in range(3000):
            assert wire.answer().status == 201
        listing = wire.read("/wide", "?sorted=true").json["node"]["nodes"]
        assert [entry["value"] for entry in listing] == [str(i) for i in range(3000)]
        node.kill_all()
    node.start()
    assert node.value(deep) == "down"
    body = node.get("/v2/keys/?recursive=true").body
    assert body.count(b'"/wide/') == 3000 and body.count(b'"dir":true') == 1000 + 1
    assert node.delete("/d", "?recursive=true").status == 200
    assert node.delete("/wide", "?recursive=true").status == 200
    assert node.get("/v2/keys/").json["node"].get("nodes") is None


# ---- many clients

def test_in_order_keys_of_many_clients(world):
    nodes = world.cluster()
    made = []

    def client(number):
        with Wire(nodes[number % 3].client) as wire:
            last = 0
            for i in range(25):
                answer = wire.ask("POST", "/v2/keys/queue", {"value": "%d-%d" % (number, i)})
                assert answer.status == 201
                key, index = answer.json["node"]["key"], answer.json["node"]["createdIndex"]
                assert key == "/queue/%020d" % index and index > last
                last = index
                made.append((key, answer.json["node"]["value"]))
                # It is in the list at once, on the machine that was asked.
                assert key in [entry["key"] for entry in wire.read("/queue").json["node"]["nodes"]]
        return False
    with Crowd() as crowd:
        for number in range(12):
            crowd.add(client, number)
        crowd.wait()
    assert len(made) == len({key for key, _ in made}) == 12 * 25
    for node in nodes:
        listing = node.get("/v2/keys/queue?sorted=true&quorum=true").json["node"]["nodes"]
        assert [(entry["key"], entry["value"]) for entry in listing] == sorted(made)


def test_counters_of_20_clients_on_three_machines_lose_nothing(world):
    nodes = world.cluster()
    each = 15
    for key in ("/by-index", "/by-value"):
        assert nodes[0].put(key, "0").status == 201

    def client(number):
        with Wire(nodes[number % 3].client, timeout=30) as wire:
            done = 0
            while done < each:
                entry = wire.read("/by-index").json["node"]
                answer = wire.put("/by-index", int(entry["value"]) + 1, prevIndex=entry["modifiedIndex"])
                assert answer.status in (200, 412), answer
                if answer.status == 200:
                    done += 1
                    assert answer.json["prevNode"]["value"] == entry["value"]
            done = 0
            while done < each:
                value = wire.read("/by-value").json["node"]["value"]
                answer = wire.put("/by-value", int(value) + 1, prevValue=value)
                assert answer.status in (200, 412), answer
                done += answer.status == 200
        return False
    with Crowd() as crowd:
        for number in range(20):
            crowd.add(client, number)
        crowd.wait(90)
    for node in nodes:
        assert node.value("/by-index") == node.value("/by-value") == str(20 * each)


def test_one_of_many_creates_and_one_of_many_deletes(world):
    nodes = world.cluster()
    won, lost = [], []

    def client(number):
        with Wire(nodes[number % 3].client) as wire:
            for i in range(15):
                for answer in (wire.put("/lock/%d" % i, number, prevExist="false"),
                               wire.ask("DELETE", "/v2/keys/lock/%d?prevValue=%d" % (i, number))):
                    assert answer.status in (200, 201, 404, 412), answer
                    (won if answer.status < 300 else lost).append((i, answer.index, answer.json.get("action")))
        return False
    with Crowd() as crowd:
        for number in range(9):
            crowd.add(client, number)
        crowd.wait()
    # In the order of indexes every key was made and deleted in turn.
    for i in range(15):
        actions = [action for key, _, action in sorted(won, key=lambda one: one[1]) if key == i]
        assert actions == ["create", "compareAndDelete"] * (len(actions) // 2)
    assert len(won) + len(lost) == 9 * 15 * 2


# ---- what is old is never called new

SECONDS = 5


class Reader:
    """Reads through one connection, again and again; nothing older than what
    anybody was answered before."""

    def __init__(self, wire, floor, values):
        self.wire, self.floor, self.values, self.turn = wire, floor, values, 0

    def __call__(self):
        key = "/s/%d" % (self.turn % len(self.values))
        index, value = self.floor.index, self.values[key].index
        kind = self.turn % 5
        self.turn += 1
        if kind < 3:
            answer = self.wire.read(key)
            found = answer.json["node"]["value"] if answer.status == 200 else None
            assert found is not None and int(found) >= value, "%s: %s was written, %s was read" % (key, value, found)
        elif kind == 3:
            answer = self.wire.read("/s", "?sorted=true")
            listed = {entry["key"]: int(entry["value"]) for entry in answer.json["node"]["nodes"]}
            assert listed[key] >= value, "%s: %d was written, %d was listed" % (key, value, listed[key])
        else:
            answer = self.wire.read("/s/missing")
            assert answer.status == 404
        assert answer.index >= index, "index %d was answered, then %d" % (index, answer.index)
        self.floor.seen(answer.index)
        return True


def read_while_written(node, seconds):
    """Writers and readers on all workers of one node for some seconds: how much was written, and the last index."""
    floor, values = Floor(), {"/s/%d" % i: Floor() for i in range(4)}
    for key in values:
        assert node.put(key, 0).status in (200, 201)
    reading, both, there = (list(wires_of_all_workers(node).values()) for _ in range(3))
    numbers, own = iter(range(1, 1 << 30)), {}

    def write(wire):
        """The only writer of these, so that their numbers rise."""
        for key in values:
            number = next(numbers)
            answer = wire.put(key, number)
            assert answer.status == 200
            floor.seen(answer.index)
            values[key].seen(number)
        return True

    def write_and_read(wire, other):
        """A client of its own key: written through one worker, read through another at once."""
        key = "/own/%d" % wire.port
        own[key] = own.get(key, 0) + 1
        answer = wire.put(key, own[key])
        assert answer.status in (200, 201)
        floor.seen(answer.index)
        found = other.read(key)
        assert found.status == 200 and found.json["node"]["value"] == str(own[key]), \
            "written %d, then read %r" % (own[key], found)
        assert found.index >= answer.index
        if own[key] % 8 == 0:
            gone = wire.ask("DELETE", "/v2/keys" + key)
            missing = other.read(key)
            assert missing.status == 404 and missing.index >= gone.index, \
                "deleted at %d, then read %r" % (gone.index, missing)
        return True
    with Wire(node.client) as writer, Crowd() as crowd:
        end = time.monotonic() + seconds
        crowd.add(write, writer)
        for wire in reading:
            crowd.add(Reader(wire, floor, values))
        for i, wire in enumerate(both):
            crowd.add(write_and_read, wire, there[(i + 1) % len(there)])
        wait_until(lambda: time.monotonic() > end or crowd.failures, seconds + 30, "the end of the test")
    for wire in reading + both + there:
        wire.close()
    return next(numbers), floor.index


def test_no_read_is_older_than_what_was_answered(world):
    node = world.node(flags=["-workers", "3"] + VISIBLE).start()
    writes, _ = read_while_written(node, SECONDS)
    assert writes > 200, "too few writes to tell anything"


def test_no_read_of_a_follower_is_older_than_what_it_answered(world):
    nodes = world.cluster(flags=["-workers", "3"] + VISIBLE)
    follower = next(node for node in nodes if node is not world.leader_of(nodes))
    writes, index = read_while_written(follower, SECONDS)
    assert writes > 100
    # Quorum reads see it on every machine.
    for node in nodes:
        assert int(node.get("/v2/keys/s?quorum=true").headers["X-Etcd-Index"]) >= index


def test_no_read_is_older_after_an_event_was_seen(world):
    node = world.node(flags=["-workers", "3"] + VISIBLE).start()
    wires = wires_of_all_workers(node)
    readers, streams = list(wires.values()), [Wire(node.client) for _ in range(3)]
    for stream in streams:
        stream.watch("/e", "&recursive=true&stream=true")
    floor = Floor()

    def write(wire, count=iter(range(1, 1 << 30))):
        number = next(count)
        answer = wire.put("/e/%d" % (number % 3), number)
        floor.seen(answer.index)
        return True

    def follow(stream, reader):
        event = stream.event()["node"]
        answer = reader.read(event["key"])
        assert answer.index >= event["modifiedIndex"], "event %d, then index %d" % (event["modifiedIndex"], answer.index)
        assert int(answer.json["node"]["value"]) >= int(event["value"])
        return True
    with Wire(node.client) as writer, Crowd() as crowd:
        end = time.monotonic() + 3
        for stream, reader in zip(streams, readers):
            crowd.add(follow, stream, reader)
        crowd.add(write, writer)
        wait_until(lambda: time.monotonic() > end or crowd.failures, 20, "the end of the test")
        crowd.stopping.set()
        # Who waits for an event gets one more.
        node.put("/e/0", 1 << 40)
    assert floor.index > 200
    for wire in readers + streams:
        wire.close()


def test_worker_that_fell_behind_answers_nothing_old(world):
    """Stopped for a while, its channel to raftd full of what happened meanwhile."""
    node = world.node(flags=["-workers", "2"] + VISIBLE).start()
    wires = wires_of_all_workers(node)
    (_, writer), (slow, reader) = wires.items()
    for key in ("/a", "/b"):
        assert writer.put(key, "first").status == 201
    for number in range(8):
        # Both are known to the worker before it is stopped.
        assert reader.read("/a").status == reader.read("/b").status == 200
        os.kill(slow, signal.SIGSTOP)
        try:
            for i in range(40 + 60 * number):
                written = writer.put("/a", "%d %d %s" % (number, i, "x" * 4000))
                assert written.status == 200
            last = writer.put("/b", number)
            reader.send(request("GET", "/v2/keys/b"))
        finally:
            os.kill(slow, signal.SIGCONT)
        answer = reader.answer()
        assert answer.json["node"]["value"] == str(number) and answer.index >= last.index, \
            "%d was answered elsewhere, then here %r" % (last.index, answer)
    for wire in wires.values():
        wire.close()


def test_worker_with_a_long_answer_under_way_answers_nothing_old(world):
    node = world.node(flags=["-workers", "2"] + VISIBLE).start()
    wires = wires_of_all_workers(node)
    (_, writer), (pid, reader) = wires.items()
    long = wire_of(node, pid)
    assert node.put("/long", "x" * (8 << 20)).status == 201
    assert writer.put("/b", "first").status == 201
    for number in range(40):
        assert reader.read("/b").status == 200
        # Too long to be kept by the worker, so it comes from raftd each time.
        long.send(request("GET", "/v2/keys/long?quorum=true"))
        for i in range(3):
            last = writer.put("/b", "%d %d" % (number, i))
            answer = reader.read("/b")
            assert answer.json["node"]["value"] == "%d %d" % (number, i) and answer.index >= last.index, \
                "%d was answered elsewhere, then here %r" % (last.index, answer)
        assert len(long.answer().body) > 8 << 20
    for wire in [long] + list(wires.values()):
        wire.close()


def test_index_of_one_machine_never_falls(world):
    """Through kills of raftd and of the leader's whole machine."""
    nodes = world.cluster()
    leader = world.leader_of(nodes)
    watched = next(node for node in nodes if node is not leader)
    floor = Floor()

    def look(wire):
        for method, path in [("GET", "/v2/keys/n"), ("GET", "/v2/keys/missing"), ("HEAD", "/v2/keys/n"),
                             ("GET", "/v2/keys/?quorum=true"), ("DELETE", "/v2/keys/missing")]:
            before = floor.index
            answer = wire.ask(method, path)
            if answer.status == 500:
                continue
            assert answer.index >= before, "%s %s: %d after %d" % (method, path, answer.index, before)
            floor.seen(answer.index)
        return True

    def write(wire, count=iter(range(1, 1 << 30))):
        answer = wire.put("/n", next(count))
        assert answer.status in (200, 201, 500)
        if answer.status != 500:
            floor.seen(answer.index)
        return True
    with Crowd() as crowd:
        for work in (look, look, write, write):
            crowd.add(work, Wire(watched.client, timeout=30))

        def more(number=40):
            goal = floor.index + number
            wait_until(lambda: floor.index >= goal or crowd.failures, 20, "more writes")
        more()
        for _ in range(2):
            watched.kill("raftd")
            more()
        leader.kill_all()
        more()
        leader.start()
        more()

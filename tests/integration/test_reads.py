"""Big answers, and readers that do not read: nobody else waits, and memory is bounded."""

import http.client
import json
import os
import signal
import threading
import time

import pytest

from moothall import SLOW, ask, held_bytes, sanitized, wait_until
from prometheus import scrape
from wire import Crowd, Ended, Wire, request, worker_of

MIB = 1 << 20
# Nothing here is about the disk, nor about how fast it takes 10 MiB.
ONE = ["-workers", "1", "-no-fsync", "-request-timeout", "60"]
TWO = ["-workers", "2", "-no-fsync"]
BIG = 10 * MIB - 4096        # of a value: fits into a body


def put_big(node, key, letter="v", size=BIG):
    form = "value=" + letter * size
    assert ask(node.client, "PUT", "/v2/keys" + key, form, timeout=60).status in (200, 201)


def fill(node, folder, count, value="v" * 100, connections=32):
    """So many keys below a folder."""
    def write(number):
        with Wire(node.client, timeout=60) as wire:
            for i in range(number, count, connections):
                assert wire.put("%s/%06d" % (folder, i), value).status in (200, 201)
    with Crowd() as crowd:
        for number in range(connections):
            crowd.add(write, number)
        crowd.wait(300)


def names(answer):
    return [node["key"] for node in answer["node"]["nodes"]]


class Bystander:
    """Who asks for one key all the time, and how long he waited at most. A key that nobody
    asked for before has to be asked of raftd."""

    def __init__(self, node, query=""):
        self.node, self.query, self.longest, self.count = node, query, 0.0, 0

    def __enter__(self):
        self.stopping, self.failure = threading.Event(), None
        self.wire = Wire(self.node.client, timeout=30)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def _run(self):
        try:
            while not self.stopping.is_set():
                begun = time.monotonic()
                answer = self.wire.ask("GET", "/v2/keys/none/%d%s" % (self.count, self.query))
                self.longest = max(self.longest, time.monotonic() - begun)
                assert answer.status == 404, answer
                self.count += 1
        except Exception as failure:
            self.failure = failure

    def __exit__(self, kind, *unused):
        self.stopping.set()
        self.thread.join(60)
        self.wire.close()
        if kind is None:
            assert self.failure is None, self.failure


class Watch:
    """An open watch, which has to be there at the end."""

    def __init__(self, node):
        self.node, self.wire = node, Wire(node.client, timeout=30)

    def __enter__(self):
        self.wire.watch("/watched", "&stream=true")
        return self

    def __exit__(self, kind, *unused):
        if kind is None:
            assert self.node.put("/watched", "still").status in (200, 201)
            assert self.wire.event()["node"]["value"] == "still"
        self.wire.close()


# ---- who does not read

@pytest.mark.skipif(sanitized(), reason="a sanitizer has memory of its own")
def test_pipelined_reads_that_nobody_takes(world):
    node = world.node(flags=ONE).start()
    pids = node.pids()
    [worker] = pids["client"]
    put_big(node, "/big")
    most = 0
    with Watch(node), Wire(node.client, receive_bytes=4096) as wire:
        wire.send(request("GET", "/v2/keys/big") * 32)
        for _ in range(30):
            most = max(most, held_bytes(worker))
            assert node.get("/v2/keys/none").status == 404
            time.sleep(0.1)
        assert most < 200 * MIB
        assert node.pids() == pids
        # Read after all, it is all there.
        for _ in range(2):
            assert len(wire.answer().json["node"]["value"]) == BIG
    assert node.stop() == 0


@pytest.mark.skipif(sanitized(), reason="a sanitizer has memory of its own")
def test_many_readers_of_a_big_directory_that_do_not_read(world):
    node = world.node(flags=ONE).start()
    pids = node.pids()
    [worker] = pids["client"]
    for i in range(9):
        put_big(node, "/dir/%d" % i, str(i), 4 * MIB)
    before = held_bytes(pids["raftd"][0])
    wires = [Wire(node.client, receive_bytes=4096) for _ in range(12)]
    with Watch(node), Bystander(node):
        for wire in wires:
            wire.send(request("GET", "/v2/keys/dir?recursive=true&quorum=%s" % ("true" if wire in wires[:3] else "false")))
        for _ in range(30):
            assert held_bytes(worker) < 100 * MIB
            assert held_bytes(pids["raftd"][0]) < before + 36 * MIB
            time.sleep(0.1)
        # Who reads gets all of it.
        body = node.get("/v2/keys/dir?recursive=true", timeout=60).json
        assert [n["value"] for n in body["node"]["nodes"]] == [str(i) * (4 * MIB) for i in range(9)]
    assert node.pids() == pids
    for wire in wires:
        wire.close()
    assert node.stop() == 0


@pytest.mark.skipif(sanitized(), reason="a sanitizer has memory of its own")
def test_answers_that_nobody_takes_are_bounded_for_an_address_and_memory_comes_back(world):
    node = world.node(flags=ONE).start()
    [worker] = node.pids()["client"]
    put_big(node, "/some", "s", 250000)       # as much as is answered at once
    start = held_bytes(worker)
    wires = [Wire(node.client, receive_bytes=4096) for _ in range(30)]
    with Watch(node):
        for wire in wires:
            wire.send(request("GET", "/v2/keys/some") * 32)
        wait_until(lambda: rejected(node) >= 3, 60, "connections to be cut")
        assert held_bytes(worker) < start + 150 * MIB
        assert "much is kept for it that it does not take" in node.log()
        # Who reads is served meanwhile.
        assert len(node.get("/v2/keys/some").json["node"]["value"]) == 250000
        for wire in wires:
            wire.close()
        wait_until(lambda: held_bytes(worker) < start + 40 * MIB, 10, "memory to come back")
    assert node.stop() == 0


def rejected(node):
    return scrape(node.client).get("etcd_http_rejected_total", reason="memory")


# ---- uploads

def upload(node, number, pace=None):
    form = b"value=" + b"u" * BIG
    with Wire(node.client, timeout=120) as wire:
        whole = request("PUT", "/v2/keys/up/%d" % number, body=form)
        wire.send(whole[:300000])
        if pace is not None:
            time.sleep(pace)
        for at in range(300000, len(whole), MIB):
            wire.send(whole[at:at + MIB])
        assert wire.answer().status == 201


@pytest.mark.skipif(sanitized(), reason="a sanitizer has memory of its own")
def test_many_uploads_at_once_all_arrive(world):
    node = world.node(flags=ONE).start()
    [worker] = node.pids()["client"]
    most = [0]
    with Crowd() as crowd:
        for number in range(10):
            crowd.add(lambda n: upload(node, n) or False, number)
        while any(thread.is_alive() for thread in crowd.threads):
            most[0] = max(most[0], held_bytes(worker))
            time.sleep(0.05)
        crowd.wait(1)
    assert most[0] < 400 * MIB
    for number in range(10):
        assert node.get("/v2/keys/up/%d" % number, timeout=60).json["node"]["value"] == "u" * BIG
    assert node.stop() == 0


def test_uploads_that_stand_still_give_way(world):
    node = world.node(flags=ONE).start()
    stuck = [Wire(node.client, timeout=60) for _ in range(8)]
    begun = request("PUT", "/v2/keys/stuck", body=b"value=" + b"u" * BIG)[:400000]
    for wire in stuck:
        wire.send(begun)
    upload(node, 1)
    # They were told so, or wait still.
    heads = []
    for wire in stuck:
        if not wire.silent():
            heads.append(wire.head().status)
    assert heads and set(heads) == {408}
    for wire in stuck:
        wire.close()
    assert node.stop() == 0


# ---- big listings

def test_listings_leave_others_alone(world):
    node = world.node(flags=TWO).start()
    pids = node.pids()
    fill(node, "/many", 20000)
    term = node.status()["term"]

    def listing():
        answer = ask(node.client, "GET", "/v2/keys/many?recursive=true", timeout=60)
        assert names(answer.json) == ["/many/%06d" % i for i in range(20000)]
        return False
    with Bystander(node) as plain, Bystander(node, "?quorum=true") as quorum, Crowd() as crowd:
        for _ in range(8):
            crowd.add(listing)
        crowd.wait(60)
    # A quarter of a second and a half, on a machine that does nothing else.
    assert plain.longest < 1.0 * SLOW and quorum.longest < 2.0 * SLOW
    assert plain.count > 10 and quorum.count > 10
    assert node.status()["term"] == term and node.pids() == pids
    assert node.stop() == 0


def test_recursive_reads_at_a_leader_cost_it_nothing(world):
    nodes = world.cluster(3, flags=TWO)
    leader = world.leader_of(nodes)
    fill(leader, "/many", 20000)
    term = leader.status()["term"]

    def listing():
        answer = ask(leader.client, "GET", "/v2/keys/many?recursive=true", timeout=60)
        assert len(names(answer.json)) == 20000
        return False
    with Bystander(leader, "?quorum=true"), Crowd() as crowd:
        for _ in range(16):
            crowd.add(listing)
        crowd.wait(120)
    assert leader.status()["term"] == term
    for node in nodes:
        assert node.stop() == 0


def test_a_listing_shows_one_index(world):
    """However slowly it is read, and whatever is written meanwhile."""
    node = world.node().start()
    fill(node, "/many", 3000, "v" * 2000)
    index = int(node.get("/v2/keys/many/000000").headers["X-Etcd-Index"])

    def write(state):
        state["n"] += 1
        for key in ("/many/000001a", "/many/001500", "/many/002999"):
            assert node.put(key, "n%d" % state["n"]).status in (200, 201)
        assert node.delete("/many/%06d" % (2000 + state["n"])).status == 200
        return state["n"] < 900
    with Crowd() as crowd:
        crowd.add(write, {"n": 0})
        for _ in range(3):
            with Wire(node.client, timeout=60) as wire:
                wire.send(request("GET", "/v2/keys/many?recursive=true"))
                head = wire.head()
                body, chunk = b"", b"-"
                while chunk:
                    chunk = wire.chunk()
                    body += chunk
                    time.sleep(0.02)
            shown = json.loads(body)["node"]["nodes"]
            at = head.index
            assert at >= index and max(n["modifiedIndex"] for n in shown) <= at
            values = {n["key"]: n["value"] for n in shown}
            # Four writes a round, in their order.
            seen = [int(values[k][1:]) if values.get(k, "v")[0] == "n" else 0
                    for k in ("/many/000001a", "/many/001500", "/many/002999")]
            gone = 3000 - sum(1 for k in values if k != "/many/000001a")
            assert seen == sorted(seen, reverse=True) and seen[0] - gone <= 1 and gone <= seen[2], (seen, gone)
            index = at
        crowd.stopping.set()
    assert node.stop() == 0


def test_a_planned_restart_lets_a_listing_end(world):
    node = world.node(flags=ONE).start()
    for i in range(3):
        put_big(node, "/dir/%d" % i, str(i), 2 * MIB)
    [raftd] = node.pids()["raftd"]
    with Wire(node.client, receive_bytes=65536, timeout=60) as wire:
        wire.send(request("GET", "/v2/keys/dir?recursive=true"))
        wire.head()
        body = [wire.chunk()]
        result = []
        thread = threading.Thread(target=lambda: result.append(node.control("restart", "raftd")))
        thread.start()
        while body[-1]:
            body.append(wire.chunk())
        thread.join(60)
    assert result[0].returncode == 0, result[0].stderr
    assert node.pids()["raftd"] != [raftd]
    assert [n["value"][0] for n in json.loads(b"".join(body))["node"]["nodes"]] == list("012")
    # Who does not read on is not waited for, for long.
    with Wire(node.client, receive_bytes=4096, timeout=60) as wire:
        wire.send(request("GET", "/v2/keys/dir?recursive=true"))
        wire.head()
        begun = time.monotonic()
        assert node.control("restart", "raftd").returncode == 0
        assert time.monotonic() - begun < 20 * SLOW
        with pytest.raises(Ended):
            while wire.chunk():
                pass
    assert node.stop() == 0


def test_a_killed_raftd_cuts_a_stream_and_nothing_else(world):
    node = world.node(flags=ONE).start()
    for i in range(3):
        put_big(node, "/dir/%d" % i, str(i), 4 * MIB)
    put_big(node, "/half", "h", 500000)
    with Watch(node), Wire(node.client, receive_bytes=4096, timeout=60) as wire, Crowd() as crowd:
        wire.send(request("GET", "/v2/keys/dir?recursive=true"))
        wire.head()

        def read():
            answer = node.get("/v2/keys/half", timeout=60)
            # On a busy machine the next raftd may come too late, but no half of it is given.
            assert answer.status == 500 or len(answer.json["node"]["value"]) == 500000
            return True
        crowd.add(read)
        time.sleep(0.2)
        [raftd] = node.pids()["raftd"]
        os.kill(raftd, signal.SIGKILL)
        with pytest.raises(Ended):
            while wire.chunk():
                pass
        wait_until(lambda: node.pids()["raftd"] not in ([], [raftd]), 15, "another raftd")
        wait_until(lambda: node.get("/v2/keys/dir", timeout=60).status == 200, 15, "answers")
    assert node.stop() == 0


def test_big_values_keep_their_shape(world):
    """At every size: with a length or in chunks, asked for alone or behind others."""
    node = world.node(flags=ONE).start()
    sizes = [1, 200000, 262000, 262144, 300000, 1048000, 1048576, 1100000, 3000000, BIG]
    for size in sizes:
        put_big(node, "/size/%d" % size, "s", size)
    host, port = node.client.rsplit(":", 1)
    with Wire(node.client, timeout=60) as wire:
        wire.send(b"".join(request("GET", "/v2/keys/size/%d" % size) for size in sizes))
        for size in sizes:
            answer = wire.answer()
            assert answer.json["node"]["value"] == "s" * size
            assert (answer.head.get("Content-Length") is None) == (size > MIB - 100)
    for size in sizes:
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        connection.request("HEAD", "/v2/keys/size/%d" % size)
        head = connection.getresponse()
        assert head.status == 200 and head.read() == b""
        connection.request("GET", "/v2/keys/size/%d?quorum=true" % size)
        answer = connection.getresponse()
        body = answer.read()
        assert json.loads(body)["node"]["value"] == "s" * size
        assert head.headers["Content-Length"] == answer.headers["Content-Length"]
        connection.close()
    with Wire(node.client, timeout=60) as wire:
        wire.send(request("GET", "/v2/keys/size/%d" % BIG, version="HTTP/1.0"))
        assert len(json.loads(wire.rest().partition(b"\r\n\r\n")[2])["node"]["value"]) == BIG
    assert worker_of(node, wire) is None and node.stop() == 0

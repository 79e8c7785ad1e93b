"""The v3 API as JSON over HTTP: keys, ranges, txns, compaction; every node, and what dies meanwhile."""

import json
import os
import signal
import threading

import pytest

from moothall import ask, wait_until
from v3 import b64, basic, below, call, delete, get, good, keys, plain, put, refused, revision

MIB = 1 << 20
KEY_EMPTY = "etcdserver: key is not provided"
TOO_MANY = "etcdserver: too many operations in txn request"
DUPLICATE = "etcdserver: duplicate key given in txn request"


@pytest.fixture
def node(shared):
    """Without keys."""
    good(shared, "deleterange", {"key": b64("\0"), "range_end": b64("\0")})
    return shared


# ---- one node

def test_a_put_is_shown_with_its_revisions(node):
    first = put(node, "/a", "one")
    second = put(node, "/a", "two", prev_kv=True)
    assert revision(second) == revision(first) + 1
    old, now = str(revision(first)), str(revision(second))
    assert second["prev_kv"] == {"key": b64("/a"), "create_revision": old, "mod_revision": old,
                                 "version": "1", "value": b64("one")}
    answer = get(node, "/a")
    assert answer["kvs"] == [{"key": b64("/a"), "create_revision": old, "mod_revision": now,
                              "version": "2", "value": b64("two")}]
    assert answer["count"] == "1" and revision(answer) == int(now)
    assert set(answer["header"]) == {"cluster_id", "member_id", "revision", "raft_term"}
    assert int(answer["header"]["member_id"]) != 0
    assert get(node, "/none") == {"header": answer["header"]}


def test_options_of_a_put(node):
    refused(node, "put", {"key": b64("/a"), "ignore_value": True}, 400, 3, "etcdserver: key not found")
    put(node, "/a", "kept")
    good(node, "put", {"key": b64("/a"), "ignore_value": True, "ignore_lease": True})
    answer = get(node, "/a")["kvs"][0]
    assert (plain(answer["value"]), answer["version"]) == ("kept", "2")
    refused(node, "put", {"key": b64("/a"), "value": b64("x"), "ignore_value": True}, 400, 3,
            "etcdserver: value is provided")
    refused(node, "put", {"key": b64("/a"), "lease": "7", "ignore_lease": True}, 400, 3,
            "etcdserver: lease is provided")
    refused(node, "put", {"key": b64("/a"), "lease": "7"}, 404, 5, "etcdserver: requested lease not found")
    refused(node, "put", {"value": b64("x")}, 400, 3, KEY_EMPTY)


def test_options_of_a_range(node):
    for name in "cabd":
        put(node, "/r/" + name, name)
    put(node, "/r/a", "z")
    everything = dict(below("/r/"))
    assert keys(good(node, "range", everything)) == ["/r/a", "/r/b", "/r/c", "/r/d"]
    some = good(node, "range", dict(everything, limit=3))
    assert (len(some["kvs"]), some["more"], some["count"]) == (3, True, "4")
    by_mod = dict(everything, sort_order="DESCEND", sort_target="MOD")
    assert keys(good(node, "range", by_mod)) == ["/r/a", "/r/d", "/r/b", "/r/c"]
    by_value = dict(everything, sortOrder="ASCEND", sortTarget="VALUE", keysOnly=True)
    answer = good(node, "range", by_value)
    assert keys(answer) == ["/r/b", "/r/c", "/r/d", "/r/a"]
    assert not any("value" in kv for kv in answer["kvs"])
    counted = good(node, "range", dict(everything, count_only=True))
    assert counted["count"] == "4" and "kvs" not in counted
    newest = revision(counted)
    assert keys(good(node, "range", dict(everything, min_mod_revision=newest))) == ["/r/a"]
    assert keys(good(node, "range", dict(everything, max_create_revision=newest - 4))) == ["/r/c"]
    past = good(node, "range", dict(everything, revision=newest - 1, serializable=True))
    assert plain(past["kvs"][0]["value"]) == "a" and revision(past) == newest
    refused(node, "range", dict(everything, revision=newest + 1), 400, 11,
            "etcdserver: mvcc: required revision is a future revision")
    refused(node, "range", dict(everything, sort_order=9), 400, 3, "etcdserver: invalid sort option")
    refused(node, "range", {}, 400, 3, KEY_EMPTY)


def test_deletes_say_how_many_and_what(node):
    for name in "abc":
        put(node, "/d/" + name, name)
    before = revision(put(node, "/e", "stays"))
    none = delete(node, "/none", prev_kv=True)
    assert "deleted" not in none and revision(none) == before
    gone = good(node, "deleterange", dict(below("/d/"), prev_kv=True))
    assert gone["deleted"] == "3" and revision(gone) == before + 1
    assert [plain(kv["value"]) for kv in gone["prev_kvs"]] == ["a", "b", "c"]
    assert "kvs" not in good(node, "range", below("/d/")) and keys(get(node, "/e")) == ["/e"]
    refused(node, "deleterange", {}, 400, 3, KEY_EMPTY)


def swap(key, old, new):
    return {"compare": [{"key": b64(key), "target": "VALUE", "value": b64(old)}],
            "success": [{"request_put": {"key": b64(key), "value": b64(new), "prev_kv": True}}],
            "failure": [{"request_range": {"key": b64(key)}}]}


def test_a_txn_takes_one_of_its_branches(node):
    before = revision(put(node, "/t", "one"))
    done = good(node, "txn", swap("/t", "one", "two"))
    assert done["succeeded"] and revision(done) == before + 1
    shown = done["responses"][0]["response_put"]
    assert shown["header"] == {"revision": str(before + 1)} and plain(shown["prev_kv"]["value"]) == "one"
    failed = good(node, "txn", swap("/t", "one", "three"))
    assert "succeeded" not in failed and revision(failed) == before + 1
    assert plain(failed["responses"][0]["response_range"]["kvs"][0]["value"]) == "two"


def test_a_txn_in_a_txn_and_what_it_sees(node):
    inner = {"compare": [{"key": b64("/n"), "target": "CREATE"}],
             "success": [{"request_put": {"key": b64("/n/in"), "value": b64("i")}},
                         {"request_range": dict(below("/n"))}]}
    answer = good(node, "txn", {"success": [{"request_put": {"key": b64("/n"), "value": b64("o")}},
                                            {"request_txn": inner},
                                            {"request_delete_range": {"key": b64("/none")}}]})
    nested = answer["responses"][1]["response_txn"]
    # Compares look at the state before all of it, ranges at what was done until then.
    assert nested["succeeded"] and nested["header"] == {}
    assert keys(nested["responses"][1]["response_range"]) == ["/n", "/n/in"]
    assert "deleted" not in answer["responses"][2]["response_delete_range"]
    assert len({kv["mod_revision"] for kv in get(node, "/n", **{"range_end": b64("/o")})["kvs"]}) == 1


def put_op(key):
    return {"request_put": {"key": b64(key)}}


def nest(levels, innermost):
    for _ in range(levels):
        innermost = [{"request_txn": {"success": innermost}}]
    return {"success": innermost}


def test_limits_of_a_txn(node):
    assert good(node, "txn", {"success": [put_op("/l/%d" % i) for i in range(128)]})["succeeded"]
    refused(node, "txn", {"success": [put_op("/l/%d" % i) for i in range(129)]}, 400, 3, TOO_MANY)
    assert good(node, "txn", nest(127, [put_op("/l/deep")]))["succeeded"]
    refused(node, "txn", nest(128, [put_op("/l/deep")]), 400, 3, TOO_MANY)
    refused(node, "txn", {"success": [put_op("/l/x"), put_op("/l/x")]}, 400, 3, DUPLICATE)
    refused(node, "txn", {"success": [put_op("/l/x"), {"request_delete_range": below("/l/")}]}, 400, 3, DUPLICATE)
    assert good(node, "txn", {"success": [put_op("/l/x")], "failure": [put_op("/l/x")]})["succeeded"]
    # Both branches, and all that is in them: more operations than a path may have.
    half = [{"request_txn": {"success": [put_op("/m/%d/%d" % (i, j)) for j in range(64)]}} for i in range(64)]
    assert len(good(node, "txn", {"success": half})["responses"]) == 64


def test_limits_of_a_request(node):
    assert put(node, "/size", "x" * (3 * MIB // 2 - 100))
    refused(node, "put", {"key": b64("/size"), "value": b64("x" * (3 * MIB // 2))}, 400, 3,
            "etcdserver: request is too large")
    answer = call(node, "put", {"key": b64("/size"), "value": b64("x" * (2 * MIB))})
    assert (answer.status, answer.json["code"]) == (429, 8)
    assert answer.json["message"].startswith("grpc: received message larger than max (")
    assert get(node, "/size")["kvs"][0]["version"] == "1"


def test_a_long_answer_is_whole(node):
    for i in range(24):
        put(node, "/long/%02d" % i, chr(97 + i) * MIB)
    before = revision(get(node, "/none"))
    answer = good(node, "range", dict(below("/long/")), timeout=30)
    assert [plain(kv["value"]) for kv in answer["kvs"]] == [chr(97 + i) * MIB for i in range(24)]
    gone = good(node, "deleterange", dict(below("/long/"), prev_kv=True), timeout=30)
    assert (gone["deleted"], revision(gone)) == ("24", before + 1)
    assert [len(plain(kv["value"])) for kv in gone["prev_kvs"]] == [MIB] * 24


def test_an_answer_that_is_too_long_is_refused(node):
    for i in range(65):
        put(node, "/huge/%02d" % i, "h" * MIB)
    answer = call(node, "range", below("/huge/"), timeout=30)
    assert (answer.status, answer.json["code"]) == (429, 8)
    assert "64 MiB" in answer.json["message"] and "limit" in answer.json["message"]
    # A write is done all the same, and what it shows can be read where it was.
    before = revision(get(node, "/none"))
    answer = call(node, "deleterange", dict(below("/huge/"), prev_kv=True), timeout=30)
    assert answer.status == 429
    assert good(node, "range", dict(below("/huge/"), count_only=True)).get("count") is None
    assert revision(get(node, "/none")) == before + 1


def test_what_was_compacted_is_refused(node):
    first = revision(put(node, "/c", "one"))
    second = revision(put(node, "/c", "two"))
    compacted = "etcdserver: mvcc: required revision has been compacted"
    assert set(good(node, "compaction", {"revision": str(second)})) == {"header"}
    refused(node, "range", {"key": b64("/c"), "revision": first}, 400, 11, compacted)
    refused(node, "compaction", {"revision": str(second)}, 400, 11, compacted)
    assert plain(get(node, "/c", revision=second)["kvs"][0]["value"]) == "two"
    refused(node, "compaction", {"revision": str(second + 10)}, 400, 11,
            "etcdserver: mvcc: required revision is a future revision")


def test_a_lease_takes_its_keys_along(node):
    lease = good(node, "grant", {"TTL": "600"}, prefix="/v3/lease/")
    assert lease["TTL"] == "600" and int(lease["ID"]) > 0
    put(node, "/leased", "x", lease=lease["ID"])
    assert get(node, "/leased")["kvs"][0]["lease"] == lease["ID"]
    good(node, "revoke", {"ID": lease["ID"]}, prefix="/v3/kv/lease/")
    assert "kvs" not in get(node, "/leased")
    refused(node, "revoke", {"ID": lease["ID"]}, 404, 5, "etcdserver: requested lease not found", prefix="/v3/lease/")


def test_paths_and_methods(node):
    assert good(node, "put", {"key": b64("/beta")}, prefix="/v3beta/kv/")
    for path in ("/v3/kv/nothing", "/v3alpha/kv/range", "/v3"):
        assert ask(node.client, "POST", path, "{}").status == 404, path
    answer = ask(node.client, "GET", "/v3/kv/range")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    answer = call(node, "range", "key=a")
    assert (answer.status, answer.json["code"]) == (400, 3)
    refused(node, "range", "", 400, 3, KEY_EMPTY)
    # The two APIs have their keys each for itself.
    assert ask(node.client, "GET", "/v2/keys/beta").status == 404


def test_while_users_count_only_root_is_served(world):
    node = world.node().start()
    put(node, "/a", "x")
    for name in ("root", "al"):
        body = json.dumps({"user": name, "password": "pa"})
        assert ask(node.client, "PUT", "/v2/auth/users/" + name, body).status == 201
    assert ask(node.client, "PUT", "/v2/auth/enable", "", headers=basic("root:pa")).status == 200
    for headers in (None, basic("al:pa"), basic("root:no")):
        for method in ("range", "put", "deleterange", "txn", "compaction"):
            answer = call(node, method, {"key": b64("/a")}, headers=headers)
            assert (answer.status, answer.json) == (401, {"message": "Insufficient credentials"})
    assert call(node, "range", {"key": b64("/a")}, headers=basic("root:pa")).json["count"] == "1"


# ---- three nodes

def test_every_node_serves_and_reads_its_own_writes(world):
    nodes = world.cluster()
    ids = set()
    for round_ in range(3):
        for i, node in enumerate(nodes):
            made = put(node, "/%d" % i, "%d" % round_)
            for other in nodes:
                answer = get(other, "/%d" % i)
                assert plain(answer["kvs"][0]["value"]) == "%d" % round_
                assert revision(answer) == revision(made)
                ids.add((other.name, answer["header"]["member_id"]))
    assert len(ids) == 3 and len({member for _, member in ids}) == 3
    assert len({get(node, "/0")["header"]["cluster_id"] for node in nodes}) == 1


def test_without_a_majority(world):
    nodes = world.cluster(flags=["-request-timeout", "2"])
    put(nodes[0], "/a", "x")
    left = next(node for node in nodes if node is not world.leader_of(nodes))
    wait_until(lambda: get(left, "/a", serializable=True).get("count") == "1", 5, "the follower to have it")
    for node in nodes:
        if node is not left:
            node.kill_all()
    assert plain(get(left, "/a", serializable=True)["kvs"][0]["value"]) == "x"
    refused(left, "range", {"key": b64("/a")}, 503, 14, "etcdserver: request timed out")
    answer = call(left, "put", {"key": b64("/a")})
    assert (answer.status, answer.json["code"]) == (503, 14)


class Counters:
    """Threads that put each its own key, one after the other, with a number that rises."""

    def __init__(self, nodes, threads=4):
        self.stopping, self.failures, self.acknowledged, self.threads = threading.Event(), [], {}, []
        for number in range(threads):
            thread = threading.Thread(target=self._run, args=(number, nodes[number % len(nodes)]), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _run(self, number, node):
        key, count, unknown = "/count/%d" % number, 0, 0
        try:
            while not self.stopping.is_set():
                try:
                    answer = call(node, "put", {"key": b64(key), "value": b64(str(count + 1))})
                except OSError:
                    answer = None
                except Exception as failure:
                    if "Remote" not in type(failure).__name__ and "Incomplete" not in type(failure).__name__:
                        raise
                    answer = None
                if answer is not None and answer.status == 200:
                    count += 1
                elif answer is None or answer.json["code"] == 14:
                    unknown += 1
                else:
                    raise AssertionError(answer)
                self.acknowledged[key] = (count, unknown)
        except Exception as failure:
            self.failures.append(failure)

    def total(self):
        return sum(count for count, _ in self.acknowledged.values())

    def wait_more(self, more):
        goal = self.total() + more
        wait_until(lambda: self.failures or self.total() >= goal, 20, "more puts")

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
        assert not self.failures, self.failures

    def check(self, node, exactly):
        """A version counts how often a key was put: what was acknowledged once, no write twice."""
        for key, (count, unknown) in self.acknowledged.items():
            version = int(get(node, key)["kvs"][0]["version"])
            assert count <= version <= count + unknown, (key, count, unknown, version)
            assert not exactly or (version, unknown) == (count, 0), (key, count, unknown, version)


def test_writes_take_effect_once_while_raftd_is_killed(world):
    node = world.node(flags=["-workers", "2"]).start()
    counters = Counters([node])
    for _ in range(4):
        counters.wait_more(100)
        node.kill("raftd")
    counters.wait_more(100)
    counters.stop()
    # The workers ask again, and no client hears of it.
    counters.check(node, exactly=True)


def test_writes_take_effect_once_while_leaders_are_killed(world):
    nodes = world.cluster()
    counters = Counters(nodes, threads=6)
    for _ in range(3):
        counters.wait_more(60)
        world.leader_of(nodes).kill("raftd")
    counters.wait_more(60)
    counters.stop()
    counters.check(nodes[0], exactly=False)


def test_a_worker_that_is_killed_leaves_no_write_twice(world):
    node = world.node(flags=["-workers", "2"]).start()
    counters = Counters([node])
    for _ in range(3):
        counters.wait_more(60)
        node.kill("client")
    counters.wait_more(60)
    counters.stop()
    counters.check(node, exactly=False)


def test_a_long_answer_begins_anew_with_the_next_raftd(world):
    node = world.node(flags=["-workers", "1"]).start()
    for i in range(16):
        put(node, "/long/%02d" % i, chr(97 + i) * MIB)
    pid = node.pid_of("raftd")
    answers = []

    def ask_for_it():
        answers.append(good(node, "range", dict(below("/long/")), timeout=30))
    thread = threading.Thread(target=ask_for_it, daemon=True)
    thread.start()
    os.kill(pid, signal.SIGKILL)
    thread.join(30)
    assert [len(plain(kv["value"])) for kv in answers[0]["kvs"]] == [MIB] * 16


def test_all_is_there_after_a_restart(world):
    node = world.node().start()
    put(node, "/a", "one")
    second = put(node, "/a", "two")
    delete(node, "/b")
    node.stop()
    node.start()
    answer = get(node, "/a")
    assert (answer["kvs"][0]["version"], revision(answer)) == ("2", revision(second))
    assert plain(get(node, "/a", revision=revision(second) - 1)["kvs"][0]["value"]) == "one"

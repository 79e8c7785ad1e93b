"""The modules lock and leader: every row of their tables, waiting over restarts and kills, and many who fight for one lock."""

import json
import os
import signal
import socket
import threading
import time

import pytest

from lockers import fight, strike
from moothall import SLOW, ask, wait_until
from test_auth import basic, call, rights, role, user
from wire import Wire, request

MODULES = ["-modules=lock,leader"]
LOCK, LEADER = "/mod/v2/lock", "/mod/v2/leader"
TEXT, JSON = "text/plain; charset=utf-8", "application/json"


@pytest.fixture
def node(world):
    return world.node(flags=MODULES).start()


def lock(node, method, key, **form):
    """Parameters in the form, where Go's servers read one, else in the query."""
    query = "" if not form or method in ("POST", "PUT") else "?" + "&".join("%s=%s" % pair for pair in form.items())
    return ask(node.client, method, key + query, form if method in ("POST", "PUT") else None, timeout=30)


def is_text(answer, status, body):
    return (answer.status, answer.body, answer.headers["Content-Type"]) == (status, body, TEXT)


def is_error(answer, status, code, message, cause):
    body = json.dumps({"errorCode": code, "message": message, "cause": cause, "index": 0}, separators=(",", ":"))
    return (answer.status, answer.body.decode(), answer.headers["Content-Type"], answer.headers["X-Etcd-Index"]) == (
        status, body + "\n", JSON, "0")


def entries(node, name):
    """Index and value of each, from the first to the last."""
    answer = node.get("/v2/keys/_etcd/mod/lock/%s?quorum=true&sorted=true" % name)
    assert answer.status == 200 or answer.json["errorCode"] == 100
    nodes = answer.json.get("node", {}).get("nodes", [])
    return [(int(n["key"].rsplit("/", 1)[1]), n["value"]) for n in nodes if not n.get("dir")]


class Waiter:
    """A request that waits for a lock, on a connection of its own."""

    def __init__(self, node, key="l", method="POST", kind=LOCK, **form):
        self.wire = Wire(node.client, timeout=30)
        self.wire.send(request(method, "%s/%s" % (kind, key), form))

    def answer(self):
        return self.wire.answer()

    def close(self):
        self.wire.close()


# ---- the tables, row by row

def test_a_lock_is_acquired_asked_for_renewed_and_released(node):
    first = lock(node, "POST", LOCK + "/l", ttl=60, value="one")
    index = first.body.decode()
    assert is_text(first, 200, b"%d" % int(index)) and first.headers["X-Etcd-Index"] == index
    assert node.get("/v2/keys/_etcd/mod/lock/l/%020d" % int(index)).json["node"]["value"] == "one"
    assert is_text(lock(node, "GET", LOCK + "/l"), 200, b"one")
    assert is_text(lock(node, "GET", LOCK + "/l", field="value"), 200, b"one")
    assert is_text(lock(node, "GET", LOCK + "/l", field="index"), 200, index.encode())
    # Renewed by index, by value; with both the value is another one.
    for form, value in (({"index": index}, "one"), ({"value": "one"}, "one"), ({"index": index, "value": "uno"}, "uno")):
        assert is_text(lock(node, "PUT", LOCK + "/l", ttl=100, **form), 200, b"")
        entry = node.get("/v2/keys/_etcd/mod/lock/l/%020d" % int(index)).json["node"]
        assert entry["value"] == value and 90 < entry["ttl"] <= 100
    assert is_text(lock(node, "DELETE", LOCK + "/l", index=index), 200, b"")
    assert is_text(lock(node, "GET", LOCK + "/l"), 200, b"")
    assert is_text(lock(node, "GET", LOCK + "/l", field="index"), 200, b"")
    second = lock(node, "POST", LOCK + "/l?ttl=60&value=two")
    assert int(second.body) > int(index)
    assert is_text(lock(node, "DELETE", LOCK + "/l", value="two"), 200, b"") and entries(node, "l") == []
    # A name with slashes, and a lock below another one.
    for name in ("a/b/c", "a", "a/b"):
        assert lock(node, "POST", "%s/%s" % (LOCK, name), ttl=60, value=name).status == 200
        assert is_text(lock(node, "GET", "%s/%s" % (LOCK, name)), 200, name.encode())


def test_what_is_wrong_with_a_request_for_a_lock_is_said(node):
    held = lock(node, "POST", LOCK + "/l", ttl=60, value="one").body.decode()
    ttl = (400, 202, "The given TTL in POST form is not a number")
    timeout = (400, 205, "The given timeout in POST form is not a number")
    either = (400, 207, "Index or value is required")
    not_found = (404, 100, "Key not found")
    path = "/_etcd/mod/lock/l/"
    for method, key, form, error, cause in [
            ("POST", "/l", {}, ttl, "Acquire"),
            ("POST", "/l", {"ttl": "x"}, ttl, "Acquire"),
            ("POST", "/l", {"ttl": "0"}, ttl, "Acquire"),
            ("POST", "/l", {"ttl": "-1"}, ttl, "Acquire"),
            ("POST", "/l", {"ttl": "315360001"}, ttl, "Acquire"),
            ("POST", "/l", {"ttl": "5", "timeout": "x"}, timeout, "Acquire"),
            ("POST", "/l", {"ttl": "5", "timeout": "-2"}, timeout, "Acquire"),
            ("POST", "/l", {"ttl": "5", "timeout": "315360001"}, timeout, "Acquire"),
            ("GET", "/l", {"field": "name"}, (400, 209, "Invalid field"), "Get"),
            ("GET", "/none", {}, not_found, "/_etcd/mod/lock/none"),
            ("GET", "/none", {"field": "index"}, not_found, "/_etcd/mod/lock/none"),
            ("PUT", "/l", {"ttl": "5"}, either, "Renew"),
            ("PUT", "/l", {"index": held}, ttl, "Renew"),
            ("PUT", "/l", {"index": held, "ttl": "x"}, ttl, "Renew"),
            ("PUT", "/l", {"value": "two", "ttl": "5"}, not_found, "Renew"),
            ("PUT", "/l", {"index": "999", "ttl": "5"}, not_found, path + "999"),
            ("PUT", "/l", {"index": "0", "ttl": "5"}, not_found, path + "0"),
            ("PUT", "/l", {"index": "x", "ttl": "5"}, (400, 203, "The given index in POST form is not a number"), "Renew"),
            ("PUT", "/none", {"value": "one", "ttl": "5"}, not_found, "Renew"),
            ("DELETE", "/l", {}, either, "Release"),
            ("DELETE", "/l", {"index": held, "value": "one"}, (400, 208, "Index and value cannot both be specified"),
             "Release"),
            ("DELETE", "/l", {"value": "two"}, not_found, "Release"),
            ("DELETE", "/l", {"index": "999"}, not_found, path + "999"),
            ("DELETE", "/none", {"index": "1"}, not_found, "/_etcd/mod/lock/none/1"),
            ("POST", "/l", {"ttl": "5", "value": "v" * 65537}, (400, 210, "Invalid POST form"),
             "the value of a lock is longer than 64 KiB"),
            ("POST", "/" + "/".join("n" * 129), {"ttl": "5"}, (400, 210, "Invalid POST form"),
             "the key has 133 names, more than 128 (maxKeyNames)")]:
        answer = lock(node, method, LOCK + key, **form)
        assert is_error(answer, *error, cause), (method, key, form, answer.body)
    assert is_text(lock(node, "GET", LOCK + "/l"), 200, b"one") and len(entries(node, "l")) == 1
    assert lock(node, "POST", LOCK + "/w", ttl=5, value="v" * 65536).status == 200


def test_who_does_not_wait_or_not_for_long_is_told(node):
    lock(node, "POST", LOCK + "/l", ttl=60, value="one")
    assert is_text(lock(node, "POST", LOCK + "/l", ttl=60, timeout=0), 500, b"failed to acquire lock\n")
    assert len(entries(node, "l")) == 1
    begun = time.monotonic()
    assert is_text(lock(node, "POST", LOCK + "/l", ttl=60, timeout=1), 500, b"lock watch closed\n")
    assert time.monotonic() - begun >= 1 and len(entries(node, "l")) == 1
    assert lock(node, "POST", LOCK + "/free", ttl=60, timeout=0).status == 200


def test_a_leader_is_a_lock_with_a_name(node):
    name = (400, 206, "Name is required in POST form")
    assert is_error(lock(node, "PUT", LEADER + "/l", ttl=5), *name, "Set")
    assert is_error(lock(node, "PUT", LEADER + "/l", name="me"), 400, 202, "The given TTL in POST form is not a number",
                    "Acquire")
    assert is_error(lock(node, "DELETE", LEADER + "/l"), *name, "Delete")
    assert is_error(lock(node, "GET", LEADER + "/l"), 404, 100, "Key not found", "/_etcd/mod/lock/l")
    first = lock(node, "PUT", LEADER + "/l", name="me", ttl=30)
    assert is_text(first, 200, first.body) and first.headers["X-Etcd-Index"] == first.body.decode()
    assert is_text(lock(node, "GET", LEADER + "/l"), 200, b"me")
    # The same name again is the same entry, with its TTL from now.
    again = lock(node, "PUT", LEADER + "/l", name="me", ttl=90)
    assert is_text(again, 200, first.body)
    assert node.get("/v2/keys/_etcd/mod/lock/l/%020d" % int(first.body)).json["node"]["ttl"] > 80
    # A lock of that name is the same lock.
    assert is_text(lock(node, "GET", LOCK + "/l", field="index"), 200, first.body)
    assert is_text(lock(node, "POST", LOCK + "/l", ttl=5, timeout=0), 500, b"failed to acquire lock\n")
    assert is_text(lock(node, "PUT", LEADER + "/l", name="you", ttl=5, timeout=1), 500, b"lock watch closed\n")
    waiter = Waiter(node, method="PUT", kind=LEADER, name="you", ttl=60)
    wait_until(lambda: len(entries(node, "l")) == 2, 10, "the second")
    assert is_text(lock(node, "DELETE", LEADER + "/l", name="me"), 200, b"")
    assert waiter.answer().status == 200 and is_text(lock(node, "GET", LEADER + "/l"), 200, b"you")
    assert is_text(lock(node, "DELETE", LEADER + "/l", name="you"), 200, b"")
    assert is_text(lock(node, "GET", LEADER + "/l"), 200, b"")
    assert is_error(lock(node, "DELETE", LEADER + "/l", name="you"), 404, 100, "Key not found", "Release")
    waiter.close()


def test_paths_and_methods_of_the_modules(world):
    node = world.node(flags=MODULES).start()
    for path in ("/mod", "/mod/v2/lock", "/mod/v2/leader"):
        answer = node.get(path)
        assert answer.status == 301 and answer.headers["Location"] == "/"
    nowhere = (404, b"404 page not found\n")
    for method, path in [("GET", "/mod/"), ("GET", "/mod/v2"), ("GET", "/mod/v2/lock/"), ("GET", "/mod/v2/locks/l"),
                         ("GET", "/mod/board"), ("PATCH", LOCK + "/l"), ("POST", LEADER + "/l"),
                         ("POST", LOCK + "/"), ("TRACE", LEADER + "/l")]:
        answer = ask(node.client, method, path)
        assert (answer.status, answer.body) == nowhere, (method, path, answer)
    assert ask(node.client, "HEAD", LOCK + "/l").status == 404
    assert ask(node.client, "HEAD", LEADER + "/l").status == 404


def test_modules_are_off_unless_they_are_named(world):
    off = world.node("off").start()
    one = world.node("one", flags=["-modules", " lock , lock"]).start()
    for path in ("/mod", "/mod/", LOCK, LOCK + "/l", LEADER + "/l"):
        answer = off.get(path)
        assert (answer.status, answer.body) == (404, b"404 page not found\n"), path
    assert off.get(LOCK + "/l").headers["Content-Type"] == TEXT
    assert one.get("/mod").status == 301 and one.get(LEADER + "/l").status == 404
    assert is_error(one.get(LOCK + "/l"), 404, 100, "Key not found", "/_etcd/mod/lock/l")
    bad = world.node("bad", flags=["-modules=lock,dashboard"])
    bad.start(wait=False)
    assert bad.process.wait(10 * SLOW) == 2
    assert '-modules: "dashboard" is no module; there are lock and leader' in bad.log()


# ---- waiting

def test_who_waits_is_told_when_it_is_its_turn_and_not_before(node):
    first = int(lock(node, "POST", LOCK + "/l", ttl=60, value="first").body)
    waiters = []
    # The second learns with its next refresh that it has no entry any more.
    for i, ttl in enumerate((60, 4, 60)):
        waiters.append(Waiter(node, ttl=ttl, value="w%d" % i))
        wait_until(lambda: len(entries(node, "l")) == i + 2, 10, "waiter %d" % i)
    queue = entries(node, "l")
    assert [value for _, value in queue] == ["first", "w0", "w1", "w2"]
    # What 0.4.9 took for its turn: the one before is renewed, or changed; or goes while another one is before.
    assert lock(node, "PUT", LOCK + "/l", ttl=60, index=first).status == 200
    assert lock(node, "PUT", LOCK + "/l", ttl=60, index=queue[1][0], value="other").status == 200
    assert lock(node, "DELETE", LOCK + "/l", index=queue[2][0]).status == 200
    gone = waiters[1].answer()
    assert (gone.status, gone.body) == (500, b"lock watch closed\n")
    assert waiters[0].wire.silent(0.3) and waiters[2].wire.silent()
    assert lock(node, "DELETE", LOCK + "/l", index=first).status == 200
    answer = waiters[0].answer()
    assert answer.status == 200 and int(answer.body) == queue[1][0] and answer.index == queue[1][0]
    assert waiters[2].wire.silent(0.1)
    assert lock(node, "DELETE", LOCK + "/l", index=queue[1][0]).status == 200
    assert int(waiters[2].answer().body) == queue[3][0]
    for waiter in waiters:
        waiter.close()


def test_who_waits_longer_than_its_ttl_keeps_its_place_and_gets_all_of_it(node):
    first = int(lock(node, "POST", LOCK + "/l", ttl=60).body)
    waiter = Waiter(node, ttl=1)
    wait_until(lambda: len(entries(node, "l")) == 2, 10, "the waiter")
    until = time.monotonic() + 3 * SLOW
    wait_until(lambda: time.monotonic() > until or len(entries(node, "l")) < 2, 20, "thrice its TTL")
    assert entries(node, "l")[1][1] == ""
    lock(node, "DELETE", LOCK + "/l", index=first)
    answer = waiter.answer()
    assert answer.status == 200
    # From now on it is the holder's to renew.
    wait_until(lambda: entries(node, "l") == [], 10, "the TTL to pass")
    assert is_text(lock(node, "GET", LOCK + "/l"), 200, b"")
    waiter.close()


def test_an_entry_goes_when_its_connection_goes(node):
    first = int(lock(node, "POST", LOCK + "/l", ttl=600).body)
    waiters = [Waiter(node, ttl=600) for _ in range(3)]
    wait_until(lambda: len(entries(node, "l")) == 4, 10, "all to wait")
    waiters[0].close()
    wait_until(lambda: len(entries(node, "l")) == 3, 10, "the first to go")
    # Another wants no more, and its side alone is closed.
    waiters[1].wire.socket.shutdown(socket.SHUT_WR)
    wait_until(lambda: len(entries(node, "l")) == 2, 10, "the second to go")
    lock(node, "DELETE", LOCK + "/l", index=first)
    assert waiters[2].answer().status == 200
    for waiter in waiters[1:]:
        waiter.close()


def test_two_with_one_value_have_one_entry(node):
    first = int(lock(node, "POST", LOCK + "/l", ttl=60, value="one").body)
    assert is_text(lock(node, "POST", LOCK + "/l", ttl=60, value="one"), 200, b"%d" % first)
    waiters = [Waiter(node, ttl=60, value="two") for _ in range(2)]
    wait_until(lambda: metric(node, "etcd_debugging_store_watchers") == 2, 10, "both to wait")
    assert [value for _, value in entries(node, "l")] == ["one", "two"]
    lock(node, "DELETE", LOCK + "/l", value="one")
    answers = [waiter.answer() for waiter in waiters]
    assert [a.status for a in answers] == [200, 200] and answers[0].body == answers[1].body
    for waiter in waiters:
        waiter.close()


def metric(node, name):
    lines = [line for line in node.get("/metrics").body.decode().splitlines() if line.startswith(name + " ")]
    return float(lines[0].split()[1])


def test_locks_are_counted(node):
    first = int(lock(node, "POST", LOCK + "/l", ttl=60).body)
    waiter = Waiter(node, ttl=60)
    wait_until(lambda: metric(node, "etcd_lock_waiting") == 1, 10, "the waiter")
    lock(node, "POST", LOCK + "/l", ttl=60, timeout=0)
    lock(node, "DELETE", LOCK + "/l", index=first)
    assert waiter.answer().status == 200
    waiter.close()
    wait_until(lambda: metric(node, "etcd_lock_waiting") == 0, 10, "nobody to wait")
    assert metric(node, "etcd_lock_acquired_total") == 2 and metric(node, "etcd_lock_given_up_total") == 1
    assert metric(node, "etcd_lock_failed_total") == 0


def test_a_waiter_counts_among_the_watches(world):
    node = world.node(flags=MODULES + ["-max-watches", "1", "-workers", "1"]).start()
    first = int(lock(node, "POST", LOCK + "/l", ttl=60).body)
    waiter = Waiter(node, ttl=60)
    wait_until(lambda: metric(node, "etcd_debugging_store_watchers") == 1, 10, "the watch")
    refused = lock(node, "POST", LOCK + "/l", ttl=60)
    assert is_error(refused, 500, 300, "Raft Internal Error", "too many watches")
    assert len(entries(node, "l")) == 2
    lock(node, "DELETE", LOCK + "/l", index=first)
    assert waiter.answer().status == 200
    waiter.close()


def test_locks_are_for_those_who_may_write_their_key(node):
    root, al = "root:rpw", "al:pw"
    assert user(node, "root", password="rpw").status == 201
    assert role(node, "locks", permissions=rights(["/_etcd/mod/lock/seen"], ["/_etcd/mod/lock/mine"])).status == 201
    assert user(node, "al", password="pw", roles=["locks"]).status in (200, 201)
    assert call(node, "PUT", "/v2/auth/enable").status == 200

    def as_al(method, key, **form):
        return call(node, method, LOCK + key + "?" + "&".join("%s=%s" % pair for pair in form.items()), None, al)

    assert as_al("POST", "/mine", ttl=60, value="v").status == 200
    assert as_al("PUT", "/mine", ttl=60, value="v").status == 200
    assert as_al("DELETE", "/mine", value="v").status == 200
    assert as_al("GET", "/seen").status == 404
    for method, key, form in [("GET", "/mine", {}), ("POST", "/seen", {"ttl": 5}), ("DELETE", "/seen", {"index": 5}),
                              ("PUT", "/seen", {"index": 5, "ttl": 5})]:
        answer = as_al(method, key, **form)
        assert answer.status == 401 and answer.json["errorCode"] == 110, (method, key)
    # Guests may write all but that, unless their role names it.
    assert ask(node.client, "POST", LOCK + "/mine?ttl=5").status == 401
    assert role(node, "guest", root, grant=rights(write=["/_etcd/mod/lock/*"])).status == 200
    assert ask(node.client, "POST", LOCK + "/open?ttl=5").status == 200
    # The right is taken from who waits: he is told.
    assert call(node, "POST", LOCK + "/mine?ttl=600", None, root).status == 200
    wire = Wire(node.client, timeout=30)
    wire.send(request("POST", LOCK + "/mine", {"ttl": 600}, headers=["Authorization: " + basic(al)["Authorization"]]))
    wait_until(lambda: metric(node, "etcd_lock_waiting") == 1, 10, "him to wait")
    assert role(node, "locks", root, revoke=rights(write=["/_etcd/mod/lock/mine"])).status == 200
    answer = wire.answer()
    assert answer.status == 401 and answer.json["errorCode"] == 110
    wire.close()


# ---- restarts and kills

def test_waiters_wait_on_while_every_process_is_restarted(world):
    nodes = world.cluster(flags=MODULES)
    first = int(lock(nodes[0], "POST", LOCK + "/l", ttl=600).body)
    waiters = []
    for i in range(6):
        waiters.append(Waiter(nodes[i % 3], ttl=5))
        wait_until(lambda: len(entries(nodes[0], "l")) == i + 2, 10, "waiter %d" % i)
    queue = [index for index, _ in entries(nodes[0], "l")]
    for kind in ("restart client", "raftd", "peer", "restart raftd", "restart client"):
        for node in nodes:
            assert strike(node, kind), kind
        wait_until(lambda: all(node.leader() for node in nodes), 20, "a leader")
    assert [index for index, _ in entries(nodes[0], "l")] == queue
    assert all(waiter.wire.silent() for waiter in waiters)
    holder = first
    for waiter, index in zip(waiters, queue[1:]):
        assert lock(nodes[0], "DELETE", LOCK + "/l", index=holder).status == 200
        holder = int(waiter.answer().body)
        assert holder == index
        waiter.close()


def test_the_entries_of_a_killed_worker_go_with_their_ttl(world):
    node = world.node(flags=MODULES + ["-workers", "1"]).start()
    lock(node, "POST", LOCK + "/l", ttl=600)
    waiter = Waiter(node, ttl=2)
    wait_until(lambda: len(entries(node, "l")) == 2, 10, "the waiter")
    node.kill("client", signal.SIGKILL)
    wait_until(lambda: node.pids()["client"], 10, "another worker")
    wait_until(lambda: len(entries(node, "l")) == 1, 10, "the TTL to pass")
    waiter.close()


def test_who_waits_over_tls_is_told_when_its_worker_is_replaced(world, authority):
    server = authority.issue("server")
    node = world.node(flags=MODULES + server.flags("", None), tls=authority.context()).start()
    assert ask(node.client, "POST", LOCK + "/l?ttl=60", tls=node.tls).status == 200
    answers = []
    thread = threading.Thread(target=lambda: answers.append(
        ask(node.client, "POST", LOCK + "/l?ttl=60", tls=node.tls, timeout=30)))
    thread.start()
    wait_until(lambda: metric(node, "etcd_lock_waiting") == 1, 10, "the waiter")
    assert node.control("restart", "client").returncode == 0
    thread.join(20 * SLOW)
    assert is_text(answers[0], 500, b"lock watch closed\n") and len(entries(node, "l")) == 1


def test_twenty_fight_for_one_lock_while_processes_are_killed(world):
    nodes = world.cluster(flags=MODULES)
    record = fight(nodes, clients=20, seconds=8, seed=int(os.environ.get("MOOTHALL_FIGHT_SEED", "1")), ttl=2)
    assert not record.problems, record.problems
    assert record.counts["held"] >= 20, record.counts

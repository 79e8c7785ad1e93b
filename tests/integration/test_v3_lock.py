"""Locks and elections of the v3 API: who waits for whom, and what becomes of a key that waits when its client, a process, the
leader or its lease goes."""

import json
import time

import pytest

from moothall import SLOW, ask, wait_until
from v3 import b64, basic, delete, get, good, keys, plain, put, refused, revision
from wire import Wire, request

LOCK, ELECTION, LEASE = "/v3/lock/", "/v3/election/", "/v3/lease/"
STOPPED = "etcdserver: server stopped"


@pytest.fixture
def node(world):
    return world.node().start()


def grant(node, ttl=60):
    return good(node, "grant", {"TTL": str(ttl)}, prefix=LEASE)["ID"]


def key_of(name, lease):
    return "%s/%x" % (name, int(lease))


def waiting(node, name):
    """The keys below a name, in the order in which they were made."""
    return keys(get(node, name + "/", range_end=b64(name + "0"), sort_order="ASCEND", sort_target="CREATE"))


class Call:
    """A POST on a connection of its own, which may take long."""

    def __init__(self, node, path, message, headers=()):
        self.wire = Wire(node.client, timeout=20)
        self.wire.send(request("POST", path, body=json.dumps(message), headers=list(headers)))

    def answer(self):
        return self.wire.answer()

    def hang_up(self):
        self.wire.close()

    def is_silent(self, seconds=0.3):
        return self.wire.silent(seconds)

    def is_refused(self, status, code, text):
        answer = self.answer()
        return (answer.status, answer.json) == (status, {"error": text, "message": text, "code": code})


def lock(node, name, lease=None, path=LOCK + "lock", headers=(), **more):
    """A call that waits, once its key is there."""
    lease = grant(node) if lease is None else lease
    waits = Call(node, path, dict({"name": b64(name), "lease": lease}, **more), headers=headers)
    waits.key = key_of(name, lease)
    wait_until(lambda: waits.key in waiting(node, name), 10, "the key of who waits")
    return waits


def campaign(node, name, value, lease=None):
    return lock(node, name, lease, path=ELECTION + "campaign", value=b64(value))


def has_lock(waits):
    answer = waits.answer()
    assert answer.status == 200, answer
    assert plain(answer.json["key"]) == waits.key
    return answer.json


def is_elected(waits):
    answer = waits.answer()
    assert answer.status == 200, answer
    assert plain(answer.json["leader"]["key"]) == waits.key
    return answer.json["leader"]


def unlock(node, key):
    good(node, "unlock", {"key": b64(key)}, prefix=LOCK)


def resign(node, leader):
    good(node, "resign", {"leader": leader}, prefix=ELECTION)


def surely(act):
    """Again and again, while there is no leader, or none that answers."""
    def done():
        try:
            act()
        except (OSError, AssertionError):
            return False
        return True
    wait_until(done, 15, "an answer")


# ---- who waits for whom

def test_ten_who_wait_at_three_nodes_have_it_in_their_order(world):
    nodes = world.cluster()
    holder = lock(nodes[0], "l")
    assert has_lock(holder)
    waits = [lock(nodes[i % 3], "l") for i in range(10)]
    assert waiting(nodes[0], "l") == [one.key for one in [holder] + waits]
    before = holder
    for i, one in enumerate(waits):
        assert all(other.is_silent(0.02) for other in waits[i:])
        unlock(nodes[(i + 1) % 3], before.key)
        has_lock(one)
        before = one
    unlock(nodes[2], before.key)
    assert waiting(nodes[1], "l") == []


def test_one_that_goes_wakes_one(node):
    """Whoever waits is asked for nothing while others come and go."""
    first = lock(node, "l")
    has_lock(first)
    waits = [lock(node, "l") for _ in range(4)]
    unlock(node, waits[1].key)
    assert all(one.is_silent(0.1) for one in waits)
    unlock(node, first.key)
    has_lock(waits[0])
    assert waits[2].is_silent()
    unlock(node, waits[0].key)
    # Its own key went meanwhile, and it hears so in its turn.
    assert waits[1].is_refused(500, 2, "mutex: session is expired") and has_lock(waits[2])
    assert waits[3].is_silent()


def test_clients_that_make_the_keys_themselves_are_waited_for(node):
    """As libraries do it: a key below the name, made first."""
    put(node, "l/of-a-library")
    waits = lock(node, "l")
    put(node, "l/of-a-library", "again")
    put(node, "l0"), put(node, "l")
    assert waits.is_silent()
    delete(node, "l/of-a-library")
    has_lock(waits)


def test_the_next_has_it_when_the_lease_of_its_owner_ends(node):
    begun = time.monotonic()
    has_lock(lock(node, "l", grant(node, ttl=2)))
    waits = lock(node, "l")
    has_lock(waits)
    assert 1.5 < time.monotonic() - begun < 10 * SLOW
    assert waiting(node, "l") == [waits.key]


def test_without_a_lease_one_is_granted_which_nobody_renews(node):
    answer = good(node, "lock", {"name": b64("l")}, prefix=LOCK)
    key = plain(answer["key"])
    lease = int(key.split("/")[1], 16)
    assert get(node, key)["kvs"][0]["lease"] == str(lease)
    left = good(node, "timetolive", {"ID": str(lease)}, prefix=LEASE)
    assert left["grantedTTL"] == "60" and 50 <= int(left["TTL"]) <= 60
    # Who waits with such a one, and leaves, leaves no lease behind.
    waits = Call(node, LOCK + "lock", {"name": b64("l")})
    wait_until(lambda: len(waiting(node, "l")) == 2, 10, "the key of who waits")
    waits.hang_up()
    wait_until(lambda: waiting(node, "l") == [key], 10, "the key that waited to go")
    wait_until(lambda: good(node, "leases", {}, prefix=LEASE)["leases"] == [{"ID": str(lease)}], 10, "its lease to go")


def test_names_have_a_greatest_size(node):
    lease, most = grant(node), 16 * 1024
    for method, more in (("lock", {"lease": lease}), ("campaign", {"lease": lease})):
        prefix = LOCK if method == "lock" else ELECTION
        good(node, method, dict(more, name=b64(method[0] * most)), prefix=prefix)
        refused(node, method, dict(more, name=b64(method[0] * (most + 1))), 400, 3, "etcdserver: request is too large",
                prefix=prefix)
    refused(node, "observe", {"name": b64("c" * (most + 1))}, 400, 3, "etcdserver: request is too large", prefix=ELECTION)


# ---- who leaves

def test_the_key_of_who_hangs_up_goes_and_nobody_elses(node):
    holder, lease = lock(node, "l"), grant(node)
    has_lock(holder)
    leaves, stays = lock(node, "l", lease), lock(node, "l")
    leaves.hang_up()
    wait_until(lambda: waiting(node, "l") == [holder.key, stays.key], 10, "the key that waited to go")
    assert stays.is_silent()
    # The lease is the client's, who may use it again.
    again = lock(node, "l", lease)
    assert waiting(node, "l") == [holder.key, stays.key, again.key]
    # Who has it keeps it when the connection goes.
    holder.hang_up()
    assert stays.is_silent()
    unlock(node, holder.key)
    has_lock(stays)


def test_who_found_the_key_there_leaves_it(node):
    has_lock(lock(node, "l"))
    lease = grant(node)
    waits = lock(node, "l", lease)
    also = Call(node, LOCK + "lock", {"name": b64("l"), "lease": lease})
    assert also.is_silent()
    also.hang_up()
    assert waits.is_silent() and waits.key in waiting(node, "l")


def test_the_key_goes_when_its_time_is_up(node):
    has_lock(lock(node, "l"))
    begun = time.monotonic()
    waits = lock(node, "l", headers=["Grpc-Timeout: 700m"])
    assert waits.is_refused(504, 4, "context deadline exceeded")
    assert 0.5 < time.monotonic() - begun < 5 * SLOW
    wait_until(lambda: waits.key not in waiting(node, "l"), 10, "the key that waited to go")


def test_while_users_count_only_root_waits(node):
    holder = lock(node, "l")
    has_lock(holder)
    nobody, lease = lock(node, "l"), grant(node)
    body = json.dumps({"user": "root", "password": "pa"})
    assert ask(node.client, "PUT", "/v2/auth/users/root", body).status == 201
    assert ask(node.client, "PUT", "/v2/auth/enable", "", headers=basic("root:pa")).status == 200
    answer = nobody.answer()
    assert answer.status == 401, answer
    root = Call(node, LOCK + "lock", {"name": b64("l"), "lease": lease},
                headers=["Authorization: " + basic("root:pa")["Authorization"]])
    root.key = key_of("l", lease)

    def left():
        return keys(good(node, "range", {"key": b64("l/"), "range_end": b64("l0")}, headers=basic("root:pa")))
    wait_until(lambda: sorted(left()) == sorted([holder.key, root.key]), 10, "the key of who may wait, and no other")
    good(node, "unlock", {"key": b64(holder.key)}, prefix=LOCK, headers=basic("root:pa"))
    has_lock(root)


# ---- what dies

def test_raftd_is_killed_and_who_waits_waits_on(node):
    holder = lock(node, "l")
    has_lock(holder)
    waits, leaves = lock(node, "l"), lock(node, "l")
    for _ in range(2):
        node.kill("raftd")
        surely(lambda: get(node, "l"))
        assert waits.is_silent()
    # Who leaves while there is no raftd leaves no key either.
    node.kill("raftd")
    leaves.hang_up()
    wait_until(lambda: waiting(node, "l") == [holder.key, waits.key], 15, "the key that waited to go")
    node.kill("raftd")
    surely(lambda: unlock(node, holder.key))
    has_lock(waits)


def test_leaders_are_killed_and_who_waits_waits_on(world):
    nodes = world.cluster()
    holder = lock(nodes[0], "l")
    has_lock(holder)
    waits = [lock(node, "l") for node in nodes]
    for _ in range(2):
        world.leader_of(nodes).kill("raftd")
        surely(lambda: get(nodes[0], "l"))
    assert all(one.is_silent(0.1) for one in waits)
    for before, one in zip([holder] + waits, waits):
        surely(lambda: unlock(nodes[1], before.key))
        has_lock(one)


def test_without_a_quorum_who_waits_waits_on_and_who_leaves_leaves_nothing(world):
    nodes = world.cluster()
    holder = lock(nodes[0], "l")
    has_lock(holder)
    waits, leaves = lock(nodes[0], "l"), lock(nodes[0], "l")
    for other in nodes[1:]:
        other.kill_all()
    leaves.hang_up()
    assert waits.is_silent(1)
    for other in nodes[1:]:
        other.start(wait=False)
    wait_until(lambda: ask(nodes[0].client, "POST", "/v3/kv/range", json.dumps({"key": b64("l")})).status == 200, 15,
               "a quorum")
    wait_until(lambda: waiting(nodes[0], "l") == [holder.key, waits.key], 15, "the key that waited to go")
    unlock(nodes[0], holder.key)
    has_lock(waits)


def test_a_worker_that_is_replaced_says_so_and_takes_the_keys_along(world):
    node = world.node(flags=["-workers", "2"]).start()
    holder = lock(node, "l")
    has_lock(holder)
    waits = [lock(node, "l") for _ in range(3)]
    observer = Observer(node, "l")
    observer.wait(1)
    assert node.control("restart", "client").returncode == 0
    assert all(one.is_refused(503, 14, STOPPED) for one in waits)
    assert observer.end()["grpc_code"] == 14
    # Before the answer, so that a client that repeats it finds nothing of it.
    assert waiting(node, "l") == [holder.key]


def test_a_node_that_stops_takes_the_keys_of_who_waits_there_along(world):
    nodes = world.cluster()
    holder = lock(nodes[0], "l")
    has_lock(holder)
    there, here = lock(nodes[2], "l"), lock(nodes[1], "l")
    nodes[2].stop()
    assert there.is_refused(503, 14, STOPPED)
    assert waiting(nodes[0], "l") == [holder.key, here.key]
    unlock(nodes[0], holder.key)
    has_lock(here)


# ---- elections

class Observer:
    """A stream of leaders."""

    def __init__(self, node, name):
        self.wire, self.seen, self.begun = Wire(node.client, timeout=20), [], False
        self.wire.send(request("POST", ELECTION + "observe", body=json.dumps({"name": b64(name)})))

    def event(self):
        if not self.begun:
            assert self.wire.head().status == 200
        self.begun = True
        return self.wire.event()

    def wait(self, count):
        """So many, as (key, value), with revisions that never fall."""
        while len(self.seen) < count:
            result = self.event()["result"]
            self.seen.append((plain(result["kv"]["key"]), plain(result["kv"].get("value", ""))))
            assert revision(result) >= int(result["kv"]["mod_revision"])
        return self.seen

    def end(self):
        return self.event()["error"]

    def is_silent(self, seconds=0.3):
        return self.wire.silent(seconds)


def test_an_observer_sees_each_leader_and_each_value(world):
    nodes = world.cluster()
    early = Observer(nodes[2], "e")
    assert early.is_silent()
    first = campaign(nodes[0], "e", "one")
    leader = is_elected(first)
    late = Observer(nodes[1], "e")
    early.wait(1), late.wait(1)
    second = campaign(nodes[1], "e", "two")
    good(nodes[2], "proclaim", {"leader": leader, "value": b64("one more")}, prefix=ELECTION)
    early.wait(2)
    assert second.is_silent(0.1)
    # A candidate that says something else leads no sooner.
    put(nodes[0], second.key, "two, if elected", lease=str(int(second.key.split("/")[1], 16)))
    assert early.is_silent()
    world.leader_of(nodes).kill("raftd")
    surely(lambda: resign(nodes[0], leader))
    led = is_elected(second)
    expected = [(first.key, "one"), (first.key, "one more"), (second.key, "two, if elected")]
    assert early.wait(3) == expected and late.wait(3) == expected
    surely(lambda: resign(nodes[1], led))
    third = campaign(nodes[2], "e", "three")
    is_elected(third)
    expected.append((third.key, "three"))
    assert early.wait(4) == expected and late.wait(4) == expected
    node = nodes[0]
    assert plain(good(node, "leader", {"name": b64("e")}, prefix=ELECTION)["kv"]["value"]) == "three"


def test_a_slow_observer_misses_no_value(node):
    leader = is_elected(campaign(node, "e", "begin"))
    observer = Observer(node, "e")
    observer.wait(1)
    text = "x" * 100000
    for i in range(100):
        good(node, "proclaim", {"leader": leader, "value": b64("%d %s" % (i, text))}, prefix=ELECTION)
    resign(node, leader)
    is_elected(campaign(node, "e", "end"))
    seen = [value.split(" ")[0] for _, value in observer.wait(102)]
    assert seen == ["begin"] + [str(i) for i in range(100)] + ["end"]


def test_a_second_campaign_proclaims_and_a_candidate_that_lost_its_key_is_told(node):
    lease = grant(node)
    leader = is_elected(campaign(node, "e", "one", lease))
    again = is_elected(campaign(node, "e", "two", lease))
    assert again == leader
    kv = get(node, plain(leader["key"]))["kvs"][0]
    assert (plain(kv["value"]), kv["version"], kv["lease"]) == ("two", "2", lease)
    # The same once more is no change.
    before = revision(get(node, "e"))
    is_elected(campaign(node, "e", "two", lease))
    assert revision(get(node, "e")) == before
    second = campaign(node, "e", "other")
    delete(node, second.key)
    resign(node, dict(leader, rev="1"))
    assert second.is_silent()
    resign(node, leader)
    assert second.is_refused(500, 2, "election: not leader")
    refused(node, "proclaim", {"leader": leader}, 500, 2, "election: not leader", prefix=ELECTION)
    refused(node, "proclaim", {"leader": {"key": b64("e/1")}}, 500, 2, "election: not leader", prefix=ELECTION)
    for method in ("proclaim", "resign"):
        refused(node, method, {}, 500, 2, '"leader" field must be provided', prefix=ELECTION)

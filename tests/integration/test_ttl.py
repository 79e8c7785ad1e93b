"""Expiry: never early, within a second, at the same index and in the same order
on every machine, also through a change of leader and a restart of all."""

import calendar
import threading
import time

from moothall import SLOW, ask, start_together, wait_until
from wire import Ended, Wire, request

LATE = 1.0 * SLOW


def instant(text):
    """Seconds since the epoch of an RFC 3339 time with up to nine digits."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (fraction or "0"))


class Follower:
    """All events of one machine from an index on, with the time each came."""

    def __init__(self, node, since):
        self.node, self.since = node, since
        self.events, self.failure, self.stopping = [], None, False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping:
            try:
                with Wire(self.node.client, timeout=60) as wire:
                    wire.watch("/", "&recursive=true&stream=true&waitIndex=%d" % self.since)
                    while not self.stopping:
                        event = wire.event()
                        self.since = event["node"]["modifiedIndex"] + 1
                        self.events.append((time.time(), event))
            except (OSError, Ended):
                time.sleep(0.01)
            except Exception as failure:
                self.failure = failure
                return

    def expired(self):
        return [(event["node"]["modifiedIndex"], event["node"]["key"]) for _, event in list(self.events)
                if event["action"] == "expire"]


def check_times(followers, late=LATE):
    for follower in followers:
        assert follower.failure is None, follower.failure
        for came, event in follower.events:
            if event["action"] != "expire":
                continue
            due = instant(event["prevNode"]["expiration"])
            key = event["node"]["key"]
            assert came >= due, "%s expired %.3f s early on %s" % (key, due - came, follower.node.name)
            assert came <= due + late, "%s expired %.3f s late on %s" % (key, came - due, follower.node.name)


def check_order(followers, expirations, gone_with=()):
    """The same everywhere, and by (expiration, key) for keys of one entry; all once."""
    lists = [follower.expired() for follower in followers]
    assert all(each == lists[0] for each in lists), lists
    keys = [key for _, key in lists[0]]
    assert sorted(keys) == sorted(key for key in expirations if key not in gone_with)
    dues = [expirations[key] for key in keys]
    assert dues == sorted(dues), "not in the order of their times"
    indexes = [index for index, _ in lists[0]]
    assert indexes == sorted(set(indexes))


def set_ttl(node, key, ttl, **form):
    """Returns the expiration; the times around the request bound it, as well as
    the server's clock does, which it reads once a turn."""
    before = time.time()
    answer = ask(node.client, "PUT", "/v2/keys" + key, dict(form, ttl=ttl))
    after = time.time()
    assert answer.status in (200, 201), answer
    entry = answer.json["node"]
    due = instant(entry["expiration"])
    assert before + ttl - 0.1 * SLOW <= due <= after + ttl
    assert ttl - 1 <= entry["ttl"] <= ttl
    return due


def test_keys_and_directories_expire_alike_on_every_machine(world):
    nodes = world.cluster()
    start = nodes[0].put("/start", "v").json["node"]["modifiedIndex"] + 1
    followers = [Follower(node, start) for node in nodes]
    due = {}
    for i in range(24):
        due["/k/%d" % i] = set_ttl(nodes[i % 3], "/k/%d" % i, 1 + i % 3, value="v")
    due["/dir"] = set_ttl(nodes[1], "/dir", 2, dir="true")
    due["/dir/short"] = set_ttl(nodes[2], "/dir/short", 1, value="v")
    due["/dir/long"] = set_ttl(nodes[0], "/dir/long", 100, value="v")
    assert nodes[0].put("/dir/below/for/ever", "v").status == 201
    due["/_hidden"] = set_ttl(nodes[0], "/_hidden", 1, value="v")
    # These do not expire: the time was taken back, or put off.
    set_ttl(nodes[0], "/kept", 1, value="v")
    assert nodes[1].put("/kept", "v").status == 200
    set_ttl(nodes[0], "/updated", 1, value="v")
    assert nodes[1].put("/updated", "v", prevExist="true", ttl="").status == 200
    set_ttl(nodes[0], "/swapped", 1, value="v")
    assert nodes[2].put("/swapped", "w", prevValue="v").status == 200
    set_ttl(nodes[0], "/refreshed", 1, value="v")
    set_ttl(nodes[2], "/refreshed", 500, refresh="true", prevExist="true")
    set_ttl(nodes[0], "/deleted", 1, value="v")
    assert nodes[1].delete("/deleted").status == 200
    last = max(due[key] for key in due if key != "/dir/long")
    # A read before its time shows the key, and the seconds that are left, rounded up.
    end = {"due": last}

    def all_gone():
        for key in ("/k/2", "/k/5", "/dir"):
            asked = time.time()
            answer = nodes[0].get("/v2/keys" + key)
            if asked > due[key] + LATE:
                assert answer.status == 404
            elif time.time() < due[key]:
                assert answer.status == 200, "%s is gone %.3f s early" % (key, due[key] - time.time())
                left = answer.json["node"].get("ttl", 0)
                assert due[key] - time.time() - 0.01 <= left <= due[key] - asked + 1.01
        return time.time() > end["due"] and all(len(follower.expired()) >= 26 for follower in followers)
    wait_until(all_gone, 10, "all to expire")
    for follower in followers:
        follower.stopping = True
    check_times(followers)
    # A recursive watch of the root does not tell of hidden names; the directory takes a longer one with it.
    check_order(followers, due, gone_with=("/dir/long", "/_hidden"))
    for node in nodes:
        assert node.get("/v2/keys/_hidden").status == node.get("/v2/keys/dir").status == 404
        for key in ("/kept", "/updated", "/swapped", "/refreshed"):
            assert node.get("/v2/keys" + key).status == 200, key + " expired"
    event = next(event for _, event in followers[0].events if event["node"]["key"] == "/dir" and event["action"] == "expire")
    assert event["prevNode"]["dir"] is True and "ttl" not in event["prevNode"] and "value" not in event["node"]
    # The removal of the directory is seen by who waits for something in it.
    for node in nodes:
        index = event["node"]["modifiedIndex"]
        found = node.get("/v2/keys/dir/below/for/ever?wait=true&waitIndex=%d" % index).json
        assert found["node"]["key"] == "/dir" and found["node"]["modifiedIndex"] == index


def test_expiry_through_a_change_of_leader(world):
    nodes = world.cluster()
    leader = world.leader_of(nodes)
    rest = [node for node in nodes if node is not leader]
    start = leader.put("/start", "v").json["node"]["modifiedIndex"] + 1
    followers = [Follower(node, start) for node in rest]
    due = {}
    for i in range(20):
        due["/c/%02d" % i] = set_ttl(nodes[i % 3], "/c/%02d" % i, 1 + i % 3, value="v")
    due["/d"] = set_ttl(leader, "/d", 2, dir="true")
    assert leader.put("/d/key", "v").status == 201
    wait_until(lambda: any(follower.expired() for follower in followers), 5, "the first to expire")
    leader.kill_all()
    wait_until(lambda: all(len(follower.expired()) >= 21 for follower in followers), 10, "all to expire")
    # The change of leader itself may take its time.
    check_times(followers, late=LATE + 1)
    check_order(followers, due)
    # Who was away makes the same of it.
    leader.start()
    back = Follower(leader, start)
    wait_until(lambda: len(back.expired()) >= 21, 10, "the old leader to catch up")
    for follower in followers + [back]:
        follower.stopping = True
    check_order(followers + [back], due)


def test_expiry_through_a_restart_of_all(world):
    nodes = world.cluster()
    due, shown = {}, {}
    for i in range(6):
        due["/short/%d" % i] = set_ttl(nodes[i % 3], "/short/%d" % i, 1, value="v")
        due["/middle/%d" % i] = set_ttl(nodes[i % 3], "/middle/%d" % i, 3, value="v")
    due["/long"] = set_ttl(nodes[0], "/long", 500, value="v")
    due["/dir"] = set_ttl(nodes[0], "/dir", 3, dir="true")
    for key in due:
        shown[key] = nodes[0].get("/v2/keys" + key).json["node"].get("expiration")
    start = int(nodes[0].get("/v2/keys/?quorum=true").headers["X-Etcd-Index"]) + 1
    for node in nodes:
        node.kill_all()
    wait_until(lambda: time.time() > due["/short/5"] + 0.2, 5, "the short ones to be due while nobody runs")
    start_together(nodes)
    world.leader_of(nodes)
    up = time.time()
    for node in nodes:
        for key in ("/long", "/middle/0", "/dir"):
            answer = node.get("/v2/keys" + key)
            if time.time() < due[key]:
                assert answer.status == 200 and answer.json["node"]["expiration"] == shown[key], "%s: %r" % (key, answer)
    # What was due meanwhile goes now, in its order; the rest at its time.
    followers = [Follower(node, start) for node in nodes]
    wait_until(lambda: all(len(follower.expired()) >= 13 for follower in followers), 10, "all to expire")
    for follower in followers:
        follower.stopping = True
        for came, event in follower.events:
            when = instant(event["prevNode"]["expiration"])
            assert when <= came <= max(when, up) + LATE, event
    check_order(followers, due, gone_with=("/long",))
    for node in nodes:
        assert node.get("/v2/keys/long").json["node"]["expiration"] == shown["/long"]


def test_ttl_of_zero_and_of_more_than_time_has(world):
    node = world.node().start()
    before = time.time()
    entry = node.put("/zero", "v", ttl=0).json["node"]
    assert "ttl" not in entry and abs(instant(entry["expiration"]) - before) < 1 * SLOW
    wait_until(lambda: node.get("/v2/keys/zero").status == 404, 1, "what was over at once to go")
    for ttl in ("9223372036854775807", "18446744073709551615", "9223372037"):
        entry = node.put("/never", "v", ttl=ttl).json["node"]
        assert "ttl" not in entry and "expiration" not in entry
    assert node.put("/far", "v", ttl="4000000000").json["node"]["ttl"] == 4000000000
    for ttl in ("-1", "+5", "1.5", "1e3", "18446744073709551616", " 5"):
        answer = node.put("/bad", "v", ttl=ttl)
        assert answer.status == 400 and answer.json["errorCode"] == 202, ttl
    assert node.get("/v2/keys/bad").status == 404


def test_many_keys_expire_at_one_time_and_others_are_served(world):
    node = world.node().start()
    count, made, gone, slowest = 1500, [], [], 0.0
    with Wire(node.client, timeout=30) as writer, Wire(node.client, timeout=30) as stream:
        stream.watch("/m", "&recursive=true&stream=true")

        def look():
            while not stream.silent():
                event = stream.event()
                if event["action"] == "expire":
                    due = instant(event["prevNode"]["expiration"])
                    assert due <= time.time() <= due + LATE + 1
                    gone.append(event["node"]["key"])
                else:
                    made.append(event["node"]["key"])
        for at in range(0, count, 50):
            writer.send(*[request("PUT", "/v2/keys/m/%05d" % i, {"value": "v", "ttl": 2}) for i in range(at, at + 50)])
            for _ in range(50):
                assert writer.answer().status == 201
            look()

        def write_and_look():
            nonlocal slowest
            began = time.monotonic()
            assert writer.put("/other", "v").status in (200, 201)
            slowest = max(slowest, time.monotonic() - began)
            look()
            return len(gone) >= count
        wait_until(write_and_look, 10, "all to expire")
    assert made == gone == ["/m/%05d" % i for i in range(count)], "not in the order of their times"
    assert slowest < 1 * SLOW, "a write waited %.2f s" % slowest
    assert node.get("/v2/stats/store").json["expireCount"] == count

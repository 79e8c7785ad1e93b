"""A node that was away for longer than the log is kept gets a snapshot, whatever happens meanwhile."""

import os
import random
import time

import pytest

import faults
from faults import Cluster, Events, Load
from moothall import SLOW, wait_until

SEED = int(os.environ.get("MOOTHALL_SEED", "1"))
KEEP = 40       # entries of the log; trimmed when there are twice as many


def fill(node, count, size, prefix="/small"):
    for i in range(count):
        assert node.put("%s/%d" % (prefix, i), "%d " % i + "x" * size).status in (200, 201)


def installs(node):
    return node.log().count("snapshot installed")


def receives(node):
    return node.log().count("snapshot is being received")


def main_streams(node):
    return [line for line in node.log().splitlines() if " stream up: " in line and "kind=main" in line]


@pytest.fixture
def cluster(world):
    return Cluster(world, 3, flags=["-snapshot-count", str(KEEP)])


def outrun(nodes, more=0):
    """Write until the log that an absent node would need is gone: 3 MB of state, again and again.

    It is kept for a node that is silent for less than two election time-outs, and
    besides 8 MB of it in memory.
    """
    count, until = 0, time.monotonic() + 0.6 * SLOW
    while count < 100 + more or time.monotonic() < until:
        answer = nodes[0].put("/fill/%d" % (count % 30), "%d " % count + "x" * 100000)
        assert answer.status in (200, 201), answer
        count += 1
    fill(nodes[0], 2 * KEEP, 10)


def away(cluster, victim):
    stay = cluster.others(victim)
    victim.kill_all()
    cluster.world.leader_of(stay)
    outrun(stay)
    return stay


def test_a_follower_away_for_longer_than_the_log_is_kept(cluster):
    victim = cluster.followers()[0]
    first = cluster.others(victim)[0].put("/begin", "x").json["node"]["modifiedIndex"] + 1
    stay = cluster.others(victim)
    with Load(stay, seed=SEED) as load, Events(stay[0], first) as events:
        away(cluster, victim)
        since = time.monotonic_ns()
        victim.start()
        wait_until(lambda: installs(victim) == 1, 20, "the snapshot")
        load.wait_progress(stay)
        faults.UNAVAILABLE.setdefault("a node catches up by snapshot, elsewhere", []).append(
            load.gap(stay, since, time.monotonic_ns()))
        load.stop()
        last = cluster.settle()
        load.check(events.finish(last))
    # The window of events came with it: the past is told alike.
    for index in range(last - 20, last):
        path = "/v2/keys/?wait=true&recursive=true&waitIndex=%d" % index
        assert victim.get(path).json == stay[0].get(path).json
    # It is a full member: with it, one of the others may be away.
    stay[1].kill_all()
    cluster.world.leader_of([victim, stay[0]])
    assert victim.put("/again", "y").status == 201


def test_a_stopped_follower_catches_up(cluster):
    victim = cluster.followers()[0]
    stay = cluster.others(victim)
    pids = faults.everything_of(victim)
    faults.stop_processes(pids)
    # By what is under way to it, by the log that is still in memory, by a snapshot.
    outrun(stay, 100)
    faults.continue_processes(pids)
    cluster.settle()
    assert victim.value("/fill/0", quorum=False) == stay[0].value("/fill/0")


@pytest.mark.parametrize("what", ["node", "raftd"])
def test_the_receiver_is_killed_at_any_point_of_it(cluster, what):
    rand, victim = random.Random(SEED), cluster.followers()[0]
    stay = away(cluster, victim)
    leader = cluster.world.leader_of(stay)
    # 20 MB of state, most of it events, take about a second.
    cluster.network.one_way([n.name for n in stay], [victim.name], rate=25 * 1000 * 1000)
    with Load(stay, clients=1, seed=SEED) as load:
        victim.start(wait=False)
        for i in range(6):
            begun = receives(victim)
            wait_until(lambda: receives(victim) > begun or installs(victim), 20, "a snapshot to begin")
            time.sleep(rand.random() * 0.8)
            if what == "node":
                victim.kill_all()
            else:
                victim.kill("raftd")
            # Behind again, should the last one have been complete.
            if installs(victim) and what == "node":
                outrun(stay)
            if what == "node":
                victim.start(wait=False)
            elif installs(victim):
                break
            load.wait_progress(stay)
        victim.wait_ready(30)
        wait_until(lambda: installs(victim), 30, "a whole snapshot")
        load.stop()
        load.check()
    cluster.settle()
    assert cluster.leader() in cluster.nodes and leader.process.poll() is None
    assert "damaged" not in victim.log()


@pytest.mark.parametrize("what", ["leader's node", "leader's raftd", "peer worker of the leader",
                                  "peer worker of the receiver", "connections", "link"])
def test_a_snapshot_is_broken_off_in_the_middle(cluster, what):
    victim = cluster.followers()[0]
    stay = away(cluster, victim)
    leader = cluster.world.leader_of(stay)
    network, names = cluster.network, [n.name for n in stay]
    network.one_way(names, [victim.name], rate=25 * 1000 * 1000)
    last = stay[0].status()["storeIndex"]
    victim.start(wait=False)
    wait_until(lambda: receives(victim), 20, "a snapshot to begin")
    time.sleep(0.1)     # into the second that it takes
    broken = time.monotonic()
    if what == "leader's node":
        leader.kill_all()
        leader.start()
    elif what == "leader's raftd":
        leader.kill("raftd")
    elif what == "peer worker of the leader":
        leader.kill("peer")
    elif what == "peer worker of the receiver":
        victim.kill("peer")
    elif what == "connections":
        network.reset(names, [victim.name])
    else:
        network.isolate(victim.name)
        outrun(stay)
        network.heal(reset=True)
    victim.wait_ready(30)
    # Where another leads now, its log may still be long enough.
    wait_until(lambda: installs(victim) or victim.status()["storeIndex"] >= last, 30, "the state")
    faults.UNAVAILABLE.setdefault("a broken snapshot is whole again, after: %s" % what, []).append(
        (time.monotonic() - broken) * 1000)
    network.heal()
    cluster.settle()


def test_a_snapshot_stream_that_breaks_alone_starts_over_at_once(cluster):
    victim = cluster.followers()[0]
    stay = away(cluster, victim)
    names = [n.name for n in stay]
    cluster.network.one_way(names, [victim.name], rate=25 * 1000 * 1000)
    mains = len(main_streams(victim))
    victim.start(wait=False)
    wait_until(lambda: receives(victim), 20, "a snapshot to begin")
    # To and from each of the others.
    wait_until(lambda: len(main_streams(victim)) >= mains + 4, 20, "the main streams")
    mains = main_streams(victim)
    cluster.network.reset(names, [victim.name], path="/raft/snapshot")
    # Credit that does not come is waited for 10 s, however slow the machine is.
    wait_until(lambda: receives(victim) > 1, 8 / SLOW, "it to begin again")
    victim.wait_ready(30)
    wait_until(lambda: installs(victim), 30, "the state")
    assert main_streams(victim) == mains, "they were to stay"
    cluster.network.heal()
    cluster.settle()


def test_trimming_all_the_time_under_kills(world):
    cluster, rand = Cluster(world, 3, flags=["-snapshot-count", "5"]), random.Random(SEED)
    first = cluster.nodes[0].put("/begin", "x").json["node"]["modifiedIndex"] + 1
    with Load(cluster.nodes, seed=SEED) as load, Events(cluster.nodes[0], first) as events:
        for _ in range(8):
            node = rand.choice(cluster.nodes[1:])
            node.kill(rand.choice(["raftd", "peer"]))
            load.wait_progress(cluster.nodes, 5)
        node.kill_all()
        load.wait_progress(cluster.others(node), 20)
        node.start()
        load.wait_progress(cluster.nodes, 5)
        load.stop()
        last = cluster.settle()
        load.check(events.finish(last))

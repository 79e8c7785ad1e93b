"""Faults under load, and what clients saw of them: one order explains every answer."""

import os
import contextlib
import random
import threading
import time

import pytest

import faults
import namespaces
from clocks import Clocks
from faults import Client, Cluster, Events, Leases, Load, strike
from moothall import SLOW, wait_until

SEED = int(os.environ.get("MOOTHALL_SEED", "1"))
ROUNDS = int(os.environ.get("MOOTHALL_ROUNDS", "1"))

GROUPS = {
    "processes are killed": [
        "nothing (what the load itself costs)", "client worker killed",
        "peer worker of the leader killed", "peer worker of a follower killed",
        "raftd of the leader killed", "raftd of a follower killed", "raftd of all nodes killed"],
    "nodes are killed": [
        "leader's node killed", "follower's node killed", "all nodes killed at once and started",
        "leader's node ended in order (SIGTERM)"],
    "nodes stand still": [
        "raftd of the leader stopped (SIGSTOP)", "leader's node stopped (SIGSTOP)",
        "follower's node stopped (SIGSTOP)"],
    "links are cut both ways": [
        "leader cut off both ways", "follower cut off both ways",
        "a follower and the leader do not reach each other", "all connections between nodes reset"],
    "links are cut one way or slow": [
        "leader cannot be heard (one way)", "leader cannot hear (one way)",
        "follower cannot hear the leader (one way)", "every message 30 ms late",
        "every message 60 ms late, heartbeats are 50 ms"],
}


def test_every_fault_is_in_a_group():
    assert sorted(sum(GROUPS.values(), [])) == sorted(faults.FAULTS)


def strike_all(cluster, names):
    """In some order; then everything is checked."""
    rand, names = random.Random(SEED), names * ROUNDS
    rand.shuffle(names)
    first = cluster.nodes[0].put("/begin", "x").json["node"]["modifiedIndex"] + 1
    with Load(cluster.nodes, seed=SEED) as load, Events(cluster.nodes[1], first) as events:
        for name in names:
            strike(cluster, load, name, rand)
        load.stop()
        last = cluster.settle()
        load.check(events.finish(last))
    for name, values in faults.UNAVAILABLE.items():
        assert max(values) < 6000 * SLOW, "%s: nothing for %d ms" % (name, max(values))


@pytest.mark.parametrize("group", list(GROUPS))
def test_one_order_explains_all_answers_when(world, group):
    strike_all(Cluster(world), GROUPS[group])


@pytest.mark.skipif(not namespaces.available(), reason="needs root and network namespaces")
def test_one_order_explains_all_answers_when_packets_are_lost(world):
    strike_all(Cluster(world, network=namespaces.Namespaces()), [
        "leader cut off both ways", "follower cut off both ways", "leader cannot be heard (one way)",
        "leader cannot hear (one way)", "a follower and the leader do not reach each other"])


def test_a_cut_off_follower_comes_back_without_an_election(world):
    cluster = Cluster(world)
    victim = cluster.followers()[0]
    stay = cluster.others(victim)
    term = stay[0].status()["term"]
    with Load(stay, seed=SEED) as load:
        cluster.network.isolate(victim.name)
        until = time.monotonic() + 2
        while time.monotonic() < until:
            load.wait_progress(stay)
        since = time.monotonic_ns()
        cluster.network.heal()
        wait_until(lambda: victim.leader(), 10, "it to have a leader")
        load.wait_progress(stay, 20)
        assert load.gap(stay, since, time.monotonic_ns()) < 500 * SLOW
        assert [node.status()["term"] for node in cluster.nodes] == [term] * 3
        load.stop()
        load.check()


def test_a_deposed_leader_serves_nothing_old(world):
    """Reads that wait at a leader that is stopped, while another one leads, are fresh or fail."""
    cluster = Cluster(world)
    for _ in range(3):
        leader = cluster.leader()
        others = cluster.others(leader)
        leader.put("/x", "old")
        pids = [leader.pid_of("raftd")]
        faults.stop_processes(pids)
        answers = []

        def read():
            answers.append(Client(leader.client).ask("GET", "/v2/keys/x?quorum=true"))
        readers = [threading.Thread(target=read) for _ in range(8)]
        for reader in readers:
            reader.start()
        wait_until(lambda: others[0].put("/x", "new").status == 200, 10, "a write elsewhere")
        faults.continue_processes(pids)
        for reader in readers:
            reader.join()
        for status, body in answers:
            assert status == 500 or body["node"]["value"] == "new", body


def test_counting_by_compare_and_swap_loses_nothing(world):
    """Many clients add one by prevIndex while the leader changes; the sum is right."""
    cluster = Cluster(world)
    cluster.nodes[0].put("/count", "0")
    lock, sure, maybe, stopping = threading.Lock(), [0], [0], threading.Event()

    def count(node):
        client = Client(node.client)
        while not stopping.is_set():
            try:
                answer = client.ask("GET", "/v2/keys/count?quorum=true")
                if answer is None or answer[0] != 200:
                    continue
                at = answer[1]["node"]
                answer = client.ask("PUT", "/v2/keys/count", {
                    "value": str(int(at["value"]) + 1), "prevIndex": at["modifiedIndex"]})
            except OSError:
                time.sleep(0.01)
                continue
            with lock:
                if answer is not None and answer[0] == 200:
                    sure[0] += 1
                elif answer is None or (answer[0] >= 500 and "was not applied" not in answer[1]["cause"]):
                    maybe[0] += 1
    threads = [threading.Thread(target=count, args=(node,)) for node in cluster.nodes for _ in range(5)]
    for thread in threads:
        thread.start()
    for what in ("raftd", "node", "raftd", "node"):
        before = sure[0]
        wait_until(lambda: sure[0] >= before + 50, 20, "some to be counted")
        leader = cluster.leader()
        if what == "raftd":
            leader.kill("raftd")
        else:
            leader.kill_all()
            leader.start()
    stopping.set()
    for thread in threads:
        thread.join()
    total = int(cluster.nodes[0].value("/count"))
    assert sure[0] <= total <= sure[0] + maybe[0], (sure, total, maybe)


def test_restarts_one_after_the_other_are_hardly_seen(world):
    cluster = Cluster(world)
    with Load(cluster.nodes, seed=SEED) as load:
        for node in cluster.nodes:
            stay = cluster.others(node)
            load.wait_progress(cluster.nodes)
            since = time.monotonic_ns()
            assert node.stop() == 0
            load.wait_progress(stay)
            node.start()
            load.wait_progress(cluster.nodes)
            faults.UNAVAILABLE.setdefault("nodes restarted in turn, elsewhere", []).append(
                load.gap(stay, since, time.monotonic_ns()))
        load.stop()
        load.check()
    assert max(faults.UNAVAILABLE["nodes restarted in turn, elsewhere"]) < 2000 * SLOW


# ---- TTLs ---------------------------------------------------------------------------


def leases_under(cluster, harm, ttls=(1, 2)):
    """Keys with a TTL are written all the time while harm(leases) goes on; none goes early."""
    first = cluster.nodes[0].put("/begin", "x").json["node"]["modifiedIndex"] + 1
    with contextlib.ExitStack() as stack:
        # On every node: the one that is harmed tells of an expiry only when it is back.
        events = [stack.enter_context(Events(node, first)) for node in cluster.nodes]
        leases = stack.enter_context(Leases(cluster.nodes, ttls))
        harm(leases)
        leases.stop()
        leases.wait_gone(cluster.nodes[1])
        last = cluster.settle()
        for watcher in events:
            watcher.finish(last)
    assert len(leases.written) >= 10
    return leases.check(events)


def test_no_key_goes_early_while_nodes_die(world):
    cluster, rand = Cluster(world), random.Random(SEED)

    def harm(leases):
        for name in ("raftd of the leader killed", "leader's node killed", "leader cut off both ways",
                     "raftd of the leader stopped (SIGSTOP)", "all nodes killed at once and started"):
            count = len(leases.written)
            steps = faults.FAULTS[name](cluster, rand)
            next(steps)
            wait_until(lambda: len(leases.written) >= count + 2, 20, "leases")
            next(steps, None)
            cluster.leader()
    late = leases_under(cluster, harm)
    assert late < 3 * SLOW


HOUR = 3600


@pytest.mark.parametrize("whose", ["follower", "leader"])
def test_clocks_are_set(world, whose):
    clocks = Clocks(world)
    cluster = Cluster(world, environment=clocks.environment)
    leader = cluster.leader()
    node = leader if whose == "leader" else cluster.others(leader)[0]
    term = leader.status()["term"]

    def harm(leases):
        for seconds in (HOUR, -HOUR, -7 * 24 * HOUR):
            count = len(leases.written)
            wait_until(lambda: len(leases.written) > count + 4, 10, "leases before the step")
            clocks.set(node.name, seconds)
            count = len(leases.written)
            wait_until(lambda: len(leases.written) > count + 8, 20, "leases after the step")
    late = leases_under(cluster, harm)
    assert late < 2 * SLOW
    # Consensus looks at no wall clock.
    assert [n.status()["term"] for n in cluster.nodes] == [term] * 3


def test_a_node_with_a_wrong_clock_becomes_leader(world):
    """What the last leader's time was goes on."""
    clocks = Clocks(world)
    cluster = Cluster(world, environment=clocks.environment)

    def harm(leases):
        for seconds in (HOUR, -HOUR):
            for node in cluster.followers():
                clocks.set(node.name, seconds)
            cluster.leader().kill("raftd")
            count = len(leases.written)
            wait_until(lambda: len(leases.written) > count + 8, 20, "leases at the next leader")
            for node in cluster.nodes:
                clocks.set(node.name, 0)
    assert leases_under(cluster, harm) < 3 * SLOW

"""Members come, go, are replaced and move, under load and with leaders killed meanwhile."""

import contextlib
import json
import os
import random
import shutil
import threading
import time

import pytest

import faults
from faults import Cluster, Events, Load, remove
from moothall import ask, free_port, start_together, wait_until

SEED = int(os.environ.get("MOOTHALL_SEED", "1"))
EXIT_REMOVED = 5


@contextlib.contextmanager
def under_load(cluster, nodes=None, clients=2):
    """Load at these nodes, which shall be there all the time; everything is checked in the end."""
    nodes = list(nodes or cluster.nodes)
    first = nodes[0].put("/begin", "x").json["node"]["modifiedIndex"] + 1
    with Load(nodes, seed=SEED, clients=clients) as load, Events(nodes[0], first) as events:
        load.wait_progress(nodes)
        yield load
        load.wait_progress(nodes)
        load.stop()
        last = cluster.settle()
        load.check(events.finish(last))


def registry(node):
    answer = node.get("/v2/keys/_etcd/machines?quorum=true")
    return {n["key"].rpartition("/")[2]: n for n in answer.json["node"]["nodes"]}


def kill_and_restart(node):
    node.kill_all()
    node.start()


def wait_ended(node, code):
    assert node.process.wait(15) == code, node.log()[-2000:]
    wait_until(node.gone, 5, "its processes to end")


def drop(cluster, node):
    cluster.nodes.remove(node)
    return node


def test_nodes_join_one_by_one(world):
    cluster = Cluster(world, 1)
    with under_load(cluster) as load:
        for _ in range(4):
            since = time.monotonic_ns()
            cluster.add()
            load.wait_progress(load_nodes(load), 2)
            faults.UNAVAILABLE.setdefault("a node joins", []).append(
                load.gap(load_nodes(load), since, time.monotonic_ns()))
    indexes = [registry(cluster.nodes[4])[n.name]["createdIndex"] for n in cluster.nodes]
    assert indexes == sorted(indexes)


def load_nodes(load):
    return list(dict.fromkeys(load.clients.values()))


def test_nodes_join_while_leaders_are_killed(world):
    cluster, rand = Cluster(world, 3), random.Random(SEED)
    with under_load(cluster) as load:
        for name in ("machine4", "machine5"):
            leader = cluster.leader()
            node = cluster.make(name)
            node.start(wait=False)
            # Anywhere between its first question and its first vote.
            time.sleep(rand.random() * 0.08)
            kill_and_restart(leader)
            node.wait_ready(30)
            cluster.nodes.append(node)
            cluster.wait_voters(30)
            load.wait_progress(load_nodes(load))


def test_nodes_join_and_leave_at_the_same_time(world):
    cluster = Cluster(world, 4)
    leader = cluster.leader()
    victim = cluster.others(leader)[0]
    stay = cluster.others(victim)
    with under_load(cluster, stay):
        fresh = [cluster.make(name, [n.peer for n in stay]) for name in ("machine5", "machine6")]
        for node in fresh:
            node.start(wait=False)
        remover = threading.Thread(target=remove, args=(stay[-1], victim.name))
        remover.start()
        kill_and_restart(leader)
        for node in fresh:
            node.wait_ready(30)
        remover.join()
        drop(cluster, victim)
        cluster.nodes += fresh
        cluster.wait_voters(30)
        wait_ended(victim, EXIT_REMOVED)


@pytest.mark.parametrize("whose", ["follower", "leader"])
def test_a_member_is_removed(world, whose):
    cluster = Cluster(world, 4)
    leader = cluster.leader()
    victim = leader if whose == "leader" else cluster.others(leader)[0]
    stay = cluster.others(victim)
    with under_load(cluster, stay) as load:
        since = time.monotonic_ns()
        answer = remove(stay[0], victim.name)
        assert answer.status == 200, answer
        load.wait_progress(stay)
        faults.UNAVAILABLE.setdefault("the %s is removed" % whose, []).append(
            load.gap(stay, since, time.monotonic_ns()))
        wait_ended(victim, EXIT_REMOVED)
        drop(cluster, victim)
        cluster.wait_voters()
    assert victim.name not in registry(stay[0])
    # With its old data it is no member, says so, and disturbs nobody.
    before = stay[0].status()["term"]
    victim.start(wait=False)
    wait_ended(victim, EXIT_REMOVED)
    assert cluster.leader().status()["term"] == before


def test_the_leader_removes_itself_by_its_own_port(world):
    cluster = Cluster(world, 3)
    leader = cluster.leader()
    stay = cluster.others(leader)
    with under_load(cluster, stay):
        assert remove(leader, leader.name).status == 200
        wait_ended(leader, EXIT_REMOVED)
        drop(cluster, leader)
        cluster.wait_voters()


def test_a_dead_machine_is_removed(world):
    cluster = Cluster(world, 3)
    victim = cluster.followers()[0]
    stay = cluster.others(victim)
    with under_load(cluster, stay) as load:
        victim.kill_all()
        assert remove(stay[0], victim.name).status == 200
        drop(cluster, victim)
        cluster.wait_voters()
        # Long enough for the leader to have forgotten that it should tell.
        load.wait_progress(stay, 80)
        before = cluster.leader().status()["term"]
        victim.start(wait=False)
        wait_ended(victim, EXIT_REMOVED)
        assert cluster.leader().status()["term"] == before


def test_a_member_is_removed_while_leaders_are_killed(world):
    cluster, rand = Cluster(world, 5), random.Random(SEED)
    stay = cluster.nodes[:3]
    with under_load(cluster, stay):
        for victim in cluster.nodes[3:]:
            leader = cluster.leader()
            asker = next(n for n in stay if n is not leader)
            remover = threading.Thread(target=remove, args=(asker, victim.name))
            remover.start()
            time.sleep(rand.random() * 0.01)
            leader.kill_all()
            remover.join()
            if leader is not victim:
                leader.start()
                wait_ended(victim, EXIT_REMOVED)
            drop(cluster, victim)
            cluster.wait_voters()


def replace(cluster, victim):
    """The machine under its name again, with nothing but its address."""
    shutil.rmtree(victim.directory)
    victim.peers = [n.peer for n in cluster.others(victim)]
    victim.start(wait=False)


def test_a_dead_machine_is_replaced_under_its_name(world):
    cluster = Cluster(world, 3)
    victim = cluster.followers()[0]
    stay = cluster.others(victim)
    with under_load(cluster, stay) as load:
        before, old = registry(stay[0])[victim.name], victim.status()["id"]
        victim.kill_all()
        load.wait_progress(stay)
        since = time.monotonic_ns()
        replace(cluster, victim)
        victim.wait_ready(30)
        cluster.wait_voters()
        load.wait_progress(stay)
        faults.UNAVAILABLE.setdefault("a dead machine is replaced", []).append(
            load.gap(stay, since, time.monotonic_ns()))
        after = registry(stay[0])[victim.name]
        assert victim.status()["id"] != old
        assert after["createdIndex"] == before["createdIndex"] < after["modifiedIndex"]


def test_a_dead_machine_is_replaced_while_the_leader_is_killed(world):
    cluster, rand = Cluster(world, 3), random.Random(SEED)
    for _ in range(2):
        victim = cluster.followers()[0]
        stay = cluster.others(victim)
        with under_load(cluster, stay):
            victim.kill_all()
            leader = cluster.world.leader_of(stay)
            replace(cluster, victim)
            # Its old id is not given up before it is silent for two election time-outs.
            time.sleep(0.3 + rand.random() * 0.5)
            kill_and_restart(leader)
            victim.wait_ready(40)
            cluster.wait_voters(30)


def move(cluster, node):
    """Another peer and client address for a node that is down."""
    fresh = cluster.make(node.name)
    world = cluster.world
    world.nodes.remove(fresh)
    node.client, node.peer, node.flags = fresh.client, fresh.peer, fresh.flags


def wait_registered(asked, nodes):
    def right():
        values = {name: entry["value"] for name, entry in registry(asked).items()}
        return values == {n.name: "raft=http://%s&etcd=http://%s" % (n.peer, n.client) for n in nodes}
    wait_until(right, 20, "the registry to have the addresses")


def test_an_address_changes_while_others_are_down(world):
    cluster = Cluster(world, 3)
    one, two, three = cluster.nodes
    created = {name: entry["createdIndex"] for name, entry in registry(one).items()}
    one.put("/kept", "here")
    for node in cluster.nodes:
        node.kill_all()
    move(cluster, three)
    three.start(wait=False)
    wait_until(lambda: "recovered" in three.log(), 10, "it to run")
    # A majority with one member that is not where it was.
    two.start()
    three.wait_ready()
    assert two.value("/kept") == "here"
    wait_registered(two, cluster.nodes)
    one.start()
    with under_load(cluster):
        wait_registered(one, cluster.nodes)
    assert {name: entry["createdIndex"] for name, entry in registry(one).items()} == created


def test_all_addresses_change_one_by_one(world):
    cluster = Cluster(world, 3)
    for node in cluster.nodes:
        stay = cluster.others(node)
        with under_load(cluster, stay):
            node.kill_all()
            move(cluster, node)
            node.start()
            wait_registered(stay[0], cluster.nodes)


def test_an_address_changes_while_the_leader_is_killed(world):
    cluster = Cluster(world, 3)
    leader = cluster.leader()
    node = cluster.others(leader)[0]
    stay = cluster.others(node)
    with under_load(cluster, stay):
        node.stop()
        move(cluster, node)
        node.start(wait=False)
        kill_and_restart(leader)
        node.wait_ready(30)
        wait_registered(stay[0], cluster.nodes)


def test_a_learner_catches_up_before_it_votes(world):
    cluster = Cluster(world, 1)
    (one,) = cluster.nodes
    for i in range(60):
        assert one.put("/big/%d" % i, "x" * 100000).status == 201
    fresh = cluster.make("machine2")
    cluster.network.both_ways([one.name], [fresh.name], rate=4 * 1000 * 1000)
    with under_load(cluster, [one]) as load:
        since = time.monotonic_ns()
        fresh.start(wait=False)
        role = lambda: {m["name"]: m["role"] for m in one.status()["members"]}.get("machine2")
        wait_until(lambda: role() == "learner", 10, "it to be a learner")
        # A voter that has nothing would hold up every write for as long as this takes.
        load.wait_progress([one], 20)
        assert role() == "learner"
        wait_until(lambda: role() == "voter", 30, "it to vote")
        fresh.wait_ready()
        assert fresh.status()["storeIndex"] >= 60
        load.wait_progress([one], 5)
        gap = load.gap([one], since, time.monotonic_ns())
        faults.UNAVAILABLE.setdefault("a node joins over a slow link, 6 MB of state", []).append(gap)
        cluster.network.heal()
        cluster.nodes.append(fresh)


def cluster_config(node, form=None):
    answer = ask(node.peer, "GET" if form is None else "PUT", "/v2/admin/config", form)
    return answer.json if answer.status == 200 else answer


def test_the_configuration_of_the_cluster_is_every_nodes_and_lasts(world):
    flags = ["-cluster-active-size", "1", "-cluster-sync-interval", "1.5", "-snapshot-count", "20",
             "-max-key-names", "200", "-history-bytes", "2M", "-history-events", "200"]
    first = world.node("machine1", flags=flags).start()
    # Too small is raised; and it is no key and takes no index.
    assert cluster_config(first) == {"activeSize": 3, "removeDelay": 1800, "syncInterval": 1.5,
                                     "maxKeyNames": 200, "maxKeyBytes": 16384, "historyBytes": 2 << 20,
                                     "historyEvents": 200, "strictMembers": False}
    assert first.put("/a", "1").json["node"]["modifiedIndex"] == 2
    nodes = [first] + [world.node("machine%d" % i, peers=[first.peer], flags=[
        "-cluster-active-size", "7"]).start() for i in (2, 3)]
    world.wait_voters(nodes)
    # A follower passes it on, and shows it once it is applied there.
    follower = next(n for n in nodes if n is not world.leader_of(nodes))
    changed = {"activeSize": 4, "removeDelay": 2.25, "syncInterval": 1,
               "maxKeyNames": 200, "maxKeyBytes": 1024, "historyBytes": 3 << 20, "historyEvents": 100,
               "strictMembers": False}
    assert cluster_config(follower, '{"activeSize":4,"removeDelay":2.25,"syncInterval":0,'
                          '"maxKeyBytes":5,"historyBytes":3145728,"historyEvents":5}') == changed
    for node in nodes:
        wait_until(lambda: cluster_config(node) == changed, 5, "%s to know" % node.name)
    assert cluster_config(follower, '{"activeSize":"x"}').status == 400
    assert cluster_config(follower, '{"maxKeyNames":1025}').status == 400
    # It travels by snapshot, and is there after a restart of all.
    for i in range(60):
        first.put("/b", str(i))
    nodes.append(world.node("machine4", peers=[first.peer]).start())
    world.wait_voters(nodes)
    assert cluster_config(nodes[3]) == changed
    for node in nodes:
        node.kill_all()
    start_together(nodes)
    for node in nodes:
        assert cluster_config(node) == changed


def refused_join(node, words):
    before = len(node.log())
    node.start(wait=False)
    assert node.process.wait(30) == 2
    assert words in node.log()[before:], node.log()


def test_what_a_refused_join_advises_works_on_the_same_directory(world):
    """A node that was never a member may be called something else."""
    first = world.node("machine1").start()
    node = world.node("machine2", peers=[first.peer])
    node.name = "machine1"
    refused_join(node, "choose another -name, or stop that member first")
    # The same again is refused again.
    refused_join(node, "choose another -name, or stop that member first")
    node.name = "machine2"
    node.start()
    world.wait_voters([first, node])
    assert node.status()["name"] == "machine2"
    node.stop()
    # Now it is a member, and keeps its name: also where none is given.
    node.name = "machine3"
    refused_join(node, "is of \"machine2\"; use that name or another -data-dir; or, if nothing in it is needed, empty it, "
                       "and the node begins anew")
    node.name, node.argv = "machine2", lambda: [word for word in type(node).argv(node) if word not in ("-name", "machine2")]
    node.start()
    assert node.status()["name"] == "machine2"


def test_an_address_that_is_taken_can_be_given_up_on_the_same_directory(world):
    first, second, other = world.cluster(3)
    node = world.node("machine4", peers=[first.peer], peer=other.peer)
    other.kill_all()
    refused_join(node, "choose another -peer-addr, or remove that member")
    other.start()
    node.peer = "127.0.0.1:%d" % free_port()
    node.start()
    world.wait_voters([first, second, other, node])


def test_what_the_configuration_of_the_cluster_does_not_have_is_refused_with_what_it_has(world):
    node = world.node().start()
    before = cluster_config(node)
    for form, words in [
            ('{"activeSiz":5}', '"activeSiz" is not known; did you mean "activeSize"?'),
            ('{"activesize":5}', '"activesize" is not known; did you mean "activeSize"?'),
            ('{"activeSize":5,"removedelay":9}', '"removedelay" is not known; did you mean "removeDelay"?'),
            ('{"maxKeyByte":2048}', '"maxKeyByte" is not known; did you mean "maxKeyBytes"?'),
            ('{"quorum":5}', '"quorum" is not known; GET shows what is'),
            ('{"a":{"activeSize":5}}', '"a" is not known; GET shows what is'),
            ('{"\\u0007%s":1}' % ("x" * 1000), '"?" is not known; GET shows what is')]:
        answer = cluster_config(node, form)
        assert answer.status == 400, (form, answer)
        assert answer.body.decode() == "cluster configuration refused: %s\n" % words
        assert cluster_config(node) == before
    # What the 0.4 API has, and what a GET gave, is taken; so is nothing at all.
    for form in ('{"activeSize":9,"removeDelay":1800,"syncInterval":5}', json.dumps(before), "{}"):
        assert cluster_config(node, form) == before


def test_who_stands_by_and_knows_no_leader_says_that_it_passes(world):
    """A 4xx would be final to old clients: they would neither ask again nor somebody else."""
    nodes = world.cluster(1, flags=["-cluster-active-size", "3"])
    nodes += [world.node("machine%d" % i, peers=[nodes[0].peer]).start() for i in (2, 3)]
    world.wait_voters(nodes)
    assert cluster_config(nodes[0], '{"syncInterval":1}')["syncInterval"] == 1
    late = world.node("machine4", peers=[n.peer for n in nodes])
    late.start(wait=False)
    wait_until(lambda: "machine4 stands by" in late.log(), 10, "it to stand by")
    for node in nodes:
        node.kill_all()
    requests = [("GET", "/v2/keys/a"), ("GET", "/v2/keys/a?wait=true"), ("PUT", "/v2/keys/a"),
                ("POST", "/v2/keys/a"), ("DELETE", "/v2/keys/a"), ("GET", "/v2/leader"), ("GET", "/none")]

    def asked(request):
        return ask(late.client, *request, form="value=1" if request[0] in ("PUT", "POST") else None)
    wait_until(lambda: asked(requests[0]).status != 307, 15, "it to find that the leader is gone")
    for request in requests:
        answer = asked(request)
        assert answer.status == 500 and answer.json["errorCode"] == 301, (request, answer)
        assert answer.json["cause"] == "standing by: the leader is not known yet", (request, answer)
    start_together(nodes)
    wait_until(lambda: asked(requests[2]).status == 307, 15, "clients to be sent on again")


def test_a_full_cluster_takes_nobody_in_until_there_is_room(world):
    nodes = world.cluster(3, flags=["-cluster-active-size", "3"])
    assert cluster_config(nodes[0], '{"syncInterval":1}')["syncInterval"] == 1
    late = world.node("machine4", peers=[n.peer for n in nodes],
                      flags=["-retry-interval", "0.1", "-max-retry-attempts", "2"])
    late.start(wait=False)
    wait_until(lambda: "machine4 stands by" in late.log(), 10, "it to stand by")
    # Clients are sent to the leader, whatever they ask for; other nodes find nobody.
    leader = world.leader_of(nodes)

    def sent_on():
        answer = late.get("/v2/keys/a%20b?wait=true&x=%2f")
        return answer.status == 307 and answer.headers["Location"] == \
            "http://%s/v2/keys/a%%20b?wait=true&x=%%2f" % leader.client
    wait_until(sent_on, 5, "clients to be sent on")
    assert late.put("/k", "v").status == 307 and late.get("/nothing").status == 307
    assert late.get("/metrics").status == 200 and late.get("/health").status == 503
    assert ask(late.peer, "GET", "/version").status == 404
    assert late.status()["phase"] == "standby"
    assert late.control("status").stdout.count("standby"), late.control("status")
    assert len(registry(nodes[0])) == 3 and late.process.poll() is None
    # A new leader, then none: it is found again, and meanwhile nobody is sent to the dead.
    kill_and_restart(leader)
    wait_until(lambda: late.get("/").headers.get("Location", "").startswith(
        "http://" + world.leader_of(nodes).client), 10, "the new leader")
    # There is room: it is a member by itself.
    assert cluster_config(nodes[1], '{"activeSize":4}')["activeSize"] == 4
    late.wait_ready()
    world.wait_voters(nodes + [late])
    assert late.put("/k", "v").status == 201
    # Who is a member already is no more by starting again.
    assert cluster_config(nodes[1], '{"activeSize":3}')["activeSize"] == 3
    kill_and_restart(nodes[2])
    assert nodes[2].put("/c", "1").status == 201


def test_members_of_long_ago_are_told_in_one_line(world):
    """What is read back at a start, or copied from the others, is no news."""
    first, second = world.cluster(2)
    assert "machine1 has the list of members" not in first.log()
    for node in (second, first):
        old = len(node.log())
        node.stop()
        node.start()
        wait_until(lambda: "%s has the list of members: machine1, machine2\n" % node.name in node.log()[old:], 10, "the list")
        assert "member joined" not in node.log()[old:] and "member votes" not in node.log()[old:], node.log()[old:]
    third = world.node("machine3", peers=[first.peer, second.peer]).start()
    world.wait_voters([first, second, third])
    wait_until(lambda: "member votes now name=machine3" in third.log(), 10, "its promotion")
    assert "machine3 has the list of members: machine1, machine2, machine3 (learner)\n" in third.log()
    assert "member joined" not in third.log() and "member votes now name=machine2" not in third.log()
    # To those who were there it is news.
    for node in (first, second):
        wait_until(lambda: "member joined name=machine3" in node.log() and "member votes now name=machine3" in node.log(),
                   10, "the news")

"""A machine that lost its data and is started as it was when it founded the cluster.

Its empty directory and no -peers make a second cluster on the addresses of the first. The
other members call it, and it stops before anybody writes to the wrong one for long.
"""

import json
import shutil

from moothall import ask, start_together, wait_until

EXIT_USAGE = 2


def three(world):
    """machine1 founds, the others join; each as the documents say."""
    nodes = [world.node("machine1").start()]
    for name in ("machine2", "machine3"):
        nodes.append(world.node(name, peers=[n.peer for n in nodes]).start())
    wait_until(lambda: len([m for m in nodes[0].status()["members"] if m["role"] == "voter"]) == 3, 15,
               "three voters")
    assert nodes[0].put("/foo", "bar").status == 201
    return nodes


def lose(node):
    node.kill_all()
    shutil.rmtree(node.directory)


def test_a_founder_that_lost_its_data_ends_and_says_how_to_join(world):
    first, second, third = three(world)
    cluster = first.status()["clusterId"]
    lose(first)
    wait_until(lambda: second.value("/foo") == "bar", 10, "the others to go on")
    first.start(wait=False)
    assert first.process.wait(15) == EXIT_USAGE
    log = first.log()
    assert "machine1 is in the list of cluster %s" % cluster in log
    assert "this node lost its data? start it with -peers 127.0.0.1:" in log
    # The others say it, too.
    wait_until(lambda: "a machine that lost its data is started with -peers" in second.log() + third.log(), 10,
               "a warning of the others")
    # What it said is right, on the directory that it left.
    first.peers = [second.peer]
    first.start()
    wait_until(lambda: first.value("/foo") == "bar", 15, "its place in the old cluster")
    assert first.status()["clusterId"] == cluster


def test_what_clients_wrote_into_the_second_cluster_can_be_read(world):
    first, second, third = three(world)
    lose(first)
    second.kill_all()
    third.kill_all()
    # Nobody is there to call it: as far as it knows it is alone.
    first.start()
    assert first.put("/mine", "1").status == 201
    start_together([second, third])
    wait_until(lambda: first.put("/mine", "2").status == 500, 10, "writes to be refused")
    answer = first.put("/mine", "2").json
    assert answer["errorCode"] == 300 and "this node lost its data? start it with -peers" in answer["cause"]
    assert first.get("/v2/keys/mine").json["node"]["value"] in ("1", "2")
    health = first.get("/health")
    assert health.status == 503 and health.json["health"] == "false"
    assert "this node lost its data?" in health.json["reason"]
    assert "this node lost its data?" in first.control("status").stdout
    # Nobody joins it, and it is so after a restart of raftd, too.
    assert ask(first.peer, "PUT", "/v2/admin/config", json.dumps({"activeSize": 5})).status == 500
    first.kill("raftd")
    wait_until(lambda: first.get("/health").status == 503 and
               "lost its data" in first.get("/health").json.get("reason", ""), 15, "the next call")
    assert "To give up what was written, stop it and remove what is in %s" % first.directory in first.log()


def test_members_of_another_cluster_do_not_end_one_that_was_restored(world):
    """An operator has decided; a machine that was forgotten somewhere has not."""
    first, second, third = three(world)
    file = first.directory + ".backup"
    assert first.control("backup", file).returncode == 0
    lose(first)
    first.flags += ["-restore", file]
    first.start()
    wait_until(lambda: "stream refused" in first.log(), 15, "a call of the old cluster")
    assert first.put("/foo", "after").status == 200
    assert first.get("/health").status == 200


# ---- -peers that came too late: each node has founded a cluster already

def founders(world, keys=()):
    """Three nodes, each alone in a cluster of its own, and stopped; then their -peers."""
    nodes = [world.node("machine%d" % number).start() for number in (1, 2, 3)]
    for node in nodes:
        if node.name in keys:
            assert node.put("/of", node.name).status == 201
        node.stop()
    for node in nodes:
        node.peers = [other.peer for other in nodes if other is not node]
    return nodes


def test_a_founder_with_peers_warns_until_others_have_joined(world):
    first = world.node("machine1").start()
    first.stop()
    first.peers = ["127.0.0.1:1"]
    first.start()
    warning = "-peers is ignored: %s holds a cluster that this node started and is alone in." % first.directory
    wait_until(lambda: "warning: " + warning in first.control("status").stdout, 10, "a warning in the status")
    assert warning in first.log()
    # It may well be the first of its cluster: it serves, and is ready.
    assert first.put("/foo", "bar").status == 201 and first.get("/health").status == 200
    assert first.control("status").returncode == 0
    world.node("machine2", peers=[first.peer]).start()
    wait_until(lambda: "warning: " not in first.control("status").stdout, 15, "the end of the warning")


def test_founders_that_nobody_wrote_to_become_the_cluster_of_their_peers(world):
    nodes = founders(world)
    start_together(nodes)
    wait_until(lambda: all(len([m for m in node.status()["members"] if m["role"] == "voter"]) == 3 for node in nodes),
               60, "one cluster of three voters")
    assert len({node.status()["clusterId"] for node in nodes}) == 1
    assert nodes[0].put("/foo", "bar").status == 201
    assert [node.value("/foo") for node in nodes] == ["bar"] * 3
    assert "nothing was written here, so it joins through -peers now" in "".join(node.log() for node in nodes)


def test_what_clients_wrote_is_kept_and_both_clusters_are_named(world):
    nodes = founders(world, keys=("machine1", "machine2", "machine3"))
    start_together(nodes)
    ids = {node.status()["clusterId"] for node in nodes}
    assert len(ids) == 3
    for node in nodes:
        own = node.status()["clusterId"]
        said = wait_until(lambda: [line for line in node.control("status").stdout.splitlines()
                                   if line.startswith("warning: -peers is ignored: 127.0.0.1:")], 20, "a warning")[0]
        assert "and this node is alone in cluster %s, which it started" % own in said
        assert "of 1 member, " in said and "empty %s" % node.directory in said
        assert any("is in cluster %s" % other in said for other in ids - {own})
        assert said[len("warning: "):] in node.log()
        # Nothing is stopped by it.
        assert node.value("/of") == node.name and node.put("/of", "more").status == 200
        assert node.get("/health").status == 200
    # Two do what it says.
    for node in nodes[1:]:
        node.stop()
        shutil.rmtree(node.directory)
        node.start()
    wait_until(lambda: len(nodes[0].status()["members"]) == 3, 15, "one cluster")
    assert nodes[2].value("/of") == "more"

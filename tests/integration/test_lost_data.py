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

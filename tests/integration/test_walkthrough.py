"""The walkthrough of three machines, step by step as its text has it."""

import signal

from moothall import ask, start_together, wait_until

PEERS = 3


def expected_registry(nodes):
    return [{"createdIndex": i + 1, "modifiedIndex": i + 1, "key": "/_etcd/machines/" + node.name,
             "value": "raft=http://%s&etcd=http://%s" % (node.peer, node.client)}
            for i, node in enumerate(nodes)]


def test_walkthrough_word_for_word(world):
    nodes = [world.node("machine%d" % (i + 1)) for i in range(PEERS)]
    first, second, third = nodes
    first.start()
    second.peers = [first.peer, third.peer]
    third.peers = [first.peer, second.peer]
    second.start()
    third.start()

    machines = ", ".join("http://" + node.client for node in nodes)
    assert first.get("/v2/machines").body.decode() == machines
    for node in nodes:
        wait_until(lambda: node.get("/v2/machines").body.decode() == machines, 5, "the list on " + node.name)

    registry = first.get("/v2/keys/_etcd/machines").json
    assert registry == {"action": "get", "node": {
        "createdIndex": 1, "modifiedIndex": 1, "dir": True, "key": "/_etcd/machines",
        "nodes": expected_registry(nodes)}}
    assert first.get("/v2/leader").body.decode() == "http://" + first.peer

    answer = ask(first.client, "PUT", "/v2/keys/foo", {"value": "bar"})
    assert answer.json == {"action": "set", "node": {
        "createdIndex": 4, "modifiedIndex": 4, "key": "/foo", "value": "bar"}}
    foo = {"action": "get", "node": {"createdIndex": 4, "modifiedIndex": 4, "key": "/foo", "value": "bar"}}

    # Killing the leader
    world.wait_voters(nodes)
    first.kill_all()
    assert second.get("/v2/keys/foo").json == foo
    new = wait_until(lambda: (lambda url: url != "http://" + first.peer and url)(second.leader()), 5,
                     "another leader")
    assert new in ("http://" + second.peer, "http://" + third.peer)
    assert second.put("/after", "leader").status == 201

    # It rejoins under its old name
    first.start()
    wait_until(lambda: first.value("/after", quorum=False) == "leader", 10, "machine1 to catch up")
    registry = first.get("/v2/keys/_etcd/machines").json["node"]["nodes"]
    assert registry == expected_registry(nodes)

    # Persistence: CTRL-C on each, the same commands again
    for node in nodes:
        node.process.send_signal(signal.SIGINT)
    for node in nodes:
        assert node.process.wait(20) == 0, node.log()
    start_together(nodes)
    assert second.get("/v2/keys/foo").json == foo
    world.leader_of(nodes)
    assert second.put("/again", "yes").json["node"]["createdIndex"] == 6

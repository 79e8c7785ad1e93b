"""A cluster that begins at all its nodes at once, from the list that each of them has.

What etcd 2 and 3 call a static start. Its ids follow from the list and the token, no node
is the first, and a majority of them is enough.
"""

import http.client
import json
import shutil
import signal

import pytest

from certificates import Authority
from moothall import ask, free_port, wait_log, wait_until

from together import Together, members, url, wait_whole

EXIT_USAGE = 2


def test_three_nodes_that_are_started_at_once_are_one_cluster(world):
    three = Together(world).start()
    first, second, third = three.nodes
    known = wait_whole(three.nodes)
    assert [known[n.name][1:] for n in three.nodes] == [([url(n.peer)], [url(n.client)]) for n in three.nodes]
    assert len({n.status()["clusterId"] for n in three.nodes}) == 1
    assert [n.status()["id"] for n in three.nodes] == [known[n.name][0] for n in three.nodes]
    assert first.put("/foo", "bar").status == 201
    assert [n.value("/foo") for n in three.nodes] == ["bar"] * 3
    assert sorted(first.get("/v2/machines").body.decode().split(", ")) == sorted(url(n.client) for n in three.nodes)

    # Killed and started as before: the same cluster, and not a word about its flags.
    for node in three.nodes:
        node.kill_all()
    three.start()
    assert wait_whole(three.nodes) == known
    wait_until(lambda: second.value("/foo") == "bar", 15, "what was written")
    assert "ignored" not in first.log()

    # With other flags: ignored, and that is said.
    third.stop()
    three.flag(third, token="token-2")
    third.start()
    assert wait_whole(three.nodes) == known
    wait_log(third, "-initial-cluster and -initial-cluster-token are not what")

    # One that lost its data is not let in under its old id; as one that joins, it is.
    third.kill_all()
    shutil.rmtree(third.directory)
    three.flag(third)
    third.start(wait=False)
    assert third.process.wait(20) == EXIT_USAGE
    assert "n3 has taken part in cluster" in third.log()
    assert "start it with -initial-cluster-state existing" in third.log()
    three.flag(third, state="existing")
    third.start(timeout=30)
    after = wait_whole(three.nodes, timeout=30)
    assert after["n3"][0] != known["n3"][0] and after["n3"][1:] == known["n3"][1:]
    assert third.value("/foo") == "bar"


def test_a_majority_is_enough_and_the_late_one_comes_in(world):
    three = Together(world)
    first, second, third = three.nodes
    three.start(first)
    # One alone does not begin.
    wait_log(first, "waiting for a majority of -initial-cluster", 15)
    assert first.get("/v2/keys/").status == 500
    # The order of its list does not matter.
    backwards = ",".join(reversed(three.list.split(",")))
    three.flag(second, names=backwards)
    three.start(second)
    wait_whole([first, second])
    assert first.put("/foo", "bar").status == 201
    # Who was never there is in the list, and no client is sent to it.
    assert members(first)["n3"][2] == []
    assert len(first.get("/v2/machines").body.decode().split(", ")) == 2
    three.start(third)
    third.wait_ready(20)
    wait_whole(three.nodes)
    assert third.value("/foo") == "bar"
    # Its vote counts as that of the others.
    first.kill_all()
    wait_until(lambda: third.put("/foo", "baz").status in (200, 201), 20, "a leader of the two")


def test_another_token_is_refused_with_a_sentence_on_both_sides(world):
    three = Together(world)
    first, second, third = three.nodes
    three.flag(third, token="token-2")
    three.start()
    wait_whole([first, second])
    assert third.process.wait(20) == EXIT_USAGE
    said = "not the same -initial-cluster or -initial-cluster-token"
    assert said in third.log() and "so no majority can begin this one" in third.log()
    assert any("name=n3: " in line and said in line
               for line in (first.log() + second.log()).splitlines())
    # It was no use of its directory: with the right token it comes in.
    three.flag(third)
    third.start(timeout=20)
    wait_whole(three.nodes)
    # Other options of the cluster would make other entries of the same list.
    third.kill_all()
    shutil.rmtree(third.directory)
    three.flag(third, more=("-cluster-active-size", "5"))
    third.start(wait=False)
    assert third.process.wait(20) == EXIT_USAGE
    assert "do not have the same options of the cluster" in third.log()


def test_a_list_of_one_serves_at_once(world):
    alone = Together(world, count=1)
    node = alone.nodes[0]
    node.start()
    assert members(node) == {"n1": (node.status()["id"], [url(node.peer)], [url(node.client)])}
    assert node.put("/foo", "bar").status == 201
    # -force and the same list: the same ids, with nothing in it.
    ids = node.status()["clusterId"], node.status()["id"]
    node.kill_all()
    alone.flag(node, more=("-f",))
    node.start()
    assert (node.status()["clusterId"], node.status()["id"]) == ids
    assert node.get("/v2/keys/foo").status == 404


def test_options_of_the_cluster_are_said_to_be_ignored_only_if_they_say_something_else(world):
    alone = Together(world, count=1)
    node = alone.nodes[0]

    def start(*more):
        """The line that a start with these options says, if any."""
        alone.flag(node, more=more)
        before = len(node.log())
        node.start()
        lines = [line for line in node.log()[before:].split("\n") if "ignored" in line]
        assert len(lines) <= 1, lines
        return lines[0].split("options=")[1].split() if lines else []
    assert start("-cluster-active-size", "5") == []
    node.stop()
    assert start("-cluster-active-size", "5") == []
    node.stop()
    assert start("-cluster-active-size", "7", "-strict-members") == ["activeSize,strictMembers"]
    # The cluster gets what was asked for: nothing is ignored any more. Nor is what is not said at all.
    assert ask(node.peer, "PUT", "/v2/admin/config", json.dumps({"activeSize": 7, "strictMembers": True})).status == 200
    node.stop()
    assert start("-cluster-active-size", "7", "-strict-members") == []
    node.stop()
    assert start() == []
    node.stop()
    # The options that it began with, whatever became of them since.
    assert start("-cluster-active-size", "5") == []
    assert ask(node.peer, "GET", "/v2/admin/config").json["strictMembers"] is True


def test_a_static_start_has_every_option_of_the_cluster(world):
    alone = Together(world, count=1)
    alone.flag(alone.nodes[0], more=("-strict-members", "-cluster-active-size", "5"))
    config = ask(alone.nodes[0].start().peer, "GET", "/v2/admin/config").json
    assert (config["strictMembers"], config["activeSize"]) == (True, 5)


def test_what_asks_whether_it_may_begin_gets_a_word(world):
    """The question by itself, and what is wrong with it."""
    three = Together(world)
    first, second, third = three.nodes
    three.start(first, second)
    known = wait_whole([first, second])
    cluster = first.status()["clusterId"]
    headers = {"X-Raft-Cluster": cluster, "X-Raft-From": known["n3"][0], "X-Raft-To": known["n1"][0],
               "X-Raft-Name": "n3", "X-Raft-Protocol": "2-2", "X-Raft-Timing": "50-200"}

    def begin(**other):
        answer = ask(first.peer, "GET", "/raft/begin",
                     headers={**headers, **{k.replace("_", "-"): v for k, v in other.items()}})
        return answer.status, answer.body.decode()
    assert begin() == (200, "open\n")
    assert begin(X_Raft_From=known["n2"][0]) == (200, "known\n")
    assert begin(X_Raft_From="abc") == (200, "gone\n")
    assert begin(X_Raft_Cluster="abc")[0] == 412
    assert begin(X_Raft_Cluster="")[0] == 400
    assert ask(first.peer, "GET", "/raft/begin").status == 400
    assert ask(first.client, "GET", "/raft/begin").status == 404

def test_the_flags_of_a_manifest_start_a_cluster_with_certificates(world):
    """As kubeadm writes them, with one address to listen on; one node has them from the environment."""
    authority = Authority(world.folder)
    nodes = [world.node("n%d" % (i + 1)) for i in range(3)]
    names = ",".join("%s=https://%s" % (n.name, n.peer) for n in nodes)
    for node in nodes:
        pair = authority.issue(node.name)
        given = {
            "advertise-client-urls": "https://" + node.client, "cert-file": pair.certificate,
            "client-cert-auth": "true", "data-dir": node.directory,
            "experimental-initial-corrupt-check": "true",
            "experimental-watch-progress-notify-interval": "5s",
            "initial-advertise-peer-urls": "https://" + node.peer, "initial-cluster": names,
            "key-file": pair.key, "listen-client-urls": "https://" + node.client,
            "listen-metrics-urls": "http://127.0.0.1:%d" % free_port(), "listen-peer-urls": "https://" + node.peer,
            "name": node.name, "peer-cert-file": pair.certificate, "peer-client-cert-auth": "true",
            "peer-key-file": pair.key, "peer-trusted-ca-file": authority.certificate,
            "snapshot-count": "10000", "trusted-ca-file": authority.certificate,
        }
        node.tls = node.peer_tls = authority.context(pair)
        argv = [node.program]
        if node is nodes[2]:
            node.environment = {"ETCD_" + k.upper().replace("-", "_"): v for k, v in given.items()}
        else:
            argv += ["--%s=%s" % item for item in given.items()]
        node.argv = lambda argv=argv: argv
        node.start(wait=False)
    for node in nodes:
        node.wait_ready(30)
    assert nodes[0].put("/foo", "bar").status == 201
    assert [n.value("/foo") for n in nodes] == ["bar"] * 3
    urls = nodes[2].get("/v2/machines").body.decode().split(", ")
    assert sorted(urls) == sorted("https://" + n.client for n in nodes)
    assert all("-experimental-initial-corrupt-check is accepted: the data is always checked" in n.log() for n in nodes)
    # A client without a certificate is not served.
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(nodes[0].client, "GET", "/v2/keys/foo", tls=authority.context())
    # A part that dies comes back as it was; nothing of the flags is another one when read again.
    nodes[1].kill("raftd")
    nodes[1].kill("peer")
    nodes[0].process.send_signal(signal.SIGHUP)
    wait_log(nodes[0], "reloaded: nothing has changed")
    assert "need a restart" not in nodes[0].log()
    wait_until(lambda: nodes[1].put("/foo", "baz").status == 200, 20, "a write through the one that lost parts")

"""etcdctl: members, health and status of a cluster."""

import json
import re
import shutil
import subprocess

import test_clients
from moothall import ask, free_port, wait_until
from test_etcdctl import Ctl


def urls_are_whole(table, node):
    """To be copied: the table would rather be wider than the screen."""
    return any("http://" + node.client in line and "http://" + node.peer in line for line in table)


def test_members_health_and_status(world):
    nodes = world.cluster(3)
    leader = world.leader_of(nodes)
    ctl = Ctl(*(node.client for node in nodes))
    ids = {node.name: node.status()["id"] for node in nodes}

    table = ctl.good("member", "list").splitlines()
    assert len(table) == 4 and all(urls_are_whole(table, node) for node in nodes)
    assert sum(" leader " in line for line in table) == 1
    listed = [json.loads(line) for line in ctl.good("-o", "json", "member", "list").splitlines()]
    assert {m["name"]: m["id"] for m in listed} == ids
    assert [m["name"] for m in listed if m["leader"]] == [leader.name]
    if test_clients.is_of_the_other_etcd():
        debian = Ctl(nodes[0].client, program="/usr/bin/etcdctl")
        assert sorted(ctl.good("-o", "extended", "member", "list").splitlines()) == \
            sorted(debian.good("member", "list").splitlines())
        assert ctl.good("cluster-health") == debian.good("cluster-health")

    states = {}

    def all_are_well():
        states.update((s["name"], s) for s in map(json.loads, ctl.good("status", "-o", "json").splitlines()))
        return all(s["healthy"] for s in states.values())
    wait_until(all_are_well, 10, "every member to be healthy")
    assert sorted(s["state"] for s in states.values()) == ["follower", "follower", "leader"]
    assert all(s["memory"] > 1 << 20 and s["term"] >= 1 and s["store_index"] >= 3 for s in states.values())
    table = ctl.good("status").splitlines()
    assert len(table) == 4 and re.search(r"\d+\.\d MiB", table[1])

    # One dies: it is told, and the others serve.
    dead = next(node for node in nodes if node is not leader)
    dead.kill_all()
    text = ctl.good("cluster-health")
    assert "member %s is unreachable" % ids[dead.name] in text and text.endswith("cluster is degraded\n")
    assert re.search(r"^%s +unreachable " % dead.name, ctl.good("status"), re.M)


def test_a_member_is_removed_by_name_or_id_and_only_on_purpose(world):
    nodes = world.cluster(3)
    ctl = Ctl(nodes[0].client)
    run = ctl("member", "remove", "machine3")
    assert run.returncode == 1 and "machine3" in run.stderr and "--yes" in run.stderr
    run = ctl("member", "remove", "machine9", "--yes")
    assert run.returncode == 1 and '"machine9"' in run.stderr
    identity = nodes[2].status()["id"]
    assert ctl.good("--yes", "member", "remove", "machine3") == "Removed member %s from cluster\n" % identity
    names = [m["name"] for m in ask(nodes[0].client, "GET", "/v2/members").json["members"]]
    assert names == ["machine1", "machine2"]
    assert nodes[2].process.wait(20) == 5


def test_adding_and_updating_say_how_it_is_done_here(world):
    """Where the client port takes no changes."""
    node = world.node(flags=["-member-changes", "off"]).start()
    ctl = Ctl(node.client)
    run = ctl("member", "add", "machine2", "http://127.0.0.1:7002")
    assert run.returncode == 3 and "-member-changes off" in run.stderr
    assert "etcd -name machine2 -peer-addr 127.0.0.1:7002 -peers %s" % node.peer in run.stderr
    run = ctl("member", "update", "machine1", "http://127.0.0.1:7002")
    assert run.returncode == 3 and "-peer-addr" in run.stderr
    assert len(max(run.stderr.splitlines(), key=len)) <= 200


def test_cluster_health_says_why_a_member_is_not_healthy(world):
    node = world.node().start()
    ctl = Ctl(node.client)
    assert node.control("drain").returncode == 0
    reason = "drained by the operator"
    # Each worker learns it for itself.
    wait_until(lambda: "unhealthy result from http://%s: %s\n" % (node.client, reason) in ctl("cluster-health").stdout, 10,
               "the reason to be told")
    assert json.loads(ctl("-o", "json", "cluster-health").stdout.splitlines()[0])["reason"] == reason
    assert node.control("undrain").returncode == 0
    wait_until(lambda: "cluster is healthy\n" in ctl("cluster-health").stdout, 10, "the member to be healthy")


LOOKING = [("status",), ("member", "list"), ("cluster-health",), ("-o", "json", "status"),
           ("-o", "json", "member", "list"), ("-o", "extended", "member", "list"), ("-o", "json", "cluster-health")]


def test_endpoints_of_two_clusters_are_told_apart(world):
    one, other = world.node("machine1").start(), world.node("machine1b").start()
    ids = {node: node.status()["clusterId"] for node in (one, other)}
    for flags in ((), ("--no-sync",)):
        for command in LOOKING:
            run = Ctl(one.client, other.client, flags=flags)(*command)
            assert run.returncode == 5, (command, run)
            for node in (one, other):
                assert "http://%s: cluster %s, leader %s\n" % (node.client, ids[node], node.name) in run.stderr, run
            assert "different clusters" in run.stderr and "-peers" in run.stderr
            assert "cluster is healthy" not in run.stdout
    assert "cluster is unhealthy\n" in Ctl(one.client, other.client)("cluster-health").stdout
    # Each alone is well, and so is one beside an address that nobody answers at.
    for command in LOOKING:
        Ctl(one.client).good(*command)
        Ctl("127.0.0.1:%d" % free_port(), other.client).good(*command)
    # Nothing but what was there before is on standard output.
    assert Ctl(one.client, other.client)("member", "list").stdout == Ctl(one.client).good("member", "list")


def test_a_machine_that_founded_again_is_seen_by_whoever_asks_the_others(world):
    """The members' addresses are asked as well: nobody has to suspect the right one."""
    nodes = world.cluster(2)
    nodes[1].kill_all()
    shutil.rmtree(nodes[1].directory)
    nodes[1].peers = []
    nodes[0].stop()
    # Alone it cannot be called by the one that would end it.
    nodes[1].start()
    assert nodes[1].put("/mine", "1").status == 201
    nodes[0].start(wait=False)
    wait_until(lambda: knows_its_members(nodes[0]), 15, "the old member's client port")
    run = Ctl(nodes[0].client)("cluster-health")
    assert run.returncode == 5, run
    assert "http://%s: cluster %s, leader machine2" % (nodes[1].client, nodes[1].status()["clusterId"]) in run.stderr


def knows_its_members(node):
    try:
        return len(ask(node.client, "GET", "/v2/members", timeout=2).json["members"]) == 2
    except (OSError, ValueError, KeyError):
        return False


def test_a_leader_that_is_changing_is_no_difference(world):
    nodes = world.cluster(3)
    ctl = Ctl(*(node.client for node in nodes))
    for _ in range(5):
        leader = world.leader_of(nodes)
        run = ctl.start("member", "list")
        assert leader.control("transfer").returncode == 0
        out, err = run.communicate(timeout=60)
        assert run.returncode == 0, (out, err)


def test_why_a_lead_is_not_handed_over(world):
    """Each reason by itself, and where to go."""
    nodes = world.cluster(2)
    leader = world.leader_of(nodes)
    other = [node for node in nodes if node is not leader][0]
    wait_until(lambda: other.leader(), 10, "a leader to be known")
    told = other.control("transfer")
    assert told.returncode == 1
    assert "this node does not lead: %s does, run it there" % leader.name in told.stderr, told
    alone = world.node("alone").start().control("transfer")
    assert alone.returncode == 1 and "there is no other voting member that could lead" in alone.stderr, alone


def test_nobody_there(world):
    dead = "127.0.0.1:%d" % free_port()
    for command in [("status",), ("member", "list"), ("cluster-health",)]:
        run = Ctl(dead)(*command)
        assert run.returncode == 2 and dead in run.stderr


def test_colours_come_only_when_asked_for_or_on_a_terminal(world):
    node = world.node().start()
    ctl = Ctl(node.client)
    assert "\033[" not in ctl.good("status") and "\033[32m" in ctl.good("--color", "always", "status")
    script = "%s status" % " ".join(ctl.argv)
    for env, coloured in [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]:
        run = subprocess.run(["script", "-qec", script, "/dev/null"], capture_output=True, text=True, timeout=60,
                             stdin=subprocess.DEVNULL, env=dict(dict(ctl.env, TERM="xterm"), **env))
        assert ("\033[32m" in run.stdout) == coloured, (env, run.stdout)

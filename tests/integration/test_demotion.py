"""Members that the leader removes by itself, and machines that come back after they were removed."""

import contextlib
import os
import shutil
import signal
import time

import pytest

from moothall import BUILD, SLOW, Writers, ask, wait_until
from wire import Wire

EXIT_REMOVED = 5
# Long enough for the leader to look, and long for nobody else.
FLAGS = ["-cluster-active-size", "4", "-cluster-sync-interval", "1", "-cluster-remove-delay", "1800"]


@contextlib.contextmanager
def writing(nodes):
    """Clients of nodes that shall notice nothing."""
    with Writers([n.client for n in nodes], threads=2) as writers:
        writers.wait_more(5)
        yield writers
        writers.wait_more(5)
        writers.stop()
        assert not writers.failed and not writers.broken, (writers.failed[:3], writers.broken)
        writers.check(nodes[0])


def configure(node, form):
    answer = ask(node.peer, "PUT", "/v2/admin/config", form)
    assert answer.status == 200, answer
    return answer.json


def members(node):
    """Name and id of every member."""
    return {m["name"]: m["id"] for m in node.status()["members"]}


def names(node):
    return sorted(m["name"] for m in ask(node.peer, "GET", "/v2/admin/machines").json)


def delete(node, name, query=""):
    answer = ask(node.peer, "DELETE", "/v2/admin/machines/" + name + query)
    assert answer.status == 200, answer


def wait_votes(node, asked, old=None, timeout=15):
    """Node votes, as another one than old, and has the data."""
    def votes():
        found = [m for m in asked.status()["members"] if m["name"] == node.name]
        return found and found[0]["role"] == "voter" and found[0]["id"] != old
    wait_until(votes, timeout, "%s to vote" % node.name)
    node.wait_ready()
    wait_until(lambda: node.get("/v2/keys/begin?quorum=true").status == 200, 5, "its data")


def wait_stands_by(node, asked):
    """It is no member, and sends clients to the leader."""
    wait_until(lambda: node.name not in members(asked), 10, "%s to be removed" % node.name)

    def sends_on():
        try:
            answer = node.get("/v2/keys/a?x=1")
        except OSError:
            return False
        leader = asked.leader()
        return answer.status == 307 and leader is not None and \
            answer.headers["Location"].endswith(":%s/v2/keys/a?x=1" % client_port(asked, leader))
    wait_until(sends_on, 10, "%s to send clients on" % node.name)
    with Wire(node.client) as wire:
        wire.send(b"GET /v2/keys/\xe4?\xff=%41 HTTP/1.1\r\nHost: h\r\n\r\n")
        assert wire.head().get("Location").endswith("/v2/keys/%E4?%FF=%41")
    assert ask(node.peer, "GET", "/version").status == 404
    assert node.status()["phase"] == "standby" and node.process.poll() is None


def client_port(asked, peer_url):
    machines = ask(asked.peer, "GET", "/v2/admin/machines").json
    return next(m["clientURL"] for m in machines if m["peerURL"] == peer_url).rpartition(":")[2]


def split(world, nodes, count=1):
    """The last followers of them, and the rest."""
    leader = world.leader_of(nodes)
    gone = [n for n in nodes if n is not leader][-count:]
    return gone, [n for n in nodes if n not in gone]


def old_data(node):
    return [name for name in os.listdir(node.directory) if name.endswith(".removed")]


def test_a_smaller_active_size_sends_the_youngest_away_and_a_larger_one_brings_it_back(world):
    nodes = world.cluster(4, flags=FLAGS)
    (gone,), stay = split(world, nodes)
    nodes[0].put("/begin", "x")
    with writing(stay) as writers:
        old = members(stay[0])[gone.name]
        assert configure(stay[-1], '{"activeSize":3}')["activeSize"] == 3
        wait_stands_by(gone, stay[0])
        assert names(stay[0]) == sorted(n.name for n in stay)
        # It asks, and is not let in; started again it is still the one that waits.
        assert old_data(gone)
        gone.kill_all()
        gone.start(wait=False)
        wait_stands_by(gone, stay[0])
        writers.wait_more(5)
        assert configure(stay[0], '{"activeSize":4}')["activeSize"] == 4
        wait_votes(gone, stay[0], old)
        wait_until(lambda: not old_data(gone), 5, "the old data to go")
    assert sum("is removed: 4 members vote, the active size is 3" in n.log() for n in stay) == 1


def removal_that_hangs(world):
    """Programs whose removal of old data waits for a line in the pipe that is returned."""
    programs = os.path.join(world.folder, "programs")
    go = os.path.join(world.folder, "go")
    os.mkfifo(go)
    shutil.copytree(os.path.join(BUILD, "libexec"), programs)
    rebuild = os.path.join(programs, "rebuild")
    os.rename(rebuild, rebuild + ".real")
    with open(rebuild, "w") as file:
        file.write('#!/bin/sh\nread line <%s\nexec %s.real "$@"\n' % (go, rebuild))
    os.chmod(rebuild, 0o700)
    return ["-libexec-dir", programs, "-sandbox", "off"], go


def file_number(path):
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def let_go(pipe):
    def is_read():
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return None
    end = wait_until(is_read, 10, "the removal to begin")
    os.write(end, b"\n")
    os.close(end)


def waits_for_a_lock(pid):
    with open("/proc/locks") as file:
        return any(line.split()[1] == "->" and str(pid) in line.split() for line in file)


def test_old_data_whose_removal_hangs_keeps_nobody_waiting(world):
    flags, go = removal_that_hangs(world)
    nodes = world.cluster(4, flags=[*FLAGS, *flags])
    (gone,), stay = split(world, nodes)
    nodes[0].put("/begin", "x")
    old = members(stay[0])[gone.name]
    configure(stay[-1], '{"activeSize":3}')
    wait_stands_by(gone, stay[0])
    configure(stay[0], '{"activeSize":4}')
    wait_votes(gone, stay[0], old)
    # It is there, and the one that has to watch the children does so.
    assert old_data(gone)
    for _ in range(3):
        assert gone.control("status").returncode == 0
    killed = gone.pid_of("raftd")
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: gone.pid_of("raftd") not in (None, killed), 10, "another raftd")
    gone.put("/after", "x")
    # Removed once more it does not put its data where that child would remove it.
    database = os.path.join(gone.directory, "db")
    data = file_number(database)
    gone.wait_ready()
    delete(stay[0], gone.name)
    wait_until(lambda: waits_for_a_lock(gone.pid_of("raftd")), 10, "raftd to wait")
    assert file_number(database) == data
    let_go(go)
    wait_until(lambda: file_number(database + ".removed") == data, 10, "its data to be put away")
    wait_votes(gone, stay[0])
    let_go(go)
    wait_until(lambda: not old_data(gone), 10, "the old data to go")
    gone.stop()


def test_a_silent_member_is_removed_and_is_a_member_again_when_it_is_back(world):
    nodes = world.cluster(3, flags=FLAGS)
    (gone,), stay = split(world, nodes)
    nodes[0].put("/begin", "x")
    configure(nodes[0], '{"removeDelay":2}')
    with writing(stay):
        old = members(stay[0])[gone.name]
        gone.kill_all()
        killed = time.monotonic()
        wait_until(lambda: gone.name not in members(stay[0]), 15, "it to be removed")
        assert time.monotonic() - killed >= 1.5
        assert names(stay[0]) == sorted(n.name for n in stay)
        gone.start(wait=False)
        wait_votes(gone, stay[0], old, timeout=2 * SLOW)
    assert sum("the remove delay is 2000 ms" in n.log() for n in stay) == 1


def test_nobody_is_removed_when_a_majority_is_silent(world):
    nodes = world.cluster(3, flags=FLAGS)
    gone, (left,) = split(world, nodes, count=2)
    configure(nodes[0], '{"removeDelay":2}')
    before = members(left)
    for node in gone:
        node.kill_all()
    # Twice the remove delay.
    time.sleep(4)
    assert members(left) == before
    for node in gone:
        node.start(wait=False)
    for node in nodes:
        node.wait_ready()
    assert members(left) == before and left.put("/a", "1").status == 201


@pytest.mark.parametrize("whose", ["follower", "leader"])
def test_a_running_machine_that_is_deleted_is_back_after_the_sync_interval(world, whose):
    # Among them the founder, which was told of no peers.
    nodes = world.cluster(3, flags=FLAGS)
    nodes[0].put("/begin", "x")
    leader = world.leader_of(nodes)
    gone = leader if whose == "leader" else next(n for n in nodes if n is not leader)
    stay = [n for n in nodes if n is not gone]
    old = members(gone)[gone.name]
    with writing(stay):
        asked = time.monotonic()
        # The leader is asked itself: it answers before it goes.
        delete(gone if whose == "leader" else stay[0], gone.name)
        wait_until(lambda: gone.name not in names(stay[0]), 5, "the others to know")
        wait_votes(gone, stay[0], old)
        assert time.monotonic() - asked >= 0.9
        assert gone.process.poll() is None
    assert gone.put("/after", "1").status == 201


def test_a_deleted_machine_tells_clients_that_wait(world):
    nodes = world.cluster(3, flags=FLAGS)
    (gone,), stay = split(world, nodes)
    nodes[0].put("/begin", "x")
    configure(nodes[0], '{"syncInterval":3}')
    with writing(stay):
        with Writers([gone.client], threads=4, prefix="/gone") as theirs:
            theirs.wait_more(20)
            delete(stay[0], gone.name)
            wait_stands_by(gone, stay[0])
            theirs.stop()
        # Sent on, or told what is known of a write; none waits for its time to run out.
        assert theirs.broken == 0 and theirs.longest_gap < 3 * SLOW
        assert {status for _, status, _ in theirs.failed} <= {307, 500}
        theirs.check(stay[0])


def test_a_forgotten_machine_ends_and_stays_out_until_its_directory_is_empty(world):
    nodes = world.cluster(3, flags=FLAGS)
    (gone,), stay = split(world, nodes)
    nodes[0].put("/begin", "x")
    old = members(gone)[gone.name]
    with writing(stay) as writers:
        answer = ask(stay[0].peer, "DELETE", "/v2/admin/machines/%s?forget=maybe" % gone.name)
        assert answer.status == 400 and b"maybe" in answer.body
        delete(stay[0], gone.name, "?forget=true")
        assert gone.process.wait(15) == EXIT_REMOVED, gone.log()[-2000:]
        assert "this machine was removed from the cluster; start it with an empty -data-dir" in gone.log()
        wait_until(gone.gone, 5, "its processes to end")
        gone.start(wait=False)
        assert gone.process.wait(15) == EXIT_REMOVED, gone.log()[-2000:]
        writers.wait_more(5)
        assert gone.name not in names(stay[0])
        gone.peers = [n.peer for n in stay]
        gone.flags = gone.flags + ["-f"]
        gone.start(wait=False)
        wait_votes(gone, stay[0], old)


def test_a_dead_machine_that_was_forgotten_is_told_so(world):
    nodes = world.cluster(3, flags=FLAGS)
    (gone,), stay = split(world, nodes)
    gone.kill_all()
    delete(stay[0], gone.name, "?forget=true")
    gone.start(wait=False)
    assert gone.process.wait(15) == EXIT_REMOVED, gone.log()[-2000:]


def test_kills_while_a_removed_machine_begins_anew(world):
    """Wherever it is killed, it is back as one member, and the old one never again."""
    nodes = world.cluster(3, flags=FLAGS)
    (gone,), stay = split(world, nodes)
    nodes[0].put("/begin", "x")
    with writing(stay):
        for delay in (0.0, 0.01, 0.02, 0.04, 0.08):
            old = members(stay[0])[gone.name]
            delete(stay[0], gone.name)
            time.sleep(delay)
            gone.kill_all()
            gone.start(wait=False)
            wait_votes(gone, stay[0], old)
        assert len(members(stay[0])) == 3


# The leader goes on to tell a member that is removed of it for as long as an election takes; and
# who waits for the sync interval is not back before the test ends.
AWAY_FLAGS = ["-cluster-active-size", "4", "-cluster-sync-interval", "60", "-cluster-remove-delay", "1800",
              "-peer-election-timeout", "2000", "-peer-heartbeat-interval", "100"]


@pytest.mark.parametrize("trimmed,path", [(False, "/remove/"), (True, "/v2/admin/machines/")],
                         ids=["log", "snapshot"])
def test_a_machine_that_was_deleted_while_away_is_back_at_once(world, trimmed, path):
    """Whether the leader still tells it of its removal itself, or others do when it has forgotten it."""
    flags = AWAY_FLAGS + (["-snapshot", "-snapshot-count", "10"] if trimmed else [])
    nodes = world.cluster(3, flags=flags)
    nodes[0].put("/begin", "x")
    for whose in ("follower", "leader"):
        for pause in (0, 3):
            leader = world.leader_of(nodes)
            gone = leader if whose == "leader" else next(n for n in nodes if n is not leader)
            stay = [n for n in nodes if n is not gone]
            old = members(stay[0])[gone.name]
            gone.kill_all()
            world.leader_of(stay)
            for i in range(50 if trimmed else 0):
                assert stay[0].put("/k%d" % i, "x").status in (200, 201)
            answer = ask(stay[0].peer, "DELETE", path + gone.name)
            assert answer.status == 200, answer
            # Longer than the leader goes on, or not at all.
            time.sleep(pause * SLOW)
            gone.start(wait=False)
            wait_votes(gone, stay[0], old, timeout=3 * SLOW)
            assert "in_ms=60000" not in gone.log()


def test_a_raftd_that_alone_was_away_when_its_node_was_deleted_waits(world):
    nodes = world.cluster(3, flags=AWAY_FLAGS)
    (gone,), stay = split(world, nodes)
    gone.process.send_signal(signal.SIGSTOP)
    try:
        gone.kill("raftd")
        delete(stay[0], gone.name)
        wait_until(lambda: gone.name not in members(stay[0]), 5, "it to be removed")
    finally:
        gone.process.send_signal(signal.SIGCONT)
    wait_until(lambda: "as another member in_ms=60000" in gone.log(), 10, "it to hear of that")
    wait_stands_by(gone, stay[0])

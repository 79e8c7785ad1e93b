"""What cannot start says why, in one sentence, with the exit code of the table."""

import json
import os
import shutil
import socket
import subprocess

import pytest

from moothall import ETCD, ETCDCTL, ask, free_port, wait_until


def run(*flags, timeout=30, cwd=None, env=None):
    return subprocess.run([ETCD] + list(flags), capture_output=True, text=True, timeout=timeout, cwd=cwd, env=env)


def sentence(result):
    lines = [line for line in result.stderr.splitlines() if line.startswith("etcd: ")]
    assert lines, result.stderr
    return lines[0]


def addresses():
    return ["-addr", "127.0.0.1:%d" % free_port(), "-peer-addr", "127.0.0.1:%d" % free_port()]


def test_unknown_flag_names_the_nearest(world):
    result = run("-peer-adr", "127.0.0.1:7001")
    assert result.returncode == 2
    assert "did you mean -peer-addr?" in sentence(result)


def test_bad_values_name_the_option_the_value_and_what_is_allowed(world):
    for flags, words in [
            (["-addr", "127.0.0.1"], ["-addr", "127.0.0.1", "port"]),
            (["-snapshot-count", "-5"], ["-snapshot-count", "-5"]),
            (["-name", "a/b"], ["-name", "a/b"]),
            (["-peer-election-timeout", "100", "-peer-heartbeat-interval", "500"],
             ["-peer-election-timeout", "-peer-heartbeat-interval"]),
            (["word"], ["word"])]:
        result = run(*flags, cwd=world.folder)
        assert result.returncode == 2, (flags, result)
        for word in words:
            assert word in sentence(result), (flags, result.stderr)
    assert os.listdir(world.folder) == []


def test_port_in_use(world):
    node = world.node().start()
    result = run("-addr", node.client, "-peer-addr", "127.0.0.1:%d" % free_port(),
                 "-data-dir", os.path.join(world.folder, "other"), "-name", "other")
    assert result.returncode == 1
    assert "cannot listen on " + node.client in sentence(result) and "in use" in sentence(result)


def test_data_directory_in_use(world):
    node = world.node().start()
    result = run(*addresses(), "-data-dir", node.directory, "-name", "machine1")
    assert result.returncode == 4
    assert sentence(result).startswith("etcd: data directory %s is in use by process %d since "
                                       % (node.directory, node.process.pid)), result
    assert node.put("/a", "b").status == 201


def test_data_directory_of_another_name(world):
    node = world.node().start()
    node.stop()
    result = run(*addresses(), "-data-dir", node.directory, "-name", "other")
    assert result.returncode == 2
    way_on = 'but %s is of "machine1"; use that name or another -data-dir; or, if nothing in it is needed, ' \
        'empty it, and the node begins anew' % node.directory
    assert sentence(result) == 'etcd: -name: "other", ' + way_on
    # Where it was said is named, and the check of a start finds it before.
    result = run(*addresses(), "-data-dir", node.directory, "-check-config", env={"ETCD_NAME": "other"})
    assert result.returncode == 2
    assert sentence(result) == 'etcd: ETCD_NAME: "other", ' + way_on
    node.argv = lambda: [ETCD, "-addr", node.client, "-peer-addr", node.peer, "-data-dir", node.directory]
    node.start()
    assert node.status()["name"] == "machine1"


def everything_in(folder):
    """Names, modes, owners and contents, of the folder itself, too."""
    out = {}
    for path in [folder] + [os.path.join(d, n) for d, ds, fs in os.walk(folder) for n in ds + fs]:
        status = os.lstat(path)
        out[path] = (status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns)
    return out


@pytest.mark.parametrize("how", ["start", "check", "user", "restore", "force", "etcdctl restore"])
def test_a_directory_with_other_things_in_it_is_not_touched(world, how):
    directory = os.path.join(world.folder, "theirs")
    os.makedirs(os.path.join(directory, "mail"))
    for name in ("b", "c", "d", "lock", "FORMAT"):
        with open(os.path.join(directory, name), "w") as f:
            f.write("theirs\n")
    os.chmod(directory, 0o755)
    file = os.path.join(world.folder, "file.backup")
    if "restore" in how:
        node = world.node().start()
        assert node.control("backup", file).returncode == 0
    flags = {"check": ["-check-config"], "user": ["-user", "nobody"], "force": ["-force"],
             "restore": ["-restore", file]}.get(how, [])
    if how == "user" and os.geteuid() != 0:
        pytest.skip("needs root")
    before = everything_in(directory)
    if how == "etcdctl restore":
        result = subprocess.run([ETCDCTL, "restore", file, "--to", directory, "--name", "n"], capture_output=True,
                                text=True, timeout=30)
    else:
        result = run(*addresses(), "-data-dir", directory, "-name", "n", *flags)
    assert result.returncode == (1 if "ctl" in how else 2), result
    assert '%s%s holds "b", "c", "d" and 1 more: ' % (
        directory, "" if "ctl" in how else " (-data-dir)") in result.stderr, result
    assert everything_in(directory) == before


def test_a_new_data_directory_may_have_what_the_options_name_and_lost_and_found(world):
    node = world.node()
    os.makedirs(os.path.join(node.directory, "lost+found"))
    with open(os.path.join(node.directory, "etcd.conf"), "w") as f:
        f.write('[log]\nlevel = "info"\n')
    node.flags = ["-config", os.path.join(node.directory, "etcd.conf"),
                  "-pid-file", os.path.join(node.directory, "etcd.pid"),
                  "-log-output", os.path.join(node.directory, "logs/etcd.log")]
    os.mkdir(os.path.join(node.directory, "logs"))
    for _ in range(2):
        node.start()
        assert node.put("/a", "1").status in (200, 201)
        node.stop()
    # What is put there later is the operator's matter.
    with open(os.path.join(node.directory, "notes"), "w") as f:
        f.write("remember")
    node.start()


def test_the_control_socket_is_found_by_the_data_directory(world):
    node = world.node()
    run_dir = os.path.join(world.folder, "run of it")
    node.flags = ["-run-dir", run_dir]
    node.start()

    def control():
        return subprocess.run([ETCDCTL, "control", "-data-dir", node.directory, "status"], capture_output=True,
                              text=True, timeout=10)
    assert not os.path.exists(os.path.join(node.directory, "run"))
    assert control().stdout.startswith("machine1: ready"), control()
    # It moved, and an older text is gone.
    node.stop()
    node.flags = []
    node.start()
    shutil.rmtree(run_dir)
    assert control().stdout.startswith("machine1: ready"), control()


def test_data_directory_of_another_server(world):
    directory = os.path.join(world.folder, "go")
    os.makedirs(os.path.join(directory, "member", "wal"))
    result = run(*addresses(), "-data-dir", directory, "-name", "n")
    assert result.returncode == 3
    assert "another etcd" in sentence(result)
    assert sorted(os.listdir(directory))[-1] in ("member", "run", "lock")


def test_unreachable_peers_end_the_start(world):
    dead = ["127.0.0.1:%d" % free_port() for _ in range(2)]
    result = run(*addresses(), "-data-dir", os.path.join(world.folder, "j"), "-name", "j",
                 "-peers", ",".join(dead), "-max-retry-attempts", "2", "-retry-interval", "0.2")
    assert result.returncode == 1, result
    assert "fail joining the cluster via given peers after 2 retries" in result.stderr
    for address in dead:
        assert "j attempted to join via %s failed" % address in result.stderr


def test_peers_that_name_only_this_machine(world):
    flags = addresses()
    result = run(*flags, "-data-dir", os.path.join(world.folder, "j"), "-name", "j", "-peers", flags[3])
    assert result.returncode == 2
    assert sentence(result) == "etcd: -peers names only this machine"


def test_a_joining_node_says_so_to_its_clients(world):
    node = world.node(peers=["127.0.0.1:%d" % free_port()], flags=["-max-retry-attempts", "0"])
    node.start(wait=False)

    def answered():
        try:
            return node.get("/v2/keys/a")
        except OSError:
            return None
    answer = wait_until(answered, 10, "an answer")
    assert answer.status == 500
    assert (answer.json["errorCode"], answer.json["cause"]) == (300, "joining"), answer
    assert "ready in" not in node.log()


def test_who_may_not_join_is_told_what_is_in_the_way(world):
    """The guards on names and addresses, at the peer port."""
    nodes = world.cluster(2)
    one, two = (dict({"id": node.status()["id"], "name": node.name}, peerURL="http://" + node.peer,
                     clientURL="http://" + node.client, protocol={"min": 8, "max": 8}) for node in nodes)
    stranger = dict(two, id="abc", name="stranger", peerURL="http://127.0.0.1:%d" % free_port())
    for change, status, code, cause in [
            (two, 200, None, None),
            (dict(stranger, name="machine2"), 412, 105, "machine2 " + two["peerURL"]),
            (dict(stranger, id=two["id"]), 412, 105, "machine2"),
            (dict(stranger, peerURL=one["peerURL"]), 400, 109, one["peerURL"])]:
        answer = ask(nodes[0].peer, "PUT", "/join", json.dumps(change))
        assert answer.status == status, (change, answer)
        if code is not None:
            assert (answer.json["errorCode"], answer.json["cause"]) == (code, cause), (change, answer)
    assert ask(nodes[0].peer, "PUT", "/v2/admin/config", '{"activeSize":3}').status == 200
    third = world.node("machine3", peers=[nodes[0].peer]).start()
    answer = ask(nodes[0].peer, "PUT", "/join", json.dumps(stranger))
    assert (answer.status, answer.json["errorCode"], answer.json["cause"]) == (400, 103, "active size 3")
    assert sorted(member["name"] for member in third.status()["members"]) == [
        "machine1", "machine2", "machine3"]


def test_name_of_a_living_member_is_refused(world):
    nodes = world.cluster(2)
    result = run(*addresses(), "-data-dir", os.path.join(world.folder, "double"), "-name", "machine2",
                 "-peers", nodes[0].peer, "-max-retry-attempts", "1", "-retry-interval", "0.1")
    assert result.returncode == 2, result
    assert "Key already exists: machine2 http://%s" % nodes[1].peer in result.stderr, result
    assert nodes[1].put("/a", "b").status == 201


def test_peer_of_another_cluster_changes_nothing(world):
    one, other = world.node("one").start(), world.node("other").start()
    assert one.put("/a", "one").status == 201
    headers = {"Connection": "Upgrade", "Upgrade": "moothall-raft", "X-Raft-Cluster": other.status()["clusterId"],
               "X-Raft-From": other.status()["id"], "X-Raft-To": one.status()["id"], "X-Raft-Name": "other",
               "X-Raft-Protocol": "8-8", "X-Raft-Timing": "50-200"}
    answer = ask(one.peer, "GET", "/raft/stream", headers=headers)
    assert answer.status == 412
    assert one.status()["clusterId"] in answer.body.decode() and other.status()["clusterId"] in answer.body.decode()
    assert one.value("/a") == "one"


def test_four_spellings_and_the_environment(world):
    for spelling in (["-name", "n"], ["-name=n"], ["--name", "n"], ["--name=n"]):
        node = world.node("n" + str(len(world.nodes)))
        node.argv = lambda n=node, s=spelling: [ETCD, "-addr", n.client, "-peer-addr=" + n.peer,
                                                "--data-dir", n.directory] + s
        node.start()
        assert node.get("/v2/stats/self").json["name"] == "n"
        node.stop()


def test_first_start_says_where_and_what_to_try(world):
    node = world.node("fresh").start()
    line = wait_until(lambda: [l for l in node.log().splitlines() if "ready in" in l], 5, "the ready line")[0]
    assert "curl http://%s/v2/keys/" % node.client in line


def test_changed_addresses_are_registered(world):
    nodes = world.cluster(3)
    moved = nodes[2]
    moved.stop()
    old = moved.client
    moved.client, moved.peer = "127.0.0.1:%d" % free_port(), "127.0.0.1:%d" % free_port()
    moved.start()
    value = "raft=http://%s&etcd=http://%s" % (moved.peer, moved.client)
    entry = wait_until(lambda: next((n for n in nodes[0].get("/v2/keys/_etcd/machines").json["node"]["nodes"]
                                     if n["value"] == value), None), 10, "the new addresses")
    assert entry["createdIndex"] == 3 and entry["modifiedIndex"] > 3
    assert old not in nodes[0].get("/v2/machines").body.decode()


def test_a_wiped_machine_replaces_its_dead_self(world):
    nodes = world.cluster(3)
    wiped = nodes[2]
    wiped.kill_all()
    import shutil
    shutil.rmtree(wiped.directory)
    wiped.start(timeout=20)
    world.wait_voters(nodes)
    entry = nodes[0].get("/v2/keys/_etcd/machines/machine3").json["node"]
    assert entry["createdIndex"] == 3 and entry["modifiedIndex"] > 3
    assert wiped.put("/a", "b").status == 201


def test_a_busy_socket_of_ours_is_told_apart(world):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        address = "127.0.0.1:%d" % busy.getsockname()[1]
        result = run("-addr", "127.0.0.1:%d" % free_port(), "-peer-addr", address,
                     "-data-dir", os.path.join(world.folder, "p"), "-name", "p")
    assert result.returncode == 1
    assert "(-peer-addr)" in sentence(result) and "pid %d" % os.getpid() in sentence(result)

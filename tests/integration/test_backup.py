"""Backups, what is made of them, and a majority lost for good; files read here by docs/formats.md."""

import hashlib
import http.client
import json
import os
import shutil
import socket
import struct
import subprocess
import threading

import pytest

from certificates import Authority
from moothall import ETCD, ETCDCTL, SLOW, WITH_V3, Writers, ask, held_bytes, sanitized, wait_until
from wire import Wire

TABLE = []
for number in range(256):
    for _ in range(8):
        number = (number >> 1) ^ (0x82F63B78 if number & 1 else 0)
    TABLE.append(number)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def take_bytes(data, at):
    size, = struct.unpack_from("<I", data, at)
    return data[at + 4:at + 4 + size], at + 4 + size


def with_paths(records):
    """(path, value) of the nodes among (key, value), which are in order."""
    paths = {(0, 0): ""}
    for key, value in records:
        if key[:1] == b"k":
            parent = struct.unpack_from(">QH", key, 1)
            path = "%s/%s" % (paths[parent], key[11:].decode())
            paths[struct.unpack_from("<Q", value, 2)[0], parent[1] + 1] = path
            yield path, value


class Backup:
    """A backup file, read and checked by its documentation."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        assert data[:12] == b"MOOTBACK" + struct.pack("<I", 6)
        at, kinds, self.records, self.places = 12, [], {}, []
        while at < len(data):
            size, kind, checksum = struct.unpack_from("<IBI", data, at)
            content = data[at + 9:at + 9 + size]
            assert len(content) == size and crc32c(content + data[at:at + 5]) == checksum
            if kind == 1:
                name, end = take_bytes(content, 16)
                self.name = name.decode()
                self.raft_index, self.raft_term = struct.unpack_from("<QQ", content, end)
            elif kind == 2:
                place = 0
                while place < size:
                    key, place = take_bytes(content, place)
                    value, place = take_bytes(content, place)
                    assert value and key not in self.records
                    self.records[key] = value
            else:
                blocks, self.store_index = struct.unpack_from("<QQ", content)
                assert blocks == kinds.count(2)
                assert take_bytes(content, 16)[0] == hashlib.sha256(data[:at]).digest()
            kinds.append(kind)
            self.places.append(at)
            at += 9 + size
        assert kinds[0] == 1 and kinds[-1] == 3 and set(kinds[1:-1]) <= {2}
        assert struct.unpack_from("<Q", self.records[b"m"], 1)[0] == self.store_index

    def nodes(self):
        """path -> (value, created, modified)"""
        out = {}
        for path, value in with_paths(sorted(self.records.items())):
            created, modified = struct.unpack_from("<QQ", value, 2)
            # A directory's has the last event below in that place, and no value.
            out[path] = (b"", created, created) if value[0] == 2 else (take_bytes(value, 26)[0], created, modified)
        return out

    def value(self, path):
        return self.nodes()[path][0].decode()


def etcdctl(*words, code=0, timeout=60, **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("ETCD") and "proxy" not in k.lower()}
    run = subprocess.run([ETCDCTL] + list(words), capture_output=True, text=True, env=env,
                         stdin=subprocess.DEVNULL, timeout=timeout * SLOW, **more)
    assert run.returncode == code, run
    return run


def backup_of(node, file, *words, **more):
    return etcdctl("backup", "--peer-url", node.peer, *words, file, **more)


def path(world, name):
    return os.path.join(world.folder, name)


def tree(node):
    """Everything, hidden names too, but for what changes by itself."""
    def clean(entry):
        entry.pop("ttl", None)
        for child in entry.get("nodes", []):
            clean(child)
        return entry
    return {key: clean(node.get("/v2/keys%s?recursive=true&sorted=true" % key).json["node"])
            for key in ("/", "/_hidden")}


def fill(node):
    """Some of everything; returns an index in the middle of it."""
    for i in range(30):
        assert node.put("/dir/%d" % i, "value %d" % i).status == 201
    index = node.put("/dir/7", "changed").json["node"]["modifiedIndex"]
    assert node.put("/_hidden/key", "not shown").status == 201
    assert node.put("/text", "\u00e9\u20ac <&>\n").status == 201
    assert node.put("/empty", "").status == 201
    assert node.put("/big", "x" * 1000000).status == 201
    assert node.put("/lease", "kept", ttl=1000).status == 201
    assert node.delete("/dir/8").status == 200
    assert ask(node.client, "PUT", "/v2/keys/made", {"dir": "true"}).status == 201
    assert ask(node.client, "POST", "/v2/keys/queue", {"value": "first"}).status == 201
    return index


def restored(world, name, file, flags=(), **more):
    return world.node(name, flags=["-restore", file] + list(flags), **more)


def again_without_restore(node):
    """Stopped, and started as it will be from now on."""
    assert node.stop() == 0
    node.flags = [flag for i, flag in enumerate(node.flags)
                  if flag != "-restore" and (i == 0 or node.flags[i - 1] != "-restore")]
    return node.start()


# ---- backups


def test_a_backup_under_load_is_of_one_index(world):
    """Two keys written one after the other, again and again: never the second before the first."""
    nodes = world.cluster(3)
    leader = world.leader_of(nodes)
    followers = [node for node in nodes if node is not leader]
    stopping, written = threading.Event(), [0]

    def write():
        while not stopping.is_set():
            number = written[0] + 1
            assert leader.put("/first", "%d" % number).status in (200, 201)
            written[0] = number
            assert leader.put("/second", "%d" % number).status in (200, 201)
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        with Writers([node.client for node in nodes], threads=3) as writers:
            for round, node in enumerate([leader] + followers):
                writers.wait_more(30)
                wait_until(lambda: written[0] > 3 * round, 20, "pairs")
                known = written[0] if node is leader else int(node.value("/first", quorum=True))
                done = dict(writers.done)
                file = path(world, "backup-%d" % round)
                if round == 2:
                    assert node.control("backup", file).returncode == 0
                else:
                    backup_of(node, file)
                assert os.stat(file).st_mode & 0o777 == 0o600
                backup = Backup(file)
                assert backup.name == node.name
                first, second = int(backup.value("/first")), int(backup.value("/second"))
                assert first - 1 <= second <= first
                assert first >= known, "what was answered before is missing"
                entries = backup.nodes()
                assert all(modified <= backup.store_index for _, _, modified in entries.values())
                # What the node itself had answered before is there, with its index.
                for key, (_, index) in list(done.items()):
                    if node is leader:
                        assert entries[key][1] == index, key
                # No change is missing below the youngest: one index, whole.
                youngest = max(modified for _, _, modified in entries.values())
                assert youngest == backup.store_index
    finally:
        stopping.set()
        writer.join(30 * SLOW)


def test_a_restore_gives_the_same_tree_with_the_same_indexes(world):
    node = world.node().start()
    middle = fill(node)
    assert node.put("/short", "gone when it is restored", ttl=1).status == 201
    before, file = tree(node), path(world, "file")
    past = node.get("/v2/keys/dir/7?wait=true&waitIndex=%d" % middle).json
    last = int(node.get("/v2/keys/").headers["X-Etcd-Index"])
    assert "store index %d" % last in backup_of(node, file).stdout
    told = json.loads(etcdctl("-o", "json", "backup", "--check", file).stdout)
    assert told["storeIndex"] == last and told["bytes"] == os.path.getsize(file)
    expired = node.get("/v2/keys/short?wait=true&waitIndex=%d" % (last + 1), timeout=20).json
    assert expired["action"] == "expire"
    node.kill_all()

    fresh = restored(world, "other", file).start()
    assert "restored %s" % file in fresh.log()
    # The members changed: machine1 went, other came. The short key is past its time.
    wait_until(lambda: fresh.get("/v2/keys/short").status == 404, 10, "the expiry")
    del before["/"]["nodes"][[n["key"] for n in before["/"]["nodes"]].index("/short")]
    assert tree(fresh) == before
    assert fresh.get("/v2/keys/dir/7?wait=true&waitIndex=%d" % middle).json == past
    assert int(fresh.get("/v2/keys/").headers["X-Etcd-Index"]) == last + 3
    event = fresh.get("/v2/keys/short?wait=true&waitIndex=%d" % (last + 1)).json
    assert event["action"] == "expire" and event["node"]["modifiedIndex"] == last + 3
    assert fresh.put("/new", "x").json["node"]["modifiedIndex"] == last + 4
    members = fresh.get("/v2/keys/_etcd/machines").json["node"]["nodes"]
    assert [member["key"] for member in members] == ["/_etcd/machines/other"]
    assert fresh.status()["clusterId"] != ""

    # Another joins it empty, and has it all.
    joined = world.node("joined", peers=[fresh.peer]).start()
    world.wait_voters([fresh, joined])
    wait_until(lambda: joined.get("/v2/keys/new").status == 200, 10, "the new node to have it")
    assert tree(joined) == tree(fresh)
    again_without_restore(fresh)
    assert tree(joined) == tree(fresh)


def test_a_backup_of_version_5_is_restored(world):
    """It has users of v3 and no alarms: there are none, and they may be raised."""
    file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "backup-version-5")
    fresh = restored(world, "new", file).start()
    assert [fresh.value("/d/%d" % i) for i in (0, 1, 2, 4)] == ["v0", "v1", "v2", "v4"]
    if not WITH_V3:
        return

    def v3(path, message):
        answer = ask(fresh.client, "POST", "/v3/" + path, json.dumps(message))
        assert answer.status == 200, answer
        return answer.json
    assert [kv["value"] for kv in v3("kv/range", {"key": "YQ==", "range_end": "Yw=="})["kvs"]] == ["Mw==", "Mg=="]
    assert v3("auth/user/list", {})["users"] == ["u"]
    assert "alarms" not in v3("maintenance/alarm", {})
    raised = {"action": "ACTIVATE", "memberID": "7", "alarm": "NOSPACE"}
    assert v3("maintenance/alarm", raised)["alarms"] == [{"memberID": "7", "alarm": "NOSPACE"}]


def test_a_backup_of_version_4_is_restored(world):
    """It has no users of the v3 API: there are none, and they may be made."""
    file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "backup-version-4")
    fresh = restored(world, "new", file).start()
    assert [fresh.value("/d/%d" % i) for i in (0, 1, 2, 4)] == ["v0", "v1", "v2", "v4"]
    if not WITH_V3:
        return

    def v3(path, message):
        answer = ask(fresh.client, "POST", "/v3/" + path, json.dumps(message))
        assert answer.status == 200, answer
        return answer.json
    shown = v3("kv/range", {"key": "YQ==", "range_end": "Yw=="})
    assert [(kv["key"], kv["value"], kv["mod_revision"]) for kv in shown["kvs"]] == [("YQ==", "Mw==", "4"), ("Yg==", "Mg==", "3")]
    assert v3("lease/timetolive", {"ID": "7", "keys": True})["keys"] == ["YQ=="]
    status = v3("auth/status", {})
    assert "enabled" not in status and status["authRevision"] == "1"
    v3("auth/user/add", {"name": "u", "password": "pw"})
    assert v3("auth/user/list", {})["users"] == ["u"]


def test_a_backup_of_version_3_is_restored(world):
    """It has no v3 keys: they begin where those of a new node do."""
    file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "backup-version-3")
    fresh = restored(world, "new", file).start()
    assert [fresh.value("/d/%d" % i) for i in (0, 1, 2, 4)] == ["v0", "v1", "v2", "v4"]
    assert fresh.get("/v2/keys/d/3").status == 404
    assert fresh.get("/v2/keys/t").json["node"]["ttl"] > 100000000
    if not WITH_V3:
        return
    answer = ask(fresh.client, "POST", "/v3/kv/put", '{"key":"YQ=="}')
    assert answer.status == 200 and answer.json["header"]["revision"] == "2"


def test_a_backup_of_version_2_is_restored(world):
    """Of directories it does not say what was removed from them: so much is not taken for known."""
    file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "backup-version-2")
    fresh = restored(world, "new", file).start()
    assert [fresh.value("/d/%d" % i) for i in (0, 1, 2, 4)] == ["v0", "v1", "v2", "v4"]
    assert fresh.get("/v2/keys/d/3").status == 404
    assert fresh.get("/v2/keys/t").json["node"]["modifiedIndex"] == 10
    assert fresh.get("/v2/keys/d/3?wait=true&waitIndex=9").json["action"] == "delete"

    # The leader proposes from where on all know of removals: see stored_bounds.
    def agreed():
        backup_of(fresh, path(world, "again"))
        bounds = Backup(path(world, "again")).records[b"m"]
        index, first, last, known, said = struct.unpack("<QQQQB", bounds[1:])
        assert bounds[0] == 3 and first == 1 and last <= index and known >= 10
        return said == 1
    wait_until(agreed, 10, "what is known to be agreed on")
    changed = ask(fresh.peer, "PUT", "/v2/admin/config", '{"historyEvents":100}')
    assert changed.status == 200
    for i in range(120):
        assert fresh.put("/loud", i).status in (200, 201)
    for key in ("/d?recursive=true&", "/d/3?"):
        answer = fresh.get("/v2/keys%swait=true&waitIndex=10" % key)
        assert answer.status == 400 and answer.json["errorCode"] == 401
    with Wire(fresh.client) as wire:
        wire.watch("/d/4", "&waitIndex=9")
        changed = fresh.put("/d/4", "w")
        assert wire.event()["node"]["modifiedIndex"] == changed.json["node"]["modifiedIndex"]


def test_a_backup_of_version_1_is_restored(world):
    """With nodes by their paths."""
    file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "backup-version-1")
    fresh = restored(world, "new", file).start()
    assert fresh.value("/d/b/c") == "v-d/b/c"
    assert fresh.value("/d/!x") == "v-d/!x"
    deep = fresh.get("/v2/keys/q/w/e/r/t/z").json["node"]
    assert (deep["value"], deep["createdIndex"]) == ("v-q/w/e/r/t/z", 5)
    assert fresh.get("/v2/keys/d/b/ttl").json["node"]["ttl"] > 10000
    assert fresh.get("/v2/keys/a").status == 404
    past = fresh.get("/v2/keys/d?recursive=true&wait=true&waitIndex=3")
    assert past.json["node"]["key"] == "/d/b/c"
    again = path(world, "again")
    backup_of(fresh, again)
    assert set(Backup(again).nodes()) >= {"/d", "/d/b", "/d/b/c", "/d/!x", "/q/dir"}


def test_a_restored_cluster_is_another_one(world):
    """A member of the old cluster that is still there can do nothing to it."""
    old = world.cluster(3)
    file = path(world, "file")
    backup_of(old[1], file)
    addresses = old[2].client, old[2].peer
    old[2].kill_all()
    cluster = old[0].status()["clusterId"]
    fresh = restored(world, "machine3-again", file, client=addresses[0], peer=addresses[1]).start()
    assert fresh.status()["clusterId"] != cluster
    assert fresh.put("/only-new", "x").status == 201
    assert old[0].put("/only-old", "x").status == 201
    wait_until(lambda: "stream refused: name=machine" in fresh.log(), 10, "the old ones to be refused")
    assert fresh.get("/v2/keys/only-old").status == 404
    assert old[0].get("/v2/keys/only-new").status == 404
    assert [m["name"] for m in fresh.status()["members"]] == ["machine3-again"]


def start_refused(world, directory, file, code, *flags):
    run = subprocess.run([ETCD, "-name", "n", "-data-dir", directory, "-addr", "127.0.0.1:0",
                          "-peer-addr", "127.0.0.1:0", "-port-file", path(world, "ports"),
                          "-restore", file] + list(flags), stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=30 * SLOW)
    assert run.returncode == code, run
    return run.stderr


def test_what_is_damaged_cut_or_foreign_is_refused(world):
    node = world.node().start()
    fill(node)
    file, bad = path(world, "file"), path(world, "bad")
    backup_of(node, file)
    with open(file, "rb") as good:
        data = good.read()
    places = Backup(file).places

    def refused(changed, *words):
        with open(bad, "wb") as out:
            out.write(changed)
        said = etcdctl("backup", "--check", bad, code=6).stderr
        assert said.startswith("etcdctl: %s " % bad) and said.count("\n") == 1, said
        for word in words:
            assert word in said, said
        return said
    # A byte of each block: in its size, its kind, its checksum, its content.
    for place in places:
        for offset in (0, 4, 6, 9, 30):
            changed = bytearray(data)
            changed[place + offset] ^= 0x10
            said = refused(changed)
            assert "byte %d" % place in said, said
    for size in (0, 7, 11, 12, places[1] + 4, places[-1], len(data) - 1):
        refused(data[:size], "is incomplete: it ends at byte %d" % size)
    refused(data + b"\n", "something follows the end")
    refused(data[:8] + b"\x07" + data[9:], "version 7, this program reads 1 to 6")
    refused(b'{"action":"get"}', "is no backup file")

    # The same by who makes a directory of it, which nobody takes for one of a node then.
    directory, made = path(world, "new"), path(world, "made")
    changed = bytearray(data)
    changed[places[1] + 20] ^= 1
    with open(bad, "wb") as out:
        out.write(changed)
    said = start_refused(world, directory, bad, 3)
    assert "etcd: %s is damaged at byte %d" % (bad, places[1]) in said
    assert not os.path.exists(os.path.join(directory, "FORMAT"))
    assert "is damaged" in etcdctl("restore", bad, "--to", made, "--name", "n", code=6).stderr
    assert not os.path.exists(made)
    # And where a node has its data already, or what is none of ours.
    node.stop()
    assert "holds data already (FORMAT)" in start_refused(world, node.directory, file, 2, "-name", node.name)
    assert "-peers" in start_refused(world, directory, file, 2, "-peers", "127.0.0.1:1")
    assert "cannot read" in start_refused(world, directory, path(world, "nothing"), 2)
    assert "is not a file" in start_refused(world, directory, world.folder, 2)


def test_a_restore_that_ended_early_is_not_started_and_can_be_done_again(world):
    node = world.node().start()
    fill(node)
    file, directory = path(world, "file"), path(world, "new")
    backup_of(node, file)
    etcdctl("restore", file, "--to", directory, "--name", "fresh")
    # As it was before the last step.
    with open(os.path.join(directory, "UNFINISHED"), "w"):
        pass
    fresh = world.node("fresh")
    os.rename(directory, fresh.directory)
    fresh.start(wait=False)
    assert fresh.process.wait(30 * SLOW) == 3
    assert "a restore into it ended early" in fresh.log()
    fresh.flags = ["-restore", file]
    fresh.start()
    assert tree(fresh) == tree(node)
    assert not os.path.exists(os.path.join(fresh.directory, "UNFINISHED"))


class Throttle:
    """A way to a port that lets so many bytes of the answer through, and then waits for `go`."""

    def __init__(self, address, most):
        host, port = address.rsplit(":", 1)
        self.target, self.most, self.passed = (host, int(port)), most, 0
        self.go = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        client, _ = self.listener.accept()
        with client, socket.create_connection(self.target) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            server.sendall(client.recv(65536))
            while True:
                if self.passed >= self.most:
                    self.go.wait(60 * SLOW)
                try:
                    data = server.recv(65536)
                    client.sendall(data)
                except OSError:
                    return
                if not data:
                    return
                self.passed += len(data)

    def close(self):
        self.go.set()
        self.thread.join(30 * SLOW)
        self.listener.close()


@pytest.mark.parametrize("dies", ["raftd", "node"])
def test_a_backup_that_is_cut_is_no_file(world, dies):
    node = world.node().start()
    for i in range(24):
        assert node.put("/big/%d" % i, "x" * 1000000).status == 201
    file, way = path(world, "file"), Throttle(node.peer, 1000000)
    with open(file, "w") as old:
        old.write("an older one")
    run = subprocess.Popen([ETCDCTL, "backup", "--peer-url", way.address, file], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    wait_until(lambda: way.passed >= way.most, 20, "a part of the backup")
    assert any(name.startswith("file.part") for name in os.listdir(world.folder))
    if dies == "raftd":
        node.kill("raftd")
    else:
        node.kill_all()
    way.go.set()
    _, said = run.communicate(timeout=30 * SLOW)
    way.close()
    assert run.returncode == 6, said
    assert "is incomplete" in said and "%s was not written" % file in said
    assert not [name for name in os.listdir(world.folder) if name.startswith("file.part")]
    with open(file) as old:
        assert old.read() == "an older one"
    if dies == "raftd":
        node.wait_ready()
        wait_until(lambda: backup_works(node, file), 10, "the next backup")
        assert len([key for key in names_in(file) if key.startswith("/big/")]) == 24


def backup_works(node, file):
    run = subprocess.run([ETCDCTL, "backup", "--peer-url", node.peer, file], capture_output=True,
                         stdin=subprocess.DEVNULL)
    return run.returncode == 0


def names_in(file):
    """Paths only: checksums of megabytes take Python long."""
    etcdctl("backup", "--check", file)
    with open(file, "rb") as data:
        content = data.read()
    at, records = 12, []
    while at < len(content):
        size, kind, _ = struct.unpack_from("<IBI", content, at)
        place, end = at + 9, at + 9 + size
        while kind == 2 and place < end:
            key, place = take_bytes(content, place)
            value, place = take_bytes(content, place)
            records.append((key, value))
        at = end
    return [name for name, _ in with_paths(records)]


def test_who_does_not_read_holds_neither_memory_nor_writes(world):
    node = world.node(flags=["-snapshot-count", "20"]).start()
    for i in range(24):
        assert node.put("/big/%d" % i, "x" * 1000000).status == 201
    pids = [node.pid_of("raftd"), node.pid_of("peer")]
    before = [held_bytes(pid) for pid in pids]
    host, port = node.peer.split(":")
    idle = []
    for _ in range(2):
        connection = http.client.HTTPConnection(host, int(port), timeout=20 * SLOW)
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.request("GET", "/v2/admin/backup")
        answer = connection.getresponse()
        assert answer.status == 200 and int(answer.headers["X-Raft-Index"]) > 24
        idle.append((connection, answer))
    # Two are enough for a node; a question about it is none.
    third = ask(node.peer, "GET", "/v2/admin/backup")
    assert third.status == 503 and b"try again later" in third.body
    assert ask(node.peer, "HEAD", "/v2/admin/backup").status == 200
    for i in range(100):
        assert node.put("/small/%d" % i, "y").status == 201
    after = [held_bytes(pid) for pid in pids]
    for was, now in zip(before, after):
        assert sanitized() or now - was < 16 << 20, (before, after)
    connection, answer = idle.pop()
    assert len(answer.read()) > 24000000
    connection.close()
    idle.pop()[0].close()
    wait_until(lambda: "backup given up, it is not wanted any more" in node.log(), 10, "the other to be let go")
    backup_of(node, path(world, "file"))


def test_a_backup_is_for_who_may_speak_to_peers(world):
    authority = Authority(world.folder)
    pair = authority.issue("machine")
    context = authority.context(pair)
    node = world.node(flags=pair.flags("peer-", authority), peer_tls=context).start()
    assert node.put("/secret", "x").status == 201
    file, url = path(world, "file"), "https://" + node.peer
    ca = ["--ca-file", authority.certificate]
    etcdctl("backup", "--peer-url", url, *ca, file, code=2)
    assert not os.path.exists(file)
    etcdctl("backup", "--peer-url", url, *ca, "--cert-file", pair.certificate, "--key-file", pair.key, file)
    assert Backup(file).value("/secret") == "x"
    # Whoever may use the control socket needs none.
    assert node.control("backup", path(world, "other")).returncode == 0
    assert Backup(path(world, "other")).value("/secret") == "x"
    assert node.get("/v2/admin/backup").status == 403
    assert "make it at the peer port" in etcdctl("backup", "--peer-url", node.client, file + "2", code=4).stderr


# ---- a majority lost for good


def digest(directory):
    """Every file below it with its bytes."""
    out = {}
    for place, _, names in os.walk(directory):
        for name in names:
            full = os.path.join(place, name)
            if os.path.isfile(full):
                with open(full, "rb") as file:
                    out[full] = hashlib.sha256(file.read()).digest()
    return out


def test_what_one_of_three_has_becomes_a_new_cluster(world):
    nodes = world.cluster(3)
    fill(nodes[0])
    last = int(nodes[0].get("/v2/keys/?quorum=true").headers["X-Etcd-Index"])
    wait_until(lambda: all(node.status()["storeIndex"] == last for node in nodes), 10, "all to have it")
    before, left, new = tree(nodes[0]), nodes[2], path(world, "recovered")
    said = etcdctl("recover", left.directory, code=1).stderr
    assert "is in use by process %d" % left.process.pid in said
    for node in nodes:
        node.kill_all()
    shutil.rmtree(nodes[0].directory)
    shutil.rmtree(nodes[1].directory)
    kept = digest(left.directory)

    shown = json.loads(etcdctl("-o", "json", "recover", left.directory).stdout)
    assert shown["fullest"] and shown["node"] == "machine3" and shown["storeIndex"] == last
    shown = etcdctl("recover", left.directory).stdout
    assert "machine3" in shown and "fullest" in shown and "acknowledged by machine1, machine2." in shown
    assert "--yes" in etcdctl("recover", left.directory, "--to", new, code=1).stderr
    assert not os.path.exists(new)
    new = os.path.join(new, "with", "parents")
    said = etcdctl("recover", left.directory, "--to", new, "--yes").stdout
    # Word for word: without its addresses it would move to the defaults.
    assert "etcd -name machine3 -data-dir %s -addr %s -peer-addr %s\n" % (new, left.client, left.peer) in said
    assert "\nIf it is a service, put %s in the place of %s, and start the service.\n" % (new, left.directory) in said
    assert digest(left.directory) == kept, "the source was changed"
    assert "holds data already" in etcdctl("recover", left.directory, "--to", new, "--yes", code=1).stderr

    node = world.node("recovered", client=left.client, peer=left.peer)
    node.name, node.directory = "machine3", new
    node.start()
    assert tree(node) == before
    assert [m["name"] for m in node.status()["members"]] == ["machine3"]
    index = int(node.get("/v2/keys/").headers["X-Etcd-Index"])
    assert index > last
    assert node.put("/new", "x").json["node"]["modifiedIndex"] == index + 1
    others = [world.node("other%d" % i, peers=[node.peer]).start() for i in range(2)]
    world.wait_voters([node] + others)
    for other in others:
        wait_until(lambda: other.get("/v2/keys/new").status == 200, 10, "the others to have it")
        assert tree(other) == tree(node)


def test_the_fullest_of_what_is_left_is_taken(world):
    nodes = world.cluster(3)
    leader = world.leader_of(nodes)
    early, late = [node for node in nodes if node is not leader]
    assert leader.put("/early", "x").status == 201
    wait_until(lambda: early.get("/v2/keys/early").status == 200, 10, "all to have it")
    early.kill_all()
    for i in range(20):
        assert leader.put("/late", "%d" % i).status in (200, 201)
    leader.kill_all()
    late.kill_all()
    new = path(world, "new")
    shown = etcdctl("recover", early.directory, late.directory, path(world, "nothing"), "--to", new,
                    "--yes")
    rows = {line.split()[0]: line for line in shown.stdout.splitlines() if line.startswith("/")}
    assert rows[late.directory].endswith("fullest") and not rows[early.directory].endswith("fullest")
    assert "cannot be used" in rows[path(world, "nothing")]
    assert "A majority is here, 2 of 3: nothing is lost" in shown.stdout
    node = world.node("new", client=late.client, peer=late.peer)
    node.name = late.name
    node.start()
    assert node.value("/late") == "19"
    # Directories of two clusters are not of one.
    said = etcdctl("backup", "--peer-url", node.peer, path(world, "file"))
    etcdctl("restore", path(world, "file"), "--to", path(world, "stranger"), "--name", "s")
    said = etcdctl("recover", early.directory, path(world, "stranger"), code=1).stderr
    assert "give directories of one cluster" in said


def test_a_directory_is_made_for_no_name_that_a_start_refuses(world):
    node = world.node().start()
    file, new = path(world, "keys"), path(world, "new")
    etcdctl("backup", "--peer-url", node.peer, file)
    node.kill_all()
    for name in ("a/b", "", "_a", ".a", "a b", "n" * 256):
        start = subprocess.run([ETCD, "-name", name, "-data-dir", new], capture_output=True, text=True, timeout=60)
        assert start.returncode == 2
        for command in (["restore", file], ["recover", node.directory, "--yes"]):
            said = etcdctl(*command, "--to", new, "--name", name, code=1).stderr
            # In the same words.
            assert said.replace("etcdctl: --name: ", "") == start.stderr.splitlines(True)[0].replace("etcd: -name: ", "")
        assert not os.path.exists(new)


def test_a_damaged_directory_is_not_recovered(world):
    node = world.node().start()
    fill(node)
    node.kill_all()
    database = os.path.join(node.directory, "db")
    log = max((os.path.join(database, name) for name in os.listdir(database) if name.endswith(".log")),
              key=os.path.getsize)
    with open(log, "r+b") as file:
        file.seek(os.path.getsize(log) // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    said = etcdctl("recover", node.directory, code=6).stderr
    assert node.directory in said and "none of these directories can be used" in said

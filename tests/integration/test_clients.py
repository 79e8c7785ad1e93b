"""Clients as people have them: Debian's etcdctl in its v2 mode, and the calls of
the old libraries with their ways to put parameters."""

import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.parse
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    try:
        import etcd
    except ImportError:
        etcd = None

from moothall import SLOW, ask, wait_until
from wire import FORM, Crowd, Wire, watchers

ETCDCTL = "/usr/bin/etcdctl"


def is_of_the_other_etcd():
    """Ours can be installed under that name, too."""
    if not os.path.exists(ETCDCTL):
        return False
    run = subprocess.run([ETCDCTL, "--version"], env=dict(os.environ, ETCDCTL_API="2"), capture_output=True, text=True,
                         timeout=60)
    return "API version" in run.stdout


# ---- etcdctl

class Etcdctl:
    def __init__(self, nodes, sync=True):
        self.argv = [ETCDCTL, "--endpoints", ",".join("http://" + node.client for node in nodes)]
        self.argv += [] if sync else ["--no-sync"]
        self.env = dict(os.environ, ETCDCTL_API="2")

    def __call__(self, *command):
        run = subprocess.run(self.argv + list(command), env=self.env, capture_output=True, text=True, timeout=60 * SLOW)
        return run.returncode, run.stdout, run.stderr.strip()

    def start(self, *command):
        return subprocess.Popen(self.argv + list(command), env=self.env, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, start_new_session=True)


# Commands in their order, what they print, and how the error begins.
STORY = [
    (["set", "/c/key", "v"], "v\n", ""),
    (["get", "/c/key"], "v\n", ""),
    (["get", "--quorum", "/c/key"], "v\n", ""),
    (["set", "/c/key", "w", "--swap-with-value", "v"], "w\n", ""),
    (["set", "/c/key", "x", "--swap-with-value", "v"], "", "Error:  101: Compare failed ([v != w]) ["),
    (["set", "/c/key", "x", "--swap-with-index", "1"], "", "Error:  101: Compare failed ([1 != "),
    (["mk", "/c/key", "y"], "", "Error:  105: Key already exists (/c/key) ["),
    (["mk", "/c/made", "y"], "y\n", ""),
    (["update", "/c/key", "u"], "u\n", ""),
    (["update", "/c/missing", "u"], "", "Error:  100: Key not found (/c/missing) ["),
    (["mkdir", "/c/dir"], "", ""),
    (["mkdir", "/c/dir"], "", "Error:  105: Key already exists (/c/dir) ["),
    (["mkdir", "/c/timed", "--ttl", "500"], "", ""),
    (["setdir", "/c/set"], "", ""),
    (["updatedir", "/c/set", "--ttl", "400"], "", ""),
    (["mk", "/c/set/_hidden", "h"], "h\n", ""),
    (["ls", "/c"], "/c/dir\n/c/key\n/c/made\n/c/set\n/c/timed\n", ""),
    (["ls", "-p", "--sort", "/c"], "/c/dir/\n/c/key\n/c/made\n/c/set/\n/c/timed/\n", ""),
    (["set", "/c/dir/a b+c%d", "odd name"], "odd name\n", ""),
    (["get", "/c/dir/a b+c%d"], "odd name\n", ""),
    (["ls", "-r", "--sort", "/c/dir"], "/c/dir/a b+c%d\n", ""),
    (["ls", "-q", "/c/dir"], "/c/dir/a b+c%d\n", ""),
    (["ls", "/c/none"], "", "Error:  100: Key not found (/c/none) ["),
    (["get", "/c/dir"], "", "/c/dir: is a directory"),
    (["rmdir", "/c/dir"], "", "Error:  108: Directory not empty (/c/dir) ["),
    (["rm", "/c/dir"], "", "Error:  102: Not a file (/c/dir) ["),
    (["rm", "--dir", "/c/timed"], "", ""),
    (["rm", "-r", "/c/dir"], "", ""),
    (["rm", "/c/made"], "PrevNode.Value: y\n", ""),
    (["rm", "/c/made"], "", "Error:  100: Key not found (/c/made) ["),
    (["rm", "/c/key", "--with-value", "no"], "", "Error:  101: Compare failed ([no != u]) ["),
    (["rm", "/c/key", "--with-value", "u"], "\n", ""),
    (["rm", "-r", "/c"], "", ""),
    (["ls", "/"], "", ""),
]


def settled(etcdctl, command, expected):
    """What a read prints, which may be asked of a node that is a moment behind."""
    end = time.monotonic() + 5 * SLOW
    while True:
        answer = etcdctl(*command)
        if expected(answer) or time.monotonic() > end:
            return answer


def play_story(etcdctl):
    for command, out, error in STORY:
        # Listings that nobody asked to sort come in any order.
        def lines(text):
            return sorted(text.splitlines()) if "--sort" not in command else text.splitlines()
        if command[0] in ("get", "ls"):
            code, stdout, stderr = settled(etcdctl, command, lambda answer: lines(answer[1]) == lines(out)
                                           and answer[2].startswith(error))
        else:
            code, stdout, stderr = etcdctl(*command)
        if command[0] == "ls":
            stdout = "".join(line + "\n" for line in lines(stdout))
        assert stdout == out, (command, stdout, stderr)
        assert stderr.startswith(error) and bool(stderr) == bool(error), (command, stderr)
        assert (code == 0) == (not error), (command, code)


def ask_for_outputs(etcdctl):
    code, out, _ = etcdctl("-o", "json", "set", "/out", "v", "--ttl", "300")
    entry = json.loads(out)
    assert code == 0 and entry["action"] == "set" and entry["node"]["ttl"] == 300
    code, out, _ = etcdctl("-o", "extended", "get", "--quorum", "/out")
    fields = dict(line.split(": ") for line in out.splitlines() if ": " in line)
    assert code == 0 and fields["Key"] == "/out" and fields["TTL"] in ("299", "300")
    assert fields["Created-Index"] == fields["Modified-Index"] == str(entry["node"]["createdIndex"])
    keys = []
    for i in range(3):
        code, out, _ = etcdctl("-o", "json", "mk", "--in-order", "/out-queue", str(i))
        keys.append(json.loads(out)["node"]["key"])
    assert keys == sorted(keys) and all(re.fullmatch(r"/out-queue/\d{20}", key) for key in keys)
    assert etcdctl("ls", "--quorum", "--sort", "/out-queue")[1] == "".join(key + "\n" for key in keys)
    assert etcdctl("rm", "-r", "/out-queue")[0] == etcdctl("rm", "/out")[0] == 0


def watch_with(etcdctl, node):
    """Each kind of watch sees what happens after it began."""
    for number, (command, keys) in enumerate([
            (["watch", "/e/key"], ["/e/key"]), (["watch", "-r", "/e"], ["/e/sub/key"]),
            (["watch", "-f", "-r", "/e"], ["/e/1", "/e/2", "/e/3"]),
            (["exec-watch", "-r", "/e", "--", "sh", "-c",
              "echo $ETCD_WATCH_ACTION $ETCD_WATCH_KEY $ETCD_WATCH_VALUE"], ["/e/one", "/e/two"])]):
        process = etcdctl.start(*command)
        try:
            wait_until(lambda: watchers(node) == 1, 20, "the watch of %s" % command)
            for key in keys:
                assert node.put(key, "value %d" % number).status in (200, 201)
                line = process.stdout.readline()
                if command[0] == "exec-watch":
                    assert line == "set %s value %d\n" % (key, number)
                elif "-r" in command:
                    assert line == "[set] %s\n" % key
                    assert process.stdout.readline() == "value %d\n" % number
                else:
                    assert line == "value %d\n" % number
            if command[0] == "watch" and "-f" not in command:
                assert process.wait(20 * SLOW) == 0
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
        wait_until(lambda: watchers(node) == 0, 10, "the watch to be gone")
    index = node.put("/e/old", "old").json["node"]["modifiedIndex"]
    assert etcdctl("watch", "-r", "--after-index", str(index - 1), "/e")[1] == "[set] /e/old\nold\n"
    assert etcdctl("rm", "-r", "/e")[0] == 0


def ask_for_members(etcdctl, nodes, leader):
    code, out, _ = etcdctl("member", "list")
    rows = [re.fullmatch(r"([0-9a-f]{1,16}): name=(\S+) peerURLs=(\S+) clientURLs=(\S+) isLeader=(\S+)", line).groups()
            for line in out.splitlines()]
    assert code == 0 and len({row[0] for row in rows}) == len(nodes)
    assert sorted(row[1:] for row in rows) == sorted(
        (node.name, "http://" + node.peer, "http://" + node.client, "true" if node is leader else "false") for node in nodes)
    code, out, _ = etcdctl("cluster-health")
    assert code == 0 and out.count("is healthy: got healthy result") == len(nodes) and out.endswith("cluster is healthy\n")
    assert nodes[0].get("/v2/members/" + rows[0][0]).status == 404


if is_of_the_other_etcd():
    @pytest.mark.parametrize("sync", [True, False], ids=["sync", "no-sync"])
    def test_every_command_of_etcdctl(world, sync):
        nodes = world.cluster()
        leader = world.leader_of(nodes)
        follower = next(node for node in nodes if node is not leader)
        etcdctl = Etcdctl(nodes, sync)
        play_story(etcdctl)
        ask_for_outputs(etcdctl)
        # One endpoint only, so that it is known whose watch it is.
        watch_with(Etcdctl([follower], sync=False), follower)
        ask_for_members(etcdctl, nodes, leader)

    def test_etcdctl_finds_a_living_machine(world):
        nodes = world.cluster()
        leader = world.leader_of(nodes)
        etcdctl = Etcdctl(nodes)
        assert etcdctl("set", "/a", "1")[:2] == (0, "1\n")
        leader.kill_all()
        # Its total timeout is five seconds.
        assert etcdctl("set", "/a", "2")[:2] == (0, "2\n")
        assert etcdctl("get", "/a")[:2] == (0, "2\n")
        code, out, _ = etcdctl("cluster-health")
        assert "is unreachable" in out and out.count("is healthy: got") == 2, out
elif "MOOTHALL_TAP" in os.environ:
    os.write(int(os.environ["MOOTHALL_TAP"]), b"# no %s of Debian's etcd-client: not run\n" % ETCDCTL.encode())


# ---- the library for Python: what it sends and what it reads

class EtcdError(Exception):
    def __init__(self, payload):
        super().__init__(payload)
        self.code, self.payload = payload["errorCode"], payload


class Timeout(Exception):
    pass


class Result:
    def __init__(self, answer):
        body = answer.json
        self.action, self.node, self.previous = body["action"], body["node"], body.get("prevNode")
        self.index, self.created = int(answer.headers["X-Etcd-Index"]), answer.status == 201
        self.raft_index, self.raft_term = int(answer.headers["X-Raft-Index"]), int(answer.headers["X-Raft-Term"])

    def __getattr__(self, name):
        return self.node.get(name)


class Client:
    """All of a write is in the body, all of the rest in the query."""

    def __init__(self, addresses):
        self.addresses, self.cluster_id = list(addresses), None
        self.addresses = self.machines()

    def machines(self):
        text = self.plain("/v2/machines").body.decode()
        return [urllib.parse.urlsplit(url).netloc for url in text.split(",") for url in [url.strip()]]

    def plain(self, path):
        answer = ask(self.addresses[0], "GET", path)
        assert answer.status == 200, answer
        return answer

    def json(self, path):
        return self.plain(path).json

    def api(self, method, key, parameters, timeout=15.0):
        path, form = "/v2/keys" + urllib.parse.quote(key), None
        if method in ("PUT", "POST"):
            form = parameters
        elif parameters:
            path += "?" + urllib.parse.urlencode(parameters)
        for address in list(self.addresses):
            try:
                answer = ask(address, method, path, form, timeout=timeout)
            except TimeoutError:
                raise Timeout()
            except (OSError, http.client.HTTPException):
                # The next one of the machines from now on.
                self.addresses.append(self.addresses.pop(0))
                continue
            cluster = answer.headers["X-Etcd-Cluster-ID"]
            assert re.fullmatch(r"[0-9a-f]{1,16}", cluster)
            assert self.cluster_id in (None, cluster), "another cluster answers"
            self.cluster_id = cluster
            if answer.status not in (200, 201):
                raise EtcdError(answer.json)
            return Result(answer)
        raise OSError("no machine answers")

    def write(self, key, value, append=False, **more):
        names = {"prev_exist": "prevExist", "prev_value": "prevValue", "prev_index": "prevIndex"}
        form = {} if value is None else {"value": value}
        for name, given in more.items():
            form[names.get(name, name)] = str(given).lower() if isinstance(given, bool) else given
        return self.api("POST" if append else "PUT", key, form)

    def read(self, key, timeout=15.0, **more):
        names = {"wait_index": "waitIndex"}
        query = {names.get(name, name): str(given).lower() if isinstance(given, bool) else given
                 for name, given in more.items()}
        return self.api("GET", key, query, timeout)

    def delete(self, key, **more):
        names = {"prev_value": "prevValue", "prev_index": "prevIndex"}
        return self.api("DELETE", key, {names.get(name, name): str(given).lower() if isinstance(given, bool) else given
                                        for name, given in more.items()})

    def watch(self, key, index=None, recursive=False, timeout=15.0):
        more = {} if index is None else {"wait_index": index}
        return self.read(key, timeout, wait=True, recursive=recursive, **more)


def error_of(call, *arguments, **more):
    with pytest.raises(EtcdError) as caught:
        call(*arguments, **more)
    return caught.value.code


def test_calls_of_the_python_library(world):
    nodes = world.cluster()
    client = Client([nodes[1].client])
    assert set(client.machines()) == {node.client for node in nodes}
    assert client.machines()[0] == world.leader_of(nodes).client
    result = client.write("/py/key", "v")
    assert result.created and result.action == "set" and result.previous is None and result.raft_index >= result.index
    assert client.read("/py/key", quorum=False, recursive=False, sorted=False).value == "v"
    assert client.write("/py/key", "w", prev_exist=True).action == "update"
    assert error_of(client.write, "/py/key", "x", prev_exist=False) == 105
    assert error_of(client.write, "/py/none", "x", prev_exist=True) == 100
    index = client.read("/py/key").modifiedIndex
    assert client.write("/py/key", "x", prev_index=index, prev_value="w").action == "compareAndSwap"
    assert error_of(client.write, "/py/key", "y", prev_value="w") == 101
    assert error_of(client.write, "/py/key", "y", prev_index=index) == 101
    # The index of nothing is no condition.
    assert client.write("/py/config", "{}", prev_index=0).created
    assert not client.write("/py/config", "{1}", prev_index=0).created
    directory = client.write("/py/dir", None, dir=True, ttl=500)
    assert directory.dir and directory.ttl in (499, 500)
    assert client.write("/py/dir", None, dir=True, prev_exist=True, ttl="").ttl is None
    assert client.read("/py/dir").ttl is None
    refreshed = client.write("/py/key", None, refresh=True, prev_exist=True, ttl=300)
    assert refreshed.value == "x" and client.read("/py/key").value == "x" and client.read("/py/key").ttl in (299, 300)
    assert error_of(client.write, "/py/key", "x", refresh=True, ttl=30) == 211
    assert error_of(client.write, "/py/key", None, refresh=True) == 212
    names = [client.write("/py/queue", str(i), append=True).key for i in range(5)]
    listed = client.read("/py/queue", sorted=True, recursive=True).nodes
    assert [entry["key"] for entry in listed] == names and [entry["value"] for entry in listed] == list("01234")
    assert client.write("/py/\u00e9\u20ac +%", "\u00e9\u20ac +%&=").value == "\u00e9\u20ac +%&="
    assert client.read("/py/\u00e9\u20ac +%").key == "/py/\u00e9\u20ac +%"
    assert error_of(client.delete, "/py/dir") == 102
    assert error_of(client.delete, "/py/queue", dir=True) == 108
    assert error_of(client.delete, "/py/key", prev_value="no") == 101
    gone = client.delete("/py/key", prev_value="x")
    assert gone.action == "compareAndDelete" and gone.previous["value"] == "x"
    assert client.delete("/py", recursive=True, dir=True).previous["dir"]
    assert error_of(client.read, "/py") == 100
    with pytest.raises(Timeout):
        client.watch("/py/nothing", timeout=0.3)


if etcd is not None:
    def test_the_python_library_itself(world):
        """All its calls but .leader, which takes the leader's name for the id of a member."""
        nodes = world.cluster()
        host, port = nodes[1].client.split(":")
        client = etcd.Client(host=host, port=int(port), read_timeout=10, allow_reconnect=True)
        assert len(client.members) == 3 and client.version and client.cluster_version
        assert client.stats["name"] == nodes[1].name and "getsSuccess" in client.store_stats
        assert client.write("/a", "1").action == "set" and client.read("/a").value == "1"
        assert client.test_and_set("/a", "2", "1").value == "2" and client.get("/a").value == "2"
        result = client.read("/a")
        result.value = "3"
        assert client.update(result).value == "3" and "/a" in client
        first = client.write("/queue", "x", append=True)
        second = client.write("/queue", "y", append=True)
        assert first.key < second.key and [leaf.value for leaf in client.read("/queue", sorted=True).leaves] == ["x", "y"]
        assert client.write("/t", "x", ttl=100).ttl in (99, 100) and client.refresh("/t", ttl=50).ttl in (49, 50)
        assert client.pop("/t").value == "x" and "/t" not in client
        index = client.set("/w", "0").modifiedIndex
        events = client.eternal_watch("/w", index=index)
        assert next(events).value == "0"
        client.set("/w", "1")
        assert next(events).value == "1" and client.watch("/w", index=index + 1).value == "1"
        lock, other = etcd.Lock(client, "lock"), etcd.Lock(client, "lock")
        assert lock.acquire(lock_ttl=60) and lock.is_acquired and not other.acquire(blocking=False)
        lock.release()
        assert other.acquire(timeout=10)
        other.release()
        with pytest.raises(etcd.EtcdKeyNotFound):
            client.read("/none")
        with pytest.raises(etcd.EtcdAlreadyExist):
            client.write("/w", "2", prevExist=False)
        with pytest.raises(etcd.EtcdNotFile):
            client.write("/queue", "z")
        with pytest.raises(etcd.EtcdDirNotEmpty):
            client.delete("/queue", dir=True)
        assert client.delete("/queue", recursive=True).action == "delete"


def test_what_the_python_library_asks_of_the_cluster(world):
    nodes = world.cluster()
    leader = world.leader_of(nodes)
    for node in nodes:
        client = Client([node.client])
        client.addresses = [node.client]
        version = client.json("/version")
        assert set(version) == {"etcdserver", "etcdcluster", "moothall"} and all(version.values())
        members = client.json("/v2/members")["members"]
        assert [member["name"] for member in members] == [node.name for node in nodes]
        by_id = {member["id"]: member for member in members}
        assert len(by_id) == 3 and all(re.fullmatch(r"[0-9a-f]{1,16}", member) for member in by_id)
        for member, of in zip(members, nodes):
            assert member["peerURLs"] == ["http://" + of.peer] and member["clientURLs"] == ["http://" + of.client]
        assert client.json("/v2/members/leader") == by_id[next(m["id"] for m in members if m["name"] == leader.name)]
        own = client.json("/v2/stats/self")
        assert own["name"] == node.name and own["leaderInfo"]["leaderName"] == leader.name
        assert own["id"] in by_id and by_id[own["leaderInfo"]["leader"]]["name"] == leader.name
        assert own["state"] == ("leader" if node is leader else "follower")
        assert client.json("/v2/stats/store")["watchers"] == 0
        answer = node.get("/v2/stats/leader")
        if node is leader:
            assert answer.json["leader"] == own["id"]
            assert sorted(by_id[follower]["name"] for follower in answer.json["followers"]) == sorted(
                other.name for other in nodes if other is not leader)
            for follower, figures in answer.json["followers"].items():
                assert figures["name"] == by_id[follower]["name"]
            for follower in answer.json["followers"].values():
                assert set(follower) == {"name", "latency", "counts"} and follower["counts"]["success"] > 0
        else:
            assert answer.status == 403 and answer.json == {"message": "not current leader"}
        assert client.json("/health") == {"health": "true"}


def test_watch_loops_of_the_python_library(world):
    """It polls with a short time-out, from the index after the last, at any machine."""
    nodes = world.cluster()
    clients = [Client([node.client]) for node in nodes]
    for client, node in zip(clients, nodes):
        client.addresses = [node.client] + [other.client for other in nodes if other is not node]
    start = clients[0].write("/loop/start", "v").index + 1
    seen, timeouts, last = [[] for _ in clients], [0] * 3, 60

    def follow(number):
        index = start + len(seen[number])
        try:
            result = clients[number].watch("/loop", index, recursive=True, timeout=0.5)
        except Timeout:
            timeouts[number] += 1
            return True
        seen[number].append((result.modifiedIndex, result.key))
        return len(seen[number]) < last
    with Crowd() as crowd:
        for number in range(3):
            crowd.add(follow, number)
        wait_until(lambda: all(timeouts), 10, "a time-out of each")
        for i in range(last):
            clients[i % 3].write("/loop/%d" % i, "v")
            if i == 30:
                world.leader_of(nodes).kill("raftd")
        crowd.wait()
    assert seen[0] == seen[1] == seen[2] == [(start + i, "/loop/%d" % i) for i in range(last)]
    for node in nodes:
        wait_until(lambda: watchers(node) == 0, 5, "the watches that timed out to be freed")


def test_lock_of_the_python_library(world):
    """It puts itself into a queue, lists it on the same machine, and waits for the one before it."""
    nodes = world.cluster()
    holders, order = [], []

    def take(number):
        client = Client([nodes[number % 3].client])
        client.addresses = [nodes[number % 3].client]
        mine = client.write("/locks/l", str(number), append=True, ttl=60)
        while True:
            # Its own key has to be there: a list from before it would look like a lost lock.
            listing = client.read("/locks/l", sorted=True)
            keys = [entry["key"] for entry in listing.nodes]
            assert mine.key in keys, "own key not found in %s" % keys
            if keys[0] == mine.key:
                break
            before = keys[keys.index(mine.key) - 1]
            try:
                client.watch(before, index=listing.index + 1, timeout=5)
            except (Timeout, EtcdError):
                pass
        holders.append(number)
        assert len(holders) == 1, "held twice: %s" % holders
        order.append(mine.key)
        holders.remove(number)
        client.delete(mine.key)
        return False
    with Crowd() as crowd:
        for number in range(9):
            crowd.add(take, number)
        crowd.wait()
    assert order == sorted(order) and len(order) == 9


# ---- other libraries

def test_forms_of_the_other_libraries(world):
    node = world.node().start()
    with Wire(node.client) as wire:
        # go-etcd: conditions and dir in the query, value and ttl in the body, a parameter in the type.
        kind = FORM + "; param=value"
        answer = wire.ask("PUT", "/v2/keys/go?prevExist=false", "value=v&ttl=100", content_type=kind)
        assert answer.status == 201 and answer.json["action"] == "create" and answer.json["node"]["ttl"] == 100
        answer = wire.ask("PUT", "/v2/keys/go?prevValue=v", "value=w&ttl=", content_type=kind)
        assert answer.json["action"] == "compareAndSwap" and "ttl" not in answer.json["node"]
        assert wire.ask("PUT", "/v2/keys/godir?dir=true", "ttl=100", content_type=kind).json["node"]["dir"] is True
        assert wire.read("/go", "?consistent=true&recursive=false&sorted=false").json["node"]["value"] == "w"
        assert wire.ask("DELETE", "/v2/keys/godir?dir=true&recursive=false").status == 200
        # node-etcd: a directory without any body or type.
        wire.send(b"PUT /v2/keys/node?dir=true HTTP/1.1\r\nHost: t\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")
        assert wire.answer().json["node"]["dir"] is True
        # It takes an empty answer with this header for a watch that timed out.
        head = wire.watch("/node", "&recursive=true&consistent=true")
        assert head.get("X-Etcd-Index") is not None
        assert node.put("/node/key", "v").status == 201
        assert wire.event()["node"]["key"] == "/node/key" and wire.chunk() == b""
        # curl: a file as the value, encoded; the type it sends by itself.
        answer = wire.ask("PUT", "/v2/keys/curl", "value=a%0Ab%26c", headers=["User-Agent: curl/8", "Accept: */*"])
        assert answer.json["node"]["value"] == "a\nb&c"


def test_discovery_by_members_of_the_other_etcd(world):
    """What a member with -discovery asks of the cluster that it finds others by."""
    node = world.node().start()
    with Wire(node.client) as one, Wire(node.client) as two:
        token = "/token-1"
        assert one.ask("PUT", "/v2/keys%s/_config/size" % token, "value=2").status == 201
        assert one.read(token + "/_config/size").json["node"]["value"] == "2"
        assert "nodes" not in one.read(token).json["node"], "the configuration shows in the list"
        assert one.put(token + "/1111", "m1=http://127.0.0.1:1", prevExist="false").status == 201
        assert one.put(token + "/1111", "m1=http://127.0.0.1:1", prevExist="false").json["errorCode"] == 105
        listing = one.read(token)
        assert [entry["key"] for entry in listing.json["node"]["nodes"]] == [token + "/1111"]
        one.watch(token, "&recursive=true&waitIndex=%d" % (listing.index + 1))
        assert two.put(token + "/_state", "started").status == 201 and one.silent()
        assert two.put(token + "/2222", "m2=http://127.0.0.1:2", prevExist="false").status == 201
        event = one.event()
        assert event["node"]["key"] == token + "/2222" and one.chunk() == b""
        members = two.read(token, "?quorum=true").json["node"]["nodes"]
        assert [entry["key"] for entry in sorted(members, key=lambda entry: entry["createdIndex"])] == \
            [token + "/1111", token + "/2222"]


def test_agents_race_for_the_leader_key(world):
    """prevExist=false with a ttl, renewal by prevValue, removal by prevValue: never two at a time."""
    nodes = world.cluster()
    reign, done = [], threading.Event()
    start = nodes[0].put("/service/start", "v").json["node"]["modifiedIndex"] + 1

    def agent(number):
        client, name = Client([nodes[number].client]), "agent%d" % number
        client.addresses = [nodes[number].client]
        try:
            client.write("/service/leader", name, prev_exist=False, ttl=2)
        except EtcdError as error:
            assert error.code == 105
            try:
                client.watch("/service/leader", timeout=0.5)
            except Timeout:
                pass
            return not done.is_set()
        reign.append(name)
        for _ in range(3):
            assert client.write("/service/leader", name, prev_value=name, ttl=2).previous["value"] == name
        # One leaves it to expire.
        if number > 0:
            assert client.delete("/service/leader", prev_value=name).previous["value"] == name
        return not done.is_set()
    with Crowd() as crowd:
        for number in range(3):
            crowd.add(agent, number)
        wait_until(lambda: crowd.failures or "agent0" in reign and len(reign) > 5, 30, "all to lead")
        done.set()
        crowd.wait()
    # As it was, event by event.
    last = nodes[0].get("/v2/keys/service/leader?quorum=true")
    last, leader = int(last.headers["X-Etcd-Index"]), None
    for index in range(start, last + 1):
        event = nodes[1].get("/v2/keys/service/leader?wait=true&waitIndex=%d" % index).json
        value = event["node"].get("value")
        if event["action"] == "create":
            assert leader is None, "%s became leader beside %s" % (value, leader)
            leader = value
        else:
            assert event["prevNode"]["value"] == leader
            assert event["action"] in ("compareAndSwap", "compareAndDelete", "expire")
            leader = value

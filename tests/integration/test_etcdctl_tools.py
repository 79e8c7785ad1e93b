"""etcdctl: lock, elect, import, bench and certs."""

import json
import os
import shutil
import signal
import stat
import subprocess
import time
import urllib.request

import pytest

import test_clients
from moothall import ETCDCTL, SLOW, free_port, wait_until
from test_etcdctl import Ctl

GO_ETCD = "/usr/bin/etcd"


# ---- lock, elect

def entries(node, name):
    answer = node.get("/v2/keys/_etcd/mod/lock/%s?sorted=true" % name)
    return answer.json["node"].get("nodes", []) if answer.status == 200 else []


with_and_without_module = pytest.mark.parametrize("flags", [[], ["-modules=lock"]], ids=["keys", "module"])


@with_and_without_module
def test_one_at_a_time_holds_a_lock(world, flags):
    node = world.node(flags=flags).start()
    ctl = Ctl(node.client)
    path = os.path.join(world.folder, "inside")
    # Fails if another is inside, and counts.
    script = 'set -C; : >"$0.in" || exit 9; echo x >>"$0.count"; sleep 0.05; rm "$0.in"'
    holders = [ctl.start("lock", "l", "--", "sh", "-c", script, path) for _ in range(8)]
    for holder in holders:
        _, error = holder.communicate(timeout=60 * SLOW)
        assert holder.returncode == 0, error
    assert len(open(path + ".count").readlines()) == 8
    assert entries(node, "l") == []


@with_and_without_module
def test_a_lock_passes_on_what_the_command_says_and_its_number(world, flags):
    node = world.node(flags=flags).start()
    ctl = Ctl(node.client)
    run = ctl("lock", "l", "sh", "-c", "echo $ETCDCTL_LOCK_INDEX $ETCDCTL_LOCK_KEY; exit 7")
    index, key = run.stdout.split()
    assert run.returncode == 7 and key == "/_etcd/mod/lock/l/%020d" % int(index)
    later = ctl("lock", "l", "sh", "-c", "echo $ETCDCTL_LOCK_INDEX").stdout
    assert int(later) > int(index)
    assert ctl("lock", "l", "/nonexistent").returncode == 127
    assert ctl("lock", "l", "sh", "-c", "kill -9 $$").returncode == 137
    assert ctl("lock", "a/b", "true").returncode == 1
    assert ctl("lock", "--ttl", "1", "l", "true").returncode == 1
    assert entries(node, "l") == []


@with_and_without_module
def test_a_lock_is_renewed_waited_for_and_given_back_on_a_signal(world, flags):
    node = world.node(flags=flags).start()
    ctl = Ctl(node.client)
    holder = ctl.start("lock", "--ttl", "2", "l", "--", "sleep", "100")
    try:
        wait_until(lambda: len(entries(node, "l")) == 1, 10, "the holder")
        run = ctl("lock", "--wait", "200ms", "l", "true")
        assert run.returncode == 4 and "pid %d" % holder.pid in run.stderr
        key = entries(node, "l")[0]
        end = time.monotonic() + 4 * SLOW
        # Longer than its TTL, and it is still there: it was renewed.
        wait_until(lambda: time.monotonic() > end or not entries(node, "l"), 10, "the TTL to pass")
        assert [e["key"] for e in entries(node, "l")] == [key["key"]]
        holder.send_signal(signal.SIGTERM)
        assert holder.wait(10 * SLOW) == 128 + signal.SIGTERM
        assert entries(node, "l") == []
    finally:
        holder.kill()
        holder.communicate()


@with_and_without_module
def test_a_lock_that_was_lost_ends_the_command(world, flags):
    node = world.node(flags=flags).start()
    holder = Ctl(node.client).start("lock", "--ttl", "3", "l", "--", "sleep", "100")
    try:
        key = wait_until(lambda: entries(node, "l"), 10, "the holder")[0]["key"]
        node.delete(key)
        _, error = holder.communicate(timeout=20 * SLOW)
        assert holder.returncode == 4 and "l was lost" in error
    finally:
        holder.kill()
        holder.communicate()


def test_a_place_in_the_queue_outlives_the_connection(world):
    """By the module; and who has the same name on another machine is another one."""
    nodes = world.cluster(flags=["-modules=lock"])
    ctl = Ctl(*[node.client for node in nodes])
    holder = ctl.start("lock", "l", "--", "sleep", "100")
    waiters = []
    try:
        wait_until(lambda: len(entries(nodes[0], "l")) == 1, 10, "the holder")
        for i in range(2):
            waiters.append(ctl.start("lock", "l", "--", "sh", "-c", "echo $ETCDCTL_LOCK_INDEX"))
            wait_until(lambda: len(entries(nodes[0], "l")) == i + 2, 10, "the waiter")
        queue = entries(nodes[0], "l")
        assert queue[0]["value"].endswith(" pid %d" % holder.pid)
        assert " pid %d " % waiters[0].pid in queue[1]["value"]
        for node in nodes:
            node.kill("client")
        wait_until(lambda: all(node.pids()["client"] for node in nodes), 10, "other workers")
        holder.send_signal(signal.SIGTERM)
        for waiter, entry in zip(waiters, queue[1:]):
            assert waiter.communicate(timeout=20 * SLOW)[0] == "%d\n" % entry["createdIndex"]
        assert entries(nodes[0], "l") == []
    finally:
        for process in [holder] + waiters:
            process.kill()
            process.communicate()


def test_leaders_follow_one_another_and_are_told(world):
    node = world.node().start()
    ctl = Ctl(node.client)
    listener = ctl.start("elect", "--listen", "job")
    first = second = None
    try:
        assert listener.stdout.readline() == "\n"
        first = ctl.start("elect", "job", "one")
        assert first.stdout.readline() == "one\n" and listener.stdout.readline() == "one\n"
        second = ctl.start("elect", "job", "two", "sleep", "100")
        wait_until(lambda: len(entries(node, "job")) == 2, 10, "the second")
        first.send_signal(signal.SIGINT)
        assert first.wait(10 * SLOW) == 130
        assert second.stdout.readline() == "two\n" and listener.stdout.readline() == "two\n"
    finally:
        for process in (listener, first, second):
            if process is not None:
                process.terminate()
                process.communicate(timeout=20 * SLOW)
    assert Ctl(node.client)("elect", "job").returncode == 1


# ---- import

class GoEtcd:
    """The Go server with its v2 API."""

    def __init__(self, folder):
        self.client, peer = ("127.0.0.1:%d" % free_port() for _ in range(2))
        self.peer, self.folder = peer, os.path.join(folder, "go")

    def __enter__(self):
        argv = [GO_ETCD, "--enable-v2", "--name", "go", "--data-dir", self.folder,
                "--listen-client-urls", "http://" + self.client, "--advertise-client-urls", "http://" + self.client,
                "--listen-peer-urls", "http://" + self.peer, "--initial-advertise-peer-urls", "http://" + self.peer,
                "--initial-cluster", "go=http://" + self.peer]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        wait_until(self.serves, 20, "the Go server")
        return self

    def serves(self):
        try:
            with urllib.request.urlopen("http://%s/health" % self.client, timeout=2) as answer:
                return b"true" in answer.read()
        except OSError:
            return False

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def listing(ctl):
    """Everything that a listing shows, without indexes and times."""
    def walk(node, out):
        for child in node["nodes"] or []:
            out[child["key"]] = (child.get("dir", False), child["value"], "ttl" in child)
            walk(child, out)
        return out
    return walk(json.loads(ctl.good("-o", "json", "ls", "-r", "/"))["node"], {})


def fill(ctl):
    for i in range(40):
        ctl.good("set", "/app/%d/name" % (i % 7), "value %d" % i)
        ctl.good("set", "/app/%d" % (100 + i), "v%d" % i)
    ctl.good("set", "/odd/ü € &+%=", "a&b=c\n\"<>\\")
    ctl.good("set", "/odd/empty", "")
    ctl.good("set", "/ttl", "t", "--ttl", "500")
    ctl.good("mkdir", "/empty")
    ctl.good("mkdir", "/timed", "--ttl", "600")
    ctl.good("set", "/timed/in", "x")
    ctl.good("set", "/_etcd/registry/token/one", "1")
    ctl.good("set", "/_own/a", "1")


def import_from(world, source, target):
    """source, target: etcdctl of each."""
    fill(source)
    url = source.argv[2]
    target.good("set", "/old/key", "1")
    target.good("set", "/app/100", "other")
    run = target("import", url)
    assert run.returncode == 1 and "change 1 keys" in run.stderr and "remove 2" in run.stderr
    assert target.good("get", "/old/key") == "1\n"

    counts = json.loads(target.good("-o", "json", "import", "--yes", url))
    assert counts["failed"] == 0 and counts["removed"] == 1
    assert listing(target) == listing(source)
    assert target.good("get", "/_etcd/registry/token/one") == "1\n"
    assert target("get", "/_own/a").returncode == 4
    ttl = json.loads(target.good("-o", "json", "get", "/ttl"))["node"]["ttl"]
    assert 450 < ttl <= 500
    counts = json.loads(target.good("-o", "json", "import", "--hidden", "/_own", url))
    assert counts["written"] == 1 and target.good("get", "/_own/a") == "1\n"

    process = target.start("-o", "json", "import", "--follow", "--yes", url)
    try:
        source.good("set", "/app/new", "n")
        wait_until(lambda: target("get", "/app/new").stdout == "n\n", 20, "a change to be carried over")
        source.good("rm", "-r", "/odd")
        source.good("setdir", "/made")
        source.good("set", "/ttl", "again")
        source.good("updatedir", "/timed")
        source.good("set", "/_etcd/registry/token/two", "2")
        wait_until(lambda: target("get", "/_etcd/registry/token/two").stdout == "2\n", 20, "a hidden change")
        wait_until(lambda: target("ls", "/made").returncode == 0, 20, "a directory")
        # At the cut-over what is not the same is found.
        target.good("set", "/strange", "1")
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=30 * SLOW)
        assert process.returncode == 0, error
        assert json.loads(out)["failed"] == 0 and json.loads(out)["followed"] >= 5
    finally:
        process.kill()
        process.communicate()
    assert listing(target) == listing(source)


def test_import_from_a_cluster_of_our_own(world):
    source, target = world.node("source").start(), world.node("target").start()
    import_from(world, Ctl(source.client), Ctl(target.client))
    run = Ctl(target.client)("import", target.client)
    assert run.returncode == 1 and "both the source and the target" in run.stderr
    run = Ctl(target.client)("import", "127.0.0.1:%d" % free_port())
    assert run.returncode == 2


def test_import_from_the_go_server(world):
    if not test_clients.is_of_the_other_etcd() or not os.path.exists(GO_ETCD):
        pytest.skip("no etcd of Debian here")
    target = world.node("target").start()
    with GoEtcd(world.folder) as source:
        import_from(world, Ctl(source.client), Ctl(target.client))
        status = json.loads(Ctl(source.client).good("-o", "json", "status"))
        assert status["state"] == "leader" and status["healthy"] and status["version"].startswith("3.")


def test_more_changes_than_are_kept_lead_to_another_copy(world):
    source, target = world.node("source").start(), world.node("target").start()
    ctl = Ctl(target.client)
    source.put("/a", "1")
    process = ctl.start("import", "--follow", source.client)
    try:
        assert "following" in process.stderr.readline()
        process.send_signal(signal.SIGSTOP)
        with Crowded(source) as crowd:
            crowd.write(1100)
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: target.value("/many/1099") == "1099", 30, "the last key")
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30 * SLOW)
        assert process.returncode == 0, error
    finally:
        process.kill()
        process.communicate()
    assert listing(ctl) == listing(Ctl(source.client))


class Crowded:
    """Many writes on one connection."""

    def __init__(self, node):
        import http.client
        self.connection = http.client.HTTPConnection(*node.client.split(":"), timeout=30 * SLOW)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.connection.close()

    def write(self, count):
        for i in range(count):
            self.connection.request("PUT", "/v2/keys/many/%d?value=%d" % (i, i))
            answer = self.connection.getresponse()
            answer.read()
            assert answer.status == 201


# ---- bench

def test_bench_counts_and_leaves_nothing(world):
    node = world.node().start()
    ctl = Ctl(node.client)
    put, get = [json.loads(line) for line in ctl.good("-o", "json", "bench", "--time", "300ms", "--connections", "4",
                                                      "--size", "10").splitlines()]
    stats = node.get("/v2/stats/store").json
    assert put["failed"] == get["failed"] == 0
    assert put["requests"] == stats["setsSuccess"] > 0 and get["requests"] > 0
    assert put["p50_ms"] <= put["p90_ms"] <= put["p99_ms"] <= put["max_ms"]
    assert put["operation"] == "put" and put["connections"] == 4 and put["value_bytes"] == 10
    table = ctl.good("bench", "--time", "100ms", "--keys", "3").splitlines()
    assert len(table) == 3 and all(len(line) <= 80 for line in table)
    assert [e["key"] for e in node.get("/v2/keys/").json["node"].get("nodes", [])] == []
    assert node.get("/v2/stats/store").json["deleteSuccess"] == 2
    for flags in [("--connections", "0"), ("--connections", "1025"), ("--size", "1048577"), ("--keys", "0")]:
        run = ctl("bench", *flags)
        assert run.returncode == 1 and flags[0] in run.stderr and flags[1] in run.stderr


# ---- certs

def test_certificates_of_certs_serve_a_cluster(world):
    folder = os.path.join(world.folder, "certs")
    os.mkdir(folder)

    def certs(*words):
        return subprocess.run([ETCDCTL, "certs", "--dir", folder] + list(words), capture_output=True, text=True,
                              timeout=60)

    def path(name):
        return os.path.join(folder, name)
    run = certs("server", "early", "127.0.0.1")
    assert run.returncode == 1 and "etcdctl certs ca" in run.stderr
    assert certs("ca").stdout == "%s\n%s\n" % (path("ca.crt"), path("ca.key"))
    for words in [("server", "server", "127.0.0.1", "localhost", "::1"), ("peer", "peer", "127.0.0.1"),
                  ("client", "alice")]:
        assert certs(*words).returncode == 0
    for name in os.listdir(folder):
        assert stat.S_IMODE(os.stat(path(name)).st_mode) == (0o600 if name.endswith(".key") else 0o644), name
    before = open(path("alice.key")).read()
    run = certs("client", "alice")
    assert run.returncode == 1 and "alice.key is there already" in run.stderr
    assert open(path("alice.key")).read() == before
    for words in [("client", "../x"), ("client", "ca"), ("client", "x" * 65), ("server", "s", "a,b"),
                  ("server", "s", "1.2.3.4:5"), ("client", "x", "--days", "0")]:
        run = certs(*words)
        assert run.returncode == 1, (words, run)
    assert len(os.listdir(folder)) == 8
    with open(path("ca.key"), "w") as f:
        f.write(before)
    assert certs("client", "bob").returncode == 6

    flags = ["-ca-file", path("ca.crt"), "-cert-file", path("server.crt"), "-key-file", path("server.key"),
             "-peer-ca-file", path("ca.crt"), "-peer-cert-file", path("peer.crt"), "-peer-key-file", path("peer.key")]
    import ssl
    context = ssl.create_default_context(cafile=path("ca.crt"))
    context.load_cert_chain(path("alice.crt"), path("alice.key"))
    peers = ssl.create_default_context(cafile=path("ca.crt"))
    peers.load_cert_chain(path("peer.crt"), path("peer.key"))
    node = world.node(flags=flags, tls=context, peer_tls=peers).start()
    client = ["--ca-file", path("ca.crt"), "--cert-file", path("alice.crt"), "--key-file", path("alice.key")]
    # A host and a port alone: with certificates it is HTTPS.
    ctl = Ctl(node.client, flags=client)
    ctl.argv[2] = node.client
    assert ctl.good("set", "/a", "1") == "1\n"
    assert ctl.good("cluster-health").endswith("cluster is healthy\n")
    run = subprocess.run([ETCDCTL, "-C", "https://" + node.client, "get", "/a"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 2 and "certificate" in run.stderr
    env = {"ETCDCTL_CA_FILE": path("ca.crt"), "ETCDCTL_CERT_FILE": path("alice.crt"),
           "ETCDCTL_KEY_FILE": path("alice.key"), "ETCDCTL_PEERS": "https://" + node.client}
    run = subprocess.run([ETCDCTL, "get", "/a"], capture_output=True, text=True, timeout=60, env=dict(os.environ, **env))
    assert run.stdout == "1\n", run

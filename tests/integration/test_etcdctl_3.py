"""etcdctl of etcd 3, Debian's (etcd-client) and ours, as somebody types it, against three nodes: one story for each of its commands."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading

import pytest

from moothall import ETCDCTL, SLOW, World, wait_until
from test_h2 import metric

ETCDCTL_3 = shutil.which("etcdctl")
ENVIRONMENT = dict(os.environ, ETCDCTL_API="3")


def is_of_etcd_3():
    """Ours may be in its place."""
    return ETCDCTL_3 and "moothall" not in subprocess.run([ETCDCTL_3, "version"], env=ENVIRONMENT, capture_output=True, text=True).stdout


@pytest.fixture(scope="module", autouse=True, params=[
    pytest.param(ETCDCTL_3, id="debian", marks=pytest.mark.skipif(
        not is_of_etcd_3(), reason="no etcdctl of etcd 3 is here (Debian's etcd-client)")),
    pytest.param(ETCDCTL, id="ours")])
def program(request):
    Ctl.program = request.param
    return request.param


class Ctl:
    """etcdctl --endpoints ..."""

    program = None

    def __init__(self, nodes, scheme="http://"):
        self.nodes = nodes
        self.endpoints = ",".join(scheme + node.client for node in nodes)

    def _argv(self, words):
        return [self.program, "--endpoints", self.endpoints, *words]

    def run(self, *words, give="", code=0):
        done = subprocess.run(self._argv(words), env=ENVIRONMENT, input=give, capture_output=True, text=True, timeout=20 * SLOW)
        assert (done.returncode == 0) == (code == 0), (words, done)
        return done

    def __call__(self, *words, give=""):
        """What it prints."""
        return self.run(*words, give=give).stdout

    def refused(self, *words, give=""):
        """The error behind its "Error: "."""
        return re.search(r"^Error: (.*)$", self.run(*words, give=give, code=1).stderr, re.M).group(1)

    def as_json(self, *words):
        return json.loads(self(*words, "-w", "json"))

    def watches(self):
        return sum(metric(node, "etcd_watches_open") for node in self.nodes)

    def watch(self, *words, give=None, more=1):
        """In the background, when its watches are there."""
        before = self.watches()
        running = Running(self._argv(("watch",) + words), give)
        wait_until(lambda: self.watches() == before + more, what="the watches of etcdctl %s" % (words,))
        return running


class Running:
    """One that goes on; its lines are taken as they come."""

    def __init__(self, argv, give=None, environment=ENVIRONMENT):
        self.process = subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        if give:
            self.process.stdin.write(give)
            self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.end()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def shows(self, lines, timeout=10):
        wait_until(lambda: len(self.lines) >= len(lines), timeout, "%r, not %r" % (lines, self.lines))
        assert self.lines == lines

    def end(self, how=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(10 * SLOW)
        finally:
            self.process.kill()
            self.process.wait()
            self.thread.join(5)
            for file in (self.process.stdin, self.process.stdout):
                file.close()


@pytest.fixture(scope="module")
def three(program):
    world = World()
    nodes = world.cluster(flags=["-workers", "1"])
    yield nodes
    left = world.close()
    assert not left, left


@pytest.fixture
def ctl(three):
    ctl = Ctl(three)
    yield ctl
    ctl("del", "", "--from-key")


def put_all(ctl, pairs):
    for key, value in pairs:
        assert ctl("put", key, value) == "OK\n"


def revision(ctl):
    return ctl.as_json("get", "none")["header"]["revision"]


def lease_of(ctl, seconds):
    return re.fullmatch(r"lease ([0-9a-f]{16}) granted with TTL\(%d" % seconds + r"s\)\n", ctl("lease", "grant", str(seconds))).group(1)


# ---- keys


def test_put(ctl):
    assert ctl("put", "foo", "bar") == "OK\n"
    assert ctl("put", "foo", "two", "--prev-kv") == "OK\nfoo\nbar\n"
    assert ctl("put", "new", "x", "--prev-kv") == "OK\n"
    assert ctl("put", "input", give="of\ntwo lines") == "OK\n"
    assert ctl("get", "input") == "input\nof\ntwo lines\n"
    assert ctl("put", "--", "-dash", "-x") == "OK\n"
    lease = lease_of(ctl, 300)
    assert ctl("put", "foo", "leased", "--lease", lease) == "OK\n"
    assert ctl("put", "foo", "--ignore-value") == "OK\n"
    assert "lease" not in ctl.as_json("get", "foo")["kvs"][0]
    assert ctl("put", "foo", "kept", "--lease", lease) == "OK\n"
    assert ctl("put", "foo", "again", "--ignore-lease") == "OK\n"
    found = ctl.as_json("get", "foo")["kvs"][0]
    assert found["lease"] == int(lease, 16) and found["version"] == 6
    ctl("lease", "revoke", lease)
    assert ctl("get", "foo") == ""
    for words, text in ((("none", "--ignore-value"), "key not found"), (("none", "v", "--ignore-lease"), "key not found"),
                        (("new", "v", "--ignore-lease", "--lease", "77"), "lease is provided"),
                        (("new", "v", "--lease", "77"), "requested lease not found"), (("", "v"), "key is not provided")):
        assert ctl.refused("put", *words) == "etcdserver: " + text, words
    assert ctl.refused("put", "large", give="x" * 2000000) == "etcdserver: request is too large"
    assert ctl("put", "large", give="x" * 1000000) == "OK\n"
    assert len(ctl("get", "large", "--print-value-only")) == 1000001


def test_get(ctl):
    put_all(ctl, [("a/1", "three"), ("a/2", "two"), ("a/3", "one"), ("b", "beta"), ("a/2", "twice")])
    now = revision(ctl)

    def get(*flags):
        return ctl("get", "a/", "--prefix", *flags).split("\n")[:-1]

    one, two, three = ["a/1", "three"], ["a/2", "twice"], ["a/3", "one"]
    assert get() == get("--sort-by", "CREATE") == get("--consistency", "s") == get("--order", "ASCEND") == one + two + three
    assert get("--order", "DESCEND") == get("--order", "DESCEND", "--sort-by", "CREATE") == three + two + one
    assert get("--sort-by", "MODIFY") == one + three + two
    assert get("--sort-by", "VERSION", "--order", "DESCEND") == two + one + three
    assert get("--sort-by", "VALUE") == three + one + two
    assert get("--limit", "2") == one + two
    assert get("--rev", str(now - 1)) == one + ["a/2", "two"] + three
    assert get("--rev", str(now - 3)) == one + ["a/2", "two"]
    assert get("--keys-only") == ["a/1", "", "a/2", "", "a/3", ""]
    assert get("--print-value-only") == ["three", "twice", "one"]
    assert ctl("get", "a/2", "--from-key").split() == two + three + ["b", "beta"]
    assert ctl("get", "a/1", "a/3").split() == one + two
    assert ctl("get", "b", "a/1") == ctl("get", "none") == ""
    assert ctl("get", "", "--prefix", "--keys-only").split() == ["a/1", "a/2", "a/3", "b"]
    found = ctl.as_json("get", "a/", "--prefix", "--limit", "2")
    assert found["count"] == 3 and found["more"] and found["header"]["revision"] == now
    assert found["kvs"][1] == {"key": "YS8y", "create_revision": now - 3, "mod_revision": now, "version": 2, "value": "dHdpY2U="}
    fields = ctl("get", "a/2", "-w", "fields").split("\n")
    assert fields[4:] == ['"Key" : "a/2"', '"CreateRevision" : %d' % (now - 3), '"ModRevision" : %d' % now, '"Version" : 2',
                          '"Value" : "twice"', '"Lease" : 0', '"More" : false', '"Count" : 1', '']
    if ctl.program == ETCDCTL:
        assert 'unsupported output format "protobuf"' in ctl.refused("get", "a/2", "-w", "protobuf")
    else:
        raw = subprocess.run(ctl._argv(("get", "a/2", "-w", "protobuf")), env=ENVIRONMENT, capture_output=True, check=True).stdout
        assert b"a/2" in raw and b"twice" in raw
    assert ctl.refused("get", "a/", "--rev", "1000000") == "etcdserver: mvcc: required revision is a future revision"
    assert ctl.refused("get", "") == "etcdserver: key is not provided"
    put_all(ctl, [("bytes", "\x01é\n")])
    assert ctl("get", "bytes", "--hex").split() == [r"\x62\x79\x74\x65\x73", r"\x01\xc3\xa9\x0a"]


def test_del(ctl):
    put_all(ctl, [("a/%d" % i, "v%d" % i) for i in range(6)])
    assert ctl("del", "a/0", "--prev-kv") == "1\na/0\nv0\n"
    assert ctl("del", "a/0") == "0\n"
    assert ctl("del", "a/1", "a/3", "--prev-kv") == "2\na/1\nv1\na/2\nv2\n"
    assert ctl("del", "a/5", "--from-key") == "1\n"
    assert ctl.as_json("del", "a/", "--prefix", "--prev-kv")["deleted"] == 2
    assert ctl("get", "a/", "--prefix") == ""
    assert ctl.refused("del", "") == "etcdserver: key is not provided"


def test_txn(ctl):
    put_all(ctl, [("foo", "one")])
    assert ctl("txn", give='mod("foo") > "0"\n\nput foo two\nget foo\ndel none\n\nget foo\n\n') == "SUCCESS\n\nOK\n\nfoo\ntwo\n\n0\n"
    assert ctl("txn", give='value("foo") = "no"\n\nput foo x\n\nget foo\nput b "two words"\n\n') == "FAILURE\n\nfoo\ntwo\n\nOK\n"
    assert ctl("get", "b") == "b\ntwo words\n"
    both = 'version("foo") = "2"\ncreate("foo") != "0"\n\n%s\n\nget foo\n\n'
    assert ctl("txn", give=both % "del foo --prev-kv\nput b x --prev-kv") == "SUCCESS\n\n1\nfoo\ntwo\n\nOK\nb\ntwo words\n"
    assert ctl("txn", give=both % "put foo x") == "FAILURE\n\n"
    assert ctl("txn", "-i", give='mod("b") > "0"\n\nget b\n\n\n').endswith("SUCCESS\n\nb\nx\n")
    assert ctl.refused("txn", give="\nput k 1\nput k 2\n\n\n") == "etcdserver: duplicate key given in txn request"
    puts = "\n" + "".join("put t%d x\n" % i for i in range(128))
    assert ctl("txn", give=puts + "\n\n").count("OK") == 128
    assert ctl.refused("txn", give=puts + "put more x\n\n\n") == "etcdserver: too many operations in txn request"
    assert ctl("del", "t", "--prefix") == "128\n"


# ---- watches


def test_watch(ctl):
    # Of the second one the watch is of a range; the third runs a command for each event.
    command = ("--", "sh", "-c", "echo $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY $ETCD_WATCH_VALUE")
    with ctl.watch("w") as one, ctl.watch("w", "w9") as some, ctl.watch("w", *command) as runs, \
            ctl.watch("w", "--prefix", "--prev-kv") as before, ctl.watch("w", "--prefix", "-w", "json") as as_json:
        put_all(ctl, [("w", "1"), ("w", "2"), ("w1", "x"), ("wx", "x")])
        first = revision(ctl) - 3
        ctl("del", "w")
        one.shows(["PUT", "w", "1", "PUT", "w", "2", "DELETE", "w", ""])
        some.shows(["PUT", "w", "1", "PUT", "w", "2", "PUT", "w1", "x", "DELETE", "w", ""])
        before.shows(["PUT", "w", "1", "PUT", "w", "1", "w", "2", "PUT", "w1", "x", "PUT", "wx", "x", "DELETE", "w", "2", "w", ""])

        def revisions():
            """Of all events; a message may have several."""
            return [event["kv"]["mod_revision"] for line in as_json.lines[:] for event in json.loads(line)["Events"]]

        wait_until(lambda: len(revisions()) == 5, what="all events as JSON")
        assert revisions() == list(range(first, first + 5))
        wait_until(lambda: '"PUT" "w" "2"' in runs.lines, what="the command to run")
    # The past, and what comes then.
    with ctl.watch("w", "--prefix", "--rev", str(first + 1)) as past:
        ctl("put", "w2", "y")
        past.shows(["PUT", "w", "2", "PUT", "w1", "x", "PUT", "wx", "x", "DELETE", "w", "", "PUT", "w2", "y"])
    with ctl.watch("-i", give="watch w --prev-kv\nwatch a --prefix\n", more=2) as both:
        put_all(ctl, [("w", "3"), ("a/1", "a")])
        both.shows(["PUT", "w", "3", "PUT", "a/1", "a"])


def test_a_watch_goes_on_when_its_node_is_gone(ctl, three):
    """To another node, where it misses nothing; and over a new raftd, and a new worker."""
    with ctl.watch("w", "--prefix") as watch:
        shown = []

        def one_more(number):
            put_all(ctl, [("w%d" % number, "x")])
            shown.extend(["PUT", "w%d" % number, "x"])
            watch.shows(shown, 15)

        one_more(0)
        for number, node in enumerate(three):
            node.kill("raftd")
            one_more(10 + number)
        for number, node in enumerate(three):
            node.control("restart", "client")
            one_more(20 + number)
        at = next(node for node in three if metric(node, "etcd_watches_open"))
        at.kill_all()
        put_all(Ctl([node for node in three if node is not at]), [("w3", "x")])
        shown.extend(["PUT", "w3", "x"])
        watch.shows(shown, 15)
        at.start()
    wait_until(lambda: ctl.watches() == 0, what="its watch to be gone")


# ---- leases


def test_leases(ctl):
    lease = lease_of(ctl, 300)
    assert ctl("lease", "list") == "found 1 leases\n%s\n" % lease
    for key in ("a", "b"):
        ctl("put", key, "x", "--lease", lease)
    pattern = r"lease %s granted with TTL\(300s\), remaining\((2\d\d|300)s\)" % lease
    assert re.fullmatch(pattern + "\n", ctl("lease", "timetolive", lease))
    assert re.fullmatch(pattern + r", attached keys\(\[a b\]\)\n", ctl("lease", "timetolive", lease, "--keys"))
    assert ctl.as_json("lease", "timetolive", lease)["granted-ttl"] == 300
    assert ctl("lease", "keep-alive", "--once", lease) == "lease %s keepalived with TTL(300)\n" % lease
    assert ctl("lease", "revoke", lease) == "lease %s revoked\n" % lease
    assert ctl("get", "", "--from-key") == ""
    assert ctl("lease", "timetolive", lease) == "lease %s already expired\n" % lease
    assert ctl("lease", "keep-alive", lease) == "lease %s expired or revoked.\n" % lease
    assert "etcdserver: requested lease not found" in ctl.refused("lease", "revoke", lease)
    assert "etcdserver: requested lease not found" in ctl.refused("lease", "keep-alive", "--once", lease)
    assert "etcdserver: too large lease TTL" in ctl.refused("lease", "grant", "10000000000")


def test_a_lease_lives_while_it_is_kept_alive(ctl, three):
    lease = lease_of(ctl, 2)
    ctl("put", "kept", "x", "--lease", lease)
    with Running(ctl._argv(("lease", "keep-alive", lease))) as keeper:
        wait_until(lambda: len(keeper.lines) >= 3, 10, "it to be kept alive")
        three[0].kill("raftd")
        wait_until(lambda: len(keeper.lines) >= 7, 15, "it to be kept alive on")
        assert set(keeper.lines) == {"lease %s keepalived with TTL(2)" % lease}
        assert ctl("get", "kept") == "kept\nx\n"
        with ctl.watch("kept") as watch:
            keeper.end()
            watch.shows(["DELETE", "kept", ""], 10)


# ---- upkeep


def test_compaction(ctl):
    put_all(ctl, [("c", "%d" % i) for i in range(6)])
    now = revision(ctl)
    assert ctl("compaction", str(now - 2)) == "compacted revision %d\n" % (now - 2)
    compacted = "etcdserver: mvcc: required revision has been compacted"
    assert ctl.refused("compaction", str(now - 2)) == ctl.refused("get", "c", "--rev", str(now - 3)) == compacted
    assert ctl("compaction", str(now - 1), "--physical") == "compacted revision %d\n" % (now - 1)
    assert ctl("get", "c", "--rev", str(now - 1)) == "c\n4\n"
    assert ctl.refused("compaction", "1000000") == "etcdserver: mvcc: required revision is a future revision"
    done = ctl.run("watch", "c", "--rev", str(now - 3), code=5)
    assert "watch was canceled (%s)" % compacted in done.stderr
    assert len({line.split()[1] for line in ctl("endpoint", "hashkv", "--cluster").splitlines()}) == 1


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_endpoints(three, scheme):
    all_three = [scheme + node.client for node in three]
    for ctl in (Ctl(three, scheme), Ctl(three[:1], scheme)):
        shown = all_three[:len(ctl.nodes)]
        assert ctl("put", "foo", "bar") == "OK\n"
        done = ctl.run("endpoint", "health")
        health = (done.stdout + done.stderr).splitlines()
        assert sorted(line.split(":  ")[0].split(" is ")[0] for line in health) == sorted(shown), health
        assert all("is healthy: successfully committed proposal" in line for line in health)
        rows = [line.split(", ") for line in ctl("endpoint", "status").splitlines()]
        assert [row[0] for row in rows] == shown and all(re.fullmatch(r"[0-9a-f]{8,16}", row[1]) for row in rows)
        if ctl.nodes == three:
            assert sorted(row[4] for row in rows) == ["false", "false", "true"]
        assert [one["Endpoint"] for one in ctl.as_json("endpoint", "status")] == shown
        rows = [line.split(", ") for line in ctl("endpoint", "hashkv").splitlines()]
        assert [row[0] for row in rows] == shown and len({row[1] for row in rows}) == 1
        everywhere = sorted("http://" + node.client for node in three)
        for what in ("status", "hashkv"):
            assert sorted(line.split(", ")[0] for line in ctl("endpoint", what, "--cluster").splitlines()) == everywhere
        ctl.run("endpoint", "health", "--cluster")
        assert ctl("defrag") == "".join("Finished defragmenting etcd member[%s]\n" % one for one in shown)
        assert ctl("alarm", "list") == ctl("alarm", "disarm") == ""


def test_an_endpoint_that_is_dead(three):
    ctl = Ctl(three)
    ctl.endpoints = "http://127.0.0.1:1," + ctl.endpoints
    assert ctl("put", "foo", "bar") == "OK\n" and ctl("get", "foo") == "foo\nbar\n"
    ctl.endpoints = "http://127.0.0.1:1,http://" + three[0].client
    done = ctl.run("--command-timeout", "1s", "endpoint", "health", code=1)
    assert "http://127.0.0.1:1 is unhealthy" in done.stderr and "http://%s is healthy" % three[0].client in done.stdout + done.stderr


def test_members(ctl, three):
    def listed():
        return [line.split(", ") for line in ctl("member", "list").splitlines()]

    before = listed()
    assert [row[1:] for row in before] == [["started", node.name, node.peer_url(), "http://" + node.client, "false"] for node in three]
    own = before[0][0]
    cluster = "%x" % ctl.as_json("member", "list")["header"]["cluster_id"]
    assert ctl("member", "update", own, "--peer-urls", three[0].peer_url()) == "Member %16s updated in cluster %16s\n" % (own, cluster)
    added = ctl("member", "add", "machine4", "--learner", "--peer-urls", "http://127.0.0.1:7")
    made = re.match("Member +([0-9a-f]+) added to cluster", added).group(1)
    assert added.splitlines()[2:] == [
        'ETCD_NAME="machine4"',
        'ETCD_INITIAL_CLUSTER="%s,machine4=http://127.0.0.1:7"' % ",".join("%s=%s" % (node.name, node.peer_url()) for node in three),
        'ETCD_INITIAL_ADVERTISE_PEER_URLS="http://127.0.0.1:7"', 'ETCD_INITIAL_CLUSTER_STATE="existing"']
    assert listed() == before + [[made, "unstarted", "", "http://127.0.0.1:7", "", "true"]]
    for words, text in ((("promote", made), "can only promote a learner member which is in sync with leader"),
                        (("promote", own), "can only promote a learner member"),
                        (("add", "m5", "--peer-urls", "http://127.0.0.1:7"), "Peer URLs already exists"),
                        (("add", "m5", "--learner", "--peer-urls", "http://127.0.0.1:8"), "too many learner members in cluster"),
                        (("update", "77", "--peer-urls", "http://127.0.0.1:8"), "member not found"), (("remove", "77"), "member not found")):
        assert ctl.refused("member", *words) == "etcdserver: " + text, words
    assert " updated in cluster " in ctl("member", "update", made, "--peer-urls", "http://127.0.0.1:9")
    assert " removed from cluster " in ctl("member", "remove", made)
    assert listed() == before


def test_the_lead_is_moved(ctl, three):
    def lead():
        """Of each node: leads it?"""
        return [line.split(", ")[4] == "true" for line in ctl("endpoint", "status").splitlines()]

    wait_until(lambda: sum(lead()) == 1, what="a leader")
    other = lead().index(False)
    target = ctl("member", "list").splitlines()[other].split(", ")[0]
    assert "no leader endpoint given" in Ctl([three[other]]).refused("move-leader", target)
    assert re.fullmatch("Leadership transferred from [0-9a-f]+ to %s\n" % target, ctl("move-leader", target))
    wait_until(lambda: lead()[other], what="the other one to lead")
    assert ctl.refused("move-leader", "77") == "etcdserver: bad leader transferee"


# ---- what etcdctl makes of transactions and watches


def test_lock(ctl, three):
    with Running(ctl._argv(("lock", "mine"))) as first:
        wait_until(lambda: first.lines, what="the lock")
        with Running(ctl._argv(("lock", "mine"))) as second:
            wait_until(lambda: ctl.watches() == 1, what="another to wait")
            for node in three:
                node.kill("raftd")
            assert ctl("get", "mine", "--prefix", "--keys-only", "--sort-by", "CREATE").split()[0] == first.lines[0]
            assert not second.lines
            first.end()
            wait_until(lambda: second.lines, 15, "the other to have it")
            assert ctl("get", "mine", "--prefix", "--keys-only").split() == second.lines[:1]
    assert ctl("lock", "mine", "echo", "had it") == "had it\n"
    ctl.run("lock", "mine", "false", code=1)
    assert ctl("get", "mine", "--prefix") == ""


def test_elect(ctl):
    with Running(ctl._argv(("elect", "who", "me"))) as me:
        wait_until(lambda: me.lines[1:] == ["me"], what="me to be elected")
        with Running(ctl._argv(("elect", "-l", "who"))) as listener, Running(ctl._argv(("elect", "who", "you"))) as you:
            listener.shows(me.lines)
            wait_until(lambda: len(ctl("get", "who/", "--prefix", "--keys-only").split()) == 2, what="another to stand")
            me.end()
            wait_until(lambda: you.lines[1:] == ["you"], 15, "the other to be elected")
            listener.shows(me.lines + you.lines)
    assert ctl("get", "who/", "--prefix") == ""


def test_make_mirror(ctl, world):
    if ctl.program == ETCDCTL:
        pytest.skip("ours has import --follow, for the keys of /v2")
    target = Ctl([world.node("mirror").start()])
    put_all(ctl, [("m/1", "1"), ("m/2", "2"), ("other", "x")])

    def copied(keys):
        wait_until(lambda: target("get", "", "--from-key").split() == keys, 10, keys)

    with Running(ctl._argv(("make-mirror", target.endpoints, "--prefix", "m/", "--dest-prefix", "copy/"))):
        copied(["copy/1", "1", "copy/2", "2"])
        wait_until(lambda: ctl.watches() == 1, what="it to watch")
        ctl("put", "m/3", "3")
        ctl("del", "m/1")
        ctl("put", "m/2", "two")
        copied(["copy/2", "two", "copy/3", "3"])

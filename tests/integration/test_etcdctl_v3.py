"""Our etcdctl in the place of etcd 3's: one story with every command that ends by itself, played by it and by Debian's
(etcd-client) on a node each, and every byte compared; and what each line has to say, also where Debian's is not here."""

import concurrent.futures
import hashlib
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from moothall import ETCDCTL, SLOW, wait_until
from test_etcdctl_3 import ETCDCTL_3, is_of_etcd_3
from test_etcdctl_3 import Running as Runs
import v3

FORMATS = ("simple", "json", "fields", "table")
TWO = ("simple", "json")


class Player:
    """One of the programs and its node."""

    def __init__(self, program, node, words=()):
        self.program, self.node, self.words = program, node, list(words)
        self.environment = dict({name: value for name, value in os.environ.items() if not name.startswith("ETCDCTL_")},
                                ETCDCTL_API="3", ETCDCTL_ENDPOINTS=node.client)

    def argv(self, *words):
        return [self.program, *self.words, *words]

    def run(self, *words, give=b"", **environment):
        return subprocess.run(self.argv(*words), input=give, capture_output=True, timeout=20 * SLOW,
                              env=dict(self.environment, **environment))

    def text(self, *words, give=b"", code=0):
        done = self.run(*words, give=give)
        assert done.returncode == code, (words, done)
        return done.stdout.decode()

    def refused(self, *words, give=b"", code=1):
        done = self.run(*words, give=give)
        assert done.returncode == code, (words, done)
        return re.findall(r"^Error: (.*)$", done.stderr.decode(), re.M)[-1]


@pytest.fixture
def ours(world):
    return Player(ETCDCTL, world.node("one").start())


def normal(player, text):
    """Without what is another for another node: ids, its address, times."""
    text = text.decode(errors="backslashreplace")
    text = "".join(line for line in text.splitlines(True) if not line.startswith('{"level"') and "stty" not in line)
    text = text.replace(player.node.client, "CLIENT").replace(player.node.peer, "PEER").replace(player.node.name, "NODE")
    text = re.sub(r"\b\d{15,20}\b", "NUMBER", re.sub(r"\b[0-9a-f]{13,16}\b", "ID", text))
    text = re.sub(r'(remaining\(|"TTL" : |"ttl":)29\d', r"\1TTL", text)
    text = re.sub(r"\d+(\.\d+)?(ms|\u00b5s)", "TIME", text)
    text = re.sub(r'("dbSize(InUse)?"|"DBSize" |"hash"|"Hash" ) ?: ?\d+', r"\1 SIZE", text)
    text = re.sub(r"\b[0-9.]+ k?B\b", "SIZE", text)
    return re.sub(r"[ -]{2,}", " ", text)


def lease(player):
    """One for a line of the story, with the id that it is to have."""
    answer = v3.good(player.node, "grant", {"TTL": 300, "ID": 0x77aa}, prefix="/v3/lease/")
    assert answer["ID"] == str(0x77aa)


# What is typed, what comes from standard input, and in which forms it is asked for. A function is called.
COMPARED = b'val("k1") > "a"\nmod("k1") > "0"\nc("k1") > "0"\nver("k2") = "0"\n\n'
STORY = [
    ("put k1 b", b"", FORMATS),
    ("put k1 b2 --prev-kv", b"", FORMATS),
    ("put k1 b3 --prev-kv --hex", b"", TWO),
    ("put k2", b"from stdin\nof two lines\n", ("simple",)),
    ("put k2 x --ignore-lease", b"", TWO),
    ("put k2 --ignore-value", b"", TWO),
    ("put k2 x --ignore-value", b"", ("simple",)),
    ("put k2 x --lease=zz", b"", ("simple",)),
    ("put k2 x --lease=77", b"", TWO),
    ("put", b"", ("simple",)),
    ("put k3", b"", ("simple",)),
    ("put -- --k -v", b"", ("simple",)),
    ("get k1", b"", FORMATS),
    ("get k1 --hex", b"", ("simple", "fields")),
    ("get k --prefix", b"", FORMATS),
    ("get k --prefix --keys-only", b"", TWO),
    ("get k --prefix --print-value-only", b"", TWO),
    ("get k --prefix --limit 1 --order DESCEND", b"", TWO),
    ("get k --prefix --sort-by VALUE --order ascend", b"", TWO),
    ("get k --prefix --sort-by CREATE", b"", ("simple",)),
    ("get --from-key -- -", b"", ("simple",)),
    ("get k1 k2", b"", TWO),
    ("get k1 --rev 2", b"", TWO),
    ("get k1 --rev 2000", b"", ("simple",)),
    ("get k1 --consistency s", b"", ("simple",)),
    ("get k1 --consistency x", b"", ("simple",)),
    ("get k --prefix --order up", b"", ("simple",)),
    ("get k --prefix --sort-by up", b"", ("simple",)),
    ("get k --prefix --from-key", b"", ("simple",)),
    ("get k l --prefix", b"", ("simple",)),
    ("get nothing", b"", FORMATS),
    ("get", b"", ("simple",)),
    ("del k2", b"", FORMATS),
    ("put d1 x", b"", ("simple",)),
    ("put d2 y", b"", ("simple",)),
    ("del d1 d3 --prev-kv", b"", ("fields",)),
    ("put d1 x", b"", ("simple",)),
    ("del d --prefix --prev-kv", b"", ("json",)),
    ("del a b --prefix", b"", ("simple",)),
    ("del", b"", ("simple",)),
    ("txn", COMPARED + b'put k9 "a \\x41\\n"\nget k1\ndel k2 --prev-kv\nget k --prefix --keys-only\n\nput k8 b\n\n', FORMATS),
    ("txn -i", b'val("k1") = "a"\n\n\nput k1 "c d"\nget k1\n\n', ("simple", "fields")),
    ("txn", b"\n\n\n", TWO),
    ("txn", b"bad\n\n", ("simple",)),
    ("txn", b'xal("k1") = "a"\n\n', ("simple",)),
    ("txn", b'mod("k1") = "a"\n\n', ("simple",)),
    ("txn", b"\nput k1\n\n\n", ("simple",)),
    ("txn", b"\nget k1", ("simple",)),
    ("txn", b"\nput a 1\nput a 2\n\n\n", ("simple",)),
    (lease, b"", ()),
    ("put leased v --lease=77aa", b"", ("simple",)),
    ("get leased", b"", TWO + ("fields",)),
    ("lease grant 100", b"", FORMATS),
    ("lease grant x", b"", ("simple",)),
    ("lease grant", b"", ("simple",)),
    ("lease timetolive 77aa --keys", b"", TWO + ("fields",)),
    ("lease keep-alive 77aa --once", b"", FORMATS),
    ("lease revoke 77aa", b"", ("simple",)),
    ("lease revoke 77aa", b"", TWO),
    ("lease timetolive 77aa", b"", FORMATS),
    ("lease keep-alive 77aa --once", b"", ("simple",)),
    ("lease keep-alive 77aa", b"", ("simple",)),
    ("lease revoke zz", b"", ("simple",)),
    ("lease timetolive", b"", ("simple",)),
    ("compaction 5", b"", TWO),
    ("compaction x", b"", ("simple",)),
    ("compaction 50000", b"", ("simple",)),
    ("compaction 7 --physical", b"", ("simple",)),
    ("get k1 --rev 3", b"", ("simple",)),
    ("watch k1 --rev 3", b"", TWO + ("fields",)),
    ("watch z a", b"", ("simple",)),
    ("watch", b"", ("simple",)),
    ("watch a b --prefix", b"", ("simple",)),
    ("watch -i", b"bogus\nwatch\nprogress\n", ("simple",)),
    ("endpoint health", b"", FORMATS),
    ("endpoint health --cluster", b"", ("simple",)),
    ("endpoint status", b"", FORMATS),
    ("defrag", b"", TWO),
    ("alarm list", b"", TWO),
    ("alarm disarm", b"", TWO),
    ("member list", b"", FORMATS),
    ("member add", b"", ("simple",)),
    ("member add b", b"", ("simple",)),
    ("member remove zz", b"", ("simple",)),
    ("member promote 77", b"", ("simple",)),
    ("move-leader 77", b"", ("simple",)),
    ("move-leader zz", b"", ("simple",)),
    ("role add r1", b"", ("simple",)),
    ("role add r1", b"", TWO),
    ("role add r2", b"", ("json",)),
    ("role grant-permission r1 readwrite foo", b"", FORMATS),
    ("role grant-permission r1 read a b", b"", ("simple",)),
    ("role grant-permission r1 write --prefix p", b"", ("simple",)),
    ("role grant-permission r1 write --from-key q", b"", ("simple",)),
    ("role grant-permission r1 wr q", b"", ("simple",)),
    ("role grant-permission r1 read a --prefix --from-key", b"", ("simple",)),
    ("role get r1", b"", FORMATS),
    ("role get r9", b"", TWO),
    ("role list", b"", FORMATS),
    ("role revoke-permission r1 foo", b"", ("simple",)),
    ("role revoke-permission r1 foo", b"", ("simple",)),
    ("role revoke-permission r1 p --prefix", b"", ("simple",)),
    ("role revoke-permission r1 q --from-key", b"", ("simple",)),
    ("role delete r2", b"", ("simple",)),
    ("role delete r2", b"", ("simple",)),
    ("user add u1:p1", b"", ("simple",)),
    ("user add u1:p1", b"", TWO),
    ("user add u2 --interactive=false", b"pw\n", ("simple",)),
    ("user add u3", b"pw\npw\n", ("simple",)),
    ("user add u4", b"pw\nother\n", ("simple",)),
    ("user add u5 --new-user-password=x", b"", ("json",)),
    ("user add u6 --no-password", b"", ("simple",)),
    ("user grant-role u1 r1", b"", FORMATS),
    ("user grant-role u1 r9", b"", ("simple",)),
    ("user get u1", b"", FORMATS),
    ("user get u1 --detail", b"", FORMATS),
    ("user get u9", b"", ("simple",)),
    ("user list", b"", FORMATS),
    ("user passwd u2 --interactive=false", b"pw2\n", TWO),
    ("user revoke-role u1 r1", b"", ("simple",)),
    ("user revoke-role u1 r1", b"", ("simple",)),
    ("user grant-role u1 r1", b"", ("simple",)),
    ("user delete u6", b"", ("simple",)),
    ("user delete u6", b"", ("simple",)),
    ("auth enable", b"", ("simple",)),
    ("user add root:rp", b"", ("simple",)),
    ("auth enable", b"", ("simple",)),
    ("put a b", b"", ("simple",)),
    ("put z b --user u1:p1", b"", TWO),
    ("put a b --user u1:bad", b"", ("simple",)),
    ("get a --user u1 --password p1", b"", ("simple",)),
    ("put k1 b --user root:rp", b"", ("simple",)),
    ("role list --user u1:p1", b"", ("simple",)),
    ("endpoint health --user u1:p1", b"", ("simple",)),
    ("endpoint health", b"", ("simple",)),
    ("lock name --user root:rp echo held", b"", ("simple",)),
    ("auth disable --user u1:p1", b"", ("simple",)),
    ("auth disable --user root:rp", b"", ("simple",)),
    ("get l --prefix --keys-only", b"", ("simple",)),
    ("lock name -- sh -c true", b"", ("simple",)),
    ("lock name false", b"", ("simple",)),
    ("lock name there-is-no-such-command", b"", ("simple",)),
    ("lock", b"", ("simple",)),
    ("elect name", b"", ("simple",)),
    ("elect name value -l", b"", ("simple",)),
    ("snapshot save", b"", ("simple",)),
    ("snapshot status", b"", ("simple",)),
]


def play(player):
    """(what was typed, exit code, standard output, standard error) of each line."""
    for words, give, formats in STORY:
        if callable(words):
            words(player)
        for form in formats:
            # Which form it is stands before the rest: behind it may be a command line of somebody else.
            argv = words.split() if form == "simple" else ["-w", form] + words.split()
            done = player.run(*argv, give=give)
            yield " ".join(argv), done.returncode, normal(player, done.stdout), normal(player, done.stderr)


@pytest.mark.skipif(not is_of_etcd_3(), reason="no etcdctl of etcd 3 is here (Debian's etcd-client)")
def test_every_byte_is_as_of_debians(world):
    pair = [Player(program, world.node("node-%d" % i).start())
            for i, program in enumerate((ETCDCTL_3, ETCDCTL))]
    with concurrent.futures.ThreadPoolExecutor(2) as both:
        theirs, ours_too = both.map(lambda player: list(play(player)), pair)
    assert len(theirs) == len(ours_too) > 200
    for their_line, our_line in zip(theirs, ours_too):
        assert our_line == their_line


# ---- which grammar


def test_the_word_v3_and_the_variable_are_the_same(ours):
    assert ours.text("put", "a", "1") == "OK\n"
    assert ours.text("v3", "get", "a") == "a\n1\n"
    plain = Player(ETCDCTL, ours.node, ["v3"])
    del plain.environment["ETCDCTL_API"]
    assert plain.text("get", "a", "--print-value-only") == "1\n"
    assert plain.text("--write-out=json", "get", "none").startswith('{"header":{')
    old = Player(ETCDCTL, ours.node)
    old.environment["ETCDCTL_API"] = "2"
    assert old.text("set", "/a", "2") == "2\n"
    assert old.refused("--debug", "v3", "get", "a") == "--debug stands before the word v3; write the options of v3 behind it"
    assert ours.text("get", "a") == "a\n1\n"


@pytest.mark.parametrize("words, code, says", [
    (["get", "--bogus", "a"], 1, "get has no option --bogus; write -- before a word that begins with a dash"),
    (["get", "--prefx", "a"], 1, "no option --prefx; did you mean --prefix?"),
    (["get", "a", "--limit", "many"], 1, '--limit: "many" is not allowed; write a whole number from 0'),
    (["get", "a", "-w", "xml"], 4, 'unsupported output format "xml" (--write-out); write simple, json, fields or table'),
    (["get", "a", "--command-timeout", "soon"], 1,
     '--command-timeout: "soon" is not allowed; write a time such as 2s, 500ms or 1m30s'),
    (["defrga"], 1, 'no command "v3 defrga"; did you mean "v3 defrag"?'),
    (["lease"], 1, "lease: say which of its commands"),
    (["get", "a", "--endpoints", "127.0.0.1:1"], 1,
     "no endpoint can be reached (--endpoints): http://127.0.0.1:1: Connection refused"),
    (["get", "a", "--endpoints", "http://"], 128, None),
    (["get", "a", "--cert", "/nowhere.crt"], 128, None),
    (["check", "perf", "--load", "xxl"], 4, "unknown load option xxl"),
    (["snapshot", "restore", "file"], 4, "a snapshot is restored by 'etcdctl restore file --to DIR --name NAME', without ETCDCTL_API=3"),
    (["get", "a", "--user", "me"], 128, 'no password for "me" (--user): write NAME:PASSWORD, or give --password'),
])
def test_bad_words_have_a_sentence(ours, words, code, says):
    done = subprocess.run(ours.argv(*words), env=ours.environment, capture_output=True, text=True, timeout=20 * SLOW, start_new_session=True)
    assert done.returncode == code and done.stdout == "", done
    assert says is None or "Error: %s\n" % says in done.stderr, done
    assert '{"level"' not in done.stderr


def test_what_comes_in_is_bounded(ours):
    line = "val(\"k\") > \"%s\"\n" % ("x" * 1000)
    assert ours.refused("txn", give=line.encode() * 67000, code=3) == "the transaction is above 67108864 bytes"
    assert ours.refused("put", "a", give=b"x" * (64 * 1024 * 1024 + 1), code=128) == "standard input is above 67108864 bytes"
    assert ours.refused("put", "a", give=b"x" * (1600 * 1024)) == "etcdserver: request is too large"
    assert ours.refused("watch", "-i", give=b"x" * 65537, code=3) == "a line is above 65536 bytes"
    assert ours.refused("watch", "-i", give=b"watch a\n" * 65, code=3) == "more than 64 watches"
    assert ours.refused("watch", "-i", give=b"watch a\n" * 64, code=3) == "Error reading watch request line: EOF"


def test_ids_that_begin_with_zeros():
    """As etcd's own has them: shorter, and in the lines on members with blanks in front."""
    header = {"cluster_id": str(0xc0), "member_id": str(0xe88)}

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"header": header, "leader": str(0xe88), "members": []}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for words, said in ((("move-leader", "7f"), "Leadership transferred from e88 to 7f"),
                        (("member", "remove", "7f"), "Member %16s removed from cluster %16s" % ("7f", "c0")),
                        (("member", "update", "7f", "--peer-urls", "http://127.0.0.1:1"), "Member %16s updated in cluster %16s" % ("7f", "c0"))):
        done = subprocess.run([ETCDCTL, "v3", "--endpoints", "127.0.0.1:%d" % server.server_address[1], *words],
                              capture_output=True, text=True, timeout=20 * SLOW)
        assert done.stdout == said + "\n", done
    server.shutdown()
    server.server_close()


def test_a_message_without_an_end(world):
    """A server that goes on and on without a newline is left."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            try:
                for _ in range(400):
                    connection.sendall(b"x" * (1 << 20))
            except OSError:
                pass
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    address = "127.0.0.1:%d" % listener.getsockname()[1]
    done = subprocess.run([ETCDCTL, "v3", "--endpoints", address, "watch", "a"], capture_output=True, text=True, timeout=60 * SLOW)
    thread.join(10)
    listener.close()
    assert done.returncode == 1 and done.stderr == "Error: http://%s/v3/watch: a message is above 268435456 bytes\n" % address


# ---- what goes on


class Background(Runs):
    def __init__(self, player, *words, give=None):
        super().__init__(player.argv(*words), give, player.environment)


def test_a_watch_runs_a_command_for_each_change(ours):
    first = json.loads(ours.text("put", "k", 'a "b"\n\x01', "-w", "json"))["header"]["revision"]
    ours.text("del", "k")
    watch = ("watch", "--rev", str(first), "k", "--", "sh", "-c", "env | grep ^ETCD_WATCH | sort; echo .")
    with Background(ours, *watch) as running:
        running.shows(["PUT", "k", 'a "b"', "\x01", "DELETE", "k", "",
                       'ETCD_WATCH_EVENT_TYPE="PUT"', 'ETCD_WATCH_KEY="k"', "ETCD_WATCH_REVISION=%d" % (first + 1),
                       'ETCD_WATCH_VALUE="a \\"b\\"\\n\\x01"', ".",
                       'ETCD_WATCH_EVENT_TYPE="DELETE"', 'ETCD_WATCH_KEY="k"', "ETCD_WATCH_REVISION=%d" % (first + 1),
                       'ETCD_WATCH_VALUE=""', "."])
    done = ours.run("watch", "--rev", str(first), "k", "--", "sh", "-c", "exit 3")
    assert done.returncode == 1 and done.stderr.decode() == 'command ["sh" "-c" "exit 3"] error (exit status 3)\n'
    done = ours.run("watch", "--rev", str(first), "--", "sh", "-c", "exit 4", ETCDCTL_WATCH_KEY="k")
    assert done.returncode == 1 and "exit status 4" in done.stderr.decode()


def test_a_watch_that_nobody_serves_rests_and_goes_on(ours):
    ours.text("put", "k", "1")
    with Background(ours, "watch", "k", "--rev", "2") as running:
        running.shows(["PUT", "k", "1"])
        ours.node.stop()

        def ticks():
            with open("/proc/%d/stat" % running.process.pid) as file:
                return sum(int(field) for field in file.read().rpartition(")")[2].split()[11:13])
        before = ticks()
        time.sleep(1.5)     # so long it would work
        assert ticks() - before < 20
        ours.node.start()
        ours.text("put", "k", "2")
        running.shows(["PUT", "k", "1", "PUT", "k", "2"])


def test_watches_from_standard_input(ours):
    ours.text("put", "a", "1")
    ours.text("put", "b", "2")
    with Background(ours, "watch", "-i", give="watch a --rev 1\nwhat\nwatch b --rev=1 -w simple\nwatch 'b' --rev 1\n") as running:
        wait_until(lambda: sorted(running.lines) == sorted(
            ["PUT", "a", "1", "Invalid command what (only support watch)", "PUT", "b", "2", "PUT", "b", "2"]), 10, running.lines)


def test_a_lock_is_one_for_both_programs(ours):
    """A lock of ours is waited for by Debian's, and the other way round."""
    others = [Player(ETCDCTL_3, ours.node)] if is_of_etcd_3() else []
    for first, second in [(ours, player) for player in [ours] + others] + [(player, ours) for player in others]:
        with Background(first, "lock", "one") as holding:
            wait_until(lambda: holding.lines, 10, "the lock")
            with Background(second, "lock", "one", "echo", "mine") as waiting:
                wait_until(lambda: ours.text("get", "one/", "--prefix", "--keys-only").count("one/") == 2, 10, "two in the queue")
                assert waiting.lines == []
                holding.end(signal.SIGINT)
                waiting.shows(["mine"])
        wait_until(lambda: ours.text("get", "one/", "--prefix", "--keys-only") == "", 10, "an empty queue")


def test_a_lock_that_is_lost_ends_its_command(ours):
    with Background(ours, "lock", "--ttl", "2", "one", "sh", "-c", "echo $ETCD_LOCK_KEY; exec sleep 60") as running:
        wait_until(lambda: running.lines, 10, "the lock")
        assert re.fullmatch("one/[0-9a-f]+", running.lines[0])
        ours.text("lease", "revoke", running.lines[0].split("/")[1])
        wait_until(lambda: running.process.poll() is not None, 15, "its end")
        assert running.process.returncode == 1 and running.lines[-1] == "Error: session expired"


def test_leaders_follow_each_other(ours):
    with Background(ours, "elect", "-l", "name") as seen:
        with Background(ours, "elect", "name", "first") as first:
            wait_until(lambda: first.lines[1:] == ["first"], 10, "the first leader")
            with Background(ours, "elect", "name", "second") as second:
                wait_until(lambda: ours.text("get", "name/", "--prefix", "--keys-only").count("name/") == 2, 10, "the second")
                first.end(signal.SIGTERM)
                wait_until(lambda: second.lines[1:] == ["second"], 10, "the second leader")
        wait_until(lambda: [line for line in seen.lines if "/" not in line] == ["first", "second"], 10, seen.lines)


def test_a_token_that_is_not_known_any_more_is_asked_for_again(ours):
    """A lease is kept alive by one who has logged in before the node forgot his token."""
    for words in (["user", "add", "root:pw"], ["auth", "enable"]):
        ours.text(*words)
    ours.words = ["--user", "root:pw"]
    lease_id = ours.text("lease", "grant", "6").split()[1]
    with Background(ours, "lease", "keep-alive", lease_id) as running:
        wait_until(lambda: running.lines, 10, "the first renewal")
        before = len(running.lines)
        ours.node.stop()
        ours.node.start()
        wait_until(lambda: len(running.lines) > before + 1, 15, "renewals behind that")
        assert all("keepalived with TTL(6)" in line for line in running.lines), running.lines


# ---- snapshots


def test_a_snapshot_is_a_backup(ours, tmp_path):
    file = str(tmp_path / "snapshot")
    ours.text("put", "a", "1")
    # What somebody has put there beforehand is not written to.
    other = tmp_path / "other"
    other.write_text("his")
    os.symlink(other, file + ".part")
    assert ours.text("snapshot", "save", file) == "Snapshot saved at %s\n" % file
    assert other.read_text() == "his" and sorted(os.listdir(tmp_path)) == ["other", "snapshot", "snapshot.part"]
    os.unlink(file + ".part")
    assert os.stat(file).st_mode & 0o777 == 0o600 and not os.path.exists(file + ".part")
    assert re.match(r"whole, .*, store index \d+, raft index \d+, made .* by one\n", ours.text("snapshot", "status", file))
    assert json.loads(ours.text("snapshot", "status", file, "-w", "json"))["totalSize"] == os.stat(file).st_size
    with open(file, "r+b") as cut:
        cut.truncate(os.stat(file).st_size - 100)
    assert file in ours.refused("snapshot", "status", file)
    assert ours.refused("snapshot", "status", file + ".no") == "stat %s.no: No such file or directory" % file
    other = file + ".of-etcd"
    content = os.urandom(4096)
    with open(other, "wb") as made:
        made.write(content + hashlib.sha256(content).digest())
    assert ours.text("snapshot", "status", other).startswith("whole, 4128 bytes, of etcd")
    with open(other, "ab") as made:
        made.write(b"x")
    assert "none of etcd that is whole" in ours.refused("snapshot", "status", other)
    assert "snapshot must be requested to one" in ours.refused("--endpoints", "127.0.0.1:1,127.0.0.1:2", "snapshot", "save", file)

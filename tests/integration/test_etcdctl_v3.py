"""Our etcdctl in the place of etcd 3's: one story with every command that ends by itself, played by it and by Debian's
(etcd-client) on a node each, and every byte compared; and what each line has to say, also where Debian's is not here."""

import base64
import json
import os
import re
import signal
import subprocess
import time

import pytest

from moothall import ETCDCTL, SLOW, wait_until
from test_etcdctl_3 import ETCDCTL_3, is_of_etcd_3
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
    text = re.sub(r"\d+(\.\d+)?(ms|\u00b5s)", "TIME", text)
    text = re.sub(r'("dbSize(InUse)?"|"DBSize" |"hash"|"Hash" ) ?: ?\d+', r"\1 SIZE", text)
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
    compared = 0
    for theirs, mine in zip(*[play(player) for player in pair]):
        assert mine == theirs
        compared += 1
    assert compared > 200

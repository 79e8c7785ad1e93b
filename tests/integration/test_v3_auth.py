"""Users of the v3 API: tokens and where they count, rights while they change, what is root's of both
sets of users, bounds. What each call is answered the recorded cases say (test_v3_conformance)."""

import base64
import collections
import http.client
import json
import os
import threading
import time

import pytest

import h2
from moothall import SLOW, ask, wait_until
from v3 import b64, below, call, get, good, keys, put, refused
from wire import Wire, request

EMPTY = (400, 3, "etcdserver: user name is empty")
DENIED = (403, 7, "etcdserver: permission denied")
NO_TOKEN = (401, 16, "etcdserver: invalid auth token")
FAILED = (400, 3, "etcdserver: authentication failed, invalid user ID or password")


def auth(node, method, message=None, token=None, **more):
    return good(node, method, message or {}, prefix="/v3/auth/", headers=of(token), **more)


def of(token, basic=None):
    headers = {"Grpc-Metadata-Token": token} if token else {}
    if basic:
        headers["Authorization"] = "Basic " + base64.b64encode(basic.encode()).decode()
    return headers


def sign_in(node, name="root", password="rootpw"):
    return auth(node, "authenticate", {"name": name, "password": password})["token"]


def prepare(node):
    """root, and u: READWRITE below rw/, READ below r/, WRITE of w."""
    auth(node, "user/add", {"name": "root", "password": "rootpw"})
    auth(node, "user/grant", {"user": "root", "role": "root"})
    auth(node, "user/add", {"name": "u", "password": "pw"})
    auth(node, "role/add", {"name": "r"})
    for kind, name in (("READWRITE", "rw/"), ("READ", "r/")):
        auth(node, "role/grant", {"name": "r", "perm": dict(below(name), permType=kind)})
    auth(node, "role/grant", {"name": "r", "perm": {"permType": "WRITE", "key": b64("w")}})
    auth(node, "user/grant", {"user": "u", "role": "r"})


def switch_on(node):
    prepare(node)
    auth(node, "enable")
    return sign_in(node), sign_in(node, "u", "pw")


def may_not(node, method, message, why, token=None, prefix="/v3/kv/", headers=None):
    status, code, text = why
    refused(node, method, message, status, code, text, prefix=prefix,
            headers=of(token) if headers is None else headers)


# ---- tokens -----------------------------------------------------------------------------------


def test_a_token_counts_on_every_member_at_once(world):
    nodes = world.cluster()
    root, _ = switch_on(nodes[0])
    for turn in range(6):
        token = sign_in(nodes[turn % 3], "u", "pw")
        for node in nodes:
            good(node, "range", {"key": b64("r/a")}, headers=of(token))
            good(node, "put", {"key": b64("rw/%d" % turn)}, headers=of(token))
    # What is gone is gone on all that have applied it: a read by a quorum has.
    auth(nodes[1], "user/changepw", {"name": "u", "password": "new"}, root)
    for node in nodes:
        auth(node, "status", token=root)
        may_not(node, "range", {"key": b64("r/a")}, NO_TOKEN, token)
    # An index that is to come is asked for once, and is none.
    may_not(nodes[2], "range", {"key": b64("r/a")}, NO_TOKEN, token.split(".")[0] + ".99999999")
    other = ("B" if token[0] == "A" else "A") + root[1:]
    may_not(nodes[0], "range", {"key": b64("r/a")}, NO_TOKEN, other)


def test_a_restart_of_the_node_forgets_tokens_and_keeps_users(world):
    node = world.node().start()
    root, token = switch_on(node)
    good(node, "put", {"key": b64("rw/a"), "value": b64("1")}, headers=of(token))
    node.stop()
    node.start()
    may_not(node, "range", {"key": b64("rw/a")}, NO_TOKEN, token)
    may_not(node, "range", {"key": b64("rw/a")}, EMPTY)
    status = auth(node, "status", token=sign_in(node))
    assert status["enabled"] is True and status["authRevision"] == "9"
    assert auth(node, "user/list", token=sign_in(node))["users"] == ["root", "u"]
    token = sign_in(node, "u", "pw")
    assert keys(good(node, "range", below("rw/"), headers=of(token))) == ["rw/a"]


def test_tokens_outlive_each_process_of_a_node(world):
    nodes = world.cluster(flags=["-workers", "2"])
    _, token = switch_on(nodes[0])
    answers, lock, stopping = collections.Counter(), threading.Lock(), threading.Event()

    def use(node, method):
        while not stopping.is_set():
            try:
                what = call(node, method, {"key": b64("rw/a")}, headers=of(token))
                what = what.status if what.status == 200 else (what.status, what.body)
            except (OSError, http.client.HTTPException):
                what = "broken"     # its worker was killed
            with lock:
                answers[what] += 1

    def wait_more():
        goal = answers[200] + 40
        wait_until(lambda: answers[200] >= goal, 20, "more answers")

    threads = [threading.Thread(target=use, args=(node, method), daemon=True)
               for node in nodes for method in ("range", "put")]
    for thread in threads:
        thread.start()
    wait_more()
    for kind in ("raftd", "client", "raftd", "client", "peer", "raftd"):
        for node in nodes:
            node.kill(kind)
            wait_more()
    stopping.set()
    for thread in threads:
        thread.join(30 * SLOW)
    assert set(answers) <= {200, "broken"}, answers


def test_neither_passwords_nor_tokens_are_written_down(world):
    node = world.node().start()
    prepare(node)
    auth(node, "user/add", {"name": "s", "password": "very-secret-word"})
    auth(node, "enable")
    token = sign_in(node, "s", "very-secret-word")
    assert call(node, "authenticate", {"name": "s", "password": "a-wrong-secret"},
                prefix="/v3/auth/").status == 400
    node.stop()
    secrets = [b"very-secret-word", b"a-wrong-secret", token.split(".")[0].encode()]
    for secret in secrets:
        assert secret.decode() not in node.log()
    for directory, _, names in os.walk(node.directory):
        for name in names:
            if not os.path.isfile(os.path.join(directory, name)):
                continue
            with open(os.path.join(directory, name), "rb") as file:
                data = file.read()
            for secret in secrets:
                assert secret not in data, (name, secret)


# ---- rights -----------------------------------------------------------------------------------


def test_a_watch_ends_with_its_permission(world):
    node = world.node().start()
    root, token = switch_on(node)
    host, port = node.client.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=10 * SLOW)
    connection.request("POST", "/v3/watch", json.dumps({"create_request": below("r/")}),
                       headers=of(token))
    answer = connection.getresponse()
    assert json.loads(answer.readline())["result"]["created"] is True
    good(node, "put", {"key": b64("r/a")}, headers=of(root))
    assert "events" in json.loads(answer.readline())["result"]
    auth(node, "role/revoke", dict(below("r/"), role="r"), root)
    assert json.loads(answer.readline())["error"]["message"] == DENIED[2]
    assert answer.readline() == b""
    connection.close()


def test_who_began_a_watch_before_users_counted_is_nobody(world):
    node = world.node().start()
    host, port = node.client.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=10 * SLOW)
    connection.request("POST", "/v3/watch", json.dumps({"create_request": below("r/")}))
    answer = connection.getresponse()
    assert json.loads(answer.readline())["result"]["created"] is True
    prepare(node)
    auth(node, "enable")
    assert json.loads(answer.readline())["error"]["message"] == DENIED[2]
    connection.close()


def test_keys_of_a_lease_are_shown_to_who_may_read_them(world):
    node = world.node().start()
    root, token = switch_on(node)
    lease = good(node, "grant", {"TTL": 60}, prefix="/v3/lease/", headers=of(token))["ID"]
    good(node, "put", {"key": b64("rw/a"), "lease": lease}, headers=of(token))
    look = {"ID": lease, "keys": True}
    assert good(node, "timetolive", look, prefix="/v3/lease/",
                headers=of(token))["keys"] == [b64("rw/a")]
    good(node, "put", {"key": b64("other"), "lease": lease}, headers=of(root))
    may_not(node, "timetolive", look, DENIED, token, "/v3/lease/")
    assert "keys" not in good(node, "timetolive", {"ID": lease}, prefix="/v3/lease/",
                              headers=of(token))
    may_not(node, "put", {"key": b64("rw/b"), "lease": lease}, DENIED, token)
    may_not(node, "revoke", {"ID": lease}, DENIED, token, "/v3/lease/")
    may_not(node, "leases", {}, EMPTY, None, "/v3/lease/")
    may_not(node, "grant", {"TTL": 60}, EMPTY, None, "/v3/lease/")


def test_nested_branches_are_asked_for(world):
    node = world.node().start()
    _, token = switch_on(node)
    inner = {"failure": [{"request_range": {"key": b64("secret")}}]}
    may_not(node, "txn", {"success": [{"request_txn": inner}]}, DENIED, token)
    may_not(node, "txn", {"failure": [{"request_put": {"key": b64("w"), "prev_kv": True}}]},
            DENIED, token)
    good(node, "txn", {"failure": [{"request_put": {"key": b64("w")}}]}, headers=of(token))


class Waiting:
    """A POST on a connection of its own, which may take long."""

    def __init__(self, node, path, message, token):
        self.wire = Wire(node.client, timeout=20)
        self.wire.send(request("POST", path, body=json.dumps(message), headers=["%s: %s" % each for each in of(token).items()]))

    def answer(self):
        answer = self.wire.answer()
        return answer.status, answer.json.get("code"), answer.json.get("error")


def queue(node, name, token):
    return keys(good(node, "range", dict(below(name + "/"), keys_only=True), headers=of(token)))


def test_locks_and_elections_are_for_who_may_read_and_write_their_keys(world):
    node = world.node().start()
    root, token = switch_on(node)
    for path, message in (("lock/lock", {"name": b64("r/l")}), ("lock/lock", {"name": b64("w")}),
                          ("lock/unlock", {"key": b64("r/l/1")}),
                          ("election/campaign", {"name": b64("r/e"), "value": b64("v")}),
                          ("election/leader", {"name": b64("w")}), ("election/observe", {"name": b64("w")}),
                          ("election/proclaim", {"leader": {"key": b64("r/e/1"), "rev": "9"}}),
                          ("election/resign", {"leader": {"key": b64("w/1"), "rev": "9"}})):
        may_not(node, path, message, DENIED, token, "/v3/")
        may_not(node, path, message, EMPTY, None, "/v3/")
    assert good(node, "leases", {}, prefix="/v3/lease/", headers=of(root)).get("leases", []) == []
    key = good(node, "lock", {"name": b64("rw/l")}, prefix="/v3/lock/", headers=of(token))["key"]
    behind = Waiting(node, "/v3/lock/lock", {"name": b64("rw/l")}, root)
    wait_until(lambda: len(queue(node, "rw/l", root)) == 2)
    good(node, "unlock", {"key": key}, prefix="/v3/lock/", headers=of(token))
    assert behind.answer()[0] == 200
    leader = good(node, "campaign", {"name": b64("rw/e"), "value": b64("1")}, prefix="/v3/election/",
                  headers=of(token))["leader"]
    good(node, "proclaim", {"leader": leader, "value": b64("2")}, prefix="/v3/election/", headers=of(token))
    shown = good(node, "leader", {"name": b64("rw/e")}, prefix="/v3/election/", headers=of(token))
    assert shown["kv"]["value"] == b64("2")
    good(node, "resign", {"leader": leader}, prefix="/v3/election/", headers=of(token))


def test_who_waits_for_a_lock_leaves_when_his_right_does(world):
    node = world.node().start()
    root, token = switch_on(node)
    good(node, "lock", {"name": b64("rw/l")}, prefix="/v3/lock/", headers=of(root))
    waits = Waiting(node, "/v3/lock/lock", {"name": b64("rw/l")}, token)
    wait_until(lambda: len(queue(node, "rw/l", root)) == 2)
    # He may write still, so his lease is revoked at once, and his key goes with it.
    auth(node, "role/grant", {"name": "r", "perm": dict(below("rw/"), permType="WRITE")}, root)
    assert waits.answer() == DENIED
    wait_until(lambda: len(queue(node, "rw/l", root)) == 1)
    # Who is no user may not: then it goes when its lease has expired.
    auth(node, "role/grant", {"name": "r", "perm": dict(below("rw/"), permType="READWRITE")}, root)
    waits = Waiting(node, "/v3/lock/lock", {"name": b64("rw/l")}, token)
    wait_until(lambda: len(queue(node, "rw/l", root)) == 2)
    auth(node, "user/delete", {"name": "u"}, root)
    assert waits.answer() == DENIED


def test_a_range_of_many_pieces_over_grpc_is_a_users(world):
    node = world.node().start()
    root, token = switch_on(node)
    for number in range(12):
        good(node, "put", {"key": b64("r/%d" % number), "value": b64("v" * (1 << 20))}, headers=of(root))
    asked = h2.message(f1="r/", f2="r0")
    with h2.H2(node.client, timeout=30) as client:
        answer = h2.call(client, "/etcdserverpb.KV/Range", asked, [("token", token)])
        assert answer.last("grpc-status") == "0" and len(answer.body) > 12 << 20
        assert h2.refusal(h2.call(client, "/etcdserverpb.KV/Range", h2.message(f1="r/", f2="s"),
                                  [("token", token)])) == DENIED[1:]
        assert h2.refusal(h2.call(client, "/etcdserverpb.KV/Range", asked)) == EMPTY[1:]


@pytest.mark.parametrize("path", ["cluster/member/list", "maintenance/status",
                                  "maintenance/alarm", "kv/compaction"])
def test_what_any_user_may_nobody_may_not(world, path):
    node = world.node().start()
    _, token = switch_on(node)
    may_not(node, path, {"revision": "0"}, EMPTY, None, "/v3/")
    answer = call(node, path, {"revision": "0"}, prefix="/v3/", headers=of(token))
    assert answer.status == 200 or "compacted" in answer.json["error"], answer


@pytest.mark.parametrize("path", ["maintenance/snapshot", "maintenance/hash",
                                  "maintenance/defragment", "cluster/member/add",
                                  "cluster/member/remove", "maintenance/transfer-leadership",
                                  "auth/user/list", "auth/role/list", "auth/status"])
def test_what_is_roots(world, path):
    node = world.node().start()
    root, token = switch_on(node)
    may_not(node, path, {}, EMPTY, None, "/v3/")
    may_not(node, path, {}, DENIED, token, "/v3/")
    answer = call(node, path, {}, prefix="/v3/", headers=of(root))
    assert answer.status not in (401, 403), answer


# ---- certificates -----------------------------------------------------------------------------


def test_the_name_in_a_certificate_is_a_user_by_grpc(world, authority):
    server, u, bare, other = (authority.issue(name) for name in ("server", "u", "bare", "other"))
    node = world.node(flags=server.flags("", authority) + ["-client-cert-user", "true"],
                      tls=authority.context(u)).start()

    def by_json(path, message, token=None):
        answer = ask(node.client, "POST", path, json.dumps(message), tls=authority.context(u),
                     headers=of(token))
        return answer.status, answer.json.get("code"), answer.json

    def put_as(pair, key, token=None):
        context = authority.context(pair)
        context.set_alpn_protocols(["h2"])
        with h2.H2(node.client, tls=context) as client:
            answer = h2.call(client, "/etcdserverpb.KV/Put", h2.message(f1=key),
                             [("token", token)] if token else [])
        status = int(answer.last("grpc-status"))
        return status if status == 0 else h2.refusal(answer)
    for path, message in (("user/add", {"name": "root", "password": "pw"}),
                          ("user/grant", {"user": "root", "role": "root"}),
                          ("user/add", {"name": "u", "password": "pw"}),
                          ("user/add", {"name": "bare", "options": {"no_password": True}}),
                          ("role/add", {"name": "r"}),
                          ("role/grant", {"name": "r", "perm": dict(below("rw/"), permType="READWRITE")}),
                          ("user/grant", {"user": "u", "role": "r"}),
                          ("user/grant", {"user": "bare", "role": "r"}), ("enable", {})):
        assert by_json("/v3/auth/" + path, message)[0] == 200
    for pair in u, bare:
        assert put_as(pair, "rw/a") == 0
        assert put_as(pair, "x") == DENIED[1:]
    # A name that is no user's is nobody's.
    assert put_as(other, "rw/a") == DENIED[1:]
    # A token that is shown counts alone.
    root = by_json("/v3/auth/authenticate", {"name": "root", "password": "pw"})[2]["token"]
    assert put_as(u, "x", root) == 0 and put_as(other, "x", root) == 0
    assert put_as(u, "rw/a", "A" * 16 + ".1") == NO_TOKEN[1:]
    # Not by JSON: the original's gateway has a certificate of its own.
    assert by_json("/v3/kv/put", {"key": b64("rw/a")})[:2] == EMPTY[:2]
    assert by_json("/v3/kv/put", {"key": b64("rw/a")}, root)[0] == 200


# ---- the other users --------------------------------------------------------------------------


def v2_users(node):
    for path, body in (("users/root", {"user": "root", "password": "v2pw"}), ("enable", None)):
        answer = ask(node.client, "PUT", "/v2/auth/" + path, body and json.dumps(body))
        assert answer.status in (200, 201), answer


def test_while_both_sets_count_neither_is_a_way_around_the_other(world):
    node = world.node().start()
    v2_users(node)
    v2 = "root:v2pw"
    # v3 is the other root's alone, as long as it has no users of its own that count.
    assert call(node, "range", {"key": b64("a")}).status == 401
    good(node, "put", {"key": b64("a")}, headers=of(None, v2))
    for method, message in (("user/add", {"name": "root", "password": "rootpw"}),
                            ("user/grant", {"user": "root", "role": "root"}), ("enable", {})):
        assert call(node, method, message, prefix="/v3/auth/").status == 401
        good(node, method, message, prefix="/v3/auth/", headers=of(None, v2))
    # From here on its own users count for its keys, and the other's do not.
    root = sign_in(node)
    may_not(node, "range", {"key": b64("a")}, EMPTY, headers=of(None, v2))
    good(node, "range", {"key": b64("a")}, headers=of(root))
    assert ask(node.client, "PUT", "/v2/keys/a?value=1", headers=of(root)).status in (200, 201, 401)
    assert ask(node.client, "GET", "/v2/admin/config", headers=of(root)).status == 401
    # What holds both is for who is root of both.
    for path in ("maintenance/snapshot", "cluster/member/remove"):
        may_not(node, path, {}, DENIED, root, "/v3/")
        assert call(node, path, {"ID": "1"}, prefix="/v3/",
                    headers=of(root, v2)).status not in (401, 403)
    for headers, status in ((of(None, v2), 401), (of(root), 401), (of(root, v2), 200)):
        assert ask(node.client, "GET", "/v2/admin/backup", headers=headers).status == status
    # Off again, it is the other root's again.
    auth(node, "disable", token=root)
    assert call(node, "range", {"key": b64("a")}).status == 401


def test_the_rest_of_v2_is_for_the_root_of_v3_while_its_own_users_do_not_count(world):
    node = world.node().start()
    root, token = switch_on(node)
    assert ask(node.client, "PUT", "/v2/keys/a?value=1").status == 201
    place = json.dumps({"peerURLs": ["http://127.0.0.9:9"]})
    for shown in (None, token):
        assert ask(node.client, "GET", "/v2/admin/backup", headers=of(shown)).status == 401
        assert ask(node.client, "POST", "/v2/members", place, headers=of(shown)).status == 401
        assert ask(node.client, "GET", "/v2/admin/config", headers=of(shown)).status == 401
    for path in ("config", "backup"):
        assert ask(node.client, "GET", "/v2/admin/" + path, headers=of(root)).status == 200
    assert ask(node.client, "POST", "/v2/members", place, headers=dict(
        of(root), **{"Content-Type": "application/json"})).status == 201


def test_hashes_of_passwords_are_for_nobody_while_nobody_is_known_as_root(world):
    node = world.node().start()
    prepare(node)
    answer = call(node, "snapshot", {}, prefix="/v3/maintenance/")
    assert answer.status == 403 and "hashes" in answer.json["error"]
    assert ask(node.client, "GET", "/v2/stats/log").status == 403
    assert ask(node.client, "GET", "/v2/admin/backup").status == 403
    auth(node, "enable")
    root = sign_in(node)
    assert call(node, "snapshot", {}, prefix="/v3/maintenance/", headers=of(root)).status == 200
    assert ask(node.client, "GET", "/v2/stats/log", headers=of(root)).status == 200


# ---- bounds -----------------------------------------------------------------------------------


def test_bounds(world):
    node = world.node().start()
    long_name = "n" * 255
    auth(node, "user/add", {"name": long_name, "password": "p" * 72})
    refused(node, "user/add", {"name": long_name + "n", "password": "p"}, 400, 3,
            "the name of a user or role has at most 255 bytes", prefix="/v3/auth/")
    for bad in ("p" * 73, "a\0b"):
        refused(node, "user/add", {"name": "x", "password": bad}, 400, 3,
                "a password has at most 72 bytes, and no zero byte", prefix="/v3/auth/")
    auth(node, "role/add", {"name": "r"})
    auth(node, "role/grant", {"name": "r", "perm": {"key": b64("k" * 4096)}})
    refused(node, "role/grant", {"name": "r", "perm": {"key": b64("k" * 4097)}}, 400, 3,
            "a permission has at most 4096 bytes of key and of range_end", prefix="/v3/auth/")
    refused(node, "role/grant", {"name": "r"}, 400, 3, "etcdserver: permission not given",
            prefix="/v3/auth/")
    for number in range(255):
        auth(node, "role/grant", {"name": "r", "perm": {"key": b64("%03d" % number)}})
    answer = call(node, "role/grant", {"name": "r", "perm": {"key": b64("more")}},
                  prefix="/v3/auth/")
    assert answer.status == 429 and answer.json["error"].startswith("there are too many users")


def test_wrong_passwords_wait_longer_and_longer(world):
    node = world.node().start()
    switch_on(node)
    # Each worker counts for itself: by one connection all come to one.
    host, port = node.client.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=15 * SLOW)
    begun = time.monotonic()
    for _ in range(12):
        connection.request("POST", "/v3/auth/authenticate",
                           json.dumps({"name": "u", "password": "no"}))
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["error"]) == (FAILED[0], FAILED[2])
    connection.close()
    # Behind the tenth the next ones wait: 250 ms, 500 ms, ...
    assert time.monotonic() - begun > 0.7

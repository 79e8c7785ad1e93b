"""HTTPS: to clients, between nodes, who is refused and how."""

import json
import os
import re
import socket
import ssl
import subprocess
import time

import pytest

from certificates import Authority, join_files, openssl, refused
from moothall import ETCD, VISIBLE, WITH_V3, ask, wait_log, wait_until


def curl(*arguments):
    """(exit code, standard output, standard error)"""
    done = subprocess.run(["curl", "-sS", "--max-time", "20"] + list(arguments),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def tls_cluster(world, authority, count=3, flags=(), **more):
    """Both ports with TLS, certificates asked for everywhere."""
    pair = authority.issue("machine")
    context = authority.context(pair)
    nodes = world.cluster(count, flags=pair.flags("", authority) + pair.flags("peer-", authority)
                          + ["-workers", "1", *flags], tls=context, peer_tls=context, **more)
    return nodes, pair


# ---- clients


def test_https_for_clients(world, authority):
    """The chapter of the guide: curl needs the CA, nothing else changes."""
    server = authority.issue("server")
    node = world.node(flags=server.flags(), tls=authority.context()).start()
    url = "https://%s/v2/keys/foo" % node.client
    assert curl(url, "-XPUT", "-d", "value=bar")[0] == 60
    code, out, error = curl("--cacert", authority.certificate, "-L", url, "-XPUT", "-d", "value=bar", "-v")
    assert code == 0 and '"action":"set"' in out
    assert "SSL certificate verify ok" in error and "TLSv1.3" in error
    assert "server accepted %s" % ("h2" if WITH_V3 else "http/1.1") in error
    assert node.get("/v2/keys/foo").json["node"]["value"] == "bar"
    assert node.get("/v2/machines").body.decode() == "https://" + node.client
    assert node.leader() == "http://" + node.peer
    assert "client https://%s   peer http://%s" % (node.client, node.peer) in node.log()


def test_client_certificates(world, authority):
    server = authority.issue("server", usage="serverAuth")
    client = authority.issue("client", san=None, usage="clientAuth")
    stranger = Authority(world.folder, "stranger").issue("client", san=None)
    expired = authority.issue("expired", days=(-20, -1))
    early = authority.issue("early", days=(1, 20))
    node = world.node(flags=server.flags("", authority), tls=authority.context(client)).start()
    base = ["--cacert", authority.certificate, "https://%s/version" % node.client]
    assert curl(*base, *client.curl())[0] == 0
    assert curl(*base, *client.curl(), "--tls-max", "1.2")[0] == 0
    for pair, alert, reason in ((None, None, "it shows no certificate"),
                                (stranger, "bad certificate", "not from an authority of -ca-file"),
                                (expired, "certificate expired", "certificate has expired"),
                                (early, "certificate expired", "certificate is not yet valid"),
                                (server, "unsupported certificate", "without clientAuth")):
        for version, codes in (("1.3", (56,)), ("1.2", (35, 56, 60))):
            code, out, error = curl(*base, *(pair.curl() if pair else []), "--tls-max", version)
            assert code in codes and out == "", (reason, version, code, out, error)
            expected = alert or ("certificate required" if version == "1.3" else "handshake failure")
            # 60 is what curl makes of certificate_expired, in words of its own.
            assert code == 60 or expected in error, (reason, version, error)
        # Not a line for each: an address is told of once a second.
        wait_until(lambda: curl(*base, *(pair.curl() if pair else [])) and reason in node.log(), 10,
                   reason)
    assert re.search(r"port=client from=127\.0\.0\.1:\d+ subject=/CN=client: its certificate is refused",
                     node.log())
    assert re.search(r"\(\d+ more from there before\)", node.log())


def test_a_client_or_a_client_port_of_the_same_authority_is_no_peer(world, authority):
    """One authority for both ports: who may ask for keys may not take a backup."""
    peer = authority.issue("peer")
    node = world.node(flags=peer.flags("peer-", authority), peer_tls=authority.context(peer)).start()
    other = world.node("machine2", flags=peer.flags("peer-", authority), peers=[node.peer],
                       peer_tls=authority.context(peer)).start()
    wait_until(lambda: other.put("/a", "1").status in (200, 201), 15, "two nodes")
    for usage, missing in (("clientAuth", "serverAuth"), ("serverAuth", "clientAuth")):
        pair = authority.issue("only-" + usage, usage=usage)
        for version in ("1.2", "1.3"):
            for request in (["https://%s/v2/admin/backup" % node.peer],
                            ["https://%s/v2/admin/config" % node.peer, "-XPUT", "-d", '{"activeSize":3}'],
                            ["https://%s/version" % node.peer]):
                code, out, _ = curl("--cacert", authority.certificate, *pair.curl(), "--tls-max", version,
                                    *request)
                assert code in (35, 56) and out == "", (usage, version, request, code, out)
        reason = "its usages are without %s; a peer's certificate needs clientAuth and serverAuth" % missing
        # An address is told of once a second.
        wait_until(lambda: curl("--cacert", authority.certificate, *pair.curl(), "https://%s/version" % node.peer) and
                   reason in node.log(), 10, reason)
    assert curl("--cacert", authority.certificate, *peer.curl(), "https://%s/v2/admin/config" % node.peer)[0] == 0
    # Without usages it is for everything: many an authority of one's own writes none.
    any_usage = authority.issue("any", usage=None)
    assert curl("--cacert", authority.certificate, *any_usage.curl(), "https://%s/version" % node.peer)[0] == 0
    # One that is shown to a node that calls counts as much.
    port = authority.issue("port", usage="serverAuth")
    third = world.node("machine3")
    assert subprocess.run([ETCD, "-check-config", "-data-dir", third.directory, "-addr", third.client, "-peer-addr",
                           third.peer] + port.flags("peer-", authority), capture_output=True).returncode == 2


def test_nothing_is_looked_at_before_the_client_is_known(world, authority):
    """With TLS 1.3 a request can be on its way before the server's no."""
    server = authority.issue("server")
    client = authority.issue("client", san=None)
    node = world.node(flags=server.flags("", authority), tls=authority.context(client)).start()
    host, port = node.client.split(":")
    body = b"PUT /v2/keys/secret HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nvalue=x"
    for _ in range(10):
        with socket.create_connection((host, int(port))) as plain:
            with authority.context().wrap_socket(plain, server_hostname=host) as stream:
                with pytest.raises(ssl.SSLError, match="certificate required"):
                    stream.sendall(body)
                    while stream.recv(1000):
                        pass
    assert node.get("/v2/keys/secret").status == 404


def test_floor_of_versions_and_ciphers(world, authority):
    server = authority.issue("server")
    node = world.node(flags=server.flags(), tls=authority.context()).start()

    def talk(*arguments):
        done = openssl("s_client", "-connect", node.client, "-CAfile", authority.certificate,
                       *arguments, check=False)
        return done.stdout + done.stderr

    assert "Cipher is TLS_AES_256_GCM_SHA384" in talk("-tls1_3")
    assert "Cipher is TLS_AES_256_GCM_SHA384" in talk(
        "-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384")
    assert "Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in talk("-tls1_2")
    assert "alert protocol version" in talk("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "alert handshake failure" in talk("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384:AES256-SHA")
    assert "alert handshake failure" in talk("-tls1_3", "-groups", "secp521r1")
    assert "Compression: NONE" in talk("-tls1_2")
    assert "Secure Renegotiation IS supported" in talk("-tls1_2")
    assert "No ALPN negotiated" in talk("-alpn", "spdy")
    assert "ALPN protocol: %s" % ("h2" if WITH_V3 else "http/1.1") in talk("-alpn", "http/1.1,h2")
    assert "ALPN protocol: http/1.1" in talk("-alpn", "http/1.1,spdy")
    assert "Max Early Data: 0" in talk("-tls1_3") or "Early data was not sent" in talk("-tls1_3")


def test_tls_min_version(world, authority):
    server = authority.issue("server")
    node = world.node(flags=server.flags() + ["-tls-min-version", "1.3"], tls=authority.context()).start()
    base = ["--cacert", authority.certificate, "https://%s/version" % node.client]
    assert curl(*base)[0] == 0
    code, _, error = curl(*base, "--tls-max", "1.2")
    assert code == 35 and "alert protocol version" in error


def test_plain_http_on_an_https_port(world, authority):
    server = authority.issue("server")
    node = world.node(flags=server.flags() + server.flags("peer-", authority), tls=authority.context()).start()
    for address in (node.client, node.peer):
        for method in ("GET", "PUT"):
            answer = ask(address, method, "/v2/keys/foo", {"value": "x" * 100000} if method == "PUT" else None)
            assert answer.status == 400
            assert answer.body == b"this port speaks HTTPS\n"
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert answer.headers["Connection"] == "close"
    wait_log(node, r"port=client from=127\.0\.0\.1:\d+: no TLS on a port that speaks HTTPS")
    wait_log(node, r"port=peer from=127\.0\.0\.1:\d+: no TLS on a port that speaks HTTPS")


def test_tls_on_a_plain_port(world):
    node = world.node().start()
    for address in (node.client, node.peer):
        host, port = address.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            plain.sendall(bytes.fromhex("16030100c8010000c40303") + bytes(194))
            answer = b""
            while piece := plain.recv(4096):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 400 ")
    wait_log(node, "TLS on a port that speaks plain HTTP: port=client from=127.0.0.1")
    wait_log(node, "TLS on a port that speaks plain HTTP: port=peer from=127.0.0.1")


def test_a_handshake_may_come_in_pieces(world, authority):
    """And answers of any size come out whole."""
    server = authority.issue("server")
    node = world.node(flags=server.flags(), tls=authority.context()).start()
    host, port = node.client.split(":")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = authority.context().wrap_bio(incoming, outgoing, server_hostname=host)
    big = "v" * 3000000
    assert node.put("/big", big).status == 201

    with socket.create_connection((host, int(port)), timeout=10) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def drip():
            for byte in outgoing.read():
                plain.sendall(bytes([byte]))

        def step(call):
            while True:
                try:
                    result = call()
                    drip()
                    return result
                except ssl.SSLWantReadError:
                    drip()
                    incoming.write(plain.recv(3000))

        step(client.do_handshake)
        step(lambda: client.write(b"GET /v2/keys/big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"))
        answer = b""
        while piece := step(lambda: client.read(100000)):
            answer += piece
    # How many chunks the value comes in is nobody's promise, so they are joined.
    head, chunks = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200 OK") and b"\r\nTransfer-Encoding: chunked" in head
    body = b""
    while (size := int(chunks.split(b"\r\n", 1)[0], 16)) > 0:
        begin = chunks.index(b"\r\n") + 2
        body += chunks[begin : begin + size]
        chunks = chunks[begin + size + 2 :]
    assert json.loads(body)["node"]["value"] == big


def test_pipelined_requests_and_a_half_closed_connection(world, authority):
    server = authority.issue("server")
    node = world.node(flags=server.flags(), tls=authority.context()).start()
    host, port = node.client.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        stream = authority.context().wrap_socket(plain, server_hostname=host)
        stream.sendall(b"GET /version HTTP/1.1\r\nHost: h\r\n\r\n" * 100)
        answer = b""
        while answer.count(b"HTTP/1.1 200 OK") < 100:
            answer += stream.recv(100000)
        # Its own end is said by the server, too: curl and others insist.
        stream.sendall(b"GET /version HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        while stream.recv(100000):
            pass
        assert stream.unwrap() is not None


def test_sessions_resume_at_any_worker(world, authority):
    server = authority.issue("server")
    client = authority.issue("client", san=None)
    node = world.node(flags=server.flags("", authority) + ["-workers", "3"],
                      tls=authority.context(client)).start()
    host, port = node.client.split(":")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = authority.context(client)
        context.maximum_version = version
        session, reused, number = None, 0, 30
        for _ in range(number):
            with socket.create_connection((host, int(port)), timeout=10) as plain:
                with context.wrap_socket(plain, server_hostname=host, session=session) as stream:
                    stream.sendall(b"GET /version HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                    while stream.recv(1000):
                        pass
                    reused += stream.session_reused
                    session = stream.session
        assert reused == number - 1, version
    # A new worker has the keys, too.
    node.kill("client")
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname=host, session=session) as stream:
            assert stream.session_reused


# ---- nodes


def test_https_between_servers(world, authority):
    """The last chapter of the clustering guide, with three nodes and all that moves."""
    nodes, pair = tls_cluster(world, authority)
    leader = world.leader_of(nodes)
    for node in nodes:
        assert node.put("/from/" + node.name, node.name).status == 201
        assert sorted(node.get("/v2/machines").body.decode().split(", ")) == \
            sorted("https://" + other.client for other in nodes)
        assert node.leader() == "https://" + leader.peer
    value = nodes[0].get("/v2/keys/_etcd/machines/machine2").json["node"]["value"]
    assert value == "raft=https://%s&etcd=https://%s" % (nodes[1].peer, nodes[1].client)
    for node in nodes:
        for other in nodes:
            assert node.value("/from/" + other.name) == other.name
        machines = ask(node.peer, "GET", "/v2/admin/machines", tls=node.peer_tls).json
        assert {m["peerURL"] for m in machines} == {"https://" + other.peer for other in nodes}
    # Who has no certificate of the authority sees nothing of the peer port.
    code, out, _ = curl("--cacert", authority.certificate, "https://%s/v2/admin/machines" % leader.peer)
    assert code in (35, 56) and out == ""

    leader.kill_all()
    rest = [node for node in nodes if node is not leader]
    wait_until(lambda: rest[0].put("/after", "x").status in (200, 201), 10, "another leader")
    leader.start()
    wait_until(lambda: leader.value("/after", quorum=False) == "x", 10, "the old leader to catch up")


def test_a_snapshot_travels_by_tls(world, authority):
    nodes, pair = tls_cluster(world, authority)
    late = nodes[2]
    late.kill_all()
    for node in nodes[:2]:
        node.stop()
        node.flags += ["-snapshot-count", "50"]
        node.start(wait=False)
    for node in nodes[:2]:
        node.wait_ready()
    value = "v" * 100000
    for i in range(150):
        assert nodes[0].put("/k%d" % i, value).status == 201
    late.start()
    wait_until(lambda: late.value("/k149", quorum=False) == value, 20, "the snapshot")
    assert all(late.value("/k%d" % i, quorum=False) == value for i in range(0, 150, 10))


def joiner(world, other, flags):
    node = world.node("late", peers=[other.peer], flags=flags + ["-retry-interval", "0.1"])
    node.start(wait=False)
    assert node.process.wait(20) == 1
    return node.log()


def test_plain_and_tls_nodes_say_what_is_wrong(world, authority):
    pair = authority.issue("machine")
    flags = pair.flags("peer-", authority)
    with_tls = world.node("machine1", flags=flags, peer_tls=authority.context(pair)).start()
    plain = world.node("machine2").start()
    assert "it speaks HTTPS, this node plain HTTP; give -peer-cert-file and -peer-key-file to all " \
        "nodes or to none" in joiner(world, with_tls, [])
    assert "it speaks plain HTTP, this node HTTPS; give -peer-cert-file and -peer-key-file to all " \
        "nodes or to none" in joiner(world, plain, flags)
    wait_log(with_tls, "port=peer .*no TLS on a port that speaks HTTPS")
    wait_log(plain, "TLS on a port that speaks plain HTTP: port=peer .*-peer-cert-file")


def test_nodes_refuse_each_other_with_a_reason(world, authority):
    stranger = Authority(world.folder, "stranger")
    pair = authority.issue("machine")
    first = world.node("machine1", flags=pair.flags("peer-", authority) +
                       ["-peer-cert-names", "machine"], peer_tls=authority.context(pair)).start()
    # We do not trust it.
    log = joiner(world, first, stranger.issue("machine").flags("peer-", stranger))
    assert "its certificate is refused: it is not from an authority of -peer-ca-file" in log
    wait_log(first, "port=peer .*the other side refuses us: bad certificate")
    # It does not trust us.
    both = join_files(os.path.join(world.folder, "both.crt"), authority.certificate, stranger.certificate)
    theirs = stranger.issue("other")
    log = joiner(world, first, theirs.flags("peer-") + ["-peer-ca-file", both])
    assert "the other side refuses us: bad certificate" in log
    told = "subject=/CN=other: its certificate is refused: it is not from an authority of -peer-ca-file"
    # An address is told of once a second, so it may take another attempt.
    wait_until(lambda: told in first.log() or
               not joiner(world, first, theirs.flags("peer-") + ["-peer-ca-file", both]), 10, told)
    # Right authority, wrong name.
    other = authority.issue("other").flags("peer-", authority)
    log = joiner(world, first, other)
    assert "the other side refuses us: bad certificate" in log
    told = "subject=/CN=other: its certificate is refused: none of its names is in -peer-cert-names"
    wait_until(lambda: told in first.log() or not joiner(world, first, other), 10, told)
    # Its name is not in our list.
    log = joiner(world, first, pair.flags("peer-", authority) + ["-peer-cert-names", "somebody"])
    assert "its certificate is refused: none of its names is in -peer-cert-names" in log


def test_a_node_is_called_by_a_name_in_its_certificate(world, authority):
    elsewhere = authority.issue("machine", san="DNS:machine.example")
    good = authority.issue("good")
    first = world.node("machine1", flags=elsewhere.flags("peer-", authority)).start()
    assert "does not name 127.0.0.1 (-peer-addr) among its subjectAltNames" in first.log()
    log = joiner(world, first, good.flags("peer-", authority))
    assert "its certificate is refused: it does not name 127.0.0.1" in log
    first.stop()
    # A CN that looks right is not enough.
    named = authority.issue("127.0.0.1", san="DNS:machine.example")
    second = world.node("machine2", flags=named.flags("peer-", authority)).start()
    log = joiner(world, second, good.flags("peer-", authority))
    assert "it does not name 127.0.0.1" in log


def test_a_stopped_cluster_changes_to_https(world, authority):
    """Addresses that were told with http are called with TLS, and told anew."""
    nodes = world.cluster(3)
    assert nodes[0].put("/before", "x").status == 201
    for node in nodes:
        node.stop()
    pair = authority.issue("machine")
    context = authority.context(pair)
    for node in nodes:
        node.flags = pair.flags("", authority) + pair.flags("peer-", authority)
        node.tls = node.peer_tls = context
        node.start(wait=False)
    for node in nodes:
        node.wait_ready()
    wait_until(lambda: nodes[0].put("/after", "y").status in (200, 201), 15, "a leader")
    assert nodes[1].value("/before") == "x"
    wait_until(lambda: all(
        nodes[2].get("/v2/keys/_etcd/machines/" + node.name).json["node"]["value"] ==
        "raft=https://%s&etcd=https://%s" % (node.peer, node.client) for node in nodes), 15,
        "the new addresses")


def test_without_peer_ca_the_system_decides(world, authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", authority.certificate)
    pair = authority.issue("machine")
    first = world.node("machine1", flags=pair.flags("peer-"), peer_tls=authority.context()).start()
    second = world.node("machine2", peers=[first.peer], flags=pair.flags("peer-"),
                        peer_tls=authority.context()).start()
    world.wait_voters([first, second])
    monkeypatch.delenv("SSL_CERT_FILE")
    log = joiner(world, first, pair.flags("peer-"))
    assert "it is not from an authority of the system" in log


def test_a_peer_port_for_strangers_is_told_of(world):
    node = world.node("machine1", flags=["-peer-bind-addr", "0.0.0.0"]).start()
    assert "anyone who reaches 0.0.0.0:" in node.log()
    node = world.node("machine2").start()
    assert "anyone who reaches" not in node.log()


# ---- figures


def test_failures_and_ends_are_counted(world, authority):
    pair = authority.issue("machine", days=(-1, 40))
    context = authority.context(pair)
    node = world.node(flags=pair.flags("", authority) + pair.flags("peer-", authority)
                      + ["-workers", "2"], tls=context, peer_tls=context).start()
    for _ in range(3):
        ask(node.client, "GET", "/version")
        assert refused(lambda: ask(node.client, "GET", "/version", tls=authority.context()))
    ask(node.peer, "GET", "/version")

    def figures():
        return dict(line.rsplit(" ", 1) for line in node.get("/metrics").body.decode().splitlines()
                    if line.startswith("etcd_tls_"))

    name = 'etcd_tls_handshake_failures_total{port="%s",reason="%s"}'
    expiry = 'etcd_tls_certificate_expiry_timestamp_seconds{port="client",file="%s"}'
    wait_until(lambda: figures().get(expiry % pair.certificate), 5, "a tick")
    now = figures()
    assert now[name % ("client", "plain")] == "3"
    assert now[name % ("client", "no_certificate")] == "3"
    assert now[name % ("peer", "plain")] == "1"
    assert 39 * 86400 < float(now[expiry % pair.certificate]) - time.time() < 41 * 86400


# ---- limits


def test_a_handshake_has_ten_seconds(world, authority):
    pair = authority.issue("server")
    node = world.node(flags=pair.flags(), tls=authority.context()).start()
    host, port = node.client.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as idle:
        with socket.create_connection((host, int(port)), timeout=20) as begun:
            begun.sendall(bytes.fromhex("1603010200010001fc0303"))
            assert begun.recv(100) == b""
            assert idle.recv(100) == b""
    wait_log(node, "handshake refused: .*it took too long")


def test_key_files_are_open_in_no_worker(world, authority):
    nodes, pair = tls_cluster(world, authority, count=1, flags=VISIBLE)
    pids = nodes[0].pids()
    for pid in pids["client"] + pids["peer"] + pids["raftd"]:
        links = []
        for fd in os.listdir("/proc/%d/fd" % pid):
            try:
                links.append(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
            except FileNotFoundError:
                pass    # raftd opens and closes files of its database
        assert not [link for link in links if link.endswith((".key", ".crt"))]

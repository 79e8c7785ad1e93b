"""Hostile input at both ports, in plain text and over TLS: what no request may look like, and
floods of connections that ask for nothing. Always the same promises: an answer or the end, soon;
nobody else notices; nothing of one connection ever shows on another; nothing grows."""

import contextlib
import http.client
import socket
import ssl
import threading
import time

import pytest

from certificates import Authority
from moothall import SLOW, ask, held_bytes, sanitized, wait_until
from prometheus import Page
from test_http import HOSTILE
from test_limits import few_descriptors
from wire import Ended, Wire, request

PORTS = ["client", "peer"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    authority = Authority(str(tmp_path_factory.mktemp("certificates")))
    pair = authority.issue("machine")
    return pair.flags("", authority) + pair.flags("peer-", authority), authority.context(pair)


@pytest.fixture(params=["plain", "tls"])
def layer(request, pair):
    """(flags of a node, context to talk with)"""
    return ([], None) if request.param == "plain" else pair


def address_of(node, port):
    return node.client if port == "client" else node.peer


def ended(wire):
    """What comes until the connection ends, which it has to."""
    try:
        while True:
            wire._more()
    except Ended as end:
        return end.got
    except ssl.SSLError:
        return wire.came


def grown(pid, since, limit):
    """More memory than that? A sanitizer keeps what was freed."""
    return not sanitized() and held_bytes(pid) - since >= limit


@pytest.mark.parametrize("port", PORTS)
def test_hostile_shapes(world, layer, port):
    flags, tls = layer
    node = world.node(flags=flags + ["-workers", "1"], tls=tls, peer_tls=tls).start()
    pids = node.pids()
    address = address_of(node, port)
    with Wire(address, tls=tls) as neighbour:
        for name, (data, status) in HOSTILE.items():
            with Wire(address, tls=tls) as wire:
                with contextlib.suppress(OSError):
                    wire.send(data, request("PUT", "/v2/keys/smuggled", {"value": name}))
                answer = wire.answer()
                assert answer.status in (status if isinstance(status, tuple) else (status,)), (name, answer)
                assert answer.get("Connection") == "close", name
                # One answer and not a byte more: what follows is not looked at.
                assert ended(wire) == b"", name
            assert neighbour.ask("GET", "/version").status == 200, name
    assert node.get("/v2/keys/smuggled").status == 404
    assert node.pids() == pids


def chunked(*pieces):
    return request("PUT", "/v2/keys/chunked", headers=[
        "Transfer-Encoding: chunked", "Content-Type: application/x-www-form-urlencoded"]) + b"".join(pieces)


CHUNKS = {
    "no hex": chunked(b"zz\r\nvalue=s\r\n0\r\n\r\n"),
    "a sign": chunked(b"-7\r\nvalue=s\r\n0\r\n\r\n"),
    "a size that overflows": chunked(b"1" + b"0" * 16 + b"\r\nvalue=s\r\n0\r\n\r\n"),
    "a size of 10 MiB and one": chunked(b"a00001\r\nvalue=s"),
    "an empty size": chunked(b"\r\nvalue=s\r\n0\r\n\r\n"),
    "many chunks, the last too long": chunked(b"a\r\nvalue=ssss\r\n" * 3, b"9ffff0\r\n"),
    "more than the size": chunked(b"3\r\nvalue=s\r\n0\r\n\r\n"),
    "NUL in the size": chunked(b"7\0\r\nvalue=s\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("port", PORTS)
def test_chunks_that_are_none(world, layer, port):
    flags, tls = layer
    node = world.node(flags=flags + ["-workers", "1"], tls=tls, peer_tls=tls).start()
    address = address_of(node, port)
    for name, data in CHUNKS.items():
        with Wire(address, tls=tls) as wire:
            wire.send(data)
            answer = wire.answer()
            # The peer port has no such path, and may say so before it reads the body.
            assert answer.status in ((400, 413) if port == "client" else (400, 404, 413)), (name, answer)
            assert answer.get("Connection") == "close", name
            assert ended(wire) == b"", name
    assert node.get("/v2/keys/chunked").status == 404


@pytest.mark.parametrize("port", PORTS)
def test_what_is_too_long(world, layer, port):
    flags, tls = layer
    node = world.node(flags=flags + ["-workers", "1"], tls=tls, peer_tls=tls).start()
    address, worker = address_of(node, port), node.pid_of(port)
    before = held_bytes(worker)
    for data, status in [
            (b"G" * 200000, (400, 405, 414)),
            (b"GET /" + b"a" * 200000, (414,)),
            (b"GET / HTTP/1.1\r\n" + b"A" * 200000, (431,)),
            (b"GET / HTTP/1.1\r\nHost: t\r\n" + b"A: " + b"b" * 200000, (431,)),
            (b"GET / HTTP/1.1\r\nHost: t\r\n" + b"A: b\r\n" * 50000, (431,))]:
        with Wire(address, tls=tls) as wire:
            # It may be closed before all is written; the answer is there all the same.
            with contextlib.suppress(OSError):
                wire.send(data)
            try:
                answer = wire.answer()
            except (Ended, OSError):
                continue
            assert answer.status in status, answer
            assert ended(wire) == b""
    assert not grown(worker, before, 8 << 20)
    assert ask(address, "GET", "/version", tls=tls).status == 200


def test_bytes_that_are_no_text_stay_bytes(world, layer):
    flags, tls = layer
    node = world.node(flags=flags, tls=tls).start()
    for key in ["%00", "a%00b", "%ff%fe", "%c3%28", "%ed%a0%80", "%f0%80%80%af"]:
        assert node.put("/" + key, "v").status == 201, key
        assert node.get("/v2/keys/" + key).json["node"]["value"] == "v", key
    answer = ask(node.client, "PUT", "/v2/keys/value", b"value=%00%ff%ed%a0%80", tls=tls)
    assert answer.json["node"]["value"] == "\0" + "�" * 4, answer


@pytest.mark.parametrize("port", PORTS)
def test_the_wrong_layer_is_told_and_closed(world, pair, port):
    flags, tls = pair
    node = world.node("secure", flags=flags, tls=tls, peer_tls=tls).start()
    plain = world.node("plain").start()
    with Wire(address_of(node, port)) as wire:
        wire.send(request("GET", "/version"))
        answer = wire.answer()
        assert answer.status == 400 and answer.body == b"this port speaks HTTPS\n"
        assert ended(wire) == b""
    with socket.create_connection(tuple(address_of(plain, port).split(":")), timeout=10 * SLOW) as stream:
        with pytest.raises(ssl.SSLError):
            tls.wrap_socket(stream, server_hostname="127.0.0.1")
    assert node.get("/version").status == plain.get("/version").status == 200


# ---- floods

class Flood:
    """Connections that ask for nothing, made anew as fast as they are closed."""

    def __init__(self, addresses, begin, count):
        self.addresses, self.begin, self.count = addresses, begin, count
        self.stopping, self.open, self.made = threading.Event(), [], 0
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: self.made >= self.count, 10, "the flood to stand")
        return self

    def __exit__(self, *unused):
        self.stopping.set()
        self.thread.join(10 * SLOW)
        for stream in self.open:
            stream.close()

    def run(self):
        while not self.stopping.is_set():
            if len(self.open) >= self.count:
                self.open.pop(0).close()
                time.sleep(0.005)
            stream = socket.socket()
            stream.setblocking(False)
            host, port = self.addresses[self.made % len(self.addresses)].split(":")
            stream.connect_ex((host, int(port)))
            self.open.append(stream)
            self.made += 1
            if self.begin and len(self.open) > 20:
                with contextlib.suppress(OSError):
                    self.open[-20].send(self.begin)


FLOODS = {
    "half open": b"",
    "slow heads": b"GET /v2/keys/ HTTP/1.1\r\nHost: t\r\n",
    "half a hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


def answered_or_closed(node):
    """One client: True if served, False if told or closed; never later than a second."""
    began = time.monotonic()
    try:
        return ask(node.client, "GET", "/version", timeout=5, tls=node.tls).status == 200
    except (OSError, Ended):
        return False
    except Exception as error:      # an answer cut short
        assert "http.client" in type(error).__module__, error
        return False
    finally:
        assert time.monotonic() - began < 1.2 * SLOW, "a client was left without an answer"


@pytest.mark.parametrize("flood", FLOODS)
def test_floods_disturb_neither_clients_nor_consensus(world, layer, flood):
    """Few descriptors, more connections than there are; at both ports of the leader."""
    flags, tls = layer
    # A busy machine may take 200 ms for itself; a port that is shut out takes longer than this.
    flags = flags + ["-workers", "1", "-peer-heartbeat-interval", "100", "-peer-election-timeout", "1500"]
    nodes = [world.node("machine%d" % i, flags=flags, tls=tls, peer_tls=tls) for i in (1, 2, 3)]
    few_descriptors(nodes[0], 140)
    for i, node in enumerate(nodes):
        if i > 0:
            node.peers = [nodes[0].peer]
        node.start()
    world.wait_voters(nodes)
    victim, others = nodes[0], nodes[1:]
    term, pids = victim.status()["term"], victim.pids()
    before = {kind: held_bytes(pids[kind][0]) for kind in ("client", "peer")}
    with Flood([victim.client, victim.peer], FLOODS[flood], 400) as running:
        served, end = 0, time.monotonic() + 1.5
        while time.monotonic() < end:
            served += answered_or_closed(victim)
            assert others[0].put("/during", "v").status in (200, 201)
        made = running.made
        # A node that comes back finds its place at the flooded port.
        others[1].kill("peer")
        assert others[1].put("/after", "v", timeout=15).status in (200, 201)
    assert made > 450
    wait_until(lambda: answered_or_closed(victim), 5, "clients to be served again")

    def term_now():
        """None while the peer port still turns callers away, as it did in the flood."""
        try:
            return victim.status()["term"]
        except (OSError, ValueError, http.client.HTTPException):
            return None
    assert wait_until(term_now, 5, "other nodes to be served again") == term, "there was an election"
    assert victim.pids() == pids
    for kind, was in before.items():
        assert not grown(pids[kind][0], was, 16 << 20)


def test_slow_readers_and_resets_leave_nothing(world, layer):
    flags, tls = layer
    node = world.node(flags=flags + ["-workers", "1", "-http-write-timeout", "1"], tls=tls).start()
    assert node.put("/big", "x" * 200000).status == 201
    worker = node.pid_of("client")
    before = held_bytes(worker)

    def connections():
        page = ask(node.client, "GET", "/metrics", tls=tls).body.decode()
        return Page(page).get("etcd_http_connections", port="client")
    wires = []
    for i in range(30):
        wire = Wire(node.client, receive_bytes=4096, tls=tls)
        wire.send(request("GET", "/v2/keys/big") * 30)
        if i % 3 == 0:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wire.close()
        wires.append(wire)
    assert node.get("/v2/keys/big").status == 200
    assert not grown(worker, before, 80 << 20)
    # The one that asks is left.
    wait_until(lambda: connections() <= 1, 15, "them to be closed")
    for wire in wires:
        wire.close()
    assert node.get("/v2/keys/big").status == 200


def test_answers_stay_on_their_connections(world, layer):
    """Each of many clients at once gets its own value back and nothing else."""
    flags, tls = layer
    node = world.node(flags=flags + ["-workers", "2"], tls=tls).start()
    wrong = []

    def client(name):
        try:
            with Wire(node.client, tls=tls) as wire:
                for i in range(40):
                    value = "%s-%d" % (name * 20, i)
                    wire.send(request("PUT", "/v2/keys/own-" + name, {"value": value}),
                              request("GET", "/v2/keys/own-" + name))
                    for _ in range(2):
                        if wire.answer().json["node"]["value"] != value:
                            wrong.append((name, i))
        except Exception as error:
            wrong.append((name, repr(error)))
    threads = [threading.Thread(target=client, args=(chr(ord("a") + i),)) for i in range(12)]
    for thread in threads:
        thread.start()
    for data, _ in list(HOSTILE.values())[:30]:
        with Wire(node.client, tls=tls) as wire, contextlib.suppress(OSError):
            wire.send(data)
    for thread in threads:
        thread.join(30 * SLOW)
    assert wrong == []

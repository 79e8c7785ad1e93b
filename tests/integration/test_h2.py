"""HTTP/2 on the client port: by curl, by frames, and by who means harm."""

import json
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from h2 import (CALM, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, H2, HEADERS, HEADERS_MAX, NO_ERROR, PING,
                PREFACE, PROTOCOL_ERROR, REFUSED_STREAM, SETTINGS, STREAMS_MAX, WINDOW, Over, frame, packed)
from moothall import VISIBLE, wait_until
from wire import Ended, Wire

WORKERS = "1"
KIB, MIB = 1 << 10, 1 << 20
KEY = "/v2/keys/foo"


def curl(*arguments):
    done = subprocess.run(["curl", "-sS", "--max-time", "20"] + list(arguments), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def metric(node, name):
    found = re.search(r"^%s (\S+)$" % re.escape(name), node.get("/metrics").body.decode(), re.M)
    return float(found.group(1)) if found else 0


def rejected(node, reason):
    return metric(node, 'etcd_http_rejected_total{reason="%s"}' % reason)


# ---- as any other request


def test_curl_by_prior_knowledge(shared):
    url = "http://" + shared.client
    speak = ["--http2-prior-knowledge", "-w", "|%{http_version} %{http_code}"]
    code, out, _ = curl(*speak, url + "/v2/keys/curl", "-XPUT", "-d", "value=bar")
    assert code == 0 and '"action":"set"' in out and out.endswith("|2 201")
    assert shared.value("/curl") == "bar"
    assert curl(*speak, url + "/v2/keys/curl")[1].endswith("|2 200")
    assert "x-etcd-index: " in curl(*speak, "-I", url + "/v2/keys/curl")[1]
    assert curl(*speak, url + "/v2/keys/curl/under", "-XPUT", "-d", "value=1")[1].endswith("|2 400")
    assert curl(*speak, url + "/v2//keys/curl")[1].endswith("|2 301")
    assert curl(*speak, url + "/v2/keys/curl", "-XDELETE")[1].endswith("|2 200")
    assert curl(*speak, url + "/nothing")[1] == "404 page not found\n|2 404"
    assert curl(*speak, url + "/v3/kv/range", "-d", '{"key":"Zm9v"}')[1].endswith("|2 200")


def test_tls_agrees_on_what_the_client_offers(world, authority):
    """h2 is preferred; who does not offer it gets HTTP/1.1; the peer port has none."""
    server, peer = authority.issue("server"), authority.issue("peer")
    node = world.node(flags=server.flags() + peer.flags("peer-", authority), tls=authority.context(),
                      peer_tls=authority.context(peer)).start()
    code, out, error = curl("--cacert", authority.certificate, "-v", "https://%s%s" % (node.client, KEY), "-XPUT", "-d", "value=1")
    assert code == 0 and "server accepted h2" in error and "HTTP/2 201" in error
    for address, offers, chosen in ((node.client, ["h2", "http/1.1"], "h2"), (node.client, ["http/1.1", "h2"], "h2"),
                                    (node.client, ["http/1.1"], "http/1.1"), (node.client, ["spdy"], None),
                                    (node.client, None, None), (node.peer, ["h2", "http/1.1"], "http/1.1")):
        context = authority.context(peer)
        if offers is not None:
            context.set_alpn_protocols(offers)
        host, port = address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), 10) as plain, context.wrap_socket(plain, server_hostname=host) as wire:
            assert wire.selected_alpn_protocol() == chosen
    context = authority.context()
    context.set_alpn_protocols(["h2"])
    with H2(node.client, tls=context) as client:
        assert json.loads(client.ask("GET", KEY).body)["node"]["value"] == "1"
    # What was agreed on counts, not what comes.
    host, port = node.client.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 10) as plain, context.wrap_socket(plain, server_hostname=host) as wire:
        wire.sendall(b"GET /version HTTP/1.1\r\nHost: t\r\n\r\n")
        got = b""
        while True:
            more = wire.recv(4096)
            if not more:
                break
            got += more
        assert b"200" not in got


def test_the_preface_may_come_byte_by_byte(shared):
    with H2(shared.client, begin=False) as client:
        for i in range(len(PREFACE)):
            client.send(PREFACE[i:i + 1])
        client.send(frame(SETTINGS, payload=struct.pack(">HI", 1, 0)))
        assert client.ask("GET", "/version").status == 200
        assert client.told[STREAMS_MAX] == 1000 and client.told[WINDOW] == 256 * KIB
        assert client.told[HEADERS_MAX] == 64 * KIB


def test_what_only_begins_like_the_preface_is_http_1(shared):
    for first in ("PRI", "PRINT", "P"):
        with Wire(shared.client) as wire:
            wire.send(first.encode())
            wire.send(b" /version HTTP/1.1\r\nHost: t\r\n\r\n")
            assert wire.answer().status == 405
    for broken in (PREFACE[:-1] + b"x", PREFACE.replace(b"SM", b"sm"), b"PRI * HTTP/2.0\r\n\r\nGET / HTTP/1.1\r\n\r\n"):
        with Wire(shared.client) as wire:
            wire.send(broken)
            assert wire.answer().status in (400, 405, 505)


def test_the_peer_port_speaks_http_1_only(shared):
    with Wire(shared.peer) as wire:
        wire.send(PREFACE)
        assert wire.answer().status in (400, 505)


def test_requests_do_not_wait_for_one_another(shared):
    """A watch is open, and answers come as they are there."""
    with H2(shared.client) as client:
        watch = client.request("GET", KEY + "?wait=true&stream=true")
        client.wait(lambda: client.streams[watch].status == 200)
        puts = [client.request("PUT", KEY + "-%d" % i, {"value": i}) for i in range(100)]
        assert all(client.answer(stream).status == 201 for stream in puts)
        client.ask("PUT", KEY, {"value": "seen"})
        client.wait(lambda: b'"seen"' in client.streams[watch].body)
        assert not client.streams[watch].over
        before = metric(shared, "etcd_watches_open")
        client.reset(watch)
        wait_until(lambda: metric(shared, "etcd_watches_open") == before - 1, what="the watch to end")
        assert client.ask("GET", KEY).status == 200


def test_a_value_of_some_mib_there_and_back(shared):
    value = "x" * (3 * MIB)
    with H2(shared.client) as client:
        assert client.ask("PUT", KEY + "-large", {"value": value}).status == 201
        got = client.ask("GET", KEY + "-large")
        assert json.loads(got.body)["node"]["value"] == value
        assert client.ask("DELETE", KEY + "-large").status == 200


def test_large_bodies_at_once_all_come(shared):
    """Only one may have more than its window, and each has its turn."""
    value = b"value=" + b"y" * MIB
    with H2(shared.client) as client:
        streams = [client.begin(client.head("PUT", KEY + "-%d" % i, [("content-type", "application/x-www-form-urlencoded")]),
                                end=False) for i in range(6)]
        left = {stream: value for stream in streams}
        while left:
            client.wait(lambda: any(client.room(stream) > 0 for stream in left))
            for stream in list(left):
                piece = left[stream][:max(client.room(stream), 0)]
                if piece:
                    left[stream] = left[stream][len(piece):]
                    client.data(stream, piece, end=not left[stream])
                    if not left[stream]:
                        del left[stream]
        assert all(client.answer(stream).status in (200, 201) for stream in streams)
        for i in range(6):
            client.ask("DELETE", KEY + "-%d" % i)


# ---- bad heads


def test_bad_heads_are_refused_alone(shared):
    """The stream ends, the connection goes on."""
    with H2(shared.client) as client:
        good = client.head("GET", "/version")
        for fields in (good + [("Upper", "x")], good + [("connection", "close")], good + [("transfer-encoding", "chunked")],
                       good + [("te", "gzip")], good + [("x", "a\nb")], good[:3][1:], [good[2], good[0]],
                       good + [(":path", "/again")], good + [("content-length", "5")], good + [(":odd", "x")],
                       good + [("x y", "z")], [("x", "y")] + good, good + [("", "x")],
                       good + [("x", " y")], good + [("content-length", "0"), ("content-length", "0")],
                       good + [("content-length", "x")]):
            answer = client.answer(client.begin(fields))
            assert answer.reset == PROTOCOL_ERROR or answer.status == 400, (fields, answer)
        for path, status in (("version", 400), ("", 400), ("/a b", 400), ("/%zz", 400), ("*", 400), ("http://x/version", 400)):
            answer = client.answer(client.begin(client.head("GET", path)))
            assert answer.status == status or answer.reset == PROTOCOL_ERROR, (path, answer)
        assert client.answer(client.begin(client.head("GET", "/version", authority="a/b"))).status in (400, None)
        assert client.answer(client.begin(good + [("host", "other")])).status == 400
        assert client.answer(client.begin(client.head("BREW", "/version"))).status == 405
        assert client.answer(client.begin([(":method", "CONNECT"), (":authority", "x:1")])).status == 405
        # A body that is shorter than it was said to be, or longer.
        for length in ("4", "6"):
            stream = client.begin(client.head("PUT", KEY) + [("content-length", length)], end=False)
            client.data(stream, b"value", end=True)
            assert client.answer(stream).reset == PROTOCOL_ERROR
        # What gRPC clients make of a URL.
        for scheme in ("http://", "https://"):
            assert client.answer(client.begin(client.head("GET", "/version", authority=scheme + shared.client))).status == 200
        assert client.ask("GET", "/version").status == 200


def test_a_head_at_its_limit_and_above(world):
    """-max-header-bytes counts for it as for HTTP/1.1: fields, and 32 bytes for each."""
    node = world.node(flags=["-max-header-bytes", "4096", "-workers", "1"]).start()
    with H2(node.client) as client:
        client.wait(lambda: client.told)
        assert client.told[HEADERS_MAX] == 4096
        fields = client.head("GET", "/version")
        left = 4096 - sum(len(name) + len(value) + 32 for name, value in fields) - len("x") - 32
        assert client.answer(client.begin(fields + [("x", "y" * left)])).status == 200
        assert client.answer(client.begin(fields + [("x", "y" * (left + 1))])).status == 431
        assert client.answer(client.begin(fields + [("x", "y" * 16200)])).reset is not None
        assert client.ask("GET", "/version").status == 200
        assert rejected(node, "head") == 2
    node = world.node("machine2", flags=["-workers", "1"]).start()
    with H2(node.client) as client:
        fields = client.head("GET", "/version")
        assert client.answer(client.begin(fields + [("f%d" % i, "") for i in range(100)])).status == 200
        assert client.answer(client.begin(fields + [("f%d" % i, "") for i in range(101)])).status == 431


def test_a_header_bomb_costs_little(world):
    """One long field in the table, told again by a byte each."""
    node = world.node(flags=["-workers", "1"] + VISIBLE).start()
    with H2(node.client) as client:
        bomb = packed(client.head("GET", "/version")) + b"\x40\x01x" + b"\x7f" + bytes([0x80 | (3900 - 127) & 127, (3900 - 127) >> 7]) + b"y" * 3900
        begin = time.monotonic()
        for _ in range(20):
            stream = client.new()
            client.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, bomb + b"\xbe" * (16384 - len(bomb))))
            assert client.answer(stream).reset is not None
        assert time.monotonic() - begin < 5
        assert client.ask("GET", "/version").status == 200


def test_continuations_have_an_end(shared):
    with H2(shared.client) as client:
        stream = client.new()
        client.send(frame(HEADERS, END_STREAM, stream, packed(client.head("GET", "/version"))))
        with pytest.raises((Over, BrokenPipeError, ConnectionResetError)):
            for i in range(1000):
                client.send(frame(CONTINUATION, 0, stream, packed([("x%d" % i, "y")])))
                if i > 20:
                    client.ping()
                    client.wait(lambda: client.pongs, 1)
    assert shared.get("/version").status == 200


# ---- bodies


def test_a_body_at_its_limit_and_above(world):
    node = world.node(flags=["-max-body-bytes", "4096", "-workers", "1"]).start()
    form = [("content-type", "application/x-www-form-urlencoded")]
    with H2(node.client) as client:
        whole = b"value=" + b"z" * 4090
        assert client.ask("PUT", KEY, body=whole, fields=form).status == 201
        assert client.ask("PUT", KEY, body=whole + b"z", fields=form).status == 413
        answer = client.ask("PUT", KEY, body=whole + b"z", fields=form + [("content-length", "4097")])
        assert answer.status == 413 and answer.body == b"Request Entity Too Large\n"
        # It is told before it is sent, and nothing of it is needed.
        stream = client.begin(client.head("PUT", KEY, form + [("content-length", "4097")]), end=False)
        assert client.answer(stream).status == 413
        assert client.ask("GET", KEY).status == 200
        assert rejected(node, "body") == 3
        stream = client.begin(client.head("PUT", KEY, form + [("expect", "100-continue")]), end=False)
        client.wait(lambda: client.streams[stream].blocks)
        assert client.streams[stream].status == 100
        client.upload(stream, b"value=1")
        client.answer(stream)
        assert dict(client.streams[stream].blocks[1])[":status"] == "200"


def test_a_body_that_does_not_come(world):
    node = world.node(flags=["-http-read-timeout", "1", "-workers", "1"]).start()
    with H2(node.client) as client:
        stream = client.begin(client.head("PUT", KEY), end=False)
        client.data(stream, b"value=")
        assert client.answer(stream).status == 408
        # It is broken off after a while, and others were served all the time.
        client.wait(lambda: client.streams[stream].reset is not None)
        assert client.streams[stream].reset == NO_ERROR
        assert client.ask("GET", "/version").status == 200
    assert rejected(node, "body_timeout") == 1


def test_bodies_that_are_not_whole_have_a_limit_together(world):
    """A connection collects 4 MiB of them beside the one that may be large: more break off, and may be sent again."""
    node = world.node(flags=["-workers", "1"] + VISIBLE).start()
    with H2(node.client) as client:
        client.ask("GET", "/version")
        streams = [client.begin(client.head("PUT", KEY), end=False) for _ in range(40)]
        for stream in streams:
            left = 200 * KIB
            while left > 0 and not client.streams[stream].over:
                client.wait(lambda: client.room(stream) > 0 or client.streams[stream].over)
                size = min(left, client.room(stream))
                client.data(stream, b"a" * size)
                left -= size

        def over():
            client.pongs.clear()
            client.ping()
            client.wait(lambda: client.pongs)
            return [stream for stream in streams if client.streams[stream].over]

        wait_until(lambda: rejected(node, "bodies") == len(over()), what="each that was refused to be told")
        assert all(client.streams[stream].reset == REFUSED_STREAM for stream in over())
        assert 15 <= len(over()) <= 25, over()
        assert metric(node, 'etcd_http_held_bytes{port="client"}') < 16 * MIB
        assert client.ask("GET", "/version").status == 200


# ---- answers that are not taken


def fill(node, size):
    assert node.put("/foo", "v" * size).status == 201


def test_an_answer_waits_for_its_window(world):
    """Nothing of it is sent, others are served, and when the window opens all of it comes."""
    node = world.node(flags=["-workers", "1"]).start()
    fill(node, MIB)
    with H2(node.client, settings=[(WINDOW, 0)]) as client:
        stream = client.request("GET", KEY)
        client.wait(lambda: client.streams[stream].status == 200)
        other = client.request("GET", "/version", fields=[("x", "y")])
        client.give(other, 1000)
        assert client.answer(other).status == 200 and not client.streams[stream].body
        while not client.streams[stream].ended:
            before = len(client.streams[stream].body)
            client.give(stream, 300000)
            client.wait(lambda: client.streams[stream].ended or len(client.streams[stream].body) >= before + 300000)
        assert json.loads(client.streams[stream].body)["node"]["value"] == "v" * MIB


def test_who_does_not_take_an_answer_loses_it(world):
    node = world.node(flags=["-workers", "1", "-http-write-timeout", "1"]).start()
    fill(node, MIB)
    with H2(node.client, settings=[(WINDOW, 0)]) as client:
        stream = client.request("GET", KEY)
        assert client.answer(stream).reset == CANCEL
        other = client.request("GET", "/version")
        client.give(other, 1000)
        assert client.answer(other).status == 200
    assert rejected(node, "write_timeout") == 1


def test_answers_that_nobody_takes_are_bounded(world):
    """Above 8 MiB of answers no other request of the connection is begun, until it takes them."""
    node = world.node(flags=["-workers", "1"] + VISIBLE).start()
    fill(node, MIB)
    with H2(node.client, settings=[(WINDOW, 0)]) as client:
        streams = [client.request("GET", KEY + "?quorum=true") for _ in range(12)]
        # Those that come after the answers of others wait, too.
        client.wait(lambda: sum(client.streams[stream].status == 200 for stream in streams) >= 8)
        more = [client.request("GET", KEY + "?quorum=true") for _ in range(50)]
        for _ in range(20):
            client.pongs.clear()
            client.ping()
            client.wait(lambda: client.pongs)
            assert metric(node, 'etcd_http_held_bytes{port="client"}') < 16 * MIB
        assert not any(client.streams[stream].blocks for stream in more)
        client.send(frame(SETTINGS, payload=struct.pack(">HI", WINDOW, 2 * MIB)))
        for stream in streams + more:
            assert len(client.answer(stream, 30).body) > MIB


def test_a_slow_reader_holds_up_nobody(world):
    """Of a socket that is not read: the connection is cut in the end, others do not notice."""
    node = world.node(flags=["-workers", "1", "-http-write-timeout", "1"]).start()
    fill(node, MIB)
    slow = H2(node.client, settings=[(WINDOW, (1 << 31) - 1)], receive_bytes=4096)
    slow.give(0, (1 << 31) - 1 - 65535)
    for _ in range(20):
        slow.request("GET", KEY)
    for _ in range(20):
        assert node.get("/v2/keys/foo").status == 200
    wait_until(lambda: rejected(node, "write_timeout") >= 1, what="the connection to be cut")
    slow.close()


# ---- floods


def test_a_thousand_streams_and_one_more(world):
    node = world.node(flags=["-workers", "1"]).start()
    with H2(node.client) as client:
        client.ask("GET", "/version")
        watches = [client.request("GET", KEY + "?wait=true&stream=true") for _ in range(999)]
        client.wait(lambda: all(client.streams[stream].status == 200 for stream in watches), 30)
        assert client.ask("GET", "/version").status == 200
        last = client.request("GET", KEY + "?wait=true&stream=true")
        client.wait(lambda: client.streams[last].status == 200)
        one_more = client.request("GET", "/version")
        try:
            assert client.answer(one_more).reset == REFUSED_STREAM
        except Over:
            assert client.goaways[-1][1] == PROTOCOL_ERROR
    wait_until(lambda: metric(node, "etcd_watches_open") == 0, what="the watches to end")
    assert node.get("/version").status == 200


def test_streams_that_break_off_have_a_rate(world):
    """At the limit all is served; above it the connection ends, with the reason, and the node goes on."""
    node = world.node(flags=["-workers", "1"] + VISIBLE).start()
    with H2(node.client) as client:
        for _ in range(900):
            client.reset(client.request("GET", KEY + "?wait=true"))
        assert client.ask("GET", "/version").status == 200
    client = H2(node.client)
    try:
        for _ in range(20000):
            client.reset(client.request("GET", KEY + "?quorum=true"))
    except OSError:
        pass
    with pytest.raises(Over):
        client.wait(lambda: False)
    assert client.goaways[-1][1] == CALM
    assert rejected(node, "resets") == 1
    assert node.get("/version").status == 200


@pytest.mark.parametrize("flood", [frame(PING, 0, 0, b"12345678"), frame(SETTINGS), frame(SETTINGS, payload=struct.pack(">HI", 4, 1000))])
def test_answers_to_floods_do_not_pile_up(world, flood):
    """Pings and settings that are not read the answers of."""
    node = world.node(flags=["-workers", "1", "-http-write-timeout", "2"] + VISIBLE).start()
    client = H2(node.client, receive_bytes=4096)
    client.socket.settimeout(1)
    try:
        for _ in range(3000):
            client.send(flood * 100)
    except OSError:
        pass
    assert node.get("/version").status == 200
    assert metric(node, 'etcd_http_held_bytes{port="client"}') < 4 * MIB
    client.close()


def test_frames_that_are_none_end_the_connection_alone(shared):
    for bad in (frame(DATA, 0, 0, b"x"), frame(HEADERS, END_HEADERS, 2, b"\x82"), frame(WINDOW, 0, 1, b"\0\0\0\0"),
                frame(8, 0, 0, b"\0\0\0\0"), frame(SETTINGS, 1, 0, b"123456"), frame(SETTINGS, 0, 0, b"12345"),
                frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"), frame(PING, 0, 0, b"short"),
                b"\xff\xff\xff\0\0\0\0\0\1", frame(5, 4, 1, b"\0\0\0\2\x82"), frame(CONTINUATION, 4, 1, b"\x82")):
        with H2(shared.client) as client:
            client.send(bad)
            client.send(frame(PING, 0, 0, b"12345678"))
            client.wait_closed(5)
            assert client.goaways and client.goaways[-1][1] != NO_ERROR, bad
    assert shared.get("/version").status == 200


# ---- time


def test_who_asks_for_nothing_is_sent_away(world):
    node = world.node(flags=["-workers", "1", "-idle-timeout", "1", "-header-timeout", "1"]).start()
    with H2(node.client) as client:
        assert client.ask("GET", "/version").status == 200
        client.wait_closed(8)
        assert client.goaways[0] == (0x7fffffff, NO_ERROR) and client.goaways[-1] == (1, NO_ERROR)
    # A watch is no rest.
    with H2(node.client) as client:
        watch = client.request("GET", KEY + "?wait=true&stream=true")
        client.wait(lambda: client.streams[watch].status == 200)
        begin = time.monotonic()
        while time.monotonic() - begin < 3:
            client.ping()
            client.pongs.clear()
            client.wait(lambda: client.pongs)
        assert not client.goaways


def test_a_head_that_does_not_come(world):
    """Of a preface, of settings, of a request."""
    node = world.node(flags=["-workers", "1", "-header-timeout", "1"]).start()
    half = frame(HEADERS, END_STREAM, 1, packed([(":method", "GET")]))
    for part in (PREFACE[:10], PREFACE, PREFACE + frame(SETTINGS) + half):
        with Wire(node.client) as wire:
            wire.send(part)
            begin = time.monotonic()
            with pytest.raises(Ended):
                while True:
                    wire._more()
            assert 0.5 < time.monotonic() - begin < 5
    assert rejected(node, "head_timeout") == 3


# ---- workers that go


def test_a_worker_that_stops_says_so_in_two_steps(world):
    """What is in work is answered, what comes meanwhile too; a watch is ended."""
    node = world.node(flags=["-workers", "1"]).start()
    with H2(node.client) as client:
        watch = client.request("GET", KEY + "?wait=true&stream=true")
        client.wait(lambda: client.streams[watch].status == 200)
        client.acks = False
        node.control("restart", "client")
        client.wait(lambda: client.goaways)
        assert client.goaways == [(0x7fffffff, NO_ERROR)]
        # It was on its way, before the client knew.
        late = client.request("GET", "/version")
        client.wait(lambda: client.streams[late].ended)
        client.acks = True
        client.wait_closed(12)
        assert client.streams[late].status == 200
        assert client.goaways[-1] == (late, NO_ERROR)
        assert client.streams[watch].over
    assert node.get("/version").status == 200


class Follower(threading.Thread):
    """Puts one after the other, and takes a new connection when it is told to."""

    def __init__(self, node, number, put):
        super().__init__(daemon=True)
        self.node, self.number, self.put, self.done, self.moves, self.going, self.problem = node, number, put, 0, 0, True, None

    def run(self):
        try:
            while self.going:
                with H2(self.node.client) as client:
                    while self.going and not client.goaways:
                        self.put(client, self.number, self.done)
                        self.done += 1
                self.moves += 1
        except Exception as problem:  # noqa: BLE001: it is told by the test
            self.problem = problem


def replaced_under_load(node, put):
    followers = [Follower(node, i, put) for i in range(4)]
    for follower in followers:
        follower.start()
    for _ in range(3):
        # Who is connected to the worker that goes has had an answer since it last moved.
        before = [follower.done for follower in followers]
        wait_until(lambda: all(follower.problem or follower.done > was for follower, was in zip(followers, before)), 20,
                   "clients to be served")
        before = [follower.moves for follower in followers]
        node.control("restart", "client")
        wait_until(lambda: all(follower.problem or follower.moves > was for follower, was in zip(followers, before)), 20,
                   "clients to move")
    for follower in followers:
        follower.going = False
        follower.join(20)
    assert [follower.problem for follower in followers] == [None] * 4
    return followers


def test_no_request_fails_while_a_worker_is_replaced(world):
    def put(client, number, count):
        answer = client.ask("PUT", "/v2/keys/load-%d" % number, {"value": count})
        assert answer.status in (200, 201), answer

    node = world.node(flags=["-workers", "1"]).start()
    for follower in replaced_under_load(node, put):
        assert node.value("/load-%d" % follower.number) == str(follower.done - 1)


def test_a_node_that_stops_answers_what_it_has(world):
    node = world.node(flags=["-workers", "2"]).start()
    with H2(node.client) as client:
        assert client.ask("GET", "/version").status == 200
        node.stop(signal.SIGTERM)
        client.wait_closed(10)
        assert client.goaways and client.goaways[-1][1] == NO_ERROR

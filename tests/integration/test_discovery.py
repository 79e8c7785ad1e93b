"""Machines find each other through a discovery service: one of ours, and one that only pretends."""

import http.server
import json
import os
import ssl
import threading
import urllib.parse

import pytest

import certificates
from moothall import ask, start_together, wait_until


class Service:
    """A keys API for one directory, as simple as it can be; breaks as it is told."""

    def __init__(self, tls=None):
        self.requests, self.keys, self.answer, self.cut = [], {}, None, 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *unused):
                pass

            def handle_any(self):
                size = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(size).decode()
                outer.requests.append((self.command, self.path, body, self.headers.get("Content-Type")))
                status, extra, text = outer.serve(self.command, self.path, body)
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in extra.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_PUT = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.address = "127.0.0.1:%d" % self.server.server_address[1]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, method, path, body):
        if self.answer is not None:
            answer = self.answer(method, path, body)
            if answer is not None:
                return answer
        path, _, query = path.partition("?")
        form = dict(urllib.parse.parse_qsl(body))
        if method == "PUT":
            if "prevExist=false" in query and path in self.keys:
                return 412, {}, json.dumps({"errorCode": 105, "message": "Key already exists"})
            self.keys[path] = form["value"]
            if self.cut:
                self.cut -= 1
                return None, {}, ""
            return 201, {}, json.dumps({"action": "set", "node": {"key": path, "value": form["value"]}})
        if path.rpartition("/")[2].startswith("_") or "_config" in path:
            if path in self.keys:
                return 200, {}, json.dumps({"action": "get", "node": {"key": path, "value": self.keys[path]}})
            return 404, {}, json.dumps({"errorCode": 100, "message": "Key not found"})
        nodes = [{"key": key, "value": value, "createdIndex": i + 1} for i, (key, value) in enumerate(self.keys.items())
                 if key.rpartition("/")[0] == path and not key.rpartition("/")[2].startswith("_")]
        return 200, {}, json.dumps({"action": "get", "node": {"key": path, "dir": True, "nodes": nodes}})


@pytest.fixture
def service():
    service = Service()
    yield service
    service.close()


def find(world, url, count=1, **more):
    return [world.node("machine%d" % (i + 1), flags=["-discovery", url, "-retry-interval", "0.2"],
                       **more) for i in range(count)]


def test_three_machines_meet_through_a_cluster_of_ours(world):
    guide = world.node("guide").start()
    url = "http://%s/v2/keys/_etcd/registry/0123456789abcdef" % guide.client
    nodes = find(world, url + "/", 3)
    start_together(nodes)
    world.wait_voters(nodes)
    assert len({node.status()["clusterId"] for node in nodes}) == 1
    listed = ask(guide.client, "GET", "/v2/keys/_etcd/registry/0123456789abcdef").json["node"]["nodes"]
    assert {n["key"].rpartition("/")[2]: n["value"] for n in listed} == \
        {node.name: node.peer_url() for node in nodes}
    assert all(604000 < n["ttl"] <= 604800 for n in listed)
    # The token is shown in part only.
    assert "token=01234567" in nodes[0].log() and "0123456789abcdef" not in nodes[0].log()
    # Everybody comes back with the same command line, whatever became of the service.
    guide.kill_all()
    for node in nodes:
        node.kill_all()
    start_together(nodes)
    wait_until(lambda: "discovery failed: size at " in nodes[0].log(), 10, "the warning")


def test_what_is_asked_is_what_0_4_asks(world, service):
    node, = find(world, "http://%s/v2/keys/t" % service.address)
    node.start()
    assert service.requests.pop(0)[:2] == ("GET", "/v2/keys/t/_config/size")
    assert service.requests == [
        ("PUT", "/v2/keys/t/machine1", "value=%s&ttl=604800" % urllib.parse.quote(node.peer_url(), ""),
         "application/x-www-form-urlencoded"),
        ("PUT", "/v2/keys/t/_state?prevExist=false", "value=started", "application/x-www-form-urlencoded")]
    assert node.state() == "leader"
    # The second one asks for the list, reads both forms of an address, and joins.
    service.keys["/v2/keys/t/other"] = "127.0.0.1:1"
    second = world.node("machine2", flags=["-discovery", "http://%s/v2/keys/t" % service.address])
    second.start()
    assert service.requests[-1][:2] == ("GET", "/v2/keys/t?recursive=true")
    world.wait_voters([node, second])


def test_a_service_that_is_none_ends_the_start(world, service):
    other = world.node("other").start()
    answers = {
        "the answer is none of a keys API": lambda *unused: (200, {}, "Hello, client"),
        "status 500": lambda *unused: (500, {}, ""),
        "it redirects too often": lambda *unused: (307, {"Location": "/x"}, ""),
        "where nobody may follow": lambda *unused: (307, {"Location": "ftp://x/"}, ""),
        "the answer is not HTTP": lambda *unused: (None, {}, ""),
    }
    for i, (words, answer) in enumerate(answers.items()):
        service.answer = answer
        node = world.node("m%d" % i, flags=["-discovery", "http://%s/t" % service.address])
        node.start(wait=False)
        assert node.process.wait(20) == 1
        assert "m%d, the new instance, must register itself to discovery service as required (" \
            "size at http://%s/t: " % (i, service.address) in node.log() or "size at %s: " % service.address in \
            node.log(), node.log()
        if answer("", "", "")[0] is not None:
            assert words in node.log(), node.log()
    # With -peers it is a warning.
    node = world.node("last", peers=[other.peer], flags=["-discovery", "http://%s/t" % service.address])
    node.start()
    assert "joining through -peers, discovery failed: size at " in node.log()
    world.wait_voters([other, node])


def test_redirects_keep_method_and_body(world, service):
    target = Service()
    try:
        service.answer = lambda method, path, body: (
            308, {"Location": "http://%s%s" % (target.address, path)}, "")
        node, = find(world, "http://%s/t" % service.address)
        node.start()
        assert target.keys == {"/t/machine1": node.peer_url(), "/t/_state": "started"}
    finally:
        target.close()


def test_nobody_but_the_first_starts_a_cluster(world, service):
    service.keys["/t/_state"] = "started"
    node, = find(world, "http://%s/t" % service.address)
    node.start(wait=False)
    assert node.process.wait(20) == 1
    assert "Discovery found an initialized cluster but no reachable peers are registered." in node.log()
    # A machine that is registered and gone: tried as often as peers are, then the end.
    service.keys["/t/gone"] = "http://127.0.0.1:1"
    node.flags += ["-max-retry-attempts", "2"]
    node.start(wait=False)
    assert node.process.wait(20) == 1
    assert "after 2 retries (127.0.0.1:1: connection refused)" in node.log()


def test_a_mark_whose_answer_was_lost_is_known_as_ours(world, service):
    def cut_the_first(method, path, body):
        if path.startswith("/t/_state") and "/t/_state" not in service.keys:
            service.cut = 1
    service.answer = cut_the_first
    node, = find(world, "http://%s/t" % service.address)
    node.start()
    assert [r[1] for r in service.requests] == ["/t/_config/size", "/t/machine1", "/t/_state?prevExist=false",
                                               "/t/_state?prevExist=false", "/t?recursive=true"]
    assert node.state() == "leader"


def test_a_service_by_https(world, tmp_path):
    authority = certificates.Authority(str(tmp_path))
    pair = authority.issue("service")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair.certificate, pair.key)
    service = Service(server)
    try:
        node, = find(world, "https://%s/t" % service.address)
        node.environment = {"SSL_CERT_FILE": authority.certificate}
        node.start()
        assert service.keys == {"/t/machine1": node.peer_url(), "/t/_state": "started"}
        stranger = world.node("stranger", flags=["-discovery", "https://%s/t" % service.address])
        stranger.environment = {"SSL_CERT_FILE": os.path.join(str(tmp_path), "none")}
        stranger.start(wait=False)
        assert stranger.process.wait(20) == 1
        assert "it is not from an authority of the system" in stranger.log()
        assert "no discovery service will be trusted" in stranger.log()
    finally:
        service.close()


@pytest.mark.parametrize("url, words", [
    ("ftp://h/t", 'etcd: -discovery: "ftp://h/t" does not begin with http:// or https://'),
    ("http:///t", 'etcd: -discovery: "http:///t" is not a URL http://HOST:PORT/PATH'),
    ("http://h/a b", 'etcd: -discovery: "http://h/a b" is not a URL http://HOST:PORT/PATH'),
    ("http://me:secret@h/t", "etcd: -discovery: a user in the URL is not supported"),
])
def test_urls_that_are_none(world, url, words):
    node = world.node(flags=["-discovery", url])
    node.start(wait=False)
    assert node.process.wait(10) == 2
    assert words in node.log() and "secret" not in node.log()

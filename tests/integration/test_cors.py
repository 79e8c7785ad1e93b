"""-cors and -origin-check: which web pages may read answers and which may write."""

import subprocess

from moothall import ETCD, ask, wait_until
from prometheus import scrape
from wire import Wire, request

METHODS = "POST, GET, OPTIONS, PUT, DELETE"
HEADERS = "accept, content-type, authorization"
PAGE = {"Origin": "http://console.example"}
OTHER = {"Origin": "http://evil.example"}


def allowed(answer):
    return answer.headers.get("Access-Control-Allow-Origin")


def expect_allowed(answer, origin):
    assert allowed(answer) == origin
    assert answer.headers["Access-Control-Allow-Methods"] == METHODS
    assert answer.headers["Access-Control-Allow-Headers"] == HEADERS
    assert ("Origin" in answer.headers.get_all("Vary", [])) == (origin != "*")


def expect_nothing(answer):
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_without_the_option_nothing_changes(world):
    node = world.node().start()
    for headers in (None, OTHER):
        answer = ask(node.client, "PUT", "/v2/keys/a", {"value": "b"}, headers=headers)
        assert answer.status in (200, 201)
        expect_nothing(answer)
        options = ask(node.client, "OPTIONS", "/v2/keys/a", headers=headers)
        assert options.status == 200 and options.body == b""
        expect_nothing(options)


def test_a_star_is_on_every_answer_of_the_client_port(world):
    node = world.node(flags=["-cors", "*"]).start()
    for headers in (None, OTHER):
        for method, path in (("GET", "/v2/keys/"), ("GET", "/v2/keys/missing"), ("GET", "/nothing"),
                             ("PATCH", "/v2/keys/a"), ("OPTIONS", "/any/path"), ("GET", "/version"),
                             ("HEAD", "/v2/keys/"), ("GET", "/metrics"), ("GET", "/a//b")):
            expect_allowed(ask(node.client, method, path, headers=headers), "*")
        put = ask(node.client, "PUT", "/v2/keys/a", {"value": "b"}, headers=headers)
        assert put.status in (200, 201)
        expect_allowed(put, "*")
    with Wire(node.client) as wire:
        wire.send(b"no request\r\n\r\n")
        assert wire.answer().get("Access-Control-Allow-Origin") == "*"
    with Wire(node.client) as wire:
        wire.send(request("GET", "/v2/keys/w?wait=true"))
        assert wire.head().get("Access-Control-Allow-Origin") == "*"
    expect_nothing(ask(node.peer, "GET", "/version", headers=OTHER))


def test_a_list_allows_what_it_names(world):
    node = world.node(flags=["-cors", "http://console.example, https://b.example:8443"]).start()
    expect_allowed(ask(node.client, "GET", "/v2/keys/", headers=PAGE), "http://console.example")
    expect_allowed(ask(node.client, "GET", "/v2/keys/", headers={"Origin": "https://b.example:8443"}),
                   "https://b.example:8443")
    expect_allowed(ask(node.client, "OPTIONS", "/v2/keys/", headers=PAGE), "http://console.example")
    expect_nothing(ask(node.client, "GET", "/v2/keys/"))
    for origin in ("http://evil.example", "http://console.example/", "HTTP://CONSOLE.EXAMPLE", "null",
                   "http://console.example:80", "https://console.example"):
        answer = ask(node.client, "GET", "/v2/keys/", headers={"Origin": origin})
        assert answer.status == 200
        expect_nothing(answer)


def test_writes_of_other_pages_are_refused_and_have_no_effect(world):
    node = world.node(flags=["-cors", "http://console.example"]).start()
    assert ask(node.client, "PUT", "/v2/keys/a", {"value": "b"}, headers=PAGE).status == 201
    index = node.get("/v2/keys/a").headers["X-Etcd-Index"]
    for method, path in (("PUT", "/v2/keys/a"), ("POST", "/v2/keys/dir"), ("DELETE", "/v2/keys/a")):
        for headers in (OTHER, {"Origin": "null"}):
            answer = ask(node.client, method, path, {"value": "evil"}, headers=headers)
            assert answer.status == 403
            assert answer.body == b"writes of this origin are not allowed\n"
            expect_nothing(answer)
    assert node.get("/v2/keys/a").headers["X-Etcd-Index"] == index
    assert node.value("/a") == "b"
    # Who is no browser sends no Origin.
    assert node.put("/a", "c").status == 200
    assert ask(node.client, "GET", "/v2/keys/a", headers=OTHER).status == 200
    assert scrape(node.client).get("etcd_http_rejected_total", reason="origin") == 6


def test_the_check_can_be_turned_off_and_on_by_itself(world):
    off = world.node("off", flags=["-cors", "http://console.example", "-origin-check=false"]).start()
    answer = ask(off.client, "PUT", "/v2/keys/a", {"value": "b"}, headers=OTHER)
    assert answer.status == 201
    expect_nothing(answer)
    on = world.node("on", flags=["-origin-check"]).start()
    assert ask(on.client, "PUT", "/v2/keys/a", {"value": "b"}, headers=OTHER).status == 403
    assert on.put("/a", "b").status == 201
    expect_nothing(ask(on.client, "GET", "/v2/keys/a", headers=OTHER))


def test_what_is_no_url_is_refused_at_the_start(world):
    for item in ("http://%zz", "console.example"):
        result = subprocess.run([ETCD, "-data-dir", world.folder + "/x", "-cors", item],
                                capture_output=True, text=True, timeout=20)
        assert result.returncode == 2
        assert '-cors: "%s" is not a URL' % item in result.stderr


def test_a_new_list_counts_without_a_restart(world):
    path = world.folder + "/etcd.conf"
    with open(path, "w") as f:
        f.write('cors = ["http://console.example"]\n')
    node = world.node(flags=["-config", path]).start()
    pids = node.pids()
    expect_allowed(ask(node.client, "GET", "/version", headers=PAGE), "http://console.example")
    with open(path, "w") as f:
        f.write('cors = ["http://other.example"]\n')
    node.process.send_signal(1)

    def taken():
        answer = ask(node.client, "GET", "/version", headers={"Origin": "http://other.example"})
        return allowed(answer) == "http://other.example"
    # Each worker takes it over by itself.
    wait_until(lambda: all(taken() for _ in range(8)), 10, "the new list")
    expect_nothing(ask(node.client, "GET", "/version", headers=PAGE))
    assert node.pids() == pids

"""The page at /ui/: how its files are served. What it shows and does is seen in a browser."""

import gzip
import os
import re
import subprocess

import pytest

from moothall import ETCD, ask, wait_until

SOURCE = os.environ.get("MOOTHALL_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOLDER = os.path.join(SOURCE, "contrib", "ui")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
TYPES = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
         "svg": "image/svg+xml"}
PATHS = ["/ui", "/ui/", "/ui/index.html", "/ui/none", "/mod/dashboard", "/mod/dashboard/"]
PACKED_BYTES_MAX = 80 * 1024


def names():
    with open(os.path.join(FOLDER, "Makefile.inc")) as file:
        listed = re.search(r"^ui_files = ((?:.*\\\n)*.*)", file.read(), re.M).group(1)
    return re.findall(r"%D%/(\S+)", listed)


def contents(name):
    with open(os.path.join(FOLDER, name), "rb") as file:
        return file.read()


def guarded(answer):
    for header, value in HEADERS.items():
        assert answer.headers.get_all(header) == [value], (header, answer.headers.get_all(header))
    return answer


@pytest.fixture
def node(world):
    return world.node(flags=["-workers", "1"]).start()


def test_every_file_is_served_plain_and_compressed_with_its_headers(node):
    total = 0
    assert "index.html" in names()
    assert set(names()) == {name for name in os.listdir(FOLDER) if name.rpartition(".")[2] in TYPES}
    for name in names():
        plain = guarded(ask(node.client, "GET", "/ui/" + name))
        assert plain.status == 200 and plain.body == contents(name)
        packed = guarded(ask(node.client, "GET", "/ui/" + name, headers={"Accept-Encoding": "br, gzip"}))
        assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.body) == contents(name)
        assert plain.headers["Content-Encoding"] is None
        assert packed.headers["ETag"] != plain.headers["ETag"]
        total += len(packed.body)
        for answer in plain, packed:
            assert answer.headers["Content-Type"] == TYPES[name.rpartition(".")[2]]
            assert answer.headers["Cache-Control"] == "no-cache" and answer.headers["Vary"] == "Accept-Encoding"
            assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert total < PACKED_BYTES_MAX
    assert ask(node.client, "GET", "/ui/").body == contents("index.html")


def test_who_has_a_file_is_told_so(node):
    for encoding in "", "gzip":
        head = {"Accept-Encoding": encoding}
        first = ask(node.client, "GET", "/ui/", headers=head)
        for known in first.headers["ETag"], 'W/' + first.headers["ETag"], '"x", ' + first.headers["ETag"], "*":
            again = guarded(ask(node.client, "GET", "/ui/", headers=dict(head, **{"If-None-Match": known})))
            assert again.status == 304 and again.body == b"" and again.headers["ETag"] == first.headers["ETag"]
            assert again.headers["Cache-Control"] == "no-cache" and again.headers["Content-Length"] is None
        other = ask(node.client, "GET", "/ui/", headers=dict(head, **{"If-None-Match": '"x"'}))
        assert other.status == 200 and other.body == first.body


def test_a_head_is_the_answer_without_its_body(node):
    whole, head = (ask(node.client, method, "/ui/") for method in ("GET", "HEAD"))
    assert head.status == 200 and head.body == b""
    for header in [*HEADERS, "ETag", "Cache-Control", "Content-Length", "Content-Type"]:
        assert head.headers[header] == whole.headers[header] is not None


def test_paths_and_methods(node):
    for path in "/ui", "/mod/dashboard", "/mod/dashboard/":
        answer = guarded(ask(node.client, "GET", path))
        assert (answer.status, answer.headers["Location"]) == (301, "/ui/"), path
    for path in "/ui/none", "/ui/index.html/", "/ui/Makefile.inc", "/ui/%00", "/ui/index.html%00":
        assert guarded(ask(node.client, "GET", path)).status == 404, path
    assert ask(node.client, "GET", "/ui/../ui/").status == 301
    for path in "/uix", "/u", "/mod/dashboard/x":
        assert ask(node.client, "GET", path).status == 404, path
    for method in "PUT", "POST", "DELETE":
        answer = ask(node.client, method, "/ui/")
        assert (answer.status, answer.headers["Allow"]) == (405, "HEAD,GET")
    assert ask(node.peer, "GET", "/ui/").status == 404


def test_off_it_is_a_path_as_any_that_is_not_known(world):
    node = world.node(flags=["-ui", "off"]).start()
    unknown = ask(node.client, "GET", "/nothing")
    for path in PATHS:
        for method in "GET", "PUT":
            answer = ask(node.client, method, path)
            assert (answer.status, answer.body) == (404, unknown.body) and len(answer.headers) == len(unknown.headers), path
    assert "/ui/" not in node.log()


def test_read_only_serves_it_and_other_words_are_refused(world):
    assert ask(world.node(flags=["-ui", "read-only"]).start().client, "GET", "/ui/").status == 200
    done = subprocess.run([ETCD, "-data-dir", world.folder + "/x", "-ui", "none", "-check-config"], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 2 and '-ui: "none" is none of on, read-only, off' in done.stderr, done.stderr


def test_the_start_names_it_and_a_reload_takes_it_away(world):
    path = world.folder + "/etcd.conf"

    def configure(word):
        with open(path, "w") as file:
            file.write('[server]\nui = "%s"\n' % word)
    configure("on")
    node = world.node(flags=["-config", path]).start()
    assert "page http://%s/ui/\n" % node.client in node.log()
    pids = node.pids()

    def answers(status):
        # Each worker takes it over by itself.
        return all(ask(node.client, "GET", "/ui/").status == status for _ in range(8))
    assert answers(200)
    configure("off")
    assert "changed: -ui" in node.control("reload").stdout
    wait_until(lambda: answers(404), 10, "the end of the page")
    assert node.pids() == pids


def test_it_needs_no_rights_since_it_shows_nothing(world):
    node = world.node(flags=["-workers", "1"]).start()
    assert ask(node.client, "PUT", "/v2/auth/users/root", '{"user":"root","password":"secret"}').status == 201
    assert ask(node.client, "PUT", "/v2/auth/enable").status == 200
    assert ask(node.client, "GET", "/ui/").status == 200
    assert ask(node.client, "GET", "/mod/dashboard").status == 301

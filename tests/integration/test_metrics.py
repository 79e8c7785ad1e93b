"""GET /metrics: right to read, true, of the whole node, and never falling."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from certificates import Authority
from moothall import SLOW, Writers, alive, ask, wait_until
from prometheus import Page, Wrong, scrape
from v3 import b64, call
from wire import Wire, request


def falls(before, after):
    """Counters of before that are smaller in after, or gone."""
    now = after.counters()
    return {key: (value, now.get(key)) for key, value in before.counters().items()
            if now.get(key, -1) < value}


# ---- the reader itself

def test_the_reader_refuses_what_is_wrong():
    good = '# HELP a_total x\n# TYPE a_total counter\na_total{b="c\\"d"} 1\n'
    assert Page(good).get("a_total", b='c"d') == 1
    for bad in (good[:-1], good + "a_total 1", good + 'a_total{b="c\\"d"} 2\n', good + "b_total 1\n",
                good.replace("a_total", "a"), good.replace(' 1\n', ' one\n'), good.replace('"}', '}'),
                good.replace("counter", "count"), good + good):
        with pytest.raises(Wrong):
            Page(bad)
    histogram = "# HELP h x\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"
    assert Page(histogram).get("h_count") == 2
    for bad in (histogram.replace("h_count 2", "h_count 3"), histogram.replace("h_sum 3\n", ""),
                histogram.replace('le="1"} 1', 'le="1"} 5')):
        with pytest.raises(Wrong):
            Page(bad)


# ---- what is shown

def test_both_ports_show_the_whole_node(world):
    node = world.node(flags=["-workers", "2"]).start()
    assert node.put("/a", "b").status == 201
    assert node.get("/v2/keys/a").status == 200
    for page in (scrape(node.client), scrape(node.peer)):
        assert page.get("etcd_server_has_leader") == 1
        assert page.get("etcd_server_is_leader") == 1
        assert page.get("etcd_build_info") == 1
        assert page.get("etcd_http_requests_total", route="/v2/keys", method="PUT", code="201") == 1
        assert page.get("etcd_http_request_duration_seconds_count", route="/v2/keys") >= 2
        assert page.get("etcd_store_writes_total", action="set", result="success") == 1
        assert page.get("etcd_disk_wal_fsync_duration_seconds_count") >= 1
        assert page.get("etcd_disk_backend_commit_duration_seconds_count") >= 1
        assert page.get("etcd_disk_written_bytes_total") > 0
        assert page.get("etcd_http_rejected_total", reason="body") == 0
        for process in ("supervisor", "raftd", "peer", "client-1", "client-2"):
            assert page.get("process_resident_memory_bytes", process=process) > 100000
            assert page.get("process_start_time_seconds", process=process) <= time.time() + 1
            assert page.get("process_cpu_seconds_total", process=process) > 0
    head = ask(node.client, "HEAD", "/metrics")
    assert head.status == 200 and head.body == b""
    assert ask(node.client, "PUT", "/metrics", {"a": "b"}).status == 405


def test_promtool_has_nothing_to_say(world):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    nodes = world.cluster()
    nodes[1].put("/a", "b")
    text = ask(nodes[0].client, "GET", "/metrics").body
    result = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert not result.stderr.strip(), result.stderr


def test_no_label_is_chosen_by_clients(world):
    node = world.node(flags=["-workers", "1"]).start()
    for i in range(300):
        node.get("/no/such/path-%d" % i)
        node.put("/secret-key-%d" % i, "secret-value-%d" % i)
    with Wire(node.client) as wire:
        for i in range(50):
            wire.send(request("BREW%d" % i, "/v2/keys/a"))
            assert wire.answer().status == 405
    text = ask(node.client, "GET", "/metrics").body.decode()
    assert "secret" not in text and "such" not in text and "BREW" not in text
    page = Page(text)
    assert page.get("etcd_http_requests_total", route="other", method="GET", code="404") == 300
    assert page.get("etcd_http_requests_total", route="/v2/keys", method="other", code="405") == 50


def test_reads_and_watches_are_counted_where_they_happen(world):
    node = world.node(flags=["-workers", "1"]).start()
    before = scrape(node.client)
    assert node.put("/a", "b").status == 201
    for _ in range(10):
        assert node.get("/v2/keys/a").status == 200
    assert node.get("/v2/keys/missing").status == 404
    page = scrape(node.client)
    for name in ("etcd_cache_hits_total", "etcd_cache_misses_total", "etcd_store_reads_total"):
        assert page.get(name) is not None
    hits = page.get("etcd_cache_hits_total") - before.get("etcd_cache_hits_total")
    assert hits == 9
    assert page.get("etcd_store_reads_total", result="fail") >= 1
    with Wire(node.client) as wire:
        wire.send(request("GET", "/v2/keys/a?wait=true"))
        assert wire.head().status == 200
        page = scrape(node.client)
        assert page.get("etcd_watches_open") == 1
        assert page.get("etcd_debugging_store_watchers") == 1
        node.kill("raftd")
        wait_until(lambda: scrape(node.client).get("etcd_watch_resumed_total") == 1, 10,
                   "the watch to be resumed")
    wait_until(lambda: scrape(node.client).get("etcd_watches_open") == 0, 5, "the watch to end")
    wait_until(lambda: scrape(node.client).get("etcd_debugging_store_watchers") == 0, 5,
               "the watch to end in the store")


def test_a_cluster_counts_its_peers(world):
    nodes = world.cluster()
    leader = world.leader_of(nodes)
    follower = next(node for node in nodes if node is not leader)
    for i in range(20):
        assert follower.put("/k%d" % i, "v").status == 201
    ids = {m["name"]: m["id"] for m in leader.status()["members"]}

    def timed():
        page = scrape(leader.client)
        return all(page.get("etcd_network_peer_round_trip_time_seconds_count", To=ids[node.name])
                   for node in nodes if node is not leader)
    wait_until(timed, 10, "round trips to both followers")
    page = scrape(leader.client)
    assert page.get("etcd_network_peer_sent_bytes_total", To=ids[follower.name]) > 1000
    assert page.get("etcd_network_peer_received_bytes_total", From=ids[follower.name]) > 500
    assert sum(scrape(node.client).get("etcd_server_is_leader") for node in nodes) == 1
    assert page.get("etcd_server_proposals_applied_total") >= 20
    assert scrape(follower.client).get("etcd_store_writes_total", action="set", result="success") >= 20
    active = {node.name: page.get("etcd_network_active_peers", Local=ids[leader.name], Remote=ids[node.name])
              for node in nodes if node is not leader}
    assert set(active.values()) == {1}
    for node in nodes:
        if node is not leader and node is not follower:
            node.kill_all()
            wait_until(lambda: scrape(leader.client).get("etcd_network_active_peers",
                                                         Remote=ids[node.name]) == 0, 5, "a stream less")
    wait_until(lambda: scrape(leader.client).get("etcd_network_peer_sent_failures_total") > 0, 10,
               "frames to be dropped")
    follower.kill_all()
    assert leader.put("/late", "v", timeout=20).status == 500
    assert scrape(leader.client).get("etcd_server_proposals_failed_total") >= 1
    wait_until(lambda: scrape(leader.client).get("etcd_server_has_leader") == 0, 10,
               "the leader to step down")


# ---- what others are given to use it

# Made by make, for this name of the service.
CONTRIB = os.path.join(os.environ.get("MOOTHALL_BUILD", os.path.join(os.path.dirname(__file__), "..", "..")), "contrib")
NAMES = re.compile(r"\b(?:etcd|process)_[a-z_]+\b")


def expressions():
    """(where, expression) of alerts and board."""
    with open(os.path.join(CONTRIB, "prometheus", "alerts.yml")) as file:
        for block in re.findall(r"expr: (.*?)\n +(?:for|labels):", file.read(), re.S):
            yield "alerts.yml", block
    with open(os.path.join(CONTRIB, "grafana", "moothall.json")) as file:
        board = json.load(file)
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in board["templating"]["list"]:
        yield variable["name"], variable["query"]


def test_every_metric_of_the_alerts_and_the_board_is_there(world):
    authority = Authority(world.folder)
    pair = authority.issue("machine")
    secure = world.node("secure", flags=pair.flags(), tls=authority.context()).start()
    nodes = world.cluster()
    nodes[1].put("/a", "b")
    leader = world.leader_of(nodes)
    wait_until(lambda: scrape(leader.client).get("etcd_network_peer_round_trip_time_seconds_count"),
               10, "a round trip")

    def there():
        pages = [scrape(node.client) for node in nodes] + [Page(secure.get("/metrics").body.decode())]
        return {name for page in pages for name, _ in page.samples}
    wait_until(lambda: "etcd_tls_certificate_expiry_timestamp_seconds" in there(), 5, "a tick")
    known = there()
    used = [(where, name) for where, text in expressions() for name in NAMES.findall(text)]
    assert len(used) > 40
    missing = [(where, name) for where, name in used if name not in known]
    assert not missing, missing
    labels = {"job", "instance", "process", "code", "reason", "route", "port", "file", "le", "To", "Remote", "method"}
    by = re.compile(r"by \(([^)]*)\)|\{\{ ?\$?(?:labels\.)?(\w+) ?\}\}")
    for where, text in expressions():
        for group in by.findall(text):
            assert set(re.split(r", *", group[0] or group[1])) <= labels, (where, text)


def test_promtool_takes_the_alerts():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    config = subprocess.run([promtool, "check", "config", os.path.join(CONTRIB, "prometheus", "scrape.yml")],
                            capture_output=True, text=True)
    assert config.returncode == 0, config
    result = subprocess.run([promtool, "check", "rules", os.path.join(CONTRIB, "prometheus", "alerts.yml")],
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


# ---- OpenMetrics

def test_openmetrics_says_the_same_to_who_asks_for_it(world):
    node = world.node(flags=["-workers", "1"]).start()
    for i in range(30):
        node.put("/k%d" % i, "v")
    prometheus = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                  "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
    page = scrape(node.client, prometheus, openmetrics=True)
    text = scrape(node.peer)
    assert {name for name, _ in page.samples} == {name for name, _ in text.samples}
    assert page.types["etcd_http_requests"] == "counter"
    assert page.get("etcd_store_writes_total", action="set", result="success") == 30
    assert page.get("etcd_wal_batch_entries_sum") >= 30
    for accept in ("text/plain", "*/*", "application/openmetrics-text;q=0", "application/json",
                   "application/openmetrics-text;q=0.4,text/plain;q=0.5", ";;;,,,q=", ""):
        scrape(node.client, accept)
    for accept in ("application/openmetrics-text", " text/plain;q=0.1 , application/openmetrics-text ; q=0.2 "):
        scrape(node.client, accept, openmetrics=True)


def test_the_openmetrics_reader_refuses_what_is_wrong():
    good = "# HELP a x\n# TYPE a counter\na_total 1\n# EOF\n"
    assert Page(good, openmetrics=True).get("a_total") == 1
    for bad in (good[:-6], good + "# EOF\n", good.replace("a_total", "a"), good.replace("# TYPE a ", "# TYPE a_total ")):
        with pytest.raises(Wrong):
            Page(bad, openmetrics=True)


# ---- times

def test_times_are_measured_where_they_pass(world):
    nodes = world.cluster()
    follower = next(node for node in nodes if node is not world.leader_of(nodes))
    for i in range(10):
        assert follower.put("/k%d" % i, "v").status == 201
        assert follower.get("/v2/keys/k%d?quorum=true" % i).status == 200
    page = scrape(follower.client)
    for name, least in (("proposal", 10), ("read_index", 10), ("apply", 5)):
        name = "etcd_server_%s_durations_seconds" % name
        assert page.get(name + "_count") >= least, name
        assert 0 < page.get(name + "_sum") < 60, name
    assert page.get("etcd_mvcc_db_total_size_in_bytes") > 0
    assert page.get("etcd_log_entries") >= 10
    assert page.get("etcd_up") == 1


def test_a_node_that_lost_its_majority_is_not_up(world):
    nodes = world.cluster()
    for node in nodes[1:]:
        node.kill_all()
    wait_until(lambda: scrape(nodes[0].client).get("etcd_up") == 0, 15, "the node to say so")
    assert scrape(nodes[0].client).get("etcd_server_has_leader") == 0


# ---- it never falls

def test_counters_do_not_fall_when_any_process_is_replaced(world):
    node = world.node(flags=["-workers", "2"]).start()
    for i in range(20):
        node.put("/k%d" % i, "v")
        node.get("/v2/keys/k%d" % i)
    ask(node.peer, "GET", "/name")
    stop, wrong, pages = threading.Event(), [], []

    def watch_counters():
        last = None
        while not stop.is_set():
            try:
                page = scrape(node.client)
            except (OSError, AssertionError) as error:
                # A worker that is killed takes its connections with it.
                if isinstance(error, AssertionError):
                    wrong.append(repr(error))
                continue
            except Exception as error:  # noqa: B902 (an answer cut in the middle)
                if type(error).__module__ != "http.client":
                    wrong.append(repr(error))
                continue
            if last is not None and falls(last, page):
                wrong.append(falls(last, page))
            last = page
            pages.append(page)
    thread = threading.Thread(target=watch_counters)
    thread.start()
    restarts = {"raftd": 0, "peer": 0, "client": 0}
    try:
        with Writers([node.client], threads=2) as writers:
            for kind in ("raftd", "client", "peer", "client", "raftd"):
                before = scrape_again(node)
                node.kill(kind)
                restarts[kind] += 1
                writers.wait_more(20)
                wait_until(lambda: scrape_again(node).get("etcd_process_restarts_total") ==
                           sum(restarts.values()), 10, "the restart of %s to be counted" % kind)
                assert not falls(before, scrape_again(node))
    finally:
        stop.set()
        thread.join(30 * SLOW)
    assert not wrong, wrong[:3]
    assert len(pages) > 10
    page = scrape_again(node)
    assert page.get("etcd_process_restarts_total", process="raftd") == 2
    assert page.get("etcd_process_restarts_total", process="peer") == 1
    assert page.get("etcd_http_requests_total", route="/name") == 1
    assert page.get("etcd_store_writes_total", action="set", result="success") >= 20


def scrape_again(node):
    """A scrape that does not mind if its worker is killed under it."""
    def try_it():
        try:
            return scrape(node.client)
        except OSError:
            return None
        except Exception as error:  # noqa: B902
            if type(error).__module__ == "http.client":
                return None
            raise
    return wait_until(try_it, 10, "a scrape")


def test_counters_do_not_fall_in_an_orderly_restart(world):
    node = world.node(flags=["-workers", "2"]).start()
    for i in range(10):
        node.put("/k%d" % i, "v")
    before = scrape(node.client)
    assert node.control("restart", "all").returncode == 0
    after = scrape_again(node)
    assert not falls(before, after)
    wait_until(lambda: scrape_again(node).get("etcd_process_restarts_total") == 4, 10,
               "all restarts to be counted")
    # A worker that drains and its successor are both there; what is open is told by both.
    wait_until(lambda: len(node.pids()["client"]) == 2, 40, "the old workers to go")
    assert not falls(after, scrape_again(node))
    assert scrape_again(node).get("etcd_http_connections", port="client") >= 1


def test_what_is_dead_is_not_shown_as_present(world):
    node = world.node(flags=["-workers", "2"]).start()
    assert scrape(node.client).get("etcd_server_has_leader") == 1
    pid = node.pid_of("raftd")
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), 5, "raftd to be gone")
    wait_until(lambda: scrape_again(node).get("etcd_server_has_leader") == 1, 10,
               "a leader again")
    assert scrape_again(node).get("etcd_server_leader_changes_seen_total") >= 1


# ---- names

def test_metrics_of_etcd_3_have_their_names(world):
    node = world.node().start()
    page = scrape(node.client)
    for name in ("etcd_server_has_leader", "etcd_server_is_leader",
                 "etcd_server_leader_changes_seen_total", "etcd_server_proposals_committed_total",
                 "etcd_server_proposals_applied_total", "etcd_server_proposals_failed_total",
                 "etcd_server_proposals_pending", "etcd_disk_wal_fsync_duration_seconds_bucket",
                 "etcd_disk_backend_commit_duration_seconds_bucket", "etcd_debugging_store_watchers",
                 "process_resident_memory_bytes", "process_cpu_seconds_total",
                 "process_start_time_seconds", "process_max_fds"):
        assert page.get(name) is not None, name
    bounds = [dict(labels)["le"] for (name, labels) in page.samples
              if name == "etcd_disk_wal_fsync_duration_seconds_bucket"]
    assert bounds == ["0.001", "0.002", "0.004", "0.008", "0.016", "0.032", "0.064", "0.128",
                      "0.256", "0.512", "1.024", "2.048", "4.096", "8.192", "+Inf"]
    assert all(re.match(r"(etcd|process|grpc_server)_[a-z_]+\Z", name) for name in page.types)


def test_calls_of_v3_are_counted_when_they_begin_and_when_they_end(world):
    node = world.node(flags=["-workers", "1"]).start()
    labels = {"grpc_service": "etcdserverpb.KV", "grpc_method": "Range", "grpc_type": "unary"}
    streams = {"grpc_service": "etcdserverpb.Watch", "grpc_method": "Watch", "grpc_type": "bidi_stream"}

    def both(labels, **code):
        page = scrape(node.client)
        return (page.get("grpc_server_started_total", **labels), page.get("grpc_server_handled_total", **labels, **code))
    if both(labels) == (None, None) and call(node, "range", {"key": b64("a")}).status == 404:
        pytest.skip("built without v3")
    for _ in range(3):
        call(node, "range", {"key": b64("a")})
    call(node, "range", {"key": b64("a"), "revision": 99})
    started, done = both(labels, grpc_code="OK")
    assert started == done + 1 and done >= 3
    assert both(labels, grpc_code="OutOfRange")[1] == 1
    with Wire(node.client) as wire:
        wire.send(request("POST", "/v3/watch", body=json.dumps({"create_request": {"key": b64("a")}})))
        wait_until(lambda: both(streams)[0] == 1, 5, "the watch")
        # It goes on in another worker, and is one stream still.
        before = node.pids()["client"]
        node.control("restart", "client")
        wait_until(lambda: not set(before) & set(node.pids()["client"]), 10, "another worker")
        assert both(streams, grpc_code="Canceled") == (1, None)
    wait_until(lambda: both(streams, grpc_code="Canceled") == (1, 1), 5, "its end")

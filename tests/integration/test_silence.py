"""A raftd that is stopped: everything is answered in time, and its node says what is wrong."""

import contextlib
import os
import signal
import threading
import time

from moothall import SLOW, ask, wait_until

REQUEST_TIMEOUT = 5.0
# For what the machine is busy with; the worker itself is never late.
MARGIN = 1.5 * SLOW
CLIENT_REQUESTS = [("GET", "/v2/keys/a"), ("GET", "/v2/keys/?recursive=true"),
                   ("GET", "/v2/keys/a?quorum=true"), ("PUT", "/v2/keys/b"), ("POST", "/v2/keys/c"),
                   ("DELETE", "/v2/keys/a"), ("GET", "/v2/keys/a?wait=true"), ("GET", "/v2/stats/store"),
                   ("GET", "/v2/keys/a?wait=true&stream=true")]
PEER_REQUESTS = [("PUT", "/v2/admin/config"), ("DELETE", "/v2/admin/machines/none"), ("GET", "/v2/admin/backup")]


@contextlib.contextmanager
def stopped(pids):
    """Processes that do nothing for a while."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


def asked_together(requests):
    """Each on a thread of its own: (request, answer, seconds)."""
    out = []

    def one(address, method, path):
        begun = time.monotonic()
        form = '{"activeSize":5}' if "config" in path else "value=1" if method in ("PUT", "POST") else None
        answer = ask(address, method, path, form=form, timeout=30)
        out.append((method + " " + path, answer, time.monotonic() - begun))
    threads = [threading.Thread(target=one, args=request) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(out) == len(requests)
    return out


def raftd_of(status):
    return next(line for line in status.splitlines() if line.startswith("raftd"))


def test_a_stopped_raftd_is_known_and_nothing_waits_longer_than_the_request_timeout(world):
    node = world.node().start()
    assert node.put("/a", "1").status == 201 and node.get("/v2/keys/a").status == 200
    requests = [(node.client,) + r for r in CLIENT_REQUESTS] + [(node.peer,) + r for r in PEER_REQUESTS]
    with stopped([node.pid_of("raftd")]):
        for request, answer, seconds in asked_together(requests):
            assert seconds <= REQUEST_TIMEOUT + MARGIN, (request, answer, seconds)
            if "backup" in request:
                assert answer.status == 503, (request, answer)
            elif request == "GET /v2/keys/a" and answer.status == 200:
                # A worker that had the body, before it was known: as new as any answer can be.
                assert answer.json["node"]["value"] == "1", answer
            else:
                assert answer.status == 500 and answer.json["errorCode"] == 300, (request, answer)
        # It is known by now: at once, whether a body of it was kept or not.
        for path in ("/v2/keys/a", "/v2/keys/other", "/v2/keys/?recursive=true"):
            begun = time.monotonic()
            answer = node.get(path)
            assert answer.status == 500 and answer.json["errorCode"] == 300, answer
            assert answer.json["cause"] == "raftd gives no sign of life", answer
            assert time.monotonic() - begun < MARGIN
        assert node.get("/health").status == 503
        wait_until(lambda: "silent" in raftd_of(node.control("status").stdout), 5, "the status to say so")
        status = node.control("status")
        assert status.returncode == 1 and "degraded" in status.stdout, status
        assert '"state":"silent"' in node.control("status", "-json").stdout
        assert "child gives no sign of life: process=raftd" in node.log()
        assert "raftd gives no sign of life: for_ms=2000" in node.log()
    wait_until(lambda: node.get("/v2/keys/").status == 200, 5, "it to serve again")
    wait_until(lambda: node.control("status").returncode == 0, 5, "the status to be good again")
    assert "running" in raftd_of(node.control("status").stdout)
    assert "child gives signs of life again: process=raftd" in node.log()
    assert node.put("/d", "1").status == 201 and node.get("/health").status == 200


def test_a_pause_of_the_whole_node_is_nobodys_silence(world):
    """As when the machine sleeps: whoever is first to run again, nothing is refused."""
    node = world.node().start()
    assert node.put("/a", "1").status == 201
    for seconds in (1.2, 4.0):
        pids = node.pids()
        # raftd is the last one to go on, and clients have asked meanwhile.
        order = pids["raftd"] + pids["supervisor"] + pids["peer"] + pids["client"]
        with stopped(order):
            answers = []
            threads = [threading.Thread(target=lambda: answers.append(node.get("/v2/keys/a", timeout=30)))
                       for _ in range(8)]
            for thread in threads:
                thread.start()
            # The time in which nothing of the node runs is what this is about.
            time.sleep(seconds)
        for thread in threads:
            thread.join()
        assert [a.status for a in answers] == [200] * 8, answers
        end = time.monotonic() + 2
        while time.monotonic() < end:
            assert node.get("/v2/keys/a").status == 200
    assert "no sign of life" not in node.log(), node.log()


def test_nodes_that_forward_to_a_stopped_raftd_answer_in_time(world):
    nodes = world.cluster(3)
    leader = world.leader_of(nodes)
    followers = [n for n in nodes if n is not leader]
    assert nodes[0].put("/a", "1").status == 201
    with stopped([leader.pid_of("raftd")]):
        # Those that are left go on; nobody waits for the one that is stopped.
        for request, answer, seconds in asked_together(
                [(n.client, method, path) for n in followers
                 for method, path in (("PUT", "/v2/keys/b"), ("GET", "/v2/keys/a?quorum=true"))]):
            assert seconds <= REQUEST_TIMEOUT + MARGIN and answer.status < 300, (request, answer, seconds)
        with stopped([followers[0].pid_of("raftd")]):
            last = followers[1]
            for request, answer, seconds in asked_together(
                    [(last.client, "PUT", "/v2/keys/c"), (last.client, "GET", "/v2/keys/a?quorum=true"),
                     (last.peer, "DELETE", "/v2/admin/machines/none"), (last.peer, "PUT", "/v2/admin/config")]):
                assert seconds <= REQUEST_TIMEOUT + MARGIN and answer.status == 500, (request, answer, seconds)
            assert last.get("/v2/keys/a").status == 200

"""Events as they come, over what happens to the node meanwhile."""

import http.client
import os
import signal

from moothall import wait_until


def written(node, key):
    """Is it, by a node whose workers may be away?"""
    try:
        return node.put(key, "v", timeout=2).status < 300
    except (OSError, http.client.HTTPException):
        return False


def indexes(page):
    return page.run("[...document.querySelectorAll('#events .index')].map(e => Number(e.textContent.replace(/,/g, '')))")


def test_events_come_are_held_and_are_filtered(world, visit):
    nodes = world.cluster()
    page = visit(nodes[1], "#/live/app")
    page.wait_text("Watching", "#live-state")
    nodes[0].put("/app/a", "one")
    nodes[0].put("/other", "not shown")
    nodes[0].put("/app/a", "two", prevValue="one")
    nodes[0].delete("/app/a")
    page.wait_text("3 events", "#live-count")
    said = page.text("#events")
    assert said.index("delete") < said.index("compareAndSwap") < said.index("set"), said
    assert "/app/a" in said and "two" in said and "/other" not in said
    page.click_text("compareAndSwap", "fieldset")
    page.wait_text("2 events", "#live-count")
    page.click_text("compareAndSwap", "fieldset")
    page.wait_text("3 events", "#live-count")
    page.click("#pause")
    for number in range(3):
        nodes[0].put("/app/p%d" % number, "v")
    page.wait_text("3 events came meanwhile", "#live-count")
    assert "/app/p" not in page.text("#events")
    page.click("#pause")
    page.wait_text("/app/p2", "#events")
    page.click("#events a")
    page.wait("location.hash === '#/keys/app/p2'")


def test_the_live_view_goes_on_when_workers_are_replaced(world, visit):
    node = world.node(flags=["-workers", "2"]).start()
    page = visit(node, "#/live/")
    page.expected.append("net::ERR_")
    page.wait_text("Watching", "#live-state")
    node.put("/k0", "v")
    page.wait_text("/k0", "#events")
    for number in range(1, 4):
        for pid in node.pids()["client"]:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: written(node, "/k%d" % number), 10, "a write")
        page.wait_text("/k%d" % number, "#events")
    seen = indexes(page)
    assert seen == sorted(seen, reverse=True) and len(seen) == len(set(seen)), seen
    assert {"/k%d" % number for number in range(4)} <= set(page.run("[...document.querySelectorAll('#events .name')].map(e => e.textContent)"))
    assert page.run("document.querySelectorAll('.event.lost').length") == 0
    node.kill_all()
    page.wait_text("The stream ended", "#live-state")
    node.start()
    node.put("/after", "v")
    page.wait_text("/after", "#events")


def test_lost_events_are_said_to_be_lost(world, visit):
    node = world.node(flags=["-workers", "1", "-history-events", "100"]).start()
    for number in range(200):
        node.put("/k", "v%d" % number)
    page = visit(node, "#/live/")
    page.wait_text("Watching", "#live-state")
    page.fill("#live-since", "10")
    page.click_text("Watch", "form")
    page.wait_text("Events between index 10 and", "#events")
    page.wait_text("were lost", ".event.lost")
    page.expected.append("400")
    node.put("/k", "after")
    page.wait_text("after", "#events")

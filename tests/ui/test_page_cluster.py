"""What an operator does to the cluster, by clicking."""

import glob
import os
import subprocess

from moothall import ETCDCTL, ask, wait_until


def members(node):
    return node.get("/v2/members").json["members"]


def test_a_place_is_made_and_removed_and_the_size_is_changed(world, visit):
    nodes = world.cluster()
    node = nodes[0]
    page = visit(node, "#/cluster")
    page.click("#add summary")
    page.fill("#add-url", "http://127.0.0.1:1")
    page.click_text("Make a place")
    page.wait_text("There is a place", "#add-said")
    place = next(one for one in members(node) if one["peerURLs"] == ["http://127.0.0.1:1"])
    page.wait("document.querySelector('[aria-label=\"Remove %s\"]') !== null" % place["id"])
    page.click_text("Remove " + place["id"])
    assert page.run("document.querySelector('#remove-form [type=submit]').disabled")
    page.fill("#sure", place["id"])
    page.click_text("Remove for good", "dialog")
    wait_until(lambda: len(members(node)) == 3, 5, "the place to be gone")
    page.wait("document.querySelector('[aria-label=\"Remove %s\"]') === null" % place["id"])
    page.fill("#config-activeSize", "5")
    page.click_text("Change")
    wait_until(lambda: ask(node.peer, "GET", "/v2/admin/config").json["activeSize"] == 5, 5, "the size")
    page.wait("document.querySelector('#config-activeSize').value === '5' && document.querySelector('#config-form [type=submit]').disabled")
    # A member goes for good.
    page.click_text("Remove machine3")
    page.fill("#sure", "machine3")
    page.click_text("Remove for good", "dialog")
    wait_until(lambda: len(members(node)) == 2, 10, "machine3 to be gone")
    page.wait("document.querySelector('[aria-label=\"Remove machine3\"]') === null")
    wait_until(lambda: nodes[2].process.poll() is not None, 10, "machine3 to end")


def test_the_lead_is_given_to_another(world, visit):
    # A disk that stands still for a moment must not make them vote again meanwhile.
    nodes = world.cluster(flags=["-peer-election-timeout", "2000"])
    leader = world.leader_of(nodes)
    other = next(node for node in nodes if node is not leader)
    # At another node there is the way to the one that can.
    page = visit(other, "#/cluster")
    page.wait("[...document.querySelectorAll('a')].some(a => a.href === 'http://%s/ui/#/cluster' && "
              "a.textContent === 'Give the lead at %s')" % (leader.client, leader.name))
    page = visit(leader, "#/cluster")
    page.click_text("Give the lead to " + other.name)
    page.click_text("Give the lead", "dialog")
    wait_until(lambda: world.leader_of(nodes) is other, 10, other.name + " to lead")
    page.wait("document.querySelector('.tag.lead')?.closest('tr').innerText.includes('%s')" % other.name)


def test_a_backup_comes_down_whole_and_the_log_is_shown(world, visit, browser):
    node = world.node(flags=["-workers", "1"]).start()
    for number in range(100):
        node.put("/k%d" % number, "v" * 1000)
    page = visit(node, "#/cluster", asked=True)
    page.wait_text("state changed", "#log")
    page.fill("#log-filter", "candidate")
    page.wait("[...document.querySelectorAll('#log span')].every(s => s.textContent.includes('candidate'))")
    # Without users it says who gets a backup, and where.
    page.click("#backup")
    page.wait_text("etcdctl control backup", "[aria-labelledby=backup-h]")
    page.expected += ["403", "401"]
    assert ask(node.client, "PUT", "/v2/auth/users/root", '{"user":"root","password":"pw"}').status == 201
    assert ask(node.client, "PUT", "/v2/auth/enable").status == 200
    page.user = ("root", "pw")
    page.click("#backup")
    page.wait_text("Done:", "#backup-done", 15)
    name = page.text("#backup-done a")
    path = os.path.join(browser.downloads, name)
    wait_until(lambda: os.path.exists(path) and not glob.glob(browser.downloads + "/*.crdownload"), 10, name)
    whole = ask(node.peer, "GET", "/v2/admin/backup").body
    assert abs(os.path.getsize(path) - len(whole)) < 200
    restored = subprocess.run([ETCDCTL, "restore", "--to", os.path.join(world.folder, "restored"), "--name", "machine1", path],
                              capture_output=True, text=True, timeout=20)
    assert restored.returncode == 0, restored

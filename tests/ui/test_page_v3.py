"""The keys of v3: looked at, looked for, and changed by clicking; what came of it is seen by the gateway."""

import http.client
import os
import signal
import subprocess

import v3
from moothall import ask, wait_until

HOSTILE = ["<img src=x onerror=violations.push(1)>", "<script>violations.push(2)", "\"><b>'", "a b%2Fc*", "line\nend", ":leases",
           "\u202ereversed", "javascript:violations.push(3)", "?q=1&r#h", "ünïcödé 漢字"]


def single(world, *flags):
    return world.node(flags=["-workers", "1"] + list(flags)).start()


def entry(node, key, **more):
    """What the store has of that key, or None."""
    return (v3.get(node, key, **more).get("kvs") or [None])[0]


def value(node, key):
    found = entry(node, key)
    return found and v3.plain(found.get("value"))


def grant(node, seconds):
    return v3.good(node, "grant", {"TTL": seconds}, prefix="/v3/lease/")["ID"]


def left(node, lease):
    return v3.good(node, "timetolive", {"ID": lease, "keys": True}, prefix="/v3/lease/")


def hexed(lease):
    return "%016x" % int(lease)


def run_line(page, within):
    """The curl line that is shown there, in a shell."""
    line = page.text(within + " .curl code")
    assert line.startswith("curl "), line
    return subprocess.run(["sh", "-c", line.replace("curl ", "curl -sS ", 1)], capture_output=True, text=True,
                          timeout=20, check=True).stdout


def labels(page):
    return page.run("[...document.querySelectorAll('#tree [role=treeitem]')].map(row => row.getAttribute('aria-label'))")


def go_to(page, where):
    page.run("location.hash = '#/v3/' + %r" % where)


def choose(page, selector, chosen):
    page.run("(s => { s.value = %r; s.dispatchEvent(new Event('change', {bubbles: true})); })(document.querySelector(%r))" % (chosen, selector))


def test_a_key_is_edited_against_what_was_shown(world, visit):
    nodes = world.cluster()
    v3.put(nodes[0], "/app/color", "green")
    page = visit(nodes[1], "#/v3//app/color")
    page.wait_text("green", ".value")
    first = entry(nodes[0], "/app/color")
    page.wait_text("Version\n1", "#detail .facts")
    # What others write is shown as it comes.
    v3.put(nodes[2], "/app/color", "blue")
    page.wait_text("blue", ".value")
    page.wait_text("Version\n2", "#detail .facts")
    page.click("#edit")
    page.fill("#edit-value", "red\nand more")
    assert '"mod_revision":"%d"' % (int(first["mod_revision"]) + 1) in page.text("#edit-form .curl code")
    page.click_text("Save")
    page.wait_text("red\nand more", ".value")
    assert value(nodes[0], "/app/color") == "red\nand more"
    # Somebody else is faster: nothing of theirs is lost, and nothing of mine.
    page.click("#edit")
    page.fill("#edit-value", "mine")
    v3.put(nodes[0], "/app/color", "theirs")
    page.wait_text("Meanwhile somebody changed this key", "#detail")
    page.click_text("Save")
    page.wait_text("somebody else changed this key", "#conflict")
    for text in "theirs", "mine", "red\nand more":
        assert text in page.text("#conflict")
    assert value(nodes[0], "/app/color") == "theirs"
    page.click("#edit-theirs")
    assert page.run("document.querySelector('#edit-value').value") == "mine"
    assert "theirs" in page.text("#theirs pre") and value(nodes[0], "/app/color") == "theirs"
    page.click_text("Save mine, replacing theirs")
    page.wait_text("mine", ".value")
    assert value(nodes[0], "/app/color") == "mine"
    assert int(entry(nodes[0], "/app/color")["version"]) == 5
    # It is deleted while it is edited.
    page.click("#edit")
    page.fill("#edit-value", "late")
    v3.delete(nodes[0], "/app/color")
    page.wait_text("Meanwhile somebody deleted this key", "#detail")
    page.click_text("Save")
    page.wait_text("no longer there", "#conflict")
    assert entry(nodes[0], "/app/color") is None
    page.click("#create-it")
    page.click_text("Create")
    page.wait("document.querySelector('#edit') !== null && document.querySelector('.value').innerText === 'late'")
    assert value(nodes[0], "/app/color") == "late"


def test_a_key_is_made_and_deleted_and_what_is_not_saved_is_asked_for(world, visit):
    node = single(world, "-origin-check")
    page = visit(node, "#/v3/")
    page.wait_text("There are no keys", "#detail")
    page.click("#new-key")
    page.fill("#new-path", "/made/one")
    page.fill("#edit-value", "it's \"quoted\" $HOME `x` \\")
    page.click_text("Create")
    page.wait_text("quoted", ".value")
    assert value(node, "/made/one") == "it's \"quoted\" $HOME `x` \\"
    assert page.run("location.hash") == "#/v3//made/one"
    page.wait("document.querySelector('[aria-label=\"/made/one\"]') !== null", what="the key in the tree")
    # A second one of that name is refused, and nothing is changed.
    page.click("#new-key")
    assert page.run("document.querySelector('#new-path').value") == "/made/"
    page.fill("#new-path", "/made/one")
    page.fill("#edit-value", "other")
    page.click_text("Create")
    page.wait_text("such a key already", "#create-form")
    assert value(node, "/made/one") != "other"
    # What was written is not left without a question.
    page.run("location.hash = '#/overview'")
    page.wait("document.querySelector('dialog #stay') !== null")
    page.press("Enter")
    page.wait("document.querySelector('dialog') === null")
    # The line that is shown does what the button does.
    page.fill("#new-path", "/made/by line")
    page.fill("#edit-value", "a 'b' & c=d\n@e")
    assert '"succeeded":true' in run_line(page, "#create-form")
    assert value(node, "/made/by line") == "a 'b' & c=d\n@e"
    page.click_text("Cancel", "#create-form")
    go_to(page, "/made/one")
    page.wait_text("quoted", ".value")
    page.click_text("Delete", "#detail")
    page.press("Enter")         # does nothing but close it
    page.wait("document.querySelector('dialog') === null")
    assert value(node, "/made/one") is not None
    # Written while the question is open: not deleted.
    page.click_text("Delete", "#detail")
    v3.put(node, "/made/one", "newer")
    page.click_text("Delete", "dialog")
    page.wait_text("somebody else changed it meanwhile", "#delete-form")
    assert value(node, "/made/one") == "newer"
    page.click_text("Cancel", "dialog")
    page.wait_text("newer", ".value")
    page.click_text("Delete", "#detail")
    page.click_text("Delete", "dialog")
    page.wait("location.hash === '#/v3//made/*'")
    assert entry(node, "/made/one") is None
    page.wait("document.querySelector('[aria-label=\"/made/one\"]') === null", what="the tree without it")


def test_bytes_that_are_no_text_are_shown_and_written_as_digits(world, visit):
    node = single(world)
    v3.put(node, b"/bin/\xff\xfe", b"\x00\xff\x80end")
    v3.put(node, "/bin/json", '{"id": 12345678901234567890, "list": [1, {"deep": true}]}')
    v3.put(node, "/bin/empty", "")
    page = visit(node, "#/v3//bin/*")
    page.wait_text("3", "#count")
    assert page.run("[...document.querySelectorAll('.contents a')].map(a => a.textContent)") == ["empty", "json", "\\xff\\xfe"]
    page.click_text("\\xff\\xfe", ".contents")
    page.wait_text("00000000  00 ff 80 65 6e 64", ".value")
    assert page.run("location.hash") == "#/v3//bin/%ff%fe"
    page.wait("document.querySelector('#tree .chosen .name')?.textContent === '\\\\xff\\\\xfe'")
    assert "Text" not in page.text(".switch")
    page.click("#edit")
    assert page.run("document.querySelector('#edit-value').value") == "00 ff 80 65 6e 64"
    page.fill("#edit-value", "00 f")
    page.wait_text("not the digits of whole bytes", "#edit-form")
    assert page.run("document.querySelector('#edit-form .go').disabled")
    page.fill("#edit-value", "FF00 fe\n01")
    page.click_text("Save")
    page.wait_text("00000000  ff 00 fe 01", ".value")
    assert entry(node, b"/bin/\xff\xfe")["value"] == v3.b64(b"\xff\x00\xfe\x01")
    go_to(page, "/bin/json")
    page.wait_text("12345678901234567890", ".json-root")
    page.click_text("Hex")
    page.wait_text("00000000  7b 22 69 64 22 3a 20 31", ".value")
    # From text to digits and back it is the same value.
    page.click("#edit")
    page.fill("#edit-value", "ü")
    page.wait_text("It was JSON, and is none", "#edit-form")
    choose(page, "#value-how", "hex")
    assert page.run("document.querySelector('#edit-value').value") == "c3 bc"
    choose(page, "#value-how", "text")
    assert page.run("document.querySelector('#edit-value').value") == "ü"
    page.click_text("Save")
    page.wait_text("00000000  c3 bc", "pre.value")
    assert value(node, "/bin/json") == "ü"
    go_to(page, "/bin/empty")
    page.wait_text("(empty)", ".value")
    # Line ends that a field of text would change are kept.
    v3.put(node, "/bin/lines", "a\r\nb\r\n")
    v3.put(node, "/bin/mixed", "a\r\nb\n")
    for name, kept in (("lines", "a\r\nb\r\nc\r\n"), ("mixed", "a\r\nb\n")):
        go_to(page, "/bin/" + name)
        page.wait("document.querySelector('#path b').textContent === %r && document.querySelector('pre.value') !== null" % name)
        wait_until(lambda: "/bin/" + name in labels(page), 5, "the key in the tree")
        page.click("#edit")
        if name == "lines":
            page.fill("#edit-value", "a\nb\nc\n")
        else:
            assert page.run("document.querySelector('#value-how').value") == "hex"
        before = entry(node, "/bin/" + name)["version"]
        page.click_text("Save")
        wait_until(lambda: entry(node, "/bin/" + name)["version"] != before, 5, "the write")
        page.wait("document.querySelector('#edit') !== null", what="the key as it was saved")
        assert value(node, "/bin/" + name) == kept


def test_what_a_key_was_before_down_to_its_making_or_what_is_compacted(world, visit):
    node = single(world)
    for number in range(1, 31):
        made = v3.put(node, "/h", "value %d" % number)
    last = v3.revision(made)
    page = visit(node, "#/v3//h")
    page.wait_text("value 30", ".value")
    page.click_text("Its revisions")
    page.wait("document.querySelectorAll('.past > details').length === 20")
    page.wait_text("revision %d" % (last - 1), ".past")
    page.click("#older")
    page.wait("document.querySelectorAll('.past > details').length === 29")
    page.wait_text("It was made at revision %d" % (last - 29), "#past-end")
    page.click(".past > details:nth-child(9) > summary")
    page.wait_text("value 21", ".past .value")
    # A new one comes while they are looked at.
    v3.put(node, "/h", "value 31")
    page.wait_text("value 31", "#detail > .valuebox .value")
    page.wait("document.querySelectorAll('.past > details').length === 30")
    page.wait_text("revision %d" % last, ".past > details")
    # Written again as it was.
    page.click(".past > details:nth-child(10) > summary")
    page.click_text("Edit, beginning with this", ".past")
    page.wait("document.querySelector('#edit-value').value === 'value 21'")
    page.click_text("Save")
    page.wait_text("value 21", "#detail > .valuebox .value")
    assert value(node, "/h") == "value 21"
    v3.good(node, "compaction", {"revision": str(last - 3)})
    page.click_text("Reload", ".side")
    page.wait_text("Read again", "#said")
    page.expected.append("400")         # what is compacted is asked for
    go_to(page, "*")
    page.wait_text("h", ".contents")
    go_to(page, "/h")
    page.wait_text("value 21", ".value")
    page.click_text("Its revisions")
    page.wait_text("What was before revision %d is compacted" % (last - 3), "#past-end")
    assert page.run("document.querySelectorAll('.past > details').length") == 5


def test_leases_and_what_hangs_on_them(world, visit):
    node = single(world)
    lease = grant(node, 1000)
    for number in range(5):
        v3.put(node, "/l/k%d" % number, "v", lease=lease)
    page = visit(node, "#/v3//l/k1")
    page.wait_text(hexed(lease), "#detail .facts")
    page.wait("/16 min (3|4)?\\d s/.test(document.querySelector('#detail .facts').innerText)", what="the time that is left")
    before = page.text("#detail .facts")
    wait_until(lambda: page.text("#detail .facts") != before, 5, "a second less")
    # An edit keeps the lease; another one takes it away.
    page.click("#edit")
    page.fill("#edit-value", "kept")
    page.click_text("Save")
    page.wait_text("kept", ".value")
    assert entry(node, "/l/k1")["lease"] == lease
    page.click("#edit")
    choose(page, "#lease-how", "none")
    page.click_text("Save")
    page.wait_text("Lease\nnone", "#detail .facts")
    assert "lease" not in entry(node, "/l/k1")
    # A new one of its own, and one by its ID.
    page.click("#edit")
    choose(page, "#lease-how", "new")
    page.fill("#lease-text", "500")
    page.click_text("Save")
    page.wait_text("8 min", "#detail .facts")
    assert left(node, entry(node, "/l/k1")["lease"])["grantedTTL"] == "500"
    # One that was granted for a write that was not done goes again.
    page.click("#edit")
    choose(page, "#lease-how", "new")
    page.fill("#lease-text", "600")
    v3.put(node, "/l/k1", "theirs", lease=entry(node, "/l/k1")["lease"])
    page.click_text("Save")
    page.wait_text("somebody else changed this key", "#conflict")
    wait_until(lambda: len(v3.good(node, "leases", {}, prefix="/v3/lease/")["leases"]) == 2, 5, "the new lease to be gone")
    page.click("#take-theirs")
    page.wait_text("theirs", ".value")
    page.click("#new-key")
    page.fill("#new-path", "/l/new")
    choose(page, "#lease-how", "other")
    page.fill("#lease-text", hexed(lease))
    page.click_text("Create")
    page.wait_text(hexed(lease), "#detail .facts")
    assert entry(node, "/l/new")["lease"] == lease
    page.click("#leases")
    page.wait("document.querySelectorAll('#detail tbody tr').length === 2", what="two leases")
    assert "5:" in page.text("#detail tbody") and "/l/k0, /l/k2, /l/k3" in page.text("#detail tbody")
    page.click_text(hexed(lease), "#detail tbody")
    page.wait_text("/l/new", ".contents")
    assert page.run("document.querySelectorAll('.contents li').length") == 5
    # Somebody takes a key off it: the page hears of it.
    v3.put(node, "/l/new", "free")
    page.wait("document.querySelectorAll('.contents li').length === 4", 12)
    wait_until(lambda: int(left(node, lease)["TTL"]) < 998, 5, "some of it to be gone")
    page.click("#renew")
    page.wait_text("Renewed for 16 min 40 s", "#said")
    assert int(left(node, lease)["TTL"]) >= 998
    page.click("#revoke")
    page.wait_text("4 keys hang on it", "#delete-what")
    page.click_text("Revoke", "dialog")
    page.wait("location.hash === '#/v3/:leases'")
    assert entry(node, "/l/k0") is None and value(node, "/l/new") == "free"
    page.click_text("Grant a lease")
    page.fill("#grant-ttl", "77")
    page.click_text("Grant", "#grant-form")
    page.wait_text("No key hangs on it", "#detail")
    granted = page.run("location.hash.split('/').pop()")
    assert left(node, str(int(granted, 16)))["grantedTTL"] == "77"
    go_to(page, ":lease/00000000000000aa")
    page.wait_text("There is no such lease", "#detail")
    # A key whose lease ends goes from the page.
    short = grant(node, 2)
    v3.put(node, "/l/short", "x", lease=short)
    go_to(page, "/l/short")
    page.wait_text("There is no key /l/short", "#detail", 10)
    page.wait_text("What it was", "#detail")


def test_ten_thousand_keys_are_listed_in_pages_and_walked(world, visit):
    node = single(world)
    for start in range(0, 10000, 100):
        puts = [{"request_put": {"key": v3.b64("/wide/k%05d" % number), "value": v3.b64("v%d" % number)}} for number in range(start, start + 100)]
        v3.good(node, "txn", {"success": puts})
    for start in range(0, 3000, 100):
        v3.good(node, "txn", {"success": [{"request_put": {"key": v3.b64("/deep/d%02d/k%05d" % (number // 1000, number)), "value": "eA=="}}
                                          for number in range(start, start + 100)]})
    page = visit(node, "#/v3/")
    page.wait_text("13,000", "#count")
    # One that has only directories opens by itself; each is seen once, however many keys are in it.
    page.wait("document.querySelectorAll('#tree [role=treeitem]').length === 4")
    assert labels(page) == ["all keys", "/", "/deep/", "/wide/"]
    asked = [url for method, url in page.requests if url.endswith("/v3/kv/range")]
    assert len(asked) < 8, asked
    page.click_text("/deep/", "#tree")
    page.wait("document.querySelectorAll('#tree [role=treeitem]').length === 7")
    assert labels(page)[3:6] == ["/deep/d00/", "/deep/d01/", "/deep/d02/"]
    page.click_text("/wide/", "#tree")
    page.wait_text("10,000", "#count")
    page.wait("document.querySelector('#tree .space').getBoundingClientRect().height > 200 * 26", what="a page of rows")
    assert page.run("document.querySelectorAll('#tree .row').length") < 120
    page.run("document.querySelector('#tree').focus()")
    for _ in range(2):
        tall = page.run("document.querySelector('#tree .space').getBoundingClientRect().height")
        page.press("End")
        page.wait("document.querySelector('#tree .space').getBoundingClientRect().height > %f + 199 * 26" % tall, what="more")
    # A key that no page had yet.
    page.fill("#search", "/wide/k09876")
    page.press("Enter")
    page.wait_text("v9876", "#detail .value")
    page.wait("document.querySelector('#tree .chosen')?.getAttribute('aria-label') === '/wide/k09876'")
    page.fill("#search", "/wide/k012")
    page.press("Enter")
    page.wait_text("100", "#count")
    assert page.run("location.hash") == "#/v3//wide/k012*"
    page.fill("#search", "/wide/k01*")
    page.press("Enter")
    page.wait_text("1,000", "#count")
    page.click("#more")
    page.wait("document.querySelectorAll('.contents li').length === 200")
    page.fill("#search", "/none")
    page.press("Enter")
    page.wait_text("No key begins with /none", "#detail")


def test_what_has_the_focus_keeps_it_when_others_write(world, visit):
    """Nobody by a keyboard is thrown back to the first link by what happens to be written."""
    node = single(world)
    ends = grant(node, 600)
    v3.put(node, "/app/color", "green", lease=ends)
    for number in range(150):
        v3.put(node, "/many/%03d" % number, "x")
    node.put("/app/color", "green")
    page = visit(node)
    for where, selector, write, seen in (
            ("#/v3//app/color", "#edit", lambda: v3.put(node, "/app/color", "blue", lease=ends), "document.querySelector('.value').innerText.includes('blue')"),
            ("#/v3//app/color", "#detail .facts dd a", lambda: v3.put(node, "/app/color", "red", lease=ends), "document.querySelector('.value').innerText.includes('red')"),
            ("#/v3//many/*", "#more", lambda: v3.put(node, "/many/000", "y"), "document.querySelectorAll('.row.event').length === 1"),
            ("#/v3/:lease/%s" % hexed(ends), "#renew", lambda: v3.put(node, "/app/more", "x", lease=ends), "document.querySelectorAll('.contents li').length === 2"),
            ("#/keys/app/color", "#edit", lambda: node.put("/app/color", "blue"), "document.querySelector('.value').innerText.includes('blue')")):
        page.run("location.hash = %r" % where)
        page.wait("document.querySelector(%r) ? true : false" % selector, what=selector)
        page.run("document.querySelector(%r).focus()" % selector)
        write()
        page.wait("(%s) ? true : false" % seen, what=where)
        assert page.run("document.activeElement === document.querySelector(%r)" % selector), (where, page.run("document.activeElement.outerHTML.slice(0, 99)"))


def test_names_and_values_are_text_whatever_they_are(world, visit):
    node = single(world)
    for name in HOSTILE:
        v3.put(node, "h/" + name, name)
    for odd in "//", "/", "a//b", "h/", "plain":
        v3.put(node, odd, "odd " + odd)
    page = visit(node, "#/v3/h/*")
    page.wait_text(str(len(HOSTILE) + 1), "#count")
    for name in HOSTILE:
        go_to(page, "h/" + "".join("%%%02x" % byte for byte in name.encode()))
        page.wait("document.querySelector('#path b')?.textContent === %r && document.querySelector('pre.value')?.textContent === %r"
                  % (name, name), what=name)
        wait_until(lambda: "h/" + name in labels(page), 5, "the key in the tree")
        assert '"mod_revision"' in run_line(page, "#detail")
    for odd in "//", "/", "a//b", "h/", "plain":
        go_to(page, odd)
        page.wait("document.querySelector('pre.value')?.textContent === %r" % ("odd " + odd), what=odd)
        page.wait("document.querySelector('#tree .chosen:not([aria-expanded])')?.getAttribute('aria-label') === %r" % odd, what=odd)
    go_to(page, "h/" + "".join("%%%02x" % byte for byte in HOSTILE[0].encode()))
    page.wait("document.querySelector('#path b')?.textContent === %r" % HOSTILE[0])
    page.click_text("Delete", "#detail")
    page.wait_text("<img", "#delete-what")
    page.click_text("Cancel", "dialog")
    assert page.run("document.querySelectorAll('img').length") == 1
    assert page.run("violations.length") == 0


def test_what_happens_below_a_prefix_comes_and_goes_on_after_a_break(world, visit):
    node = world.node(flags=["-workers", "2"]).start()
    v3.put(node, "/w/a", "old")
    page = visit(node, "#/v3//w/*")
    page.expected.append("net::ERR_")
    page.wait_text("Watching", "#live-state")
    v3.put(node, "/w/b", "new value")
    v3.put(node, "/other", "not shown")
    v3.put(node, "/w/a", "again")
    v3.delete(node, "/w/b")
    page.wait("document.querySelectorAll('#events .event').length === 3")
    acts = page.run("[...document.querySelectorAll('#events .event')].map(e => e.querySelector('.act').textContent + ' ' + e.querySelector('.name').textContent)")
    assert acts == ["delete /w/b", "put /w/a", "create /w/b"]
    assert "/other" not in page.text("#events") and "new value" in page.text("#events")
    page.wait("document.querySelector('#count').textContent === '1'")
    listed = "[...document.querySelectorAll('.contents a')].map(a => a.textContent).join()"
    v3.put(node, "/w/0", "v")
    v3.put(node, "/w/aa", "v")
    page.wait(listed + " === '0,a,aa'")
    v3.delete(node, "/w/0")
    v3.delete(node, "/w/aa")
    page.wait(listed + " === 'a'")
    page.click("#pause")
    v3.put(node, "/w/sub/c", "v")
    page.wait("document.querySelector('[aria-label=\"/w/sub/\"]') !== null", what="the new directory in the tree")
    assert "/w/sub/c" not in page.text("#events")
    page.click("#pause")
    page.wait_text("/w/sub/c", "#events")
    v3.delete(node, "/w/a")
    page.wait("document.querySelector('[aria-label=\"/w/a\"]') === null", what="the tree without the key")

    def written(key):
        try:
            return v3.call(node, "put", {"key": v3.b64(key), "value": "eA=="}, timeout=2).status == 200
        except (OSError, http.client.HTTPException):
            return False
    for number in range(3):
        for pid in node.pids()["client"]:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: written("/w/n%d" % number), 10, "a write")
        page.wait_text("/w/n%d" % number, "#events")
    node.kill_all()
    page.wait_text("The stream ended", "#live-state")
    node.start()
    wait_until(lambda: written("/w/after"), 10, "a write")
    page.wait_text("/w/after", "#events")
    revisions = page.run("[...document.querySelectorAll('#events .index')].map(e => Number(e.textContent))")
    assert revisions == sorted(revisions, reverse=True) and len(revisions) == len(set(revisions)), revisions
    names = page.run("[...document.querySelectorAll('#events .name')].map(e => e.textContent)")
    assert {"/w/n0", "/w/n1", "/w/n2"} <= set(names) and page.run("document.querySelectorAll('.event.lost').length") == 0


def test_what_was_compacted_during_a_break_is_said_to_be_lost(world, visit):
    node = single(world)
    v3.put(node, "/c/a", "v")
    page = visit(node, "#/v3//c/*")
    page.wait_text("Watching", "#live-state")
    port = node.client
    # Nothing of what happens reaches the page.
    page.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    page.expected.append("net::ERR_")
    for pid in node.pids()["client"]:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: _serves(port), 10, "a worker")
    page.wait_text("The stream ended", "#live-state")
    for number in range(5):
        last = v3.put(node, "/c/b", "v%d" % number)
    v3.good(node, "compaction", {"revision": str(v3.revision(last))})
    page.call("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    page.wait_text("is compacted: it was not seen here", "#events", 12)
    page.wait_text("Watching", "#live-state")
    page.wait("document.querySelector('[aria-label=\"/c/b\"]') !== null", what="the tree as it is now")
    v3.put(node, "/c/after", "v")
    page.wait_text("/c/after", "#events")


def _serves(address):
    try:
        return ask(address, "GET", "/health", timeout=2).status == 200
    except (OSError, http.client.HTTPException):
        return False


def test_what_is_too_much_to_be_shown_waits_to_be_asked_for(world, visit):
    node = single(world)
    page = visit(node, "#/v3//big/*")
    page.wait_text("Watching", "#live-state")
    large = v3.b64(b"x" * (1 << 20))
    numbers = iter(range(1000))

    def more():
        v3.good(node, "put", {"key": v3.b64("/big/k%d" % next(numbers)), "value": large})
        return "So much is written here" in page.text("#live-state")
    wait_until(more, 15, "the page to have had enough")
    v3.put(node, "/big/meanwhile", "v")
    assert "/big/meanwhile" not in page.text("#events")
    page.click_text("Go on", "#live-state")
    page.wait_text("/big/meanwhile", "#events")
    made = v3.get(node, "/big/", range_end=v3.b64("/big0"), count_only=True)["count"]
    page.wait("document.querySelector('#count').textContent === %r" % made)
    revisions = page.run("[...document.querySelectorAll('#events .index')].map(e => Number(e.textContent))")
    assert len(revisions) == len(set(revisions))


def test_without_a_majority_keys_are_shown_and_a_write_says_why_it_is_not_done(world, visit):
    nodes = world.cluster()
    v3.put(nodes[0], "/m/k", "there")
    page = visit(nodes[0], "#/v3//m/k")
    page.wait_text("there", ".value")
    for node in nodes[1:]:
        node.kill_all()
    page.wait("document.querySelector('#banner .error') ? true : false", 15)
    page.run("location.hash = '#/v3//m/*'")
    page.wait_text("k", ".contents")
    page.run("location.hash = '#/v3//m/k'")
    page.wait_text("there", ".value")
    page.click("#edit")
    page.fill("#edit-value", "mine")
    page.click_text("Save")
    page.expected += ["503", "504"]
    page.wait_text("there is no leader, or no majority answers", "#edit-form", 15)
    assert page.run("document.querySelector('#edit-value').value") == "mine"


def test_all_below_a_prefix_is_deleted_unless_it_was_written_meanwhile(world, visit):
    node = single(world)
    for number in range(7):
        v3.put(node, "/d/k%d" % number, "v")
    v3.put(node, "/dd", "stays")
    page = visit(node, "#/v3//d/*")
    page.wait_text("7", "#count")
    page.click("#delete-below")
    page.wait_text("7 keys that begin with /d/", "#delete-what")
    v3.put(node, "/d/k8", "v")
    page.click_text("Delete all of them", "dialog")
    page.wait_text("one of them was written meanwhile", "#delete-form")
    assert v3.get(node, "/d/", range_end=v3.b64("/d0"))["count"] == "8"
    page.click_text("Cancel", "dialog")
    page.click("#delete-below")
    page.wait_text("8 keys", "#delete-what")
    page.click_text("Delete all of them", "dialog")
    page.wait("location.hash === '#/v3//*'")
    assert "count" not in v3.get(node, "/d/", range_end=v3.b64("/d0")) and value(node, "/dd") == "stays"
    page.wait("document.querySelector('[aria-label=\"/d/\"]') === null", what="the tree without it")


def auth(node, method, message, headers=None):
    return v3.good(node, method, message, prefix="/v3/auth/", headers=headers)


def test_users_of_v3_sign_in_and_see_what_they_may(world, visit):
    node = single(world)
    v3.put(node, "/app/x", "for alice")
    v3.put(node, "/closed", "for root")
    for name, password in (("root", "rootpw"), ("alice", "alicepw")):
        auth(node, "user/add", {"name": name, "password": password})
    auth(node, "role/add", {"name": "app"})
    auth(node, "role/grant", {"name": "app", "perm": {"permType": "READ", "key": v3.b64("/app/"), "range_end": v3.b64("/app0")}})
    auth(node, "user/grant", {"user": "alice", "role": "app"})
    auth(node, "user/grant", {"user": "root", "role": "root"})
    auth(node, "enable", {})
    page = visit(node, "#/v3//app/x")
    page.expected += ["400", "401", "403"]
    page.wait_text("This needs a user of the v3 API: sign in.", "#detail")

    def sign_in(name, password):
        page.fill("#user-name", name)
        page.fill("#user-password", password)
        assert password not in page.text("dialog")
        page.click_text("Sign in", "dialog")
    page.click("#sign-in")
    sign_in("alice", "wrong")
    page.wait_text("There is no such user, or the password is another one", "dialog")
    sign_in("alice", "alicepw")
    page.wait_text("for alice", ".value")
    page.wait_text("alice", "#user")
    token = page.run("Object.keys(localStorage).length + Object.keys(sessionStorage).length + document.cookie.length")
    assert token == 0
    assert '"Authorization: $TOKEN"' in page.text("#detail .curl code")
    # Where she may read only.
    page.click("#edit")
    page.fill("#edit-value", "by alice")
    page.click_text("Save")
    page.wait_text("Permission denied", "#edit-form")
    page.click_text("Cancel", "#edit-form")
    page.wait_text("for alice", ".value")
    go_to(page, "*")
    page.wait_text("Permission denied", "#detail")
    page.wait_text("Permission denied", "#tree")
    go_to(page, "/app/*")
    page.wait_text("Watching", "#live-state")
    page.wait("document.querySelector('[aria-label=\"/app/x\"]') !== null", what="the key in the tree")
    go_to(page, "/closed")
    page.wait_text("Permission denied", "#detail")
    page.click("#sign-in")
    sign_in("root", "rootpw")
    page.wait_text("for root", ".value")
    page.click("#edit")
    page.fill("#edit-value", "by root")
    page.click_text("Save")
    page.wait_text("by root", ".value")
    token = auth(node, "authenticate", {"name": "root", "password": "rootpw"})["token"]
    told = v3.good(node, "range", {"key": v3.b64("/closed")}, headers={"Authorization": token})
    assert v3.plain(told["kvs"][0]["value"]) == "by root"
    # Who is root of v3 may do what is root's elsewhere on the page.
    page.run("location.hash = '#/cluster'")
    page.wait_text("What this node logged", "main")
    page.wait("document.querySelectorAll('#log span').length > 0", what="the log")
    # A token that is not known any more.
    page.run("location.hash = '#/v3//closed'")
    page.wait_text("by root", ".value")
    auth(node, "user/changepw", {"name": "root", "password": "other"}, headers={"Authorization": token})
    page.click_text("Reload", ".side")
    page.wait_text("sign in again", "#detail")
    page.click("#sign-in")
    sign_in("root", "other")
    page.wait_text("by root", ".value")
    page.click("#sign-out")
    page.wait_text("This needs a user of the v3 API", "#detail")


def test_while_users_of_v2_count_the_browser_asks_for_their_root(world, visit):
    node = single(world)
    v3.put(node, "/k", "of v3")
    head = dict(v3.basic("root:pw"), **{"Content-Type": "application/json"})
    for path, body in (("users/root", '{"user":"root","password":"pw"}'), ("enable", "")):
        assert ask(node.client, "PUT", "/v2/auth/" + path, body, headers=head).status < 300
    page = visit(node, "#/v3//k", asked=True)
    page.expected.append("401")
    page.wait_text("sign in as one who may", "#detail")
    page.user = ("root", "pw")
    page.click("#sign-in")
    page.wait_text("of v3", ".value")
    page.click("#edit")
    page.fill("#edit-value", "by root of v2")
    page.click_text("Save")
    page.wait_text("by root of v2", ".value")
    told = v3.good(node, "range", {"key": v3.b64("/k")}, headers=head)
    assert v3.plain(told["kvs"][0]["value"]) == "by root of v2"


def test_the_tree_is_walked_by_keys(world, visit):
    node = single(world)
    for key in "/a/one", "/a/two", "/b":
        v3.put(node, key, "value of " + key)
    page = visit(node, "#/v3/")
    page.wait("document.querySelectorAll('#tree [role=treeitem]').length === 4")
    page.run("document.querySelector('#tree').focus()")
    for key, where in (("ArrowDown", "/*"), ("ArrowDown", "/a/*"), ("ArrowRight", "/a/*"), ("ArrowDown", "/a/one"), ("End", "/b"), ("ArrowUp", "/a/two"),
                       ("ArrowLeft", "/a/*"), ("Home", "*")):
        page.press(key)
        page.wait("location.hash === '#/v3/%s'" % where, what=key + " " + where)
        if key == "ArrowRight":
            page.wait("document.querySelector('[aria-label=\"/a/one\"]') !== null")
    chosen = page.run("document.querySelector('#' + document.querySelector('#tree').getAttribute('aria-activedescendant')).getAttribute('aria-label')")
    assert chosen == "all keys"


def test_read_only_it_has_no_buttons_that_change(world, visit):
    node = single(world, "-ui", "read-only")
    lease = grant(node, 100)
    for number in range(3):
        v3.put(node, "/r", "v%d" % number, lease=lease)
    page = visit(node, "#/v3//r")
    page.wait_text("v2", ".value")
    page.click_text("Its revisions")
    page.wait("document.querySelectorAll('.past > details').length === 2")
    page.click(".past > details > summary")
    page.wait_text("v1", ".past .value")
    changes = """[...document.querySelectorAll('button')].map(b => b.innerText).filter(t => /^(New|Edit|Delete|Save|Create|Renew|Revoke|Grant)/.test(t))"""
    assert page.run(changes) == []
    page.run("location.hash = '#/v3//none'")
    page.wait_text("There is no key", "#detail")
    assert page.run(changes) == []
    for where, text in (("*", "Watching"), (":leases", "/r"), (":lease/" + hexed(lease), "As a number")):
        go_to(page, where)
        page.wait_text(text, "#detail")
        assert page.run(changes) == [] and "Grant a lease" not in page.text("#detail"), where


def test_a_program_without_v3_shows_no_view_of_it(world, visit):
    """Its /v2/stats/node says so; here of a node that has it what it says is changed on its way."""
    node = single(world)
    page = visit(node, "#/overview")
    page.wait("!document.querySelector('#nav-v3').hidden")
    page.click("#nav-v3")
    page.wait_text("There are no keys", "#detail")
    page.run("""(() => {
        const real = window.fetch;
        window.fetch = async (url, options) => {
            const answer = await real(url, options);
            if (!String(url).endsWith("/v2/stats/node")) return answer;
            return new Response(JSON.stringify({...await answer.json(), v3: false}), {status: 200});
        };
    })()""")
    page.wait("document.querySelector('#nav-v3').hidden && document.querySelector('.lead') !== null", what="the overview in its place")

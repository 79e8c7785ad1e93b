"""The keys: looked at, looked for, and changed by clicking; what came of it is seen with curl."""

import subprocess
import threading

from moothall import ask, wait_until

HOSTILE = ["<img src=x onerror=violations.push(1)>", "<script>violations.push(2)", "\"><b>'", "a b%2Fc", "line\nend",
           "\u202ereversed", "{{constructor}}", "javascript:violations.push(3)", "?q=1&r#h", "ünïcödé 漢字"]


def quoted(text):
    return "".join("%%%02X" % byte for byte in text.encode())


def run_line(page, within):
    """The curl line that is shown there, in a shell."""
    line = page.text(within + " .curl code")
    assert line.startswith("curl "), line
    return subprocess.run(["sh", "-c", line.replace("curl ", "curl -sS ", 1)], capture_output=True, text=True,
                          timeout=20, check=True).stdout


def single(world, *flags):
    return world.node(flags=["-workers", "1"] + list(flags)).start()


def test_a_key_is_edited_against_what_was_shown(world, visit):
    nodes = world.cluster()
    node = nodes[1]
    nodes[0].put("/app/color", "green")
    page = visit(node, "#/keys/app/color")
    page.wait_text("green", ".value")
    # What others write is shown as it comes.
    nodes[2].put("/app/color", "blue")
    page.wait_text("blue", ".value")
    page.click("#edit")
    page.fill("#edit-value", "red\nand more")
    assert "prevIndex=" in page.text("#edit-form .curl code")
    page.click_text("Save")
    page.wait_text("red\nand more", ".value")
    assert nodes[0].value("/app/color") == "red\nand more"
    # Somebody else is faster: nothing of his is lost, and nothing of mine.
    page.click("#edit")
    page.fill("#edit-value", "mine")
    nodes[0].put("/app/color", "theirs")
    page.wait_text("Meanwhile somebody changed this key", "#detail")
    page.click_text("Save")
    page.wait_text("somebody else changed this key", "#conflict")
    for text in "theirs", "mine", "red\nand more":
        assert text in page.text("#conflict")
    assert nodes[0].value("/app/color") == "theirs"
    page.click("#edit-theirs")
    assert page.run("document.querySelector('#edit-value').value") == "mine"
    # What will be replaced stays in sight until it is.
    assert "theirs" in page.text("#theirs pre") and nodes[0].value("/app/color") == "theirs"
    page.click_text("Save mine, replacing theirs")
    page.wait_text("mine", ".value")
    assert nodes[0].value("/app/color") == "mine"
    # It is deleted while it is edited.
    page.click("#edit")
    page.fill("#edit-value", "late")
    nodes[0].delete("/app/color")
    page.wait_text("Meanwhile somebody deleted this key", "#detail")
    page.click_text("Save")
    page.wait_text("no longer there", "#conflict")
    assert nodes[0].value("/app/color") is None
    page.click_text("Create it anew with mine")
    page.wait("document.querySelector('#conflict') === null && document.querySelector('#edit') !== null", what="the key as it was made")
    assert "late" in page.text(".value")
    assert nodes[0].value("/app/color") == "late"
    page.expected += ["412", "404"]


def test_what_is_not_saved_is_not_lost_by_a_click(world, visit):
    node = single(world)
    node.put("/app", "{\"a\":1}")
    node.put("/other", "x")
    page = visit(node, "#/keys/app")
    page.wait_text("Edit", "#detail")
    page.click("#edit")
    page.fill("#edit-value", '{"a":2')
    page.wait_text("It was JSON, and is none", "#edit-form")
    for where in "#/overview", "#/keys/other":
        page.run("location.hash = '%s'" % where)
        page.wait("document.querySelector('dialog #stay') !== null")
        # Enter keeps on writing.
        page.press("Enter")
        page.wait("document.querySelector('dialog') === null")
        assert page.run("[location.hash, document.querySelector('#edit-value').value]") == ["#/keys/app", '{"a":2']
    page.click_text("Reload", ".side")
    assert page.run("document.querySelector('#edit-value').value") == '{"a":2'
    page.run("location.hash = '#/keys/other'")
    page.wait("document.querySelector('dialog #leave') !== null")
    page.click("#leave")
    page.wait_text("x", ".value")
    assert node.value("/app") == '{"a":1}'
    # Where nothing was written nobody asks.
    page.click("#edit")
    page.run("location.hash = '#/keys/app'")
    page.wait("document.querySelector('.json-root') !== null")


def test_enter_deletes_nothing(world, visit):
    node = single(world)
    node.put("/dir/a", "1")
    page = visit(node, "#/keys/dir")
    page.wait_text("Delete", "#detail")
    page.click_text("Delete", "#detail")
    page.wait("document.querySelector('#delete-form') !== null")
    page.press("Enter")
    page.wait("document.querySelector('dialog') === null")
    assert node.value("/dir/a") == "1"


def test_keys_are_made_given_a_ttl_and_deleted(world, visit):
    node = single(world)
    page = visit(node, "#/keys/")
    page.click("#new-key")
    page.fill("#new-path", "/made/one")
    page.fill("#new-value", "it's \"quoted\" $HOME `x` \\")
    page.click_text("Create")
    page.wait_text("quoted", ".value")
    assert node.value("/made/one") == "it's \"quoted\" $HOME `x` \\"
    assert page.run("location.hash") == "#/keys/made/one"
    page.wait("document.querySelector('[aria-label=\"/made/one\"]') !== null", what="the key in the tree")
    # A second one of that name is refused, and nothing is changed.
    page.click("#new-key")
    page.fill("#new-path", "/made/one")
    page.fill("#new-value", "other")
    page.click_text("Create")
    page.wait_text("such a key already", "#create-form")
    assert node.value("/made/one") != "other"
    # The line that is shown does what the button does.
    page.fill("#new-path", "/made/by line")
    page.fill("#new-value", "a 'b' & c=d\n@e")
    run_line(page, "#create-form")
    assert node.value("/made/by%20line") == "a 'b' & c=d\n@e"
    page.run("document.querySelector('#new-kind').value = 'order'; document.querySelector('#new-kind')"
             ".dispatchEvent(new Event('change', {bubbles: true}))")
    page.fill("#new-path", "/queue")
    page.click_text("Create")
    page.wait("/queue.\\d{20}/.test(location.hash)")
    # An expiry, refreshed: the value and its index stay, and it counts down.
    page.run("location.hash = '#/keys/made/one'")
    page.wait_text("quoted", ".value")
    before = node.get("/v2/keys/made/one").json["node"]["modifiedIndex"]
    page.click_text("Set expiry")
    page.fill("#ttl", "100")
    page.click_text("Set", "dialog")
    page.wait("/min|s$/.test(document.querySelector('.facts').innerText) && /1 min (3|4)\\d? ?s?/.test(document.querySelector('#detail').innerText)",
              what="the time that is left")
    shown = node.get("/v2/keys/made/one").json["node"]
    assert 90 < shown["ttl"] <= 100 and shown["value"].startswith("it's")
    left = page.text("#detail .facts")
    wait_until(lambda: page.text("#detail .facts") != left, 5, "a second less")
    assert shown["modifiedIndex"] >= before
    page.click("#edit")
    page.click_text("Save")                 # keeps the expiry
    page.wait("document.querySelector('#edit') !== null")
    assert 80 < node.get("/v2/keys/made/one").json["node"]["ttl"] <= 100
    # A key whose time is over goes from the page.
    node.put("/made/short", "x", ttl=1)
    page.run("location.hash = '#/keys/made/short'")
    page.wait_text("There is no key /made/short", "#detail", 6)
    page.run("location.hash = '#/keys/made/one'")
    page.wait_text("quoted", ".value")
    page.click_text("Delete", "#detail")
    page.click_text("Cancel", "dialog")
    assert node.value("/made/one") is not None
    page.click_text("Delete", "#detail")
    page.click_text("Delete", "dialog")
    page.wait("location.hash === '#/keys/made'")
    assert node.value("/made/one") is None
    # A directory: it says how many.
    for number in range(7):
        node.put("/made/d%d/k" % (number % 3), "v")
        node.put("/made/k%d" % number, "v")
    page.click_text("Delete", "#detail")
    page.wait_text("11 keys and 3 more directories", "#delete-what")
    page.click_text("Delete all of it", "dialog")
    page.wait("location.hash === '#/keys/'")
    assert node.get("/v2/keys/made").status == 404
    page.wait("document.querySelector('[aria-label=\"/made\"]') === null", what="the tree without it")
    page.expected += ["412", "404"]


def test_twenty_thousand_keys_scroll_and_are_found(world, visit):
    node = single(world)

    def write(part):
        import http.client
        connection = http.client.HTTPConnection(*node.client.split(":"))
        for number in part:
            where = "/wide/k%05d" % number if number < 10000 else "/deep/d%02d/k%05d" % (number % 50, number)
            connection.request("PUT", "/v2/keys%s?value=v%d" % (where, number))
            assert connection.getresponse().read()
    writers = [threading.Thread(target=write, args=(range(i, 20000, 16),)) for i in range(16)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    page = visit(node, "#/keys/wide")
    page.wait("document.querySelector('#tree .space')?.getBoundingClientRect().height > 10000 * 26", what="10,000 rows")
    # Sixty pictures over the whole length: however many rows there are, few are elements.
    figures = page.run("""(async () => {
        const tree = document.querySelector("#tree");
        let rows = 0;
        for (let i = 0; i <= 60; i++) {
            tree.scrollTop = tree.scrollHeight * i / 60;
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            rows = Math.max(rows, tree.querySelectorAll(".row").length);
        }
        return [rows, document.querySelectorAll("*").length];
    })()""")
    assert figures[0] < 120 and figures[1] < 1500, figures
    page.run("document.querySelector('#tree').focus()")
    page.press("End")
    page.wait("location.hash === '#/keys/wide/k09999'")
    page.wait_text("v9999", "#detail .value")
    page.press("PageUp")
    page.wait("/k099[0-8]\\d/.test(location.hash)")
    page.fill("#search", "K19999")
    page.press("Enter")
    page.wait_text("1 path with", ".found")
    page.click("#results a")
    page.wait_text("v19999", "#detail .value")
    page.fill("#search", "k1")
    page.press("Enter")
    page.wait_text("10,000 paths with", ".found", 20)
    assert page.run("document.querySelectorAll('#results .row').length") < 120
    page.click("#back-to-tree")
    page.fill("#search", "/wide/k00007")
    page.press("Enter")
    page.wait_text("v7", "#detail .value")


def go_to(page, name):
    """The page of that key in /h, when it is there: what was there before is clicked on by nobody."""
    page.run("location.hash = '#/keys/h/' + encodeURIComponent(%r)" % name)
    page.wait("document.querySelector('#path b')?.textContent === %r && document.querySelector('pre.value')?.textContent === %r"
              % (name, name), what=name)


def test_names_and_values_are_text_whatever_they_are(world, visit):
    node = single(world)
    for name in HOSTILE:
        assert ask(node.client, "PUT", "/v2/keys/h/" + quoted(name), {"value": name}).status == 201
    page = visit(node, "#/live/")
    page.wait_text("Watching", "#live-state")
    for name in HOSTILE:
        ask(node.client, "PUT", "/v2/keys/h/" + quoted(name), {"value": name})
    page.wait_text("10 events", "#live-count")
    page.run("location.hash = '#/keys/h'")
    page.wait("document.querySelectorAll('#tree [role=treeitem]').length >= 12")
    for name in HOSTILE:
        go_to(page, name)
        assert name in page.run("[...document.querySelectorAll('#tree .name')].map(n => n.textContent)")
    page.fill("#search", "<img")
    page.press("Enter")
    page.wait_text("1 path with “<img”", ".found")
    go_to(page, HOSTILE[0])
    page.click_text("Delete", "#detail")
    page.wait_text("<img", "#delete-what")
    page.click_text("Cancel", "dialog")
    # The one picture is the page's own.
    assert page.run("document.querySelectorAll('img').length") == 1
    assert page.run("[...document.scripts].map(s => s.getAttribute('src'))") == ["app.js"]
    assert page.run("violations.length") == 0
    # Their curl lines are for that key, and no other command.
    for name in HOSTILE:
        go_to(page, name)
        assert '"modifiedIndex"' in run_line(page, "#detail")


def test_values_as_text_json_and_digits_and_hidden_names(world, visit):
    node = single(world)
    json_text = '{"id": 12345678901234567890, "list": [1, {"deep": [true, null]}], "text": "a\\"b: {", "empty": {}}'
    node.put("/v/json", json_text)
    node.put("/v/plain", "\x01tab\there")
    node.put("/v/empty", "")
    node.put("/v/_secret", "hidden")
    node.put("/_own/x", "y")
    page = visit(node, "#/keys/v/json")
    page.wait_text("12345678901234567890", ".json-root")
    assert page.text(".json-string") == '"a\\"b: {"'
    page.click(".json .json summary")
    page.wait("!document.querySelector('.json .json').open")
    page.click_text("Hex")
    page.wait_text("00000000  7b 22 69 64 22 3a 20 31", ".value")
    page.click_text("Text")
    page.wait("document.querySelector('pre.value').textContent === %r" % json_text)
    page.run("location.hash = '#/keys/v/plain'")
    page.wait("/plain$/.test(document.querySelector('#path').innerText)")
    assert "JSON" not in page.text(".switch")
    page.click_text("Hex")
    page.wait_text("01 74 61 62 09 68 65 72", ".value")
    page.run("location.hash = '#/keys/v/empty'")
    page.wait("document.querySelector('#path').innerText.endsWith('empty')")
    # What is hidden is in no listing; it is there for who knows its name.
    assert "_secret" not in page.text("#tree") and "_etcd" not in page.text("#tree")
    page.click("#hidden-names")
    page.wait_text("_etcd/", "#tree")
    page.fill("#search", "/v/_secret")
    page.press("Enter")
    page.wait_text("hidden", ".value")
    page.wait_text("_secret", "#tree")
    page.run("location.hash = '#/keys/_own/x'")
    page.wait_text("y", ".value")
    page.wait_text("_own/", "#tree")
    page.click("#hidden-names")
    page.wait("!document.querySelector('#tree').innerText.includes('_')")


def test_without_the_right_it_says_so_and_with_a_user_it_goes_on(world, visit):
    node = single(world)
    node.put("/open", "for all")
    node.put("/closed/x", "for root")
    for path, body in (("users/root", '{"user":"root","password":"pw"}'), ("enable", ""),
                       ("roles/guest", '{"role":"guest","revoke":{"kv":{"read":["/*"],"write":["/*"]}}}'),
                       ("roles/guest", '{"role":"guest","grant":{"kv":{"read":["/open"],"write":[]}}}')):
        answer = ask(node.client, "PUT", "/v2/auth/" + path, body, headers={
            "Authorization": "Basic cm9vdDpwdw==", "Content-Type": "application/json"})
        assert answer.status < 300, (path, answer)
    page = visit(node, "#/keys/open", asked=True)
    page.expected.append("401")
    page.wait_text("for all", ".value")
    page.run("location.hash = '#/keys/closed/x'")
    page.wait_text("sign in as one who may", "#detail")
    page.run("location.hash = '#/keys/open'")
    page.wait_text("for all", ".value")
    page.click("#edit")
    page.fill("#edit-value", "by a guest")
    page.click_text("Save")
    page.wait_text("sign in as one who may", "#edit-form")
    page.click_text("Cancel", "#edit-form")
    page.wait_text("for all", ".value")
    page.run("location.hash = '#/overview'")
    page.wait_text("leads", ".lead")
    page.user = ("root", "pw")
    page.run("location.hash = '#/keys/closed/x'")
    page.wait_text("for root", ".value")
    page.click("#edit")
    page.fill("#edit-value", "by root")
    page.click_text("Save")
    page.wait_text("by root", ".value")

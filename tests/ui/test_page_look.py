"""How the pages look: labels, the order of the keyboard, contrast, widths; and pictures of all of them."""

import os
import struct
import threading
import zlib

import pytest

import v3
from moothall import ask

BUILD = os.environ["MOOTHALL_BUILD"]
PICTURES = os.path.join(BUILD, "tests", "ui", "pictures")
WHERE = {"overview": "#/overview", "keys": "#/keys/shop/config", "keys-directory": "#/keys/shop/session", "live": "#/live/",
         "v3": "#/v3//shop/config", "v3-prefix": "#/v3//shop/*", "v3-leases": "#/v3/:leases", "v3-lease": "#/v3/:lease/00000000000004d2",
         "cluster": "#/cluster"}
CONTRAST_MIN = 4.5          # WCAG AA, of ordinary text

# What has no name for who does not see it, or none that is unique where one is needed.
NAMELESS = """(() => {
    const out = [];
    for (const one of document.querySelectorAll("button, a, input, select, textarea, summary, [tabindex='0'], [role]:not([role=presentation])")) {
        if (!one.checkVisibility() || one.closest("[hidden]") || one.matches("[aria-hidden=true], html, body")) continue;
        const label = one.labels && [...one.labels].map(l => l.innerText).join(" ");
        const by = one.getAttribute("aria-labelledby");
        const name = one.getAttribute("aria-label") || (by && document.getElementById(by)?.innerText) || label || one.innerText || one.placeholder;
        if (!name?.trim() && !one.matches("[role=status], [role=alert], [role=list]")) out.push(one.outerHTML.slice(0, 120));
    }
    const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) out.push("twice: #" + id);
    for (const image of document.images) if (image.getAttribute("alt") === null) out.push("a picture without alt");
    if (document.querySelectorAll("h1").length !== 1) out.push("h1: " + document.querySelectorAll("h1").length);
    return out;
})()"""

# Every text that is seen, against what is behind it.
PALE = """(() => {
    const parse = text => {
        const n = text.match(/[\\d.]+/g).map(Number);
        return {rgb: n.slice(0, 3), a: n.length > 3 ? n[3] : 1};
    };
    const light = rgb => {
        const [r, g, b] = rgb.map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const out = new Set();
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let seen = 0;
    while (walk.nextNode()) {
        const one = walk.currentNode.parentElement;
        if (!walk.currentNode.nodeValue.trim() || !one.getClientRects().length || one.closest(".unseen, noscript, .skip")) continue;
        let behind = one;
        while (behind && parse(getComputedStyle(behind).backgroundColor).a === 0) behind = behind.parentElement;
        const style = getComputedStyle(one);
        const fore = parse(one.namespaceURI.endsWith("svg") ? style.fill : style.color).rgb;
        const back = parse(getComputedStyle(behind || document.documentElement).backgroundColor).rgb;
        const [high, low] = [light(fore), light(back)].sort((a, b) => b - a);
        const ratio = (high + 0.05) / (low + 0.05);
        seen++;
        if (ratio < %s) out.add(`${ratio.toFixed(2)} ${one.tagName}.${one.getAttribute("class")} ${walk.currentNode.nodeValue.trim().slice(0, 30)}`);
    }
    return [seen, [...out]];
})()""" % CONTRAST_MIN

WIDER = """(() => {
    const wide = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= wide) return [];
    return [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > wide + 1 && !e.closest(".wide, .rows, pre"))
        .map(e => e.tagName + "." + e.className).slice(0, 5).concat(["scrolls sideways"]);
})()"""


@pytest.fixture
def shop(world):
    """Three nodes with something in them, and work that goes on."""
    nodes = world.cluster()
    node = nodes[0]
    node.put("/shop/config", '{"name":"shop","currency":"EUR","limits":{"cart":50,"pay":[10,20,50]},"open":true,"id":12345678901234567890}',
             ttl=4000)
    for number in range(12):
        node.put("/shop/session/user-%04d" % (number * 37), "cart=%d" % number, ttl=600 + number)
        node.put("/shop/price/item-%03d" % number, "%d.99" % number)
    ask(node.client, "PUT", "/v2/keys/shop/backends", {"dir": "true"})
    for lease in range(1234, 1240):
        v3.good(node, "grant", {"ID": lease, "TTL": lease}, prefix="/v3/lease/")
    for number in range(3):
        v3.put(node, "/shop/config", '{"name":"shop","currency":"EUR","limits":{"cart":%d,"pay":[10,20,50]},"open":true}' % number, lease=1234)
    for number in range(12):
        v3.put(node, "/shop/session/user-%04d" % (number * 37), "cart=%d" % number, lease=1234 + number % 5)
        v3.put(node, b"/shop/price/item-\xff%03d" % number, b"\x00\xff%d" % number)
    stopping = threading.Event()

    def work():
        number = 0
        while not stopping.wait(0.02):
            number += 1
            node.put("/shop/stock/item-%03d" % (number % 40), str(number))
            for other in nodes:
                other.get("/v2/keys/shop/price/item-%03d" % (number % 12))
            if number % 4 == 0:
                v3.put(nodes[number % 3], "/shop/stock/item-%03d" % (number % 40), str(number))
    worker = threading.Thread(target=work)
    worker.start()
    yield nodes
    stopping.set()
    worker.join()


def settle(page, name):
    page.run("location.hash = %r" % WHERE[name])
    seen = {"overview": "document.querySelectorAll('.line').length > 8", "keys": "document.querySelector('.json-root')",
            "keys-directory": "document.querySelector('.contents li')",
            "v3": "document.querySelector('.json-root')", "v3-prefix": "document.querySelector('#events .space')?.offsetHeight > 20 * 28",
            "v3-leases": "document.querySelectorAll('#detail tbody tr').length === 6", "v3-lease": "document.querySelector('#revoke') && document.querySelector('.contents li')",
            "live": "document.querySelector('#events .space')?.offsetHeight > 40 * 28",
            "cluster": "document.querySelector('#config-form') && document.querySelector('#log span')"}[name]
    page.wait("(%s) ? true : false" % seen, what=name)


def test_every_page_at_every_width_light_and_dark(shop, visit):
    os.makedirs(PICTURES, exist_ok=True)
    page = visit(shop[0])
    # A first minute, shortened: the charts have something to show.
    page.wait("document.querySelector('.chart .line')?.getAttribute('d').length > 90", 15, "some samples")
    wrong, texts = [], 0
    for name in WHERE:
        for dark in False, True:
            for width in 360, 1280, 2560:
                page.look(width, 1400 if width == 2560 else 800, dark)
                if width == 360 and not dark:
                    settle(page, name)
                # After the next picture all is drawn for this width.
                page.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
                label = "%s-%d-%s" % (name, width, "dark" if dark else "light")
                seen, pale = page.run(PALE)
                texts += seen
                wrong += ["%s: %s" % (label, text) for text in page.run(NAMELESS) + pale + page.run(WIDER)]
                if width != 2560 or not dark:
                    page.picture(os.path.join(PICTURES, label + ".png"))
    assert texts > 500
    assert not wrong, "\n".join(wrong)


def test_the_keyboard_reaches_all_in_the_order_that_is_seen(shop, visit):
    page = visit(shop[0])
    for name in WHERE:
        settle(page, name)
        if name in ("live", "v3-prefix"):
            page.click("#pause")
        if name == "v3":
            page.click_text("Its revisions")
            page.wait("document.querySelector('.past > details') !== null")
        page.run("document.activeElement.blur(); getSelection().removeAllRanges(); document.querySelector('.skip').focus()")
        places, last = [], None
        for _ in range(80):
            # Where it stands in what is scrolled: focus may scroll the page and the list that it is in.
            here = page.run("""(() => { const e = document.activeElement, b = e.getBoundingClientRect();
                const side = e.closest("#detail") ? 1 : 0;
                let top = b.top;
                for (let box = e.parentElement; box; box = box.parentElement) top += box.scrollTop;
                return e === document.body ? null : [side, Math.round(top), Math.round(b.left), e.outerHTML.slice(0, 80),
                    getComputedStyle(e).outlineStyle, e.closest(".space") !== null]; })()""")
            if here is None or here == last:
                break
            places.append(here)
            last = here
            page.press("Tab")
            # A list is drawn again whenever it is scrolled or its place changes: what has the focus keeps it.
            page.run("""document.querySelector("#events")?.dispatchEvent(new Event("scroll"));
                new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))""")
        assert len(places) > 6, (name, places)
        # Everything that is not the first link is marked when it has the focus.
        assert all(place[4] != "none" for place in places[1:]), (name, [p for p in places if p[4] == "none"])
        wanted = page.run("""[...document.querySelectorAll("a[href], button:enabled, input:enabled, select, textarea, summary, [tabindex='0']")]
            .filter(e => e.getClientRects().length && !e.closest("dialog, .space") && e.checkVisibility?.() !== false).length""")
        assert len(places) >= min(wanted, 80) - 1, (name, len(places), wanted)
        assert name not in ("live", "v3-prefix") or sum(place[5] for place in places) > 15, (name, places[-3:])
        # Down the page, not up, but for what stands side by side.
        for before, after in zip(places[1:], places[2:]):
            assert before[0] <= after[0], (name, before, after)
            # Behind the rows of a list that was scrolled comes what stands below the list.
            assert before[5] > after[5] or after[1] > before[1] - 60 or after[2] > before[2], (name, before, after)
            # In such a list no row is left out, and none comes again, though it is scrolled on the way.
            assert not before[5] or not after[5] or 0 < after[1] - before[1] < 40, (name, before, after)


def test_the_first_link_skips_to_the_page_and_the_tree_is_walked_by_keys(shop, visit):
    page = visit(shop[0], "#/keys/")
    page.wait("document.querySelector('#path') !== null")
    page.run("document.querySelector('.skip').focus()")
    page.press("Enter")
    page.wait("document.activeElement.id === 'view'")
    page.run("document.querySelector('#tree').focus()")
    page.press("ArrowDown")
    page.wait("location.hash === '#/keys/shop'")
    page.press("ArrowRight")
    page.wait("document.querySelector('[aria-label=\"/shop/config\"]') ? true : false")
    page.press("ArrowDown")
    page.press("ArrowDown")
    page.wait("location.hash === '#/keys/shop/config'")
    chosen = page.run("document.querySelector('#' + document.querySelector('#tree').getAttribute('aria-activedescendant')).getAttribute('aria-label')")
    assert chosen == "/shop/config"
    page.press("ArrowLeft")
    page.wait("location.hash === '#/keys/shop'")
    page.press("ArrowLeft")
    page.wait("!document.querySelector('[aria-label=\"/shop/config\"]')")


def test_windows_and_forms_have_names_and_are_not_pale(shop, visit):
    wrong = []
    for dark in False, True:
        page = visit(shop[0], "#/keys/shop/price/item-001", dark=dark)
        page.expected.append("412")
        page.wait_text("1.99", ".value")
        for label, open_it, close_it in (
                ("delete", lambda: page.click_text("Delete", "#detail"), lambda: page.click_text("Cancel", "dialog")),
                ("expiry", lambda: page.click_text("Set expiry"), lambda: page.press("Escape")),
                ("create", lambda: page.click("#new-key"), lambda: page.click_text("Cancel")),
                ("edit", lambda: page.click("#edit"), None)):
            open_it()
            page.wait("document.querySelector('form.action') ? true : false")
            wrong += ["%s: %s" % (label, text) for text in page.run(NAMELESS) + page.run(PALE)[1]]
            page.picture(os.path.join(PICTURES, "%s-1280-%s.png" % (label, "dark" if dark else "light")), full=False)
            if close_it:
                close_it()
                page.wait("document.querySelector('form.action') === null")
        page.fill("#edit-value", "mine")
        shop[1].put("/shop/price/item-001", "1.99", timeout=5)
        page.click_text("Save")
        page.wait_text("somebody else", "#conflict")
        wrong += ["conflict: %s" % text for text in page.run(NAMELESS) + page.run(PALE)[1]]
        page.picture(os.path.join(PICTURES, "conflict-1280-%s.png" % ("dark" if dark else "light")), full=False)
    assert not wrong, "\n".join(wrong)


def test_forms_of_v3_have_names_and_are_not_pale(shop, visit):
    wrong = []
    for dark in False, True:
        scheme = "dark" if dark else "light"
        page = visit(shop[0], "#/v3//shop/session/user-0037", dark=dark)

        def look(label):
            nonlocal wrong
            wrong += ["%s-%s: %s" % (label, scheme, text) for text in page.run(NAMELESS) + page.run(PALE)[1] + page.run(WIDER)]
            page.picture(os.path.join(PICTURES, "%s-1280-%s.png" % (label, scheme)), full=False)
        page.wait_text("cart=1", ".value")
        page.click_text("Its revisions")
        page.wait_text("It was made", "#past-end")
        look("v3-revisions")
        page.click_text("Delete", "#detail")
        page.wait("document.querySelector('#delete-form') !== null")
        look("v3-delete")
        page.press("Escape")
        page.click("#new-key")
        page.wait("document.querySelector('#create-form') !== null")
        look("v3-create")
        page.click_text("Cancel")
        page.run("location.hash = '#/v3//shop/session/user-0037'")
        page.wait_text("cart=1", ".value")
        page.click("#edit")
        look("v3-edit")
        page.fill("#edit-value", "mine")
        v3.put(shop[1], "/shop/session/user-0037", "cart=1")
        page.click_text("Save")
        page.wait_text("somebody else", "#conflict")
        look("v3-conflict")
        page.click("#take-theirs")
        page.wait_text("cart=1", ".value")
        page.run("location.hash = '#/v3/:lease/00000000000004d2'")
        page.click("#revoke")
        page.wait("document.querySelector('#revoke-form') !== null")
        look("v3-revoke")
    assert not wrong, "\n".join(wrong)


def smaller(path):
    """The same picture in fewer bytes: the browser is in a hurry when it packs one."""
    with open(path, "rb") as file:
        data = file.read()
    at, out, packed = 8, data[:8], b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        at += 12 + length
        if kind == b"IDAT":
            packed += body
            continue
        if kind == b"IEND":
            body, packed, kind = zlib.compress(zlib.decompress(packed), 9), b"", b"IDAT"
            out += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            body, kind = b"", b"IEND"
        out += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    with open(path, "wb") as file:
        file.write(out)
    return len(out)


def test_the_pictures_of_the_readme(shop, visit):
    """MOOTHALL_README_PICTURES=docs/ui makes them anew."""
    folder = os.environ.get("MOOTHALL_README_PICTURES", PICTURES)
    os.makedirs(folder, exist_ok=True)
    page = visit(shop[0])
    page.wait("document.querySelector('.chart .line')?.getAttribute('d').length > 90", 15, "some samples")
    for name, where, height, dark in (("page-overview", "overview", 860, False), ("page-keys", "keys", 560, True)):
        page.look(1080, height, dark)
        settle(page, where)
        page.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        path = os.path.join(folder, name + ".png")
        page.picture(path, full=False)
        assert smaller(path) < 128 << 10


def test_what_is_wrong_is_seen(world, visit):
    os.makedirs(PICTURES, exist_ok=True)
    nodes = world.cluster()
    page = visit(nodes[0])
    for node in nodes[1:]:
        node.kill_all()
    page.wait_text("Nobody leads", ".lead")
    page.wait("document.querySelector('#banner .error') ? true : false")
    for width, dark in ((360, False), (1280, True), (1280, False)):
        page.look(width, 800, dark)
        page.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert not page.run(PALE)[1] and not page.run(WIDER)
        page.picture(os.path.join(PICTURES, "trouble-%d-%s.png" % (width, "dark" if dark else "light")), full=False)

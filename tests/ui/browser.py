"""A real Chromium without a window, by its DevTools protocol.

The protocol goes through two pipes (--remote-debugging-pipe): one JSON text after the other, with
a NUL behind each. So there is no port that another program could reach, and no WebSocket.

A Browser owns the process and its empty profile, and removes both. A Page is one tab: it remembers
every request, every line of the console, every error and every violation of the page's security
policy from its first byte on, and close() says what of that should not have been.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

from moothall import SLOW, proc_children, until

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-extensions", "--disable-default-apps", "--disable-dev-shm-usage", "--mute-audio",
         "--disable-features=Translate,MediaRouter,OptimizationHints", "--hide-scrollbars",
         "--force-color-profile=srgb", "--remote-debugging-pipe", "about:blank"]

ANSWER_S = 20           # the longest that a command of the protocol may take

# Keys as the browser names them, for press().
KEYS = {"Enter": (13, "\r"), "Tab": (9, ""), "Escape": (27, ""), "ArrowDown": (40, ""),
        "ArrowUp": (38, ""), "ArrowLeft": (37, ""), "ArrowRight": (39, ""), "Home": (36, ""),
        "End": (35, ""), "PageUp": (33, ""), "PageDown": (34, ""), " ": (32, " ")}


def program():
    """Where a Chromium is, or None."""
    named = os.environ.get("MOOTHALL_CHROMIUM")
    if named is not None:
        return named or None
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="moothall-chromium-")
        self.downloads = os.path.join(self.profile, "downloads")
        ours_out, theirs_in = self._pipe()
        theirs_out, ours_in = self._pipe()
        environment = dict(os.environ, HOME=self.profile, XDG_CONFIG_HOME=self.profile, XDG_CACHE_HOME=self.profile)

        def place():            # the browser reads descriptor 3 and writes 4
            os.dup2(ours_out, 3)
            os.dup2(ours_in, 4)

        with open(os.path.join(self.profile, "said"), "wb") as said:
            self.process = subprocess.Popen(
                [program(), "--user-data-dir=" + self.profile] + FLAGS, stdin=subprocess.DEVNULL, stdout=said,
                stderr=said, preexec_fn=place, close_fds=False, start_new_session=True, env=environment)
        os.close(ours_out)
        os.close(ours_in)
        self.out, self.inp = theirs_in, theirs_out
        self.rest, self.count, self.answers, self.unread, self.pages = b"", 0, {}, set(), {}

    @staticmethod
    def _pipe():
        """Both ends above the numbers that the browser wants."""
        ends = os.pipe()
        high = []
        for end in ends:
            high.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20))
            os.close(end)
        return high

    def call(self, method, session=None, **parameters):
        """One command and its answer; events that come before it are handed to their pages."""
        self.count += 1
        number, message = self.count, {"id": self.count, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        end = time.monotonic() + ANSWER_S * SLOW
        while number not in self.answers:
            if not self.read(end - time.monotonic()):
                raise AssertionError("the browser did not answer %s" % method)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise AssertionError("%s: %s" % (method, answer["error"]))
        return answer["result"]

    def read(self, timeout):
        """What the browser says next; False when the time is over."""
        if timeout < 0 or not select.select([self.inp], [], [], timeout)[0]:
            return False
        data = os.read(self.inp, 1 << 20)
        if not data:
            raise AssertionError("the browser ended")
        *texts, self.rest = (self.rest + data).split(b"\0")
        for text in texts:
            message = json.loads(text)
            if message.get("id") in self.unread:
                self.unread.remove(message["id"])
            elif "id" in message:
                self.answers[message["id"]] = message
            elif message.get("sessionId") in self.pages:
                self.pages[message["sessionId"]].happened(message["method"], message["params"])
        return True

    def page(self, **more):
        return Page(self, **more)

    def close(self):
        try:
            self.call("Browser.close")
        except (AssertionError, OSError):
            pass
        left = [self.process.pid] + proc_children(self.process.pid)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()
        os.close(self.out)
        os.close(self.inp)
        shutil.rmtree(self.profile, ignore_errors=True)


class Page:
    """A tab. width, height: of what is seen, in px; dark: the scheme that its user prefers.

    asked: somebody sits there when the browser asks for a user; user is what he says, (name, password), or None: he
    gives it up. Requests wait for us then, so they are held up while a test does something else.
    """

    def __init__(self, browser, width=1280, height=900, dark=False, asked=False, javascript=True):
        self.browser, self.user = browser, None
        self.requests, self.console, self.errors, self.statuses = [], [], [], []
        self.expected = []              # beginnings of texts in self.console that a test wants
        self.context = browser.call("Target.createBrowserContext")["browserContextId"]
        browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=browser.downloads,
                     browserContextId=self.context)
        self.target = browser.call("Target.createTarget", url="about:blank",
                                   browserContextId=self.context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        browser.pages[self.session] = self
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Accessibility"):
            self.call(domain + ".enable")
        # Violations are told in the console, too; this is the page's own word for them.
        self.call("Page.addScriptToEvaluateOnNewDocument", source="""
            window.violations = [];
            document.addEventListener("securitypolicyviolation",
                e => window.violations.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample));""")
        if asked:
            self.call("Fetch.enable", handleAuthRequests=True, patterns=[{"urlPattern": "*"}])
        if not javascript:
            self.call("Emulation.setScriptExecutionDisabled", value=True)
        self.look(width, height, dark)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def tell(self, method, **parameters):
        """A command whose answer nobody waits for: events come while another one is waited for."""
        self.browser.count += 1
        message = {"id": self.browser.count, "method": method, "params": parameters, "sessionId": self.session}
        self.browser.unread.add(self.browser.count)
        os.write(self.browser.out, json.dumps(message).encode() + b"\0")

    def happened(self, method, said):
        if method == "Network.requestWillBeSent":
            self.requests.append((said["request"]["method"], said["request"]["url"]))
        elif method == "Network.responseReceived":
            self.statuses.append((said["response"]["status"], said["response"]["url"]))
        elif method == "Runtime.consoleAPICalled":
            self.console.append(" ".join(str(a.get("value", a.get("description"))) for a in said["args"]))
        elif method == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.console.append(said["entry"]["text"] + " " + said["entry"].get("url", ""))
        elif method == "Runtime.exceptionThrown":
            details = said["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Fetch.requestPaused":
            self.tell("Fetch.continueRequest", requestId=said["requestId"])
        elif method == "Fetch.authRequired":
            if self.user is None:
                answer = {"response": "CancelAuth"}
            else:
                answer = {"response": "ProvideCredentials", "username": self.user[0], "password": self.user[1]}
            self.tell("Fetch.continueWithAuth", requestId=said["requestId"], authChallengeResponse=answer)
        elif method == "Page.javascriptDialogOpening":
            self.errors.append("a dialog of the browser: " + said["message"])
            self.tell("Page.handleJavaScriptDialog", accept=False)

    def look(self, width, height=900, dark=False):
        self.width, self.height = width, height
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"}])

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href.startsWith('http')")
        return self

    # ---- looking

    def run(self, script):
        """The value of an expression in the page; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True,
                           userGesture=True)
        if "exceptionDetails" in answer:
            raise AssertionError("%s\n%s" % (script, answer["exceptionDetails"]))
        return answer["result"].get("value")

    def wait(self, script, timeout=10.0, what=None):
        """Until the expression is true: its value."""
        value = until(lambda: self.run(script), timeout)
        if not value:
            raise AssertionError("timed out waiting for %s\nThe page shows: %s\n%s" %
                                 (what or script, self.text()[:3000], self.errors))
        return value

    def text(self, selector="body"):
        return self.run("(document.querySelector(%s) || {innerText: ''}).innerText" % json.dumps(selector)) or ""

    def wait_text(self, text, selector="body", timeout=10.0):
        if not until(lambda: text in self.text(selector), timeout):
            raise AssertionError("timed out waiting for %r in %s\nThe page shows: %s\n%s" %
                                 (text, selector, self.text()[:3000], self.errors))

    def picture(self, path, full=True):
        """A PNG: all of the page, or what of it is seen."""
        clip = {}
        if full:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"captureBeyondViewport": True, "clip": {
                "x": 0, "y": 0, "width": self.width, "height": min(max(size["height"], self.height), 6000), "scale": 1}}
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png", **clip)["data"])
        with open(path, "wb") as file:
            file.write(data)

    # ---- doing, as somebody at a mouse and a keyboard does

    def place(self, selector):
        return self.place_of("document.querySelector(%s)" % json.dumps(selector), selector)

    def place_of(self, finds, name):
        """The middle of an element that is seen and not covered, when it is there. The page may make it
        anew at any moment: it is looked for each time."""
        return self.wait("""(() => {
            const found = %s;
            if (!found || found.disabled) return null;
            found.scrollIntoView({block: "center", inline: "nearest"});
            const box = found.getBoundingClientRect();
            const x = box.left + box.width / 2, y = box.top + box.height / 2;
            if (!box.width || !box.height) return null;
            const top = document.elementFromPoint(x, y);
            return top && (found.contains(top) || top.contains(found)) ? [x, y] : null;
        })()""" % finds, what="to click at " + name)

    def click(self, selector):
        self.click_at(*self.place(selector))

    def click_at(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def hover(self, selector, share=0.5):
        self.place(selector)
        box = self.run("(b => [b.left, b.top, b.width, b.height])(document.querySelector(%s)"
                       ".getBoundingClientRect())" % json.dumps(selector))
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0] + box[2] * share, y=box[1] + box[3] / 2)

    def click_text(self, text, within="body"):
        """The button, link or row that says exactly this, or has it as its label."""
        self.click_at(*self.place_of("""[...(document.querySelector(%s)?.querySelectorAll(
            "button, a, summary, label, [role=treeitem]") ?? [])].find((one) =>
                (one.getAttribute("aria-label") || one.innerText).trim() === %s && one.getBoundingClientRect().height)"""
            % (json.dumps(within), json.dumps(text)), "what says %r" % text))

    def fill(self, selector, text):
        """What is in the field goes; then the text is typed."""
        self.click(selector)
        self.run("document.querySelector(%s).select()" % json.dumps(selector))
        if text:
            self.call("Input.insertText", text=text)
        else:
            self.press("Delete", 46)

    def press(self, key, code=None, shift=False):
        code, text = KEYS.get(key, (code, "")) if code is None else (code, "")
        more = {"text": text} if text else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key if key != " " else "Space",
                      windowsVirtualKeyCode=code, modifiers=8 if shift else 0, **(more if kind == "keyDown" else {}))

    # ---- what may not have been

    def faults(self, origin):
        """Errors, violations, and requests to elsewhere, as texts."""
        out = ["error: " + text for text in self.errors]
        out += ["console: " + text for text in self.console
                if not any(expected in text for expected in self.expected)]
        out += ["violation: " + text for text in self.run("window.violations") or []]
        out += ["request to elsewhere: " + url for _, url in self.requests
                if not url.startswith((origin + "/", "data:", "blob:" + origin, "about:"))]
        return out

    def close(self):
        self.browser.pages.pop(self.session, None)
        self.browser.call("Target.closeTarget", targetId=self.target)
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)


def origin(node):
    return "http://" + node.client

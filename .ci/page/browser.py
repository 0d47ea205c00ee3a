"""Chromium without a window, driven through the DevTools protocol over a pipe. Standard library alone."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ANSWER_S = 30


def program():
    """The browser of this machine, or None."""
    return os.environ.get("ROADCAST_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of one browser, which ends with `close`."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="roadcast-page-")
        to_browser, self.out = os.pipe()
        self.into, from_browser = os.pipe()
        # The protocol has the browser read from 3 and write to 4.
        moved_in = os.dup(to_browser)
        moved_out = os.dup(from_browser)

        def wire():
            os.dup2(moved_in, 3)
            os.dup2(moved_out, 4)

        # Without --no-sandbox it does not start as root; it opens nothing but the page of this test.
        self.process = subprocess.Popen(
            [program(), "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self.profile}", "--no-sandbox",
             "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--mute-audio", "about:blank"],
            preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for end in (to_browser, from_browser, moved_in, moved_out):
            os.close(end)
        self.number = 0
        self.buffer = b""
        self.events = []
        self.session = None
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(info["targetId"] for info in targets if info["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.out)
        os.close(self.into)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        limit = time.monotonic() + ANSWER_S
        while True:
            message = self.message(limit)
            if message is None:
                raise TimeoutError(f"the browser does not answer {method}")
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)

    def message(self, limit):
        """The next message, or None when there is none until `limit`."""
        while b"\0" not in self.buffer:
            left = limit - time.monotonic()
            if left <= 0 or not select.select([self.into], [], [], left)[0]:
                return None
            data = os.read(self.into, 1 << 20)
            if not data:
                raise EOFError("the browser ended")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(line)

    def evaluate(self, expression):
        """The value of an expression in the page; promises are waited for."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def until(self, what, expression, seconds=15):
        """Waits until an expression is true in the page."""
        limit = time.monotonic() + seconds
        while not self.evaluate(expression):
            if time.monotonic() > limit:
                raise TimeoutError(f"{what}: not within {seconds} s")
            time.sleep(0.05)

    def open(self, url):
        self.call("Page.navigate", url=url)

    def size(self, width, height, ratio=1, touch=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=ratio, mobile=touch)

    def theme(self, name):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def key(self, key, code=None, text=None):
        shared = {"key": key, "code": code or key}
        self.call("Input.dispatchKeyEvent", type="keyDown", **shared, **({"text": text or key} if len(key) == 1 else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, path):
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        with open(path, "wb") as file:
            file.write(data)

    def complaints(self):
        """What the console got as errors and warnings, and exceptions, since the start."""
        found = []
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                found.append(details.get("exception", {}).get("description") or details["text"])
            elif event.get("method") == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
                found.append(" ".join(str(arg.get("value", arg.get("description"))) for arg in params["args"]))
            elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"]["text"])
        return found

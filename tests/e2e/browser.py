"""A headless Chromium that tests lead by the DevTools protocol: open a page, ask it, look at it.

The protocol: https://chromedevtools.github.io/devtools-protocol/ (Page, Runtime, Emulation, Log).
"""

import base64
import json
import pathlib
import shutil
import subprocess
import tempfile
import urllib.request

import harness

try:
    import websocket
except ImportError:
    websocket = None

CHROMIUM = shutil.which("chromium")
MISSING = None
if CHROMIUM is None:
    MISSING = "chromium is not installed (Debian: apt install chromium)"
elif websocket is None:
    MISSING = "python3-websocket is not installed (Debian: apt install python3-websocket)"

ANSWER_DEADLINE = 30.0  # seconds


class Browser:
    """One browser with one page."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ringfold-browser-"))
        self.process = subprocess.Popen(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-port=0",
             "--remote-allow-origins=*", f"--user-data-dir={self.directory}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.errors = []  # what the page's scripts failed with, and what its policy kept out
        self.last_id = 0
        try:
            self.socket = self._connect()
        except BaseException:
            self.close()
            raise
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def _connect(self):
        note = self.directory / "DevToolsActivePort"
        text = harness.wait_until(lambda: note.exists() and note.read_text(), "chromium to start")
        port = text.split("\n", maxsplit=1)[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as reply:
            pages = [each for each in json.load(reply) if each["type"] == "page"]
        return websocket.create_connection(pages[0]["webSocketDebuggerUrl"],
                                           timeout=ANSWER_DEADLINE)

    def call(self, method, **parameters):
        """One command of the protocol; its result."""
        self.last_id += 1
        self.socket.send(json.dumps({"id": self.last_id, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            self._note_errors(message)
            if message.get("id") == self.last_id:
                assert "error" not in message, message
                return message["result"]

    def _note_errors(self, message):
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(parameters["exceptionDetails"]))
        if message.get("method") == "Log.entryAdded":
            entry = parameters["entry"]
            if entry["level"] == "error" and entry["source"] != "network":
                self.errors.append(entry["text"])

    def open(self, url):
        self.call("Page.navigate", url=url)

    def set_size(self, width, height=900, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 700)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def evaluate(self, expression):
        """The value of a JavaScript expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def text(self, selector):
        """The text of the first element, or empty."""
        return self.evaluate(
            f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def wait_for(self, expression, what, deadline=20.0):
        return harness.wait_until(lambda: self.evaluate(expression), what, deadline)

    def screenshot(self, path):
        """The whole page, as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip={
            "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1})["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

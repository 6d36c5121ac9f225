"""The dashboard in a headless Chromium: it shows what happens, soon, and nothing runs in it that is
not its own."""

import threading
import time

import pytest

import browser
import harness
from admin_http import ask
from test_admin import TOKEN, other_address

pytestmark = pytest.mark.skipif(browser.MISSING is not None, reason=str(browser.MISSING))

DEAD_SERVER_DEADLINE = 2.0  # seconds, from the server's death to the word on the page
NASTY_POOL = "<img src=x onerror=document.title='run'>"
NASTY_SERVER = "<script>document.title='run'</script>"
NASTY_KEY = "<b onmouseover=document.title='run'>key"
STATE_OF = """[...document.querySelectorAll("#servers tbody tr")].map(row =>
    [row.querySelector("td b").innerText, row.querySelector(".state").innerText])"""


@pytest.fixture(name="page", scope="module")
def page_fixture():
    chromium = browser.Browser()
    yield chromium
    chromium.close()


def open_page(page, proxy, width=1280, dark=False):
    page.errors.clear()
    page.set_size(width, dark=dark)
    host, port = proxy.admin_endpoint
    page.open(f"http://{host}:{port}/")
    page.wait_for("document.querySelectorAll('#figures .figure').length > 0 "
                  "&& document.querySelector('#verdict').className !== 'unknown'",
                  "the page to have numbers")


class Traffic:
    """One client that asks all the time; errors of servers that are down are part of it."""

    def __init__(self, proxy, key="key"):
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(proxy.raw(), key))

    def _run(self, client, key):
        with client:
            count = 0
            while not self.stop.is_set():
                count += 1
                client.call("SET", f"{key}{count % 500}", "value")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def test_a_killed_server_is_seen_at_once_and_its_return_too(cluster, page):
    cluster.add_servers(3)
    proxy = cluster.start_proxy_with(cluster.one_pool(server_retry_timeout_ms=200), admin={})
    with Traffic(proxy):
        open_page(page, proxy)
        page.wait_for("document.querySelector('#verdict').className === 'good'", "all well")
        assert page.text("#verdict h2") == "All well: 3 servers are up"
        cluster.servers[1].kill()
        killed = time.monotonic()
        page.wait_for("document.querySelector('#verdict').className === 'bad'", "the bad news",
                      DEAD_SERVER_DEADLINE)
        assert time.monotonic() - killed <= DEAD_SERVER_DEADLINE
        # At the top, in words: which one, and whose.
        assert "Server beta" in page.text("#verdict li") and "is down" in page.text("#verdict li")
        assert page.evaluate(STATE_OF)[0] == ["beta", "✕ down"]
        assert page.evaluate("document.title").startswith("✕")
        page.wait_for("document.querySelector('#errors td.alarm') !== null", "errors that grow")
        cluster.servers[1].start()
        page.wait_for("document.querySelector('#verdict').className === 'good'", "all well again")
        assert dict(page.evaluate(STATE_OF))["beta"] == "● up"
    assert not page.errors


def test_connection_lost_and_found(cluster, page):
    cluster.add_servers(1)
    proxy = cluster.start_proxy_with(cluster.one_pool(), admin={})
    open_page(page, proxy)
    endpoint = proxy.admin_endpoint
    proxy.stop()
    page.wait_for("document.querySelector('#verdict h2').innerText === 'Connection lost'",
                  "the loss to be shown")
    assert page.evaluate("document.body.classList.contains('stale')")
    # The same addresses again, as after a restart.
    listen = [f"{host}:{port}" for host, port in proxy.endpoints]
    proxy.pools = [{**pool, "listen": listen} for pool in proxy.pools]
    proxy.admin = {"listen": f"{endpoint[0]}:{endpoint[1]}"}
    proxy.start()
    page.wait_for("document.querySelector('#verdict').className === 'good'", "it to be found")
    assert not page.evaluate("document.body.classList.contains('stale')")
    assert f"process {proxy.pid}" in page.text("#identity")
    assert not page.errors


def test_names_and_keys_stay_text(cluster, page):
    server = cluster.add_server()
    line = {"address": server.address, "name": NASTY_SERVER}
    pools = [{"name": NASTY_POOL, "servers": [line], "timeout_ms": 5000},
             {"name": "other", "servers": [line]}]
    proxy = cluster.start_proxy_with(pools, admin={"slow_ms": 1})
    with proxy.raw() as client:
        server.pause()
        resume = threading.Timer(0.05, server.resume)
        resume.start()
        for _ in range(2000):  # enough for the sample of hot keys
            client.value("SET", NASTY_KEY, "value")
        resume.join()
    open_page(page, proxy)
    page.wait_for("document.querySelector('#slow code') !== null", "the slow request")
    page.wait_for("document.querySelector('#hot code') !== null", "the hot key")
    assert NASTY_POOL in page.text("#servers h3")
    assert NASTY_SERVER in page.text("#servers tbody td")
    for shown, whole in ((page.text("#hot code"), NASTY_KEY),
                         (page.text("#slow code"), f"set {NASTY_KEY}")):
        assert len(shown) > 20 and whole.startswith(shown)
    assert NASTY_POOL in page.text("#pool")
    assert page.evaluate("document.querySelectorAll('main img, main script, main b[onmouseover]')"
                         ".length") == 0
    assert page.evaluate("document.title") != "run"
    assert not page.errors


@pytest.mark.skipif(other_address() is None, reason="this machine has no address but loopback")
def test_keys_are_shown_elsewhere_with_the_token_only(cluster, page):
    server = cluster.add_server()
    port = harness.free_port()
    proxy = cluster.start_proxy_with(cluster.one_pool(), admin={
        "listen": f"0.0.0.0:{port}", "token": TOKEN, "slow_ms": 1})
    with proxy.raw() as client:
        server.pause()
        resume = threading.Timer(0.05, server.resume)
        resume.start()
        client.value("SET", "some-key", "value")
        resume.join()
    proxy.admin_endpoint = (other_address(), port)
    open_page(page, proxy)
    page.wait_for("!document.querySelector('#token-form').hidden", "the question for the token")
    assert page.text("#slow") == "Not shown without the token."
    page.evaluate(f"""(() => {{
        document.querySelector("#token").value = "{TOKEN}";
        document.querySelector("#token-form").requestSubmit();
    }})()""")
    page.wait_for("document.querySelector('#slow code') !== null", "the slow request")
    assert page.text("#slow code") == "set some-key"
    assert page.evaluate("document.querySelector('#token-form').hidden")
    assert TOKEN not in page.evaluate("document.documentElement.outerHTML")
    assert not page.errors


def test_the_policy_keeps_other_scripts_out(cluster, page):
    cluster.add_servers(1)
    proxy = cluster.start_proxy_with(cluster.one_pool(), admin={})
    policy = ask(proxy.admin_endpoint, "/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    open_page(page, proxy)
    page.evaluate("""(() => {
        const script = document.createElement("script");
        script.textContent = "document.title = 'run'";
        document.body.append(script);
    })()""")
    assert page.evaluate("document.title") != "run"
    assert any("Content Security Policy" in error for error in page.errors)


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_the_width_and_follows_the_scheme(cluster, page, width, dark):
    cluster.add_servers(4)
    pools = [{"name": "a-very-long-name-of-a-pool-without-a-place-to-break-it" + "x" * 40,
              "servers": harness.server_lines(cluster.servers)}]
    proxy = cluster.start_proxy_with(pools, admin={}, threads=2)
    with Traffic(proxy):
        open_page(page, proxy, width, dark)
        page.wait_for("document.querySelectorAll('#plots path').length >= 14", "the plots")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("[...document.querySelectorAll('#plots svg')].every(each =>"
                         " each.getBoundingClientRect().width >= 200)")
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    levels = [int(level) for level in back[4:-1].split(",")]
    assert (max(levels) < 64) if dark else (min(levels) > 192)
    assert not page.errors


def test_a_hidden_page_asks_nothing(cluster, page):
    cluster.add_servers(1)
    proxy = cluster.start_proxy_with(cluster.one_pool(), admin={})
    open_page(page, proxy)
    page.evaluate("""(() => {
        window.asked = 0;
        const real = window.fetch;
        window.fetch = (...words) => { ++window.asked; return real(...words); };
        Object.defineProperty(document, "hidden", { value: true, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    })()""")
    # What was under way may end; after that, two seconds of silence.
    page.evaluate("new Promise(done => setTimeout(done, 500)).then(() => window.asked = 0)")
    page.evaluate("new Promise(done => setTimeout(done, 2000))")
    assert page.evaluate("window.asked") == 0
    page.evaluate("""(() => {
        Object.defineProperty(document, "hidden", { value: false, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    })()""")
    page.wait_for("window.asked > 1", "it to go on")


def test_percentiles_of_the_page(cluster, page):
    cluster.add_servers(1)
    proxy = cluster.start_proxy_with(cluster.one_pool(), admin={})
    open_page(page, proxy)
    assert page.evaluate("percentile(new Map(), 0.5)") is None
    assert page.evaluate("percentile(new Map([[0.1, 1]]), 0.999)") == 0.1
    hundred = "new Map(Array.from({length: 100}, (_, i) => [(i + 1) / 100, 1]))"
    assert page.evaluate(f"[0.01, 0.5, 0.99, 1].map(part => percentile({hundred}, part))") == [
        0.01, 0.5, 0.99, 1]
    assert page.evaluate("[...histogramSince(new Map([[1, 5], [2, 1]]), new Map([[1, 3]]))]") == [
        [1, 2], [2, 1]]
    texts = {"formatSeconds(0.000123)": "123 µs", "formatSeconds(0.00123)": "1.23 ms",
             "formatSeconds(1.5)": "1.50 s", "formatSeconds(null)": "–",
             "formatCount(0)": "0", "formatCount(9999)": "9999", "formatCount(12345)": "12.3 k",
             "formatCount(2.5e6)": "2.50 M", "formatBytes(1536)": "1.50 KiB",
             "formatBytes(17)": "17 B", "formatShare(0.034)": "3.4 %",
             "formatSpan(3700)": "1 h 1 min"}
    for expression, text in texts.items():
        assert page.evaluate(expression) == text, expression

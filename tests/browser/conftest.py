"""Pay pages in a real browser: headless Chromium before millraced, the plugin and a simulated network."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

pytest.register_assert_rewrite("harness")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

from harness.rpc import wait_for  # noqa: E402
from harness.service import Service, Upstream  # noqa: E402
from harness.sim import SimNetwork  # noqa: E402

try:
    from selenium import webdriver
except ImportError:
    webdriver = None

CHROMIUM = shutil.which("chromium")
CHROMEDRIVER = shutil.which("chromedriver")
ZBARIMG = shutil.which("zbarimg")
SERVICES = [
    {"name": "weather", "path": "/weather/", "price_msat": 1500, "timeout": "1h", "description": "The forecast for today and tomorrow, hour by hour"},
    {"name": "archive", "path": "/archive/", "price_msat": 21_000_000},
    {"name": "crowded", "path": "/crowded/", "price_msat": 1000, "free": ["/crowded/"], "limits.in_all": "1/5s"},
]
# The browser talks to nobody but the service.
SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--hide-scrollbars",
]


def pytest_collection_modifyitems(items):
    absent = [name for name, found in (("chromium", CHROMIUM), ("chromium-driver", CHROMEDRIVER), ("python3-selenium", webdriver), ("zbar-tools", ZBARIMG)) if not found]
    if absent:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=f"no {', '.join(absent)}; contrib/install-deps --tests installs them"))


class House:
    """The whole of it: a network, an upstream, a millraced; where screenshots go."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="mr", dir="/tmp"))
        self.network = SimNetwork(self.directory / "net")
        self.upstream = Upstream()
        self.service = Service(self.directory / "service", self.network.seller.gateway, self.upstream, services=SERVICES).start()
        kept = os.environ.get("MILLRACE_TEST_LOGS")
        self.pictures = Path(kept) / "screenshots" if kept else self.directory / "screenshots"
        self.pictures.mkdir(parents=True, exist_ok=True)

    def pay(self, invoice):
        """Pays, and returns once the service knows."""
        before = self.service.stored("select count(*) from settlements")
        self.network.payer.pay(invoice)
        wait_for(lambda: self.service.stored("select count(*) from settlements") != before, "the settlement to be stored")

    def close(self):
        code = self.service.stop()
        self.upstream.stop()
        simulator = self.network.stop()
        kept = os.environ.get("MILLRACE_TEST_LOGS")
        if kept:
            shutil.copy(self.service.log_path, Path(kept) / "millraced.log")
        # A cookie is a credential: neither it nor its seal stands in any log.
        text = self.service.log_path.read_text()
        shutil.rmtree(self.directory, ignore_errors=True)
        assert "millrace-pay-" not in text
        assert (code, simulator) == (0, 0)


@pytest.fixture(scope="session")
def house():
    made = House()
    yield made
    made.close()


class Front:
    """A proxy that cuts /shop off the paths below it, as nginx does with proxy_pass http://here/; all else goes as it came."""

    def __init__(self, port):
        self.port, self.events = port, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}{path}"

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                piece = client.recv(1)
                if not piece:
                    return
                head += piece
            line, rest = head.split(b"\r\n", 1)
            method, target, version = line.split(b" ")
            if b"/.well-known/millrace/settled" in target:
                self.events.append(target)
            target = target.removeprefix(b"/shop")
            rest = re.sub(rb"(?i)connection: [^\r]*\r\n", b"", rest)
            with socket.create_connection(("127.0.0.1", self.port)) as server:
                server.sendall(method + b" " + target + b" " + version + b"\r\nConnection: close\r\n" + rest)
                while piece := server.recv(65536):
                    client.sendall(piece)

    def close(self):
        self.listener.close()


@pytest.fixture
def front(house):
    made = Front(house.service.port)
    yield made
    made.close()


class Browser:
    """One Chromium with a profile of its own."""

    def __init__(self, house, javascript=True):
        self.house = house
        self.profile = tempfile.mkdtemp(prefix="mrb", dir="/tmp")
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for switch in [*SWITCHES, f"--user-data-dir={self.profile}"]:
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        if not javascript:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        from selenium.webdriver.chrome.service import Service as Driver

        self.driver = webdriver.Chrome(service=Driver(CHROMEDRIVER), options=options)
        self.driver.set_page_load_timeout(30)

    def close(self):
        try:
            self.driver.quit()
        finally:
            shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, path="/weather/today"):
        self.driver.get(self.house.service.url(path))

    def find(self, css):
        return self.driver.find_element("css selector", css)

    def all(self, css):
        return self.driver.find_elements("css selector", css)

    def text(self):
        # In one step: the page may give way to another between finding an element and reading it.
        return self.driver.execute_script("return document.body ? document.body.innerText.trim() : ''")

    def invoice(self):
        return self.find("#invoice").get_attribute("value")

    def dress(self, theme, width, height=900):
        """A colour theme and a screen."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]})
        screen = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)

    def picture(self, name):
        """A screenshot of the whole page; returns the file."""
        import base64

        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True})
        file = self.house.pictures / f"{name}.png"
        file.write_bytes(base64.b64decode(shot["data"]))
        return file

    def complaints(self):
        """What the console says, but for the answers' own status."""
        own = ("status of 402", "status of 429", "status of 503")
        return [entry["message"] for entry in self.driver.get_log("browser") if not any(text in entry["message"] for text in own)]


@pytest.fixture
def open_browser(house):
    opened = []

    def open_one(**more):
        opened.append(Browser(house, **more))
        return opened[-1]

    yield open_one
    for browser in opened:
        browser.close()


@pytest.fixture
def browser(open_browser):
    return open_browser()


@pytest.fixture
def read_qr():
    """What the QR code in a picture says."""

    def read(picture):
        done = subprocess.run([ZBARIMG, "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(picture)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"no QR code is read in {picture}: {done.stderr}"
        return done.stdout.strip()

    return read

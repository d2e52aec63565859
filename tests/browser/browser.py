"""Chromium without a window: opens pages, watches what they ask for, and takes pictures of them."""

import base64
import json
import tempfile

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-dev-shm-usage --disable-default-apps --disable-extensions
    --hide-scrollbars --force-color-profile=srgb""".split()

# Width and height in pixels, and whether it is a phone; A4 between its margins is as wide as the paper.
DESKTOP, PHONE, PAPER = (1280, 900, False), (390, 844, True), (718, 1000, False)


class Browser:
    """One browser with a profile of its own."""

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory()
        options = Options()
        for flag in [*FLAGS, f"--user-data-dir={self.profile.name}"]:
            options.add_argument(flag)
        options.binary_location = "/usr/bin/chromium"
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        # What the browser's own first page asked for is not ours.
        self.driver.get("about:blank")
        self.requests()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()
        self.profile.cleanup()

    def show(self, size, scheme="light", media="screen"):
        """Sets the size of the screen, light or dark, and screen or print."""
        width, height, mobile = size
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 2 if mobile else 1, "mobile": mobile})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "media": media, "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, address):
        """Opens a page."""
        self.driver.get(address)

    def keys(self, *keys, held=None):
        """Presses keys where the focus is, while one is held."""
        chain = ActionChains(self.driver)
        if held is not None:
            chain.key_down(held)
        chain.send_keys(*keys)
        if held is not None:
            chain.key_up(held)
        chain.perform()

    def run(self, script, *arguments):
        """Runs a script in the page and returns what it returns."""
        return self.driver.execute_script(script, *arguments)

    def picture(self, file):
        """Takes a picture of the whole page, as long as it is."""
        size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 6000), "scale": 1}
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        file.write_bytes(base64.b64decode(taken["data"]))

    def print(self, file):
        """Prints the page on paper."""
        printed = self.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": False, "preferCSSPageSize": True})
        file.write_bytes(base64.b64decode(printed["data"]))

    def requests(self):
        """Returns the addresses that were asked for since the last time."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [*asked, *(event["params"]["url"] for event in events if event["method"] == "Network.webSocketCreated")]

    def console(self):
        """Returns what the console said since the last time."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

"""Checks the served page in Chromium: check_served.py PROGRAM LAKE FOLDER, where pictures are put.

LAKE holds real archives, with gold. Every view is opened on desktop and phone, light and dark.
"""

import pathlib
import re
import subprocess
import sys
import urllib.parse

from browser import DESKTOP, PHONE, Browser
from checks import check, check_fit, check_quiet, choose, count, press, text, wait
from selenium.webdriver.common.keys import Keys

SCREENS = [("desktop-light", DESKTOP, "light"), ("desktop-dark", DESKTOP, "dark"), ("phone-light", PHONE, "light"),
           ("phone-dark", PHONE, "dark")]


def check_overview(browser, url):
    browser.open(url)
    wait(browser, "return document.querySelectorAll('#fresh tbody tr').length >= 20", "the list of tables")
    totals = text(browser, "#totals")
    check("Series" in totals and "Archives" in totals, f"the totals are {totals}")
    check("ingest" in text(browser, "#runs"), "the last runs lack an ingest")
    check(count(browser, "#fresh a[href*='silver.klines']") == 1, "no link to a table's page")


def check_coverage(browser, url):
    """Filters and pages are the server's; a day shows its archives."""
    browser.open(f"{url}coverage")
    rows = wait(browser, "return document.querySelectorAll('.row').length", "the heat map")
    check(rows > 30, f"{rows} series")
    check(count(browser, ".row .strip rect") >= rows, "a strip is empty")
    choose(browser, "#filter-symbol", "eth")
    wait(browser, f"return document.querySelectorAll('.row').length < {rows}", "the filtered heat map")
    names = browser.run("return [...document.querySelectorAll('.row .row-name')].map((one) => one.textContent)")
    check(names and all("ETH" in name for name in names), f"rows with eth are {names}")
    check("symbol=eth" in browser.run("return location.search"), "the filter is not in the address")
    choose(browser, "#filter-symbol", "")
    wait(browser, f"return document.querySelectorAll('.row').length === {rows}", "the whole heat map")
    press(browser, "#days-calendar rect.day-held")
    wait(browser, "return document.querySelectorAll('#day tbody tr').length > 0", "the archives of a day")
    check(".zip" in text(browser, "#day"), f"the day shows {text(browser, '#day')[:200]}")
    check(browser.run("return /[0-9a-f]{64}/.test(document.querySelector('#day').textContent)"), "no checksum is shown")
    address = browser.run("return location.href")
    check("day=" in address and "series=" in address, f"the day is not in the address {address}")
    browser.open(address)
    wait(browser, "return document.querySelectorAll('#day tbody tr').length > 0", "the shared day")


def check_candles(browser, url):
    """From years to minutes and back, by buttons and keys."""
    query = urllib.parse.urlencode({"market": "spot", "symbol": "BTCUSDT"})
    browser.open(f"{url}candles?{query}")
    drawn = "const svg = document.querySelector('svg.candles'); return svg ? svg.dataset.series : null"
    first = wait(browser, drawn, "a chart")
    check(first.startswith("spot BTCUSDT "), f"{first} is drawn")
    bars = browser.run("return +document.querySelector('svg.candles').dataset.bars")
    check(0 < bars <= 2000, f"{bars} bars travelled")
    check("Vol" in text(browser, "#candles-readout"), "the readout lacks the volume")
    before = browser.run("return location.search")
    press(browser, "#candles-moves button[aria-label='Fewer bars']")
    changed = "return location.search !== arguments[0] && Boolean(document.querySelector('svg.candles'))"
    check(browser.run(changed, before) or wait(browser, f"return location.search !== {before!r}", "another range"), "")
    browser.run("document.querySelector('svg.candles').focus()")
    before = browser.run("return location.search")
    browser.keys(Keys.PAGE_UP)
    wait(browser, f"return location.search !== {before!r}", "the range before, by a key")
    intervals = browser.run("return [...document.querySelectorAll('#candles-interval option')].map((one) => one.value)")
    check(intervals[0] == "" and len(intervals) > 1, f"intervals are {intervals}")
    choose(browser, "#candles-symbol", "no such symbol")
    wait(browser, "return !document.querySelector('#candles-fault').hidden", "a word about an unknown symbol")
    check("holds no klines" in text(browser, "#candles-fault"), text(browser, "#candles-fault"))
    query = urllib.parse.urlencode({"market": "futures_um", "symbol": "BTCUSDT", "from": "2025-08-01", "to": "2025-08-02"})
    browser.open(f"{url}candles?{query}")
    wait(browser, drawn, "a chart of a contract")
    wait(browser, "return document.querySelectorAll('#candles-under figure').length > 0", "funding or basis below")
    twins = browser.run("return [...document.querySelectorAll('#candles-files a')].map((one) => one.href)")
    check([twin.split("?")[0].rsplit(".")[-1] for twin in twins] == ["json", "csv", "parquet", "arrow", "ndjson"], f"{twins}")


def check_tables(browser, url):
    browser.open(f"{url}tables?name=silver.klines")
    wait(browser, "return document.querySelectorAll('#table tbody tr').length > 18", "the table's columns and versions")
    shown = text(browser, "#table")
    check("Bars of trades" in shown, "the table's description is missing")
    check("open_time" in shown and "WRITE" in shown.upper(), "columns or versions are missing")


def check_sql(browser, url):
    """A statement by keyboard alone, its chart, a fault with its place, and cancelling."""
    browser.open(f"{url}sql")
    wait(browser, "return document.querySelectorAll('#tree details').length > 20", "the tree of tables")
    browser.run("document.querySelector('#statement').focus()")
    browser.keys("SELECT date, sum(trade_count) AS trades FROM silver.klines GROUP BY 1 ORDER BY 1")
    browser.keys(Keys.ENTER, held=Keys.CONTROL)
    wait(browser, "return document.querySelectorAll('#answer tbody tr').length > 2", "an answer")
    check(count(browser, "#answer-chart svg.lines path") == 1, "the answer has no chart")
    outcome = text(browser, "#outcome")
    check(re.search(r"\d rows, [\d.]+ s, [1-9]\d* files? read", outcome), outcome)
    check(count(browser, "#downloads a") == 4, "downloads are missing")
    browser.open(f"{url}sql?q={urllib.parse.quote('SELECT' + chr(10) + ' 1)')}")
    wait(browser, "return document.querySelectorAll('#tree details').length > 20", "the tree of tables")
    press(browser, "#run")
    wait(browser, "return !document.querySelector('#fault').hidden", "a fault")
    check("^" in text(browser, "#fault"), f"the fault has no place: {text(browser, '#fault')}")
    browser.console()  # The browser itself says that the answer was an error.
    endless = "SELECT count(*) FROM range(1000000) a(x), range(1000000) b(y) WHERE x + y = 7"
    browser.open(f"{url}sql?q={urllib.parse.quote(endless)}")
    wait(browser, "return document.querySelectorAll('#tree details').length > 20", "the tree of tables")
    press(browser, "#run")
    press(browser, "#cancel")
    wait(browser, "return document.querySelector('#outcome').textContent === 'cancelled'", "the end of a statement")


def tab_to(browser, selector):
    """Goes on by the Tab key until the focus, which must be seen, is on an element."""
    for _ in range(300):
        browser.keys(Keys.TAB)
        if browser.run("return document.activeElement.matches(arguments[0])", selector):
            seen = browser.run("return getComputedStyle(document.activeElement).outlineStyle !== 'none'")
            return check(seen, f"the focus on {selector} is not seen")
    return check(False, f"no way to {selector} by the keyboard")


def check_keyboard(browser, url):
    """Every view can be used by the keyboard alone; SQL and candles are, where they are checked."""
    browser.open(url)
    wait(browser, "return document.querySelectorAll('#fresh tbody tr').length >= 20", "the list of tables")
    tab_to(browser, "#fresh a[href*='silver.klines']")
    browser.keys(Keys.ENTER)
    wait(browser, "return location.search === '?name=silver.klines' && Boolean(document.querySelector('#table h2'))",
         "the page of a table, by a key")
    tab_to(browser, "#table a[href^='/sql']")
    browser.keys(Keys.ENTER)
    wait(browser, "return location.pathname === '/sql' && document.querySelector('#statement').value !== ''",
         "a statement, by a key")
    browser.open(f"{url}tables")
    wait(browser, "return document.querySelectorAll('#tables tbody tr').length > 20", "the list of tables")
    tab_to(browser, "#tables a[href*='gold.bars']")
    browser.keys(Keys.ENTER)
    wait(browser, "return location.search === '?name=gold.bars'", "the page of a table of gold, by a key")
    check_coverage_by_keyboard(browser, f"{url}coverage")


def check_coverage_by_keyboard(browser, url):
    browser.open(f"{url}?offset=7")
    rows = wait(browser, "return document.querySelectorAll('.row').length", "the heat map")
    tab_to(browser, "#pages button")
    browser.keys(Keys.ENTER)
    wait(browser, f"return document.querySelectorAll('.row').length >= {rows} && !location.search.includes('offset')",
         "the page before, by a key")
    browser.open(url)
    wait(browser, "return document.querySelectorAll('.row').length", "the heat map")
    tab_to(browser, "#filter-type")
    browser.keys("k")
    wait(browser, "return location.search.includes('data_type=klines')", "the filter, by a key")
    tab_to(browser, "#filter-symbol")
    browser.keys("eth")
    shown = "return [...document.querySelectorAll('.row .row-name')].map((one) => one.textContent)"
    wait(browser, "return [...document.querySelectorAll('.row .row-name')].every((one) => one.textContent.includes('ETH'))",
         "rows with eth, by keys")
    tab_to(browser, ".row:last-child")
    browser.keys(Keys.ENTER)
    last = browser.run(shown)[-1]
    wait(browser, "return document.activeElement.getAttribute('aria-pressed') === 'true'", "the last row, by a key")
    check(last.split()[0] in text(browser, "#days-title"), f"{last} is chosen, {text(browser, '#days-title')} is shown")
    day = browser.run("return document.querySelector('#days-calendar rect.day-held').dataset.day")
    year, month, date = day.split("-")
    tab_to(browser, "#day-choice")
    browser.keys(f"{month}{date}{year}")
    wait(browser, "return document.querySelectorAll('#day tbody tr').length > 0", "the archives of a day, by keys")
    check(f"day={day}" in browser.run("return location.search"), f"{day} is not in the address")


VIEWS = {"overview": check_overview, "coverage": check_coverage, "candles": check_candles, "tables": check_tables,
         "sql": check_sql}


def check_views(browser, url, folder):
    for view, check_view in VIEWS.items():
        for screen, size, scheme in SCREENS:
            browser.show(size, scheme)
            check_view(browser, url)
            check_fit(browser, f"{view} on {screen}")
            browser.picture(folder / f"served-{view}-{screen}.png")
            check_quiet(browser, url, url)


def main():
    program, lake = sys.argv[1:3]
    folder = pathlib.Path(sys.argv[3]).resolve()
    server = subprocess.Popen(
        [program, "--lake", lake, "serve", "--http", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        with Browser() as browser:
            check_views(browser, url, folder)
            browser.show(DESKTOP)
            check_keyboard(browser, url)
            check_quiet(browser, url, url)
    finally:
        server.terminate()
        server.wait()
    print(f"the served page is as it should be in Chromium; pictures are in {folder}")


main()

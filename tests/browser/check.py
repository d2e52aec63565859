"""Checks reports in Chromium: check.py FOLDER, where real.html and empty.html lie and pictures are put.

Every check is a function; the first that fails ends the run with its message.
"""

import pathlib
import sys

from browser import DESKTOP, PAPER, PHONE, Browser
from checks import check, check_fit, check_quiet, choose, count, press, text
from pages import data_of, many_series, with_data

def check_heat_map(browser, data):
    """Every series has its strip, drawn from its runs."""
    check(count(browser, ".group") == len({(one["market"], one["data_type"]) for one in data["series"]}), "groups")
    check(count(browser, ".row") == len(data["series"]), f"{count(browser, '.row')} rows")
    check(count(browser, ".row .strip rect") >= len(data["series"]), "a strip is empty")
    shown = browser.run("return [...document.querySelectorAll('.row .row-name')].map((one) => one.textContent)")
    check("BTCUSDT 1h" in shown, f"rows are named {shown}")
    check(count(browser, "#days-calendar rect.day-held") > 0, "the calendar shows no day that is held")


def check_candles(browser, data):
    """The chart shows the bars of the chosen series, and another when that is chosen."""
    chosen = text(browser, "#chart-readout")
    check("UTC" in chosen and "Vol" in chosen, f"the readout is {chosen}")
    for chart in data["charts"]:
        name = f"{chart['market']} {chart['symbol']}"
        choose(browser, "#chart-symbol", name)
        choose(browser, "#chart-interval", chart["interval"])
        svg = "svg.candles"
        drawn = browser.run("const { series, bars } = document.querySelector('svg.candles').dataset; return [series, +bars]")
        check(drawn[0] == f"{name} {chart['interval']}", f"{drawn} is drawn, not {name} {chart['interval']}")
        check(0 < drawn[1] <= len(chart["time"]), f"{drawn} of {len(chart['time'])} bars")
        bodies = browser.run("""
            const paths = [...document.querySelectorAll("svg.candles path.up, svg.candles path.down")];
            return paths.reduce((sum, path) => sum + path.getAttribute("d").split("M").length - 1, 0)""")
        check(bodies == drawn[1], f"{svg} has {bodies} bodies for {drawn[1]} bars")


def check_interactions(browser, data):
    """Filters, rows, years and the chart's buttons do what they say."""
    choose(browser, "#filter-symbol", "eth")
    wanted = sum("ETH" in one["symbol"] for one in data["series"])
    check(count(browser, ".row") == wanted, f"{count(browser, '.row')} of {wanted} rows with eth")
    press(browser, ".row")
    check("ETH" in text(browser, "#days-title"), f"the days are those of {text(browser, '#days-title')}")
    choose(browser, "#filter-symbol", "no such symbol")
    check("No series" in text(browser, "#heat"), "an empty choice says nothing")
    choose(browser, "#filter-symbol", "")
    choose(browser, "#filter-days", "2023")
    check(count(browser, ".row") == len(data["series"]), "a year changes the rows")
    choose(browser, "#filter-days", "all")
    press(browser, ".group-head")
    check(count(browser, ".row") < len(data["series"]), "a group does not close")
    press(browser, ".group-head")
    largest = max(data["charts"], key=lambda chart: len(chart["time"]))
    choose(browser, "#chart-symbol", f"{largest['market']} {largest['symbol']}")
    choose(browser, "#chart-interval", largest["interval"])
    bars = "return +document.querySelector('svg.candles').dataset.bars"
    before = browser.run(bars)
    press(browser, "#prices button[aria-label='Fewer bars']")
    check(browser.run(bars) < before, "fewer bars are not fewer")
    readout = text(browser, "#chart-readout")
    press(browser, "#prices button[aria-label=Earlier]")
    check(text(browser, "#chart-readout") != readout, "earlier shows the same")


def check_real(browser, folder):
    page = folder / "real.html"
    data = data_of(page.read_text())
    check(len(data["series"]) > 30 and len(data["charts"]) > 10, "the lake of real archives lacks series")
    for name, size, scheme in [("desktop-light", DESKTOP, "light"), ("desktop-dark", DESKTOP, "dark"),
                               ("phone-light", PHONE, "light"), ("phone-dark", PHONE, "dark")]:
        browser.show(size, scheme)
        browser.open(f"file://{page}")
        check_heat_map(browser, data)
        check_fit(browser, name)
        browser.picture(folder / f"real-{name}.png")
        check_candles(browser, data)
        check_interactions(browser, data)
        check_quiet(browser, f"file://{page}")
    browser.show(PAPER, "dark", "print")
    browser.open(f"file://{page}")
    wide = browser.run("return document.documentElement.scrollWidth")
    check(wide <= PAPER[0], f"the page is {wide} pixels wide on paper of {PAPER[0]}")
    ground = browser.run("return getComputedStyle(document.body).backgroundColor")
    check(ground == "rgb(255, 255, 255)", f"the page is printed on {ground}")
    browser.picture(folder / "real-print.png")
    browser.print(folder / "real.pdf")
    check_quiet(browser, f"file://{page}")


def check_many(browser, folder):
    """A page of thousands of series opens closed, and each of them can be found."""
    real = (folder / "real.html").read_text()
    data = many_series(data_of(real))
    page = folder / "many.html"
    page.write_text(with_data(real, data))
    for name, size in [("desktop", DESKTOP), ("phone", PHONE)]:
        browser.show(size)
        browser.open(f"file://{page}")
        check(count(browser, ".row") == 0 and count(browser, ".group") == 4, "thousands of rows are drawn at once")
        check_fit(browser, f"many on {name}")
        check(count(browser, "#failures tbody tr") == 20, "failures are not shown in part")
        check(count(browser, "#failures b") == 0, "a reason became markup")
        press(browser, "#failures button")
        check(count(browser, "#failures tbody tr") == 45, "not all failures are shown")
        press(browser, ".group-head")
        check(count(browser, ".row") == 100, f"{count(browser, '.row')} rows of an open group")
        press(browser, ".more")
        check(count(browser, ".row") == 200, "more rows are not more")
        browser.picture(folder / f"many-{name}.png")
        choose(browser, "#filter-symbol", "coin699")
        check(count(browser, ".row") == 1, "one symbol is not found")
        check_quiet(browser, f"file://{page}")


def check_empty(browser, folder):
    page = folder / "empty.html"
    browser.show(PHONE)
    browser.open(f"file://{page}")
    check("holds nothing" in text(browser, "#heat") and "no klines" in text(browser, "#prices"), "an empty lake")
    check_fit(browser, "an empty lake")
    browser.picture(folder / "empty-phone.png")
    check_quiet(browser, f"file://{page}")


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    with Browser() as browser:
        check_real(browser, folder)
        check_many(browser, folder)
        check_empty(browser, folder)
    print(f"the report is as it should be in Chromium; pictures are in {folder}")


main()

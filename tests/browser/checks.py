"""What every page is checked for, and how a user's hands are imitated."""

import sys
import time

# The ratio of the lightness of a text to that of what it stands on, for every text that can be seen.
CONTRASTS = """
    const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
    const parts = (color) => color.match(/[\\d.]+/g).map(Number);
    const below = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = parts(getComputedStyle(at).backgroundColor);
            if (color.length < 4 || color[3] === 1) return color;
        }
        return [255, 255, 255];
    };
    const poor = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        const seen = element.checkVisibility() && !element.closest("script, noscript, title, option");
        if (!seen || !node.textContent.trim()) continue;
        const style = getComputedStyle(element);
        const [text, ground] = [light(parts(element.closest("svg") ? style.fill : style.color)), light(below(element))];
        const ratio = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
        if (ratio < 4.5) poor.push(`${node.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
    }
    return poor;
"""

UNNAMED = """
    const named = (element) => element.labels?.length || element.getAttribute("aria-label") || element.textContent.trim();
    const wanted = document.querySelectorAll("select, input, button, svg[role=img], [role=region]");
    return [...wanted].filter((element) => !named(element)).map((element) => element.outerHTML.slice(0, 80));
"""


def check(condition, message):
    if not condition:
        sys.exit(f"in Chromium: {message}")


def count(browser, selector):
    return browser.run("return document.querySelectorAll(arguments[0]).length", selector)


def text(browser, selector):
    return browser.run("return document.querySelector(arguments[0]).textContent", selector)


def choose(browser, selector, value):
    """Chooses a value as a user does."""
    browser.run("""
        const element = document.querySelector(arguments[0]);
        element.value = arguments[1];
        element.dispatchEvent(new Event("input", { bubbles: true }));
        element.dispatchEvent(new Event("change", { bubbles: true }));
    """, selector, value)


def press(browser, selector):
    browser.run("document.querySelector(arguments[0]).dispatchEvent(new MouseEvent('click', { bubbles: true }))", selector)


def check_fit(browser, what):
    """The page is not wider than the screen, every control has a name, and every text can be read."""
    wide, screen = browser.run("return [document.documentElement.scrollWidth, window.innerWidth]")
    check(wide <= screen, f"{what}: the page is {wide} pixels wide on a screen of {screen}")
    unnamed = browser.run(UNNAMED)
    check(not unnamed, f"{what}: without a name: {unnamed}")
    poor = browser.run(CONTRASTS)
    check(not poor, f"{what}: poor contrast: {poor[:10]}")


def wait(browser, condition, what):
    """Waits until a script returns something true, and returns it."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = browser.run(condition)
        if found:
            return found
        time.sleep(0.05)
    return check(False, f"{what} does not come")


def check_quiet(browser, page, allowed=None):
    """Nothing was asked for but the page and what it may ask for, and nothing went wrong in it."""
    asked = {url for url in browser.requests() if not url.startswith("data:")}
    elsewhere = {url for url in asked if url != page and not (allowed and url.startswith(allowed))}
    check(not elsewhere, f"requests left the page: {sorted(elsewhere)}")
    said = browser.console()
    check(not said, f"the console said {said}")

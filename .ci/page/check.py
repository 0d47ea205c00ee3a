"""The page of the live map in a real browser: what it draws against what it was fed, its keys, sizes and themes, and what it does when
the station is gone. Prints how long frames took and when it first painted; judges neither.

    .ci/page/check.py VIEW.html [--demo URL] [--shots DIRECTORY]

VIEW.html is what `roadcast replay view` wrote of a report of the demo: the live page is the same without what is recorded in it.
"""

import argparse
import json
import math
import pathlib
import re
import sys
import time

from browser import Browser, program
from feed import Server, Town

MOST_BYTES = 300_000
VEHICLES = 1_000
INSIDE = re.compile(r'<script type="application/json" id="roadcast-view">(.*?)</script>\n', re.S)


def expect(what, found, right):
    if found != right:
        sys.exit(f"FAILED: {what}: {found!r} instead of {right!r}")


def close(what, found, right, within):
    if not abs(found - right) <= within:
        sys.exit(f"FAILED: {what}: {found} instead of {right}, within {within}")


def comes(what, is_there):
    """Waits for what the server is asked."""
    limit = time.monotonic() + 10
    while not is_there():
        expect(what, time.monotonic() < limit, True)
        time.sleep(0.05)


def percentiles(values):
    ordered = sorted(values)
    return tuple(ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95))


class Page:
    """A page that is open."""

    def __init__(self, browser, url, shots):
        self.browser, self.shots = browser, shots
        browser.open(url)
        browser.until("the page draws", "window.roadcast?.ready === true")

    def drawn(self):
        return self.browser.evaluate("roadcast.drawn")

    def pixel_by(self, digest, dx=0.0, dy=0.0):
        """Red, green and blue of the canvas at a station, or so far from it, CSS pixels."""
        return self.browser.evaluate(f"""(() => {{ const canvas = document.getElementById("map"), ratio = canvas.width / canvas.clientWidth;
            const [x, y] = roadcast.positions[{json.dumps(digest)}];
            return [...canvas.getContext("2d").getImageData(Math.round((x + {dx}) * ratio), Math.round((y + {dy}) * ratio), 1, 1).data].slice(0, 3) }})()""")

    def has_near(self, digest, colour, dx=0.0, dy=0.0, reach=4):
        """Whether the canvas has this colour within so many pixels of a station, or of a place so far from it, CSS pixels."""
        return self.browser.evaluate(f"""(() => {{ const canvas = document.getElementById("map"), ratio = canvas.width / canvas.clientWidth;
            const [x, y] = roadcast.positions[{json.dumps(digest)}], side = {2 * reach + 1};
            const data = canvas.getContext("2d").getImageData(Math.round((x + {dx}) * ratio) - {reach}, Math.round((y + {dy}) * ratio) - {reach}, side, side).data;
            for (let at = 0; at < data.length; at += 4) if ({json.dumps(colour)}.every((part, index) => data[at + index] === part)) return true;
            return false }})()""")

    def colour(self, name):
        """A colour of the theme as red, green and blue."""
        text = self.browser.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}').trim()")
        return [int(text[at:at + 2], 16) for at in (1, 3, 5)]

    def text(self, name):
        return self.browser.evaluate(f"document.getElementById({json.dumps(name)}).textContent")

    def shows(self, name):
        return self.browser.evaluate(f"document.getElementById({json.dumps(name)}).checkVisibility()")

    def shot(self, name):
        if self.shots:
            self.browser.screenshot(self.shots / f"{name}.png")


def a_thousand_stations(browser, server, town, shots):
    browser.size(1400, 900)
    browser.theme("light")
    page = Page(browser, server.url, shots)
    right = {"stations": VEHICLES, "roadside": town.units, "roads": 8 * town.signal_count, "hazards": town.hazard_count,
             "signals": town.signal_count, "trails": VEHICLES}
    browser.until("all are drawn", f"JSON.stringify(Object.entries(roadcast.drawn).sort()) === JSON.stringify(Object.entries({json.dumps(right)}).sort())")
    paint = browser.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    print(f"first paint after {paint:.0f} ms" if paint else "first paint not told")

    # From here on the picture stays as it is.
    browser.evaluate("document.getElementById('map').focus()")
    browser.key("+")
    browser.key("-")
    # Where: units stand, so their places are known, and the picture has north up and one scale.
    units = [told for told in town.neighbours(0) if told["role"] == "roadside"]
    places = browser.evaluate("roadcast.positions")
    expect("stations with places", len(places), VEHICLES + town.units)
    first, last = units[0], units[-1]
    (x1, y1), (x2, y2) = places[first["digest"]], places[last["digest"]]
    metres = (last["longitude_deg"] - first["longitude_deg"]) * math.cos(math.radians(49.6116)) * 111_319.49
    scale = (x2 - x1) / metres
    close("two units on one parallel", y2 - y1, 0, 0.5)
    north = next(told for told in town.neighbours(0) if told["role"] != "roadside")
    height = (first["latitude_deg"] - north["latitude_deg"]) * 111_319.49
    close("a station north or south of a unit", places[north["digest"]][1] - y1, height * scale, 3)

    # Colours at these places.
    expect("a unit", page.pixel_by(first["digest"]), page.colour("d4"))
    # One may be covered by another, and all have moved since they were drawn: a busy machine draws late.
    vehicles = trusted(town)[:60]
    blue = page.colour("d2")
    close("trusted vehicles in their colour", sum(page.has_near(digest, blue) for digest in vehicles), len(vehicles), len(vehicles) // 4)
    hazard = next(town.hazards())
    east = (hazard["longitude_deg"] - first["longitude_deg"]) * math.cos(math.radians(49.6116)) * 111_319.49
    up = (hazard["latitude_deg"] - first["latitude_deg"]) * 111_319.49
    # In the lower left corner of its sign.
    expect("a hazard's sign", page.has_near(first["digest"], page.colour("d3"), east * scale - 7, 8 - up * scale), True)

    expect("frames from afar", page.text("afar-all"), "310 of 512 delivered, p99 300 ms old")
    expect("and what became of them", page.text("afar-aired"), "295 sent on the air. 202 dropped:")

    page.shot("thousand-light")
    selecting(browser, page, town, units)
    browser.theme("dark")
    browser.until("the theme follows the system", "document.documentElement.dataset.theme === 'dark'")
    time.sleep(0.3)
    expect("a unit in the dark", page.pixel_by(first["digest"]), page.colour("d4"))
    page.shot("thousand-dark")
    time.sleep(2)
    p50, p95 = percentiles(browser.evaluate("roadcast.frameTimesMs"))
    print(f"{VEHICLES} stations at {server.rate_hz} Hz, update and draw of a frame: p50 {p50:.1f} ms, p95 {p95:.1f} ms")


def trusted(town):
    """Vehicles that are trusted and no emergency vehicles."""
    return [told["digest"] for told in town.neighbours(0)
            if told["role"] == "vehicle" and told["standing"] == "trusted" and "emergency" not in told["permissions"]]


def selecting(browser, page, town, units):
    left, top = browser.evaluate("(() => { const box = document.getElementById('map').getBoundingClientRect(); return [box.left, box.top] })()")
    x, y = browser.evaluate(f"roadcast.positions[{json.dumps(units[0]['digest'])}]")
    browser.click(left + x, top + y)
    expect("selected by a click", browser.evaluate("roadcast.selected"), units[0]["digest"])
    expect("its name", page.text("station-name"), units[0]["digest"])
    expect("its credential's class", "signal controller" in page.text("station-facts"), True)
    expect("its permissions in words", "maps and signs" in page.text("station-permits"), True)
    browser.evaluate("document.getElementById('map').focus()")
    browser.key("Escape")
    expect("selected after Escape", browser.evaluate("roadcast.selected"), None)
    browser.key("n")
    nearest = browser.evaluate("roadcast.selected")
    expect("selected by n", nearest is not None, True)
    browser.key("n")
    expect("n again", browser.evaluate("roadcast.selected") not in (None, nearest), True)
    browser.key("p")
    browser.evaluate("document.getElementById('filter').focus()")
    browser.key("n")
    expect("n in the search", browser.evaluate("document.getElementById('filter').value"), "n")
    browser.evaluate("document.getElementById('filter').value = 'suspect'; document.getElementById('filter').dispatchEvent(new Event('input'))")
    browser.evaluate("document.querySelector('#stations button').click()")
    expect("a suspect's reason", page.text("station-why"), "Because: impossible speed.")
    browser.evaluate("document.getElementById('map').focus()")
    apart = f"roadcast.positions[{json.dumps(units[-1]['digest'])}][0] - roadcast.positions[{json.dumps(units[0]['digest'])}][0]"
    before = browser.evaluate(apart)
    browser.key("+")
    close("+ zooms by", browser.evaluate(apart) / before, 1.3, 0.01)
    browser.key("0")


def telephone(browser, server, shots):
    browser.size(360, 780, 2, True)
    page = Page(browser, server.url, shots)
    browser.until("all are drawn", f"roadcast.drawn.stations === {VEHICLES}")
    expect("width of the page", browser.evaluate("document.documentElement.scrollWidth"), 360)
    page.shot("thousand-phone")
    browser.size(1400, 900)


def nobody(browser, live, shots):
    """No station, and a station whose texts are an attack."""
    town = Town(0, 0, 0, 0)
    server = Server(live, town)
    try:
        page = Page(browser, server.url, shots)
        browser.until("it says that nobody is there", "document.getElementById('empty').textContent.includes('roadcast run')")
        page.shot("nobody")
        evil = "<img src=x onerror=alert(1)>"
        told = {**next(Town(1).neighbours(0)), "digest": evil, "station_type": evil, "why": [evil], "permissions": [evil]}
        server.say({"watch": "neighbour", "change": "new", "neighbour": told})
        server.say({"watch": "neighbour", "change": "new", "neighbour": {"digest": "far", "latitude_deg": 1e400, "longitude_deg": "x"}})
        server.say({"watch": "neighbour", "change": "new", "neighbour": None})
        server.say({"watch": "hazard", "change": "new", "hazard": {"event": evil, "class": evil, "cause_name": evil, "latitude_deg": 49.6, "longitude_deg": 6.1}})
        browser.until("it is drawn", "roadcast.drawn.stations === 1 && roadcast.drawn.hazards === 1")
        browser.key("n")
        expect("a name", page.text("station-name"), evil)
        expect("pictures made of names", browser.evaluate("document.images.length"), 0)
        server.say({"watch": "lost", "of": "hazards", "changes": 7})
        browser.until("it says what was lost", "document.getElementById('summary').textContent.includes('7 changes')")
        comes("asks for the hazards again", lambda: sum(request.get("hazard") == "list" for request in server.requests) > 1)
    finally:
        server.close()


def gone(browser, server, shots):
    """The station goes away, which is said, and comes back, which is noticed."""
    page = Page(browser, server.url, shots)
    browser.until("all are drawn", f"roadcast.drawn.stations === {VEHICLES}")
    asked = sum("neighbours" in request for request in server.requests)
    server.refusing = True
    server.cut()
    browser.until("it says so", "document.getElementById('banner').checkVisibility()")
    expect("the chip", page.text("link-state"), "connection lost")
    expect("what it knew stays", page.drawn()["stations"], VEHICLES)
    page.shot("gone")
    server.refusing = False
    browser.until("it is back", "document.getElementById('link-state').textContent === 'live'", 30)
    comes("it asks anew", lambda: sum("neighbours" in request for request in server.requests) > asked)
    expect("the banner", page.shows("banner"), False)


def recorded(browser, path, story, shots):
    """A report with a timeline, from a file."""
    page = Page(browser, path.absolute().as_uri(), shots)
    lines, duration = story["lines"], story["meta"]["duration_s"]

    def present(at):
        there = set()
        for line in lines:
            if line["t_s"] <= at and line["watch"] == "neighbour":
                (there.discard if line["change"] == "lost" else there.add)(line["neighbour"]["digest"])
        return len(there)

    browser.until("it is read", "document.getElementById('time').max > 1")
    for at in (duration, 0, duration / 2):
        browser.evaluate(f"(() => {{ const time = document.getElementById('time'); time.value = {at}; time.dispatchEvent(new Event('input')) }})()")
        found = browser.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done([roadcast.time, roadcast.drawn]))))")
        close("the time", found[0], at, 0.06)
        expect(f"stations at {at} s", found[1]["stations"] + found[1]["roadside"], present(found[0]))
    expect("roads", 0 < page.drawn()["roads"] <= len(story["meta"]["roads"]), True)
    browser.evaluate("document.getElementById('map').focus()")
    browser.key(",", "Comma")
    before = browser.evaluate("roadcast.time")
    browser.key(" ", "Space")
    browser.until("it plays", f"roadcast.time > {before}")
    browser.key(" ", "Space")
    expect("it stopped", browser.evaluate("document.getElementById('play').getAttribute('aria-label')"), "Play")
    page.shot("recorded")


def running(browser, url, shots):
    """The demo's town while it runs."""
    page = Page(browser, url, shots)
    browser.until("vehicles and units are drawn", "roadcast.drawn.stations >= 10 && roadcast.drawn.roadside === 2", 30)
    told = browser.evaluate("fetch('view/frames').then((answer) => answer.text())")
    there = [json.loads(line)["neighbour"] for line in told.splitlines() if '"neighbour"' in line]
    drawn = page.drawn()
    # Some may have come or gone between the two.
    close("vehicles", drawn["stations"] + drawn["roadside"], len(there), 3)
    expect("roads", drawn["roads"] > 40, True)
    browser.until("deliveries are counted", "document.getElementById('dials').textContent.includes('ms')")
    expect("no timeline", page.shows("timeline"), False)
    page.shot("demo")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("view", type=pathlib.Path)
    parser.add_argument("--demo", metavar="URL", help="where `roadcast demo --web` shows its town")
    parser.add_argument("--shots", type=pathlib.Path)
    options = parser.parse_args()
    text = options.view.read_text()
    inside = INSIDE.search(text)
    story = json.loads(inside[1])
    live = text.replace(inside[0], "").replace('data-feed="view"', 'data-feed="live"', 1).encode()
    expect("the page is small enough", len(live) < MOST_BYTES, True)
    print(f"{program()}: page of {len(live)} bytes")
    town = Town(VEHICLES, 4, 3, 2)
    server = Server(live, town)
    browser = Browser()
    try:
        a_thousand_stations(browser, server, town, options.shots)
        telephone(browser, server, options.shots)
        nobody(browser, live, options.shots)
        recorded(browser, options.view, story, options.shots)
        if options.demo:
            running(browser, options.demo, options.shots)
        # That is the test's own: it reads pixels.
        complaints = [text for text in browser.complaints() if "willReadFrequently" not in text]
        expect("complaints on the console", complaints, [])
        # From here on the browser complains that there is nobody.
        gone(browser, server, options.shots)
        outside = [event["params"]["request"]["url"] for event in browser.events if event.get("method") == "Network.requestWillBeSent"
                   and not event["params"]["request"]["url"].startswith(("http://127.0.0.1:", "file:", "data:"))]
        expect("requests elsewhere", outside, [])
        expect("what was asked of the server", sorted(set(server.paths)), ["/", "/ws"])
    finally:
        browser.close()
        server.close()
    print("the page draws what it is fed")


main()

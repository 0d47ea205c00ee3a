"""The page of `roadcast remote all web` in a real browser: the rows of made-up units, on a screen and on a telephone, and what it says
when there are none and when nobody answers.

    .ci/page/units.py PAGE.html [--shots DIRECTORY]

PAGE.html is `bridges/src/remote/page.html`. The units are as `UnitRow` in `bridges/src/remote/watch.rs` is written.
"""

import argparse
import http.server
import json
import pathlib
import sys
import threading

from browser import Browser

STATION = {"verdict": "met", "silent_because": None, "link_up": True, "clock": "locked", "latitude_deg": 49.6116, "longitude_deg": 6.1319,
           "position_age_s": 0.3, "neighbours": 12, "hazards": 2, "drops": 3_450, "missed": 6, "uptime_s": 86_400.0,
           "software": "roadcast 0.4.0", "digest": "3f01020304050607"}
WELL = {"name": "rsu-7", "answers": True, "well": True, "seen_s": 1.2, "path": "direct", "rtt_ms": 34.4, "station": STATION}
EVIL = "<img src=x onerror=alert(1)>"
UNITS = [
    WELL,
    {**WELL, "name": "rsu-12-at-the-junction-in-the-very-north", "path": "relayed", "rtt_ms": 212.0},
    {**WELL, "name": "rsu-8", "well": False, "station": {**STATION, "silent_because": "no fix", "latitude_deg": None, "longitude_deg": None}},
    {"name": "rsu-9", "answers": False, "well": False, "away_since_utc": "2026-11-30T10:00:00Z",
     "away_because": "peer rsu-9 was not reached: no answer within 30 s"},
    {**WELL, "name": EVIL, "well": False, "station": {**STATION, "verdict": EVIL, "clock": EVIL}},
]
MODES = {"all": UNITS, "well": UNITS[:2], "none": []}


def expect(what, found, right):
    if found != right:
        sys.exit(f"FAILED: {what}: {found!r} instead of {right!r}")


def server(page, mode):
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            if self.path != "/" and mode[0] not in MODES:
                return self.send_error(500)
            body = page if self.path == "/" else json.dumps({"units": MODES[mode[0]]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8" if self.path == "/" else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    return listening


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--shots", type=pathlib.Path)
    options = parser.parse_args()
    mode = ["all"]
    listening = server(options.page.read_bytes(), mode)
    browser = Browser()

    def shows(name, title, width=1300, theme="light"):
        browser.size(width, 700)
        browser.theme(theme)
        browser.open(f"http://127.0.0.1:{listening.server_address[1]}/")
        browser.until(name, f"document.getElementById('title')?.textContent === {json.dumps(title)}")
        if options.shots:
            browser.screenshot(options.shots / f"units-{name}.png")

    def cells(row):
        return browser.evaluate(f"[...document.querySelectorAll('#units tr')[{row}].cells].map((cell) => cell.textContent)")

    try:
        shows("all", "3 of 5 need a look")
        expect("a row", cells(0), ["rsu-7", "met", "locked", "49.6116, 6.1319", "12", "3,450", "6", "1 s", "direct", "34 ms"])
        expect("one that sends nothing", (cells(2)[1:4], cells(3)), (["silent", "locked", "-"], ["sends nothing: no fix"]))
        expect("one that is away", (cells(4)[1:], cells(5)),
               (["no answer"] + ["-"] * 8, ["no answer since 2026-11-30T10:00:00Z: peer rsu-9 was not reached: no answer within 30 s"]))
        expect("texts of a unit", cells(6)[:3], [EVIL] * 3)
        expect("pictures made of texts", browser.evaluate("document.images.length"), 0)
        shows("phone", "3 of 5 need a look", 390, "dark")
        expect("width of the page", browser.evaluate("document.documentElement.scrollWidth"), 390)
        mode[0] = "none"
        shows("none", "No units")
        mode[0] = "well"
        shows("well", "All units are well")
        expect("complaints on the console", browser.complaints(), [])
        mode[0] = "gone"
        browser.until("it says that nobody answers", "document.getElementById('title').textContent === 'No news'")
        expect("what it knew stays", cells(0)[0], "rsu-7")
    finally:
        browser.close()
        listening.shutdown()
    print("the page of the units shows what it is told")


main()

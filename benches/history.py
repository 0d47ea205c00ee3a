#!/usr/bin/env python3
"""Keeps what benches measured, and shows how it changed.

    benches/history.py run NAME [-- ARGUMENTS]   runs `cargo bench -p benches --bench NAME` and appends its figures
    benches/history.py add FILE...               appends the last line of what a bench printed ("-": standard input)
    benches/history.py compare NAME [COUNT]      the newest entry against those before it on the same machine

Entries are JSON lines in benches/history/NAME.jsonl, each with commit, date and machine. Quick runs
(ROADCAST_BENCH_QUICK) and skipped ones are not stored. Nothing here fails because a figure is slow.
"""

import datetime
import glob
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HISTORY = ROOT / "benches" / "history"
USUAL_COUNT = 5
CACHE_KINDS = {"Data": "d", "Instruction": "i"}


def main(arguments):
    match arguments:
        case ["run", name, *rest]:
            return run(name, rest[1:] if rest[:1] == ["--"] else rest)
        case ["add", file, *more]:
            for path in [file, *more]:
                store(figures_in(printed_in(path), path))
            return 0
        case ["compare", name]:
            return compare(name, USUAL_COUNT)
        case ["compare", name, count] if count.isdigit() and int(count) > 0:
            return compare(name, int(count))
    print(__doc__, file=sys.stderr)
    return 2


def run(name, arguments):
    command = ["cargo", "bench", "--locked", "-p", "benches", "--bench", name, "--", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as bench:
        lines = []
        for line in bench.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if bench.returncode != 0:
        print(f"{name} failed: nothing stored", file=sys.stderr)
        return bench.returncode
    if store(figures_in("".join(lines), name)):
        compare(name, USUAL_COUNT)
    return 0


def printed_in(path):
    try:
        return sys.stdin.read() if path == "-" else pathlib.Path(path).read_text(encoding="utf-8")
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}")


def figures_in(text, source):
    """The last line of a bench's output: one JSON object with its figures."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        figures = json.loads(lines[-1])
        figures["bench"]
    except (IndexError, KeyError, TypeError, json.JSONDecodeError):
        sys.exit(f"{source}: the last line is no JSON object of a bench")
    return figures


def store(figures):
    """Appends an entry; false for a quick run, whose figures mean little, and for one that was skipped."""
    name = figures["bench"]
    for word in ("quick", "skipped"):
        if figures.get(word):
            print(f"{name}: {word}, not stored", file=sys.stderr)
            return False
    entry = {
        "commit": commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": machine(),
        "figures": figures,
    }
    HISTORY.mkdir(exist_ok=True)
    with open(HISTORY / f"{name}.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(entry, sort_keys=True) + "\n")
    return True


def compare(name, count):
    path = HISTORY / f"{name}.jsonl"
    if not path.exists():
        print(f"no history of {name}: benches/history.py run {name}", file=sys.stderr)
        return 2
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    newest = entries[-1]
    before = [entry for entry in entries[:-1] if entry["machine"] == newest["machine"]][-count:]
    print(f"{name} at {newest['commit']}, {newest['date']}, on {newest['machine']['processor']}")
    if not before:
        print("nothing before it on this machine")
        return 0
    print(f"against the median of {len(before)} entries before it, {before[0]['commit']} to {before[-1]['commit']}")
    old = [dict(numbers(entry["figures"])) for entry in before]
    rows = []
    for key, now in numbers(newest["figures"]):
        past = [figures[key] for figures in old if key in figures]
        if past:
            rows.append((key, statistics.median(past), now, min(past), max(past)))
        else:
            rows.append((key, None, now, None, None))
    width = max((len(row[0]) for row in rows), default=0)
    print(f"{'figure':{width}} {'before':>12} {'now':>12} {'change':>9}")
    for key, past, now, least, most in rows:
        if past is None:
            print(f"{key:{width}} {'':>12} {now:>12.6g} {'new':>9}")
            continue
        change = f"{(now - past) / abs(past):+.1%}" if past else ("0" if now == 0 else "from 0")
        outside = "" if least <= now <= most else "  outside what was seen before"
        print(f"{key:{width}} {past:>12.6g} {now:>12.6g} {change:>9}{outside}")
    return 0


def numbers(value, path=""):
    """Every number in a JSON value with a name of its own; list items go by their first text, else their place."""
    if isinstance(value, bool):
        return
    if isinstance(value, (int, float)):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from numbers(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from numbers(item, f"{path}[{label(item, place)}]")


def label(item, place):
    if isinstance(item, dict):
        texts = [str(item[key]) for key in ("reason", "kind", "attack", "class", "name") if key in item]
        if texts:
            return " ".join(texts)
        for key in ("stations", "neighbours", "rate_hz"):
            if key in item:
                return f"{key} {item[key]}"
    return place


def commit():
    head = git("rev-parse", "--short=10", "HEAD")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!benches/history")
    return head + ("-changed" if changed else "")


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def machine():
    """Processor, how many there are, and the sizes of the first one's caches."""
    processor, number = "unknown", 0
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            number += key.strip() == "processor"
            if key.strip() == "model name":
                processor = value.strip()
    except OSError:
        number = os.cpu_count() or 0
    caches = {}
    for index in sorted(glob.glob("/sys/devices/system/cpu/cpu0/cache/index*")):
        try:
            level, kind, size = (pathlib.Path(index, name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        caches[f"L{level}{CACHE_KINDS.get(kind, '')}"] = size
    return {"processor": processor, "processors": number, "caches": caches}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

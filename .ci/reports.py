#!/usr/bin/env python3
"""Checks what `roadcast` and the benchmarks report: sums, names and digests, by a second implementation.

    reports.py check FILE --kind KIND --exit-code N [--stations N] [--traffic CLASS...] [--flood FORWARDING...]
    reports.py rows FILE.csv[.gz] REPORT.json
    reports.py same-digest FILE...
    reports.py same FILE...
    reports.py self-contained FILE.html
    reports.py last-line FILE

Standard library only. Exit code 1 and one line when something does not hold.
"""

import argparse
import collections
import csv
import gzip
import json
import re
import statistics
import sys

SUMMARY = ["count", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"]
TOP = [
    "kind", "version", "digest", "stations", "simulated_s", "run", "verify", "classes",
    "frames", "drops", "age_of_information", "inter_packet_gap", "notes", "warnings", "verdict",
]
RUN = ["command", "inputs", "seeds", "forwarding"]
MACHINE = ["wall_s", "realtime_factor"]
PROCESSOR = ["used_s", "waited_s", "given", "throttled_s", "stolen"]
APART = ["restarts", "out_of_range", "caught_up"]
CLASS = [
    "class", "deadline_ms", "miss_target", "met", "sent", "expected", "delivered", "delivered_late", "missed",
    "miss_ratio", "undelivered", "send_to_delivered", "stages",
]
ROWS = [
    "seed", "forwarding", "time_s", "class", "type", "sequence", "sender", "receiver", "distance_m", "latency_ns",
    "fate", "reason", "check",
]
FLOOD = [
    "reach_300ms_3km", "reach_final", "transmissions", "transmissions_per_station", "delay_ms_per_km",
    "hops_per_km", "forwarding", "floods", "seeds", "reach_by_km", "worst", "d0_20ms_150m",
]
CONGESTION = ["congestion", "regulation", "imminent", "source", "busy", "beacons_held", "hold_mean_ms", "hold_max_ms", "tracking_errors"]
CHANNEL = ["busy", "source", "busy_mean", "busy_max", "seconds_by_source"]
AFAR = ["received", "delivered", "dropped", "aired", "drops", "age"]
FAULT = ["fault", "frames", "fixes", "stations", "lasted_s"]
PROCESSING = [
    "verify_us", "sign_us", "frame_us", "present_s", "busy_s", "busiest", "busiest_station", "waiting_max", "socket_full",
]
OCB = ["entries_max", "room", "rejoined", "warm_ups", "first_copies"]
DEADLINES_MS = {"D0": 20, "D1": 100, "D2": 100, "D3": 300, "D4": 300, "D5": None}


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    check = commands.add_parser("check")
    check.add_argument("file")
    check.add_argument("--kind", required=True)
    check.add_argument("--exit-code", type=int, required=True)
    check.add_argument("--stations", type=int, default=1, help="at least")
    check.add_argument("--traffic", nargs="*", default=[], help="classes that must have carried something")
    check.add_argument("--flood", nargs="*", default=[], help="ways of forwarding that must have carried a flood")
    check.set_defaults(run=check_report)
    rows = commands.add_parser("rows")
    rows.add_argument("file")
    rows.add_argument("report")
    rows.set_defaults(run=check_rows)
    same = commands.add_parser("same-digest")
    same.add_argument("files", nargs="+")
    same.set_defaults(run=same_digest)
    equal_files = commands.add_parser("same")
    equal_files.add_argument("files", nargs="+")
    equal_files.set_defaults(run=same_bytes)
    html = commands.add_parser("self-contained")
    html.add_argument("file")
    html.set_defaults(run=self_contained)
    last = commands.add_parser("last-line")
    last.add_argument("file")
    last.set_defaults(run=last_line)
    arguments = parser.parse_args()
    try:
        print(arguments.run(arguments))
    except (Wrong, OSError, ValueError) as error:
        sys.exit(f"reports.py: {error}")


def check_report(arguments):
    with open(arguments.file, encoding="utf-8") as file:
        report = json.load(file)
    named(report, TOP, "report")
    equal(report["kind"], arguments.kind, "kind")
    expect(report["verify"] in ("once", "every"), f"verify is {report['verify']}")
    expect(report["stations"] >= arguments.stations, f"only {report['stations']} stations")
    expect(report["simulated_s"] > 0, "a run of no length")
    check_run(report)

    equal([entry["class"] for entry in report["classes"]], list(DEADLINES_MS), "classes")
    for entry in report["classes"]:
        check_class(entry)
        if entry["class"] in arguments.traffic:
            expect(entry["delivered"] > 0, f"{entry['class']} delivered nothing")

    frames, drops = report["frames"], report["drops"]
    equal(frames["received"], frames["delivered"] + frames["dropped"], "frames received = delivered + dropped")
    equal(frames["dropped"], sum(drops.values()), "frames dropped = sum of drops")

    if "repeats" in report:
        check_repeats(report, {entry["class"]: entry for entry in report["classes"]})

    check_reception(report)
    check_channel(report)
    check_congestion(report)
    check_afar(report)
    check_troubles(report)
    floods = [report["flood"]] if "flood" in report else []
    floods += report.get("flood_baselines", [])
    for flood in floods:
        check_flood(flood)
    if arguments.flood:
        equal([flood["forwarding"] for flood in floods], arguments.flood, "floods")

    judged = [entry for entry in report["classes"] if entry["expected"] and entry["miss_target"] is not None]
    met = all(entry["met"] for entry in judged)
    equal(report["verdict"], "nothing_to_judge" if not judged else "met" if met else "missed", "verdict")
    if arguments.kind != "run":
        equal(arguments.exit_code, 0 if judged and met else 1, "exit code")
    return f"{arguments.kind}: {report['stations']} stations, verdict {report['verdict']}, sums hold"


def check_afar(report):
    """What became of frames from afar, which stand apart."""
    afar = report.get("afar")
    if afar is None:
        return
    named(afar, AFAR, "afar")
    equal(afar["received"], afar["delivered"] + afar["dropped"], "afar received = delivered + dropped")
    equal(afar["dropped"], sum(afar["drops"].values()), "afar dropped = sum of drops")
    equal(afar["age"]["count"], afar["delivered"], "ages from afar")


def check_troubles(report):
    """What slow processors and faults took."""
    if "processor" in report:
        processor = report["processor"]
        named(processor, PROCESSING, "processor")
        expect(0 <= processor["busy_s"] <= processor["present_s"] * (1 + 1e-9), "busy for longer than there")
        expect(processor["waiting_max"] <= 256, "more frames wait than a socket holds")
        lost = sum(entry["undelivered"].get("socket_full", 0) for entry in report["classes"])
        expect(lost <= processor["socket_full"], "more is lost at sockets than did not fit")
    for fault in report.get("faults", []):
        named(fault, FAULT, "fault")
        expect(fault["lasted_s"] >= 0, f"a fault of negative length: {fault}")


def check_congestion(report):
    """What keeps rates to what the channel bears, where something does."""
    congestion = report.get("congestion")
    if congestion is None:
        return
    named(congestion, CONGESTION, "congestion")
    expect(0 <= congestion["busy"] <= 1, f"busy ratio of congestion control: {congestion}")
    law = congestion["regulation"] == "en302571"
    expect(not law or congestion["imminent"] == "regulated", f"copies that the law forbids: {congestion}")


def check_channel(report):
    """Shares of a live station's channel, and where they come from."""
    channel = report.get("channel")
    if channel is None:
        expect(report["kind"] != "run" or report["simulated_s"] < 2, "a live run without a channel")
        return
    named(channel, CHANNEL, "channel")
    expect(0 <= channel["busy_mean"] <= channel["busy_max"] <= 1, f"shares of the channel: {channel}")
    expect(channel["source"] in channel["seconds_by_source"], f"source of the channel: {channel}")
    if "ocb" in report:
        named(report["ocb"], OCB, "ocb")


def check_rows(arguments):
    with open(arguments.report, encoding="utf-8") as file:
        report = json.load(file)
    opened = gzip.open if arguments.file.endswith(".gz") else open
    counts = collections.Counter()
    reasons = collections.Counter()
    seeds = set()
    total = 0
    with opened(arguments.file, "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        equal(reader.fieldnames, ROWS, "columns")
        for row in reader:
            total += 1
            seeds.add(int(row["seed"]))
            counts[row["class"], row["fate"]] += 1
            expect(row["sender"] and row["receiver"] and row["type"], f"row {total} lacks a name: {row}")
            float(row["time_s"])
            if row["fate"] == "missed" and row["reason"] != "late":
                equal(row["latency_ns"], "", f"latency of row {total}")
                reasons[row["class"], row["reason"]] += 1
            else:
                expect(int(row["latency_ns"]) >= 0, f"row {total}: a delivery before its message")
    equal(seeds, set(report["run"]["seeds"]), "seeds")
    for entry in report["classes"]:
        name = entry["class"]
        lost = sum(entry["undelivered"].values())
        late = 0 if entry["deadline_ms"] is None else entry["delivered_late"]
        equal(counts[name, "delivered"], entry["delivered"] - late, f"{name} rows in time")
        equal(counts[name, "missed"], lost + late, f"{name} rows missed")
        for reason, count in entry["undelivered"].items():
            equal(reasons[name, reason], count, f"{name} rows missed by {reason}")
    return f"{total} rows, as the report counts them"


def check_repeats(report, classes):
    repeats = report["repeats"]
    complete = len(repeats["runs"]) == len(report["run"]["seeds"])
    for spread in repeats["classes"]:
        name = spread["class"]
        runs = [one for run in repeats["runs"] for one in run["classes"] if one["class"] == name]
        expected = sum(one["expected"] for one in runs)
        equal(expected if complete else classes[name]["expected"], classes[name]["expected"], f"{name} expected by all seeds")
        for figure in ("miss_ratio", "p50_ns", "p99_ns"):
            values = [one[figure] for one in runs if figure in one]
            if not values:
                continue
            found = spread[figure]
            equal(found["count"], len(values), f"{name} {figure} count")
            near(found["mean"], statistics.fmean(values), f"{name} {figure} mean")
            if len(values) > 1:
                near(found["sd"], statistics.stdev(values), f"{name} {figure} deviation")
                low, high = found["ci95"]
                near((low + high) / 2, found["mean"], f"{name} {figure} middle of the interval")
                # The table of Student's t has no more than this at 0.975.
                least = 1.96 * found["sd"] / len(values) ** 0.5
                expect((high - low) / 2 >= least * (1 - 1e-9), f"{name} {figure}: interval too narrow")


def near(found, wanted, what):
    expect(abs(found - wanted) <= 1e-9 * max(1, abs(wanted)), f"{what}: {found} should be {wanted}")


def check_run(report):
    run, machine = report["run"], report.get("machine")
    named(run, RUN, "run")
    expect(run["command"].startswith("roadcast "), f"command is {run['command']!r}")
    for word in ("--json", "--html", "--hdr", "--rows", "--parquet", "--threads"):
        expect(word not in run["command"], f"the command says where results go: {run['command']}")
    for entry in run["inputs"]:
        named(entry, ["role", "name"], "input")
        expect("/" not in entry["name"], f"input {entry['name']} has a folder")
        expect(re.fullmatch("[0-9a-f]{64}", entry.get("sha256", "0" * 64)), f"digest of {entry['name']}")
    # Virtual time depends on no machine: equal runs have equal files.
    equal(machine is None, report["kind"] == "replay", "without a machine")
    if machine:
        named(machine, MACHINE, "machine")
        expect(machine["wall_s"] > 0, "a run of no length")
        if "processor" in machine:
            named(machine["processor"], PROCESSOR, "processor")
            expect(0 <= machine["processor"]["given"] <= 1, "a share of processor time beyond 0..=1")
    over_time = report.get("over_time")
    if over_time:
        steps = {len(over_time[name]) for name in ("sent", "expected", "missed")}
        expect(len(steps) == 1 and max(steps) <= 600, f"steps over time: {steps}")
        channel = [len(over_time.get(name, [])) for name in ("channel_busy_ns", "listened_ns")]
        expect(len(set(channel)) == 1 and max(channel) <= max(steps), f"steps of the channel: {channel}")
        equal(max(channel) > 0, report["kind"] == "replay", "the channel over time")
        expect(all(m <= e for m, e in zip(over_time["missed"], over_time["expected"])), "more missed than expected")


def check_class(entry):
    named(entry, CLASS, "class")
    name = entry["class"]
    lost = sum(entry["undelivered"].values())
    equal(entry["deadline_ms"], DEADLINES_MS[name], f"{name} deadline_ms")
    equal(entry["expected"], entry["delivered"] + lost, f"{name} expected = delivered + undelivered")
    equal(entry["missed"], lost + entry["delivered_late"], f"{name} missed = undelivered + late")
    ratio = entry["missed"] / entry["expected"] if entry["expected"] else 0
    expect(abs(entry["miss_ratio"] - ratio) < 1e-9, f"{name} miss_ratio is {entry['miss_ratio']}, not {ratio}")
    unknown = set(entry.get("apart", {})) - set(APART)
    expect(not unknown, f"{name}: stand apart by no known name: {unknown}")
    target = entry["miss_target"]
    equal(entry["met"], target is None or entry["miss_ratio"] <= target, f"{name} met")
    equal(entry["send_to_delivered"]["count"], entry["delivered"], f"{name} latencies = delivered")
    for stage, summary in [("send_to_delivered", entry["send_to_delivered"]), *entry["stages"].items()]:
        named(summary, SUMMARY, f"{name} {stage}")
        rising = [summary[key] for key in SUMMARY[1:]]
        expect(rising == sorted(rising), f"{name} {stage}: quantiles do not rise: {rising}")


def check_reception(report):
    bins, awareness = report.get("delivery_by_distance", []), report["classes"][2]
    for entry in bins:
        named(entry, ["from_m", "to_m", "expected", "delivered"], "delivery by distance")
    # Only hosts that know where every station is have distances.
    equal(bool(bins), report["kind"] != "run" and awareness["expected"] > 0, "deliveries by distance")
    for name in ("expected", "delivered") if bins else ():
        equal(sum(entry[name] for entry in bins), awareness[name], f"D2 {name} by distance")
    for entry in report.get("losses_by_distance", []):
        named(entry, ["at_m", "frames", "received", "lost"], "losses by distance")
        equal(entry["received"] + sum(entry["lost"].values()), entry["frames"], f"frames at {entry['at_m']} m")
    for key, names in (("worst_pairs", ["sender", "receiver", "mean_ns"]), ("worst_stations", ["station"])):
        rows = report.get(key, [])
        expect(len(rows) <= 10, f"{key} has {len(rows)} rows")
        for row in rows:
            named(row, [*names, "expected", "missed"], key)
            expect(0 < row["missed"] <= row["expected"], f"{key}: {row}")
        missed = [row["missed"] for row in rows]
        expect(missed == sorted(missed, reverse=True), f"{key}: the worst is not first: {missed}")


def check_flood(flood):
    named(flood, FLOOD, "flood")
    name = flood["forwarding"]
    shares = [flood["reach_300ms_3km"], flood["reach_final"], flood["worst"]["reach_300ms_3km"]]
    pairs = reached = 0
    for band in flood["reach_by_km"]:
        named(band, ["km", "pairs", "reach_300ms", "reach_final", "median_ms", "reach_over_time"], f"{name} band")
        shares += [band["reach_300ms"], band["reach_final"]]
        pairs += band["pairs"]
        reached += band["pairs"] * band["reach_final"]
        over_time = [share for _, share in band["reach_over_time"]]
        expect(over_time == sorted(over_time), f"{name}: reach falls over time: {over_time}")
        expect(band["reach_300ms"] <= band["reach_final"], f"{name}: more reached in time than at all")
    expect(all(0 <= share <= 1 for share in shares), f"{name}: a share is out of 0..=1: {shares}")
    if flood["floods"]:
        expect(abs(reached / max(pairs, 1) - flood["reach_final"]) < 1e-6, f"{name}: bands do not add up")
        expect(flood["transmissions"] >= 1, f"{name}: a flood without a frame")
        expect(flood["worst"]["reach_final"] <= flood["reach_final"] + 1e-9, f"{name}: worst is better than all")


def same_digest(arguments):
    digests = {}
    for name in arguments.files:
        with open(name, encoding="utf-8") as file:
            digest = json.load(file)["digest"]
        expect(isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest), f"{name}: digest is {digest}")
        digests[name] = digest
    expect(len(set(digests.values())) == 1, f"digests differ: {digests}")
    return f"{len(arguments.files)} runs, one digest: {digest}"


def same_bytes(arguments):
    contents = set()
    for name in arguments.files:
        with open(name, "rb") as file:
            contents.add(file.read())
    equal(len(contents), 1, f"different contents of {' '.join(arguments.files)}")
    return f"{len(arguments.files)} files, {len(contents.pop())} bytes, all the same"


def self_contained(arguments):
    with open(arguments.file, encoding="utf-8") as file:
        page = file.read()
    expect("<svg" in page or "<canvas" in page, "no plot in it")
    fetched = re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|@import|url\(\s*["']?(?:https?:)?//""", page)
    expect(not fetched, f"fetches something: {fetched and fetched.group()}")
    return f"{arguments.file.rsplit('/', 1)[-1]}: {len(page)} characters, nothing fetched"


def last_line(arguments):
    with open(arguments.file, encoding="utf-8") as file:
        lines = file.read().split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    expect(lines, "printed nothing")
    figures = json.loads(lines[-1])
    expect(isinstance(figures, dict) and figures, f"the last line is no JSON object: {lines[-1]}")
    return lines[-1]


class Wrong(Exception):
    """Something that does not hold."""


def expect(holds, otherwise):
    if not holds:
        raise Wrong(otherwise)


def equal(found, wanted, what):
    expect(found == wanted, f"{what}: found {found}, should be {wanted}")


def named(table, names, what):
    missing = [name for name in names if name not in table]
    expect(not missing, f"{what}: fields missing: {', '.join(missing)}")


if __name__ == "__main__":
    main()

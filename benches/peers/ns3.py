"""Runs both in turns and prints the table: called by ns3.sh."""

import json
import random
import resource
import statistics
import subprocess
import sys
from pathlib import Path

work, roadcast, turns, seconds, version = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
HZ = 10
BYTES = 300


def road(name, stations, length_m, seed=1):
    """Stations at random places, for both: the same."""
    draw = random.Random(seed)
    places = [round(draw.uniform(0, length_m), 1) for _ in range(stations)]
    (work / f"{name}.places").write_text("".join(f"{x}\n" for x in places))
    lines = ["timestep_time;vehicle_id;vehicle_x;vehicle_y;vehicle_angle;vehicle_speed"]
    lines += [f"{t}.0;{i};{x};0.0;90.0;0.0" for t in range(seconds + 2) for i, x in enumerate(places)]
    (work / f"{name}.csv").write_text("\n".join(lines) + "\n")


def cpu_of(command, **more):
    """CPU seconds of a command, with its output and the most memory that it had, kB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more)
    out = child.communicate(timeout=1800)[0]
    if child.returncode:
        sys.exit(f"{command[0]} ended with {child.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, out


def peer(name, bytes_, model):
    out = cpu_of([str(work / "ns3_road"), str(work / f"{name}.places"), str(seconds), str(bytes_), str(HZ), model])[1]
    return json.loads(out)


def ours(name, *options):
    report = work / "report.json"
    trace = str(work / f"{name}.csv")
    command = [roadcast, "replay", "run", trace, "--rate", str(HZ), "--seconds", str(seconds), "--threads", "1", "--json", str(report)]
    timed = ["/usr/bin/env", "python3", "-c", MEASURE, *command, "--quiet", *options]
    cpu_s, out = cpu_of(timed)
    whole = json.loads(report.read_text())
    kb = json.loads(out)
    steps = whole.get("losses_by_distance", [])
    return {
        "received": whole["frames"]["received"],
        "cpu_s": cpu_s - kb["cpu_s"],
        "kb": kb["kb"],
        "delivery": [step["received"] / step["frames"] if step["frames"] else 0 for step in steps][:21],
    }


# Runs a command; says how much memory it had at most, and what measuring took.
MEASURE = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
if done.returncode not in (0, 1): sys.exit(done.returncode)
own = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"kb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, "cpu_s": own.ru_utime + own.ru_stime}))
"""

CASES = [
    ("ideal air, 300 m, 100 on 2 km", 100, 2000, "range:300", ("--range", "300")),
    ("ideal air, 300 m, 200 on 2 km", 200, 2000, "range:300", ("--range", "300")),
    ("ideal air, 300 m, 400 on 2 km", 400, 2000, "range:300", ("--range", "300")),
    ("5 km at 60/km, installed models", 300, 5000, "installed", ("--radio", "published")),
    ("5 km at 60/km, the table's channel", 300, 5000, "table", ("--radio", "published")),
]

print(f"ns-3 {version} and {subprocess.check_output([roadcast, '--version'], text=True).strip()}, {turns} turns of {seconds} s, {HZ} Hz, one thread")
print("receptions a CPU second, medians; ours signs, verifies each frame once, and runs the whole station\n")
print(f"{'':36} {'ns-3':>9} {'ours':>9} {'ratio':>6}   {'kB/station: ns-3':>16} {'ours':>6}")
shown = {}
for name, stations, length_m, model, options in CASES:
    road("road", stations, length_m)
    theirs, own = [], []
    for _ in range(turns):
        theirs.append(peer("road", BYTES, model))
        own.append(ours("road", *options))
    rate = [statistics.median(run["received"] / run["cpu_s"] for run in runs) for runs in (theirs, own)]
    memory = [statistics.median(run["kb_a_station"] for run in theirs), statistics.median(run["kb"] for run in own) / stations]
    ratio = statistics.median((b["received"] / b["cpu_s"]) / (a["received"] / a["cpu_s"]) for a, b in zip(theirs, own))
    print(f"{name:36} {rate[0]:9.0f} {rate[1]:9.0f} {ratio:6.2f}   {memory[0]:16.1f} {memory[1]:6.1f}", flush=True)


# The table's own configuration: 190 B and headers of 30, of which ns-3 adds 36 to what it is given.
runs = []
for seed in range(1, 1 + 2 * turns):
    road("table", 300, 5000, seed)
    runs.append([peer("table", 184, model)["delivery"] for model in ("table", "installed")])
thresholds, installed = [[statistics.mean(run[which][step] for run in runs) for step in range(21)] for which in (0, 1)]
text = subprocess.run([roadcast, "replay", "validate"], stdout=subprocess.PIPE, text=True, check=False).stdout
block = text.split("6 Mb/s, 10 Hz, 23 dBm, 190 B", 1)[1].splitlines()[2:23]
ours_at, published = [[float(line.split()[column]) for line in block] for column in (1, 2)]
print("\ndelivery by distance, 300 cars on 5 km, 10 Hz, 190 B, 23 dBm\n")
print(f"{'m':>5} {'published':>10} {'ours':>8} {'ns-3, its thresholds':>21} {'ns-3, installed':>16}")
for step in range(21):
    print(f"{25 * step:5} {published[step]:10.4f} {ours_at[step]:8.4f} {thresholds[step]:21.4f} {installed[step]:16.4f}")
for name, found in (("ours", ours_at), ("ns-3 with the table's thresholds", thresholds), ("ns-3 as installed", installed)):
    differences = [abs(a - b) for a, b in zip(found, published)]
    print(f"{name}: mean difference {statistics.mean(differences):.4f}, largest {max(differences):.4f} at {25 * differences.index(max(differences))} m")

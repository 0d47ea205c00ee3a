#!/usr/bin/env python3
"""A real Prometheus scrapes a running station: metrics.py ROADCAST CONFIG DIRECTORY.

Everything listens on loopback, at ports that were free, and ends with this program.
"""

import http.client
import json
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
RULES = ROOT / "examples/prometheus/roadcast.rules.yml"
DASHBOARD = ROOT / "examples/grafana/roadcast.json"
SCRAPES = 100
PATIENCE_S = 20


def main():
    roadcast, config, directory = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    directory.mkdir(parents=True, exist_ok=True)
    check("rules", ["promtool", "check", "rules", str(RULES)])
    started = []
    try:
        station = subprocess.Popen(
            [roadcast, "run", "--config", config, "--web", "127.0.0.1:0", "--seconds", "60"],
            stdout=subprocess.PIPE, text=True)
        started.append(station)
        port = port_of(station)
        eventually("the station answers", lambda: get(port, "/metrics")[0] == 200)
        figures = get(port, "/metrics")[1]
        check("metrics", ["promtool", "check", "metrics"], figures)
        scrapes(port)
        prometheus_port = free_port()
        started.append(prometheus(directory, prometheus_port, port))
        ask = lambda query: values(prometheus_port, query)
        eventually("the target is up", lambda: ask('up{job="roadcast"}') == [1.0])
        for query, wanted in [
            ("roadcast_position_known", 1.0),
            ("roadcast_link_up", 1.0),
            ('roadcast_clock_state{state="locked"}', 1.0),
            ('roadcast_clock_state{state="untrusted"}', 0.0),
        ]:
            found = ask(query)
            if found != [wanted]:
                sys.exit(f"{query} is {found} instead of {wanted}")
            print(f"Prometheus: {query} = {found[0]:g}")
        eventually("messages were sent", lambda: sum(ask("roadcast_messages_sent_total")) > 0)
        dashboard(prometheus_port)
        rules = eventually("the rules were evaluated", lambda: rules_of(prometheus_port))
        bad = [rule["name"] for rule in rules if rule["health"] != "ok"]
        if bad:
            sys.exit(f"rules that Prometheus does not evaluate: {bad}")
        print(f"Prometheus: {len(rules)} rules evaluated, none of them fails")
        station.send_signal(signal.SIGTERM)
        if station.wait(10) != 0:
            sys.exit(f"the station ended with code {station.returncode}")
        eventually("the target is down", lambda: ask('up{job="roadcast"}') == [0.0])
    finally:
        for process in started:
            process.kill()
            process.wait()


def prometheus(directory, port, target):
    config = directory / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        f"rule_files: [{json.dumps(str(RULES))}]\n"
        f"scrape_configs: [{{job_name: roadcast, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]\n")
    check("configuration", ["promtool", "check", "config", str(config)])
    log = open(directory / "prometheus.log", "w")
    return subprocess.Popen(
        ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}",
         f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)


def port_of(station):
    for line in station.stdout:
        found = re.match(r"web: http://127\.0\.0\.1:(\d+)/", line)
        if found:
            return int(found.group(1))
    sys.exit("the station ended without serving HTTP")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def get(port, path):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return 0, ""


def values(port, query):
    status, text = get(port, "/api/v1/query?" + urllib.parse.urlencode({"query": query}))
    if status != 200:
        return [] if status in (0, 503) else sys.exit(f"{query}: {text}")
    return [float(series["value"][1]) for series in json.loads(text)["data"]["result"]]


def rules_of(port):
    status, text = get(port, "/api/v1/rules")
    groups = json.loads(text)["data"]["groups"] if status == 200 else []
    rules = [rule for group in groups for rule in group["rules"]]
    return rules if rules and all(rule["health"] != "unknown" for rule in rules) else None


def dashboard(port):
    """Every question of the dashboard is one that Prometheus understands."""
    asked, answered = 0, 0
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            query = target["expr"].replace("$__rate_interval", "5s").replace("$instance", ".*").replace("$class", ".*")
            answered += bool(values(port, query))
            asked += 1
    print(f"Prometheus: {asked} questions of the dashboard understood, {answered} of them with values by now")


def scrapes(port):
    """How long a scrape takes, and whether the station's longest turn grew with it: for people, and judged by nobody."""
    def longest():
        return float(re.search(r"^roadcast_longest_turn_seconds (\S+)$", get(port, "/metrics")[1], re.M).group(1))

    before, times = longest(), []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    for _ in range(SCRAPES):
        began = time.perf_counter()
        connection.request("GET", "/metrics")
        body = connection.getresponse().read()
        times.append((time.perf_counter() - began) * 1e3)
    times.sort()
    print(f"{SCRAPES} scrapes of {len(body)} bytes: median {statistics.median(times):.2f} ms, "
          f"p99 {times[SCRAPES * 99 // 100 - 1]:.2f} ms; longest turn of the station {before * 1e3:.2f} ms before, "
          f"{longest() * 1e3:.2f} ms after")


def check(what, command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)
    if done.returncode != 0 or done.stderr.strip():
        sys.exit(f"promtool, {what}: {done.stdout}{done.stderr}")
    print(f"promtool: {what}: in order")


def eventually(what, look):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    sys.exit(f"{what}: not within {PATIENCE_S} s")


main()

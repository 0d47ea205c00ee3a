// Everything beside the map. Nodes are made once and their texts changed, so that nothing jumps and a reader's focus stays.

const CLASSES = [["D0", "imminent danger"], ["D1", "alert"], ["D2", "awareness"], ["D3", "area hazard"], ["D4", "infrastructure"], ["D5", "background"]];
const NOT_SENDING = { no_fix: "it has no position", clock_untrusted: "its clock cannot be trusted", credential_not_valid: "its credential is not valid now",
  credential_revoked: "its credential was revoked", outside_region: "it is outside its credential's region" };
const PERMISSIONS = { awareness: "beacons", hazard: "hazards it found itself", "authority-hazard": "roadworks and wrong-way drivers",
  imminent: "imminent danger (D0)", emergency: "emergency vehicle", "signal-state": "signal states", "map-sign": "maps and signs",
  "priority-request": "asking for priority", "public-transport": "public transport", perception: "objects it sees", vru: "pedestrian or cyclist",
  "service-advert": "adverts of services", "gnss-correction": "GNSS corrections", negation: "denying others' hazards", "wide-area": "wide floods",
  "keep-alive": "keeping hazards alive", "misbehaviour-report": "reports of misbehaviour", management: "management", "update-relay": "relaying updates",
  test: "tests, nothing on the road", issue: "issuing credentials" };
const MOST_ROWS = 100;

const $ = (id) => document.getElementById(id);
const words = (name) => String(name).replaceAll("_", " ");
function text(node, value) { if (node.textContent !== value) node.textContent = value; }
function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (key === "class") node.className = value; else node.setAttribute(key, value);
  node.append(...children);
  return node;
}
function svg(name, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function duration(us) {
  if (!Number.isFinite(us)) return "\u2013";
  if (us === 0) return "0 s";
  if (us < 0.95) return `${Math.round(us * 1_000)} ns`;
  if (us < 999.5) return `${us < 10 ? us.toFixed(1) : us.toFixed(0)} \u00b5s`;
  if (us < 999_500) return `${us < 9_950 ? (us / 1e3).toFixed(1) : (us / 1e3).toFixed(0)} ms`;
  if (us < 119e6) return `${us < 9.95e6 ? (us / 1e6).toFixed(1) : (us / 1e6).toFixed(0)} s`;
  return us < 7_200e6 ? `${Math.round(us / 60e6)} min` : `${(us / 3_600e6).toFixed(1)} h`;
}
const metres = (m) => !Number.isFinite(m) ? "\u2013" : m < 1_000 ? `${m.toFixed(0)} m` : `${(m / 1_000).toFixed(1)} km`;
const percent = (share) => !Number.isFinite(share) ? "\u2013" : share === 0 ? "0 %" : share < 0.001 ? "< 0.1 %" : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
const number = (n) => !Number.isFinite(n) ? "\u2013" : n < 100_000 ? String(n) : n < 1e7 ? `${(n / 1e3).toFixed(0)} k` : `${(n / 1e6).toFixed(0)} M`;

/// A list of named values whose nodes stay.
class Facts {
  constructor(root, names) {
    this.values = new Map(names.map(([key, name]) => {
      const value = element("dd", {}, "\u2013");
      root.append(element("div", {}, element("dt", {}, name), value));
      return [key, value];
    }));
  }
  set(key, value, mood = "") {
    const node = this.values.get(key);
    text(node, value);
    if (node.dataset.mood !== mood) node.dataset.mood = mood;
  }
  show(key, shown) { this.values.get(key).parentNode.hidden = !shown; }
}

/// The latency of a class against its deadline: a logarithmic half circle whose last part is beyond the deadline.
class Dial {
  constructor(root, [name, purpose]) {
    this.name = name;
    this.root = element("article", { class: `dial ${name.toLowerCase()} idle` }, element("h3", {}, element("b", {}, name), ` ${purpose}`));
    const picture = svg("svg", { viewBox: "0 0 160 92", role: "img" });
    this.title = svg("title");
    picture.append(this.title, svg("path", { class: "track", d: arc(0, 1) }));
    this.over = svg("path", { class: "over", d: arc(OVER_FROM, 1) });
    this.fill = svg("path", { class: "fill", d: "" });
    picture.append(this.over, this.fill);
    this.ticks = ["p50", "p999"].map(() => { const tick = svg("line", { class: "tick" }); picture.append(tick); return tick; });
    this.value = svg("text", { class: "value", x: 80, y: 70 });
    this.what = svg("text", { x: 80, y: 85 });
    this.limit = svg("text", { x: 136, y: 20 });
    picture.append(this.value, this.what, this.limit);
    const facts = element("dl");
    this.root.append(picture, facts);
    this.facts = new Facts(facts, [["p50", "p50"], ["p99", "p99"], ["p999", "p99.9"], ["missed", "missed"]]);
    root.append(this.root);
    this.set(undefined);
  }

  set(told) {
    const latency = told?.send_to_delivered;
    const any = (latency?.count ?? 0) > 0 || (told?.sent ?? 0) > 0 || (told?.expected ?? 0) > 0;
    const deadlineUs = Number.isFinite(told?.deadline_ms) ? told.deadline_ms * 1_000 : null;
    const us = (ns) => (latency?.count > 0 ? ns / 1_000 : NaN);
    const at = (ns) => share(us(ns), deadlineUs ?? 1e6);
    this.root.classList.toggle("idle", !any);
    const bad = any && told.met === false && deadlineUs !== null;
    this.root.classList.toggle("bad", bad);
    text(this.limit, deadlineUs === null ? "" : duration(deadlineUs));
    this.over.style.visibility = deadlineUs === null ? "hidden" : "";
    const p99 = at(latency?.p99_ns);
    this.fill.setAttribute("d", p99 > 0 ? arc(0, p99) : "");
    [latency?.p50_ns, latency?.p999_ns].forEach((ns, index) => {
      const [x1, y1] = on(at(ns), 50), [x2, y2] = on(at(ns), 68);
      for (const [key, value] of Object.entries({ x1, y1, x2, y2 })) this.ticks[index].setAttribute(key, value.toFixed(1));
      this.ticks[index].style.visibility = at(ns) > 0 ? "" : "hidden";
    });
    text(this.value, any ? duration(us(latency?.p99_ns)) : "no traffic");
    text(this.what, any ? "p99" : "");
    for (const key of ["p50", "p99", "p999"]) {
      const value = us(latency?.[`${key}_ns`]);
      this.facts.set(key, duration(value), deadlineUs !== null && value > deadlineUs ? "bad" : "");
    }
    this.facts.set("missed", any && deadlineUs !== null ? percent(told.miss_ratio) : "\u2013", bad ? "bad" : "");
    text(this.title, any ? `${this.name}: p99 ${duration(us(latency?.p99_ns))}, deadline ${deadlineUs === null ? "none" : duration(deadlineUs)}` : `${this.name}: no traffic`);
  }
}

/// From a thousandth of the deadline to ten times it; the deadline is at three quarters.
const OVER_FROM = 0.75;
const share = (us, deadline) => !Number.isFinite(us) || us <= 0 ? 0 : Math.min(1, Math.max(0.01, (Math.log10(us / deadline) + 3) / 4));
const on = (part, radius) => { const angle = Math.PI * (1 - part); return [80 + radius * Math.cos(angle), 78 - radius * Math.sin(angle)]; };
function arc(from, to) {
  const [x1, y1] = on(from, 59), [x2, y2] = on(to, 59);
  return `M${x1.toFixed(2)} ${y1.toFixed(2)}A59 59 0 0 1 ${x2.toFixed(2)} ${y2.toFixed(2)}`;
}

class Panels {
  constructor(model, feed, select) {
    this.model = model;
    this.feed = feed;
    this.select = select;
    this.facts = new Facts($("facts"), [["sending", "sending"], ["clock", "clock"], ["position", "position"], ["stations", "stations"],
      ["hazards", "hazards"], ["load", "received / s"], ["uptime", "up for"]]);
    this.dials = CLASSES.map((of) => new Dial($("dials"), of));
    this.station = new Facts($("station-facts"), [["type", "type"], ["class", "credential's class"], ["speed", "speed"], ["heading", "heading"],
      ["distance", "distance"], ["last", "last message"], ["age", "age"], ["delivery", "delivery ratio"], ["signal", "signal strength"], ["latency", "latency"],
      ["received", "beacons heard"], ["link", "link address"], ["hears", "hears us"], ["direct", "heard"]]);
    this.lastMessage = null;
    $("filter").addEventListener("input", () => this.list());
    this.bars = new Map();
    this.summaryText = "";
  }

  update(selected) {
    this.selected = selected;
    this.header();
    this.drops();
    this.afar();
    this.hazards();
    this.list();
    this.showStation();
    this.plotBusy();
    const classes = this.report()?.classes ?? [];
    for (const dial of this.dials) dial.set(classes.find((told) => told.class === dial.name));
  }

  report() { return this.model.stats?.report ?? this.feed.meta?.report ?? null; }

  header() {
    const { status, stats } = this.model;
    const report = this.report();
    const judged = (report?.classes ?? []).filter((told) => told.deadline_ms != null && told.expected > 0);
    const failed = judged.filter((told) => told.met === false).map((told) => told.class);
    const verdict = report?.verdict ?? (judged.length === 0 ? "nothing_to_judge" : failed.length > 0 ? "missed" : "met");
    const mood = { met: "good", missed: "bad" }[verdict] ?? "none";
    if ($("head").className !== mood) $("head").className = mood;
    text($("headline"), { good: "Deadlines met", bad: "Deadlines missed", none: this.feed.meta?.live ? "Verdict at the end" : "Nothing to judge yet" }[mood]);
    const parts = [];
    if (mood === "bad") parts.push(`${failed.join(", ")} missed more than the target allows`);
    else if (mood === "good") parts.push(judged.length === 1 ? "the one class with traffic kept its target" : `all ${judged.length} classes with traffic kept their targets`);
    if (status) parts.push(status.sending ? "sending" : `not sending: ${NOT_SENDING[status.not_sending_because] ?? words(status.not_sending_because ?? "not ready")}`);
    if (status && status.link_up === false) parts.push("its link is down");
    if (this.model.lost > 0) parts.push(`${number(this.model.lost)} changes were left out because this page was slow`);
    const sentence = parts.join("; ") + ".";
    // A title is a file's name, as it is written.
    const summary = parts.length > 0 ? sentence.charAt(0).toUpperCase() + sentence.slice(1) : this.feed.meta ? (this.feed.meta.title ?? "") : "Waiting for the station.";
    // It is read aloud when it changes.
    if (summary !== this.summaryText) { this.summaryText = summary; text($("summary"), summary); }
    const facts = this.facts;
    facts.set("sending", status ? (status.sending ? "yes" : "no") : "\u2013", status && !status.sending ? "bad" : "");
    const clock = status?.clock ?? stats?.clock?.state;
    const bound = stats?.clock?.bound_us;
    facts.set("clock", clock ? words(clock) + (Number.isFinite(bound) ? ` \u00b1${duration(bound)}` : "") : "\u2013", clock === "untrusted" ? "bad" : clock === "holdover" ? "late" : "");
    const place = status?.position;
    facts.set("position", status ? (place ? (Number.isFinite(place.accuracy_m) ? `\u00b1${place.accuracy_m.toFixed(1)} m` : "known") : "none") : "\u2013", status && !place ? "bad" : "");
    facts.set("stations", String(this.model.stations.size));
    facts.set("hazards", String(this.model.hazards.size));
    facts.set("load", stats?.per_second ? number(Math.round(stats.per_second.received ?? 0)) : "\u2013");
    facts.set("uptime", status ? duration(status.uptime_s * 1e6) : "\u2013");
    const kind = this.feed.meta ? `Roadcast ${this.feed.meta.kind_of ?? "replay"}` : status ? `Roadcast ${status.role} ${status.digest?.slice(0, 8) ?? ""}` : "Roadcast";
    text($("kind"), kind);
    for (const key of ["sending", "clock", "position", "load", "uptime"]) facts.show(key, !this.feed.meta || status !== null);
  }

  drops() {
    const drops = this.model.stats?.drops ?? this.model.status?.drops ?? this.report()?.drops ?? {};
    const all = bars($("drops"), drops);
    const received = this.model.status?.frames_received ?? this.report()?.frames?.received;
    text($("drops-all"), all === 0 ? "" : `${number(all)}${received ? ` of ${number(received)} received` : ""}`);
    $("drops-none").hidden = all > 0;
  }

  /// No other figure has these frames.
  afar() {
    const told = this.model.stats?.afar ?? this.model.status?.afar ?? this.report()?.afar;
    const received = told?.received ?? 0;
    $("afar").hidden = received === 0;
    if (received === 0) return;
    const age = told.age?.count > 0 ? `, p99 ${duration(told.age.p99_ns / 1000)} old` : "";
    text($("afar-all"), `${number(told.delivered)} of ${number(received)} delivered${age}`);
    text($("afar-aired"), `${number(told.aired)} sent on the air. ${told.dropped > 0 ? `${number(told.dropped)} dropped:` : "None dropped."}`);
    bars($("afar-drops"), told.drops ?? {});
  }

  hazards() {
    const hazards = [...this.model.hazards.values()].sort((a, b) => String(a.told.class).localeCompare(b.told.class) || (a.told.distance_m ?? 0) - (b.told.distance_m ?? 0));
    text($("hazards-all"), hazards.length > 0 ? String(hazards.length) : "");
    $("hazards-none").hidden = hazards.length > 0;
    rows($("hazards"), hazards.slice(0, 40), () => {
      const button = element("button", { type: "button" }, element("span", { class: "mark" }, "\u26A0"), element("span"), element("small"));
      button.addEventListener("click", () => { const spot = this.model.hazards.get(button.dataset.key)?.spot; if (spot) this.onPlace?.(spot); });
      return element("li", {}, button);
    }, (row, { told }) => {
      const button = row.firstChild;
      button.dataset.key = told.event;
      button.children[0].style.color = `var(--${told.class?.toLowerCase() ?? "d3"})`;
      text(button.children[1], `${told.class} ${words(told.cause_name ?? `cause ${told.cause}`)}${told.state === "active" ? "" : `, ${told.state}`}${told.own ? ", ours" : ""}${told.suspect ? ", declarer suspect" : ""}`);
      text(button.children[2], metres(told.distance_m));
    });
  }

  /// Nearest first, as the map's n and p go.
  order() {
    const own = this.model.own;
    const away = (station) => station.told.distance_m ?? (own ? Math.hypot(station.x - own.x, station.y - own.y) : NaN);
    return [...this.model.stations.values()].map((station) => [away(station), station])
      .sort(([a, one], [b, two]) => (Number.isNaN(a) ? 1e12 : a) - (Number.isNaN(b) ? 1e12 : b) || (one.digest < two.digest ? -1 : 1));
  }

  list() {
    const wanted = $("filter").value.trim().toLowerCase();
    const all = this.order();
    const matches = wanted === "" ? all : all.filter(([, { digest, told }]) =>
      `${digest} ${words(told.station_type ?? "")} ${told.role ?? ""} ${told.standing ?? ""} ${told.name ?? ""}`.toLowerCase().includes(wanted));
    text($("list-all"), all.length > 0 ? String(all.length) : "");
    text($("list-more"), matches.length > MOST_ROWS ? `And ${matches.length - MOST_ROWS} farther away.` : wanted !== "" && matches.length === 0 ? "None matches." : "");
    rows($("stations"), matches.slice(0, MOST_ROWS), () => {
      const button = element("button", { type: "button" }, element("span", { class: "mark" }), element("span"), element("small"));
      button.addEventListener("click", () => this.select(button.dataset.key));
      return element("li", {}, button);
    }, (row, [away, { digest, told, kind }]) => {
      const button = row.firstChild;
      button.dataset.key = digest;
      button.setAttribute("aria-pressed", String(digest === this.selected));
      text(button.children[0], ["\u25B2", "\u25A0", "\u25C6", "\u25B2"][kind]);
      button.children[0].style.color = `var(--${told.standing === "isolated" ? "bad" : told.standing === "suspect" ? "late" : ["d2", "d4", "d2", "d0"][kind]})`;
      text(button.children[1], `${told.name ?? digest.slice(0, 8)} ${words(told.station_type ?? told.role ?? "")}${told.standing && told.standing !== "trusted" ? `, ${told.standing}` : ""}`);
      text(button.children[2], metres(away));
    });
  }

  showStation() {
    const station = this.selected ? this.model.stations.get(this.selected) : null;
    $("station-hint").hidden = this.selected !== null;
    $("station-body").hidden = this.selected === null;
    if (this.selected === null) return;
    text($("station-name"), station?.told.name ?? this.selected);
    if (!station) { chip($("station-standing"), "lost", "no longer heard"); return; }
    const told = station.told;
    chip($("station-standing"), told.standing ?? "", told.standing ? words(told.standing) : "standing not known");
    text($("station-why"), told.why?.length > 0 ? `Because: ${told.why.map(words).join(", ")}.` : "");
    const now = this.feed.now();
    const set = (key, value, mood) => this.station.set(key, value, mood);
    set("type", words(told.station_type ?? told.role ?? "\u2013"));
    set("class", credentialClass(told));
    set("speed", Number.isFinite(told.speed_m_s) ? `${(told.speed_m_s * 3.6).toFixed(0)} km/h` : "\u2013");
    set("heading", Number.isFinite(told.heading_deg) ? `${told.heading_deg.toFixed(0)}\u00b0` : "\u2013");
    set("distance", metres(told.distance_m ?? (this.model.own ? Math.hypot(station.x - this.model.own.x, station.y - this.model.own.y) : NaN)));
    const last = this.lastMessage;
    set("last", last ? `${last.type} ${last.message.split("/").slice(1).join("/")}${last.late ? ", late" : ""}${last.verified === false ? ", not verified" : ""}` : "awareness");
    set("age", duration(Math.max(0, now - station.bornAt) * 1e3), isStale(station, now) ? "late" : "");
    set("delivery", percent(told.delivery_ratio));
    set("signal", Number.isFinite(told.signal_dbm) ? `${told.signal_dbm.toFixed(0).replace("-", "\u2212")} dBm` : "\u2013");
    set("latency", duration(last?.latency_us ?? told.latency_us));
    set("received", number(told.received));
    set("link", told.link_address ?? "\u2013");
    set("hears", told.hears_us === undefined ? "\u2013" : told.hears_us ? "yes" : "no evidence");
    set("direct", told.direct === undefined ? "\u2013" : told.direct ? "straight" : "through forwarders");
    const permits = told.permissions ?? [];
    rows($("station-permits"), permits.length > 0 ? permits : ["not known"], () => element("li"), (row, name) => { text(row, PERMISSIONS[name] ?? words(name)); row.title = name; });
  }

  plotBusy() {
    const canvas = $("busy");
    const series = this.model.busy;
    const now = series.at(-1)?.[1];
    const source = this.model.stats?.channel_source ?? this.model.status?.channel_source;
    text($("busy-now"), Number.isFinite(now) ? `${percent(now)}${source ? `, by ${source}` : ""}` : "not known");
    const ratio = Math.min(2, devicePixelRatio || 1);
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (width === 0) return;
    if (canvas.width !== Math.round(width * ratio)) { canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); }
    const c = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    const most = Math.max(0.1, ...series.map(([, share]) => share));
    const top = [0.1, 0.25, 0.5, 1].find((limit) => most <= limit) ?? 1;
    const left = 40, bottom = height - 16, wide = width - left - 4;
    c.font = "11px system-ui, sans-serif";
    c.fillStyle = colour("soft");
    c.strokeStyle = colour("line");
    c.textBaseline = "middle";
    c.textAlign = "right";
    for (const part of [0, 0.5, 1]) {
      const y = bottom - part * (bottom - 8);
      c.beginPath();
      c.moveTo(left, y);
      c.lineTo(width - 4, y);
      c.stroke();
      c.fillText(`${Math.round(part * top * 100)} %`, left - 6, y);
    }
    if (series.length < 2) return;
    const first = series[0][0], span = Math.max(10_000, series.at(-1)[0] - first);
    c.strokeStyle = c.fillStyle = colour("d4");
    c.lineWidth = 1.8;
    c.beginPath();
    series.forEach(([at, share], index) => {
      const x = left + (at - first) / span * wide, y = bottom - Math.min(1, share / top) * (bottom - 8);
      if (index === 0) c.moveTo(x, y); else c.lineTo(x, y);
    });
    c.stroke();
    c.lineTo(left + (series.at(-1)[0] - first) / span * wide, bottom);
    c.lineTo(left, bottom);
    c.globalAlpha = 0.13;
    c.fill();
    c.globalAlpha = 1;
    c.fillStyle = colour("soft");
    c.textAlign = "left";
    c.fillText(this.feed.meta ? "start" : `${duration(span * 1e3)} ago`, left, height - 6);
    c.textAlign = "right";
    c.fillText(this.feed.meta ? duration(this.feed.now() * 1e3) : "now", width - 4, height - 6);
  }
}

/// The class of a credential in a word: the strongest of its permissions.
function credentialClass(told) {
  const has = (name) => told.permissions?.includes(name);
  if (!told.permissions || told.permissions.length === 0) return "\u2013";
  if (has("issue")) return "issuer";
  if (has("emergency")) return "emergency vehicle";
  if (has("authority-hazard")) return "road operator";
  if (has("signal-state")) return "signal controller";
  if (has("map-sign") || has("service-advert")) return "roadside unit";
  if (has("public-transport")) return "public transport";
  if (has("vru")) return "pedestrian or cyclist";
  if (has("imminent")) return "vehicle with sensors";
  return "vehicle";
}

function chip(node, state, value) { if (node.dataset.state !== state) node.dataset.state = state; text(node, value); }

/// Shows drops by reason, the most first: all of them.
function bars(root, drops) {
  const sorted = Object.entries(drops).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]).slice(0, 24);
  const most = sorted[0]?.[1] ?? 1;
  rows(root, sorted, () => element("li", {}, element("span"), element("i", {}, element("b")), element("em")), (row, [reason, n]) => {
    text(row.children[0], words(reason));
    row.children[1].firstChild.style.width = `${(n / most * 100).toFixed(1)}%`;
    text(row.children[2], number(n));
  });
  return sorted.reduce((sum, [, n]) => sum + n, 0);
}

/// Keeps the nodes of a list: makes those that are missing, hides none, removes those left over.
function rows(root, items, make, fill) {
  while (root.children.length < items.length) root.append(make());
  while (root.children.length > items.length) root.lastChild.remove();
  items.forEach((item, index) => fill(root.children[index], item));
}

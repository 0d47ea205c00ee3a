// Ties it together: one draw a frame when something changed, input of mouse, fingers and keyboard, theme, timeline.

const MOST_FRAME_TIMES = 300;
const REACH_PX = 24;
const PANELS_MS = 500;

const model = new Model();
const camera = new Camera();
const canvas = $("map");
applyTheme(savedTheme());
const painter = new Painter(canvas);
const isView = document.documentElement.dataset.feed === "view";
let selected = null;
let following = false;
let fitted = 0;
const frameTimesMs = [];
const feed = isView ? new ReplayFeed(model, told) : new LiveFeed(model, told);
const panels = new Panels(model, feed, select);
panels.onPlace = ([x, y]) => { camera.centre(x, y); camera.held = true; canvas.focus(); };

window.roadcast = {
  get drawn() { return { ...painter.drawn }; },
  frameTimesMs,
  get positions() {
    return Object.fromEntries([...model.stations.values()].filter((station) => station.placed).map((s) => [s.digest, [camera.sx(s.x), camera.sy(s.y)]]));
  },
  get ready() { return frameTimesMs.length > 0; },
  get lines() { return feed.lines; },
  get selected() { return selected; },
  get time() { return feed.now() / 1_000; },
};

/// What the feed says of itself: live, lost (with the seconds until the next try), refused, view.
function told(state, why, seconds) {
  const banner = $("banner");
  const chipOf = $("link-state");
  if (state === "live") { chip(chipOf, "live", "live"); banner.hidden = true; }
  else if (state === "view") { chip(chipOf, "live", "recorded"); banner.hidden = true; }
  else if (state === "lost") {
    chip(chipOf, "lost", "connection lost");
    const retry = seconds === undefined ? "" : ` Trying again in ${seconds < 1 ? "a moment" : `${Math.round(seconds)} s`}.`;
    banner.textContent = `${seconds === undefined ? "" : "Connection to the station lost. "}${why}${retry} ${model.stations.size > 0 ? "The map shows what was known before." : ""}`.trim();
    banner.hidden = false;
  } else if (state === "refused") { banner.textContent = why; banner.hidden = false; }
}

let lastFrame = 0;
function frame(at) {
  const began = performance.now();
  if (isView && lastFrame > 0) feed.advance(at - lastFrame);
  lastFrame = at;
  painter.resize(camera);
  const moving = isView ? feed.playing : model.flows.some((flow) => began - flow.at < FLOW_MS) || [...model.hazards.values()].some((h) => began - h.since < 1_700);
  if (model.dirty || camera.changed || painter.roadsStale || moving) {
    if (!camera.held && began - fitted > 1_000) { fitted = began; refit(); }
    if (following) { const s = model.stations.get(selected); if (s?.placed) camera.centre(s.x, s.y); }
    model.dirty = false;
    painter.draw(model, camera, selected, feed.now());
    showScale();
    frameTimesMs.push(performance.now() - began + feed.takeSpent());
    if (frameTimesMs.length > MOST_FRAME_TIMES) frameTimesMs.shift();
  }
  requestAnimationFrame(frame);
}

function places() {
  const all = [];
  for (const station of model.stations.values()) if (station.placed) all.push([station.x, station.y]);
  for (const { spot } of model.hazards.values()) if (spot) all.push(spot);
  for (const { spot } of model.signals.values()) if (spot) all.push(spot);
  if (model.own) all.push([model.own.x, model.own.y]);
  // A picture of a recorded thing shows all of it from the start.
  if (all.length === 0 || isView) for (const road of model.roads) all.push(...road);
  return all;
}

const pads = () => { const slim = camera.width < 560; return { left: slim ? 24 : $("legend").open ? $("legend").offsetWidth + 30 : 60, right: slim ? 76 : 70, top: 44, bottom: isView && !feed.meta?.live ? (slim ? 132 : 116) : 50 }; };

/// Refits only when something left the picture or fills a small part of it: a map that moves all the time cannot be read.
function refit() {
  const all = places();
  if (all.length === 0) return;
  const out = all.some(([x, y]) => { const sx = camera.sx(x), sy = camera.sy(y); return sx < 12 || sy < 12 || sx > camera.width - 12 || sy > camera.height - 12; });
  const xs = all.map(([x]) => x), ys = all.map(([, y]) => y);
  const spread = (list) => list.reduce((most, v) => Math.max(most, v), -Infinity) - list.reduce((least, v) => Math.min(least, v), Infinity);
  const part = Math.max(spread(xs) * camera.zoom / camera.width, spread(ys) * camera.zoom / camera.height);
  if (!camera.placed || (out && !(isView && model.roads.length > 0)) || (part < 0.4 && camera.zoom < 3.9)) camera.fit(all, pads());
}

function showScale() {
  const longest = 120 / camera.zoom;
  const power = 10 ** Math.floor(Math.log10(longest));
  const length = [5, 2, 1].map((f) => f * power).find((m) => m <= longest) ?? power;
  const width = `${(length * camera.zoom).toFixed(0)}px`;
  if ($("scale-bar").style.width !== width) $("scale-bar").style.width = width;
  text($("scale-text"), length >= 1_000 ? `${length / 1_000} km` : `${length} m`);
}

function select(digest) {
  selected = digest;
  panels.lastMessage = null;
  if (digest === null) setFollow(false);
  feed.select(digest, digest && model.stations.get(digest), (message) => { panels.lastMessage = message; });
  model.dirty = true;
  panels.update(selected);
  const station = digest && model.stations.get(digest);
  if (!station?.placed) return;
  const sx = camera.sx(station.x), sy = camera.sy(station.y);
  if (sx < 20 || sy < 20 || sx > camera.width - 20 || sy > camera.height - 20) { camera.centre(station.x, station.y); camera.held = true; }
}

function setFollow(on) {
  following = on;
  if (on) camera.held = true;
  $("follow").setAttribute("aria-pressed", String(on));
}

function step(direction) {
  const order = panels.order().map(([, station]) => station.digest);
  if (order.length === 0) return;
  const index = order.indexOf(selected);
  select(order[(index < 0 ? (direction > 0 ? 0 : order.length - 1) : index + direction + order.length) % order.length]);
}

function stationAt(x, y, reach) {
  let best = null, least = reach;
  for (const station of model.stations.values()) {
    if (!station.placed) continue;
    const away = Math.hypot(camera.sx(station.x) - x, camera.sy(station.y) - y);
    if (away < least) { least = away; best = station; }
  }
  return best;
}

function showAll() { camera.held = false; setFollow(false); camera.fit(places(), pads()); }

const pointers = new Map();
let travelled = 0;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  if (pointers.size === 1) travelled = 0;
});
canvas.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) { canvas.style.cursor = stationAt(event.offsetX, event.offsetY, REACH_PX) ? "pointer" : ""; return; }
  const dx = event.offsetX - before[0], dy = event.offsetY - before[1];
  travelled += Math.abs(dx) + Math.abs(dy);
  const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
  if (others.length === 0) { if (travelled > 4) { setFollow(false); camera.pan(dx, dy); canvas.classList.add("dragging"); } }
  else {
    const [ox, oy] = others[0];
    const was = Math.hypot(before[0] - ox, before[1] - oy), is = Math.hypot(event.offsetX - ox, event.offsetY - oy);
    if (was > 0) camera.zoomAt(is / was, (event.offsetX + ox) / 2, (event.offsetY + oy) / 2);
    camera.pan(dx / 2, dy / 2);
  }
  pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, (event) => {
    if (!pointers.delete(event.pointerId) || pointers.size > 0) return;
    canvas.classList.remove("dragging");
    if (name === "pointerup" && travelled <= 4) select(stationAt(event.offsetX, event.offsetY, event.pointerType === "touch" ? REACH_PX * 1.4 : REACH_PX)?.digest ?? null);
  });
}
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  camera.zoomAt(Math.exp(-Math.max(-60, Math.min(60, event.deltaY * (event.deltaMode === 1 ? 16 : 1))) * 0.004), event.offsetX, event.offsetY);
}, { passive: false });
$("zoom-in").addEventListener("click", () => zoomMiddle(1.5));
$("zoom-out").addEventListener("click", () => zoomMiddle(1 / 1.5));
$("zoom-fit").addEventListener("click", showAll);
$("follow").addEventListener("click", () => setFollow(!following));
$("deselect").addEventListener("click", () => { select(null); canvas.focus(); });
function zoomMiddle(factor) { camera.zoomAt(factor, camera.width / 2, camera.height / 2); }

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  const target = event.target;
  const typing = target instanceof HTMLInputElement && target.type === "search" || target instanceof HTMLSelectElement;
  const onMap = target === canvas || target === document.body;
  const keys = {
    "n": () => step(1), "p": () => step(-1), "f": () => selected && setFollow(!following), "Escape": () => select(null), "t": switchTheme,
    "?": () => $("help").showModal(), "0": showAll, "+": () => zoomMiddle(1.3), "=": () => zoomMiddle(1.3), "-": () => zoomMiddle(1 / 1.3),
  };
  if (isView) Object.assign(keys, { ",": () => scrub(feed.at - 1), ".": () => scrub(feed.at + 1) });
  // Elsewhere these scroll, press or move a slider.
  if (onMap) Object.assign(keys, { "ArrowLeft": () => camera.pan(60, 0), "ArrowRight": () => camera.pan(-60, 0), "ArrowUp": () => camera.pan(0, 60), "ArrowDown": () => camera.pan(0, -60) });
  if (onMap && isView) keys[" "] = play;
  if (typing && event.key !== "Escape") return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

function savedTheme() {
  // A page from a file may have no storage.
  try { return localStorage.getItem("roadcast-theme"); } catch { return null; }
}
function applyTheme(theme) {
  const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  text($("theme"), dark ? "Light" : "Dark");
}
function switchTheme() {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("roadcast-theme", theme); } catch { /* only for this visit then */ }
  showTheme(theme);
}
function showTheme(theme) {
  applyTheme(theme);
  painter.readColours();
  drawLegend();
  panels.update(selected);
  if (isView) drawStrip();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (!savedTheme()) showTheme(null); });
$("theme").addEventListener("click", switchTheme);
$("help-open").addEventListener("click", () => $("help").showModal());

function drawLegend() {
  const station = (kind, level, stale = 0) => (c) => stationShapes(c, [{ sx: 11, sy: 11, heading: 0.6 }], level, kind, stale, 0.72, painter.colours, painter.byStanding);
  const entries = [
    ["vehicle, trusted", station(0, 0)], ["emergency vehicle", station(3, 0)], ["pedestrian, cyclist", station(2, 0)], ["roadside unit", station(1, 0)],
    ["suspect", station(0, 1)], ["isolated", station(0, 2)], ["not heard for a while", station(0, 0, 1)],
    ["hazard", (c) => { c.translate(2.5, 3); c.scale(0.75, 0.75); hazardMark(c, 11, 11, painter.colours.d3, painter.colours, true); }],
    ["signal", (c) => { c.translate(4, 0.5); c.scale(0.62, 0.62); lamp(c, 11, 4, phaseOf("green"), painter.colours); }],
    ["way of a flood", (c) => { c.strokeStyle = c.fillStyle = painter.colours.d3; c.lineWidth = 2; c.beginPath(); c.moveTo(1, 15); c.lineTo(11, 6); c.lineTo(21, 14); c.stroke(); c.beginPath(); c.arc(11, 6, 3, 0, 7); c.fill(); }],
  ];
  rows($("legend-list"), entries, () => element("li", {}, element("canvas", { width: 44, height: 40, "aria-hidden": "true" }), element("span")), (row, [name, draw]) => {
    text(row.lastChild, name);
    const c = row.firstChild.getContext("2d");
    c.setTransform(2, 0, 0, 2, 0, 0);
    c.clearRect(0, 0, 22, 20);
    draw(c);
  });
}

function showEmpty() {
  const empty = model.stations.size === 0 && (!isView || feed.meta);
  $("empty").hidden = !empty;
  if (!empty) return;
  if (isView) { text($("empty"), feed.meta.empty ?? "No station is on the road at this time."); return; }
  const { status } = model;
  text($("empty"), status && !status.link_up ? "No station is heard: the link is down.\nroadcast doctor says what is wrong."
    : status && !status.sending ? "No station is heard yet, and this one does not send.\nThe line at the top says why; roadcast doctor says what mends it."
    : "No station is heard yet.\nStart a second one on this link, such as: roadcast run car-2.toml");
}

function play() {
  if (!isView || feed.meta?.live) return;
  if (!feed.playing && feed.at >= feed.duration) feed.seek(0);
  feed.playing = !feed.playing;
  showTime();
}
function scrub(at) { if (feed.meta?.live) return; feed.seek(at); showTime(); }
function showTime() {
  $("play").setAttribute("aria-label", feed.playing ? "Stop" : "Play");
  text($("play"), feed.playing ? "\u275A\u275A" : "\u25B6");
  const at = feed.at.toFixed(1);
  if (document.activeElement !== $("time") || feed.playing || Number($("time").value) !== feed.at) $("time").value = feed.at;
  $("time").setAttribute("aria-valuetext", `${at} s of ${feed.duration.toFixed(1)} s`);
  text($("time-text"), `${at} of ${feed.duration.toFixed(0)} s`);
}

/// Above the slider: how many were missed in each part of the run, and when hazards began.
function drawStrip() {
  const strip = $("strip");
  const width = strip.clientWidth, height = strip.clientHeight;
  if (width === 0 || !feed.meta) return;
  strip.width = width * 2;
  strip.height = height * 2;
  const c = strip.getContext("2d");
  c.scale(2, 2);
  const over = feed.meta.over_time;
  const x = (t) => 8 + t / feed.duration * (width - 16);
  if (over) {
    const shares = over.expected.map((all, index) => (all > 0 ? over.missed[index] / all : 0));
    const most_sent = Math.max(1, ...over.sent);
    over.sent.forEach((sent, index) => {
      const left = x(index * over.step_s), wide = Math.max(1, x((index + 1) * over.step_s) - left - 1);
      c.fillStyle = painter.colours.line;
      const bar = sent / most_sent * (height - 4);
      c.fillRect(left, height - bar, wide, bar);
      // That share of the bar, and never too little to be seen.
      const red = shares[index] > 0 ? Math.max(1.5, shares[index] * bar) : 0;
      c.fillStyle = painter.colours.bad;
      c.fillRect(left, height - red, wide, red);
    });
  }
  for (const line of feed.events) {
    if ((line.watch !== "hazard" && line.watch !== "alert") || line.change !== "new") continue;
    const at = x(line.t_s);
    c.fillStyle = painter.colours[line.hazard?.class?.toLowerCase()] ?? painter.colours.d3;
    c.beginPath();
    c.moveTo(at, 3);
    c.lineTo(at + 5, 12);
    c.lineTo(at - 5, 12);
    c.fill();
  }
}

if (isView) {
  document.body.classList.add("has-timeline");
  $("timeline").hidden = false;
  feed.onReady = () => {
    if (feed.meta.live) {
      document.body.classList.remove("has-timeline");
      $("timeline").hidden = true;
      return;
    }
    $("time").max = feed.duration;
    if (feed.meta.title) document.title = `Roadcast: ${feed.meta.title}`;
    showTime();
    panels.update(selected);
    showEmpty();
    drawStrip();
  };
  $("play").addEventListener("click", play);
  $("time").addEventListener("input", () => scrub(Number($("time").value)));
  $("speed").addEventListener("change", () => { feed.speed = Number($("speed").value); });
  window.addEventListener("resize", drawStrip);
}
if (matchMedia("(max-width: 760px)").matches) $("legend").open = false;
drawLegend();
panels.update(selected);
requestAnimationFrame(frame);
setInterval(() => { if (!document.hidden) { panels.update(selected); showEmpty(); if (isView && feed.meta && !feed.meta.live) showTime(); } }, PANELS_MS);

// The canvas: roads on a layer of their own that is drawn anew only when the picture moves, everything else once a frame. Stations are
// gathered by colour and shape, so that a thousand cost some twenty fills. What a colour says a shape says too.

const KIND_VEHICLE = 0, KIND_ROADSIDE = 1, KIND_VRU = 2, KIND_EMERGENCY = 3;
const STANDINGS = ["trusted", "suspect", "isolated"];
const FLOW_MS = 6_000;
/// Above so many stations in sight the trails are short.
const MANY = 300;

class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.roads = document.createElement("canvas");
    this.ratio = 1;
    this.drawn = { stations: 0, roadside: 0, roads: 0, hazards: 0, signals: 0, trails: 0 };
    this.readColours();
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.colours = Object.fromEntries(["map", "card", "ink", "soft", "line", "lane", "good", "bad", "late", "d0", "d1", "d2", "d3", "d4", "d5"].map((n) => [n, colour(n)]));
    this.byStanding = [this.colours.d2, this.colours.late, this.colours.bad];
    this.roadsStale = true;
  }

  resize(camera) {
    const box = this.canvas.getBoundingClientRect();
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.max(1, Math.round(box.width * ratio)), height = Math.max(1, Math.round(box.height * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height || this.ratio !== ratio) {
      this.ratio = ratio;
      for (const canvas of [this.canvas, this.roads]) { canvas.width = width; canvas.height = height; }
      this.roadsStale = true;
    }
    camera.size(box.width, box.height);
  }

  draw(model, camera, selected, now) {
    const { context: c, colours } = this;
    if (this.roadsStale || camera.changed || model.roadsChanged) this.drawRoads(model, camera);
    camera.changed = false;
    model.roadsChanged = false;
    this.roadsStale = false;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.drawImage(this.roads, 0, 0);
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.lineJoin = "round";
    this.drawn.hazards = this.drawAreas(model, camera, now);
    this.drawFlows(model, camera, now);
    this.drawn.signals = this.drawSignals(model, camera);
    this.drawStations(model, camera, now);
    this.drawMarks(model, camera);
    if (model.own) this.drawOwn(model.own, camera);
    const station = selected && model.stations.get(selected);
    if (station?.placed) this.drawSelected(station, camera, colours);
  }

  drawRoads(model, camera) {
    const c = this.roads.getContext("2d", { alpha: false });
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = this.colours.map;
    c.fillRect(0, 0, this.roads.width, this.roads.height);
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.strokeStyle = this.colours.lane;
    c.lineCap = c.lineJoin = "round";
    c.lineWidth = Math.min(10, Math.max(1.5, 3.2 * camera.zoom));
    let roads = 0;
    c.beginPath();
    for (const line of model.roads) roads += this.polyline(c, line, camera);
    for (const signal of model.signals.values()) for (const lane of signal.lanes) roads += this.polyline(c, lane.points, camera);
    c.stroke();
    this.drawn.roads = roads;
  }

  polyline(c, line, camera) {
    let any = false;
    for (const [x, y] of line) { const sx = camera.sx(x), sy = camera.sy(y); any ||= sx > -50 && sy > -50 && sx < camera.width + 50 && sy < camera.height + 50; }
    // A line that crosses the picture from end to end has no point in it: only those of two far ends are left out wrongly, and few are so long.
    if (!any && line.length < 3) any = this.crosses(line, camera);
    if (!any) return 0;
    line.forEach(([x, y], index) => { if (index === 0) c.moveTo(camera.sx(x), camera.sy(y)); else c.lineTo(camera.sx(x), camera.sy(y)); });
    return 1;
  }

  crosses([[x1, y1], [x2, y2]], camera) {
    const [a, b, d, e] = [camera.sx(x1), camera.sy(y1), camera.sx(x2), camera.sy(y2)];
    return Math.max(a, d) > 0 && Math.min(a, d) < camera.width && Math.max(b, e) > 0 && Math.min(b, e) < camera.height;
  }

  drawAreas(model, camera, now) {
    const c = this.context;
    let count = 0;
    for (const { told, spot, area, since } of model.hazards.values()) {
      if (spot === null) continue;
      count += 1;
      const colour = this.colours[told.class?.toLowerCase()] ?? this.colours.d3;
      if (told.area && area) {
        c.save();
        c.translate(camera.sx(area[0]), camera.sy(area[1]));
        c.beginPath();
        const { shape, radius_m: radius, half_length_m: length, half_width_m: width, azimuth_deg: azimuth } = told.area;
        if (shape === "circle") c.arc(0, 0, Math.min(1e5, radius * camera.zoom), 0, 7);
        else {
          c.rotate(((azimuth ?? 0) - 90) * Math.PI / 180);
          const l = Math.min(1e5, length * camera.zoom), w = Math.min(1e5, width * camera.zoom);
          if (shape === "ellipse") c.ellipse(0, 0, l, w, 0, 0, 7); else c.rect(-l, -w, 2 * l, 2 * w);
        }
        c.fillStyle = c.strokeStyle = colour;
        c.globalAlpha = told.state === "active" ? 0.12 : 0.04;
        c.fill();
        c.globalAlpha = told.state === "active" ? 0.9 : 0.4;
        c.setLineDash([7, 5]);
        c.lineWidth = 1.6;
        c.stroke();
        c.restore();
      }
      const fresh = now - since;
      if (fresh >= 0 && fresh < 1_600) {
        c.beginPath();
        c.arc(camera.sx(spot[0]), camera.sy(spot[1]), 12 + fresh / 25, 0, 7);
        c.strokeStyle = colour;
        c.globalAlpha = 1 - fresh / 1_600;
        c.lineWidth = 2;
        c.stroke();
        c.globalAlpha = 1;
      }
    }
    return count;
  }

  drawMarks(model, camera) {
    const c = this.context;
    for (const { told, spot } of model.hazards.values()) {
      if (spot === null) continue;
      const x = camera.sx(spot[0]), y = camera.sy(spot[1]);
      if (x < -40 || y < -40 || x > camera.width + 40 || y > camera.height + 40) continue;
      hazardMark(c, x, y, this.colours[told.class?.toLowerCase()] ?? this.colours.d3, this.colours, told.state === "active");
      if (told.state === "active") this.label((told.cause_name ?? `cause ${told.cause}`).replaceAll("_", " "), x, y + 24, "center");
    }
  }

  /// Hops of the messages that were delivered lately: maker, forwarder, here.
  drawFlows(model, camera, now) {
    const c = this.context;
    for (const flow of model.flows) {
      const age = now - flow.at;
      const to = flow.to ?? (model.own && [model.own.x, model.own.y]);
      if (age < 0 || age > FLOW_MS || !to) continue;
      c.globalAlpha = 0.85 * (1 - age / FLOW_MS);
      c.strokeStyle = c.fillStyle = this.colours[flow.class?.toLowerCase()] ?? this.colours.d3;
      c.lineWidth = 2;
      const at = ([x, y]) => [camera.sx(x), camera.sy(y)];
      const way = (flow.by ? [flow.from, flow.by, to] : [flow.from, to]).map(at);
      c.beginPath();
      // What came through more than the last forwarder is dotted up to it: the hops between are not told.
      c.setLineDash(flow.by && flow.hops > 2 ? [2, 5] : []);
      c.moveTo(...way[0]);
      c.lineTo(...way[1]);
      c.stroke();
      c.setLineDash([]);
      if (way.length === 3) {
        c.beginPath();
        c.moveTo(...way[1]);
        c.lineTo(...way[2]);
        c.stroke();
        c.beginPath();
        c.arc(way[1][0], way[1][1], 4.5, 0, 7);
        c.fill();
      }
      arrowHead(c, way.at(-2), way.at(-1));
      if (flow.hops > 1) this.label(`${flow.hops} hops`, (way.at(-2)[0] + way.at(-1)[0]) / 2, (way.at(-2)[1] + way.at(-1)[1]) / 2, "center");
      c.globalAlpha = 1;
    }
  }

  drawSignals(model, camera) {
    const c = this.context;
    let count = 0;
    for (const signal of model.signals.values()) {
      if (!signal.spot) continue;
      count += 1;
      const shows = new Map((signal.told.groups ?? []).map((group) => [group.group, group]));
      const x = camera.sx(signal.spot[0]), y = camera.sy(signal.spot[1]);
      if (x < -400 || y < -400 || x > camera.width + 400 || y > camera.height + 400) continue;
      const near = camera.zoom > 0.5;
      if (near) {
        for (const lane of signal.lanes) {
          if (!lane.approach || lane.group === null) continue;
          this.stopLine(lane, phaseOf(shows.get(lane.group)?.shows), camera);
        }
      }
      const groups = [...shows.values()].slice(0, 8);
      const width = Math.max(1, groups.length) * 12 + 4;
      const left = x - width / 2, top = y - 19;
      c.fillStyle = this.colours.card;
      c.strokeStyle = signal.told.contested ? this.colours.bad : this.colours.soft;
      c.lineWidth = 1.2;
      c.beginPath();
      c.roundRect(left, top, width, 38, 4);
      c.fill();
      c.stroke();
      groups.forEach((group, index) => lamp(c, left + 8 + index * 12, top + 7, phaseOf(group.shows), this.colours));
      if (near) {
        groups.forEach((group, index) => {
          const end = group.likely_end_s ?? group.min_end_s;
          if (Number.isFinite(end) && end < 1_000) this.label(String(Math.max(0, Math.round(end))), left + 8 + index * 12, top + 48, "center");
        });
      }
    }
    return count;
  }

  stopLine(lane, phase, camera) {
    const c = this.context;
    const [[x1, y1], [x2, y2]] = lane.points;
    const length = Math.hypot(x2 - x1, y2 - y1) || 1;
    const half = Math.max(4, 1.9 * camera.zoom);
    const nx = -(y2 - y1) / length, ny = (x2 - x1) / length;
    const sx = camera.sx(x1), sy = camera.sy(y1);
    c.strokeStyle = phase.colour(this.colours);
    c.lineWidth = 3.5;
    c.setLineDash(phase.name === "red" ? [] : phase.name === "green" ? [2, 3] : [5, 2]);
    c.beginPath();
    c.moveTo(sx + nx * half, sy - ny * half);
    c.lineTo(sx - nx * half, sy + ny * half);
    c.stroke();
    c.setLineDash([]);
  }

  drawStations(model, camera, now) {
    const c = this.context;
    const buckets = new Map();
    let stations = 0, roadside = 0, trails = 0;
    const { width, height, zoom } = camera;
    const inSight = [];
    for (const station of model.stations.values()) {
      if (!station.placed) continue;
      if (station.kind === KIND_ROADSIDE) roadside += 1; else stations += 1;
      const sx = (station.x - camera.x) * zoom + width / 2, sy = height / 2 - (station.y - camera.y) * zoom;
      station.sx = sx;
      station.sy = sy;
      if (sx > -20 && sy > -20 && sx < width + 20 && sy < height + 20) inSight.push(station);
    }
    const many = inSight.length > MANY;
    const longest = many ? 7 : TRAIL_POINTS;
    const paths = [new Path2D(), new Path2D(), new Path2D()];
    for (const station of inSight) {
      const level = Math.max(0, STANDINGS.indexOf(station.told.standing));
      const trail = station.trail;
      if (trail.length > 2) {
        trails += 1;
        const path = paths[level];
        let index = Math.max(0, trail.length - longest * 2);
        path.moveTo((trail[index] - camera.x) * zoom + width / 2, height / 2 - (trail[index + 1] - camera.y) * zoom);
        for (index += 2; index < trail.length; index += 2) path.lineTo((trail[index] - camera.x) * zoom + width / 2, height / 2 - (trail[index + 1] - camera.y) * zoom);
        path.lineTo(station.sx, station.sy);
      }
      const stale = isStale(station, now) ? 1 : 0;
      const key = level * 16 + station.kind * 2 + stale;
      const bucket = buckets.get(key);
      if (bucket === undefined) buckets.set(key, [station]); else bucket.push(station);
    }
    c.globalAlpha = 0.4;
    c.lineWidth = many ? 1.2 : 2;
    paths.forEach((path, level) => { c.strokeStyle = this.byStanding[level]; c.stroke(path); });
    c.globalAlpha = 1;
    const scale = many ? 0.72 : zoom > 2 ? 1.25 : 1;
    for (const [key, bucket] of [...buckets].sort(([a], [b]) => a - b)) stationShapes(c, bucket, key >> 4, (key >> 1) & 7, key & 1, scale, this.colours, this.byStanding);
    if (!many) for (const station of inSight) if (station.kind === KIND_ROADSIDE) this.label(station.told.name ?? station.digest.slice(0, 4), station.sx, station.sy + 20, "center");
    this.drawn.stations = stations;
    this.drawn.roadside = roadside;
    this.drawn.trails = trails;
  }

  drawOwn(own, camera) {
    const c = this.context;
    const x = camera.sx(own.x), y = camera.sy(own.y);
    c.strokeStyle = this.colours.ink;
    c.lineWidth = 2;
    c.beginPath();
    c.arc(x, y, 14, 0, 7);
    c.stroke();
    c.fillStyle = this.colours.ink;
    c.beginPath();
    if (own.roadside) c.rect(x - 6, y - 6, 12, 12); else arrow(c, x, y, own.heading, 9);
    c.fill();
    this.label("this station", x, y + 27, "center");
  }

  drawSelected(station, camera, colours) {
    const c = this.context;
    c.strokeStyle = colours.ink;
    c.lineWidth = 2.5;
    c.setLineDash([4, 3]);
    c.beginPath();
    c.arc(station.sx, station.sy, 16, 0, 7);
    c.stroke();
    c.setLineDash([]);
    this.label(station.told.name ?? station.digest.slice(0, 8), station.sx, station.sy - 22, "center");
  }

  label(text, x, y, align) {
    const c = this.context;
    c.font = "600 11.5px system-ui, sans-serif";
    c.textAlign = align;
    c.textBaseline = "middle";
    c.lineWidth = 3.5;
    c.strokeStyle = this.colours.map;
    c.strokeText(text, x, y);
    c.fillStyle = this.colours.ink;
    c.fillText(text, x, y);
  }
}

/// A unit of a replay that stands for good is told of once.
function isStale(station, now) { return now - station.at > STALE_MS && station.told.fixed !== true; }

function arrow(c, x, y, heading, size) {
  if (Number.isNaN(heading)) { c.moveTo(x + size * 0.62, y); c.arc(x, y, size * 0.62, 0, 7); return; }
  const s = Math.sin(heading) * size, k = Math.cos(heading) * size;
  c.moveTo(x + s, y - k);
  c.lineTo(x - s * 0.8 + k * 0.66, y + k * 0.8 + s * 0.66);
  c.lineTo(x - s * 0.4, y + k * 0.4);
  c.lineTo(x - s * 0.8 - k * 0.66, y + k * 0.8 - s * 0.66);
  // `closePath` takes time by the length of the whole path.
  c.lineTo(x + s, y - k);
}

/// All stations of one standing, kind and freshness: full when fresh, an outline when not; a suspect one has a ring, an isolated one a cross.
function stationShapes(c, stations, level, kind, stale, scale, colours, byStanding) {
  const size = (kind === KIND_EMERGENCY ? 12 : 8.5) * scale;
  c.beginPath();
  for (const { sx: x, sy: y, heading } of stations) {
    if (kind === KIND_ROADSIDE) { c.moveTo(x - size * 0.75, y - size * 0.75); c.rect(x - size * 0.75, y - size * 0.75, size * 1.5, size * 1.5); }
    else if (kind === KIND_VRU) { c.moveTo(x, y - size * 0.85); c.lineTo(x + size * 0.7, y); c.lineTo(x, y + size * 0.85); c.lineTo(x - size * 0.7, y); c.lineTo(x, y - size * 0.85); }
    else arrow(c, x, y, heading, size);
  }
  const colour = level === 0 && kind === KIND_ROADSIDE ? colours.d4 : level === 0 && kind === KIND_EMERGENCY ? colours.d0 : byStanding[level];
  c.fillStyle = stale ? colours.map : colour;
  c.strokeStyle = stale ? colour : colours.card;
  c.lineWidth = stale ? 1.4 : 1;
  c.fill();
  c.stroke();
  if (kind === KIND_ROADSIDE || kind === KIND_EMERGENCY) {
    c.beginPath();
    for (const { sx: x, sy: y } of stations) {
      if (kind === KIND_EMERGENCY) { c.moveTo(x + size * 1.35, y); c.arc(x, y, size * 1.35, 0, 7); }
      else { c.moveTo(x, y - size * 0.75); c.lineTo(x, y - size * 1.7); }
    }
    c.strokeStyle = colour;
    c.lineWidth = 2;
    c.stroke();
  }
  if (level === 0) return;
  c.beginPath();
  for (const { sx: x, sy: y } of stations) {
    const r = size * 1.3;
    if (level === 1) { c.moveTo(x + r, y); c.arc(x, y, r, 0, 7); } else { c.moveTo(x - r, y - r); c.lineTo(x + r, y + r); c.moveTo(x + r, y - r); c.lineTo(x - r, y + r); }
  }
  c.strokeStyle = colour;
  c.lineWidth = 2.2;
  c.stroke();
}

function hazardMark(c, x, y, colour, colours, active) {
  c.beginPath();
  c.moveTo(x, y - 13);
  c.lineTo(x + 13, y + 10);
  c.lineTo(x - 13, y + 10);
  c.closePath();
  c.fillStyle = active ? colour : colours.map;
  c.strokeStyle = active ? colours.card : colour;
  c.lineWidth = 2;
  c.fill();
  c.stroke();
  c.fillStyle = active ? colours.card : colour;
  c.font = "700 14px system-ui, sans-serif";
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.fillText("!", x, y + 3);
}

function arrowHead(c, [x1, y1], [x2, y2]) {
  const length = Math.hypot(x2 - x1, y2 - y1);
  if (length < 26) return;
  const ux = (x2 - x1) / length, uy = (y2 - y1) / length;
  const x = x2 - ux * 15, y = y2 - uy * 15;
  c.beginPath();
  c.moveTo(x, y);
  c.lineTo(x - ux * 9 - uy * 5, y - uy * 9 + ux * 5);
  c.lineTo(x - ux * 9 + uy * 5, y - uy * 9 - ux * 5);
  c.fill();
}

/// A lamp of three: which one is lit says it without its colour.
function lamp(c, x, y, phase, colours) {
  for (const [index, name] of ["red", "amber", "green"].entries()) {
    c.beginPath();
    c.arc(x, y + index * 12, 4.2, 0, 7);
    const lit = phase.lit.includes(name);
    c.fillStyle = lit ? { red: colours.bad, amber: colours.late, green: colours.good }[name] : colours.line;
    c.fill();
  }
}

function phaseOf(shows) {
  const text = shows ?? "";
  const lit = ["red", "amber", "green"].filter((name) => text.includes(name));
  const name = lit[0] ?? "unknown";
  return { name, lit, colour: (colours) => ({ red: colours.bad, amber: colours.late, green: colours.good }[name] ?? colours.soft) };
}

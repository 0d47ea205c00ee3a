// What is known: stations, hazards, signals, figures. Fed with lines of the control protocol (CONTROL.md), drawn by draw.js.
// A local plane in metres about the first place seen: equirectangular, good to a part in a thousand within 50 km.

const EARTH_M_PER_DEG = 111_319.49;
const TRAIL_POINTS = 24;
const TRAIL_STEP_M = 4;
/// A station not heard for so long is drawn pale; the daemon forgets it after 20 s.
const STALE_MS = 2_500;
const BUSY_POINTS = 300;
const MOST_FLOWS = 64;
const MOST_STATIONS = 20_000;

class Plane {
  constructor(latitude, longitude) {
    this.latitude = latitude;
    this.longitude = longitude;
    this.east = EARTH_M_PER_DEG * Math.max(0.01, Math.cos(latitude * Math.PI / 180));
  }
  x(longitude) {
    let turn = longitude - this.longitude;
    if (turn > 180) turn -= 360; else if (turn < -180) turn += 360;
    return turn * this.east;
  }
  y(latitude) { return (latitude - this.latitude) * EARTH_M_PER_DEG; }
}

const isPlace = (latitude, longitude) =>
  Number.isFinite(latitude) && Number.isFinite(longitude) && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;

class Model {
  constructor() { this.clear(); }

  clear() {
    this.plane = null;
    this.stations = new Map();
    this.hazards = new Map();
    this.signals = new Map();
    this.flows = [];
    this.roads = [];
    this.roadsChanged = true;
    this.status = null;
    this.stats = null;
    this.own = null;
    this.busy = [];
    this.lost = 0;
    this.dirty = true;
    this.generation = 0;
    this.now = 0;
  }

  /// Places of a subscription that began anew: what it does not name again soon is forgotten by `sweep`.
  renew() { this.generation += 1; }
  sweep() {
    for (const map of [this.stations, this.hazards]) {
      for (const [key, entry] of map) if (entry.generation !== this.generation) map.delete(key);
    }
    this.dirty = true;
  }

  point(latitude, longitude) {
    if (!isPlace(latitude, longitude)) return null;
    if (this.plane === null) this.plane = new Plane(latitude, longitude);
    return [this.plane.x(longitude), this.plane.y(latitude)];
  }

  setRoads(lines) {
    this.roads = lines.map((line) => line.map(([latitude, longitude]) => this.point(latitude, longitude)).filter((p) => p !== null))
      .filter((line) => line.length > 1);
    this.roadsChanged = true;
    this.dirty = true;
  }

  /// One line of the protocol; `at` is milliseconds of the page's clock (of the recording, in a replay).
  line(line, at) {
    this.now = Math.max(this.now, at);
    switch (line.watch) {
      case "neighbour": return this.neighbour(line.change, line.neighbour, at);
      case "moves": return this.moves(line.moves, at);
      case "hazard": case "alert": case "concern": return this.hazard(line.change, line.hazard, at);
      case "renamed": this.hazards.delete(line.former); return undefined;
      case "signals": for (const signal of line.signals ?? []) this.signal(signal, at); return undefined;
      case "busy": this.pushBusy(line.channel_busy, at); return undefined;
      case "stats": return this.setStats(line.stats, at);
      case "message": return this.message(line.message, at);
      case "lost": this.lost += line.changes ?? 0; return undefined;
      default:
    }
    if (line.neighbours) for (const neighbour of line.neighbours) this.neighbour("present", neighbour, at);
    if (line.hazards) for (const hazard of line.hazards) this.hazard("present", hazard, at);
    if (line.signals) for (const signal of line.signals) this.signal(signal, at);
    if (line.status) this.setStatus(line.status, at);
    return undefined;
  }

  neighbour(change, told, at) {
    if (!told || typeof told.digest !== "string") return;
    if (change === "lost") { this.dirty = this.stations.delete(told.digest) || this.dirty; return; }
    let station = this.stations.get(told.digest);
    if (station === undefined) {
      if (this.stations.size >= MOST_STATIONS) return;
      station = { digest: told.digest, told, placed: false, x: 0, y: 0, heading: NaN, kind: 0, trail: [], at, generation: 0 };
      this.stations.set(told.digest, station);
    }
    station.told = told;
    station.at = at - (told.heard_ms ?? 0);
    station.bornAt = at - (told.age_ms ?? told.heard_ms ?? 0);
    station.generation = this.generation;
    station.kind = kindOf(told);
    this.place(station, told.latitude_deg, told.longitude_deg, told.heading_deg);
    this.dirty = true;
  }

  /// Positions alone, of a replay: [digest, latitude, longitude, speed, heading].
  moves(moves, at) {
    for (const [digest, latitude, longitude, speed, heading] of moves) {
      const station = this.stations.get(digest);
      if (station === undefined) continue;
      station.at = at;
      station.bornAt = at;
      station.told.speed_m_s = speed;
      station.told.heading_deg = heading;
      this.place(station, latitude, longitude, heading);
    }
    this.dirty = true;
  }

  place(station, latitude, longitude, heading) {
    if (!isPlace(latitude, longitude)) return;
    if (this.plane === null) this.plane = new Plane(latitude, longitude);
    const x = this.plane.x(longitude), y = this.plane.y(latitude);
    const trail = station.trail, end = trail.length;
    if (end === 0 || Math.abs(x - trail[end - 2]) + Math.abs(y - trail[end - 1]) > TRAIL_STEP_M) {
      // A jump is no way that was driven.
      if (end > 0 && Math.abs(x - trail[end - 2]) + Math.abs(y - trail[end - 1]) > 300) trail.length = 0;
      trail.push(x, y);
      if (trail.length > TRAIL_POINTS * 2) trail.splice(0, 2);
    }
    station.x = station.toldX = x;
    station.y = station.toldY = y;
    station.heading = Number.isFinite(heading) ? heading * Math.PI / 180 : NaN;
    station.placed = true;
  }

  hazard(change, told, at) {
    if (!told || typeof told.event !== "string") return;
    this.dirty = true;
    if (change === "expired") { this.hazards.delete(told.event); return; }
    const spot = this.point(told.latitude_deg, told.longitude_deg);
    const area = told.area ? this.point(told.area.latitude_deg, told.area.longitude_deg) : null;
    const before = this.hazards.get(told.event);
    if (before === undefined && this.hazards.size >= 4_096) return;
    this.hazards.set(told.event, { told, spot, area, at, since: before?.since ?? at, generation: this.generation });
  }

  signal(told, at) {
    if (!Number.isFinite(told.intersection)) return;
    const key = `${told.region ?? 0}/${told.intersection}`;
    const before = this.signals.get(key);
    const signal = { key, told, at, spot: this.point(told.latitude_deg, told.longitude_deg) ?? before?.spot ?? null, lanes: before?.lanes ?? [] };
    if (Array.isArray(told.lanes) && told.lanes.length > 0) {
      signal.lanes = told.lanes.map((lane) => ({
        group: lane.group ?? null, approach: lane.approach === true, kind: lane.kind,
        points: (lane.points ?? []).map(([latitude, longitude]) => this.point(latitude, longitude)).filter((p) => p !== null),
      })).filter((lane) => lane.points.length > 1);
      this.roadsChanged = true;
    }
    this.signals.set(key, signal);
    this.dirty = true;
  }

  /// The way of a flood: where the message was made, whence the delivered copy came, and here.
  message(told, at) {
    if (!told) return;
    const from = this.point(told.latitude_deg, told.longitude_deg);
    const by = told.forwarder ? this.point(told.forwarder.latitude_deg, told.forwarder.longitude_deg) : null;
    const to = told.at ? this.point(told.at[0], told.at[1]) : null;
    if (from === null || (told.type !== "hazard" && told.hops < 2)) return;
    this.flows.push({ from, by, to, hops: told.hops ?? 1, class: told.class, at, late: told.late === true });
    if (this.flows.length > MOST_FLOWS) this.flows.shift();
    this.dirty = true;
  }

  setStatus(told, at) {
    this.status = told;
    this.statusAt = at;
    const position = told.position;
    const spot = position ? this.point(position.latitude_deg, position.longitude_deg) : null;
    this.own = spot && { x: spot[0], y: spot[1], heading: Number.isFinite(position.heading_deg) ? position.heading_deg * Math.PI / 180 : NaN,
      roadside: told.role === "roadside" };
    if (!this.stats) this.pushBusy(told.channel_busy, at);
    this.dirty = true;
  }

  setStats(told, at) {
    if (!told) return;
    this.stats = told;
    this.statsAt = at;
    this.pushBusy(told.channel_busy, at);
    this.dirty = true;
  }

  pushBusy(share, at) {
    if (!Number.isFinite(share)) return;
    this.busy.push([at, share]);
    if (this.busy.length > BUSY_POINTS) this.busy.shift();
  }
}

/// 0 vehicle, 1 roadside unit, 2 vulnerable road user, 3 emergency vehicle.
function kindOf(told) {
  if (told.role === "emergency") return 3;
  if (told.role === "roadside" || told.station_type === "roadside_unit") return 1;
  if (told.role === "vru" || told.station_type === "pedestrian" || told.station_type === "cyclist") return 2;
  return told.permissions?.includes("emergency") ? 3 : 0;
}

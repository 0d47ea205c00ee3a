// Where the lines come from. Live: a WebSocket to `roadcast web`, opened again with growing pauses when it ends, its watches asked for
// anew. Replay: everything of a recorded thing at once, from the page itself or from `/view`, played against a clock of its own.

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/// A status comes each second: a link silent for so long is dead, or the machine slept.
const SILENT_MS = 8_000;

class LiveFeed {
  constructor(model, tell) {
    this.model = model;
    this.tell = tell;
    this.pause = FIRST_PAUSE_MS;
    this.heardAt = 0;
    this.spentMs = 0;
    this.lines = 0;
    this.selected = null;
    this.open();
    setInterval(() => this.poll(), 1_000);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.wake(); });
    window.addEventListener("online", () => this.wake());
  }

  url() {
    const url = new URL("ws", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.hash = "";
    url.search = location.search;
    return url;
  }

  open() {
    clearTimeout(this.timer);
    this.retryAt = 0;
    const socket = new WebSocket(this.url());
    this.socket = socket;
    socket.onopen = () => this.opened(socket);
    socket.onmessage = (event) => { if (socket === this.socket) this.received(event.data); };
    socket.onclose = (event) => { if (socket === this.socket) this.closed(event); };
  }

  opened(socket) {
    this.heardAt = performance.now();
    this.model.renew();
    this.tell("live", "");
    const ask = (request) => socket.send(JSON.stringify(request));
    ask({ station: "status", id: "status" });
    ask({ neighbours: "watch", id: "neighbours" });
    ask({ hazard: "watch", id: "hazard" });
    ask({ hazard: "list", id: "hazards" });
    ask({ signals: "watch", id: "signals" });
    ask({ stats: "watch", id: "stats" });
    ask({ messages: "watch", types: ["hazard"], payload: false, id: "floods" });
    const generation = this.model.generation;
    setTimeout(() => { if (socket === this.socket && this.model.generation === generation) this.model.sweep(); }, 2_000);
  }

  /// A frame of one or more lines. What a reader was not told in time is asked for once more.
  received(text) {
    const began = performance.now();
    this.heardAt = began;
    for (const part of text.indexOf("\n") < 0 ? [text] : text.split("\n")) {
      if (part === "") continue;
      let line;
      try { line = JSON.parse(part); } catch { continue; }
      if (line === null || typeof line !== "object") continue;
      this.lines += 1;
      this.pause = FIRST_PAUSE_MS;
      if (line.ok === false) this.refused(line);
      else this.model.line(line, began - (line.age_us ?? 0) / 1_000);
      if (line.watch === "lost") this.again(line.of);
      if (line.more_after && line.id === "hazards") this.ask({ hazard: "list", after: line.more_after, id: "hazards" });
      if (line.more_after && line.id === "neighbours-again") this.ask({ neighbours: "list", after: line.more_after, id: "neighbours-again" });
    }
    this.spentMs += performance.now() - began;
  }

  /// After losses, the whole list: a change that was left out may have been the last.
  again(what) {
    if (this.againTimer) return;
    this.againTimer = setTimeout(() => {
      this.againTimer = 0;
      if (what === "hazard" || what === "hazards") this.ask({ hazard: "list", id: "hazards" });
      else if (what === "neighbours") this.ask({ neighbours: "list", id: "neighbours-again" });
    }, 1_000);
  }

  refused(line) {
    // A station that does not have one of the watches still has the others.
    if (line.id === "floods" || line.id === "status") return;
    this.tell("refused", `${line.id ?? "The station"}: ${line.error ?? line.reason ?? "refused"}`);
  }

  ask(request) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(request));
  }

  closed(event) {
    const seconds = this.pause / 1_000;
    // All clients of a daemon that restarts would otherwise come back in the same instant.
    const pause = this.pause * (0.8 + 0.4 * Math.random());
    this.pause = Math.min(LONGEST_PAUSE_MS, this.pause * 2);
    this.retryAt = performance.now() + pause;
    this.tell("lost", event.reason ? `${event.reason}.` : "", seconds);
    this.timer = setTimeout(() => this.open(), pause);
  }

  poll() {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (performance.now() - this.heardAt > SILENT_MS) this.renew();
    else this.ask({ station: "status", id: "status" });
  }

  wake() {
    if (this.socket.readyState === WebSocket.OPEN && performance.now() - this.heardAt < 3_000) return;
    this.pause = FIRST_PAUSE_MS;
    this.renew();
  }

  renew() {
    const old = this.socket;
    this.open();
    old.close();
  }

  /// The messages of one station are a connection of their own, which ends with the selection: a connection has one watch of messages.
  select(digest, station, onMessage) {
    if (this.selected) { this.selected.onclose = null; this.selected.close(); this.selected = null; }
    if (!digest || !station?.told || !isPlace(station.told.latitude_deg, station.told.longitude_deg)) return;
    const socket = new WebSocket(this.url());
    this.selected = socket;
    let around = null;
    const ask = () => {
      around = [station.x, station.y];
      socket.send(JSON.stringify({ messages: "watch", payload: false, id: "selected", area: {
        latitude_deg: station.told.latitude_deg, longitude_deg: station.told.longitude_deg, radius_m: 300 } }));
    };
    socket.onopen = ask;
    socket.onmessage = (event) => {
      const line = JSON.parse(event.data);
      if (line.message?.signer === digest) onMessage(line.message, performance.now() - (line.age_us ?? 0) / 1_000);
      if (Math.hypot(station.x - around[0], station.y - around[1]) > 150) ask();
    };
  }

  now() { return performance.now(); }
  takeSpent() { const spent = this.spentMs; this.spentMs = 0; return spent; }
}

class ReplayFeed {
  constructor(model, tell) {
    this.model = model;
    this.tell = tell;
    this.at = 0;
    this.duration = 0;
    this.playing = false;
    this.speed = 1;
    this.lines = 0;
    this.moves = [];
    this.events = [];
    this.messages = null;
    this.load().catch((error) => tell("lost", `The recording cannot be read: ${error.message}.`));
  }

  async load() {
    const inside = document.getElementById("roadcast-view");
    let meta, lines;
    if (inside) {
      ({ meta, lines } = JSON.parse(inside.textContent));
      inside.remove();
    } else {
      meta = await (await fetch("view/meta")).json();
      const text = await (await fetch(`view/frames?from=0&to=${meta.duration_s + 1}`)).text();
      lines = text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
    }
    this.meta = meta;
    this.duration = meta.duration_s;
    for (const line of lines) (line.watch === "moves" ? this.moves : this.events).push(line);
    this.lines = lines.length;
    this.seek(0);
    this.tell("view", "");
    this.onReady?.();
  }

  /// Goes to a time: on from here, or from the beginning. Positions of more than half a minute before are not needed.
  seek(at) {
    at = Math.min(this.duration, Math.max(0, at));
    const began = performance.now();
    if (at < this.at || this.nextEvent === undefined) this.rewind(Math.max(0, at - 30));
    else if (at > this.at + 60) this.nextMove = Math.max(this.nextMove, firstAfter(this.moves, at - 30));
    const { events, moves, model } = this;
    for (;;) {
      const event = events[this.nextEvent], move = moves[this.nextMove];
      const next = event && (!move || event.t_s <= move.t_s) ? event : move;
      if (!next || next.t_s > at) break;
      if (next === event) this.nextEvent += 1; else this.nextMove += 1;
      model.line(next, next.t_s * 1_000);
    }
    this.at = at;
    model.dirty = true;
    this.spentMs = (this.spentMs ?? 0) + performance.now() - began;
  }

  rewind(from) {
    const { plane } = this.model;
    this.model.clear();
    this.model.plane = plane;
    this.model.setRoads(this.meta.roads ?? []);
    this.nextEvent = 0;
    this.nextMove = firstAfter(this.moves, from);
  }

  advance(ms) {
    if (!this.playing) return;
    if (this.at >= this.duration) { this.playing = false; return; }
    this.seek(this.at + ms / 1_000 * this.speed);
  }

  select() {}
  now() { return this.at * 1_000; }
  takeSpent() { const spent = this.spentMs ?? 0; this.spentMs = 0; return spent; }
}

function firstAfter(lines, t) {
  let low = 0, high = lines.length;
  while (low < high) { const middle = (low + high) >> 1; if (lines[middle].t_s < t) low = middle + 1; else high = middle; }
  return low;
}

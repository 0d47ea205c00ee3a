// Where the lines come from. Live: a WebSocket to `roadcast web`, opened again with growing pauses when it ends, its watches asked for
// anew. Replay: everything of a recorded thing at once, from the page itself or from `/view`, played against a clock of its own.

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/// A status comes each second: a link silent for so long is dead, or the machine slept.
const SILENT_MS = 8_000;
const SELECT_MS = 400;
const POLL_MS = 250;
/// Places farther apart in time are not joined.
const LONGEST_WAY_S = 20;

class LiveFeed {
  constructor(model, tell) {
    this.model = model;
    this.tell = tell;
    this.pause = FIRST_PAUSE_MS;
    this.heardAt = 0;
    this.spentMs = 0;
    this.lines = 0;
    this.selected = null;
    this.everOpen = false;
    this.token = takeToken();
    this.open();
    setInterval(() => this.poll(), 1_000);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.wake(); });
    window.addEventListener("online", () => this.wake());
  }

  url() {
    const url = new URL("ws", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.hash = url.search = "";
    return url;
  }

  /// A page cannot set headers of a WebSocket: the token goes as a subprotocol.
  connect() { return new WebSocket(this.url(), this.token ? ["roadcast", `token.${this.token}`] : ["roadcast"]); }

  open() {
    clearTimeout(this.timer);
    this.retryAt = 0;
    const socket = this.connect();
    this.socket = socket;
    socket.onopen = () => this.opened(socket);
    socket.onmessage = (event) => { if (socket === this.socket) this.received(event.data); };
    socket.onclose = (event) => { if (socket === this.socket) this.closed(event); };
  }

  opened(socket) {
    this.heardAt = performance.now();
    this.everOpen = true;
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
    this.tell("lost", event.reason ? `${event.reason}.` : this.everOpen ? "" : "If this server wants a token, open it as /#token=TOKEN.", seconds);
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
    leave(old);
  }

  /// The messages of one station are a connection of their own, which ends with the selection: a connection has one watch of messages.
  select(digest, station, onMessage) {
    clearTimeout(this.selectTimer);
    if (this.selected) leave(this.selected);
    this.selected = null;
    if (!digest || !station?.told || !isPlace(station.told.latitude_deg, station.told.longitude_deg)) return;
    // Who goes through the stations with a key opens none for those passed.
    this.selectTimer = setTimeout(() => this.listen(digest, station, onMessage), SELECT_MS);
  }

  listen(digest, station, onMessage) {
    const socket = this.connect();
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

/// One that is not open yet complains when it is closed.
function leave(socket) {
  socket.onmessage = socket.onclose = null;
  if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close(); else socket.close();
}

/// The token of `/#token=TOKEN`, kept for this tab and taken out of the address, which people copy.
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  try {
    if (given) { sessionStorage.setItem("roadcast-token", given); history.replaceState(null, "", location.pathname); }
    return given ?? sessionStorage.getItem("roadcast-token");
  } catch { return given; }
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
    // Until the page has said what is to be done then.
    await null;
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
    if (meta.live) {
      this.take(lines);
      this.onReady?.();
      this.again = setTimeout(() => this.poll(), POLL_MS);
      return;
    }
    this.duration = meta.duration_s;
    for (const line of lines) (line.watch === "moves" ? this.moves : this.events).push(line);
    this.lines = lines.length;
    this.seek(0);
    this.tell("view", "");
    this.onReady?.();
  }

  /// What goes on now, such as a demo, tells all of it each time.
  take(lines) {
    const began = performance.now();
    this.model.renew();
    if (this.model.roads.length === 0) this.model.setRoads(this.meta.roads ?? []);
    for (const line of lines) this.model.line(line, began);
    this.model.sweep();
    this.lines += lines.length;
    this.spentMs = (this.spentMs ?? 0) + performance.now() - began;
    this.tell("live", "");
  }

  async poll() {
    let pause = POLL_MS;
    try {
      const text = await (await fetch("view/frames")).text();
      this.take(text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line)));
      this.pause = FIRST_PAUSE_MS;
    } catch {
      pause = this.pause ??= FIRST_PAUSE_MS;
      this.pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
      this.tell("lost", "It may have ended.", pause / 1_000);
    }
    this.again = setTimeout(() => this.poll(), pause);
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
    this.between(at);
    model.dirty = true;
    this.spentMs = (this.spentMs ?? 0) + performance.now() - began;
  }

  /// Where stations are between two times at which their places were told.
  between(at) {
    const before = this.moves[this.nextMove - 1], after = this.moves[this.nextMove];
    if (!before || !after || after.t_s - before.t_s > LONGEST_WAY_S) return;
    const part = (at - before.t_s) / (after.t_s - before.t_s);
    for (const [digest, latitude, longitude] of after.moves) {
      const station = this.model.stations.get(digest);
      if (!station?.placed || !isPlace(latitude, longitude)) continue;
      const x = this.model.plane.x(longitude), y = this.model.plane.y(latitude);
      if (Math.abs(x - station.toldX) + Math.abs(y - station.toldY) > 300) continue;
      station.x = station.toldX + (x - station.toldX) * part;
      station.y = station.toldY + (y - station.toldY) * part;
    }
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
  now() { return this.meta?.live ? performance.now() : this.at * 1_000; }
  takeSpent() { const spent = this.spentMs ?? 0; this.spentMs = 0; return spent; }
}

function firstAfter(lines, t) {
  let low = 0, high = lines.length;
  while (low < high) { const middle = (low + high) >> 1; if (lines[middle].t_s < t) low = middle + 1; else high = middle; }
  return low;
}

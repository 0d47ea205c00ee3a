// Which part of the plane the canvas shows: a centre in metres and pixels a metre.

const MOST_ZOOM = 40;
const LEAST_ZOOM = 0.0002;
/// Places farther from the middle one than this do not pull the picture to them.
const FIT_REACH_M = 25_000;

class Camera {
  constructor() { this.x = 0; this.y = 0; this.zoom = 1; this.width = 1; this.height = 1; this.held = false; this.placed = false; this.changed = true; }

  size(width, height) {
    if (width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    this.changed = true;
  }
  sx(x) { return (x - this.x) * this.zoom + this.width / 2; }
  sy(y) { return this.height / 2 - (y - this.y) * this.zoom; }
  wx(sx) { return (sx - this.width / 2) / this.zoom + this.x; }
  wy(sy) { return this.y - (sy - this.height / 2) / this.zoom; }

  pan(dx, dy) { this.x -= dx / this.zoom; this.y += dy / this.zoom; this.held = true; this.changed = true; }
  zoomAt(factor, sx, sy) {
    const x = this.wx(sx), y = this.wy(sy);
    this.zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, this.zoom * factor));
    this.x += x - this.wx(sx);
    this.y += y - this.wy(sy);
    this.held = true;
    this.changed = true;
  }
  centre(x, y) {
    if (this.x === x && this.y === y) return;
    this.x = x;
    this.y = y;
    this.changed = true;
  }

  /// Shows these places with a margin; `pads` are what lies over the canvas.
  fit(places, pads) {
    if (places.length === 0) return;
    const middle = (axis) => { const sorted = places.map((p) => p[axis]).sort((a, b) => a - b); return sorted[sorted.length >> 1]; };
    const mx = middle(0), my = middle(1);
    let west = Infinity, east = -Infinity, south = Infinity, north = -Infinity;
    for (const [x, y] of places) {
      if (Math.abs(x - mx) > FIT_REACH_M || Math.abs(y - my) > FIT_REACH_M) continue;
      west = Math.min(west, x); east = Math.max(east, x);
      south = Math.min(south, y); north = Math.max(north, y);
    }
    const wide = Math.max(east - west, 60), high = Math.max(north - south, 60);
    const room = { w: Math.max(80, this.width - pads.left - pads.right), h: Math.max(80, this.height - pads.top - pads.bottom) };
    this.zoom = Math.min(room.w / wide, room.h / high, 4);
    this.x = (west + east) / 2 + (pads.right - pads.left) / 2 / this.zoom;
    this.y = (south + north) / 2 - (pads.bottom - pads.top) / 2 / this.zoom;
    this.placed = true;
    this.changed = true;
  }
}

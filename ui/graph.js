// The rate of the last minutes as a stacked graph. A span that is brushed leads to that time in the history, while
// what is live goes on.

import uPlot from "./vendor/uPlot.js";
import { byId, make } from "./dom.js";
import { LEFT_OUT, OTHER, stacked } from "./rates.js";
import { hueOf } from "./tagtree.js";
import { clipped, plural, short } from "./text.js";
import { clock } from "./time.js";

const HEIGHT = 92;
/** Pixels that are a brush and not a click. */
const BRUSH_MIN = 4;
/** Steps drawn, about: as many as are told apart. */
const STEPS = 300;
const NAME_LENGTH_MAX = 40;
/** Steps of the axis: events are whole. */
const INCREMENTS = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));

export class Graph {
  by = "level";
  span = 300;
  /** The time that somebody reads at, to be marked; null while following. */
  readingAt = null;
  /** When the page began, in seconds. */
  began = Date.now() / 1000;
  #plot = null;
  #shape = "";
  #brushed = null;
  #cursor = null;

  /** `on`: `{ jump(from), choose(by), time() }`. */
  constructor(rates, on) {
    Object.assign(this, { rates, on });
    this.root = byId("graph");
    this.box = byId("plot");
    this.root.addEventListener("click", ({ target }) => this.#clicked(target));
    this.box.addEventListener("keydown", (event) => this.#onKey(event));
    this.box.addEventListener("blur", () => this.#point(null));
    new ResizeObserver(() => this.#plot?.setSize({ width: this.box.clientWidth, height: HEIGHT })).observe(this.box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#shape = "";
      this.draw();
    });
  }

  get isShown() {
    return !this.root.hidden;
  }

  show(isShown) {
    this.root.hidden = !isShown;
    this.draw();
  }

  /** Which lines there are. */
  choose(by) {
    this.by = by;
    for (const button of this.root.querySelectorAll("[data-by]")) button.setAttribute("aria-pressed", String(button.dataset.by === by));
    this.draw();
  }

  #clicked(target) {
    const { by, span } = target.dataset;
    if (by) this.on.choose(by);
    if (!span) return;
    this.span = Number(span);
    for (const button of this.root.querySelectorAll("[data-span]")) button.setAttribute("aria-pressed", String(button === target));
    this.draw();
  }

  /** Draws what there is now. */
  draw() {
    if (!this.isShown || document.hidden || this.box.clientWidth === 0) return;
    const now = Date.now() / 1000;
    const step = Math.max(1, Math.round(this.span / STEPS));
    const { times, series } = this.rates.series(this.by, this.span, step, now);
    const names = series.map(({ name }) => name);
    const shape = JSON.stringify([this.by, step, names, this.on.time()]);
    const data = [times, ...stacked(series)];
    if (shape !== this.#shape) this.#make(names, step, data);
    else this.#plot.setData(data);
    this.#shape = shape;
    this.#placeBrush();
  }

  #make(names, step, data) {
    this.#plot?.destroy();
    const style = getComputedStyle(this.root);
    const css = (name) => style.getPropertyValue(name).trim();
    const colour = (name) => this.#colour(name, css);
    const font = `11px ${css("--font")}`;
    const bars = uPlot.paths.bars({ size: [step === 1 && this.span > 200 ? 0.86 : 0.8, 14, 1], align: 1 });
    const axis = { stroke: css("--dim"), font, ticks: { show: false } };
    this.#plot = new uPlot({
      width: this.box.clientWidth,
      height: HEIGHT,
      padding: [8, 26, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, dist: BRUSH_MIN, setScale: false } },
      scales: { x: { time: true, range: () => this.#range() }, y: { range: (u, low, high) => [0, Math.max(4, high * 1.08)] } },
      axes: [
        { ...axis, size: 20, gap: 4, space: 70, grid: { show: false }, values: (u, splits) => splits.map((at) => clock(at, this.on.time(), this.span <= 300)) },
        { ...axis, size: 44, gap: 6, space: 26, incrs: INCREMENTS, grid: { stroke: css("--line"), width: 1 }, values: (u, splits) => splits.map((value) => (value === 0 ? "" : short(value))) },
      ],
      series: [{}, ...names.toReversed().map((name) => ({ label: name, fill: colour(name), width: 0, paths: bars, points: { show: false } }))],
      hooks: {
        setSelect: [(u) => this.#selected(u)],
        drawClear: [(u) => this.#drawUnknown(u, css("--sunken"))],
        draw: [(u) => this.#drawMark(u, css("--accent"))],
      },
    }, data, this.box);
    byId("legend").replaceChildren(...names.map((name) => {
      const key = make("span", { class: "legend-key" }, make("i", {}), clipped(name === "none" ? "no level" : name, NAME_LENGTH_MAX));
      key.firstChild.style.background = colour(name);
      return key;
    }));
  }

  #range() {
    const now = Math.floor(Date.now() / 1000);
    return [now - this.span + 1, now + 1];
  }

  #colour(name, css) {
    if (name === LEFT_OUT) return css("--left-out");
    if (name === OTHER) return css("--fill-none");
    if (this.by === "level") return css(`--fill-${name}`);
    return `oklch(${css("--tag-fill-l")} ${css("--tag-c")} ${hueOf(name)})`;
  }

  /** The time before anything came: nobody counted what was then. */
  #drawUnknown(u, colour) {
    const { left, top, width, height } = u.bbox;
    const to = this.rates.knownFrom ?? this.began;
    const x = Math.min(left + width, u.valToPos(to, "x", true));
    if (x <= left) return;
    u.ctx.save();
    u.ctx.fillStyle = colour;
    u.ctx.fillRect(left, top, x - left, height);
    u.ctx.restore();
  }

  /** Where somebody reads. */
  #drawMark(u, colour) {
    if (this.readingAt === null) return;
    const x = u.valToPos(this.readingAt, "x", true);
    const { left, top, width, height } = u.bbox;
    if (x < left || x > left + width) return;
    u.ctx.save();
    u.ctx.fillStyle = colour;
    u.ctx.fillRect(Math.round(x), top, 2 * devicePixelRatio, height);
    u.ctx.restore();
  }

  // -- The brush

  #selected(u) {
    if (u.select.width < BRUSH_MIN) return;
    const [from, to] = [u.select.left, u.select.left + u.select.width].map((x) => u.posToVal(x, "x"));
    this.#brushed = [from, to];
    this.box.blur();
    this.tell();
    this.on.jump(Math.floor(from));
  }

  /** Forgets the span. */
  clear() {
    this.#brushed = null;
    this.#plot?.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.tell();
  }

  /** Says what span is chosen, and how many events it has. */
  tell() {
    const told = byId("span-told");
    if (!this.#brushed) return void (told.textContent = "");
    const [from, to] = this.#brushed;
    const isKnown = from >= Math.floor(this.rates.knownFrom ?? this.began);
    const events = isKnown ? ` · ${plural(this.rates.between(Math.floor(from), Math.floor(to)), "event")}` : "";
    told.textContent = `${clock(from, this.on.time())} – ${clock(to, this.on.time())}${events}`;
  }

  /** The graph moves on; the span moves with its time. */
  #placeBrush() {
    if (!this.#brushed || this.#plot.cursor.event?.buttons) return;
    const [left, right] = this.#brushed.map((at) => this.#plot.valToPos(at, "x"));
    const width = Math.max(0, right - Math.max(0, left));
    this.#plot.setSelect({ left: Math.max(0, left), width, top: 0, height: this.#plot.over.clientHeight }, false);
  }

  // -- By keys

  #onKey(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (steps !== undefined) {
      const [from, to] = this.#range();
      const step = Math.max(1, Math.round(this.span / 60)) * (event.shiftKey ? 5 : 1);
      this.#point(Math.max(from, Math.min(to, (this.#cursor ?? to) + steps * step)));
    } else if (event.key === "Enter" && this.#cursor !== null) {
      this.#brushed = [this.#cursor, this.#cursor + 1];
      this.tell();
      this.on.jump(Math.floor(this.#cursor));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #point(at) {
    this.#cursor = at;
    if (!this.#plot) return;
    this.#plot.setCursor({ left: at === null ? -10 : this.#plot.valToPos(at, "x"), top: 10 });
    byId("span-told").textContent = at === null ? byId("span-told").textContent : clock(at, this.on.time());
    if (at === null) this.tell();
  }
}

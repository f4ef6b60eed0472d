// The player of recorded runs. One module for both homes: `render` for anywidget, `mountAll` for static HTML.
//
// A trace is what ganlab/show/trace.py writes. Several traces share one clock: the fraction of the run that has
// passed. Paused, each shows one recorded frame, exactly; while it plays, points glide between frames.

const REAL = "#0173b2"; // blue: the target, "the discriminator says real"
const FAKE = "#de8f05"; // orange: generated samples, "the discriminator says fake"
const GOOD = "#029e73";
const INK = "#262626";
const GREY = "#6b6b6b";
const BELIEF = ["#eab765", "#f6dcb0", "#fbfaf7", "#b9d6ea", "#74b1d8"].map(rgb); // D from 0 to 1
const LINES = [
  { colour: REAL, ink: REAL, dash: [], sign: "●" },
  { colour: "#d55e00", ink: "#a84a00", dash: [6, 3], sign: "■" },
];
const STYLE = `
.ganlab-player { box-sizing: border-box; max-width: 58rem; padding: .75rem; border: 1px solid #d9d9d9;
  border-radius: 8px; background: #fff; color: ${INK}; font: 14px/1.45 system-ui, sans-serif; }
.ganlab-player *, .ganlab-player *::before { box-sizing: border-box; }
.ganlab-player .runs { display: flex; flex-wrap: wrap; gap: 1rem; justify-content: center; }
.ganlab-player figure { flex: 1 1 17rem; max-width: 27rem; min-width: 0; margin: 0; }
.ganlab-player figcaption { margin-bottom: .3rem; font-weight: 700; }
.ganlab-player canvas { display: block; width: 100%; border-radius: 4px; }
.ganlab-player .plane { aspect-ratio: 1; border: 1px solid #e4e4e4; }
.ganlab-player .sentence { min-height: 1.5em; margin: .4rem 0 0; }
.ganlab-player .chart { height: 7.5rem; margin-top: .4rem; cursor: pointer; }
.ganlab-player .bar { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin-top: .6rem; }
.ganlab-player .bar input[type=range] { flex: 1 1 12rem; min-width: 8rem; margin: 0; accent-color: ${REAL}; }
.ganlab-player button, .ganlab-player select { min-height: 2rem; padding: .2rem .7rem; border: 1px solid #8a8a8a;
  border-radius: 5px; background: #fff; color: ${INK}; font: inherit; cursor: pointer; }
.ganlab-player button { min-width: 4.6rem; font-weight: 600; }
.ganlab-player button:hover { background: #f1f6fa; }
.ganlab-player :focus-visible { outline: 3px solid ${REAL}; outline-offset: 2px; }
.ganlab-player .step { min-width: 6.5em; font-variant-numeric: tabular-nums; text-align: right; }
.ganlab-player .keys { margin: .5rem 0 0; color: ${GREY}; font-size: 12.5px; }
.ganlab-player .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
`;

function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** A payload with its arrays unpacked. */
export function decode(payload) {
  if (payload.format !== "ganlab-trace" || payload.version !== 1)
    throw new Error(`not a trace of version 1: ${payload.format} ${payload.version}`);
  const [left, right, bottom, top] = payload.extent;
  const raw = bytes(payload.samples.data);
  const view = new DataView(raw.buffer);
  const samples = new Float32Array(raw.length / 2);
  for (let i = 0; i < samples.length; i++) {
    const unit = 2 * (view.getUint16(2 * i, true) / 65535 - 0.5);
    samples[i] = i % 2 ? (bottom + top) / 2 + unit * (top - bottom) : (left + right) / 2 + unit * (right - left);
  }
  return { ...payload, samples, count: payload.samples.count,
    field: payload.field ? bytes(payload.field.data) : null, size: payload.field ? payload.field.size : 0 };
}

/** The lines on which D = 1/2, by marching squares: [[x0, y0, x1, y1], ...] in cells. */
export function halfway(value, size) {
  const lines = [];
  const at = (x, y) => value(x, y) - 0.5;
  for (let y = 0; y + 1 < size; y++)
    for (let x = 0; x + 1 < size; x++) {
      const corners = [[x, y, at(x, y)], [x + 1, y, at(x + 1, y)], [x + 1, y + 1, at(x + 1, y + 1)], [x, y + 1, at(x, y + 1)]];
      const cuts = [];
      corners.forEach((a, i) => {
        const b = corners[(i + 1) % 4];
        if (a[2] < 0 !== b[2] < 0) {
          const t = a[2] / (a[2] - b[2]);
          cuts.push([a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]);
        }
      });
      for (let i = 0; i + 1 < cuts.length; i += 2) lines.push([...cuts[i], ...cuts[i + 1]]);
    }
  return lines;
}

/** Fit the canvas to its box and the screen; returns its context in CSS pixels, and its size. */
function fit(canvas) {
  const box = canvas.getBoundingClientRect();
  const scale = window.devicePixelRatio || 1;
  const width = Math.max(1, box.width), height = Math.max(1, box.height);
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** One run: its title, its plane, its sentence. */
class Run {
  constructor(payload) {
    this.trace = decode(payload);
    this.figure = document.createElement("figure");
    this.figure.innerHTML = `<figcaption></figcaption><canvas class="plane" role="img"></canvas><p class="sentence"></p>`;
    this.figure.querySelector("figcaption").textContent = this.trace.title;
    this.canvas = this.figure.querySelector("canvas");
    this.sentence = this.figure.querySelector(".sentence");
    this.raster = document.createElement("canvas");
    this.raster.width = this.raster.height = this.trace.size || 1;
  }

  get last() {
    return this.trace.steps.length - 1;
  }

  /** Where in the trace a fraction of the run is; exact frames when `glide` is off. */
  place(clock, glide) {
    const exact = clock * this.last;
    const frame = Math.min(this.last, Math.round(exact));
    const from = glide ? Math.min(this.last, Math.floor(exact + 1e-9)) : frame;
    return { frame, from, to: Math.min(this.last, from + 1), part: glide ? Math.max(0, exact - from) : 0 };
  }

  draw(clock, glide) {
    const { trace } = this;
    const { frame, from, to, part } = this.place(clock, glide);
    const { context, width, height } = fit(this.canvas);
    const [left, right, bottom, top] = trace.extent;
    const x = (value) => ((value - left) / (right - left)) * width;
    const y = (value) => ((top - value) / (top - bottom)) * height;
    if (trace.field) this.drawField(context, width, height, from, to, part);
    const { samples, count } = trace;
    context.fillStyle = FAKE;
    context.strokeStyle = INK;
    context.lineWidth = 0.6;
    const reach = 3.1;
    context.beginPath();
    for (let i = 0; i < count; i++) {
      const [a, b] = [2 * (from * count + i), 2 * (to * count + i)];
      const px = x(samples[a] + part * (samples[b] - samples[a]));
      const py = y(samples[a + 1] + part * (samples[b + 1] - samples[a + 1]));
      context.moveTo(px, py - reach);
      context.lineTo(px + reach, py);
      context.lineTo(px, py + reach);
      context.lineTo(px - reach, py);
      context.closePath();
    }
    context.fill();
    context.stroke();
    trace.centres.forEach(([cx, cy], mode) => {
      const seen = trace.covered[frame][mode] === "1";
      const radius = Math.max(9, (trace.radii[mode] / (right - left)) * width);
      context.beginPath();
      context.arc(x(cx), y(cy), radius, 0, 2 * Math.PI);
      context.setLineDash(seen ? [] : [3, 2.5]);
      context.strokeStyle = seen ? "#fff" : "rgba(255,255,255,.8)";
      context.lineWidth = seen ? 4.5 : 3;
      context.stroke();
      context.strokeStyle = seen ? REAL : INK;
      context.lineWidth = seen ? 2.4 : 1.4;
      context.stroke();
      context.setLineDash([]);
      if (!seen) {
        context.beginPath();
        context.moveTo(x(cx) - 4, y(cy) - 4);
        context.lineTo(x(cx) + 4, y(cy) + 4);
        context.moveTo(x(cx) + 4, y(cy) - 4);
        context.lineTo(x(cx) - 4, y(cy) + 4);
        context.lineWidth = 1.8;
        context.stroke();
      }
    });
    return frame;
  }

  drawField(context, width, height, from, to, part) {
    const { field, size } = this.trace;
    const value = (column, row) => {
      const at = row * size + column;
      return ((1 - part) * field[from * size * size + at] + part * field[to * size * size + at]) / 255;
    };
    const small = this.raster.getContext("2d");
    const pixels = small.createImageData(size, size);
    for (let row = 0; row < size; row++)
      for (let column = 0; column < size; column++) {
        const place = value(column, size - 1 - row) * (BELIEF.length - 1);
        const low = Math.min(BELIEF.length - 2, Math.floor(place));
        for (let channel = 0; channel < 3; channel++)
          pixels.data[4 * (row * size + column) + channel] =
            BELIEF[low][channel] + (place - low) * (BELIEF[low + 1][channel] - BELIEF[low][channel]);
        pixels.data[4 * (row * size + column) + 3] = 255;
      }
    small.putImageData(pixels, 0, 0);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.raster, 0, 0, width, height);
    context.strokeStyle = INK;
    context.lineWidth = 1.2;
    context.beginPath();
    for (const [x0, y0, x1, y1] of halfway(value, size)) {
      context.moveTo(((x0 + 0.5) / size) * width, (1 - (y0 + 0.5) / size) * height);
      context.lineTo(((x1 + 0.5) / size) * width, (1 - (y1 + 0.5) / size) * height);
    }
    context.stroke();
  }
}

/** The first metric of all runs over the clock, with its ceiling and floor and a line at the present. */
function drawChart(canvas, runs, name, clock) {
  const { context, width, height } = fit(canvas);
  const area = { left: 34, right: width - 96, top: 27, bottom: height - 8 };
  const curves = runs.map((run) => run.trace.metrics[name]);
  const known = curves.flatMap((c) => [...c.values, c.ceiling, c.floor]).filter((value) => value !== null && value !== undefined);
  const low = Math.min(0, ...known), high = Math.max(...known, low + 1e-9);
  const x = (part) => area.left + part * (area.right - area.left);
  const y = (value) => area.bottom - ((value - low) / (high - low)) * (area.bottom - area.top);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.fillStyle = INK;
  context.font = "bold 12.5px system-ui, sans-serif";
  context.fillText(name, 2, 9);
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = GREY;
  context.textAlign = "right";
  for (const value of [low, high]) context.fillText(tidy(value), area.left - 6, y(value));
  context.strokeStyle = "#e4e4e4";
  context.lineWidth = 1;
  for (const value of [low, (low + high) / 2, high]) line(context, area.left, y(value), area.right, y(value));
  const labels = [];
  const { ceiling } = curves[0];
  if (ceiling !== null && ceiling !== undefined) {
    context.strokeStyle = GOOD;
    context.setLineDash([5, 3]);
    line(context, area.left, y(ceiling), area.right, y(ceiling));
    context.setLineDash([]);
    labels.push({ at: y(ceiling), text: `ceiling ${tidy(ceiling)}`, colour: "#017a59" });
  }
  runs.forEach((run, index) => {
    const { values } = curves[index];
    const { colour, ink, dash, sign } = LINES[index];
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.setLineDash(dash);
    context.beginPath();
    let pen = false;
    values.forEach((value, frame) => {
      if (value === null) return void (pen = false);
      context[pen ? "lineTo" : "moveTo"](x(run.last ? frame / run.last : 0), y(value));
      pen = true;
    });
    context.stroke();
    context.setLineDash([]);
    const { frame } = run.place(clock, false);
    if (values[frame] === null) return;
    const px = x(run.last ? frame / run.last : 0), py = y(values[frame]);
    context.fillStyle = colour;
    context.beginPath();
    if (sign === "●") context.arc(px, py, 5, 0, 2 * Math.PI);
    else context.rect(px - 4.5, py - 4.5, 9, 9);
    context.fill();
    context.strokeStyle = "#fff";
    context.lineWidth = 1.2;
    context.stroke();
    labels.push({ at: py, text: `${runs.length > 1 ? sign : "now"} ${tidy(values[frame])}`, colour: ink, bold: true });
  });
  labels.sort((a, b) => a.at - b.at);
  for (let i = 1; i < labels.length; i++) labels[i].at = Math.max(labels[i].at, labels[i - 1].at + 14);
  context.textAlign = "left";
  for (const { at, text, colour, bold } of labels) {
    context.font = `${bold ? "bold " : ""}12px system-ui, sans-serif`;
    context.fillStyle = colour;
    context.fillText(text, area.right + 10, Math.min(at, height - 7));
  }
  context.strokeStyle = "rgba(38,38,38,.45)";
  context.lineWidth = 1;
  line(context, x(clock), area.top, x(clock), area.bottom);
  return (px) => Math.min(1, Math.max(0, (px - area.left) / (area.right - area.left)));
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function tidy(value) {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}

/**
 * Put a player into an element.
 * @returns {{go: (frame: number) => void, destroy: () => void}} `go` shows a frame of the longest run.
 */
export function createPlayer(element, payloads, onFrame = () => {}) {
  const runs = payloads.map((payload) => new Run(payload));
  const frames = Math.max(...runs.map((run) => run.last));
  const name = Object.keys(runs[0].trace.metrics).find((metric) => runs.every((run) => metric in run.trace.metrics));
  const still = window.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? false;
  const { count, counted } = payloads[0].samples;
  const drawn = counted > count ? `${count} of the ${counted} counted points are drawn.` : "";
  const root = document.createElement("section");
  root.className = "ganlab-player";
  root.setAttribute("aria-label", `Recorded training: ${runs.map((run) => run.trace.title).join(" beside ")}`);
  root.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab would take the arrow keys
  root.innerHTML = `<style>${STYLE}</style>
    <div class="runs"></div>
    <canvas class="chart" role="img"></canvas>
    <div class="bar">
      <button type="button">Play</button>
      <input type="range" min="0" max="${frames}" step="1" value="0" aria-label="Frame">
      <span class="step" aria-hidden="true"></span>
      <label>speed <select><option value="0.5">½×</option><option value="1" selected>1×</option>
        <option value="2">2×</option><option value="4">4×</option></select></label>
    </div>
    <p class="keys">Keys: space plays and pauses, ← → move a frame, Home and End jump.
      Blue ring: mode covered. Dashed cross: mode missing.
      Blue: D says real, orange: fake, line: D = ½. ${drawn}</p>
    <div class="unseen" role="status" aria-live="polite"></div>`;
  const [chart, button, slider, step, speed, status] = [".chart", "button", "input", ".step", "select", "[role=status]"].map(
    (selector) => root.querySelector(selector));
  root.querySelector(".runs").append(...runs.map((run) => run.figure));
  if (runs.length > 1)
    runs.forEach((run, index) => {
      const mark = document.createElement("span");
      mark.textContent = LINES[index].sign + " ";
      mark.style.color = LINES[index].ink;
      mark.setAttribute("aria-hidden", "true");
      run.figure.querySelector("figcaption").prepend(mark);
    });
  if (!name) chart.remove();

  let frame = 0, clock = 0, playing = false, ticket = 0, before = 0, toClock = () => 0;

  function draw() {
    const glide = playing && !still;
    const said = runs.map((run) => {
      const at = run.draw(clock, glide);
      run.sentence.textContent = run.trace.sentences[at];
      run.canvas.setAttribute("aria-label", run.trace.sentences[at]);
      return runs.length > 1 ? `${run.trace.title}. ${run.trace.sentences[at]}` : run.trace.sentences[at];
    }).join(" ");
    const leader = runs.find((run) => run.last === frames);
    const at = leader.place(clock, false).frame;
    if (name) {
      toClock = drawChart(chart, runs, name, clock);
      chart.setAttribute("aria-label", `${name} over the run, now: ` +
        runs.map((run) => `${run.trace.title} ${run.trace.metrics[name].values[run.place(clock, false).frame]}`).join(", "));
    }
    step.textContent = `step ${leader.trace.steps[at]}`;
    slider.value = String(at);
    slider.setAttribute("aria-valuetext", said);
    if (!playing) status.textContent = said; // spoken once it stands still, not thirty times a second
    if (at !== frame) onFrame((frame = at));
  }

  function go(to) {
    clock = frames ? Math.min(frames, Math.max(0, to)) / frames : 0;
    draw();
  }

  function play(on) {
    playing = on && frames > 0;
    button.textContent = playing ? "Pause" : "Play";
    cancelAnimationFrame(ticket);
    if (!playing) return go(Math.round(clock * frames));
    if (clock >= 1) clock = 0;
    before = performance.now();
    ticket = requestAnimationFrame(tick);
  }

  function tick(now) {
    const seconds = Math.max(5, Math.min(15, frames / 6)) / Number(speed.value);
    // A frame's time may lie before the click that asked for it; a tab in the background stops the clock.
    clock = Math.min(1, clock + Math.min(100, Math.max(0, now - before)) / 1000 / seconds);
    before = now;
    draw();
    if (clock >= 1) return play(false);
    ticket = requestAnimationFrame(tick);
  }

  button.addEventListener("click", () => play(!playing));
  slider.addEventListener("input", () => {
    const to = Number(slider.value);
    if (playing) play(false);
    go(to);
  });
  const scrub = (event) => {
    if (playing) play(false);
    go(Math.round(toClock(event.clientX - chart.getBoundingClientRect().left) * frames));
  };
  chart.addEventListener("pointerdown", (event) => {
    chart.setPointerCapture(event.pointerId);
    scrub(event);
  });
  chart.addEventListener("pointermove", (event) => event.buttons && scrub(event));
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === speed) return;
    const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10,
      Home: -Infinity, End: Infinity };
    if (event.key === " ") {
      if (event.target === button) return; // the button does it itself
      play(!playing);
    } else if (event.key in moves) {
      if (playing) play(false);
      go(Math.round(clock * frames) + moves[event.key]);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  element.append(root);
  const watch = new ResizeObserver(() => draw());
  watch.observe(root);
  draw();
  return { go, destroy: () => { cancelAnimationFrame(ticket); watch.disconnect(); root.remove(); } };
}

/** anywidget's entry. */
function render({ model, el }) {
  let shown = 0;
  const player = createPlayer(el, model.get("traces"), (frame) => {
    shown = frame;
    if (model.get("frame") === frame) return;
    model.set("frame", frame);
    model.save_changes();
  });
  const follow = () => model.get("frame") !== shown && player.go(model.get("frame"));
  follow();
  model.on("change:frame", follow);
  return () => { model.off("change:frame", follow); player.destroy(); };
}

/** Static HTML's entry: every place that holds a trace and no player yet. */
export function mountAll(root) {
  for (const place of root.querySelectorAll(".ganlab-player-place:not([data-ready])")) {
    place.dataset.ready = "";
    createPlayer(place, JSON.parse(place.querySelector('script[type="application/json"]').textContent));
  }
}

export default { render };

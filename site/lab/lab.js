// The page of the lab: settings in, two games, pictures and sentences out. The mathematics is in engine.js.

(function () {
  "use strict";

  const engine = window.ganlabEngine;
  const $ = (id) => document.getElementById(id);
  const EXTENT = 3.2; // the plane shown is [-EXTENT, EXTENT] in both directions
  const CELLS = 36; // of the discriminator's field, in each direction
  const LOOK_EVERY = 25; // steps between two measurements
  const FAKE = "#b35c00";
  const REAL = "#0173b2";
  const FALSE_COLOURS = ["#eab765", "#f6dcb0", "#fbfaf7", "#b9d6ea", "#74b1d8"].map((hex) =>
    [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));

  let drawn = [[-1.5, -1], [1.5, -1], [0, 1.5]];
  let games = [];
  let shownReals = null;
  let running = false;

  // Settings --------------------------------------------------------------------------------------------------------

  function data() {
    const kind = $("data").value;
    if (kind === "grid") return engine.grid();
    return kind === "ring" ? engine.ring() : engine.mixture(drawn, 0.05);
  }

  function rates() {
    const read = (id) => Number((10 ** Number($(id).value)).toPrecision(2));
    return { discriminatorRate: read("discriminator-rate"), generatorRate: read("generator-rate") };
  }

  function startAgain() {
    const seed = Math.max(0, Math.floor(Number($("seed").value)) || 0);
    const beta1 = engine.PRESETS[$("preset").value]?.beta1 ?? 0.5;
    const settings = { seed, data: data(), beta1, loss: $("loss").value, ...rates() };
    const methods = $("method").value === "gan" ? ["gan"] : ["gan", $("method").value];
    games = methods.map((method) => {
      const game = new engine.Game({ ...settings, method });
      return { game, looks: [], title: engine.METHODS[method].title };
    });
    shownReals = settings.data.sample(300, new engine.Random(seed + 5));
    $("right-figure").hidden = games.length < 2;
    $("drawing").hidden = $("data").value !== "drawn";
    $("about").textContent = engine.METHODS[$("method").value].about;
    measure();
    draw();
  }

  function changeRates() {
    const { discriminatorRate, generatorRate } = rates();
    $("discriminator-shown").textContent = discriminatorRate;
    $("generator-shown").textContent = generatorRate;
    for (const { game } of games) {
      game.discriminator.rate = discriminatorRate;
      game.generator.rate = generatorRate;
    }
  }

  function usePreset() {
    const preset = engine.PRESETS[$("preset").value];
    if (!preset) return;
    $("data").value = preset.data;
    $("discriminator-rate").value = Math.log10(preset.discriminatorRate);
    $("generator-rate").value = Math.log10(preset.generatorRate);
    changeRates();
    startAgain();
  }

  // Training --------------------------------------------------------------------------------------------------------

  function train(kind) {
    for (const { game } of games) {
      if (kind === "both") game.both();
      else if (kind === "d") game.discriminatorStep();
      else game.generatorStep();
    }
  }

  function once(kind) {
    run(false);
    train(kind);
    measure();
    draw();
    speak();
  }

  function run(on) {
    running = on;
    $("run").textContent = on ? "Pause" : "Run";
    if (on) requestAnimationFrame(frame);
    else speak();
  }

  function frame() {
    if (!running) return;
    const until = performance.now() + 24; // the page stays alive between two pictures
    do {
      train("both");
      if (games[0].game.step % LOOK_EVERY === 0) measure();
    } while (performance.now() < until);
    draw();
    requestAnimationFrame(frame);
  }

  function measure() {
    for (const one of games) {
      one.samples = one.game.samples();
      one.looks.push({ step: one.game.step, ...engine.measure(one.samples, one.game.settings.data) });
      if (one.looks.length > 4000) one.looks = one.looks.filter((_, i) => i % 2 === 0);
    }
  }

  function sentence(one) {
    const look = one.looks[one.looks.length - 1];
    const losses = one.game.losses;
    const rest = Number.isFinite(losses.discriminator) && Number.isFinite(losses.generator)
      ? ` Losses: D ${losses.discriminator.toFixed(2)}, G ${losses.generator.toFixed(2)}.` : "";
    return `Step ${one.game.step}: ${look.modes} of ${look.of} modes, ${Math.round(100 * look.inside)} % within 3σ, ` +
      `mass in place ${look.place.toFixed(2)}.${rest}`;
  }

  function speak() {
    $("spoken").textContent = games.map((one) => `${one.title}. ${sentence(one)}`).join(" ");
  }

  // Pictures --------------------------------------------------------------------------------------------------------

  const grid = engine.tensor(CELLS * CELLS, 2, Array.from({ length: 2 * CELLS * CELLS }, (_, i) => {
    const cell = i >> 1;
    const at = i % 2 ? CELLS - 1 - Math.floor(cell / CELLS) : cell % CELLS;
    return ((at + 0.5) / CELLS) * 2 * EXTENT - EXTENT;
  }));

  function draw() {
    ["left", "right"].forEach((side, k) => {
      const one = games[k];
      if (!one) return;
      $(`${side}-title`).textContent = one.title;
      $(`${side}-says`).textContent = sentence(one);
      drawPlane($(side), one);
    });
    drawChart();
  }

  function drawPlane(canvas, one) {
    const context = canvas.getContext("2d");
    const size = canvas.width;
    const belief = one.game.belief(grid);
    const cell = size / CELLS;
    for (let i = 0; i < belief.length; i++) {
      const at = Math.min(3.999, 4 * belief[i]);
      const [low, high, t] = [FALSE_COLOURS[Math.floor(at)], FALSE_COLOURS[Math.floor(at) + 1], at % 1];
      context.fillStyle = `rgb(${low.map((c, j) => Math.round(c + t * (high[j] - c))).join()})`;
      context.fillRect((i % CELLS) * cell, Math.floor(i / CELLS) * cell, cell + 1, cell + 1);
    }
    context.strokeStyle = "#444";
    context.lineWidth = 1.2;
    drawUndecided(context, belief, cell);
    const place = (v) => ((v + EXTENT) / (2 * EXTENT)) * size;
    context.fillStyle = REAL;
    for (let i = 0; i < shownReals.rows; i++) {
      context.beginPath();
      context.arc(place(shownReals.data[2 * i]), size - place(shownReals.data[2 * i + 1]), 2.4, 0, 7);
      context.fill();
    }
    context.strokeStyle = FAKE;
    context.lineWidth = 1.3;
    context.beginPath();
    for (let i = 0; i < one.samples.rows; i++) {
      const [x, y] = [place(one.samples.data[2 * i]), size - place(one.samples.data[2 * i + 1])];
      context.moveTo(x - 3, y - 3);
      context.lineTo(x + 3, y + 3);
      context.moveTo(x - 3, y + 3);
      context.lineTo(x + 3, y - 3);
    }
    context.stroke();
  }

  /** The lines on which D = 1/2, by marching squares between the cells' centres. */
  function drawUndecided(context, belief, cell) {
    context.beginPath();
    for (let y = 0; y + 1 < CELLS; y++)
      for (let x = 0; x + 1 < CELLS; x++) {
        const corners = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]].map(([i, j]) => [i, j, belief[j * CELLS + i] - 0.5]);
        const cuts = [];
        corners.forEach((a, k) => {
          const b = corners[(k + 1) % 4];
          const t = a[2] / (a[2] - b[2]);
          if (a[2] < 0 !== b[2] < 0) cuts.push([a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]);
        });
        cuts.forEach(([i, j], k) => context[k % 2 ? "lineTo" : "moveTo"]((i + 0.5) * cell, (j + 0.5) * cell));
      }
    context.stroke();
  }

  function drawChart() {
    const canvas = $("chart");
    const context = canvas.getContext("2d");
    const [width, height, left, bottom] = [canvas.width, canvas.height, 46, 26];
    const last = Math.max(200, games[0].game.step);
    const most = games[0].game.settings.data.centres.length;
    const x = (step) => left + (step / last) * (width - left - 12);
    const y = (modes) => height - bottom - (modes / most) * (height - bottom - 30);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.fillStyle = "#4a4a4a";
    context.font = "13px system-ui, sans-serif";
    context.strokeStyle = "#e2e2e2";
    context.lineWidth = 1;
    for (const modes of [0, most]) {
      context.fillText(`${modes}`, 20, y(modes) + 4);
      context.beginPath();
      context.moveTo(left, y(modes));
      context.lineTo(width - 12, y(modes));
      context.stroke();
    }
    context.fillText("step 0", left, height - 8);
    context.fillText(`step ${last}`, width - 80, height - 8);
    games.forEach((one, k) => {
      context.strokeStyle = context.fillStyle = k ? "#a84a00" : REAL;
      context.setLineDash(k ? [7, 4] : []);
      context.lineWidth = 2;
      context.beginPath();
      one.looks.forEach((look, i) => (i ? context.lineTo : context.moveTo).call(context, x(look.step), y(look.modes)));
      context.stroke();
      context.setLineDash([]);
      context.fillText(`${k ? "- -" : "—"} ${one.title}`, left + 230 * k, 18);
    });
  }

  // The reader ------------------------------------------------------------------------------------------------------

  function addMode(point) {
    if (drawn.length >= 16) return;
    drawn = [...drawn, point];
    startAgain();
  }

  function listen() {
    const fill = (id, entries) => {
      for (const [value, { title }] of Object.entries(entries)) $(id).add(new Option(title, value));
    };
    fill("preset", engine.PRESETS);
    fill("method", engine.METHODS);
    $("preset").value = "fast-generator";
    $("method").value = "mdgan";
    $("preset").addEventListener("change", usePreset);
    for (const id of ["method", "data", "seed", "loss"]) $(id).addEventListener("change", startAgain);
    for (const id of ["discriminator-rate", "generator-rate"]) $(id).addEventListener("input", changeRates);
    $("run").addEventListener("click", () => run(!running));
    $("step-d").addEventListener("click", () => once("d"));
    $("step-g").addEventListener("click", () => once("g"));
    $("step-both").addEventListener("click", () => once("both"));
    $("reset").addEventListener("click", () => { run(false); startAgain(); });
    $("add").addEventListener("click", () => addMode([0, 0].map(() => (Math.random() - 0.5) * 1.8 * EXTENT)));
    $("clear").addEventListener("click", () => { drawn = [[0, 0]]; startAgain(); });
    for (const side of ["left", "right"])
      $(side).addEventListener("pointerdown", (event) => {
        if ($("data").value !== "drawn") return;
        const box = $(side).getBoundingClientRect();
        const to = (part, whole) => (part / whole) * 2 * EXTENT - EXTENT;
        addMode([to(event.clientX - box.left, box.width), -to(event.clientY - box.top, box.height)]);
      });
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest?.("input, select, button, textarea")) return; // keys that those use themselves
      const does = { " ": () => run(!running), d: () => once("d"), g: () => once("g"), b: () => once("both"),
        r: () => { run(false); startAgain(); } }[event.key.toLowerCase()];
      if (does) {
        event.preventDefault();
        does();
      }
    });
  }

  listen();
  usePreset();
  window.ganlabLab = { games: () => games, run, once, running: () => running };
})();

// A square to draw modes on. Mouse: a click adds a mode, a click on a mode removes it. Keyboard: arrows move the cursor,
// Enter or space adds or removes. `points` is a list of [x, y], within [-edge, edge].

const SIZE = 240;
const STEP = 0.25; // of the keyboard's cursor
const NEAR = 0.2; // a mode this near is removed
const MOST = 16;

function render({ model, el }) {
  const pad = document.createElement("canvas");
  pad.width = pad.height = SIZE;
  pad.tabIndex = 0;
  pad.setAttribute("role", "application");
  pad.setAttribute("aria-label", "Modes: arrow keys move the cursor, Enter adds or removes a mode");
  pad.style.cssText = "border: 1px solid #767676; background: #fff; touch-action: none; max-width: 100%";
  const said = document.createElement("div");
  said.setAttribute("role", "status");
  said.setAttribute("aria-live", "polite");
  said.style.fontSize = "13px";
  el.append(pad, said);
  let cursor = [0, 0];

  const edge = () => model.get("edge");
  const to = (value) => ((value + edge()) / (2 * edge())) * SIZE;
  const round = (value) => Math.round(value * 100) / 100;

  function draw() {
    const context = pad.getContext("2d");
    context.clearRect(0, 0, SIZE, SIZE);
    context.fillStyle = "#0173b2";
    for (const [x, y] of model.get("points")) {
      context.beginPath();
      context.arc(to(x), SIZE - to(y), 5, 0, 7);
      context.fill();
    }
    if (document.activeElement === pad) {
      context.strokeStyle = "#a84a00";
      context.strokeRect(to(cursor[0]) - 8, SIZE - to(cursor[1]) - 8, 16, 16);
    }
    said.textContent = `${model.get("points").length} modes. Cursor at ${cursor[0]}, ${cursor[1]}.`;
  }

  function toggle([x, y]) {
    const points = model.get("points");
    const left = points.filter(([a, b]) => Math.hypot(a - x, b - y) > NEAR);
    if (left.length === points.length && points.length >= MOST) return;
    model.set("points", left.length < points.length ? left : [...points, [round(x), round(y)]]);
    model.save_changes();
  }

  pad.addEventListener("pointerdown", (event) => {
    const box = pad.getBoundingClientRect();
    const from = (part, whole) => (part / whole) * 2 * edge() - edge();
    toggle([from(event.clientX - box.left, box.width), -from(event.clientY - box.top, box.height)]);
  });
  pad.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key];
    if (move) cursor = cursor.map((value, i) => Math.max(-edge(), Math.min(edge(), value + move[i])));
    else if (event.key === "Enter" || event.key === " ") toggle(cursor);
    else return;
    event.preventDefault();
    event.stopPropagation(); // JupyterLab would move between cells
    draw();
  });
  for (const event of ["focus", "blur"]) pad.addEventListener(event, draw);
  model.on("change:points", draw);
  draw();
}

export default { render };

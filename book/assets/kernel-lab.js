/* The kernel lab: a patch against a filter, by every kernel of the book.

   Each element of class "kernel-lab" becomes a lab; without scripts it stays as it is.
   The formulas are those of kerv/kernels.py: tests/test_kernel_lab.py compares the numbers. */
(() => {
"use strict";
const {PI, abs, acos, cos, exp, floor, max, min, round, sin, sqrt, tanh} = Math;

const SIDE = 5, N = SIDE * SIDE;              // pixels along a patch, and in all of it
const ROWS = 24, COLUMNS = 32, ZOOM = 8;      // the picture, and canvas pixels for one of its own
const DOWN = ROWS - SIDE + 1, ACROSS = COLUMNS - SIDE + 1;   // places on it

const list = (length, f) => Array.from({length}, (_, i) => f(i));
const ofEach = (table, f) => Object.fromEntries(Object.keys(table).map(name => [name, f(name)]));
const clamp = (value, most) => min(most, max(0, value));
const placeOf = (i, columns) => [floor(i / columns), i % columns];

/* Kernels */

// What a kernel may see of a patch x and a filter w.
function measure(x, w) {
  const sum = f => x.reduce((all, a, i) => all + f(a, w[i]), 0);
  return {dot: sum((a, b) => a * b), distSq: sum((a, b) => (a - b) ** 2), l1: sum((a, b) => abs(a - b)),
    xSq: sum(a => a * a), wSq: sum((a, b) => b * b), xSum: sum(a => a), wSum: sum((a, b) => b)};
}

const cosine = p => p.xSq && p.wSq ? p.dot / sqrt(p.xSq) / sqrt(p.wSq) : 0;

function correlation(p, {eps}) {
  const deviation = (sq, sum) => sqrt(max(0, sq - sum ** 2 / N) + eps);
  return (p.dot - p.xSum * p.wSum / N) / deviation(p.xSq, p.xSum) / deviation(p.wSq, p.wSum);
}

function arcCosine(p, {order}) {
  const angle = acos(max(-1, min(1, cosine(p))));
  if (order === 0) return 1 - angle / PI;
  const norms = sqrt(p.xSq) * sqrt(p.wSq);
  return norms * (sin(angle) + (PI - angle) * cos(angle)) / PI;
}

// Colours and markers of kerv/plots/style.py; the hyper-parameters are kerv's defaults.
const KERNELS = {
  linear: {
    title: "convolution", formula: "⟨x, w⟩", hyper: {}, answer: p => p.dot,
    colour: "#0072B2", marker: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z"},
  polynomial: {
    title: "polynomial", formula: "(⟨x, w⟩ + c)^degree", hyper: {degree: 3, c: 1},
    answer: (p, {degree, c}) => (p.dot + c) ** degree,
    colour: "#D55E00", marker: "M-4-4h8v8h-8z"},
  gaussian: {
    title: "Gaussian", formula: "exp(−gamma ‖x − w‖²)", hyper: {gamma: 1 / N},
    answer: (p, {gamma}) => exp(-gamma * p.distSq),
    colour: "#009E73", marker: "M0-5L5 4H-5z"},
  sigmoid: {
    title: "sigmoid", formula: "tanh(gamma ⟨x, w⟩ + c)", hyper: {gamma: 1, c: 0},
    answer: (p, {gamma, c}) => tanh(gamma * p.dot + c),
    colour: "#CC79A7", marker: "M0-5.5L5.5 0L0 5.5L-5.5 0z"},
  l1: {
    title: "L1", formula: "−‖x − w‖₁", hyper: {}, answer: p => -p.l1,
    colour: "#882255", marker: "M0 5L5-4H-5z"},
  l2: {
    title: "L2", formula: "−‖x − w‖₂", hyper: {}, answer: p => -sqrt(p.distSq),
    colour: "#332288", marker: "M-2-5h4v3h3v4h-3v3h-4v-3h-3v-4h3z"},
  laplacian: {
    title: "Laplacian", formula: "exp(−gamma ‖x − w‖₁)", hyper: {gamma: 1 / N},
    answer: (p, {gamma}) => exp(-gamma * p.l1),
    colour: "#999933", marker: "M-5-3L-3-5L0-2L3-5L5-3L2 0L5 3L3 5L0 2L-3 5L-5 3L-2 0z"},
  rational_quadratic: {
    title: "rational quadratic", formula: "(1 + gamma ‖x − w‖² / alpha)^(−alpha)",
    hyper: {alpha: 1, gamma: 1 / N},
    answer: (p, {alpha, gamma}) => (1 + gamma * p.distSq / alpha) ** -alpha,
    colour: "#56B4E9", marker: "M0-5.5L5.2-1.7L3.2 4.5H-3.2L-5.2-1.7z"},
  cosine: {
    title: "cosine", formula: "⟨x, w⟩ / (‖x‖ ‖w‖)", hyper: {}, answer: cosine,
    colour: "#E69F00", marker: "M0-6L1.4-2H6L2.2.7L3.5 5L0 2.3L-3.5 5L-2.2.7L-6-2H-1.4z"},
  correlation: {
    title: "correlation", formula: "⟨x − x̄, w − w̄⟩ / √((‖x − x̄‖² + eps) (‖w − w̄‖² + eps))",
    hyper: {eps: 1e-6}, answer: correlation,
    colour: "#000000", marker: "M0-5.5L4.8-2.7V2.7L0 5.5L-4.8 2.7V-2.7z"},
  arc_cosine: {
    title: "arc-cosine", hyper: {order: 1}, answer: arcCosine,
    formula: "1 − θ/π for order 0, ‖x‖ ‖w‖ (sin θ + (π − θ) cos θ)/π for order 1",
    colour: "#661100", marker: "M0-6L3.3 0L0 6L-3.3 0z"},
};

function answers(x, w, hyper) {
  const p = measure(x, w);
  return ofEach(KERNELS, name => KERNELS[name].answer(p, hyper[name]));
}

// As `kerv.get_kernel` takes it: "polynomial:degree=3,c=1".
const plain = value => value > 0 && value < 1e-3 ? value.toExponential() : String(value);
const specOf = (name, hyper) => [name, Object.keys(hyper).map(key => `${key}=${plain(hyper[key])}`).join()]
  .filter(Boolean).join(":");

// Equal steps, without the dust of binary fractions.
const range = (from, to, step) =>
  list(round((to - from) / step) + 1, i => Number((from + i * step).toFixed(4)));
// Round numbers in every power of ten.
const decades = (from, to) => [...range(from, to - 1, 1).flatMap(k =>
  [1, 1.5, 2, 3, 4, 5, 7].map(digit => Number(`${digit}e${k}`))), 10 ** to];
const HYPERS = {
  degree: range(1, 6, 1),
  c: range(-3, 3, 0.1),
  gamma: decades(-3, 1),
  alpha: decades(-1, 2),
  eps: decades(-8, 0),
  order: [0, 1],
};

/* Pictures, filters, patches */

// Nearly normal numbers, the same ones at every visit.
function normals(count) {
  let state = 5;
  const uniform = () => (state = (state * 1664525 + 1013904223) % 2 ** 32) / 2 ** 32;
  return list(count, () => list(12, uniform).reduce((a, b) => a + b) - 6);
}

// Upright and diagonal crosses on a darker ground.
const upright = (row, column) => row === 0 || column === 0;
const diagonal = (row, column) => abs(row) === abs(column);
const CROSSES = [[5, 6, upright], [18, 10, upright], [6, 15, upright], [17, 20, upright],
  [16, 4, diagonal], [5, 23, diagonal]];
const square = f => list(N, i => f(...placeOf(i, SIDE)));
function scene(noise, light) {
  const picture = normals(ROWS * COLUMNS).map((normal, i) => {
    const [row, column] = placeOf(i, COLUMNS);
    const onCross = CROSSES.some(([r, c, shape]) =>
      abs(row - r) < 3 && abs(column - c) < 3 && shape(row - r, column - c));
    return light(row, column) * (onCross ? 0.8 : 0.6) + noise * normal;
  });
  // The place of a patch is that of its upper left pixel.
  const patches = list(DOWN * ACROSS, i => placeOf(i, ACROSS)).map(([row, column]) =>
    square((r, c) => picture[(row + r) * COLUMNS + column + c]));
  return {picture, patches};
}
const SCENES = {
  "growing light": scene(0.004, (row, column) => 0.25 + 0.75 * column / 31),
  "cast shadow": scene(0.004, (row, column) => column + row / 3 < 17 ? 0.2 : 1),
  "even light, noise": scene(0.06, () => 0.8),
};

const FILTERS = {
  cross: square((r, c) => upright(r - 2, c - 2) ? 0.32 : 0.24),
  edge: square((r, c) => [0.2, 0.2, 0.5, 0.8, 0.8][c]),
  spot: square((r, c) => exp(-((r - 2) ** 2 + (c - 2) ** 2) / 2)),
  texture: square((r, c) => (r + c) % 2 ? 0.3 : 0.7),
};
function withoutMean(x) {
  const mean = x.reduce((a, b) => a + b) / N;
  return x.map(v => Number((v - mean).toFixed(12)));
}

// Between pixels, from the four around; outside, the border goes on.
function sample(x, row, column) {
  const [r, c] = [clamp(row, SIDE - 1), clamp(column, SIDE - 1)];
  const [r0, c0] = [min(SIDE - 2, floor(r)), min(SIDE - 2, floor(c))];
  const along = i => x[i * SIDE + c0] * (c0 + 1 - c) + x[i * SIDE + c0 + 1] * (c - c0);
  return along(r0) * (r0 + 1 - r) + along(r0 + 1) * (r - r0);
}
function turn(x, degrees) {
  const a = cos(degrees * PI / 180), b = sin(degrees * PI / 180);
  return square((r, c) => sample(x, 2 + (r - 2) * a + (c - 2) * b, 2 - (r - 2) * b + (c - 2) * a));
}

// Ways from the filter to other patches; `start` has something to show.
const SPECKLE = normals(N);
const CHANGES = {
  contrast: {values: range(0, 3, 0.1), start: 2, unit: "×", apply: (x, t) => x.map(v => v * t)},
  brightness: {values: range(-0.5, 1, 0.05), start: 0.4, unit: "", apply: (x, t) => x.map(v => v + t)},
  rotation: {values: range(0, 180, 5), start: 45, unit: "°", apply: turn},
  drift: {values: range(0, 4, 0.25), start: 1, unit: " px",
    apply: (x, t) => square((r, c) => sample(x, r, c - t))},
  noise: {values: range(0, 0.5, 0.02), start: 0.1, unit: "",
    apply: (x, t) => x.map((v, i) => v + t * SPECKLE[i])},
};

/* Drawing */

// Numbers to read, with about three digits.
function digits(value) {
  const size = abs(value);
  const text = size >= 1e5 || (size && size < 1e-3) ? size.toExponential(1).replace("+", "")
    : size.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size && size < 0.1 ? 3 : 2);
  return ((value < 0 ? "-" : "") + text).replaceAll("-", "−");
}
const short = value => String(Number(value.toFixed(2))).replace("-", "−");

const on = (element, type, act) => element.addEventListener(type, act);
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(pair => element.setAttribute(...pair));
  element.append(...children);
  return element;
}

function button(text, onClick) {
  const element = make("button", {type: "button"}, text);
  on(element, "click", onClick);
  return element;
}

// A slider over a list of values: its position is an index, its words are the value.
function slider(name, values, say, onInput) {
  const input = make("input", {type: "range", min: 0, max: values.length - 1});
  const words = make("span");
  const element = make("div", {class: "kl-slider"}, make("label", {}, name, input), words);
  element.set = value => {
    input.value = values.indexOf(value);
    words.textContent = say(value);
    input.ariaValueText = say(value);
  };
  on(input, "input", () => onInput(values[input.value]));
  return element;
}

// Grey; blue below 0.
const css = colour => `rgb(${colour.map(round)})`;
const grey = v => v < 0 ? [0, clamp(-v, 1) * 110, clamp(-v, 1) * 235] : Array(3).fill(clamp(v, 1) * 255);

// Pixels to paint by mouse, finger or keys. One of them takes the Tab key.
const ARROWS = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
// Zoom and "back" belong to the browser.
const isBrowsers = event => event.ctrlKey || event.metaKey || event.altKey;
function paintGrid(name, onPaint) {
  const cells = list(N, i =>
    make("button", {type: "button", role: "gridcell", tabindex: i ? -1 : 0}));
  const focus = i => {
    cells.forEach(cell => { cell.tabIndex = -1; });
    cells[i].tabIndex = 0;
    cells[i].focus();
  };
  cells.forEach((cell, i) => {
    const place = placeOf(i, SIDE);
    on(cell, "pointerdown", event => {
      if (event.button) return;
      cell.releasePointerCapture(event.pointerId);   // else a finger stays on its first pixel
      focus(i);
      onPaint(i);
    });
    on(cell, "pointerover", event => event.buttons & 1 && onPaint(i));
    // Enter, Space and screen readers click without a pointer.
    on(cell, "click", event => event.detail || onPaint(i));
    on(cell, "keydown", event => {
      const step = {"+": 0.1, "-": -0.1}[event.key], arrow = ARROWS[event.key];
      if (isBrowsers(event) || !step && !arrow) return;
      event.preventDefault();
      if (step) onPaint(i, step);
      else focus(place.map((at, k) => clamp(at + arrow[k], SIDE - 1)).reduce((r, c) => r * SIDE + c));
    });
    cell.show = value => {
      cell.dataset.value = value;
      cell.textContent = short(value).replace(/^(−?)0\./, "$1.");
      cell.style.background = css(grey(value));
      cell.style.color = value < 0.46 ? "#fff" : "#000";
      cell.ariaLabel = `row ${place.join(", column ")}: ${short(value)}`;
    };
  });
  const rows = list(SIDE, r => make("div", {role: "row"}, ...cells.slice(r * SIDE, (r + 1) * SIDE)));
  const element = make("div", {class: "kl-grid", role: "grid", "aria-label": name}, ...rows);
  element.show = values => values.forEach((value, i) => cells[i].show(value));
  return element;
}

// All kernels. Each row holds its answers in full, for the test.
function answersTable(number, onChoose) {
  const rows = ofEach(KERNELS, name => {
    const {title, colour, marker} = KERNELS[name];
    const radio = make("input", {type: "radio", name: `kernel-lab-${number}`, value: name});
    on(radio, "change", () => onChoose(name));
    const label = make("label", {}, radio);
    label.insertAdjacentHTML("beforeend", `<svg viewBox="-7 -7 14 14" aria-hidden="true">
      <path d="${marker}" fill="${colour}"/></svg>${title}`);
    const bar = make("i", {style: `background: ${colour}`}), line = make("b");
    const row = make("tr", {"data-kernel": name}, make("th", {scope: "row"}, label),
      make("td", {"aria-hidden": "true"}, make("div", {class: "kl-bar"}, bar, line)), make("td"), make("td"));
    row.show = (here, own, elsewhere, hyper, chosen) => {
      const low = min(here, own, ...elsewhere), high = max(here, own, ...elsewhere);
      const part = value => `${100 * (value - low) / (high - low || 1)}%`;
      bar.style.width = part(here);
      line.style.left = part(own);
      [here, own].forEach((value, i) => { row.cells[2 + i].textContent = digits(value); });
      Object.assign(row.dataset, {here, own, spec: specOf(name, hyper)});
      radio.checked = chosen;
    };
    return row;
  });
  const heads = ["kernel", "answer", "to patch", "to filter"].map(head => make("th", {scope: "col"}, head));
  const element = make("table", {},
    make("caption", {}, "Choose a kernel. Its bar runs from its weakest answer to its strongest. "
      + "The line is its answer to the filter."),
    make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...Object.values(rows)));
  return {element, rows};
}

// A picture, map or curve with words below.
const figure = (picture, ...words) => make("figure", {}, picture, make("figcaption", {}, ...words));
const canvas = (name, attributes) => make("canvas",
  {width: COLUMNS * ZOOM, height: ROWS * ZOOM, role: "img", "data-map": name, ...attributes});
const drawing = name => make("div", {role: "img", "data-curve": name});

function drawPixels(picture, values, columns, margin, colour) {
  picture.values = values;   // for the test
  const pen = picture.getContext("2d");
  pen.fillStyle = "#888";   // where no filter fits
  pen.fillRect(0, 0, picture.width, picture.height);
  values.forEach((value, i) => {
    const [row, column] = placeOf(i, columns);
    pen.fillStyle = css(colour(value));
    pen.fillRect((column + margin) * ZOOM, (row + margin) * ZOOM, ZOOM, ZOOM);
  });
}

// A frame around a patch, or a ring around its middle; black on white shows everywhere.
function drawMark(picture, [row, column], shape) {
  const pen = picture.getContext("2d");
  for (const [style, width] of [["#fff", 5], ["#000", 2]]) {
    Object.assign(pen, {strokeStyle: style, lineWidth: width});
    pen.beginPath();
    if (shape === "frame") pen.rect(column * ZOOM + 2, row * ZOOM + 2, SIDE * ZOOM - 4, SIDE * ZOOM - 4);
    else pen.arc((column + SIDE / 2) * ZOOM, (row + SIDE / 2) * ZOOM, 1.6 * ZOOM, 0, 7);
    pen.stroke();
  }
}

// Dark to bright; blue, white, red where answers have both signs.
const RISING = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const SIGNED = [[5, 48, 97], [103, 169, 207], [247, 247, 247], [239, 138, 98], [103, 0, 31]];
function blend(colours, t) {
  const i = min(3, floor(t * 4));
  return colours[i].map((from, k) => from + (colours[i + 1][k] - from) * (t * 4 - i));
}

function showMap(figure, name, values) {
  const [picture, caption] = figure.children, {title} = KERNELS[name];
  const low = min(...values), high = max(...values), limit = max(-low, high);
  drawPixels(picture, values, ACROSS, (SIDE - 1) / 2, low < 0 && high > 0
    ? value => blend(SIGNED, 0.5 + value / limit / 2)
    : value => blend(RISING, (value - low) / (high - low || 1)));
  const strongest = placeOf(values.indexOf(high), ACROSS);
  drawMark(picture, strongest, "ring");
  const span = `${digits(low)} to ${digits(high)}`;
  caption.replaceChildren(make("b", {}, title), ` ${span}`);
  picture.ariaLabel = `Answers of ${title}: ${span}, strongest at row ${strongest.join(", column ")}.`;
}

// Answers along a way from the filter. Dashed: to the filter itself. Marker: to the patch.
function showCurve(figure, name, way, values, own, now) {
  const [picture, caption] = figure.children, {title, colour, marker} = KERNELS[name];
  const low = min(own, ...values), high = max(own, ...values);
  const x = i => 44 + 166 * i / (values.length - 1), y = v => 94 - 80 * (v - low) / (high - low || 1);
  const steps = CHANGES[way].values, at = i => short(steps.at(i)) + CHANGES[way].unit;
  const patch = now < 0 ? "" : `<path d="${marker}" style="fill: ${colour}; stroke: #fff"
    transform="translate(${x(now)} ${y(values[now])}) scale(1.4)"/>`;
  picture.innerHTML = `<svg viewBox="0 0 220 118"><path d="M44 8V100H214"/>
    <path d="M44 ${y(own)}H210" stroke-dasharray="4 3"/>
    <polyline points="${values.map((v, i) => [x(i), y(v)])}" style="stroke: ${colour}"/>${patch}
    <text x="40" y="18">${digits(high)}</text><text x="40" y="98">${digits(low)}</text>
    <text x="68" y="114">${at(0)}</text><text x="212" y="114">${at(-1)}</text></svg>`;
  caption.replaceChildren(make("b", {}, title), ` against ${way}`);
  picture.ariaLabel = `Answer of ${title} against ${way}: ${digits(values[0])} at ${at(0)}, `
    + `${digits(values.at(-1))} at ${at(-1)}, lowest ${digits(low)}, highest ${digits(high)}.`;
  picture.values = values;
}

/* The lab */

function start(root, number) {
  const state = {};
  const set = change => {
    Object.assign(state, change);
    render();
  };

  // Words, picture and maps.
  const words = make("p", {class: "kl-words", role: "status"});
  const scene = make("select", {}, ...Object.keys(SCENES).map(name => make("option", {}, name)));
  on(scene, "change", () => set({scene: scene.value}));
  const picture = canvas("picture", {role: "slider", tabindex: 0, "aria-valuemin": 0,
    "aria-valuemax": DOWN * ACROSS - 1, "aria-label": "Place of the patch in the picture"});
  const [linear, chosen] = ["linear", "chosen"].map(name =>
    ({map: figure(canvas(name)), curve: figure(drawing(name))}));
  const canvases = [picture, linear.map.firstChild, chosen.map.firstChild];
  const moveTo = (row, column) =>
    set({source: "place", place: [clamp(row, DOWN - 1), clamp(column, ACROSS - 1)]});
  for (const canvas of canvases) {
    const point = event => moveTo(...[event.offsetY, event.offsetX].map(at =>
      floor(at / canvas.clientWidth * COLUMNS) - 2));
    on(canvas, "click", point);
    // A finger scrolls.
    on(canvas, "pointermove", event => event.buttons & 1 && event.pointerType !== "touch" && point(event));
  }
  on(picture, "keydown", event => {
    const arrow = ARROWS[event.key];
    if (isBrowsers(event) || !arrow) return;
    event.preventDefault();
    moveTo(...state.place.map((at, k) => at + arrow[k]));
  });

  // Filter and patch.
  const group = (label, buttons) =>
    make("div", {class: "kl-buttons", role: "group", "aria-label": label}, label, ...buttons);
  const painted = (values, i, step) => values.map((value, k) =>
    k !== i ? value : step ? Number((value + step).toFixed(2)) : state.brush);
  const filterGrid = paintGrid("Filter", (...at) => set({filter: painted(state.filter, ...at)}));
  const patchGrid = paintGrid("Patch", (...at) =>
    set({source: "painted", patch: painted(state.patch, ...at)}));
  const brush = slider("brush", range(-1, 1, 0.1), short, value => set({brush: value}));
  const filters = [
    ...Object.keys(FILTERS).map(name => button(name, () => set({filter: FILTERS[name]}))),
    button("the patch", () => set({filter: state.patch})),
    button("minus its mean", () => set({filter: withoutMean(state.filter)}))];
  const ways = Object.keys(CHANGES).map(way =>
    button(way, () => set({way, amount: CHANGES[way].start, source: "change"})));
  const say = (way, amount) => short(amount) + CHANGES[way].unit;
  const amounts = ofEach(CHANGES, way => slider(way, CHANGES[way].values, value => say(way, value),
    amount => set({amount, source: "change"})));

  // The kernels.
  const {element: table, rows} = answersTable(number, kernel => set({kernel}));
  const hypers = ofEach(KERNELS, name => ofEach(KERNELS[name].hyper, key =>
    slider(key, HYPERS[key], plain, value => {
      state.hyper[name][key] = value;
      render();
    })));
  const formula = make("p"), spec = make("code"), amountPlace = make("div"), hyperPlace = make("div");

  const part = (name, ...inside) => make("div", {class: `kl-${name}`}, ...inside);
  root.classList.add("kl-live");
  Object.assign(root, {role: "group", ariaLabel: "Kernel lab"});
  root.replaceChildren(words,
    part("maps", figure(picture, make("label", {}, make("b", {}, "picture "), scene)),
      linear.map, chosen.map),
    make("p", {class: "kl-hint"}, "Frame: the patch; click or press arrow keys to move it. "
      + "Ring: the strongest answer. Paint filter and patch by mouse, or arrow keys, Enter, + and −."),
    part("middle",
      part("grids",
        figure(filterGrid, "filter"), figure(patchGrid, "patch"),
        group("filter:", filters), group("patch: filter changed in", ways), amountPlace, brush),
      table),
    part("kernel", part("about", formula, hyperPlace, spec), part("curves", linear.curve, chosen.curve)),
    button("start again", begin));

  function begin() {
    Object.assign(state, {scene: "growing light", filter: FILTERS.cross, source: "place",
      kernel: "correlation", hyper: ofEach(KERNELS, name => ({...KERNELS[name].hyper})), brush: 1,
      way: "contrast", amount: CHANGES.contrast.start});
    const bright = everywhere().linear;
    set({place: placeOf(bright.indexOf(max(...bright)), ACROSS)});
  }

  // By kernel, then place.
  function everywhere() {
    const all = SCENES[state.scene].patches.map(x => answers(x, state.filter, state.hyper));
    return ofEach(KERNELS, name => all.map(each => each[name]));
  }

  // Put parts in their place, unless they are there: one of them may have the focus.
  const show = (place, ...parts) => parts[0] === place.firstChild || place.replaceChildren(...parts);

  function render() {
    const {filter, source, place, kernel, hyper, way, amount} = state;
    const {picture: pixels, patches} = SCENES[state.scene], index = place[0] * ACROSS + place[1];
    if (source === "place") state.patch = patches[index];
    if (source === "change") state.patch = CHANGES[way].apply(filter, amount);
    const here = answers(state.patch, filter, hyper), own = answers(filter, filter, hyper);
    const all = everywhere();

    scene.value = state.scene;
    drawPixels(picture, pixels, COLUMNS, 0, grey);
    picture.ariaValueNow = index;
    picture.ariaValueText = `row ${place.join(", column ")}`;
    const along = CHANGES[way].values.map(t => answers(CHANGES[way].apply(filter, t), filter, hyper));
    const now = source === "change" ? CHANGES[way].values.indexOf(amount) : -1;
    for (const [{map, curve}, name] of [[linear, "linear"], [chosen, kernel]]) {
      showMap(map, name, all[name]);
      showCurve(curve, name, way, along.map(each => each[name]), own[name], now);
    }
    linear.map.hidden = linear.curve.hidden = kernel === "linear";
    if (source === "place") canvases.forEach(canvas => drawMark(canvas, place, "frame"));

    filterGrid.show(filter);
    patchGrid.show(state.patch);
    brush.set(state.brush);
    show(amountPlace, amounts[way]);
    amounts[way].set(amount);
    ways.forEach(button => { button.ariaPressed = source === "change" && button.textContent === way; });

    Object.keys(KERNELS).forEach(name =>
      rows[name].show(here[name], own[name], all[name], hyper[name], name === kernel));
    formula.replaceChildren(make("b", {}, KERNELS[kernel].title), ` ${KERNELS[kernel].formula}`);
    spec.textContent = `kerv.get_kernel("${specOf(kernel, hyper[kernel])}")`;
    show(hyperPlace, ...Object.values(hypers[kernel]));
    Object.keys(hyper[kernel]).forEach(key => hypers[kernel][key].set(hyper[kernel][key]));
    speak(here, own);
  }

  // The answers in words, once the hand rests: a screen reader reads them aloud.
  let resting;
  function speak(here, own) {
    const {source, place, way, amount, kernel} = state;
    const patch = source === "place" ? `lies at row ${place.join(", column ")}`
      : source === "change" ? `is the filter, ${way} ${say(way, amount)}` : "is painted";
    const told = [...new Set(["linear", kernel])].map(name => {
      const [to, itself] = [here[name], own[name]].map(digits);
      const link = here[name] > own[name] && to !== itself ? "more than the" : "and";
      return `${KERNELS[name].title} answers ${to}, ${link} ${itself} to the filter itself`;
    });
    clearTimeout(resting);
    resting = setTimeout(() => { words.textContent = `The patch ${patch}: ${told.join("; ")}.`; }, 250);
  }

  begin();
}

window.kernelLab = {responses: answers};
document.querySelectorAll(".kernel-lab").forEach(start);
})();

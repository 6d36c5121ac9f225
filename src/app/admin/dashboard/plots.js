// Elements and pictures. Text from outside (names, keys) only ever becomes a text node or an
// attribute's value, never markup.

const SVG = "http://www.w3.org/2000/svg";

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter(child => child !== null && child !== undefined));
  return node;
}

function element(tag, attributes = {}, ...children) {
  return build(document.createElement(tag), attributes, children);
}

function shape(tag, attributes = {}, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

// Makes old look like fresh and touches only what differs, so that a selection, the focus and a
// screen reader's place stay where they are.
function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  fill(old, [...fresh.childNodes]);
}

function fill(parent, nodes) {
  const present = [...parent.childNodes];
  nodes.forEach((node, place) => {
    if (place < present.length) morph(present[place], node);
    else parent.append(node);
  });
  for (const node of present.slice(nodes.length)) node.remove();
}

// columns: [heading, class]; rows: { className, cells: [content] }. On a phone each row is a card.
function table(columns, rows) {
  const head = columns.map(([heading, kind]) =>
    element("th", { scope: "col", class: kind && kind.includes("number") ? "number" : null },
      heading));
  const body = rows.map(row => element("tr", { class: row.className },
    ...row.cells.map((cell, place) => {
      const [heading, kind = ""] = columns[place];
      const { alarm, content } = cell instanceof Object && "content" in cell
        ? cell : { alarm: false, content: cell };
      return element("td", { "data-label": heading, class: kind + (alarm ? " alarm" : "") },
        ...[content].flat());
    })));
  return element("table", { class: "cards" }, element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...body));
}

// parts: [class, share of the whole]. Decoration: what it shows stands beside it in words.
function bar(parts) {
  let start = 0;
  const pieces = parts.map(([kind, share]) => {
    const width = Math.max(0, Math.min(share, 1 - start));
    const piece = shape("rect", { class: kind, x: `${(start * 100).toFixed(2)}%`, height: 5,
      width: `${(width * 100).toFixed(2)}%` });
    start += width;
    return piece;
  });
  return shape("svg", { class: "bar", "aria-hidden": "true" },
    shape("rect", { class: "track", width: "100%", height: 5 }), ...pieces);
}

const PLOT = { height: 132, top: 8, bottom: 18, left: 52, right: 4 };

// A logarithmic scale over whole decades; values are positive.
function decades(values) {
  const low = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9));
  const marks = [];
  for (let power = low; power <= high; ++power) marks.push(10 ** power);
  return { marks, place: value => (Math.log10(value) - low) / (high - low) };
}

// From zero to a round number.
function fromZero(values) {
  const most = Math.max(1, ...values);
  const step = 10 ** Math.floor(Math.log10(most));
  const end = Math.ceil(most / step) * step;
  return { marks: [0, end / 2, end], place: value => value / end };
}

function pathOf(points, x, y) {
  let text = "";
  let isDrawing = false;
  points.forEach((value, place) => {
    if (value === null || value === undefined) {
      isDrawing = false;
      return;
    }
    text += `${isDrawing ? "L" : "M"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
    if (!isDrawing) text += "h0.01";  // a single value is to be seen as well
    isDrawing = true;
  });
  return text;
}

// lines: { class: [value or null, ...] }, all as long as `length`, the last value being now.
function plot({ label, lines, length, width, format, isLogarithmic }) {
  const values = Object.values(lines).flat().filter(value => value !== null && value >= 0);
  const { height, top, bottom, left, right } = PLOT;
  const svg = shape("svg", { class: "plot", role: "img", "aria-label": label, width, height,
    viewBox: `0 0 ${width} ${height}` });
  if (values.length === 0) {
    svg.append(shape("text", { x: width / 2, y: height / 2, "text-anchor": "middle" },
      "no requests yet"));
    return svg;
  }
  const scale = isLogarithmic ? decades(values.filter(value => value > 0)) : fromZero(values);
  const y = value => height - bottom - scale.place(value) * (height - top - bottom);
  const x = place => left + place / (length - 1) * (width - left - right);
  for (const mark of scale.marks) {
    svg.append(shape("line", { class: "grid", x1: left, x2: width - right, y1: y(mark),
      y2: y(mark) }), shape("text", { x: left - 6, y: y(mark) + 4, "text-anchor": "end" },
      format(mark).replace(/\.0+(?= |$)/, "")));
  }
  svg.append(shape("text", { x: left, y: height - 3 }, "5 min ago"),
    shape("text", { x: width - right, y: height - 3, "text-anchor": "end" }, "now"));
  for (const [kind, points] of Object.entries(lines)) {
    svg.append(shape("path", { class: kind, d: pathOf(points, x, y) }));
  }
  return svg;
}

"use strict";
// Numbers, tables and charts. Everything is built with textContent and attributes: no text of the data is ever markup.

const data = JSON.parse(document.getElementById("data").textContent);
const outcome = data.outcome;

function make(name, options = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (key === "text") element.textContent = value;
    else if (key === "class") element.className = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

function draw(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

const at = (id) => document.getElementById(id);
const grouped = (value) => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, " ");

function time(us) {
  if (us < 1000) return us + " µs";
  if (us < 1e6) return trim(us / 1000) + " ms";
  return trim(us / 1e6) + " s";
}

function trim(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function scaled(value, units) {
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
  return (unit === 0 ? String(Math.round(value)) : trim(value)) + " " + units[unit];
}

const bytes = (value) => scaled(value, ["B", "kB", "MB", "GB", "TB"]);
const rate = (value) => scaled(value, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]);

// The value at a path of the outcome, such as "traffic.0.latency.p50_us".
function value(path) {
  return path.split(".").reduce((found, key) => (found === null || found === undefined ? found : found[key]), outcome);
}

// An element that shows one number of the outcome and says which: tests compare it with the JSON.
function number(name, path, show, options = {}) {
  const raw = value(path);
  const text = raw === null || raw === undefined ? "–" : show(raw);
  const element = make(name, { ...options, "data-path": path, "data-raw": String(raw), text });
  if (show !== grouped && raw !== null && raw !== undefined) element.title = grouped(raw) + (path.endsWith("_us") ? " µs" : "");
  return element;
}

function count(path, isBad) {
  const raw = value(path);
  return number("td", path, grouped, { class: raw === 0 ? "zero" : isBad ? "bad" : "" });
}

function showHead() {
  document.title = outcome.title + " · Tickwire";
  at("title").textContent = outcome.title;
  const clients = outcome.clients.length;
  const facts = [`seed ${data.seed}`, `${time(outcome.duration_us)} of virtual time`, `${clients} client${clients === 1 ? "" : "s"}`,
    `wire hash ${outcome.wire_hash}`];
  at("facts").textContent = facts.join("  ·  ");
  at("command").textContent = data.command;
  at("copy").onclick = () => {
    const select = () => getSelection().selectAllChildren(at("command"));
    if (navigator.clipboard) navigator.clipboard.writeText(data.command).then(() => { at("copy").textContent = "Copied"; }, select);
    else select();
  };
  const good = outcome.unmet.length === 0;
  const verdict = make("div", { class: "verdict " + (good ? "good" : "bad"),
    text: good ? "✓ Everything is as the scenario expects" : "✗ Not as the scenario expects" });
  if (!good) verdict.append(make("ul", {}, ...outcome.unmet.map((text) => make("li", { text }))));
  at("verdict").append(verdict);
}

function card(name, main, note) {
  return make("div", { class: "card" }, make("div", { class: "name", text: name }), main, make("div", { class: "note" }, ...note));
}

function showCards() {
  const shown = (path, show) => number("div", path, show, { class: "value" });
  const small = (path, show, after) => [number("span", path, show), after];
  at("cards").append(
    card("Clients → server", shown("wire_up.datagrams", grouped), small("wire_up.bytes", bytes, " in datagrams")),
    card("Server → clients", shown("wire_down.datagrams", grouped), small("wire_down.bytes", bytes, " in datagrams")),
    card("Handshake, median", shown("connections.handshake.p50_us", time), small("connections.dialled", grouped, " dialled")),
    card("Connected at the end", shown("connections.connected_at_end", grouped), small("connections.disconnects", grouped, " disconnects")),
  );
}

function wayOf(direction) {
  const up = direction === "up";
  return make("span", { class: "way " + (up ? "up" : "down"), text: up ? "↑" : "↓", title: up ? "clients to server" : "server to clients" });
}

function showTraffic() {
  const names = ["Message", "Delivery", "Sent", "Delivered", "Lost", "Late", "Doubled", "Refused", "Goodput a client", "p50", "p90", "p99", "p99.9", "Greatest"];
  const head = make("tr", {}, ...names.map((text, index) => make("th", { text, class: index < 2 ? "text" : "" })));
  const rows = outcome.traffic.map((traffic, index) => {
    const path = "traffic." + index + ".";
    const isReliable = traffic.delivery === "reliable" || traffic.delivery === "ordered";
    return make("tr", {},
      make("td", {}, wayOf(traffic.direction), make("span", { text: traffic.name })),
      make("td", { class: "text", text: `${traffic.delivery} · ch${traffic.channel}` }),
      count(path + "sent"), count(path + "delivered"), count(path + "lost", isReliable), count(path + "late"),
      count(path + "duplicated", true), count(path + "refused"), number("td", path + "goodput_bps", rate),
      ...["p50_us", "p90_us", "p99_us", "p999_us", "max_us"].map((key) => number("td", path + "latency." + key, time)));
  });
  at("traffic").append(make("thead", {}, head), make("tbody", {}, ...rows));
}

function showConnections() {
  const rows = [["Dialled", "connections.dialled", grouped], ["Handshake, median", "connections.handshake.p50_us", time],
    ["Handshake, 99 in 100", "connections.handshake.p99_us", time], ["Disconnects", "connections.disconnects", grouped],
    ["Reconnected after, median", "connections.reconnect.p50_us", time], ["Connected at the end", "connections.connected_at_end", grouped]];
  at("connections").append(...rows.map(([name, path, show]) => make("tr", {}, make("td", { text: name }), number("td", path, show))));
  outcome.connections.endings.forEach((ending, index) => {
    const side = ending.at_server ? "server" : "client";
    at("connections").append(make("tr", {}, make("td", { text: `${side}: ${ending.reason}` }), count(`connections.endings.${index}.count`)));
  });
  const faults = Object.keys(outcome.faults);
  at("faults").append(...faults.map((name) => make("tr", {}, make("td", { text: name.replaceAll("_", " ") }), count("faults." + name))));
  if (faults.length === 0) at("faults").append(make("tr", {}, make("td", { text: "none" })));
  const log = outcome.log.slice(0, 5000).map((entry) => make("tr", {}, make("td", { text: (entry.at_us / 1e6).toFixed(3) + " s" }),
    make("td", { class: "text", text: outcome.clients[entry.client] || "?" }), make("td", { class: "text", text: entry.what })));
  at("log").append(...log);
  at("log-details").hidden = log.length === 0;
}

// Charts -------------------------------------------------------------------------------------------------------------

const WIDTH = 560, LEFT = 62, RIGHT = 10, TOP = 10, BOTTOM = 22;

// 1, 2 or 5 times a power of ten, so that about `count` of them reach `most`.
function step(most, count) {
  const raw = most / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((times) => times * power).find((size) => size >= raw);
}

function frame(height, most, show) {
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${height}` });
  const y = (value) => height - BOTTOM - (value / most) * (height - TOP - BOTTOM);
  const size = step(most, 4);
  for (let value = 0; value <= most * 1.0001; value += size) {
    svg.append(draw("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: value === 0 ? "axis" : "rule" }));
    svg.append(draw("text", { x: LEFT - 7, y: y(value) + 4, "text-anchor": "end" }, show(Math.round(value))));
  }
  return { svg, y };
}

function panel(title, keys, svg) {
  const key = make("span", { class: "key" });
  for (const [name, colour] of keys) key.append(make("i", { style: `background: var(${colour})` }), name);
  return make("div", { class: "panel" }, make("h3", {}, make("span", {}, ...title), key), svg);
}

// Lines over the intervals of the outcome's series.
function lines(title, series, show) {
  const height = 170, interval = outcome.series.interval_us, length = Math.max(1, outcome.series.intervals);
  const most = Math.max(1, ...series.map((line) => line.values.reduce((a, b) => Math.max(a, b), 0))) * 1.05;
  const { svg, y } = frame(height, most, show);
  const x = (index) => LEFT + (index / length) * (WIDTH - LEFT - RIGHT);
  const total = length * interval, size = step(total / 1e6, 6);
  for (let second = 0; second <= total / 1e6 + 1e-9; second += size) {
    svg.append(draw("text", { x: x((second * 1e6) / interval), y: height - 6, "text-anchor": "middle" }, +second.toFixed(3) + " s"));
  }
  for (const line of series) {
    const points = [];
    line.values.forEach((value, index) => {
      if (line.gaps && line.gaps[index] === 0) points.push(null);
      else points.push(`${x(index + 0.5).toFixed(1)},${y(value).toFixed(1)}`);
    });
    let path = "", pen = "M";
    for (const point of points) { if (point === null) pen = "M"; else { path += pen + point; pen = "L"; } }
    svg.append(draw("path", { d: path || "M0,0", fill: "none", stroke: `var(${line.colour})`, "stroke-width": 1.6,
      "stroke-linejoin": "round", "stroke-linecap": "round" }));
  }
  hover(svg, height, length, x, (index) => `${((index * interval) / 1e6).toFixed(2)} s   ` +
    series.map((line) => `${line.name} ${line.gaps && line.gaps[index] === 0 ? "–" : show(line.values[index])}`).join("   "));
  return panel([title], series.map((line) => [line.name, line.colour]), svg);
}

// A line that follows the pointer, and what is there.
function hover(svg, height, length, x, tell) {
  const cursor = draw("line", { y1: TOP, y2: height - BOTTOM, class: "cursor", visibility: "hidden" });
  const label = draw("text", { y: TOP + 2, visibility: "hidden", "font-weight": 600 });
  svg.append(cursor, label);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * WIDTH;
    const index = Math.floor(((place - LEFT) / (WIDTH - LEFT - RIGHT)) * length);
    const isInside = index >= 0 && index < length;
    for (const element of [cursor, label]) element.setAttribute("visibility", isInside ? "visible" : "hidden");
    if (!isInside) return;
    cursor.setAttribute("x1", x(index + 0.5)); cursor.setAttribute("x2", x(index + 0.5));
    const isRight = place > WIDTH / 2;
    label.setAttribute("x", x(index + 0.5) + (isRight ? -6 : 6));
    label.setAttribute("text-anchor", isRight ? "end" : "start");
    label.textContent = tell(index);
  });
  svg.addEventListener("pointerleave", () => { for (const element of [cursor, label]) element.setAttribute("visibility", "hidden"); });
}

function histogram(traffic) {
  const height = 170, bars = traffic.latency.histogram;
  const title = [wayOf(traffic.direction), traffic.name];
  if (bars.length === 0) return panel(title, [], make("p", { class: "hint", text: "Nothing arrived." }));
  const most = Math.max(...bars.map((bar) => bar.count));
  const { svg, y } = frame(height, most, grouped);
  const low = Math.log2(Math.max(1, bars[0].from_us)), high = Math.log2(bars[bars.length - 1].below_us);
  const span = Math.max(high - low, 0.5);
  const x = (us) => LEFT + ((Math.log2(Math.max(1, us)) - low) / span) * (WIDTH - LEFT - RIGHT);
  for (const bar of bars) {
    const rect = draw("rect", { x: x(bar.from_us) + 0.5, width: Math.max(1.5, x(bar.below_us) - x(bar.from_us) - 1), y: y(bar.count),
      height: Math.max(0.5, height - BOTTOM - y(bar.count)), rx: 1.5, fill: traffic.direction === "up" ? "var(--up)" : "var(--down)" });
    rect.append(draw("title", {}, `${time(bar.from_us)} to ${time(bar.below_us)}: ${grouped(bar.count)}`));
    svg.append(rect);
  }
  let last = -100;
  for (let power = Math.ceil(low); power <= high; power += 1) {
    if (x(2 ** power) - last < 62) continue;
    last = x(2 ** power);
    svg.append(draw("text", { x: last, y: height - 6, "text-anchor": "middle" }, time(2 ** power)));
  }
  for (const key of ["p50_us", "p99_us"]) {
    const place = Math.min(x(traffic.latency[key]), WIDTH - RIGHT - 1);
    svg.append(draw("line", { x1: place, x2: place, y1: TOP, y2: height - BOTTOM, class: "cursor" }));
    svg.append(draw("text", { x: place + (place > WIDTH - 60 ? -4 : 4), y: key === "p50_us" ? TOP + 8 : TOP + 20, "text-anchor": place > WIDTH - 60 ? "end" : "start" },
      key === "p50_us" ? "p50" : "p99"));
  }
  return panel(title, [], svg);
}

function showLatency() {
  outcome.traffic.forEach((traffic, index) => {
    const series = outcome.series.traffic[index];
    const over = lines("over time", [
      { name: "mean", values: series.mean_us, gaps: series.delivered, colour: "--mean" },
      { name: "greatest", values: series.max_us, gaps: series.delivered, colour: "--max" }], time);
    at("latency").append(make("div", { class: "pair" }, histogram(traffic), over));
  });
}

function showConnection() {
  const list = outcome.series.connections;
  if (list.length === 0) { at("connection-section").hidden = true; return; }
  const select = make("select", { "aria-label": "Client" }, ...list.map((_, index) => make("option", { value: index, text: outcome.clients[index] || index })));
  at("connection-bar").append(make("label", { text: "Client " }, select));
  const show = () => {
    const { up, down } = list[select.value];
    const both = (key) => [{ name: "client", values: up[key], colour: "--up" }, { name: "server", values: down[key], colour: "--down" }];
    const path = (side, colour) => [{ name: "window", values: side.window_bytes, colour: "--max" },
      { name: "in flight", values: side.in_flight_bytes, colour }];
    at("connection").replaceChildren(
      lines("Round trip, as each side sees it", both("rtt_us"), time),
      lines("Packets believed lost, in 1,000", both("loss_permille"), grouped),
      lines("Client’s congestion window", path(up, "--up"), bytes), lines("Server’s congestion window", path(down, "--down"), bytes),
      lines("Queued in the endpoint", both("queued_bytes"), bytes), lines("Queued before the link", both("link_queue_bytes"), bytes));
  };
  select.onchange = show;
  show();
}

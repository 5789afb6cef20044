// Charts, as SVG of the width there is. Each has a legend that tells the values under the pointer, and a text for those who
// do not see it.

const LEFT = 56, RIGHT = 12, TOP = 8, BOTTOM = 22, HEIGHT = 176;
const widths = new ResizeObserver((entries) => entries.forEach((entry) => entry.target.redraw()));

// A panel whose `paint(width)` gives an SVG; painted again when its width changes.
function panel(title, keys, label, paint) {
  const legend = make("div", { class: "key" });
  const told = keys.map(([name, shade]) => {
    const slot = make("b");
    legend.append(make("span", {}, make("i", { style: `background: var(${shade})` }), name, slot));
    return slot;
  });
  const when = make("span");
  legend.append(when);
  const box = make("div", { class: "plot" });
  const element = make("div", { class: "panel" }, make("div", { class: "title" }, make("h3", {}, ...title), legend), box);
  box.redraw = () => {
    const width = Math.max(220, Math.floor(box.clientWidth));
    if (box.width === width) return;
    box.width = width;
    const svg = paint(width, (values, text) => {
      told.forEach((slot, index) => { slot.textContent = values ? values[index] : ""; });
      when.textContent = text;
    });
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
    box.replaceChildren(svg);
  };
  element.box = box;
  return element;
}

// Puts panels in place and paints them.
function place(parent, ...panels) {
  parent.append(...panels);
  for (const one of panels) { one.box.redraw(); widths.observe(one.box); }
}

function canvas(width, most, show) {
  const svg = draw("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT });
  const y = (value) => HEIGHT - BOTTOM - (value / most) * (HEIGHT - TOP - BOTTOM);
  const size = Math.max(step(most, 4), show === grouped ? 1 : 0);
  for (let value = 0; value <= most * 1.0001 && (value === 0 || most > 1); value += size) {
    svg.append(draw("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: value === 0 ? "axis" : "rule" }));
    svg.append(draw("text", { x: LEFT - 7, y: y(value) + 4, "text-anchor": "end" }, value === 0 ? "0" : show(value)));
  }
  return { svg, y };
}

// Lines over the intervals of the outcome's series.
function lines(title, series, show) {
  const interval = outcome.series.interval_us, length = Math.max(1, outcome.series.intervals);
  const greatest = (line) => line.values.reduce((a, b) => Math.max(a, b), 0);
  const most = Math.max(...series.map(greatest)) * 1.05 || 1;
  const label = `${title}, over ${time(length * interval)}. ` + series.map((line) => `${line.name}: at most ${show(greatest(line))}`).join("; ");
  const shown = (line, index) => (line.gaps && line.gaps[index] === 0 ? "–" : show(line.values[index]));
  return panel([title], series.map((line) => [line.name, line.shade]), label, (width, tell) => {
    const { svg, y } = canvas(width, most, show);
    const x = (index) => LEFT + (index / length) * (width - LEFT - RIGHT);
    const total = (length * interval) / 1e6, size = step(total, Math.max(2, width / 90));
    for (let second = 0; second <= total + 1e-9; second += size) {
      svg.append(draw("text", { x: x((second * 1e6) / interval), y: HEIGHT - 6, "text-anchor": "middle" }, +second.toFixed(3) + " s"));
    }
    if (most === 1) svg.append(draw("text", { x: (LEFT + width) / 2, y: HEIGHT / 2, "text-anchor": "middle" }, "0 all the time"));
    for (const line of series) svg.append(curve(line, x, y));
    follow(svg, width, length, x, (index) => {
      if (index === null) return tell(null, "");
      const text = `at ${((index * interval) / 1e6).toFixed(interval < 1e5 ? 2 : 1)} s`;
      tell(series.map((line) => shown(line, index)), text);
      return text + ": " + series.map((line) => `${line.name} ${shown(line, index)}`).join(", ");
    });
    return svg;
  });
}

function curve(line, x, y) {
  let path = "", pen = "M";
  line.values.forEach((value, index) => {
    if (line.gaps && line.gaps[index] === 0) { pen = "M"; return; }
    const isAlone = pen === "M" && (index + 1 === line.values.length || (line.gaps && line.gaps[index + 1] === 0));
    path += `${pen}${x(index + 0.5).toFixed(1)},${y(value).toFixed(1)}` + (isAlone ? "h0.1" : "");
    pen = "L";
  });
  return draw("path", { d: path || "M0,0", fill: "none", stroke: `var(${line.shade})`, "stroke-width": 1.6,
    "stroke-linejoin": "round", "stroke-linecap": "round" });
}

// A line that follows the pointer or the arrow keys.
function follow(svg, width, length, x, tell) {
  const cursor = draw("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "cursor", visibility: "hidden" });
  svg.append(cursor);
  svg.setAttribute("tabindex", "0");
  let place = null;
  const go = (index) => {
    place = index;
    cursor.setAttribute("visibility", index === null ? "hidden" : "visible");
    if (index !== null) for (const end of ["x1", "x2"]) cursor.setAttribute(end, x(index + 0.5));
    return tell(index);
  };
  svg.addEventListener("pointermove", (event) => {
    const index = Math.floor(((event.clientX - svg.getBoundingClientRect().left - LEFT) / (width - LEFT - RIGHT)) * length);
    go(index >= 0 && index < length ? index : null);
  });
  svg.addEventListener("pointerleave", () => go(null));
  svg.addEventListener("blur", () => go(null));
  svg.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (!move) return;
    event.preventDefault();
    say(go(Math.min(length - 1, Math.max(0, (place === null ? -1 : place) + move))));
  });
}

// How many messages took how long, on a logarithmic scale.
function histogram(traffic) {
  const { latency } = traffic, bars = latency.histogram, title = [wayOf(traffic.direction), traffic.name];
  if (bars.length === 0) {
    const empty = panel(title, [], "Nothing arrived", () => draw("svg", { width: 1, height: 1 }));
    empty.append(make("p", { class: "hint", text: "Nothing arrived." }));
    return empty;
  }
  const most = Math.max(...bars.map((bar) => bar.count)) * 1.28;
  const label = `Latency of ${traffic.name}: ${grouped(latency.count)} messages, half within ${time(latency.p50_us)}, ` +
    `99 in 100 within ${time(latency.p99_us)}, the latest after ${time(latency.max_us)}`;
  const shade = traffic.direction === "up" ? "--up" : "--down";
  const element = panel(title, [["messages", shade]], label, (width, tell) => {
    const { svg, y } = canvas(width, most, grouped);
    const low = Math.log10(Math.max(1, bars[0].from_us)), high = Math.max(Math.log10(bars[bars.length - 1].below_us), low + 0.2);
    const x = (us) => LEFT + ((Math.log10(Math.max(1, us)) - low) / (high - low)) * (width - LEFT - RIGHT);
    for (const bar of bars) svg.append(oneBar(bar, x, y, shade, tell));
    const ticks = logTicks(low, high, width);
    for (const us of ticks) svg.append(draw("text", { x: x(us), y: HEIGHT - 6, "text-anchor": "middle" }, time(us)));
    ["p50_us", "p99_us"].forEach((key, row) => {
      const place = Math.min(x(latency[key]), width - RIGHT), isRight = place > width * 0.6;
      svg.append(draw("line", { x1: place, x2: place, y1: TOP, y2: HEIGHT - BOTTOM, class: "mark-line" }));
      svg.append(draw("text", { x: place + (isRight ? -5 : 5), y: TOP + 10 + row * 14, "text-anchor": isRight ? "end" : "start", class: "strong" },
        `${key.slice(0, 3)} ${time(latency[key])}`));
    });
    return svg;
  });
  element.append(histogramTable(bars, traffic.name));
  return element;
}

function oneBar(bar, x, y, shade, tell) {
  const rect = draw("rect", { x: x(bar.from_us) + 0.5, width: Math.max(1.5, x(bar.below_us) - x(bar.from_us) - 1),
    y: Math.min(y(bar.count), y(0) - 1), height: Math.max(1, y(0) - y(bar.count)), rx: 1.5, fill: `var(${shade})` });
  const text = `${time(bar.from_us)} to ${time(bar.below_us)}`;
  rect.append(draw("title", {}, `${text}: ${grouped(bar.count)}`));
  rect.addEventListener("pointerenter", () => tell([grouped(bar.count)], text));
  rect.addEventListener("pointerleave", () => tell(null, ""));
  return rect;
}

// 1, 2 and 5 of each decade, as far as there is room.
function logTicks(low, high, width) {
  const room = Math.floor((width - LEFT - RIGHT) / 58), ticks = [];
  for (const sizes of [[1, 2, 5], [1, 3], [1]]) {
    ticks.length = 0;
    for (let power = Math.floor(low); power <= high; power += 1) {
      ticks.push(...sizes.map((size) => size * 10 ** power).filter((us) => Math.log10(us) >= low && Math.log10(us) <= high));
    }
    if (ticks.length <= room) break;
  }
  return ticks;
}

function histogramTable(bars, name) {
  const rows = bars.map((bar) => make("tr", {}, make("td", { text: `${time(bar.from_us)} to ${time(bar.below_us)}` }), make("td", { text: grouped(bar.count) })));
  return make("details", {}, make("summary", { text: "As a table" }), make("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Latency of " + name },
    make("table", {}, head(["Latency", "Messages"]), make("tbody", {}, ...rows))));
}

function intervalText() {
  const merged = data.left_out.merged_intervals;
  const text = `Each point stands for ${time(outcome.series.interval_us)}`;
  return merged > 1 ? `${text}: ${merged} intervals of the JSON, the greatest of them (of means, their mean).` : text + ".";
}

function showLatency() {
  at("latency-note").textContent = "Left how it is distributed, on a logarithmic scale; right over time. " + intervalText();
  outcome.traffic.forEach((traffic, index) => {
    const series = outcome.series.traffic[index];
    const row = make("div", { class: "pair" });
    at("latency").append(row);
    place(row, histogram(traffic), lines(`${traffic.name}, over time`, [
      { name: "greatest", values: series.max_us, gaps: series.delivered, shade: "--max" },
      { name: "mean", values: series.mean_us, gaps: series.delivered, shade: "--mean" }], time));
  });
  at("latency-section").hidden = outcome.traffic.length === 0;
}

function showConnection() {
  const list = outcome.series.connections, hidden = data.left_out.connections;
  if (list.length === 0) { at("connection-section").hidden = true; return; }
  at("connection-note").textContent = intervalText() +
    (hidden > 0 ? ` The first ${plural(list.length, "client")}; ${grouped(hidden)} more are left out here, and are in the JSON.` : "");
  const select = make("select", {}, ...list.map((_, index) => make("option", { value: index, text: outcome.clients[index] || String(index) })));
  at("connection-bar").append(make("label", {}, "Client", select));
  const show = () => {
    const { up, down } = list[select.value];
    const both = (key) => [{ name: "client", values: up[key], shade: "--up" }, { name: "server", values: down[key], shade: "--down" }];
    const path = (side, shade) => [{ name: "window", values: side.window_bytes, shade: "--max" }, { name: "in flight", values: side.in_flight_bytes, shade }];
    at("connection").replaceChildren();
    place(at("connection"),
      lines("Congestion window of the client", path(up, "--up"), bytes), lines("Congestion window of the server", path(down, "--down"), bytes),
      lines("Queued in the endpoint", both("queued_bytes"), bytes), lines("Queued before the link", both("link_queue_bytes"), bytes),
      lines("Round trip, as each side sees it", both("rtt_us"), time), lines("Packets believed lost", both("loss_permille"), percent));
  };
  select.onchange = show;
  show();
}

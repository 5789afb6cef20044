"use strict";
// The ladder of datagrams: two hosts, time running down, a line for each datagram. Drawn on a canvas, so that a hundred thousand
// of them stay quick: only what is in sight is drawn.

const capture = data.capture;
const ROW = 15;
const ladder = { pair: null, list: [], shown: [], from: 0, to: 1, picked: null, drag: null, pointer: null, filter: "" };

// A datagram of the data as an object; times in microseconds.
function datagram([sent, from, to, length, text, mark, landings], index) {
  const arrivals = landings.map(([when, host, lost]) => ({ at: when / 1000, host, lost }));
  const arrived = arrivals.filter((landing) => landing.lost === null);
  const under_way = arrivals.length === 0 && !mark.startsWith("✗");
  return { index, sent: sent / 1000, from, to, length, text, mark, arrivals, arrived, under_way,
    lost: arrived.length === 0 && !under_way, hurt: arrived.length > 0 && mark !== "" && mark !== "to everybody",
    end: arrived.length > 0 ? arrived[0].at : arrivals.length > 0 ? arrivals[0].at : null };
}

// Whom a datagram was on its way to: a host, or -1 for everybody and nobody.
function target(one) {
  if (one.to !== null) return one.to;
  return one.arrivals.length === 1 ? one.arrivals[0].host : -1;
}

// All pairs of hosts that talk, the one who says hello on the left.
function pairs(all) {
  const found = new Map();
  for (const one of all) {
    const to = target(one), low = Math.min(one.from, to), high = Math.max(one.from, to), key = low + ":" + high;
    if (!found.has(key)) found.set(key, { key, left: to < 0 ? one.from : low, right: to < 0 ? -1 : high, count: 0, greeted: false });
    const pair = found.get(key);
    pair.count += 1;
    if (!pair.greeted && to >= 0 && one.text.startsWith("Hello")) { pair.left = one.from; pair.right = to; pair.greeted = true; }
  }
  return [...found.values()];
}

const nameOf = (host) => (host < 0 ? "elsewhere" : capture.hosts[host]);

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function showLadder() {
  if (!capture) { at("ladder-section").hidden = true; return; }
  const all = capture.datagrams.map(datagram);
  ladder.pairs = pairs(all);
  if (ladder.pairs.length === 0) { at("ladder-section").hidden = true; return; }
  ladder.pairs.sort((a, b) => (a.right < 0) - (b.right < 0));
  for (const pair of ladder.pairs) {
    pair.list = all.filter((one) => {
      const to = target(one);
      return (one.from === pair.left && to === pair.right) || (one.from === pair.right && to === pair.left);
    });
  }
  ladder.begin = capture.began_ns / 1000;
  ladder.end = Math.max(capture.ended_ns / 1000, ladder.begin + 1);
  const select = make("select", { "aria-label": "Hosts" }, ...ladder.pairs.map((pair, index) =>
    make("option", { value: index, text: `${nameOf(pair.left)} ↔ ${nameOf(pair.right)} (${grouped(pair.count)})` })));
  const filter = make("input", { type: "search", placeholder: "Filter: Ack, ch3 m17, lost …", size: 24, "aria-label": "Filter" });
  const button = (text, title, act) => { const made = make("button", { type: "button", text, title }); made.onclick = act; return made; };
  at("ladder-bar").append(make("label", { text: "Between " }, select), filter,
    button("+", "Zoom in", () => zoom(0.5)), button("−", "Zoom out", () => zoom(2)),
    button("Begin", "The first datagrams", () => look(ladder.begin, 0.5e6)), button("All", "The whole time", () => look(ladder.begin, ladder.end - ladder.begin)),
    button("Next loss", "The next datagram that was lost", nextLoss), make("span", { class: "space" }), legend());
  select.onchange = () => choose(ladder.pairs[select.value]);
  filter.oninput = () => { ladder.filter = filter.value.toLowerCase(); choose(ladder.pair, true); };
  const kept = capture.datagrams.length;
  at("ladder-note").textContent = capture.left_out === 0 ? `${grouped(kept)} datagrams.`
    : `The first ${grouped(kept)} datagrams; ${grouped(capture.left_out)} later ones are left out. --pcap and --qlog keep more.`;
  listen();
  choose(ladder.pairs[0]);
  look(ladder.begin, Math.min(0.5e6, ladder.end - ladder.begin));
}

function legend() {
  const key = make("span", { class: "legend key" });
  for (const [name, shade] of [["to the right", "--up"], ["to the left", "--down"], ["changed, doubled or late", "--warn"], ["lost", "--bad"]]) {
    key.append(make("i", { style: `background: var(${shade})` }), name);
  }
  return key;
}

function choose(pair, isSame) {
  ladder.pair = pair;
  const wanted = ladder.filter;
  const matches = (one) => !wanted || one.text.toLowerCase().includes(wanted) || one.mark.toLowerCase().includes(wanted) || (wanted === "lost" && one.lost);
  ladder.list = pair.list.filter(matches);
  if (!isSame) ladder.picked = null;
  paint();
}

function look(from, span) {
  const least = 100, whole = ladder.end - ladder.begin;
  span = Math.min(Math.max(span, least), Math.max(whole, least));
  ladder.from = Math.min(Math.max(from, ladder.begin), Math.max(ladder.begin, ladder.end - span));
  ladder.to = ladder.from + span;
  paint();
}

function zoom(times, around) {
  const span = ladder.to - ladder.from, centre = around === undefined ? ladder.from + span / 2 : around;
  look(centre - (centre - ladder.from) * times, span * times);
}

function nextLoss() {
  const after = ladder.picked ? ladder.picked.index : -1;
  const found = ladder.list.find((one) => one.lost && one.index > after) || ladder.list.find((one) => one.lost);
  if (found) pick(found);
}

function pick(one) {
  ladder.picked = one;
  const span = ladder.to - ladder.from;
  if (one.sent < ladder.from || one.sent > ladder.to - span * 0.1) look(one.sent - span * 0.3, span);
  else paint();
}

// Painting -----------------------------------------------------------------------------------------------------------

let isPainting = false;

function paint() {
  if (isPainting) return;
  isPainting = true;
  requestAnimationFrame(() => { isPainting = false; paintStrip(); paintLadder(); });
}

function sharp(canvas, height) {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width };
}

// How much there is when, losses on top, and what is in sight.
function paintStrip() {
  const { pen, width } = sharp(at("strip"), 44);
  const cells = Math.max(1, Math.floor(width / 3)), sent = new Array(cells).fill(0), lost = new Array(cells).fill(0);
  const whole = ladder.end - ladder.begin;
  for (const one of ladder.list) {
    const cell = Math.min(cells - 1, Math.floor(((one.sent - ladder.begin) / whole) * cells));
    sent[cell] += 1;
    if (one.lost) lost[cell] += 1;
  }
  const most = Math.max(1, ...sent);
  sent.forEach((count, cell) => {
    pen.fillStyle = colour("--soft"); pen.globalAlpha = 0.45;
    pen.fillRect(cell * 3, 42 - (count / most) * 36, 2, (count / most) * 36);
    pen.globalAlpha = 1; pen.fillStyle = colour("--bad");
    pen.fillRect(cell * 3, 42 - (lost[cell] / most) * 36, 2, (lost[cell] / most) * 36);
  });
  const x = (us) => ((us - ladder.begin) / whole) * width;
  pen.fillStyle = colour("--shade");
  pen.fillRect(x(ladder.from), 0, Math.max(3, x(ladder.to) - x(ladder.from)), 44);
  pen.strokeStyle = colour("--up");
  pen.strokeRect(x(ladder.from) + 0.5, 0.5, Math.max(3, x(ladder.to) - x(ladder.from)) - 1, 43);
}

const HEIGHT = 620, HEAD = 34;

function geometry(width) {
  const margin = Math.max(90, Math.min(330, width * 0.29));
  return { left: margin, right: width - margin, y: (us) => HEAD + ((us - ladder.from) / (ladder.to - ladder.from)) * (HEIGHT - HEAD) };
}

function paintLadder() {
  const { pen, width } = sharp(at("ladder"), HEIGHT);
  const { left, right, y } = geometry(width);
  const ink = colour("--ink"), soft = colour("--soft"), line = colour("--line");
  pen.font = "12px " + getComputedStyle(document.body).fontFamily;
  paintTimes(pen, width, y, soft, colour("--faint"));
  pen.strokeStyle = line; pen.lineWidth = 2;
  for (const x of [left, right]) { pen.beginPath(); pen.moveTo(x, HEAD); pen.lineTo(x, HEIGHT); pen.stroke(); }
  const reach = 0.6 * (ladder.to - ladder.from);
  ladder.shown = ladder.list.filter((one) => one.sent <= ladder.to && (one.end === null ? one.sent + reach : Math.max(one.end, ...one.arrivals.map((landing) => landing.at))) >= ladder.from);
  const shades = { up: colour("--up"), down: colour("--down"), bad: colour("--bad"), warn: colour("--warn") };
  const labels = { left: -ROW, right: -ROW };
  const isDense = ladder.shown.length > 4000;
  for (const one of ladder.shown) paintOne(pen, one, { left, right, y }, shades, isDense);
  pen.lineWidth = 1;
  for (const one of ladder.shown) paintLabel(pen, one, { left, right, y, width }, labels, shades, ink);
  pen.fillStyle = colour("--card"); pen.fillRect(0, 0, width, HEAD - 4);
  pen.fillStyle = ink; pen.font = "600 13px " + getComputedStyle(document.body).fontFamily; pen.textAlign = "center";
  pen.fillText(nameOf(ladder.pair.left), left, 20); pen.fillText(nameOf(ladder.pair.right), right, 20);
  pen.textAlign = "left";
}

function paintTimes(pen, width, y, soft, faint) {
  const span = (ladder.to - ladder.from) / 1000, size = step(span, 10);
  const digits = Math.max(0, -Math.floor(Math.log10(size)));
  pen.lineWidth = 1; pen.textAlign = "center";
  for (let index = Math.ceil(ladder.from / 1000 / size); index * size <= ladder.to / 1000; index += 1) {
    const at = y(index * size * 1000);
    pen.strokeStyle = faint; pen.beginPath(); pen.moveTo(0, at); pen.lineTo(width, at); pen.stroke();
    pen.fillStyle = soft; pen.fillText((index * size).toFixed(digits) + " ms", width / 2, at - 3);
  }
  pen.textAlign = "left";
}

function paintOne(pen, one, { left, right, y }, shades, isDense) {
  const isRight = one.from === ladder.pair.left;
  const [x0, x1] = isRight ? [left, right] : [right, left];
  const isPicked = one === ladder.picked || one === ladder.pointer;
  pen.lineWidth = isPicked ? 3 : isDense ? 0.6 : 1.3;
  const shade = one.lost ? shades.bad : one.hurt ? shades.warn : isRight ? shades.up : shades.down;
  pen.strokeStyle = pen.fillStyle = shade;
  pen.globalAlpha = one.under_way ? 0.45 : 1;
  if (one.lost) {
    const x = x0 + (x1 - x0) * 0.55, end = one.end === null ? one.sent : one.sent + (one.end - one.sent) * 0.55;
    stroke(pen, x0, y(one.sent), x, y(end));
    if (!isDense) { stroke(pen, x - 4, y(end) - 4, x + 4, y(end) + 4); stroke(pen, x - 4, y(end) + 4, x + 4, y(end) - 4); }
  } else if (one.under_way) {
    stroke(pen, x0, y(one.sent), x0 + (x1 - x0) * 0.55, y(one.sent));
  }
  one.arrivals.forEach((landing, copy) => {
    if (landing.lost !== null) return;
    pen.setLineDash(copy > 0 ? [5, 4] : []);
    stroke(pen, x0, y(one.sent), x1, y(landing.at));
    pen.setLineDash([]);
    if (!isDense) arrow(pen, x0, y(one.sent), x1, y(landing.at));
  });
  pen.globalAlpha = 1;
}

function stroke(pen, x0, y0, x1, y1) {
  pen.beginPath(); pen.moveTo(x0, y0); pen.lineTo(x1, y1); pen.stroke();
}

function arrow(pen, x0, y0, x1, y1) {
  const turn = Math.atan2(y1 - y0, x1 - x0), size = 7;
  pen.beginPath(); pen.moveTo(x1, y1);
  for (const side of [-0.4, 0.4]) pen.lineTo(x1 - size * Math.cos(turn + side), y1 - size * Math.sin(turn + side));
  pen.closePath(); pen.fill();
}

// What a datagram holds, beside its sender, where there is room for a line of text.
function paintLabel(pen, one, { left, right, y, width }, labels, shades, ink) {
  const isLeft = one.from === ladder.pair.left, side = isLeft ? "left" : "right";
  const place = y(one.sent);
  const isPicked = one === ladder.picked || one === ladder.pointer;
  if (place < HEAD - 2 || place > HEIGHT || (place - labels[side] < ROW && !isPicked)) return;
  labels[side] = place;
  const room = (isLeft ? left : width - right) - 22;
  pen.fillStyle = one.lost ? shades.bad : one.hurt ? shades.warn : ink;
  pen.textAlign = isLeft ? "right" : "left";
  pen.fillText(fit(pen, one.text, room), isLeft ? left - 11 : right + 11, place + 4);
  pen.textAlign = "left";
}

function fit(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (pen.measureText(text.slice(0, middle) + "…").width <= room) low = middle; else high = middle - 1;
  }
  return text.slice(0, low) + "…";
}

// Pointer and keys -----------------------------------------------------------------------------------------------------

function nearest(x, y) {
  const { left, right, y: place } = geometry(at("ladder").clientWidth);
  let best = null, least = 9;
  for (const one of ladder.shown) {
    const isRight = one.from === ladder.pair.left;
    const along = Math.min(1, Math.max(0, isRight ? (x - left) / (right - left) : (right - x) / (right - left)));
    const ends = one.arrivals.length > 0 ? one.arrivals.map((landing) => landing.at) : [one.sent];
    for (const end of ends) {
      const distance = Math.abs(place(one.sent + (end - one.sent) * along) - y) + (one.arrivals.length === 0 && along > 0.57 ? 99 : 0);
      if (distance < least) { least = distance; best = one; }
    }
  }
  return best;
}

function details(one) {
  const says = [make("div", {}, make("b", { text: `${nameOf(one.from)} → ${nameOf(target(one))}` }),
    make("span", { class: "soft", text: `   ${(one.sent / 1000).toFixed(3)} ms · ${one.length} bytes` }))];
  const parts = one.text.match(/#\d+|[A-Z]\w*\([^)]*\)|\S+/g) || [];
  const isPacket = one.text.startsWith("#");
  const frames = isPacket ? parts : [one.text];
  says.push(make("ul", { class: "frames" }, ...frames.map((text) => make("li", { text: isPacket && text.startsWith("#") ? "packet " + text : text }))));
  for (const landing of one.arrivals) {
    const after = time(Math.round(landing.at - one.sent));
    says.push(landing.lost === null ? make("div", { text: `arrived after ${after}` }) : make("div", { class: "lost", text: `${landing.lost} after ${after}` }));
  }
  if (one.mark !== "") says.push(make("div", { class: one.lost ? "lost" : "hurt", text: one.mark }));
  if (one.under_way) says.push(make("div", { class: "soft", text: "still under way at the end" }));
  return says;
}

function showTip(one, x, y) {
  const tip = at("tip"), stage = at("stage");
  tip.hidden = !one;
  if (!one) return;
  tip.replaceChildren(...details(one));
  tip.style.left = Math.max(6, Math.min(x + 14, stage.clientWidth - tip.offsetWidth - 8)) + "px";
  tip.style.top = (y + 18 + tip.offsetHeight > HEIGHT ? Math.max(4, y - tip.offsetHeight - 12) : y + 18) + "px";
}

function listen() {
  const canvas = at("ladder"), stage = at("stage"), strip = at("strip");
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const span = ladder.to - ladder.from;
    if (event.ctrlKey || event.metaKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, ladder.from + (Math.max(0, event.offsetY - HEAD) / (HEIGHT - HEAD)) * span);
    else look(ladder.from + (event.deltaY / HEIGHT) * span, span);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    ladder.drag = { y: event.offsetY, from: ladder.from, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (ladder.drag) {
      ladder.drag.moved ||= Math.abs(event.offsetY - ladder.drag.y) > 3;
      const span = ladder.to - ladder.from;
      look(ladder.drag.from - ((event.offsetY - ladder.drag.y) / (HEIGHT - HEAD)) * span, span);
      return;
    }
    const one = nearest(event.offsetX, event.offsetY);
    if (one !== ladder.pointer) { ladder.pointer = one; paint(); }
    showTip(one || ladder.picked, event.offsetX, event.offsetY);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (ladder.drag && !ladder.drag.moved) { ladder.picked = nearest(event.offsetX, event.offsetY); paint(); }
    ladder.drag = null;
  });
  canvas.addEventListener("pointerleave", () => { ladder.pointer = null; showTip(null); paint(); });
  stage.addEventListener("keydown", (event) => {
    const move = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!move || ladder.list.length === 0) return;
    event.preventDefault();
    const index = ladder.list.indexOf(ladder.picked);
    const first = ladder.list.findIndex((one) => one.sent >= ladder.from);
    pick(ladder.list[index < 0 ? Math.max(0, first) : Math.min(ladder.list.length - 1, Math.max(0, index + move))]);
    const { left, y } = geometry(canvas.clientWidth);
    showTip(ladder.picked, left, y(ladder.picked.sent));
  });
  const when = (event) => ladder.begin + (event.offsetX / strip.clientWidth) * (ladder.end - ladder.begin);
  let start = null;
  strip.addEventListener("pointerdown", (event) => { start = when(event); strip.setPointerCapture(event.pointerId); });
  strip.addEventListener("pointerup", (event) => {
    const end = when(event), span = ladder.to - ladder.from;
    if (Math.abs(end - start) < (ladder.end - ladder.begin) / 300) look(start - span / 2, span);
    else look(Math.min(start, end), Math.abs(end - start));
    start = null;
  });
  addEventListener("resize", paint);
}

// The page -------------------------------------------------------------------------------------------------------------

function setTheme() {
  const root = document.documentElement;
  at("theme").onclick = () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    if (capture) paint();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (capture) paint(); });
}

try {
  setTheme();
  showHead(); showCards(); showTraffic(); showLatency(); showConnection(); showConnections(); showLadder();
  at("footer").textContent = `Made by ${data.made_by}. The same command gives the same page, byte for byte.`;
  document.documentElement.dataset.ready = "true";
} catch (error) {
  document.body.prepend(make("div", { id: "failure", text: "This page failed to draw itself: " + error + "\n" + error.stack }));
}

// The ladder of datagrams: two hosts, time running down, a line for each datagram. Drawn on a canvas, so that a hundred thousand
// of them stay quick: only what is in sight is drawn.

const capture = data.capture;
const ROW = 16, TITLE = 34;
const ladder = { pairs: [], pair: null, list: [], shown: [], gaps: [], from: 0, to: 1, begin: 0, end: 1, picked: null, pointed: null, filter: "" };

// A datagram of the data as an object; times in microseconds.
function datagram([sent, from, to, length, text, mark, landings], index) {
  const copies = landings.map(([when, host, lost]) => ({ at: when / 1000, host, lost }));
  const arrived = copies.filter((copy) => copy.lost === null);
  const isUnderWay = copies.length === 0 && !mark.startsWith("✗");
  const parts = text.split("\n");
  return { index, sent: sent / 1000, from, to: to === null ? -1 : to, length, parts, text: parts.join(" "), mark, copies, isUnderWay,
    isLost: arrived.length === 0 && !isUnderWay, isHurt: arrived.length > 0 && mark !== "" && mark !== "to everybody",
    end: arrived.length > 0 ? arrived[0].at : copies.length > 0 ? copies[0].at : null,
    last: copies.reduce((latest, copy) => Math.max(latest, copy.at), sent / 1000) };
}

// All pairs of hosts that talk, who says hello on the left.
function pairs(all) {
  const found = new Map(), flights = new Map();
  for (const one of all) {
    // What was lost is drawn as if it had been as quick as the one before.
    const way = one.from + ">" + one.to;
    if (one.end === null) one.end = one.sent + (flights.get(way) || 0); else flights.set(way, one.end - one.sent);
    const key = one.to < 0 ? one.from + ":-1" : Math.min(one.from, one.to) + ":" + Math.max(one.from, one.to);
    if (!found.has(key)) found.set(key, { key, left: one.from, right: one.to, list: [], isGreeted: false });
    const pair = found.get(key);
    pair.list.push(one);
    if (!pair.isGreeted && one.to >= 0 && one.text.startsWith("Hello")) Object.assign(pair, { left: one.from, right: one.to, isGreeted: true });
  }
  return [...found.values()].sort((a, b) => (a.right < 0) - (b.right < 0));
}

const nameOf = (host) => (host < 0 ? "elsewhere" : capture.hosts[host]);
// The scenario's name for the client of a pair: the first host is the server, the others are the clients.
function clientOf(pair) {
  const client = outcome.clients[Math.max(pair.left, pair.right) - 1];
  return Math.min(pair.left, pair.right) === 0 && client ? ", " + client : "";
}

const shadeOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function showLadder() {
  if (!capture || capture.datagrams.length === 0) { at("ladder-section").hidden = true; return; }
  ladder.pairs = pairs(capture.datagrams.map(datagram));
  ladder.begin = capture.began_ns / 1000;
  ladder.end = Math.max(capture.ended_ns / 1000, ladder.begin + 1);
  const kept = capture.datagrams.length;
  at("ladder-note").textContent = capture.left_out === 0 ? `All ${plural(kept, "datagram")} of the run.`
    : `${grouped(kept)} of ${grouped(kept + capture.left_out)} datagrams, in pieces without holes that are spread over the whole run; what lies between is ` +
      "hatched, and --pcap and --qlog keep more of it.";
  controls();
  listen();
  choose(ladder.pairs[0]);
  const first = ladder.list[0].sent, fortieth = ladder.list[Math.min(36, ladder.list.length - 1)];
  const span = Math.max(20000, fortieth.last - first);
  look(first - span * 0.02, span);
}

function controls() {
  const select = make("select", {}, ...ladder.pairs.map((pair, index) =>
    make("option", { value: index, text: `${nameOf(pair.left)} and ${nameOf(pair.right)}${clientOf(pair)} (${grouped(pair.list.length)})` })));
  const filter = make("input", { type: "search", placeholder: "Filter: Ack, ch3 m17, lost", size: 22, "aria-label": "Show datagrams with this text only" });
  const button = (text, label, act) => {
    const made = make("button", { type: "button", text, "aria-label": label, title: label });
    made.onclick = act;
    return made;
  };
  const legend = make("div", { class: "key" });
  for (const [name, shade] of [["to the right", "--up"], ["to the left", "--down"], ["hurt, doubled, delayed", "--warn"], ["✕ lost", "--bad"]]) {
    legend.append(make("span", {}, make("i", { style: `background: var(${shade})` }), name));
  }
  at("ladder-bar").append(make("label", {}, "Between", select), filter,
    button("▲", "Earlier", () => turn(-0.8)), button("▼", "Later", () => turn(0.8)),
    button("+", "Zoom in", () => zoom(0.5)), button("−", "Zoom out", () => zoom(2)),
    button("All", "The whole time", () => look(ladder.begin, ladder.end - ladder.begin)),
    button("Next loss", "The next datagram that was lost", nextLoss), legend);
  select.onchange = () => choose(ladder.pairs[select.value]);
  filter.oninput = () => { ladder.filter = filter.value.toLowerCase(); choose(ladder.pair); };
}

function choose(pair) {
  if (pair !== ladder.pair) ladder.picked = null;
  ladder.pair = pair;
  const wanted = ladder.filter;
  const isWanted = (one) => !wanted || (one.text + " " + one.mark).toLowerCase().includes(wanted) || (one.isLost && "lost".startsWith(wanted));
  ladder.list = pair.list.filter(isWanted);
  ladder.gaps = capture.gaps.filter(([first, second]) => first + ":" + second === pair.key || first === null)
    .map(([, , from, to, count]) => ({ from: from / 1000, to: to / 1000, count }));
  paint();
}

function look(from, span) {
  const least = 100, whole = ladder.end - ladder.begin;
  span = Math.min(Math.max(span, least), Math.max(whole, least));
  // A little before the beginning, so that the first label is whole.
  const early = ladder.begin - span * 0.02;
  ladder.from = Math.min(Math.max(from, early), Math.max(early, ladder.end - span));
  ladder.to = ladder.from + span;
  paint();
}

function turn(pages) {
  look(ladder.from + (ladder.to - ladder.from) * pages, ladder.to - ladder.from);
}

function zoom(times, around = (ladder.from + ladder.to) / 2) {
  look(around - (around - ladder.from) * times, (ladder.to - ladder.from) * times);
}

function nextLoss() {
  const after = ladder.picked ? ladder.picked.index : -1;
  const found = ladder.list.find((one) => one.isLost && one.index > after) || ladder.list.find((one) => one.isLost);
  if (found) pick(found); else say("No datagram was lost here");
}

function pick(one) {
  ladder.picked = one;
  const span = ladder.to - ladder.from;
  if (one.sent < ladder.from || one.sent > ladder.to - span * 0.15) look(one.sent - span * 0.3, span);
  else paint();
  const { left, right, y } = geometry();
  showTip(one, one.from === ladder.pair.left ? left : Math.max(left, right - 220), y(one.sent));
  say(`${nameOf(one.from)} to ${nameOf(one.to)} at ${millis(one.sent)}: ${one.text}, ${one.length} bytes, ${fate(one)}`);
}

function fate(one) {
  const ends = one.copies.map((copy) => (copy.lost === null ? "arrived after " : copy.lost.replace("✗ ", "") + " after ") + time(copy.at - one.sent));
  if (one.mark !== "") ends.push(one.mark.replace(/^[^\p{L}\p{N}]+/u, ""));
  if (one.isUnderWay) ends.push("under way at the end");
  return (one.isLost ? "lost: " : "") + ends.join("; ");
}

// Painting -----------------------------------------------------------------------------------------------------------

let isDue = false;

function paint() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => { isDue = false; paintAll(); });
}

function paintAll() {
  paintStrip();
  paintLadder();
  if (at("rows-details").open) showRows();
}

function sharp(canvas) {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

// How much was sent when, losses on top, what is in sight, and what is left out.
function paintStrip() {
  const { pen, width, height } = sharp(at("strip")), low = height - 3, whole = ladder.end - ladder.begin;
  const cells = Math.max(1, Math.floor(width / 3)), sent = new Array(cells).fill(0), lost = new Array(cells).fill(0);
  for (const one of ladder.list) {
    const cell = Math.min(cells - 1, Math.floor(((one.sent - ladder.begin) / whole) * cells));
    sent[cell] += 1;
    if (one.isLost) lost[cell] += 1;
  }
  const x = (us) => ((us - ladder.begin) / whole) * width;
  for (const gap of ladder.gaps) hatch(pen, x(gap.from), 0, Math.max(1, x(gap.to) - x(gap.from)), height, shadeOf("--line"));
  const most = Math.max(1, ...sent), tall = (count) => (count / most) * (low - 6), soft = shadeOf("--soft"), bad = shadeOf("--bad");
  sent.forEach((count, cell) => {
    pen.fillStyle = soft; pen.globalAlpha = 0.5;
    pen.fillRect(cell * 3, low - tall(count), 2, tall(count));
    pen.globalAlpha = 1; pen.fillStyle = bad;
    pen.fillRect(cell * 3, low - tall(lost[cell]), 2, tall(lost[cell]));
  });
  const left = x(ladder.from), wide = Math.max(4, x(ladder.to) - left);
  pen.fillStyle = shadeOf("--shade"); pen.fillRect(left, 0, wide, height);
  pen.strokeStyle = shadeOf("--up"); pen.lineWidth = 1; pen.strokeRect(left + 0.5, 0.5, wide - 1, height - 1);
}

function hatch(pen, x, y, width, height, shade) {
  pen.save();
  pen.beginPath(); pen.rect(x, y, width, height); pen.clip();
  pen.strokeStyle = shade; pen.lineWidth = 1;
  pen.beginPath();
  for (let from = x - height - (x % 8); from < x + width; from += 8) { pen.moveTo(from, y + height); pen.lineTo(from + height, y); }
  pen.stroke();
  pen.restore();
}

// Where things are: on a narrow screen there is no room for words beside the lines.
function geometry() {
  const width = at("ladder").clientWidth, height = at("ladder").clientHeight, isNarrow = width < 620;
  const left = isNarrow ? 104 : Math.min(390, width * 0.34), right = width - (isNarrow ? 40 : Math.min(320, width * 0.27));
  return { width, height, isNarrow, left, right, y: (us) => TITLE + ((us - ladder.from) / (ladder.to - ladder.from)) * (height - TITLE) };
}

function paintLadder() {
  const { pen } = sharp(at("ladder")), place = geometry(), { left, right, y, width, height } = place;
  const shades = { up: shadeOf("--up"), down: shadeOf("--down"), bad: shadeOf("--bad"), warn: shadeOf("--warn"), ink: shadeOf("--ink"),
    soft: shadeOf("--soft"), line: shadeOf("--line"), faint: shadeOf("--faint") };
  const family = getComputedStyle(document.body).fontFamily;
  pen.font = "12px " + family;
  paintTimes(pen, place, shades);
  for (const gap of ladder.gaps) paintGap(pen, gap, place, shades);
  pen.strokeStyle = shades.line; pen.lineWidth = 2;
  for (const x of [left, right]) stroke(pen, x, TITLE, x, height);
  ladder.shown = ladder.list.filter((one) => one.sent <= ladder.to && one.last >= ladder.from);
  const isDense = ladder.shown.length > 1500;
  for (const one of ladder.shown) paintOne(pen, one, place, shades, isDense);
  const labels = { left: -ROW, right: -ROW };
  for (const one of ladder.shown) paintLabel(pen, one, place, labels, shades);
  pen.fillStyle = shadeOf("--card"); pen.fillRect(0, 0, width, TITLE - 4);
  pen.fillStyle = shades.ink; pen.font = "600 13px " + family; pen.textAlign = "center";
  pen.fillText(nameOf(ladder.pair.left), left, 20); pen.fillText(nameOf(ladder.pair.right), right, 20);
}

function paintTimes(pen, { width, height, y }, shades) {
  const span = (ladder.to - ladder.from) / 1000, size = step(span, height / 60);
  const isLong = size >= 1000, unit = isLong ? 1000 : 1;
  const digits = Math.max(0, -Math.floor(Math.log10(size / unit) + 1e-9));
  pen.lineWidth = 1; pen.textAlign = "left";
  for (let index = Math.ceil(ladder.from / 1000 / size); index * size <= ladder.to / 1000; index += 1) {
    const place = y(index * size * 1000);
    pen.strokeStyle = shades.faint; stroke(pen, 0, place, width, place);
    pen.fillStyle = shades.soft; pen.fillText(((index * size) / unit).toFixed(digits) + (isLong ? " s" : " ms"), 8, place + 4);
  }
}

function paintGap(pen, gap, { left, right, height, y }, shades) {
  const top = Math.max(TITLE, y(gap.from)), bottom = Math.min(height, y(gap.to));
  if (bottom < TITLE || top > height) return;
  hatch(pen, left, top, right - left, Math.max(2, bottom - top), shades.line);
  if (bottom - top < 18) return;
  const text = plural(gap.count, "datagram") + " left out", middle = (top + bottom) / 2;
  pen.textAlign = "center"; pen.fillStyle = shadeOf("--card");
  const wide = pen.measureText(text).width + 16;
  pen.fillRect((left + right - wide) / 2, middle - 10, wide, 20);
  pen.fillStyle = shades.soft; pen.fillText(text, (left + right) / 2, middle + 4);
  pen.textAlign = "left";
}

function paintOne(pen, one, { left, right, y }, shades, isDense) {
  const isRight = one.from === ladder.pair.left, [x0, x1] = isRight ? [left, right] : [right, left];
  const isChosen = one === ladder.picked || one === ladder.pointed;
  pen.lineWidth = isChosen ? 3 : isDense ? 0.6 : 1.3;
  pen.strokeStyle = pen.fillStyle = one.isLost ? shades.bad : one.isHurt ? shades.warn : isRight ? shades.up : shades.down;
  pen.globalAlpha = one.isUnderWay ? 0.45 : isDense && !isChosen ? 0.6 : 1;
  if (one.isLost || one.isUnderWay) {
    const x = x0 + (x1 - x0) * 0.5, end = y(one.sent + (one.end - one.sent) * 0.5);
    stroke(pen, x0, y(one.sent), x, end);
    if (one.isLost && !isDense) { stroke(pen, x - 4, end - 4, x + 4, end + 4); stroke(pen, x - 4, end + 4, x + 4, end - 4); }
  }
  one.copies.forEach((copy, index) => {
    if (copy.lost !== null) return;
    pen.setLineDash(index > 0 ? [5, 4] : []);
    stroke(pen, x0, y(one.sent), x1, y(copy.at));
    pen.setLineDash([]);
    if (!isDense) arrow(pen, x0, y(one.sent), x1, y(copy.at));
  });
  pen.globalAlpha = 1;
}

function stroke(pen, x0, y0, x1, y1) {
  pen.beginPath(); pen.moveTo(x0, y0); pen.lineTo(x1, y1); pen.stroke();
}

function arrow(pen, x0, y0, x1, y1) {
  const turned = Math.atan2(y1 - y0, x1 - x0), size = 7;
  pen.beginPath(); pen.moveTo(x1, y1);
  for (const side of [-0.4, 0.4]) pen.lineTo(x1 - size * Math.cos(turned + side), y1 - size * Math.sin(turned + side));
  pen.closePath(); pen.fill();
}

// What a datagram holds, beside its sender, where there is room for a line of text.
function paintLabel(pen, one, { left, right, y, width, height, isNarrow }, labels, shades) {
  const isLeft = one.from === ladder.pair.left, side = isLeft ? "left" : "right", place = y(one.sent);
  const isChosen = one === ladder.picked || one === ladder.pointed;
  if (place < TITLE - 2 || place > height || (place - labels[side] < ROW && !isChosen)) return;
  labels[side] = place;
  const room = (isLeft ? left - 72 : width - right) - 18;
  pen.fillStyle = one.isLost ? shades.bad : one.isHurt ? shades.warn : shades.ink;
  pen.textAlign = isLeft ? "right" : "left";
  pen.fillText(isNarrow ? one.parts[0].slice(0, isLeft ? 3 : 5) : fit(pen, one.text, room), isLeft ? left - 9 : right + 9, place + 4);
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

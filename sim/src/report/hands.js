// Hands on the ladder: pointer, keys, and what is told of one datagram.

const ROWS_MAX = 200;

// The datagram whose line passes closest.
function nearest(x, y) {
  const { left, right, y: place } = geometry();
  let best = null, least = 10;
  for (const one of ladder.shown) {
    const isRight = one.from === ladder.pair.left;
    const along = Math.min(1, Math.max(0, isRight ? (x - left) / (right - left) : (right - x) / (right - left)));
    const ends = one.copies.length > 0 ? one.copies.map((copy) => copy.at) : [one.end];
    for (const end of ends) {
      const isBeyond = (one.isLost || one.isUnderWay) && along > 0.55;
      const distance = Math.abs(place(one.sent + (end - one.sent) * along) - y) + (isBeyond ? 99 : 0);
      if (distance < least) { least = distance; best = one; }
    }
  }
  return best;
}

function details(one) {
  const says = [make("div", {}, make("b", { text: `${nameOf(one.from)} → ${nameOf(one.to)}` }),
    make("span", { class: "soft", text: `  ${millis(one.sent)} · ${plural(one.length, "byte")}` }))];
  const isPacket = one.parts[0].startsWith("#");
  says.push(make("ul", {}, ...one.parts.map((text, index) => make("li", { text: isPacket && index === 0 ? "packet " + text : text }))));
  for (const copy of one.copies) {
    const after = time(copy.at - one.sent);
    says.push(copy.lost === null ? make("div", { text: `arrived after ${after}` }) : make("div", { class: "lost", text: `${copy.lost} after ${after}` }));
  }
  if (one.mark !== "") says.push(make("div", { class: one.isLost ? "lost" : "hurt", text: one.mark }));
  if (one.isUnderWay) says.push(make("div", { class: "soft", text: "still under way at the end" }));
  return says;
}

function showTip(one, x, y) {
  const tip = at("tip"), stage = at("stage");
  tip.hidden = !one;
  if (!one) return;
  tip.replaceChildren(...details(one));
  tip.style.left = Math.max(6, Math.min(x + 14, stage.clientWidth - tip.offsetWidth - 6)) + "px";
  tip.style.top = (y + 18 + tip.offsetHeight > stage.clientHeight ? Math.max(4, y - tip.offsetHeight - 12) : y + 18) + "px";
}

// What is in sight, for those who cannot see a canvas.
function showRows() {
  const kept = ladder.shown.slice(0, ROWS_MAX), more = ladder.shown.length - kept.length;
  const rows = kept.map((one) => make("tr", {},
    make("td", { text: millis(one.sent) }), make("td", { class: "text", text: `${nameOf(one.from)} → ${nameOf(one.to)}` }), make("td", { text: grouped(one.length) }),
    make("td", { class: "text code", text: one.text }), make("td", { class: "text " + (one.isLost ? "lost" : one.isHurt ? "hurt" : ""), text: fate(one) })));
  if (more > 0) rows.push(make("tr", {}, make("td", { colspan: "5", text: `and ${grouped(more)} more: zoom in to list them` })));
  at("rows").replaceChildren(head(["Sent", "Way", "Bytes", "What", "Fate"], (index) => index !== 2), make("tbody", {}, ...rows));
}

function listen() {
  const canvas = at("ladder"), stage = at("stage");
  let drag = null;
  canvas.addEventListener("wheel", (event) => {
    // The page keeps its wheel until somebody takes the diagram in hand.
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== stage) return;
    event.preventDefault();
    const span = ladder.to - ladder.from, tall = canvas.clientHeight;
    if (event.ctrlKey || event.metaKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, ladder.from + (Math.max(0, event.offsetY - TITLE) / (tall - TITLE)) * span);
    else look(ladder.from + (event.deltaY / tall) * span, span);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    drag = { y: event.offsetY, from: ladder.from, isMoved: false, isTouch: event.pointerType === "touch" };
    if (!drag.isTouch) canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag && !drag.isTouch) {
      drag.isMoved ||= Math.abs(event.offsetY - drag.y) > 3;
      const span = ladder.to - ladder.from;
      if (drag.isMoved) look(drag.from - ((event.offsetY - drag.y) / (canvas.clientHeight - TITLE)) * span, span);
      return;
    }
    const one = nearest(event.offsetX, event.offsetY);
    if (one !== ladder.pointed) { ladder.pointed = one; paint(); }
    showTip(one, event.offsetX, event.offsetY);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (drag && !drag.isMoved) {
      ladder.picked = nearest(event.offsetX, event.offsetY);
      showTip(ladder.picked, event.offsetX, event.offsetY);
      paint();
    }
    drag = null;
  });
  canvas.addEventListener("pointercancel", () => { drag = null; });
  canvas.addEventListener("pointerleave", () => { ladder.pointed = null; if (!drag) showTip(null); paint(); });
  stage.addEventListener("keydown", onKey);
  stage.addEventListener("blur", () => showTip(null));
  listenToStrip();
  at("rows-details").addEventListener("toggle", () => { if (at("rows-details").open) showRows(); });
  addEventListener("resize", paint);
}

function onKey(event) {
  const whole = ladder.end - ladder.begin, span = ladder.to - ladder.from;
  const acts = { ArrowDown: () => neighbour(1), ArrowRight: () => neighbour(1), ArrowUp: () => neighbour(-1), ArrowLeft: () => neighbour(-1),
    PageDown: () => turn(0.8), PageUp: () => turn(-0.8), "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2),
    Home: () => look(ladder.begin, span), End: () => look(ladder.begin + whole, span), l: nextLoss, L: nextLoss, Escape: () => showTip(null) };
  const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function neighbour(move) {
  if (ladder.list.length === 0) return;
  const index = ladder.list.indexOf(ladder.picked), first = ladder.list.findIndex((one) => one.sent >= ladder.from);
  pick(ladder.list[index < 0 ? Math.max(0, first) : Math.min(ladder.list.length - 1, Math.max(0, index + move))]);
}

function listenToStrip() {
  const strip = at("strip");
  const when = (event) => ladder.begin + (event.offsetX / strip.clientWidth) * (ladder.end - ladder.begin);
  let start = null;
  strip.addEventListener("pointerdown", (event) => { start = when(event); strip.setPointerCapture(event.pointerId); });
  strip.addEventListener("pointercancel", () => { start = null; });
  strip.addEventListener("pointerup", (event) => {
    if (start === null) return;
    const end = when(event), span = ladder.to - ladder.from;
    if (Math.abs(end - start) < (ladder.end - ladder.begin) / 200) look(end - span / 2, span);
    else look(Math.min(start, end), Math.abs(end - start));
    start = null;
  });
}

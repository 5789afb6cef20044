// The head of the page, and its tables.

function showHead() {
  at("title").textContent = outcome.title;
  const facts = [["span", "seed ", "seed", String], ["span", "", "duration_us", (us) => time(us) + " of virtual time"],
    ["span", "wire hash ", "wire_hash", String]];
  if (outcome.network) facts.push(["span", "over the network of ", "network.source", String]);
  at("facts").append(make("span", { text: plural(outcome.clients.length, "client") }),
    ...facts.map(([name, before, path, show]) => make("span", {}, before, number(name, path, show))));
  at("command").textContent = data.command;
  at("copy").onclick = () => {
    const select = () => getSelection().selectAllChildren(at("command"));
    const done = () => { at("copy").textContent = "Copied"; say("The command is copied"); };
    if (navigator.clipboard) navigator.clipboard.writeText(data.command).then(done, select);
    else select();
  };
  const isGood = outcome.unmet.length === 0;
  const verdict = make("div", { class: "verdict " + (isGood ? "good" : "bad"),
    text: isGood ? "✓ Everything is as the scenario expects" : "✗ Not as the scenario expects" });
  if (!isGood) verdict.append(make("ul", {}, ...outcome.unmet.map((_, index) => number("li", "unmet." + index, String))));
  at("verdict").append(verdict);
}

function card(name, main, ...note) {
  return make("div", { class: "card" }, make("div", { class: "name", text: name }), main, make("div", { class: "note" }, ...note));
}

function showCards() {
  const large = (path) => number("div", path, undefined, { class: "value" });
  const small = (path, after) => [number("span", path), after];
  at("cards").append(
    card("Clients → server", large("wire_up.datagrams"), ...small("wire_up.bytes", " in datagrams")),
    card("Server → clients", large("wire_down.datagrams"), ...small("wire_down.bytes", " in datagrams")),
    card("Handshake, median", large("connections.handshake.p50_us"), "greatest ", ...small("connections.handshake.max_us", "")),
    card("Connected at the end", large("connections.connected_at_end"), ...small("connections.disconnects", " disconnects")),
  );
}

function wayOf(direction) {
  const isUp = direction === "up";
  return make("span", { class: "way " + (isUp ? "up" : "down"), text: isUp ? "↑" : "↓", role: "img",
    "aria-label": isUp ? "clients to server:" : "server to clients:", title: isUp ? "clients to server" : "server to clients" });
}

function count(path, isBad) {
  const raw = value(path);
  return number("td", path, grouped, { class: raw === 0 ? "zero" : isBad ? "bad" : "" });
}

const head = (names, isText = (index) => index === 0) =>
  make("thead", {}, make("tr", {}, ...names.map((text, index) => make("th", { text, scope: "col", class: isText(index) ? "text" : "" }))));

function showTraffic() {
  const names = ["Message", "Delivery", "Sent", "Arrived", "Lost", "Late", "Refused", "Goodput a client", "p50", "p90", "p99", "p99.9", "Greatest"];
  const rows = outcome.traffic.map((traffic, index) => {
    const path = "traffic." + index + ".";
    const isReliable = traffic.delivery === "reliable" || traffic.delivery === "ordered";
    return make("tr", {},
      make("th", { scope: "row" }, wayOf(traffic.direction), traffic.name),
      make("td", { class: "text", text: `${traffic.delivery} · ch${traffic.channel}` }),
      count(path + "sent"), count(path + "delivered"), count(path + "lost", isReliable), count(path + "late"),
      count(path + "refused"), number("td", path + "goodput_bps"),
      ...["p50_us", "p90_us", "p99_us", "p999_us", "max_us"].map((key) => number("td", path + "latency." + key)));
  });
  at("traffic").append(head(names, (index) => index < 2), make("tbody", {}, ...rows));
  at("messages").hidden = rows.length === 0;
}

function showConnections() {
  const rows = [["Dialled", "connections.dialled"], ["Handshake, median", "connections.handshake.p50_us"],
    ["Handshake, 99 in 100", "connections.handshake.p99_us"], ["Disconnects", "connections.disconnects"],
    ["Connected again after, median", "connections.reconnect.p50_us"], ["Connected at the end", "connections.connected_at_end"]];
  const row = (text, cell) => make("tr", {}, make("th", { text, scope: "row" }), cell);
  at("connections").append(...rows.map(([name, path]) => row(name, number("td", path))));
  outcome.connections.endings.forEach((ending, index) => {
    at("connections").append(row(`${ending.at_server ? "server" : "client"}: ${ending.reason}`, count(`connections.endings.${index}.count`)));
  });
  const faults = Object.keys(outcome.faults);
  at("faults").append(...faults.map((name) => row(name.replaceAll("_", " "), count("faults." + name))));
  if (faults.length === 0) at("faults").append(make("tr", {}, make("td", { text: "none" })));
}

function showLog() {
  const log = outcome.log, more = data.left_out.log;
  at("log-summary").textContent = `Log of connections, ${plural(log.length, "line")}` + (more > 0 ? `; ${grouped(more)} later ones are left out here` : "");
  at("log").append(head(["Time", "Client", "What"], () => true), make("tbody", {}, ...log.map((entry) => make("tr", {},
    make("td", { text: (entry.at_us / 1e6).toFixed(3) + " s" }), make("td", { class: "text", text: outcome.clients[entry.client] || "?" }),
    make("td", { class: "text", text: entry.what })))));
  at("log-details").hidden = log.length === 0;
}

// Every leaf of the outcome but what charts and the log show.
function leaves(found, path, list) {
  if (found !== null && typeof found === "object") {
    for (const [key, inner] of Object.entries(found)) {
      if (path === "" && (key === "series" || key === "log")) continue;
      leaves(inner, path === "" ? key : path + "." + key, list);
    }
  } else list.push(path);
  return list;
}

function showAll() {
  const fill = () => {
    const rows = leaves(outcome, "", []).map((path) =>
      make("tr", {}, make("th", { class: "code", scope: "row", text: path }), number("td", path, String, { class: "code" })));
    at("all").replaceChildren(head(["Where", "Value"]), make("tbody", {}, ...rows));
  };
  fill();
}

"use strict";
// What all parts of the page share: elements, and numbers as people read them. Everything is built with textContent and
// attributes: no text of the data is ever markup.

const data = JSON.parse(document.getElementById("data").textContent);
const outcome = data.outcome;
const at = (id) => document.getElementById(id);

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

const grouped = (value) => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");

function short(value) {
  return String(+value.toPrecision(3));
}

function time(us) {
  if (us < 1000) return short(us) + " µs";
  if (us < 1e6) return short(us / 1000) + " ms";
  return us < 1e8 ? short(us / 1e6) + " s" : grouped(Math.round(us / 1e6)) + " s";
}

function scaled(value, units) {
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
  return short(value) + " " + units[unit];
}

const bytes = (value) => scaled(value, ["B", "kB", "MB", "GB", "TB"]);
const rate = (value) => scaled(value, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]);
const percent = (value) => short(value / 10) + " %";
const millis = (us) => (us / 1000).toFixed(3) + " ms";

// How a value at the end of a path is shown.
function shower(path) {
  if (path.endsWith("_us")) return time;
  if (path.endsWith("_bps")) return rate;
  return /bytes$/.test(path) ? bytes : grouped;
}

// The value at a path of the outcome, such as "traffic.0.latency.p50_us". Scripts cannot hold every seed, so that is a text.
function value(path) {
  if (path === "seed") return data.seed;
  return path.split(".").reduce((found, key) => (found === null || found === undefined ? found : found[key]), outcome);
}

// An element that shows one value of the outcome and says which: tests compare it with the JSON.
function number(name, path, show = shower(path), options = {}) {
  const raw = value(path);
  // A distribution of nothing is all zero.
  const isEmpty = path.endsWith("_us") && value(path.replace(/[^.]*$/, "count")) === 0;
  const isThere = raw !== null && raw !== undefined && !(isEmpty && show !== String);
  const element = make(name, { ...options, "data-path": path, "data-raw": String(raw), text: isThere ? show(raw) : "–" });
  if (isThere && show !== grouped && show !== String) element.title = grouped(raw) + (path.endsWith("_us") ? " µs" : "");
  return element;
}

function say(text) {
  at("say").textContent = text;
}

// 1, 2 or 5 times a power of ten, so that about `count` of them reach `most`.
function step(most, count) {
  const power = 10 ** Math.floor(Math.log10(most / count));
  return [1, 2, 5, 10].map((times) => times * power).find((size) => size >= (most / count) * 0.999);
}

const plural = (count, name) => `${grouped(count)} ${name}${count === 1 ? "" : "s"}`;

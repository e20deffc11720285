import { Chart } from "./chart.js";
import { Dots } from "./dots.js";

const $ = id => document.getElementById(id);
const chart = new Chart($("chart"), $("labels"));
const bufferDots = new Dots($("buffer-dots"), "--wait");
const demandDots = new Dots($("demand-dots"), "--accent");
const bufferColumns = 32;
const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)");
const speed = $("speed");
const kill = $("kill");
let hello;

const events = new EventSource("events");
events.addEventListener("hello", event => {
  hello = JSON.parse(event.data);
  chart.begin(hello.symbols, hello.openings, hello.past);
  speed.max = hello.marketRate;
  setText("buffer-size", hello.bufferSize);
  setText("demand-size", hello.demand);
});
events.addEventListener("frame", event => {
  const frame = JSON.parse(event.data);
  chart.add(frame.at, frame.prices, frame.outages);
  show(frame);
});
events.addEventListener("open", () => setLink("live", "Live"));
events.addEventListener("error", () => setLink("lost", "Not connected"));

// Numbers twenty times a second are a blur: these are read four times a second, the dots and lines are not.
let shownAt = 0;
function show(frame) {
  showDots(frame);
  if (frame.at - shownAt < 250 && frame.at >= shownAt) return;

  shownAt = frame.at;
  setText("put-rate", Math.round(frame.putRate));
  setText("buffered", frame.buffered);
  setText("asked", frame.asked);
  setText("read-rate", Math.round(frame.readRate));
  const waits = Math.round(frame.waits * 100);
  setText("writer-note", waits === 0 ? "never waits" : `waits ${waits} % of the time`);
  document.querySelector(".writer").classList.toggle("is-waiting", waits >= 10);
  setText("reader-note", frame.readerRate === 0 ? "stands still" : `${length(frame.age)} after the put`);
  setText("read", frame.read.toLocaleString("en"));
  setVerdict("missing", frame.missing);
  setVerdict("repeated", frame.repeated);
  showPace(".buffer", frame.putRate);
  showPace(".demand", frame.readRate);
  showPace(".reader", frame.readRate);
  showSpeed(frame);
  showSilos(frame);
  showOutage(frame);
}

// All dots are of one size; the demand's are a block beside the buffer's, or a row where they are below.
function showDots(frame) {
  const step = bufferDots.width / bufferColumns;
  const isBeside = demandDots.width < bufferDots.width;
  bufferDots.show(Math.min(frame.buffered, hello.bufferSize), hello.bufferSize, bufferColumns, step);
  demandDots.show(frame.asked, hello.demand, isBeside ? hello.demand * bufferColumns / hello.bufferSize : hello.demand, step);
}

// The dashes between the parts move as prices do.
function showPace(part, rate) {
  const style = document.querySelector(part).style;
  const pace = rate < 1 ? 0 : Math.max(1, Math.round(rate / 20));
  style.setProperty("--play", pace === 0 ? "paused" : "running");
  style.setProperty("--seen", pace === 0 ? "0.25" : "1");
  if (pace > 0) style.setProperty("--pace", `${(2.4 / pace).toFixed(2)}s`);
}

// The slider: of several pages that look, each follows the others, but not while it is used.
let movedAt = -Infinity;
let saying = false;
speed.addEventListener("input", () => {
  movedAt = performance.now();
  showSpeedText();
  saySpeed();
});

async function saySpeed() {
  if (saying) return;
  saying = true;
  let said;
  do {
    said = speed.value;
    await ask("PUT", "reader", { rate: Number(said) });
  } while (said !== speed.value);
  saying = false;
}

function showSpeed(frame) {
  if (!saying && performance.now() - movedAt > 500) speed.value = frame.readerRate;
  showSpeedText();
}

function showSpeedText() {
  const rate = Number(speed.value);
  const text = rate === 0 ? "stands still" : rate >= Number(speed.max) ? "as fast as prices come" : `${rate} prices a second`;
  speed.style.setProperty("--filled", `${100 * rate / Number(speed.max)}%`);
  speed.setAttribute("aria-valuetext", text);
  setText("speed-text", text);
}

// The silos and the button. It keeps the focus while there is nothing to kill, and says so.
kill.addEventListener("click", async () => {
  if (kill.getAttribute("aria-disabled") === "true") return;
  kill.setAttribute("aria-disabled", "true");
  await ask("DELETE", "producers-silo");
});

function showSilos({ silos }) {
  const list = $("silos");
  if (list.children.length !== silos.length) {
    list.replaceChildren(...silos.map(silo => {
      const item = document.createElement("li");
      const name = document.createElement("b");
      name.textContent = `Silo ${silo.name}`;
      name.append(document.createElement("i"));
      item.append(name, document.createElement("span"));
      return item;
    }));
  }

  silos.forEach((silo, i) => {
    const item = list.children[i];
    item.className = silo.hasStream ? "has-stream" : silo.isUp ? "" : "is-down";
    const what = silo.hasStream ? "has the stream" : silo.isUp ? "ready" : silo.processId ? "starting" : "dead";
    if (item.lastChild.textContent !== what) item.lastChild.textContent = what;
    item.querySelector("i").textContent = silo.processId ?? "";
  });
  const home = silos.find(silo => silo.hasStream);
  const isReady = home && silos.every(silo => silo.isUp);
  kill.setAttribute("aria-disabled", String(!isReady));
  if (isReady) setText("kill", `Kill silo ${home.name}`);
}

function showOutage({ outages, silos, missing }) {
  const last = outages.at(-1);
  if (!last) return;
  setText("pause", length(last.pause));
  const home = silos.find(silo => silo.hasStream);
  if (last.until === null) setText("status", `Silo ${last.silo} is dead. The stream looks for another place.`);
  else if (home && silos.every(silo => silo.isUp)) {
    setText("status", `Silo ${last.silo} died and is back. The stream went on in silo ${home.name} after ${length(last.pause)}, with ${missing === 0 ? "no price" : `${missing} prices`} missing.`);
  }
}

async function ask(method, path, body) {
  try {
    const response = await fetch(path, { method, headers: body && { "Content-Type": "application/json" }, body: body && JSON.stringify(body) });
    if (!response.ok) setText("status", (await response.json()).detail);
  } catch {
    setLink("lost", "Not connected");
  }
}

function setVerdict(id, count) {
  setText(id, count.toLocaleString("en"));
  $(id).parentElement.classList.toggle("is-wrong", count > 0);
}

function setLink(state, text) {
  $("link").dataset.state = state;
  setText("link", text);
}

// Only what has changed: a reader of screens is not told the same thing twice.
function setText(id, text) {
  const element = $(id);
  if (element.textContent !== String(text)) element.textContent = text;
}

function length(milliseconds) {
  return milliseconds < 1 ? "< 1 ms" : milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

// Once for each picture that the screen shows, or once a second where motion is not wanted.
let drawnAt = 0;
function draw(now) {
  requestAnimationFrame(draw);
  if (isCalm.matches && now - drawnAt < 1000) return;
  drawnAt = now;
  chart.draw(isCalm.matches);
}
requestAnimationFrame(draw);

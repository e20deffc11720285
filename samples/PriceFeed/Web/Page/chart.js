// Lines of the last half minute, as changes from the opening. The newest moment is at the right, where each line has its label.
const span = 30_000;
const delay = 120;   // a moment is drawn when the next one is there, so that lines grow smoothly

export class Chart {
  #canvas;
  #labels;
  #openings = [];
  #moments = [];
  #pauses = [];
  #ahead;
  #range;

  constructor(canvas, labels) {
    this.#canvas = canvas;
    this.#labels = labels;
  }

  begin(symbols, openings, past) {
    this.#openings = openings;
    this.#moments = past.slice();
    this.#ahead = undefined;
    this.#range = undefined;
    this.#labels.replaceChildren(...symbols.map(symbol => {
      const label = document.createElement("li");
      const name = document.createElement("b");
      name.textContent = symbol;
      label.append(name, document.createElement("span"));
      return label;
    }));
  }

  add(at, prices, pauses) {
    this.#moments.push({ at, prices });
    this.#pauses = pauses;
    while (this.#moments.length > 2 && this.#moments[1].at < at - span - 1000) this.#moments.shift();

    // The server's clock, as this page sees it: frames come in bursts, time does not.
    const ahead = at - performance.now();
    const isFar = this.#ahead === undefined || Math.abs(ahead - this.#ahead) > 1000;
    this.#ahead = isFar ? ahead : this.#ahead + 0.05 * (ahead - this.#ahead);
    prices.forEach((price, i) => { this.#labels.children[i].lastChild.textContent = price.toFixed(2); });
  }

  draw(isCalm) {
    const width = this.#canvas.clientWidth;
    const height = this.#canvas.clientHeight;
    const scale = window.devicePixelRatio;
    if (this.#moments.length < 2 || this.#ahead === undefined || width === 0) return;
    if (this.#canvas.width !== Math.round(width * scale) || this.#canvas.height !== Math.round(height * scale)) {
      this.#canvas.width = Math.round(width * scale);
      this.#canvas.height = Math.round(height * scale);
    }

    const now = Math.min(performance.now() + this.#ahead - delay, this.#moments.at(-1).at);
    const right = width - this.#labels.clientWidth;
    const x = at => right - (now - at) / span * right;
    const lines = this.#openings.map((opening, i) => this.#line(opening, i, now));
    this.#fit(lines, isCalm);
    const margin = 30;
    const y = change => margin + (this.#range.high - change) / (this.#range.high - this.#range.low) * (height - 2 * margin);

    const context = this.#canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const step = this.#drawGrid(context, style, y, right);
    this.#drawPauses(context, style, x, now, right, height);
    context.save();
    context.beginPath();
    context.rect(0, 0, right + 4, height);
    context.clip();
    lines.forEach((line, i) => this.#drawLine(context, style.getPropertyValue(`--symbol-${i}`), line, x, y));
    context.restore();
    this.#drawScale(context, style, y, step, right, height);
    this.#placeLabels(lines.map(line => y(line.at(-1).change)), height);
  }

  #line(opening, i, now) {
    const line = [];
    for (const { at, prices } of this.#moments) {
      const change = prices[i] / opening - 1;
      if (at <= now) {
        line.push({ at, change });
        continue;
      }

      // Up to now, on the way to the next moment.
      const last = line.at(-1) ?? { at: at - 1, change };
      line.push({ at: now, change: last.change + (change - last.change) * (now - last.at) / (at - last.at) });
      break;
    }
    return line;
  }

  // The range follows the lines at leisure, so that nothing jumps.
  #fit(lines, isCalm) {
    let low = -0.002;
    let high = 0.002;
    for (const line of lines) {
      for (const { change } of line) {
        low = Math.min(low, change);
        high = Math.max(high, change);
      }
    }
    if (isCalm || this.#range === undefined) this.#range = { low, high };
    this.#range.low += 0.06 * (low - this.#range.low);
    this.#range.high += 0.06 * (high - this.#range.high);
  }

  #drawGrid(context, style, y, right) {
    const { low, high } = this.#range;
    const step = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05].find(one => (high - low) / one <= 6) ?? 0.1;
    context.lineWidth = 1;
    for (let n = Math.ceil(low / step); n * step <= high; n++) {
      const at = Math.round(y(n * step)) + 0.5;
      context.strokeStyle = style.getPropertyValue(n === 0 ? "--line" : "--faint");
      context.beginPath();
      context.moveTo(0, at);
      context.lineTo(right, at);
      context.stroke();
    }
    return step;
  }

  // Above the lines, on a ground of their own.
  #drawScale(context, style, y, step, right, height) {
    const { low, high } = this.#range;
    context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    context.lineWidth = 5;
    context.lineJoin = "round";
    context.strokeStyle = style.getPropertyValue("--paper");
    context.fillStyle = style.getPropertyValue("--quiet");
    context.textAlign = "left";
    context.textBaseline = "middle";
    for (let n = Math.ceil(low / step); n * step <= high; n++) {
      write(n === 0 ? "opening" : `${n > 0 ? "+" : "−"}${Math.abs(n * step * 100).toFixed(1)} %`, 0, y(n * step));
    }
    context.textBaseline = "bottom";
    write(`${span / 1000} s ago`, 0, height - 5);
    context.textAlign = "right";
    write("now", right, height - 5);

    function write(text, x, y) {
      context.strokeText(text, x, y);
      context.fillText(text, x, y);
    }
  }

  // From when a silo was dead to when the stream had gone on without it.
  #drawPauses(context, style, x, now, right, height) {
    for (const { silo, at, until, pause } of this.#pauses) {
      const from = Math.max(0, x(at));
      const to = Math.min(right, x(until ?? now));
      if (to <= 0 || from >= right) continue;
      context.fillStyle = style.getPropertyValue("--stop");
      context.globalAlpha = 0.08;
      context.fillRect(from, 0, to - from, height);
      context.globalAlpha = 1;
      context.fillRect(from, 0, 1, height);
      context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
      context.textBaseline = "top";
      const text = `silo ${silo} killed · ${(pause / 1000).toFixed(1)} s pause`;
      const fits = from + 8 + context.measureText(text).width < right;
      context.textAlign = fits ? "left" : "right";
      context.fillText(text, fits ? from + 8 : from - 8, 8);
    }
  }

  #drawLine(context, colour, line, x, y) {
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 1.75;
    context.lineJoin = "round";
    context.beginPath();
    for (const { at, change } of line) context.lineTo(x(at), y(change));
    context.stroke();
    const end = line.at(-1);
    context.beginPath();
    context.arc(x(end.at), y(end.change), 3, 0, 2 * Math.PI);
    context.fill();
  }

  // Beside the lines' ends, but never one on another.
  #placeLabels(places, height) {
    const gap = 20;
    const order = places.map((_, i) => i).sort((a, b) => places[a] - places[b]);
    const at = order.map(i => places[i]);
    for (let pass = 0; pass < 4; pass++) {
      for (let i = 1; i < at.length; i++) {
        const missing = gap - (at[i] - at[i - 1]);
        if (missing <= 0) continue;
        at[i - 1] -= missing / 2;
        at[i] += missing / 2;
      }
    }
    at[0] = Math.max(at[0], 12);
    for (let i = 1; i < at.length; i++) at[i] = Math.max(at[i], at[i - 1] + gap);
    at[at.length - 1] = Math.min(at.at(-1), height - 12);
    for (let i = at.length - 2; i >= 0; i--) at[i] = Math.min(at[i], at[i + 1] - gap);
    order.forEach((symbol, i) => { this.#labels.children[symbol].style.transform = `translateY(${at[i].toFixed(1)}px)`; });
  }
}

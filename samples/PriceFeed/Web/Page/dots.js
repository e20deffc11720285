// A grid of dots, one for each place: some filled, the rest empty. It is drawn again only when that changes.
export class Dots {
  #canvas;
  #colour;
  #drawn = "";

  constructor(canvas, colour) {
    this.#canvas = canvas;
    this.#colour = colour;
  }

  get width() {
    return this.#canvas.clientWidth;
  }

  show(filled, places, columns, step) {
    const rows = Math.ceil(places / columns);
    const scale = window.devicePixelRatio;
    const style = getComputedStyle(document.documentElement);
    const colours = [style.getPropertyValue("--faint"), style.getPropertyValue(this.#colour)];
    const drawn = [filled, places, columns, step, scale, ...colours].join();
    if (drawn === this.#drawn || step === 0) return;

    this.#drawn = drawn;
    const width = this.width;
    const height = step * rows;
    this.#canvas.style.height = `${height}px`;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    const context = this.#canvas.getContext("2d");
    context.scale(scale, scale);
    const radius = Math.min(step * 0.36, 4);
    colours.forEach((colour, isFilled) => {
      context.beginPath();
      for (let place = 0; place < places; place++) {
        if (Number(place < filled) !== isFilled) continue;

        // Column by column from the right: what is next to leave is at the reader's side.
        const x = (columns - Math.floor(place / rows) - 0.5) * step;
        const y = (place % rows + 0.5) * step;
        context.moveTo(x + radius, y);
        context.arc(x, y, radius, 0, 2 * Math.PI);
      }
      context.fillStyle = colour;
      context.fill();
    });
  }
}

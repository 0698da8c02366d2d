// @ts-check
/**
 * Runs on the audio thread: gathers what is heard into pieces of 16-bit samples.
 *
 * @module
 */

/** What TypeScript knows of no audio thread. */
const scope = /** @type {any} */ (globalThis);

/** Length of a piece. */
const PIECE_SECONDS = 0.03;

class Capture extends scope.AudioWorkletProcessor {
  constructor() {
    super();
    this.length = Math.round(PIECE_SECONDS * scope.sampleRate);
    this.piece = new Int16Array(this.length);
    this.filled = 0;
    this.isOver = false;
    this.port.onmessage = () => { // asked to stop
      this.isOver = true;
      this.flush();
      this.port.postMessage(null);
    };
  }

  flush() {
    const samples = this.piece.slice(0, this.filled);
    this.filled = 0;
    if (samples.length > 0) this.port.postMessage(samples, [samples.buffer]);
  }

  /** @param {Float32Array[][]} inputs */
  process([channels = []]) {
    if (this.isOver) return false;
    const count = channels[0]?.length ?? 0;
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (const channel of channels) sum += channel[i] ?? 0;
      const value = Math.max(-1, Math.min(1, sum / channels.length));
      this.piece[this.filled++] = Math.round(value * (value < 0 ? 32768 : 32767));
      if (this.filled === this.length) this.flush();
    }
    return true;
  }
}

scope.registerProcessor("capture", Capture);

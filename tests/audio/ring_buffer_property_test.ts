import fc from "../property.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { ForgottenSamplesError, RingBuffer } from "../../src/audio/ring_buffer.ts";

/** The trivial model: the whole stream, and where memory begins. */
interface Model {
  stream: number[];
  startSample: number;
  capacitySamples: number;
}

class Push implements fc.Command<Model, RingBuffer> {
  constructor(readonly samples: number[]) {}
  check(): boolean {
    return true;
  }
  run(model: Model, real: RingBuffer): void {
    const samples = new Float32Array(this.samples);
    const held = model.stream.length - model.startSample;
    if (held + samples.length > model.capacitySamples) {
      assertThrows(() => real.push(samples), RangeError, "forgetBefore()");
    } else {
      real.push(samples);
      model.stream.push(...samples);
      samples.fill(NaN); // The buffer has its own copy.
    }
    assertAgree(model, real);
  }
  toString(): string {
    return `push(${this.samples.length})`;
  }
}

class Forget implements fc.Command<Model, RingBuffer> {
  /** @param part Where, as a part of the stream so far; above 1 lies beyond its end. */
  constructor(readonly part: number) {}
  check(): boolean {
    return true;
  }
  run(model: Model, real: RingBuffer): void {
    const sample = Math.round(this.part * model.stream.length);
    if (sample > model.stream.length) {
      assertThrows(() => real.forgetBefore(sample), RangeError, `${sample}`);
    } else {
      real.forgetBefore(sample);
      model.startSample = Math.max(model.startSample, sample);
    }
    assertAgree(model, real);
  }
  toString(): string {
    return `forgetBefore(${this.part})`;
  }
}

class Read implements fc.Command<Model, RingBuffer> {
  constructor(readonly from: number, readonly to: number) {}
  check(): boolean {
    return true;
  }
  run(model: Model, real: RingBuffer): void {
    const start = Math.round(this.from * model.stream.length);
    const end = Math.round(this.to * model.stream.length);
    if (start > end || end > model.stream.length) {
      assertThrows(() => real.read(start, end), RangeError);
    } else if (start < model.startSample) {
      const error = assertThrows(() => real.read(start, end), ForgottenSamplesError);
      assertEquals(
        [error.startSample, error.validStartSample, error.validEndSample],
        [start, model.startSample, model.stream.length],
      );
    } else {
      assertEquals([...real.read(start, end)], model.stream.slice(start, end));
    }
  }
  toString(): string {
    return `read(${this.from}, ${this.to})`;
  }
}

function assertAgree(model: Model, real: RingBuffer): void {
  assertEquals(real.startSample, model.startSample);
  assertEquals(real.endSample, model.stream.length);
  assertEquals(
    real.freeSamples,
    model.capacitySamples - (model.stream.length - model.startSample),
  );
  assertEquals(
    [...real.read(real.startSample, real.endSample)],
    model.stream.slice(model.startSample),
  );
}

Deno.test("RingBuffer agrees with an endless array under any commands", () => {
  const part = fc.double({ min: 0, max: 1.2, noNaN: true });
  const commands = fc.commands([
    fc.array(fc.integer({ min: -1000, max: 1000 }), { maxLength: 12 }).map((s) => new Push(s)),
    part.map((p) => new Forget(p)),
    fc.double({ min: 0.7, max: 1, noNaN: true }).map((p) => new Forget(p)),
    fc.tuple(part, part).map(([from, to]) => new Read(from, to)),
  ], { maxCommands: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), commands, (capacitySamples, list) => {
      fc.modelRun(() => ({
        model: { stream: [], startSample: 0, capacitySamples },
        real: new RingBuffer(capacitySamples),
      }), list);
    }),
    { numRuns: 500 },
  );
});

Deno.test("RingBuffer keeps positions over more samples than 32 bits count", () => {
  const buffer = new RingBuffer(1 << 20);
  const block = new Float32Array(1 << 20);
  for (let i = 0; i < 5000; i++) {
    buffer.push(block.subarray(0, (1 << 20) - i % 7));
    buffer.forgetBefore(buffer.endSample);
  }
  assert(buffer.endSample > 2 ** 32);
  buffer.push(new Float32Array([1, 2, 3]));
  assertEquals(
    buffer.read(buffer.endSample - 3, buffer.endSample),
    new Float32Array([1, 2, 3]),
  );
});

Deno.test("RingBuffer refuses absurd capacities and spans", () => {
  for (const capacity of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(() => new RingBuffer(capacity), RangeError, `${capacity}`);
  }
  const buffer = new RingBuffer(4);
  buffer.push(new Float32Array(2));
  for (const [start, end] of [[0.5, 1], [1, 0], [0, NaN]] as const) {
    assertThrows(() => buffer.read(start, end), RangeError, "Cannot read");
  }
  assertThrows(() => buffer.read(-1, 1), ForgottenSamplesError);
  assertThrows(() => buffer.forgetBefore(1.5), RangeError);
});

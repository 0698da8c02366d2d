import fc from "../property.ts";
import {
  hearRunning,
  RUNNING_NORM_START,
  type RunningNorm,
  scaleRunning,
} from "../../src/model/running_norm.ts";
import { assert, assertAlmostEquals } from "../assert.ts";

const finite = fc.float({ min: -1, max: 1, noNaN: true });

/** A tone that is as loud as `level` says. */
function tone(sampleCount: number, level: number, offset = 0): Float32Array {
  return Float32Array.from({ length: sampleCount }, (_, i) => offset + level * Math.sin(i * 0.37));
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A window's samples, scaled by the stream so far. */
function hearAndScale(
  before: RunningNorm,
  window: Float32Array,
  startSample: number,
): { samples: Float32Array; norm: RunningNorm } {
  const norm = hearRunning(before, window, startSample);
  const samples = window.slice();
  scaleRunning(norm, samples, startSample);
  return { samples, norm };
}

/** Scaled bit by bit, as a stream hears it. */
function scaleAll(samples: Float32Array, step = 6400): Float32Array {
  const scaled = new Float32Array(samples.length);
  let norm = RUNNING_NORM_START;
  for (let at = 0; at < samples.length; at += step) {
    const heard = hearAndScale(norm, samples.subarray(at, at + step), at);
    scaled.set(heard.samples, at);
    norm = heard.norm;
  }
  return scaled;
}

function power(samples: Float32Array): number {
  const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  return samples.reduce((sum, value) => sum + (value - mean) ** 2, 0) / samples.length;
}

Deno.test("a sample's scale does not depend on the windows it lies in", () => {
  const samples = Float32Array.from({ length: 6000 }, (_, i) => Math.sin(i * i / 900) * i / 6000);
  const whole = hearAndScale(RUNNING_NORM_START, samples, 0).samples;
  fc.assert(fc.property(
    fc.array(fc.record({ more: fc.nat(900), left: fc.nat(2000) }), { minLength: 1, maxLength: 12 }),
    (windows) => {
      let norm = RUNNING_NORM_START;
      let end = 0;
      for (const { more, left } of windows) {
        // windows overlap by a block at least, as receptive fields do
        const start = Math.max(0, Math.floor((end - 320) / 320) * 320 - left);
        end = Math.min(samples.length, end + more);
        const heard = hearAndScale(norm, samples.subarray(start, end), start);
        assert(heard.samples.every((sample, i) => sample === whole[start + i]));
        const part = samples.slice(start + 100, end);
        scaleRunning(heard.norm, part, start + 100);
        assert(part.every((sample, i) => sample === whole[start + 100 + i]));
        norm = heard.norm;
      }
    },
  ));
});

Deno.test("a stream comes to zero mean and unit variance, whatever its level and offset", () => {
  for (const [level, offset] of [[1, 0], [0.03, 0.1], [0.01, -0.05]] as const) {
    const scaled = scaleAll(tone(60 * 16_000, level, offset));
    const end = scaled.subarray(-160_000);
    assertAlmostEquals(end.reduce((sum, value) => sum + value, 0) / end.length, 0, 0.2);
    assertAlmostEquals(power(end), 1, 0.2);
  }
});

Deno.test("a new level is found within a minute, a pause of seconds changes little", () => {
  const [loud, quiet] = [tone(480_000, 0.3), tone(960_000, 0.03)];
  const changed = scaleAll(joined([loud.subarray(0, 320_000), quiet]));
  assert(power(changed.subarray(-16_000)) > 0.5);
  const pause = new Float32Array(80_000);
  const paused = scaleAll(joined([loud, pause, loud]));
  assertAlmostEquals(power(paused.subarray(560_000, 564_000)), 1.6, 0.2); // 2 dB
});

Deno.test("silence, a constant and full scale stay finite", () => {
  fc.assert(
    fc.property(finite, (value) => {
      assert(scaleAll(new Float32Array(80_000).fill(value)).every(Number.isFinite));
    }),
    { numRuns: 20 },
  );
  assert(scaleAll(new Float32Array(64_000)).every((sample) => sample === 0));
});

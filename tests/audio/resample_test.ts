import { assert, assertEquals, assertThrows } from "../assert.ts";
import { Resampler } from "../../src/audio/resample.ts";
import { concat, noise, power, signalToErrorDb, sine } from "./signals.ts";

const RATES_HZ = [4000, 8000, 11025, 22050, 24000, 32000, 44100, 44101, 48000, 96000, 192000];
const MARGIN = 400; // output samples at either end that see silence beyond the signal

function resample(samples: Float32Array, fromHz: number, toHz = 16000): Float32Array {
  const resampler = new Resampler(fromHz, toHz);
  return concat([resampler.push(samples), resampler.end()]);
}

Deno.test("Resampler keeps sines of the pass band in place to 85 dB", () => {
  for (const rateHz of RATES_HZ) {
    const nyquistHz = Math.min(rateHz, 16000) / 2;
    for (const part of [0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9]) {
      const hz = part * nyquistHz;
      const actual = resample(sine(hz, rateHz, { sampleCount: rateHz / 4 | 0 }), rateHz);
      const expected = sine(hz, 16000, { sampleCount: actual.length });
      const db = signalToErrorDb(actual, expected, MARGIN);
      assert(db > 85, `${rateHz} Hz, sine of ${hz} Hz: ${db} dB`);
    }
  }
});

Deno.test("Resampler rejects what would alias by more than 80 dB", () => {
  for (const rateHz of RATES_HZ.filter((hz) => hz > 16000)) {
    for (const hz of [8000.1, 8100, 8500, 10000, 12000, 15900, 20000, 40000, 90000]) {
      if (hz >= rateHz / 2) continue;
      const actual = resample(sine(hz, rateHz, { sampleCount: rateHz / 4 | 0 }), rateHz);
      const db = 10 * Math.log10(power(actual, MARGIN) / 0.5);
      assert(db < -80, `${rateHz} Hz, sine of ${hz} Hz: ${db} dB`);
    }
  }
});

Deno.test("Resampler ripples less than 0.001 dB in the pass band", () => {
  for (const rateHz of [8000, 44100, 48000]) {
    const nyquistHz = Math.min(rateHz, 16000) / 2;
    for (let part = 0.02; part <= 0.9; part += 0.04) {
      const actual = resample(
        sine(part * nyquistHz, rateHz, { sampleCount: rateHz / 2 | 0 }),
        rateHz,
      );
      const expected = sine(part * nyquistHz, 16000, { sampleCount: actual.length });
      const db = 10 * Math.log10(power(actual, MARGIN) / power(expected, MARGIN));
      assert(Math.abs(db) < 0.001, `${rateHz} Hz at ${part} of Nyquist: ${db} dB`);
    }
  }
});

Deno.test("Resampler passes a constant unchanged in every phase", () => {
  for (const rateHz of RATES_HZ) {
    const inner = resample(new Float32Array(rateHz / 4 | 0).fill(0.5), rateHz)
      .subarray(MARGIN, -MARGIN);
    assert(inner.every((x) => Math.abs(x - 0.5) < 1e-6), `${rateHz} Hz`);
  }
});

Deno.test("Resampler copies bits when the rates are equal", () => {
  const samples = noise(1000);
  assertEquals(resample(samples, 16000), samples);
});

Deno.test("Resampler does not drift in ten minutes of 44.1 kHz", () => {
  const resampler = new Resampler(44100, 16000);
  const second = new Float32Array(44100);
  let sampleCount = 0;
  for (let i = 0; i < 600; i++) sampleCount += resampler.push(second).length;
  // After ten minutes an impulse still lies where it belongs, to a part of a sample.
  second[22050] = 1;
  const tail = concat([resampler.push(second), resampler.end()]);
  const peak = tail.indexOf(Math.max(...tail));
  assertEquals(sampleCount + peak, 600 * 16000 + 8000);
  assertEquals(sampleCount + tail.length, 601 * 16000);
});

Deno.test("Resampler of nothing gives nothing", () => {
  assertEquals(resample(new Float32Array(0), 48000).length, 0);
  assertEquals(resample(new Float32Array(1), 48000).length, 1);
  assertEquals(resample(new Float32Array(1), 8000).length, 2);
});

Deno.test("Resampler refuses absurd rates and use after the end", () => {
  for (const rateHz of [0, -1, 3999, 192001, 16000.5, NaN]) {
    assertThrows(() => new Resampler(rateHz, 16000), RangeError, `${rateHz}`);
  }
  const resampler = new Resampler(8000, 16000);
  resampler.end();
  assertThrows(() => resampler.push(new Float32Array(1)), TypeError, "ended");
  assertThrows(() => resampler.end(), TypeError, "ended");
});

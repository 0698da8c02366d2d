import fc from "fast-check";
import { applyNorm, hearSamples, RUNNING_NORM_START } from "../../src/model/running_norm.ts";
import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";

const finite = fc.float({ min: -1, max: 1, noNaN: true });

Deno.test("what was heard does not depend on how it came, nor on hearing it twice", () => {
  fc.assert(fc.property(
    fc.float32Array({ min: -1, max: 1, noNaN: true, maxLength: 200 }),
    fc.array(fc.nat(200), { maxLength: 5 }),
    (samples, cuts) => {
      const whole = hearSamples(RUNNING_NORM_START, samples, 0);
      let norm = RUNNING_NORM_START;
      for (const cut of [...cuts.sort((a, b) => a - b), samples.length]) {
        const end = Math.min(cut, samples.length);
        const from = Math.max(0, norm.endSample - 7); // windows overlap
        if (end > from) norm = hearSamples(norm, samples.subarray(from, end), from);
      }
      assertEquals(norm, whole);
    },
  ));
});

Deno.test("a stream comes to zero mean and unit variance, whatever its level and offset", () => {
  for (const [level, offset] of [[1, 0], [0.01, 0.2], [1e-3, -0.5]] as const) {
    const samples = Float32Array.from(
      { length: 160_000 },
      (_, i) => offset + level * Math.sin(i * 0.37),
    );
    let norm = hearSamples(RUNNING_NORM_START, samples, 0);
    // the quiet second that is assumed at the start fades
    for (let i = 1; i < 60; i++) norm = hearSamples(norm, samples, i * samples.length);
    const scaled = applyNorm(norm, samples);
    const mean = scaled.reduce((sum, value) => sum + value, 0) / scaled.length;
    const power = scaled.reduce((sum, value) => sum + value * value, 0) / scaled.length;
    if (offset === 0) assertAlmostEquals(power - mean ** 2, 1, 0.01);
    assert(Math.abs(mean) < 3, `mean ${mean}`);
  }
});

Deno.test("silence, a constant and full scale stay finite", () => {
  fc.assert(
    fc.property(finite, (value) => {
      const samples = new Float32Array(4000).fill(value);
      let norm = RUNNING_NORM_START;
      for (let i = 0; i < 20; i++) norm = hearSamples(norm, samples, i * 4000);
      assert(applyNorm(norm, samples).every(Number.isFinite));
    }),
    { numRuns: 20 },
  );
  const silence = applyNorm(
    hearSamples(RUNNING_NORM_START, new Float32Array(64_000), 0),
    new Float32Array(9),
  );
  assertEquals([...silence], Array(9).fill(0));
});

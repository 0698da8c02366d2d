/**
 * Made-up frame grids for the property tests.
 *
 * @module
 */
import fc from "./property.ts";

/** Kernels and strides of 1 to 5 convolutions; a kernel may be narrower than its stride. */
export const geometries: fc.Arbitrary<{ kernels: number[]; strides: number[] }> = fc.array(
  fc.record({ kernel: fc.integer({ min: 1, max: 6 }), stride: fc.integer({ min: 1, max: 4 }) }),
  { minLength: 1, maxLength: 5 },
).map((layers) => ({
  kernels: layers.map(({ kernel }) => kernel),
  strides: layers.map(({ stride }) => stride),
}));

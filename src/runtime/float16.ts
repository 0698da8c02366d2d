/**
 * A trial of half precision: a graph small enough to lie here as text.
 *
 * @module
 */

/** `y = Cast(MatMul(Cast(x, f16), w), f32)` for `x: [2, 2]`, as `tests/runtime/float16_test.ts` builds it. */
export const FLOAT16_GRAPH_BASE64 =
  "CAoSBmh1YmNhcDqvAQoiCgF4EgJ4aBoGbmFycm93IgRDYXN0KgkKAnRvGAqgAQI6AAoeCgJ4aAoBdxICeWgaB3By" +
  "b2R1Y3QiBk1hdE11bDoACiEKAnloEgF5GgV3aWRlbiIEQ2FzdCoJCgJ0bxgBoAECOgASB2Zsb2F0MTYqEwoCAgIQ" +
  "CkIBd0oIADgARAC8ADRaEwoBeBIOCgwIARIICgIIAgoCCAJiEwoBeRIOCgwIARIICgIIAgoCCAJCBAoAEBVCEQoN" +
  "Y29tLm1pY3Jvc29mdBAB";

/** What goes in. // [2, 2] */
export const FLOAT16_INPUT: readonly number[] = [1, -2, 0.5, 3];
/** The weights inside. // [2, 2] */
export const FLOAT16_WEIGHTS: readonly number[] = [0.5, 4, -1, 0.25];
/** What comes out, exact in half precision. // [2, 2] */
export const FLOAT16_OUTPUT: readonly number[] = [2.5, 3.5, -2.75, 2.75];

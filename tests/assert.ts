/**
 * The assertions in use, with types (the npm packaging of the standard library
 * has none).
 *
 * @module
 */
import * as std from "@std/assert";

/** A class whose instances are thrown. */
// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Fails unless `expression` is truthy. */
export const assert: (expression: unknown, message?: string) => asserts expression = std.assert;
/** Fails unless both are deeply equal. */
export const assertEquals: <T>(actual: T, expected: T, message?: string) => void = std.assertEquals;
/** Fails unless both are the same value or reference. */
export const assertStrictEquals: <T>(actual: unknown, expected: T, message?: string) => void =
  std.assertStrictEquals;
/** Fails unless the two numbers are within `tolerance`. */
export const assertAlmostEquals: (
  actual: number,
  expected: number,
  tolerance?: number,
  message?: string,
) => void = std.assertAlmostEquals;
/** Fails unless `actual` contains `expected`. */
export const assertStringIncludes: (actual: string, expected: string, message?: string) => void =
  std.assertStringIncludes;
/** Fails unless `actual` matches `expected`. */
export const assertMatch: (actual: string, expected: RegExp, message?: string) => void =
  std.assertMatch;
/** Fails unless `fn` throws an `errorClass` whose message includes `messageIncludes`; returns it. */
export const assertThrows: <E extends Error = Error>(
  fn: () => unknown,
  errorClass?: ErrorClass<E>,
  messageIncludes?: string,
) => E = std.assertThrows;
/** Fails unless `fn` rejects with an `errorClass` whose message includes `messageIncludes`. */
export const assertRejects: <E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  messageIncludes?: string,
) => Promise<E> = std.assertRejects;

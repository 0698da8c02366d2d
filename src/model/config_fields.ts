/**
 * Kinds of fields in a `config.json`. Every complaint is what would be
 * accepted, in words, as `UnsupportedConfigError` puts it.
 *
 * @module
 */
import { z } from "zod";
import { UnsupportedConfigError } from "../errors.ts";
import { type Activation, ACTIVATIONS } from "./activation.ts";

/** One of a few strings. */
export function oneOf<const T extends readonly [string, ...string[]]>(
  values: T,
): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(values, `one of ${values.map((value) => `"${value}"`).join(", ")}`);
}

const listed = "a list of positive integers";

/** A switch. */
export const flag: z.ZodBoolean = z.boolean("true or false");
/** A length, size or number of things. */
export const count: z.ZodInt = z.int("a positive integer").min(1, "a positive integer");
/** A position or a number that may be 0. */
export const index: z.ZodInt = z.int("an integer of at least 0").min(
  0,
  "an integer of at least 0",
);
/** A share or a probability. */
export const fraction: z.ZodNumber = z.number("a number from 0 to 1")
  .min(0, "a number from 0 to 1").max(1, "a number from 0 to 1");
/** A number above 0. */
export const positive: z.ZodNumber = z.number("a positive number").gt(0, "a positive number");
/** Lengths, one a layer. */
export const counts: z.ZodArray<z.ZodInt> = z.array(z.int(listed).min(1, listed), listed)
  .min(1, listed);
/** Name of an activation function. */
export const activation: z.ZodType<Activation> = oneOf(
  Object.keys(ACTIVATIONS) as [Activation, ...Activation[]],
);

/** A condition on more than one field, blamed on `field`. */
export interface Constraint<Field extends string> {
  /** The field at fault when the condition does not hold. */
  readonly field: Field;
  /** Whether the condition holds. */
  readonly accepted: boolean;
  /** What would be accepted, in words. */
  readonly supported: string;
}

/** What {@linkcode parseFields} checks besides the schema. */
export interface ParseFieldsOptions<T> {
  /** What the JSON is, for the error: `config.json`. */
  readonly what: string;
  /** The file the JSON came from, for the error. */
  readonly path?: string | undefined;
  /** Conditions on more than one field. @default {none} */
  readonly constraints?: (fields: T) => readonly Constraint<string & keyof T>[];
}

/**
 * Checks JSON against a schema of fields, then its constraints.
 *
 * @throws {UnsupportedConfigError} Naming the first field that does not fit.
 */
export function parseFields<T>(
  json: unknown,
  schema: z.ZodType<T>,
  { what, path, constraints }: ParseFieldsOptions<T>,
): T {
  const where = path === undefined ? {} : { path };
  const result = schema.safeParse(json);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    const field = String(issue.path[0] ?? what);
    const value = issue.path.length === 0 ? json : (json as Record<string, unknown>)[field];
    throw new UnsupportedConfigError(field, value, issue.message, where);
  }
  for (const { field, accepted, supported } of constraints?.(result.data) ?? []) {
    if (!accepted) throw new UnsupportedConfigError(field, result.data[field], supported, where);
  }
  return result.data;
}

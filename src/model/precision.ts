/**
 * What a `dtype` means on each backend.
 *
 * @module
 */
import { BackendError } from "../errors.ts";
import type { BackendName } from "../runtime/backend.ts";
import type { Precision } from "./layers.ts";

/**
 * How a model computes: in single or half precision, or with the matrices of its encoder's layers
 * in 8 or 4 bits and everything else in single precision. So are the feature projection and the
 * head: few weights, and those where rounding costs most.
 */
export type Dtype = "float32" | "float16" | "int8" | "int4";

/** Every {@linkcode Dtype}. */
export const DTYPES = ["float32", "float16", "int8", "int4"] as const satisfies readonly Dtype[];

/** Throws unless it is one. @throws {RangeError} Naming those there are. */
export function checkDtype(dtype: Dtype): void {
  if (DTYPES.includes(dtype)) return;
  throw new RangeError(
    `Cannot use the model as dtype must be one of ${DTYPES.join(", ")}: ${dtype}`,
  );
}

/** What is asked of the device. */
export interface PrecisionTarget {
  /** The backend. */
  readonly name: BackendName;
  /** Whether half precision was seen to work on it. */
  readonly hasFloat16: boolean;
}

/**
 * The precision to build a network in.
 *
 * Eight bits are a quantised product with quantised inputs (`DynamicQuantizeMatMul`) where there
 * is native integer code, and blocks of 32 weights with a scale (`MatMulNBits`) on a GPU; four bits
 * are such blocks everywhere.
 *
 * @throws {BackendError} If the backend cannot compute so.
 */
export function precisionOf(dtype: Dtype, target: PrecisionTarget): Precision {
  switch (dtype) {
    case "float32":
      return { activations: "float32", matrices: "full" };
    case "float16":
      if (target.hasFloat16) return { activations: "float16", matrices: "full" };
      throw new BackendError(
        `Cannot compute in float16 as the ${target.name} backend's device does not: use float32, int8 or int4`,
        { backend: target.name },
      );
    case "int8":
      return {
        activations: "float32",
        matrices: target.name === "webgpu" ? "blocks8" : "int8",
      };
    case "int4":
      return { activations: "float32", matrices: "blocks4" };
    default:
      return dtype satisfies never;
  }
}

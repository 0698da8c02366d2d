/**
 * Named tensors of a checkpoint, whatever file format they lie in.
 *
 * @module
 */

/** Element types found in checkpoints. */
export type WeightDtype =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "I32"
  | "I16"
  | "I8"
  | "U64"
  | "U32"
  | "U16"
  | "U8"
  | "BOOL";

/** How bitsandbytes packed a matrix. */
export interface Packing {
  /** Signed bytes with a factor a row, or codes of four bits with a factor a block. */
  readonly format: "int8" | "nf4" | "fp4";
  /** Whether the blocks' factors are packed too, in eight bits: double quantisation. */
  readonly isDouble: boolean;
}

/** What is known of a tensor before it is read. */
export interface WeightInfo {
  /** Element type on disk. */
  readonly dtype: WeightDtype;
  /** Lengths of the dimensions. */
  readonly shape: readonly number[];
  /** How its values are quantised on disk, if they are. */
  readonly packing?: Packing;
}

/** An opened set of weights. Headers are read and checked on opening, tensors on demand. */
export interface WeightStore extends AsyncDisposable {
  /** Every tensor by the name its file gives it. */
  readonly tensors: ReadonlyMap<string, WeightInfo>;
  /**
   * Reads one tensor, widened to 32-bit floats.
   *
   * @throws {CheckpointError} If there is no such tensor or the file is damaged.
   */
  read(name: string): Promise<Float32Array>;
}

/**
 * Weights where some are replaced, as language adapters replace a head: names
 * in `top` are read from there, all others from `base`.
 *
 * @param base The weights below; closed with the result.
 * @param top The weights that come first; closed with the result.
 */
export function overlayWeights(base: WeightStore, top: WeightStore): WeightStore {
  return {
    tensors: new Map([...base.tensors, ...top.tensors]),
    read: (name) => (top.tensors.has(name) ? top : base).read(name),
    async [Symbol.asyncDispose]() {
      await Promise.all([top[Symbol.asyncDispose](), base[Symbol.asyncDispose]()]);
    },
  };
}

/**
 * Checkpoint tensors as a model asks for them: by canonical name and expected
 * shape. Asking reads nothing; what is missing, surplus or wrongly shaped is
 * gathered and reported together, before any weight is read.
 *
 * @module
 */
import type { WeightStore } from "../checkpoint/weights.ts";
import { CheckpointError } from "../errors.ts";
import { elementCount } from "../tensor.ts";

/** A tensor that will be read when the graph is written. */
export interface Parameter {
  /** Unique name; derived parameters extend the name of what they derive from. */
  readonly name: string;
  /** Lengths of the dimensions. */
  readonly shape: readonly number[];
  /** Reads the values, row-major. */
  load(): Promise<Float32Array>;
}

/** A parameter computed from others when it is loaded. */
export function derive(
  name: string,
  shape: readonly number[],
  load: () => Promise<Float32Array>,
): Parameter {
  return { name, shape, load };
}

/** Rows become columns. [N, K] → [K, N]. */
export function transposed(parameter: Parameter): Parameter {
  const [rowCount, columnCount] = parameter.shape as [number, number];
  return derive(`${parameter.name}.transposed`, [columnCount, rowCount], async () => {
    return transposeMatrix(await parameter.load(), rowCount, columnCount);
  });
}

/** Transposes in square tiles, which keeps both sides in cache. */
function transposeMatrix(source: Float32Array, rowCount: number, columnCount: number) {
  const target = new Float32Array(source.length);
  const tile = 32;
  for (let r0 = 0; r0 < rowCount; r0 += tile) {
    for (let c0 = 0; c0 < columnCount; c0 += tile) {
      const r1 = Math.min(r0 + tile, rowCount);
      const c1 = Math.min(c0 + tile, columnCount);
      for (let r = r0; r < r1; r++) {
        for (let c = c0; c < c1; c++) target[c * rowCount + r] = source[r * columnCount + c]!;
      }
    }
  }
  return target;
}

/** Parameters joined along their first axis. */
export function joined(parameters: readonly Parameter[]): Parameter {
  const first = parameters[0]!;
  const rowCount = parameters.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const shape = [rowCount, ...first.shape.slice(1)];
  return derive(parameters.map(({ name }) => name).join("+"), shape, async () => {
    const target = new Float32Array(elementCount(shape));
    let offset = 0;
    for (const parameter of parameters) {
      target.set(await parameter.load(), offset);
      offset += elementCount(parameter.shape);
    }
    return target;
  });
}

/** How a reader maps canonical names to a checkpoint's. */
export interface ParameterReaderOptions {
  /**
   * Names the base model may go by in the file (`hubert`, `wav2vec2`): a canonical name
   * that starts with one of `baseModules` is looked for with and without each.
   */
  readonly basePrefixes: readonly string[];
  /** First parts of the base model's canonical names: `encoder`, `feature_extractor` … */
  readonly baseModules: readonly string[];
  /** Base parameters that a network may leave unused, such as those of training. @default {[]} */
  readonly optional?: readonly string[];
}

/** Looks parameters up and keeps the list of what did not fit. */
export class ParameterReader {
  readonly #store: WeightStore;
  readonly #options: ParameterReaderOptions;
  readonly #asked = new Set<string>();
  readonly #problems: string[] = [];

  /** @param store The opened weights. @param options How names map. */
  constructor(store: WeightStore, options: ParameterReaderOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Whether the checkpoint holds a tensor of this canonical name. */
  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** The parameter of this name; a misfit is noted and reported by {@linkcode check}. */
  get(name: string, shape: readonly number[]): Parameter {
    const found = this.#find(name);
    if (found === undefined) {
      this.#problems.push(`missing ${name}, expected [${shape}]`);
    } else {
      this.#asked.add(found);
      const actual = this.#store.tensors.get(found)!.shape;
      if (actual.length !== shape.length || actual.some((length, i) => length !== shape[i])) {
        this.#problems.push(`${found} has shape [${actual}], expected [${shape}]`);
      }
    }
    return { name, shape, load: () => this.#store.read(found!) };
  }

  /**
   * A convolution's weight whose norm is kept apart, in either of PyTorch's
   * spellings, or already joined. `w = g · v / ‖v‖`, the norm over every axis but the last.
   */
  weightNormed(name: string, shape: readonly number[]): Parameter {
    const spellings = [
      [`${name}.parametrizations.weight.original0`, `${name}.parametrizations.weight.original1`],
      [`${name}.weight_g`, `${name}.weight_v`],
    ] as const;
    const found = spellings.find(([g]) => this.has(g));
    if (found === undefined && this.has(`${name}.weight`)) return this.get(`${name}.weight`, shape);
    const [gName, vName] = found ?? spellings[0];
    const kernel = shape.at(-1)!;
    const g = this.get(gName, [...shape.slice(0, -1).map(() => 1), kernel]);
    const v = this.get(vName, shape);
    return derive(`${name}.weight`, shape, async () => applyNorm(await g.load(), await v.load()));
  }

  /**
   * Throws when anything asked for did not fit, or when the checkpoint holds
   * more of the base model than the config describes.
   *
   * @returns Names of tensors that no one asked for and that belong to other heads or to training.
   * @throws {CheckpointError} Naming every misfit with expected and actual shape.
   */
  check(): string[] {
    const unused = [...this.#store.tensors.keys()].filter((name) =>
      !this.#asked.has(name) && !name.endsWith("num_batches_tracked")
    );
    const surplus = unused.filter((name) => this.#isRequired(name));
    for (const name of surplus) {
      const { shape } = this.#store.tensors.get(name)!;
      this.#problems.push(`${name} [${shape}] is not part of the model the config describes`);
    }
    if (this.#problems.length > 0) {
      const shown = this.#problems.slice(0, 20);
      const rest = this.#problems.length - shown.length;
      throw new CheckpointError(
        `Cannot use the weights as they do not fit the config:\n  ${shown.join("\n  ")}` +
          (rest > 0 ? `\n  … and ${rest} more` : ""),
      );
    }
    return unused.filter((name) => !this.#isRequired(name));
  }

  #spellings(name: string): string[] {
    const isBase = this.#options.baseModules.includes(name.split(".", 1)[0]!);
    if (!isBase) return [name];
    return [...this.#options.basePrefixes.map((prefix) => `${prefix}.${name}`), name];
  }

  #find(name: string): string | undefined {
    return this.#spellings(name).find((spelling) => this.#store.tensors.has(spelling));
  }

  #isRequired(name: string): boolean {
    const { basePrefixes, baseModules, optional = [] } = this.#options;
    const prefix = basePrefixes.find((prefix) => name.startsWith(`${prefix}.`));
    const canonical = prefix ? name.slice(prefix.length + 1) : name;
    return baseModules.includes(canonical.split(".", 1)[0]!) && !optional.includes(canonical);
  }
}

function applyNorm(g: Float32Array, v: Float32Array): Float32Array {
  const kernel = g.length;
  const squares = new Float64Array(kernel);
  for (let i = 0; i < v.length; i++) squares[i % kernel]! += v[i]! * v[i]!;
  const factors = squares.map((square, k) => g[k]! / Math.sqrt(square));
  return v.map((value, i) => value * factors[i % kernel]!);
}

import { checkQuantization, dequantized } from "../../src/checkpoint/quantized.ts";
import type { WeightDtype, WeightStore } from "../../src/checkpoint/weights.ts";
import { describeModel } from "../../src/describe_model.ts";
import { CheckpointError, UnsupportedConfigError } from "../../src/errors.ts";
import { join } from "../../src/std.ts";
import { assertEquals, assertRejects, assertThrows } from "../assert.ts";
import { GOLDEN_FOLDER } from "../golden.ts";
import { TemporaryFolder } from "./files.ts";

type Stored = readonly [dtype: WeightDtype, shape: readonly number[], values: readonly number[]];

/** Weights that lie in memory, and whether they were closed. */
class MemoryStore implements WeightStore {
  readonly tensors: WeightStore["tensors"];
  readonly #stored: Readonly<Record<string, Stored>>;
  isClosed = false;

  constructor(stored: Readonly<Record<string, Stored>>) {
    this.#stored = stored;
    const infos = Object.entries(stored).map(([name, [dtype, shape]]) =>
      [name, { dtype, shape }] as const
    );
    this.tensors = new Map(infos);
  }

  read(name: string) {
    return Promise.resolve(Float32Array.from(this.#stored[name]![2]));
  }

  [Symbol.asyncDispose]() {
    this.isClosed = true;
    return Promise.resolve();
  }
}

const EIGHT_BITS = {
  "a.weight": ["I8", [2, 2], [127, -64, 0, 127]],
  "a.SCB": ["F32", [2], [12.7, 1.27]],
  "a.weight_format": ["U8", [], [0]],
  "a.bias": ["F16", [2], [1, 2]],
} as const satisfies Record<string, Stored>;

function text(state: object | string): Stored {
  const bytes = new TextEncoder().encode(typeof state === "string" ? state : JSON.stringify(state));
  return ["U8", [bytes.length], [...bytes]];
}

const STATE = "a.weight.quant_state.bitsandbytes__nf4";
const FOUR_BITS = {
  "a.weight": ["U8", [2, 1], [0x01, 0xf0]],
  "a.weight.absmax": ["F32", [2], [1, 10]],
  "a.weight.quant_map": ["F32", [16], Array.from({ length: 16 }, (_, i) => i)],
  [STATE]: text({ quant_type: "nf4", blocksize: 2, shape: [1, 3], dtype: "float16" }),
} as const satisfies Record<string, Stored>;

Deno.test("dequantized() gives matrices of eight bits as floats, and hides their parts", async () => {
  await using weights = await dequantized(new MemoryStore(EIGHT_BITS));
  assertEquals([...weights.tensors.keys()], ["a.weight", "a.bias"]);
  const expected = Float32Array.of(12.7, -6.4, 0, 1.27);
  assertEquals(await weights.read("a.weight"), expected);
  assertEquals(await weights.read("a.bias"), Float32Array.of(1, 2));
});

Deno.test("dequantized() gives matrices of four bits in the shape they had", async () => {
  await using weights = await dequantized(new MemoryStore(FOUR_BITS));
  assertEquals([...weights.tensors], [
    ["a.weight", { ...weights.tensors.get("a.weight")!, shape: [1, 3] }],
  ]);
  assertEquals(await weights.read("a.weight"), Float32Array.of(0, 1, 150));
});

Deno.test("dequantized() gives weights as they are where nothing is quantised", async () => {
  const store = new MemoryStore({ "a.weight": ["F32", [1], [1]] });
  assertEquals(await dequantized(store), store);
});

Deno.test("dequantized() closes what does not fit, and names it", async () => {
  const { "a.SCB": _, ...withoutPeaks } = EIGHT_BITS;
  const { "a.weight.absmax": __, ...withoutFactors } = FOUR_BITS;
  const nested = { blocksize: 2, shape: [1, 3], nested_blocksize: 2, nested_offset: 1 };
  const cases: readonly [Record<string, Stored>, string][] = [
    [withoutPeaks, `"a.SCB" does not fit: it is not there`],
    [{ ...EIGHT_BITS, "a.SCB": ["F32", [3], []] }, "it is [3] of type F32; expected are 2"],
    [{ ...EIGHT_BITS, "a.SCB": ["I8", [2], []] }, "of type I8"],
    [{ ...EIGHT_BITS, "a.weight": ["I8", [4], []] }, "[4] is not a matrix"],
    [withoutFactors, `"a.weight.absmax" does not fit: it is not there`],
    [{ ...FOUR_BITS, "a.weight": ["BF16", [1], []] }, "expected are 2 numbers of type U8"],
    [{ ...FOUR_BITS, [STATE]: text("{") }, "it is not JSON"],
    [{ ...FOUR_BITS, [STATE]: text("null") }, "it does not say the shape"],
    [{ ...FOUR_BITS, [STATE]: text({ blocksize: 0, shape: [1, 3] }) }, "the size of blocks"],
    [{ ...FOUR_BITS, [STATE]: ["U8", [5000], []] }, "at most 4096 bytes"],
    [{ ...FOUR_BITS, [STATE]: text(nested) }, `"a.weight.absmax" does not fit`],
  ];
  for (const [stored, message] of cases) {
    const store = new MemoryStore(stored);
    await assertRejects(() => dequantized(store), CheckpointError, message);
    assertEquals(store.isClosed, true);
  }
});

Deno.test("dequantized() refuses the order of matrices that old GPUs wanted", async () => {
  const stored = { ...EIGHT_BITS, "a.weight_format": ["U8", [], [2]] } as const;
  await using weights = await dequantized(new MemoryStore(stored));
  await assertRejects(() => weights.read("a.weight"), CheckpointError, "newer bitsandbytes");
});

Deno.test("checkQuantization() names a method it does not know, and what to do", () => {
  checkQuantization({});
  checkQuantization({ quantization_config: null });
  checkQuantization({ quantization_config: { quant_method: "bitsandbytes" } });
  checkQuantization({ quantization_config: { load_in_8bit: true } });
  const awq = { quantization_config: { quant_method: "awq", load_in_4bit: true } };
  assertThrows(() => checkQuantization(awq), UnsupportedConfigError, `"awq"`);
  assertThrows(() => checkQuantization(awq), UnsupportedConfigError, "BitsAndBytesConfig");
});

Deno.test("a checkpoint in a quantisation that is not known is refused before its weights are read", async () => {
  await using at = new TemporaryFolder();
  const config = JSON.parse(
    await Deno.readTextFile(join(GOLDEN_FOLDER, "quantized_int8", "config.json")),
  );
  config.quantization_config = { quant_method: "gptq", bits: 4 };
  await at.write("config.json", config);
  await at.write("model.safetensors", "no weights");
  await assertRejects(() => describeModel(at.path), UnsupportedConfigError, `"gptq"`);
});

Deno.test("describeModel() counts weights, not what they are packed in", async () => {
  const [eight, four, plain] = await Promise.all(
    ["quantized_int8", "quantized_nf4", "ctc_layer_f16"].map((name) =>
      describeModel(join(GOLDEN_FOLDER, name))
    ),
  );
  assertEquals(eight!.parameterCount, plain!.parameterCount);
  assertEquals(four!.parameterCount, plain!.parameterCount);
  assertEquals(eight!.unusedTensors, plain!.unusedTensors);
});

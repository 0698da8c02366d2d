import { UnsupportedConfigError } from "../../src/errors.ts";
import type { Precision } from "../../src/model/layers.ts";
import { ParameterReader } from "../../src/model/parameters.ts";
import { parseWav2Vec2BertConfig } from "../../src/model/wav2vec2_bert_config.ts";
import { buildWav2Vec2BertGraph } from "../../src/model/wav2vec2_bert_graph.ts";
import type { BackendName, GraphSession } from "../../src/runtime/backend.ts";
import { openBackend } from "../../src/runtime/select.ts";
import type { Tensor } from "../../src/tensor.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { assertAllClose, worstDifference } from "../golden.ts";
import { type BertCase, bertCases, bertFeeds, bertGraph, bertTensors } from "../golden_bert.ts";

function caseOf(name: string): BertCase {
  return bertCases().find((golden) => golden.name === name)!;
}

async function run(session: GraphSession, feeds: Record<string, Tensor>, output: string) {
  return (await session.run(feeds, [output]))[output] as Tensor;
}

Deno.test("buildWav2Vec2BertGraph() names inputs and outputs, and refuses what a head cannot take", () => {
  const tensors = new Map();
  const store = {
    tensors,
    read: () => Promise.reject(new Error("nothing to read")),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const options = {
    parameters: new ParameterReader(store, { basePrefixes: [], baseModules: [] }),
    precision: { activations: "float32", matrices: "full" } as const,
  };
  const config = parseWav2Vec2BertConfig({
    model_type: "wav2vec2-bert",
    hidden_size: 8,
    num_attention_heads: 2,
    num_hidden_layers: 1,
    vocab_size: null,
  });
  const graph = buildWav2Vec2BertGraph(config, "x-vector", {
    ...options,
    hasFrameMask: true,
    hasMaskTimeIndices: true,
    givesHiddenStates: true,
    givesAttentions: true,
  });
  assertEquals(graph.inputs.map(({ name, shape }) => `${name} ${shape}`), [
    "input_features batch,frames,160",
    "frame_mask batch,frames",
    "mask_time_indices batch,frames",
  ]);
  assertEquals(graph.outputs.map(({ name, shape }) => `${name} ${shape}`), [
    "embeddings batch,512",
    "logits batch,512",
    "hidden_states.0 batch,frames,8",
    "hidden_states.1 batch,frames,8",
    "attentions.0 batch,2,frames,frames",
  ]);
  assertThrows(
    () => buildWav2Vec2BertGraph(config, "ctc", options),
    UnsupportedConfigError,
    "vocab_size",
  );
});

Deno.test("one session takes inputs of any length, and padding under a mask changes nothing", async (context) => {
  await using backend = (await openBackend("cpu", { threadCount: 1 })).backend;
  const names = [
    "bert_relative_key_masked",
    "bert_relative",
    "bert_rotary",
    "bert_no_positions_masked",
  ];
  for (const golden of names.map(caseOf)) {
    await context.step(golden.name, async () => {
      await using session = await backend.load(await bertGraph(golden));
      const { input_features, frame_mask } = bertFeeds(golden);
      const [rowCount, frameCount, size] = input_features!.shape as [number, number, number];
      const whole = await run(
        session,
        { input_features, frame_mask } as never,
        "last_hidden_state",
      );
      const hidden = whole.shape[2]!;
      for (let row = 0; row < rowCount; row++) {
        const start = row * frameCount;
        const length = frame_mask!.data.subarray(start, start + frameCount)
          .reduce((sum, value) => sum + value, 0);
        const alone = await run(session, {
          input_features: {
            data: input_features!.data.slice(start * size, (start + length) * size),
            shape: [1, length, size],
          },
          frame_mask: { data: new Float32Array(length).fill(1), shape: [1, length] },
        }, "last_hidden_state");
        const expected = whole.data.subarray(start * hidden, (start + length) * hidden);
        assertAllClose(alone, { data: expected, shape: [1, length, hidden] }, { atol: 1e-5 });
      }
    });
  }
});

/** How far results may lie from those in full, on a scale of a few units. */
// int8 on wasm: native kernels saturate sums of signed weights where the processor has no VNNI
const PRECISIONS: { precision: Precision; name: BackendName; atol: number }[] = [
  { precision: { activations: "float32", matrices: "int8" }, name: "wasm", atol: 0.4 },
  { precision: { activations: "float32", matrices: "blocks8" }, name: "cpu", atol: 0.2 },
  { precision: { activations: "float32", matrices: "blocks4" }, name: "cpu", atol: 1.5 },
  { precision: { activations: "float16", matrices: "full" }, name: "cpu", atol: 0.02 },
];

for (const { precision, name, atol } of PRECISIONS) {
  Deno.test({
    name: `every network runs in ${precision.activations} and ${precision.matrices} on ${name}`,
    async fn(context) {
      await using backend = (await openBackend(name, { threadCount: 1 })).backend;
      const heads = ["bert_relative", "bert_rotary", "bert_adapter", "bert_xvector", "bert_ctc"];
      for (const golden of heads.map(caseOf)) {
        await context.step(golden.name, async () => {
          await using session = await backend.load(await bertGraph(golden, { precision }));
          const output = golden.outputs.find((name) => /^(last|logits)/.test(name))!;
          const actual = await run(session, bertFeeds(golden), output);
          const expected = bertTensors(golden).expected[output]!;
          const { difference } = worstDifference(actual.data, expected.data);
          assert(difference > 0 && difference < atol, `${output} differs by ${difference}`);
        });
      }
    },
  });
}

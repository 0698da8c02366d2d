/**
 * `hubcap inspect` in this process, and what any command says of damaged checkpoints.
 *
 * @module
 */
import { join } from "../../src/std.ts";
import { concat, op, TemporaryFolder, torchZip } from "../checkpoint/files.ts";
import { writeTinyCheckpoint } from "../tiny_checkpoint.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { HARBOUR, hubcap, MODEL, projectPath } from "./fake_terminal.ts";

Deno.test("inspect: says what the checkpoint is", async () => {
  const { code, output, errors } = await hubcap(["inspect", MODEL]);
  assertEquals([code, errors], [0, ""]);
  for (
    const line of [
      "family       hubert, saved from HubertForCTC",
      "task         ctc",
      "frames       one each 120 samples (7.5 ms), seeing 135 (8.4375 ms), at 16000 Hz",
      "parameters   13,658",
      "tokens       12 of eng: <pad> <s> </s> <unk> | a b e h l o t",
      "languages    deu, eng, fra",
      "unused       1: hubert.masked_spec_embed",
      "62.2 kB  model.safetensors",
    ]
  ) assertStringIncludes(output, line);
});

Deno.test("inspect: --json is the whole description", async () => {
  const { output } = await hubcap(["inspect", MODEL, "--json", "--language", "fra"]);
  const { vocabulary, frames, task } = JSON.parse(output);
  assertEquals([vocabulary.language, frames.strideSamples, task], ["fra", 120, "ctc"]);
});

Deno.test("inspect: says what a checkpoint over features is", async () => {
  const { output } = await hubcap(["inspect", projectPath("tests/golden/bert_xvector")]);
  for (
    const line of [
      "family       wav2vec2-bert, saved from Wav2Vec2BertForXVector",
      "task         x-vector",
      "front end    log-mel features of 20",
      "frames       one each 320 samples (20 ms), seeing 560 (35 ms), at 16000 Hz",
    ]
  ) assertStringIncludes(output, line);
  assertMatch(output, /\nencoder +2 conformer layers of width 24, .* positions relative_key/);
});

Deno.test("inspect: says what is quantised on disk, layers alike once", async () => {
  const folder = projectPath("tests/golden/quantized_nf4_double");
  const { output } = await hubcap(["inspect", folder]);
  assertMatch(
    output,
    /\nquantised +on disk by bitsandbytes, nf4, its factors too: 8 matrices, [^\n]*layers\.\*\.attention\.q_proj[^\n]*lm_head\n/,
  );
  assert(!output.includes("layers.0"));
});

Deno.test("inspect: names a classifier's classes", async () => {
  const { output } = await hubcap(["inspect", projectPath("tests/golden/classify_multi")]);
  assertMatch(output, /\nlabels +\d+: /);
});

/** Ways in which a checkpoint is damaged, and what is said of it. */
const DAMAGES: Record<string, { change: (folder: string) => Promise<void>; says: RegExp }> = {
  "truncated safetensors": {
    change: (folder) => Deno.truncate(join(folder, "model.safetensors"), 5000),
    says: /model\.safetensors/,
  },
  "a header that is no JSON": {
    change: async (folder) => {
      using file = await Deno.open(join(folder, "model.safetensors"), { write: true });
      await file.seek(8, Deno.SeekMode.Start);
      await file.write(new TextEncoder().encode("not json"));
    },
    says: /header/,
  },
  "a header longer than the file": {
    change: async (folder) => {
      using file = await Deno.open(join(folder, "model.safetensors"), { write: true });
      await file.write(new Uint8Array(8).fill(0x7f));
    },
    says: /header/,
  },
  "a tensor of another shape": {
    change: (folder) => writeTinyCheckpoint(folder, { shapes: { "lm_head.weight": [5, 3] } }),
    says: /lm_head\.weight has shape \[5,3\], expected \[5,4\]/,
  },
  "a missing tensor": {
    change: (folder) => writeTinyCheckpoint(folder, { shapes: { "lm_head.bias": undefined } }),
    says: /missing lm_head\.bias, expected \[5\]/,
  },
  "a pickle that imports": {
    change: async (folder) => {
      await Deno.remove(join(folder, "model.safetensors"));
      const hostile = concat(
        op.proto,
        op.global("os", "system"),
        op.text("true"),
        op.tuple1,
        op.reduce,
        op.stop,
      );
      await Deno.writeFile(join(folder, "pytorch_model.bin"), torchZip(hostile));
    },
    says: /os\.system/,
  },
  "no config": {
    change: (folder) => Deno.remove(join(folder, "config.json")),
    says: /no config\.json/,
  },
  "no weights": {
    change: (folder) => Deno.remove(join(folder, "model.safetensors")),
    says: /Cannot find weights/,
  },
  "an unsupported field": {
    change: (folder) => writeTinyCheckpoint(folder, { config: { feat_extract_norm: "batch" } }),
    says: /feat_extract_norm.*"batch".*"group", "layer"/,
  },
};

Deno.test("inspect and transcribe: damaged checkpoints fail with a message, not a stack", async (test) => {
  for (const [name, { change, says }] of Object.entries(DAMAGES)) {
    await test.step(name, async () => {
      await using folder = new TemporaryFolder();
      await writeTinyCheckpoint(folder.path);
      await change(folder.path);
      for (
        const args of [
          ["inspect", folder.path],
          ["transcribe", HARBOUR, "--model", folder.path, "--backend", "cpu"],
        ]
      ) {
        const { code, output, errors } = await hubcap(args);
        assertEquals([code, output], [1, ""]);
        assertMatch(errors, says);
        assert(errors.startsWith("error: Cannot ") && !errors.includes("    at "), errors);
      }
    });
  }
});

Deno.test("inspect: --debug shows where an error comes from", async () => {
  const { code, errors } = await hubcap(["inspect", "no-such-model", "--debug"]);
  assertEquals(code, 1);
  assertMatch(errors, /\n {4}at /);
});

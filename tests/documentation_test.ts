/**
 * The examples of transformers' documentation have twins that print what theirs do.
 *
 * @module
 */
import { fromFileUrl, join } from "../src/std.ts";
import { assert, assertEquals, assertMatch } from "./assert.ts";
import { bertCheckpoint } from "./bert_checkpoint.ts";
import { hasWebgpu } from "./runtime/gpu.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const RECORDING = "samples/harbour.wav";

/** What an example prints on a golden checkpoint: made by `tests/golden/make_documentation.py`. */
interface Printed {
  readonly example: string;
  readonly checkpoint: string;
  readonly arguments: readonly string[];
  readonly lines: readonly string[];
}

const golden: readonly Printed[] = JSON.parse(
  Deno.readTextFileSync(join(ROOT, "tests/golden/documentation.json")),
);

async function run(
  example: string,
  args: readonly string[],
): Promise<{ code: number; printed: string; complaint: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", `examples/documentation/${example}.ts`, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return { code, printed: text.decode(stdout), complaint: text.decode(stderr) };
}

async function printedBy(example: string, args: readonly string[]): Promise<string> {
  const { code, printed, complaint } = await run(example, args);
  assertEquals(code, 0, complaint);
  return printed;
}

/** Texts are equal, numbers but for the rounding of their last digit. */
function assertPrints(printed: string, expected: string): void {
  const number = /-?\d+\.\d+/g;
  assertEquals(printed.replaceAll(number, "N"), expected.replaceAll(number, "N"));
  const found = printed.match(number) ?? [];
  for (const [i, wanted] of (expected.match(number) ?? []).entries()) {
    const lastDigit = 10 ** -(wanted.length - wanted.indexOf(".") - 1);
    const difference = Math.abs(Number(found[i]) - Number(wanted));
    assert(difference <= 1.01 * lastDigit, `${found[i]} is not ${wanted} in:\n${printed}`);
  }
}

for (const { example, checkpoint, arguments: args, lines } of golden) {
  Deno.test(`examples/documentation/${example}.ts prints what the reference does on ${checkpoint}`, async () => {
    const expected = lines.map((line) => `${line}\n`).join("");
    if (checkpoint !== "bert_ctc") {
      const folder = `tests/golden/${checkpoint}`;
      return assertPrints(await printedBy(example, [folder, ...args]), expected);
    }
    await using folder = await bertCheckpoint(checkpoint);
    assertPrints(await printedBy(example, [folder.path, ...args]), expected);
  });
}

/** Logits of these tiny networks suffer more than those of real ones. */
for (const [dtype, mostPercent] of [["int8", 5], ["int4", 40]] as const) {
  Deno.test(`examples/documentation/quantized.ts takes less memory and stays near: ${dtype}`, async () => {
    const printed = await printedBy("quantized", ["tests/golden/ctc_adapter", RECORDING, dtype]);
    const match = /^(\w+): ([\d.]+) % of the memory, logits ([\d.]+) % off\n$/.exec(printed);
    assert(match !== null, printed);
    assertEquals(match[1], dtype);
    assert(Number(match[2]) < 100, printed);
    assert(Number(match[3]) > 0 && Number(match[3]) < mostPercent, printed);
  });
}

for (const backend of ["cpu", "webgpu"] as const) {
  Deno.test({
    name:
      `examples/documentation/half_precision.ts hears the same on ${backend}, or says that it cannot`,
    ignore: backend === "webgpu" && !await hasWebgpu(),
    async fn() {
      const checkpoint = "ctc_group"; // its text leaves no frame in doubt
      const inSingle = golden.find((row) => {
        return row.example === "pipeline" && row.checkpoint === checkpoint;
      })!;
      const args = [`tests/golden/${checkpoint}`, RECORDING, backend];
      const { code, printed, complaint } = await run("half_precision", args);
      if (code === 0) assertEquals(printed, `${inSingle.lines[0]}\nfloat16 on ${backend}\n`);
      else assertMatch(complaint, /Cannot compute in float16 as the \w+ backend's device does not/);
    },
  });
}

Deno.test("examples/documentation/configuration.ts prints fields that the file leaves out too", async () => {
  const folder = "tests/golden/bert_relative_key";
  const printed = await printedBy("configuration", [folder]);
  const file = JSON.parse(await Deno.readTextFile(join(ROOT, folder, "config.json")));
  assertMatch(printed, /^model_type: "wav2vec2-bert"$/m);
  assert(
    printed.includes(`\nfeature_projection_input_dim: ${file.feature_projection_input_dim}\n`),
  );
  assertEquals(file.problem_type, undefined);
  assertMatch(printed, /^problem_type: null$/m);
});

Deno.test("examples/documentation: each one is tested, and listed for readers", async () => {
  const files = await Array.fromAsync(Deno.readDir(join(ROOT, "examples/documentation")));
  const names = files.map(({ name }) => name.replace(/\.ts$/, ""));
  const tested = golden.map(({ example }) => example);
  tested.push("quantized", "half_precision", "configuration");
  assertEquals(names.toSorted(), [...new Set(tested)].toSorted());
  const readme = await Deno.readTextFile(join(ROOT, "examples/README.md"));
  assertEquals(names.filter((name) => !readme.includes(`(documentation/${name}.ts)`)), []);
});

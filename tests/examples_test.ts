/**
 * Every example runs.
 *
 * @module
 */
import { fromFileUrl, join } from "../src/std.ts";
import { assertEquals, assertMatch } from "./assert.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** Arguments of each example, and what it prints. */
const EXAMPLES: Readonly<Record<string, { args: readonly string[]; prints: RegExp }>> = {
  "stream_microphone.ts": {
    args: ["tests/golden/ctc_adapter", "tests/audio/fixtures/tools.s16"],
    prints: /^\S+( \S+)*\n/,
  },
  "two_speakers.ts": {
    args: ["tests/golden/ctc_adapter", "samples/harbour.wav", "samples/balloons.flac"],
    prints: /^ +\d+\.\d\d s {2}samples\/\S+: \S+.*\n/,
  },
  "who_speaks_when.ts": {
    args: [
      ...["tests/golden/ctc_adapter", "tests/golden/bert_frames", "samples/harbour.wav"],
      "tests/golden/bert_xvector",
    ],
    // what annotators say is in order for each of them, not between them
    prints:
      /^(?=[^]*0\.00 s {2}LABEL_0 begins\n[^]* s {2}LABEL_0 ends\n)[^]* s {2}a voice 1\.00 like the first\n/,
  },
  "transcribe_file.ts": {
    args: ["samples/harbour.wav", "tests/golden/ctc_adapter"],
    prints: /^ +\d+\.\d\d s {2}\S+ {2}\(\d+ %\)\n/,
  },
};

Deno.test("examples: each one is listed here", () => {
  const files = [...Deno.readDirSync(join(ROOT, "examples"))].map(({ name }) => name);
  assertEquals(files.filter((name) => name.endsWith(".ts")).sort(), Object.keys(EXAMPLES).sort());
});

for (const [name, { args, prints }] of Object.entries(EXAMPLES)) {
  Deno.test(`examples/${name} runs`, async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", join("examples", name), ...args],
      cwd: ROOT,
    }).output();
    const text = new TextDecoder();
    assertEquals(code, 0, text.decode(stderr));
    assertMatch(text.decode(stdout), prints);
  });
}

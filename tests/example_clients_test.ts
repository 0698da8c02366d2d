/**
 * Python's clients of the protocols we are compatible with, as `examples/clients/` shows them.
 *
 * @module
 */
import { assertEquals } from "./assert.ts";
import { fromFileUrl } from "../src/std.ts";
import { transcribe } from "../src/transcribe.ts";
import { MODEL, openServer, sampleSpeech } from "./server/server.ts";

const python = Deno.env.get("HUBCAP_CLIENTS_PYTHON");
const skipped = python === undefined
  ? " (skipped: HUBCAP_CLIENTS_PYTHON names no Python with openai, deepgram-sdk and websockets)"
  : "";
const KEY = "0123456789abcdef";
const FLAGS = {
  ...{ apiKeys: `tester:${KEY}`, hopMs: 10_000, rightMs: 1000, maxWindowMs: 30_000 },
};
const PROGRAMS = {
  "openai_file.py": "http",
  "deepgram_live.py": "http",
  "vosk_live.py": "ws",
};

const file = (path: string) => fromFileUrl(new URL(`../${path}`, import.meta.url));

async function run(program: string, args: string[], key: string) {
  const { code, stdout, stderr } = await new Deno.Command(python!, {
    args: [file(`examples/clients/${program}`), ...args],
    env: { HUBCAP_KEY: key },
  }).output();
  const text = new TextDecoder();
  return { code, said: text.decode(stdout).trim(), errors: text.decode(stderr) };
}

for (const [program, scheme] of Object.entries(PROGRAMS)) {
  Deno.test({
    name: `examples/clients/${program} gets the transcript of transcribe${skipped}`,
    ignore: python === undefined,
    fn: async () => {
      const { text } = await transcribe(await sampleSpeech(), { model: MODEL });
      await using server = await openServer(FLAGS);
      const url = server.url.replace("http", scheme);
      const args = [url, file("samples/harbour.wav")];
      const { code, said, errors } = await run(program, args, KEY);
      assertEquals(code, 0, errors);
      assertEquals(said.replaceAll("\n", " "), text);
      const refused = await run(program, args, "a key that is not one");
      assertEquals([refused.code, refused.said], [1, ""]);
    },
  });
}

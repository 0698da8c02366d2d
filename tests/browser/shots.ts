/**
 * Makes `docs/page-desktop.png` and `docs/page-phone.png`:
 * `deno run --allow-all tests/browser/shots.ts`. The model that comes with the project hears the
 * recordings in `samples/` through the browser's fake microphone.
 *
 * @module
 */
import { readSpeech } from "../../src/audio/decode.ts";
import { startServer } from "../../src/server/serve.ts";
import { fromFileUrl, join } from "../../src/std.ts";
import { concatBytes, s16le, wavFile } from "../audio/wav_file.ts";
import { openBrowser } from "./browser.ts";

const RATE_HZ = 16_000;
const DOCS = Deno.args[0] ?? fromFileUrl(new URL("../../docs/", import.meta.url));
const SAMPLES = fromFileUrl(new URL("../../samples/", import.meta.url));
const NAMES = ["harbour.wav", "weather.opus", "balloons.flac"];
const PAUSE_MS = 900;

const SHOTS = [
  { name: "page-desktop", width: 1280, height: 800, scale: 1.5, scheme: "light" },
  { name: "page-phone", width: 390, height: 800, scale: 2, scheme: "dark" },
] as const;

const SILENCE = new Uint8Array(2 * PAUSE_MS * RATE_HZ / 1000);

/** The recordings one after the other, as a file that Chromium takes for a microphone. */
async function microphone(): Promise<{ path: string; lengthMs: number }> {
  const parts: Uint8Array[] = [];
  for (const name of NAMES) {
    const samples = await readSpeech(join(SAMPLES, name), { sampleRateHz: RATE_HZ });
    parts.push(s16le(samples), SILENCE);
  }
  const data = concatBytes(parts);
  const path = await Deno.makeTempFile({ prefix: "hubcap-shots-", suffix: ".wav" });
  await Deno.writeFile(path, wavFile(data));
  return { path, lengthMs: data.length / 2 / RATE_HZ * 1000 };
}

const { path, lengthMs } = await microphone();
await using server = await startServer({ port: 0 });
await server.settled;
const browser = await openBrowser({ microphone: path });
for (const { name, width, height, scale, scheme } of SHOTS) {
  const page = await browser.newPage({
    viewport: { width, height },
    deviceScaleFactor: scale,
    colorScheme: scheme,
  });
  await page.goto(server.url);
  await page.waitForSelector("#samples:not([hidden])");
  if (Deno.args.length > 0) await page.screenshot({ path: `${DOCS}/${name}-start.png` });
  await page.click("#toggle");
  // to within the last recording: something is final then, and something is not
  await page.waitForTimeout(lengthMs - PAUSE_MS - 300);
  await page.screenshot({ path: `${DOCS}/${name}.png` });
  await page.close();
}
await browser.close();
await Deno.remove(path);

/**
 * Makes `docs/page-desktop.png` and `docs/page-phone.png`:
 * `deno run --allow-all tests/browser/shots.ts`. What is said comes from a script, and so would
 * the latency, which is therefore not shown.
 *
 * @module
 */
import { fromFileUrl } from "../../src/std.ts";
import { openBrowser } from "./browser.ts";
import { SCRIPT } from "./script.ts";
import { startScripted } from "./scripted_server.ts";

const DOCS = Deno.args[0] ?? fromFileUrl(new URL("../../docs/", import.meta.url));
const MICROPHONE = fromFileUrl(new URL("../../samples/harbour.wav", import.meta.url));
/** How long to speak before the picture, so that there is something to see. */
const SPOKEN_MS = 15_500;

const SHOTS = [
  { name: "page-desktop", width: 1280, height: 800, scale: 1.5, scheme: "light" },
  { name: "page-phone", width: 390, height: 800, scale: 2, scheme: "dark" },
] as const;

await using server = startScripted({ script: SCRIPT });
const browser = await openBrowser({ microphone: MICROPHONE });
for (const { name, width, height, scale, scheme } of SHOTS) {
  const page = await browser.newPage({
    viewport: { width, height },
    deviceScaleFactor: scale,
    colorScheme: scheme,
  });
  await page.addInitScript(() => localStorage.setItem("hubcap.settings", '{"latency":"off"}'));
  await page.goto(server.url);
  await page.waitForSelector("#samples:not([hidden])");
  if (Deno.args.length > 0) await page.screenshot({ path: `${DOCS}/${name}-start.png` });
  await page.click("#toggle");
  await page.waitForTimeout(SPOKEN_MS);
  await page.screenshot({ path: `${DOCS}/${name}.png` });
  await page.close();
}
await browser.close();

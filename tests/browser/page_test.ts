/// <reference lib="dom" />
/**
 * The page in a real browser: against a scripted server, whose words are known, and against ours.
 *
 * @module
 */
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { assert, assertEquals } from "../assert.ts";
import { fromFileUrl } from "../../src/std.ts";
import { openServer, s16le, sampleSpeech, START, TestClient, wordsOf } from "../server/server.ts";
import {
  type BrowserOptions,
  complaintsOf,
  finalWords,
  hasBrowser,
  openBrowser,
} from "./browser.ts";
import { scriptOf, startScripted } from "./scripted_server.ts";

const HARBOUR = fromFileUrl(new URL("../../samples/harbour.wav", import.meta.url));
const SCRIPT = scriptOf(["one two three", "four five six seven", "eight nine"]);
const SCRIPTED_WORDS = SCRIPT.map(({ text }) => text).filter(Boolean);
const ignore = !hasBrowser();

/** Runs a test with a browser of its own. */
function test(
  name: string,
  run: (browser: Browser) => Promise<void>,
  options: BrowserOptions = {},
): void {
  // The driver keeps a pipe of its own for the whole process.
  Deno.test({ name: `page: ${name}`, ignore, sanitizeOps: false, sanitizeResources: false, fn });
  async function fn(): Promise<void> {
    const browser = await openBrowser({ microphone: HARBOUR, ...options });
    try {
      await run(browser);
    } finally {
      await browser.close();
    }
  }
}

const state = (page: Page, name: string) => page.waitForSelector(`body[data-state="${name}"]`);
const asRecognised = (words: readonly string[]) => words.map((word) => word.toUpperCase());

test("the microphone's captions appear as guesses, grow, and become final", async (browser) => {
  await using server = startScripted({ script: SCRIPT });
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  await page.goto(server.url);
  await page.waitForFunction(() => /by a-script\./.test(document.body.innerText));
  await page.click("#toggle");
  await state(page, "live");
  await page.waitForSelector(".word.tentative");
  const seen: number[] = [];
  for (const count of [2, 4, 7]) {
    await page.waitForFunction(
      (n) => document.querySelectorAll(".word:not(.tentative)").length >= n,
      count,
    );
    seen.push((await finalWords(page)).length);
  }
  assertEquals(seen, seen.toSorted((a, b) => a - b));
  const kept = await page.locator(".word").first().elementHandle();
  assertEquals(
    await page.locator("#announcer").textContent().then((text) => /two/.test(text ?? "")),
    true,
  );
  await page.click("#toggle");
  await state(page, "ended");
  assertEquals(asRecognised(await finalWords(page)), SCRIPTED_WORDS);
  assertEquals(await page.locator(".utterance").count(), 3);
  assert(await kept!.evaluate((element) => element.isConnected), "a word's element was replaced");
  assertEquals(complaints, []);
});

test("a recording whose connection is cut arrives whole, and every word once", async (browser) => {
  await using server = startScripted({ script: SCRIPT });
  const page = await browser.newPage();
  await page.goto(server.url);
  await page.setInputFiles("#file", HARBOUR);
  for (const afterMs of [600, 900]) {
    await state(page, "live");
    await page.waitForTimeout(afterMs);
    server.cut();
  }
  await state(page, "ended");
  assertEquals(asRecognised(await finalWords(page)), SCRIPTED_WORDS);
  const [session] = server.sessions;
  const heard = session!.audio.flatMap((samples) => [...samples]);
  const expected = new Int16Array(s16le(await sampleSpeech()).buffer);
  assertEquals(heard.length, expected.length);
  const worst = heard.reduce(
    (most, sample, i) => Math.max(most, Math.abs(sample - expected[i]!)),
    0,
  );
  assert(worst <= 1, `samples differ by ${worst}`); // both round, not alike
});

test("a reader who comes late has all from the beginning, an overlay nothing behind it", async (browser) => {
  await using server = startScripted({ script: SCRIPT });
  const page = await browser.newPage();
  await page.goto(server.url);
  await page.click("#toggle");
  await page.waitForFunction(() => document.querySelectorAll(".word:not(.tentative)").length >= 4);
  await page.click("#open-share");
  const link = await page.inputValue("#viewer-link");
  const overlay = await page.inputValue("#overlay-link");
  assert(await page.locator("#qr path").count() === 1);
  const reader = await browser.newPage();
  await reader.goto(link);
  await state(reader, "live");
  const mixer = await browser.newPage();
  await mixer.goto(overlay);
  await mixer.waitForSelector(".word");
  const background = await mixer.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assertEquals(background, "rgba(0, 0, 0, 0)");
  await page.keyboard.press("Escape");
  await page.click("#toggle");
  await state(reader, "ended");
  assertEquals(asRecognised(await finalWords(reader)), SCRIPTED_WORDS);
  assertEquals(asRecognised(await finalWords(mixer)), SCRIPTED_WORDS);
});

test("our own server makes of a recording what it makes of its samples, cut or not", async (browser) => {
  await using server = await openServer({ logLevel: "error" });
  await using client = new TestClient(`${server.url}/v1/captions`);
  await client.opened;
  client.say(START);
  client.socket.send(s16le(await sampleSpeech()));
  client.say({ type: "end" });
  await client.closed;
  const expected = asRecognised(wordsOf(client.messages));
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  await page.addInitScript(keepSockets);
  await page.goto(server.url);
  await page.click("#samples button >> nth=0");
  for (const afterMs of [500, 800]) {
    await state(page, "live");
    await page.waitForTimeout(afterMs);
    await page.evaluate(cutSockets);
  }
  await state(page, "ended");
  assertEquals(asRecognised(await finalWords(page)), expected);
  await page.click("#open-settings");
  await page.selectOption("[name=speed]", "fast");
  await page.keyboard.press("Escape");
  await page.setInputFiles("#file", HARBOUR);
  await state(page, "connecting");
  await state(page, "ended");
  assertEquals(asRecognised(await finalWords(page)), expected);
  await page.click("#open-save");
  const saving = page.waitForEvent("download");
  await page.click("[data-format=txt]");
  const text = await Deno.readTextFile(await (await saving).path());
  assertEquals(asRecognised(text.split(/\s+/).filter(Boolean)), expected);
  assertEquals(complaints, []);
});

/** Runs in the page, before its modules. */
function keepSockets(): void {
  const Native = globalThis.WebSocket;
  const sockets: WebSocket[] = [];
  const Kept = class extends Native {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      sockets.push(this);
    }
  };
  Object.assign(globalThis, { WebSocket: Kept, sockets });
}

/** Runs in the page. */
function cutSockets(): void {
  const { sockets } = globalThis as unknown as { sockets: WebSocket[] };
  for (const socket of sockets) socket.close();
}

test("nobody is left without a reason: full, unknown key, gone", async (browser) => {
  await using server = startScripted({ script: SCRIPT, key: "a-key-of-the-test" });
  const page = await browser.newPage();
  await page.goto(server.url);
  await page.click("#toggle");
  await page.waitForSelector("#key[open]");
  server.options.refusal = { status: 503, code: "server_full", retryAfterSeconds: 2 };
  await page.fill("#key-input", "a-key-of-the-test");
  await page.keyboard.press("Enter");
  await state(page, "waiting");
  assert(/full.*again in 2 s/.test(await page.locator("#notice-text").textContent() ?? ""));
  server.options.refusal = undefined;
  await state(page, "live"); // by itself
  await page.goto(`${server.url}/#watch=00000000-0000-0000-0000-000000000000`);
  await page.waitForSelector("#notice:not([hidden])");
  assert(/not there/.test(await page.locator("#notice-text").textContent() ?? ""));
});

test("our own server says why it refuses: a key it wants, all sessions taken", async (browser) => {
  const key = "a-key-of-16-or-more";
  await using server = await openServer({ apiKeys: `me:${key}`, maxSessions: 1 });
  await using speaker = new TestClient(`${server.url}/v1/captions`, [
    "hubcap.v1",
    `hubcap.key.${key}`,
  ]);
  await speaker.opened;
  speaker.say(START);
  await speaker.get("hello");
  const page = await browser.newPage();
  await page.goto(server.url);
  await page.click("#toggle");
  await page.waitForSelector("#key[open]");
  await page.fill("#key-input", key);
  await page.keyboard.press("Enter");
  await state(page, "waiting");
  assert(/all its sessions are taken/.test(await page.locator("#notice-text").textContent() ?? ""));
  speaker.say({ type: "end" });
  await speaker.closed;
  await page.click("#notice-action");
  await state(page, "live");
});

test("a microphone that is refused is explained", async (browser) => {
  await using server = startScripted({ script: SCRIPT });
  const page = await browser.newPage();
  await page.goto(server.url);
  await page.click("#toggle");
  await page.waitForSelector("#notice:not([hidden])");
  assert(/blocked/.test(await page.locator("#notice-text").textContent() ?? ""));
}, { allowMicrophone: false });

test("axe finds nothing serious, in any theme, and no page is wider than its screen", async (browser) => {
  await using server = startScripted({ script: SCRIPT });
  for (const scheme of ["light", "dark"] as const) {
    const page = await browser.newPage({
      colorScheme: scheme,
      viewport: { width: 360, height: 700 },
    });
    await page.goto(server.url);
    await page.waitForSelector("#samples:not([hidden])");
    await checkAccess(page, `${scheme}, idle`);
    await page.click("#toggle");
    await page.waitForFunction(() =>
      document.querySelectorAll(".word:not(.tentative)").length >= 4
    );
    await checkAccess(page, `${scheme}, live`);
    for (const name of scheme === "light" ? ["settings", "share", "save"] : ["share"]) {
      await page.click(`#open-${name}`);
      await page.waitForSelector(`#${name}[open]`);
      await checkAccess(page, `${scheme}, ${name}`);
      await page.keyboard.press("Escape");
    }
    const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert(excess <= 0, `the page is ${excess} px too wide`);
    await page.close();
  }
});

async function checkAccess(page: Page, when: string): Promise<void> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      where: nodes.map(({ html }) => html),
    }));
  });
  assertEquals(found.filter(({ impact }) => impact !== "minor"), [], when);
}

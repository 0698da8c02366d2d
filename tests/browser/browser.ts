/**
 * Debian's Chromium with a microphone that plays a file.
 *
 * @module
 */
import { type Browser, chromium, type Page } from "playwright-core";

const PATH = Deno.env.get("HUBCAP_CHROMIUM") ?? "/usr/bin/chromium";

/** Whether there is a browser; where one is required, its absence is a failure. */
export function hasBrowser(): boolean {
  try {
    Deno.statSync(PATH);
    return true;
  } catch {
    if (Deno.env.get("HUBCAP_REQUIRE_BROWSER") === "1") {
      throw new Error(`Cannot test the page as there is no browser at ${PATH}`);
    }
    // deno-lint-ignore no-console
    console.warn(`The page is not tested: there is no browser at ${PATH}`);
    return false;
  }
}

/** Options of {@linkcode openBrowser}. */
export interface BrowserOptions {
  /** What the microphone hears, over and over. Without one, there is no microphone. */
  readonly microphone?: string;
  /** Whether a page may use it. @default {true} */
  readonly allowMicrophone?: boolean;
}

/** Starts a browser. */
export async function openBrowser(options: BrowserOptions = {}): Promise<Browser> {
  const { microphone, allowMicrophone = true } = options;
  return await chromium.launch({
    executablePath: PATH,
    headless: true,
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--mute-audio",
      "--autoplay-policy=no-user-gesture-required",
      ...(allowMicrophone ? ["--use-fake-ui-for-media-stream"] : ["--deny-permission-prompts"]),
      ...(microphone === undefined ? [] : [
        "--use-fake-device-for-media-stream",
        `--use-file-for-fake-audio-capture=${microphone}`,
      ]),
    ],
  });
}

/** All that the page says to the console in anger, and what it throws. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  return complaints;
}

/** The words that are final on the page, in order. */
export function finalWords(page: Page): Promise<string[]> {
  return page.locator(".word:not(.tentative)").allTextContents();
}

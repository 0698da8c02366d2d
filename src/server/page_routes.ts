/**
 * The caption page and the bundled samples it can play.
 *
 * @module
 */
import { extname, fromFileUrl, join } from "../std.ts";
import type { App } from "./app.ts";

/** Folders that are served, by the address they are served at. */
const FOLDERS = { "/": "web", "/samples/": "samples" } as const;

/** Types of the files in them; others are not served. */
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wav": "audio/wav",
  ".flac": "audio/flac",
  ".opus": "audio/ogg",
};

/**
 * Adds `/`, the page's files, and `/samples/`. What is served is what lies in the two folders when
 * the server starts: a request picks from that list and never names a file itself.
 */
export function pageRoutes(app: App): void {
  for (const [address, path] of pageFiles()) {
    const type = TYPES[extname(path)]!;
    app.get(address, async (c) => {
      const bytes = await Deno.readFile(path);
      return c.body(bytes, 200, { "content-type": type, "cache-control": "no-cache" });
    });
  }
}

function pageFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const [address, name] of Object.entries(FOLDERS)) {
    const folder = fromFileUrl(new URL(`../../${name}`, import.meta.url));
    for (const { name: file, isFile } of Deno.readDirSync(folder)) {
      if (isFile && extname(file) in TYPES) files.set(`${address}${file}`, join(folder, file));
    }
  }
  const index = files.get("/index.html");
  if (index !== undefined) files.set("/", index);
  return files;
}

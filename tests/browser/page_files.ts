/**
 * The page's files, and the bundled samples, as the server serves them, for a server of a script.
 *
 * @module
 */
import { extname, fromFileUrl } from "../../src/std.ts";

const ROOT = new URL("../../", import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wav": "audio/wav",
  ".flac": "audio/flac",
  ".opus": "audio/ogg",
};

/** What the page must live with. */
export const STRICT_CSP = "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; " +
  "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/** Answers a path with a file, or not. */
export async function pageFile(path: string): Promise<Response | undefined> {
  const name = path === "/"
    ? "web/index.html"
    : path.startsWith("/samples/")
    ? path.slice(1)
    : `web${path}`;
  const type = TYPES[extname(name)];
  if (type === undefined || name.includes("..")) return undefined;
  const body = await Deno.readFile(fromFileUrl(new URL(name, ROOT))).catch(() => undefined);
  if (body === undefined) return undefined;
  return new Response(body, {
    headers: { "content-type": type, "content-security-policy": STRICT_CSP },
  });
}

/**
 * The parts of Deno's standard library in use, with types (the npm packaging
 * of it has none).
 *
 * @module
 */
import * as path from "@std/path";

/** Joins path segments and normalises the result. */
export const join: (...segments: string[]) => string = path.join;
/** Last segment of a path, without `suffix` when it ends so. */
export const basename: (path: string, suffix?: string) => string = path.basename;
/** Everything but the last segment of a path. */
export const dirname: (path: string) => string = path.dirname;
/** Extension of a path, with its dot; empty when it has none. */
export const extname: (path: string) => string = path.extname;
/** Absolute form of a path. */
export const resolve: (...segments: string[]) => string = path.resolve;
/** Path from a `file:` URL. */
export const fromFileUrl: (url: string | URL) => string = path.fromFileUrl;

/**
 * Downloads that show how far they are and can be stopped.
 *
 * @module
 */
import type { ResolveOptions } from "../checkpoint/hub.ts";
import { byteSize } from "./byte_size.ts";
import type { Progress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** What a command gives to whatever downloads. */
export function downloadOptions(
  terminal: Terminal,
  progress: Progress,
): Required<Pick<ResolveOptions, "signal" | "onProgress" | "onNotice">> {
  return {
    signal: terminal.signal,
    onNotice: (notice) => {
      progress.clear();
      terminal.writeError(`${notice}\n`);
    },
    onProgress: ({ file, loadedBytes, totalBytes }) =>
      progress.show({
        label: file,
        fraction: totalBytes === undefined ? undefined : loadedBytes / totalBytes,
        detail: totalBytes === undefined
          ? byteSize(loadedBytes)
          : `${byteSize(loadedBytes)} of ${byteSize(totalBytes)}`,
      }),
  };
}

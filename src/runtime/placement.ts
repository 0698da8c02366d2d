/**
 * Which execution provider runs how many nodes, read from onnxruntime's log:
 * it is told nowhere else.
 *
 * @module
 */

const HEADING = /Node placements/;
const ALL_ON_ONE = /All nodes placed on \[(\w+)\]\. Number of nodes: (\d+)/;
const SOME = /Node\(s\) placed on \[(\w+)\]\. Number of nodes: (\d+)/;

/**
 * Counts nodes by execution provider.
 *
 * @param lines Log of one session's creation at the most talkative level.
 * @returns The counts, or `undefined` when the log says nothing of them.
 */
export function parsePlacement(lines: readonly string[]): Record<string, number> | undefined {
  const start = lines.findLastIndex((line) => HEADING.test(line));
  if (start < 0) return undefined;
  const counts: Record<string, number> = {};
  for (const line of lines.slice(start)) {
    const [, provider, count] = ALL_ON_ONE.exec(line) ?? SOME.exec(line) ?? [];
    if (provider) counts[provider] = Number(count);
  }
  return counts;
}

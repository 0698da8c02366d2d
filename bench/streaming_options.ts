/**
 * How streams are cut into windows: options that several benchmarks share.
 *
 * @module
 */
import type { OptionSpec } from "../src/cli/command.ts";
import { choicesOf, numbersOf } from "./bench_command.ts";
import type { Case } from "./record.ts";

/** Values of {@linkcode STREAMING_OPTIONS}. */
export interface StreamingValues {
  readonly hop?: string;
  readonly left?: string;
  readonly right?: string;
  readonly lead?: string;
  readonly normalization?: string;
}

const list = (
  name: string,
  { description, fallback }: { description: string; fallback: string },
): OptionSpec => ({
  name,
  description,
  value: { kind: "text", name: "list" },
  default: fallback,
});

/** Time between windows. */
export const HOP_OPTION: OptionSpec = list("hop", {
  description: "time between windows, ms",
  fallback: "400",
});
/** Context before. */
export const LEFT_OPTION: OptionSpec = list("left", {
  description: "context before, ms",
  fallback: "4000",
});
/** Context after. */
export const RIGHT_OPTION: OptionSpec = list("right", {
  description: "context after, ms",
  fallback: "600",
});
/** Silence before young streams. */
export const LEAD_OPTION: OptionSpec = list("lead", {
  description: "shortest window, silence before the stream making up what is lacking, ms",
  fallback: "as live streams have it, none in agreement",
});
/** What scales a waveform. */
const NORMALIZATION_OPTION: OptionSpec = list("normalization", {
  description: "what scales a waveform: window, running",
  fallback: "window",
});

/** All of them. */
export const STREAMING_OPTIONS: readonly OptionSpec[] = [
  HOP_OPTION,
  LEFT_OPTION,
  RIGHT_OPTION,
  LEAD_OPTION,
  NORMALIZATION_OPTION,
];

/** How windows are cut, and what scales them. */
export interface StreamingCase {
  readonly hopMs: number;
  readonly leftMs: number;
  readonly rightMs: number;
  readonly leadMs?: number;
  readonly normalization: "window" | "running";
}

/** The windows of a case, as records call them. */
export function windowFacts({ hopMs, leftMs, rightMs, leadMs }: StreamingCase): Case {
  return {
    ...{ "hop ms": hopMs, "left ms": leftMs, "right ms": rightMs },
    ...(leadMs === undefined ? {} : { "lead ms": leadMs }),
  };
}

/** Every combination that the options name. */
export function streamingCases(values: StreamingValues): StreamingCase[] {
  const { hop = "400", left = "4000", right = "600", normalization = "window", lead } = values;
  const leads = lead === undefined ? [{}] : numbersOf(lead, "lead").map((leadMs) => ({ leadMs }));
  const norms = choicesOf(normalization, {
    option: "normalization",
    choices: ["window", "running"] as const,
  });
  return norms.flatMap((normalization) =>
    numbersOf(left, "left").flatMap((leftMs) =>
      numbersOf(right, "right").flatMap((rightMs) =>
        numbersOf(hop, "hop").flatMap((hopMs) =>
          leads.map((lead) => ({ normalization, leftMs, rightMs, hopMs, ...lead }))
        )
      )
    )
  );
}

/**
 * Records to test with.
 *
 * @module
 */
import type { BenchRecord } from "../../bench/record.ts";

/** A record with a few of its fields. */
export function benchRecord(fields: Partial<BenchRecord>): BenchRecord {
  return {
    format: 1,
    bench: "test",
    case: {},
    measures: {},
    settings: {},
    machine: {
      date: "2026-01-01",
      cpu: "some",
      coreCount: 2,
      memoryGib: 8,
      os: "linux",
      deno: "2",
      onnxruntime: "1",
      hubcap: "0",
      commit: "unknown",
      load: 0,
    },
    ...fields,
  };
}

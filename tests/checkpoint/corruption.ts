/**
 * What every reader of weights must do with files that are damaged.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import fc from "../property.ts";
import type { WeightStore } from "../../src/checkpoint/weights.ts";
import { CheckpointError } from "../../src/errors.ts";
import { elementCount } from "../../src/tensor.ts";
import { assert, assertEquals } from "../assert.ts";
import { TemporaryFolder } from "./files.ts";
import { fixture } from "./fixtures.ts";

/** A sound file, and what reads it. */
export interface Format {
  /** Name of a fixture. */
  name: string;
  open: (path: string) => Promise<WeightStore>;
  /** Whether no change of a byte can go unseen. */
  hasChecksums: boolean;
}

/** Of the processor's time: on a busy machine the same work takes any time. */
const WORK_LIMIT_MS = 2000;

/** Processor time of this process so far, ms. */
function workedMs(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}

/** All that a file gives, or the error that refuses it. */
async function contentOf(
  path: string,
  open: (path: string) => Promise<WeightStore>,
): Promise<Map<string, Float32Array> | CheckpointError> {
  try {
    await using store = await open(path);
    const content = new Map<string, Float32Array>();
    for (const [name, { shape }] of store.tensors) {
      const values = await store.read(name);
      assertEquals(values.length, elementCount(shape));
      content.set(name, values);
    }
    return content;
  } catch (error) {
    assert(error instanceof CheckpointError, `${error}`);
    return error;
  }
}

/** Tests that a file with a changed byte, or cut short, is refused fast or read in full. */
export function testCorruption({ name, open, hasChecksums }: Format) {
  const original = Deno.readFileSync(fixture(name));

  Deno.test(`a changed byte in ${name} gives ${hasChecksums ? "the same or" : "values or"} a CheckpointError`, async () => {
    await using folder = new TemporaryFolder();
    const sound = await contentOf(fixture(name), open);
    const change = fc.record({
      position: fc.nat(original.length - 1),
      flip: fc.integer({ min: 1, max: 255 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ position, flip }) => {
        const bytes = original.slice();
        bytes[position]! ^= flip;
        const path = await folder.write("changed", bytes);
        const startMs = workedMs();
        const found = await contentOf(path, open);
        assert(workedMs() - startMs < WORK_LIMIT_MS);
        if (hasChecksums && found instanceof Map) assertEquals(found, sound);
      }),
      { numRuns: 400 },
    );
  });

  Deno.test(`${name} cut short anywhere is a CheckpointError`, async () => {
    await using folder = new TemporaryFolder();
    await fc.assert(
      fc.asyncProperty(fc.nat(original.length - 1), async (byteLength) => {
        const path = await folder.write("cut", original.slice(0, byteLength));
        const startMs = workedMs();
        const found = await contentOf(path, open);
        assert(workedMs() - startMs < WORK_LIMIT_MS);
        assert(found instanceof CheckpointError);
      }),
      { numRuns: 150 },
    );
  });
}

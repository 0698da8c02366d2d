/**
 * What every decoder yields.
 *
 * @module
 */

/** Samples gathered into one block: what may be decoded and not handed out while more is awaited. */
const BLOCK_SAMPLES = 1 << 11;

/** A stretch of decoded audio; blocks follow each other without gap. */
export interface AudioBlock {
  /** One array for each channel, all of one length, at least one sample. // [C][S] */
  channels: Float32Array[];
  /** Samples of each channel per second. May change from block to block in joined files. */
  sampleRateHz: number;
}

/** Joins blocks into fewer, larger ones. */
export async function* gather(
  blocks: AsyncIterable<AudioBlock> | Iterable<AudioBlock>,
): AsyncGenerator<AudioBlock> {
  let held: AudioBlock[] = [];
  let sampleCount = 0;
  for await (const block of blocks) {
    const [first] = held;
    if (
      first !== undefined &&
      (sampleCount >= BLOCK_SAMPLES || first.channels.length !== block.channels.length ||
        first.sampleRateHz !== block.sampleRateHz)
    ) {
      yield joinBlocks(held);
      [held, sampleCount] = [[], 0];
    }
    held.push(block);
    sampleCount += block.channels[0]!.length;
  }
  if (held.length > 0) yield joinBlocks(held);
}

function joinBlocks(blocks: readonly AudioBlock[]): AudioBlock {
  const { channels, sampleRateHz } = blocks[0]!;
  const sampleCount = blocks.reduce((sum, block) => sum + block.channels[0]!.length, 0);
  const joined = channels.map(() => new Float32Array(sampleCount));
  let at = 0;
  for (const block of blocks) {
    block.channels.forEach((samples, channel) => joined[channel]!.set(samples, at));
    at += block.channels[0]!.length;
  }
  return { channels: joined, sampleRateHz };
}

import type { Annotating, Annotation, AnnotationTrack } from "../src/annotation.ts";
import { AnnotationLane } from "../src/annotation_lane.ts";
import { assertEquals, assertStringIncludes } from "./assert.ts";

/** A stream that says each pushed number once it is run, and fails at NaN. */
class NumberTrack implements AnnotationTrack {
  readonly waiting: number[] = [];
  isEnded = false;
  get freeSamples() {
    return 3 - this.waiting.length;
  }
  get isDue() {
    return this.waiting.length > 0;
  }
  get isDone() {
    return this.isEnded && !this.isDue;
  }
  push(samples: Float32Array) {
    this.waiting.push(...samples);
  }
  utterance() {}
  settle() {}
  end() {
    this.isEnded = true;
  }
}

function numbers(runs: number[][], maxBatch = 2): Annotating<NumberTrack> {
  return {
    maxBatch,
    prepare: () => Promise.resolve(),
    open: () => new NumberTrack(),
    run: async (tracks) => {
      const batch = tracks.map(({ waiting }) => waiting[0]!);
      runs.push(batch);
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (batch.some(Number.isNaN)) throw new RangeError(`a bad number in ${batch}`);
      return tracks.map((track) => {
        const startSample = track.waiting.shift()!;
        return [{ kind: "labels", startSample, endSample: startSample, scores: [] }];
      });
    },
  };
}

/** Opens streams in a lane, and takes down what is said of each. */
function openAll(lane: AnnotationLane<NumberTrack>, count: number) {
  const idle = Promise.withResolvers<void>();
  const streams = Array.from({ length: count }, () => {
    const said: Annotation[] = [];
    let isOver = false;
    const track = lane.open({
      say: (annotation) => said.push(annotation),
      moved: () => {
        isOver = track.isDone;
        if (streams.every((stream) => stream.isOver())) idle.resolve();
      },
    }, { lagSamples: 0 });
    const numbersSaid = () => said.map((it) => it.kind === "labels" ? it.startSample : it.kind);
    return { track, said, numbersSaid, isOver: () => isOver };
  });
  return { streams, idle: idle.promise };
}

Deno.test("AnnotationLane serves streams in turn, one run at a time", async () => {
  const runs: number[][] = [];
  const lane = new AnnotationLane(numbers(runs));
  const { streams, idle } = openAll(lane, 3);
  streams.forEach(({ track }, i) => {
    track.push(Float32Array.of(10 * i + 1, 10 * i + 2, 10 * i + 3));
    assertEquals(track.freeSamples, 0);
    track.end();
  });
  await idle;
  assertEquals(runs, [[1, 11], [21, 2], [12, 22], [3, 13], [23]]);
  assertEquals(streams.map(({ numbersSaid }) => numbersSaid()), [[1, 2, 3], [11, 12, 13], [
    21,
    22,
    23,
  ]]);
});

Deno.test("AnnotationLane: who fails alone is left out, the others go on", async () => {
  const runs: number[][] = [];
  const lane = new AnnotationLane(numbers(runs));
  const { streams, idle } = openAll(lane, 2);
  streams[0]!.track.push(Float32Array.of(1, NaN, 2));
  streams[1]!.track.push(Float32Array.of(5, 6, 7));
  streams.forEach(({ track }) => track.end());
  await idle;
  assertEquals(runs, [[1, 5], [NaN, 6], [NaN], [6], [7]]);
  assertEquals(streams.map(({ numbersSaid }) => numbersSaid()), [[1, "failure"], [5, 6, 7]]);
  const failure = streams[0]!.said.at(-1)!;
  assertStringIncludes(`${failure.kind === "failure" && failure.error}`, "a bad number");
  assertEquals(streams[0]!.track.freeSamples, Infinity, "nobody waits for it");
});

Deno.test("AnnotationLane: what is pushed after it has become idle is served too", async () => {
  const runs: number[][] = [];
  const lane = new AnnotationLane(numbers(runs));
  const moves: number[] = [];
  const track = lane.open({
    say: () => {},
    moved: () => {
      moves.push(track.freeSamples);
      // in the last step of a run: the lane is not idle yet
      if (moves.length < 4) track.push(Float32Array.of(moves.length));
    },
  }, { lagSamples: 0 });
  track.push(Float32Array.of(0));
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(runs, [[0], [1], [2], [3]]);
  track.push(Float32Array.of(9));
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(runs.at(-1), [9]);
  track.close();
  track.push(Float32Array.of(8));
  track.close();
  assertEquals(track.isDone, true);
});

Deno.test("AnnotationLane: a stream is not done before its last words are said", async () => {
  const { run, ...rest } = numbers([]);
  const seen: [boolean, number][] = [];
  const said: Annotation[] = [];
  const watch = () => seen.push([track.isDone, said.length]);
  const lane = new AnnotationLane({
    ...rest,
    run: async (tracks) => {
      const said = await run(tracks);
      watch(); // the track has nothing left, but its words are on their way
      return said;
    },
  });
  const over = Promise.withResolvers<void>();
  const moved = () => {
    watch();
    if (said.length === 2) over.resolve();
  };
  const track = lane.open({ say: (it) => said.push(it), moved }, { lagSamples: 0 });
  track.push(Float32Array.of(1, 2));
  track.end();
  await over.promise;
  assertEquals(seen, [[false, 0], [false, 1], [false, 1], [true, 2]]);
});

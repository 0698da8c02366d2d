/**
 * Who speaks when: frames of a stream through a classifier of frames, in the same windows as
 * captions, to starts and ends of activity.
 *
 * @module
 */
import type { Annotating, Annotation, AnnotationTrack } from "./annotation.ts";
import {
  ACTIVITY_START,
  type ActivityOptions,
  type ActivityPolicy,
  activityPolicy,
  type ActivityState,
  advanceActivity,
  flushActivity,
} from "./caption/activity.ts";
import { frameProbabilities } from "./model/head_scores.ts";
import type { Window } from "./schedule/planner.ts";
import type { SpeechModel } from "./speech_model.ts";
import {
  type EncodedWindow,
  type EncodeJob,
  type StreamMemory,
  WindowEncoder,
} from "./window_encoder.ts";
import { WindowFeed, type WindowFeedOptions } from "./window_feed.ts";

/** How a classifier of frames annotates. */
export interface ActivityAnnotationOptions extends WindowFeedOptions, ActivityOptions {}

/** A window to classify. */
interface ActivityJob extends EncodeJob {
  readonly window: Window;
}

/** One stream, as a classifier of frames hears it. */
class ActivityTrack implements AnnotationTrack {
  readonly #feed: WindowFeed;
  readonly #policy: ActivityPolicy;
  #memory: StreamMemory;
  #activity: ActivityState = ACTIVITY_START;
  /** Whether what is active at the end is told. */
  #isFlushed = false;

  constructor(feed: WindowFeed, policy: ActivityPolicy, memory: StreamMemory) {
    this.#feed = feed;
    this.#policy = policy;
    this.#memory = memory;
  }

  get freeSamples(): number {
    return this.#feed.freeSamples;
  }

  get isDue(): boolean {
    const { kind } = this.#feed.plan();
    return kind === "window" || (kind === "done" && !this.#isFlushed);
  }

  get isDone(): boolean {
    return this.#isFlushed;
  }

  push(samples: Float32Array): void {
    this.#feed.push(samples);
  }

  utterance(): void {} // it hears everything

  settle(): void {}

  end(): void {
    this.#feed.end();
  }

  /** The next window, if one is left. */
  job(): ActivityJob | undefined {
    const plan = this.#feed.plan();
    if (plan.kind !== "window") return undefined;
    return { window: plan.window, samples: this.#feed.read(plan.window), memory: this.#memory };
  }

  accept({ window }: ActivityJob, { logits, memory }: EncodedWindow): Annotation[] {
    const { startFrame, commitStartFrame, commitEndFrame } = window;
    const { labels } = this.#policy;
    const data = logits.subarray(
      (commitStartFrame - startFrame) * labels.length,
      (commitEndFrame - startFrame) * labels.length,
    );
    const { data: probabilities } = frameProbabilities({ data, shape: [data.length] });
    const frames = { startFrame: commitStartFrame, probabilities };
    const step = advanceActivity(this.#activity, frames, this.#policy);
    this.#memory = memory;
    this.#feed.commit(window);
    this.#activity = step.state;
    return step.events;
  }

  /** Ends what is active, at the end. */
  flush(): Annotation[] {
    if (this.#feed.plan().kind !== "done") return [];
    const { state, events } = flushActivity(this.#activity, this.#policy);
    this.#activity = state;
    this.#isFlushed = true;
    return events;
  }
}

/** Annotates with a classifier of frames. */
export function annotateActivity(
  model: SpeechModel<"frame-classification">,
  options: ActivityAnnotationOptions = {},
): Annotating<ActivityTrack> {
  const { geometry, sampleRateHz, config } = model;
  const maxWindowMs = Math.min(options.maxWindowMs ?? 12_000, model.maxInputMs);
  const all = { ...options, maxWindowMs, sampleRateHz };
  const policy = activityPolicy(Object.values(config.id2label), geometry, all);
  const encoder = new WindowEncoder(model, { isShared: true });
  const open = () => new ActivityTrack(new WindowFeed(geometry, all), policy, encoder.open());
  open(); // lengths that do not fit together are told of at once
  return {
    maxBatch: 16,
    prepare: () => encoder.prepare(),
    open,
    run: async (tracks) => {
      const jobs = tracks.map((track) => track.job());
      const windows = jobs.filter((job) => job !== undefined);
      const encoded = windows.length > 0 ? await encoder.encode(windows) : [];
      return tracks.map((track, i) => {
        const job = jobs[i];
        const events = job === undefined ? [] : track.accept(job, encoded.shift()!);
        return [...events, ...track.flush()];
      });
    },
  };
}

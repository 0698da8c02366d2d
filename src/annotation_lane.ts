/**
 * One annotator's work on all its streams: one run at a time, the streams in turn. It waits for
 * nobody and nobody waits for it, but for a stream whose buffer is full.
 *
 * @module
 */
import type { Annotating, Annotation, AnnotationTrack } from "./annotation.ts";

/** What a lane tells of a stream. */
export interface LaneHost {
  /** The annotator said something. */
  readonly say: (annotation: Annotation) => void;
  /** There may be room, or all may be said. */
  readonly moved: () => void;
}

/** One stream in a lane. */
export interface LaneTrack extends Omit<AnnotationTrack, "isDue"> {
  /** Leaves the lane; nothing more is said. Idempotent. */
  close(): void;
}

/** Runs what is due of many streams. */
export class AnnotationLane<T extends AnnotationTrack> {
  readonly #annotating: Annotating<T>;
  /** Those served longest ago first. */
  readonly #tracks = new Map<T, LaneHost>();
  /** Those in the run. */
  #served: readonly T[] = [];
  #isRunning = false;

  /** @param annotating What is run. */
  constructor(annotating: Annotating<T>) {
    this.#annotating = annotating;
  }

  /** Loads what is run, so that the first run does not wait for it. */
  prepare(): Promise<void> {
    return this.#annotating.prepare();
  }

  /** Begins a stream. */
  open(host: LaneHost, options: { readonly lagSamples: number }): LaneTrack {
    const track = this.#annotating.open(options);
    this.#tracks.set(track, host);
    const isOpen = () => this.#tracks.has(track);
    const isServed = () => this.#served.includes(track);
    const then = (change: () => void) => {
      if (!isOpen()) return;
      change();
      this.#wake();
    };
    return {
      get freeSamples() {
        return isOpen() ? track.freeSamples : Infinity;
      },
      get isDone() {
        return !isOpen() || (track.isDone && !isServed());
      },
      push: (samples) => then(() => track.push(samples)),
      utterance: (span) => then(() => track.utterance(span)),
      settle: (at) => then(() => track.settle(at)),
      end: () => then(() => track.end()),
      close: () => void this.#tracks.delete(track),
    };
  }

  /** Says of every stream that the annotator failed. */
  fail(error: unknown): void {
    for (const track of [...this.#tracks.keys()]) this.#failTrack(track, error);
  }

  #wake(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#run();
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // let everything that is pushed together be seen together
    for (let due = this.#due(); due.length > 0; due = this.#due()) {
      this.#served = due;
      await this.#serve(due);
    }
    this.#isRunning = false;
  }

  #due(): T[] {
    const due = [...this.#tracks.keys()].filter(({ isDue }) => isDue);
    return due.slice(0, this.#annotating.maxBatch);
  }

  /** What fails together is tried once more alone: it may be one stream that fails. */
  async #serve(tracks: readonly T[], { isLast = false } = {}): Promise<void> {
    try {
      const said = await this.#annotating.run(tracks);
      tracks.forEach((track, i) => this.#say(track, said[i]!));
    } catch (error) {
      if (isLast) tracks.forEach((track) => this.#failTrack(track, error));
      else for (const track of tracks) await this.#serve([track], { isLast: true });
    }
  }

  #say(track: T, said: readonly Annotation[]): void {
    const host = this.#tracks.get(track);
    if (host === undefined) return; // it left meanwhile
    this.#tracks.delete(track);
    this.#tracks.set(track, host); // its turn comes after the others'
    said.forEach(host.say);
    this.#leave(track, host);
  }

  #failTrack(track: T, error: unknown): void {
    const host = this.#tracks.get(track);
    if (!this.#tracks.delete(track)) return;
    host!.say({ kind: "failure", error });
    this.#leave(track, host!);
  }

  /** What a run made of a stream is said now, and not before. */
  #leave(track: T, { moved }: LaneHost): void {
    this.#served = this.#served.filter((served) => served !== track);
    moved();
  }
}

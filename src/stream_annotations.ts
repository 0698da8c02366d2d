/**
 * All annotators of one stream.
 *
 * @module
 */
import type { Annotation } from "./annotation.ts";
import type { LaneTrack } from "./annotation_lane.ts";
import type { Annotator } from "./annotator.ts";
import type { EndpointEvent } from "./caption/endpoint.ts";

/** Something an annotator says of a stream. */
export interface AnnotationEvent {
  /** What kind of event it is. */
  readonly kind: "annotation";
  /** The annotator's name. */
  readonly annotator: string;
  /** What it says. */
  readonly annotation: Annotation;
}

/** What the annotators need of their stream. */
export interface AnnotatedStream {
  /** Rate of its samples, Hz. */
  readonly sampleRateHz: number;
  /** Most samples by which its captions may be behind. */
  readonly lagSamples: number;
  /** Tells its reader. */
  readonly tell: (event: AnnotationEvent) => void;
  /** There may be room, or all may be said. */
  readonly moved: () => void;
}

/** Passes a stream on to its annotators. */
export class StreamAnnotations {
  readonly #tracks: readonly LaneTrack[];
  /** Where the utterance that goes on began. */
  #utteranceSample: number | undefined;

  /**
   * Opens the annotators.
   *
   * @throws {RangeError} If one takes audio of another rate, or two have one name.
   */
  constructor(annotators: readonly Annotator[], stream: AnnotatedStream) {
    requireAnnotators(annotators, stream.sampleRateHz);
    const { lagSamples, moved } = stream;
    this.#tracks = annotators.map((annotator) => {
      const say = (annotation: Annotation) =>
        stream.tell({ kind: "annotation", annotator: annotator.name, annotation });
      return annotator.open({ say, moved }, { lagSamples });
    });
  }

  /** Samples that can be pushed now. */
  get freeSamples(): number {
    return Math.min(...this.#tracks.map(({ freeSamples }) => freeSamples));
  }

  /** Whether all is said. */
  get isDone(): boolean {
    return this.#tracks.every(({ isDone }) => isDone);
  }

  /** Takes samples that follow; at most `freeSamples`. // [S] */
  push(samples: Float32Array): void {
    for (const track of this.#tracks) track.push(samples);
  }

  /** Hears where utterances begin and end. */
  hear(event: EndpointEvent): void {
    this.#utteranceSample = event.kind === "speechStart" ? event.startSample : undefined;
    if (event.kind === "speechStart") return;
    const { startSample, endSample } = event;
    for (const track of this.#tracks) track.utterance({ startSample, endSample });
  }

  /** Hears where the first frame begins that the captions have not committed. */
  settle(committedSample: number): void {
    const startSample = this.#utteranceSample ?? committedSample;
    for (const track of this.#tracks) track.settle({ startSample, committedSample });
  }

  /** Hears that nothing follows. */
  end(): void {
    for (const track of this.#tracks) track.end();
  }

  /** Leaves the annotators. Idempotent. */
  close(): void {
    for (const track of this.#tracks) track.close();
  }
}

export function requireAnnotators(annotators: readonly Annotator[], sampleRateHz: number): void {
  const names = new Set<string>();
  for (const { name, model } of annotators) {
    if (model.sampleRateHz !== sampleRateHz) {
      throw new RangeError(
        `Cannot annotate with "${name}" as it takes audio of ${model.sampleRateHz} Hz: the captions' model takes ${sampleRateHz} Hz`,
      );
    }
    if (names.has(name)) {
      throw new RangeError(
        `Cannot annotate with two annotators of the name "${name}": give each its own`,
      );
    }
    names.add(name);
  }
}

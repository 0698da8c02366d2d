/**
 * A second opinion on the audio of streams: who speaks when, whose voice an utterance is, what kind
 * of speech it is. Its model runs beside that of the captions.
 *
 * @module
 */
import { type ActivityAnnotationOptions, annotateActivity } from "./activity_annotation.ts";
import type { AnnotationTrack } from "./annotation.ts";
import { AnnotationLane, type LaneHost, type LaneTrack } from "./annotation_lane.ts";
import { loadModel, type LoadModelOptions } from "./load_model.ts";
import type { Task } from "./model/config.ts";
import { annotateSpans, type SpanModel, type SpanOptions } from "./span_annotation.ts";
import type { SpeechModel } from "./speech_model.ts";

/** Options of an {@linkcode Annotator}. */
export interface AnnotatorOptions {
  /** Its name in events. @default {the model's task} */
  readonly name?: string;
  /** Of a model of frame classification: its windows, and when a label counts as active. */
  readonly activity?: ActivityAnnotationOptions;
  /** Of a model of sequence classification or of speaker vectors: which stretches it hears. */
  readonly spans?: SpanOptions;
}

/** What annotators are for. */
export type AnnotatorTask = Extract<
  Task,
  "frame-classification" | "sequence-classification" | "x-vector"
>;

type Lane = Pick<AnnotationLane<AnnotationTrack>, "prepare" | "open" | "fail">;

/**
 * Annotates the streams it is given to (`annotators` of `CaptionEngine.open`), each in events of
 * kind `annotation`:
 *
 * - a model of frame classification says when each label starts and ends (`activityStart`,
 *   `activityEnd`): who speaks when;
 * - one of speaker vectors gives an `embedding` for each utterance;
 * - one of sequence classification gives the `labels` of each utterance, or of fixed stretches:
 *   keyword, emotion, language.
 *
 * Captions do not wait for it, unless it falls behind by as much as its buffers hold; if it fails
 * they go on without it. All streams share it.
 *
 * @example
 * ```ts
 * import { Annotator } from "./annotator.ts";
 * import { CaptionEngine } from "./engine.ts";
 * import { readSpeech } from "./audio/decode.ts";
 * import { fromFileUrl } from "./std.ts";
 * import { assertEquals } from "../tests/assert.ts";
 *
 * const file = (path: string) => fromFileUrl(new URL(path, import.meta.url));
 * await using emotion = await Annotator.load(file("../tests/golden/classify_weighted"), {
 *   name: "emotion",
 *   spans: { over: { spanMs: 1000 } },
 * });
 * await using engine = await CaptionEngine.load(file("../tests/golden/ctc_adapter"));
 * await using stream = engine.open({ annotators: [emotion] });
 * stream.push(await readSpeech(file("../samples/harbour.wav"))); // 2.5 seconds
 * stream.end();
 * const starts: number[] = [];
 * for await (const event of stream) {
 *   if (event.kind !== "annotation" || event.annotation.kind !== "labels") continue;
 *   starts.push(event.annotation.startSample);
 * }
 * assertEquals(starts, [0, 16_000, 32_000]);
 * ```
 */
export class Annotator implements AsyncDisposable {
  /** Its name in events. */
  readonly name: string;
  /** Its model. */
  readonly model: SpeechModel<AnnotatorTask>;
  readonly #lane: Lane;

  /**
   * Makes an annotator.
   *
   * @param model The model; the annotator owns it from here on.
   * @param options Its name, and what it listens to.
   * @throws {TypeError} If the model's task is not to annotate, or options are those of another task.
   * @throws {RangeError} If an option is out of range.
   */
  constructor(model: SpeechModel, options: AnnotatorOptions = {}) {
    const { name = model.task } = options;
    this.name = name;
    this.model = model as SpeechModel<AnnotatorTask>;
    this.#lane = laneOf(model, options);
  }

  /**
   * Loads a model that annotates.
   *
   * @param source A folder, or `owner/name[@revision]` on the hub.
   * @param options What `loadModel` takes, and the annotator's own.
   */
  static async load(
    source: string,
    options: AnnotatorOptions & Omit<LoadModelOptions<AnnotatorTask>, "parts"> = {},
  ): Promise<Annotator> {
    const model = await loadModel(source, { ...options, parts: [] });
    try {
      const annotator = new Annotator(model, options);
      await annotator.#lane.prepare();
      return annotator;
    } catch (error) {
      await model[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** @internal Begins a stream. */
  open(host: LaneHost, options: { readonly lagSamples: number }): LaneTrack {
    return this.#lane.open(host, options);
  }

  /** Ends the model; streams hear of it as of a failure. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#lane.fail(new TypeError(`Cannot annotate as "${this.name}" is closed`));
    await this.model[Symbol.asyncDispose]();
  }
}

function laneOf(model: SpeechModel, options: AnnotatorOptions): Lane {
  const { task, source } = model;
  if (task === "ctc" || task === "base") {
    throw new TypeError(
      `Cannot annotate with ${source} as its task is "${task}": it must be "frame-classification", "sequence-classification" or "x-vector"`,
    );
  }
  const foreign = task === "frame-classification" ? "spans" : "activity";
  if (options[foreign] !== undefined) {
    throw new TypeError(
      `Cannot annotate with ${source} as option ${foreign} is not for its task, "${task}"`,
    );
  }
  return task === "frame-classification"
    ? new AnnotationLane(annotateActivity(model as SpeechModel<typeof task>, options.activity))
    : new AnnotationLane(annotateSpans(model as SpanModel, options.spans));
}

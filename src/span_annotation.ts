/**
 * What a whole stretch of audio is, utterance by utterance or at fixed times: its classes, or whose
 * voice it is. Each stretch is run by itself, so it says what the model says of it offline.
 *
 * @module
 */
import type {
  Annotating,
  Annotation,
  AnnotationTrack,
  CaptionProgress,
  Span,
} from "./annotation.ts";
import { RingBuffer } from "./audio/ring_buffer.ts";
import type { LogitsOutput, XVectorOutput } from "./model/forward.ts";
import { labelScores } from "./model/head_scores.ts";
import type { SpeechModel } from "./speech_model.ts";
import { msToSamples, samplesToMs } from "./units.ts";

/** Which stretches of a stream are annotated. */
export interface SpanOptions {
  /**
   * Utterances, as the endpoint rules of the captions find them, or stretches of `spanMs` that
   * begin every `hopMs`, the last one ending with the stream. What is shorter than the model takes
   * is left out.
   *
   * @default {"utterances"}
   */
  readonly over?: "utterances" | FixedSpans;
  /** Longest utterance to take whole; of a longer one its end is taken. @default {20000} */
  readonly maxSpanMs?: number;
}

/** Stretches at fixed times. */
export interface FixedSpans {
  /** Length of each. */
  readonly spanMs: number;
  /** Time from the beginning of one to that of the next. @default {spanMs} */
  readonly hopMs?: number;
}

/** The same in samples. */
interface SpanPolicy {
  /** Of fixed stretches: from the beginning of one to that of the next. */
  readonly hopSamples: number | undefined;
  /** Shortest stretch the model takes. */
  readonly leastSamples: number;
  /** Longest stretch. */
  readonly maxSamples: number;
}

/** One stream, as a model of whole stretches hears it. */
class SpanTrack implements AnnotationTrack {
  readonly #policy: SpanPolicy;
  readonly #ring: RingBuffer;
  readonly #waiting: Span[] = [];
  /** Where the next stretch begins at the earliest. */
  #neededSample = 0;
  /** Where the next fixed stretch begins. */
  #nextSample = 0;
  #isEnded = false;

  constructor(policy: SpanPolicy, lagSamples: number) {
    this.#policy = policy;
    this.#ring = new RingBuffer(policy.maxSamples + lagSamples);
  }

  get freeSamples(): number {
    return this.#ring.freeSamples;
  }

  get isDue(): boolean {
    return this.#waiting.length > 0;
  }

  get isDone(): boolean {
    return this.#isEnded && !this.isDue;
  }

  push(samples: Float32Array): void {
    this.#ring.push(samples);
    const { hopSamples, maxSamples } = this.#policy;
    if (hopSamples === undefined) return;
    while (this.#nextSample + maxSamples <= this.#ring.endSample) {
      this.#hear({ startSample: this.#nextSample, endSample: this.#nextSample + maxSamples });
      this.#nextSample += hopSamples;
    }
    this.#need(this.#nextSample);
  }

  utterance(span: Span): void {
    if (this.#policy.hopSamples === undefined) this.#hear(span);
  }

  settle({ startSample, committedSample }: CaptionProgress): void {
    if (this.#policy.hopSamples !== undefined) return;
    this.#need(Math.max(startSample, committedSample - this.#policy.maxSamples));
  }

  end(): void {
    const { endSample } = this.#ring;
    const { hopSamples, maxSamples } = this.#policy;
    const coveredSample = this.#nextSample - (hopSamples ?? 0) + maxSamples; // by the last fixed one
    const isCovered = this.#nextSample > 0 && coveredSample >= endSample;
    if (hopSamples !== undefined && !isCovered) {
      this.#hear({ startSample: this.#nextSample, endSample });
    }
    this.#isEnded = true;
  }

  #need(startSample: number): void {
    this.#neededSample = startSample;
    this.#forget();
  }

  /** Forgets what neither stretches that wait nor those to come hold. */
  #forget(): void {
    const { startSample } = this.#waiting[0] ?? { startSample: Infinity };
    const { endSample } = this.#ring;
    this.#ring.forgetBefore(Math.min(startSample, this.#neededSample, endSample));
  }

  #hear({ startSample, endSample }: Span): void {
    const { leastSamples, maxSamples } = this.#policy;
    const to = Math.min(endSample, this.#ring.endSample); // its last frame may not be full
    const from = Math.max(startSample, to - maxSamples, this.#ring.startSample);
    if (to - from >= leastSamples) this.#waiting.push({ startSample: from, endSample: to });
  }

  /** The stretch that waits longest, and its samples. [S] */
  get next(): { span: Span; samples: Float32Array } {
    const span = this.#waiting[0]!;
    return { span, samples: this.#ring.read(span.startSample, span.endSample) };
  }

  /** Says that it was run. */
  shift(): void {
    this.#waiting.shift();
    this.#forget();
  }
}

/** What annotates whole stretches. */
export type SpanModel = SpeechModel<"sequence-classification"> | SpeechModel<"x-vector">;

/** Annotates with a classifier of whole inputs, or a model of speaker vectors. */
export function annotateSpans(
  model: SpanModel,
  options: SpanOptions = {},
): Annotating<SpanTrack> {
  const policy = spanPolicy(model, options);
  return {
    maxBatch: 1, // padding would change what models without a mask say
    prepare: async () => {
      await model.forward(model.prepare([new Float32Array(policy.leastSamples)]));
    },
    open: ({ lagSamples }) => new SpanTrack(policy, lagSamples),
    run: async ([track]) => {
      const annotation = await annotate(model, track!.next);
      track!.shift();
      return [[annotation]];
    },
  };
}

async function annotate(
  model: SpanModel,
  { span, samples }: SpanTrack["next"],
): Promise<Annotation> {
  const { logits, embeddings } = await model.forward(model.prepare([samples])) as
    & LogitsOutput
    & Partial<XVectorOutput>;
  return embeddings === undefined
    ? { kind: "labels", ...span, scores: labelScores(logits, model.config)[0]! }
    : { kind: "embedding", ...span, embedding: embeddings.data.slice() };
}

/** Longest stretch; attention takes memory by its square. */
const MAX_SPAN_MS = 60_000;

function spanPolicy(
  { sampleRateHz, leastSamples, maxInputMs }: SpanModel,
  { over = "utterances", maxSpanMs = 20_000 }: SpanOptions,
): SpanPolicy {
  const isFixed = over !== "utterances";
  const limitMs = Math.min(maxInputMs, MAX_SPAN_MS);
  const spanMs = isFixed ? over.spanMs : Math.min(maxSpanMs, limitMs);
  const maxSamples = msToSamples(spanMs, sampleRateHz);
  if (!(maxSamples >= leastSamples && spanMs <= limitMs)) {
    throw new RangeError(
      `Cannot annotate as ${isFixed ? "spanMs" : "maxSpanMs"} must be from ${
        Math.ceil(samplesToMs(leastSamples, sampleRateHz))
      } to ${limitMs}, what the model takes: ${spanMs}`,
    );
  }
  if (!isFixed) return { hopSamples: undefined, leastSamples, maxSamples };
  const { hopMs = spanMs } = over;
  const hopSamples = msToSamples(hopMs, sampleRateHz);
  if (hopSamples >= 1 && hopSamples < Infinity) return { hopSamples, leastSamples, maxSamples };
  throw new RangeError(`Cannot annotate as hopMs must be above 0 and finite: ${hopMs}`);
}

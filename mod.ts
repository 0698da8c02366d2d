/**
 * Speech recognition with HuBERT, wav2vec 2.0 and Wav2Vec2-BERT checkpoints as they are: a
 * folder or a name on the hub becomes a graph built in TypeScript, run by ONNX
 * Runtime on WebGPU, WebAssembly or the CPU.
 *
 * ```ts
 * import { transcribe } from "./mod.ts";
 *
 * const folder = new URL("tests/golden/ctc_adapter", import.meta.url).pathname;
 * const sample = new URL("samples/harbour.wav", import.meta.url).pathname;
 * const { words } = await transcribe(sample, {
 *   model: folder, // or "facebook/hubert-large-ls960-ft"
 * });
 * for (const { text, startSample } of words) console.log(startSample / 16_000, text);
 * ```
 *
 * @module
 */
// the verbs
export * from "./src/annotator.ts";
export * from "./src/default_model.ts";
export * from "./src/describe_model.ts";
export * from "./src/engine.ts";
export * from "./src/load_model.ts";
export * from "./src/transcribe.ts";

// what they take and give
export * from "./src/audio/decode.ts";
export * from "./src/errors.ts";
export * from "./src/event_queue.ts";
export * from "./src/export_model.ts";
export * from "./src/geometry.ts";
export * from "./src/language_model.ts";
export * from "./src/model/head_scores.ts";
export * from "./src/speech_model.ts";
export * from "./src/stream.ts";
export * from "./src/tensor.ts";
export type { ActivityAnnotationOptions } from "./src/activity_annotation.ts";
export type {
  Annotation,
  AnnotatorFailure,
  Span,
  SpanEmbedding,
  SpanLabels,
} from "./src/annotation.ts";
export type { ActivityEvent, ActivityOptions } from "./src/caption/activity.ts";
export type { EndpointEvent, EndpointOptions, EndpointRule } from "./src/caption/endpoint.ts";
export type * from "./src/caption/word.ts";
export type { DownloadProgress, ResolveOptions } from "./src/checkpoint/hub.ts";
export type { PatienceOptions } from "./src/checkpoint/hub_client.ts";
export type { HubOptions } from "./src/checkpoint/hub_settings.ts";
export type * from "./src/ctc/decoder.ts";
export type { Emissions } from "./src/ctc/emissions.ts";
export type { LanguageModelWeights } from "./src/ctc/language_model.ts";
export type { NgramModel, WordHistory, WordRange, WordScore } from "./src/ctc/ngram.ts";
export type { BeamSearchOptions, DecoderChoice, LanguageModelOptions } from "./src/decoding.ts";
export type { DeviceOptions, Recovery } from "./src/device.ts";
export type {
  CommitRecord,
  CommittedWord,
  EngineObserver,
  EngineRecord,
  FailureRecord,
  OverloadRecord,
  RefusalRecord,
  RunRecord,
  WindowRecord,
} from "./src/engine_observer.ts";
export type { CommonConfig } from "./src/model/common_config.ts";
export type * from "./src/model/config.ts";
export type {
  InputGrid,
  ModelConfig,
  PreparedInputs,
  PrepareOptions,
  PreprocessorConfig,
} from "./src/model/family.ts";
export type { FbankConfig } from "./src/model/fbank.ts";
export type * from "./src/model/forward.ts";
export type { ModelSessions } from "./src/model/graph_sessions.ts";
export type { GraphPart, GraphRequest } from "./src/model/hubert_graph.ts";
export type { PaddingOptions } from "./src/model/padding.ts";
export type { Dtype } from "./src/model/precision.ts";
export type * from "./src/model/tokenizer.ts";
export type { AddedToken, Vocabulary } from "./src/model/vocabulary.ts";
export type * from "./src/model/wav2vec2_bert_config.ts";
export type * from "./src/model/waveform.ts";
export type { OpenCheckpointOptions } from "./src/open_checkpoint.ts";
export type * from "./src/runtime/backend.ts";
export type {
  BackendChoice,
  Candidate,
  OpenedBackend,
  SelectionReport,
} from "./src/runtime/select.ts";
export type * from "./src/schedule/overload.ts";
export type { Window, WindowSpan } from "./src/schedule/planner.ts";
export type { WindowOptions, WindowPolicy } from "./src/schedule/window_policy.ts";
export type { FixedSpans, SpanModel, SpanOptions } from "./src/span_annotation.ts";
export type { AnnotationEvent } from "./src/stream_annotations.ts";
export type { Vocabulary as WordVocabulary } from "./src/stitch/vocabulary.ts";
export type { WordOptions } from "./src/stitch/words.ts";
export type { TrackOptions } from "./src/track.ts";
export type * from "./src/window_encoder.ts";
export type { NewAudio, WindowFeedOptions } from "./src/window_feed.ts";

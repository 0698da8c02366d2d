/**
 * The native protocol: what client and server say to each other over `/v1/captions`.
 * This file imports nothing, so that a browser page can have it as it is.
 *
 * A speaker connects to `/v1/captions` and says `start`, or to `/v1/captions/{session}` and says
 * `resume`; the server answers `hello`. Then audio goes up as binary messages, and events come
 * down as JSON texts. A viewer connects to `/v1/captions/{session}/events`, by WebSocket or as
 * server-sent events, and says nothing.
 *
 * Events with a sequence number are the session's, the same for its speaker and every viewer.
 * Numbers rise. A caption may be merged into the next one, so numbers may be skipped; words never
 * are: `firstWord` counts them. To have the text, append `committed` and show `tentative` after it.
 *
 * @module
 */

/** The version spoken here, which `start` and `resume` name. */
export const PROTOCOL_VERSION = 1;

/** The subprotocol to offer when a key goes in another one. */
export const SUBPROTOCOL = "hubcap.v1";

/** What the subprotocol that carries a key starts with; the key follows. */
export const KEY_SUBPROTOCOL_PREFIX = "hubcap.key.";

/** How samples are written. All are little-endian; channels are interleaved. */
export type AudioEncoding =
  | "u8"
  | "s16le"
  | "s24le"
  | "s32le"
  | "f32le"
  | "f64le"
  | "mulaw"
  | "alaw";

/** What the binary messages of a session hold. */
export interface AudioDescription {
  /** How one sample is written. */
  readonly encoding: AudioEncoding;
  /** Samples a second, 4000 to 192000. */
  readonly sampleRateHz: number;
  /** Channels, which are mixed to one. @default {1} */
  readonly channelCount?: number;
}

/** How captions are made, as far as a speaker may choose. */
export interface CaptionSettings {
  /** Time from one look at the audio to the next. */
  readonly hopMs?: number;
  /** Audio awaited after a word before it is final. */
  readonly rightMs?: number;
  /** Silence after words that ends an utterance. */
  readonly endSilenceMs?: number;
  /** Readings given of each committed word and each utterance, 1 to 10; 1 gives none. @default {1} */
  readonly alternatives?: number;
}

/** First message of a new session. */
export interface StartMessage {
  /** Says which message it is. */
  readonly type: "start";
  /** The protocol's. */
  readonly version: 1;
  /** What the binary messages will hold. */
  readonly audio: AudioDescription;
  /** How captions are to be made. */
  readonly settings?: CaptionSettings;
}

/** First message of a speaker who comes back. */
export interface ResumeMessage {
  /** Says which message it is. */
  readonly type: "resume";
  /** The protocol's. */
  readonly version: 1;
  /** The token that `hello` gave. */
  readonly token: string;
  /** The last sequence number received; 0 for none. */
  readonly lastSeq: number;
}

/** Asks for all audio sent so far to become final; the session goes on. */
export interface FinalizeMessage {
  /** Says which message it is. */
  readonly type: "finalize";
}

/** Says that the client is there although it sends no audio. */
export interface KeepaliveMessage {
  /** Says which message it is. */
  readonly type: "keepalive";
}

/** Says that no audio follows. The server answers with the last captions, `end`, and a close. */
export interface EndMessage {
  /** Says which message it is. */
  readonly type: "end";
}

/** What a speaker says in text. */
export type ClientMessage =
  | StartMessage
  | ResumeMessage
  | FinalizeMessage
  | KeepaliveMessage
  | EndMessage;

/** What the server allows. */
export interface SessionLimits {
  /** Most bytes in a message. */
  readonly maxMessageBytes: number;
  /** How many times faster than real time audio may come for long. */
  readonly maxSpeed: number;
  /** Audio that may come at once above that. */
  readonly burstSeconds: number;
  /** Most bytes sent and not yet accepted. */
  readonly maxQueuedBytes: number;
  /** Time without a message after which the session ends. */
  readonly idleSeconds: number;
  /** Longest session. */
  readonly maxSessionSeconds: number;
  /** How long a session waits for a speaker whose connection broke. */
  readonly resumeSeconds: number;
}

/** First message of the server. */
export interface HelloMessage {
  /** Says which message it is. */
  readonly type: "hello";
  /** The protocol's. */
  readonly version: 1;
  /** The session's id, which viewers need. */
  readonly session: string;
  /** What this connection may do. */
  readonly role: "speaker" | "viewer";
  /** Proves at `resume` that the session is the client's. Speakers only; keep it secret. */
  readonly token?: string;
  /** Samples of each channel that the session holds: the speaker sends from there on. */
  readonly acceptedSamples: number;
  /** Last sequence number that was given. */
  readonly lastSeq: number;
  /** Index of the oldest word still held; 0 unless the session is very long. */
  readonly firstWord: number;
  /** Whether the session has ended, and only its events are left to be read. */
  readonly isEnded: boolean;
  /** What the server allows. */
  readonly limits: SessionLimits;
}

/** A recognised word. Times count from the session's first sample. */
export interface CaptionWord {
  /** As the model spells it. */
  readonly text: string;
  /** Where its first sound begins. */
  readonly startMs: number;
  /** Where its last sound ends. */
  readonly endMs: number;
  /** How likely it is right, 0 to 1. */
  readonly confidence: number;
  /**
   * What may have been said in its place, likeliest first, where `settings` ask for it and it is
   * committed: by the sound alone, so that the word need not be the first.
   */
  readonly alternatives?: readonly CaptionReading[];
}

/** A reading of what was said. */
export interface CaptionReading {
  /** The words. */
  readonly text: string;
  /** How likely it is among all readings, 0 to 1. */
  readonly confidence: number;
}

/** Words that are final now, and the guess at what follows. */
export interface CaptionMessage {
  /** Says which message it is. */
  readonly type: "caption";
  /** Its number in the session. */
  readonly seq: number;
  /** How many words of the session are committed before these. */
  readonly firstWord: number;
  /** Words that never change. */
  readonly committed: readonly CaptionWord[];
  /** Words after them; they replace all earlier tentative ones. */
  readonly tentative: readonly CaptionWord[];
  /** How far the audio is settled: every word that starts before is committed. */
  readonly settledMs: number;
}

/** Speech began. */
export interface SpeechStartedMessage {
  /** Says which message it is. */
  readonly type: "speech_started";
  /** Its number in the session. */
  readonly seq: number;
  /** Where it began. */
  readonly startMs: number;
}

/** An utterance ended. */
export interface UtteranceEndMessage {
  /** Says which message it is. */
  readonly type: "utterance_end";
  /** Its number in the session. */
  readonly seq: number;
  /** Where it began. */
  readonly startMs: number;
  /** Where its last word ends. */
  readonly endMs: number;
  /** Words committed in the session until then. */
  readonly wordCount: number;
  /** What may have been said in it, likeliest first, where `settings` ask for it. */
  readonly alternatives?: readonly CaptionReading[];
}

/** One of the server's annotators says something about the audio. */
export interface AnnotationMessage {
  /** Says which message it is. */
  readonly type: "annotation";
  /** Its number in the session. */
  readonly seq: number;
  /** The annotator's name. */
  readonly annotator: string;
  /** What it says. */
  readonly annotation: CaptionAnnotation;
}

/** What an annotator says; times count from the session's first sample. */
export type CaptionAnnotation =
  /** A label became active, or is no longer: who speaks when. */
  | { readonly kind: "activity_started"; readonly label: string; readonly startMs: number }
  | {
    readonly kind: "activity_ended";
    readonly label: string;
    readonly startMs: number;
    readonly endMs: number;
  }
  /** The classes of a stretch of audio, likeliest first. */
  | {
    readonly kind: "labels";
    readonly startMs: number;
    readonly endMs: number;
    readonly scores: readonly CaptionLabel[];
  }
  /** Whose voice a stretch is: vectors of one speaker point in similar directions. */
  | {
    readonly kind: "embedding";
    readonly startMs: number;
    readonly endMs: number;
    readonly embedding: readonly number[];
  }
  /** It says no more; the captions go on. */
  | { readonly kind: "failure" };

/** How likely a class is. */
export interface CaptionLabel {
  /** Its name. */
  readonly label: string;
  /** How likely it is, or the number that a regression predicts. */
  readonly score: number;
}

/** All audio up to here is final, as `finalize` asked. */
export interface FinalizedMessage {
  /** Says which message it is. */
  readonly type: "finalized";
  /** Its number in the session. */
  readonly seq: number;
  /** How far everything is final. */
  readonly atMs: number;
}

/** All is final; the session is over, and the server closes the connection. */
export interface EndedMessage {
  /** Says which message it is. */
  readonly type: "end";
  /** Its number in the session. */
  readonly seq: number;
  /** Length of the session's audio. */
  readonly atMs: number;
}

/** The session's events, which count on. */
export type SessionEvent =
  | CaptionMessage
  | SpeechStartedMessage
  | UtteranceEndMessage
  | AnnotationMessage
  | FinalizedMessage
  | EndedMessage;

/** How much audio the session holds, which a client need not keep any longer. Speakers only. */
export interface AcceptedMessage {
  /** Says which message it is. */
  readonly type: "accepted";
  /** Samples of each channel since the session began. */
  readonly samples: number;
}

/** The server is behind, or no longer: captions may come later, none is lost. */
export interface OverloadMessage {
  /** Says which message it is. */
  readonly type: "overload";
  /** What the server does about it; `admit` is nothing. */
  readonly step: "admit" | "coalesce" | "degrade" | "refuse";
}

/** The server shuts down: it takes no more audio, finishes what it holds, and ends the session. */
export interface DrainingMessage {
  /** Says which message it is. */
  readonly type: "draining";
}

/** What went wrong. A close follows. */
export interface ErrorMessage {
  /** Says which message it is. */
  readonly type: "error";
  /** What went wrong, for programs. */
  readonly code: ErrorCode;
  /** The same for people. */
  readonly message: string;
  /** Whether a speaker may resume the session. */
  readonly canResume: boolean;
  /** When to try again. */
  readonly retryAfterMs?: number;
}

/** What the server says. */
export type ServerMessage =
  | HelloMessage
  | SessionEvent
  | AcceptedMessage
  | OverloadMessage
  | DrainingMessage
  | ErrorMessage;

/** The close code of each error. */
export const CLOSE_CODES = {
  /** A text message is no JSON, or not one of the protocol's. */
  bad_message: 1007,
  /** The audio cannot be decoded. */
  bad_audio: 1007,
  /** Audio or a control message came before `start` or `resume`. */
  not_started: 1008,
  /** The token is not the session's. */
  bad_token: 1008,
  /** A message is longer than `maxMessageBytes`. */
  message_too_big: 1009,
  /** Audio comes faster than `maxSpeed` and `burstSeconds` allow. */
  too_fast: 1008,
  /** The client does not read what it is sent. */
  slow_reader: 1008,
  /** No `start` or `resume` came in time. */
  start_timeout: 1008,
  /** Neither audio nor `keepalive` came for `idleSeconds`. */
  idle: 1008,
  /** The session is older than `maxSessionSeconds`. */
  session_too_long: 1008,
  /** The device is behind. */
  overloaded: 1013,
  /** The last room for a speaker was taken between the connection and `start`. */
  server_full: 1013,
  /** The same, for the key's share. */
  too_many_sessions: 1013,
  /** The same, for the share of the address. */
  too_many_from_address: 1013,
  /** Another connection resumed the session. */
  replaced: 4000,
  /** The server shuts down. */
  draining: 1001,
  /** The server failed. */
  internal: 1011,
} as const;

/** What can go wrong. */
export type ErrorCode = keyof typeof CLOSE_CODES;

/** Why a request is refused before a connection is made; the body is `{ error: { code, message } }`. */
export type RefusalCode =
  | "unauthorized"
  | "forbidden_origin"
  | "bad_request"
  | "not_found"
  | "upgrade_required"
  | "too_many_sessions"
  | "too_many_from_address"
  | "server_full"
  | "overloaded"
  | "starting"
  | "draining";

/**
 * The settings of the server, as programs have them.
 *
 * @module
 */

import type { Dtype } from "../model/precision.ts";
import type { BackendChoice } from "../runtime/select.ts";

/** Every setting of a server. `config.ts` has the ranges, the defaults, and where they come from. */
export interface ServerConfig {
  /** Folder, or `owner/name[@revision]` on the hub. @default {the one that comes along} */
  readonly model?: string | undefined;
  /** Where the model runs. @default {"auto"} */
  readonly backend: BackendChoice;
  /** How the model computes. @default {"float32"} */
  readonly dtype: Dtype;
  /** Language of a model with adapters. */
  readonly language?: string | undefined;
  /** Threads that compute. @default {the backend's choice} */
  readonly threads?: number | undefined;
  /** Copies of the model that run beside each other and share the threads. @default {2 on processors if both take at most 1 GiB, else 1} */
  readonly workers?: number | undefined;
  /** What scales a waveform: each window, as offline, or the stream so far, which costs less. @default {"window"} */
  readonly normalization: "window" | "running";
  /** How letters become words; `auto` is `beam` with a language model, else `greedy`. @default {"auto"} */
  readonly decoder: "auto" | "greedy" | "beam";
  /** Language model for `beam`: a file in ARPA's text format, plain or gzipped. @default {the checkpoint's own} */
  readonly languageModel?: string | undefined;
  /** Models that annotate native sessions, each as `name=source`. @default {[]} */
  readonly annotators: readonly string[];
  /** Time between looks at the audio. @default {400} */
  readonly hopMs: number;
  /** Context before. @default {4000} */
  readonly leftMs: number;
  /** Context after, which delays final words. @default {600} */
  readonly rightMs: number;
  /** Context after what ends a word, to commit the word early. @default {100} */
  readonly wordEndRightMs: number;
  /** Context after a word that is committed early, where two looks agree on it. @default {300} */
  readonly agreeRightMs: number;
  /** Longest window. @default {12000} */
  readonly maxWindowMs: number;
  /** Most windows in one run. @default {16 on webgpu, 2 elsewhere} */
  readonly maxBatch?: number | undefined;

  /** Address to listen on; `0.0.0.0` is all. @default {"127.0.0.1"} */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. @default {8080} */
  readonly port: number;
  /** PEM file of the certificate; with `tlsKey` the server speaks TLS. */
  readonly tlsCert?: string | undefined;
  /** PEM file of its key. */
  readonly tlsKey?: string | undefined;
  /** Keys that let in, each as `name:key`; none lets in everybody. @default {[]} */
  readonly apiKeys: readonly string[];
  /** Viewers need a key too, not the session's id alone. @default {false} */
  readonly viewersNeedKey: boolean;
  /** Addresses and networks of proxies whose `X-Forwarded-For` is believed. @default {[]} */
  readonly trustedProxies: readonly string[];
  /** Origins of pages that may use the server besides its own; `*` is any. @default {[]} */
  readonly allowedOrigins: readonly string[];

  /** Most speakers at once. @default {64} */
  readonly maxSessions: number;
  /** Most speakers at once of one key. @default {64} */
  readonly maxSessionsPerKey: number;
  /** Most speakers at once from one address. @default {64} */
  readonly maxSessionsPerAddress: number;
  /** Most connections, viewers included. @default {2000} */
  readonly maxSockets: number;
  /** Longest message. @default {1048576} */
  readonly maxMessageBytes: number;
  /** Most audio of a speaker that waits to be taken in. @default {8388608} */
  readonly maxQueuedBytes: number;
  /** Audio a second of time, for long. @default {4} */
  readonly maxSpeed: number;
  /** Audio above that, at once. @default {60} */
  readonly burstSeconds: number;
  /** Longest upload. @default {536870912} */
  readonly maxUploadBytes: number;
  /** Most bytes that wait for a reader. @default {1048576} */
  readonly maxBufferedBytes: number;
  /** A reader that is behind and reads nothing for longer is cut. @default {15} */
  readonly slowReaderSeconds: number;
  /** Time for a connection's first message. @default {10} */
  readonly startSeconds: number;
  /** Time without audio or keepalive. @default {60} */
  readonly idleSeconds: number;
  /** Longest session. @default {43200} */
  readonly maxSessionSeconds: number;
  /** How long a session waits for its speaker to come back. @default {60} */
  readonly resumeSeconds: number;
  /** How long a session that ended can be read. @default {600} */
  readonly retainSeconds: number;
  /** Most words held of a session. @default {50000} */
  readonly maxWords: number;
  /** Most words held of all sessions that ended. @default {500000} */
  readonly maxRetainedWords: number;
  /** Most sessions that ended and can be read. @default {1000} */
  readonly maxRetainedSessions: number;
  /** A peer silent for longer is gone. @default {20} */
  readonly pingSeconds: number;
  /** Time to finish at shutdown. @default {30} */
  readonly drainSeconds: number;

  /** Least severe records of the log. @default {"info"} */
  readonly logLevel: "debug" | "info" | "warning" | "error";
  /** How the log is written. @default {"text"} */
  readonly logFormat: "text" | "json";
}

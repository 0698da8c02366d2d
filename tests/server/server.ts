/**
 * A server on a free port with a tiny real checkpoint, and a plain client of its protocol.
 *
 * @module
 */
import { CaptionEngine, type EngineOptions } from "../../src/engine.ts";
import { OVERLOAD_POLICY, type OverloadPolicy } from "../../src/schedule/overload.ts";
import { readSpeech } from "../../src/audio/decode.ts";
import { type ConfigSources, resolveConfig } from "../../src/server/config.ts";
import type { EngineSource } from "../../src/server/engine_slot.ts";
import type { ServerMessage } from "../../src/server/protocol.ts";
import { type RunningServer, startServer } from "../../src/server/serve.ts";
import { fromFileUrl } from "../../src/std.ts";
import { type EchoModel, echoModel, echoSamples } from "../echo_device.ts";

/** The checkpoint: random weights, so its words mean nothing but come fast. */
export const MODEL = fromFileUrl(new URL("../golden/ctc_adapter", import.meta.url));

/** The sample's samples, 16 kHz. */
export async function sampleSpeech(): Promise<Float32Array> {
  return await readSpeech(fromFileUrl(new URL("../../samples/harbour.wav", import.meta.url)));
}

/** Samples as the wire has them. */
export function s16le(samples: Float32Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(2 * samples.length));
  samples.forEach((sample, index) =>
    view.setInt16(2 * index, Math.max(-32768, Math.min(32767, Math.round(32768 * sample))), true)
  );
  return new Uint8Array(view.buffer);
}

/** Nothing is given up, however slow the machine: so that windows do not depend on its speed. */
const PATIENT: OverloadPolicy = {
  ...OVERLOAD_POLICY,
  thresholds: {
    coalesce: { enterMs: 1e6, leaveMs: 1 },
    degrade: { enterMs: 2e6, leaveMs: 1 },
    refuse: { enterMs: 3e6, leaveMs: 1 },
  },
};

/** Opens the engine of the tests, or one like it with another model. */
export function openEngine(options: EngineOptions = {}, model = MODEL): Promise<CaptionEngine> {
  return CaptionEngine.load(model, {
    backend: "cpu",
    threadCount: 1,
    overload: PATIENT,
    ...options,
  });
}

/** Starts a server that listens on a free port of this machine. */
export async function openServer(
  flags: ConfigSources["flags"] = {},
  engine: EngineSource = (observer) => openEngine({ observer }),
): Promise<RunningServer> {
  const config = resolveConfig({ flags: { port: 0, drainSeconds: 5, ...flags } });
  const server = await startServer(config, { engine });
  await server.settled;
  return server;
}

/** A server that hears what it is told. */
export interface EchoServer extends RunningServer {
  readonly echo: EchoModel;
  /** 16 kHz, 16-bit samples in which it hears these words, each so many seconds after the start. */
  bytesOf(words: readonly EchoWord[], seconds: number): Uint8Array<ArrayBuffer>;
}

/** A word of the letters a, b, e, h, l, o and t, no letter twice in a row. */
export type EchoWord = readonly [text: string, atSeconds: number];

const ECHO_LETTERS: Readonly<Record<string, number>> = {
  a: 5,
  b: 6,
  e: 7,
  h: 8,
  l: 9,
  o: 10,
  t: 11,
};
const ECHO_DELIMITER = 4;

/** Starts a server whose model is an echo, so that what is said is known to the sample. */
export async function openEchoServer(
  flags: ConfigSources["flags"] = {},
  options: EngineOptions = {},
): Promise<EchoServer> {
  const echo = await echoModel();
  const server = await openServer(flags, (observer) =>
    new CaptionEngine(echo.model, {
      ...{ overload: PATIENT, reopenDelayMs: 0, load: () => echo.load(), observer },
      ...options,
    }));
  const { geometry, sampleRateHz } = echo.model;
  const bytesOf = (words: readonly EchoWord[], seconds: number) => {
    const samples = new Float32Array(seconds * sampleRateHz);
    for (const [text, atSeconds] of words) {
      const first = Math.round(atSeconds * sampleRateHz / geometry.strideSamples);
      const letters = [...text].map((letter) => ECHO_LETTERS[letter]!);
      const tokens = [...Array(first).fill(0), ...letters, ECHO_DELIMITER];
      echoSamples(tokens, geometry).forEach((sample, i) => samples[i]! += sample);
    }
    return s16le(samples);
  };
  return {
    ...{ ...server, echo, bytesOf },
    get engine() {
      return server.engine;
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await echo[Symbol.asyncDispose]();
    },
  };
}

/** What a client is closed with. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A client that keeps all it is told. */
export class TestClient implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly messages: ServerMessage[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<Closed>;
  #changed = Promise.withResolvers<void>();

  constructor(url: string, protocols: string[] = []) {
    this.socket = new WebSocket(url.replace(/^http/, "ws"), protocols);
    this.socket.binaryType = "arraybuffer";
    const opened = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<Closed>();
    this.opened = opened.promise;
    this.closed = closed.promise;
    opened.promise.catch(() => {});
    this.socket.onopen = () => opened.resolve();
    this.socket.onerror = () => opened.reject(new Error("The connection was refused"));
    this.socket.onclose = ({ code, reason }) => {
      closed.resolve({ code, reason });
      this.#wake();
    };
    this.socket.onmessage = ({ data }) => {
      this.messages.push(JSON.parse(data));
      this.#wake();
    };
  }

  say(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Waits for the first message of a type. */
  async get<T extends ServerMessage["type"]>(
    type: T,
  ): Promise<Extract<ServerMessage, { type: T }>> {
    while (true) {
      const found = this.messages.find((message) => message.type === type);
      if (found !== undefined) return found as Extract<ServerMessage, { type: T }>;
      if (this.socket.readyState === WebSocket.CLOSED) {
        throw new Error(`Closed before '${type}': ${JSON.stringify(this.messages.at(-1))}`);
      }
      await this.#changed.promise;
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.readyState !== WebSocket.CLOSED) this.socket.close();
    await this.closed;
  }
}

/** The first message of a speaker with 16 kHz samples. */
export const START = {
  type: "start",
  version: 1,
  audio: { encoding: "s16le", sampleRateHz: 16_000 },
} as const;

/** The words that events commit, checked to come once each. */
export function wordsOf(messages: readonly ServerMessage[], from: string[] = []): string[] {
  const words = [...from];
  for (const message of messages) {
    if (message.type !== "caption") continue;
    if (message.firstWord !== words.length) {
      throw new Error(`Word ${message.firstWord} came where ${words.length} is due`);
    }
    words.push(...message.committed.map(({ text }) => text));
  }
  return words;
}

/**
 * Engines on echo devices, and what their streams say.
 *
 * @module
 */
import { CaptionEngine, type EngineOptions } from "../src/engine.ts";
import type { CaptionEvent } from "../src/event_queue.ts";
import type { HubertConfig } from "../src/model/config.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import type { CaptionStream, StreamOptions } from "../src/stream.ts";
import {
  type EchoDevice,
  echoDevice,
  type EchoModel,
  echoModel,
  echoSamples,
} from "./echo_device.ts";

/** Windows of a few frames. */
export const WINDOWS: StreamOptions = { leftMs: 600, hopMs: 200, rightMs: 150, maxWindowMs: 1500 };

/** "ab" and "hello" in tokens of a frame each. */
export const HELLO = [0, 5, 5, 6, 4, 8, 7, 9, 0, 9, 10, 4];

/** Says tokens over and over until there are `frameCount`. */
export function repeat(tokens: readonly number[], frameCount: number): number[] {
  return Array.from({ length: frameCount }, (_, i) => tokens[i % tokens.length]!);
}

/** All that a stream says. */
export async function eventsOf(stream: CaptionStream): Promise<CaptionEvent[]> {
  const events: CaptionEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

/** Its words. */
export function textOf(events: readonly CaptionEvent[]): string {
  return events.flatMap((event) => event.kind === "caption" ? event.committed : [])
    .map(({ text }) => text).join(" ");
}

/** An engine on an echo; `say` has a stream hear tokens. */
export interface Setup extends AsyncDisposable {
  readonly echo: EchoModel;
  readonly engine: CaptionEngine;
  say(stream: CaptionStream, tokens: readonly number[]): void;
}

/** What {@linkcode setUp} makes. */
export interface SetupOptions extends EngineOptions {
  /** Whether devices are opened anew. @default {true} */
  readonly reloads?: boolean;
  /** The model. @default {a new one} */
  readonly echo?: EchoModel;
  /** More of them. */
  readonly copies?: readonly SpeechModel<"ctc">[];
}

/** Makes an engine. */
export async function setUp(options: SetupOptions = {}): Promise<Setup> {
  const { reloads = true, echo = await echoModel(), ...engineOptions } = options;
  const engine = new CaptionEngine(echo.model, {
    reopenDelayMs: 0,
    nowMs: () => 0, // never behind, however slow the machine
    ...engineOptions,
    ...(reloads ? { load: (...args) => echo.load(...args) } : {}),
  });
  const said = new Map<CaptionStream, number[]>();
  return {
    echo,
    engine,
    say(stream, tokens) {
      const all = [...said.get(stream) ?? [], ...tokens];
      said.set(stream, all);
      stream.push(echoSamples(all, echo.model.geometry).subarray(stream.samplesReceived));
    },
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await echo[Symbol.asyncDispose]();
    },
  };
}

/** A device like another one, which is not lost. */
export function replacement({ model }: EchoModel): EchoDevice {
  const { conv_dim } = model.config as HubertConfig;
  return echoDevice(model.geometry, conv_dim.at(-1)!);
}

/** A gate that runs wait at. */
export function gate(device: EchoDevice): { isReached: Promise<void>; open(): void } {
  const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  device.cost = async () => {
    reached.resolve();
    await opened.promise;
  };
  return { isReached: reached.promise, open: () => opened.resolve() };
}

/** An engine with two devices, and the second of them. */
export interface TwoSetup extends Setup {
  readonly second: EchoDevice;
  /** The models of both. */
  readonly models: readonly [SpeechModel<"ctc">, SpeechModel<"ctc">];
}

/** Makes an engine with two devices. */
export async function setUpTwo(options: Omit<SetupOptions, "copies"> = {}): Promise<TwoSetup> {
  const { echo = await echoModel() } = options;
  const first = echo.device;
  const second = echo.device = replacement(echo);
  const copy = await echo.load();
  echo.device = first;
  const models = [echo.model, copy] as const;
  return { ...await setUp({ ...options, echo, copies: [copy] }), second, models };
}

/**
 * All settings of the server: one schema for flags, environment and file.
 *
 * `maxSessions` is `--max-sessions`, `HUBCAP_MAX_SESSIONS`, and `"maxSessions"` in the JSON file
 * that `--config` names. Flags win over the environment, the environment over the file.
 *
 * @module
 */
import { z } from "zod";
import { DTYPES } from "../model/precision.ts";
import { requireWindowsWithin } from "../schedule/window_policy.ts";
import { parseProxies } from "./client_address.ts";
import type { ServerConfig } from "./server_config.ts";

export type { ServerConfig };

const toNumber = (value: unknown): unknown =>
  typeof value === "string" && value.trim() !== "" ? Number(value) : value;
const toList = (value: unknown): unknown =>
  typeof value === "string" ? value.split(",").map((item) => item.trim()).filter(Boolean) : value;

const amount = (min: number, max: number) => z.preprocess(toNumber, z.number().min(min).max(max));
const count = (min: number, max: number) =>
  z.preprocess(toNumber, z.number().int().min(min).max(max));
const list = () => z.preprocess(toList, z.array(z.string()));
const flag = () => z.union([z.boolean(), z.stringbool()]);
const DAY_SECONDS = 86_400;

/** Every setting, and none besides. */
const SHAPE = {
  model: z.string().min(1).optional().describe(
    "folder, or owner/name[@revision] on the hub; by default the one that comes along",
  ),
  backend: z.enum(["auto", "webgpu", "wasm", "cpu"]).default("auto")
    .describe("where the model runs"),
  dtype: z.enum(DTYPES).default("float32").describe("precision: float32, float16, int8 or int4"),
  language: z.string().optional().describe("language of a model with adapters"),
  threads: count(1, 256).optional().describe("threads that compute"),
  workers: count(1, 64).optional()
    .describe(
      "copies of the model that share the threads; by default 2 on processors if both take at most 1 GiB, else 1",
    ),
  normalization: z.enum(["window", "running"]).default("window")
    .describe("what scales a waveform: each window, or the stream so far, which costs less"),
  decoder: z.enum(["auto", "greedy", "beam"]).default("auto")
    .describe("how letters become words; auto is beam with a language model, else greedy"),
  languageModel: z.string().optional().describe(
    "file in ARPA's text format, plain or gzipped, for beam; by default the checkpoint's own",
  ),
  annotators: list().default([]).describe(
    "models that annotate native sessions: name=folder or name=owner/name,…",
  ),
  hopMs: amount(20, 10_000).default(400).describe("time between looks at the audio"),
  leftMs: amount(0, 20_000).default(4000).describe("context before"),
  rightMs: amount(0, 10_000).default(600).describe("context after, which delays final words"),
  wordEndRightMs: amount(0, 10_000).default(100)
    .describe("context after what ends a word, to commit the word early"),
  agreeRightMs: amount(0, 10_000).default(300)
    .describe("context after a word that is committed early, where two looks agree on it"),
  maxWindowMs: amount(500, 30_000).default(12_000).describe("longest window"),
  maxBatch: count(1, 256).optional()
    .describe("most windows in one run; by default 16 on webgpu, 2 elsewhere"),

  host: z.string().default("127.0.0.1").describe("address to listen on; 0.0.0.0 is all"),
  port: count(0, 65_535).default(8080).describe("port to listen on; 0 takes a free one"),
  tlsCert: z.string().optional().describe("PEM file of the certificate"),
  tlsKey: z.string().optional().describe("PEM file of its key"),
  apiKeys: list().default([]).describe("keys that let in: name:key,…; none lets in all"),
  viewersNeedKey: flag().default(false).describe("viewers need a key too, not the id alone"),
  trustedProxies: list().default([])
    .describe("proxies whose X-Forwarded-For is believed: addresses, or networks as 10.0.0.0/8"),
  allowedOrigins: list().default([]).describe("origins of pages that may use the server"),

  maxSessions: count(1, 100_000).default(64).describe("most speakers at once"),
  maxSessionsPerKey: count(1, 100_000).default(64).describe("most speakers at once of one key"),
  maxSessionsPerAddress: count(1, 100_000).default(64)
    .describe("most speakers at once from one address"),
  maxSockets: count(1, 1_000_000).default(2000).describe("most connections, viewers included"),
  maxMessageBytes: count(1000, 1 << 26).default(1 << 20).describe("longest message"),
  maxQueuedBytes: count(1000, 1 << 30).default(8 << 20)
    .describe("most audio of a speaker that waits to be taken in"),
  maxSpeed: amount(1, 10_000).default(4).describe("audio a second of time, for long"),
  burstSeconds: amount(1, 36_000).default(60).describe("audio above that, at once"),
  maxUploadBytes: count(1000, 2 ** 40).default(512 << 20).describe("longest upload"),
  maxBufferedBytes: count(1000, 1 << 30).default(1 << 20)
    .describe("most bytes that wait for a reader"),
  slowReaderSeconds: amount(0.05, 3600).default(15).describe(
    "a reader that is behind and reads nothing for longer is cut",
  ),
  startSeconds: amount(0.05, 3600).default(10).describe("time for a connection's first message"),
  idleSeconds: amount(0.05, DAY_SECONDS).default(60).describe("time without audio or keepalive"),
  maxSessionSeconds: amount(1, 30 * DAY_SECONDS).default(DAY_SECONDS / 2)
    .describe("longest session"),
  resumeSeconds: amount(0, DAY_SECONDS).default(60)
    .describe("how long a session waits for its speaker to come back"),
  retainSeconds: amount(0, 20 * DAY_SECONDS).default(600)
    .describe("how long a session that ended can be read"),
  maxWords: count(100, 10_000_000).default(50_000).describe("most words held of a session"),
  maxRetainedWords: count(100, 100_000_000).default(500_000)
    .describe("most words held of all sessions that ended"),
  maxRetainedSessions: count(1, 1_000_000).default(1000)
    .describe("most sessions that ended and can be read"),
  pingSeconds: count(0, 3600).default(20).describe("a peer silent for longer is gone"),
  drainSeconds: amount(0, 3600).default(30).describe("time to finish at shutdown"),

  logLevel: z.enum(["debug", "info", "warning", "error"]).default("info").describe("least severe"),
  logFormat: z.enum(["text", "json"]).default("text").describe("how logs are written"),
} satisfies Record<keyof ServerConfig, z.ZodType>;

const SCHEMA = z.strictObject(SHAPE);

/** A setting's name in the schema. */
export type SettingName = keyof ServerConfig;

/** Where settings come from. */
export interface ConfigSources {
  /** By names as in the schema. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** By names as {@linkcode envName} makes them; others are ignored. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** By names as in the schema; what the JSON file holds. */
  readonly file?: unknown;
}

/** A setting, for help texts and parsers of flags. */
export interface Setting {
  readonly name: SettingName;
  /** `--max-sessions` */
  readonly flag: string;
  /** `HUBCAP_MAX_SESSIONS` */
  readonly env: string;
  readonly description: string;
  readonly isBoolean: boolean;
  readonly defaultValue: unknown;
}

/** All settings, in the order of the schema. */
export const SETTINGS: readonly Setting[] = listSettings();

/** `HUBCAP_MAX_SESSIONS` for `maxSessions`. */
function envName(name: string): string {
  return `HUBCAP_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** `max-sessions` for `maxSessions`. */
function flagName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/**
 * Puts the sources together and checks them.
 *
 * @throws {RangeError} If a setting is unknown or out of range; the message names all of them.
 *
 * @example
 * ```ts
 * import { resolveConfig } from "./config.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const { maxSessions, port } = resolveConfig({
 *   flags: { port: "0" },
 *   env: { HUBCAP_MAX_SESSIONS: "8", HUBCAP_PORT: "1" },
 * });
 * assertEquals([maxSessions, port], [8, 0]);
 * ```
 */
export function resolveConfig(sources: ConfigSources = {}): ServerConfig {
  const { flags = {}, env = {}, file = {} } = sources;
  if (typeof file !== "object" || file === null || Array.isArray(file)) {
    throw new RangeError("Cannot use the configuration file as it must hold a JSON object");
  }
  const merged: Record<string, unknown> = { ...file };
  for (const { name } of SETTINGS) {
    const text = env[envName(name)];
    if (text !== undefined && text !== "") merged[name] = text;
  }
  for (const [name, value] of Object.entries(flags)) {
    if (value !== undefined) merged[name] = value;
  }
  const parsed = SCHEMA.safeParse(merged);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) =>
      path.length === 0 ? message : `${path.join(".")}: ${message}`
    );
    throw new RangeError(`Cannot use the configuration as ${problems.join("; ")}`);
  }
  const config: ServerConfig = parsed.data;
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    throw new RangeError("Cannot use the configuration as tlsCert and tlsKey must come together");
  }
  config.annotators.forEach(splitAnnotator);
  parseProxies(config.trustedProxies);
  requireWindowsWithin({ limitMs: config.maxWindowMs, because: "maxWindowMs is" }, config);
  return config;
}

/**
 * Name and source of an annotator.
 *
 * @throws {RangeError} If it is not `name=source`.
 */
export function splitAnnotator(entry: string): [name: string, source: string] {
  const [, name, source] = /^([\w-]{1,40})=(.+)$/.exec(entry) ?? [];
  if (name !== undefined && source !== undefined) return [name, source];
  throw new RangeError(
    `Cannot use the configuration as annotators must be name=source, as speakers=./diarizer: ${entry}`,
  );
}

/** The settings as JSON, as the file takes them, the keys struck out. */
export function printConfig(config: ServerConfig): string {
  const apiKeys = config.apiKeys.map((key, index) => {
    const colon = key.indexOf(":");
    return `${colon > 0 ? key.slice(0, colon) : `key${index + 1}`}:***`;
  });
  return JSON.stringify({ ...config, apiKeys }, null, 2);
}

function listSettings(): Setting[] {
  const defaults: Record<string, unknown> = SCHEMA.parse({});
  return Object.entries(SHAPE).map(([name, schema]) => ({
    name: name as SettingName,
    flag: `--${flagName(name)}`,
    env: envName(name),
    description: schema.description ?? "",
    isBoolean: typeof defaults[name] === "boolean",
    defaultValue: defaults[name],
  }));
}

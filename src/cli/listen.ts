/**
 * `hubcap listen`: a recording, or what comes in, captioned live by a server.
 *
 * @module
 */
import { decodeSpeech } from "../audio/decode.ts";
import { s16leBytes } from "../audio/pcm.ts";
import { CaptionClient } from "../server/client.ts";
import type { ServerMessage } from "../server/protocol.ts";
import { openAudioInput, STANDARD_INPUT } from "./audio_input.ts";
import { type CommandSpec, EXIT_CODES, UsageError } from "./command.ts";
import { LiveCaptions } from "./live_captions.ts";
import type { Terminal } from "./terminal.ts";

/** Values of the options of `hubcap listen`. */
export interface ListenValues {
  readonly key?: string;
  readonly realtime?: boolean;
  readonly json?: boolean;
}

/** Rate that audio is sent with, Hz: no model wants more. */
const SAMPLE_RATE_HZ = 16_000;
/** Audio sent at once with `--realtime`, ms. */
const PIECE_MS = 100;

/** The command. */
export const listenCommand: CommandSpec<ListenValues> = {
  name: "listen",
  summary: "Send audio to a server and show the captions live",
  parameters: [
    { usage: "<url>", description: "the server, as http://localhost:8080" },
    { usage: "[file]", description: "a recording; - or nothing is standard input" },
  ],
  options: [
    {
      name: "key",
      short: "k",
      description: "API key; better in HUBCAP_KEY, which other users cannot see",
      value: { kind: "text", name: "key" },
    },
    {
      name: "realtime",
      short: "r",
      description: "send a recording as fast as it was spoken",
      value: { kind: "flag" },
    },
    {
      name: "json",
      description: "write the server's messages, one a line",
      value: { kind: "flag" },
    },
  ],
  notes:
    `Words that may still change are dimmed. When the connection breaks, it is made again and the
session goes on where it was: nothing is lost.

Examples:
  hubcap listen http://localhost:8080 lecture.mp3 --realtime
  arecord -q -f S16_LE -r 16000 -t wav - | hubcap listen http://localhost:8080`,
  run: runListen,
};

async function runListen(
  [server, path = STANDARD_INPUT]: readonly string[],
  { key = keyFromEnvironment(), realtime = false, json = false }: ListenValues,
  terminal: Terminal,
): Promise<number> {
  if (path === STANDARD_INPUT && terminal.isInputTerminal) {
    throw new UsageError("Cannot listen as there is no audio: name a file, or pipe audio in");
  }
  const url = captionsUrl(server!);
  const { source } = await openAudioInput(path, terminal);
  const captions = new LiveCaptions(terminal);
  const { signal } = terminal;
  let isCutShort = false;
  await using client = new CaptionClient({
    ...{ url, key, signal },
    audio: { encoding: "s16le", sampleRateHz: SAMPLE_RATE_HZ },
    bytesPerSample: 2,
    onMessage: (message) => {
      isCutShort ||= message.type === "draining";
      if (json) terminal.write(`${JSON.stringify(withoutToken(message))}\n`);
      else if ("seq" in message) captions.show(message);
    },
    onReconnect: (why) => terminal.writeError(`Trying again: ${why}\n`),
  });
  const startMs = performance.now();
  let sentSamples = 0;
  for await (const samples of decodeSpeech(source, { sampleRateHz: SAMPLE_RATE_HZ, signal })) {
    if (client.isOver) break;
    for (const piece of realtime ? piecesOf(samples) : [samples]) {
      if (realtime) await until(startMs + 1000 * sentSamples / SAMPLE_RATE_HZ);
      await client.write(s16leBytes(piece));
      sentSamples += piece.length;
    }
  }
  await client.end();
  captions.end();
  if (!isCutShort) return EXIT_CODES.ok;
  terminal.writeError("The server was shut down: what followed is not captioned\n");
  return EXIT_CODES.failure;
}

/** The address of the protocol on a server. */
function captionsUrl(server: string): string {
  const text = /^[a-z]+:\/\//i.test(server) ? server : `http://${server}`;
  if (!URL.canParse(text) || !/^(https?|wss?):$/.test(new URL(text).protocol)) {
    throw new UsageError(`Cannot listen as this is no address of a server: ${server}`);
  }
  const url = new URL(text);
  if (url.pathname === "/") url.pathname = "/v1/captions";
  return url.href;
}

function keyFromEnvironment(): string | undefined {
  try {
    return Deno.env.get("HUBCAP_KEY");
  } catch {
    return undefined; // the variable may not be read
  }
}

function withoutToken(message: ServerMessage): ServerMessage {
  if (message.type !== "hello") return message;
  const { token: _token, ...others } = message;
  return others;
}

function* piecesOf(samples: Float32Array): Generator<Float32Array> {
  const length = PIECE_MS * SAMPLE_RATE_HZ / 1000;
  for (let at = 0; at < samples.length; at += length) yield samples.subarray(at, at + length);
}

async function until(atMs: number): Promise<void> {
  const waitMs = atMs - performance.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}

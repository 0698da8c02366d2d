import OpenAI, { toFile } from "openai";
import { assert, assertEquals } from "../assert.ts";
import { readSpeech } from "../../src/audio/decode.ts";
import { defaultModel } from "../../src/default_model.ts";
import { CaptionClient } from "../../src/server/client.ts";
import type { ServerMessage } from "../../src/server/protocol.ts";
import { fromFileUrl } from "../../src/std.ts";
import { transcribe } from "../../src/transcribe.ts";
import { transcriptOf } from "../clients/deepgram_client.ts";
import { connectSdk4 } from "../clients/deepgram_sdk_4.ts";
import { connectSdk5 } from "../clients/deepgram_sdk_5.ts";
import { VoskClient } from "../clients/vosk_client.ts";
import { openEngine, openServer, s16le, START, wordsOf } from "./server.ts";

const DATA = Deno.env.get("HUBCAP_SPEECH_DATA") ??
  fromFileUrl(new URL("../../../shared/data", import.meta.url));
const RECORDINGS = {
  "a synthesised sentence": fromFileUrl(new URL("../../samples/harbour.wav", import.meta.url)),
  "a person": `${DATA}/clips/an4_an36-fejs-b.flac`,
};

/**
 * Windows that hold a whole recording, so that the transcript does not depend on how the audio
 * arrives; longer than the model was made for, which no client may notice.
 */
const WHOLE = { leftMs: 500, hopMs: 10_000, rightMs: 1000, maxWindowMs: 30_000 };

/** What each client says of samples at 16 kHz. */
const CLIENTS: Record<string, (url: string, bytes: Uint8Array<ArrayBuffer>) => Promise<string>> = {
  "our own": async (url, bytes) => {
    const messages: ServerMessage[] = [];
    await using client = new CaptionClient({
      ...{ url: `${url}/v1/captions`, audio: START.audio, bytesPerSample: 2 },
      onMessage: (message) => messages.push(message),
    });
    await client.write(bytes);
    await client.end();
    return wordsOf(messages).join(" ");
  },
  "@deepgram/sdk 5": (url, bytes) => listen(connectSdk5, url, bytes),
  "@deepgram/sdk 4": (url, bytes) => listen(connectSdk4, url, bytes),
  "vosk": async (url, bytes) => {
    await using client = new VoskClient(url);
    await client.opened;
    client.tell({ config: { sample_rate: 16_000 } });
    const texts: string[] = [];
    for (let at = 0; at < bytes.length; at += 8000) {
      texts.push((await client.ask(bytes.slice(at, at + 8000))).text ?? "");
    }
    texts.push((await client.ask({ eof: 1 })).text ?? "");
    return texts.filter(Boolean).join(" ");
  },
};

async function listen(
  connect: typeof connectSdk5,
  url: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const options = { encoding: "linear16", sample_rate: 16_000 };
  const client = await connect({ url, key: "any", options });
  for (let at = 0; at < bytes.length; at += 3200) client.send(bytes.slice(at, at + 3200));
  client.closeStream();
  await client.closed;
  return transcriptOf(client.messages);
}

for (const [name, path] of Object.entries(RECORDINGS)) {
  const isThere = await Deno.stat(path).then(() => true, () => false);
  Deno.test({
    name: `every protocol gives the transcript of transcribe: ${name}`,
    ignore: !isThere,
    fn: async () => {
      const model = await defaultModel();
      // greedy: beam search settles words in a stream before it has heard the rest
      const { text } = await transcribe(path, { model: model!, decoder: "greedy" });
      assert(text.length > 0);
      await using server = await openServer(WHOLE, openEngine({ decoder: "greedy" }, model));
      const bytes = s16le(await readSpeech(path));
      for (const [client, transcriptBy] of Object.entries(CLIENTS)) {
        assertEquals(await transcriptBy(server.url, bytes), text, client);
      }
      const openai = new OpenAI({ apiKey: "any", baseURL: `${server.url}/v1`, maxRetries: 0 });
      const file = await toFile(await Deno.readFile(path), "recording");
      assertEquals((await openai.audio.transcriptions.create({ file, model: "any" })).text, text);
    },
  });
}

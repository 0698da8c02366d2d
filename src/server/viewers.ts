/**
 * One speaker, many readers: events as they come, by WebSocket or as server-sent events, and the
 * transcript as a file at any time.
 *
 * @module
 */
import { toCues } from "../caption/cue.ts";
import { toSrt, toWebVtt } from "../caption/subtitles.ts";
import { admit, refusal, refuse } from "./admission.ts";
import type { CaptionSession } from "./caption_sessions.ts";
import type { ServerContext } from "./context.ts";
import { captionWord } from "./event_log.ts";
import { errorOf, EventPipe } from "./event_pipe.ts";
import { type Context, streamSSE } from "./hono.ts";
import { LimitError, type Permit } from "./limits.ts";
import { helloOf } from "./native.ts";
import { isUpgrade, upgrade } from "./socket.ts";

/** Files a transcript can be had as. */
export const TRANSCRIPT_FORMATS = ["vtt", "srt", "txt", "json"] as const;

/** A file a transcript can be had as. */
export type TranscriptFormat = (typeof TRANSCRIPT_FORMATS)[number];

/** Answers `/v1/captions/{session}/events`. */
export function eventsRoute(
  context: ServerContext,
  c: Context,
  session: CaptionSession,
): Response {
  const request = c.req.raw;
  const admitted = admit(context, request, {
    socket: true,
    needsKey: context.config.viewersNeedKey,
  });
  if (admitted.kind === "refused") return refuse(context, admitted);
  const after = cursorOf(request);
  if (after === undefined || after > session.log.lastSeq) {
    admitted.socket[Symbol.dispose]();
    const message = "Cannot send events as 'after' must be the number of one that was sent";
    return refuse(context, refusal(400, "bad_request", message));
  }
  if (!isUpgrade(request)) return eventStream(context, c, { session, after, ...admitted });
  const { subprotocol, socket: permit } = admitted;
  const { socket, response } = upgrade(request, context.config, { permit, subprotocol });
  const pipe = new EventPipe(context, socket);
  socket.onopen = () => {
    pipe.send({ ...helloOf(session, context), role: "viewer" });
    pipe.run(session.log, after).then(
      (isComplete) => isComplete && pipe.finish(),
      (error) => pipe.fail({ ...errorOf(error), canResume: true }),
    );
  };
  socket.onmessage = ({ data }) => {
    if (data === '{"type":"keepalive"}') return;
    pipe.fail({
      code: "bad_message",
      message: "Cannot take messages from a viewer",
      canResume: true,
    });
  };
  socket.onerror = () => {}; // a close follows
  return response;
}

/** Time between comments that keep a quiet stream of events open. */
const SSE_COMMENT_MS = 15_000;

/** Server-sent events. A write waits for the reader; what it waits too long for is given up. */
function eventStream(
  context: ServerContext,
  c: Context,
  { session, after, socket: permit }: { session: CaptionSession; after: number; socket: Permit },
): Response {
  const { log } = session;
  const response = streamSSE(c, async (stream) => {
    stream.onAbort(() => permit[Symbol.dispose]());
    const within = (write: Promise<unknown>) => withinSeconds(write, context);
    try {
      const hello = { ...helloOf(session, context), role: "viewer" };
      await within(stream.writeSSE({ event: "hello", data: JSON.stringify(hello) }));
      for (let sent = after; !stream.aborted;) {
        const { changed } = log;
        const events = log.after(sent);
        for (const event of events) {
          const data = JSON.stringify(event);
          await within(stream.writeSSE({ event: event.type, id: String(event.seq), data }));
          sent = event.seq;
        }
        if (events.length > 0) continue;
        if (log.isClosed) break;
        if (await isQuiet(changed)) await within(stream.write(": still here\n\n"));
      }
    } catch (error) {
      context.metrics.errorSent(errorOf(error).code);
      stream.abort();
    } finally {
      permit[Symbol.dispose]();
    }
  });
  response.headers.set("x-accel-buffering", "no");
  return response;
}

/** Whether nothing came for a while. */
async function isQuiet(changed: Promise<void>): Promise<boolean> {
  const quiet = Promise.withResolvers<true>();
  const timer = setTimeout(() => quiet.resolve(true), SSE_COMMENT_MS);
  try {
    return await Promise.race([changed.then(() => false), quiet.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for a write, not for ever. */
async function withinSeconds(write: Promise<unknown>, { config }: ServerContext): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(slowReader()), 1000 * config.slowReaderSeconds);
  try {
    await Promise.race([write, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function slowReader(): LimitError {
  return new LimitError("slow_reader", "Cannot send more as what was sent is not read");
}

/** Where a reader stands: the query's `after`, or what a browser says when it comes back. */
function cursorOf(request: Request): number | undefined {
  const text = request.headers.get("last-event-id") ??
    new URL(request.url).searchParams.get("after") ?? "0";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

const CONTENT_TYPES: Record<TranscriptFormat, string> = {
  vtt: "text/vtt; charset=utf-8",
  srt: "application/x-subrip; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  json: "application/json",
};

/** Answers `/v1/captions/{session}.{format}`. */
export function transcriptRoute(
  context: ServerContext,
  request: Request,
  { session, format }: { session: CaptionSession; format: TranscriptFormat },
): Response {
  const admitted = admit(context, request, { needsKey: context.config.viewersNeedKey });
  if (admitted.kind === "refused") return refuse(context, admitted);
  return new Response(transcriptOf(session, format), {
    headers: { "content-type": CONTENT_TYPES[format], "cache-control": "no-store" },
  });
}

/** What was said so far, without tentative words. */
export function transcriptOf(session: CaptionSession, format: TranscriptFormat): string {
  const { words } = session.log;
  const { modelRateHz: sampleRateHz } = session.speaker;
  switch (format) {
    case "vtt":
      return toWebVtt(toCues(words, { sampleRateHz }), { sampleRateHz });
    case "srt":
      return toSrt(toCues(words, { sampleRateHz }), { sampleRateHz });
    case "txt":
      return paragraphsOf(session).map((paragraph) => `${paragraph}\n`).join("");
    case "json":
      return JSON.stringify({
        session: session.id,
        state: session.state,
        startedAt: session.startedAt.toISOString(),
        firstWord: session.log.firstWord,
        lastSeq: session.log.lastSeq,
        text: words.map(({ text }) => text).join(" "),
        words: words.map((word) => captionWord(word, sampleRateHz)),
        utterances: session.log.utterances.map(({ startMs, endMs, wordCount }) => ({
          ...{ startMs, endMs, wordCount },
        })),
        ...annotationsOf(session),
      });
    default:
      return format satisfies never;
  }
}

/** What annotators said, where there are any. */
function annotationsOf({ log }: CaptionSession): object {
  const annotations = log.annotations.map(({ annotator, annotation }) => {
    return { annotator, ...annotation };
  });
  return annotations.length === 0 ? {} : { annotations };
}

/** A paragraph for each utterance, and one for what follows the last. */
function paragraphsOf({ log }: CaptionSession): string[] {
  const ends = [...log.utterances.map(({ wordCount }) => wordCount), log.wordCount];
  let start = log.firstWord;
  return ends.flatMap((end) => {
    const words = log.words.slice(start - log.firstWord, Math.max(0, end - log.firstWord));
    start = Math.max(start, end);
    return words.length === 0 ? [] : [words.map(({ text }) => text).join(" ")];
  });
}

/**
 * OpenAI's transcription of recordings: `POST /v1/audio/transcriptions`, and `GET /v1/models`.
 *
 * @module
 */
import type { Word } from "../caption/word.ts";
import { admit, refusal } from "./admission.ts";
import type { App } from "./app.ts";
import type { ServerContext } from "./context.ts";
import { FileJob } from "./file_job.ts";
import { modelName } from "./model_name.ts";
import {
  errorBody,
  errorResponse,
  OpenAiError,
  openAiErrorOf,
  refuseOpenAi,
} from "./openai_error.ts";
import { parseTranscription, type TranscriptionRequest } from "./openai_request.ts";
import { answerOf, logprobsOf } from "./openai_transcript.ts";
import { readUpload, UploadRoom } from "./openai_upload.ts";

/** Adds `/v1/audio/transcriptions`, `/v1/models` and what is below it. */
export function openAiRoutes(app: App, context: ServerContext): void {
  const room = new UploadRoom(2 * context.config.maxUploadBytes);
  const created = Math.floor(Date.now() / 1000);
  app.post("/v1/audio/transcriptions", async (c) => {
    const response = await transcriptionRoute(context, c.req.raw, room);
    response.headers.set("x-request-id", crypto.randomUUID());
    return response;
  });
  app.get("/v1/models", (c) => {
    const models = modelsOf(context, created);
    return modelRoute(context, c.req.raw, () => ({ object: "list", data: models }));
  });
  app.get("/v1/models/:id{.+}", (c) => {
    const id = c.req.param("id");
    const model = modelsOf(context, created).find((model) => model.id === id);
    return modelRoute(context, c.req.raw, () => model);
  });
}

interface Model {
  readonly id: string;
  readonly object: "model";
  readonly created: number;
  readonly owned_by: string;
}

function modelsOf({ engine }: ServerContext, created: number): Model[] {
  const model = engine.engine?.model;
  if (model === undefined) return [];
  return [{ id: modelName(model.source), object: "model", created, owned_by: "hubcap" }];
}

function modelRoute(
  context: ServerContext,
  request: Request,
  find: () => object | undefined,
): Response {
  const admitted = admit(context, request);
  if (admitted.kind === "refused") return refuseOpenAi(context, admitted);
  const found = find();
  if (found !== undefined) return Response.json(found);
  const message = "Cannot find this model";
  return errorResponse(context, new OpenAiError(404, message, { code: "model_not_found" }));
}

async function transcriptionRoute(
  context: ServerContext,
  request: Request,
  room: UploadRoom,
): Promise<Response> {
  const admitted = admit(context, request, { speaker: "now" });
  if (admitted.kind === "refused") return refuseOpenAi(context, admitted);
  const { speaker: permit } = admitted;
  const held: Disposable[] = [permit];
  const release = () => held.toReversed().forEach((thing) => thing[Symbol.dispose]());
  try {
    const upload = await readUpload(request, context.config, room);
    held.push(upload);
    const wish = parseTranscription(upload.form);
    if (context.draining.aborted) {
      const refused = refusal(503, "draining", "Cannot transcribe as the server shuts down");
      release();
      return refuseOpenAi(context, refused);
    }
    const job = new FileJob(context, { dialect: "openai", permit });
    held.push(job);
    const { signal } = request;
    if (wish.isStream) return eventStream(context, { job, wish, signal, release });
    const response = await answer(job, wish, signal);
    release();
    return response;
  } catch (error) {
    release();
    return errorResponse(context, error);
  }
}

async function answer(
  job: FileJob,
  wish: TranscriptionRequest,
  signal: AbortSignal,
): Promise<Response> {
  const stop = () => job.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const _words of job.run(wish.file));
  } finally {
    signal.removeEventListener("abort", stop);
  }
  const { body, contentType } = answerOf(job.transcript, wish);
  return new Response(body, { headers: { "content-type": contentType } });
}

/** Server-sent events: text as it is settled, so that the pieces make up the whole. */
function eventStream(
  context: ServerContext,
  { job, wish, signal, release }: {
    job: FileJob;
    wish: TranscriptionRequest;
    signal: AbortSignal;
    release: () => void;
  },
): Response {
  signal.addEventListener("abort", release, { once: true }); // nobody may ever read
  const slowMs = 1000 * context.config.slowReaderSeconds;
  const events = withinTime(eventsOf(context, { job, wish }), { slowMs, end: release });
  const body = ReadableStream.from(events).pipeThrough(new TextEncoderStream());
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    },
  });
}

async function* eventsOf(
  context: ServerContext,
  { job, wish }: { job: FileJob; wish: TranscriptionRequest },
): AsyncGenerator<string> {
  const logprobs = (words: readonly Word[], isFirst = true) =>
    wish.hasLogprobs ? { logprobs: logprobsOf(words, { isFirst }) } : {};
  try {
    let isFirst = true;
    for await (const words of job.run(wish.file)) {
      const text = words.map((word) => word.text).join(" ");
      const delta = isFirst ? text : ` ${text}`;
      yield data({ type: "transcript.text.delta", delta, ...logprobs(words, isFirst) });
      isFirst = false;
    }
    const { text, words } = job.transcript;
    yield data({ type: "transcript.text.done", text, ...logprobs(words) });
    yield "data: [DONE]\n\n";
  } catch (error) {
    const told = openAiErrorOf(error);
    context.metrics.errorSent(told.code ?? "bad_request");
    yield data(errorBody(told));
  }
}

function data(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** Passes pieces on to a reader that takes each in time, and ends when it does not. */
async function* withinTime(
  pieces: AsyncGenerator<string>,
  { slowMs, end }: { slowMs: number; end: () => void },
): AsyncGenerator<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for await (const piece of pieces) {
      timer = setTimeout(end, slowMs);
      yield piece;
      clearTimeout(timer);
    }
  } finally {
    clearTimeout(timer);
    end();
  }
}

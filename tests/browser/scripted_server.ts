/**
 * A server that speaks the native protocol and hears nothing: as audio comes in, it says what the
 * script says at that time. So that what the page must show is known to the letter.
 *
 * @module
 */
import type {
  CaptionWord,
  ClientMessage,
  HelloMessage,
  ServerMessage,
  SessionEvent,
} from "../../src/server/protocol.ts";
import { pageFile } from "./page_files.ts";

/** How far behind the audio words become final, and are first guessed. */
const FINAL_MS = 900;
const GUESS_MS = 250;

/** One session; it outlives its connections. */
interface Session {
  readonly hello: Omit<HelloMessage, "acceptedSamples" | "lastSeq" | "isEnded">;
  sampleRateHz: number;
  accepted: number;
  /** All samples taken in. */
  readonly audio: Int16Array[];
  readonly events: SessionEvent[];
  committed: number;
  socket: WebSocket | undefined;
  readonly viewers: Set<WebSocket>;
}

/** What a scripted server is asked to do. */
export interface ScriptedOptions {
  /** Words, with the time each ends. An empty text ends an utterance. */
  readonly script: readonly CaptionWord[];
  /** Refuses every upgrade like this. */
  refusal?: { status: number; code: string; retryAfterSeconds?: number } | undefined;
  /** Needed in a subprotocol. */
  readonly key?: string;
}

/** A running one. */
export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly sessions: Session[];
  readonly options: ScriptedOptions;
  /** Cuts all connections, as a broken network does. */
  cut(): void;
}

/** Starts one on a free port. */
export function startScripted(options: ScriptedOptions): ScriptedServer {
  const sessions: Session[] = [];
  const handle = (request: Request): Response | Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/healthz") return Response.json({ ready: true, model: "a-script" });
    const match = /^\/v1\/captions(?:\/([^/.]+)(\/events)?)?$/.exec(pathname);
    if (match === null) return servePage(pathname, sessions);
    const refused = refuse(request, options);
    if (refused !== undefined) return refused;
    const session = match[1] === undefined ? newSession() : byId(sessions, match[1]);
    if (session === undefined) {
      return Response.json({ error: { code: "not_found" } }, { status: 404 });
    }
    if (request.headers.get("upgrade") !== "websocket") return new Response("", { status: 426 });
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "hubcap.v1" });
    if (match[2] !== undefined) follow(socket, session, Number(searchParams.get("after")));
    else listen(socket, session, () => sessions.push(session), options.script);
    return response;
  };
  const http = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handle);
  const sockets = () =>
    sessions.flatMap(({ socket, viewers }) => [...(socket ? [socket] : []), ...viewers]);
  return {
    url: `http://127.0.0.1:${http.addr.port}`,
    sessions,
    options,
    cut: () => sockets().forEach((socket) => socket.close(4999)),
    [Symbol.asyncDispose]: () => http.shutdown(),
  };
}

function newSession(): Session {
  const limits = {
    ...{ maxMessageBytes: 1 << 20, maxSpeed: 4, burstSeconds: 60, maxQueuedBytes: 8 << 20 },
    ...{ idleSeconds: 60, maxSessionSeconds: 3600, resumeSeconds: 60 },
  };
  const [session, token] = [crypto.randomUUID(), crypto.randomUUID()];
  return {
    hello: { type: "hello", version: 1, role: "speaker", session, token, firstWord: 0, limits },
    ...{ sampleRateHz: 0, accepted: 0, audio: [], events: [], committed: 0, socket: undefined },
    viewers: new Set(),
  };
}

function byId(sessions: readonly Session[], id: string): Session | undefined {
  return sessions.find(({ hello }) => hello.session === id);
}

function refuse(request: Request, { refusal, key }: ScriptedOptions): Response | undefined {
  const offered = request.headers.get("sec-websocket-protocol") ?? "";
  const shown = request.headers.get("authorization") ?? "";
  const isKnown = key === undefined || offered.includes(`hubcap.key.${key}`) || shown.endsWith(key);
  const { status, code, retryAfterSeconds } = isKnown
    ? refusal ?? { status: 0, code: "" }
    : { status: 401, code: "unauthorized" };
  if (status === 0) return undefined;
  return Response.json({ error: { code, message: code } }, {
    status,
    headers: retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) },
  });
}

async function servePage(path: string, sessions: readonly Session[]): Promise<Response> {
  const transcript = /^\/v1\/captions\/([^.]+)\.(txt|vtt|srt|json)$/.exec(path);
  const words = transcript &&
    byId(sessions, transcript[1]!)?.events.flatMap((event) =>
      event.type === "caption" ? event.committed.map(({ text }) => text) : []
    );
  if (words) return new Response(words.join(" "));
  return await pageFile(path) ?? Response.json({ error: { code: "not_found" } }, { status: 404 });
}

function listen(
  socket: WebSocket,
  session: Session,
  onStart: () => void,
  script: readonly CaptionWord[],
): void {
  const say = (message: ServerMessage) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  socket.binaryType = "arraybuffer";
  socket.onerror = () => {};
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return hear(session, new Int16Array(data), { script, say });
    const message: ClientMessage = JSON.parse(data);
    if (message.type === "start") {
      session.sampleRateHz = message.audio.sampleRateHz;
      onStart();
    }
    if (message.type === "start" || message.type === "resume") {
      session.socket = socket;
      say(helloOf(session));
      const lastSeq = message.type === "resume" ? message.lastSeq : 0;
      for (const event of session.events.filter(({ seq }) => seq > lastSeq)) say(event);
    }
    if (message.type === "end") {
      advance(session, { script, untilMs: Infinity });
      emit(session, { type: "end", seq: 0, atMs: 0 });
      socket.close(1000);
    }
  };
}

function helloOf(session: Session): HelloMessage {
  const { hello, accepted, events } = session;
  return { ...hello, acceptedSamples: accepted, lastSeq: events.length, isEnded: false };
}

function follow(socket: WebSocket, session: Session, after: number): void {
  socket.onopen = () => {
    const { token: _, ...hello } = helloOf(session);
    socket.send(JSON.stringify({ ...hello, role: "viewer" }));
    for (const event of session.events.slice(after)) socket.send(JSON.stringify(event));
    session.viewers.add(socket);
  };
}

function hear(
  session: Session,
  samples: Int16Array,
  { script, say }: { script: readonly CaptionWord[]; say: (message: ServerMessage) => void },
): void {
  session.audio.push(samples);
  session.accepted += samples.length;
  say({ type: "accepted", samples: session.accepted });
  advance(session, { script, untilMs: session.accepted / session.sampleRateHz * 1000 });
}

/** Says what there is to say about audio up to a time. */
function advance(
  session: Session,
  { script, untilMs }: { script: readonly CaptionWord[]; untilMs: number },
): void {
  const next = script.slice(session.committed);
  const lastMs = session.events.findLast((event) => event.type === "caption")?.settledMs ?? -400;
  if (untilMs < lastMs + 400) return;
  const committed = next.filter(({ endMs }) => endMs <= untilMs - FINAL_MS);
  const tentative = next.slice(committed.length).filter(({ endMs }) => endMs <= untilMs - GUESS_MS);
  const settledMs = Math.min(untilMs, script.at(-1)?.endMs ?? 0);
  for (let rest = committed, guess = tentative; rest.length > 0 || guess.length > 0;) {
    const end = rest.findIndex(({ text }) => text === "");
    const now = end < 0 ? rest : rest.slice(0, end);
    const isEnd = end >= 0;
    const shown = isEnd ? [] : guess.filter(({ text }) => text !== "");
    const firstWord = wordsBefore(script, session.committed);
    emit(session, {
      type: "caption",
      seq: 0,
      firstWord,
      committed: now,
      tentative: shown,
      settledMs,
    });
    session.committed += now.length + (isEnd ? 1 : 0);
    if (!isEnd) return;
    const wordCount = wordsBefore(script, session.committed);
    emit(session, { type: "utterance_end", seq: 0, startMs: 0, endMs: settledMs, wordCount });
    rest = rest.slice(end + 1);
    guess = tentative;
  }
}

function wordsBefore(script: readonly CaptionWord[], index: number): number {
  return script.slice(0, index).filter(({ text }) => text !== "").length;
}

function emit(session: Session, event: SessionEvent): void {
  const numbered = { ...event, seq: session.events.length + 1 };
  session.events.push(numbered);
  const text = JSON.stringify(numbered);
  for (const socket of [session.socket, ...session.viewers]) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(text);
  }
}

/** A script of utterances, spoken at so many letters a second. */
export function scriptOf(utterances: readonly string[], startMs = 300): CaptionWord[] {
  const script: CaptionWord[] = [];
  let atMs = startMs;
  utterances.forEach((utterance) => {
    utterance.split(" ").forEach((text, index) => {
      const endMs = atMs + 90 + 45 * text.length;
      const confidence = [0.98, 0.93, 0.99, 0.78, 0.97, 0.95, 0.52][(index * 5 + text.length) % 7]!;
      script.push({ text: text.toUpperCase(), startMs: atMs, endMs, confidence });
      atMs = endMs + 40;
    });
    script.push({ text: "", startMs: atMs, endMs: atMs, confidence: 1 });
    atMs += 500;
  });
  return script;
}

/**
 * The door: origin, key, room and load are looked at before anything is made of a request.
 *
 * @module
 */
import { identify, isLoopbackName, isOriginAllowed } from "./auth.ts";
import type { ServerContext } from "./context.ts";
import type { Caller, Permit, Refusal } from "./limits.ts";
import { log } from "./log.ts";

/** What a request wants. */
export interface Wish {
  /** Whether a key is needed where the server has any. @default {true} */
  readonly needsKey?: boolean;
  /** A connection that stays. @default {false} */
  readonly socket?: boolean;
  /**
   * A speaker's session, whose room is taken `now`, or `later` by `gate.admitSpeaker`; refused
   * while the engine is not ready or is behind. @default {"no"}
   */
  readonly speaker?: "now" | "later" | "no";
}

/** A request let in. Its permits are the caller's to give back. */
export interface Admitted {
  readonly kind: "admitted";
  /** Whose it is. */
  readonly caller: Caller;
  /** The subprotocol to answer an upgrade with. */
  readonly subprotocol: string | undefined;
  /** Room for the connection; there if it was wished for. */
  readonly socket: Permit;
  /** Room for the speaker; there if it was wished for now. */
  readonly speaker: Permit;
}

/** For what was not wished for. */
const NOTHING: Permit = { kind: "admitted", [Symbol.dispose]() {} };

/**
 * Lets a request in, or says why not.
 *
 * @param context The server.
 * @param request The request; its body is not touched.
 * @param wish What it wants.
 */
export function admit(
  context: ServerContext,
  request: Request,
  wish: Wish = {},
): Admitted | Refusal {
  const { needsKey = true, socket = false, speaker = "no" } = wish;
  const { config, gate, engine, keys } = context;
  const { allowedOrigins, host } = config;
  if (!isOriginAllowed(request, { allowedOrigins, isLoopback: isLoopbackName(host) })) {
    return refusal(403, "forbidden_origin", "Cannot let this page in as its origin is not allowed");
  }
  const identity = identify(request, needsKey ? keys : []);
  if (identity.kind === "unknown") return refusal(401, "unauthorized", identity.reason);
  if (context.draining.aborted && (socket || speaker !== "no")) {
    return {
      ...refusal(503, "draining", "Cannot open a session as the server shuts down"),
      retryAfterMs: 5000,
    };
  }
  const engineRefusal = speaker === "no" ? undefined : engine.refusal();
  if (engineRefusal !== undefined) return engineRefusal;
  const { keyName, subprotocol } = identity;
  const caller = { keyName, address: context.addresses.of(request) };
  const socketPermit = socket ? gate.admitSocket() : NOTHING;
  if (socketPermit.kind === "refused") return socketPermit;
  const speakerPermit = speaker === "no" ? NOTHING : gate.admitSpeaker(caller);
  if (speakerPermit.kind === "refused") {
    socketPermit[Symbol.dispose]();
    return speakerPermit;
  }
  if (speaker === "later") speakerPermit[Symbol.dispose]();
  return { kind: "admitted", caller, subprotocol, socket: socketPermit, speaker: speakerPermit };
}

/** A refusal that no limit makes. */
export function refusal(
  status: Refusal["status"],
  code: Refusal["code"],
  message: string,
): Refusal {
  return { kind: "refused", status, code, message };
}

/** The answer to a request that is refused. Dialects that write it otherwise give the body. */
export function refuse(
  context: ServerContext,
  { status, code, message, retryAfterMs }: Refusal,
  body: unknown = { error: { code, message } },
): Response {
  context.metrics.refused(code);
  log.debug("Refused: {code}", { code, status });
  const headers = new Headers({ "content-type": "application/json", "cache-control": "no-store" });
  if (retryAfterMs !== undefined) {
    headers.set("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  }
  if (status === 401) headers.set("www-authenticate", 'Bearer realm="hubcap"');
  if (status === 426) {
    headers.set("upgrade", "websocket");
    headers.set("connection", "Upgrade");
  }
  return new Response(JSON.stringify(body), { status, headers });
}

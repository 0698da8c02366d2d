/**
 * The server without its socket: a Hono app of all protocols, and what they share.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import { parseApiKeys } from "./auth.ts";
import { CaptionSessions } from "./caption_sessions.ts";
import { ClientAddresses } from "./client_address.ts";
import type { ServerConfig } from "./config.ts";
import type { ServerContext } from "./context.ts";
import type { EngineSlot } from "./engine_slot.ts";
import { cors, Hono, type MiddlewareHandler, secureHeaders } from "./hono.ts";
import { Gate } from "./limits.ts";
import { log } from "./log.ts";
import { ServerMetrics } from "./metrics.ts";
import { ROUTES } from "./routes.ts";
import type { SpeakerSession } from "./session.ts";
import { isUpgrade } from "./socket.ts";

/** The app, as routes are added to it. */
export type App = Hono;

/**
 * Makes what all routes share.
 *
 * @param config The settings.
 * @param engine The engine, on its way or there; stays the caller's.
 * @param draining Aborted when the server begins to shut down.
 * @throws {RangeError} If an API key cannot be used.
 */
export function createContext(
  config: ServerConfig,
  { engine, draining }: { engine: EngineSlot; draining: AbortSignal },
): ServerContext {
  const gate = new Gate(config);
  const captions = new CaptionSessions();
  const sessions = new Set<SpeakerSession>();
  const metrics = new ServerMetrics({
    engine: () => engine.engine,
    sessions: () => ({ ...captions.counts, speaking: sessions.size }),
    socketCount: () => gate.socketCount,
  });
  engine.observer = (record) => metrics.engine.observe(record);
  const keys = parseApiKeys(config.apiKeys);
  const addresses = new ClientAddresses(config.trustedProxies);
  return { config, keys, addresses, engine, metrics, gate, draining, sessions, captions };
}

/**
 * Makes the app. Its `fetch` is a handler for `Deno.serve`.
 *
 * @param context What all routes share.
 *
 * @example
 * ```ts ignore
 * const app = createApp(createContext(config, { engine, draining: stop.signal }));
 * Deno.serve({ port: config.port }, app.fetch);
 * ```
 */
export function createApp(context: ServerContext): App {
  const app = new Hono();
  const { allowedOrigins, tlsCert } = context.config;
  app.use(notForUpgrades(securityHeaders(tlsCert !== undefined)));
  app.use(notForUpgrades(cors({
    origin: (origin) =>
      allowedOrigins.includes("*") || allowedOrigins.includes(origin) ? origin : null,
    allowHeaders: ["authorization", "content-type", "x-api-key", "last-event-id"],
    exposeHeaders: ["retry-after"],
    maxAge: 600,
  })));
  app.use(requestLog);
  for (const add of ROUTES) add(app, context);
  app.notFound((c) =>
    c.json({ error: { code: "not_found", message: "Cannot find this address" } }, 404)
  );
  app.onError((error, c) => {
    if (error instanceof AudioError) {
      return c.json({ error: { code: "bad_audio", message: error.message } }, 400);
    }
    log.error("A request failed: {error}", { error: String(error), path: c.req.path });
    context.metrics.errorSent("internal");
    return c.json({ error: { code: "internal", message: "The server failed" } }, 500);
  });
  return app;
}

/** The answer to an upgrade is Deno's own and stays as it is. */
function notForUpgrades(middleware: MiddlewareHandler): MiddlewareHandler {
  return (c, next) => isUpgrade(c.req.raw) ? next() : middleware(c, next);
}

/** Only what the server itself serves runs in its pages; nobody else's page frames them unasked. */
function securityHeaders(isTls: boolean): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'self'"],
      connectSrc: ["'self'"],
      imgSrc: ["'self'", "data:"],
      mediaSrc: ["'self'", "blob:"],
      workerSrc: ["'self'", "blob:"],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'self'"],
    },
    permissionsPolicy: { microphone: ["self"], camera: [], geolocation: [] },
    referrerPolicy: "no-referrer",
    strictTransportSecurity: isTls,
  });
}

/** The path alone: queries may hold keys. */
const requestLog: MiddlewareHandler = async (c, next) => {
  const startMs = performance.now();
  await next();
  log.debug("{method} {path} {status} in {ms} ms", {
    method: c.req.method,
    path: c.req.path,
    status: c.res.status,
    ms: Math.round(performance.now() - startMs),
  });
};

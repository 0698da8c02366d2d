/**
 * The server with its socket: starts, and ends without cutting anybody off.
 *
 * @module
 */
import { Annotator } from "../annotator.ts";
import { defaultModel } from "../default_model.ts";
import { CaptionEngine } from "../engine.ts";
import type { EngineObserver } from "../engine_observer.ts";
import { type App, createApp, createContext } from "./app.ts";
import { isLoopbackName } from "./auth.ts";
import { resolveConfig, type ServerConfig, splitAnnotator } from "./config.ts";
import type { ServerContext } from "./context.ts";
import { EngineSlot, type EngineSource, type EngineState } from "./engine_slot.ts";
import { log } from "./log.ts";

/** Options of {@linkcode startServer}. */
export interface StartOptions {
  /**
   * The engine, its loading, or what loads it with the server's observer: only then runs are logged
   * and `/metrics` has their histograms. The server owns it. @default {one with the settings' model}
   */
  readonly engine?: EngineSource;
  /** What else is to be said of native sessions. The server owns them. @default {those of the settings} */
  readonly annotators?: readonly Annotator[];
}

/** A server that runs. */
export interface RunningServer extends AsyncDisposable {
  /** Where it listens, as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Where the engine stands. */
  readonly engine: EngineState;
  /**
   * What its routes share.
   * @internal
   */
  readonly context: ServerContext;
  /** Resolves when the model is loaded, or cannot be. */
  readonly settled: Promise<void>;
  /** Lets nobody in, finishes what there is, as long as `drainSeconds`, and ends. Idempotent. */
  shutdown(): Promise<void>;
}

/**
 * Starts a server. It listens at once, and lets speakers in when the model is loaded.
 *
 * @param settings What is to be other than by default.
 * @throws {RangeError} If a setting does not fit.
 * @throws {Deno.errors.AddrInUse} If the port is taken.
 */
export async function startServer(
  settings: Partial<ServerConfig> = {},
  options: StartOptions = {},
): Promise<RunningServer> {
  const config = resolveConfig({ file: settings });
  const { engine = (observer: EngineObserver) => loadEngine(config, observer) } = options;
  const { leftMs, hopMs, rightMs, maxWindowMs } = config;
  const windows = { leftMs, hopMs, rightMs, maxWindowMs };
  const annotators = Promise.resolve(options.annotators ?? loadAnnotators(config));
  const slot = new EngineSlot(engine, { windows, annotators });
  const draining = new AbortController();
  try {
    const context = createContext(config, { engine: slot, draining: draining.signal });
    const http = Deno.serve({
      ...await addressOf(config),
      onListen: () => {},
      onError: (error) => {
        log.error("A request failed: {error}", { error: String(error) });
        return new Response("The server failed", { status: 500 });
      },
    }, handlerOf(createApp(context), context));
    const url = urlOf(config, (http.addr as Deno.NetAddr).port);
    announce(context, url);
    let ended: Promise<void> | undefined;
    const shutdown = () => ended ??= drain(context, { http, slot, draining });
    return {
      url,
      get engine() {
        return slot.state;
      },
      context,
      settled: slot.settled,
      shutdown,
      [Symbol.asyncDispose]: shutdown,
    };
  } catch (error) {
    await slot[Symbol.asyncDispose]();
    throw error;
  }
}

/** Hono's handler; of the connection all that is asked for is where it comes from. */
function handlerOf(app: App, { addresses }: ServerContext): Deno.ServeHandler {
  return (request, { remoteAddr }) => {
    addresses.note(request, remoteAddr);
    return app.fetch(request);
  };
}

async function loadEngine(
  config: ServerConfig,
  observer: EngineObserver,
): Promise<CaptionEngine> {
  const { model = await defaultModel(), backend, dtype, maxBatch, maxWindowMs } = config;
  const { language, threads, workers: workerCount, normalization } = config;
  const { decoder, languageModel } = config;
  if (model === undefined) {
    throw new RangeError("Cannot load a model as none is named: use --model");
  }
  return await CaptionEngine.load(model, {
    backend,
    dtype,
    workerCount,
    normalization,
    maxBatch,
    maxWindowMs,
    observer,
    onNotice: (notice) => log.warning("{notice}", { notice }),
    ...(language === undefined ? {} : { targetLang: language }),
    ...(threads === undefined ? {} : { threadCount: threads }),
    ...(languageModel === undefined ? {} : { languageModel }),
    ...(decoder === "auto" ? {} : { decoder }),
    ...(decoder === "greedy" ? { languageModel: false as const } : {}),
  });
}

/** Each is `name=source`. */
async function loadAnnotators(config: ServerConfig): Promise<Annotator[]> {
  const { backend, annotators } = config;
  const loaded: Annotator[] = [];
  try {
    for (const entry of annotators) {
      const [name, source] = splitAnnotator(entry);
      loaded.push(await Annotator.load(source, { name, backend }));
    }
    return loaded;
  } catch (error) {
    await Promise.all(loaded.map((annotator) => annotator[Symbol.asyncDispose]()));
    throw error;
  }
}

async function addressOf(config: ServerConfig): Promise<Deno.ServeTcpOptions> {
  const { host, port, tlsCert, tlsKey } = config;
  if (tlsCert === undefined || tlsKey === undefined) return { hostname: host, port };
  const [cert, key] = await Promise.all([tlsCert, tlsKey].map((path) => Deno.readTextFile(path)));
  return { hostname: host, port, cert, key } as Deno.ServeTcpOptions;
}

function urlOf({ host, tlsCert }: ServerConfig, port: number): string {
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  const bracketed = name.includes(":") ? `[${name}]` : name;
  return `${tlsCert === undefined ? "http" : "https"}://${bracketed}:${port}`;
}

function announce({ config, engine }: ServerContext, url: string): void {
  log.info("Listening on {url}", { url });
  if (config.apiKeys.length === 0 && !isLoopbackName(config.host)) {
    log.warning("Everybody who reaches {host} may caption: set apiKeys to change that", {
      host: config.host,
    });
  }
  engine.settled.then(() => {
    if (engine.engine === undefined) return;
    const { model: { source, selection: { chosen, reason } }, stats: { workerCount } } =
      engine.engine;
    log.info("Ready with {source} on {workerCount} × {chosen}: {reason}", {
      ...{ source, workerCount, chosen, reason },
    });
  });
}

/** Time for the last messages to be read once all sessions are over, ms. */
const GOODBYE_MS = 1000;

async function drain(
  context: ServerContext,
  { http, slot, draining }: {
    http: Deno.HttpServer;
    slot: EngineSlot;
    draining: AbortController;
  },
): Promise<void> {
  const { sessions, captions, config, gate } = context;
  log.info("Shutting down with {count} sessions", { count: sessions.size });
  draining.abort();
  const deadlineMs = performance.now() + 1000 * config.drainSeconds;
  while (sessions.size > 0 && performance.now() < deadlineMs) await sleep(20);
  for (const session of sessions) {
    session.abort(new DOMException("The server shuts down", "AbortError"));
  }
  const goodbyeMs = performance.now() + GOODBYE_MS;
  while (gate.socketCount > 0 && performance.now() < goodbyeMs) await sleep(20);
  await Promise.race([http.shutdown(), sleep(GOODBYE_MS)]); // it cuts WebSockets
  captions[Symbol.dispose]();
  await slot[Symbol.asyncDispose]();
  log.info("Shut down");
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

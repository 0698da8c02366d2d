/**
 * What operators ask: is it alive, is it ready, on what does it run, how is it doing.
 *
 * @module
 */
import { admit, refuse } from "./admission.ts";
import type { App } from "./app.ts";
import type { ServerContext } from "./context.ts";
import { modelName } from "./model_name.ts";

/** Adds `/healthz`, `/healthz/live`, `/healthz/ready` and `/metrics`. */
export function operationRoutes(app: App, context: ServerContext): void {
  app.get("/healthz", (c) => {
    const health = healthOf(context);
    return c.json(health, health.ready ? 200 : 503, NO_STORE);
  });
  app.get("/healthz/live", (c) => {
    const { live } = healthOf(context);
    return c.json({ live }, live ? 200 : 503, NO_STORE);
  });
  app.get("/healthz/ready", (c) => {
    const { ready, why } = healthOf(context);
    return c.json({ ready, why }, ready ? 200 : 503, NO_STORE);
  });
  app.get("/metrics", async (c) => {
    const admitted = admit(context, c.req.raw);
    if (admitted.kind === "refused") return refuse(context, admitted);
    const text = await context.metrics.text();
    return c.body(text, 200, { ...NO_STORE, "content-type": context.metrics.contentType });
  });
}

const NO_STORE = { "cache-control": "no-store" };

/** How the server is. */
export interface Health {
  /** Whether it can ever serve again; if not, it should be started anew. */
  readonly live: boolean;
  /** Whether a speaker would be let in now. */
  readonly ready: boolean;
  /** Why not, if not. */
  readonly why: string | undefined;
  /** Where the model runs, why there, how many copies of it, and how many were lost for good. */
  readonly backend:
    | {
      readonly name: string;
      readonly why: string;
      readonly workers: number;
      readonly lostWorkers: number;
    }
    | undefined;
  /** The model's name. */
  readonly model: string | undefined;
  /** Speakers now. */
  readonly speakers: number;
}

/** Looks at the server. */
function healthOf({ engine, draining, gate, config }: ServerContext): Health {
  const running = engine.engine;
  const refused = engine.refusal();
  const isFull = gate.speakerCount >= config.maxSessions;
  const why = draining.aborted
    ? "The server shuts down"
    : refused?.message ?? (isFull ? "All sessions are taken" : undefined);
  return {
    live: engine.state.kind !== "failed",
    ready: why === undefined,
    why,
    backend: running && {
      name: running.model.selection.chosen,
      why: running.model.selection.reason,
      workers: running.stats.workerCount,
      lostWorkers: running.stats.lostWorkerCount,
    },
    model: running && modelName(running.model.source),
    speakers: gate.speakerCount,
  };
}

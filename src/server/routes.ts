/**
 * All that the server answers: one line for each protocol.
 *
 * @module
 */
import type { App } from "./app.ts";
import { captionRoutes } from "./caption_routes.ts";
import type { ServerContext } from "./context.ts";
import { deepgramRoutes } from "./deepgram.ts";
import { openAiRoutes } from "./openai.ts";
import { operationRoutes } from "./operation_routes.ts";
import { pageRoutes } from "./page_routes.ts";
import { voskRoutes } from "./vosk.ts";

/** Adds the addresses of one protocol. */
export type Routes = (app: App, context: ServerContext) => void;

/** Every protocol, in the order addresses are tried. */
export const ROUTES: readonly Routes[] = [
  operationRoutes,
  voskRoutes, // before the page: both are at `/`
  pageRoutes,
  captionRoutes,
  deepgramRoutes,
  openAiRoutes,
];

/**
 * The real server, with the page.
 *
 * @module
 */
import { resolveConfig } from "../../src/server/config.ts";
import { ROUTES, type Routes } from "../../src/server/routes.ts";
import { type RunningServer, startServer } from "../../src/server/serve.ts";
import { openEngine } from "../server/server.ts";
import { pageFile } from "./page_files.ts";

const pageRoutes: Routes = (app) => {
  app.get("/*", async (c) => await pageFile(c.req.path) ?? c.notFound());
};

/** Starts the server with a tiny checkpoint of random weights. */
export async function openPageServer(): Promise<RunningServer> {
  const config = resolveConfig({ flags: { port: 0, drainSeconds: 2, logLevel: "error" } });
  const server = await startServer(config, {
    engine: openEngine(),
    routes: [...ROUTES, pageRoutes],
  });
  await server.settled;
  return server;
}

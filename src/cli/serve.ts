/**
 * `hubcap serve`: the server, until it is told to stop.
 *
 * @module
 */
import {
  type ConfigSources,
  printConfig,
  resolveConfig,
  type ServerConfig,
  type Setting,
  SETTINGS,
} from "../server/config.ts";
import { writeLogs } from "../server/log.ts";
import { startServer } from "../server/serve.ts";
import { type CommandSpec, EXIT_CODES, type OptionSpec, UsageError } from "./command.ts";
import { allowGrace } from "./interruption.ts";
import type { Terminal } from "./terminal.ts";

/** Values of the options of `hubcap serve`: the settings, and two of the command's own. */
export interface ServeValues extends Readonly<Record<string, unknown>> {
  readonly config?: string;
  readonly printConfig?: boolean;
  readonly debug?: boolean;
}

/** The command. */
export const serveCommand: CommandSpec<ServeValues> = {
  name: "serve",
  summary: "Serve live captions over WebSocket and HTTP",
  parameters: [],
  options: [
    {
      name: "config",
      short: "c",
      description: "JSON file of settings, named as the flags in camelCase",
      value: { kind: "text", name: "file" },
    },
    {
      name: "print-config",
      description: "show the settings as they come together, and end",
      value: { kind: "flag" },
    },
    ...SETTINGS.map(optionOf),
  ],
  notes: `Every flag is also a setting in the environment (--max-sessions is HUBCAP_MAX_SESSIONS)
and in the file of --config ("maxSessions"). Flags win, then the environment, then the file.
Keys belong in the environment or the file: flags can be seen by other users of the machine.

Examples:
  hubcap serve
  HUBCAP_API_KEYS=me:$(openssl rand -hex 16) hubcap serve --host 0.0.0.0 --port 443 \\
    --tls-cert cert.pem --tls-key key.pem`,
  run: runServe,
};

function optionOf({ flag, description, isBoolean, defaultValue }: Setting): OptionSpec {
  const hasDefault = defaultValue !== undefined && !Array.isArray(defaultValue) && !isBoolean;
  return {
    name: flag.slice(2),
    description,
    value: isBoolean ? { kind: "flag" } : { kind: "text", name: "value" },
    ...(hasDefault ? { default: String(defaultValue) } : {}),
  };
}

async function runServe(
  _parameters: readonly string[],
  values: ServeValues,
  terminal: Terminal,
): Promise<number> {
  const config = await readConfig(values);
  if (values.printConfig) {
    terminal.write(`${printConfig(config)}\n`);
    return EXIT_CODES.ok;
  }
  await writeLogs({ level: config.logLevel, format: config.logFormat });
  allowGrace(1000 * config.drainSeconds + 5000);
  const stopped = Promise.withResolvers<void>();
  terminal.signal.addEventListener("abort", () => stopped.resolve(), { once: true });
  if (terminal.signal.aborted) stopped.resolve();
  const server = await startServer(config);
  terminal.write(`Hubcap listens on ${server.url}\n`);
  const failed = server.settled.then(() => server.engine.kind === "failed");
  const isFailed = await Promise.race([
    stopped.promise.then(() => false),
    failed.then((isFailed) => isFailed || stopped.promise.then(() => false)),
  ]);
  const { engine } = server;
  await server.shutdown();
  if (isFailed && engine.kind === "failed") throw engine.error;
  return EXIT_CODES.ok;
}

async function readConfig(values: ServeValues): Promise<ServerConfig> {
  const { config: path, printConfig: _print, debug: _debug, ...flags } = values;
  try {
    const sources: ConfigSources = { flags, env: environment() };
    return resolveConfig(path === undefined ? sources : { ...sources, file: await readJson(path) });
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/** The variables of settings alone: so no other need be allowed. */
function environment(): Record<string, string | undefined> {
  return Object.fromEntries(SETTINGS.map(({ env }) => {
    try {
      return [env, Deno.env.get(env)];
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) return [env, undefined];
      throw error;
    }
  }));
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new RangeError(`Cannot read ${path} as it is not JSON: ${error.message}`);
    }
    if (error instanceof Deno.errors.NotFound) {
      throw new RangeError(`Cannot read ${path} as there is no such file`);
    }
    throw error;
  }
}

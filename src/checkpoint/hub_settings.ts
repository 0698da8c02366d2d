/**
 * Where the hub and its cache are, by the conventions of Python's
 * `huggingface_hub`: options first, then the environment, then the defaults.
 *
 * @module
 */
import { join } from "../std.ts";

/** What of {@linkcode HubSettings} a caller may set. */
export interface HubOptions {
  /** Access token; `false` sends none. @default {HF_TOKEN, else the file that "hf auth login" writes} */
  token?: string | false | undefined;
  /** Address of the hub. @default {HF_ENDPOINT, else "https://huggingface.co"} */
  endpoint?: string | undefined;
  /** Folder of the cache, shared with Python. @default {HF_HUB_CACHE, else "hub" in HF_HOME, else "~/.cache/huggingface/hub"} */
  cacheFolder?: string | undefined;
  /** Whether to take what the cache holds and ask nobody. @default {HF_HUB_OFFLINE} */
  offline?: boolean | undefined;
}

/** Where the hub and its cache are. */
export interface HubSettings {
  /** Address of the hub, without a slash at its end. */
  readonly endpoint: string;
  /** Access token. */
  readonly token: string | undefined;
  /** Folder of the cache. */
  readonly cacheFolder: string;
  /** Whether to ask nobody. */
  readonly offline: boolean;
  /** Whether snapshots hold symbolic links into the blobs, where the system has them. */
  readonly useSymlinks: boolean;
}

/** Looks up an environment variable. */
export type Environment = (name: string) => string | undefined;

/**
 * Reads the environment for what the options leave open.
 *
 * @param options What is given.
 * @param variable The environment. @default {the process's}
 * @throws {RangeError} If the endpoint is not an http or https address.
 */
export async function hubSettings(
  options: HubOptions = {},
  variable: Environment = processVariable,
): Promise<HubSettings> {
  const isTrue = (name: string) =>
    ["1", "ON", "YES", "TRUE"].includes(variable(name)?.toUpperCase() ?? "");
  const user = variable("HOME") ?? variable("USERPROFILE") ?? ".";
  const home = expandHome(
    variable("HF_HOME") ?? join(variable("XDG_CACHE_HOME") ?? "~/.cache", "huggingface"),
    user,
  );
  const tokenPath = expandHome(variable("HF_TOKEN_PATH") ?? join(home, "token"), user);
  const implicitToken = async () =>
    isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN")
      ? undefined
      : variable("HF_TOKEN") ?? variable("HUGGING_FACE_HUB_TOKEN") ?? await readToken(tokenPath);
  const cacheFolder = options.cacheFolder ?? variable("HF_HUB_CACHE") ??
    variable("HUGGINGFACE_HUB_CACHE") ?? join(home, "hub");
  const offline = options.offline ?? (isTrue("HF_HUB_OFFLINE") || isTrue("TRANSFORMERS_OFFLINE"));
  return {
    endpoint: checkEndpoint(
      options.endpoint ?? variable("HF_ENDPOINT") ?? "https://huggingface.co",
    ),
    token: offline ? undefined : trimmed(options.token ?? await implicitToken()),
    cacheFolder: expandHome(cacheFolder, user),
    offline,
    useSymlinks: !isTrue("HF_HUB_DISABLE_SYMLINKS"),
  };
}

function checkEndpoint(endpoint: string): string {
  const url = URL.parse(endpoint);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username) {
    throw new RangeError(
      `Cannot use the hub's endpoint as it is not an address like "https://huggingface.co": "${endpoint}"`,
    );
  }
  return url.href.replace(/\/+$/, "");
}

/** The token that `hf auth login` left, if anyone has logged in. */
async function readToken(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return undefined;
  }
}

function trimmed(token: string | false | undefined): string | undefined {
  return token ? token.trim() || undefined : undefined;
}

function expandHome(path: string, user: string): string {
  return path === "~" || /^~[/\\]/.test(path) ? join(user, path.slice(1)) : path;
}

/** A variable that is set and not empty; none where the environment may not be read. */
function processVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name) || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

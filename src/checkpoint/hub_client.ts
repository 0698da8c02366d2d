/**
 * Requests to the model hub: its routes, its redirects, its errors.
 *
 * @module
 */
import { HubError } from "../errors.ts";
import {
  failure,
  hubError,
  type HubReference,
  type HubSubject,
  withoutSecrets,
} from "./hub_failure.ts";
import type { HubSettings } from "./hub_settings.ts";
import { reasonOf, shown } from "./messages.ts";
import { retry, TransientError, Watchdog } from "./retry.ts";

export type { HubReference } from "./hub_failure.ts";

const MAX_REDIRECTS = 8;
/** Largest answer of the API; it lists the files of a repository. */
const MAX_LISTING_BYTES = 32 << 20;

/** Patience with the network. */
export interface PatienceOptions {
  /** Longest standstill of a request, in milliseconds. @default {30000} */
  timeoutMs?: number | undefined;
  /** Further tries after a failure that may pass. @default {5} */
  retryCount?: number | undefined;
  /** Pause before the first further try, in milliseconds; it doubles each time. @default {500} */
  retryDelayMs?: number | undefined;
}

/** What a revision is. */
export interface HubRevision {
  /** The commit, 40 hexadecimal digits. */
  readonly commit: string;
  /** Names of its files; unchecked. */
  readonly files: readonly string[];
}

/** What is known of a file before it is fetched. */
export interface HubFile {
  /** Name of its content: the SHA-256 of large files, the git hash of small ones. */
  readonly etag: string;
  /** Length of its content in bytes; undefined where the server does not say. */
  readonly byteLength: number | undefined;
}

/** Asks one hub. Each method retries what may pass, and rejects with the signal's reason when aborted. */
export class HubClient {
  readonly #settings: HubSettings;
  readonly #signal: AbortSignal;
  readonly #patience: { timeoutMs: number; retryCount: number; retryDelayMs: number };

  /** A client of one hub. @param settings Where the hub is. @param options Patience, and what ends all requests. */
  constructor(settings: HubSettings, options: PatienceOptions & { signal: AbortSignal }) {
    const { timeoutMs = 30_000, retryCount = 5, retryDelayMs = 500, signal } = options;
    this.#settings = settings;
    this.#signal = signal;
    this.#patience = { timeoutMs, retryCount, retryDelayMs };
  }

  /**
   * Asks what a revision is.
   *
   * @throws {HubError} If the hub does not say.
   */
  async revision(reference: HubReference): Promise<HubRevision> {
    const { id, revision } = reference;
    const url = `${this.#settings.endpoint}/api/models/${id}/revision/${
      encodeURIComponent(revision)
    }`;
    return await this.#retry(async () => {
      using watchdog = this.#watch();
      const response = await this.#follow(url, { watchdog });
      if (!response.ok) throw await failure(response, this.#about(reference));
      return parseRevision(await readText(response, watchdog), url);
    });
  }

  /**
   * Asks what a file is.
   *
   * @throws {HubError} If the hub does not say.
   */
  async file(reference: HubReference, file: string): Promise<HubFile> {
    const url = this.#fileUrl(reference, file);
    return await this.#retry(async () => {
      using watchdog = this.#watch();
      const response = await this.#follow(url, { method: "HEAD", watchdog });
      await response.body?.cancel();
      const isRedirect = response.status >= 300 && response.status < 400;
      if (!response.ok && !isRedirect) {
        throw await failure(response, this.#about(reference, file));
      }
      return parseFile(response, url);
    });
  }

  /**
   * Fetches a file from some byte on, and again from where it broke off.
   *
   * @param reference Model and commit. @param file Name of the file.
   * @param sink Takes the bytes.
   * @throws {HubError} If the hub does not send it.
   */
  async fetch(reference: HubReference, file: string, sink: ByteSink): Promise<void> {
    const url = this.#fileUrl(reference, file);
    const attempt = async () => {
      using watchdog = this.#watch();
      const start = sink.position;
      const range = start > 0 ? { range: `bytes=${start}-` } : {};
      const response = await this.#follow(url, { headers: range, watchdog });
      if (response.status === 416) {
        await response.body?.cancel();
        await sink.restart();
        throw new TransientError(hubError(`Cannot resume ${file} at byte ${start}`, response));
      }
      if (!response.ok) throw await failure(response, this.#about(reference, file));
      if (start > 0 && !startsAt(response, start)) await sink.restart();
      for await (const chunk of body(response, watchdog)) await sink.write(chunk);
      if (sink.isShort()) {
        throw new TransientError(
          hubError(`Cannot fetch ${file}: the connection was cut`, response),
        );
      }
    };
    await this.#retry(attempt, () => sink.position);
  }

  #fileUrl({ id, revision }: HubReference, file: string): string {
    const path = file.split("/").map(encodeURIComponent).join("/");
    return `${this.#settings.endpoint}/${id}/resolve/${encodeURIComponent(revision)}/${path}`;
  }

  #about(reference: HubReference, file?: string): HubSubject {
    const { endpoint, token } = this.#settings;
    return { ...reference, file, endpoint, hasToken: token !== undefined };
  }

  #watch(): Watchdog {
    return new Watchdog(this.#signal, this.#patience.timeoutMs);
  }

  #retry<T>(call: () => Promise<T>, progress?: () => number): Promise<T> {
    return retry(call, {
      ...this.#patience,
      signal: this.#signal,
      ...(progress ? { progress } : {}),
    });
  }

  /**
   * Sends a request and follows redirects. The token goes to the hub alone. A
   * HEAD request stops at the redirect that describes the file: behind it lies
   * a store that knows nothing of the hub's names.
   */
  async #follow(
    url: string,
    options: { method?: string; headers?: Record<string, string>; watchdog: Watchdog },
  ): Promise<Response> {
    const { method = "GET", headers = {}, watchdog } = options;
    const { endpoint, token } = this.#settings;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const isHub = new URL(url).origin === new URL(endpoint).origin;
      const response = await send(url, {
        method,
        headers: {
          ...headers,
          "user-agent": "hubcap",
          "accept-encoding": "identity", // lengths and ranges are those of the file
          ...(isHub && token !== undefined ? { authorization: `Bearer ${token}` } : {}),
        },
        redirect: "manual",
        signal: watchdog.signal,
      });
      const location = response.headers.get("location");
      if (response.status < 300 || response.status >= 400 || !location) return response;
      if (method === "HEAD" && response.headers.has("x-linked-etag")) return response;
      await response.body?.cancel();
      url = checkRedirect(location, url);
    }
    throw new HubError(`Cannot follow more than ${MAX_REDIRECTS} redirects of the hub`, {
      url: withoutSecrets(url),
      status: 302,
    });
  }
}

/** Takes the bytes of a file in order. */
export interface ByteSink {
  /** Bytes taken so far. */
  readonly position: number;
  /** Takes the next bytes. */
  write(chunk: Uint8Array): Promise<void>;
  /** Forgets what was taken. */
  restart(): Promise<void>;
  /** Whether bytes are known to be missing. */
  isShort(): boolean;
}

async function send(url: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    throw connectionError(url, init.signal.aborted ? init.signal.reason : cause);
  }
}

async function* body(response: Response, watchdog: Watchdog): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response.body ?? []) {
      watchdog.touch();
      yield chunk;
    }
  } catch (cause) {
    throw connectionError(response.url, watchdog.signal.aborted ? watchdog.signal.reason : cause);
  }
}

function connectionError(url: string, cause: unknown): TransientError {
  const { host } = new URL(url);
  return new TransientError(
    new HubError(
      `Cannot reach ${host} because of: ${reasonOf(cause)}. Check the connection, or set ` +
        "HF_HUB_OFFLINE=1 to use what is in the cache",
      { url: withoutSecrets(url), status: 0, cause },
    ),
  );
}

async function readText(response: Response, watchdog: Watchdog): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body(response, watchdog)) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_LISTING_BYTES) {
      throw hubError("Cannot use the hub's answer as it is too long", response);
    }
  }
  return text + decoder.decode();
}

/**
 * The address that a redirect leads to.
 *
 * @throws {HubError} If it leads from https to http, or to something else.
 */
export function checkRedirect(location: string, from: string): string {
  const url = URL.parse(location, from);
  const isSafe = url && (url.protocol === "https:" || url.protocol === new URL(from).protocol);
  if (isSafe) return url.href;
  throw new HubError(`Cannot follow a redirect of the hub to ${shown(location)}`, {
    url: withoutSecrets(from),
    status: 302,
  });
}

function startsAt(response: Response, position: number): boolean {
  const range = response.headers.get("content-range");
  return response.status === 206 && (range?.startsWith(`bytes ${position}-`) ?? false);
}

function parseRevision(text: string, url: string): HubRevision {
  try {
    const { sha, siblings } = JSON.parse(text);
    const files: unknown[] = siblings.map((sibling: { rfilename?: unknown }) => sibling.rfilename);
    if (/^[0-9a-f]{40}$/.test(sha) && files.every((file) => typeof file === "string")) {
      return { commit: sha, files: files as string[] };
    }
  } catch {
    // said below
  }
  throw new HubError(
    `Cannot understand the answer of ${url}: is it a hub? Check HF_ENDPOINT: ${shown(text)}`,
    { url: withoutSecrets(url), status: 200 },
  );
}

function parseFile({ headers, status }: Response, url: string): HubFile {
  const isLinked = headers.has("x-linked-etag");
  const etag = (headers.get("x-linked-etag") ?? headers.get("etag") ?? "")
    .replace(/^W\//, "").replaceAll('"', "");
  if (!/^[0-9A-Za-z_-]{8,128}$/.test(etag)) {
    throw new HubError(
      `Cannot use ${url} as the hub does not name its content: ETag is ${shown(etag)}`,
      { url: withoutSecrets(url), status },
    );
  }
  const length = isLinked ? headers.get("x-linked-size") : headers.get("content-length");
  return { etag, byteLength: /^\d{1,15}$/.test(length ?? "") ? Number(length) : undefined };
}

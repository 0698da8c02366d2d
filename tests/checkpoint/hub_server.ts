/**
 * A model hub on this machine: the real one's routes, redirects and refusals.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** What reached the hub or its store. */
export interface SeenRequest {
  host: "hub" | "store";
  method: string;
  path: string;
  range: string | null;
  authorization: string | null;
}

/** A model: its files at each revision. */
export interface FakeModel {
  commit: string;
  files: Record<string, Uint8Array>;
  /** Needs this token. */
  token?: string;
  /** Refuses everyone until its conditions are accepted. */
  gated?: boolean;
}

/** Answers instead of the server, or lets it answer. */
export type Intercept = (request: SeenRequest) => Response | undefined;

/** Files of this length and more are kept in the store. */
const LARGE_BYTES = 64;

/** Hash of a git blob. */
export function gitHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** SHA-256, hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A body that ends before it should. */
export function cutAfter(bytes: Uint8Array, byteLength: number): Response {
  const stream = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(bytes.slice(0, byteLength));
      await new Promise((resolve) => setTimeout(resolve, 20));
      controller.error(new Error("cut"));
    },
  });
  return new Response(stream, { headers: { "content-length": `${bytes.length}` } });
}

/** The hub on one port, the store it redirects to on another. */
export class FakeHub implements AsyncDisposable {
  /** Models by `owner/name`. */
  readonly models = new Map<string, FakeModel>();
  /** All requests, in order. */
  readonly seen: SeenRequest[] = [];
  /** Asked first. */
  intercept: Intercept = () => undefined;
  readonly #hub = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {}, onError: () => Response.error() },
    (request) => this.#answer("hub", request),
  );
  readonly #store = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {}, onError: () => Response.error() },
    (request) => this.#answer("store", request),
  );

  /** Address of the hub. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#hub.addr.port}`;
  }

  /** Requests of one kind. */
  count(method: string, pathEnd: string, host?: string): number {
    return this.seen.filter((request) =>
      request.method === method && request.path.endsWith(pathEnd) &&
      (host === undefined || request.host === host)
    ).length;
  }

  #answer(host: "hub" | "store", request: Request): Response {
    const { pathname } = new URL(request.url);
    const seen: SeenRequest = {
      host,
      method: request.method,
      path: decodeURIComponent(pathname),
      range: request.headers.get("range"),
      authorization: request.headers.get("authorization"),
    };
    this.seen.push(seen);
    return this.intercept(seen) ?? (host === "hub" ? this.#hubRoute(seen) : this.#storeRoute(seen));
  }

  #hubRoute(request: SeenRequest): Response {
    const { path } = request;
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/.exec(path);
    const resolve = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const [, id, revision, name] = api ?? resolve ?? [];
    const model = this.models.get(id ?? "");
    if (!model) return refuse(401, "RepoNotFound");
    if (model.token && request.authorization !== `Bearer ${model.token}`) {
      return refuse(401, "RepoNotFound");
    }
    if (model.gated && resolve) return refuse(403, "GatedRepo");
    if (revision !== "main" && revision !== model.commit) return refuse(404, "RevisionNotFound");
    if (api) {
      const siblings = Object.keys(model.files).map((rfilename) => ({ rfilename }));
      return Response.json({ sha: model.commit, siblings });
    }
    const bytes = model.files[name!];
    return bytes ? this.#fileRoute(bytes, model.commit, request) : refuse(404, "EntryNotFound");
  }

  #fileRoute(bytes: Uint8Array, commit: string, request: SeenRequest): Response {
    const headers = { "x-repo-commit": commit, etag: `"${gitHash(bytes)}"` };
    if (bytes.length < LARGE_BYTES) return send(bytes, request, headers);
    const port = this.#store.addr.port;
    const linked = {
      ...headers,
      "x-linked-etag": `"${sha256(bytes)}"`,
      "x-linked-size": `${bytes.length}`,
      location: `http://127.0.0.1:${port}/${sha256(bytes)}?signature=secret`,
    };
    return new Response(null, { status: 302, headers: linked });
  }

  #storeRoute(request: SeenRequest): Response {
    for (const { files } of this.models.values()) {
      for (const bytes of Object.values(files)) {
        if (request.path === `/${sha256(bytes)}`) return send(bytes, request, {});
      }
    }
    return new Response(null, { status: 403 });
  }

  async [Symbol.asyncDispose]() {
    await Promise.all([this.#hub.shutdown(), this.#store.shutdown()]);
  }
}

function refuse(status: number, code: string): Response {
  return new Response("refused", { status, headers: { "x-error-code": code } });
}

function send(bytes: Uint8Array, request: SeenRequest, headers: Record<string, string>): Response {
  const start = Number(/^bytes=(\d+)-$/.exec(request.range ?? "")?.[1] ?? 0);
  if (start > bytes.length) return new Response(null, { status: 416 });
  const body = request.method === "HEAD" ? null : bytes.slice(start);
  const length = { ...headers, "content-length": `${bytes.length - start}` };
  if (request.range === null) return new Response(body, { headers: length });
  const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
  return new Response(body, { status: 206, headers: { ...length, "content-range": range } });
}

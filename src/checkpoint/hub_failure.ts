/**
 * What the hub's refusals mean, and what to do about them.
 *
 * @module
 */
import { HubError } from "../errors.ts";
import { TransientError } from "./retry.ts";

/** A model, at a revision. */
export interface HubReference {
  /** Owner and name, `facebook/hubert-large-ls960-ft`. */
  readonly id: string;
  /** Branch, tag or commit. */
  readonly revision: string;
}

/** What a request was about. */
export interface HubSubject extends HubReference {
  /** Name of the file, if it was about one. */
  readonly file: string | undefined;
  /** Address of the hub. */
  readonly endpoint: string;
  /** Whether the request carried a token. */
  readonly hasToken: boolean;
}

/** The error that a refusal stands for. */
export async function failure(response: Response, subject: HubSubject): Promise<Error> {
  const { status, headers } = response;
  await response.body?.cancel();
  const error = hubError(explain(response, subject), response);
  const isTransient = status === 408 || status === 429 || status >= 500;
  return isTransient ? new TransientError(error, parseRetryAfter(headers)) : error;
}

function explain({ status, headers }: Response, subject: HubSubject): string {
  const { id, revision, file, endpoint, hasToken } = subject;
  const code = headers.get("x-error-code");
  const page = `${endpoint}/${id}`;
  const login = hasToken
    ? "check that your token (HF_TOKEN) is valid and may read it"
    : "set HF_TOKEN to a token that may read it";
  if (code === "GatedRepo") {
    return `Cannot download ${id} because it is gated: accept its conditions at ${page}, then ${login}`;
  }
  if (code === "RevisionNotFound") {
    return `Cannot download ${id} because it has no revision "${revision}": see ${page}/tree/main`;
  }
  if (code === "EntryNotFound" || (status === 404 && file !== undefined && code === null)) {
    return `Cannot download ${file} of ${id} because revision "${revision}" has no such file`;
  }
  if (status === 404 || status === 401 || code === "RepoNotFound") {
    return `Cannot find ${id} on ${endpoint}: check the name; if the model is private, ${login}`;
  }
  if (status === 403) return `Cannot download ${id} because access is forbidden: ${login}`;
  if (status === 429) {
    return `Cannot download ${id} because the hub gets too many requests: wait a while${
      hasToken ? "" : ", or set HF_TOKEN, which raises the limit"
    }`;
  }
  return `Cannot download ${file ?? id} because the hub answers with status ${status}`;
}

/** Seconds or a date, in milliseconds from now. */
function parseRetryAfter(headers: Headers): number | undefined {
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  const delayMs = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(delayMs) ? undefined : Math.max(0, delayMs);
}

/** An error about an answer. */
export function hubError(message: string, response: Response): HubError {
  return new HubError(message, { url: withoutSecrets(response.url), status: response.status });
}

/** Signed addresses carry their credentials in the query. */
export function withoutSecrets(address: string): string {
  const url = URL.parse(address);
  return url ? url.origin + url.pathname : "";
}

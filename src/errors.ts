/**
 * The errors a caller is expected to catch. Anything else is a built-in class
 * chosen by meaning (`RangeError` for a bad option, `TypeError` for a wrong type).
 *
 * Messages say what could not be done, why, the value at hand, and the remedy.
 *
 * @module
 */

/** A checkpoint that is missing, damaged, hostile, or does not fit its config. */
export class CheckpointError extends Error {
  /** The name of the class. */
  override name = "CheckpointError";
  /** The file at fault, when one file is. */
  readonly path: string | undefined;

  /** Makes the error. @param message What is wrong and what to do. @param options `path` of the file at fault, and `cause`. */
  constructor(message: string, options: { path?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.path = options.path;
  }
}

/** A configuration field that holds a value this library does not support. */
export class UnsupportedConfigError extends CheckpointError {
  /** The name of the class. */
  override name = "UnsupportedConfigError";
  /** The field's name as the file spells it. */
  readonly field: string;
  /** The value found. */
  readonly value: unknown;

  /** Makes the error. @param field Field name. @param value Value found. @param supported What would be accepted, in words. */
  constructor(field: string, value: unknown, supported: string, options: { path?: string } = {}) {
    super(
      `Cannot use config field "${field}" with value ${
        JSON.stringify(value)
      }: supported is ${supported}`,
      options,
    );
    this.field = field;
    this.value = value;
  }
}

/** A failed request to the model hub. */
export class HubError extends Error {
  /** The name of the class. */
  override name = "HubError";
  /** The address that was asked, without credentials. */
  readonly url: string;
  /** HTTP status, or 0 when no answer came. */
  readonly status: number;

  /** Makes the error. @param message What went wrong and what to do. @param options `url`, `status` and `cause`. */
  constructor(message: string, options: { url: string; status: number; cause?: unknown }) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.url = options.url;
    this.status = options.status;
  }
}

/** Audio that cannot be decoded, or holds values no model accepts. */
export class AudioError extends Error {
  /** The name of the class. */
  override name = "AudioError";
}

/** A backend that is absent, cannot run a graph, or has lost its device. */
export class BackendError extends Error {
  /** The name of the class. */
  override name = "BackendError";
  /** The backend's name. */
  readonly backend: string;

  /** Makes the error. @param message What went wrong and what to do. @param options `backend` and `cause`. */
  constructor(message: string, options: { backend: string; cause?: unknown }) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.backend = options.backend;
  }
}

/** A new stream turned away, as the device is behind with those there are. */
export class OverloadError extends Error {
  /** The name of the class. */
  override name = "OverloadError";
  /** When it may be tried again, ms. */
  readonly retryAfterMs: number;

  /** Makes the error. @param message Why. @param retryAfterMs When it may be tried again. */
  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

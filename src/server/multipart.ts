/**
 * Forms with files (`multipart/form-data`, RFC 7578), read as they come: the platform's own reader
 * goes through a whole upload in one go, in which nobody who speaks would get a turn.
 *
 * @module
 */

/** Most parts, most bytes of a part's head, and of a part that is no file. */
const LIMITS = { parts: 1000, headBytes: 16_384, fieldBytes: 1 << 20 };

/** Bytes of a file that are put aside at once. */
const PIECE_BYTES = 1 << 20;

/** Bytes after which others get their turn. */
const TURN_BYTES = 1 << 20;

const encoder = new TextEncoder();
const CRLF = markOf(encoder.encode("\r\n"));

/**
 * Reads a form.
 *
 * @param body Its bytes; read to the end.
 * @param contentType The header, which names the boundary.
 * @throws {SyntaxError} If it is no form, is cut short, or has absurdly many or long parts.
 */
export async function readForm(
  body: ReadableStream<Uint8Array>,
  contentType: string,
): Promise<FormData> {
  const [, quoted, plain] =
    /;\s*boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i.exec(contentType) ??
      [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw new SyntaxError("it names no boundary");
  const bytes = new Bytes(body);
  try {
    const form = await readParts(bytes, markOf(encoder.encode(`\r\n--${boundary}`)));
    await bytes.drain();
    return form;
  } finally {
    bytes.close();
  }
}

async function readParts(bytes: Bytes, delimiter: Mark): Promise<FormData> {
  const form = new FormData();
  await bytes.until(delimiter, () => {}); // what is before the first part is nobody's
  for (let count = 0; !await bytes.isNext("--"); count++) {
    if (count === LIMITS.parts) throw new SyntaxError(`it has more than ${LIMITS.parts} parts`);
    const { name, fileName, type } = await readHead(bytes);
    if (fileName === undefined) {
      form.append(name, await readField(bytes, delimiter));
    } else {
      const pieces = await readPieces(bytes, delimiter);
      form.append(name, new File(pieces, fileName, { type }));
    }
  }
  return form;
}

/** What a part's head says. */
interface Head {
  readonly name: string;
  /** Files alone have one. */
  readonly fileName: string | undefined;
  readonly type: string;
}

async function readHead(bytes: Bytes): Promise<Head> {
  const headers = new Map<string, string>();
  let byteLength = 0;
  const line = async () => {
    const text = await readText(bytes, CRLF, LIMITS.headBytes - byteLength);
    byteLength += text.length + CRLF.bytes.length;
    return text;
  };
  await line(); // the rest of the delimiter's
  for (let text = await line(); text !== ""; text = await line()) {
    const colon = text.indexOf(":");
    headers.set(text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim());
  }
  const disposition = headers.get("content-disposition") ?? "";
  const name = parameterOf(disposition, "name");
  if (name === undefined) throw new SyntaxError("a part of it has no name");
  const extended = /;\s*filename\*=/i.test(disposition) ? "file" : undefined;
  const fileName = parameterOf(disposition, "filename") ?? extended;
  return { name, fileName, type: headers.get("content-type") ?? "" };
}

/** As browsers write it: quotes and line ends are percent-encoded. */
function parameterOf(disposition: string, name: string): string | undefined {
  const [, quoted, plain] = new RegExp(`;\\s*${name}=(?:"((?:\\\\.|[^"\\\\])*)"|([^\\s;"]+))`, "i")
    .exec(disposition) ?? [];
  return (quoted ?? plain)?.replaceAll(/\\(["\\])/g, "$1")
    .replaceAll("%22", '"').replaceAll("%0D", "\r").replaceAll("%0A", "\n");
}

function readField(bytes: Bytes, delimiter: Mark): Promise<string> {
  return readText(bytes, delimiter, LIMITS.fieldBytes);
}

async function readText(bytes: Bytes, mark: Mark, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let byteLength = 0;
  let text = "";
  await bytes.until(mark, (part) => {
    byteLength += part.length;
    if (byteLength > maxBytes) throw new SyntaxError("a part of it is too long");
    text += decoder.decode(part, { stream: true });
  });
  return text + decoder.decode();
}

/** A file's bytes, put aside as they come. */
async function readPieces(bytes: Bytes, delimiter: Mark): Promise<Blob[]> {
  const pieces: Blob[] = [];
  let parts: Uint8Array<ArrayBuffer>[] = [];
  let byteLength = 0;
  const putAside = () => {
    pieces.push(new Blob(parts));
    [parts, byteLength] = [[], 0];
  };
  await bytes.until(delimiter, (part) => {
    parts.push(part);
    byteLength += part.length;
    if (byteLength >= PIECE_BYTES) putAside();
  });
  putAside();
  return pieces;
}

/** A body, with as much of it in hand as was looked at. */
class Bytes {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #sinceTurnBytes = 0;
  #held: Uint8Array<ArrayBuffer> = CRLF.bytes.slice(); // the first delimiter may stand at the start

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
  }

  /** Takes bytes up to a mark, and the mark. `give` gets those before it, bit by bit. */
  async until(
    mark: Mark,
    give: (bytes: Uint8Array<ArrayBuffer>) => void,
  ): Promise<void> {
    for (;;) {
      const at = indexOf(this.#held, mark);
      const sureBytes = at === -1 ? Math.max(0, this.#held.length - mark.bytes.length + 1) : at;
      if (sureBytes > 0) give(this.#held.subarray(0, sureBytes));
      this.#held = this.#held.subarray(at === -1 ? sureBytes : at + mark.bytes.length);
      if (at !== -1) return;
      await this.#more();
    }
  }

  /** Whether this follows; then it is taken. */
  async isNext(text: string): Promise<boolean> {
    const mark = encoder.encode(text);
    while (this.#held.length < mark.length) await this.#more();
    const isThere = mark.every((byte, index) => this.#held[index] === byte);
    if (isThere) this.#held = this.#held.subarray(mark.length);
    return isThere;
  }

  /** Takes all that is left. */
  async drain(): Promise<void> {
    while (!(await this.#reader.read()).done);
  }

  /** What has come is read without a pause; others have one here. */
  async #giveTurn(): Promise<void> {
    this.#sinceTurnBytes = 0;
    await new Promise((resolve) => setTimeout(resolve));
  }

  /** Leaves a body that is not wanted any further. */
  close(): void {
    this.#reader.cancel().catch(() => {}); // it has failed: told already
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#reader.read();
    if (done) throw new SyntaxError("it is cut short");
    this.#sinceTurnBytes += value.length;
    if (this.#sinceTurnBytes >= TURN_BYTES) await this.#giveTurn();
    const joined = new Uint8Array(this.#held.length + value.length);
    joined.set(this.#held);
    joined.set(value, this.#held.length);
    this.#held = joined;
  }
}

/** What is searched for, with how far to fall back where it breaks off (Knuth, Morris, Pratt). */
interface Mark {
  readonly bytes: Uint8Array;
  readonly fallbacks: Uint8Array;
}

function markOf(bytes: Uint8Array): Mark {
  const fallbacks = new Uint8Array(bytes.length + 1); // marks are short
  for (let end = 1, length = 0; end < bytes.length; end++) {
    while (length > 0 && bytes[end] !== bytes[length]) length = fallbacks[length]!;
    if (bytes[end] === bytes[length]) length++;
    fallbacks[end + 1] = length;
  }
  return { bytes, fallbacks };
}

/** Where a mark is in bytes, or -1: in one pass, whatever the bytes are. */
function indexOf(bytes: Uint8Array, { bytes: mark, fallbacks }: Mark): number {
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    while (length > 0 && byte !== mark[length]) length = fallbacks[length]!;
    if (byte === mark[length]) length++;
    if (length === mark.length) return at + 1 - length;
  }
  return -1;
}

import fc from "../property.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { readForm } from "../../src/server/multipart.ts";

/** A body that comes in pieces of any length. */
function inPieces(bytes: Uint8Array, lengths: readonly number[]): ReadableStream<Uint8Array> {
  let at = 0;
  let turn = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      const length = lengths[turn++ % lengths.length] ?? bytes.length;
      controller.enqueue(bytes.slice(at, at += length));
    },
  });
}

async function contentOf(form: FormData): Promise<unknown[]> {
  return await Promise.all([...form].map(async ([name, value]) => {
    if (typeof value === "string") return [name, value];
    return [name, value.name, value.type, [...new Uint8Array(await value.arrayBuffer())]];
  }));
}

/** Bytes in which the delimiter nearly stands. */
const tricky = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    fc.constantFrom("\r\n", "\r\n--", "--", "\r\r\n", "\r\n--x", "----").map((text) =>
      new TextEncoder().encode(text)
    ),
  ),
  { maxLength: 8 },
).map((parts) => new Uint8Array(parts.flatMap((part) => [...part])));

/** Curl writes quotes with a backslash, browsers as %22: a name that ends in one is ambiguous. */
const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 })
  .filter((name) => !/[\\%\r\n]/.test(name));

Deno.test("readForm: gives what the platform wrote, however the body is cut", async () => {
  const parts = fc.array(fc.record({ name, file: fc.boolean(), bytes: tricky }), {
    minLength: 1,
    maxLength: 5,
  });
  const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(parts, lengths, async (parts, lengths) => {
      const form = new FormData();
      const expected: unknown[] = [];
      for (const { name, file, bytes } of parts) {
        if (file) {
          form.append(name, new File([bytes], `${name}.wav`, { type: "audio/wav" }));
          expected.push([name, `${name}.wav`, "audio/wav", [...bytes]]);
        } else {
          const text = new TextDecoder().decode(bytes);
          form.append(name, text);
          expected.push([name, text.replaceAll(/\r\n|\r|\n/g, "\r\n")]);
        }
      }
      const response = new Response(form);
      const contentType = response.headers.get("content-type")!;
      const read = await readForm(inPieces(await response.bytes(), lengths), contentType);
      assertEquals(await contentOf(read), expected);
    }),
    { numRuns: 300 },
  );
});

Deno.test("readForm: whatever comes is a form or a SyntaxError", async () => {
  const pieces = fc.constantFrom(
    ...["--x", "--x--", "\r\n", "--", ":", "content-disposition: form-data; name=a", "é", "\0"],
    'content-disposition: form-data; name="a"; filename="b"',
  );
  await fc.assert(fc.asyncProperty(fc.array(pieces, { maxLength: 20 }), async (pieces) => {
    const bytes = new TextEncoder().encode(pieces.join(""));
    try {
      await readForm(inPieces(bytes, [3]), "multipart/form-data; boundary=x");
    } catch (error) {
      assert(error instanceof SyntaxError, String(error));
    }
  }));
});

Deno.test("readForm: what is absurd is refused, and the body left", async () => {
  const part = (name: string, body: string) =>
    `--x\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${body}\r\n`;
  const cases: [body: string, why: string][] = [
    ["", "cut short"],
    [part("a", "b"), "cut short"],
    [`${part("a", "b").repeat(1001)}--x--`, "more than 1000 parts"],
    [`${part("a", "b".repeat(1 << 21))}--x--`, "too long"],
    [`${part("a".repeat(20_000), "b")}--x--`, "too long"],
    ["--x\r\ncontent-type: text/plain\r\n\r\nb\r\n--x--", "no name"],
  ];
  for (const [text, why] of cases) {
    const bytes = new TextEncoder().encode(text);
    const read = () => readForm(inPieces(bytes, [10_000]), 'multipart/form-data; boundary="x"');
    await assertRejects(read, SyntaxError, why);
  }
  const nameless = new Blob(["--x--"]).stream();
  await assertRejects(() => readForm(nameless, "multipart/form-data"), SyntaxError, "no boundary");
});

Deno.test("readForm: a long file is read without holding everybody up", async () => {
  const megabyte = new Uint8Array(1 << 20).fill(13);
  const head = '--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n';
  const body = new Blob([head, ...Array(30).fill(megabyte), "\r\n--x--\r\n"]).stream();
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const form = await readForm(body, "multipart/form-data; boundary=x");
  clearInterval(timer);
  assertEquals((form.get("file") as File).size, 30 << 20);
  assert(turns > 10, `${turns} turns`);
});

import { assertEquals, assertRejects } from "../assert.ts";
import { OpenAiError } from "../../src/server/openai_error.ts";
import { readUpload, UploadRoom } from "../../src/server/openai_upload.ts";

const LIMITS = { maxUploadBytes: 10_000, idleSeconds: 1 };

function request(byteLength: number): Request {
  const form = new FormData();
  form.set("file", new Blob([new Uint8Array(byteLength)]));
  return new Request("http://localhost/", { method: "POST", body: form });
}

/** A body whose length nobody said. */
async function unsized(byteLength: number): Promise<Request> {
  const { headers, body } = request(byteLength);
  const contentType = headers.get("content-type")!;
  const bytes = await new Response(body).bytes();
  const stream = new Blob([bytes]).stream();
  return new Request("http://localhost/", {
    ...{ method: "POST", body: stream, headers: { "content-type": contentType } },
  });
}

async function statusOf(upload: Promise<Disposable>): Promise<number> {
  return (await assertRejects(() => upload, OpenAiError)).status;
}

Deno.test("upload: its bytes are held until it is disposed", async () => {
  const room = new UploadRoom(20_000);
  {
    using upload = await readUpload(await unsized(5000), LIMITS, room);
    assertEquals((upload.form.get("file") as File).size, 5000);
    assertEquals(room.heldBytes > 5000, true);
  }
  assertEquals(room.heldBytes, 0);
});

Deno.test("upload: too long, too many, no form, a damaged one", async () => {
  const room = new UploadRoom(12_000);
  assertEquals(await statusOf(readUpload(await unsized(10_001), LIMITS, room)), 413);
  assertEquals(room.heldBytes, 0);
  {
    using _first = await readUpload(await unsized(9000), LIMITS, room);
    assertEquals(await statusOf(readUpload(await unsized(9000), LIMITS, room)), 503);
  }
  const post = (body: string, contentType: string) =>
    new Request("http://localhost/", {
      ...{ method: "POST", body, headers: { "content-type": contentType } },
    });
  assertEquals(await statusOf(readUpload(post("{}", "application/json"), LIMITS, room)), 400);
  const damaged = post("nothing", "multipart/form-data");
  assertEquals(await statusOf(readUpload(damaged, LIMITS, room)), 400);
  assertEquals(room.heldBytes, 0);
});

Deno.test("upload: one that dribbles is given up, however long it would go on", async () => {
  const room = new UploadRoom(20_000);
  let isCancelled = false;
  const dribble = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode("--x\r\n")),
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (!isCancelled) controller.enqueue(new Uint8Array(1));
    },
    cancel: () => void (isCancelled = true),
  });
  const headers = { "content-type": "multipart/form-data; boundary=x" };
  const request = new Request("http://localhost/", { method: "POST", body: dribble, headers });
  assertEquals(await statusOf(readUpload(request, { ...LIMITS, idleSeconds: 0.2 }, room)), 408);
  assertEquals([isCancelled, room.heldBytes], [true, 0]);
});

Deno.test("upload: one that is slow and steady is taken", async () => {
  const room = new UploadRoom(20_000);
  const whole = await unsized(3000);
  const bytes = await whole.bytes();
  const steady = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (let at = 0; at < bytes.length; at += 500) { // 10 kB a second
        controller.enqueue(bytes.subarray(at, at + 500));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      controller.close();
    },
  });
  const { headers } = whole;
  const request = new Request("http://localhost/", { method: "POST", body: steady, headers });
  using upload = await readUpload(request, { ...LIMITS, idleSeconds: 1 }, room);
  assertEquals((upload.form.get("file") as File).size, 3000);
});

import {
  type DownloadProgress,
  resolveCheckpoint,
  type ResolveOptions,
} from "../../src/checkpoint/hub.ts";
import { openWeights } from "../../src/checkpoint/folder.ts";
import { CheckpointError, HubError } from "../../src/errors.ts";
import { fromFileUrl, join } from "../../src/std.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../assert.ts";
import { safetensorsOf, TemporaryFolder } from "./files.ts";
import { cutAfter, FakeHub, gitHash, sha256 } from "./hub_server.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const NEXT_COMMIT = "89abcdef0123456789abcdef0123456789abcdef";
const ID = "owner/name";

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const config = text({ model_type: "hubert" });
const vocab = text({ a: 0 });
const weights = safetensorsOf({ w: Array.from({ length: 1000 }, (_, i) => i) });

async function namesIn(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.map(({ name }) => name).sort();
}

/** A hub with one model, and a cache. */
class Scene implements AsyncDisposable {
  readonly hub = new FakeHub();
  readonly cache = new TemporaryFolder();
  readonly model = {
    commit: COMMIT,
    files: {
      "config.json": config,
      "vocab.json": vocab,
      "model.safetensors": weights,
      "pytorch_model.bin": text("x".repeat(100)),
      "tf_model.h5": text("x".repeat(100)),
      "README.md": text("read me"),
      ".gitattributes": text("lfs"),
    } as Record<string, Uint8Array>,
  };

  constructor() {
    this.hub.models.set(ID, this.model);
  }

  resolve(source = ID, options: ResolveOptions = {}): Promise<string> {
    return resolveCheckpoint(source, {
      endpoint: this.hub.endpoint,
      cacheFolder: this.cache.path,
      token: false,
      offline: false,
      retryDelayMs: 1,
      ...options,
    });
  }

  path(...parts: string[]): string {
    return join(this.cache.path, "models--owner--name", ...parts);
  }

  async [Symbol.asyncDispose]() {
    await this.hub[Symbol.asyncDispose]();
    await this.cache[Symbol.asyncDispose]();
  }
}

Deno.test("resolveCheckpoint() takes a folder as it is", async () => {
  await using folder = new TemporaryFolder();
  assertEquals(await resolveCheckpoint(folder.path), folder.path);
  await assertRejects(
    () => resolveCheckpoint(join(folder.path, "gone")),
    CheckpointError,
    "Cannot find the checkpoint folder",
  );
  await assertRejects(() => resolveCheckpoint("./owner/name"), CheckpointError, "folder");
});

const WRONG = ["name", "a/b/c", "", "a/..", "../b", "a/b@", "a/b@../../x", "a/b@/x", "a/b@-x"];
for (const source of [...WRONG, "a--b/c", "a/b@x\ny", "a b/c", "a/b?c", "https://x/y"]) {
  Deno.test(`resolveCheckpoint() refuses ${JSON.stringify(source)}`, async () => {
    await using scene = new Scene();
    await assertRejects(() => scene.resolve(source), CheckpointError);
    assertEquals(scene.hub.seen, []);
  });
}

Deno.test("resolveCheckpoint() downloads what is needed, into Python's layout", async () => {
  await using scene = new Scene();
  const folder = await scene.resolve();
  assertEquals(folder, scene.path("snapshots", COMMIT));
  const names = await namesIn(folder);
  assertEquals(names, ["config.json", "model.safetensors", "vocab.json"]);
  assertEquals(await Deno.readTextFile(scene.path("refs", "main")), COMMIT);
  assertEquals(await Deno.readFile(scene.path("blobs", sha256(weights))), weights);
  assertEquals(await Deno.readFile(scene.path("blobs", gitHash(config))), config);
  const link = await Deno.readLink(join(folder, "model.safetensors"));
  assertEquals(link, `../../blobs/${sha256(weights)}`);
  assert((await Deno.stat(scene.path(".no_exist", COMMIT, "added_tokens.json"))).isFile);
  await using store = await openWeights(folder);
  assertEquals((await store.read("w"))[999], 999);
  assertEquals((await namesIn(scene.path("blobs"))).length, 3);
});

Deno.test("resolveCheckpoint() asks again only what the revision is", async () => {
  await using scene = new Scene();
  await scene.resolve();
  scene.hub.seen.length = 0;
  const folder = await scene.resolve();
  assertEquals(scene.hub.seen.map(({ path }) => path), [`/api/models/${ID}/revision/main`]);
  scene.hub.seen.length = 0;
  assertEquals(await scene.resolve(`${ID}@${COMMIT}`), folder);
  assertEquals(scene.hub.seen, []);
});

Deno.test("resolveCheckpoint() follows a revision, and shares contents", async () => {
  await using scene = new Scene();
  await scene.resolve();
  scene.model.commit = NEXT_COMMIT;
  scene.model.files["config.json"] = text({ model_type: "wav2vec2" });
  scene.hub.seen.length = 0;
  assertEquals(await scene.resolve(), scene.path("snapshots", NEXT_COMMIT));
  assertEquals(scene.hub.count("GET", "/config.json"), 1);
  assertEquals(scene.hub.count("GET", "/vocab.json"), 0);
  assertEquals(scene.hub.count("GET", sha256(weights), "store"), 0);
  assertEquals(await Deno.readTextFile(scene.path("refs", "main")), NEXT_COMMIT);
});

Deno.test("resolveCheckpoint() tells the progress of each file", async () => {
  await using scene = new Scene();
  const heard: DownloadProgress[] = [];
  await scene.resolve(ID, { onProgress: (progress) => heard.push(progress) });
  const ofWeights = heard.filter(({ file }) => file === "model.safetensors");
  assertEquals(ofWeights[0]?.loadedBytes, 0);
  assertEquals(ofWeights.at(-1)?.loadedBytes, weights.length);
  assert(ofWeights.every(({ totalBytes }) => totalBytes === weights.length));
  assertEquals(new Set(heard.map(({ file }) => file)).size, 3);
});

Deno.test("resolveCheckpoint() sends the token to the hub and to nobody else", async () => {
  await using scene = new Scene();
  scene.hub.models.set(ID, { ...scene.model, token: "hf_secret" });
  await scene.resolve(ID, { token: "hf_secret" });
  const toHub = scene.hub.seen.filter(({ host }) => host === "hub");
  const toStore = scene.hub.seen.filter(({ host }) => host === "store");
  assert(toHub.length > 0 && toStore.length > 0);
  assert(toHub.every(({ authorization }) => authorization === "Bearer hf_secret"));
  assert(toStore.every(({ authorization }) => authorization === null));
});

Deno.test("resolveCheckpoint() resumes a connection that was cut", async () => {
  await using scene = new Scene();
  let cuts = 0;
  scene.hub.intercept = ({ host, range }) => {
    if (host !== "store" || range !== null || cuts++ > 0) return undefined;
    return cutAfter(weights, 1500);
  };
  const folder = await scene.resolve();
  assertEquals(await Deno.readFile(join(folder, "model.safetensors")), weights);
  const ranges = scene.hub.seen.filter(({ host }) => host === "store").map(({ range }) => range);
  assertEquals(ranges, [null, "bytes=1500-"]);
});

Deno.test("resolveCheckpoint() counts tries anew when something came", async () => {
  await using scene = new Scene();
  scene.hub.intercept = ({ host, range }) => {
    const start = Number(/\d+/.exec(range ?? "0")![0]);
    if (host !== "store" || weights.length - start < 500) return undefined;
    const rest = cutAfter(weights.slice(start), 500);
    if (range === null) return rest;
    const headers = { "content-range": `bytes ${start}-${weights.length - 1}/${weights.length}` };
    return new Response(rest.body, { status: 206, headers });
  };
  const folder = await scene.resolve(ID, { retryCount: 1 });
  assertEquals(await Deno.readFile(join(folder, "model.safetensors")), weights);
});

Deno.test("resolveCheckpoint() gives up on connections that are always cut", async () => {
  await using scene = new Scene();
  scene.hub.intercept = ({ host }) => host === "store" ? cutAfter(weights, 0) : undefined;
  const error = await assertRejects(() => scene.resolve(ID, { retryCount: 2 }), HubError);
  assertEquals(error.status, 0);
  assertEquals(scene.hub.seen.filter(({ host }) => host === "store").length, 3);
});

Deno.test("resolveCheckpoint() resumes what an earlier process left", async () => {
  await using scene = new Scene();
  const part = `models--owner--name/blobs/${sha256(weights)}.incomplete`;
  await scene.cache.write(part, weights.slice(0, 2000));
  const folder = await scene.resolve();
  assertEquals(await Deno.readFile(join(folder, "model.safetensors")), weights);
  const [request] = scene.hub.seen.filter(({ host }) => host === "store");
  assertEquals(request?.range, "bytes=2000-");
});

Deno.test("resolveCheckpoint() starts over when the part left was bad or too long", async () => {
  for (const left of [new Uint8Array(2000), new Uint8Array(weights.length), new Uint8Array(9000)]) {
    await using scene = new Scene();
    const part = `models--owner--name/blobs/${sha256(weights)}.incomplete`;
    await scene.cache.write(part, left);
    const folder = await scene.resolve();
    assertEquals(await Deno.readFile(join(folder, "model.safetensors")), weights);
  }
});

Deno.test("resolveCheckpoint() starts over where ranges are ignored or refused", async () => {
  for (
    const answer of [() => new Response(weights.slice()), () => new Response(null, { status: 416 })]
  ) {
    await using scene = new Scene();
    const part = `models--owner--name/blobs/${sha256(weights)}.incomplete`;
    await scene.cache.write(part, weights.slice(0, 2000));
    scene.hub.intercept = ({ host, range }) =>
      host === "store" && range !== null ? answer() : undefined;
    const folder = await scene.resolve();
    assertEquals(await Deno.readFile(join(folder, "model.safetensors")), weights);
  }
});

Deno.test("resolveCheckpoint() refuses contents whose hash is wrong, and keeps nothing", async () => {
  for (const name of ["model.safetensors", "vocab.json"]) {
    await using scene = new Scene();
    const bad = scene.model.files[name]!.map((byte, i) => i === 5 ? byte ^ 1 : byte);
    const store = `/${sha256(weights)}`;
    scene.hub.intercept = ({ path, method }) => {
      const isIt = path === store ? name === "model.safetensors" : path.endsWith(`/${name}`);
      const isLink = path.endsWith("/model.safetensors");
      return method === "GET" && isIt && !isLink ? new Response(bad) : undefined;
    };
    const error = await assertRejects(() => scene.resolve(), CheckpointError);
    assertStringIncludes(error.message, `Cannot use ${name} of owner/name as what came is not`);
    const blobs = await namesIn(scene.path("blobs"));
    assert(!blobs.some((blob) => /incomplete/.test(blob)));
    scene.hub.intercept = () => undefined;
    await scene.resolve();
  }
});

Deno.test("resolveCheckpoint() refuses contents longer than announced", async () => {
  await using scene = new Scene();
  scene.hub.intercept = ({ host }) =>
    host === "store" ? new Response(new Uint8Array(1 << 20)) : undefined;
  await assertRejects(() => scene.resolve(), CheckpointError, "not what the hub announced");
});

const REFUSALS: Record<string, [source: string, status: number, message: RegExp]> = {
  "a model that is not there": [
    "owner/other",
    401,
    /^Cannot find owner\/other on .*check the name.*set HF_TOKEN/,
  ],
  "a revision that is not there": [`${ID}@v9`, 404, /no revision "v9"/],
  "a private model, without a token": [
    "owner/private",
    401,
    /if the model is private, set HF_TOKEN/,
  ],
  "a gated model": ["owner/gated", 403, /gated: accept its conditions at .*\/owner\/gated/],
};
for (const [what, [source, status, message]] of Object.entries(REFUSALS)) {
  Deno.test(`resolveCheckpoint() says what to do about ${what}`, async () => {
    await using scene = new Scene();
    scene.hub.models.set("owner/private", { ...scene.model, token: "hf_secret" });
    scene.hub.models.set("owner/gated", { ...scene.model, gated: true });
    const error = await assertRejects(() => scene.resolve(source), HubError);
    assertMatch(error.message, message);
    assertEquals(error.status, status);
  });
}

Deno.test("resolveCheckpoint() names a file that is not there", async () => {
  await using scene = new Scene();
  const files = ["onnx/model_q4.onnx"];
  const error = await assertRejects(() => scene.resolve(ID, { files }), CheckpointError);
  assertStringIncludes(error.message, "Cannot find onnx/model_q4.onnx in owner/name");
  scene.hub.intercept = ({ path }) =>
    path.endsWith("/vocab.json")
      ? new Response(null, { status: 404, headers: { "x-error-code": "EntryNotFound" } })
      : undefined;
  const gone = await assertRejects(() => scene.resolve(), HubError, "vocab.json");
  assertEquals(gone.status, 404);
});

Deno.test("resolveCheckpoint() refuses models it could not run", async () => {
  await using scene = new Scene();
  const { files } = scene.model;
  delete files["model.safetensors"];
  delete files["pytorch_model.bin"];
  await assertRejects(
    () => scene.resolve(),
    CheckpointError,
    "TensorFlow or Flax only: tf_model.h5",
  );
  delete files["config.json"];
  await assertRejects(() => scene.resolve(), CheckpointError, "no config.json");
});

Deno.test("resolveCheckpoint() waits when asked to, and goes on", async () => {
  await using scene = new Scene();
  let refusals = 0;
  scene.hub.intercept = ({ path }) =>
    path.startsWith("/api/") && refusals++ < 2
      ? new Response(null, { status: refusals === 1 ? 429 : 503, headers: { "retry-after": "0" } })
      : undefined;
  await scene.resolve(ID, { retryDelayMs: 60_000 });
  assertEquals(refusals, 3);
});

Deno.test("resolveCheckpoint() does not wait for ever", async () => {
  await using scene = new Scene();
  scene.hub.intercept = () => new Response(null, { status: 429 });
  const error = await assertRejects(() => scene.resolve(ID, { retryCount: 3 }), HubError);
  assertEquals(error.status, 429);
  assertStringIncludes(error.message, "too many requests");
  assertEquals(scene.hub.seen.length, 4);
  scene.hub.intercept = () =>
    new Response(null, { status: 429, headers: { "retry-after": "9999" } });
  await assertRejects(() => scene.resolve(), HubError);
  assertEquals(scene.hub.seen.length, 5);
});

Deno.test("resolveCheckpoint() gives up on a server that says nothing", async () => {
  await using scene = new Scene();
  const never = new ReadableStream<Uint8Array>({ start: (c) => c.enqueue(new Uint8Array(10)) });
  scene.hub.intercept = ({ host }) => host === "store" ? new Response(never) : undefined;
  const error = await assertRejects(
    () => scene.resolve(ID, { timeoutMs: 150, retryCount: 0 }),
    HubError,
  );
  assertStringIncludes(error.message, "no answer in 0.15 s");
});

Deno.test("resolveCheckpoint() is patient with a server that is slow", async () => {
  await using scene = new Scene();
  scene.hub.intercept = ({ host }) => {
    if (host !== "store") return undefined;
    const pieces = Array.from({ length: 6 }, (_, i) => weights.slice(i * 800, (i + 1) * 800));
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 60));
        const piece = pieces.shift();
        if (piece) controller.enqueue(piece);
        else controller.close();
      },
    });
    return new Response(stream);
  };
  await scene.resolve(ID, { timeoutMs: 200, retryCount: 0 });
});

Deno.test("resolveCheckpoint() works offline from the cache, and says what is missing", async () => {
  await using scene = new Scene();
  await assertRejects(
    () => scene.resolve(ID, { offline: true }),
    HubError,
    "Cannot load owner/name@main offline",
  );
  const folder = await scene.resolve();
  scene.hub.seen.length = 0;
  assertEquals(await scene.resolve(ID, { offline: true }), folder);
  assertEquals(await scene.resolve(`${ID}@${COMMIT}`, { offline: true }), folder);
  await assertRejects(
    () => scene.resolve(ID, { offline: true, adapter: "deu" }),
    HubError,
    "lacks adapter.deu.safetensors",
  );
  await Deno.remove(scene.path("blobs", sha256(weights)));
  await assertRejects(() => scene.resolve(ID, { offline: true }), HubError, "lacks weights");
  assertEquals(scene.hub.seen, []);
});

Deno.test("resolveCheckpoint() falls back on the cache when the hub is down", async () => {
  await using scene = new Scene();
  const folder = await scene.resolve();
  scene.hub.intercept = () => new Response(null, { status: 503 });
  assertEquals(await scene.resolve(), folder);
  const endpoint = "http://127.0.0.1:9";
  assertEquals(await scene.resolve(ID, { endpoint }), folder);
  const error = await assertRejects(
    () => scene.resolve("owner/other", { endpoint, retryCount: 0 }),
    HubError,
    "Cannot reach 127.0.0.1:9",
  );
  assertEquals(error.status, 0);
});

Deno.test("resolveCheckpoint() downloads once when two ask at once", async () => {
  await using scene = new Scene();
  const heard = [0, 0];
  const ask = (i: number) => scene.resolve(ID, { onProgress: () => heard[i]!++ });
  const [a, b] = await Promise.all([ask(0), ask(1)]);
  assertEquals(a, b);
  assertEquals(scene.hub.count("GET", "/revision/main"), 1);
  assertEquals(scene.hub.count("GET", sha256(weights), "store"), 1);
  assert(heard[0]! > 0 && heard[1]! > 0);
});

Deno.test("resolveCheckpoint() downloads a content once for different askers", async () => {
  await using scene = new Scene();
  const results = [
    scene.resolve(ID),
    scene.resolve(`${ID}@${COMMIT}`),
    scene.resolve(ID, { retryCount: 4 }),
  ];
  const folders = await Promise.all(results);
  assertEquals(new Set(folders).size, 1);
  assertEquals(scene.hub.count("GET", sha256(weights), "store"), 1);
});

Deno.test("resolveCheckpoint() forgets a failure", async () => {
  await using scene = new Scene();
  scene.hub.intercept = () => new Response(null, { status: 403 });
  await assertRejects(() => scene.resolve(), HubError, "access is forbidden");
  scene.hub.intercept = () => undefined;
  await scene.resolve();
});

/** A store that sends some bytes and then waits. */
function stall(scene: Scene, byteLength: number) {
  scene.hub.intercept = ({ host, range }) => {
    if (host !== "store" || range !== null) return undefined;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(weights.slice(0, byteLength)),
    });
    return new Response(stream, { headers: { "content-length": `${weights.length}` } });
  };
}

Deno.test("resolveCheckpoint() leaves a part to resume when aborted", async () => {
  await using scene = new Scene();
  stall(scene, 1200);
  const controller = new AbortController();
  const onProgress = ({ file, loadedBytes }: DownloadProgress) => {
    if (file === "model.safetensors" && loadedBytes > 0) controller.abort(new Error("enough"));
  };
  const { signal } = controller;
  await assertRejects(() => scene.resolve(ID, { signal, onProgress }), Error, "enough");
  const part = await Deno.readFile(scene.path("blobs", `${sha256(weights)}.incomplete`));
  assertEquals(part, weights.slice(0, 1200));
  await assertRejects(() => scene.resolve(ID, { signal }), Error, "enough");
  await scene.resolve();
  assertEquals(scene.hub.seen.at(-1)?.range, "bytes=1200-");
});

Deno.test("resolveCheckpoint() goes on for the second when the first leaves", async () => {
  await using scene = new Scene();
  let release = () => {};
  scene.hub.intercept = ({ host }) => {
    if (host !== "store") return undefined;
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(weights.slice(0, 1200));
        release = () => {
          controller.enqueue(weights.slice(1200));
          controller.close();
        };
      },
    });
    return new Response(stream);
  };
  const controller = new AbortController();
  const onProgress = ({ loadedBytes }: DownloadProgress) => {
    if (loadedBytes === 1200) controller.abort(new Error("enough"));
  };
  const first = scene.resolve(ID, { signal: controller.signal, onProgress });
  const second = scene.resolve();
  await assertRejects(() => first, Error, "enough");
  release();
  const folder = await second;
  assertEquals(await Deno.readFile(join(folder, "model.safetensors")), weights);
});

Deno.test("resolveCheckpoint() waits for another process, and can be aborted meanwhile", async () => {
  await using scene = new Scene();
  const path = await scene.cache.write(`.locks/models--owner--name/${sha256(weights)}.lock`, "");
  using other = await Deno.open(path, { write: true });
  await other.lock(true);
  const signal = AbortSignal.timeout(300);
  await assertRejects(() => scene.resolve(ID, { signal }), DOMException);
  assertEquals(scene.hub.count("GET", sha256(weights), "store"), 0);
  const waiting = scene.resolve();
  await scene.cache.write(`models--owner--name/blobs/${sha256(weights)}`, weights);
  await other.unlock();
  await waiting;
  assertEquals(scene.hub.count("GET", sha256(weights), "store"), 0);
});

Deno.test("resolveCheckpoint() downloads once when two processes ask at once", async () => {
  await using scene = new Scene();
  scene.model.files["model.safetensors"] = new Uint8Array(3_000_000).fill(7);
  const script = await scene.cache.write(
    "ask.ts",
    `import { resolveCheckpoint } from ${
      JSON.stringify(import.meta.resolve("../../src/checkpoint/hub.ts"))
    };
     await resolveCheckpoint("${ID}", { endpoint: Deno.args[0], cacheFolder: Deno.args[1] });`,
  );
  const config = fromFileUrl(import.meta.resolve("../../deno.json"));
  const args = ["run", "-A", "--no-check", "--config", config, script];
  const ask = () =>
    new Deno.Command(Deno.execPath(), { args: [...args, scene.hub.endpoint, scene.cache.path] })
      .output();
  const outputs = await Promise.all([ask(), ask()]);
  assertEquals(outputs.map(({ stderr }) => new TextDecoder().decode(stderr)), ["", ""]);
  const path = `/${sha256(scene.model.files["model.safetensors"])}`;
  assertEquals(scene.hub.count("GET", path, "store"), 1);
  const names = await namesIn(scene.path("blobs"));
  assertEquals(names.length, 3);
});

Deno.test("resolveCheckpoint() fetches shards, the adapter asked for, and files asked for", async () => {
  await using scene = new Scene();
  const { files } = scene.model;
  delete files["model.safetensors"];
  const shard = (value: number) => safetensorsOf({ [`w${value}`]: Array(20).fill(value) });
  files["model-1.safetensors"] = shard(1);
  files["model-2.safetensors"] = shard(2);
  files["model-3.safetensors"] = shard(3);
  files["model.safetensors.index.json"] = text({
    weight_map: { w1: "model-1.safetensors", w2: "model-2.safetensors" },
  });
  files["adapter.deu.bin"] = text("deu");
  files["adapter.deu.safetensors"] = text("deu!");
  files["adapter.eng.safetensors"] = text("eng");
  files["onnx/model.onnx"] = text("graph");
  const folder = await scene.resolve(ID, { adapter: "deu", files: ["onnx/model.onnx"] });
  const names = await namesIn(folder);
  assertEquals(names, [
    ...["adapter.deu.safetensors", "config.json", "model-1.safetensors", "model-2.safetensors"],
    ...["model.safetensors.index.json", "onnx", "vocab.json"],
  ]);
  assertEquals(await Deno.readTextFile(join(folder, "onnx", "model.onnx")), '"graph"');
  await using store = await openWeights(folder);
  assertEquals(await store.read("w2"), new Float32Array(20).fill(2));
  await assertRejects(() => scene.resolve(ID, { adapter: "fra" }), CheckpointError, "deu, eng");
  const options = { offline: true, adapter: "deu", files: ["onnx/model.onnx"] };
  assertEquals(await scene.resolve(ID, options), folder);
});

Deno.test("resolveCheckpoint() fetches a language model that can be read, where it is wanted", async () => {
  await using scene = new Scene();
  const { files } = scene.model;
  files["language_model/5gram.bin"] = text("x".repeat(100));
  files["language_model/5gram.arpa.gz"] = text("n-grams ".repeat(20));
  files["language_model/attrs.json"] = text({ alpha: 1 });
  files["language_model/unigrams.txt"] = text("words");
  files["alphabet.json"] = text({ labels: [] });
  const notices: string[] = [];
  const options = { withLanguageModel: true, onNotice: (notice: string) => notices.push(notice) };
  const pinned = `${ID}@${COMMIT}`;
  const without = await scene.resolve(pinned);
  assertEquals(await namesIn(without), ["config.json", "model.safetensors", "vocab.json"]);
  const folder = await scene.resolve(pinned, options);
  assertEquals(folder, without);
  assertEquals(await namesIn(join(folder, "language_model")), ["5gram.arpa.gz", "attrs.json"]);
  assertEquals(notices, []);
  const count = scene.hub.seen.length;
  assertEquals(await scene.resolve(pinned, options), folder);
  assertEquals(scene.hub.seen.length, count, "a commit never changes");
});

Deno.test("resolveCheckpoint() comes back for a language model whose download was cut", async () => {
  await using scene = new Scene();
  scene.model.files["language_model/lm.arpa"] = text("n-grams ".repeat(20));
  scene.model.files["language_model/attrs.json"] = text({ alpha: 1 });
  scene.hub.intercept = ({ path }) =>
    path.includes("lm.arpa") ? new Response(null, { status: 403 }) : undefined;
  const options = { withLanguageModel: true };
  const source = `${ID}@${COMMIT}`;
  await assertRejects(() => scene.resolve(source, options), HubError, "forbidden");
  scene.hub.intercept = () => undefined;
  const folder = await scene.resolve(source, options);
  assertEquals(await namesIn(join(folder, "language_model")), ["attrs.json", "lm.arpa"]);
});

Deno.test("resolveCheckpoint() leaves a language model of KenLM's aside, and says so", async () => {
  await using scene = new Scene();
  scene.model.files["language_model/5gram.bin"] = text("x".repeat(100));
  scene.model.files["language_model/attrs.json"] = text({ alpha: 1 });
  const notices: string[] = [];
  const onNotice = (notice: string) => notices.push(notice);
  const folder = await scene.resolve(ID, { withLanguageModel: true, onNotice });
  assertEquals(await namesIn(join(folder, "language_model")), ["attrs.json"]);
  assertEquals(notices.length, 1);
  assertStringIncludes(notices[0]!, `${ID} is decoded without its language model`);
  assertStringIncludes(notices[0]!, "language_model/5gram.bin is in KenLM's binary format");
  await scene.resolve(ID, { onNotice });
  assertEquals(notices.length, 1, "nobody wanted it");
});

Deno.test("resolveCheckpoint() takes a graph with its data where there are no weights", async () => {
  await using scene = new Scene();
  const onnx = { "onnx/model.onnx": text("graph"), "onnx/model.onnx_data": text("weights") };
  scene.hub.models.set(ID, { commit: COMMIT, files: { "config.json": config, ...onnx } });
  const folder = await scene.resolve();
  const names = await namesIn(join(folder, "onnx"));
  assertEquals(names, ["model.onnx", "model.onnx_data"]);
});

Deno.test("resolveCheckpoint() never writes outside its cache", async () => {
  await using scene = new Scene();
  const { files } = scene.model;
  const evil = "../../../../evil.safetensors";
  delete files["model.safetensors"];
  files["model.safetensors.index.json"] = text({ weight_map: { w: evil } });
  files[evil] = weights;
  await assertRejects(() => scene.resolve(), CheckpointError, "leads out of the folder");
  await assertRejects(() => scene.resolve(ID, { files: [evil] }), CheckpointError, "leads out");
  await assertRejects(() => scene.resolve(ID, { files: ["/etc/passwd"] }), CheckpointError);
  await assertRejects(() => scene.resolve(ID, { files: ["a\\..\\b"] }), CheckpointError);
});

Deno.test("resolveCheckpoint() refuses an ETag that is no plain name", async () => {
  await using scene = new Scene();
  scene.hub.intercept = ({ method }) =>
    method === "HEAD" ? new Response(null, { headers: { etag: `"../../evil"` } }) : undefined;
  await assertRejects(() => scene.resolve(), HubError, "does not name its content");
});

Deno.test("resolveCheckpoint() refuses an answer that is not the hub's", async () => {
  await using scene = new Scene();
  for (const body of ["<html>", "{}", `{"sha":"../x","siblings":[]}`, `{"sha":1,"siblings":1}`]) {
    scene.hub.intercept = () => new Response(body);
    await assertRejects(() => scene.resolve(), HubError, "is it a hub?");
  }
});

Deno.test("resolveCheckpoint() follows a renamed model, but not in circles", async () => {
  await using scene = new Scene();
  scene.hub.intercept = ({ path }) =>
    path.includes("owner/old")
      ? new Response(null, { status: 307, headers: { location: path.replace("old", "name") } })
      : undefined;
  await scene.resolve("owner/old");
  scene.hub.intercept = ({ path }) =>
    new Response(null, { status: 302, headers: { location: path } });
  await assertRejects(() => scene.resolve("owner/loop"), HubError, "redirects");
  scene.hub.intercept = () =>
    new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } });
  await assertRejects(() => scene.resolve("owner/loop"), HubError, "redirect");
});

Deno.test("HubError.url holds no credentials", async () => {
  await using scene = new Scene();
  scene.hub.intercept = ({ host }) =>
    host === "store" ? new Response(null, { status: 403 }) : undefined;
  const error = await assertRejects(() => scene.resolve(), HubError);
  assertMatch(error.url, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{64}$/);
});

import { assert, assertEquals, assertMatch } from "../assert.ts";
import { getRaw } from "./raw_socket.ts";
import { openServer } from "./server.ts";

Deno.test("pageRoutes: the page, its files and the samples are served with their types", async () => {
  await using server = await openServer();
  const typeOf = async (path: string) => {
    const response = await fetch(`${server.url}${path}`);
    await response.body?.cancel();
    assertEquals(response.status, 200, path);
    return response.headers.get("content-type");
  };
  assertEquals(await typeOf("/"), "text/html; charset=utf-8");
  assertEquals(await typeOf("/app.js"), "text/javascript; charset=utf-8");
  assertEquals(await typeOf("/capture_worklet.js"), "text/javascript; charset=utf-8");
  assertEquals(await typeOf("/samples/harbour.wav"), "audio/wav");
});

Deno.test("pageRoutes: no path leads out of the two folders", async () => {
  await using server = await openServer();
  const paths = [
    "/../deno.json",
    "/samples/../deno.json",
    "/samples/..%2fdeno.json",
    "/samples/%2e%2e/deno.json",
    "/samples/%2e%2e%2fdeno.json",
    "/samples/..%5cdeno.json",
    "/samples/..\\deno.json",
    "/samples//etc/passwd",
    "/samples/%00harbour.wav",
    "/samples/harbour.wav%00.html",
    "//etc/passwd",
    "/web/app.js",
    "/samples/",
    "/samples/README.md",
    "/../../../../../../../../etc/passwd",
  ];
  for (const path of paths) {
    const answer = await getRaw(server.url, path);
    assertMatch(answer, /^HTTP\/1\.1 (400|404) /, path);
    assert(!/@hubcap|root:/.test(answer), path);
  }
});

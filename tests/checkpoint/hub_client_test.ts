import { checkRedirect } from "../../src/checkpoint/hub_client.ts";
import { HubError } from "../../src/errors.ts";
import { assertEquals, assertThrows } from "../assert.ts";

Deno.test("checkRedirect() follows within https, or from http", () => {
  assertEquals(checkRedirect("/b?c", "https://x/a"), "https://x/b?c");
  assertEquals(checkRedirect("https://y/b", "https://x/a"), "https://y/b");
  assertEquals(checkRedirect("https://y/b", "http://x/a"), "https://y/b");
  assertEquals(checkRedirect("http://y/b", "http://x/a"), "http://y/b");
});

Deno.test("checkRedirect() refuses all that is less safe", () => {
  for (
    const to of ["http://x/b", "file:///etc/passwd", "data:,x", "blob:https://x/1", "https://"]
  ) {
    const error = assertThrows(() => checkRedirect(to, "https://x/a?secret"), HubError, "redirect");
    assertEquals(error.url, "https://x/a");
  }
});

/** Whether tests that need a WebGPU adapter are to run. */

import { quietEgl } from "../../src/runtime/workarounds.ts";

/** False without an adapter: the tests are then skipped, or fail where one is required. */
export async function hasWebgpu(): Promise<boolean> {
  quietEgl();
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter && Deno.env.get("HUBCAP_REQUIRE_WEBGPU") === "1") {
    throw new Error(
      "Cannot skip WebGPU tests as HUBCAP_REQUIRE_WEBGPU is set: there is no adapter",
    );
  }
  return Boolean(adapter);
}

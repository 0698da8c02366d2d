import { parsePlacement } from "../../src/runtime/placement.ts";
import { assertEquals } from "../assert.ts";

Deno.test("parsePlacement counts nodes by provider", () => {
  const at = "[V:onnxruntime:, session_state.cc:1377 VerifyEachNodeIsAssignedToAnEp]";
  assertEquals(
    parsePlacement([
      "something else",
      `${at} Node placements`,
      `${at}  Node(s) placed on [CPUExecutionProvider]. Number of nodes: 3`,
      `${at}   Add (a)`,
      `${at}  Node(s) placed on [WebGpuExecutionProvider]. Number of nodes: 12`,
    ]),
    { CPUExecutionProvider: 3, WebGpuExecutionProvider: 12 },
  );
  assertEquals(
    parsePlacement([
      `${at} Node placements`,
      `${at}  All nodes placed on [WebGpuExecutionProvider]. Number of nodes: 7`,
    ]),
    { WebGpuExecutionProvider: 7 },
  );
  assertEquals(parsePlacement(["nothing of the kind"]), undefined);
});

import { xVectorFrameCount } from "../../src/model/speaker_heads.ts";
import { assertEquals } from "../assert.ts";

Deno.test("xVectorFrameCount() leaves two frames for the spread", () => {
  const fields = { tdnn_dim: [1], tdnn_kernel: [1], tdnn_dilation: [1], xvector_output_dim: 1 };
  assertEquals(xVectorFrameCount(fields), 2);
  const published = {
    tdnn_dim: [512, 512, 512, 512, 1500],
    tdnn_kernel: [5, 3, 3, 1, 1],
    tdnn_dilation: [1, 2, 3, 1, 1],
    xvector_output_dim: 512,
  };
  assertEquals(xVectorFrameCount(published), 16);
});

import { hasWebgpu } from "../runtime/gpu.ts";
import { testBertGoldens } from "./wav2vec2_bert_graph_suite.ts";

testBertGoldens("webgpu", { atol: 1e-3, ignore: !await hasWebgpu() });

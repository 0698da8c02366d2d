import { testBertGoldens } from "./wav2vec2_bert_graph_suite.ts";

testBertGoldens("cpu", { atol: 1e-4 });
testBertGoldens("wasm", { atol: 1e-4 });

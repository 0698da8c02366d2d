/** A worker that does to order what real ones do by accident: the name of the misdeed is the model. */
import type { RequestMessage, WorkerMessage } from "../../src/runtime/protocol.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<RequestMessage>) => void;
  postMessage(message: WorkerMessage | symbol): void;
  name: string;
};

if (scope.name === "stillborn") throw new Error("stillborn");

scope.onmessage = ({ data: { id, request } }) => {
  if (request.kind === "start") {
    const value = { device: "a fake", isSoftware: false, hasFloat16: false };
    return scope.postMessage({ kind: "done", id, value });
  }
  if (request.kind === "stop") return scope.postMessage({ kind: "done", id, value: null });
  if (request.kind !== "load" || request.source.kind !== "bytes") return;
  switch (new TextDecoder().decode(request.source.model)) {
    case "trap":
      return scope.postMessage({ kind: "failed", id, reason: "it trapped", isFatal: true });
    case "throw":
      throw new Error("thrown");
    case "reject":
      return void Promise.reject(new Error("rejected"));
    case "ignore":
      return;
  }
};

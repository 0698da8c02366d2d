// @ts-check
/// <reference lib="dom" />
/**
 * The microphone, as 16-bit samples at its own rate.
 *
 * @module
 */

/**
 * @typedef {object} Microphone
 * @property {number} sampleRateHz
 * @property {string} label
 * @property {() => Promise<void>} stop Hands over the last samples, then lets the microphone go.
 */

/**
 * @typedef {object} MicrophoneOptions
 * @property {string} deviceId Which one; empty for the system's choice.
 * @property {(samples: Int16Array) => void} onSamples
 * @property {() => void} onLost It was unplugged, or taken away.
 */

/** Why there is no microphone. */
export class MicrophoneError extends Error {
  /** @param {"insecure" | "denied" | "missing" | "busy"} code @param {unknown} [cause] */
  constructor(code, cause) {
    super(`Cannot use the microphone: ${code}`, { cause });
    this.name = "MicrophoneError";
    this.code = code;
  }
}

/**
 * Opens the microphone. Call it from a click: some browsers start audio for nothing else.
 *
 * @param {MicrophoneOptions} options
 * @returns {Promise<Microphone>}
 * @throws {MicrophoneError}
 */
export async function openMicrophone({ deviceId, onSamples, onLost }) {
  if (!navigator.mediaDevices?.getUserMedia || !globalThis.AudioWorkletNode) {
    throw new MicrophoneError("insecure");
  }
  const context = new AudioContext();
  /** @type {MediaStream | undefined} */
  let media;
  try {
    await context.audioWorklet.addModule(new URL("./capture_worklet.js", import.meta.url));
    media = await record(deviceId);
    await context.resume();
    const node = connect(context, media);
    node.port.onmessage = ({ data }) => onSamples(data);
    const [track] = media.getAudioTracks();
    track?.addEventListener("ended", onLost, { once: true });
    const onVisible = () => {
      if (!document.hidden && context.state !== "closed") void context.resume();
    };
    document.addEventListener("visibilitychange", onVisible); // a call may have suspended it
    const held = media;
    return {
      sampleRateHz: context.sampleRate,
      label: track?.label ?? "",
      stop: async () => {
        document.removeEventListener("visibilitychange", onVisible);
        track?.removeEventListener("ended", onLost);
        await flush(node, onSamples);
        await release(context, held);
      },
    };
  } catch (error) {
    await release(context, media);
    throw error instanceof MicrophoneError ? error : new MicrophoneError("busy", error);
  }
}

/** @param {string} deviceId */
async function record(deviceId) {
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: {
        ...(deviceId === "" ? {} : { deviceId: { ideal: deviceId } }),
        channelCount: 1,
        autoGainControl: true,
        echoCancellation: false, // both are made for ears, and cost words
        noiseSuppression: false,
      },
    });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "NotAllowedError" || name === "SecurityError") {
      throw new MicrophoneError("denied", error);
    }
    if (name === "NotFoundError" || name === "OverconstrainedError") {
      throw new MicrophoneError("missing", error);
    }
    throw new MicrophoneError("busy", error);
  }
}

/**
 * @param {AudioContext} context
 * @param {MediaStream} media
 */
function connect(context, media) {
  const node = new AudioWorkletNode(context, "capture");
  context.createMediaStreamSource(media).connect(node);
  node.connect(context.destination); // silent: it writes nothing, but unheard nodes may sleep
  return node;
}

/**
 * @param {AudioWorkletNode} node
 * @param {(samples: Int16Array) => void} onSamples
 */
function flush(node, onSamples) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 300, undefined); // a suspended context answers nothing
    node.port.onmessage = ({ data }) => {
      if (data !== null) return onSamples(data);
      clearTimeout(timer);
      resolve(undefined);
    };
    node.port.postMessage("stop");
  });
}

/**
 * @param {AudioContext} context
 * @param {MediaStream | undefined} media
 */
async function release(context, media) {
  for (const track of media?.getTracks() ?? []) track.stop();
  if (context.state !== "closed") await context.close();
}

/** Microphones there are; without names until one was allowed. */
export async function listMicrophones() {
  const devices = await navigator.mediaDevices?.enumerateDevices?.() ?? [];
  return devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId !== "");
}

import { CODE_GENERAL, RoomKitError } from "./errors";
import { delay } from "./serial-queue";

/** Seconds in which a new volume is reached to two thirds: a jump is heard as a click, a longer way as a fade. */
const GLIDE = 0.02;
/** ms for the browser to start audio processing; before the user's first gesture on the page it never does. */
const START_MS = 1_000;

interface Graph {
  context: AudioContext;
  source: MediaStreamAudioSourceNode;
  gain: GainNode;
}

/**
 * How loud my microphone is sent. At full volume that is the device's own track: audio processing costs 10 to 20 ms of
 * delay. Below, its samples go through a gain; echo cancellation is part of the device's track and so comes before it.
 */
export class RecordingGain {
  /** 0 to 1. */
  #volume = 1;
  /** By the track they make. */
  readonly #graphs = new Map<MediaStreamTrack, Graph>();

  /** 0 to 100. False: what is sent now must be taken anew, because there is no gain in its path or none is needed. */
  setVolume(volume: number): boolean {
    if (typeof volume !== "number" || Number.isNaN(volume)) throw new RoomKitError(CODE_GENERAL, "volume is no number");
    this.#volume = Math.min(1, Math.max(0, volume / 100));
    if (this.#volume === 1 || this.#graphs.size === 0) return false;
    for (const { context, gain } of this.#graphs.values()) {
      gain.gain.setTargetAtTime(this.#volume, context.currentTime, GLIDE);
    }
    return true;
  }

  /** The track to send of a device, until {@link drop}. */
  async take(device: MediaStreamTrack): Promise<MediaStreamTrack> {
    if (this.#volume === 1) return device;
    const context = new AudioContext({ latencyHint: "interactive" });
    await Promise.race([context.resume(), delay(START_MS)]);
    if (context.state !== "running") {
      void context.close();
      // Silence would be sent instead, and the device's own track is louder than it may be.
      throw new RoomKitError(CODE_GENERAL, "the browser processes no audio before the user does something on the page");
    }
    const source = context.createMediaStreamSource(new MediaStream([device]));
    const gain = new GainNode(context, { gain: this.#volume });
    const { channelCount = 1 } = device.getSettings();
    const destination = new MediaStreamAudioDestinationNode(context, { channelCount });
    source.connect(gain).connect(destination);
    const [sent] = destination.stream.getAudioTracks();
    if (sent === undefined) throw new RoomKitError(CODE_GENERAL, "the gain gave no track");
    this.#graphs.set(sent, { context, source, gain });
    return sent;
  }

  /** A track that was taken is sent no more. */
  drop(sent: MediaStreamTrack): void {
    const graph = this.#graphs.get(sent);
    if (graph === undefined) return;
    this.#graphs.delete(sent);
    graph.source.disconnect();
    sent.stop();
    void graph.context.close();
  }
}

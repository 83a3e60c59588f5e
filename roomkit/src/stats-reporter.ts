import { ListenerSlot } from "./listener-slot";
import { log } from "./log";
import type { NERoomRtcController, NERtcStatsListener } from "./types";

/** As often as the vendor's kit (neroom-web-sdk 1.10.0) reports. Shorter costs a statistics run of each connection. */
const PERIOD_MS = 2_000;

/** Hands the call's numbers to a listener while there is one. */
export class StatsReporter {
  readonly #source: NERoomRtcController;
  readonly #slot = new ListenerSlot<Required<NERtcStatsListener>>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #busy = false;

  constructor(source: NERoomRtcController) {
    this.#source = source;
  }

  start(listener: NERtcStatsListener): void {
    this.#slot.add(listener);
    this.#timer ??= setInterval(() => {
      if (this.#busy) return;
      this.#busy = true;
      this.#report()
        .catch((cause: unknown) => log.debug("statistics could not be read", cause))
        .finally(() => {
          this.#busy = false;
        });
    }, PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#slot.clear();
  }

  async #report(): Promise<void> {
    const from = this.#source;
    const [session, localAudio, localVideo, remoteAudio, remoteVideo] = await Promise.all([
      from.getSessionStats(),
      from.getLocalAudioStats(),
      from.getLocalVideoStats(),
      from.getRemoteAudioStats(),
      from.getRemoteVideoStats(),
    ]);
    if (this.#timer === undefined) return;
    this.#slot.emit("onRtcStats", [session.data]);
    this.#slot.emit("onLocalAudioStats", [localAudio.data]);
    this.#slot.emit("onLocalVideoStats", [localVideo.data]);
    this.#slot.emit("onRemoteAudioStats", [remoteAudio.data]);
    this.#slot.emit("onRemoteVideoStats", [remoteVideo.data]);
  }
}

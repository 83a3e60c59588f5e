import { notSupported } from "./errors";

/** What the vendor's controller can do to sound and picture and this one cannot: it says so instead of being absent. */
export class UnsupportedMedia {
  startAudioMixing(): Promise<never> {
    return notSupported("startAudioMixing");
  }

  pauseAudioMixing(): Promise<never> {
    return notSupported("pauseAudioMixing");
  }

  resumeAudioMixing(): Promise<never> {
    return notSupported("resumeAudioMixing");
  }

  stopAudioMixing(): Promise<never> {
    return notSupported("stopAudioMixing");
  }

  setAudioMixingSendVolume(): Promise<never> {
    return notSupported("setAudioMixingSendVolume");
  }

  setAudioMixingPlaybackVolume(): Promise<never> {
    return notSupported("setAudioMixingPlaybackVolume");
  }

  playEffect(): Promise<never> {
    return notSupported("playEffect");
  }

  pauseEffect(): Promise<never> {
    return notSupported("pauseEffect");
  }

  resumeEffect(): Promise<never> {
    return notSupported("resumeEffect");
  }

  stopEffect(): Promise<never> {
    return notSupported("stopEffect");
  }

  stopAllEffects(): Promise<never> {
    return notSupported("stopAllEffects");
  }

  setEffectSendVolume(): Promise<never> {
    return notSupported("setEffectSendVolume");
  }

  setEffectPlaybackVolume(): Promise<never> {
    return notSupported("setEffectPlaybackVolume");
  }

  startBeauty(): Promise<never> {
    return notSupported("startBeauty");
  }

  stopBeauty(): Promise<never> {
    return notSupported("stopBeauty");
  }

  enableBeauty(): Promise<never> {
    return notSupported("enableBeauty");
  }

  setBeautyEffect(): Promise<never> {
    return notSupported("setBeautyEffect");
  }

  addBeautyFilter(): Promise<never> {
    return notSupported("addBeautyFilter");
  }

  removeBeautyFilter(): Promise<never> {
    return notSupported("removeBeautyFilter");
  }

  setBeautyFilterLevel(): Promise<never> {
    return notSupported("setBeautyFilterLevel");
  }
}

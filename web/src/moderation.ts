import type QChat from 'nim-web-sdk-ng/dist/v1/QCHAT_BROWSER_SDK';
import { explain, failure } from './explain';
import { roomOf } from './kit';
import { displayName, type Call, type Person, type Store } from './model';
import { missing, RIGHT_WORDS, type Right } from './rights';

/** What one may do to another member of the channel. */
export type Act = 'mute' | 'unmute' | 'cameraOff' | 'cameraOn' | 'stopShare' | 'remove';
/** What one may do to everybody at once. */
export type ActOnAll = 'muteAll' | 'unmuteAll' | 'camerasOff' | 'camerasOn';

const NEEDS: Record<Act | ActOnAll, Right> = {
  mute: 'RTCChannelOpenCloseOtherMicrophone',
  unmute: 'RTCChannelOpenCloseOtherMicrophone',
  cameraOff: 'RTCChannelOpenCloseOtherCamera',
  cameraOn: 'RTCChannelOpenCloseOtherCamera',
  stopShare: 'RTCChannelCloseOtherShareScreen',
  remove: 'RTCChannelDisconnectOther',
  muteAll: 'RTCChannelOpenCloseEveryoneMicrophone',
  unmuteAll: 'RTCChannelOpenCloseEveryoneMicrophone',
  camerasOff: 'RTCChannelOpenCloseEveryoneCamera',
  camerasOn: 'RTCChannelOpenCloseEveryoneCamera',
};

/** ms in which mute-all shows up in the room after it was asked for; the SDK does not say how it went. */
const ALL_WITHIN_MS = 3_000;

/** What I may do to this person now, by my rights and by what is on. Empty for myself. */
export function actsOn(call: Call, person: Person): Act[] {
  if (person.me) return [];
  const offered: Act[] = [person.mic ? 'mute' : 'unmute', person.camera ? 'cameraOff' : 'cameraOn', ...(person.screen ? (['stopShare'] as const) : []), 'remove'];
  return offered.filter((act) => call.rights.has(NEEDS[act]));
}

export function actsOnAll(call: Call): ActOnAll[] {
  const offered: ActOnAll[] = ['muteAll', ...(call.locks.mic ? (['unmuteAll'] as const) : []), 'camerasOff', ...(call.locks.camera ? (['camerasOn'] as const) : [])];
  return offered.filter((act) => call.rights.has(NEEDS[act]));
}

/** What a moderator does, with every refusal explained. */
export class Moderation {
  readonly #store: Store;
  readonly #sdk: QChat;
  /** Reads my rights again, and resolves when the store has them. */
  readonly #readRights: () => Promise<void>;

  constructor(store: Store, sdk: QChat, readRights: () => Promise<void>) {
    this.#store = store;
    this.#sdk = sdk;
    this.#readRights = readRights;
  }

  async act(act: Act, accid: string): Promise<void> {
    const name = displayName(this.#store.state, accid);
    try {
      await this.#do(act, accid);
    } catch (error) {
      this.#store.notify('refused', await this.#why(act, error, name));
      return;
    }
    const done = DONE[act]?.(name);
    if (done !== undefined) this.#store.notify('info', done);
  }

  async actOnAll(act: ActOnAll): Promise<void> {
    const { qchatMedia } = this.#sdk;
    const mic = act === 'muteAll' || act === 'unmuteAll';
    const wanted = act === 'muteAll' || act === 'camerasOff';
    const locked = (): boolean | undefined => (mic ? this.#store.state.call?.locks.mic : this.#store.state.call?.locks.camera);
    try {
      const call = { muteAll: () => qchatMedia.muteAllAudio(), unmuteAll: () => qchatMedia.unMuteAllAudio(), camerasOff: () => qchatMedia.muteAllVideo(), camerasOn: () => qchatMedia.unMuteAllVideo() }[act];
      await call();
    } catch (error) {
      this.#store.notify('refused', explain(error, 'moderate'));
      return;
    }
    // Both SDK versions return normally when the right is missing, and do not wait for the server otherwise.
    for (const until = performance.now() + ALL_WITHIN_MS; performance.now() < until && locked() !== wanted; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    if (locked() === wanted || locked() === undefined) return;
    await this.#readRights();
    const right = NEEDS[act];
    this.#store.notify('refused', this.#has(right) ? 'The server did not take it. Try again in a moment.' : missing(right));
  }

  async #do(act: Act, accid: string): Promise<void> {
    const { qchatMedia } = this.#sdk;
    // The SDK gives some of these to the kit without waiting for the outcome; the kit itself tells it.
    const rtc = roomOf(this.#store.state.call?.channel.channelId ?? '')?.rtcController;
    switch (act) {
      case 'mute':
      case 'unmute': {
        // Under mute-all the SDK does nothing, silently, for those who may not switch everybody.
        if (this.#store.state.call?.locks.mic === true && !this.#has('RTCChannelOpenCloseEveryoneMicrophone')) throw new Locked('RTCChannelOpenCloseEveryoneMicrophone');
        await (act === 'mute' ? qchatMedia.muteAudio({ accid }) : qchatMedia.unMuteAudio({ accid }));
        return;
      }
      case 'cameraOff':
      case 'cameraOn':
        if (this.#store.state.call?.locks.camera === true && !this.#has('RTCChannelOpenCloseEveryoneCamera')) throw new Locked('RTCChannelOpenCloseEveryoneCamera');
        await (act === 'cameraOff' ? qchatMedia.muteVideo({ accid }) : (rtc?.unmuteMemberVideo(accid) ?? qchatMedia.unMuteVideo({ accid })));
        return;
      case 'stopShare':
        await (rtc?.stopMemberScreenShare(accid) ?? qchatMedia.stopMemberScreenShare({ accid }));
        return;
      case 'remove':
        await qchatMedia.kickMemberOut({ accid });
    }
  }

  #has(right: Right): boolean {
    return this.#store.state.call?.rights.has(right) ?? false;
  }

  async #why(act: Act, error: unknown, name: string): Promise<string> {
    if (error instanceof Locked) return `A moderator has switched everybody off. ${missing(error.right)}`;
    const { code } = failure(error);
    if (code === 1015) return `${name} is not in the channel any more.`;
    if (code !== 403) return explain(error, 'moderate');
    await this.#readRights();
    const right = NEEDS[act];
    return this.#has(right) ? REFUSED[act](name) : missing(right);
  }
}

class Locked extends Error {
  constructor(readonly right: Right) {
    super(right);
  }
}

const DONE: Partial<Record<Act, (name: string) => string>> = {
  unmute: (name) => `${name}'s microphone was asked to open.`,
  cameraOn: (name) => `${name}'s camera was asked to open.`,
  remove: (name) => `${name} was removed from the channel.`,
};

const lacks = (right: Right) => (name: string): string => `${name} does not have the right to ${RIGHT_WORDS[right]} (${right}).`;

/** Why the server says no to somebody who holds the right. */
const REFUSED: Record<Act, (name: string) => string> = {
  mute: (name) => `The server did not let you mute ${name}.`,
  unmute: lacks('RTCChannelOpenMicrophone'),
  cameraOff: (name) => `The server did not let you switch ${name}'s camera off.`,
  cameraOn: lacks('RTCChannelOpenCamera'),
  stopShare: (name) => `The server did not let you stop what ${name} shares.`,
  remove: (name) => `${name} owns this server and cannot be removed from its channels.`,
};

import type QChat from 'nim-web-sdk-ng/dist/v1/QCHAT_BROWSER_SDK';
import { explain, explainEnd, failure } from './explain';
import type { Channel, Person, Source, Store } from './model';

/** Waits, in ms, before each new try after the media connection broke; then the person decides. */
const RETRY_AFTER_MS = [500, 1_500, 4_000, 8_000];
/** Volume (0 to 100) from which somebody counts as speaking: above the noise of a quiet room. */
const SPEAKING_FROM = 6;
/** ms without a volume report after which all meters rest. The kit reports each 200 ms. */
const LEVELS_STALE_MS = 700;

/** ms between the end of a call and the event that tells of it; past that, nothing was switched. */
const SETTLES_WITHIN_MS = 1_500;

const HIGH_STREAM = 0;

interface Wish {
  readonly channel: Channel;
  mic: boolean;
  camera: boolean;
}

type Levels = ReadonlyMap<string, number>;

/** My place in one media channel, driven through `qchatMedia`. */
export class Call {
  readonly #store: Store;
  readonly #sdk: QChat;
  readonly #me: string;
  readonly #roomServer: string;
  readonly #meters = new Set<(levels: Levels) => void>();
  #initialised = false;
  /** What the person wants; survives a lost connection, ends with leave, kick and close. */
  #wish: Wish | null = null;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #retries = 0;

  constructor(store: Store, sdk: QChat, me: string, roomServer: string) {
    this.#store = store;
    this.#sdk = sdk;
    this.#me = me;
    this.#roomServer = roomServer;
    this.#listen();
  }

  /** Volume by account, 0 to 1, several times a second; the store is left alone so that tiles are not rebuilt. */
  onLevels(meter: (levels: Levels) => void): void {
    this.#meters.add(meter);
  }

  async enter(channel: Channel): Promise<void> {
    if (this.#store.state.call?.channel.channelId === channel.channelId) return;
    if (this.#store.state.call) await this.leave();
    this.#wish = { channel, mic: false, camera: false };
    this.#store.set({ notice: null, call: { channel, phase: 'entering', people: [], mic: 'off', camera: 'off' } });
    try {
      await this.#connect(channel);
    } catch (error) {
      if (!this.#wants(channel)) return;
      this.#wish = null;
      await this.#disconnect();
      this.#store.set({ call: null });
      this.#store.notify('refused', explain(error, 'enter'));
    }
  }

  async leave(): Promise<void> {
    if (!this.#store.state.call) return;
    this.#wish = null;
    this.#store.setCall({ phase: 'leaving' });
    await this.#disconnect();
    this.#store.set({ call: null });
  }

  async toggleMic(): Promise<void> {
    await this.#toggle('mic', 'microphone', () => this.#sdk.qchatMedia.unMuteAudio({ accid: this.#me }), () => this.#sdk.qchatMedia.muteAudio({ accid: this.#me }));
  }

  async toggleCamera(): Promise<void> {
    await this.#toggle('camera', 'camera', () => this.#sdk.qchatMedia.unMuteVideo({ accid: this.#me }), () => this.#sdk.qchatMedia.muteVideo({ accid: this.#me }));
  }

  /** Puts a person's picture into `view` and asks for it; a picture that is not there yet comes by itself. */
  show(accid: string, view: HTMLElement): void {
    this.#sdk.qchatMedia.setupVideoCanvas({ accid, videoView: view });
    if (accid !== this.#me) void this.#sdk.qchatMedia.subscribeRemoteVideoStream({ accid, streamType: HIGH_STREAM }).catch(() => undefined);
  }

  /** The QChat link is back. The SDK left the channel when it went (seen in 0.17.2 and 10.8.1), so enter again. */
  async comeBack(): Promise<void> {
    const wish = this.#wish;
    if (!wish || !this.#store.state.call) return;
    this.#store.setCall({ phase: 'returning', people: [], mic: 'off', camera: 'off' });
    try {
      await this.#connect(wish.channel);
    } catch (error) {
      if (this.#wish !== wish) return;
      const wait = RETRY_AFTER_MS[this.#retries];
      const { code } = failure(error);
      // A verdict of the server is final; anything else may pass.
      if (wait === undefined || (code !== null && code !== 408 && code !== 415 && code !== 503 && code > 0 && code !== 400)) {
        this.#end(explain(error, 'enter'));
        return;
      }
      this.#retries += 1;
      setTimeout(() => {
        if (this.#wish === wish && this.#store.state.link === 'on') void this.comeBack();
      }, wait);
      return;
    }
    this.#retries = 0;
    if (wish.mic) await this.toggleMic();
    if (wish.camera) await this.toggleCamera();
  }

  async #connect({ serverId, channelId }: Channel): Promise<void> {
    if (!this.#initialised) {
      await this.#sdk.qchatMedia.initQChatMedia({ serverConfig: { roomKitServerConfig: { roomServer: this.#roomServer } } });
      this.#initialised = true;
    }
    await this.#sdk.qchatMedia.loginByIM();
    await this.#sdk.qchatMedia.connectChannel({ serverId, channelId });
    this.#sdk.qchatMedia.addRTCChannelListener();
    this.#store.setCall({ phase: 'inside' });
    this.#readPeople();
  }

  async #disconnect(): Promise<void> {
    try {
      await this.#sdk.qchatMedia.disconnectChannel();
    } catch {
      // Not connected: 0.17.2 says so by throwing.
    }
    this.#rested();
  }

  #wants(channel: Channel): boolean {
    return this.#wish?.channel.channelId === channel.channelId;
  }

  #end(said: string | null): void {
    this.#wish = null;
    this.#retries = 0;
    this.#rested();
    this.#store.set({ call: null });
    if (said !== null) this.#store.notify('refused', said);
  }

  async #toggle(key: 'mic' | 'camera', doing: 'microphone' | 'camera', on: () => Promise<void>, off: () => Promise<void>): Promise<void> {
    const call = this.#store.state.call;
    if (call?.phase !== 'inside' || call[key] === 'opening' || call[key] === 'closing') return;
    const opening = call[key] === 'off';
    const set = (source: Source): void => this.#store.setCall(key === 'mic' ? { mic: source } : { camera: source });
    set(opening ? 'opening' : 'closing');
    try {
      await (opening ? on() : off());
      const now = await this.#settled(key, opening);
      set(now ? 'on' : 'off');
      if (this.#wish) this.#wish[key] = now;
      // Under mute-all both SDK versions return normally and do nothing for somebody without the right.
      if (opening && !now) this.#store.notify('refused', `A moderator has switched every ${doing} off in this channel.`);
    } catch (error) {
      set(this.#mine(key) ? 'on' : 'off');
      this.#store.notify('refused', explain(error, doing));
    }
  }

  /** My state once the mute event of the change came, which may be after the call resolved; or as it is after a while. */
  async #settled(key: 'mic' | 'camera', wanted: boolean): Promise<boolean> {
    for (const until = performance.now() + SETTLES_WITHIN_MS; performance.now() < until; ) {
      if (this.#mine(key) === wanted) return wanted;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.#mine(key);
  }

  #mine(key: 'mic' | 'camera'): boolean {
    return this.#store.state.call?.people.find((p) => p.me)?.[key] ?? false;
  }

  /** `getRTCMembers` lists the others only, so my own state is kept from the mute events. */
  #readPeople(): void {
    const call = this.#store.state.call;
    if (call?.phase !== 'inside') return;
    const mine = call.people.find((p) => p.me) ?? { accid: this.#me, me: true, mic: false, camera: false };
    let others: Person[] = [];
    try {
      others = this.#sdk.qchatMedia
        .getRTCMembers()
        .filter((m) => m.accid !== this.#me)
        .map((m) => ({ accid: m.accid, me: false, mic: m.isAudioOn, camera: m.isVideoOn }));
    } catch {
      // Not connected any more; the end event follows.
    }
    this.#store.setCall({ people: [mine, ...others] });
  }

  #changed(accid: string, key: 'mic' | 'camera', on: boolean, operator: string): void {
    const call = this.#store.state.call;
    if (!call) return;
    this.#store.setCall({ people: call.people.map((p) => (p.accid === accid ? { ...p, [key]: on } : p)) });
    if (accid !== this.#me) return;
    const busy = call[key] === 'opening' || call[key] === 'closing';
    if (busy || call.phase !== 'inside') return;
    this.#store.setCall(key === 'mic' ? { mic: on ? 'on' : 'off' } : { camera: on ? 'on' : 'off' });
    // Devices also close when the connection goes, as if I had done it: that is not what I wish.
    if (this.#wish && operator !== this.#me) this.#wish[key] = on;
    if (!on && this.#store.state.link === 'on') {
      const what = key === 'mic' ? 'microphone' : 'camera';
      const by = operator === this.#me ? 'was switched off by the server: the right to use it is gone, or a moderator closed it' : `was switched off by ${this.#store.state.names.get(operator) ?? operator}`;
      this.#store.notify('info', `Your ${what} ${by}.`);
    }
  }

  #listen(): void {
    const sdk = this.#sdk;
    sdk.on('memberJoinRTCChannel', () => this.#readPeople());
    sdk.on('memberLeaveRTCChannel', () => this.#readPeople());
    sdk.on('memberAudioMuteChanged', (e) => this.#changed(e.memberAccId, 'mic', !e.mute, e.operateByAccId));
    sdk.on('memberVideoMuteChanged', (e) => this.#changed(e.memberAccId, 'camera', !e.mute, e.operateByAccId));
    sdk.on('onRtcAudioVolumeIndication', (list) => {
      // The published typing misspells the key; the event carries `userUuid` (0.17.2 and 10.8.1).
      const heard = list as unknown as readonly { userUuid: string; volume: number }[];
      this.#report(new Map(heard.map((v) => [v.userUuid, v.volume / 100])));
    });
    sdk.on('RTCChannelEnded', (reason) => {
      // My own leave, and the SDK's own leave after a lost link, both come as LEAVE_BY_SELF.
      if (reason === 'LEAVE_BY_SELF') {
        if (this.#wish && this.#store.state.call) this.#store.setCall({ phase: 'returning', people: [], mic: 'off', camera: 'off' });
        this.#rested();
        return;
      }
      this.#end(explainEnd(reason));
    });
    sdk.on('RTCChannelError', () => {
      if (!this.#wish || this.#store.state.link !== 'on') return;
      this.#store.setCall({ phase: 'returning', people: [], mic: 'off', camera: 'off' });
      void this.#disconnect().then(() => this.comeBack());
    });
  }

  #report(levels: Levels): void {
    clearTimeout(this.#rest);
    for (const meter of this.#meters) meter(levels);
    if (levels.size > 0) this.#rest = setTimeout(() => this.#rested(), LEVELS_STALE_MS);
  }

  #rested(): void {
    clearTimeout(this.#rest);
    for (const meter of this.#meters) meter(new Map());
  }
}

export const isSpeaking = (level: number): boolean => level * 100 >= SPEAKING_FROM;

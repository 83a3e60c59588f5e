import type QChat from 'nim-web-sdk-ng/dist/v1/QCHAT_BROWSER_SDK';
import { explain, explainEnd, failure } from './explain';
import { displayName, silentCall, type Channel, type Person, type Sharpness, type Source, type Store } from './model';
import { Moderation } from './moderation';
import { missing, readRights, type Right } from './rights';
import { playBlocked, watchRoom } from './room';
import { toggleShare } from './share';

/** Waits, in ms, before each new try after the media connection broke; then the person decides. */
const RETRY_AFTER_MS = [500, 1_500, 4_000, 8_000];
/** Volume (0 to 100) from which somebody counts as speaking: above the noise of a quiet room. */
const SPEAKING_FROM = 6;
/** ms without a volume report after which all meters rest. The kit reports each 200 ms. */
const LEVELS_STALE_MS = 700;

/** ms between the end of a call and the event that tells of it; past that, nothing was switched. */
const SETTLES_WITHIN_MS = 1_500;

/** `streamType` of the SDK. */
const STREAM: Record<Sharpness, number> = { sharp: 0, light: 1 };

type Device = 'mic' | 'camera' | 'share';
const NEEDS: Record<Device, Right> = { mic: 'RTCChannelOpenMicrophone', camera: 'RTCChannelOpenCamera', share: 'RTCChannelOpenShareScreen' };
const EVERYBODY: Record<'mic' | 'camera', Right> = { mic: 'RTCChannelOpenCloseEveryoneMicrophone', camera: 'RTCChannelOpenCloseEveryoneCamera' };
const NAMES: Record<Device, string> = { mic: 'microphone', camera: 'camera', share: 'screen share' };
const SHOWN = { mic: 'mic', camera: 'camera', share: 'screen' } as const satisfies Record<Device, keyof Person>;

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
  /** What was asked for of whose camera, so that the same is not asked twice. */
  readonly #asked = new Map<string, Sharpness>();
  readonly moderation: Moderation;
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
    this.moderation = new Moderation(store, sdk, () => this.readRights());
    this.#listen();
  }

  /** Volume by account, 0 to 1, several times a second; the store is left alone so that tiles are not rebuilt. */
  onLevels(meter: (levels: Levels) => void): void {
    this.#meters.add(meter);
  }

  async enter(channel: Channel): Promise<void> {
    if (this.#isIn(channel)) return;
    if (this.#store.state.call) await this.leave();
    this.#wish = { channel, mic: false, camera: false };
    this.#store.set({ notice: null, call: { ...silentCall, channel, phase: 'entering', rights: new Set(), sharpness: new Map() } });
    try {
      await this.#connect(channel);
    } catch (error) {
      if (!this.#wants(channel)) return;
      this.#wish = null;
      await this.#disconnect();
      this.#store.set({ call: null });
      this.#store.notify('refused', failure(error).code === 403 ? missing('RTCChannelConnect') : explain(error, 'enter'));
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
    await this.#toggle('mic', () => this.#sdk.qchatMedia.unMuteAudio({ accid: this.#me }), () => this.#sdk.qchatMedia.muteAudio({ accid: this.#me }));
  }

  async toggleCamera(): Promise<void> {
    await this.#toggle('camera', () => this.#sdk.qchatMedia.unMuteVideo({ accid: this.#me }), () => this.#sdk.qchatMedia.muteVideo({ accid: this.#me }));
  }

  async toggleShare(): Promise<void> {
    await toggleShare(this.#store, (error) => this.#whyNot('share', error));
  }

  /** To be called while the person clicks: plays what the browser held back. */
  async playBlocked(): Promise<void> {
    await playBlocked(this.#store);
  }

  /** Puts a person's camera into `view`; a picture that is not there yet comes by itself. */
  show(accid: string, view: HTMLElement): void {
    this.#sdk.qchatMedia.setupVideoCanvas({ accid, videoView: view });
    this.#asked.delete(accid);
  }

  /** Asks for one of the two pictures of somebody's camera. */
  sharpen(accid: string, sharpness: Sharpness): void {
    if (accid === this.#me || this.#asked.get(accid) === sharpness) return;
    this.#asked.set(accid, sharpness);
    void this.#sdk.qchatMedia.subscribeRemoteVideoStream({ accid, streamType: STREAM[sharpness] }).catch(() => this.#asked.delete(accid));
  }

  choose(accid: string, sharpness: Sharpness): void {
    const { call } = this.#store.state;
    if (call) this.#store.setCall({ sharpness: new Map(call.sharpness).set(accid, sharpness) });
  }

  /** Puts the screen somebody shares into `view`, or with `null` stops receiving it. */
  showScreen(accid: string, view: HTMLElement | null): void {
    try {
      if (view) {
        this.#sdk.qchatMedia.setupRemoteVideoSubStreamCanvas({ accid, videoView: view });
        void this.#sdk.qchatMedia.subscribeRemoteVideoSubStream({ accid }).catch(() => undefined);
      } else void this.#sdk.qchatMedia.unsubscribeRemoteVideoSubStream({ accid }).catch(() => undefined);
    } catch {
      // Not connected any more; the end event follows.
    }
  }

  /** Asks the server again what I may do here; keeps what was known when it does not answer. */
  async readRights(): Promise<void> {
    const channel = this.#store.state.call?.channel;
    if (!channel) return;
    try {
      const rights = await readRights(this.#sdk, channel.serverId, channel.channelId);
      if (this.#isIn(channel)) this.#store.setCall({ rights });
    } catch {
      // The link is gone, or the channel; its own event follows.
    }
  }

  /** The QChat link is back. The SDK left the channel when it went (seen in 0.17.2 and 10.8.1), so enter again. */
  async comeBack(): Promise<void> {
    const wish = this.#wish;
    if (!wish || !this.#store.state.call) return;
    this.#store.setCall({ ...silentCall, phase: 'returning' });
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
    this.#asked.clear();
    this.#store.setCall({ phase: 'inside' });
    watchRoom(this.#store, channelId);
    this.#readPeople();
    await this.readRights();
  }

  async #disconnect(): Promise<void> {
    try {
      await this.#sdk.qchatMedia.disconnectChannel();
    } catch {
      // Not connected: 0.17.2 says so by throwing.
    }
    this.#rested();
  }

  #isIn(channel: Channel): boolean {
    return this.#store.state.call?.channel.channelId === channel.channelId;
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

  async #toggle(key: 'mic' | 'camera', on: () => Promise<void>, off: () => Promise<void>): Promise<void> {
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
      if (opening && !now) this.#store.notify('refused', this.#locked(key));
    } catch (error) {
      set(this.#mine(key) ? 'on' : 'off');
      this.#store.notify('refused', failure(error).code === 403 ? await this.#whyNot(key, error) : explain(error, key === 'mic' ? 'microphone' : 'camera'));
    }
  }

  #locked(key: 'mic' | 'camera'): string {
    return `A moderator has switched every ${NAMES[key]} off in this channel. ${missing(EVERYBODY[key])}`;
  }

  /** Names what was missing when the server refused a device of mine. */
  async #whyNot(key: Device, error: unknown): Promise<string> {
    await this.readRights();
    const { call } = this.#store.state;
    if (call && !call.rights.has(NEEDS[key])) return missing(NEEDS[key]);
    if (key !== 'share' && call?.locks[key] === true && !call.rights.has(EVERYBODY[key])) return this.#locked(key);
    return explain(error, key === 'mic' ? 'microphone' : key);
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
    const mine = call.people.find((p) => p.me) ?? { accid: this.#me, me: true, mic: false, camera: false, screen: false };
    let others: Person[] = [];
    try {
      others = this.#sdk.qchatMedia
        .getRTCMembers()
        .filter((m) => m.accid !== this.#me)
        .map((m) => ({ accid: m.accid, me: false, mic: m.isAudioOn, camera: m.isVideoOn, screen: m.isSharingScreen }));
    } catch {
      // Not connected any more; the end event follows.
    }
    this.#store.setCall({ people: [mine, ...others] });
  }

  #changed(accid: string, key: Device, on: boolean, operator: string): void {
    const call = this.#store.state.call;
    if (!call) return;
    this.#store.setCall({ people: call.people.map((p) => (p.accid === accid ? { ...p, [SHOWN[key]]: on } : p)) });
    if (accid !== this.#me) return;
    if (call[key] === 'opening' || call[key] === 'closing' || call.phase !== 'inside') return;
    this.#store.setCall({ [key]: on ? 'on' : 'off' });
    // Devices also close when the connection goes, as if I had done it: that is not what I wish.
    if (this.#wish && key !== 'share' && operator !== this.#me) this.#wish[key] = on;
    if (this.#store.state.link !== 'on') return;
    const by = displayName(this.#store.state, operator);
    if (operator !== this.#me) this.#store.notify('info', on ? `Your ${NAMES[key]} was switched on by ${by}.` : `Your ${NAMES[key]} was switched off by ${by}.`);
    else if (!on) void this.#explainOff(key);
  }

  /** Off as if by myself, though nobody clicked here: a lost right, mute-all, or the browser's own button. */
  async #explainOff(key: Device): Promise<void> {
    await this.readRights();
    const { call } = this.#store.state;
    if (!call || call.phase !== 'inside') return;
    if (!call.rights.has(NEEDS[key])) this.#store.notify('info', `Your ${NAMES[key]} was switched off. ${missing(NEEDS[key])}`);
    else if (key !== 'share' && call.locks[key]) this.#store.notify('info', `A moderator has switched every ${NAMES[key]} off in this channel.`);
    else if (key !== 'share') this.#store.notify('info', `Your ${NAMES[key]} stopped: the device is gone, or the server switched it off.`);
  }

  #listen(): void {
    const sdk = this.#sdk;
    sdk.on('memberJoinRTCChannel', () => this.#readPeople());
    sdk.on('memberLeaveRTCChannel', () => this.#readPeople());
    sdk.on('memberAudioMuteChanged', (e) => this.#changed(e.memberAccId, 'mic', !e.mute, e.operateByAccId));
    sdk.on('memberVideoMuteChanged', (e) => this.#changed(e.memberAccId, 'camera', !e.mute, e.operateByAccId));
    sdk.on('memberScreenShareStateChanged', (e) => this.#changed(e.memberAccId, 'share', e.isSharing, e.operateByAccId));
    sdk.on('onRtcAudioVolumeIndication', (list) => {
      // The published typing misspells the key; the event carries `userUuid` (0.17.2 and 10.8.1).
      const heard = list as unknown as readonly { userUuid: string; volume: number }[];
      this.#report(new Map(heard.map((v) => [v.userUuid, v.volume / 100])));
    });
    sdk.on('RTCChannelEnded', (reason) => {
      // My own leave, and the SDK's own leave after a lost link, both come as LEAVE_BY_SELF.
      if (reason === 'LEAVE_BY_SELF') {
        if (this.#wish && this.#store.state.call) this.#store.setCall({ ...silentCall, phase: 'returning' });
        this.#rested();
        return;
      }
      if (reason === 'KICK_OUT') void this.#removed();
      else this.#end(explainEnd(reason));
    });
    sdk.on('RTCChannelError', () => {
      if (!this.#wish || this.#store.state.link !== 'on') return;
      this.#store.setCall({ ...silentCall, phase: 'returning' });
      void this.#disconnect().then(() => this.comeBack());
    });
  }

  /** A moderator, or a right that is gone: the end event does not say which. */
  async #removed(): Promise<void> {
    const wish = this.#wish;
    const channel = wish?.channel;
    this.#end(explainEnd('KICK_OUT'));
    if (!channel) return;
    const rights = await readRights(this.#sdk, channel.serverId, channel.channelId).catch(() => null);
    if (this.#store.state.call) return;
    if (rights === null) this.#store.notify('refused', 'You cannot see this channel any more, so you are not in it.');
    else if (!rights.has('RTCChannelConnect')) this.#store.notify('refused', `You are not in the channel any more. ${missing('RTCChannelConnect')}`);
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

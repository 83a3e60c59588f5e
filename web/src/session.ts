import QChat from 'nim-web-sdk-ng/dist/v1/QCHAT_BROWSER_SDK';
import { Call } from './call';
import { demoToken } from './demo';
import { explain } from './explain';
import type { Channel, ChannelKind, DemoAccount, DemoInfo, Server, Store } from './model';

/** ms between looks at who is inside each media channel: fresh enough to see a friend arrive, 1 request per channel. */
const PRESENCE_EVERY_MS = 4_000;
/** Lists asked for in one page; a demo server is far smaller. */
const PAGE = 100;
/** Changes that make the channel list stale. */
const LIST_NOTIFICATIONS = new Set([
  'serverCreate', 'serverRemove', 'serverUpdate', 'channelCreate', 'channelRemove', 'channelUpdate',
  'channelVisibilityUpdate', 'serverEnterLeave', 'serverMemberInviteDone', 'serverMemberInviteAccept', 'serverMemberApplyAccept',
]);
/** Changes that may alter what I may do: roles, who has them, and what a channel makes of them. */
const RIGHT_NOTIFICATIONS = new Set([
  'serverIdentifyAdd', 'serverIdentifyRemove', 'serverIdentifyUpdate', 'channelIdentifyUpdate', 'userIdentifyUpdate',
]);

const kindOf = (type: string): ChannelKind => (type === 'media' || type === 'message' ? type : 'other');

/** One signed-in demo account: its QChat link, its servers and channels, and its media channel. */
export class Session {
  readonly call: Call;
  readonly #sdk: QChat;
  readonly #store: Store;
  #presence: ReturnType<typeof setInterval> | undefined;
  #gone = false;

  private constructor(store: Store, info: DemoInfo, account: DemoAccount, token: string, roomKit: unknown) {
    this.#store = store;
    this.#sdk = new QChat(
      {
        appkey: info.app_key,
        account: account.accid,
        token,
        linkAddresses: [info.link],
        debugLevel: 'off',
        isAbtestEnable: false,
      },
      {
        // Nothing of this page may leave the machine: no storage policy, no telemetry.
        cloudStorageConfig: { isNeedToGetUploadPolicyFromServer: false },
        reporterConfig: { enableCompass: false },
        loggerConfig: { debugLevel: 'off' },
        qchatMediaConfig: { neroom: roomKit },
      },
    );
    this.call = new Call(store, this.#sdk, account.accid, info.room_server);
    this.#listen();
  }

  /** Signs in; rejects with the SDK's error when the server refuses. */
  static async open(store: Store, info: DemoInfo, account: DemoAccount, roomKit: unknown): Promise<Session> {
    store.set({ link: 'connecting', me: account, notice: null });
    const token = await demoToken(account.accid);
    const session = new Session(store, info, account, token, roomKit);
    try {
      await session.#sdk.login();
    } catch (error) {
      await session.close();
      throw error;
    }
    await session.refresh();
    session.#presence = setInterval(() => void session.#lookInside(), PRESENCE_EVERY_MS);
    return session;
  }

  async close(): Promise<void> {
    this.#gone = true;
    clearInterval(this.#presence);
    try {
      await this.call.leave();
      await this.#sdk.destroy();
    } catch {
      // The page goes back to the choice of accounts whatever the link says.
    }
    this.#store.set({ link: 'off', me: null, servers: [], call: null });
  }

  /** Reads servers, channels and names again. */
  async refresh(): Promise<void> {
    try {
      const { datas } = await this.#sdk.qchatServer.getServersByPage({ timestamp: 0, limit: PAGE });
      const servers = await Promise.all(datas.map((s) => this.#server(s.serverId, s.name)));
      if (this.#gone) return;
      this.#store.set({ servers });
      await this.#lookInside();
    } catch (error) {
      if (!this.#gone) this.#store.notify('broken', explain(error, 'look'));
    }
  }

  async #server(serverId: string, name: string): Promise<Server> {
    const [channels, members] = await Promise.all([
      this.#sdk.qchatChannel.getChannelsByPage({ serverId, timetag: 0, limit: PAGE }),
      this.#sdk.qchatServer.getServerMembersByPage({ serverId, timetag: 0, limit: PAGE }),
    ]);
    const names = new Map(this.#store.state.names);
    for (const m of members.datas) if (m.nick && !names.has(m.accid)) names.set(m.accid, m.nick);
    this.#store.set({ names });
    const known = new Map(this.#channels().map((c) => [c.channelId, c.inside]));
    return {
      serverId,
      name,
      channels: channels.datas
        .map((c) => ({
          serverId,
          channelId: c.channelId,
          name: c.name,
          topic: c.topic,
          kind: kindOf(c.type),
          hidden: c.viewMode === 1,
          inside: known.get(c.channelId) ?? [],
        }))
        .reverse(),
    };
  }

  #channels(): Channel[] {
    return this.#store.state.servers.flatMap((s) => s.channels);
  }

  async #lookInside(): Promise<void> {
    if (this.#gone || this.#store.state.link !== 'on' || document.hidden) return;
    const inside = new Map<string, readonly string[]>();
    await Promise.all(
      this.#channels()
        .filter((c) => c.kind === 'media')
        .map(async ({ serverId, channelId }) => {
          try {
            const members = await this.#sdk.qchatMedia.getRTCChannelOnlineMembers({ serverId, channelId });
            inside.set(channelId, members.map((m) => m.accid).sort());
          } catch {
            // A channel that just vanished: the notification about it refreshes the list.
          }
        }),
    );
    this.#store.set({
      servers: this.#store.state.servers.map((s) => ({
        ...s,
        channels: s.channels.map((c) => ({ ...c, inside: inside.get(c.channelId) ?? c.inside })),
      })),
    });
  }

  #listen(): void {
    const sdk = this.#sdk;
    const store = this.#store;
    sdk.on('logined', ({ isAutoReconnect }) => {
      store.set({ link: 'on' });
      if (!isAutoReconnect) return;
      store.notify('info', 'Connected again.');
      void this.refresh();
      void this.call.comeBack();
    });
    sdk.on('disconnect', () => {
      if (!this.#gone) store.set({ link: 'lost' });
    });
    sdk.on('willReconnect', () => {
      if (!this.#gone) store.set({ link: 'lost' });
    });
    sdk.on('kicked', () => {
      if (this.#gone) return;
      store.notify('refused', 'The server ended this session: the account was signed out.');
      void this.close();
    });
    sdk.on('systemNotification', ({ systemNotifications }) => {
      if (systemNotifications.some((n) => LIST_NOTIFICATIONS.has(n.type))) void this.refresh();
      if (systemNotifications.some((n) => RIGHT_NOTIFICATIONS.has(n.type))) void this.call.readRights();
    });
    for (const event of ['memberJoinRTCChannel', 'memberLeaveRTCChannel', 'connectChannel', 'qchatMediaDisconnect'] as const) {
      sdk.on(event, () => void this.#lookInside());
    }
  }
}

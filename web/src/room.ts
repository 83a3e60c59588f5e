import type { NERoomContext, NERoomProperties } from '@rotunda/roomkit';
import { roomOf } from './kit';
import type { Locks, Quality, Store } from './model';

/** Value of `audioOff` and `videoOff` while a moderator has switched everybody off; a timestamp follows it. */
const LOCKED = 'offNotAllowSelfOn';

const locked = (properties: NERoomProperties, key: string): boolean => properties[key]?.value.split('_')[0] === LOCKED;

const locksOf = (room: NERoomContext): Locks => ({ mic: locked(room.roomProperties, 'audioOff'), camera: locked(room.roomProperties, 'videoOff') });

/** Keeps what the SDK does not report: mute-all, network quality, reconnects, and what the browser will not play. */
export function watchRoom(store: Store, channelId: string): void {
  const room = roomOf(channelId);
  if (!room) return;
  const here = (): boolean => roomOf(channelId) === room && store.state.call?.channel.channelId === channelId;
  const readLocks = (): void => {
    if (here()) store.setCall({ locks: locksOf(room) });
  };
  readLocks();
  room.on('onRoomPropertiesChanged', readLocks);
  room.on('onRoomPropertiesDeleted', readLocks);
  room.on('onRtcNetworkQuality', (list) => {
    if (!here()) return;
    const quality = new Map<string, Quality>(store.state.call?.quality);
    for (const { userUuid, upStatus, downStatus } of list) quality.set(userUuid, { up: upStatus, down: downStatus });
    store.setCall({ quality });
  });
  room.on('onRoomConnectStateChanged', ({ curState, reconnect }) => {
    if (here()) store.setCall({ recovering: reconnect && curState === 'CONNECTING' });
  });
  room.on('onAutoPlayNotAllowed', ({ userUuid }) => {
    if (here()) store.setCall({ blocked: new Set([...(store.state.call?.blocked ?? []), userUuid]) });
  });
}

/** To be called while the person clicks: what the browser held back plays now. Resolves with those it still holds. */
export async function playBlocked(store: Store): Promise<void> {
  const { call } = store.state;
  const room = call && roomOf(call.channel.channelId);
  if (!call || !room) return;
  const still = await Promise.all(
    [...call.blocked].map(async (userUuid) => {
      const both = (['audio', 'video'] as const).map((type) => room.rtcController.replayRemoteStream({ userUuid, type }));
      return (await Promise.allSettled(both)).some((r) => r.status === 'rejected') ? [userUuid] : [];
    }),
  );
  store.setCall({ blocked: new Set(still.flat()) });
}

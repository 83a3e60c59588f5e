import { explain, failure } from './explain';
import { roomOf } from './kit';
import { displayName, sharer, type Store } from './model';

/** The browser can share a screen at all: phones cannot. */
export const canShare = (): boolean => 'mediaDevices' in navigator && 'getDisplayMedia' in navigator.mediaDevices;

/** Server code of a second screen share. */
const SHARED_ALREADY = 1012;

/** Says who is sharing, when somebody else is. */
function taken(store: Store): string | null {
  const call = store.state.call;
  const other = call && sharer(call);
  return other && !other.me ? `${displayName(store.state, other.accid)} is sharing a screen already. Only one person at a time can share in a channel.` : null;
}

const sharing = (store: Store): boolean => store.state.call?.people.some((p) => p.me && p.screen) ?? false;

/**
 * Starts or stops my screen share. To be called while the person clicks: the browser shows its choice of screens for a
 * click only. Asks the kit, because the SDK's own call ends before anybody chose a screen and so drops every refusal.
 */
export async function toggleShare(store: Store, refused: (error: unknown) => Promise<string>): Promise<void> {
  const call = store.state.call;
  const room = call && roomOf(call.channel.channelId);
  if (!room || call.phase !== 'inside' || call.share === 'opening' || call.share === 'closing') return;
  const opening = call.share === 'off';
  if (opening) {
    const said = taken(store);
    if (said !== null) {
      store.notify('refused', said);
      return;
    }
  }
  store.setCall({ share: opening ? 'opening' : 'closing' });
  try {
    await (opening ? room.rtcController.startScreenShare() : room.rtcController.stopScreenShare());
  } catch (error) {
    const { code, device } = failure(error);
    if (device === 'NotAllowedError') store.notify('info', 'Nothing is shared: no screen was chosen.');
    else if (code === SHARED_ALREADY) store.notify('refused', taken(store) ?? explain(error, 'share'));
    else if (code === 403) store.notify('refused', await refused(error));
    else store.notify('refused', explain(error, 'share'));
  }
  store.setCall({ share: sharing(store) ? 'on' : 'off' });
}

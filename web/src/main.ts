import { demoInfo, DemoError } from './demo';
import { explain } from './explain';
import { PageKit } from './kit';
import { Store, type Channel, type DemoAccount } from './model';
import { Session } from './session';
import { Tabs } from './tabs';
import { toggleTheme, useStoredTheme } from './theme';
import { gate } from './views/gate';
import { h } from './views/dom';
import { notice } from './views/notice';
import { rail } from './views/rail';
import { stage } from './views/stage';

/** ms an informational notice stays; refusals stay until dismissed or replaced. */
const INFO_STAYS_MS = 5_000;

const store = new Store();
const tabs = new Tabs((taken) => store.set({ taken }));
let session: Session | null = null;

async function signIn(account: DemoAccount): Promise<void> {
  const { info } = store.state;
  if (!info || session) return;
  try {
    session = await Session.open(store, info, account, PageKit);
  } catch (error) {
    store.set({ link: 'off', me: null });
    store.notify('refused', error instanceof DemoError ? 'The server gave no token for this account: the demo is off, or the account is not a demo account.' : explain(error, 'signIn'));
    return;
  }
  session.call.onLevels((levels) => hall.levels(levels));
  tabs.sit(account.accid);
  history.replaceState(null, '', `?as=${encodeURIComponent(account.accid)}`);
  document.title = `${account.name} · Rotunda`;
  const wanted = asked.get('channel');
  asked.delete('channel');
  const channel = store.state.servers.flatMap((s) => s.channels).find((c) => c.channelId === wanted);
  if (channel) await enter(channel);
}

async function signOut(): Promise<void> {
  const leaving = session;
  session = null;
  tabs.sit(null);
  history.replaceState(null, '', '/try/');
  document.title = 'Rotunda · try it';
  await leaving?.close();
}

const enter = async (channel: Channel): Promise<void> => session?.call.enter(channel);

const choose = gate((account) => void signIn(account));
const list = rail({ enter: (channel) => void enter(channel), signOut: () => void signOut(), theme: toggleTheme });
const hall = stage({
  mic: () => void session?.call.toggleMic(),
  camera: () => void session?.call.toggleCamera(),
  share: () => void session?.call.toggleShare(),
  leave: () => void session?.call.leave(),
  play: () => void session?.call.playBlocked(),
  show: (accid, view) => session?.call.show(accid, view),
  showScreen: (accid, view) => session?.call.showScreen(accid, view),
  sharpen: (accid, sharpness) => session?.call.sharpen(accid, sharpness),
  choose: (accid, sharpness) => session?.call.choose(accid, sharpness),
  act: (act, accid) => void session?.call.moderation.act(act, accid),
  actOnAll: (act) => void session?.call.moderation.actOnAll(act),
});
const said = notice(() => store.set({ notice: null }));
const house = h('div', { class: 'house' }, list.root, hall.root);
const app = document.querySelector<HTMLElement>('#app');
if (!app) throw new Error('the page has no #app');
const room = h('div', { class: 'room' });
app.append(room, said.root);

useStoredTheme();
const asked = new URLSearchParams(location.search);
let fading: ReturnType<typeof setTimeout> | undefined;
let shown = store.state.notice;

store.watch((state) => {
  const view = state.me && state.link !== 'connecting' ? house : choose.root;
  if (view.parentElement !== room) room.replaceChildren(view);
  if (!state.me) session = null;
  choose.update(state);
  list.update(state);
  hall.update(state);
  said.update(state);
  if (state.notice === shown) return;
  shown = state.notice;
  clearTimeout(fading);
  if (shown?.tone === 'info') fading = setTimeout(() => store.set({ notice: null }), INFO_STAYS_MS);
});

addEventListener('keydown', (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || !store.state.call) return;
  if (event.key === 'm') void session?.call.toggleMic();
  if (event.key === 'v') void session?.call.toggleCamera();
});

try {
  const info = await demoInfo();
  store.set({ info, names: new Map(info.accounts.map((a) => [a.accid, a.name])) });
  const as = info.accounts.find((a) => a.accid === asked.get('as'));
  if (as) await signIn(as);
} catch (error) {
  store.notify('broken', error instanceof DemoError && error.status === 404 ? 'This server does not run the demo, so there is nobody to be here.' : 'The server does not answer. Reload the page to try again.');
}

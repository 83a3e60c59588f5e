/** Renders the views from fixed states, without a server: `?state=gate|rest|alone|talk|crowd|refused`. Not in the build. */
import { nothing, Store, type Channel, type Person, type State } from '../src/model';
import { gate } from '../src/views/gate';
import { h } from '../src/views/dom';
import { notice } from '../src/views/notice';
import { rail } from '../src/views/rail';
import { stage } from '../src/views/stage';

const accounts = ['Ada', 'Ben', 'Clara', 'Dmitri', 'Esther', 'Femi'].map((name) => ({ accid: name.toLowerCase(), name }));
const channel = (n: number, name: string, extra: Partial<Channel> = {}): Channel => ({ serverId: '1', channelId: String(n), name, topic: '', kind: 'media', hidden: false, inside: [], ...extra });
const hallChannel = channel(11, 'The hall', { topic: 'Everybody is welcome', inside: ['ada', 'ben'] });
const base: State = {
  ...nothing,
  info: { app_key: '0', link: '', room_server: '', accounts },
  names: new Map(accounts.map((a) => [a.accid, a.name])),
  taken: new Set(['ben']),
};
const inside: State = {
  ...base,
  me: { accid: 'ada', name: 'Ada' },
  link: 'on',
  servers: [{ serverId: '1', name: 'Rotunda demo', channels: [hallChannel, channel(12, 'Side room', { hidden: true }), channel(13, 'notes', { kind: 'message' })] }],
};
const person = (accid: string, mic: boolean, camera = false): Person => ({ accid, me: accid === 'ada', mic, camera });
const call = (people: Person[]): State['call'] => ({ channel: hallChannel, phase: 'inside', people, mic: people[0]?.mic === true ? 'on' : 'off', camera: people[0]?.camera === true ? 'on' : 'off' });

const states: Record<string, State> = {
  gate: base,
  rest: inside,
  alone: { ...inside, taken: new Set(), call: call([person('ada', false)]) },
  talk: { ...inside, call: call([person('ada', true), person('ben', true)]) },
  video: { ...inside, call: call([person('ada', true, true), person('ben', false, true)]) },
  crowd: { ...inside, call: call([person('ada', true), person('ben', true), person('clara', false), person('dmitri', true), person('esther', true)]) },
  refused: { ...inside, call: call([person('ada', false), person('ben', true)]), notice: { tone: 'refused', text: 'You do not have the right to use your microphone in this channel.' } },
  lost: { ...inside, link: 'lost', call: { channel: hallChannel, phase: 'returning', people: [], mic: 'off', camera: 'off' } },
};

const asked = new URLSearchParams(location.search);
const state = states[asked.get('state') ?? 'gate'] ?? base;
const theme = asked.get('theme');
if (theme !== null) document.documentElement.dataset['theme'] = theme;
const store = new Store(state);
const idle = (): void => undefined;
const list = rail({ enter: idle, signOut: idle, theme: idle });
const hall = stage({ mic: idle, camera: idle, leave: idle, show: idle });
const choose = gate(idle);
const said = notice(idle);
document.querySelector('#app')?.append(h('div', { class: 'room' }, state.me ? h('div', { class: 'house' }, list.root, hall.root) : choose.root), said.root);
choose.update(base);
store.watch((s) => {
  choose.update(s);
  list.update(s);
  hall.update(s);
  said.update(s);
  hall.levels(new Map([['ada', 0.03], ['ben', 0.45], ['dmitri', 0.2], ['esther', 0.008]]));
});

/** Renders the views from fixed states, without a server: `?state=gate|rest|alone|talk|video|crowd|shared|moderator|refused|lost`. Not in the build. */
import { nothing, silentCall, Store, type Call, type Channel, type Person, type State } from '../src/model';
import { RIGHT_WORDS, type Right } from '../src/rights';
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
const person = (accid: string, mic: boolean, camera = false, screen = false): Person => ({ accid, me: accid === 'ada', mic, camera, screen });
const call = (people: Person[], more: Partial<Call> = {}): Call => ({
  ...silentCall,
  channel: hallChannel,
  phase: 'inside',
  people,
  mic: people[0]?.mic === true ? 'on' : 'off',
  camera: people[0]?.camera === true ? 'on' : 'off',
  rights: new Set(),
  sharpness: new Map(),
  quality: new Map([['ada', { up: 1, down: 1 }], ['ben', { up: 2, down: 3 }], ['clara', { up: 5, down: 4 }], ['dmitri', { up: 6, down: 6 }]]),
  ...more,
});
const every = new Set(Object.keys(RIGHT_WORDS) as Right[]);

const states: Record<string, State> = {
  gate: base,
  rest: inside,
  alone: { ...inside, taken: new Set(), call: call([person('ada', false)]) },
  talk: { ...inside, call: call([person('ada', true), person('ben', true)]) },
  video: { ...inside, call: call([person('ada', true, true), person('ben', false, true)]) },
  crowd: { ...inside, call: call([person('ada', true), person('ben', true), person('clara', false), person('dmitri', true), person('esther', true)]) },
  shared: { ...inside, call: call([person('ada', true), person('ben', true, false, true), person('clara', false)]) },
  moderator: { ...inside, call: call([person('ada', true), person('ben', true, true), person('clara', false)], { rights: every, locks: { mic: true, camera: true }, blocked: new Set(['ben']) }) },
  refused: { ...inside, call: call([person('ada', false), person('ben', true)]), notice: { tone: 'refused', text: 'You do not have the right to use your microphone in this channel.' } },
  lost: { ...inside, link: 'lost', call: call([], { phase: 'returning' }) },
};

const asked = new URLSearchParams(location.search);
const state = states[asked.get('state') ?? 'gate'] ?? base;
const theme = asked.get('theme');
if (theme !== null) document.documentElement.dataset['theme'] = theme;
const store = new Store(state);
const idle = (): void => undefined;
const list = rail({ enter: idle, signOut: idle, theme: idle });
const hall = stage({ mic: idle, camera: idle, share: idle, leave: idle, play: idle, show: idle, showScreen: idle, sharpen: idle, choose: idle, act: idle, actOnAll: idle });
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

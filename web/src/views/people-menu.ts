import type { Call, Person, Sharpness, State } from '../model';
import { sharer } from '../model';
import { actsOn, actsOnAll, type Act, type ActOnAll } from '../moderation';
import type { Icon } from './icons';
import type { Item } from './menu';

interface Actions {
  readonly act: (act: Act, accid: string) => void;
  readonly actOnAll: (act: ActOnAll) => void;
  readonly choose: (accid: string, sharpness: Sharpness) => void;
}

const ACTS: Record<Act, readonly [label: string, icon: Icon]> = {
  mute: ['Mute microphone', 'micOff'],
  unmute: ['Unmute microphone', 'mic'],
  cameraOff: ['Switch camera off', 'cameraOff'],
  cameraOn: ['Switch camera on', 'camera'],
  stopShare: ['Stop screen share', 'screenOff'],
  remove: ['Remove from channel', 'door'],
};

const ACTS_ON_ALL: Record<ActOnAll, readonly [label: string, icon: Icon]> = {
  muteAll: ['Mute everybody', 'micOff'],
  unmuteAll: ['Let people unmute again', 'mic'],
  camerasOff: ['Switch all cameras off', 'cameraOff'],
  camerasOn: ['Let people use cameras again', 'camera'],
};

/** From so many people on, tiles are small enough for the light picture. */
const LIGHT_FROM = 5;

/** The picture asked for: as the person chose, else what fits the tile. */
export function sharpnessOf(call: Call, accid: string): Sharpness {
  const stage = sharer(call);
  return call.sharpness.get(accid) ?? (call.people.length >= LIGHT_FROM || (stage !== undefined && !stage.me) ? 'light' : 'sharp');
}

export const hasMenu = (call: Call, person: Person): boolean => !person.me && (person.camera || actsOn(call, person).length > 0);

export function personItems(state: State, accid: string, actions: Actions): Item[] {
  const { call } = state;
  const person = call?.people.find((p) => p.accid === accid);
  if (!call || !person || person.me) return [];
  const acts: Item[] = actsOn(call, person).map((act) => {
    const [label, icon] = ACTS[act];
    return { key: act, label, icon, danger: act === 'remove', run: () => actions.act(act, accid) };
  });
  if (!person.camera) return acts;
  const now = sharpnessOf(call, accid);
  const pictures: Item[] = (['sharp', 'light'] as const).map((sharpness, i) => ({
    key: sharpness,
    label: sharpness === 'sharp' ? 'Sharp picture' : 'Light picture, less data',
    icon: sharpness,
    checked: now === sharpness,
    apart: i === 0 && acts.length > 0,
    run: () => actions.choose(accid, sharpness),
  }));
  return [...acts, ...pictures];
}

export function everyoneItems(state: State, actions: Actions): Item[] {
  const { call } = state;
  if (!call) return [];
  return actsOnAll(call).map((act) => {
    const [label, icon] = ACTS_ON_ALL[act];
    return { key: act, label, icon, apart: act === 'camerasOff', run: () => actions.actOnAll(act) };
  });
}

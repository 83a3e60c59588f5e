import type { Source, State } from '../model';
import { canShare } from '../share';
import { h } from './dom';
import { icon, type Icon } from './icons';

interface Actions {
  readonly mic: () => void;
  readonly camera: () => void;
  readonly share: () => void;
  readonly leave: () => void;
}

interface Words {
  readonly start: string;
  readonly stop: string;
  /** Where there is little room. */
  readonly short: string;
  readonly on: Icon;
  readonly off: Icon;
}

const MIC: Words = { start: 'Unmute', stop: 'Mute', short: 'Mic', on: 'mic', off: 'micOff' };
const CAMERA: Words = { start: 'Start camera', stop: 'Stop camera', short: 'Camera', on: 'camera', off: 'cameraOff' };
const SHARE: Words = { start: 'Share screen', stop: 'Stop sharing', short: 'Share', on: 'screenOff', off: 'screen' };

/** My own devices, and the way out. */
export function controls(actions: Actions): { readonly root: HTMLElement; update(state: State): void } {
  const control = (key: string, label: string, short: string, click: () => void): HTMLButtonElement =>
    h('button', { class: `control ${key}`, attrs: { type: 'button', 'aria-label': label }, click }, h('span', { class: 'glyph' }), h('span', { class: 'label', text: label }), h('span', { class: 'short', text: short }));
  const mic = control('mic', MIC.start, MIC.short, actions.mic);
  const camera = control('camera', CAMERA.start, CAMERA.short, actions.camera);
  const share = control('share', SHARE.start, SHARE.short, actions.share);
  const leave = control('leave', 'Leave', 'Leave', actions.leave);
  leave.querySelector('.glyph')?.append(icon('leave'));
  mic.setAttribute('aria-keyshortcuts', 'm');
  camera.setAttribute('aria-keyshortcuts', 'v');
  share.hidden = !canShare();

  const set = (button: HTMLButtonElement, source: Source, words: Words, usable: boolean): void => {
    const lit = source === 'on' || source === 'closing';
    const busy = source === 'opening' || source === 'closing';
    const label = source === 'opening' ? 'Opening…' : source === 'closing' ? 'Closing…' : lit ? words.stop : words.start;
    const shown = `${source}:${String(usable)}`;
    if (button.dataset['shown'] === shown) return;
    button.dataset['shown'] = shown;
    button.setAttribute('aria-pressed', String(lit));
    button.setAttribute('aria-label', label);
    button.classList.toggle('busy', busy);
    // aria-disabled keeps the keyboard focus where it is while a device opens.
    button.setAttribute('aria-disabled', String(!usable || busy));
    button.querySelector('.glyph')?.replaceChildren(icon(lit ? words.on : words.off));
    const text = button.querySelector('.label');
    if (text) text.textContent = label;
  };

  return {
    root: h('div', { class: 'controls', attrs: { role: 'toolbar', 'aria-label': 'My microphone, camera and screen' } }, mic, camera, share, leave),
    update({ call }) {
      if (!call) return;
      const usable = call.phase === 'inside';
      set(mic, call.mic, MIC, usable);
      set(camera, call.camera, CAMERA, usable);
      set(share, call.share, SHARE, usable);
    },
  };
}

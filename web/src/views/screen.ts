import { displayName, sharer, type State } from '../model';
import { h } from './dom';
import { icon } from './icons';

interface Actions {
  /** Puts a shared screen into the view, or with null lets go of it. */
  readonly showScreen: (accid: string, view: HTMLElement | null) => void;
}

/** The large stage for the screen somebody else shares. */
export function screen(actions: Actions): { readonly root: HTMLElement; update(state: State): boolean } {
  let picture = h('div', { class: 'screen-picture' });
  const caption = h('figcaption', { class: 'plate' }, h('span', { class: 'screen-glyph' }, icon('screen')), h('span', { class: 'plate-name' }));
  const name = caption.querySelector('.plate-name');
  const full = h('button', { class: 'round', attrs: { type: 'button', 'aria-label': 'Full screen', title: 'Full screen' }, click: () => {
    if (document.fullscreenElement === root) void document.exitFullscreen();
    else void root.requestFullscreen().catch(() => undefined);
  } }, icon('full'));
  const root = h('figure', { class: 'screen' }, picture, caption, typeof document.body.requestFullscreen === 'function' ? full : null);
  root.hidden = true;
  let shown: string | null = null;

  return {
    root,
    /** True while the stage is taken. */
    update(state) {
      const person = state.call ? sharer(state.call) : undefined;
      const accid = person && !person.me ? person.accid : null;
      if (accid !== shown) {
        if (shown !== null && state.call?.phase === 'inside') actions.showScreen(shown, null);
        shown = accid;
        // A view of its own for each share: the kit may still hold the last one.
        const next = h('div', { class: 'screen-picture' });
        picture.replaceWith(next);
        picture = next;
        if (accid !== null) actions.showScreen(accid, picture);
        else if (document.fullscreenElement === root) void document.exitFullscreen();
      }
      root.hidden = accid === null;
      if (name && accid !== null) {
        const words = `${displayName(state, accid)} shares a screen`;
        if (name.textContent !== words) name.textContent = words;
      }
      return accid !== null;
    },
  };
}

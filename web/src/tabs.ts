/** Tabs of one browser tell each other which demo account they sit on, so nobody throws himself out. */

type Word = { readonly tab: string; readonly accid: string | null } | { readonly ask: true };

export class Tabs {
  readonly #channel = new BroadcastChannel('rotunda-try');
  readonly #tab = crypto.randomUUID();
  readonly #others = new Map<string, string>();
  #mine: string | null = null;

  constructor(onChange: (taken: ReadonlySet<string>) => void) {
    this.#channel.onmessage = (event: MessageEvent<Word>) => {
      const said = event.data;
      if ('ask' in said) {
        this.#say();
        return;
      }
      if (said.accid === null) this.#others.delete(said.tab);
      else this.#others.set(said.tab, said.accid);
      onChange(new Set(this.#others.values()));
    };
    this.#channel.postMessage({ ask: true });
    addEventListener('pagehide', () => this.sit(null));
  }

  sit(accid: string | null): void {
    this.#mine = accid;
    this.#say();
  }

  #say(): void {
    this.#channel.postMessage({ tab: this.#tab, accid: this.#mine });
  }
}

import type { DemoInfo } from './model';

/** A plain HTTP refusal of the demo endpoints. */
export class DemoError extends Error {
  constructor(
    readonly status: number,
    what: string,
  ) {
    super(`${what}: status ${status}`);
    this.name = 'DemoError';
  }
}

export async function demoInfo(): Promise<DemoInfo> {
  const answer = await fetch('/try/accounts', { headers: { accept: 'application/json' } });
  if (!answer.ok) throw new DemoError(answer.status, 'GET /try/accounts');
  return (await answer.json()) as DemoInfo;
}

/** The IM token of a demo account; the server answers for demo accounts only. */
export async function demoToken(accid: string): Promise<string> {
  const answer = await fetch('/try/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ accid }),
  });
  if (!answer.ok) throw new DemoError(answer.status, 'POST /try/token');
  return ((await answer.json()) as { token: string }).token;
}

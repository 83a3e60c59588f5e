// A room token that runs out in mid-call: the kit is told 1026, the SDK fetches another, the call goes on. Tokens live
// fifteen seconds here, and the SDK's own timer, which renews 240 s before the end, never fires: every renewal starts with
// a request that was refused. Mostly waits.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openWorld } from './people.mjs';

const TOKEN_SECS = 15;

let world;
before(async () => { world = await openWorld({ ownServer: true, env: { ROTUNDA_MEDIA__TOKEN_SECS: String(TOKEN_SECS) } }); });
after(() => world.close());

/** Puts the SDK's renewal off for an hour, and counts what the server says of the kit's tokens. */
const watchTokens = (person) => person.page.evaluate(() => {
  // ms before the end at which the SDK's timer renews.
  window.sdk.qchatMedia.tokenExpireTime = -3_600_000;
  window.tokens = { refused: 0, checked: 0, loseNext: 0 };
  const fetch = window.fetch;
  window.fetch = async (url, options) => {
    const check = String(url).endsWith('/v1/checkToken');
    if (check && window.tokens.loseNext > 0) {
      window.tokens.loseNext -= 1;
      throw new TypeError('the answer was lost');
    }
    const answer = await fetch(url, options);
    if (String(url).includes('/scene/')) {
      const { code } = await answer.clone().json().catch(() => ({}));
      if (code === 1026) window.tokens.refused += 1;
      if (check && code === 0) window.tokens.checked += 1;
    }
    return answer;
  };
});

const tokens = (person) => person.page.evaluate(() => ({ ...window.tokens }));

/** Until the token a page holds has run out, and one second more. */
const expire = () => sleep((TOKEN_SECS + 1) * 1000);

// Mostly they wait for tokens to expire.
describe('side by side', { concurrency: true }, () => {
  for (const version of ['0.17.2', '10.8.1']) {
    test(`${version}: an expired token is renewed, the call unharmed; also when a renewal is lost`, { timeout: 240_000 }, async (t) => {
      const tag = version.replaceAll('.', '_');
      const [ann, ben] = await Promise.all(['ann', 'ben'].map((n) => world.app.account(`${n}-${tag}`)));
      const place = await world.community(ann, [ben]);
      const channelId = await place.channel();
      const talker = await world.person(ann, version);
      const listener = await world.person(ben, version);
      for (const p of [talker, listener]) await watchTokens(p);
      await talker.enter(place.serverId, channelId);
      await listener.enter(place.serverId, channelId);
      await talker.unmute();
      await listener.hears('at the start');
      const since = [talker, listener].map((p) => p.mark());
      const unharmed = () => {
        for (const [i, p] of [talker, listener].entries()) {
          for (const name of ['RTCChannelEnded', 'RTCChannelError', 'memberLeaveRTCChannel', 'qchatMediaDisconnect']) {
            assert.ok(!p.saw(name, { since: since[i] }), `${p.accid} saw ${name}`);
          }
        }
      };

      await t.test('past its end, sound goes on; the next request waits for the new token', async () => {
        await expire();
        await listener.hears('with an expired token');
        assert.equal((await tokens(talker)).refused, 0, 'nothing was asked yet');
        await talker.mute();
        await talker.unmute();
        const { refused, checked } = await tokens(talker);
        assert.ok(refused >= 1 && checked >= 1, `refused ${refused}, renewed ${checked}`);
        await listener.hears('after the renewal');
        unharmed();
      });

      await t.test('a renewal whose answer is lost is tried again, and the request that waits for it goes through', async () => {
        await expire();
        const before = await tokens(talker);
        await talker.page.evaluate(() => { window.tokens.loseNext = 1; });
        await talker.mute();
        assert.equal((await tokens(talker)).loseNext, 0, 'no renewal was lost');
        await talker.unmute();
        const now = await tokens(talker);
        assert.ok(now.refused > before.refused && now.checked > before.checked, JSON.stringify({ before, now }));
        await listener.hears('after the second renewal');
        unharmed();
      });

      await t.test('no promise was left unhandled', async () => {
        for (const p of [talker, listener]) assert.deepEqual(await p.page.evaluate(() => window.instruments.unhandled), []);
      });
      await Promise.all([talker, listener].map((p) => p.page.context().close()));
    });
  }
});

// Login, several devices of one account, kick, reconnect, refused logins.
export const accounts = ['one', { role: 'gone', disabled: true }, 'cut', 'many'];

export default async function (t) {
  let first, second;

  await t.step('wrong token is 302', ['login'], async () => {
    const c = await t.client('one', { token: 'not the token', login: false });
    await t.rejects(c.sdk.login(), { code: 302 });
    t.equal(c.sdk.status, 'unconnected');
  });

  await t.step('unknown app is 302', ['login'], async () => {
    const c = await t.client('one', { login: false, options: { appkey: 'f'.repeat(32) } });
    await t.rejects(c.sdk.login(), { code: 302 });
  });

  await t.step('unknown account is 302', ['login'], async () => {
    const c = await t.client('nobody-at-all', { login: false });
    await t.rejects(c.sdk.login(), { code: 302 });
  });

  await t.step('disabled account is 422', ['login'], async () => {
    const c = await t.client('gone', { login: false });
    await t.rejects(c.sdk.login(), { code: 422 });
  });

  await t.step('a kind of token that is not enabled is 403', ['login'], async () => {
    const c = await t.client('one', { login: false, options: { authType: 1 } });
    await t.rejects(c.sdk.login(), { code: 403 });
  });

  await t.need('a second device: both hear of each other', ['event:multiSpotLogin'], async () => {
    first = await t.client('one');
    await first.quiet('multiSpotLogin', { ms: 100 });
    second = await t.client('one');
    const [seen] = await second.event('multiSpotLogin');
    t.match(seen, [{ clientType: 'Web', online: true }]);
    const [came] = await first.event('multiSpotLogin');
    t.match(came, [{ clientType: 'Web', online: true }]);
  });

  // Both versions resolve the bare list, whatever their typings say.
  await t.step('kickOtherClients ends the other device for good', ['kickOtherClients', 'event:kicked'], async () => {
    const [{ deviceId }] = await first.event('logined');
    t.equal(await second.sdk.kickOtherClients({ deviceIds: [deviceId] }), [deviceId]);
    const [why] = await first.event('kicked');
    t.match(why, { reason: 'otherPlatformKick', clientType: 'Web' });
    await t.sleep(2200);
    t.ok(first.sdk.status !== 'logined', 'the kicked device came back');
  });

  await t.step('a device that goes is reported', ['event:multiSpotLogin'], async () => {
    const third = await t.client('one');
    const since = second.mark();
    await third.sdk.logout();
    const [went] = await second.event('multiSpotLogin', { since, where: (l) => l[0].online === false });
    t.match(went, [{ clientType: 'Web', online: false }]);
  });

  await t.step('kickOtherClients of a device that is not there kicks nobody', ['kickOtherClients'], async () => {
    t.equal(await second.sdk.kickOtherClients({ deviceIds: ['no-such-device'] }), []);
  });

  await t.step('a cut link comes back by itself', ['event:disconnect', 'event:willReconnect', 'event:logined'], async () => {
    const c = await t.client('cut');
    const since = c.mark();
    c.cut();
    await c.event('disconnect', { since });
    await c.event('willReconnect', { since });
    const [again] = await c.event('logined', { since, timeout: 12000 });
    t.match(again, { isAutoReconnect: true });
    await c.event('syncdone', { since, timeout: 8000 });
    t.match(await c.sdk.qchatServer.getServersByPage({ timestamp: 0 }), { datas: [] });
  });

  await t.step('the eleventh device ends the oldest', ['event:kicked'], async () => {
    const devices = [];
    for (let i = 0; i < 10; i++) {
      devices.push(await t.client('many'));
      await t.sleep(3);
    }
    await t.client('many');
    const [why] = await devices[0].event('kicked');
    t.match(why, { reason: 'serverKick' });
    await devices[1].quiet('kicked', { ms: 100 });
  });
}

// Runs one scenario against an SDK constructor. The same file runs inside the page and under Node.
//
// A step may name what it covers: SDK methods ("qchatServer.createServer"), events ("event:kicked") and system
// notifications ("notification:serverCreate"). That is what docs/COMPATIBILITY.md is made of.
const EVENTS = [
  'logined', 'disconnect', 'kicked', 'syncdone', 'multiSpotLogin', 'willReconnect',
  'message', 'messageUpdate', 'systemNotification', 'systemNotificationUpdate', 'recvTypingEvent',
  'unreadInfo', 'unreadInfos', 'serverUnreadInfo',
  'connectChannel', 'qchatMediaDisconnect', 'memberJoinRTCChannel', 'memberLeaveRTCChannel',
  'RTCChannelError', 'RTCChannelEnded', 'memberAudioMuteChanged', 'memberVideoMuteChanged',
  'memberScreenShareStateChanged', 'onRtcAudioVolumeIndication',
];

/** ms after which a step has failed: longer than any client timeout (8 s) and any wait of a scenario. */
const STEP_LIMIT_MS = 40_000;

/** ms without an event after which what the step before caused is taken to have arrived: a notification may come after
 * the answer, and must not be taken for one of the next step. Longer is surer on a loaded machine and slower on any. */
const SETTLED_MS = 25;
/** ms that may take at most. */
const SETTLE_LIMIT_MS = 1_000;

export class CheckError extends Error {}
class Stop extends Error {}

const show = (v) => { try { return JSON.stringify(v); } catch { return String(v); } };
const plain = (v) => (v === undefined ? undefined : JSON.parse(JSON.stringify(v)));
const canon = (v) => (v && typeof v === 'object' && !Array.isArray(v)
  ? Object.fromEntries(Object.keys(v).sort().map((k) => [k, canon(v[k])]))
  : Array.isArray(v) ? v.map(canon) : v);

// Every own key of `want` must equal the same key of `got`, recursively. A function in `want` is a predicate.
export function differs(got, want, path = '$') {
  if (typeof want === 'function') return want(got) ? null : `${path}: predicate refused ${show(got)}`;
  if (want && typeof want === 'object') {
    if (!got || typeof got !== 'object') return `${path}: got ${show(got)}, want ${show(want)}`;
    if (Array.isArray(want) && (!Array.isArray(got) || got.length !== want.length)) return `${path}: got ${show(got)}, want ${want.length} items`;
    for (const k of Object.keys(want)) { const d = differs(got[k], want[k], `${path}.${k}`); if (d) return d; }
    return null;
  }
  return Object.is(got, want) ? null : `${path}: got ${show(got)}, want ${show(want)}`;
}

export const describeError = (e) => {
  if (e instanceof CheckError) return e.message;
  if (e && typeof e === 'object') return `${e.name || 'rejected'} code=${show(e.code)} ${e.message || show(e)}`;
  return String(e);
};

function silentOptions(env) {
  // Both spellings: 0.17.2 reads reportConfig, 10.8.1 reads reporterConfig.
  return {
    cloudStorageConfig: { isNeedToGetUploadPolicyFromServer: false, ...(env.cloudStorageConfig || {}) },
    reportConfig: { isDataReportEnable: false },
    reporterConfig: { enableCompass: false, isDataReportEnable: false },
    loggerConfig: { storageEnable: false, debugLevel: env.debug || 'off' },
  };
}

export async function run({ QChat, scenario, env, report }) {
  const steps = [];
  const clients = [];
  const settled = async () => {
    const seen = () => clients.reduce((sum, c) => sum + c.events.length, 0);
    const until = Date.now() + SETTLE_LIMIT_MS;
    for (let before = -1; before !== seen() && Date.now() < until;) {
      before = seen();
      await t.sleep(SETTLED_MS);
    }
  };
  const tokenOf = (accid) => Object.values(env.accounts ?? {}).find((a) => a.accid === accid)?.token ?? env.token ?? 'no-token';
  const t = {
    env, QChat, differs,
    sleep: (ms) => new Promise((r) => setTimeout(r, ms)),
    log: (...a) => report({ log: a.map((x) => (typeof x === 'string' ? x : show(x))).join(' ') }),
    ok(v, why = 'expected a true value') { if (!v) throw new CheckError(why); },
    match(got, want, why = '') { const d = differs(plain(got), want); if (d) throw new CheckError((why ? why + ': ' : '') + d); return got; },
    equal(got, want, why = '') {
      if (show(canon(plain(got))) !== show(canon(plain(want)))) throw new CheckError(`${why ? why + ': ' : ''}got ${show(got)}, want ${show(want)}`);
      return got;
    },
    async rejects(promise, want = {}) {
      let value;
      try { value = await promise; } catch (e) {
        const seen = { code: e && e.code, name: e && e.name, message: e && e.message, error: e && e.error };
        const d = differs(seen, want);
        if (d) throw new CheckError('wrong rejection ' + d);
        return e;
      }
      throw new CheckError('expected a rejection, got ' + show(value));
    },
    async step(name, covers, fn = covers) {
      await settled();
      const at = Date.now();
      let error = null;
      let refused;
      let timer;
      const late = new Promise((_, no) => { timer = setTimeout(() => no(new CheckError(`still running after ${STEP_LIMIT_MS} ms`)), STEP_LIMIT_MS); });
      try { refused = await Promise.race([fn(), late]); } catch (e) { error = describeError(e); } finally { clearTimeout(timer); }
      const s = {
        step: name, ok: !error, ms: Date.now() - at, covers: Array.isArray(covers) ? covers : [],
        // A step that returns {refused: code} shows that the server refuses what it covers.
        ...(refused && typeof refused === 'object' && 'refused' in refused ? { refused: refused.refused } : {}),
        ...(error ? { error } : {}),
      };
      steps.push(s); report(s);
      return !error;
    },
    // A step without which the rest makes no sense: ends the scenario when it fails.
    async need(name, covers, fn) { if (!(await t.step(name, covers, fn))) throw new Stop(); },
    // The account a scenario declared under this role.
    accid(role) { const a = env.accounts?.[role]; if (!a) throw new CheckError(`the scenario declares no account "${role}"`); return a.accid; },
    async http(method, path, body, headers = {}) {
      const url = /^https?:/.test(path) ? path : env.origin + path;
      const r = await fetch(url, { method, headers, body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body) });
      const text = await r.text();
      try { return { status: r.status, body: JSON.parse(text) }; } catch { return { status: r.status, body: text }; }
    },
    // A recorded SDK instance of a declared role, or of a bare accid. Pass login:false to call sdk.login() yourself.
    async client(role, { token, login = true, options = {}, other = {} } = {}) {
      const account = env.accounts?.[role]?.accid ?? role;
      const sdk = new QChat({
        appkey: env.appkey, account, token: token ?? tokenOf(account),
        linkAddresses: [env.link], debugLevel: env.debug || 'off', isAbtestEnable: false, ...options,
      }, { ...silentOptions(env), ...other });
      const c = { sdk, account, events: [], waiting: [] };
      // Cuts the connection the hard way; the SDK reconnects by itself.
      c.cut = () => sdk.clientSocket.socket?.websocket?.close();
      for (const name of EVENTS) {
        sdk.on(name, (...args) => {
          const ev = { name, args, at: Date.now() };
          c.events.push(ev);
          for (const w of [...c.waiting]) w(ev);
        });
      }
      // Resolves with the event's arguments; looks at events already seen since `since` too.
      c.event = (name, { where = () => true, timeout = 5000, since = 0 } = {}) => new Promise((resolve, reject) => {
        const fits = (ev) => ev.name === name && where(...ev.args);
        const old = c.events.slice(since).find(fits);
        if (old) return resolve(old.args);
        const timer = setTimeout(() => { drop(); reject(new CheckError(`no event ${name} within ${timeout} ms; seen: ${c.events.slice(since).map((e) => e.name).join(',') || 'none'}`)); }, timeout);
        const w = (ev) => { if (fits(ev)) { drop(); resolve(ev.args); } };
        const drop = () => { clearTimeout(timer); c.waiting.splice(c.waiting.indexOf(w), 1); };
        c.waiting.push(w);
      });
      c.mark = () => c.events.length;
      // Nothing of this name arrives within `ms`; used where silence is the point.
      c.quiet = async (name, { since = 0, ms = 400, where = () => true } = {}) => {
        await t.sleep(ms);
        const seen = c.events.slice(since).find((e) => e.name === name && where(...e.args));
        if (seen) throw new CheckError(`unexpected event ${name}: ${show(seen.args)}`);
      };
      // One system notification of the given type name.
      c.notification = async (type, o = {}) => {
        const pick = (e) => e.systemNotifications.find((n) => n.type === type && (!o.where || o.where(n)));
        return pick((await c.event('systemNotification', { ...o, where: (e) => !!pick(e) }))[0]);
      };
      clients.push(c);
      if (login) await sdk.login();
      return c;
    },
  };
  try {
    await scenario(t);
  } catch (e) {
    if (!(e instanceof Stop)) { const s = { step: 'scenario', ok: false, ms: 0, error: describeError(e) }; steps.push(s); report(s); }
  }
  for (const c of clients) { try { await Promise.race([c.sdk.destroy(), t.sleep(1500)]); } catch { /* already gone */ } }
  return { steps };
}

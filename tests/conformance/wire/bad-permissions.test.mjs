// Bad input to the commands of roles, layers, lists, categories and moderation: the code, nothing changed, nobody told.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openLink } from '@rotunda/harness/link.mjs';
import { sharedServer } from '@rotunda/harness/server.mjs';

const P = (v) => ({ t: 'Property', v });
const L = (v) => ({ t: 'Long', v });
const S = (v) => ({ t: 'String', v });
const A = (v) => ({ t: 'StrArray', v });
const text = JSON.stringify;

/** Ids that no server here ever gives away, the second beyond what an id can be. */
const NOBODY = '999999999999999999';
const TOO_BIG = '99999999999999999999';
/** One more than the most a batch may name. */
const CROWD = Array.from({ length: 101 }, (_, i) => `a${i}`);
const LONG = 'x'.repeat(5000);

let server, app, link, other, id;

/** Answers of commands that must be fine. */
const done = async (cid, ...q) => {
  const answer = await link.command(24, cid, q);
  assert.equal(answer.code, 200, `24_${cid} ${text(q)}`);
  return answer.r;
};

before(async () => {
  server = await sharedServer();
  app = await server.app('bad permissions');
  const owner = await app.account('owner');
  await Promise.all(['bob', 'eve', 'outsider'].map((accid) => app.account(accid)));
  link = await openLink(server.origin);
  assert.equal((await link.login(app.key, owner)).code, 200);

  const make = async (name) => {
    const [{ 1: s }] = await done(31, P({ 3: name, 8: 1, 16: 1 }), P({}));
    const [{ 1: open }] = await done(48, P({ 2: s, 4: 'open', 7: 1 }), P({}));
    const [{ 1: closed }] = await done(48, P({ 2: s, 4: 'closed', 7: 1, 12: 1 }), P({}));
    const [{ 1: category }] = await done(109, P({ 2: s, 4: 'category' }));
    const [{ 1: synced }] = await done(48, P({ 2: s, 4: 'synced', 7: 1, 13: category, 14: 1 }), P({}));
    const [{ 2: role }] = await done(61, P({ 1: s, 3: 'mods', 7: 2, 9: 5 }), P({}));
    const [{ 2: spare }] = await done(61, P({ 1: s, 3: 'spare', 7: 2, 9: 9 }), P({}));
    const [{ 2: channelRole }] = await done(65, P({ 1: s, 3: role, 4: open }));
    const [{ 1: categoryRole }] = await done(83, P({ 3: category, 4: s, 5: role }));
    const [roles] = await done(64, P({ 1: s, 4: 0 }));
    const everyone = roles.find((r) => r['7'] === '1')['2'];
    const { 2: everyoneHere } = (await done(68, P({ 1: s, 2: open })))[0].find((r) => r['3'] === everyone);
    const { 1: everyoneThere } = (await done(86, P({ 1: s, 2: category })))[0].find((r) => r['5'] === everyone);
    return { server: s, open, closed, synced, category, role, spare, everyone, channelRole, categoryRole, everyoneHere, everyoneThere };
  };
  other = await make('the other');
  id = await make('bad permissions');
  await done(36, L(id.server), A(['bob', 'eve']), S(''));
  await done(73, L(id.server), L(id.role), S(text(['bob'])));
  await done(69, P({ 1: id.server, 3: 'bob', 4: id.open }));
  await done(71, P({ 1: id.server, 2: 'bob', 3: id.open, 4: text({ 17: -1 }) }));
  await done(87, P({ 3: 'bob', 4: id.category, 5: id.server }));
  await done(56, P({ 1: id.server, 2: id.open, 3: 2, 4: 1, 5: text(['eve']) }));
  await done(54, P({ 1: id.server, 2: id.closed, 3: 1, 4: 1, 5: id.role }));
  await done(115, P({ 1: id.server, 2: id.category, 3: 2, 4: 1, 5: text(['eve']) }));
});

after(async () => {
  await link.close();
  await server.stop();
});

/** All that these commands can change, as its owner reads it. */
const state = async () => {
  const read = async (cid, ...q) => [cid, await done(cid, ...q)];
  const page = (place) => P({ 1: id.server, 2: place });
  const list = (place, kind) => P({ 1: id.server, 2: place, 3: kind, 4: 0 });
  return Promise.all([
    read(34, { t: 'LongArray', v: [id.server] }), read(52, P({ 1: id.server, 2: 0, 3: 100 })), read(119, P({ 1: id.server, 2: 0 })),
    read(47, P({ 1: id.server, 2: 0 })), read(105, P({ 1: id.server, 2: 0 })), read(64, P({ 1: id.server, 4: 0 })),
    read(75, P({ 1: id.server, 2: id.role })), read(75, P({ 1: id.server, 2: id.spare })),
    read(68, page(id.open)), read(72, page(id.open)), read(68, page(id.closed)), read(72, page(id.closed)),
    read(86, page(id.category)), read(90, page(id.category)),
    read(55, list(id.open, 2)), read(57, list(id.open, 2)), read(55, list(id.closed, 1)), read(57, list(id.closed, 1)),
    read(114, list(id.category, 2)), read(116, list(id.category, 2)),
  ]);
};

/** One test per group: each command is refused with its code, and the state read before and after is the same. */
function refused(what, cases) {
  test(what, async () => {
    const was = await state();
    const told = link.count((frame) => frame.includes('"cid":14'));
    const wrong = [];
    for (const [case_, cid, q, code] of cases()) {
      const answer = await link.command(24, cid, q);
      if (answer.code !== code) wrong.push(`${case_} (24_${cid}): ${answer.code}, not ${code}`);
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(await state(), was, 'something changed');
    assert.equal(link.count((frame) => frame.includes('"cid":14')), told, 'somebody was told of a change');
  });
}

/** Rights in JSON text that say nothing. */
const UNREADABLE = [
  ['text that is no JSON', '{'], ['no text at all', ''], ['an array', '[15]'], ['a number', '15'],
  ['a value of 2', text({ 15: 2 })], ['a value of -2', text({ 15: -2 })], ['a value of true', text({ 15: true })],
  ['a value that is a word', text({ 15: 'allow' })], ['a value of 0.5', '{"15":0.5}'], ['a value of null', '{"15":null}'],
  ['right 0', text({ 0: 1 })], ['right 28', text({ 28: 1 })], ['right 9999', text({ 9999: 1 })], ['right -1', text({ '-1': 1 })],
  ['a right by name', text({ sendMsg: 1 })], ['a right beyond any number', '{"99999999999999999999":1}'],
  ['a custom right that no app defined', text({ 10001: 1 })],
  ['one good and one bad right', text({ 15: 1, 28: 1 })],
];

/** Every command that sets rights, with the rights to be set. */
const setting = (auths) => [
  ['a server role', 63, [P({ 1: id.server, 2: id.role, 6: auths }), P({})]],
  ['a channel role', 67, [P({ 1: id.server, 2: id.channelRole, 3: id.open, 4: auths })]],
  ['a channel override', 71, [P({ 1: id.server, 2: 'bob', 3: id.open, 4: auths })]],
  ['a category role', 85, [P({ 1: id.categoryRole, 3: id.category, 4: id.server, 10: auths })]],
  ['a category override', 89, [P({ 3: 'bob', 4: id.category, 5: id.server, 9: auths })]],
];

refused('rights that are unreadable or unknown are 414', () =>
  UNREADABLE.flatMap(([what, auths]) => setting(auths).map(([where, cid, q]) => [`${what} for ${where}`, cid, q, 414])));

refused('rights that only a server role may have are 414 in every layer', () =>
  [1, 5, 6, 7, 8, 14, 25, 26].flatMap((right) => [text({ [right]: 1 }), text({ [right]: -1 }), text({ [right]: 0, 15: 1 })])
    .flatMap((auths) => setting(auths).slice(1).map(([where, cid, q]) => [`${auths} for ${where}`, cid, q, 414])));

refused('rights of an object or a number instead of text are 414', () =>
  [{ 15: 1 }, 15, [15], true].flatMap((auths) => setting(auths).map(([where, cid, q]) => [`${text(auths)} for ${where}`, cid, q, 414])));

refused('priorities below 1 or above 2^53-1 are 414', () =>
  [0, -1, '-5', 2 ** 53, '9007199254740992', '9223372036854775808', 1.5, 'first', {}].flatMap((priority) => [
    [`a new role of ${priority}`, 61, [P({ 1: id.server, 3: 'new', 7: 2, 9: priority }), P({})], 414],
    [`a change to ${priority}`, 63, [P({ 1: id.server, 2: id.role, 7: priority }), P({})], 414],
    [`an order with ${priority}`, 80, [L(id.server), { t: 'ArrayMable', v: [P({ 1: id.server, 2: id.spare, 7: 7 }), P({ 1: id.server, 2: id.role, 7: priority })] }], 414],
  ]));

/** Every command that takes a batch of accounts. */
const batches = (accids) => [
  ['kick', 42, [L(id.server), A(accids)]],
  ['give a role', 73, [L(id.server), L(id.role), S(text(accids))]],
  ['take a role', 74, [L(id.server), L(id.role), S(text(accids))]],
  ['list in a channel', 56, [P({ 1: id.server, 2: id.open, 3: 2, 4: 1, 5: text(accids) })]],
  ['unlist in a channel', 56, [P({ 1: id.server, 2: id.open, 3: 2, 4: 2, 5: text(accids) })]],
  ['list in a category', 115, [P({ 1: id.server, 2: id.category, 3: 2, 4: 1, 5: text(accids) })]],
  ['roles of members', 77, [L(id.server), S(text(accids))]],
  ['members with a role', 81, [L(id.server), L(id.role), S(text(accids))]],
  ['overrides of members', 79, [L(id.server), L(id.open), S(text(accids))]],
  ['members on a list of a channel', 59, [P({ 1: id.server, 2: id.open, 3: 2, 4: text(accids) })]],
  ['members on a list of a category', 118, [P({ 1: id.server, 2: id.category, 3: 2, 4: text(accids) })]],
];

refused('more than 100 accounts are 414', () => batches(CROWD).map(([what, cid, q]) => [what, cid, q, 414]));

refused('no account at all is 414 where a change is asked', () =>
  batches([]).slice(0, 6).map(([what, cid, q]) => [what, cid, q, 414]));

refused('accounts that are no JSON text are 414', () => ['[', '{}', '"bob"', '7', '[{}]'].flatMap((accids) => [
  [`give ${accids}`, 73, [L(id.server), L(id.role), S(accids)], 414],
  [`list ${accids}`, 56, [P({ 1: id.server, 2: id.open, 3: 2, 4: 1, 5: accids })], 414],
  [`ask for ${accids}`, 77, [L(id.server), S(accids)], 414],
]));

refused('what is there already is 417', () => [
  ['a channel role', 65, [P({ 1: id.server, 3: id.role, 4: id.open })], 417],
  ['a channel override', 69, [P({ 1: id.server, 3: 'bob', 4: id.open })], 417],
  ['a category role', 83, [P({ 3: id.category, 4: id.server, 5: id.role })], 417],
  ['a category override', 87, [P({ 3: 'bob', 4: id.category, 5: id.server })], 417],
]);

refused('parents, roles, places and members that are nowhere are 404', () => [NOBODY, TOO_BIG].flatMap((none) => {
  const code = none === NOBODY ? 404 : 414;
  return [
    ['parent of a channel role', 65, [P({ 1: id.server, 3: none, 4: id.open })], code],
    ['channel of a channel role', 65, [P({ 1: id.server, 3: id.spare, 4: none })], code],
    ['server of a channel role', 65, [P({ 1: none, 3: id.spare, 4: id.open })], code],
    ['channel role to change', 67, [P({ 1: id.server, 2: none, 3: id.open, 4: text({ 15: 1 }) })], code],
    ['channel role to remove', 66, [L(id.server), L(id.open), L(none)], code],
    ['channel of an override', 69, [P({ 1: id.server, 3: 'eve', 4: none })], code],
    ['parent of a category role', 83, [P({ 3: id.category, 4: id.server, 5: none })], code],
    ['category of a category role', 83, [P({ 3: none, 4: id.server, 5: id.spare })], code],
    ['category role to change', 85, [P({ 1: none, 3: id.category, 4: id.server, 10: text({ 15: 1 }) })], code],
    ['category role to remove', 84, [L(id.server), L(id.category), L(none)], code],
    ['category of an override', 87, [P({ 3: 'eve', 4: none, 5: id.server })], code],
    ['role to delete', 62, [L(id.server), L(none)], code],
    ['role to change', 63, [P({ 1: id.server, 2: none, 3: 'x' }), P({})], code],
    ['role to give', 73, [L(id.server), L(none), S(text(['eve']))], code],
    ['role to take', 74, [L(id.server), L(none), S(text(['bob']))], code],
    ['role to order', 80, [L(id.server), { t: 'ArrayMable', v: [P({ 1: id.server, 2: none, 7: 7 })] }], code],
    ['role to list', 54, [P({ 1: id.server, 2: id.open, 3: 2, 4: 1, 5: none })], code],
    ['channel of a list', 56, [P({ 1: id.server, 2: none, 3: 2, 4: 1, 5: text(['bob']) })], code],
    ['category of a list', 115, [P({ 1: id.server, 2: none, 3: 2, 4: 1, 5: text(['bob']) })], code],
    ['channel to change', 50, [P({ 1: none, 4: 'x' }), P({})], code],
    ['channel to move', 60, [P({ 1: none, 13: id.category })], code],
    ['category to move to', 60, [P({ 1: id.open, 13: none })], code],
    ['category to delete', 110, [L(none)], code],
    ['category to change', 111, [P({ 1: none, 4: 'x' })], code],
    ['server of a new category', 109, [P({ 2: none, 4: 'x' })], code],
    ['server to kick from', 42, [L(none), A(['bob'])], code],
    ['server to ban from', 104, [P({ 1: none, 2: 1, 3: 'bob' })], code],
  ];
}));

refused('accounts that are no members are 404', () => ['outsider', 'nobody', 'No Name!'].flatMap((accid) => [
  ['a channel override', 69, [P({ 1: id.server, 3: accid, 4: id.open })], 404],
  ['a channel override to change', 71, [P({ 1: id.server, 2: accid, 3: id.open, 4: text({ 15: 1 }) })], 404],
  ['a channel override to remove', 70, [P({ 1: id.server, 3: accid, 4: id.open })], 404],
  ['a category override', 87, [P({ 3: accid, 4: id.category, 5: id.server })], 404],
  ['a category override to change', 89, [P({ 3: accid, 4: id.category, 5: id.server, 9: text({ 15: 1 }) })], 404],
  ['a category override to remove', 88, [L(id.server), L(id.category), S(accid)], 404],
  ['a list of a channel', 56, [P({ 1: id.server, 2: id.open, 3: 2, 4: 1, 5: text(['bob', accid]) })], 404],
  ['a list of a category', 115, [P({ 1: id.server, 2: id.category, 3: 2, 4: 1, 5: text(['bob', accid]) })], 404],
  ['a ban', 104, [P({ 1: id.server, 2: 1, 3: accid })], 404],
  ['an unban', 104, [P({ 1: id.server, 2: 2, 3: accid })], 404],
  ['a nick', 45, [P({ 1: id.server, 3: accid, 4: 'x' }), P({})], 404],
]));

refused('what belongs to another server of the same owner is 404', () => [
  ['parent of a channel role', 65, [P({ 1: id.server, 3: other.spare, 4: id.open })], 404],
  ['channel of a channel role', 65, [P({ 1: id.server, 3: id.spare, 4: other.open })], 404],
  ['channel role to change', 67, [P({ 1: id.server, 2: other.channelRole, 3: id.open, 4: text({ 15: 1 }) })], 404],
  ['channel role of another channel', 67, [P({ 1: id.server, 2: id.channelRole, 3: id.closed, 4: text({ 15: 1 }) })], 404],
  ['channel role to remove', 66, [L(id.server), L(id.open), L(other.channelRole)], 404],
  ['channel role under the wrong server', 66, [L(other.server), L(id.open), L(id.channelRole)], 404],
  ['channel of an override', 69, [P({ 1: id.server, 3: 'bob', 4: other.open })], 404],
  ['override under the wrong server', 71, [P({ 1: other.server, 2: 'bob', 3: id.open, 4: text({ 15: 1 }) })], 404],
  ['parent of a category role', 83, [P({ 3: id.category, 4: id.server, 5: other.spare })], 404],
  ['category of a category role', 83, [P({ 3: other.category, 4: id.server, 5: id.spare })], 404],
  ['category role to change', 85, [P({ 1: other.categoryRole, 3: id.category, 4: id.server, 10: text({ 15: 1 }) })], 404],
  ['category role to remove', 84, [L(id.server), L(id.category), L(other.categoryRole)], 404],
  ['category override under the wrong server', 89, [P({ 3: 'bob', 4: id.category, 5: other.server, 9: text({ 15: 1 }) })], 404],
  ['role to delete', 62, [L(id.server), L(other.role)], 404],
  ['role under the wrong server', 62, [L(other.server), L(id.role)], 404],
  ['role to change', 63, [P({ 1: id.server, 2: other.role, 3: 'x' }), P({})], 404],
  ['role to give', 73, [L(id.server), L(other.role), S(text(['eve']))], 404],
  ['role to take', 74, [L(other.server), L(id.role), S(text(['bob']))], 404],
  ['role to order', 80, [L(id.server), { t: 'ArrayMable', v: [P({ 1: id.server, 2: id.spare, 7: 7 }), P({ 1: id.server, 2: other.role, 7: 8 })] }], 404],
  ['role on a list of a channel', 54, [P({ 1: id.server, 2: id.open, 3: 2, 4: 1, 5: other.role })], 404],
  ['role on a list of a category', 113, [P({ 1: id.server, 2: id.category, 3: 2, 4: 1, 5: other.role })], 404],
  ['channel of a list', 54, [P({ 1: id.server, 2: other.open, 3: 2, 4: 1, 5: id.role })], 404],
  ['list under the wrong server', 56, [P({ 1: other.server, 2: id.open, 3: 2, 4: 1, 5: text(['owner']) })], 404],
  ['category to move a channel to', 60, [P({ 1: id.open, 13: other.category, 14: 1 })], 404],
  ['category of a new channel', 48, [P({ 2: id.server, 4: 'x', 7: 1, 13: other.category }), P({})], 404],
]);

refused('list types and operations out of range, or lists not in force, are 414', () => [
  ...[0, 3, -1, 'white', {}].flatMap((bad) => [
    [`type ${bad}`, 54, [P({ 1: id.server, 2: id.open, 3: bad, 4: 1, 5: id.role })], 414],
    [`opeType ${bad}`, 54, [P({ 1: id.server, 2: id.open, 3: 2, 4: bad, 5: id.role })], 414],
    [`type ${bad}`, 56, [P({ 1: id.server, 2: id.open, 3: bad, 4: 1, 5: text(['bob']) })], 414],
    [`opeType ${bad}`, 56, [P({ 1: id.server, 2: id.open, 3: 2, 4: bad, 5: text(['bob']) })], 414],
    [`type ${bad}`, 57, [P({ 1: id.server, 2: id.open, 3: bad, 4: 0 })], 414],
    [`type ${bad}`, 58, [P({ 1: id.server, 2: id.open, 3: bad, 4: text([id.role]) })], 414],
    [`type ${bad}`, 113, [P({ 1: id.server, 2: id.category, 3: bad, 4: 1, 5: id.role })], 414],
    [`opeType ${bad}`, 115, [P({ 1: id.server, 2: id.category, 3: 2, 4: bad, 5: text(['bob']) })], 414],
    [`type ${bad}`, 116, [P({ 1: id.server, 2: id.category, 3: bad, 4: 0 })], 414],
    [`type ${bad}`, 118, [P({ 1: id.server, 2: id.category, 3: bad, 4: text(['bob']) })], 414],
    [`opeType ${bad}`, 104, [P({ 1: id.server, 2: bad, 3: 'bob' })], 414],
  ]),
  ['the white list of a public channel', 56, [P({ 1: id.server, 2: id.open, 3: 1, 4: 1, 5: text(['bob']) })], 414],
  ['the black list of a private channel', 54, [P({ 1: id.server, 2: id.closed, 3: 2, 4: 1, 5: id.role })], 414],
  ['the white list of a public category', 115, [P({ 1: id.server, 2: id.category, 3: 1, 4: 1, 5: text(['bob']) })], 414],
]);

refused('modes out of range, and the view mode of a channel in sync, are 414', () => [
  ...[2, -1, 'public', {}].flatMap((bad) => [
    [`viewMode ${bad} of a channel`, 50, [P({ 1: id.open, 12: bad }), P({})], 414],
    [`syncMode ${bad}`, 60, [P({ 1: id.open, 13: id.category, 14: bad })], 414],
    [`viewMode ${bad} of a category`, 111, [P({ 1: id.category, 7: bad })], 414],
    [`viewMode ${bad} of a new category`, 109, [P({ 2: id.server, 4: 'x', 7: bad })], 414],
  ]),
  ['visitorMode 3', 50, [P({ 1: id.open, 16: 3 }), P({})], 414],
  ['a channel in sync', 50, [P({ 1: id.synced, 12: 1 }), P({})], 414],
  ['sync without a category', 60, [P({ 1: id.open, 14: 1 })], 414],
]);

/** Every command that pages, as (timetag, limit) → request. */
const pages = () => {
  const place = (cid, of) => [cid, (t, l) => [P({ 1: id.server, 2: of, 3: t, 4: l })]];
  const whole = (cid) => [cid, (t, l) => [P({ 1: id.server, 2: t, 3: l })]];
  const list = (cid, of) => [cid, (t, l) => [P({ 1: id.server, 2: of, 3: 2, 4: t, 5: l })]];
  return [
    place(53, id.open), place(68, id.open), place(72, id.open), place(86, id.category), place(90, id.category), place(120, id.category),
    whole(47), whole(52), whole(105), whole(119), list(55, id.open), list(57, id.open), list(114, id.category), list(116, id.category),
    [75, (t, l) => [P({ 1: id.server, 2: id.role, 3: t, 5: l })]], [76, (t, l) => [P({ 1: id.server, 2: 'bob', 3: t, 4: l })]],
  ];
};

refused('page limits outside 1 to 100 and times before 1970 are 414', () => pages().flatMap(([cid, q]) => [
  ...[0, 101, -1, 'ten', {}, 2 ** 60].map((limit) => [`limit ${limit}`, cid, q(0, limit), 414]),
  ...[-1, '-7', 'yesterday', []].map((timetag) => [`timetag ${timetag}`, cid, q(timetag, 10), 414]),
]));

test('page limits of 1 and 100, and a timetag as large as they come, are fine', async () => {
  for (const [cid, q] of pages()) {
    for (const [timetag, limit] of [[0, 1], [0, 100], ['9223372036854775807', 1], [1, undefined]]) {
      assert.equal((await link.command(24, cid, q(timetag, limit))).code, 200, `24_${cid} ${timetag} ${limit}`);
    }
  }
});

refused('texts that are too long are 405', () => [
  ['a role name', 61, [P({ 1: id.server, 3: LONG, 7: 2 }), P({})], 405],
  ['a role ext', 63, [P({ 1: id.server, 2: id.role, 5: LONG }), P({})], 405],
  ['a channel name', 50, [P({ 1: id.open, 4: LONG }), P({})], 405],
  ['a channel topic', 50, [P({ 1: id.open, 5: LONG }), P({})], 405],
  ['a category name', 109, [P({ 2: id.server, 4: LONG })], 405],
  ['a category ext', 111, [P({ 1: id.category, 5: LONG })], 405],
  ['a nick', 44, [P({ 1: id.server, 4: LONG }), P({})], 405],
  ['an avatar of another', 45, [P({ 1: id.server, 3: 'bob', 5: LONG }), P({})], 405],
  ['the reason of a ban', 104, [P({ 1: id.server, 2: 1, 3: 'bob', 4: LONG })], 405],
]);

refused('what belongs to everyone stays: 403', () => [
  ['deleting the role', 62, [L(id.server), L(id.everyone)], 403],
  ['giving it', 73, [L(id.server), L(id.everyone), S(text(['eve']))], 403],
  ['taking it', 74, [L(id.server), L(id.everyone), S(text(['eve']))], 403],
  ['naming it', 63, [P({ 1: id.server, 2: id.everyone, 3: 'all' }), P({})], 403],
  ['adding it to a channel', 65, [P({ 1: id.server, 3: id.everyone, 4: id.open })], 403],
  ['adding it to a category', 83, [P({ 3: id.category, 4: id.server, 5: id.everyone })], 403],
  ['removing it from a channel', 66, [L(id.server), L(id.open), L(id.everyoneHere)], 403],
  ['removing it from a category', 84, [L(id.server), L(id.category), L(id.everyoneThere)], 403],
  ['ranking it', 63, [P({ 1: id.server, 2: id.everyone, 7: 3 }), P({})], 403],
]);

refused('checks of unknown rights, and of more than 10 at once, are 414', () => [
  ...['[0]', '[28]', '[9999]', '["sendMsg"]', '[-1]', '{}', '', '[]', text(Array.from({ length: 11 }, (_, i) => i + 1))]
    .map((rights) => [`rights ${rights}`, 126, [P({ 1: id.server, 3: rights })], 414]),
  ['a channel that is nowhere', 126, [P({ 1: id.server, 2: NOBODY, 3: '[15]' })], 404],
  ['a channel of another server', 126, [P({ 1: id.server, 2: other.open, 3: '[15]' })], 404],
  ['a server that is nowhere', 126, [P({ 1: NOBODY, 3: '[15]' })], 404],
]);

refused('items that are missing or of the wrong kind are 414', () => [
  ...[42, 50, 54, 56, 60, 62, 65, 66, 67, 69, 70, 71, 73, 74, 80, 83, 84, 85, 87, 88, 89, 104, 109, 110, 111, 113, 115]
    .flatMap((cid) => [['nothing at all', cid, [], 414], ['texts', cid, [S('a'), S('b'), S('c')], 414], ['an empty object', cid, [P({})], 414]]),
]);

refused('orders and batches that contradict themselves are 414, or 404 where they name nothing', () => [
  ['no role to order', 80, [L(id.server), { t: 'ArrayMable', v: [] }], 414],
  ['one role ordered twice', 80, [L(id.server), { t: 'ArrayMable', v: [P({ 1: id.server, 2: id.role, 7: 7 }), P({ 1: id.server, 2: id.role, 7: 8 })] }], 414],
  ['an order of 101 roles', 80, [L(id.server), { t: 'ArrayMable', v: CROWD.map((_, i) => P({ 1: id.server, 2: String(i + 1), 7: i + 1 })) }], 414],
  ['an order whose roles name another server', 80, [L(id.server), { t: 'ArrayMable', v: [P({ 1: other.server, 2: id.role, 7: 7 })] }], 404],
  ['a layer role by its parent', 67, [P({ 1: id.server, 2: id.role, 3: id.open, 4: text({ 15: 1 }) })], 404],
  ['more than 100 roles on a list', 58, [P({ 1: id.server, 2: id.open, 3: 2, 4: text(CROWD.map((_, i) => String(i + 1))) })], 414],
  ['more than 100 parents of channel roles', 78, [L(id.server), L(id.open), S(text(CROWD.map((_, i) => String(i + 1))))], 414],
]);

refused('the owner stays out of reach, also of itself: 403', () => [
  ['kicking', 42, [L(id.server), A(['owner'])], 403],
  ['kicking among others', 42, [L(id.server), A(['bob', 'owner'])], 403],
  ['banning', 104, [P({ 1: id.server, 2: 1, 3: 'owner' })], 403],
]);

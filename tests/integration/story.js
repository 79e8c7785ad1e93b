// What a program in JavaScript does with npm's etcd3: the story of test_v3_clients.
// node story.js HOST:PORT; says one line for each part that went well.
const assert = require('assert');
const { Etcd3, EtcdLockFailedError, Range } = require('etcd3');

// The default would also refuse keys whose last changes are of two revisions.
const SERIALIZABLE = 1;
const hosts = process.argv[2];
const open = (auth) => new Etcd3({ hosts, auth });
const done = (part) => console.log(part);

async function keys(client) {
  await client.put('js/a').value('1');
  await client.put('js/b').value(Buffer.from([0, 255]));
  assert.strictEqual(await client.get('js/a').string(), '1');
  assert.deepStrictEqual(await client.get('js/b').buffer(), Buffer.from([0, 255]));
  assert.deepStrictEqual(Object.keys(await client.getAll().prefix('js/').buffers()), ['js/a', 'js/b']);
  assert.deepStrictEqual(await client.getAll().prefix('js/').sort('Key', 'Descend').limit(1).keys(), ['js/b']);
  assert.strictEqual(await client.getAll().prefix('js/').count(), 2);
  const space = client.namespace('js/');
  assert.strictEqual(await space.get('a').string(), '1');
  await client.if('js/a', 'Value', '==', '1').then(client.put('js/a').value('2')).else(client.get('js/a')).commit();
  assert.strictEqual(await client.get('js/a').number(), 2);
  const lost = await client.if('js/a', 'Version', '==', 9).then(client.put('js/a').value('3')).commit();
  assert.strictEqual(lost.succeeded, false);
  assert.strictEqual((await client.delete().prefix('js/')).deleted, '2');
  assert.strictEqual(await client.get('js/a').string(), null);
  done('keys');
}

async function stm(client) {
  await client.put('stm/from').value('100');
  await client.put('stm/to').value('0');
  const move = () => client.stm({ retries: 50, isolation: SERIALIZABLE }).transact(async (tx) => {
    const [from, to] = [await tx.get('stm/from').number(), await tx.get('stm/to').number()];
    await tx.put('stm/from').value(from - 1);
    await tx.put('stm/to').value(to + 1);
  });
  await Promise.all(Array.from({ length: 10 }, move));
  assert.strictEqual(await client.get('stm/from').number(), 90);
  assert.strictEqual(await client.get('stm/to').number(), 10);
  done('stm');
}

async function leases(client) {
  const lease = client.lease(5);
  await lease.put('lease/a').value('x');
  const left = await client.leaseClient.leaseTimeToLive({ ID: await lease.grant(), keys: true });
  assert.strictEqual(left.grantedTTL, '5');
  assert.deepStrictEqual(left.keys.map(String), ['lease/a']);
  await lease.keepaliveOnce();
  await lease.revoke();
  assert.strictEqual(await client.get('lease/a').string(), null);
  done('leases');
}

async function locks(client) {
  const lock = client.lock('a lock');
  await lock.acquire();
  await assert.rejects(open().lock('a lock').acquire(), EtcdLockFailedError);
  await lock.release();
  let ran = false;
  await client.lock('a lock').do(async () => { ran = true; });
  assert(ran);
  done('locks');
}

async function elections(client) {
  const first = client.election('an election', 5), second = open().election('an election', 5);
  const elected = (campaign) => new Promise((resolve, reject) => { campaign.on('elected', resolve); campaign.on('error', reject); });
  const one = first.campaign('one');
  await elected(one);
  assert.strictEqual(await first.leader(), 'one');
  const observer = await first.observe(), seen = [];
  observer.on('change', (value) => seen.push(value));
  const two = second.campaign('two'), turn = elected(two);
  await one.proclaim('one again');
  await one.resign();
  await turn;
  while (seen[seen.length - 1] !== 'two') await new Promise((resolve) => observer.once('change', resolve));
  await observer.cancel();
  await two.resign();
  done('elections');
}

async function watches(client) {
  const watcher = await client.watch().prefix('watch/').withPreviousKV().create();
  const events = [];
  const all = new Promise((resolve) => {
    watcher.on('data', (answer) => {
      for (const event of answer.events) events.push([event.type, event.kv.key.toString(), event.prev_kv && event.prev_kv.value.toString()]);
      if (events.length === 3) resolve();
    });
  });
  await client.put('watch/a').value('1');
  await client.put('watch/a').value('2');
  await client.delete().key('watch/a');
  await all;
  assert.deepStrictEqual(events, [['Put', 'watch/a', null], ['Put', 'watch/a', '1'], ['Delete', 'watch/a', '2']]);
  await watcher.cancel();
  done('watches');
}

async function users(client) {
  const root = client.role('root'), role = client.role('js');
  await root.create();
  await client.user('root').create('rootpw');
  await client.user('root').addRole('root');
  await role.create();
  await role.grant({ permission: 'Readwrite', range: Range.prefix('users/') });
  await client.user('js').create('pw');
  await client.user('js').addRole(role);
  await client.auth.authEnable();
  const [admin, mine] = [open({ username: 'root', password: 'rootpw' }), open({ username: 'js', password: 'pw' })];
  await mine.put('users/a').value('1');
  assert.strictEqual(await mine.get('users/a').string(), '1');
  await assert.rejects(mine.put('other').value('1'), /permission denied/);
  await assert.rejects(open({ username: 'js', password: 'wrong' }).get('users/a').string(), /authentication failed/);
  assert.deepStrictEqual((await admin.getRoles()).map((one) => one.name), ['js', 'root']);
  await admin.auth.authDisable();
  admin.close();
  mine.close();
  done('users');
}

(async () => {
  const client = open();
  for (const part of [keys, stm, leases, locks, elections, watches, users]) await part(client);
  client.close();
  process.exit(0);
})().catch((error) => { console.error(error); process.exit(1); });

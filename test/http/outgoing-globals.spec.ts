import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');

/** Sends some requests, and looks before and after at all that an application may have set for its own. */
const SCRIPT = `
  import http from 'node:http';
  import https from 'node:https';
  import dns from 'node:dns';
  import net from 'node:net';
  import tls from 'node:tls';
  const [{ OutgoingHttp }, { checkNetworkRules }] = await Promise.all(
    ['outgoing-http.js', 'network-rules.js'].map((name) => import(process.argv[1] + '/' + name)));
  const server = http.createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const { port } = server.address();
  const dispatcher = Symbol.for('undici.globalDispatcher.1');
  const look = () => ({
    fetch: globalThis.fetch, dispatcher: globalThis[dispatcher], keys: Reflect.ownKeys(globalThis).map(String).join(),
    http: http.globalAgent, https: https.globalAgent, httpOptions: JSON.stringify(http.globalAgent.options),
    httpsOptions: JSON.stringify(https.globalAgent.options), used: Object.keys(http.globalAgent.freeSockets).length,
    request: http.request, secureRequest: https.request, connect: net.connect, secureConnect: tls.connect,
    lookup: dns.lookup, servers: dns.getServers().join(), order: dns.getDefaultResultOrder(),
    select: net.getDefaultAutoSelectFamily(), selectMs: net.getDefaultAutoSelectFamilyAttemptTimeout(),
    minVersion: tls.DEFAULT_MIN_VERSION, environment: JSON.stringify(process.env),
    listeners: process.eventNames().map(String).join(),
  });
  const isFetched = process.argv[2] === 'fetched';
  if (isFetched) await (await fetch('http://127.0.0.1:' + port)).text();
  const before = look();
  const out = new OutgoingHttp(checkNetworkRules({ http: true, allow: ['127.0.0.1', 'localhost'] }));
  const send = (url) => out.sendRequest({ url, answerBytes: 10, deadlines: { wholeMs: 20_000 } });
  const answers = [];
  for (const host of ['127.0.0.1', 'localhost', '10.0.0.1']) answers.push((await send('http://' + host + ':' + port)).is);
  out.close();
  const after = look();
  const changed = Object.keys(before).filter((name) => !Object.is(before[name], after[name]));
  const later = await (await fetch('http://127.0.0.1:' + port)).text();
  server.close();
  server.closeAllConnections();
  console.log(JSON.stringify({ answers, changed, later }));`;

it.each(['fetched', 'never fetched'])(
  'what leaves leaves the global fetch, agents and defaults of the application as they were: %s',
  (state) => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', SCRIPT, new URL(`file://${join(ROOT, 'dist/http')}`).href, state],
      { cwd: ROOT, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
    );
    expect([stderr, JSON.parse(stdout || '{}')]).toEqual([
      '',
      { answers: ['answered', 'answered', 'failed'], changed: [], later: 'ok' },
    ]);
  },
);

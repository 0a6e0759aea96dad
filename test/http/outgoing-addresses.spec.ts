import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { checkNetworkRules, type NetworkRules } from '../../src/http/network-rules.js';
import type { OutgoingAnswer } from '../../src/http/outgoing-answer.js';
import { OutgoingHttp } from '../../src/http/outgoing-http.js';
import { refusedUrl } from '../../src/http/refused-url.js';
import { INNER_HOSTS } from '../support/inner-hosts.js';
import { LoopbackServer } from '../support/loopback-server.js';

const made: OutgoingHttp[] = [];
let listener: LoopbackServer;
beforeAll(async () => {
  listener = await LoopbackServer.http((_, response) => response.end('inside'));
});
afterEach(() => {
  for (const http of made.splice(0)) http.close();
});
afterAll(() => listener.close());

/** Sends a request to each URL, with a name server that gives these answers, one after the other. */
function sender(rules: NetworkRules, ...answers: (readonly string[])[]) {
  let asked = 0;
  const http = new OutgoingHttp(checkNetworkRules({ http: true, ...rules }), async () => {
    return answers[Math.min(asked++, answers.length - 1)] ?? [];
  });
  made.push(http);
  return {
    send: (url: string): Promise<OutgoingAnswer> =>
      http.sendRequest({ url, body: '{}', answerBytes: 100, deadlines: { wholeMs: 10_000 } }),
    asked: () => asked,
  };
}

describe('an inner address', () => {
  it.each(INNER_HOSTS)('is refused when it is stored and when it is sent to: %s', async (spelling) => {
    const { send, asked } = sender({}, ['127.0.0.1']);
    const url = `http://${spelling}:${listener.port}/hook`;
    const problem = refusedUrl(url, checkNetworkRules({ http: true }));
    expect(problem).toMatch(
      /^The URL (?:has an address that |has a name that only an internal network knows|cannot be read)/,
    );
    expect(await send(url)).toMatchObject({ is: 'failed', kind: 'refused', message: problem });
    expect([asked(), listener.connections]).toEqual([0, 0]);
  });

  it('is refused as what a name leads to, in each form that a name server may answer', async () => {
    const answers = [
      ['127.0.0.1'],
      ['10.0.0.1'],
      ['::1'],
      ['::ffff:127.0.0.1'],
      ['64:ff9b::7f00:1'],
      ['2002:7f00:1::1'],
      ['fe80::1'],
      ['0.0.0.0'],
    ];
    const { send, asked } = sender({}, ...answers);
    for (const _ of answers) {
      const answer = await send(`http://hooks.example:${listener.port}/`);
      expect(answer).toMatchObject({
        is: 'failed',
        kind: 'refused',
        message: expect.stringMatching(/^The name leads to an address that /),
      });
      // A tenant reads it, and shall not learn what our names lead to.
      expect(JSON.stringify(answer)).not.toMatch(/127|10\.0|::/);
    }
    expect([asked(), listener.connections]).toEqual([answers.length, 0]);
  });

  it('refuses the whole name, when another address of the name is public', async () => {
    // The first would be reached, and the second as soon as the first does not answer.
    for (const addresses of [
      ['192.0.2.1', '127.0.0.1'],
      ['8.8.8.8', '127.0.0.1'],
      ['127.0.0.1', '8.8.8.8'],
      ['2606:4700::1', '::1'],
    ]) {
      const { send } = sender({}, addresses);
      expect(await send(`http://hooks.example:${listener.port}/`)).toMatchObject({ kind: 'refused' });
    }
    expect(listener.connections).toBe(0);
  });

  it('is not reached by a redirect', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const outer = await LoopbackServer.http((_, response) => {
        response.writeHead(status, { location: `http://127.0.0.1:${listener.port}/` }).end();
      }, '127.0.0.2');
      try {
        const { send } = sender({ allow: ['127.0.0.2'] });
        expect(await send(`http://127.0.0.2:${outer.port}/`)).toMatchObject({ is: 'answered', status });
        expect([outer.connections, listener.connections]).toEqual([1, 0]);
      } finally {
        await outer.close();
      }
    }
  });

  it('is not reached by a name server that answers differently the second time', async () => {
    const outer = await LoopbackServer.http(
      (_, response) => response.setHeader('connection', 'close').end('outside'),
      '127.0.0.2',
      listener.port,
    );
    try {
      const { send, asked } = sender({ allow: ['127.0.0.2'] }, ['127.0.0.2'], ['127.0.0.1']);
      const url = `http://rebound.example:${listener.port}/`;
      const first = await send(url);
      expect(first.is === 'answered' && first.body.toString()).toBe('outside');
      expect(asked()).toBe(1);
      expect(await send(url)).toMatchObject({ is: 'failed', kind: 'refused' });
      expect([outer.connections, listener.connections]).toEqual([1, 0]);
    } finally {
      await outer.close();
    }
  });
});

describe('what else is refused before anything is resolved', () => {
  it.each([
    ['http://hooks.example/', {}, /must begin with https:$/],
    ['ftp://hooks.example/', { http: true }, /must begin with https: or http:/],
    ['file:///etc/passwd', { http: true }, /must begin with https:/],
    ['https://user:hunter2@hooks.example/', {}, /has a user or a password/],
    ['https://hooks.example:25/', {}, /port 25, which is not allowed/],
    ['https://hooks.example:0/', {}, /port 0,/],
    ['https://hooks.example:8443/', { ports: [443] }, /port 8443,/],
    ['hooks.example', {}, /cannot be read/],
    ['https://', {}, /cannot be read/],
    ['https://hooks.example:99999/', {}, /cannot be read/],
  ] satisfies [string, NetworkRules, RegExp][])('%s with %j', async (url, rules, reason) => {
    const { send, asked } = sender({ http: false, ...rules }, ['127.0.0.1']);
    const problem = refusedUrl(url, checkNetworkRules(rules));
    expect(problem).toMatch(reason);
    expect(problem).not.toContain('hunter2');
    expect(await send(url)).toMatchObject({ is: 'failed', kind: 'refused', message: problem });
    expect(asked()).toBe(0);
  });
});

describe('what the operator allows', () => {
  let inner: LoopbackServer;
  beforeAll(async () => {
    inner = await LoopbackServer.http(({ headers }, response) => response.end(headers.host));
  });
  afterAll(() => inner.close());

  it.each([
    ['an address', ['127.0.0.1'], '127.0.0.1'],
    ['an address in another spelling', ['127.0.0.1'], '0x7f.1'],
    ['a range', ['127.0.0.0/8'], '127.0.0.1'],
    ['a name that leads to an allowed address', ['127.0.0.1'], 'hooks.example'],
    ['a name as the system knows it', ['localhost'], 'localhost'],
    ['a name with its dot at the end', ['localhost'], 'LOCALHOST.'],
  ])('is reached by %s', async (_, allow, host) => {
    const { send } = sender({ allow }, ['127.0.0.1']);
    const answer = await send(`http://${host}:${inner.port}/`);
    const expected = new URL(`http://${host}`).hostname.replace(/\.$/, '');
    expect(answer.is === 'answered' && answer.body.toString()).toBe(`${expected}:${inner.port}`);
  });

  it('is reached at its next address, when the first one does not answer', async () => {
    const { send } = sender({ allow: ['127.0.0.0/8'] }, ['127.0.0.3', '127.0.0.1']);
    expect(await send(`http://hooks.example:${inner.port}/`)).toMatchObject({ is: 'answered', status: 200 });
  });
});

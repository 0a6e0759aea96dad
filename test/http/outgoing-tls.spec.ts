import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { checkNetworkRules, type NetworkRules } from '../../src/http/network-rules.js';
import type { OutgoingAnswer } from '../../src/http/outgoing-answer.js';
import { OutgoingHttp } from '../../src/http/outgoing-http.js';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { LoopbackServer } from '../support/loopback-server.js';

let certificates: Certificates;
let signed: LoopbackServer;
let selfSigned: LoopbackServer;
let plain: LoopbackServer;
let requests = 0;
beforeAll(async () => {
  certificates = await makeCertificates();
  const answer: Parameters<typeof LoopbackServer.http>[0] = ({ headers }, response) => {
    requests++;
    response.end(headers.host);
  };
  signed = await LoopbackServer.https(certificates.signed, answer);
  selfSigned = await LoopbackServer.https(certificates.selfSigned, answer);
  plain = await LoopbackServer.http(answer);
});
afterAll(() => Promise.all([signed.close(), selfSigned.close(), plain.close()]));

const made: OutgoingHttp[] = [];
afterEach(() => {
  for (const http of made.splice(0)) http.close();
});

function out(rules: NetworkRules): OutgoingHttp {
  const http = new OutgoingHttp(checkNetworkRules({ allow: ['127.0.0.1'], ...rules }), async () => [
    '127.0.0.1',
  ]);
  made.push(http);
  return http;
}

function send(url: string, rules: NetworkRules = {}, http = out(rules)): Promise<OutgoingAnswer> {
  return http.sendRequest({ url, answerBytes: 100, deadlines: { wholeMs: 20_000 } });
}

describe('a certificate', () => {
  it('of an authority of the rules is taken, for its name and its address', async () => {
    const ca = certificates.authority.cert;
    for (const host of ['hooks.example', 'hooks.example.', '127.0.0.1'])
      for (const each of [ca, Buffer.from(ca)]) {
        const answer = await send(`https://${host}:${signed.port}/`, { ca: each });
        expect(answer.is === 'answered' && answer.body.toString()).toBe(
          `${host.replace(/\.$/, '')}:${signed.port}`,
        );
      }
  });

  it('of an authority that nobody trusts is refused', async () => {
    requests = 0;
    expect(await send(`https://hooks.example:${signed.port}/`)).toMatchObject({
      is: 'failed',
      kind: 'tls',
      message: expect.stringMatching(/^The certificate comes /),
    });
    expect(requests).toBe(0);
  });

  it('for another name is refused', async () => {
    requests = 0;
    expect(
      await send(`https://other.example:${signed.port}/`, { ca: certificates.authority.cert }),
    ).toMatchObject({
      kind: 'tls',
      message: 'The certificate is for another name (ERR_TLS_CERT_ALTNAME_INVALID)',
    });
    expect(requests).toBe(0);
  });

  it('that is signed by itself is refused, also with another authority, and taken if it is named', async () => {
    const url = `https://hooks.example:${selfSigned.port}/`;
    for (const rules of [{}, { ca: certificates.authority.cert }])
      expect(await send(url, rules)).toMatchObject({
        kind: 'tls',
        message: 'The certificate is signed by itself (DEPTH_ZERO_SELF_SIGNED_CERT)',
      });
    expect(await send(url, { ca: certificates.selfSigned.cert })).toMatchObject({ status: 200 });
  });

  it('is verified, whatever the process says', async () => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      expect(await send(`https://hooks.example:${selfSigned.port}/`)).toMatchObject({ kind: 'tls' });
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    }
  });

  it('is verified for each name, although both lead to one address', async () => {
    const http = out({ ca: certificates.authority.cert });
    expect(await send(`https://hooks.example:${signed.port}/`, {}, http)).toMatchObject({ status: 200 });
    expect(await send(`https://other.example:${signed.port}/`, {}, http)).toMatchObject({ kind: 'tls' });
  });
});

it('a server without TLS is not spoken to', async () => {
  requests = 0;
  expect(await send(`https://hooks.example:${plain.port}/`)).toMatchObject({ kind: 'tls' });
  expect(requests).toBe(0);
});

it('many requests to one host share connections', async () => {
  const http = out({ ca: certificates.authority.cert });
  const before = signed.connections;
  for (let sent = 0; sent < 20; sent++)
    expect(await send(`https://hooks.example:${signed.port}/`, {}, http)).toMatchObject({ status: 200 });
  expect(signed.connections - before).toBe(1);
});

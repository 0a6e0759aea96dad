// The process that receives: plain node:http. What is sent to /hang is never answered, until somebody lets go. What is sent to
// /json is answered with JSON.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answering } from './asked-process.js';
import type { TargetCommands } from './protocol.js';

const JSON_ANSWER = JSON.stringify({
  id: 7,
  state: 'open',
  lines: [{ article: 'a-1', count: 1, cents: 100 }],
});

const samples: number[] = [];
const hanging = new Set<ServerResponse>();

const server = createServer((request, response) => {
  if (request.url?.startsWith('/timed')) read(request, response);
  else request.resume().on('end', () => answer(request, response));
});
server.keepAliveTimeout = 120_000;

function read(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const { timestamp } = JSON.parse(Buffer.concat(chunks).toString());
    samples.push(Date.now() - Date.parse(timestamp));
    answer(request, response);
  });
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  if (request.url?.startsWith('/json')) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON_ANSWER);
    return;
  }
  if (request.url !== '/hang') {
    response.writeHead(200).end('ok');
    return;
  }
  hanging.add(response);
  response.once('close', () => hanging.delete(response));
}

await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

answering<TargetCommands>(
  {
    url: async () => url,
    take: async () => samples.splice(0),
    counts: async () => ({ taken: samples.length, hanging: hanging.size }),
    letGo: async () => {
      for (const response of hanging) response.writeHead(500).end();
      return undefined;
    },
  },
  async () => server.closeAllConnections(),
);

// A thread between a client and the server: passes everything on, and counts the pieces of the client's with `text` in them.
import { connect, createServer } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const { host, port, text, count } = workerData;

const server = createServer({ noDelay: true }, (inbound) => {
  const outbound = connect({ port, host, noDelay: true });
  inbound.on('data', (data) => {
    if (!data.includes(text)) return;
    Atomics.add(count, 0, 1);
    Atomics.notify(count, 0);
  });
  inbound.pipe(outbound);
  outbound.pipe(inbound);
  for (const [socket, other] of [
    [inbound, outbound],
    [outbound, inbound],
  ]) {
    socket.on('error', () => {});
    socket.on('close', () => other.destroy());
  }
});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));

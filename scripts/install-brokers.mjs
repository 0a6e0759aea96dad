// Installs the brokers that test/relay starts, where they are missing: `node scripts/install-brokers.mjs`.
import { spawnSync } from 'node:child_process';
import { installPackages } from './apt.mjs';

const missing = ['nats-server', 'rabbitmq-server', 'kcat'].filter(
  (program) => spawnSync('which', [program]).status !== 0,
);
if (missing.length > 0) installPackages(missing);
console.log(missing.length > 0 ? `Installed: ${missing.join(', ')}.` : 'All brokers are installed.');

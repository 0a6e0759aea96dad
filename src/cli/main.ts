#!/usr/bin/env node
import { run } from './run.js';

// Whoever reads may stop reading (a pager that is left, `head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

run(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});

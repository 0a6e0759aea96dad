#!/usr/bin/env node
import { run } from './run.js';

// The reader of the output may close it early, as a pager or `head` does.
for (const output of [process.stdout, process.stderr])
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });

run(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});

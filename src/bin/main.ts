#!/usr/bin/env node
import { run } from '../cli/run.js';
import { EXTENSIONS } from './extensions.js';

// The reader of the output may close it early, as a pager or `head` does.
for (const output of [process.stdout, process.stderr])
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });

run(process.argv.slice(2), undefined, EXTENSIONS).then((status) => {
  process.exitCode = status;
});

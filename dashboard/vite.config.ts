import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

// What is built is for production, also where a run of tests begins the build with a NODE_ENV of its own.
process.env.NODE_ENV = 'production';

/** Writes each file in two compressed forms beside itself, so that no application compresses it while it runs. */
const compressed: Plugin = {
  name: 'compressed-files',
  // Only what was written is whole: Vite itself still changes files of the bundle before.
  writeBundle({ dir = '' }, bundle) {
    for (const name of Object.keys(bundle)) {
      const path = join(dir, name);
      const bytes = readFileSync(path);
      writeFileSync(`${path}.br`, brotliCompressSync(bytes));
      writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    }
  },
};

export default defineConfig({
  // Everything is named relative to its own place: nobody knows at the build where the page will be mounted.
  base: './',
  plugins: [compressed],
  build: {
    outDir: '../dist/admin/ui',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    reportCompressedSize: false,
  },
  experimental: {
    // The page is at `<path>/ui`, without a slash at its end, so that its links and the API have one base.
    renderBuiltUrl: (name, { hostType }) => (hostType === 'html' ? `./ui/${name}` : { relative: true }),
  },
});

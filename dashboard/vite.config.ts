import { defineConfig } from 'vite';

export default defineConfig({
  // Everything is named relative to its own place: nobody knows at the build where the page will be mounted.
  base: './',
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

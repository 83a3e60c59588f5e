import { defineConfig } from 'vite';

// The server answers /try/ with a strict CSP: everything is a file of our own origin, nothing is inlined.
export default defineConfig({
  base: '/try/',
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The SDK is one large file; splitting it off lets a changed page reuse it from the cache.
    rollupOptions: { output: { manualChunks: (id) => (id.includes('nim-web-sdk-ng') ? 'qchat-sdk' : undefined) } },
    chunkSizeWarningLimit: 700,
  },
  server: { host: '127.0.0.1', port: 5180, strictPort: true },
});

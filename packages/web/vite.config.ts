import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const server = process.env.TAILRACE_URL ?? 'http://127.0.0.1:7300';

export default defineConfig({
  // Relative, so that the screens also work behind a proxy that puts a path before them.
  base: './',
  plugins: [react()],
  build: {
    // The server's content security policy allows no data: addresses and no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
  },
  server: { proxy: { '/v1': server, '/healthz': server } },
});

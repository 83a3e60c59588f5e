// A small static server on loopback for test pages.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.json': 'application/json', '.wasm': 'application/wasm' };

/** `find(pathname)` gives a file or null. Resolves `{base, close}`. */
export function serveFiles(find) {
  const server = http.createServer((request, response) => {
    const file = find(decodeURIComponent(new URL(request.url, 'http://x').pathname));
    if (!file || !fs.existsSync(file)) {
      response.statusCode = 404;
      return response.end();
    }
    response.setHeader('content-type', `${TYPES[path.extname(file)] ?? 'application/octet-stream'}; charset=utf-8`);
    fs.createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ base: `http://127.0.0.1:${server.address().port}`, close: () => server.close() }));
  });
}

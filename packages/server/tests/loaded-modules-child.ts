/** Starts a server as the environment says, and prints what it has loaded of the drivers, which are all CommonJS. */
import { createRequire } from 'node:module';
import { loadConfig } from '../src/config.ts';
import { createServer } from '../src/server.ts';

await createServer(loadConfig(process.env), { log: () => {} });
const files = Object.keys(createRequire(import.meta.url).cache);
process.stdout.write(`loaded ${JSON.stringify(files)}\n`, () => process.exit(0));

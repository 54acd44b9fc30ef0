/**
 * Lets Node run this workspace's TypeScript: `node --import …/register.js --conditions=@tailrace/source file.ts`.
 *
 * Tests start hundreds of processes. This does less than tsx, which they could use as well, and takes half a second less of
 * a processor for each that loads the server: every import here names a file with its ending, so only types must be taken out.
 */
import { register } from 'node:module';

process.setSourceMapsEnabled(true);
register('./load.js', import.meta.url);

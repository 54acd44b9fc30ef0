/** One of several adopters that race for the same folders; says which it won, and lives until its input ends. */
import { existsSync } from 'node:fs';
import { claimSpool } from 'tailrace/spool';

const [startFile, ...folders] = process.argv.slice(2);
process.stdout.write('ready\n');
// Spinning, so that all start in the same instant.
while (startFile !== undefined && !existsSync(startFile)) {}
const won = folders.filter((folder) => claimSpool(folder).kind === 'claimed');
process.stdout.write(`${JSON.stringify(won)}\n`);
process.stdin.resume();

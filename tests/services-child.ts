/** A test's process with a service of its own, to be killed: prints the port, and stays. */
import { isServiceName } from '../scripts/services.d/services.ts';
import { startService } from './services.ts';

const name = process.argv[2] ?? '';
if (!isServiceName(name)) throw new Error(`${name} is no service`);
const service = await startService(name);
console.log(`port ${service?.port}`);
setInterval(() => {}, 60_000);

/** `GET /pay?n=…` logs one event and answers: the answer says that the log call has returned. Ends in order at SIGTERM. */
import { createServer } from 'node:http';
import { isPeerName, PEERS } from './peer-loggers.ts';

const [name = '', folder = '', port = ''] = process.argv.slice(2);
if (!isPeerName(name)) throw new TypeError(`there is no peer ${JSON.stringify(name)}`);
const logger = PEERS[name](folder);

const server = createServer((request, response) => {
  const n = new URL(request.url ?? '', 'http://localhost').searchParams.get('n');
  if (n !== null) logger.log(Number(n));
  response.end('paid');
});
server.listen(Number(port), '127.0.0.1');

process.once('SIGTERM', () => {
  server.close();
  void logger.close().then(() => process.exit(0));
});

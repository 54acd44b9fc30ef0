import { runProgram } from './program.ts';

const args = process.argv.slice(2);
// Whoever read the output may be gone (`tailrace query | head`). A question has then no one to answer; a server goes on.
const isServer = args[0] === 'server';
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', () => {
    if (!isServer) process.exit(0);
  });
}

process.exitCode = await runProgram(args, {
  write: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
});

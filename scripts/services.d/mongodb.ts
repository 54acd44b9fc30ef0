/**
 * A server that speaks MongoDB's protocol: SecantusDB, since no package manager has mongod itself. There are two of it.
 * The Python one is installed in seconds and is what `SERVICES_MONGODB` means by default; the Rust one
 * (`SERVICES_MONGODB=rust`, four minutes or more to build) follows MongoDB more closely: time-series collections, for
 * example. Both are betas: good enough to test against, no more. Each has data of its own.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { askBytes } from './asking.ts';
import type { Service } from './service.ts';
import { installDebianPackages, installSoftware, needProgram, run, softwareFolder } from './software.ts';

const RUST = 'secantusd-rs-0.5.3-beta.196';
const PYTHON = 'secantusd-py-0.7.0b3';

export const mongodb: Service = {
  name: 'mongodb',
  defaultPort: 17017,
  url: (port) => `mongodb://127.0.0.1:${port}/?directConnection=true`,
  isInstalled: () => existsSync(softwareFolder(isRust() ? RUST : PYTHON)),
  install: () => (isRust() ? installRust() : installPython()),
  prepare: ({ port, dataFolder }) => {
    // Without --sync-on-commit it acknowledges journaled writes that a crash then loses.
    const args = ['--host', '127.0.0.1', '--port', `${port}`, '--sync-on-commit', '--enable-test-commands'];
    args.push('--log-level', 'WARNING', '--storage-path');
    if (isRust())
      return {
        file: join(softwareFolder(RUST), 'bin/secantusd-rs'),
        args: [...args, join(dataFolder, 'rust'), '--cache-size', '256M', '--log-file-max', '16MB'],
      };
    return {
      file: needProgram('python3', 'Debian: python3'),
      args: [join(softwareFolder(PYTHON), 'bin/secantusd-py'), ...args, join(dataFolder, 'python')],
      env: { PYTHONPATH: softwareFolder(PYTHON) },
    };
  },
  isReady: async (port) => (await askBytes(port, HELLO)) !== undefined,
};

/** @throws Error when `SERVICES_MONGODB` names neither. */
function isRust(): boolean {
  const server = process.env.SERVICES_MONGODB || 'python';
  if (server !== 'python' && server !== 'rust')
    throw new Error(`SERVICES_MONGODB=${server} is neither python nor rust`);
  return server === 'rust';
}

function installRust(): Promise<void> {
  const crate = ['secantus-mdb', '--version', '0.5.3-beta.196', '--locked', '--ignore-rust-version'];
  return installSoftware(RUST, (folder) =>
    run(needProgram('cargo', 'https://rustup.rs'), ['install', '--quiet', ...crate, '--root', folder]),
  );
}

async function installPython(): Promise<void> {
  await installDebianPackages({ python3: 'python3', pip3: 'python3-pip' });
  // Into a folder of its own, so that neither a virtual environment nor the system's Python is touched.
  const options = ['--quiet', '--disable-pip-version-check', '--root-user-action=ignore'];
  await installSoftware(PYTHON, (folder) =>
    run(
      needProgram('python3', 'Debian: python3, python3-pip'),
      ['-m', 'pip', 'install', ...options].concat(['--target', folder, 'secantusdb==0.7.0b3']),
    ),
  );
}

/** OP_MSG with the document `{ hello: 1, $db: "admin" }`. */
const HELLO = (() => {
  const hello = Buffer.from('\x10hello\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0', 'latin1');
  const message = Buffer.alloc(16 + 4 + 1 + 4 + hello.length);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(1, 4);
  message.writeInt32LE(2013, 12);
  message.writeInt32LE(4 + hello.length, 21);
  hello.copy(message, 25);
  return message;
})();

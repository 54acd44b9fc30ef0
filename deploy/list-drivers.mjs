/** Prints the server's optional drivers with the versions of the lock file: `kafkajs@2.2.4 mongodb@…`. */
import { readFileSync } from 'node:fs';

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const { peerDependenciesMeta } = read('../packages/server/package.json');
const { packages } = read('../package-lock.json');
const versions = Object.keys(peerDependenciesMeta).map((name) => {
  const version = packages[`node_modules/${name}`]?.version;
  if (version === undefined) throw new Error(`the lock file has no ${name}`);
  return `${name}@${version}`;
});
console.log(versions.join(' '));

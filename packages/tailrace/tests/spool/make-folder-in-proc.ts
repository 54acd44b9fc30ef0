/** Tries to make a folder where none can be made, in both ways, and says what came of it. */
import { makeFolder, makeFolderSync } from '../../src/spool/make-folder.ts';

const path = process.argv[2] ?? '';
try {
  makeFolderSync(path);
} catch (error) {
  process.stdout.write(codeOf(error));
}
await makeFolder(path).catch((error: unknown) => process.stdout.write(` ${codeOf(error)}`));

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

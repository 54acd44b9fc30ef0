import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installDebianPackages, installSoftware, needProgram, run } from './software.ts';

/** A program of a Go module, by `go install`. */
export async function installGoProgram(software: string, program: string): Promise<void> {
  await installDebianPackages({ go: 'golang-go' });
  await installSoftware(software, (folder) =>
    run(goCommand(), ['install', '-buildvcs=false', program], {
      env: { ...process.env, GOBIN: folder, CGO_ENABLED: '0' },
    }),
  );
}

/** A program whose module has replace lines, which `go install` refuses: it is built from a module that repeats them. */
export async function buildGoProgram(software: string, goMod: string, program: string): Promise<void> {
  await installDebianPackages({ go: 'golang-go' });
  await installSoftware(software, async (folder) => {
    await writeFile(join(folder, 'go.mod'), goMod);
    const flags = ['-mod=mod', '-buildvcs=false', '-ldflags=-s -w', '-o', 'program'];
    await run(goCommand(), ['build', ...flags, program], { cwd: folder, env: { ...process.env, CGO_ENABLED: '0' } });
  });
}

function goCommand(): string {
  return needProgram('go', 'Debian: golang-go');
}

/** A server of `scripts/services` in a folder of its own, on free ports. It ends with the bench, however that ends. */
import { join } from 'node:path';
import { endInstance, type Instance, runningProcess, startInstance } from '../../scripts/services.d/instance.ts';
import type { Service } from '../../scripts/services.d/service.ts';
import { freePort } from '../../tests/processes.ts';

export interface StartedService {
  readonly url: string;
  readonly pid: number;
  readonly dataFolder: string;
  close(): Promise<void>;
}

export async function startFor(service: Service, folder: string): Promise<StartedService> {
  const innerPorts: number[] = [];
  for (let index = 0; index < (service.innerPorts ?? 0); index += 1) innerPorts.push(await freePort());
  const dataFolder = join(folder, 'data');
  const port = await freePort();
  const instance: Instance = { service, folder, dataFolder, port, innerPorts, endsWithParent: true };
  await startInstance(instance);
  const process = runningProcess(instance);
  if (process === undefined) throw new Error(`${service.name} has ended`);
  return {
    url: service.url(port),
    pid: process.pid,
    dataFolder,
    close: () => endInstance(instance, 'SIGKILL'),
  };
}

/** Why it can't be started here; `undefined` where it can. */
export function missingService({ name, isInstalled }: Service): string | undefined {
  if (process.platform !== 'linux') return `${name}: scripts/services needs Linux`;
  return isInstalled() ? undefined : `${name}: not installed (scripts/services install ${name})`;
}

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

/** True where the server answers that it is ready. */
export async function isServerReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** True where something listens. It sends no request: a request would be an event that no customer made. */
export function isConnectable(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const answer = (connected: boolean) => {
      socket.destroy();
      resolve(connected);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}

/** True where the agent of this process id has written its status: it does so once it reads. */
export function isAgentReading(agentDir: string, pid: number | undefined): boolean {
  try {
    const status: unknown = JSON.parse(readFileSync(join(agentDir, 'status.json'), 'utf8'));
    return typeof status === 'object' && status !== null && 'pid' in status && status.pid === pid;
  } catch {
    return false;
  }
}

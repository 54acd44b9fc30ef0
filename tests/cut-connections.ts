/** Connections that break under a program: those of this process to a port, cut at its own end. */
import { Socket } from 'node:net';

/** Cuts every connection of this process to a local port. @returns how many there were. */
export function cutConnections(port: number): number {
  const getHandles: unknown = Reflect.get(process, '_getActiveHandles');
  if (typeof getHandles !== 'function') throw new Error('this Node does not tell its open sockets');
  const handles: unknown = getHandles.call(process);
  const sockets = (Array.isArray(handles) ? handles : []).filter(
    (handle): handle is Socket => handle instanceof Socket && handle.remotePort === port,
  );
  for (const socket of sockets) socket.destroy(new Error('the connection was cut'));
  return sockets.length;
}

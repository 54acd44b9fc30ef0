/** Connections that break under a program: those of this process to a port, cut at its own end. */
import { Socket } from 'node:net';

/** Cuts every connection of this process to a local port. @returns how many there were. */
export function cutConnections(port: number): number {
  const sockets = socketsTo(port);
  for (const socket of sockets) socket.destroy(new Error('the connection was cut'));
  return sockets.length;
}

/**
 * Cuts every connection of this process to a local port within the next answer that comes: so many bytes of it are there.
 * It works below all listeners, where the system hands over what it has read.
 */
export function cutWithinAnswers(port: number, bytes: number): void {
  for (const socket of socketsTo(port)) {
    const push = socket.push.bind(socket);
    socket.push = (piece: unknown): boolean => {
      if (!Buffer.isBuffer(piece)) return push(piece);
      const isFlowing = push(piece.subarray(0, bytes));
      socket.destroy(new Error('the connection was cut within an answer'));
      return isFlowing;
    };
  }
}

function socketsTo(port: number): Socket[] {
  const getHandles: unknown = Reflect.get(process, '_getActiveHandles');
  if (typeof getHandles !== 'function') throw new Error('this Node does not tell its open sockets');
  const handles: unknown = getHandles.call(process);
  return (Array.isArray(handles) ? handles : []).filter(
    (handle): handle is Socket => handle instanceof Socket && handle.remotePort === port,
  );
}

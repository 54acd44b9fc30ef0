/** The port, or an error that says what to do. */
import type { FastifyInstance } from 'fastify';

export async function listen(
  app: FastifyInstance,
  { port, host }: { readonly port: number; readonly host: string },
): Promise<string> {
  try {
    return await app.listen({ port, host });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') {
      throw new Error(`port ${port} on ${host} is taken by another program: stop it, or set TAILRACE_PORT`);
    }
    if (code === 'EACCES')
      throw new Error(`port ${port} on ${host} is not for this user: set TAILRACE_PORT above 1023`);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new Error(`${host} is no address of this machine: set TAILRACE_HOST`);
    }
    throw error;
  }
}

/** What an administrator can do to a server that runs. */
import type { FastifyInstance } from 'fastify';
import { isLoopback } from '../access/hosts.ts';
import { ConfigError } from '../config-fault.ts';
import type { LiveConfig, Reload } from '../live-config.ts';
import { HttpError } from './http-error.ts';

export function adminRoutes(app: FastifyInstance, config: LiveConfig, reload: () => Reload): void {
  app.post('/v1/admin/reload', { config: { access: 'admin' } }, async () => {
    if (config.adminKey === undefined && !isLoopback(config.host)) {
      throw new HttpError(404, 'ADMIN_OFF', 'this route is off: set TAILRACE_ADMIN_KEY to have it beyond loopback');
    }
    try {
      return reload();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new HttpError(400, error.code, 'the configuration has faults; the old one stays in force', {
        details: { faults: error.faults },
      });
    }
  });
}

/** The webhook under whatever address is in force: a reload may change it, or take it away. */
import { AlertWebhook } from 'tailrace/delivery';

export interface LiveWebhook {
  post(text: string): void;
  close(): Promise<void>;
}

export function liveWebhook(
  url: () => string | undefined,
  log: (level: 'info' | 'warn' | 'error', message: string) => void,
): LiveWebhook {
  let webhook: AlertWebhook | undefined;
  let at: string | undefined;
  return {
    post(text) {
      const now = url();
      if (now !== at) {
        void webhook?.close();
        webhook =
          now === undefined ? undefined : new AlertWebhook(now, { notice: (_, message) => log('warn', message) });
        at = now;
      }
      webhook?.send(text);
    },
    close: async () => webhook?.close(),
  };
}
